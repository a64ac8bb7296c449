//! All SQL of the officers; their shifts stand in [`shifts`], the terminals in [`terminals`].

mod shifts;
mod terminals;

use sqlx::PgConnection;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    administration::{Account, Area, Badge, Credentials, NewOfficer, PinHash},
    error::{Error, Result},
    ids::{District, OfficerId, PersonId, Subdistrict},
};

pub use shifts::{close_of, close_one, insert_shift, prolong};
pub use terminals::{find_terminal, insert_revocation, list_terminals};

struct Row {
    officer_id: Uuid,
    person_id: Uuid,
    district: i32,
    subdistrict: Option<i32>,
    badge: String,
    roles: Vec<String>,
    last_day: Option<Date>,
    registered_at: OffsetDateTime,
    ended_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Account {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |error: String| Error::corrupt("officer", error);
        let subdistrict = row.subdistrict.map(Subdistrict::from_number).transpose();
        let roles = row.roles.iter().map(|role| role.parse());
        Ok(Self {
            officer_id: row.officer_id.into(),
            person_id: row.person_id.into(),
            district: District::from_number(row.district).map_err(|e| corrupt(e.to_string()))?,
            subdistrict: subdistrict.map_err(|error| corrupt(error.to_string()))?,
            badge: row.badge,
            roles: roles
                .collect::<Result<_, crate::caller::UnknownRole>>()
                .map_err(|error| corrupt(error.to_string()))?,
            last_day: row.last_day,
            registered_at: row.registered_at,
            ended_at: row.ended_at,
        })
    }
}

/// The hash of an account, for trying a PIN before its act begins; nothing while no PIN is taken, or where there is none.
#[tracing::instrument(name = "sql.find_pin_hash", skip_all)]
pub async fn find_pin_hash(
    db: &mut PgConnection,
    district: District,
    badge: &Badge,
) -> Result<PinFound> {
    let row = sqlx::query!(
        r#"
        select pin_hash, coalesce(pin_locked_until > clock_timestamp(), false) as "locked!"
        from officer
        where district = $1 and badge = $2
        "#,
        district.number(),
        badge.to_string(),
    )
    .fetch_optional(db)
    .await?;
    Ok(match row {
        Some(row) if row.locked => PinFound::Locked,
        Some(row) => PinFound::Hash(row.pin_hash.map(PinHash::stored)),
        None => PinFound::Hash(None),
    })
}

/// What is to be tried.
pub enum PinFound {
    /// Nothing: the account waits.
    Locked,
    /// This; nothing where there is no such account, which must take as long.
    Hash(Option<PinHash>),
}

/// What proves the account of a badge, under lock.
#[tracing::instrument(name = "sql.lock_credentials", skip_all)]
pub async fn lock_by_badge(
    db: &mut PgConnection,
    district: District,
    badge: &Badge,
) -> Result<Option<Credentials>> {
    let row = sqlx::query!(
        r#"
        select officer_id, person_id, district, subdistrict, badge, roles, last_day, registered_at, ended_at, pin_hash,
            pin_is_initial, pin_failures,
            extract(epoch from pin_locked_until - clock_timestamp())::double precision as locked_seconds
        from officer
        where district = $1 and badge = $2
        for update
        "#,
        district.number(),
        badge.to_string(),
    )
    .fetch_optional(db)
    .await?;
    let credentials = row.map(|row| {
        let locked_for = row
            .locked_seconds
            .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
            .filter(|wait| !wait.is_zero());
        Ok(Credentials {
            account: Account::try_from(Row {
                officer_id: row.officer_id,
                person_id: row.person_id,
                district: row.district,
                subdistrict: row.subdistrict,
                badge: row.badge,
                roles: row.roles,
                last_day: row.last_day,
                registered_at: row.registered_at,
                ended_at: row.ended_at,
            })?,
            pin_hash: row.pin_hash.map(PinHash::stored),
            pin_is_initial: row.pin_is_initial,
            failures: row.pin_failures,
            locked_for,
        })
    });
    credentials.transpose()
}

/// The account that the office's provider means, under lock.
#[tracing::instrument(name = "sql.lock_by_subject", skip_all)]
pub async fn lock_by_subject(
    db: &mut PgConnection,
    district: District,
    subject: &str,
) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select officer_id, person_id, district, subdistrict, badge, roles, last_day, registered_at, ended_at
        from officer
        where district = $1 and subject = $2
        for update
        "#,
        district.number(),
        subject,
    )
    .fetch_optional(db)
    .await?;
    row.map(Account::try_from).transpose()
}

/// The account under lock.
#[tracing::instrument(name = "sql.lock_officer", skip_all)]
pub async fn lock_officer(db: &mut PgConnection, id: OfficerId) -> Result<Option<Account>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select officer_id, person_id, district, subdistrict, badge, roles, last_day, registered_at, ended_at
        from officer
        where officer_id = $1
        for update
        "#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    row.map(Account::try_from).transpose()
}

/// Counts a wrong PIN, and lets the account wait by the database's clock.
#[tracing::instrument(name = "sql.save_wrong_pin", skip_all)]
pub async fn save_wrong_pin(
    db: &mut PgConnection,
    id: OfficerId,
    failures: i32,
    wait: Option<std::time::Duration>,
) -> Result<()> {
    sqlx::query!(
        r#"
        update officer
        set pin_failures = $2, pin_locked_until = clock_timestamp() + make_interval(secs => $3)
        where officer_id = $1
        "#,
        id.uuid(),
        failures,
        wait.unwrap_or_default().as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the wrong PINs, and takes over the new one.
#[tracing::instrument(name = "sql.save_right_pin", skip_all)]
pub async fn save_right_pin(
    db: &mut PgConnection,
    id: OfficerId,
    replacement: Option<&PinHash>,
) -> Result<()> {
    sqlx::query!(
        r#"
        update officer
        set pin_failures = 0, pin_locked_until = null, pin_hash = coalesce($2, pin_hash),
            pin_is_initial = pin_is_initial and $2::text is null
        where officer_id = $1
        "#,
        id.uuid(),
        replacement.map(PinHash::text),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends the account; answers when.
#[tracing::instrument(name = "sql.save_officer_ended", skip_all)]
pub async fn save_ended(db: &mut PgConnection, id: OfficerId, at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update officer set ended_at = $2 where officer_id = $1",
        id.uuid(),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The person of a NIK's index, who is noted at the first account, wherever that is.
#[tracing::instrument(name = "sql.person_of_officer", skip_all)]
pub async fn person(db: &mut PgConnection, nik_index: &[u8]) -> Result<PersonId> {
    // The function always answers.
    let found = sqlx::query_scalar!(
        r#"select person_of_officer($1, $2) as "person_id!: PersonId""#,
        nik_index,
        PersonId::fresh().uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// A new account; nothing if the badge or the subject is another one's in the district.
#[tracing::instrument(name = "sql.insert_officer", skip_all)]
pub async fn insert_officer(
    db: &mut PgConnection,
    person: PersonId,
    new: &NewOfficer,
    at: OffsetDateTime,
) -> Result<Option<OfficerId>> {
    let roles: Vec<String> = new.roles.iter().map(ToString::to_string).collect();
    let id = OfficerId::fresh();
    let inserted = sqlx::query!(
        r#"
        insert into officer (
            officer_id, person_id, district, subdistrict, badge, roles, last_day, pin_hash, subject, registered_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict do nothing
        "#,
        id.uuid(),
        person.uuid(),
        new.district.number(),
        new.subdistrict.map(Subdistrict::number),
        new.badge.to_string(),
        &roles,
        new.last_day,
        new.pin_hash.as_ref().map(PinHash::text),
        new.subject,
        at,
    )
    .execute(db)
    .await?;
    Ok((inserted.rows_affected() == 1).then_some(id))
}

/// Whether a badge, or a subject, is taken in a district.
#[tracing::instrument(name = "sql.is_badge_taken", skip_all)]
pub async fn is_taken(db: &mut PgConnection, new: &NewOfficer) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"select exists (select from officer where district = $1 and (badge = $2 or subject = $3)) as "taken!""#,
        new.district.number(),
        new.badge.to_string(),
        new.subject,
    )
    .fetch_one(db)
    .await?;
    Ok(taken)
}

/// The accounts of a district by badge, all or of one part of it.
#[tracing::instrument(name = "sql.list_officers", skip_all)]
pub async fn list_officers(
    db: &mut PgConnection,
    (area, district): (Area, District),
    after: Option<String>,
    limit: i64,
) -> Result<Vec<Account>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select officer_id, person_id, district, subdistrict, badge, roles, last_day, registered_at, ended_at
        from officer
        where district = $1 and ($2::integer is null or subdistrict = $2) and ($3::text is null or badge > $3)
        order by badge
        limit $4
        "#,
        district.number(),
        area.part().map(Subdistrict::number),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Account::try_from).collect()
}

/// Of each good head of the centre, whether it is this person; no other founder comes in between.
#[tracing::instrument(name = "sql.lock_founders", skip_all)]
pub async fn lock_founders(
    db: &mut PgConnection,
    person: PersonId,
    today: Date,
) -> Result<Vec<bool>> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('administration.found'))")
        .execute(&mut *db)
        .await?;
    let same = sqlx::query_scalar!(
        r#"
        select person_id = $1 as "same!"
        from officer
        where district = 0 and 'HEAD' = any(roles) and ended_at is null and (last_day is null or last_day >= $2)
        "#,
        person.uuid(),
        today,
    )
    .fetch_all(db)
    .await?;
    Ok(same)
}
