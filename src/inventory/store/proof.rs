//! What proofs read: the whole ledger and what stands beside it, one stream each, and one area's flows and custody. Papers are
//! read in `papers`.
//!
//! What is easily got wrong: several statements make one picture only inside one snapshot. Whoever calls these has begun a
//! transaction of repeatable reads.

use futures::{Stream, StreamExt as _};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::{Error, Result},
    inventory::{
        Account, CustodyState, Location, MovementKind, MovementName,
        proof::{Entry, Run, Written},
        store::location,
    },
};

/// A row of custody.
pub struct Row {
    /// The serials.
    pub run: Run,
    /// Where and as what.
    pub account: Account,
}

/// A card, as much as its blank must agree with.
pub struct Card {
    /// The blank.
    pub serial: i64,
    /// What it repeats of custody, or what became of it.
    pub state: String,
}

/// A delivery.
pub struct Delivered {
    /// Where.
    pub location: Location,
    /// Its first movement there.
    pub movement: i64,
    /// How many.
    pub quantity: i64,
}

/// What moved between the accounts of a location of an area and those of others; or only the number of one elsewhere.
pub struct Flow {
    /// The location.
    pub location: Location,
    /// Its last movement.
    pub movements: i64,
    /// Whether it is in the area.
    pub is_inside: bool,
    /// Into its own accounts.
    pub received: i64,
    /// Out of them.
    pub sent_on: i64,
    /// On its way there.
    pub due: i64,
    /// From the maker.
    pub registered: i64,
    /// The time of the statement.
    pub as_of: OffsetDateTime,
}

fn account(table: &'static str, number: i32, state: CustodyState) -> Result<Account> {
    Ok(Account {
        location: location(table, number)?,
        state,
    })
}

/// How far each location's movements are numbered.
#[tracing::instrument(name = "sql.proof_numbers", skip_all)]
pub async fn numbers(db: &mut PgConnection) -> Result<Vec<(Location, i64)>> {
    let rows = sqlx::query!("select location, movements from location where movements <> 0")
        .fetch_all(db)
        .await?;
    let rows = rows.into_iter();
    rows.map(|row| Ok((location("location", row.location)?, row.movements)))
        .collect()
}

/// All movements, roughly in the order in which they were written.
pub fn ledger(db: &mut PgConnection) -> impl Stream<Item = Result<Written>> + Send + '_ {
    let rows = sqlx::query!(
        r#"
        select location, number, kind as "kind: MovementKind", lower(serials) as "first!", upper(serials) - 1 as "last!",
            from_location, from_state as "from_state: CustodyState", to_location, to_state as "to_state: CustodyState",
            reverses_location, reverses_number
        from movement
        order by recorded_at, location, number
        "#
    )
    .fetch(db);
    rows.map(|row| {
        let row = row?;
        let from = match (row.from_location, row.from_state) {
            (None, None) => None,
            (Some(at), Some(state)) => Some(account("movement", at, state)?),
            (None, Some(_)) | (Some(_), None) => {
                return Err(Error::corrupt("movement", "half an account"));
            }
        };
        let entry = Entry {
            location: location("movement", row.location)?,
            number: row.number,
            run: Run {
                first: row.first,
                last: row.last,
            },
            from,
            to: account("movement", row.to_location, row.to_state)?,
        };
        let named = row.reverses_location.zip(row.reverses_number);
        let named = named.map(|(at, number)| {
            let location = location("movement", at)?;
            Ok::<_, Error>(MovementName { location, number })
        });
        Ok(Written {
            entry,
            kind: row.kind,
            reverses: named.transpose()?,
        })
    })
}

/// All custody in the order of the serials.
pub fn custody(db: &mut PgConnection) -> impl Stream<Item = Result<Row>> + Send + '_ {
    let rows = sqlx::query!(
        r#"
        select location, state as "state: CustodyState", lower(serials) as "first!", upper(serials) - 1 as "last!"
        from custody
        order by lower(serials)
        "#
    )
    .fetch(db);
    rows.map(|row| {
        let row = row?;
        Ok(Row {
            run: Run {
                first: row.first,
                last: row.last,
            },
            account: account("custody", row.location, row.state)?,
        })
    })
}

/// The custody of some locations, or of all: location after location, each in the order of its serials.
pub fn custody_of(
    db: &mut PgConnection,
    locations: Option<Vec<i32>>,
) -> impl Stream<Item = Result<Row>> + Send + '_ {
    let rows = sqlx::query!(
        r#"
        select location, state as "state: CustodyState", lower(serials) as "first!", upper(serials) - 1 as "last!"
        from custody
        where $1::integer[] is null or location = any($1)
        order by location, lower(serials)
        "#,
        locations as Option<Vec<i32>>,
    )
    .fetch(db);
    rows.map(|row| {
        let row = row?;
        Ok(Row {
            run: Run {
                first: row.first,
                last: row.last,
            },
            account: account("custody", row.location, row.state)?,
        })
    })
}

/// All cards in the order of their serials.
pub fn cards(db: &mut PgConnection) -> impl Stream<Item = Result<Card>> + Send + '_ {
    let rows = sqlx::query_as!(Card, "select serial, state from card order by serial").fetch(db);
    rows.map(|row| Ok(row?))
}

/// All deliveries, those of one location in the order of its numbers.
#[tracing::instrument(name = "sql.proof_deliveries", skip_all)]
pub async fn deliveries(db: &mut PgConnection) -> Result<Vec<Delivered>> {
    let rows = sqlx::query!(
        "select location, movement, quantity from delivery order by location, movement"
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Delivered {
            location: location("delivery", row.location)?,
            movement: row.movement,
            quantity: row.quantity,
        })
    });
    rows.collect()
}

/// The flows of an area's locations, and the numbers of those elsewhere that ever gave into it.
#[tracing::instrument(name = "sql.proof_flows", skip_all)]
pub async fn flows(db: &mut PgConnection, area: Option<i32>) -> Result<Vec<Flow>> {
    // No column of the function is ever null.
    let rows = sqlx::query!(
        r#"
        select location as "location!", movements as "movements!", is_inside as "is_inside!",
            received as "received!", sent_on as "sent_on!", due as "due!", registered as "registered!",
            statement_timestamp() as "as_of!"
        from flows_of_area($1)
        "#,
        area,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Flow {
            location: location("movement", row.location)?,
            movements: row.movements,
            is_inside: row.is_inside,
            received: row.received,
            sent_on: row.sent_on,
            due: row.due,
            registered: row.registered,
            as_of: row.as_of,
        })
    });
    rows.collect()
}

/// What a district had at a moment, by its movements, and what was printed in the time before.
pub struct Had {
    /// Blanks in its stores.
    pub on_hand: i64,
    /// Blanks on their way there.
    pub due_in: i64,
    /// Blanks bound to persons.
    pub bound: i64,
    /// Cards at its sites.
    pub awaiting_collection: i64,
    /// Cards printed.
    pub printed: i64,
}

/// Sums the movements of a district up to a moment; what was printed from another moment on.
#[tracing::instrument(name = "sql.proof_had", skip_all)]
pub async fn had(
    db: &mut PgConnection,
    district: i32,
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Had> {
    // A sum over no rows is null, hence the nought.
    let had = sqlx::query_as!(
        Had,
        r#"
        select coalesce(sum(s.delta) filter (where s.state = 'IN_STOCK'), 0)::bigint as "on_hand!",
            coalesce(sum(s.delta) filter (where s.state = 'IN_TRANSIT'), 0)::bigint as "due_in!",
            coalesce(sum(s.delta) filter (where s.state = 'BOUND'), 0)::bigint as "bound!",
            coalesce(sum(s.delta) filter (where s.state = 'AT_SITE'), 0)::bigint as "awaiting_collection!",
            coalesce(sum(s.delta) filter (where m.kind = 'PRINTED' and s.delta > 0 and m.moved_at >= $2), 0)::bigint
                as "printed!"
        from movement as m
        cross join lateral (
            values (m.to_location, m.to_state, upper(m.serials) - lower(m.serials)),
                (m.from_location, m.from_state, lower(m.serials) - upper(m.serials))
        ) as s (location, state, delta)
        where m.moved_at < $3 and district_of_location(s.location) = $1
        "#,
        district,
        since,
        until,
    )
    .fetch_one(db)
    .await?;
    Ok(had)
}

/// How many print requests of a district stood in each state at a moment. They are print_queue's, further up; here they
/// are only counted, for a statement that holds the queue against the stock.
#[tracing::instrument(name = "sql.proof_waiting", skip_all)]
pub async fn waiting(
    db: &mut PgConnection,
    district: i32,
    until: OffsetDateTime,
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"
        select l.state, count(*) as "count!"
        from (
            select distinct on (print_request_id) state
            from request_stage
            where district = $1 and began_at < $2
            order by print_request_id, stage desc
        ) as l
        group by l.state
        "#,
        district,
        until,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.state, row.count)).collect())
}
