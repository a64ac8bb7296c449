//! Requests for blanks, from the contract and back.

use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    ids::{BlankRequestId, RequestId},
    inventory::{
        Backlog, BlankRequest, DaysToEmpty, Decision, Grant, RequestCause, RequestRoute,
        RequestState, Sent,
        request::{ASKED_MAX, days_to_empty as lasting},
    },
    proto::{self, decide_blank_request_request::Decision as Asked},
    violations::Violations,
    wire::{date, timestamp},
};

/// The longest reason of a refusal.
const REFUSAL_MAX: usize = 200;

/// A number of blanks.
pub(super) fn quantity(
    violations: &mut Violations,
    field: impl Into<String>,
    number: u64,
) -> Option<i64> {
    let most = ASKED_MAX;
    let inside = i64::try_from(number).ok();
    let inside = inside.filter(|number| (1..=most).contains(number));
    violations.take(
        field,
        inside.ok_or(format_args!("must be from 1 to {most}")),
    )
}

/// Parses a request for blanks.
pub fn request_blanks(
    message: &proto::RequestBlanksRequest,
) -> Result<(RequestId, i64, RequestRoute)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let quantity = quantity(&mut violations, "quantity", message.quantity);
    let route = violations.take("route", route(message.route));
    let (Some(request_id), Some(quantity), Some(route)) = (request_id, quantity, route) else {
        return Err(violations.error());
    };
    violations.finish((request_id, quantity, route))
}

fn route(number: i32) -> Result<RequestRoute, &'static str> {
    match proto::BlankRequestRoute::try_from(number) {
        Ok(proto::BlankRequestRoute::Direct) => Ok(RequestRoute::Direct),
        Ok(proto::BlankRequestRoute::Province) => Ok(RequestRoute::Province),
        Ok(proto::BlankRequestRoute::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// Parses a decision, taken on that day.
pub fn decide_blank_request(
    message: &proto::DecideBlankRequestRequest,
    today: Date,
) -> Result<(RequestId, BlankRequestId, Decision)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let id = violations.parse::<BlankRequestId>("blank_request_id", &message.blank_request_id);
    let decision = match &message.decision {
        Some(Asked::Grant(asked)) => grant(&mut violations, asked, today).map(Decision::Grant),
        Some(Asked::Refusal(reason)) => {
            let reason = violations.text("refusal", reason, 1, REFUSAL_MAX);
            Some(Decision::Refuse(reason))
        }
        None => {
            violations.add("decision", "is required");
            None
        }
    };
    let (Some(request_id), Some(id), Some(decision)) = (request_id, id, decision) else {
        return Err(violations.error());
    };
    violations.finish((request_id, id, decision))
}

fn grant(violations: &mut Violations, message: &proto::BlankGrant, today: Date) -> Option<Grant> {
    let quantity = quantity(violations, "grant.quantity", message.quantity);
    let field = "grant.collection_date";
    let collection_date = violations.take(field, date(&message.collection_date))?;
    violations.require(collection_date >= today, field, "must not be in the past");
    Some(Grant {
        quantity: quantity?,
        collection_date,
    })
}

/// Parses a withdrawal.
pub fn withdraw_blank_request(
    message: &proto::WithdrawBlankRequestRequest,
) -> Result<(RequestId, BlankRequestId)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    let id = violations.parse::<BlankRequestId>("blank_request_id", &message.blank_request_id);
    let (Some(request_id), Some(id)) = (request_id, id) else {
        return Err(violations.error());
    };
    violations.finish((request_id, id))
}

/// Parses the filter of a list.
pub fn list_blank_requests(
    message: &proto::ListBlankRequestsRequest,
) -> Result<Option<RequestState>> {
    let mut violations = Violations::new();
    let state = match proto::BlankRequestState::try_from(message.state) {
        Ok(proto::BlankRequestState::Unspecified) => Ok(None),
        Ok(proto::BlankRequestState::Requested) => Ok(Some(RequestState::Requested)),
        Ok(proto::BlankRequestState::Granted) => Ok(Some(RequestState::Granted)),
        Ok(proto::BlankRequestState::Fulfilled) => Ok(Some(RequestState::Fulfilled)),
        Ok(proto::BlankRequestState::Refused) => Ok(Some(RequestState::Refused)),
        Ok(proto::BlankRequestState::Withdrawn) => Ok(Some(RequestState::Withdrawn)),
        Err(_) => Err("is not a known value"),
    };
    let state = violations.take("state", state);
    violations.finish(state.flatten())
}

/// Where a page of the list ends, for its token.
pub fn cursor_text(last: &BlankRequest) -> String {
    // Whole microseconds: what the database stores.
    let micros = last.requested_at.unix_timestamp_nanos() / 1_000;
    format!("{micros}/{}", last.blank_request_id)
}

/// Reads what [`cursor_text`] wrote; the token's check has seen to it that it did.
pub fn cursor(text: &str) -> Result<(OffsetDateTime, BlankRequestId)> {
    let parsed = text.split_once('/').and_then(|(micros, id)| {
        let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some((at, BlankRequestId::from(Uuid::try_parse(id).ok()?)))
    });
    parsed.ok_or_else(|| Error::internal("a page token of our own does not parse"))
}

/// The answer to a request for blanks.
pub fn request_blanks_response(asked: &BlankRequest) -> proto::RequestBlanksResponse {
    proto::RequestBlanksResponse {
        blank_request: Some(blank_request(asked, &Sent::default())),
        committed_revision: 0,
    }
}

/// The answer to a decision.
pub fn decide_blank_request_response(
    (decided, sent): &(BlankRequest, Sent),
) -> proto::DecideBlankRequestResponse {
    proto::DecideBlankRequestResponse {
        blank_request: Some(blank_request(decided, sent)),
        committed_revision: 0,
    }
}

/// The answer to a withdrawal.
pub fn withdraw_blank_request_response(
    (withdrawn, sent): &(BlankRequest, Sent),
) -> proto::WithdrawBlankRequestResponse {
    proto::WithdrawBlankRequestResponse {
        blank_request: Some(blank_request(withdrawn, sent)),
        committed_revision: 0,
    }
}

/// One page of the list.
pub fn list_blank_requests_response(
    page: &[BlankRequest],
    sent: impl Fn(BlankRequestId) -> Sent,
    next_page_token: String,
) -> proto::ListBlankRequestsResponse {
    let requests = page.iter();
    let requests = requests.map(|asked| blank_request(asked, &sent(asked.blank_request_id)));
    proto::ListBlankRequestsResponse {
        blank_requests: requests.collect(),
        next_page_token,
    }
}

fn blank_request(asked: &BlankRequest, sent: &Sent) -> proto::BlankRequest {
    let granted = asked.granted();
    let refusal = asked
        .verdict
        .as_ref()
        .and_then(|verdict| match &verdict.decision {
            Decision::Refuse(reason) => Some(reason.clone()),
            Decision::Grant(_) => None,
        });
    let cause = match asked.cause() {
        RequestCause::Office => proto::BlankRequestCause::Office,
        RequestCause::LowStock => proto::BlankRequestCause::LowStock,
    };
    let route = match asked.route {
        RequestRoute::Direct => proto::BlankRequestRoute::Direct,
        RequestRoute::Province => proto::BlankRequestRoute::Province,
    };
    proto::BlankRequest {
        blank_request_id: asked.blank_request_id.to_string(),
        district: asked.district.to_string(),
        state: state(asked.state).into(),
        route: route.into(),
        cause: cause.into(),
        quantity: asked.quantity.unsigned_abs(),
        backlog: Some(backlog(&asked.backlog)),
        granted_quantity: granted.map_or(0, |grant| grant.quantity.unsigned_abs()),
        collection_date: granted
            .map(|grant| grant.collection_date.to_string())
            .unwrap_or_default(),
        refusal: refusal.unwrap_or_default(),
        dispatched_quantity: sent.dispatched.unsigned_abs(),
        received_quantity: sent.received.unsigned_abs(),
        request_time: Some(timestamp(asked.requested_at)),
        decide_time: asked.verdict.as_ref().map(|verdict| timestamp(verdict.at)),
        dispatch_time: sent.dispatched_at.map(timestamp),
        receive_time: sent.received_at.map(timestamp),
    }
}

fn backlog(backlog: &Backlog) -> proto::Backlog {
    proto::Backlog {
        queued: backlog.queued.unsigned_abs(),
        held: backlog.held.unsigned_abs(),
        print_ready: backlog.print_ready.unsigned_abs(),
        in_stock: backlog.blanks.in_stock.unsigned_abs(),
        in_transit: backlog.in_transit.unsigned_abs(),
        days_to_empty: lasting(&backlog.blanks).map(days_to_empty),
    }
}

/// How long blanks last.
pub fn days_to_empty(days: DaysToEmpty) -> proto::DaysToEmpty {
    proto::DaysToEmpty {
        in_stock: days.in_stock.unsigned_abs(),
        used_per_day: days.per_day,
        expected_days: days.expected,
        low_days: days.low,
        high_days: days.high,
    }
}

fn state(state: RequestState) -> proto::BlankRequestState {
    match state {
        RequestState::Requested => proto::BlankRequestState::Requested,
        RequestState::Granted => proto::BlankRequestState::Granted,
        RequestState::Fulfilled => proto::BlankRequestState::Fulfilled,
        RequestState::Refused => proto::BlankRequestState::Refused,
        RequestState::Withdrawn => proto::BlankRequestState::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const ID: &str = "0190f5fe-7c00-7a00-8abc-def012345678";

    fn decision(decision: Option<Asked>) -> proto::DecideBlankRequestRequest {
        proto::DecideBlankRequestRequest {
            request_id: ID.to_owned(),
            blank_request_id: ID.to_owned(),
            decision,
        }
    }

    fn violations(error: Error) -> String {
        let told = error.to_refusal().metadata.remove("violations");
        told.expect("violations")
    }

    #[test]
    fn a_decision_grants_from_today_on_or_says_why_not() {
        let today = date!(2017 - 10 - 12);
        let granted = |quantity, on: &str| {
            let grant = proto::BlankGrant {
                quantity,
                collection_date: on.to_owned(),
            };
            decide_blank_request(&decision(Some(Asked::Grant(grant))), today)
        };
        assert!(granted(10_000, "2017-10-12").is_ok());
        let past = violations(granted(0, "2017-10-11").expect_err("malformed"));
        assert!(past.contains("grant.quantity: must be from 1 to 1000000"));
        assert!(past.contains("grant.collection_date: must not be in the past"));
        assert!(granted(1, "16 October").is_err());
        let refused = |text: &str| {
            let asked = decision(Some(Asked::Refusal(text.to_owned())));
            decide_blank_request(&asked, today)
        };
        assert!(refused("the stock is empty").is_ok());
        assert!(refused(" ").is_err());
        let neither = violations(decide_blank_request(&decision(None), today).expect_err("none"));
        assert_eq!(neither, "decision: is required");
    }

    #[test]
    fn a_request_without_anything_is_told_all_it_lacks() {
        let found =
            violations(request_blanks(&proto::RequestBlanksRequest::default()).expect_err("empty"));
        for field in ["request_id", "quantity", "route"] {
            assert!(found.contains(field), "{field} in {found}");
        }
    }

    #[test]
    fn a_page_continues_where_the_last_ended() {
        let at = datetime!(2017-10-10 02:03:04.000005 UTC);
        let text = format!("{}/{ID}", at.unix_timestamp_nanos() / 1_000);
        let read = cursor(&text).expect("ours");
        assert_eq!((read.0, read.1.to_string()), (at, ID.to_owned()));
        assert!(cursor("yesterday").is_err());
    }
}
