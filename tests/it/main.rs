//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).

mod architecture;
mod callers;
mod cancel;
mod embedded;
mod feed;
mod handover;
mod inventory;
mod leak;
mod notices;
mod print_queue;
mod registration;
mod restart;
mod support;
mod sweep;
mod telemetry;
mod watch;
