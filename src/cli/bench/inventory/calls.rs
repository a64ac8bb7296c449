//! How long the server itself says that it had each call: it logs every one that ended, when it is asked to.
//!
//! What is easily got wrong: a call ends at the server when its last frame is handed to the connection, a moment after the
//! client has its answer; so the last lines are waited for.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    time::Duration,
};

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{cli::Failure, edge::CALLS};

/// What makes the server log each call, in a form that is read here.
pub const LOG_CALLS: [&str; 3] = ["--log", "warn,ektp::calls=trace", "--log-json"];
/// The last line is there by then.
const LINES_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
struct Line {
    target: String,
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    method: String,
    micros: u64,
}

/// How long the log is now.
pub fn length(log: &Path) -> Result<u64, Failure> {
    std::fs::metadata(log)
        .map(|metadata| metadata.len())
        .map_err(|error| Failure::Folder(log.to_owned(), error))
}

/// The lengths of the calls of a method that ended since the log was so long, at least `count` of them.
pub async fn since(
    log: &Path,
    length: u64,
    method: &str,
    count: usize,
) -> Result<Vec<Duration>, Failure> {
    let deadline = Instant::now() + LINES_TIMEOUT;
    loop {
        let found = lengths(&read(log, length)?, method);
        if found.len() >= count {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Failure::Call(format!(
                "of {count} calls of {method} the server's log tells of {}",
                found.len()
            )));
        }
        sleep(LOOK_EVERY).await;
    }
}

fn read(log: &Path, from: u64) -> Result<String, Failure> {
    let failed = |error| Failure::Folder(log.to_owned(), error);
    let mut file = File::open(log).map_err(failed)?;
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn lengths(text: &str, method: &str) -> Vec<Duration> {
    text.lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| line.target == CALLS && line.fields.method == method)
        .map(|line| Duration::from_micros(line.fields.micros))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_one_method_are_read_and_everything_else_is_not() {
        let line = |target: &str, method: &str, micros: u64| {
            format!(
                r#"{{"timestamp":"2017-04-10T08:00:00Z","level":"TRACE","fields":{{"message":"ended","method":"{method}","code":0,"micros":{micros}}},"target":"{target}"}}"#
            )
        };
        let text = [
            line(CALLS, "A/One", 700),
            line(CALLS, "A/Two", 800),
            line("ektp::edge", "A/One", 900),
            r#"{"level":"WARN","fields":{"message":"words"},"target":"ektp::server"}"#.to_owned(),
            line(CALLS, "A/One", 1_100),
            line(CALLS, "A/One", 9).split_off(30),
        ];
        let seen = lengths(&text.join("\n"), "A/One");
        assert_eq!(seen, [700, 1_100].map(Duration::from_micros));
        assert!(LOG_CALLS[1].contains(CALLS));
    }
}
