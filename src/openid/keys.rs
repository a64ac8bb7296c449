//! A provider's published keys: kept for minutes, asked for again when a token names one that is not among them.
//!
//! What is easily got wrong: any stranger can name a key that does not exist. The provider is asked at most twice a minute
//! whatever tokens say; and a provider that does not answer leaves us with the keys that we have, for an hour.

use std::{path::Path, path::PathBuf, time::SystemTime};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, JwkSet},
};
use tokio::{
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::config::ConfigError;

/// Keys are taken as they are for this long.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// And used for this long where the provider does not answer.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// Between two questions, whatever tokens name.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// An answer that takes longer is none: an officer waits.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A list of keys is a few kilobytes.
const SIZE_MAX: u64 = 64 * 1024;

/// A key that a token may name.
#[derive(Clone)]
pub(super) struct Key {
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

enum Place {
    File(PathBuf),
    Address(String, reqwest::Client),
}

#[derive(Default)]
struct Held {
    keys: Vec<(String, Key)>,
    read_at: Option<Instant>,
    asked_at: Option<Instant>,
    stamp: Option<SystemTime>,
}

/// The keys of one provider.
pub(super) struct Keys {
    place: Place,
    held: Mutex<Held>,
}

impl Keys {
    /// Of a file, or of an https address.
    pub(super) fn of(place: &str, authority: Option<&Path>) -> Result<Self, ConfigError> {
        let place = if place.starts_with("https://") {
            Place::Address(place.to_owned(), client(place, authority)?)
        } else if place.contains("://") || place.is_empty() {
            return Err(ConfigError::Keys(place.to_owned()));
        } else {
            Place::File(place.into())
        };
        Ok(Self {
            place,
            held: Mutex::default(),
        })
    }

    /// The key of this name, if it is published.
    pub(super) async fn find(&self, id: &str) -> Option<Key> {
        let mut held = self.held.lock().await;
        if self.is_due(&held, id).await {
            held.asked_at = Some(Instant::now());
            match self.ask().await {
                Ok((keys, stamp)) => {
                    held.keys = keys;
                    held.stamp = stamp;
                    held.read_at = Some(Instant::now());
                }
                Err(cause) => tracing::warn!(cause, "a provider's keys could not be read"),
            }
        }
        // A file that is there says what is good, however old it is; an address that does not answer says nothing.
        let is_address = matches!(self.place, Place::Address(..));
        if is_address && held.read_at.is_none_or(|at| at.elapsed() > KEPT) {
            held.keys.clear();
        }
        let found = held.keys.iter().find(|(name, _)| name == id);
        found.map(|(_, key)| key.clone())
    }

    async fn is_due(&self, held: &Held, id: &str) -> bool {
        if let Place::File(path) = &self.place {
            let stamp = stamp(path).await;
            return held.read_at.is_none() || stamp != held.stamp;
        }
        if held.asked_at.is_some_and(|at| at.elapsed() < ASK_EVERY) {
            return false;
        }
        let known = held.keys.iter().any(|(name, _)| name == id);
        !known || held.read_at.is_none_or(|at| at.elapsed() > FRESH)
    }

    async fn ask(&self) -> Result<(Vec<(String, Key)>, Option<SystemTime>), String> {
        match &self.place {
            Place::File(path) => {
                let stamp = stamp(path).await;
                let size = fs::metadata(path)
                    .await
                    .map_err(|error| error.to_string())?;
                if size.len() > SIZE_MAX {
                    return Err("the file is too long".to_owned());
                }
                let bytes = fs::read(path).await.map_err(|error| error.to_string())?;
                Ok((published(&bytes)?, stamp))
            }
            Place::Address(address, client) => Ok((published(&get(address, client).await?)?, None)),
        }
    }
}

async fn stamp(path: &Path) -> Option<SystemTime> {
    let found = fs::metadata(path).await.ok()?;
    found.modified().ok()
}

fn client(address: &str, authority: Option<&Path>) -> Result<reqwest::Client, ConfigError> {
    // The process has one provider of cryptography; whoever was first has installed the same.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let refused = |error| ConfigError::Http(address.to_owned(), error);
    let mut builder = reqwest::Client::builder()
        .https_only(true)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // A provider stands in the ministry's own network.
        .no_proxy();
    if let Some(path) = authority {
        let pem = std::fs::read(path);
        let pem = pem.map_err(|error| ConfigError::File(path.to_owned(), error))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(refused)?;
        builder = builder.tls_certs_only(roots);
    }
    builder.build().map_err(refused)
}

async fn get(address: &str, client: &reqwest::Client) -> Result<Vec<u8>, String> {
    let told = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = client.get(address).send().await.map_err(told)?;
    if !answer.status().is_success() {
        return Err(format!("the provider answers {}", answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(told)? {
        bytes.extend_from_slice(&part);
        if bytes.len() as u64 > SIZE_MAX {
            return Err("the answer is too long".to_owned());
        }
    }
    Ok(bytes)
}

/// The keys with a name that are for one of our two algorithms; others may be there for other services.
fn published(bytes: &[u8]) -> Result<Vec<(String, Key)>, String> {
    let set: JwkSet = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let algorithm = algorithm(&jwk.algorithm)?;
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, Key { algorithm, key }))
    });
    Ok(keys.collect())
}

fn algorithm(of: &AlgorithmParameters) -> Option<Algorithm> {
    if let AlgorithmParameters::EllipticCurve(key) = of {
        (key.curve == EllipticCurve::P256).then_some(Algorithm::ES256)
    } else if let AlgorithmParameters::OctetKeyPair(key) = of {
        (key.curve == EllipticCurve::Ed25519).then_some(Algorithm::EdDSA)
    } else {
        None
    }
}
