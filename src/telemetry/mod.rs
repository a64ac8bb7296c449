//! What the process tells about itself: log lines on standard error, and traces and metrics over OTLP/gRPC when a
//! collector's address is set. Nothing personal may get in: spans and metrics carry methods, callers' names, request
//! ids, districts, counts and states.
//!
//! What is easily got wrong: the subscriber and the instruments belong to the process, not to a server. The first
//! [`Telemetry::start`] of a process installs them; later ones change nothing and have nothing to shut down.

use std::{
    io::{self, IsTerminal as _},
    sync::{Mutex, PoisonError},
};

use clap::builder::BoolishValueParser;
use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{TraceContextExt as _, TraceId, TracerProvider as _},
};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator};
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{ParseError, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

mod export;
mod gauges;
mod metrics;

pub use gauges::{Gauge, Reading, gauge};
pub use metrics::{count_alarm, count_constraint_hit, count_rpc, count_shed, count_turned_away};

use export::Exporters;

/// The name of our instruments and of the service in the collector.
const SERVICE: &str = "ektp";

/// What is logged when nothing else is said.
pub const LOG_DEFAULT: &str = "info";

/// What is logged, and where traces and metrics go.
#[derive(Debug, Clone, clap::Args)]
pub struct TelemetryConfig {
    /// Which log lines are written: a level, or levels for parts such as `info,ektp::feed=debug`.
    #[arg(long, env = "EKTP_LOG", default_value = LOG_DEFAULT, value_name = "FILTER")]
    pub log: String,

    /// Write log lines as JSON, one object a line.
    #[arg(long, env = "EKTP_LOG_JSON", value_parser = BoolishValueParser::new())]
    pub log_json: bool,

    /// The OTLP/gRPC collector that gets traces and metrics, such as http://127.0.0.1:4317; without it they go nowhere.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

/// What kept telemetry from starting. A collector that does not answer is no reason: it may come later.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] ParseError),
    #[error(
        "the collector is spoken to over http:// only; for https:// run an agent beside the server that forwards"
    )]
    PlainOnly,
    #[error("the collector's address is not valid: {0}")]
    Endpoint(#[from] ExporterBuildError),
    #[error("the thread that talks to the collector could not be started: {0}")]
    Thread(#[from] io::Error),
}

/// Keeps the exporters; [`Telemetry::shutdown`] sends what they still hold.
#[must_use = "what is dropped without shutdown loses the last seconds of traces and metrics"]
pub struct Telemetry {
    exporters: Option<Exporters>,
}

/// Whether this process has its subscriber.
static INSTALLED: Mutex<bool> = Mutex::new(false);

impl Telemetry {
    /// Starts logging, and exporting when an endpoint is set. Needs no runtime around it and never waits for the
    /// collector.
    pub fn start(config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
        // Held to the end, so that two starters cannot both be the first.
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if *installed {
            tracing::debug!("telemetry had been started before; it stays as it is");
            return Ok(Telemetry { exporters: None });
        }
        let lines = log_lines(config)?;
        let endpoint = config
            .otlp_endpoint
            .as_deref()
            .filter(|url| !url.is_empty());
        let exporters = endpoint
            .map(|url| Exporters::start(url, resource()))
            .transpose()?;
        let spans = exporters.as_ref().map(|exporters| {
            tracing_opentelemetry::layer()
                .with_tracer(exporters.traces.tracer(SERVICE))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                // Ours only: the exporter's own calls would otherwise be traced, and exported, and traced.
                .with_filter(Targets::new().with_target(SERVICE, LevelFilter::DEBUG))
        });
        // It fails when the program around us has installed a subscriber of its own; then its logging stays.
        let ours = tracing_subscriber::registry()
            .with(lines)
            .with(spans)
            .try_init();
        *installed = true;
        if let Err(cause) = ours {
            tracing::warn!(%cause, "another subscriber was there first; no traces are exported");
        }
        if let Some(exporters) = &exporters {
            metrics::install(&exporters.meter());
            gauges::install(exporters.meter());
        }
        Ok(Telemetry { exporters })
    }

    /// Sends what has been collected so far, and waits until the collector has it or a deadline is over.
    pub fn flush(&self) {
        if let Some(exporters) = &self.exporters {
            exporters.flush();
        }
    }

    /// The last thing that a process does.
    pub fn shutdown(self) {
        if let Some(exporters) = self.exporters {
            exporters.shutdown();
        }
    }
}

/// The caller's place in a trace, from the W3C headers `traceparent` and `tracestate`; an empty one without them.
pub fn remote_parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers))
}

/// The id of the trace that the current span is part of, in hexadecimal digits; empty where no trace is recorded.
pub fn trace_id() -> String {
    let context = tracing::Span::current().context();
    let trace = context.span().span_context().trace_id();
    if trace == TraceId::INVALID {
        String::new()
    } else {
        trace.to_string()
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

/// Log lines go to standard error: standard output belongs to what a command answers.
fn log_lines(
    config: &TelemetryConfig,
) -> Result<Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>, ParseError> {
    let filter = EnvFilter::builder().parse(&config.log)?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    Ok(if config.log_json {
        lines.json().with_filter(filter).boxed()
    } else {
        lines.with_filter(filter).boxed()
    })
}

/// Several replicas of one service are told apart by the instance, a number drawn at each start.
fn resource() -> Resource {
    Resource::builder()
        .with_service_name(SERVICE)
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new(
                "service.instance.id",
                format!("{:016x}", rand::random::<u64>()),
            ),
        ])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_filter_or_address_is_told_and_leaves_the_process_as_it_was() {
        let config = TelemetryConfig {
            log: "ektp=loudly".to_owned(),
            log_json: false,
            otlp_endpoint: None,
        };
        assert!(matches!(
            Telemetry::start(&config),
            Err(TelemetryError::Filter(_))
        ));
        let config = TelemetryConfig {
            log: "info".to_owned(),
            otlp_endpoint: Some("http://[nowhere".to_owned()),
            ..config
        };
        assert!(matches!(
            Telemetry::start(&config),
            Err(TelemetryError::Endpoint(_))
        ));
        let config = TelemetryConfig {
            otlp_endpoint: Some("https://collector.example:4317".to_owned()),
            ..config
        };
        assert!(matches!(
            Telemetry::start(&config),
            Err(TelemetryError::PlainOnly)
        ));
        assert!(!*INSTALLED.lock().expect("nobody panicked with it"));
    }

    #[test]
    fn the_parent_comes_from_the_w3c_header() {
        let mut headers = HeaderMap::new();
        assert!(!remote_parent(&headers).has_active_span());
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", sent.parse().expect("a header value"));
        let parent = remote_parent(&headers);
        let span = parent.span().span_context().clone();
        assert!(span.is_remote());
        assert_eq!(
            span.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
    }
}
