//! All SQL of registration's tables: recording, the centre's check, what is read.

mod checks;
mod life;
mod reads;
mod records;
mod traps;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{District, Subdistrict, Village},
    registration::{Enrolment, EnrolmentReason, EnrolmentState, Life},
};

pub use checks::{Checked, Ruled, lease, lock_for_verdicts, lock_to_check, save_verdicts};
pub use life::{SealedServed, lock_served, save_life_event, save_resident};
pub use reads::{find, list, lock_applicants, page_of_open};
pub use records::{New, complete, insert, lock_known};
pub use traps::mark_trap;

/// An enrolment as its columns have it.
struct Row {
    enrolment_id: Uuid,
    resident_id: Uuid,
    district: i32,
    subdistrict: i32,
    village: i64,
    state: EnrolmentState,
    reason: Option<EnrolmentReason>,
    state_at: OffsetDateTime,
    captured_at: OffsetDateTime,
    received_at: OffsetDateTime,
    life: Life,
}

impl TryFrom<Row> for Enrolment {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = |error| Error::corrupt("enrolment", error);
        Ok(Self {
            enrolment_id: row.enrolment_id.into(),
            resident_id: row.resident_id.into(),
            district: district(row.district)?,
            subdistrict: Subdistrict::from_number(row.subdistrict).map_err(corrupt)?,
            village: Village::from_number(row.village).map_err(corrupt)?,
            state: row.state,
            reason: row.reason,
            state_at: row.state_at,
            captured_at: row.captured_at,
            received_at: row.received_at,
            life: row.life,
        })
    }
}

fn district(number: i32) -> Result<District> {
    District::from_number(number).map_err(|error| Error::corrupt("enrolment", error))
}
