//! What is read of the custody: a location's account, one serial, and where all of a district's serials are.

use sqlx::PgConnection;

use crate::{
    error::{Error, Result},
    ids::{District, Serial, ShipmentId},
    inventory::{
        Account, CustodyState, Holding, Location, Obstacle, Stock, pieces, store::location,
    },
};

/// A location's account, all of it from one snapshot; nothing if there is no such location in the scope.
#[tracing::instrument(name = "sql.find_stock", skip_all)]
pub async fn find_stock(
    db: &mut PgConnection,
    at: Location,
    scope: Option<District>,
) -> Result<Option<Stock>> {
    // What came in and what went on is summed over the documents, what is here over the custody: the two sides of the
    // account come from different tables and can be held against each other. `coalesce` leaves no null.
    let row = sqlx::query!(
        r#"
        select
            (select coalesce(sum(quantity), 0)::bigint from delivery where location = l.location) as "delivered!",
            (
                select coalesce(sum(s.dispatched_quantity), 0)::bigint
                from shipment s
                where s.destination = l.location and s.state in ('RECEIVED', 'RECEIVED_WITH_DIFFERENCES')
            ) + c.found + t.returned_here as "received!",
            (
                select coalesce(sum(s.dispatched_quantity), 0)::bigint
                from shipment s
                where s.origin = l.location and s.state <> 'CANCELLED'
            ) + c.found_elsewhere + t.returned_there as "sent_on!",
            h.in_stock as "in_stock!", h.bound as "bound!", h.at_site as "at_site!", h.handed_over as "handed_over!",
            h.spoiled as "spoiled!", h.in_transit as "in_transit!", h.disputed as "disputed!", h.returned as "returned!",
            h.lost as "lost!", h.destroyed as "destroyed!"
        from location as l
        cross join lateral (
            select
                coalesce(sum(s.surplus_quantity) filter (where s.destination = l.location), 0)::bigint as found,
                coalesce(sum(s.surplus_quantity) filter (where s.origin = l.location), 0)::bigint as found_elsewhere
            from shipment s
            where s.surplus_quantity > 0 and l.location in (s.destination, s.origin)
        ) as c
        cross join lateral (
            select
                (
                    select coalesce(sum(t.quantity), 0)::bigint from stock_case_settlement as t where t.returned_to = l.location
                ) as returned_here,
                (
                    select coalesce(sum(t.quantity), 0)::bigint from stock_case_settlement as t
                    where t.location = l.location and t.returned_to is not null
                ) as returned_there
        ) as t
        cross join lateral (
            select
                coalesce(sum(s.quantity) filter (where s.state = 'IN_STOCK'), 0)::bigint as in_stock,
                coalesce(sum(s.quantity) filter (where s.state = 'BOUND'), 0)::bigint as bound,
                coalesce(sum(s.quantity) filter (where s.state = 'AT_SITE'), 0)::bigint as at_site,
                coalesce(sum(s.quantity) filter (where s.state = 'HANDED_OVER'), 0)::bigint as handed_over,
                coalesce(sum(s.quantity) filter (where s.state = 'SPOILED'), 0)::bigint as spoiled,
                coalesce(sum(s.quantity) filter (where s.state = 'IN_TRANSIT'), 0)::bigint as in_transit,
                coalesce(sum(s.quantity) filter (where s.state = 'DISPUTED'), 0)::bigint as disputed,
                coalesce(sum(s.quantity) filter (where s.state = 'RETURNED'), 0)::bigint as returned,
                coalesce(sum(s.quantity) filter (where s.state = 'LOST'), 0)::bigint as lost,
                coalesce(sum(s.quantity) filter (where s.state = 'DESTROYED'), 0)::bigint as destroyed
            from (
                select state, sum(upper(serials) - lower(serials)) as quantity
                from custody
                where location = l.location
                group by state
            ) as s
        ) as h
        where l.location = $1 and ($2::integer is null or l.district = $2)
        "#,
        at.number(),
        scope.map(District::number),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Stock {
        location: at,
        received: row.delivered + row.received,
        sent_on: row.sent_on,
        in_stock: row.in_stock,
        bound: row.bound,
        at_site: row.at_site,
        handed_over: row.handed_over,
        spoiled: row.spoiled,
        in_transit: row.in_transit,
        disputed: row.disputed,
        returned: row.returned,
        lost: row.lost,
        destroyed: row.destroyed,
    }))
}

/// What has a serial that a shipment, or another act, wants from a store of the caller's.
#[tracing::instrument(name = "sql.find_obstacle", skip_all)]
pub async fn find_obstacle(
    db: &mut PgConnection,
    wanted_by: Option<ShipmentId>,
    serial: Serial,
) -> Result<Obstacle> {
    // What is on its way is the receiver's already, but its sender sees the shipment. What else is out of scope is not here.
    let row = sqlx::query!(
        r#"
        select
            (
                select s.shipment_id from shipment as s
                where s.state = 'DISPATCHED' and s.serials @> $1::bigint and s.shipment_id is distinct from $2
                limit 1
            ) as shipment_id,
            (
                select d.case_id from stock_case as d
                where d.open_serials <> '{}' and d.in_dispute and d.open_serials @> $1::bigint
                limit 1
            ) as case_id,
            (
                select k.print_request_id from card as k
                where k.serial = $1 and k.state in ('BOUND', 'AT_SITE', 'HANDED_OVER', 'ENDED')
            ) as print_request_id
        "#,
        serial.number(),
        wanted_by.map(|id| id.uuid()),
    )
    .fetch_one(db)
    .await?;
    let in_transit = row.shipment_id.map(|id| Obstacle::InTransit(id.into()));
    let in_dispute = row.case_id.map(|id| Obstacle::InDispute(id.into()));
    let reserved = row
        .print_request_id
        .map(|id| Obstacle::ReservedBy(id.into()));
    Ok(in_transit
        .or(in_dispute)
        .or(reserved)
        .unwrap_or(Obstacle::NotHere))
}

/// A page of where a district's serials are.
pub struct Page {
    /// What stands on it.
    pub holdings: Vec<Holding>,
    /// The last serial that it has looked at; absent on the last page.
    pub next: Option<i64>,
}

/// Where the serials above `after` are, those of a district that are not with their holders or destroyed; at most `size`
/// rows.
#[tracing::instrument(name = "sql.page_of_stock", skip_all)]
pub async fn page_of_district(
    db: &mut PgConnection,
    district: District,
    after: i64,
    size: i64,
) -> Result<Page> {
    // Some dozen stretches of the index, one for each store and unit.
    let rows = sqlx::query!(
        r#"
        select lower(serials) as "first!", upper(serials) - 1 as "last!", location, state as "state: CustodyState"
        from custody
        where location = any (array (select l.location from location as l where l.district = $1))
            and state not in ('HANDED_OVER', 'DESTROYED') and lower(serials) > $2
        order by lower(serials)
        limit $3
        "#,
        district.number(),
        after,
        size,
    )
    .fetch_all(db)
    .await?;
    let next = rows.last().filter(|_| rows.len() as i64 >= size);
    let next = next.map(|row| row.last);
    let mut holdings = Vec::with_capacity(rows.len());
    for row in rows {
        let account = Account {
            location: location("custody", row.location)?,
            state: row.state,
        };
        let runs = pieces(row.first, row.last).map_err(|error| Error::corrupt("custody", error))?;
        holdings.extend(runs.into_iter().map(|serials| Holding { serials, account }));
    }
    Ok(Page { holdings, next })
}
