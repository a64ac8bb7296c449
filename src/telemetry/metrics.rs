//! The instruments that every server has: rate, errors and duration of each method, and constraint hits.
//!
//! What is easily got wrong: an instrument's attributes multiply. Only names from a fixed list may become one; a path or
//! an id that a client chose would let it fill the collector.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter},
};
use tonic::Code;

/// Seconds. Fine where a unary call should be, coarse up to the half hour that a stream lives.
const DURATION_BUCKETS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 600.0,
    1800.0,
];

struct Metrics {
    requests: Counter<u64>,
    duration: Histogram<f64>,
    constraint_hits: Counter<u64>,
    alarms: Counter<u64>,
    turned_away: Counter<u64>,
    shed: Counter<u64>,
}

/// Empty without a collector: then nothing is counted.
static METRICS: OnceLock<Metrics> = OnceLock::new();

pub(super) fn install(meter: &Meter) {
    METRICS.get_or_init(|| Metrics {
        requests: meter
            .u64_counter("ektp.rpc.requests")
            .with_description("Calls that ended, streams included")
            .build(),
        duration: meter
            .f64_histogram("ektp.rpc.duration")
            .with_unit("s")
            .with_description("From the arrival of a call's headers to its final status")
            .with_boundaries(DURATION_BUCKETS.to_vec())
            .build(),
        constraint_hits: meter
            .u64_counter("ektp.constraint.hits")
            .with_description("Database constraints that stopped a write; each one is a bug")
            .build(),
        alarms: meter
            .u64_counter("ektp.alarms")
            .with_description("Reads of persons who exist only as traps")
            .build(),
        turned_away: meter
            .u64_counter("ektp.connections.refused")
            .with_description("Connections that were not let in, or cut by the server, by reason")
            .build(),
        shed: meter
            .u64_counter("ektp.admission.shed")
            .with_description("Calls that were refused a connection of a pool, by class and reason")
            .build(),
    });
}

/// Counts one call that ended; `method` is a name from the table of rights.
pub fn count_rpc(method: &'static str, code: Code, elapsed: Duration) {
    if let Some(metrics) = METRICS.get() {
        let attributes = [
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.grpc.status_code", code as i64),
        ];
        metrics.requests.add(1, &attributes);
        metrics.duration.record(elapsed.as_secs_f64(), &attributes);
    }
}

/// Counts an alarm of a kind; every one of them wakes somebody.
pub fn count_alarm(kind: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics.alarms.add(1, &[KeyValue::new("kind", kind)]);
    }
}

/// Counts a write that only the database's constraint stopped; `constraint` is its name in our migrations.
pub fn count_constraint_hit(constraint: &str) {
    if let Some(metrics) = METRICS.get() {
        let name = KeyValue::new("constraint", constraint.to_owned());
        metrics.constraint_hits.add(1, &[name]);
    }
}

/// Counts a connection that was not let in; `reason` is from the list in `transport`.
pub fn count_turned_away(reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        metrics
            .turned_away
            .add(1, &[KeyValue::new("reason", reason)]);
    }
}

/// Counts a call that got no place before a pool; class and reason are from the lists in `caller` and `admission`.
pub fn count_shed(pool: &'static str, class: &'static str, reason: &'static str) {
    if let Some(metrics) = METRICS.get() {
        let attributes = [
            KeyValue::new("pool", pool),
            KeyValue::new("class", class),
            KeyValue::new("reason", reason),
        ];
        metrics.shed.add(1, &attributes);
    }
}
