//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod embedded;
mod handover;
mod notices;
mod support;
mod telemetry;
