//! The one integration test binary: one link instead of many, and one place for what tests share (`support`).
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests ask a database of their own at run time, and tell on their own standard error what went wrong"
)]

mod abuse;
mod administration;
mod architecture;
mod articles;
mod audit;
mod bench;
mod bench_watch;
mod callers;
mod cancel;
mod drain;
mod embedded;
mod feed;
mod fire;
mod handover;
mod inventory;
mod leak;
mod life;
mod notices;
mod overload;
mod plans;
mod policy;
mod print_queue;
mod printers;
mod quotas;
mod registration;
mod restart;
mod slow_readers;
mod stock_race;
mod support;
mod sweep;
mod telemetry;
mod topics;
mod transport;
mod walls;
mod watch;
