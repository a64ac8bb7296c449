//! One enrolment and pages of them.

use time::OffsetDateTime;

use super::{certificates, enrolment};
use crate::{
    caller::Caller,
    error::{Error, Result},
    ids::{EnrolmentId, Nik, Subdistrict},
    proto::{self, get_enrolment_request},
    registration::{Enrolment, EnrolmentState, Filter, Key, Shown},
    violations::Violations,
};

/// Parses by which key an enrolment is looked up, and what the caller may see.
pub fn get_enrolment(
    message: &proto::GetEnrolmentRequest,
    caller: &Caller,
) -> Result<(Key, Filter)> {
    let mut violations = Violations::new();
    let key = match &message.key {
        None => {
            violations.add("key", "is required");
            None
        }
        Some(get_enrolment_request::Key::EnrolmentId(id)) => {
            violations.parse("enrolment_id", id).map(Key::Enrolment)
        }
        Some(get_enrolment_request::Key::Nik(nik)) => {
            violations.take("nik", Nik::parse(nik)).map(Key::Nik)
        }
    };
    match key {
        Some(key) => violations.finish((key, seen_by(caller))),
        None => Err(violations.error()),
    }
}

/// All that the caller may see.
fn seen_by(caller: &Caller) -> Filter {
    Filter {
        district: caller.ledger(),
        limit: caller.subdistrict(),
        subdistrict: None,
        state: None,
    }
}

/// The answer to one enrolment.
pub fn get_enrolment_response(shown: Shown) -> proto::GetEnrolmentResponse {
    let interim_certificate = shown.certificate.as_ref().map(certificates::certificate);
    proto::GetEnrolmentResponse {
        enrolment: Some(proto::Enrolment {
            masked_nik: shown.masked_nik,
            initials: shown.initials,
            interim_certificate,
            ..enrolment(&shown.enrolment)
        }),
    }
}

/// Parses the filters of a list; answers them with the name by which its tokens know it.
pub fn list_enrolments(
    message: &proto::ListEnrolmentsRequest,
    caller: &Caller,
) -> Result<(Filter, String)> {
    let mut violations = Violations::new();
    let subdistrict = violations.parse_optional::<Subdistrict>("subdistrict", &message.subdistrict);
    let state = violations
        .take("state", state_filter(message.state))
        .flatten();
    let filter = Filter {
        subdistrict,
        state,
        ..seen_by(caller)
    };
    let list = format!(
        "Registration/ListEnrolments {} {} {}",
        filter.district, message.state, message.subdistrict
    );
    violations.finish((filter, list))
}

fn state_filter(number: i32) -> Result<Option<EnrolmentState>, &'static str> {
    match proto::EnrolmentState::try_from(number) {
        Ok(proto::EnrolmentState::Unspecified) => Ok(None),
        Ok(proto::EnrolmentState::Recorded) => Ok(Some(EnrolmentState::Recorded)),
        Ok(proto::EnrolmentState::Sent) => Ok(Some(EnrolmentState::Sent)),
        Ok(proto::EnrolmentState::Checking) => Ok(Some(EnrolmentState::Checking)),
        Ok(proto::EnrolmentState::PrintReady) => Ok(Some(EnrolmentState::PrintReady)),
        Ok(proto::EnrolmentState::Duplicate) => Ok(Some(EnrolmentState::Duplicate)),
        Ok(proto::EnrolmentState::Adjudicating) => Ok(Some(EnrolmentState::Adjudicating)),
        Ok(proto::EnrolmentState::CaptureRejected) => Ok(Some(EnrolmentState::CaptureRejected)),
        Err(_) => Err("is not a known value"),
    }
}

/// The sort key of a list's row, as a token carries it.
fn key_of(enrolment: &Enrolment) -> String {
    let micros = enrolment.received_at.unix_timestamp_nanos() / 1_000;
    format!("{micros}/{}", enrolment.enrolment_id)
}

/// The sort key that a token carried.
pub fn page_key(key: &str) -> Result<(OffsetDateTime, EnrolmentId)> {
    let parsed = key.split_once('/').and_then(|(micros, id)| {
        let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some((at, id.parse().ok()?))
    });
    parsed.ok_or_else(|| Error::internal("a token of our own carries no key"))
}

/// One page; `more` tells from its last row's key the token of the next.
pub fn list_enrolments_response(
    page: &[Enrolment],
    more: impl FnOnce(&str) -> Option<String>,
) -> proto::ListEnrolmentsResponse {
    let next = page.last().and_then(|last| more(&key_of(last)));
    proto::ListEnrolmentsResponse {
        enrolments: page.iter().map(enrolment).collect(),
        next_page_token: next.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{caller::Principal, ids::ResidentId};

    fn terminal(site: &str) -> Caller {
        let text = format!("ektp://district/35.75/site/{site}/terminal/1");
        Caller::from(text.parse::<Principal>().expect("a valid identity"))
    }

    #[test]
    fn a_token_carries_the_key_of_the_last_row() {
        let at = datetime!(2016-10-03 02:03:04.567891 UTC);
        let village: crate::ids::Village = "35.75.02.1001".parse().expect("a village of the test");
        let enrolment = Enrolment {
            enrolment_id: EnrolmentId::fresh(),
            resident_id: ResidentId::fresh(),
            district: village.district(),
            subdistrict: village.subdistrict(),
            village,
            state: EnrolmentState::Sent,
            reason: None,
            state_at: at,
            captured_at: at,
            received_at: at,
            life: crate::registration::Life::Resident,
        };
        let read = page_key(&key_of(&enrolment)).expect("a key of our own");
        assert_eq!(read, (at, enrolment.enrolment_id));
        assert!(page_key("yesterday").is_err());
    }

    #[test]
    fn a_subdistrict_terminal_sees_its_own_subdistrict_only() {
        let message = proto::ListEnrolmentsRequest {
            subdistrict: "35.75.01".to_owned(),
            ..Default::default()
        };
        for (site, limit) in [("office", None), ("35.75.02", "35.75.02".parse().ok())] {
            let (filter, _) = list_enrolments(&message, &terminal(site)).expect("well formed");
            assert_eq!(filter.district, "35.75".parse().expect("a district"));
            assert_eq!(filter.limit, limit);
            assert_eq!(filter.subdistrict, "35.75.01".parse().ok());
        }
    }

    #[test]
    fn other_filters_make_another_list() {
        let list = |state, subdistrict: &str| {
            let message = proto::ListEnrolmentsRequest {
                state,
                subdistrict: subdistrict.to_owned(),
                ..Default::default()
            };
            let parsed = list_enrolments(&message, &terminal("office"));
            parsed.expect("well formed").1
        };
        assert_ne!(list(0, ""), list(1, ""));
        assert_ne!(list(0, ""), list(0, "35.75.01"));
    }

    #[test]
    fn a_lookup_needs_a_key_and_its_refusal_does_not_repeat_it() {
        let ask = |key| {
            let refused = get_enrolment(&proto::GetEnrolmentRequest { key }, &terminal("office"));
            refused.expect_err("malformed").to_refusal().metadata["violations"].clone()
        };
        assert_eq!(ask(None), "key: is required");
        let nik = "3575021708900000";
        let told = ask(Some(get_enrolment_request::Key::Nik(nik.to_owned())));
        assert!(told.starts_with("nik: ") && !told.contains(nik), "{told}");
    }
}
