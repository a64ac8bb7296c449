//! STAND-IN of the print queue's branch: only the signature that the queue calls. The handover's own branch replaces this
//! file at the merge.

use crate::{
    error::{Error, Result},
    ids::{PrintRequestId, ResidentId, Serial},
    inventory::Location,
    work::Work,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub print_request_id: PrintRequestId,
    pub resident_id: ResidentId,
    pub serial: Serial,
    pub location: Location,
}

pub async fn open(_: &mut Work, _: &[Opened]) -> Result<()> {
    Err(Error::internal("stand-in"))
}
