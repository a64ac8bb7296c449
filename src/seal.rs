//! Sealing: personal data is stored only as AEAD ciphertext and found only by a keyed index.
//!
//! A NIK has so little entropy that a plain hash of it is public; the index is an HMAC with a key that never enters the
//! database. A seal names its table and row, so that a ciphertext moved to another row does not open.

use std::{fs, io, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use rand::Rng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The file beside the data that holds the keys.
const KEY_FILE: &str = "sealing.key";
/// Two keys of 32 bytes: sealing, and index.
const KEY_BYTES: usize = 64;
/// The first byte of a seal: the generation of the key.
const KEY_GENERATION: u8 = 1;
/// The nonce of XChaCha20-Poly1305, random for each seal.
const NONCE_BYTES: usize = 24;
/// An index keeps 16 bytes: collisions stay out of reach and the unique index small.
const INDEX_BYTES: usize = 16;

/// The keys, wiped when dropped.
pub struct Keys(Zeroizing<[u8; KEY_BYTES]>);

impl Keys {
    /// Reads the key file of a data folder, or makes it where there is none.
    pub fn open_or_create(folder: &Path) -> io::Result<Self> {
        let made = || Zeroizing::new(Self::random().0.to_vec());
        Self::from_bytes(&secret_file(folder, KEY_FILE, made)?)
    }

    /// Fresh keys, for tests and for a new folder.
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let keys = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|_| {
            io::Error::other(format!("{KEY_FILE} must hold exactly {KEY_BYTES} bytes"))
        })?;
        Ok(Self(Zeroizing::new(keys)))
    }

    /// Seals `plain` for one row: `place` names the table, `row` the row's id.
    pub fn seal(&self, place: &str, row: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let aad = associated(place, row);
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: &aad,
                },
            )
            .expect("sealing fails only beyond 256 GiB");
        let mut out = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        out.push(KEY_GENERATION);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens what was sealed for the same place and row.
    pub fn open(
        &self,
        place: &'static str,
        row: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let broken = || Error::corrupt(place, "a seal does not open");
        let (generation, rest) = sealed.split_first().ok_or_else(broken)?;
        if *generation != KEY_GENERATION || rest.len() < NONCE_BYTES {
            return Err(broken());
        }
        let (nonce, message) = rest.split_at(NONCE_BYTES);
        let nonce = <[u8; NONCE_BYTES]>::try_from(nonce).map_err(|_| broken())?;
        let aad = associated(place, row);
        self.cipher()
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: message,
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| broken())
    }

    /// The keyed index of a value under a purpose: equal for equal values, meaningless without the key.
    pub fn index(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        let mut full = self.digest(purpose, value);
        full.truncate(INDEX_BYTES);
        full
    }

    /// The full keyed digest, for the content of requests and for tokens.
    pub fn digest(&self, purpose: &str, value: &[u8]) -> Vec<u8> {
        let (_, index_key) = self.0.split_at(KEY_BYTES / 2);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(index_key).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(value);
        mac.finalize().into_bytes().to_vec()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let (seal_key, _) = self.0.split_at(KEY_BYTES / 2);
        XChaCha20Poly1305::new_from_slice(seal_key).expect("the sealing key has 32 bytes")
    }
}

/// Reads a file of secrets in a data folder, or makes it (mode 0600) where there is none.
pub fn secret_file(
    folder: &Path,
    name: &str,
    make: impl FnOnce() -> Zeroizing<Vec<u8>>,
) -> io::Result<Zeroizing<Vec<u8>>> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => return Ok(Zeroizing::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let made = make();
    let draft = folder.join(format!("{name}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&made)?;
    file.sync_all()?;
    // A link fails if another process was faster; what it made is then the secret.
    let linked = fs::hard_link(&draft, &path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read(&path).map(Zeroizing::new)
        }
        Err(error) => Err(error),
    }
}

fn associated(place: &str, row: &[u8]) -> Vec<u8> {
    let mut aad = place.as_bytes().to_vec();
    aad.push(0);
    aad.extend_from_slice(row);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_in_its_own_row() {
        let keys = Keys::random();
        let sealed = keys.seal("resident", b"row 1", b"a secret");
        assert_eq!(
            keys.open("resident", b"row 1", &sealed)
                .expect("it opens")
                .as_slice(),
            b"a secret"
        );
        assert!(keys.open("resident", b"row 2", &sealed).is_err());
        assert!(keys.open("notice", b"row 1", &sealed).is_err());
        assert!(Keys::random().open("resident", b"row 1", &sealed).is_err());
        assert!(!sealed.windows(8).any(|window| window == b"a secret"));
    }

    #[test]
    fn an_index_depends_on_the_key_and_the_purpose() {
        let keys = Keys::random();
        assert_eq!(keys.index("nik", b"1"), keys.index("nik", b"1"));
        assert_ne!(keys.index("nik", b"1"), keys.index("phone", b"1"));
        assert_ne!(keys.index("nik", b"1"), Keys::random().index("nik", b"1"));
    }
}
