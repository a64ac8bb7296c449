//! Which provider speaks for which districts: a JSON file, read once at the start.
//!
//! ```json
//! [{ "districts": ["35.75"], "issuer": "https://id.example", "audience": "ektp",
//!    "jwks": "https://id.example/keys", "authority": "/etc/ektp/id-ca.pem" }]
//! ```
//!
//! `"*"` is every district and the centre, `"00.00"` the centre; the first entry that serves a district is its own. The
//! keys are a file or an https address; without `authority`, the machine's own roots are trusted there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Providers, claims::Expected, keys::Keys};
use crate::ids::District;

/// How the centre is named.
const CENTRE: &str = "00.00";

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} is not a list of providers: {1}")]
    Form(PathBuf, serde_json::Error),
    #[error("'{0}' is no district's code")]
    District(String),
    #[error("'{0}' is neither a file's path nor an https address")]
    Keys(String),
    #[error("the way to {0} cannot be made: {1}")]
    Http(String, reqwest::Error),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    districts: Vec<String>,
    issuer: String,
    audience: String,
    jwks: String,
    authority: Option<PathBuf>,
}

/// One provider.
pub(super) struct Provider {
    /// Absent: all.
    districts: Option<Vec<District>>,
    pub(super) expected: Expected,
    pub(super) keys: Keys,
}

impl Provider {
    pub(super) fn serves(&self, district: District) -> bool {
        let named = self.districts.as_ref();
        named.is_none_or(|districts| districts.contains(&district))
    }
}

impl Providers {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read(path).map_err(|error| ConfigError::File(path.to_owned(), error))?;
        let entries: Vec<Entry> = serde_json::from_slice(&text)
            .map_err(|error| ConfigError::Form(path.to_owned(), error))?;
        let providers: Result<Vec<Provider>, _> = entries.into_iter().map(provider).collect();
        Ok(Self(providers?.into()))
    }
}

fn provider(entry: Entry) -> Result<Provider, ConfigError> {
    let all = entry.districts.iter().any(|district| district == "*");
    let districts = entry.districts.iter().map(|text| match text.as_str() {
        CENTRE => Ok(District::CENTRE),
        "*" => Ok(District::CENTRE),
        code => code
            .parse()
            .map_err(|_| ConfigError::District(code.to_owned())),
    });
    let districts: Vec<District> = districts.collect::<Result<_, _>>()?;
    Ok(Provider {
        districts: (!all).then_some(districts),
        expected: Expected {
            issuer: entry.issuer,
            audience: entry.audience,
        },
        keys: Keys::of(&entry.jwks, entry.authority.as_deref())?,
    })
}
