//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod architecture;
mod callers;
mod cancel;
mod embedded;
mod feed;
mod handover;
mod leak;
mod notices;
mod restart;
mod registration;
mod support;
mod sweep;
mod telemetry;
mod watch;
