//! A certificate with its private key, in memory and in a terminal's folder.
//!
//! What is easily got wrong: key and certificate are two files, and no file system replaces two at once. A renewed pair is
//! therefore first written beside the old one, whole; from then on whoever opens the folder finishes the replacement, so a
//! loss of power leaves the old pair or the new one and never half of each.

use std::{
    fmt,
    fs::{self, File},
    io,
    path::Path,
};

use rcgen::{KeyPair, PublicKeyData as _};
use time::OffsetDateTime;

use super::{
    AuthorityError,
    files::{PUBLIC_MODE, SECRET_MODE, file_error, write_over},
    first_pem,
};

const CERTIFICATE: &str = "terminal.pem";
const KEY: &str = "terminal-key.pem";
const CA: &str = "ca.pem";
/// The renewed pair. The certificate is written last: where it is, the key is too.
const NEXT_CERTIFICATE: &str = "terminal.next.pem";
const NEXT_KEY: &str = "terminal-key.next.pem";
/// Held by who replaces the pair.
const LOCK: &str = "terminal.lock";
/// A pair that does not fit is read again so often: another program may be replacing it.
const READS_MAX: usize = 3;

/// A certificate with its private key, and the authority that the other side shows.
#[derive(Clone)]
pub struct Identity {
    pub certificate_pem: String,
    pub key_pem: String,
    pub ca_pem: String,
}

/// Shows that there is a key, never the key.
impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Writes `terminal.pem`, `terminal-key.pem` and `ca.pem` into `folder`, over older ones.
    pub fn write_to(&self, folder: &Path) -> Result<(), AuthorityError> {
        fs::create_dir_all(folder).map_err(|cause| file_error(folder, cause))?;
        write_over(&folder.join(CA), &self.ca_pem, PUBLIC_MODE)?;
        self.replace_in(folder)
    }

    /// Reads the three files of `folder`; finishes a replacement that was broken off.
    pub fn read_from(folder: &Path) -> Result<Self, AuthorityError> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|cause| file_error(&path, cause))
        };
        for _ in 0..READS_MAX {
            if folder.join(NEXT_CERTIFICATE).exists() {
                let _lock = lock(folder)?;
                settle(folder)?;
            }
            let identity = Self {
                certificate_pem: read(CERTIFICATE)?,
                key_pem: read(KEY)?,
                ca_pem: read(CA)?,
            };
            if identity.fits() {
                return Ok(identity);
            }
        }
        Err(AuthorityError::PairDoesNotFit {
            folder: folder.to_owned(),
        })
    }

    /// Replaces certificate and key in `folder` by these, both or none.
    pub fn replace_in(&self, folder: &Path) -> Result<(), AuthorityError> {
        let _lock = lock(folder)?;
        // One that another program left whole comes first; this one then replaces it.
        settle(folder)?;
        write_over(&folder.join(NEXT_KEY), &self.key_pem, SECRET_MODE)?;
        sync(folder)?;
        let next = folder.join(NEXT_CERTIFICATE);
        write_over(&next, &self.certificate_pem, PUBLIC_MODE)?;
        sync(folder)?;
        settle(folder)
    }

    /// From when until when the certificate is valid; `None` where it cannot be read.
    pub fn validity(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        let pem = first_pem(&self.certificate_pem)?;
        let certificate = pem.parse_x509().ok()?;
        let validity = certificate.validity();
        Some((
            validity.not_before.to_datetime(),
            validity.not_after.to_datetime(),
        ))
    }

    /// Whether the key is the certificate's. A kind of key that cannot be read here is left to TLS to judge.
    fn fits(&self) -> bool {
        let Ok(key) = KeyPair::from_pem(&self.key_pem) else {
            return true;
        };
        let pem = first_pem(&self.certificate_pem);
        let certificate = pem.as_ref().and_then(|pem| pem.parse_x509().ok());
        certificate.is_some_and(|certificate| {
            certificate.public_key().raw == key.subject_public_key_info()
        })
    }
}

fn lock(folder: &Path) -> Result<File, AuthorityError> {
    let path = folder.join(LOCK);
    let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|cause| file_error(&path, cause))
}

/// Puts a renewed pair in the place of the old one, the key first; under the lock.
fn settle(folder: &Path) -> Result<(), AuthorityError> {
    if !folder.join(NEXT_CERTIFICATE).exists() {
        return Ok(());
    }
    for (next, current) in [(NEXT_KEY, KEY), (NEXT_CERTIFICATE, CERTIFICATE)] {
        match fs::rename(folder.join(next), folder.join(current)) {
            Ok(()) => sync(folder)?,
            // It was put there before the other one broke off.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && next == NEXT_KEY => {}
            Err(cause) => return Err(file_error(&folder.join(next), cause)),
        }
    }
    Ok(())
}

/// A name in a folder is durable only when the folder is.
fn sync(folder: &Path) -> Result<(), AuthorityError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|cause| file_error(folder, cause))
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::authority::Authority;

    const NOW: OffsetDateTime = datetime!(2017-04-03 08:00 UTC);

    fn identities() -> (Identity, Identity, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("the temp folder is writable");
        let authority = Authority::open_or_create(folder.path(), NOW).expect("a new authority");
        let principal = "ektp://centre/store".parse().expect("an identity");
        let identity = |from| {
            authority
                .terminal_identity(&principal, Duration::days(7), from)
                .expect("a certificate")
        };
        (identity(NOW), identity(NOW + Duration::days(4)), folder)
    }

    #[test]
    fn a_replacement_that_broke_off_anywhere_leaves_a_pair_that_fits() {
        let (old, new, _authority) = identities();
        // What is on the disk after each step: the new key, the new certificate beside the old, the key in its place.
        for step in 1..=3 {
            let folder = tempfile::tempdir().expect("the temp folder is writable");
            old.write_to(folder.path()).expect("it is written");
            let write = |name: &str, text: &str| {
                fs::write(folder.path().join(name), text).expect("it is written");
            };
            write(NEXT_KEY, &new.key_pem);
            if step >= 2 {
                write(NEXT_CERTIFICATE, &new.certificate_pem);
            }
            if step == 3 {
                fs::rename(folder.path().join(NEXT_KEY), folder.path().join(KEY))
                    .expect("it is renamed");
            }
            let found = Identity::read_from(folder.path()).expect("a pair");
            let expected = if step == 1 { &old } else { &new };
            assert_eq!(found.certificate_pem, expected.certificate_pem, "{step}");
            assert_eq!(found.key_pem, expected.key_pem, "{step}");
            new.replace_in(folder.path()).expect("the next renewal");
            let found = Identity::read_from(folder.path()).expect("a pair");
            assert_eq!(found.key_pem, new.key_pem, "{step}");
        }
    }

    #[test]
    fn a_pair_that_does_not_fit_is_told() {
        let (old, new, _authority) = identities();
        let folder = tempfile::tempdir().expect("the temp folder is writable");
        old.write_to(folder.path()).expect("it is written");
        fs::write(folder.path().join(KEY), &new.key_pem).expect("it is written");
        assert!(matches!(
            Identity::read_from(folder.path()),
            Err(AuthorityError::PairDoesNotFit { .. })
        ));
        let (_, ends_at) = new.validity().expect("a certificate");
        assert_eq!(ends_at, NOW + Duration::days(11));
    }
}
