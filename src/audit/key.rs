//! The key that signs the heads of the audit log, and the check of a signature.
//!
//! What is easily got wrong: the key lies beside the server, never in the database. Who administers the database can
//! rewrite every table, and still cannot sign a head of the rewritten log.

use std::{fmt, io, path::Path};

use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use zeroize::Zeroizing;

use super::PublicKey;
use crate::seal;

/// The file in the data folder; PKCS#8.
const KEY_FILE: &str = "audit.key";
/// Of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// The signing key of one data folder.
pub struct Key(Ed25519KeyPair);

impl Key {
    /// Reads the key of a data folder, or makes it where there is none.
    pub fn open_or_create(folder: &Path) -> io::Result<Self> {
        let bytes = seal::secret_file(folder, KEY_FILE, fresh)?;
        Self::from_pkcs8(&bytes)
            .ok_or_else(|| io::Error::other(format!("{KEY_FILE} is not an Ed25519 key")))
    }

    /// A key that is written nowhere, for tests.
    pub fn random() -> Self {
        Self::from_pkcs8(&fresh()).expect("a fresh key is a key")
    }

    fn from_pkcs8(bytes: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8(bytes).ok().map(Self)
    }

    /// What verifies its signatures.
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref();
        bytes
            .try_into()
            .expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs.
    pub fn sign(&self, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.0.sign(text);
        signature
            .as_ref()
            .try_into()
            .expect("an Ed25519 signature has 64 bytes")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

fn fresh() -> Zeroizing<Vec<u8>> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .expect("the system gives random bytes");
    Zeroizing::new(document.as_ref().to_vec())
}

/// Whether the signature is of the text and by the key.
pub fn is_signed(text: &[u8], signature: &[u8], by: &PublicKey) -> bool {
    UnparsedPublicKey::new(&ED25519, by)
        .verify(text, signature)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_keeps_its_key_to_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Key::open_or_create(folder.path()).expect("it is made");
        let again = Key::open_or_create(folder.path()).expect("it is read");
        assert_eq!(first.public(), again.public());
        let mode = folder
            .path()
            .join(KEY_FILE)
            .metadata()
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_signature_is_of_one_text_and_one_key() {
        let key = Key::random();
        let signature = key.sign(b"a head");
        assert!(is_signed(b"a head", &signature, &key.public()));
        assert!(!is_signed(b"another", &signature, &key.public()));
        assert!(!is_signed(b"a head", &signature, &Key::random().public()));
    }
}
