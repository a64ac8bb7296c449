//! Requests that cannot be read: too long, broken off, or no message of the method.
//!
//! What is easily got wrong: tonic answers them itself, with a code that stands for a defect of the server (INTERNAL)
//! and without a reason. They are the sender's mistakes and are told like all others.

use http::HeaderMap;
use tonic::{Code, Status};

use crate::error::{Error, Violation};

use super::call::final_code;

/// The header that carries the reason of every error of our own.
const DETAILS: &str = "grpc-status-details-bin";

/// What to answer in place of an answer without a body, if that one says that tonic could not read the request.
pub(super) fn instead(answer: &HeaderMap) -> Option<Status> {
    let code = final_code(answer)?;
    let by_tonic = !answer.contains_key(DETAILS) && means_unread(code);
    by_tonic.then(|| refusal(code))
}

/// How a stream of requests ends when the next one cannot be read; other ends of the line are told as they are.
pub fn unread(status: Status) -> Status {
    if means_unread(status.code()) {
        refusal(status.code())
    } else {
        status
    }
}

/// The two codes that tonic's reader has for a message.
fn means_unread(code: Code) -> bool {
    matches!(code, Code::Internal | Code::OutOfRange)
}

fn refusal(code: Code) -> Status {
    let rule = if code == Code::OutOfRange {
        "is longer than the server reads"
    } else {
        "is not a message of this method"
    };
    Error::invalid(vec![Violation {
        field: "message".to_owned(),
        rule: rule.to_owned(),
    }])
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_tonic_says_of_the_request_is_said_anew() {
        for (status, said) in [
            (
                Status::internal("failed to decode"),
                Some(Code::InvalidArgument),
            ),
            (
                Status::out_of_range("too large"),
                Some(Code::InvalidArgument),
            ),
            (Status::cancelled("gone"), None),
            (Error::internal("ours").into(), None),
        ] {
            let headers = status.into_http::<()>().into_parts().0.headers;
            assert_eq!(instead(&headers).map(|status| status.code()), said);
        }
    }
}
