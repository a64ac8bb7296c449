//! The one way in which serials move, and the locks beside it.
//!
//! The move is a function of the database because it must read the custody after the locations' locks were waited for:
//! a single statement would go on with the picture from before the wait.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::SerialRange,
    inventory::{
        CustodyState, Leg, Location, Movement, MovementKind, Papers,
        store::{ends, range},
    },
};

/// What became of a move.
#[derive(Debug)]
pub enum Moved {
    /// All of it moved; one movement for each leg, in their order.
    Done(Vec<Movement>),
    /// Nothing moved. The first run in the way: not wholly in its account, or for a delivery in custody already.
    Obstructed(SerialRange),
}

/// Moves all legs or none: locks the locations, numbers the movements, keeps rows maximal runs of one account, and lets
/// the cards' states follow.
#[tracing::instrument(name = "sql.move_custody", skip_all, fields(legs = legs.len()))]
pub async fn move_custody(
    db: &mut PgConnection,
    legs: &[Leg],
    papers: Papers<'_>,
    at: OffsetDateTime,
) -> Result<Moved> {
    let kinds: Vec<MovementKind> = legs.iter().map(|leg| leg.kind).collect();
    let (firsts, lasts) = ends(&legs.iter().map(|leg| leg.serials).collect::<Vec<_>>());
    let from = |leg: &Leg| leg.from.map(|account| account.location.number());
    let from_locations: Vec<Option<i32>> = legs.iter().map(from).collect();
    let from_states: Vec<Option<CustodyState>> =
        legs.iter().map(|leg| leg.from.map(|a| a.state)).collect();
    let to_locations: Vec<i32> = legs.iter().map(|leg| leg.to.location.number()).collect();
    let to_states: Vec<CustodyState> = legs.iter().map(|leg| leg.to.state).collect();
    let print_requests: Vec<Option<Uuid>> = legs
        .iter()
        .map(|leg| leg.print_request_id.map(|id| id.uuid()))
        .collect();
    // Nothing is known of a function's columns: `leg` is never null, the others as the function's comment says.
    let rows = sqlx::query!(
        r#"
        select leg as "leg!", assigned, missing_first, missing_last
        from move_custody($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        "#,
        &kinds as &[MovementKind],
        &firsts,
        &lasts,
        &from_locations as &[Option<i32>],
        &from_states as &[Option<CustodyState>],
        &to_locations,
        &to_states as &[CustodyState],
        &print_requests as &[Option<Uuid>],
        papers.document_number,
        at,
        papers.request_id.uuid(),
        papers.given_by.map(|id| id.uuid()),
        papers.taken_by.map(|id| id.uuid()),
        papers.shipment_id.map(|id| id.uuid()),
        papers.reverses.map(|name| name.location.number()),
        papers.reverses.map(|name| name.number),
    )
    .fetch_all(db)
    .await?;
    if let Some((Some(first), Some(last))) = rows
        .first()
        .map(|row| (row.missing_first, row.missing_last))
    {
        return Ok(Moved::Obstructed(range("custody", first, last)?));
    }
    if rows.len() != legs.len() {
        return Err(Error::internal(
            "a move answered for fewer legs than it was given",
        ));
    }
    let movement = |(leg, number): (&Leg, Option<i64>)| {
        let number = number.ok_or_else(|| Error::internal("a movement got no number"))?;
        Ok(Movement::of(leg, number, papers, at))
    };
    let numbers = rows.into_iter().map(|row| row.assigned);
    Ok(Moved::Done(
        legs.iter()
            .zip(numbers)
            .map(movement)
            .collect::<Result<_>>()?,
    ))
}

/// Whether there is such a location, anywhere.
#[tracing::instrument(name = "sql.is_location", skip_all)]
pub async fn is_location(db: &mut PgConnection, location: Location) -> Result<bool> {
    let known = sqlx::query_scalar!(r#"select is_location($1) as "known!""#, location.number())
        .fetch_one(db)
        .await?;
    Ok(known)
}
