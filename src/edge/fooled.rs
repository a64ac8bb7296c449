//! For tests alone, and absent from every release build: the application's checks switched off, so that a test can see
//! whether the database's walls hold by themselves.
//!
//! A request whose metadata names a district is believed: no rights are asked, no shift is needed, and the application takes
//! the caller for a terminal of that district. Only the scope of the transactions still comes from the certificate.

use http::{Extensions, HeaderMap};

use crate::caller::{Caller, Principal, Site};

/// The metadata in which a test names the district that the application shall believe.
const DISTRICT: &str = "ektp-test-district";

/// Whether the application's checks hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checks {
    /// As in every release.
    #[default]
    Hold,
    /// Switched off.
    Fooled,
}

impl Checks {
    /// What a request carries to the edge.
    pub(crate) fn mark(self, extensions: &mut Extensions) {
        extensions.insert(self);
    }
}

/// The caller as the application shall believe it, where this server's checks are switched off and a district is named.
pub(super) fn fool(
    caller: &Caller,
    extensions: &Extensions,
    headers: &HeaderMap,
) -> Option<Caller> {
    if extensions.get::<Checks>() != Some(&Checks::Fooled) {
        return None;
    }
    let claimed = headers
        .get(DISTRICT)
        .and_then(|value| value.to_str().ok())?;
    let district = claimed.parse().ok()?;
    // A terminal stays the one of its site and number: so it even is the holder of the other one's leases.
    let (site, number) = match &caller.principal {
        Principal::Terminal { site, number, .. } => (site.clone(), *number),
        Principal::Province(_)
        | Principal::Centre(_)
        | Principal::Public(_)
        | Principal::System => (Site::Named("office".to_owned()), 1),
    };
    let believed = Principal::Terminal {
        district,
        site,
        number,
    };
    Some(Caller {
        certificate: caller.certificate,
        certified: Some(caller.walls()),
        ..Caller::from(believed)
    })
}
