//! A place in the order of a queue, and its text in page tokens.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;

use crate::{ids::PrintRequestId, policy::ApplicantClass};

/// A place in the order of a queue; which class goes first is the policy's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The class.
    pub applicant_class: ApplicantClass,
    /// What counts within the class.
    pub seniority_at: OffsetDateTime,
    /// What decides between equals.
    pub print_request_id: PrintRequestId,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.seniority_at.unix_timestamp_nanos();
        write!(
            out,
            "{}/{nanos}/{}",
            self.applicant_class.name(),
            self.print_request_id
        )
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const MALFORMED: &str = "is not a place in a queue";
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(MALFORMED);
        let (class, nanos, id) = (part()?, part()?, part()?);
        let nanos = nanos.parse().map_err(|_| MALFORMED)?;
        Ok(Self {
            applicant_class: ApplicantClass::ALL
                .into_iter()
                .find(|known| known.name() == class)
                .ok_or(MALFORMED)?,
            seniority_at: OffsetDateTime::from_unix_timestamp_nanos(nanos)
                .map_err(|_| MALFORMED)?,
            print_request_id: id.parse().map_err(|_| MALFORMED)?,
        })
    }
}
