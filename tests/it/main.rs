//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod architecture;
mod callers;
mod cancel;
mod embedded;
mod handover;
mod leak;
mod notices;
mod restart;
mod support;
mod sweep;
mod telemetry;
