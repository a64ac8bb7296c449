//! What a process tells about itself arrives at a collector: spans in the trace of their caller, metrics with the final
//! status of each call, gauges as long as their owner lives.
//!
//! What is easily got wrong: a process installs its telemetry once, and the other tests have the log of `support::logs`.
//! So each of these tests runs in a process of its own.

use std::{fs, net::SocketAddr, sync::Arc};

use time::{Duration, OffsetDateTime};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request,
    transport::{Certificate, Channel, ClientTlsConfig, Identity, Server},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use ektp::{
    access::Access,
    admission::Admission,
    authority::Authority,
    edge::EdgeLayer,
    quota::{Limits, Quotas},
    telemetry::{Reading, count_constraint_hit, gauge},
    transport::{self, Tls},
};

use ektp::proto;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::support::{
    collector::{Collector, Received, attribute, collector, hex},
    in_own_process,
    office::{Office, request_id},
    people::key,
};

const TERMINAL: &str = "ektp://district/35.75/site/35.75.02/terminal/3";
const CHECK: &str = "grpc.health.v1.Health/Check";
const WATCH: &str = "grpc.health.v1.Health/Watch";

#[tokio::test]
async fn a_span_a_count_and_a_gauge_arrive_at_the_collector() {
    if !in_own_process("telemetry::a_span_a_count_and_a_gauge_arrive_at_the_collector").await {
        return;
    }
    let collector = collector();
    let probe = format!("{:016x}", rand::random::<u64>());
    tracing::info_span!(target: "ektp::test", "probe", probe = probe.as_str())
        .in_scope(|| count_constraint_hit(&probe));
    let owner = gauge("ektp.test.probe", "1", || {
        vec![Reading {
            value: 96.0,
            labels: vec![("kind", "blank".to_owned())],
        }]
    });

    collector
        .wait_for("the span", |received| {
            let mut spans = received.spans.iter();
            spans
                .find(|span| attribute(&span.attributes, "probe").as_ref() == Some(&probe))
                .cloned()
        })
        .await;
    let hits = collector
        .wait_for("the count", |received| {
            received.value("ektp.constraint.hits", &[("constraint", &probe)])
        })
        .await;
    assert!((hits - 1.0).abs() < f64::EPSILON);
    let read = collector
        .wait_for("the gauge", |received| {
            received.value("ektp.test.probe", &[("kind", "blank")])
        })
        .await;
    assert!((read - 96.0).abs() < f64::EPSILON);
    drop(owner);
}

#[tokio::test]
async fn a_call_continues_its_callers_trace_and_is_counted_with_its_final_status() {
    let name = "telemetry::a_call_continues_its_callers_trace_and_is_counted_with_its_final_status";
    if !in_own_process(name).await {
        return;
    }
    let collector = collector();
    let mut client = HealthClient::new(office().await);
    let trace = format!("{:032x}", rand::random::<u128>());
    let parent = "b7ad6b7169203331";
    let request = || {
        let mut request = Request::new(HealthCheckRequest::default());
        let header = format!("00-{trace}-{parent}-01");
        request
            .metadata_mut()
            .insert("traceparent", header.parse().expect("plain text"));
        request
    };

    client.check(request()).await.expect("a terminal may check");
    let mut stream = client
        .watch(request())
        .await
        .expect("a terminal may watch")
        .into_inner();
    stream
        .message()
        .await
        .expect("the first state comes at once");
    drop(stream);

    // The check ended with its trailers; the watch had none, because its client went away.
    for (method, code) in [(CHECK, Code::Ok), (WATCH, Code::Cancelled)] {
        let code = (code as i32).to_string();
        let span = collector
            .wait_for(method, |received| received.span(&trace, method).cloned())
            .await;
        assert_eq!(hex(&span.parent_span_id), parent);
        let said = |key| attribute(&span.attributes, key).unwrap_or_default();
        assert_eq!(said("caller"), TERMINAL);
        assert_eq!(said("district"), "35.75");
        assert_eq!(said("rpc.grpc.status_code"), code, "{method}");
        for instrument in ["ektp.rpc.requests", "ektp.rpc.duration"] {
            let labels = [
                ("rpc.method", method),
                ("rpc.grpc.status_code", code.as_str()),
            ];
            collector
                .wait_for((instrument, labels), |received| {
                    received.value(instrument, &labels)
                })
                .await;
        }
    }
}

const BIND: &str = "ektp.v1.PrintQueue/BindBlanks";

#[tokio::test]
async fn binding_a_blank_is_one_trace_from_the_terminal_to_each_statement() {
    if !in_own_process(
        "telemetry::binding_a_blank_is_one_trace_from_the_terminal_to_each_statement",
    )
    .await
    {
        return;
    }
    let collector = collector();
    let office = Office::open().await;
    office.stock("35.75", 8_000_001, 8_000_010).await;
    office.queued("35.75", 1).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let leases = terminal.lease(1).await.leases;
    let binding = proto::BlankBinding {
        lease: Some(key(&leases[0])),
        serial: 8_000_001,
        chip_uid: "04aabbccdd1122".to_owned(),
    };
    let mut request = Request::new(proto::BindBlanksRequest {
        request_id: request_id(),
        bindings: vec![binding],
    });
    let trace = format!("{:032x}", rand::random::<u128>());
    let parent = "b7ad6b7169203331";
    let header = format!("00-{trace}-{parent}-01");
    request
        .metadata_mut()
        .insert("traceparent", header.parse().expect("plain text"));
    let bound = terminal
        .print_queue
        .bind_blanks(request)
        .await
        .expect("an answer")
        .into_inner();
    assert!(
        matches!(
            bound.results[0].outcome,
            Some(proto::print_step_result::Outcome::Entry(_))
        ),
        "{bound:?}"
    );

    the_trace_is_whole(collector, &trace, parent).await;
    the_metrics_are_there(collector).await;
}

/// One trace: the terminal's span, the call's, the step's, and those of its statements.
async fn the_trace_is_whole(collector: &'static Collector, trace: &str, parent: &str) {
    // The call's own span is the last one to end; by then all others are on their way.
    let spans = collector
        .wait_for("the trace of the binding", |received| {
            let spans = of_trace(received, trace);
            spans.iter().any(|span| span.name == BIND).then_some(spans)
        })
        .await;
    let rpc = spans
        .iter()
        .find(|span| span.name == BIND)
        .expect("it was waited for");
    assert_eq!(
        hex(&rpc.parent_span_id),
        parent,
        "the terminal's span is the parent"
    );
    assert_eq!(
        attribute(&rpc.attributes, "rpc.grpc.status_code").as_deref(),
        Some("0")
    );
    let named = |start: &str| {
        spans
            .iter()
            .filter(|span| span.name.starts_with(start))
            .collect::<Vec<_>>()
    };
    let (steps, statements) = (named("step."), named("sql."));
    assert!(
        !steps.is_empty(),
        "the step has a span: {:?}",
        names(&spans)
    );
    for name in ["sql.claim_request", "sql.close_work"] {
        assert!(
            statements.iter().any(|span| span.name == name),
            "{name} in {:?}",
            names(&spans)
        );
    }
    for span in steps.iter().chain(&statements) {
        assert!(
            is_below(span, rpc, &spans),
            "{} hangs below the call",
            span.name
        );
    }
    let in_step = statements
        .iter()
        .filter(|span| steps.iter().any(|step| is_below(span, step, &spans)))
        .count();
    assert!(
        in_step >= 3,
        "the locks and saves of the step: {:?}",
        names(&spans)
    );
}

/// Rate, errors and duration of the method, and the gauges of pools and chores.
async fn the_metrics_are_there(collector: &'static Collector) {
    let labels = [("rpc.method", BIND), ("rpc.grpc.status_code", "0")];
    for instrument in ["ektp.rpc.requests", "ektp.rpc.duration"] {
        let value = collector
            .wait_for((instrument, labels), |received| {
                received.value(instrument, &labels)
            })
            .await;
        assert!((value - 1.0).abs() < f64::EPSILON, "{instrument}: {value}");
    }
    for pool in ["acts", "reads", "feed"] {
        for state in ["idle", "busy"] {
            let labels = [("pool", pool), ("state", state)];
            collector
                .wait_for(labels, |received| {
                    received.value("ektp.pool.connections", &labels)
                })
                .await;
        }
    }
    for chore in ["expire_leases", "send_notices", "feed_partitions"] {
        let labels = [("chore", chore)];
        collector
            .wait_for(labels, |received| received.value("ektp.chore.age", &labels))
            .await;
    }
}

fn of_trace(received: &Received, trace: &str) -> Vec<Span> {
    received
        .spans
        .iter()
        .filter(|span| hex(&span.trace_id) == trace)
        .cloned()
        .collect()
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

/// Whether a span has another one among its ancestors.
fn is_below(span: &Span, above: &Span, all: &[Span]) -> bool {
    let mut at = span;
    // A trace is no deeper than it has spans.
    for _ in all {
        if at.parent_span_id == above.span_id {
            return true;
        }
        match all.iter().find(|other| other.span_id == at.parent_span_id) {
            Some(parent) => at = parent,
            None => return false,
        }
    }
    false
}

/// Nothing here opens a shift, so the gate needs no database.
fn gate() -> (Access, EdgeLayer) {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_millis(1))
        .connect_lazy("postgres://nobody@localhost:1/nowhere")
        .expect("the address is one");
    let limits = Arc::new(Limits::new(Quotas::default()));
    let access = Access::new(pool);
    let free = Admission::new("nowhere", 1);
    let edge = EdgeLayer::new(access.clone(), limits, (&free, &free));
    (access, edge)
}

/// A server with the edge before tonic's health service, and a terminal's connection to it.
async fn office() -> Channel {
    let folder = tempfile::tempdir().expect("the temp folder is writable");
    // TLS judges certificates by the machine's time; the file system has just stamped the folder with it.
    let stamp = fs::metadata(folder.path()).and_then(|found| found.modified());
    let now: OffsetDateTime = stamp.expect("folders have a time").into();
    let authority = Authority::open_or_create(folder.path(), now).expect("a new authority");
    let server = authority.server_identity(&[], now).expect("a certificate");
    let terminal = TERMINAL.parse().expect("a valid identity");
    let terminal = authority
        .terminal_identity(&terminal, Duration::days(1), now)
        .expect("a certificate");

    let tls = Tls {
        certificate: server.certificate_pem,
        key: server.key_pem,
        ca: authority.ca_pem().to_owned(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener
        .local_addr()
        .expect("a bound socket has an address");
    let (access, gate) = gate();
    let times = (CancellationToken::new(), crate::support::PATIENCE);
    let (incoming, _) =
        transport::open(listener, &tls, access, times).expect("our own certificates are valid");
    let serving = Server::builder()
        .layer(gate)
        .add_service(tonic_health::server::health_reporter().1)
        .serve_with_incoming(incoming);
    tokio::spawn(serving);

    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.ca_pem()))
        .identity(Identity::from_pem(
            terminal.certificate_pem,
            terminal.key_pem,
        ));
    Channel::from_shared(format!("https://localhost:{}", address.port()))
        .expect("a valid address")
        .tls_config(tls)
        .expect("our own certificates are valid")
        .connect_lazy()
}
