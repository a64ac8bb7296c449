//! What is counted of a district's blanks and people: the use of two weeks, the backlog, and where the rule must look.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::{Error, Result},
    ids::District,
    inventory::{Backlog, Location, Use, request::DAYS_COUNTED},
};

/// The stock and the use of a place: of an office's own store all its places together, of another store it and its units.
#[tracing::instrument(name = "sql.find_use", skip_all)]
pub async fn find_use(db: &mut PgConnection, of: Location, now: OffsetDateTime) -> Result<Use> {
    // The units of a store are numbered from its number with three digits more. Coalesced sums and arrays are never null.
    let row = sqlx::query!(
        r#"
        with place as (
            select array(
                select l.location from location as l
                where l.district = $2
                    and ($3 or l.location = $1 or l.location between $1::bigint * 1000 and $1::bigint * 1000 + 999)
            ) as places
        )
        select
            (
                select coalesce(sum(upper(c.serials) - lower(c.serials)), 0)
                from custody as c
                where c.location = any(p.places) and c.state = 'IN_STOCK'
            )::bigint as "in_stock!",
            array(
                select coalesce(u.used, 0)
                from generate_series(0, $5::integer - 1) as d (day)
                left join daily_use(p.places, $4, $5) as u on u.days_ago = d.day
                order by d.day
            ) as "used!"
        from place as p
        "#,
        of.number(),
        of.district().number(),
        of.is_of_office(),
        now,
        DAYS_COUNTED,
    )
    .fetch_one(db)
    .await?;
    Ok(Use {
        in_stock: row.in_stock,
        used: row.used,
    })
}

/// What a district would justify a request with now.
#[tracing::instrument(name = "sql.find_backlog", skip_all)]
pub async fn find_backlog(
    db: &mut PgConnection,
    district: District,
    now: OffsetDateTime,
) -> Result<Backlog> {
    // Across: who waits is the print queue's, who could ask is the registration's. Counts are never null.
    let row = sqlx::query!(
        r#"
        select
            (select count(*) from print_request where district = $1 and state = 'QUEUED') as "queued!",
            (select count(*) from print_request where district = $1 and state = 'HELD') as "held!",
            (
                select count(*)
                from enrolment as e
                where e.district = $1 and e.state = 'PRINT_READY' and not exists (
                    select from print_request as p where p.resident_id = e.resident_id and p.state <> 'CANCELLED'
                )
            ) as "print_ready!",
            (
                select coalesce(sum(upper(c.serials) - lower(c.serials)), 0)
                from location as l
                join custody as c on c.location = l.location and c.state = 'IN_TRANSIT'
                where l.district = $1
            )::bigint as "in_transit!"
        "#,
        district.number(),
    )
    .fetch_one(&mut *db)
    .await?;
    Ok(Backlog {
        queued: row.queued,
        held: row.held,
        print_ready: row.print_ready,
        in_transit: row.in_transit,
        blanks: find_use(db, Location::of_district(district), now).await?,
    })
}

/// Districts behind `after` to whose store nothing is on its way and that have no open request, by code.
#[tracing::instrument(name = "sql.list_unsupplied", skip_all)]
pub async fn list_unsupplied(
    db: &mut PgConnection,
    after: i32,
    limit: i64,
) -> Result<Vec<District>> {
    // A district's store has the district's number, of four digits; a province's has two.
    let numbers = sqlx::query_scalar!(
        r#"
        select l.location
        from location as l
        where l.location > greatest($1, 999) and l.location <= 9999
            and not exists (
                select from blank_request as r where r.district = l.district and r.state in ('REQUESTED', 'GRANTED')
            )
            and not exists (select from custody as c where c.location = l.location and c.state = 'IN_TRANSIT')
        order by l.location
        limit $2
        "#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    numbers
        .into_iter()
        .map(|number| {
            District::from_number(number).map_err(|error| Error::corrupt("location", error))
        })
        .collect()
}
