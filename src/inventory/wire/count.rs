//! Counts between the contract and the nouns.

use crate::{
    error::{Error, ErrorReason, Result},
    ids::{RequestId, SerialRange, StockCountId},
    inventory::{
        Closing, CountRefusal, CountState, Location, StockCount, Tally,
        steps::Compared,
        wire::{answers::text, document_number, ranges},
    },
    proto,
    violations::Violations,
    wire::{serial_range_message, timestamp},
};

/// So many runs of a difference the answer shows; the case has all.
const RUNS_SHOWN_MAX: usize = 100;

/// Parses the beginning of a count: where, and under which record; `own` stands for an empty location.
pub fn start_count(
    message: &proto::StartCountRequest,
    own: Location,
) -> Result<(RequestId, Location, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let location = violations.parse_optional::<Location>("location", &message.location);
    let document_number = document_number(&mut violations, &message.document_number);
    let Some(request_id) = request_id else {
        return Err(violations.error());
    };
    violations.finish((request_id, location.unwrap_or(own), document_number))
}

/// Parses what was found.
pub fn record_findings(
    message: &proto::RecordFindingsRequest,
) -> Result<(RequestId, StockCountId, Vec<SerialRange>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let count_id = violations.parse::<StockCountId>("count_id", &message.count_id);
    let serials = ranges(&mut violations, &message.serials);
    let (Some(request_id), Some(count_id)) = (request_id, count_id) else {
        return Err(violations.error());
    };
    violations.finish((request_id, count_id, serials))
}

/// Parses the end of a count.
pub fn submit_count(message: &proto::SubmitCountRequest) -> Result<(RequestId, Closing)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let count_id = violations.parse::<StockCountId>("count_id", &message.count_id);
    let document_number = document_number(&mut violations, &message.document_number);
    let quantity = violations.take("quantity", message.quantity.ok_or("is required"));
    let quantity = quantity.and_then(|number| violations.take("quantity", quantity_of(number)));
    let (Some(request_id), Some(count_id), Some(quantity)) = (request_id, count_id, quantity)
    else {
        return Err(violations.error());
    };
    violations.finish((
        request_id,
        Closing {
            count_id,
            document_number,
            quantity,
        },
    ))
}

fn quantity_of(number: u64) -> Result<i64, &'static str> {
    i64::try_from(number).map_err(|_| "is more than there are serials")
}

/// Parses the end of a count that is given up.
pub fn cancel_count(
    message: &proto::CancelCountRequest,
) -> Result<(RequestId, StockCountId, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let count_id = violations.parse::<StockCountId>("count_id", &message.count_id);
    let document_number = document_number(&mut violations, &message.document_number);
    let (Some(request_id), Some(count_id)) = (request_id, count_id) else {
        return Err(violations.error());
    };
    violations.finish((request_id, count_id, document_number))
}

/// Parses the location whose counts are listed.
pub fn list_counts(message: &proto::ListCountsRequest) -> Result<Option<Location>> {
    let mut violations = Violations::new();
    let location = violations.parse_optional::<Location>("location", &message.location);
    violations.finish(location)
}

/// The answer to the beginning of a count. Revisions are filled when the ledger is closed.
pub fn start_count_response(begun: &StockCount) -> proto::StartCountResponse {
    proto::StartCountResponse {
        count: Some(count(begun)),
        committed_revision: 0,
    }
}

/// The answer to what was found.
pub fn record_findings_response(quantity: i64) -> proto::RecordFindingsResponse {
    proto::RecordFindingsResponse {
        quantity: quantity.unsigned_abs(),
        committed_revision: 0,
    }
}

/// The answer to the end of a count: the difference.
pub fn submit_count_response(compared: &Compared) -> proto::SubmitCountResponse {
    let shown = |runs: &[SerialRange]| {
        let runs = runs.iter().take(RUNS_SHOWN_MAX);
        runs.map(|run| serial_range_message(*run)).collect()
    };
    proto::SubmitCountResponse {
        count: Some(count(&compared.count)),
        missing_serials: shown(&compared.difference.missing.all()),
        unexpected_serials: shown(&compared.difference.unexpected),
        missing_case_ids: compared
            .missing_cases
            .iter()
            .map(ToString::to_string)
            .collect(),
        unexpected_case_id: text(compared.unexpected_case),
        committed_revision: 0,
    }
}

/// The answer to a count that was given up.
pub fn cancel_count_response(cancelled: &StockCount) -> proto::CancelCountResponse {
    proto::CancelCountResponse {
        count: Some(count(cancelled)),
        committed_revision: 0,
    }
}

/// A page of counts.
pub fn list_counts_response(
    counts: &[StockCount],
    next_page_token: String,
) -> proto::ListCountsResponse {
    proto::ListCountsResponse {
        counts: counts.iter().map(count).collect(),
        next_page_token,
    }
}

fn count(count: &StockCount) -> proto::StockCount {
    proto::StockCount {
        count_id: count.count_id.to_string(),
        location: count.location.to_string(),
        state: state(count.state).into(),
        pinned_number: count.pinned.unsigned_abs(),
        document_number: count.document_number.clone(),
        started_by: count.started_by.officer.to_string(),
        start_time: Some(timestamp(count.started_at)),
        end_time: count.ended_at.map(timestamp),
        result: count.tally.as_ref().map(result),
    }
}

fn state(state: CountState) -> proto::CountState {
    match state {
        CountState::Open => proto::CountState::Open,
        CountState::Submitted => proto::CountState::Submitted,
        CountState::Cancelled => proto::CountState::Cancelled,
    }
}

fn result(tally: &Tally) -> proto::CountResult {
    proto::CountResult {
        counted: tally.counted.unsigned_abs(),
        expected: tally.expected.unsigned_abs(),
        missing: tally.missing.unsigned_abs(),
        unexpected: tally.unexpected.unsigned_abs(),
        moved: tally.moved.unsigned_abs(),
        beside: tally.beside.unsigned_abs(),
    }
}

/// A count's refusal with its code, reason and explaining values.
pub(super) fn refused(refusal: CountRefusal) -> Error {
    match refusal {
        CountRefusal::Open(id) => {
            let message = "somebody counts there; who counts does not see the figures";
            Error::refused(ErrorReason::CountOpen, message).with("count_id", id)
        }
        CountRefusal::NotFound => Error::not_found(ErrorReason::CountNotFound, "count"),
        CountRefusal::Ended => Error::refused(
            ErrorReason::CountEnded,
            "the count was submitted or cancelled before",
        ),
        CountRefusal::OfAnother => Error::refused(
            ErrorReason::CountOfAnother,
            "another officer counts; who began hands in what was found",
        ),
        CountRefusal::TooLong => Error::refused(
            ErrorReason::CountTooLong,
            "the count found too many separate runs; count place by place",
        ),
        CountRefusal::Incomplete(recorded) => {
            let message = "not so many serials were recorded as were found; record the rest";
            Error::refused(ErrorReason::CountIncomplete, message).with("recorded", recorded)
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn every_refusal_of_a_count_has_its_code() {
        for (refusal, code) in [
            (
                CountRefusal::Open(StockCountId::fresh()),
                Code::FailedPrecondition,
            ),
            (CountRefusal::NotFound, Code::NotFound),
            (CountRefusal::Ended, Code::FailedPrecondition),
            (CountRefusal::OfAnother, Code::FailedPrecondition),
            (CountRefusal::TooLong, Code::FailedPrecondition),
            (CountRefusal::Incomplete(7), Code::FailedPrecondition),
        ] {
            assert_eq!(Status::from(refused(refusal)).code(), code, "{refusal:?}");
        }
    }

    #[test]
    fn the_end_of_a_count_says_how_many_were_found_even_if_none_were() {
        let closing = |quantity| {
            submit_count(&proto::SubmitCountRequest {
                request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
                count_id: "0190f5fe-7c00-7a00-8abc-def012345679".to_owned(),
                document_number: "SO-1".to_owned(),
                quantity,
            })
        };
        for (quantity, is_fine) in [(Some(0), true), (Some(7), true), (None, false)] {
            assert_eq!(closing(quantity).is_ok(), is_fine, "{quantity:?}");
        }
        assert!(closing(Some(u64::MAX)).is_err());
    }
}
