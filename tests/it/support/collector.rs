//! An OpenTelemetry collector inside the test process: it takes traces and metrics over OTLP/gRPC, keeps the newest of
//! them and lets a test wait for what it expects.
//!
//! What is easily got wrong: instruments and the subscriber belong to the process, and a test's runtime ends with the
//! test. So there is one collector for all tests, on a thread of its own, and a test finds what is its own by a trace
//! id, or a label, that nobody else uses.

use std::{
    collections::VecDeque,
    fmt::Debug,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{Metric, metric::Data, number_data_point::Value as Number},
    trace::v1::Span,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, async_trait, transport::Server};

use ektp::telemetry::{Telemetry, TelemetryConfig};

/// The whole suite makes some thousands; the oldest go first.
const SPANS_MAX: usize = 20_000;

/// Every export repeats every instrument.
const METRICS_MAX: usize = 5_000;

/// Far more than an export takes, also on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A span that is still open at one flush is sent with a later one.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

/// The collector, and the process's telemetry, which sends to it.
pub struct Collector {
    store: Arc<Store>,
    telemetry: Telemetry,
}

#[derive(Default)]
struct Store {
    received: Mutex<Received>,
    arrival: Notify,
}

/// What has arrived, oldest first.
#[derive(Default)]
pub struct Received {
    pub spans: VecDeque<Span>,
    pub metrics: VecDeque<Metric>,
}

/// The process's collector. A test that wants to see its own spans calls this before it makes them.
pub fn collector() -> &'static Collector {
    static COLLECTOR: OnceLock<Collector> = OnceLock::new();
    COLLECTOR.get_or_init(Collector::start)
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("sockets can be so");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let store = Arc::new(Store::default());
        let serving = Arc::clone(&store);
        thread::spawn(move || serve(listener, serving));
        let config = TelemetryConfig {
            log: "warn".to_owned(),
            log_json: false,
            otlp_endpoint: Some(format!("http://{address}")),
        };
        let telemetry = Telemetry::start(&config).expect("the address is valid");
        Collector { store, telemetry }
    }

    /// Waits until `find` finds something in what has arrived, and gives it back.
    pub async fn wait_for<T>(
        &'static self,
        what: impl Debug,
        find: impl Fn(&Received) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            // Asked for before looking, so that nothing can arrive unseen between the look and the wait.
            let arrival = self.store.arrival.notified();
            if let Some(found) = find(&self.store.lock()) {
                return found;
            }
            let flush = tokio::task::spawn_blocking(|| self.telemetry.flush());
            timeout_at(deadline, flush)
                .await
                .unwrap_or_else(|_| panic!("no flush ended while waiting for {what:?}"))
                .expect("a flush does not panic");
            assert!(Instant::now() < deadline, "did not arrive: {what:?}");
            // Either something comes, or it is time to flush again.
            timeout(FLUSH_EVERY, arrival).await.ok();
        }
    }
}

impl Received {
    /// The span of this name in this trace (32 hexadecimal digits).
    pub fn span(&self, trace: &str, name: &str) -> Option<&Span> {
        self.spans
            .iter()
            .find(|span| span.name == name && hex(&span.trace_id) == trace)
    }

    /// The newest value of the instrument whose labels include these: a sum, a gauge's value, or how many values a
    /// histogram holds.
    pub fn value(&self, instrument: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.metrics
            .iter()
            .rev()
            .filter(|metric| metric.name == instrument)
            .find_map(|metric| newest_point(metric, labels))
    }
}

/// An attribute as text, whatever its type.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::BoolValue(yes) => Some(yes.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        other @ (Value::ArrayValue(_)
        | Value::KvlistValue(_)
        | Value::BytesValue(_)
        | Value::StringValueStrindex(_)) => Some(format!("{other:?}")),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn newest_point(metric: &Metric, labels: &[(&str, &str)]) -> Option<f64> {
    let fits = |attributes: &[KeyValue]| {
        labels
            .iter()
            .all(|(key, value)| attribute(attributes, key).as_deref() == Some(*value))
    };
    let numbers = match metric.data.as_ref()? {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Histogram(histogram) => {
            let point = histogram
                .data_points
                .iter()
                .find(|point| fits(&point.attributes))?;
            return u32::try_from(point.count).ok().map(f64::from);
        }
        Data::ExponentialHistogram(_) | Data::Summary(_) => return None,
    };
    let point = numbers.iter().find(|point| fits(&point.attributes))?;
    match point.value.as_ref()? {
        Number::AsDouble(value) => Some(*value),
        Number::AsInt(value) => i32::try_from(*value).ok().map(f64::from),
    }
}

fn serve(listener: TcpListener, store: Arc<Store>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the collector");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a live socket");
        Server::builder()
            .add_service(TraceServiceServer::from_arc(Arc::clone(&store)))
            .add_service(MetricsServiceServer::from_arc(store))
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .expect("the collector serves as long as the process lives");
    });
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep<T>(newest: &mut VecDeque<T>, arrived: impl Iterator<Item = T>, most: usize) {
    newest.extend(arrived);
    let surplus = newest.len().saturating_sub(most);
    newest.drain(..surplus);
}

#[async_trait]
impl TraceService for Store {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let spans = resources
            .flat_map(|of| of.scope_spans)
            .flat_map(|of| of.spans);
        keep(&mut self.lock().spans, spans, SPANS_MAX);
        self.arrival.notify_waiters();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[async_trait]
impl MetricsService for Store {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let metrics = resources
            .flat_map(|of| of.scope_metrics)
            .flat_map(|of| of.metrics);
        keep(&mut self.lock().metrics, metrics, METRICS_MAX);
        self.arrival.notify_waiters();
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}
