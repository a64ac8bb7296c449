//! The one error of the crate and its one conversion to a gRPC status.
//!
//! A feature's `Refusal` becomes an [`Error`] in that feature's `wire.rs`; a database error becomes one here. The client
//! reads fixed sentences and reasons; the words of the database and of libraries go to the log only.

mod database;
mod words;

use std::{collections::BTreeMap, fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub use crate::proto::{ErrorReason, NextAction};

use crate::{ids::DecisionId, proto};
pub use database::constraint;
pub use words::Words;

/// The domain of every ErrorInfo.
pub const DOMAIN: &str = "ektp.v1";
/// What RetryInfo proposes while the database or the server is away or at its limit.
const RETRY_AFTER_OUTAGE: Duration = Duration::from_secs(1);

/// Which gRPC code an error has. Each maps to exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Malformed input.
    Invalid,
    /// Missing, or another district's.
    NotFound,
    /// The state or the policy says no.
    Refused,
    /// Already there.
    Exists,
    /// The caller is known and may not.
    Forbidden,
    /// The caller is not known.
    Unauthenticated,
    /// Somebody was faster, or held a row too long.
    Clash,
    /// The deadline passed before the work was done.
    Late,
    /// A limit is reached.
    Exhausted,
    /// The database is away, or the server is going.
    Unavailable,
    /// A defect of ours.
    Internal,
}

/// A malformed field: where it is, and which rule it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path, e.g. `enrolment.resident.nik` or `cards[3].serial`.
    pub field: String,
    /// The rule, in words; never the value.
    pub rule: String,
}

/// What went wrong, for the caller; boxed because it travels in every `Result`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    kind: Kind,
    reason: ErrorReason,
    message: String,
    metadata: BTreeMap<&'static str, String>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
    decision: Option<DecisionId>,
    next_action: NextAction,
    words: Option<Words>,
    /// For the log alone.
    cause: Option<String>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of a kind with its reason; the message is a sentence without personal data.
    pub fn new(kind: Kind, reason: ErrorReason, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            retry_after: None,
            decision: None,
            next_action: NextAction::Unspecified,
            words: None,
            cause: None,
        }))
    }

    /// INVALID_ARGUMENT with every violation at once.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut error = Self::new(
            Kind::Invalid,
            ErrorReason::InvalidFields,
            "the request has invalid fields",
        );
        error.0.violations = violations;
        error
    }

    /// NOT_FOUND; the same words for a missing and for a foreign thing.
    pub fn not_found(reason: ErrorReason, noun: &str) -> Self {
        Self::new(
            Kind::NotFound,
            reason,
            format!("there is no such {noun} here"),
        )
    }

    /// FAILED_PRECONDITION.
    pub fn refused(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, reason, message)
    }

    /// A defect of ours; `cause` goes to the log, the client reads a fixed sentence.
    pub fn internal(cause: impl Into<String>) -> Self {
        let mut error = Self::new(
            Kind::Internal,
            ErrorReason::Internal,
            "the server made a mistake; it was logged",
        );
        error.0.cause = Some(cause.into());
        error
    }

    /// A row that no constraint should have let in.
    pub fn corrupt(table: &'static str, what: impl fmt::Display) -> Self {
        Self::internal(format!("corrupt row in {table}: {what}"))
    }

    /// The commit's answer was lost: nobody knows yet whether it happened.
    pub fn outcome_unknown(cause: impl Into<String>) -> Self {
        let message =
            "whether the act was committed is unknown; ask again with the same request id";
        let mut error = Self::new(Kind::Unavailable, ErrorReason::OutcomeUnknown, message)
            .with("outcome", "UNKNOWN")
            .retry(RETRY_AFTER_OUTAGE);
        error.0.cause = Some(cause.into());
        error
    }

    /// The database cannot be reached.
    pub fn database_away(cause: impl Into<String>) -> Self {
        let mut error = Self::new(
            Kind::Unavailable,
            ErrorReason::DatabaseUnavailable,
            "the database cannot be reached just now",
        )
        .retry(RETRY_AFTER_OUTAGE);
        error.0.cause = Some(cause.into());
        error
    }

    /// The server or one of its pools is at its limit.
    pub fn overloaded() -> Self {
        Self::new(
            Kind::Exhausted,
            ErrorReason::Overloaded,
            "the server is at its limit",
        )
        .retry(RETRY_AFTER_OUTAGE)
    }

    /// The server is going away.
    pub fn draining() -> Self {
        let message = "the server is going away; connect again";
        Self::new(Kind::Unavailable, ErrorReason::ServerDraining, message).retry(RETRY_AFTER_OUTAGE)
    }

    /// The deadline passed.
    pub fn late() -> Self {
        Self::new(
            Kind::Late,
            ErrorReason::DeadlinePassed,
            "the deadline passed before the work was done",
        )
    }

    /// Adds one explaining value; never a personal one.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.metadata.insert(key, value.to_string());
        self
    }

    /// Proposes when to try again.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Names what the person can do next.
    #[must_use]
    pub fn next(mut self, action: NextAction) -> Self {
        self.0.next_action = action;
        self
    }

    /// What the person can do next.
    pub fn next_action(&self) -> NextAction {
        self.0.next_action
    }

    /// Says it to the person at the counter.
    #[must_use]
    pub fn say(mut self, words: Words) -> Self {
        self.0.words = Some(words);
        self
    }

    /// Names the stored decision.
    #[must_use]
    pub fn decided(mut self, decision: DecisionId) -> Self {
        self.0.decision = Some(decision);
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The reason.
    pub fn reason(&self) -> ErrorReason {
        self.0.reason
    }

    /// Whether the same request would get the same answer again: only such answers are stored under a request id.
    pub fn is_lasting(&self) -> bool {
        // A provider may be away, a clock may be set right, an officer may be registered.
        let may_pass = self.0.reason == ErrorReason::TokenRefused;
        match self.0.kind {
            Kind::Invalid
            | Kind::NotFound
            | Kind::Refused
            | Kind::Exists
            | Kind::Forbidden
            | Kind::Unauthenticated => !may_pass,
            Kind::Clash | Kind::Late | Kind::Exhausted | Kind::Unavailable | Kind::Internal => {
                false
            }
        }
    }

    /// The same refusal as an item of a batch says it.
    pub fn to_refusal(&self) -> proto::Refusal {
        let mut metadata: BTreeMap<String, String> = self
            .0
            .metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect();
        if !self.0.violations.is_empty() {
            let lines: Vec<String> = self
                .0
                .violations
                .iter()
                .map(|v| format!("{}: {}", v.field, v.rule))
                .collect();
            metadata.insert("violations".to_owned(), lines.join("; "));
        }
        proto::Refusal {
            reason: self.0.reason.into(),
            message: self.0.message.clone(),
            metadata,
            decision_id: self.0.decision.map(|id| id.to_string()).unwrap_or_default(),
            next_action: self.0.next_action.into(),
            words: self.0.words.as_ref().map(Words::to_proto),
        }
    }

    /// Writes what only the operators may read; called where the error is answered, or told in another way.
    pub fn log(&self) {
        match (&self.0.cause, self.0.kind) {
            (Some(cause), Kind::Internal) => {
                tracing::error!(reason = self.0.reason.as_str_name(), cause, "defect")
            }
            (Some(cause), _) => {
                tracing::warn!(reason = self.0.reason.as_str_name(), cause, "call failed")
            }
            (None, _) => tracing::debug!(reason = self.0.reason.as_str_name(), "call refused"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason.as_str_name(), self.0.message)
    }
}

impl std::error::Error for Error {}

/// The reason as ErrorInfo carries it: the enum's name without its prefix.
pub fn reason_name(reason: ErrorReason) -> &'static str {
    reason
        .as_str_name()
        .strip_prefix("ERROR_REASON_")
        .unwrap_or(reason.as_str_name())
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        error.log();
        let inner = *error.0;
        let code = match inner.kind {
            Kind::Invalid => Code::InvalidArgument,
            Kind::NotFound => Code::NotFound,
            Kind::Refused => Code::FailedPrecondition,
            Kind::Exists => Code::AlreadyExists,
            Kind::Forbidden => Code::PermissionDenied,
            Kind::Unauthenticated => Code::Unauthenticated,
            Kind::Clash => Code::Aborted,
            Kind::Late => Code::DeadlineExceeded,
            Kind::Exhausted => Code::ResourceExhausted,
            Kind::Unavailable => Code::Unavailable,
            Kind::Internal => Code::Internal,
        };
        let mut details = ErrorDetails::new();
        let mut metadata: std::collections::HashMap<String, String> = inner
            .metadata
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        if let Some(decision) = inner.decision {
            metadata.insert("decision_id".to_owned(), decision.to_string());
        }
        if inner.next_action != NextAction::Unspecified {
            let name = inner.next_action.as_str_name();
            metadata.insert(
                "next_action".to_owned(),
                name.trim_start_matches("NEXT_ACTION_").to_owned(),
            );
        }
        details.set_error_info(reason_name(inner.reason), DOMAIN, metadata);
        for violation in inner.violations {
            details.add_bad_request_violation(violation.field, violation.rule);
        }
        if let Some(after) = inner.retry_after {
            details.set_retry_info(Some(after));
        }
        // One message has one language; the counters' own.
        if let Some(words) = inner.words {
            details.set_localized_message("id-ID", words.indonesian);
        }
        Status::with_error_details(code, inner.message, details)
    }
}
