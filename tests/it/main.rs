//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod embedded;
mod registration;
mod support;
mod telemetry;
