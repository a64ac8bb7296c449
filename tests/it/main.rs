//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod architecture;
mod embedded;
mod handover;
mod inventory;
mod notices;
mod support;
mod telemetry;
