//! STAND-IN, replaced at the merge by the real feature: just the name that handover calls.

use crate::{error::Result, ids::ResidentId, work::Work};

pub async fn surrender(_work: &mut Work, _resident: ResidentId) -> Result<bool> {
    Ok(false)
}
