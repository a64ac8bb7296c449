//! The writes of the queue as stories, and its doors: [`expire_leases`] and [`release_held`] for the chores and [`snapshot`] for the feed.
//!
//! `submit` and `lease` hold their own; `print` what a printer does with what it has leased, `report` what it says came out;
//! `doubt` and `incident` what people say where no printer did, or one that should not have; `dispatch` the
//! evidence of the order, `seniority` its change by hand.

mod dispatch;
mod doubt;
mod incident;
mod lease;
mod person;
mod print;
mod release;
mod report;
mod seniority;
mod submit;
mod withdraw;

use sqlx::PgConnection;

use crate::{
    error::Result,
    feed::{Topic, journal},
    ids::District,
    print_queue::{PrintRequest, RequestState, decide, store, wire},
    work::Work,
};

pub use dispatch::{Verified, verify_dispatch_order};
pub use doubt::{RESOLVE_IN_DOUBT, Resolved, doubt_approved, resolve_in_doubt};
pub use incident::{RESOLVE_INCIDENT, incident_approved, resolve_incident};
pub use lease::{Leases, lease_print_requests};
pub use person::{PersonChange, found_unique, person_changed, person_left};
pub use print::{Binding, Face, Outcome, bind_blanks, card_face, release_leases, renew_leases};
pub use release::release_held;
pub use report::{Reported, report_printed, report_spoiled};
pub use seniority::{CHANGE_SENIORITY, change_seniority, seniority_approved};
pub use submit::{Submitted, submit_print_requests};
pub use withdraw::withdraw_print_requests;

/// So many rows of a snapshot are read at once.
const SNAPSHOT_PAGE: i64 = 5_000;

/// Ends leases that have run out, at most `limit` and those of at most 64 districts: what is leased goes back to its
/// place, what is bound is in doubt. Answers how many.
#[tracing::instrument(name = "step.expire_leases", skip_all)]
pub async fn expire_leases(work: &mut Work, limit: i64) -> Result<u64> {
    let now = work.now();
    // Every request is one event, and all may be of one district.
    let limit = limit.min(i64::try_from(journal::EVENTS_PER_COMMIT_MAX).unwrap_or(limit));
    let overdue = store::lock_overdue(work.db(), limit).await?;
    let mut districts = std::collections::BTreeSet::new();
    let expired: Vec<PrintRequest> = overdue
        .iter()
        .filter(|request| {
            let room = districts.len() < journal::DISTRICTS_PER_COMMIT_MAX;
            districts.contains(&request.district) || (room && districts.insert(request.district))
        })
        .filter_map(|request| decide::expire_lease(request, now))
        .collect();
    save(work, &expired.iter().collect::<Vec<_>>()).await?;
    Ok(expired.len() as u64)
}

/// Every open request of a district as an encoded queue entry, read page by page within the caller's transaction.
#[tracing::instrument(name = "step.queue_snapshot", skip_all)]
pub async fn snapshot(db: &mut PgConnection, district: District) -> Result<Vec<Vec<u8>>> {
    let mut bodies = Vec::new();
    for state in RequestState::OPEN {
        let mut after = None;
        loop {
            let page =
                store::page_of_state(db, district, state, after.as_ref(), SNAPSHOT_PAGE).await?;
            bodies.extend(page.iter().map(wire::queue_event));
            let Some(last) = page.last().filter(|_| page.len() as i64 >= SNAPSHOT_PAGE) else {
                break;
            };
            after = Some(last.place());
        }
    }
    Ok(bodies)
}

/// Saves where requests stand now and notes it for their ledgers.
async fn save(work: &mut Work, requests: &[&PrintRequest]) -> Result<()> {
    if requests.is_empty() {
        return Ok(());
    }
    store::save(work.db(), requests).await?;
    for request in requests {
        work.record(
            request.district,
            Topic::Queue,
            ("print_request", request.print_request_id),
            wire::queue_event(&request.entry()),
        );
    }
    Ok(())
}
