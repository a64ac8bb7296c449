//! Proto to nouns and back, for what is spoiled, taken back, found again and burned; and what waits for the second person.

use serde::{Deserialize, Serialize};

use super::{
    DOCUMENT_NUMBER_MAX, PURPOSE, RANGES_MAX, answers::movement, corrupt, document_number, ranges,
    sealed_runs, unsealed_runs,
};
use crate::{
    approval::{self, Approval},
    error::{Error, ErrorReason, Result},
    ids::{RequestId, Serial},
    inventory::{
        Agency, Destruction, FoundAgain, Location, Movement, Returned, Spoilage, Spoiled, Witness,
        WriteOffRefusal,
    },
    proto,
    violations::Violations,
};

/// The witnesses of a destruction: one alone proves nothing, and a room holds ten.
const WITNESSES: std::ops::RangeInclusive<usize> = 2..=10;

/// Parses blanks that nobody can use; `own` stands for an empty location.
pub fn record_spoiled(
    message: &proto::RecordSpoiledRequest,
    own: Location,
) -> Result<(RequestId, Spoiled)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let location = violations.parse_optional::<Location>("location", &message.location);
    let serials = ranges(&mut violations, &message.serials);
    let kind = violations.take("kind", store_spoilage(message.kind));
    let document_number = document_number(&mut violations, &message.document_number);
    let (Some(request_id), Some(kind)) = (request_id, kind) else {
        return Err(violations.error());
    };
    let spoiled = Spoiled {
        location: location.unwrap_or(own),
        serials,
        kind,
        document_number,
    };
    violations.finish((request_id, spoiled))
}

/// What may be wrong with a blank that was in no printer.
fn store_spoilage(number: i32) -> Result<Spoilage, &'static str> {
    match proto::SpoilageKind::try_from(number) {
        Ok(proto::SpoilageKind::FactoryDefect) => Ok(Spoilage::FactoryDefect),
        Ok(proto::SpoilageKind::ChipNotEncodable) => Ok(Spoilage::ChipNotEncodable),
        Ok(proto::SpoilageKind::DamagedInStore) => Ok(Spoilage::DamagedInStore),
        Ok(proto::SpoilageKind::PrintFailure | proto::SpoilageKind::Laminate) => {
            Err("is reported by the printer")
        }
        Ok(proto::SpoilageKind::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// The answer to spoiled blanks.
pub fn record_spoiled_response(movements: &[Movement]) -> proto::RecordSpoiledResponse {
    proto::RecordSpoiledResponse {
        movements: movements.iter().map(movement).collect(),
        committed_revision: 0,
    }
}

/// Parses cards that were taken back.
pub fn record_returned(message: &proto::RecordReturnedRequest) -> Result<(RequestId, Returned)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    violations.batch("serials", &message.serials, RANGES_MAX);
    let mut serials = Vec::new();
    // A batch over the limit is refused already; what lies beyond is not looked at.
    for (place, number) in message.serials.iter().take(RANGES_MAX).enumerate() {
        let serial = violations.take(format!("serials[{place}]"), Serial::new(*number));
        serials.extend(serial);
    }
    let named = message.serials.iter().take(RANGES_MAX).enumerate();
    violations.distinct(named.map(|(place, number)| (format!("serials[{place}]"), *number)));
    let document_number = document_number(&mut violations, &message.document_number);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    let returned = Returned {
        serials,
        document_number,
    };
    violations.finish((request_id, returned))
}

/// The answer to cards that were taken back.
pub fn record_returned_response(movements: &[Movement]) -> proto::RecordReturnedResponse {
    proto::RecordReturnedResponse {
        movements: movements.iter().map(movement).collect(),
        committed_revision: 0,
    }
}

/// Parses what was lost and turned up; `own` stands for an empty location.
pub fn record_found(
    message: &proto::RecordFoundRequest,
    own: Location,
) -> Result<(RequestId, FoundAgain)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let location = violations.parse_optional::<Location>("location", &message.location);
    let serials = ranges(&mut violations, &message.serials);
    let document_number = document_number(&mut violations, &message.document_number);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    let found = FoundAgain {
        location: location.unwrap_or(own),
        serials,
        document_number,
    };
    violations.finish((request_id, found))
}

/// Parses what is to be burned, and what the second person should know; `own` stands for an empty location.
pub fn record_destruction(
    message: &proto::RecordDestructionRequest,
    own: Location,
) -> Result<(RequestId, Destruction, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let location = violations.parse_optional::<Location>("location", &message.location);
    let serials = ranges(&mut violations, &message.serials);
    let number = &message.record_number;
    let record_number = violations.text("record_number", number, 1, DOCUMENT_NUMBER_MAX);
    let (least, most) = (WITNESSES.start(), WITNESSES.end());
    violations.require(
        WITNESSES.contains(&message.witnesses.len()),
        "witnesses",
        format_args!("must have {least} to {most} items"),
    );
    let mut witnesses = Vec::new();
    for (place, witness) in message.witnesses.iter().take(*most).enumerate() {
        let field = |name: &str| format!("witnesses[{place}].{name}");
        let agency = violations.take(field("agency"), agency(witness.agency));
        let letter = &witness.assignment_letter;
        let letter = violations.text(field("assignment_letter"), letter, 1, DOCUMENT_NUMBER_MAX);
        witnesses.extend(agency.map(|agency| Witness {
            agency,
            assignment_letter: letter,
        }));
    }
    let purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    let destruction = Destruction {
        location: location.unwrap_or(own),
        serials,
        record_number,
        witnesses,
    };
    violations.finish((request_id, destruction, purpose))
}

fn agency(number: i32) -> Result<Agency, &'static str> {
    match proto::WitnessAgency::try_from(number) {
        Ok(proto::WitnessAgency::Inspectorate) => Ok(Agency::Inspectorate),
        Ok(proto::WitnessAgency::MunicipalPolice) => Ok(Agency::MunicipalPolice),
        Ok(proto::WitnessAgency::Police) => Ok(Agency::Police),
        Ok(proto::WitnessAgency::OtherOffice) => Ok(Agency::OtherOffice),
        Ok(proto::WitnessAgency::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// The answer to what is to be burned.
pub fn record_destruction_response(asked: &Approval) -> proto::RecordDestructionResponse {
    proto::RecordDestructionResponse {
        approval: Some(approval::wire::approval(asked)),
        committed_revision: 0,
    }
}

/// A destruction in numbers and texts.
#[derive(Serialize, Deserialize)]
struct SealedDestruction {
    location: i32,
    serials: Vec<(i64, i64)>,
    record_number: String,
    witnesses: Vec<Witness>,
}

/// What waits for the second person.
pub fn destruction_content(destruction: &Destruction) -> Vec<u8> {
    let sealed = SealedDestruction {
        location: destruction.location.number(),
        serials: sealed_runs(&destruction.serials),
        record_number: destruction.record_number.clone(),
        witnesses: destruction.witnesses.clone(),
    };
    serde_json::to_vec(&sealed).expect("a destruction of texts and numbers is valid JSON")
}

/// The destruction, read back.
pub fn destruction_of(content: &[u8]) -> Result<Destruction> {
    let sealed: SealedDestruction =
        serde_json::from_slice(content).map_err(|_| corrupt("no destruction"))?;
    Ok(Destruction {
        location: Location::from_number(sealed.location).map_err(corrupt)?,
        serials: unsealed_runs(&sealed.serials)?,
        record_number: sealed.record_number,
        witnesses: sealed.witnesses,
    })
}

impl From<WriteOffRefusal> for Error {
    fn from(refusal: WriteOffRefusal) -> Self {
        let (reason, message, run) = match refusal {
            WriteOffRefusal::CardNotReplaced(serial) => {
                let message = "no newer card has replaced this one, or it is back already";
                return Self::refused(ErrorReason::CardNotReplaced, message).with("serial", serial);
            }
            WriteOffRefusal::SerialsNotLost(run) => {
                let message = "some of these serials are not lost there";
                (ErrorReason::SerialsNotLost, message, run)
            }
            WriteOffRefusal::SerialsNotForDestruction(run) => {
                let message = "some of these serials are neither spoiled nor returned there";
                (ErrorReason::SerialsNotForDestruction, message, run)
            }
        };
        Self::refused(reason, message)
            .with("first", run.first())
            .with("last", run.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burned(witnesses: usize) -> proto::RecordDestructionRequest {
        let witness = |number| proto::Witness {
            agency: proto::WitnessAgency::Police.into(),
            assignment_letter: format!("ST-{number}"),
        };
        proto::RecordDestructionRequest {
            request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
            location: String::new(),
            serials: vec![proto::SerialRange { first: 1, last: 3 }],
            record_number: "BA-1/2017".to_owned(),
            witnesses: (0..witnesses).map(witness).collect(),
            purpose: "the weekly fire".to_owned(),
        }
    }

    #[test]
    fn nothing_is_burned_before_fewer_than_two_witnesses() {
        for (witnesses, fits) in [(0, false), (1, false), (2, true), (10, true), (11, false)] {
            let read = record_destruction(&burned(witnesses), Location::CENTRE);
            assert_eq!(read.is_ok(), fits, "{witnesses}");
        }
        let mut nobody = burned(2);
        nobody.witnesses[1] = proto::Witness::default();
        let told = record_destruction(&nobody, Location::CENTRE).expect_err("of nobody");
        let told = told.to_refusal().metadata;
        for field in ["witnesses[1].agency", "witnesses[1].assignment_letter"] {
            assert!(told["violations"].contains(field), "{field}");
        }
    }

    #[test]
    fn what_the_second_person_approves_is_what_was_asked() {
        let (_, asked, _) = record_destruction(&burned(2), Location::CENTRE).expect("well-formed");
        let read = destruction_of(&destruction_content(&asked)).expect("our own content");
        assert_eq!(read, asked);
    }

    #[test]
    fn a_card_comes_back_once_in_a_batch() {
        let returned = |serials: &[i64]| {
            record_returned(&proto::RecordReturnedRequest {
                request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
                serials: serials.to_vec(),
                document_number: "R-1".to_owned(),
            })
        };
        assert!(returned(&[1, 2]).is_ok());
        assert!(returned(&[1, 1]).is_err());
        assert!(returned(&[0]).is_err());
        assert!(returned(&[]).is_err());
    }

    #[test]
    fn the_store_does_not_say_what_a_printer_says() {
        assert_eq!(
            store_spoilage(proto::SpoilageKind::DamagedInStore.into()),
            Ok(Spoilage::DamagedInStore)
        );
        assert!(store_spoilage(proto::SpoilageKind::Laminate.into()).is_err());
        assert!(store_spoilage(0).is_err());
    }
}
