//! What a distribution is made of: the lowest serials of a store, and what each subdistrict lacks.

use sqlx::PgConnection;

use crate::{
    error::Result,
    ids::{District, SerialRange},
    inventory::{
        Lack, Location,
        store::{location, runs},
    },
};

/// The lowest runs of a store's blanks until they hold so many, in rising order; all of them where they hold fewer. No more
/// than so many runs.
#[tracing::instrument(name = "sql.lowest_in_stock", skip_all)]
pub async fn lowest_in_stock(
    db: &mut PgConnection,
    at: Location,
    quantity: i64,
    runs_max: usize,
) -> Result<Vec<SerialRange>> {
    // The bounds of a range of the table are never null.
    let rows = sqlx::query!(
        r#"
        select r.first as "first!", r.last as "last!"
        from (
            select lower(serials) as first, upper(serials) - 1 as last,
                sum(upper(serials) - lower(serials)) over (order by lower(serials)) as upto
            from custody
            where location = $1 and state = 'IN_STOCK'
        ) as r
        where r.upto - (r.last - r.first + 1) < $2::bigint
        order by r.first
        limit $3
        "#,
        at.number(),
        quantity,
        i64::try_from(runs_max).unwrap_or(i64::MAX),
    )
    .fetch_all(db)
    .await?;
    let (firsts, lasts): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (row.first, row.last)).unzip();
    runs("custody", &firsts, &lasts)
}

/// How many blanks a store has.
#[tracing::instrument(name = "sql.count_in_stock", skip_all)]
pub async fn count_in_stock(db: &mut PgConnection, at: Location) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"
        select coalesce(sum(upper(serials) - lower(serials)), 0)::bigint as "count!"
        from custody
        where location = $1 and state = 'IN_STOCK'
        "#,
        at.number(),
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// What these stores of a district lack, by code; those of them that are there.
#[tracing::instrument(name = "sql.list_lacks", skip_all)]
pub async fn list_lacks(
    db: &mut PgConnection,
    district: District,
    stores: &[Location],
) -> Result<Vec<Lack>> {
    let stores: Vec<i32> = stores.iter().map(|store| store.number()).collect();
    // Across: who waits is the print queue's. A store's number is its subdistrict's; a unit's has three digits more.
    let rows = sqlx::query!(
        r#"
        with waiting as (
            select p.subdistrict, count(*) as people
            from print_request as p
            where p.district = $1 and p.state = 'QUEUED'
            group by p.subdistrict
        ), held as (
            select case when u.location > 999999 then u.location / 1000 else u.location end as store,
                sum(upper(c.serials) - lower(c.serials)) filter (where c.state = 'IN_STOCK') as in_stock,
                sum(upper(c.serials) - lower(c.serials)) filter (where c.state = 'IN_TRANSIT') as in_transit
            from location as u
            join custody as c on c.location = u.location and c.state in ('IN_STOCK', 'IN_TRANSIT')
            where u.district = $1
            group by 1
        )
        select l.location, coalesce(w.people, 0) as "waiting!", coalesce(h.in_stock, 0)::bigint as "in_stock!",
            coalesce(h.in_transit, 0)::bigint as "in_transit!"
        from location as l
        left join waiting as w on w.subdistrict = l.location
        left join held as h on h.store = l.location
        where l.district = $1 and l.location = any($2)
        order by l.location
        "#,
        district.number(),
        &stores,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Lack {
                destination: location("location", row.location)?,
                waiting: row.waiting,
                in_stock: row.in_stock,
                in_transit: row.in_transit,
            })
        })
        .collect()
}
