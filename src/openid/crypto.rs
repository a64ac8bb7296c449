//! The signatures of tokens, verified by the code that verifies those of TLS. Nothing is signed here.

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use signature::{Error, Verifier};

static RING: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    // Asked only by those who make keys and their thumbprints; nobody does here.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| refused(),
        rsa_pub_components_from_public_key: |_| refused(),
        ec_pub_components_from_private_key: |_, _| refused(),
        ed_pub_components_from_private_key: |_, _| refused(),
        compute_digest: |_, _| refused(),
    },
};

fn refused<T>() -> Result<T> {
    Err(ErrorKind::InvalidAlgorithm.into())
}

/// Makes it the process's; whoever was first before us has installed the same.
pub(super) fn install() {
    RING.install_default().ok();
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    refused()
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let rule: &'static dyn VerificationAlgorithm = if *algorithm == Algorithm::ES256 {
        &ECDSA_P256_SHA256_FIXED
    } else if *algorithm == Algorithm::EdDSA {
        &ED25519
    } else {
        return refused();
    };
    let bytes = key.try_get_as_bytes()?.to_vec();
    Ok(Box::new(Signature {
        algorithm: *algorithm,
        key: UnparsedPublicKey::new(rule, bytes),
    }))
}

struct Signature {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl Verifier<Vec<u8>> for Signature {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key
            .verify(message, signature)
            .map_err(|_| Error::new())
    }
}

impl JwtVerifier for Signature {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
