-- The ledger as it is.

drop function ledger_append(
    integer, smallint[], bytea[], text, text, uuid, uuid, text, text, uuid[], integer[], text[], text[]
);
alter function ledger_append_whole(
    integer, smallint[], bytea[], text, text, uuid, uuid, text, text, uuid[], integer[], text[], text[]
) rename to ledger_append;
