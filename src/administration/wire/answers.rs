//! Nouns to proto, and each refusal with its reason, for administration.

use time::{Date, OffsetDateTime};

use crate::{
    administration::{Account, OpenedShift, Refusal, Terminal},
    authority::Renewed,
    caller::OfficerRole,
    error::{Error, ErrorReason, Kind},
    openid::{self, Because},
    proto,
    wire::{district_text, timestamp},
};

/// An account as the contract carries it.
pub fn officer(account: &Account) -> proto::Officer {
    proto::Officer {
        officer_id: account.officer_id.to_string(),
        badge: account.badge.clone(),
        district: district_text(account.district),
        subdistrict: account
            .subdistrict
            .map(|part| part.to_string())
            .unwrap_or_default(),
        roles: account
            .roles
            .iter()
            .map(|role| said(*role).into())
            .collect(),
        last_day: account.last_day.map(day).unwrap_or_default(),
        registered_time: Some(timestamp(account.registered_at)),
        ended_time: account.ended_at.map(timestamp),
    }
}

fn said(role: OfficerRole) -> proto::OfficerRole {
    match role {
        OfficerRole::Counter => proto::OfficerRole::Counter,
        OfficerRole::Printer => proto::OfficerRole::Printer,
        OfficerRole::Stock => proto::OfficerRole::Stock,
        OfficerRole::Head => proto::OfficerRole::Head,
        OfficerRole::Auditor => proto::OfficerRole::Auditor,
        OfficerRole::Contractor => proto::OfficerRole::Contractor,
    }
}

fn day(date: Date) -> String {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}")
}

/// The answer to a proof.
pub fn open_shift_response(shift: &OpenedShift) -> proto::OpenShiftResponse {
    proto::OpenShiftResponse {
        shift: Some(proto::Shift {
            shift_id: shift.shift_id.to_string(),
            officer: Some(officer(&shift.account)),
            opened_time: Some(timestamp(shift.opened_at)),
            end_time: Some(timestamp(shift.ends_at)),
        }),
        committed_revision: 0,
    }
}

/// The answer to one who goes home.
pub fn close_shift_response(at: OffsetDateTime) -> proto::CloseShiftResponse {
    proto::CloseShiftResponse {
        closed_time: Some(timestamp(at)),
        committed_revision: 0,
    }
}

/// A terminal as the contract carries it.
pub fn terminal(terminal: &Terminal) -> proto::Terminal {
    proto::Terminal {
        terminal: terminal.terminal.clone(),
        first_seen_time: Some(timestamp(terminal.first_seen_at)),
        certificate_end_time: Some(timestamp(terminal.certificate_ends_at)),
        revoked_time: terminal.revoked_at.map(timestamp),
    }
}

/// The answer with a certificate.
pub fn renew_terminal_response(renewed: &Renewed) -> proto::RenewTerminalResponse {
    proto::RenewTerminalResponse {
        certificate: renewed.certificate_pem.clone(),
        end_time: Some(timestamp(renewed.ends_at)),
        committed_revision: 0,
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::PinWrong => {
                let message = "badge and PIN do not fit";
                Error::new(Kind::Unauthenticated, ErrorReason::PinWrong, message)
            }
            Refusal::PinLocked { wait } => {
                let message = "too many wrong PINs; the account waits";
                Error::new(Kind::Exhausted, ErrorReason::PinLocked, message).retry(wait)
            }
            Refusal::PinChanged => {
                let message = "the account changed meanwhile; send the same request again";
                Error::new(Kind::Clash, ErrorReason::Conflict, message)
                    .retry(std::time::Duration::ZERO)
            }
            Refusal::PinMustChange => {
                let message = "the first PIN is known to others; hand in a new one";
                Error::refused(ErrorReason::PinMustChange, message)
            }
            Refusal::SubjectUnknown => openid::refused(Because::SubjectUnknown),
            Refusal::OfficerEnded => {
                Error::refused(ErrorReason::OfficerEnded, "the account was ended")
            }
            Refusal::OfficerNotFound => Error::not_found(ErrorReason::OfficerNotFound, "officer"),
            Refusal::OutsideArea => {
                let message = "the caller's area does not reach there";
                Error::new(Kind::Forbidden, ErrorReason::OutsideArea, message)
            }
            Refusal::BadgeTaken => {
                let message = "the badge, or the subject, is another account's in this district";
                Error::refused(ErrorReason::BadgeTaken, message)
            }
            Refusal::TerminalNotFound => {
                Error::not_found(ErrorReason::TerminalNotFound, "terminal")
            }
            Refusal::TerminalRevoked => Error::refused(
                ErrorReason::TerminalRevoked,
                "the terminal was revoked before",
            ),
            Refusal::AlreadyFounded => {
                let message = "the centre has two heads; they register everybody else";
                Error::refused(ErrorReason::BadgeTaken, message)
            }
            Refusal::SamePerson => {
                let message = "the centre's two first heads are two persons";
                Error::refused(ErrorReason::SamePerson, message)
            }
        }
    }
}
