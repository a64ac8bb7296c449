//! What waits for a second person, as bytes for its seal: an account to be made, a terminal to be revoked.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::{
    administration::{NewOfficer, PinHash},
    caller::UnknownRole,
    error::{Error, Result},
    ids::{District, Subdistrict},
};

/// An account in numbers and texts.
#[derive(Serialize, Deserialize)]
struct Sealed {
    nik_index: Vec<u8>,
    district: i32,
    subdistrict: Option<i32>,
    badge: String,
    roles: Vec<String>,
    last_day: Option<Date>,
    pin_hash: Option<String>,
    subject: Option<String>,
}

/// The account's bytes.
pub fn new_officer_content(new: &NewOfficer) -> Vec<u8> {
    let sealed = Sealed {
        nik_index: new.nik_index.clone(),
        district: new.district.number(),
        subdistrict: new.subdistrict.map(Subdistrict::number),
        badge: new.badge.to_string(),
        roles: new.roles.iter().map(ToString::to_string).collect(),
        last_day: new.last_day,
        pin_hash: new.pin_hash.as_ref().map(|hash| hash.text().to_owned()),
        subject: new.subject.clone(),
    };
    serde_json::to_vec(&sealed).expect("an account of texts and numbers is valid JSON")
}

/// The account, read back.
pub fn new_officer(content: &[u8]) -> Result<NewOfficer> {
    let corrupt = |error: String| Error::corrupt("approval", error);
    let sealed: Sealed =
        serde_json::from_slice(content).map_err(|_| corrupt("no account".to_owned()))?;
    let subdistrict = sealed.subdistrict.map(Subdistrict::from_number).transpose();
    let roles = sealed.roles.iter().map(|role| role.parse());
    Ok(NewOfficer {
        nik_index: sealed.nik_index,
        district: District::from_number(sealed.district).map_err(|e| corrupt(e.to_string()))?,
        subdistrict: subdistrict.map_err(|error| corrupt(error.to_string()))?,
        badge: sealed
            .badge
            .parse()
            .map_err(|_| corrupt("no badge".to_owned()))?,
        roles: roles
            .collect::<Result<_, UnknownRole>>()
            .map_err(|error| corrupt(error.to_string()))?,
        last_day: sealed.last_day,
        pin_hash: sealed.pin_hash.map(PinHash::stored),
        subject: sealed.subject,
    })
}

/// A terminal's bytes: its identity.
pub fn terminal_content(terminal: &str) -> Vec<u8> {
    terminal.as_bytes().to_vec()
}

/// The terminal, read back.
pub fn terminal_of(content: &[u8]) -> Result<String> {
    String::from_utf8(content.to_vec()).map_err(|error| Error::corrupt("approval", error))
}
