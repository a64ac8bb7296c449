//! The centre's check: leases to the matching engine, and its verdicts.
//!
//! A lease is fenced by the database's clock, never by business time.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Row, district};
use crate::{
    error::{Error, Result},
    ids::{District, EnrolmentId, ResidentId},
    registration::{CheckTask, Enrolment, EnrolmentReason, EnrolmentState, Life, Ruling},
};

/// How long a lease keeps other engines away. A search takes seconds; ten minutes outlast an engine's restart, and an
/// engine that is gone for good holds its work up no longer than that.
const LEASE_MINUTES: i32 = 10;

/// The enrolments that wait longest for the centre, locked: not taken yet, or taken by an engine that did not finish.
/// What another engine is leasing in this moment is passed over.
#[tracing::instrument(name = "sql.lock_enrolments_to_check", skip_all)]
pub async fn lock_to_check(
    db: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(EnrolmentId, District)>> {
    let rows = sqlx::query!(
        r#"
        select enrolment_id, district
        from enrolment
        where state in ('SENT', 'CHECKING')
            and (state = 'SENT' or reason = 'SEARCH_FAILED' or check_expires_at < clock_timestamp())
        order by received_at, enrolment_id
        limit $1
        for update skip locked
        "#,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.enrolment_id.into(), district(row.district)?)))
        .collect()
}

/// Leases locked enrolments; answers the tasks, oldest receipt first, each with whether the district sees a change. A
/// lease again after one that ran out is none: the enrolment stands in CHECKING as before, since when it did before.
#[tracing::instrument(name = "sql.lease_checks", skip_all, fields(enrolments = ids.len()))]
pub async fn lease(
    db: &mut PgConnection,
    ids: &[EnrolmentId],
    at: OffsetDateTime,
) -> Result<Vec<(CheckTask, bool)>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // Two columns are never null here: the lease sets one, and a check demands the package of all but RECORDED ones.
    let rows = sqlx::query!(
        r#"
        with before as (
            select enrolment_id, state, reason from enrolment where enrolment_id = any($1)
        ), leased as (
            update enrolment as e
            set state = 'CHECKING', reason = null,
                state_at = case when e.state = 'SENT' then $2 else e.state_at end,
                check_fence = e.check_fence + 1,
                check_expires_at = clock_timestamp() + make_interval(mins => $3)
            where e.enrolment_id = any($1)
            returning e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village, e.state, e.reason, e.state_at,
                e.captured_at, e.received_at, e.check_fence, e.check_expires_at, e.biometric_package
        )
        select l.enrolment_id, l.resident_id, l.district, l.subdistrict, l.village,
            l.state as "state: EnrolmentState", l.reason as "reason: EnrolmentReason",
            l.state_at, l.captured_at, l.received_at,
            l.check_fence, l.check_expires_at as "check_expires_at!", l.biometric_package as "biometric_package!",
            (b.state = 'SENT' or b.reason is not null) as "changed!",
            (select r.life from resident r where r.resident_id = l.resident_id) as "life!: Life"
        from leased l
        join before b on b.enrolment_id = l.enrolment_id
        order by l.received_at, l.enrolment_id
        "#,
        &ids,
        at,
        LEASE_MINUTES,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let task = CheckTask {
                enrolment: Enrolment::try_from(Row {
                    enrolment_id: row.enrolment_id,
                    resident_id: row.resident_id,
                    district: row.district,
                    subdistrict: row.subdistrict,
                    village: row.village,
                    state: row.state,
                    reason: row.reason,
                    state_at: row.state_at,
                    captured_at: row.captured_at,
                    received_at: row.received_at,
                    life: row.life,
                })?,
                fence: row.check_fence,
                biometric_package: row.biometric_package,
                expires_at: row.check_expires_at,
            };
            Ok((task, row.changed))
        })
        .collect()
}

/// What a verdict is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The enrolment.
    pub enrolment_id: EnrolmentId,
    /// The person.
    pub resident_id: ResidentId,
    /// Whose.
    pub district: District,
    /// Where it stands.
    pub state: EnrolmentState,
    /// The latest lease.
    pub fence: i64,
    /// The version of the identity that was checked.
    pub identity_version: i32,
}

/// Locks enrolments for their verdicts, and their persons' identities against change. Missing ones are left out.
#[tracing::instrument(name = "sql.lock_for_verdicts", skip_all, fields(enrolments = ids.len()))]
pub async fn lock_for_verdicts(db: &mut PgConnection, ids: &[EnrolmentId]) -> Result<Vec<Checked>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    // Each person before the enrolment, and all in the order of the persons: two batches cannot wait crosswise.
    let rows = sqlx::query!(
        r#"
        select e.enrolment_id, e.resident_id, e.district, e.state as "state: EnrolmentState", e.check_fence,
            r.identity_version
        from enrolment e
        join resident r on r.resident_id = e.resident_id
        where e.enrolment_id = any($1)
        order by e.resident_id
        for share of r
        for update of e
        "#,
        &ids,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Checked {
                enrolment_id: row.enrolment_id.into(),
                resident_id: row.resident_id.into(),
                district: district(row.district)?,
                state: row.state,
                fence: row.check_fence,
                identity_version: row.identity_version,
            })
        })
        .collect()
}

/// An enrolment with the ruling that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruled {
    /// What was decided on.
    pub checked: Checked,
    /// What was decided.
    pub ruling: Ruling,
}

/// Saves rulings in one statement, and with each print-ready one the verdict to which every print request refers.
#[tracing::instrument(name = "sql.save_verdicts", skip_all, fields(verdicts = ruled.len()))]
pub async fn save_verdicts(
    db: &mut PgConnection,
    ruled: &[Ruled],
    at: OffsetDateTime,
    by: &str,
) -> Result<Vec<Enrolment>> {
    let enrolments: Vec<Uuid> = ruled
        .iter()
        .map(|r| r.checked.enrolment_id.uuid())
        .collect();
    let residents: Vec<Uuid> = ruled.iter().map(|r| r.checked.resident_id.uuid()).collect();
    let versions: Vec<i32> = ruled.iter().map(|r| r.checked.identity_version).collect();
    let states: Vec<EnrolmentState> = ruled.iter().map(|r| r.ruling.state).collect();
    let reasons: Vec<Option<EnrolmentReason>> = ruled.iter().map(|r| r.ruling.reason).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        with ruled as (
            select v.enrolment_id, v.resident_id, v.identity_version, v.state, v.reason
            from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[])
                as v (enrolment_id, resident_id, identity_version, state, reason)
        ), ready as (
            insert into print_ready (resident_id, identity_version, enrolment_id, decided_at, decided_by)
            select resident_id, identity_version, enrolment_id, $6, $7
            from ruled
            where state = 'PRINT_READY'
        )
        update enrolment as e
        set state = v.state, reason = v.reason, check_expires_at = null,
            state_at = case when e.state = v.state then e.state_at else $6 end
        from ruled v
        where e.enrolment_id = v.enrolment_id
        returning e.enrolment_id, e.resident_id, e.district, e.subdistrict, e.village,
            e.state as "state: EnrolmentState", e.reason as "reason: EnrolmentReason",
            e.state_at, e.captured_at, e.received_at,
            (select r.life from resident r where r.resident_id = e.resident_id) as "life!: Life"
        "#,
        &enrolments,
        &residents,
        &versions,
        &states as &[EnrolmentState],
        &reasons as &[Option<EnrolmentReason>],
        at,
        by,
    )
    .fetch_all(db)
    .await?;
    if rows.len() < ruled.len() {
        return Err(Error::corrupt(
            "enrolment",
            "a locked row was not there to be updated",
        ));
    }
    rows.into_iter().map(Enrolment::try_from).collect()
}
