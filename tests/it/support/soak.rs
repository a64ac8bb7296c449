//! How long the long tests are, and with which seed: short in the ordinary suite, as long as `./dev soak` says there.

use std::{env, time::Duration};

/// How long a test of this kind lasts, in seconds.
const SECONDS: &str = "EKTP_SOAK_SECONDS";
/// With which seed.
const SEED: &str = "EKTP_SOAK_SEED";

/// How long a long test lasts; what is said at none is `short`.
pub fn length(short: u64) -> Duration {
    Duration::from_secs(number(SECONDS).unwrap_or(short))
}

/// How often something is tried that takes a moment each time.
pub fn times(short: usize) -> usize {
    const EACH_SECOND: usize = 4;
    const MOST: usize = 1_000;
    let seconds = usize::try_from(length(0).as_secs()).unwrap_or(MOST);
    (seconds * EACH_SECOND).clamp(short, MOST)
}

/// How much of something there is in the ordinary suite, and in a soak of any length.
pub fn either(short: usize, long: usize) -> usize {
    number(SECONDS).map_or(short, |_| long)
}

/// The seed: a new one each time, unless it is given. The test prints it.
pub fn seed() -> u64 {
    number(SEED).unwrap_or_else(|| rand::random_range(1..1_000_000))
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} must be a number, not '{text}'")))
}
