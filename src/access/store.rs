//! The statements behind [`super::Access`]: what ended, who is at work, which terminals were seen.
//!
//! They look at all districts, before it is known for whom; therefore each sets the nation's scope in its own transaction.

use sqlx::{PgPool, Postgres, Transaction};
use time::OffsetDateTime;

use super::{OpenShift, Seen, Wanted};
use crate::{
    caller::{Officer, OfficerRole, Principal},
    error::{Error, Result},
    ids::{District, OfficerId, PersonId, ShiftId, Subdistrict},
    scope::Scope,
};

/// What ended since a time.
pub(super) struct Ended {
    pub as_of: OffsetDateTime,
    pub revoked: Vec<(Principal, OffsetDateTime)>,
    pub closed: Vec<(ShiftId, OffsetDateTime)>,
}

async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>> {
    // Boxed as in `crate::work`: the driver's way to a connection is 14 KiB of the future that waits for it.
    Ok(Box::pin(pool.begin_with(Scope::Nation.begin("read write"))).await?)
}

/// All revocations, which are few, and the shifts closed since `since`; without one all that still matter.
#[tracing::instrument(name = "sql.access_ended", level = "trace", skip_all)]
pub(super) async fn ended(
    pool: &PgPool,
    since: Option<OffsetDateTime>,
    shift_max: time::Duration,
) -> Result<Ended> {
    let mut db = begin(pool).await?;
    // Never null: a function and two columns that are not.
    let rows = sqlx::query!(
        r#"
        select clock_timestamp() as "as_of!", null::text as terminal, null::uuid as shift, null::timestamptz as at
        union all
        select clock_timestamp(), terminal, null, max(revoked_at)
        from terminal_revocation
        group by terminal
        union all
        select clock_timestamp(), null, shift_id, closed_at
        from shift
        where closed_at > coalesce($1::timestamptz, clock_timestamp() - make_interval(secs => $2))
        "#,
        since,
        shift_max.as_seconds_f64(),
    )
    .fetch_all(&mut *db)
    .await?;
    db.commit().await?;
    let as_of = rows
        .first()
        .map(|row| row.as_of)
        .ok_or_else(|| Error::internal("a look without an answer"))?;
    let (mut revoked, mut closed) = (Vec::new(), Vec::new());
    for row in rows {
        let Some(at) = row.at else { continue };
        if let Some(terminal) = row.terminal {
            let principal = terminal
                .parse()
                .map_err(|error| Error::corrupt("terminal_revocation", error))?;
            revoked.push((principal, at));
        } else if let Some(shift) = row.shift {
            closed.push((ShiftId::from(shift), at));
        }
    }
    Ok(Ended {
        as_of,
        revoked,
        closed,
    })
}

/// A shift with its officer.
#[tracing::instrument(name = "sql.open_shift", skip_all)]
pub(super) async fn shift(
    pool: &PgPool,
    shift: ShiftId,
    wanted: Wanted,
) -> Result<Option<OpenShift>> {
    let mut db = begin(pool).await?;
    let row = sqlx::query!(
        r#"
        select s.terminal, s.thumbprint, s.ends_at, o.officer_id as "officer_id: OfficerId", o.person_id as "person_id: PersonId",
            o.district, o.subdistrict, o.roles
        from shift as s
        join officer as o on o.officer_id = s.officer_id
        where s.shift_id = $1
            and ($2 or (s.closed_at is null and s.ends_at > clock_timestamp() and o.ended_at is null))
        "#,
        shift.uuid(),
        wanted == Wanted::Any,
    )
    .fetch_optional(&mut *db)
    .await?;
    db.commit().await?;
    row.map(|row| {
        let corrupt = |error: String| Error::corrupt("officer", error);
        let roles = row
            .roles
            .iter()
            .map(|role| role.parse::<OfficerRole>())
            .collect::<Result<_, _>>()
            .map_err(|error| corrupt(error.to_string()))?;
        let district =
            District::from_number(row.district).map_err(|error| corrupt(error.to_string()))?;
        let subdistrict = row
            .subdistrict
            .map(Subdistrict::from_number)
            .transpose()
            .map_err(|error| corrupt(error.to_string()))?;
        Ok(OpenShift {
            terminal: row.terminal,
            thumbprint: row.thumbprint,
            officer: Officer {
                officer_id: row.officer_id,
                person_id: row.person_id,
                shift_id: shift,
                district,
                subdistrict,
                roles,
                ends_at: row.ends_at,
            }
            .into(),
        })
    })
    .transpose()
}

/// Terminals with the certificates with which they called; in the order of their names, so that two servers that note
/// the same ones wait for each other and not in a circle.
#[tracing::instrument(name = "sql.note_terminals", skip_all, fields(terminals = seen.len()))]
pub(super) async fn note_terminals(pool: &PgPool, seen: &[Seen]) -> Result<()> {
    let terminals: Vec<String> = seen.iter().map(|seen| seen.terminal.clone()).collect();
    let districts: Vec<i32> = seen.iter().map(|seen| seen.district.number()).collect();
    let begin_at: Vec<OffsetDateTime> = seen.iter().map(|seen| seen.begins_at).collect();
    let end_at: Vec<OffsetDateTime> = seen.iter().map(|seen| seen.ends_at).collect();
    let mut db = begin(pool).await?;
    sqlx::query!(
        r#"
        insert into terminal (terminal, district, certificate_begins_at, certificate_ends_at)
        select terminal, min(district), max(begins_at), max(ends_at)
        from unnest($1::text[], $2::integer[], $3::timestamptz[], $4::timestamptz[])
            as seen (terminal, district, begins_at, ends_at)
        group by terminal
        order by terminal
        on conflict (terminal) do update
        set certificate_begins_at = greatest(terminal.certificate_begins_at, excluded.certificate_begins_at),
            certificate_ends_at = greatest(terminal.certificate_ends_at, excluded.certificate_ends_at)
        "#,
        &terminals,
        &districts,
        &begin_at,
        &end_at,
    )
    .execute(&mut *db)
    .await?;
    db.commit().await?;
    Ok(())
}
