//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod architecture;
mod embedded;
mod feed;
mod handover;
mod notices;
mod registration;
mod support;
mod telemetry;
mod watch;
