//! The statements by which open requests follow their persons.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::Result,
    ids::ResidentId,
    policy::ApplicantClass,
    print_queue::{
        CancelReason, HoldReason, PrintRequest, RequestState,
        store::{print::check_all, row::Row},
    },
};

/// Locks the open requests of these persons, whose rows are locked; who has none is left out.
#[tracing::instrument(name = "sql.lock_open_print_requests", skip_all, fields(persons = residents.len()))]
pub async fn lock_open(
    db: &mut PgConnection,
    residents: &[ResidentId],
) -> Result<Vec<PrintRequest>> {
    let residents: Vec<Uuid> = residents.iter().map(|id| id.uuid()).collect();
    // In the order of the ids, as every act on requests does. One that is printed while we wait is open no more.
    let rows = sqlx::query_as!(
        Row,
        r#"
        select print_request_id, district, subdistrict, site, resident_id,
            applicant_class as "applicant_class: ApplicantClass", seniority_at, requested_at, enrolled_on,
            state as "state: RequestState", state_at, hold_reasons as "hold_reasons: Vec<HoldReason>",
            cancel_reason as "cancel_reason: CancelReason", stage, attempt, policy_version,
            identity_version, facts_version,
            fence, lease_holder, lease_location, lease_expires_at, serial
        from print_request
        where resident_id = any($1) and state not in ('PRINTED', 'CANCELLED')
        order by print_request_id
        for update
        "#,
        &residents,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(PrintRequest::try_from).collect()
}

/// Saves what locked requests copy of their persons: where they live, and which version of the identity is meant. That is
/// no change of where a request stands, so it is no stage.
#[tracing::instrument(name = "sql.follow_persons", skip_all, fields(requests = requests.len()))]
pub async fn follow(db: &mut PgConnection, requests: &[&PrintRequest]) -> Result<()> {
    let ids: Vec<Uuid> = requests.iter().map(|r| r.print_request_id.uuid()).collect();
    let subdistricts: Vec<i32> = requests.iter().map(|r| r.subdistrict.number()).collect();
    let identities: Vec<i32> = requests.iter().map(|r| r.identity_version).collect();
    let followed = sqlx::query!(
        r#"
        update print_request as p
        set subdistrict = n.subdistrict, identity_version = n.identity_version
        from unnest($1::uuid[], $2::integer[], $3::integer[]) as n (id, subdistrict, identity_version)
        where p.print_request_id = n.id
        "#,
        &ids,
        &subdistricts,
        &identities,
    )
    .execute(db)
    .await?
    .rows_affected();
    check_all(followed, requests.len())
}
