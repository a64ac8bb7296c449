//! Stores and their units: what an office has, and what lies in each.

use sqlx::PgConnection;

use crate::{
    error::Result,
    ids::District,
    inventory::{Counting, Location, LocationStock, UnitKind, store::location},
};

/// The highest unit of a kind that a store has.
#[tracing::instrument(name = "sql.highest_unit", skip_all)]
pub async fn highest_unit(
    db: &mut PgConnection,
    of: Location,
    kind: UnitKind,
) -> Result<Option<Location>> {
    let (first, last) = of.units(kind);
    let highest = sqlx::query_scalar!(
        "select max(location) from location where location between $1 and $2",
        first,
        last,
    )
    .fetch_one(db)
    .await?;
    highest
        .map(|number| location("location", number))
        .transpose()
}

/// Notes a unit that a store has from now on.
#[tracing::instrument(name = "sql.insert_unit", skip_all)]
pub async fn insert_unit(db: &mut PgConnection, unit: Location) -> Result<()> {
    sqlx::query!(
        "insert into location (location, district) values ($1, $2)",
        unit.number(),
        unit.district().number(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An office's stores and units by their numbers, those above `after`, with what lies in each.
#[tracing::instrument(name = "sql.list_locations", skip_all)]
pub async fn list_locations(
    db: &mut PgConnection,
    office: District,
    after: Option<i32>,
    limit: i64,
) -> Result<Vec<LocationStock>> {
    // `coalesce` leaves no null.
    let rows = sqlx::query!(
        r#"
        select l.location,
            coalesce(sum(s.quantity) filter (where s.state = 'IN_STOCK'), 0)::bigint as "in_stock!",
            coalesce(sum(s.quantity) filter (where s.state = 'IN_TRANSIT'), 0)::bigint as "in_transit!",
            coalesce(sum(s.quantity) filter (where s.state = 'BOUND'), 0)::bigint as "bound!",
            coalesce(sum(s.quantity) filter (where s.state = 'AT_SITE'), 0)::bigint as "at_site!",
            coalesce(sum(s.quantity) filter (where s.state = 'SPOILED'), 0)::bigint as "spoiled!",
            coalesce(sum(s.quantity) filter (where s.state = 'DISPUTED'), 0)::bigint as "disputed!",
            coalesce(sum(s.quantity) filter (where s.state = 'RETURNED'), 0)::bigint as "returned!",
            k.count_id as "count_id?", k.starter_person as "starter_person?"
        from (
            select location from location
            where district = $1 and ($2::integer is null or location > $2)
            order by location
            limit $3
        ) as l
        left join lateral (
            select c.state, sum(upper(c.serials) - lower(c.serials)) as quantity
            from custody as c
            where c.location = l.location
                and c.state in ('IN_STOCK', 'IN_TRANSIT', 'BOUND', 'AT_SITE', 'SPOILED', 'DISPUTED', 'RETURNED')
            group by c.state
        ) as s on true
        left join stock_count as k on k.location = l.location and k.state = 'OPEN'
        group by l.location, k.count_id, k.starter_person
        order by l.location
        "#,
        office.number(),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let at = location("location", row.location)?;
            let counting = row.count_id.zip(row.starter_person);
            Ok(LocationStock {
                location: at,
                in_stock: row.in_stock,
                in_transit: row.in_transit,
                bound: row.bound,
                at_site: row.at_site,
                spoiled: row.spoiled,
                disputed: row.disputed,
                returned: row.returned,
                counting: counting.map(|(count_id, person)| Counting {
                    count_id: count_id.into(),
                    location: at,
                    person: person.into(),
                }),
            })
        })
        .collect()
}
