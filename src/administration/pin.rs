//! PINs and their hashes: slow on purpose, therefore never inside a transaction and only a few at once.
//!
//! What is easily got wrong: six digits are a million guesses. argon2id makes each of them slow, and before it the PIN
//! goes through a key that is not in the database, so that a stolen table alone is worth nothing.

use std::{fmt, str::FromStr, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    error::{Error, Result},
    seal::Keys,
};

/// OWASP's parameters for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Hashes computed at once: each takes a core and 19 MiB.
const AT_ONCE: usize = 2;
/// Hashes computed or waited for: less than a second's work, so that who waits is answered within the call's deadline. One
/// more is told to come again.
const WAITING_MAX: usize = 16;
/// The purpose of the keyed digest that is hashed instead of the PIN.
const PURPOSE: &str = "officer.pin";

/// A PIN as it was typed, wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pin(String);

/// Why a text is no PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 6 to 12 digits")]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let fits = (6..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(text.to_owned())).ok_or(PinError)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pin(hidden)")
    }
}

/// A PIN's hash in its PHC text form.
#[derive(Clone, PartialEq, Eq)]
pub struct PinHash(String);

impl PinHash {
    /// As it stands in a row.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// For a row.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PinHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PinHash(hidden)")
    }
}

/// Where PINs are hashed and tried.
#[derive(Clone)]
pub struct Pins {
    keys: Arc<Keys>,
    waiting: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Pins {
    /// With the key that is not in the database.
    pub fn new(keys: Arc<Keys>) -> Self {
        Self {
            keys,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// A new hash.
    pub async fn hash(&self, pin: &Pin) -> Result<PinHash> {
        self.compute(pin, |keyed| hashed(keyed).map(PinHash)).await
    }

    /// Whether the PIN fits. Where there is no hash it takes as long, and never fits.
    pub async fn fits(&self, pin: &Pin, hash: Option<PinHash>) -> Result<bool> {
        self.compute(pin, move |keyed| match hash {
            Some(hash) => Ok(argon2()?.verify_password(keyed, hash.text()).is_ok()),
            None => hashed(keyed).map(|_| false),
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        pin: &Pin,
        slow: impl FnOnce(&[u8]) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let waiting = self.waiting.try_acquire();
        let _waiting = waiting.map_err(|_| Error::overloaded())?;
        let keyed = Zeroizing::new(self.keys.digest(PURPOSE, pin.0.as_bytes()));
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| Error::internal("the places of the hashes were closed"))?;
        let computed = tokio::task::spawn_blocking(move || {
            let _place = place;
            slow(&keyed)
        });
        computed
            .await
            .map_err(|error| Error::internal(format!("a hash's task ended: {error}")))?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| Error::internal(format!("argon2: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hashed(keyed: &[u8]) -> Result<String> {
    let hash: PasswordHash = argon2()?
        .hash_password(keyed)
        .map_err(|error| Error::internal(format!("argon2: {error}")))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Pin {
        text.parse().expect("a PIN")
    }

    #[tokio::test]
    async fn a_pin_fits_its_own_hash_under_its_own_key_and_nothing_else() {
        let keys = Arc::new(Keys::random());
        let pins = Pins::new(Arc::clone(&keys));
        let hash = pins.hash(&pin("482913")).await.expect("a hash");
        assert!(hash.text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let fits = async |pins: &Pins, text, hash| pins.fits(&pin(text), hash).await;
        assert_eq!(fits(&pins, "482913", Some(hash.clone())).await, Ok(true));
        assert_eq!(fits(&pins, "482914", Some(hash.clone())).await, Ok(false));
        assert_eq!(fits(&pins, "482913", None).await, Ok(false));
        let stolen = Pins::new(Arc::new(Keys::random()));
        assert_eq!(fits(&stolen, "482913", Some(hash)).await, Ok(false));
    }

    #[test]
    fn a_pin_is_six_to_twelve_digits_and_is_never_shown() {
        for bad in [
            "",
            "12345",
            "1234567890123",
            "12345a",
            "12345\u{663}",
            " 123456",
        ] {
            assert_eq!(bad.parse::<Pin>(), Err(PinError), "{bad}");
        }
        assert_eq!(format!("{:?}", pin("482913")), "Pin(hidden)");
        let stored = PinHash::stored("$argon2id$".to_owned());
        assert_eq!(format!("{stored:?}"), "PinHash(hidden)");
    }
}
