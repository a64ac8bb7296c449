//! The two exporters and the one thread on which they talk to the collector.
//!
//! What is easily got wrong: tonic's channel lives on the runtime in which it was made. With a runtime of their own the
//! exporters keep sending while the server's runtime is busy or already gone, and [`Exporters::shutdown`] may block.

use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    metrics::{PeriodicReader, SdkMeterProvider},
    trace::SdkTracerProvider,
};
use tokio::runtime::{Builder, Runtime};

use super::{SERVICE, TelemetryError};

/// Dashboards that look every half minute see each value; a busy server makes a few hundred points each time.
const METRICS_EVERY: Duration = Duration::from_secs(15);

/// One try of one export; a collector that is slower than this loses the batch rather than our memory.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The end of the process does not wait longer for a collector that is gone, for the traces and again for the metrics: a
/// drain has promised when it is over.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Exporters {
    pub(super) traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    /// `None` only while being dropped: a runtime must not be dropped plainly inside another runtime.
    runtime: Option<Runtime>,
}

impl Exporters {
    pub(super) fn start(url: &str, resource: Resource) -> Result<Exporters, TelemetryError> {
        if url.starts_with("https://") {
            return Err(TelemetryError::PlainOnly);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ektp-telemetry")
            .enable_all()
            .build()?;
        let inside = runtime.enter();
        let spans = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(url)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        let points = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(url)
            .with_timeout(EXPORT_TIMEOUT)
            .build()?;
        drop(inside);
        let reader = PeriodicReader::builder(points)
            .with_interval(METRICS_EVERY)
            .build();
        Ok(Exporters {
            traces: SdkTracerProvider::builder()
                .with_batch_exporter(spans)
                .with_resource(resource.clone())
                .build(),
            metrics: SdkMeterProvider::builder()
                .with_reader(reader)
                .with_resource(resource)
                .build(),
            runtime: Some(runtime),
        })
    }

    pub(super) fn meter(&self) -> Meter {
        self.metrics.meter(SERVICE)
    }

    pub(super) fn flush(&self) {
        tell("traces", self.traces.force_flush());
        tell("metrics", self.metrics.force_flush());
    }

    pub(super) fn shutdown(&self) {
        tell(
            "traces",
            self.traces.shutdown_with_timeout(SHUTDOWN_TIMEOUT),
        );
        tell(
            "metrics",
            self.metrics.shutdown_with_timeout(SHUTDOWN_TIMEOUT),
        );
    }
}

impl Drop for Exporters {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn tell(what: &str, outcome: Result<(), OTelSdkError>) {
    if let Err(cause) = outcome {
        tracing::warn!(%cause, "the last {what} did not reach the collector");
    }
}
