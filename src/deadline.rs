//! When a unary call's answer is no longer of use.
//!
//! What is easily got wrong: the client's own clock does not matter. gRPC sends a duration, and the time counts from the
//! arrival of the headers.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// A unary call without a `grpc-timeout` of its own. Terminals wait for an answer at a counter, not for minutes.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(5);

/// No unary call may ask for more: it would hold a database connection that long.
const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// What is kept back from a call's deadline, so that the answer still arrives in time.
pub const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// When the answer of a unary call is no longer of use; in the request's extensions. Streams have their own rules and
/// ignore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// Of a call whose headers have just arrived.
    pub(crate) fn of_call(headers: &HeaderMap) -> Deadline {
        Deadline(Instant::now() + time_left(headers))
    }

    /// What is left of it; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// How long the call may take: what the client asks for, within our bound. A header that is not in gRPC's form counts
/// as none, as it does for tonic.
fn time_left(headers: &HeaderMap) -> Duration {
    headers
        .get("grpc-timeout")
        .and_then(|value| grpc_timeout(value.to_str().ok()?))
        .map_or(DEADLINE_DEFAULT, |asked| asked.min(DEADLINE_MAX))
}

/// At most eight digits and a unit.
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &'static str) -> Duration {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_static(text));
        time_left(&headers)
    }

    #[test]
    fn a_client_may_ask_for_less_or_for_more_up_to_the_bound() {
        assert_eq!(time_left(&HeaderMap::new()), DEADLINE_DEFAULT);
        assert_eq!(asked("250m"), Duration::from_millis(250));
        assert_eq!(asked("7000000u"), Duration::from_secs(7));
        assert_eq!(asked("99999999n"), Duration::from_nanos(99_999_999));
        assert_eq!(asked("1M"), DEADLINE_MAX);
        assert_eq!(asked("99999999H"), DEADLINE_MAX);
    }

    #[test]
    fn a_malformed_timeout_counts_as_none() {
        for text in ["", "S", "5", "5s", "-5S", "+5S", "5 S", "123456789S", "5S "] {
            assert_eq!(asked(text), DEADLINE_DEFAULT, "{text}");
        }
    }

    #[test]
    fn a_deadline_that_has_passed_leaves_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", http::HeaderValue::from_static("0n"));
        assert_eq!(Deadline::of_call(&headers).remaining(), Duration::ZERO);
    }
}
