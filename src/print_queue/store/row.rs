//! A request as its columns have it, and what is made of it.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, Serial, Subdistrict},
    inventory::Location,
    policy::ApplicantClass,
    print_queue::{
        CancelReason, HoldReason, HoldReasons, Lease, PrintRequest, RequestState, Standing,
        store::corrupt,
    },
};

/// A request as its columns have it.
pub(super) struct Row {
    pub(super) print_request_id: Uuid,
    pub(super) district: i32,
    pub(super) subdistrict: i32,
    pub(super) site: String,
    pub(super) resident_id: Uuid,
    pub(super) applicant_class: ApplicantClass,
    pub(super) seniority_at: OffsetDateTime,
    pub(super) requested_at: OffsetDateTime,
    pub(super) enrolled_on: Date,
    pub(super) state: RequestState,
    pub(super) state_at: OffsetDateTime,
    pub(super) hold_reasons: Vec<HoldReason>,
    pub(super) cancel_reason: Option<CancelReason>,
    pub(super) stage: i32,
    pub(super) attempt: i32,
    pub(super) policy_version: i32,
    pub(super) identity_version: i32,
    pub(super) facts_version: i32,
    pub(super) fence: i64,
    pub(super) lease_holder: Option<String>,
    pub(super) lease_location: Option<i32>,
    pub(super) lease_expires_at: Option<OffsetDateTime>,
    pub(super) serial: Option<i64>,
}

impl TryFrom<Row> for PrintRequest {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let lease = match (row.lease_holder, row.lease_location, row.lease_expires_at) {
            (Some(holder), Some(location), Some(expires_at)) => {
                let location = Location::from_number(location).map_err(corrupt)?;
                Some(Lease {
                    holder,
                    location,
                    expires_at,
                })
            }
            (None, None, None) => None,
            (Some(_) | None, _, _) => return Err(corrupt("half a lease")),
        };
        let serial = row.serial.map(Serial::new).transpose().map_err(corrupt)?;
        let held: HoldReasons = row.hold_reasons.into_iter().collect();
        let standing = match (row.state, lease, serial, row.cancel_reason) {
            (RequestState::Queued, None, None, None) => Standing::Queued,
            (RequestState::Held, None, None, None) => Standing::Held(held),
            (RequestState::Leased, Some(lease), None, None) => Standing::Leased(lease),
            (RequestState::Bound, Some(lease), Some(serial), None) => {
                Standing::Bound(lease, serial)
            }
            (RequestState::InDoubt, Some(lease), Some(serial), None) => {
                Standing::InDoubt(lease, serial)
            }
            (RequestState::Printed, None, Some(serial), None) => Standing::Printed(serial),
            (RequestState::Cancelled, None, None, Some(reason)) => Standing::Cancelled(reason),
            (
                RequestState::Queued
                | RequestState::Held
                | RequestState::Leased
                | RequestState::Bound
                | RequestState::InDoubt
                | RequestState::Printed
                | RequestState::Cancelled,
                ..,
            ) => return Err(corrupt("a state without what belongs to it")),
        };
        if held.is_empty() == matches!(standing, Standing::Held(_)) {
            return Err(corrupt(
                "a hold without its reasons, or reasons without a hold",
            ));
        }
        Ok(Self {
            print_request_id: row.print_request_id.into(),
            district: District::from_number(row.district).map_err(corrupt)?,
            subdistrict: Subdistrict::from_number(row.subdistrict).map_err(corrupt)?,
            site: row.site,
            resident_id: row.resident_id.into(),
            applicant_class: row.applicant_class,
            seniority_at: row.seniority_at,
            requested_at: row.requested_at,
            enrolled_on: row.enrolled_on,
            standing,
            state_at: row.state_at,
            stage: row.stage,
            attempt: row.attempt,
            policy_version: row.policy_version,
            identity_version: row.identity_version,
            facts_version: row.facts_version,
            fence: row.fence,
        })
    }
}
