//! What is written off: how blanks were spoiled in the store, which cards may come back, and the records of destruction.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    error::{Error, Result},
    ids::{ApprovalId, DestructionId, District, OfficerId, Serial, SerialRange, total},
    inventory::{
        Account, Agency, CustodyState, Destruction, Holding, Location, Movement, MovementName,
        Spoilage,
        store::{ends, location, runs},
    },
};

/// Notes beside the movements how their blanks were spoiled.
#[tracing::instrument(name = "sql.insert_spoilage", skip_all)]
pub async fn insert_spoilage(
    db: &mut PgConnection,
    movements: &[Movement],
    kind: Spoilage,
) -> Result<()> {
    let places: Vec<i32> = movements.iter().map(|m| m.location.number()).collect();
    let numbers: Vec<i64> = movements.iter().map(|m| m.number).collect();
    sqlx::query!(
        r#"
        insert into store_spoilage (location, movement, spoilage)
        select m.location, m.number, $3 from unnest($1::integer[], $2::bigint[]) as m (location, number)
        "#,
        &places,
        &numbers,
        kind as Spoilage,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How the blanks of a movement were spoiled, if the store said so.
#[tracing::instrument(name = "sql.find_spoilage", skip_all)]
pub async fn find_spoilage(db: &mut PgConnection, name: MovementName) -> Result<Option<Spoilage>> {
    let found = sqlx::query_scalar!(
        r#"select spoilage as "spoilage: Spoilage" from store_spoilage where location = $1 and movement = $2"#,
        name.location.number(),
        name.number,
    )
    .fetch_optional(db)
    .await?;
    Ok(found)
}

/// Of these serials the district's cards that a newer one has replaced, locked, and the stores that handed them over.
#[tracing::instrument(name = "sql.lock_replaced", skip_all)]
pub async fn lock_replaced(
    db: &mut PgConnection,
    serials: &[Serial],
    district: District,
) -> Result<Vec<(Serial, Location)>> {
    let wanted: Vec<i64> = serials.iter().map(|serial| serial.number()).collect();
    let rows = sqlx::query!(
        r#"
        select serial, location from card
        where serial = any ($1) and district = $2 and state = 'ENDED'
        order by serial
        for no key update
        "#,
        &wanted,
        district.number(),
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let serial = Serial::new(row.serial).map_err(|error| Error::corrupt("card", error))?;
            Ok((serial, location("card", row.location)?))
        })
        .collect()
}

/// What of these runs is spoiled or returned at the location.
#[tracing::instrument(name = "sql.held_for_destruction", skip_all)]
pub async fn held_for_destruction(
    db: &mut PgConnection,
    at: Location,
    wanted: &[SerialRange],
) -> Result<Vec<Holding>> {
    let (firsts, lasts) = ends(wanted);
    // The wanted runs do not touch one another once they are merged, so no part comes twice.
    let rows = sqlx::query!(
        r#"
        select c.state as "state: CustodyState", lower(c.serials * w.run) as "first!", upper(c.serials * w.run) - 1 as "last!"
        from custody as c
        join (
            select int8range(u.first, u.last, '[]') as run from unnest($2::bigint[], $3::bigint[]) as u (first, last)
        ) as w on c.serials && w.run
        where c.location = $1 and c.state in ('SPOILED', 'RETURNED')
        order by 2
        "#,
        at.number(),
        &firsts,
        &lasts,
    )
    .fetch_all(db)
    .await?;
    let mut held = Vec::with_capacity(rows.len());
    for row in rows {
        let account = Account {
            location: at,
            state: row.state,
        };
        let pieces = runs("custody", &[row.first], &[row.last])?;
        held.extend(
            pieces
                .into_iter()
                .map(|serials| Holding { serials, account }),
        );
    }
    Ok(held)
}

/// A destruction with both signatures.
pub struct Destroyed<'a> {
    /// Its id.
    pub destruction_id: DestructionId,
    /// What was burned, and before whom.
    pub destruction: &'a Destruction,
    /// Under which approval.
    pub approval_id: ApprovalId,
    /// Who asked.
    pub asked_by: OfficerId,
    /// Who agreed.
    pub approved_by: OfficerId,
    /// When.
    pub destroyed_at: OffsetDateTime,
}

/// Notes a destruction.
#[tracing::instrument(name = "sql.insert_destruction", skip_all)]
pub async fn insert_destruction(db: &mut PgConnection, done: &Destroyed<'_>) -> Result<()> {
    let destruction = done.destruction;
    let (firsts, lasts) = ends(&destruction.serials);
    let witnesses = destruction.witnesses.iter();
    let agencies: Vec<Agency> = witnesses.clone().map(|witness| witness.agency).collect();
    let letters: Vec<String> = witnesses
        .map(|witness| witness.assignment_letter.clone())
        .collect();
    sqlx::query!(
        r#"
        insert into destruction (
            destruction_id, approval_id, district, location, record_number, serials, quantity, witness_agencies,
            witness_letters, asked_by, approved_by, destroyed_at
        )
        select $1, $2, $3, $4, $5, range_agg(int8range(r.first, r.last, '[]')), $6, $7::text[], $8, $9, $10, $11
        from unnest($12::bigint[], $13::bigint[]) as r (first, last)
        "#,
        done.destruction_id.uuid(),
        done.approval_id.uuid(),
        destruction.location.district().number(),
        destruction.location.number(),
        destruction.record_number,
        total(&destruction.serials),
        &agencies as &[Agency],
        &letters,
        done.asked_by.uuid(),
        done.approved_by.uuid(),
        done.destroyed_at,
        &firsts,
        &lasts,
    )
    .execute(db)
    .await?;
    Ok(())
}
