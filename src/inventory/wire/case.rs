//! Proto to nouns and back, for cases; and what waits for the other office, as bytes for its seal.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{PURPOSE, answers::text, corrupt, document_number, ranges, sealed_runs, unsealed_runs};
use crate::{
    approval::{self, Approval},
    error::{Error, ErrorReason, Result},
    ids::{RequestId, StockCaseId},
    inventory::{CaseCursor, CaseKind, CaseRefusal, Location, Outcome, Settlement, StockCase},
    proto,
    violations::Violations,
    wire::{serial_range_message, timestamp},
};

/// Parses what an officer says became of serials, and what the other office should know.
pub fn settle_stock_case(
    message: &proto::SettleStockCaseRequest,
) -> Result<(RequestId, Settlement, String)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let case_id = violations.parse::<StockCaseId>("case_id", &message.case_id);
    let serials = ranges(&mut violations, &message.serials);
    let outcome = violations.take("outcome", outcome(message.outcome));
    let document_number = document_number(&mut violations, &message.document_number);
    let purpose = violations.text("purpose", &message.purpose, PURPOSE.0, PURPOSE.1);
    let (Some(request_id), Some(case_id), Some(outcome)) = (request_id, case_id, outcome) else {
        return Err(violations.error());
    };
    let settlement = Settlement {
        case_id,
        serials,
        outcome,
        document_number,
    };
    violations.finish((request_id, settlement, purpose))
}

fn outcome(number: i32) -> Result<Outcome, &'static str> {
    match proto::SettlementOutcome::try_from(number) {
        Ok(proto::SettlementOutcome::FoundHere) => Ok(Outcome::FoundHere),
        Ok(proto::SettlementOutcome::AtSender) => Ok(Outcome::AtSender),
        Ok(proto::SettlementOutcome::Lost) => Ok(Outcome::Lost),
        Ok(proto::SettlementOutcome::Noted) => Ok(Outcome::Noted),
        Ok(proto::SettlementOutcome::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// The answer to what was said of a case.
pub fn settle_stock_case_response(asked: &Approval) -> proto::SettleStockCaseResponse {
    proto::SettleStockCaseResponse {
        approval: Some(approval::wire::approval(asked)),
        committed_revision: 0,
    }
}

/// A page of cases.
pub fn list_stock_cases_response(
    cases: &[StockCase],
    next_page_token: String,
) -> proto::ListStockCasesResponse {
    proto::ListStockCasesResponse {
        cases: cases.iter().map(stock_case).collect(),
        next_page_token,
    }
}

/// The answer to what turned up.
pub fn record_found_response(case: &StockCase) -> proto::RecordFoundResponse {
    proto::RecordFoundResponse {
        stock_case: Some(stock_case(case)),
        committed_revision: 0,
    }
}

fn stock_case(case: &StockCase) -> proto::StockCase {
    let runs = |runs: &[_]| runs.iter().map(|run| serial_range_message(*run)).collect();
    proto::StockCase {
        case_id: case.case_id.to_string(),
        kind: kind(case.kind).into(),
        location: case.location.to_string(),
        counterpart: Location::of_district(case.counterpart).to_string(),
        serials: runs(&case.serials),
        open_serials: runs(&case.open_serials),
        in_dispute: case.in_dispute,
        shipment_id: text(case.shipment_id),
        document_number: case.document_number.clone(),
        given_by: text(case.given_by),
        opened_by: case.opened_by.to_string(),
        open_time: Some(timestamp(case.opened_at)),
        due_time: Some(timestamp(case.due_at)),
    }
}

fn kind(kind: CaseKind) -> proto::StockCaseKind {
    match kind {
        CaseKind::MissingAtReceipt => proto::StockCaseKind::MissingAtReceipt,
        CaseKind::FoundAtReceipt => proto::StockCaseKind::FoundAtReceipt,
        CaseKind::MissingInCount => proto::StockCaseKind::MissingInCount,
        CaseKind::FoundInCount => proto::StockCaseKind::FoundInCount,
        CaseKind::FoundAgain => proto::StockCaseKind::FoundAgain,
    }
}

/// The case after which a page begins, as its token carries it.
pub fn case_cursor_text(case: &StockCase) -> String {
    let micros = case.due_at.unix_timestamp_nanos() / 1_000;
    let place = u8::from(case.open_serials.is_empty());
    format!("{place}/{micros}/{}", case.case_id)
}

/// Reads what [`case_cursor_text`] wrote; the token's check has seen to it that it did.
pub fn case_cursor(key: &str) -> Result<CaseCursor> {
    let parsed = key.split_once('/').and_then(|(place, rest)| {
        let (micros, id) = rest.split_once('/')?;
        let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
        Some(CaseCursor {
            is_closed: place == "1",
            due_at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?,
            case_id: Uuid::try_parse(id).ok()?,
        })
    });
    parsed.ok_or_else(|| Error::internal("a page token of our own does not parse"))
}

/// A settlement in numbers and texts.
#[derive(Serialize, Deserialize)]
struct SealedSettlement {
    case_id: Uuid,
    serials: Vec<(i64, i64)>,
    outcome: Outcome,
    document_number: String,
}

/// What waits for the other office.
pub fn settlement_content(settlement: &Settlement) -> Vec<u8> {
    let sealed = SealedSettlement {
        case_id: settlement.case_id.uuid(),
        serials: sealed_runs(&settlement.serials),
        outcome: settlement.outcome,
        document_number: settlement.document_number.clone(),
    };
    serde_json::to_vec(&sealed).expect("a settlement of texts and numbers is valid JSON")
}

/// The settlement, read back.
pub fn settlement_of(content: &[u8]) -> Result<Settlement> {
    let sealed: SealedSettlement =
        serde_json::from_slice(content).map_err(|_| corrupt("no settlement of a case"))?;
    Ok(Settlement {
        case_id: sealed.case_id.into(),
        serials: unsealed_runs(&sealed.serials)?,
        outcome: sealed.outcome,
        document_number: sealed.document_number,
    })
}

impl From<CaseRefusal> for Error {
    fn from(refusal: CaseRefusal) -> Self {
        match refusal {
            CaseRefusal::CaseNotFound => Self::not_found(ErrorReason::StockCaseNotFound, "case"),
            CaseRefusal::SerialsNotInCase(run) => {
                let message = "some of these serials are not open in the case";
                Self::refused(ErrorReason::SerialsNotInCase, message)
                    .with("first", run.first())
                    .with("last", run.last())
            }
            CaseRefusal::OutcomeNotPossible => {
                let message = "a case of that kind does not end like that";
                Self::refused(ErrorReason::OutcomeNotPossible, message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_office_approves_is_what_was_asked() {
        let serial = |first, last| proto::SerialRange { first, last };
        let message = proto::SettleStockCaseRequest {
            request_id: "0190f5fe-7c00-7a00-8abc-def012345678".to_owned(),
            case_id: "0190f5fe-7c00-7a00-8abc-def012345679".to_owned(),
            serials: vec![serial(1, 7), serial(9, 9)],
            outcome: proto::SettlementOutcome::Lost.into(),
            document_number: "BA-9/2017".to_owned(),
            purpose: "the box was open".to_owned(),
        };
        let (_, settlement, _) = settle_stock_case(&message).expect("well-formed");
        let read = settlement_of(&settlement_content(&settlement)).expect("our own content");
        assert_eq!(read, settlement);
        let none = settle_stock_case(&proto::SettleStockCaseRequest::default());
        let told = none.expect_err("empty").to_refusal().metadata;
        for field in [
            "case_id",
            "serials",
            "outcome",
            "document_number",
            "purpose",
        ] {
            assert!(told["violations"].contains(field), "{field}");
        }
    }
}
