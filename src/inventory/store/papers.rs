//! The papers that account for serials, for an audit to hold against the movements: one stream of each kind.
//!
//! What is easily got wrong: an audit may not trust what a paper says of itself. Quantities are summed here once more.

use futures::{Stream, StreamExt as _};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    inventory::{Location, proof::Run, store::location},
};

/// A paper as its table has it.
struct Row {
    id: Uuid,
    location: i32,
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    says: i64,
    lists: i64,
}

/// A paper and the serials that it accounts for at this moment.
pub struct Paper {
    /// Its id.
    pub id: Uuid,
    /// Where its serials are.
    pub location: Location,
    /// The serials; none if it accounts for none any more.
    pub runs: Vec<Run>,
    /// How many it says it is about.
    pub says: i64,
    /// How many that is.
    pub lists: i64,
}

/// Reads a row of this table.
fn paper(table: &'static str) -> impl Fn(sqlx::Result<Row>) -> Result<Paper> {
    move |row| {
        let row = row?;
        let ends = row.firsts.into_iter().zip(row.lasts);
        Ok(Paper {
            id: row.id,
            location: location(table, row.location)?,
            runs: ends.map(|(first, last)| Run { first, last }).collect(),
            says: row.says,
            lists: row.lists,
        })
    }
}

/// All shipments, with the serials of those under way.
pub fn shipments(db: &mut PgConnection) -> impl Stream<Item = Result<Paper>> + Send + '_ {
    // A sum over no runs is null; arrays are not.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select s.shipment_id as id, s.destination as location, s.dispatched_quantity as says,
            coalesce((select sum(upper(r) - lower(r)) from unnest(s.serials) as r), 0)::bigint as "lists!",
            case when s.state = 'DISPATCHED'
                then array(select lower(r) from unnest(s.serials) as r order by r) else '{}' end as "firsts!",
            case when s.state = 'DISPATCHED'
                then array(select upper(r) - 1 from unnest(s.serials) as r order by r) else '{}' end as "lasts!"
        from shipment as s
        order by s.dispatched_at, s.shipment_id
        "#
    )
    .fetch(db);
    rows.map(paper("shipment"))
}

/// All cases, with the serials that are in dispute because of them. What a case lists is what is open and what was settled,
/// counted as often as it was; where a serial is neither, or not the case's, it lists nothing.
pub fn cases(db: &mut PgConnection) -> impl Stream<Item = Result<Paper>> + Send + '_ {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select c.case_id as id, c.location,
            (select sum(upper(r) - lower(r)) from unnest(c.serials) as r)::bigint as "says!",
            case when c.open_serials + s.serials = c.serials
                then s.quantity + coalesce((select sum(upper(r) - lower(r)) from unnest(c.open_serials) as r), 0)
                else 0 end::bigint as "lists!",
            case when c.in_dispute
                then array(select lower(r) from unnest(c.open_serials) as r order by r) else '{}' end as "firsts!",
            case when c.in_dispute
                then array(select upper(r) - 1 from unnest(c.open_serials) as r order by r) else '{}' end as "lasts!"
        from stock_case as c
        cross join lateral (
            select coalesce(range_agg(r), '{}') as serials, coalesce(sum(upper(r) - lower(r)), 0) as quantity
            from stock_case_settlement as e cross join unnest(e.serials) as r
            where e.case_id = c.case_id
        ) as s
        order by c.opened_at, c.case_id
        "#
    )
    .fetch(db);
    rows.map(paper("stock_case"))
}

/// All records of destruction.
pub fn destructions(db: &mut PgConnection) -> impl Stream<Item = Result<Paper>> + Send + '_ {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select d.destruction_id as id, d.location, d.quantity as says,
            (select sum(upper(r) - lower(r)) from unnest(d.serials) as r)::bigint as "lists!",
            array(select lower(r) from unnest(d.serials) as r order by r) as "firsts!",
            array(select upper(r) - 1 from unnest(d.serials) as r order by r) as "lasts!"
        from destruction as d
        order by d.destroyed_at, d.destruction_id
        "#
    )
    .fetch(db);
    rows.map(paper("destruction"))
}
