//! The embedded mode's own certificate authority: one P-256 key beside the database, from which the server and the
//! terminals of a demo, a test or a client's author get their certificates. The ministry's own CA takes its place in
//! production.
//!
//! What is easily got wrong: two processes may make the authority at the same moment. The key is settled first and the
//! certificate is then made *for that key*, each by a hard link that never overwrites, so every interleaving, and every
//! crash between the two, ends with one pair that fits.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    certificate::X509Certificate,
    pem::{Pem, parse_x509_pem},
};

use crate::caller::Principal;

mod files;
mod identity;
mod renewal;

pub use identity::Identity;
pub use renewal::{REQUEST_MAX, Renewal, RenewalError, Renewed, Request, TERMINAL_VALID};

use files::{PUBLIC_MODE, SECRET_MODE, file_error, read_or_settle};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca-key.pem";

/// Ten years: nobody renews the authority of a demo or a test machine by hand.
const AUTHORITY_VALID: Duration = Duration::days(3650);

/// One year: the server takes a new certificate at each start, so this bounds only how long one process may run.
const SERVER_VALID: Duration = Duration::days(365);

/// Certificates begin to be valid a little in the past, because the clock of a terminal may be behind ours.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Why the authority could not be opened or could not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("the certificate authority's file {path} could not be read or written: {cause}")]
    File { path: PathBuf, cause: io::Error },
    #[error("{path} does not hold what the certificate authority wrote there")]
    Damaged { path: PathBuf },
    #[error(
        "{certificate} has no {KEY_FILE} beside it that fits; put the key back, or move the certificate away to get a new authority"
    )]
    KeyDoesNotFit { certificate: PathBuf },
    #[error("the key in {folder} is not that of the certificate beside it")]
    PairDoesNotFit { folder: PathBuf },
    #[error("{certificate} expired; move it and {KEY_FILE} away to get a new authority")]
    Expired { certificate: PathBuf },
    #[error("'{0}' is neither a host name nor an IP address")]
    Name(String),
    #[error("a certificate could not be made: {0}")]
    Signing(#[from] rcgen::Error),
}

/// Signs certificates with the key of one folder.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

impl Authority {
    /// Opens the authority of `folder`, which is made, with the folder, when there is none yet.
    pub fn open_or_create(folder: &Path, now: OffsetDateTime) -> Result<Authority, AuthorityError> {
        fs::create_dir_all(folder).map_err(|cause| file_error(folder, cause))?;
        let certificate_path = folder.join(CERTIFICATE_FILE);
        let key_path = folder.join(KEY_FILE);

        // A certificate whose key is lost must not quietly get another key: nothing signed by it would be accepted.
        if certificate_path.exists() && !key_path.exists() {
            return Err(AuthorityError::KeyDoesNotFit {
                certificate: certificate_path,
            });
        }
        let key_pem = read_or_settle(&key_path, SECRET_MODE, || {
            Ok(KeyPair::generate()?.serialize_pem())
        })?;
        let key =
            KeyPair::from_pem(&key_pem).map_err(|_| AuthorityError::Damaged { path: key_path })?;
        let certificate_pem = read_or_settle(&certificate_path, PUBLIC_MODE, || {
            Ok(authority_params(now).self_signed(&key)?.pem())
        })?;

        check_authority(&certificate_path, &certificate_pem, &key, now)?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)?;
        Ok(Authority {
            issuer,
            certificate_pem,
        })
    }

    /// The certificate that servers and terminals trust.
    pub fn ca_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A server's certificate for this machine's loopback names and for `names` (host names or IP addresses).
    pub fn server_identity(
        &self,
        names: &[String],
        now: OffsetDateTime,
    ) -> Result<Identity, AuthorityError> {
        let mut reachable = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        for name in names {
            let name = server_name(name)?;
            if !reachable.contains(&name) {
                reachable.push(name);
            }
        }
        let mut params = leaf_params("ektp server", SERVER_VALID, now);
        params.subject_alt_names = reachable;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// The certificate of a terminal, or of another caller; it is valid from `now` for `valid`.
    pub fn terminal_identity(
        &self,
        principal: &Principal,
        valid: Duration,
        now: OffsetDateTime,
    ) -> Result<Identity, AuthorityError> {
        self.sign(&terminal_params(principal, valid, now)?)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Identity, AuthorityError> {
        let key = KeyPair::generate()?;
        Ok(Identity {
            certificate_pem: params.signed_by(&key, &self.issuer)?.pem(),
            key_pem: key.serialize_pem(),
            ca_pem: self.certificate_pem.clone(),
        })
    }
}

fn authority_params(now: OffsetDateTime) -> CertificateParams {
    let mut params = leaf_params("ektp embedded authority", AUTHORITY_VALID, now);
    // No further authority may stand between this one and a leaf.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    params
}

fn terminal_params(
    principal: &Principal,
    valid: Duration,
    now: OffsetDateTime,
) -> Result<CertificateParams, AuthorityError> {
    let mut params = leaf_params("ektp terminal", valid, now);
    params.subject_alt_names = vec![SanType::URI(principal.to_string().try_into()?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn leaf_params(common_name: &str, valid: Duration, now: OffsetDateTime) -> CertificateParams {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name;
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + valid;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn server_name(name: &str) -> Result<SanType, AuthorityError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if name.is_empty() || !name.bytes().all(host) {
        return Err(AuthorityError::Name(name.to_owned()));
    }
    Ok(SanType::DnsName(name.try_into()?))
}

/// A pair that does not fit, or a certificate that is over, would show itself only as refused connections later.
fn check_authority(
    path: &Path,
    certificate_pem: &str,
    key: &KeyPair,
    now: OffsetDateTime,
) -> Result<(), AuthorityError> {
    let damaged = || AuthorityError::Damaged {
        path: path.to_owned(),
    };
    let pem = first_pem(certificate_pem).ok_or_else(damaged)?;
    let certificate: X509Certificate<'_> = pem.parse_x509().map_err(|_| damaged())?;
    if certificate.public_key().raw != key.subject_public_key_info() {
        return Err(AuthorityError::KeyDoesNotFit {
            certificate: path.to_owned(),
        });
    }
    if certificate.validity().not_after.to_datetime() <= now {
        return Err(AuthorityError::Expired {
            certificate: path.to_owned(),
        });
    }
    Ok(())
}

fn first_pem(text: &str) -> Option<Pem> {
    parse_x509_pem(text.as_bytes()).ok().map(|(_, pem)| pem)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, sync::Barrier, thread};

    use time::macros::datetime;

    use super::*;
    use crate::caller::Caller;

    const NOW: OffsetDateTime = datetime!(2017-04-03 08:00 UTC);

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("the temp folder is writable")
    }

    #[test]
    fn a_terminal_certificate_reads_back_as_its_principal() {
        let folder = folder();
        let authority = Authority::open_or_create(folder.path(), NOW).expect("a new authority");
        for name in [
            "ektp://district/35.75/site/35.75.02/terminal/3",
            "ektp://district/35.75/site/office/terminal/1",
            "ektp://province/35",
            "ektp://centre/printer",
            "ektp://public/website",
        ] {
            let principal: Principal = name.parse().expect("a valid principal");
            let identity = authority
                .terminal_identity(&principal, Duration::days(30), NOW)
                .expect("a certificate");
            let pem = first_pem(&identity.certificate_pem).expect("a PEM block");
            let caller = Caller::from_certificate(&pem.contents).expect("our own certificate");
            assert_eq!(caller.principal, principal);
            assert_eq!(caller.name(), name);

            let certificate = pem.parse_x509().expect("a certificate");
            let validity = certificate.validity();
            assert_eq!(validity.not_before.to_datetime(), NOW - CLOCK_SKEW);
            assert_eq!(validity.not_after.to_datetime(), NOW + Duration::days(30));
        }
    }

    #[test]
    fn a_server_certificate_is_nobody_who_may_call() {
        let folder = folder();
        let authority = Authority::open_or_create(folder.path(), NOW).expect("a new authority");
        let names = ["ektp.example".to_owned(), "10.0.0.7".to_owned()];
        let identity = authority.server_identity(&names, NOW).expect("an identity");
        let pem = first_pem(&identity.certificate_pem).expect("a PEM block");
        assert!(Caller::from_certificate(&pem.contents).is_err());

        let certificate = pem.parse_x509().expect("a certificate");
        let san = certificate
            .subject_alternative_name()
            .expect("one SAN")
            .expect("a SAN");
        assert_eq!(san.value.general_names.len(), 5);
        assert!(matches!(
            authority.server_identity(&["a b".to_owned()], NOW),
            Err(AuthorityError::Name(_))
        ));
    }

    #[test]
    fn processes_that_start_together_get_one_authority() {
        let folder = folder();
        let together = Barrier::new(8);
        let certificates: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        Authority::open_or_create(folder.path(), NOW)
                            .expect("every starter gets an authority")
                            .certificate_pem
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no starter panics"))
                .collect()
        });
        assert!(certificates.windows(2).all(|pair| pair[0] == pair[1]));
        let files = fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(files, 2, "nothing is left beside the pair");
    }

    #[test]
    fn a_lost_or_foreign_key_and_an_expired_authority_are_told() {
        let (ours, other) = (folder(), folder());
        Authority::open_or_create(ours.path(), NOW).expect("a new authority");
        Authority::open_or_create(other.path(), NOW).expect("a new authority");
        let later = NOW + AUTHORITY_VALID;
        assert!(matches!(
            Authority::open_or_create(ours.path(), later),
            Err(AuthorityError::Expired { .. })
        ));

        let key = ours.path().join(KEY_FILE);
        fs::copy(other.path().join(KEY_FILE), &key).expect("the key can be replaced");
        assert!(matches!(
            Authority::open_or_create(ours.path(), NOW),
            Err(AuthorityError::KeyDoesNotFit { .. })
        ));
        fs::remove_file(&key).expect("the key can be removed");
        assert!(matches!(
            Authority::open_or_create(ours.path(), NOW),
            Err(AuthorityError::KeyDoesNotFit { .. })
        ));
        assert!(!key.exists(), "a refusal writes nothing");
    }

    #[test]
    fn keys_are_readable_by_their_owner_only() {
        let folder = folder();
        let authority = Authority::open_or_create(folder.path(), NOW).expect("a new authority");
        let principal = "ektp://centre/store".parse().expect("a principal");
        let identity = authority
            .terminal_identity(&principal, Duration::days(1), NOW)
            .expect("a certificate");
        for _ in 0..2 {
            identity
                .write_to(&folder.path().join("out"))
                .expect("written, and written over");
        }
        for key in [KEY_FILE, "out/terminal-key.pem"] {
            let found = fs::metadata(folder.path().join(key)).expect("the key is there");
            assert_eq!(found.permissions().mode() & 0o777, SECRET_MODE);
        }
        assert!(!format!("{identity:?}").contains("PRIVATE"));
    }
}
