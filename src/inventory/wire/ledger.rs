//! Proto to nouns and back, for the ledger as it is and for what is taken back in it.

use serde::{Deserialize, Serialize};

use super::{
    PURPOSE,
    answers::{kind, movement},
    corrupt, document_number,
};
use crate::{
    approval::{self, Approval},
    error::{Error, ErrorReason, Result},
    ids::RequestId,
    inventory::{LedgerRefusal, Location, Movement, MovementKind, MovementName, Reversal},
    proto,
    violations::Violations,
};

/// Parses which location's ledger is asked for, and of which kind; `own` stands for an empty location.
pub fn list_movements(
    message: &proto::ListMovementsRequest,
    own: Location,
) -> Result<(Location, Option<MovementKind>)> {
    let mut violations = Violations::new();
    let location = violations.parse_optional::<Location>("location", &message.location);
    let kind = violations.take("kind", movement_kind(message.kind));
    violations.finish((location.unwrap_or(own), kind.flatten()))
}

/// None for UNSPECIFIED.
fn movement_kind(number: i32) -> Result<Option<MovementKind>, &'static str> {
    const KINDS: [MovementKind; 15] = [
        MovementKind::Delivered,
        MovementKind::Dispatched,
        MovementKind::Cancelled,
        MovementKind::Received,
        MovementKind::Disputed,
        MovementKind::Settled,
        MovementKind::Bound,
        MovementKind::Printed,
        MovementKind::Spoiled,
        MovementKind::HandedOver,
        MovementKind::Returned,
        MovementKind::Lost,
        MovementKind::Found,
        MovementKind::Destroyed,
        MovementKind::Reversed,
    ];
    match proto::MovementKind::try_from(number) {
        Ok(proto::MovementKind::Unspecified) => Ok(None),
        Ok(wanted) => Ok(KINDS.into_iter().find(|known| kind(*known) == wanted)),
        Err(_) => Err("is not a known value"),
    }
}

/// A page of a ledger.
pub fn list_movements_response(
    movements: &[Movement],
    next_page_token: String,
) -> proto::ListMovementsResponse {
    proto::ListMovementsResponse {
        movements: movements.iter().map(movement).collect(),
        next_page_token,
    }
}

/// Parses which movement was a mistake, and what the second person should know; `own` stands for an empty location.
pub fn reverse_movement(
    message: &proto::ReverseMovementRequest,
    own: Location,
) -> Result<(RequestId, Reversal, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let location = violations.parse_optional::<Location>("location", &message.location);
    let number = i64::try_from(message.number).ok().filter(|n| *n > 0);
    violations.require(number.is_some(), "number", "must be at least 1");
    let document_number = document_number(&mut violations, &message.document_number);
    let purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    let (Some(request_id), Some(number)) = (request_id, number) else {
        return Err(violations.error());
    };
    let location = location.unwrap_or(own);
    let reversal = Reversal {
        movement: MovementName { location, number },
        document_number,
    };
    violations.finish((request_id, reversal, purpose))
}

/// The answer to what is to be taken back.
pub fn reverse_movement_response(asked: &Approval) -> proto::ReverseMovementResponse {
    proto::ReverseMovementResponse {
        approval: Some(approval::wire::approval(asked)),
        committed_revision: 0,
    }
}

/// A reversal in numbers and texts.
#[derive(Serialize, Deserialize)]
struct SealedReversal {
    location: i32,
    number: i64,
    document_number: String,
}

/// What waits for the second person.
pub fn reversal_content(reversal: &Reversal) -> Vec<u8> {
    let sealed = SealedReversal {
        location: reversal.movement.location.number(),
        number: reversal.movement.number,
        document_number: reversal.document_number.clone(),
    };
    serde_json::to_vec(&sealed).expect("a reversal of texts and numbers is valid JSON")
}

/// The reversal, read back.
pub fn reversal_of(content: &[u8]) -> Result<Reversal> {
    let sealed: SealedReversal =
        serde_json::from_slice(content).map_err(|_| corrupt("no reversal"))?;
    let location = Location::from_number(sealed.location).map_err(corrupt)?;
    Ok(Reversal {
        movement: MovementName {
            location,
            number: sealed.number,
        },
        document_number: sealed.document_number,
    })
}

impl From<LedgerRefusal> for Error {
    fn from(refusal: LedgerRefusal) -> Self {
        match refusal {
            LedgerRefusal::MovementNotFound => {
                Self::not_found(ErrorReason::MovementNotFound, "movement")
            }
            LedgerRefusal::MovementNotReversible(moved) => {
                let message = "a movement of that kind is not taken back";
                let name = kind(moved).as_str_name();
                let name = name.strip_prefix("MOVEMENT_KIND_").unwrap_or(name);
                Self::refused(ErrorReason::MovementNotReversible, message).with("kind", name)
            }
            LedgerRefusal::MovementAlreadyReversed(by) => {
                let message = "the movement was taken back before";
                Self::refused(ErrorReason::MovementAlreadyReversed, message).with("movement", by)
            }
            LedgerRefusal::MovementBlocked(blocking) => {
                let names: Vec<String> = blocking.iter().map(MovementName::to_string).collect();
                let message = "serials of the movement have moved since";
                Self::refused(ErrorReason::MovementBlocked, message)
                    .with("movements", names.join(" "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_contract_is_a_filter() {
        for number in 1..=15 {
            let found = movement_kind(number).expect("known");
            assert_eq!(found.map(|found| i32::from(kind(found))), Some(number));
        }
        assert_eq!(movement_kind(0), Ok(None));
        assert!(movement_kind(16).is_err());
    }

    #[test]
    fn what_the_second_person_approves_is_what_was_asked() {
        let message = proto::ReverseMovementRequest {
            request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
            location: "35.75".to_owned(),
            number: 17,
            document_number: "K-1/2017".to_owned(),
            purpose: "the wrong box".to_owned(),
        };
        let (_, asked, _) = reverse_movement(&message, Location::CENTRE).expect("well-formed");
        assert_eq!(asked.movement.to_string(), "35.75#17");
        assert_eq!(reversal_of(&reversal_content(&asked)), Ok(asked));
        let none = proto::ReverseMovementRequest {
            number: 0,
            ..message
        };
        assert!(reverse_movement(&none, Location::CENTRE).is_err());
    }
}
