//! One call's span and its place in the metrics.
//!
//! What is easily got wrong: a call ends when its *body* ends. The final status of a stream is in the trailers, and a
//! client that goes away leaves none; therefore the body is wrapped and the call is counted when the wrapper is dropped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body, codegen::Bytes};
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{
    caller::{Caller, right},
    telemetry,
};

/// The log's target for each call that ended, with how long it took. The metric has only buckets; whoever wants each call asks
/// for `--log ektp::calls=trace`.
pub const CALLS: &str = "ektp::calls";

/// What stands for every path that is not in the table: paths are chosen by clients, and each would be a new time series.
const OTHER_METHOD: &str = "other";

/// One call from its headers to its end. Dropping it is its end: then it is counted and its span closes.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) span: Span,
    method: &'static str,
    started: Instant,
    /// What is true as long as nobody has said anything else: the client went away.
    pub(super) code: Code,
}

impl Call {
    pub(super) fn begin<B>(request: &Request<B>) -> Call {
        let path = request.uri().path();
        let method = right(path).map_or(OTHER_METHOD, |right| right.path.trim_start_matches('/'));
        // The empty fields are filled by who learns them: the caller here, the rest by the unit of work.
        let span = tracing::info_span!(
            "rpc",
            otel.name = method,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = "grpc",
            rpc.method = method,
            rpc.grpc.status_code = Empty,
            caller = Empty,
            district = Empty,
            officer = Empty,
            request_id = Empty,
        );
        // Without a collector there is no layer that could take the parent, and nothing is lost.
        span.set_parent(telemetry::remote_parent(request.headers()))
            .ok();
        Call {
            span,
            method,
            started: Instant::now(),
            code: Code::Cancelled,
        }
    }

    /// It ends here.
    pub(super) fn refused(&mut self, refusal: &Status) {
        self.code = refusal.code();
    }

    pub(super) fn name_officer(&self, caller: &Caller) {
        if let Some(officer) = &caller.officer {
            self.span.record("officer", officer.officer_id.to_string());
        }
    }

    pub(super) fn name_caller(&self, caller: &Caller) {
        self.span.record("caller", caller.name());
        if let Some(district) = caller.district() {
            self.span.record("district", district.to_string());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.span.record("rpc.grpc.status_code", self.code as i64);
        if is_our_fault(self.code) {
            self.span.record("otel.status_code", "ERROR");
        }
        let elapsed = self.started.elapsed();
        tracing::trace!(
            target: CALLS,
            method = self.method,
            code = self.code as i32,
            micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "ended"
        );
        telemetry::count_rpc(self.method, self.code, elapsed);
    }
}

/// The codes that make a trace an error; the others are answers.
fn is_our_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

pub(super) fn final_code(headers: &HeaderMap) -> Option<Code> {
    headers
        .get(Status::GRPC_STATUS)
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// The answer's body, which passes on unchanged while the call listens for its final status.
pub(super) struct CountedBody {
    pub(super) body: Body,
    pub(super) call: Call,
}

impl http_body::Body for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        // A stream's own work happens here, so it belongs to the call's span.
        let frame = this
            .call
            .span
            .in_scope(|| Pin::new(&mut this.body).poll_frame(context));
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(code) = frame.trailers_ref().and_then(final_code) {
                    this.call.code = code;
                }
            }
            Poll::Ready(Some(Err(status))) => this.call.code = status.code(),
            Poll::Ready(None) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
