-- The ledger without its audit rows, for as long as one variant is measured.

alter function ledger_append(
    integer, smallint[], bytea[], text, text, uuid, uuid, text, text, uuid[], integer[], text[], text[]
) rename to ledger_append_whole;

create function ledger_append(
    of_district integer, topics smallint[], bodies bytea[],
    of_kind text, of_terminal text, of_officer uuid, of_shift uuid, of_method text, of_trace text,
    requests uuid[], codes integer[], reasons text[], about text[]
) returns bigint
language plpgsql as $$
begin
    return ledger_append_whole(
        of_district, topics, bodies, null, null, null, null, null, null, null, null, null, null
    );
end $$;
