//! The rules of the queue by example: `submission` says who is queued, `release` who is let go, `printing` what a printer may do, as one table and as
//! random lives of a request, `doubt` what people say where no printer did, `explain` what is told of a wait, `hold` what keeps it. Here what both are told with.

mod doubt;
mod excuse;
mod explain;
mod hold;
mod printing;
mod release;
mod submission;

pub(super) use printing::{lease_of, request};
use time::{OffsetDateTime, macros::datetime};

use super::*;
use crate::{
    ids::{District, Serial},
    inventory::Location,
    policy::{ApplicantClass, Document, Policy},
    print_queue::{Applicant, CardState, Circumstances, Draft, HoldReasons, ShortSide},
};

pub(super) const NOW: OffsetDateTime = datetime!(2017-04-18 08:00 +7);
const HOLDER: &str = "ektp://district/35.75/site/office/terminal/1";
const OTHER: &str = "ektp://district/35.75/site/office/terminal/2";
const FENCE: i64 = 7;

pub(super) fn serial(number: i64) -> Serial {
    Serial::new(number).expect("a serial of the test")
}

fn district() -> District {
    "35.75".parse().expect("a district")
}

fn verdict(enrolment: EnrolmentState) -> Verdict {
    Verdict {
        district: district(),
        enrolment,
        since: NOW,
        on_current_identity: true,
    }
}

pub(super) fn look(enrolment: EnrolmentState) -> LastLook {
    LastLook {
        verdict: verdict(enrolment),
        life: Life::Resident,
        facts_version: 1,
        incident: None,
    }
}

pub(super) fn circumstances() -> Circumstances {
    Circumstances {
        life: Life::Resident,
        identity_version: 1,
        is_ready: true,
        incident: None,
    }
}
