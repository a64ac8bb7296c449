//! All SQL of the queue's tables: here the row and the reads; `submit`, `lease`, `print` and `doubt` hold the
//! statements of the writes.
//!
//! Tables of other features are only read, each time with a word why. Fencing time is the database's `clock_timestamp()`;
//! what is compared with it is asked in the statement itself.

mod decision;
mod dispatch;
mod doubt;
mod explain;
mod lease;
mod person;
mod print;
mod quota;
mod release;
mod row;
mod seniority;
mod submit;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, PrintRequestId, ResidentId, Serial, Sex, Subdistrict, Village},
    policy::ApplicantClass,
    print_queue::{
        Bearer, CancelReason, Entry, HoldReason, Place, PrintRequest, RequestState, store::row::Row,
    },
};

pub use decision::{Decision, DecisionOutcome, facts_of, keep_decisions};
pub use dispatch::{committed, dispatches, histories, order_rules};
pub use doubt::{circumstances, find_incident, insert_incidents, open_incidents, resolve_incident};
pub use explain::{
    count_ahead_by_class, held_since, last_refusal, look_at_applicant, surroundings,
};
pub use lease::{Wish, lease, lock_queue};
pub use person::{follow, lock_open};
pub use print::{Candidate, lock, lock_overdue, lock_to_bind, renew, save};
pub use quota::{SiteDay, lock_quota, look_at_quota, use_quota};
pub use release::{
    LocalDay, find_to_review, lock_free, lock_queue_if_free, sites_of, spare_blanks,
};
pub use seniority::{Changed, insert_seniority_change};
pub use submit::{insert, lock_applicants};

/// Which requests a list shows.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Of which district.
    pub district: District,
    /// Of which subdistrict's people; none means all.
    pub subdistrict: Option<Subdistrict>,
    /// In which state; none means every open one.
    pub state: Option<RequestState>,
    /// Of which class; none means any.
    pub applicant_class: Option<ApplicantClass>,
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::corrupt("print_request", what)
}

/// One request of a district.
#[tracing::instrument(name = "sql.find_print_request", skip_all)]
pub async fn find(
    db: &mut PgConnection,
    id: PrintRequestId,
    district: District,
) -> Result<Option<PrintRequest>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select print_request_id, district, subdistrict, site, resident_id,
            applicant_class as "applicant_class: ApplicantClass", seniority_at, requested_at, enrolled_on,
            state as "state: RequestState", state_at, hold_reasons as "hold_reasons: Vec<HoldReason>",
            cancel_reason as "cancel_reason: CancelReason", stage, attempt, policy_version,
            identity_version, facts_version,
            fence, lease_holder, lease_location, lease_expires_at, serial
        from print_request
        where print_request_id = $1 and district = $2
        "#,
        id.uuid(),
        district.number(),
    )
    .fetch_optional(db)
    .await?;
    row.map(PrintRequest::try_from).transpose()
}

/// How many queued requests of the district stand before a place, the classes being served in this order.
#[tracing::instrument(name = "sql.count_ahead", skip_all)]
pub async fn count_ahead(
    db: &mut PgConnection,
    district: District,
    place: &Place,
    order: &[ApplicantClass],
) -> Result<i64> {
    let before: Vec<ApplicantClass> = order
        .iter()
        .copied()
        .take_while(|class| *class != place.applicant_class)
        .collect();
    // Two counts, each over one stretch of the index per class. A count is never null.
    let count = sqlx::query_scalar!(
        r#"
        select (
            select count(*) from print_request
            where district = $1 and state = 'QUEUED' and applicant_class = any($2)
        ) + (
            select count(*) from print_request
            where district = $1 and state = 'QUEUED' and applicant_class = $3
                and (seniority_at, print_request_id) < ($4, $5)
        ) as "ahead!"
        "#,
        district.number(),
        &before as &[ApplicantClass],
        place.applicant_class as ApplicantClass,
        place.seniority_at,
        place.print_request_id.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// A page of a district's requests in the order of the queue, after a place.
#[tracing::instrument(name = "sql.list_print_requests", skip_all)]
pub async fn list(
    db: &mut PgConnection,
    filter: &Filter,
    order: &[ApplicantClass],
    after: Option<&Place>,
    size: i64,
) -> Result<Vec<PrintRequest>> {
    let states = filter
        .state
        .map_or_else(|| RequestState::OPEN.to_vec(), |state| vec![state]);
    let wanted = |class: &ApplicantClass| filter.applicant_class.is_none_or(|only| only == *class);
    let classes: Vec<ApplicantClass> = order.iter().copied().filter(wanted).collect();
    let passed = |place: &Place| {
        classes
            .iter()
            .position(|class| *class == place.applicant_class)
    };
    let first = i64::try_from(after.and_then(passed).unwrap_or(0)).unwrap_or(0) + 1;
    // One walk of the index for each class and state, each cut to the page; a sort over all would read the whole queue.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select r.print_request_id, r.district, r.subdistrict, r.site, r.resident_id,
            r.applicant_class as "applicant_class: ApplicantClass", r.seniority_at, r.requested_at, r.enrolled_on,
            r.state as "state: RequestState", r.state_at, r.hold_reasons as "hold_reasons: Vec<HoldReason>",
            r.cancel_reason as "cancel_reason: CancelReason", r.stage, r.attempt, r.policy_version,
            r.identity_version, r.facts_version,
            r.fence, r.lease_holder, r.lease_location, r.lease_expires_at, r.serial
        from unnest($1::text[]) with ordinality as c (class, place)
        cross join unnest($2::text[]) as s (state)
        cross join lateral (
            select p.print_request_id, p.district, p.subdistrict, p.site, p.resident_id, p.applicant_class, p.seniority_at,
                p.requested_at, p.enrolled_on, p.state, p.state_at, p.hold_reasons, p.cancel_reason, p.stage, p.attempt,
                p.policy_version, p.identity_version, p.facts_version,
                p.fence, p.lease_holder, p.lease_location, p.lease_expires_at, p.serial
            from print_request p
            where p.district = $3 and p.state = s.state and p.applicant_class = c.class
                and ($4::integer is null or p.subdistrict = $4)
                and (p.seniority_at, p.print_request_id) > (
                    case when c.place = $5 then coalesce($6, '-infinity'::timestamptz) else '-infinity' end,
                    case when c.place = $5 then coalesce($7, $8::uuid) else $8 end
                )
            order by p.seniority_at, p.print_request_id
            limit $9
        ) as r
        where c.place >= $5
        order by c.place, r.seniority_at, r.print_request_id
        limit $9
        "#,
        &classes as &[ApplicantClass],
        &states as &[RequestState],
        filter.district.number(),
        filter.subdistrict.map(Subdistrict::number),
        first,
        after.map(|place| place.seniority_at),
        after.map(|place| place.print_request_id.uuid()),
        Uuid::nil(),
        size,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(PrintRequest::try_from).collect()
}

/// A page of a district's requests in one state, after a place, for a snapshot.
#[tracing::instrument(name = "sql.page_of_queue", skip_all)]
pub async fn page_of_state(
    db: &mut PgConnection,
    district: District,
    state: RequestState,
    after: Option<&Place>,
    size: i64,
) -> Result<Vec<Entry>> {
    // The key is a stretch of the index: district and state are fixed, the rest is compared as one row.
    let rows = sqlx::query!(
        r#"
        select print_request_id, subdistrict, applicant_class as "applicant_class: ApplicantClass", seniority_at,
            state_at, attempt, serial, hold_reasons as "hold_reasons: Vec<HoldReason>"
        from print_request
        where district = $1 and state = $2
            and (applicant_class, seniority_at, print_request_id) > ($3, $4, $5)
        order by applicant_class, seniority_at, print_request_id
        limit $6
        "#,
        district.number(),
        state as RequestState,
        // No class is called so; every other name is greater.
        after.map_or("", |place| place.applicant_class.name()),
        after.map_or(OffsetDateTime::UNIX_EPOCH, |place| place.seniority_at),
        after.map_or(Uuid::nil(), |place| place.print_request_id.uuid()),
        size,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Entry {
                print_request_id: row.print_request_id.into(),
                state,
                applicant_class: row.applicant_class,
                seniority_at: row.seniority_at,
                subdistrict: Subdistrict::from_number(row.subdistrict).map_err(corrupt)?,
                attempt: row.attempt,
                state_at: row.state_at,
                serial: row.serial.map(Serial::new).transpose().map_err(corrupt)?,
                hold_reasons: row.hold_reasons.into_iter().collect(),
                // Only open requests are in a snapshot.
                cancel_reason: None,
            })
        })
        .collect()
}

/// What a card's face needs of its bearer.
#[tracing::instrument(name = "sql.find_bearer", skip_all)]
pub async fn find_bearer(db: &mut PgConnection, resident: ResidentId) -> Result<Bearer> {
    // Across, into registration's tables: the face is the person as the centre found it unique.
    let row = sqlx::query!(
        r#"
        select r.sealed, r.birth_date, r.sex, r.village, r.identity_version, r.facts_version, e.biometric_package
        from resident r
        join enrolment e on e.resident_id = r.resident_id
        where r.resident_id = $1
        "#,
        resident.uuid(),
    )
    .fetch_one(db)
    .await?;
    let broken = |error: &'static str| Error::corrupt("resident", error);
    Ok(Bearer {
        sealed: row.sealed,
        identity_version: row.identity_version,
        facts_version: row.facts_version,
        birth_date: row.birth_date,
        sex: match row.sex.as_str() {
            "FEMALE" => Sex::Female,
            "MALE" => Sex::Male,
            _ => return Err(broken("sex")),
        },
        village: Village::from_number(row.village).map_err(|_| broken("village"))?,
        biometric_package: row
            .biometric_package
            .ok_or_else(|| broken("print-ready without a biometric package"))?,
    })
}
