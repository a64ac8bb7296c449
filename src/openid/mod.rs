//! Tokens of the offices' OpenID providers: whose officer it is, said by somebody else's signature.
//!
//! What is easily got wrong: a bearer token is good for whoever has it. Ours are good only with the certificate whose
//! thumbprint they carry (RFC 8705), for minutes, and under two algorithms; what a token says of its own algorithm only
//! has to agree with the published key that it names.

mod claims;
mod config;
mod crypto;
mod keys;

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Validation, errors::ErrorKind};
use time::OffsetDateTime;

pub use claims::Verified;
pub use config::ConfigError;

use crate::{
    caller::Certificate,
    error::{Error, ErrorReason, Kind},
    ids::District,
};

use claims::Claims;
use config::Provider;

/// Why a token is not good here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    Malformed,
    Algorithm,
    KeyUnknown,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYetValid,
    TooLong,
    NotBound,
    OtherCertificate,
    SubjectUnknown,
    NotConfigured,
}

impl Because {
    /// As the contract names it.
    const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "MALFORMED",
            Self::Algorithm => "ALGORITHM",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::Signature => "SIGNATURE",
            Self::Issuer => "ISSUER",
            Self::Audience => "AUDIENCE",
            Self::Expired => "EXPIRED",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::TooLong => "TOO_LONG",
            Self::NotBound => "NOT_BOUND",
            Self::OtherCertificate => "OTHER_CERTIFICATE",
            Self::SubjectUnknown => "SUBJECT_UNKNOWN",
            Self::NotConfigured => "NOT_CONFIGURED",
        }
    }
}

/// The refusal of a token.
pub fn refused(because: Because) -> Error {
    let message = "the token is not good here";
    Error::new(Kind::Unauthenticated, ErrorReason::TokenRefused, message)
        .with("because", because.label())
}

/// The providers of all districts; its copies share their keys. Without any, no token is good.
#[derive(Clone, Default)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// What a token says, if it is good in this district, on this certificate, now.
    pub async fn verify(
        &self,
        district: District,
        token: &str,
        certificate: &Certificate,
        now: OffsetDateTime,
    ) -> Result<Verified, Because> {
        let provider = self.0.iter().find(|provider| provider.serves(district));
        let provider = provider.ok_or(Because::NotConfigured)?;
        let (algorithm, key_id) = header(token)?;
        let key = provider
            .keys
            .find(&key_id)
            .await
            .ok_or(Because::KeyUnknown)?;
        if key.algorithm != algorithm {
            return Err(Because::Algorithm);
        }
        crypto::install();
        // Claims are ours to judge, by a clock that is handed in; here only the signature is.
        let mut signature_alone = Validation::new(algorithm);
        signature_alone.required_spec_claims.clear();
        signature_alone.validate_exp = false;
        signature_alone.validate_aud = false;
        let token = jsonwebtoken::decode::<Claims>(token, &key.key, &signature_alone);
        let token = token.map_err(|error| {
            if matches!(error.kind(), ErrorKind::InvalidSignature) {
                Because::Signature
            } else {
                Because::Malformed
            }
        })?;
        claims::judge(token.claims, &provider.expected, certificate, now)
    }
}

/// The two algorithms that are taken, and the key that is named. Read by ourselves: of `none`, and of every other one, it
/// is to be said that it is the algorithm.
fn header(token: &str) -> Result<(Algorithm, String), Because> {
    let (first, _) = token.split_once('.').ok_or(Because::Malformed)?;
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(first)
        .map_err(|_| Because::Malformed)?;
    let header: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|_| Because::Malformed)?;
    let text = |name: &str| header.get(name).and_then(serde_json::Value::as_str);
    let algorithm = match text("alg").ok_or(Because::Malformed)? {
        "ES256" => Algorithm::ES256,
        "EdDSA" => Algorithm::EdDSA,
        _ => return Err(Because::Algorithm),
    };
    let key_id = text("kid").ok_or(Because::KeyUnknown)?;
    Ok((algorithm, key_id.to_owned()))
}
