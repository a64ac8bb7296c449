create table area (
    code bigint primary key,
    name text not null,
    constraint area_code_is_of_a_known_length check (
        code between 11 and 99
        or code between 1101 and 9999
        or code between 110101 and 999999
        or code between 1101011001 and 9999999999
    ),
    constraint area_name_is_not_empty check (name <> '')
);

comment on table area is
    'The ministry''s codes of provinces, districts, subdistricts and villages, loaded from migrations/data/areas.tsv.gz. '
    'No other table references it: a decree may withdraw a code, and the rows written under the old code keep it.';
