//! The SQL of the shifts. They live in the database's time; an officer has one that is not closed.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    administration::{Account, OpenedShift},
    caller::Certificate,
    error::Result,
    ids::{OfficerId, ShiftId},
};

/// No shift is longer, however it was proven.
const LASTS_HOURS: i32 = 12;
/// Nor does a token prove more than this at a time, whatever it says of itself.
const TOKEN_MINUTES: i32 = 15;

/// Closes what the officer has open, also what ended by itself; answers how many.
#[tracing::instrument(name = "sql.close_shifts", skip_all)]
pub async fn close_of(db: &mut PgConnection, officer: OfficerId) -> Result<u64> {
    let closed = sqlx::query!(
        "update shift set closed_at = clock_timestamp() where officer_id = $1 and closed_at is null",
        officer.uuid(),
    )
    .execute(db)
    .await?;
    Ok(closed.rows_affected())
}

/// Closes one shift that is open; answers when.
#[tracing::instrument(name = "sql.close_shift", skip_all)]
pub async fn close_one(db: &mut PgConnection, shift: ShiftId) -> Result<Option<OffsetDateTime>> {
    let at = sqlx::query_scalar!(
        r#"
        update shift set closed_at = clock_timestamp()
        where shift_id = $1 and closed_at is null and ends_at > clock_timestamp()
        returning closed_at as "closed_at!"
        "#,
        shift.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(at)
}

/// Opens a shift on a certificate; `until` is the end of what proved the officer, if it has one.
#[tracing::instrument(name = "sql.insert_shift", skip_all)]
pub async fn insert_shift(
    db: &mut PgConnection,
    account: Account,
    (terminal, certificate): (&str, &Certificate),
    until: Option<OffsetDateTime>,
) -> Result<OpenedShift> {
    // What a client shows must not be guessed; an id of version 7 begins with the time.
    let shift = uuid::Uuid::new_v4();
    let row = sqlx::query!(
        r#"
        insert into shift (shift_id, officer_id, person_id, district, terminal, thumbprint, opened_at, ends_at)
        select $1, $2, $3, $4, $5, $6, at, case
            when $7::timestamptz is null then at + make_interval(hours => $8)
            else least($7, at + make_interval(mins => $9))
        end
        from clock_timestamp() as at
        returning opened_at, ends_at
        "#,
        shift,
        account.officer_id.uuid(),
        account.person_id.uuid(),
        account.district.number(),
        terminal,
        &certificate.thumbprint[..],
        until,
        LASTS_HOURS,
        TOKEN_MINUTES,
    )
    .fetch_one(db)
    .await?;
    Ok(OpenedShift {
        shift_id: shift.into(),
        account,
        opened_at: row.opened_at,
        ends_at: row.ends_at,
    })
}

/// Prolongs the shift that the officer has open on this very certificate, up to its longest; nothing if there is none.
#[tracing::instrument(name = "sql.prolong_shift", skip_all)]
pub async fn prolong(
    db: &mut PgConnection,
    account: &Account,
    (terminal, certificate): (&str, &Certificate),
    until: OffsetDateTime,
) -> Result<Option<OpenedShift>> {
    let row = sqlx::query!(
        r#"
        update shift
        set ends_at = greatest(ends_at, least(
            $4, clock_timestamp() + make_interval(mins => $5), opened_at + make_interval(hours => $6)
        ))
        where officer_id = $1 and terminal = $2 and thumbprint = $3 and closed_at is null
            and ends_at > clock_timestamp()
        returning shift_id as "shift_id: ShiftId", opened_at, ends_at
        "#,
        account.officer_id.uuid(),
        terminal,
        &certificate.thumbprint[..],
        until,
        TOKEN_MINUTES,
        LASTS_HOURS,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| OpenedShift {
        shift_id: row.shift_id,
        account: account.clone(),
        opened_at: row.opened_at,
        ends_at: row.ends_at,
    }))
}
