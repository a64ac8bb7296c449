//! Who calls, and what they may call: the identity in a client certificate ([`Principal`]), the caller made of it
//! ([`Caller`]) and the one table of roles and RPCs ([`RIGHTS`]).
//!
//! What is easily got wrong: a right says only that a role may call at all. Whose rows the call sees is
//! [`Caller::scope`], and where in the district it may act is [`Caller::subdistrict`].

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

use crate::{
    ids::{District, Subdistrict},
    scope::Scope,
};

mod officer;
mod principal;
mod rights;

pub use officer::{Officer, OfficerRole, UnknownRole};
pub use principal::{CentreRole, Principal, PrincipalError, Site};
pub use rights::{
    CLOSE_SHIFT, Class, IMPORT_ENROLMENTS, Nature, Officers, RIGHTS, Right, Verdict, right,
};

use principal::SCHEME;

/// What the table of rights knows of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Terminal,
    Province,
    Matcher,
    Store,
    Printer,
    Policy,
    Public,
    System,
}

/// A certificate that names no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallerError {
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate names no ektp:// identity")]
    NoIdentity,
    #[error("the certificate names more than one ektp:// identity")]
    SeveralIdentities,
    #[error("the certificate's identity is not valid: {0}")]
    Invalid(#[from] PrincipalError),
}

/// What of a client certificate matters after TLS has checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of the whole certificate.
    pub thumbprint: [u8; 32],
    /// From when it is valid; a revocation refuses those that began before it.
    pub begins_at: OffsetDateTime,
    /// Until when.
    pub ends_at: OffsetDateTime,
}

/// Who calls: the identity and the role that follows from it, and the officer at work there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub principal: Principal,
    pub role: Role,
    /// Absent only for the server's own chores.
    pub certificate: Option<Certificate>,
    /// Absent where nobody has opened a shift, or the call names none.
    pub officer: Option<Arc<Officer>>,
    /// The certificate's own scope, where a test fools the application about the rest.
    #[cfg(debug_assertions)]
    pub certified: Option<Scope>,
}

impl Caller {
    /// Reads the one `ektp://` URI in the certificate's subject alternative names. That the certificate was issued by
    /// our authority and is valid today has been checked by TLS before.
    pub fn from_certificate(der: &[u8]) -> Result<Caller, CallerError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CallerError::Unreadable)?;
        if !rest.is_empty() {
            return Err(CallerError::Unreadable);
        }
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| CallerError::Unreadable)?
            .ok_or(CallerError::NoIdentity)?;
        let mut identities = names.value.general_names.iter().filter_map(our_uri);
        let identity = identities.next().ok_or(CallerError::NoIdentity)?;
        if identities.next().is_some() {
            return Err(CallerError::SeveralIdentities);
        }
        let validity = certificate.validity();
        Ok(Caller {
            certificate: Some(Certificate {
                thumbprint: Sha256::digest(der).into(),
                begins_at: validity.not_before.to_datetime(),
                ends_at: validity.not_after.to_datetime(),
            }),
            ..Caller::from(identity.parse::<Principal>()?)
        })
    }

    /// The stable name of the caller: in audit rows, request rows, logs and traces.
    pub fn name(&self) -> String {
        self.principal.to_string()
    }

    /// The district, or the province's office, that the caller belongs to.
    pub fn district(&self) -> Option<District> {
        match &self.principal {
            Principal::Terminal { district, .. } => Some(*district),
            Principal::Province(province) => Some(District::of_province(*province)),
            Principal::Centre(_) | Principal::Public(_) | Principal::System => None,
        }
    }

    /// The subdistrict that limits the caller: the terminal's, or else the officer's. A shift opens only where the two agree.
    pub fn subdistrict(&self) -> Option<Subdistrict> {
        self.site().or_else(|| {
            self.officer
                .as_ref()
                .and_then(|officer| officer.subdistrict)
        })
    }

    /// The site at which a terminal stands, as its certificate names it; the daily quota is counted by it.
    pub fn site_name(&self) -> Option<String> {
        match &self.principal {
            Principal::Terminal { site, .. } => Some(site.to_string()),
            Principal::Province(_)
            | Principal::Centre(_)
            | Principal::Public(_)
            | Principal::System => None,
        }
    }

    /// The subdistrict that limits the terminal, whoever works on it.
    pub fn site(&self) -> Option<Subdistrict> {
        match &self.principal {
            Principal::Terminal {
                site: Site::Subdistrict(subdistrict),
                ..
            } => Some(*subdistrict),
            Principal::Terminal {
                site: Site::Named(_),
                ..
            }
            | Principal::Province(_)
            | Principal::Centre(_)
            | Principal::Public(_)
            | Principal::System => None,
        }
    }

    /// The ledger of the caller's acts, where they do not say another one themselves.
    pub fn ledger(&self) -> District {
        self.district().unwrap_or(District::CENTRE)
    }

    /// Whose rows the database shows to the caller's transactions, and in whose chain its acts stand. It follows from the
    /// certificate alone.
    pub fn walls(&self) -> Scope {
        #[cfg(debug_assertions)]
        if let Some(certified) = self.certified {
            return certified;
        }
        Scope::from(self.scope())
    }

    /// Whose rows the caller may see: one office's, or with `None` the nation's. Only the centre's own roles see the
    /// nation; a province sees its own store and what is sent to or from it, a gateway nobody's rows.
    pub fn scope(&self) -> Option<District> {
        match &self.principal {
            Principal::Terminal { district, .. } => Some(*district),
            Principal::Province(province) => Some(District::of_province(*province)),
            Principal::Public(_) => Some(District::CENTRE),
            Principal::Centre(_) | Principal::System => None,
        }
    }
}

impl From<Principal> for Caller {
    fn from(principal: Principal) -> Self {
        let role = match &principal {
            Principal::Terminal { .. } => Role::Terminal,
            Principal::Province(_) => Role::Province,
            Principal::Centre(CentreRole::Matcher) => Role::Matcher,
            Principal::Centre(CentreRole::Store) => Role::Store,
            Principal::Centre(CentreRole::Printer) => Role::Printer,
            Principal::Centre(CentreRole::Policy) => Role::Policy,
            Principal::Public(_) => Role::Public,
            Principal::System => Role::System,
        };
        Caller {
            principal,
            role,
            certificate: None,
            officer: None,
            #[cfg(debug_assertions)]
            certified: None,
        }
    }
}

/// Schemes are compared without case, so that `EKTP://` is refused by the parser instead of being overlooked here.
fn our_uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::URI(uri) = name {
        let scheme = uri.as_bytes().get(..SCHEME.len())?;
        if scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) {
            return Some(uri);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(text: &str) -> Caller {
        Caller::from(text.parse::<Principal>().expect("a valid identity"))
    }

    #[test]
    fn a_site_that_is_a_subdistrict_limits_its_terminal() {
        let limited = caller("ektp://district/35.75/site/35.75.02/terminal/3");
        assert_eq!(limited.subdistrict(), "35.75.02".parse().ok());
        let office = caller("ektp://district/35.75/site/office/terminal/3");
        assert_eq!(office.subdistrict(), None);
        for terminal in [limited, office] {
            assert_eq!(terminal.district(), "35.75".parse().ok());
            assert_eq!(terminal.scope(), terminal.district());
            assert_eq!(Some(terminal.ledger()), terminal.district());
            assert_eq!(terminal.walls().ledger(), terminal.ledger());
        }
    }

    #[test]
    fn only_the_centre_sees_the_nation() {
        let centre = caller("ektp://centre/policy");
        assert_eq!((centre.scope(), centre.ledger()), (None, District::CENTRE));
        assert_eq!(
            (centre.walls(), centre.walls().ledger()),
            (Scope::Nation, District::CENTRE)
        );
        let outside = caller("ektp://public/website");
        assert_eq!(outside.scope(), Some(District::CENTRE));
        assert_eq!(outside.walls().to_string(), "0");
        let province = caller("ektp://province/35");
        assert_eq!(province.walls().to_string(), "35");
        assert_eq!(province.ledger().to_string(), "35");
    }

    #[test]
    fn bytes_that_are_no_certificate_name_nobody() {
        for bytes in [&b""[..], &b"not a certificate"[..]] {
            assert_eq!(
                Caller::from_certificate(bytes),
                Err(CallerError::Unreadable)
            );
        }
    }
}
