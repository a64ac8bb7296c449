//! Cards: blanks bound to persons. A card's state follows the custody of its serial within the move itself.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::Serial,
    inventory::{
        Account, Binding, CustodyState, Found, Leg, Movement, MovementKind, Papers, Spoilage,
        single,
    },
};

/// What became of a batch of bindings.
#[derive(Debug)]
pub enum Bound {
    /// All were bound; one movement for each, in their order.
    Done(Vec<Movement>),
    /// None was bound; what was found of each, in their order.
    Obstructed(Vec<Found>),
}

/// Binds all blanks or none, with one look under the locks of their locations. No serial, chip or person may come twice.
#[tracing::instrument(name = "sql.bind_cards", skip_all, fields(bindings = bindings.len()))]
pub async fn bind_cards(
    db: &mut PgConnection,
    bindings: &[&Binding],
    papers: Papers<'_>,
    at: OffsetDateTime,
) -> Result<Bound> {
    let serials: Vec<i64> = bindings
        .iter()
        .map(|binding| binding.serial.number())
        .collect();
    let locations: Vec<i32> = bindings
        .iter()
        .map(|binding| binding.location.number())
        .collect();
    let chips: Vec<String> = bindings
        .iter()
        .map(|binding| binding.chip_uid.clone())
        .collect();
    let residents: Vec<Uuid> = bindings
        .iter()
        .map(|binding| binding.resident_id.uuid())
        .collect();
    let print_requests: Vec<Uuid> = bindings
        .iter()
        .map(|binding| binding.print_request_id.uuid())
        .collect();
    // Nothing is known of a function's columns: only `assigned` may be null.
    let rows = sqlx::query!(
        r#"
        select assigned, in_stock as "in_stock!", chip_known as "chip_known!", card_under_way as "card_under_way!"
        from bind_cards($1, $2, $3, $4, $5, $6, $7, $8)
        order by item
        "#,
        &serials,
        &locations,
        &chips,
        &residents,
        &print_requests,
        at,
        papers.request_id.uuid(),
        papers.given_by.map(|id| id.uuid()),
    )
    .fetch_all(db)
    .await?;
    if rows.len() != bindings.len() {
        return Err(Error::internal(
            "a binding answered for fewer items than it was given",
        ));
    }
    if rows.iter().any(|row| row.assigned.is_none()) {
        let found = rows.into_iter().map(|row| Found {
            in_stock: row.in_stock,
            chip_known: row.chip_known,
            card_under_way: row.card_under_way,
        });
        return Ok(Bound::Obstructed(found.collect()));
    }
    let numbers = rows.into_iter().filter_map(|row| row.assigned);
    let movement = |(binding, number): (&&Binding, i64)| {
        let account = |state| Account {
            location: binding.location,
            state,
        };
        let leg = Leg {
            kind: MovementKind::Bound,
            serials: single(binding.serial),
            from: Some(account(CustodyState::InStock)),
            to: account(CustodyState::Bound),
            print_request_id: Some(binding.print_request_id),
        };
        Movement::of(&leg, number, papers, at)
    };
    Ok(Bound::Done(
        bindings.iter().zip(numbers).map(movement).collect(),
    ))
}

/// Notes how bound blanks were spoiled.
#[tracing::instrument(name = "sql.note_spoilage", skip_all, fields(blanks = blanks.len()))]
pub async fn note_spoilage(db: &mut PgConnection, blanks: &[(Serial, Spoilage)]) -> Result<()> {
    let serials: Vec<i64> = blanks.iter().map(|(serial, _)| serial.number()).collect();
    let kinds: Vec<Spoilage> = blanks.iter().map(|(_, kind)| *kind).collect();
    let noted = sqlx::query!(
        r#"
        update card as c
        set spoilage = b.kind
        from unnest($1::bigint[], $2::text[]) as b (serial, kind)
        where c.serial = b.serial and c.state = 'BOUND'
        "#,
        &serials,
        &kinds as &[Spoilage],
    )
    .execute(db)
    .await?
    .rows_affected();
    if noted != blanks.len() as u64 {
        return Err(Error::internal("a spoiled blank is not a bound card"));
    }
    Ok(())
}

/// Ends the card that the same person holds until now: at most one is in a person's hands.
#[tracing::instrument(name = "sql.end_held_card", skip_all)]
pub async fn end_held(db: &mut PgConnection, newer: Serial) -> Result<()> {
    sqlx::query!(
        r#"
        update card as held
        set state = 'ENDED'
        from card as newer
        where newer.serial = $1 and held.resident_id = newer.resident_id
            and held.serial <> newer.serial and held.state = 'HANDED_OVER'
        "#,
        newer.number(),
    )
    .execute(db)
    .await?;
    Ok(())
}
