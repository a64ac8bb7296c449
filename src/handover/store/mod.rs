//! All SQL of handover's tables; here the collections with their challenges and handovers.
//!
//! The collection's row is the lock of everything that hangs on it. A statement that waited for the lock still sees the
//! other tables as they were before it waited, so [`find_case`] is a statement of its own, behind [`lock`].

mod case;
mod lists;
mod notices;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    handover::{Collection, CollectionState, Evidence, Nonce, NoticeState, Opened, Receipt, Scope},
    ids::{ChallengeId, CollectionId, ContactTaskId, District, ResidentId, Serial, Village},
    inventory::Location,
};

pub use case::find_case;
pub use lists::{Sealed, list_awaiting, list_contact_tasks};
pub use notices::{Due, claim_notices, mark_failed, mark_sent};

/// How long a challenge stands open: the reader needs seconds, a slow chip or a dirty finger a few tries.
const CHALLENGE_MINUTES: i32 = 5;

/// What a collection is looked up by.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    /// Its own id.
    Collection(CollectionId),
    /// The challenge that stands open for it, or that led to its handover.
    Challenge(ChallengeId),
}

/// Opens the collections of printed cards, each with its notice or its contact task.
#[tracing::instrument(name = "sql.insert_collections", skip_all, fields(cards = opened.len()))]
pub async fn insert(
    db: &mut PgConnection,
    opened: &[Opened],
    at: OffsetDateTime,
) -> Result<Vec<Collection>> {
    let ids: Vec<Uuid> = opened
        .iter()
        .map(|_| CollectionId::fresh().uuid())
        .collect();
    let tasks: Vec<Uuid> = opened
        .iter()
        .map(|_| ContactTaskId::fresh().uuid())
        .collect();
    let residents: Vec<Uuid> = opened.iter().map(|o| o.resident_id.uuid()).collect();
    let requests: Vec<Uuid> = opened.iter().map(|o| o.print_request_id.uuid()).collect();
    let serials: Vec<i64> = opened.iter().map(|o| o.serial.number()).collect();
    let locations: Vec<i32> = opened.iter().map(|o| o.location.number()).collect();
    // The resident's row (registration's) says whose village it is and whether a number was left. A collection gets a
    // notice or a task, never both and never two: one query decides for both inserts. Who died or moved while the blank was
    // bound is called by nobody.
    let rows = sqlx::query_as!(
        Row,
        r#"
        with item as (
            select i.*, r.district, r.subdistrict, r.village, r.has_phone, r.life = 'RESIDENT' as is_here
            from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::integer[])
                as i (collection_id, task_id, resident_id, print_request_id, serial, location)
            join resident r using (resident_id)
        ), opened as (
            insert into collection (
                collection_id, district, subdistrict, village, location, resident_id, print_request_id, serial, state,
                opened_at
            )
            select collection_id, district, subdistrict, village, location, resident_id, print_request_id, serial,
                'AWAITING', $7
            from item
        ), noticed as (
            insert into notice (collection_id, district, state, queued_at, due_at)
            select collection_id, district, 'QUEUED', $7, case when is_here then clock_timestamp() else 'infinity' end
            from item where has_phone
        ), tasked as (
            insert into contact_task (contact_task_id, collection_id, district, village, opened_at, closed_at)
            select task_id, collection_id, district, village, $7, case when is_here then null else $7::timestamptz end
            from item where not has_phone
        )
        select collection_id as "collection_id!", print_request_id as "print_request_id!", serial as "serial!",
            location as "location!", district, village, 'AWAITING' as "state!: CollectionState",
            case when has_phone then 'QUEUED' else 'CONTACT_TASK' end as "notice!: NoticeState",
            $7::timestamptz as "opened_at!"
        from item
        "#,
        &ids,
        &tasks,
        &residents,
        &requests,
        &serials,
        &locations,
        at,
    )
    .fetch_all(db)
    .await?;
    if rows.len() != opened.len() {
        return Err(Error::internal("a printed card has no holder"));
    }
    rows.into_iter().map(Collection::try_from).collect()
}

/// Locks a collection in the terminal's scope for a handover: its holder's facts first, shared, then its own row.
#[tracing::instrument(name = "sql.lock_collection", skip_all)]
pub async fn lock(
    db: &mut PgConnection,
    scope: Scope,
    wanted: Wanted,
) -> Result<Option<CollectionId>> {
    let (collection, challenge) = match wanted {
        Wanted::Collection(id) => (Some(id.uuid()), None),
        Wanted::Challenge(id) => (None, Some(id.uuid())),
    };
    // Each step reads the one before it, so the locks are taken in this order. A life event locks the resident's row
    // (registration's) for update: it waits for us, or we for it.
    let locked = sqlx::query_scalar!(
        r#"
        with named as (
            select collection_id from collection where collection_id = $1
            union
            select collection_id from challenge where challenge_id = $2
            union
            select collection_id from handover where challenge_id = $2
        ), wanted as materialized (
            select c.collection_id, c.resident_id
            from collection c
            join named using (collection_id)
            where c.district = $3 and ($4::integer is null or c.subdistrict = $4)
        ), holder as materialized (
            select r.resident_id from resident r join wanted using (resident_id) for share of r
        )
        select c.collection_id
        from holder
        join wanted using (resident_id)
        join collection c on c.collection_id = wanted.collection_id
        for update of c
        "#,
        collection,
        challenge,
        scope.district.number(),
        scope.limit.map(|limit| limit.number()),
    )
    .fetch_optional(db)
    .await?;
    Ok(locked.map(CollectionId::from))
}

/// Puts a challenge in the place of the collection's earlier one; answers when it ends, by the database's clock.
#[tracing::instrument(name = "sql.save_challenge", skip_all)]
pub async fn save_challenge(
    db: &mut PgConnection,
    challenge_id: ChallengeId,
    collection: &Collection,
    terminal: &str,
    nonce: &Nonce,
) -> Result<OffsetDateTime> {
    let expires_at = sqlx::query_scalar!(
        r#"
        insert into challenge (challenge_id, collection_id, district, terminal, nonce, expires_at)
        values ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(mins => $6))
        on conflict (collection_id) do update
        set challenge_id = excluded.challenge_id, terminal = excluded.terminal, nonce = excluded.nonce,
            expires_at = excluded.expires_at, failed_matches = 0
        returning expires_at
        "#,
        challenge_id.uuid(),
        collection.collection_id.uuid(),
        collection.district.number(),
        terminal,
        nonce.bytes(),
        CHALLENGE_MINUTES,
    )
    .fetch_one(db)
    .await?;
    Ok(expires_at)
}

/// Keeps how many matches have failed under a challenge.
#[tracing::instrument(name = "sql.save_failed_matches", skip_all)]
pub async fn save_failed_matches(
    db: &mut PgConnection,
    id: ChallengeId,
    failed: i32,
) -> Result<()> {
    let updated = sqlx::query!(
        "update challenge set failed_matches = $2 where challenge_id = $1",
        id.uuid(),
        failed,
    )
    .execute(db)
    .await?;
    exactly_one(updated.rows_affected())
}

/// Ends a challenge.
#[tracing::instrument(name = "sql.delete_challenge", skip_all)]
pub async fn delete_challenge(db: &mut PgConnection, id: ChallengeId) -> Result<()> {
    let deleted = sqlx::query!("delete from challenge where challenge_id = $1", id.uuid())
        .execute(db)
        .await?;
    exactly_one(deleted.rows_affected())
}

/// Writes a handover: the card is with its holder, the challenge ends, nobody calls the holder any more.
#[tracing::instrument(name = "sql.insert_handover", skip_all)]
pub async fn insert_handover(
    db: &mut PgConnection,
    receipt: &Receipt,
    evidence: &Evidence,
) -> Result<()> {
    let inserted = sqlx::query!(
        r#"
        with given as (
            update collection set state = 'HANDED_OVER' where collection_id = $1 and state = 'AWAITING'
            returning collection_id, district, serial
        ), ended as (
            delete from challenge where collection_id = $1
        ), hushed as (
            -- Due never again; what was sent stays sent.
            update notice set due_at = 'infinity' where collection_id = $1 and state = 'QUEUED'
        ), told as (
            update contact_task set closed_at = $7 where collection_id = $1
        )
        insert into handover (
            collection_id, challenge_id, district, serial, terminal, reader_id, match_score, certificate_surrendered,
            handed_over_at
        )
        select collection_id, $2, district, serial, $3, $4, $5, $6, $7 from given
        "#,
        receipt.collection_id.uuid(),
        receipt.challenge_id.uuid(),
        receipt.terminal,
        evidence.reader_id,
        evidence.score,
        receipt.certificate_surrendered,
        receipt.handed_over_at,
    )
    .execute(db)
    .await?;
    exactly_one(inserted.rows_affected())
}

/// Nobody calls a person who died or moved any more: what was sent stays sent, the cards stay where they are.
#[tracing::instrument(name = "sql.hush_holder", skip_all)]
pub async fn hush(db: &mut PgConnection, resident: ResidentId, at: OffsetDateTime) -> Result<()> {
    // The collection's row is the lock of both, in the order of the ids.
    sqlx::query!(
        r#"
        with held as materialized (
            select collection_id
            from collection
            where resident_id = $1 and state = 'AWAITING'
            order by collection_id
            for no key update
        ), hushed as (
            update notice set due_at = 'infinity'
            where collection_id in (select h.collection_id from held h) and state = 'QUEUED'
        )
        update contact_task set closed_at = $2
        where collection_id in (select h.collection_id from held h) and closed_at is null
        "#,
        resident.uuid(),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A row that is locked and then missed is a defect.
fn exactly_one(rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::internal(format!(
            "a locked row was hit {rows} times"
        )))
    }
}

/// A collection as its columns have it, with the state of its notice.
struct Row {
    collection_id: Uuid,
    print_request_id: Uuid,
    serial: i64,
    location: i32,
    district: i32,
    village: i64,
    state: CollectionState,
    notice: NoticeState,
    opened_at: OffsetDateTime,
}

impl TryFrom<Row> for Collection {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |error: &dyn std::fmt::Display| Error::corrupt("collection", error);
        Ok(Self {
            collection_id: row.collection_id.into(),
            print_request_id: row.print_request_id.into(),
            serial: Serial::new(row.serial).map_err(|error| corrupt(&error))?,
            location: Location::from_number(row.location).map_err(|error| corrupt(&error))?,
            district: District::from_number(row.district).map_err(|error| corrupt(&error))?,
            village: Village::from_number(row.village).map_err(|error| corrupt(&error))?,
            state: row.state,
            notice: row.notice,
            opened_at: row.opened_at,
        })
    }
}
