//! The centre's side: credit of the matching engine, tasks, verdicts.

use super::state;
use crate::{
    error::{Error, Result},
    ids::{EnrolmentId, RequestId},
    proto::{self, verdict_result},
    registration::{CheckTask, EnrolmentState, Outcome, Refusal, Verdict},
    violations::Violations,
    wire::timestamp,
};

/// Verdicts in one commit.
const VERDICTS_MAX: usize = 100;
/// The most that an engine may be owed: it takes a few seconds' work ahead, not a day's.
const WANTED_MAX: u32 = 1_000;

/// How much is owed to the engine after it has asked for more.
pub fn lease_checks(message: &proto::LeaseChecksRequest, owed: u32) -> Result<u32> {
    let mut violations = Violations::new();
    let fits = (1..=WANTED_MAX).contains(&message.wanted);
    violations.require(fits, "wanted", format_args!("must be 1 to {WANTED_MAX}"));
    violations.finish(owed.saturating_add(message.wanted).min(WANTED_MAX))
}

/// The tasks of one lease.
pub fn lease_checks_response(tasks: Vec<CheckTask>) -> proto::LeaseChecksResponse {
    let task = |task: CheckTask| proto::CheckTask {
        enrolment_id: task.enrolment.enrolment_id.to_string(),
        fence: task.fence.unsigned_abs(),
        biometric_package: task.biometric_package,
        district: task.enrolment.district.to_string(),
        received_time: Some(timestamp(task.enrolment.received_at)),
        lease_expire_time: Some(timestamp(task.expires_at)),
    };
    proto::LeaseChecksResponse {
        tasks: tasks.into_iter().map(task).collect(),
    }
}

/// Parses verdicts.
pub fn record_verdicts(
    message: &proto::RecordVerdictsRequest,
) -> Result<(RequestId, Vec<Verdict>)> {
    let mut violations = Violations::new();
    let request_id = violations.parse::<RequestId>("request_id", &message.request_id);
    violations.batch("verdicts", &message.verdicts, VERDICTS_MAX);
    // What is beyond the limit is not looked at.
    let within = message.verdicts.iter().take(VERDICTS_MAX).enumerate();
    let ids = within.clone().map(|(at, one)| {
        let field = format!("verdicts[{at}].enrolment_id");
        (field, one.enrolment_id.as_str())
    });
    violations.distinct(ids);
    let verdicts: Vec<Option<Verdict>> = within
        .map(|(at, one)| verdict(&mut violations, at, one))
        .collect();
    match (request_id, verdicts.into_iter().collect()) {
        (Some(request_id), Some(verdicts)) => violations.finish((request_id, verdicts)),
        (None, _) | (_, None) => Err(violations.error()),
    }
}

fn verdict(violations: &mut Violations, at: usize, message: &proto::Verdict) -> Option<Verdict> {
    let field = |name: &str| format!("verdicts[{at}].{name}");
    let id = violations.parse::<EnrolmentId>(field("enrolment_id"), &message.enrolment_id);
    let fence = match i64::try_from(message.fence) {
        Ok(fence) if fence > 0 => Ok(fence),
        Ok(_) => Err("is required"),
        Err(_) => Err("is higher than any lease's"),
    };
    let fence = violations.take(field("fence"), fence);
    let outcome = violations.take(field("outcome"), outcome(message.outcome));
    Some(Verdict {
        enrolment_id: id?,
        fence: fence?,
        outcome: outcome?,
    })
}

fn outcome(number: i32) -> Result<Outcome, &'static str> {
    match proto::VerdictOutcome::try_from(number) {
        Ok(proto::VerdictOutcome::Unique) => Ok(Outcome::Unique),
        Ok(proto::VerdictOutcome::Duplicate) => Ok(Outcome::Duplicate),
        Ok(proto::VerdictOutcome::Undecided) => Ok(Outcome::Undecided),
        Ok(proto::VerdictOutcome::DemographicMismatch) => Ok(Outcome::DemographicMismatch),
        Ok(proto::VerdictOutcome::CaptureUnreadable) => Ok(Outcome::CaptureUnreadable),
        Ok(proto::VerdictOutcome::SearchFailed) => Ok(Outcome::SearchFailed),
        Ok(proto::VerdictOutcome::Unspecified) => Err("is required"),
        Err(_) => Err("is not a known value"),
    }
}

/// What became of each verdict.
pub fn record_verdicts_response(
    results: Vec<(EnrolmentId, Result<EnrolmentState, Refusal>)>,
) -> proto::RecordVerdictsResponse {
    let result = |(id, outcome): (EnrolmentId, Result<EnrolmentState, Refusal>)| {
        let outcome = match outcome {
            Ok(now) => verdict_result::Outcome::State(state(now).into()),
            Err(refusal) => verdict_result::Outcome::Refused(Error::from(refusal).to_refusal()),
        };
        proto::VerdictResult {
            enrolment_id: id.to_string(),
            outcome: Some(outcome),
        }
    };
    proto::RecordVerdictsResponse {
        results: results.into_iter().map(result).collect(),
        committed_revision: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190f5fe-7c00-7a00-8abc-def012345678";

    fn verdict(enrolment_id: &str, fence: u64, outcome: i32) -> proto::Verdict {
        proto::Verdict {
            enrolment_id: enrolment_id.to_owned(),
            fence,
            outcome,
        }
    }

    fn violations(verdicts: Vec<proto::Verdict>) -> String {
        let message = proto::RecordVerdictsRequest {
            request_id: ID.to_owned(),
            verdicts,
        };
        let refused = record_verdicts(&message).expect_err("a malformed request");
        refused.to_refusal().metadata["violations"].clone()
    }

    #[test]
    fn every_violation_of_every_verdict_is_told_at_once() {
        let unique = proto::VerdictOutcome::Unique.into();
        let found = violations(vec![
            verdict(ID, 1, unique),
            verdict(ID, u64::MAX, 0),
            verdict("", 0, 99),
        ]);
        let fields = found
            .split("; ")
            .map(|line| line.split_once(": ").expect("field and rule").0);
        let expected = [
            "verdicts[1].enrolment_id",
            "verdicts[1].fence",
            "verdicts[1].outcome",
            "verdicts[2].enrolment_id",
            "verdicts[2].fence",
            "verdicts[2].outcome",
        ];
        assert_eq!(fields.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_batch_has_one_to_a_hundred_verdicts() {
        assert_eq!(violations(Vec::new()), "verdicts: must have 1 to 100 items");
        let unique = proto::VerdictOutcome::Unique.into();
        let many =
            (0..=VERDICTS_MAX).map(|_| verdict(&EnrolmentId::fresh().to_string(), 1, unique));
        assert_eq!(
            violations(many.collect()),
            "verdicts: must have 1 to 100 items"
        );
    }

    #[test]
    fn an_engine_is_never_owed_more_than_the_limit() {
        let ask = |wanted, owed| lease_checks(&proto::LeaseChecksRequest { wanted }, owed).ok();
        assert_eq!(ask(1, 0), Some(1));
        assert_eq!(ask(100, 950), Some(WANTED_MAX));
        assert_eq!(ask(WANTED_MAX, 0), Some(WANTED_MAX));
        assert_eq!(ask(0, 5), None);
        assert_eq!(ask(WANTED_MAX + 1, 0), None);
    }
}
