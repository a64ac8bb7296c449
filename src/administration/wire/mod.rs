//! Proto to nouns, for administration. Every violation of a request is found at once; the answers stand in [`answers`].
//!
//! What is easily got wrong: the district 00.00 is the centre, and here alone a client may name it; everywhere else it is
//! no district's code.

mod answers;
mod content;

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    administration::{Badge, NewOfficer, Pin},
    approval::Cursor,
    areas,
    caller::{OfficerRole, Principal},
    error::{Error, Result},
    ids::{ApprovalId, District, Nik, OfficerId, Province, RequestId, Subdistrict},
    proto,
    violations::Violations,
    wire::{CENTRE, date},
};

pub use crate::approval::wire::approval;
pub use answers::{
    close_shift_response, officer, open_shift_response, renew_terminal_response, terminal,
};
pub use content::{new_officer, new_officer_content, terminal_content, terminal_of};

/// The bytes of a digest.
const DIGEST_BYTES: usize = 32;
/// The longest subject of a provider.
const SUBJECT_MAX: usize = 128;
/// The longest token.
const TOKEN_MAX: usize = 4_096;
/// The most roles of one account.
const ROLES_MAX: usize = 5;

/// How an officer proves it.
pub enum Credential {
    /// By badge and PIN, with the new one if there is one.
    Pin {
        badge: Badge,
        pin: Pin,
        new_pin: Option<Pin>,
    },
    /// By a token of the office's provider.
    Token(String),
}

/// A registration as it was asked for; the PIN is not hashed yet.
pub struct Registration {
    /// The district that was named.
    pub district: Option<District>,
    /// Limits the officer to it.
    pub subdistrict: Option<Subdistrict>,
    pub badge: Badge,
    pub nik: Nik,
    pub roles: Vec<OfficerRole>,
    pub last_day: Option<Date>,
    pub initial_pin: Option<Pin>,
    pub subject: Option<String>,
    pub purpose: String,
}

impl Registration {
    /// The account to be made, with what is kept of the NIK and of the PIN.
    pub fn account(
        &self,
        district: District,
        nik_index: Vec<u8>,
        pin_hash: Option<crate::administration::PinHash>,
    ) -> NewOfficer {
        NewOfficer {
            nik_index,
            district,
            subdistrict: self.subdistrict,
            badge: self.badge.clone(),
            roles: self.roles.clone(),
            last_day: self.last_day,
            pin_hash,
            subject: self.subject.clone(),
        }
    }
}

/// Parses a proof of an officer.
pub fn open_shift(message: &proto::OpenShiftRequest) -> Result<(RequestId, Credential)> {
    use proto::open_shift_request::Credential as Said;
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let credential = match &message.credential {
        None => {
            violations.add("credential", "is required");
            None
        }
        Some(Said::Pin(said)) => pin_credential(&mut violations, said),
        Some(Said::BearerToken(token)) => {
            let fits = (1..=TOKEN_MAX).contains(&token.len());
            violations.require(fits, "bearer_token", "must have 1 to 4096 characters");
            Some(Credential::Token(token.clone()))
        }
    };
    let (Some(request_id), Some(credential)) = (request_id, credential) else {
        return Err(violations.error());
    };
    violations.finish((request_id, credential))
}

fn pin_credential(violations: &mut Violations, said: &proto::PinCredential) -> Option<Credential> {
    let badge = violations.parse("pin.badge", &said.badge);
    let pin = violations.parse::<Pin>("pin.pin", &said.pin);
    let new_pin = violations.parse_optional::<Pin>("pin.new_pin", &said.new_pin);
    if new_pin.is_some() && new_pin == pin {
        violations.add("pin.new_pin", "must be another one");
    }
    Some(Credential::Pin {
        badge: badge?,
        pin: pin?,
        new_pin,
    })
}

/// Parses a request that says nothing but its own name.
pub fn close_shift(message: &proto::CloseShiftRequest) -> Result<RequestId> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    request_id.ok_or_else(|| violations.error())
}

/// Parses a registration.
pub fn register_officer(
    message: &proto::RegisterOfficerRequest,
) -> Result<(RequestId, Registration)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let badge = violations.parse("badge", &message.badge);
    let nik = if message.nik.is_empty() {
        violations.add("nik", "is required");
        None
    } else {
        violations.take("nik", Nik::parse(&message.nik))
    };
    let roles = roles(&mut violations, message);
    let named = district(&mut violations, &message.district);
    let part: Option<Subdistrict> = violations.parse_optional("subdistrict", &message.subdistrict);
    if let Some(part) = part {
        let fits = areas::is_listed(part) && named.is_none_or(|named| named == part.district());
        violations.require(fits, "subdistrict", "must be one of the district");
    }
    let last_day = last_day(&mut violations, message);
    let initial_pin = violations.parse_optional("initial_pin", &message.initial_pin);
    let subject = message.subject.as_str();
    let subject_fits =
        subject.chars().count() <= SUBJECT_MAX && !subject.contains(char::is_control);
    violations.require(subject_fits, "subject", "must have at most 128 characters");
    violations.require(
        !message.initial_pin.is_empty() || !subject.is_empty(),
        "initial_pin",
        "is required without a subject",
    );
    let purpose = violations.text("purpose", &message.purpose, 4, 200);
    let (Some(request_id), Some(badge), Some(nik)) = (request_id, badge, nik) else {
        return Err(violations.error());
    };
    let registration = Registration {
        district: named,
        subdistrict: part,
        badge,
        nik,
        roles,
        last_day,
        initial_pin,
        subject: (!subject.is_empty()).then(|| subject.to_owned()),
        purpose,
    };
    violations.finish((request_id, registration))
}

fn roles(violations: &mut Violations, message: &proto::RegisterOfficerRequest) -> Vec<OfficerRole> {
    violations.batch("roles", &message.roles, ROLES_MAX);
    let mut roles = Vec::new();
    for (place, number) in message.roles.iter().enumerate().take(ROLES_MAX) {
        match proto::OfficerRole::try_from(*number).ok().and_then(role) {
            Some(role) => roles.push(role),
            None => violations.add(format!("roles[{place}]"), "must be a role"),
        }
    }
    violations.distinct(
        roles
            .iter()
            .enumerate()
            .map(|(place, role)| (format!("roles[{place}]"), *role)),
    );
    let alone = !roles.contains(&OfficerRole::Contractor) || roles.len() == 1;
    violations.require(alone, "roles", "CONTRACTOR must stand alone");
    roles.sort_unstable();
    roles
}

fn role(said: proto::OfficerRole) -> Option<OfficerRole> {
    match said {
        proto::OfficerRole::Unspecified => None,
        proto::OfficerRole::Counter => Some(OfficerRole::Counter),
        proto::OfficerRole::Printer => Some(OfficerRole::Printer),
        proto::OfficerRole::Stock => Some(OfficerRole::Stock),
        proto::OfficerRole::Head => Some(OfficerRole::Head),
        proto::OfficerRole::Auditor => Some(OfficerRole::Auditor),
        proto::OfficerRole::Contractor => Some(OfficerRole::Contractor),
    }
}

fn last_day(violations: &mut Violations, message: &proto::RegisterOfficerRequest) -> Option<Date> {
    if message.last_day.is_empty() {
        let contractor = i32::from(proto::OfficerRole::Contractor);
        let needs = message.roles.contains(&contractor);
        violations.require(!needs, "last_day", "is required with CONTRACTOR");
        return None;
    }
    violations.take("last_day", date(&message.last_day))
}

/// A district that a client names, or none. The centre's name is good only here.
fn district(violations: &mut Violations, text: &str) -> Option<District> {
    if text == CENTRE {
        return Some(District::CENTRE);
    }
    if let Ok(province) = text.parse::<Province>() {
        let office = District::of_province(province);
        let listed = areas::districts().any(|district| district.province() == Some(province));
        violations.require(listed, "district", "is not in the ministry's list");
        return Some(office);
    }
    let named = violations.parse_optional::<District>("district", text)?;
    let listed = areas::district(named).is_some();
    violations.require(listed, "district", "is not in the ministry's list");
    Some(named)
}

/// Parses the end of an account.
pub fn end_officer(message: &proto::EndOfficerRequest) -> Result<(RequestId, OfficerId)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let officer_id = violations.parse("officer_id", &message.officer_id);
    match (request_id, officer_id) {
        (Some(request_id), Some(officer_id)) => violations.finish((request_id, officer_id)),
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// Parses the filter of a list.
pub fn listed(district_named: &str) -> Result<Option<District>> {
    let mut violations = Violations::new();
    let named = district(&mut violations, district_named);
    violations.finish(named)
}

/// Parses a second person's word.
pub fn approve(message: &proto::ApproveRequest) -> Result<(RequestId, ApprovalId, Vec<u8>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let approval_id = violations.parse("approval_id", &message.approval_id);
    let fits = message.content_digest.len() == DIGEST_BYTES;
    violations.require(fits, "content_digest", "must have 32 bytes");
    match (request_id, approval_id) {
        (Some(request_id), Some(approval_id)) => {
            violations.finish((request_id, approval_id, message.content_digest.clone()))
        }
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// Parses a request to revoke.
pub fn revoke_terminal(
    message: &proto::RevokeTerminalRequest,
) -> Result<(RequestId, Principal, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let terminal = violations.parse("terminal", &message.terminal);
    let purpose = violations.text("purpose", &message.purpose, 4, 200);
    match (request_id, terminal) {
        (Some(request_id), Some(terminal)) => violations.finish((request_id, terminal, purpose)),
        (None, _) | (_, None) => Err(violations.error()),
    }
}

/// Parses a request for a certificate; the authority reads it further.
pub fn renew_terminal(message: &proto::RenewTerminalRequest) -> Result<(RequestId, Vec<u8>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse("request_id", &message.request_id);
    let request = &message.certificate_request;
    let fits = (1..=crate::authority::REQUEST_MAX).contains(&request.len());
    violations.require(fits, "certificate_request", "must have 1 to 4096 bytes");
    match request_id {
        Some(request_id) => violations.finish((request_id, request.clone())),
        None => Err(violations.error()),
    }
}

/// The approval after which a page begins, as its token carries it.
pub fn cursor_text(approval: &crate::approval::Approval) -> String {
    let micros = approval.requested_at.unix_timestamp_nanos() / 1_000;
    format!("{micros}/{}", approval.approval_id)
}

/// Reads what [`cursor_text`] wrote; the token's check has seen to it that it did.
pub fn cursor(text: &str) -> Result<Cursor> {
    let parsed = text.split_once('/').and_then(|(micros, id)| {
        let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some((at, Uuid::try_parse(id).ok()?))
    });
    parsed.ok_or_else(|| Error::internal("a page token of our own does not parse"))
}
