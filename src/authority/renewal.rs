//! Renewal: a terminal asks with a new key, and gets a certificate for that key and for the identity it has already.
//!
//! What is easily got wrong: a request may say anything of whom it is for, and of what the certificate should be good for.
//! Of it only the public key counts, once its holder has shown the private one; who it is for, the connection says.

use std::sync::Arc;

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _,
    SubjectPublicKeyInfo,
};
use time::{Duration, OffsetDateTime};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer as _};

use super::{Authority, AuthorityError, terminal_params};
use crate::{caller::Principal, clock::Clock};

/// Terminals' certificates live a week: one that is stolen while nobody notices is good for no longer.
pub const TERMINAL_VALID: Duration = Duration::days(7);

/// The longest request that is read. One with a P-256 key has about 400 bytes.
pub const REQUEST_MAX: usize = 4_096;

/// Why a certificate was not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The authority's key is not with this server.
    #[error("certificates are renewed by the ministry's authority, not by this server")]
    Elsewhere,
    /// The request cannot be used; the words name the rule.
    #[error("{0}")]
    Request(&'static str),
    /// The authority could not sign.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// A new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// PEM.
    pub certificate_pem: String,
    /// Until when it is valid.
    pub ends_at: OffsetDateTime,
}

/// Who renews the terminals' certificates.
#[derive(Clone)]
pub enum Renewal {
    /// This server, with the data folder's own authority.
    Here(Arc<Authority>),
    /// The ministry's authority, out of this server's reach.
    Elsewhere,
}

impl Renewal {
    /// Renews now. Certificates live in real time, whatever the clock of the office shows.
    pub fn renew(&self, request: &[u8], principal: &Principal) -> Result<Renewed, RenewalError> {
        match self {
            Self::Here(authority) => {
                authority.renew(request, principal, TERMINAL_VALID, Clock::System.now())
            }
            Self::Elsewhere => Err(RenewalError::Elsewhere),
        }
    }
}

impl Authority {
    /// A certificate for `principal` and the key of a PKCS #10 request (DER), valid from `now` for `valid`.
    pub fn renew(
        &self,
        request: &[u8],
        principal: &Principal,
        valid: Duration,
        now: OffsetDateTime,
    ) -> Result<Renewed, RenewalError> {
        let key = public_key(request).map_err(RenewalError::Request)?;
        let params = terminal_params(principal, valid, now)?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(AuthorityError::from)?;
        Ok(Renewed {
            certificate_pem: certificate.pem(),
            // A certificate knows whole seconds.
            ends_at: whole_seconds(now + valid),
        })
    }
}

/// The request's key, whose holder has signed the request.
fn public_key(request: &[u8]) -> Result<SubjectPublicKeyInfo, &'static str> {
    const NO_REQUEST: &str = "is not a PKCS #10 request in DER";
    if request.len() > REQUEST_MAX {
        return Err("is longer than 4,096 bytes");
    }
    let (rest, request) = X509CertificationRequest::from_der(request).map_err(|_| NO_REQUEST)?;
    if !rest.is_empty() {
        return Err(NO_REQUEST);
    }
    // The algorithm is the key's own: what the signature says of itself would let any curve in.
    let info = request.certification_request_info.subject_pki.raw;
    let key = SubjectPublicKeyInfo::from_der(info).map_err(|_| "has no key on P-256 or Ed25519")?;
    if key.algorithm() != &PKCS_ECDSA_P256_SHA256 && key.algorithm() != &PKCS_ED25519 {
        return Err("has no key on P-256 or Ed25519");
    }
    request
        .verify_signature()
        .map_err(|_| "is not signed with its own key")?;
    Ok(key)
}

fn whole_seconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(0)
        .expect("no nanoseconds are a valid time")
}

/// A terminal's request for a certificate, and the new private key that only it has.
pub struct Request {
    /// PKCS #10, DER.
    pub der: Vec<u8>,
    /// The private key, PEM.
    pub key_pem: String,
}

impl Request {
    /// With a new key.
    pub fn new() -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let request = CertificateParams::default().serialize_request(&key)?;
        Ok(Self {
            der: request.der().to_vec(),
            key_pem: key.serialize_pem(),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{PKCS_ECDSA_P384_SHA384, SanType, SignatureAlgorithm};
    use time::macros::datetime;

    use super::*;
    use crate::{authority::first_pem, caller::Caller};

    const NOW: OffsetDateTime = datetime!(2017-04-03 08:00:00.5 UTC);
    const TERMINAL: &str = "ektp://district/35.75/site/office/terminal/1";

    fn authority() -> (Authority, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("the temp folder is writable");
        let authority = Authority::open_or_create(folder.path(), NOW).expect("a new authority");
        (authority, folder)
    }

    fn request(algorithm: &'static SignatureAlgorithm, uri: &str) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("plain text"))];
        let request = params.serialize_request(&key).expect("a request");
        request.der().to_vec()
    }

    fn renew(authority: &Authority, request: &[u8]) -> Result<Renewed, RenewalError> {
        let principal = TERMINAL.parse().expect("an identity");
        authority.renew(request, &principal, TERMINAL_VALID, NOW)
    }

    #[test]
    fn a_renewed_certificate_is_the_callers_whatever_the_request_says() {
        let (authority, _folder) = authority();
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ED25519] {
            let request = request(algorithm, "ektp://centre/policy");
            let renewed = renew(&authority, &request).expect("a certificate");
            let pem = first_pem(&renewed.certificate_pem).expect("a PEM block");
            let caller = Caller::from_certificate(&pem.contents).expect("our own certificate");
            assert_eq!(caller.name(), TERMINAL);
            let certificate = caller.certificate.expect("it was read from one");
            assert_eq!(certificate.ends_at, renewed.ends_at);
            assert_eq!(renewed.ends_at, datetime!(2017-04-10 08:00 UTC));

            let (_, asked) = X509CertificationRequest::from_der(&request).expect("a request");
            let certificate = pem.parse_x509().expect("a certificate");
            assert_eq!(
                certificate.public_key().raw,
                asked.certification_request_info.subject_pki.raw
            );
            assert!(!certificate.is_ca());
        }
        let own = Request::new().expect("a request");
        renew(&authority, &own.der).expect("what our own terminal asks is good");
    }

    #[test]
    fn a_request_that_is_not_signed_with_its_own_key_is_refused() {
        let (authority, _folder) = authority();
        let mut forged = request(&PKCS_ED25519, TERMINAL);
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let refused = renew(&authority, &forged).expect_err("its holder was not shown");
        assert_eq!(refused.to_string(), "is not signed with its own key");
    }

    #[test]
    fn other_keys_and_other_bytes_are_refused() {
        let (authority, _folder) = authority();
        let mut trailing = request(&PKCS_ED25519, TERMINAL);
        trailing.push(0);
        for (request, rule) in [
            (
                request(&PKCS_ECDSA_P384_SHA384, TERMINAL),
                "has no key on P-256 or Ed25519",
            ),
            (Vec::new(), "is not a PKCS #10 request in DER"),
            (trailing, "is not a PKCS #10 request in DER"),
            (vec![0x30; REQUEST_MAX + 1], "is longer than 4,096 bytes"),
        ] {
            let refused = renew(&authority, &request).expect_err(rule);
            assert_eq!(refused.to_string(), rule);
        }
        let principal = TERMINAL.parse().expect("an identity");
        let elsewhere = Renewal::Elsewhere.renew(&[], &principal);
        assert!(matches!(elsewhere, Err(RenewalError::Elsewhere)));
    }
}
