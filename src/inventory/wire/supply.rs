//! Refusals of distributions and of requests for blanks, each with its reason and explaining values.

use crate::{
    error::{Error, ErrorReason},
    inventory::{RequestState, SupplyRefusal},
};

/// Each refusal of supply with its reason and explaining values.
pub(super) fn refused(refusal: SupplyRefusal) -> Error {
    match refusal {
        SupplyRefusal::StockTooSmall { have, asked } => Error::refused(
            ErrorReason::StockTooSmall,
            "fewer blanks are in stock than are to be sent",
        )
        .with("have", have)
        .with("asked", asked),
        SupplyRefusal::StockTooScattered {
            destination,
            at_most,
        } => Error::refused(
            ErrorReason::StockTooScattered,
            "the lowest serials lie in too many runs; send them by their ranges",
        )
        .with("destination", destination)
        .with("at_most", at_most),
        SupplyRefusal::BlankRequestNotFound => {
            Error::not_found(ErrorReason::BlankRequestNotFound, "request for blanks")
        }
        SupplyRefusal::BlankRequestOpen(id) => Error::refused(
            ErrorReason::BlankRequestOpen,
            "the district has an open request for blanks; withdraw it first",
        )
        .with("blank_request_id", id),
        SupplyRefusal::BlankRequestNotOpen(state) => Error::refused(
            ErrorReason::BlankRequestNotOpen,
            "that cannot be done to a request in this state",
        )
        .with("state", state_name(state)),
        SupplyRefusal::BlankRequestDecidedElsewhere => Error::refused(
            ErrorReason::BlankRequestDecidedElsewhere,
            "another office decides this request and sends for it",
        ),
        SupplyRefusal::MoreThanAsked { have, asked } => Error::refused(
            ErrorReason::MoreThanAsked,
            "more than was asked for or granted",
        )
        .with("have", have)
        .with("asked", asked),
    }
}

/// A state as refusals name it.
const fn state_name(state: RequestState) -> &'static str {
    match state {
        RequestState::Requested => "REQUESTED",
        RequestState::Granted => "GRANTED",
        RequestState::Fulfilled => "FULFILLED",
        RequestState::Refused => "REFUSED",
        RequestState::Withdrawn => "WITHDRAWN",
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::{ids::BlankRequestId, inventory::Location};

    #[test]
    fn every_refusal_of_supply_has_its_code() {
        let location = Location::CENTRE;
        for (refusal, code) in [
            (
                SupplyRefusal::StockTooSmall { have: 1, asked: 2 },
                Code::FailedPrecondition,
            ),
            (
                SupplyRefusal::StockTooScattered {
                    destination: location,
                    at_most: 100,
                },
                Code::FailedPrecondition,
            ),
            (SupplyRefusal::BlankRequestNotFound, Code::NotFound),
            (
                SupplyRefusal::BlankRequestOpen(BlankRequestId::fresh()),
                Code::FailedPrecondition,
            ),
            (
                SupplyRefusal::BlankRequestNotOpen(RequestState::Refused),
                Code::FailedPrecondition,
            ),
            (
                SupplyRefusal::BlankRequestDecidedElsewhere,
                Code::FailedPrecondition,
            ),
            (
                SupplyRefusal::MoreThanAsked { have: 1, asked: 2 },
                Code::FailedPrecondition,
            ),
        ] {
            let status = Status::from(refused(refusal.clone()));
            assert_eq!(status.code(), code, "{refusal:?}");
        }
    }
}
