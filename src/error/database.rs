//! What a database error means to a client, by its SQLSTATE alone.

use std::time::Duration;

use crate::{
    access,
    error::{Error, ErrorReason, Kind},
    telemetry,
};

/// What RetryInfo proposes after a collision of two acts.
const RETRY_AFTER_CONFLICT: Duration = Duration::from_millis(50);

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if let Some(database) = error.as_database_error() {
            return from_database(database);
        }
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::overloaded();
        }
        let away = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        if away {
            Self::database_away(error.to_string())
        } else {
            Self::internal(format!("database: {error}"))
        }
    }
}

/// Sorts a database error by its SQLSTATE. Its DETAIL is never looked at: it can carry personal data.
fn from_database(error: &dyn sqlx::error::DatabaseError) -> Error {
    let code = error.code().unwrap_or_default().into_owned();
    match code.as_str() {
        // Serialisation failure, deadlock, lock not available, killed while idle in a transaction.
        "40001" | "40P01" | "55P03" | "25P03" => Error::new(
            Kind::Clash,
            ErrorReason::Conflict,
            "two acts collided; send the same request again",
        )
        .retry(RETRY_AFTER_CONFLICT),
        // The statement ran into its deadline.
        "57014" => Error::late(),
        // The server of the database is stopping, starting, or out of connections.
        "57P01" | "57P02" | "57P03" | "53300" | "08006" | "08003" => Error::database_away(code),
        // Shift or terminal ended before the act began: `close_work` says so at the last moment.
        "EK001" => access::shift_unknown(),
        "EK003" => access::terminal_revoked(),
        // The wall between the districts held where the checks before it should have: a defect, told alike whatever stands
        // behind it.
        "42501" => {
            telemetry::count_constraint_hit("wall");
            Error::internal("an act reached beyond its scope and was stopped by the database")
        }
        // A constraint hit at run time is a defect: the decision should have refused before.
        _ if code.starts_with("23") => {
            let constraint = error.constraint().unwrap_or("unnamed").to_owned();
            telemetry::count_constraint_hit(&constraint);
            Error::internal(format!("constraint {constraint} was hit"))
        }
        _ => Error::internal(format!("database error {code}: {}", error.message())),
    }
}

/// The name of the violated constraint, for the few places where a race may legitimately hit one.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()
        .and_then(|database| database.constraint())
}
