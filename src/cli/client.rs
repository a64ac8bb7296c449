//! A terminal's side of the wire: one mutual-TLS channel, the officer's shift in every call, the generated clients over
//! both, and the one retry policy.
//!
//! What is easily got wrong: a retry carries the *same* request id, so that what was committed while the answer was lost
//! is answered again and not done twice. The message is therefore built once, before the first try.

use std::{error::Error as _, future::Future, time::Duration};

use rand::RngExt as _;
use tonic::{
    Code, Request, Response, Status,
    metadata::AsciiMetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri},
};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::{
    authority,
    edge::SHIFT,
    proto::{
        administration_client::AdministrationClient, handover_client::HandoverClient,
        inventory_client::InventoryClient, print_queue_client::PrintQueueClient,
        registration_client::RegistrationClient,
    },
};

use super::Failure;

/// A call is tried so often in all; with the delays below that bridges a restart of a server.
const TRIES_MAX: u32 = 6;
/// The first retry comes within this; the bound doubles each time.
const RETRY_DELAY: Duration = Duration::from_millis(100);
/// And never exceeds this.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
/// A server that does not take the connection within this is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked whether it lives, so that a dead line is noticed under an open stream.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// And given up when it does not answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to the server, with the shift of whoever works on the terminal.
pub type Line = InterceptedService<Channel, OnShift>;

/// Hands the shift in with every call; without one it hands in nothing.
#[derive(Debug, Clone, Default)]
pub struct OnShift(Option<AsciiMetadataValue>);

impl Interceptor for OnShift {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(shift) = &self.0 {
            request.metadata_mut().insert(SHIFT, shift.clone());
        }
        Ok(request)
    }
}

/// A caller with its certificate, connected to a server (at the first call, and again after a break); nobody works on it
/// before [`Self::on_shift`].
#[derive(Debug, Clone)]
pub struct Terminal {
    channel: Channel,
    shift: OnShift,
}

impl Terminal {
    /// With a certificate in memory.
    pub fn with_identity(server: &str, identity: &authority::Identity) -> Result<Self, Failure> {
        let address: Uri = server.parse().map_err(|_| no_address(server))?;
        if address.scheme_str() != Some("https") || address.host().is_none() {
            return Err(no_address(server));
        }
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&identity.ca_pem))
            .identity(Identity::from_pem(
                &identity.certificate_pem,
                &identity.key_pem,
            ));
        let endpoint = Endpoint::from(address)
            .tls_config(tls)
            .map_err(|error| {
                Failure::Call(format!("the certificate cannot be used: {}", root(&error)))
            })?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        Ok(Self {
            channel: endpoint.connect_lazy(),
            shift: OnShift::default(),
        })
    }

    /// The same terminal over the same connection, with the officer of this shift at work on it.
    pub fn on_shift(&self, shift_id: &str) -> Result<Self, Failure> {
        let shift = shift_id
            .parse()
            .map_err(|_| Failure::Call("the shift's id is no text for a header".to_owned()))?;
        Ok(Self {
            channel: self.channel.clone(),
            shift: OnShift(Some(shift)),
        })
    }

    /// This terminal with the shift of another one, for whoever tries that.
    pub fn with_shift_of(&self, other: &Self) -> Self {
        Self {
            channel: self.channel.clone(),
            shift: other.shift.clone(),
        }
    }

    fn line(&self) -> Line {
        Line::new(self.channel.clone(), self.shift.clone())
    }

    /// The client of PrintQueue, for streams; single calls go through [`Self::print_queue`].
    pub fn print_queue_client(&self) -> PrintQueueClient<Line> {
        PrintQueueClient::new(self.line())
    }

    /// The client of Registration, for streams.
    pub fn registration_client(&self) -> RegistrationClient<Line> {
        RegistrationClient::new(self.line())
    }

    /// The client of Inventory, for streams.
    pub fn inventory_client(&self) -> InventoryClient<Line> {
        InventoryClient::new(self.line())
    }

    /// Calls Registration, with retries.
    pub async fn registration<M, T, F>(
        &self,
        message: M,
        call: impl Fn(RegistrationClient<Line>, M) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        retrying(|| answer(call(self.registration_client(), message.clone()))).await
    }

    /// Calls PrintQueue, with retries.
    pub async fn print_queue<M, T, F>(
        &self,
        message: M,
        call: impl Fn(PrintQueueClient<Line>, M) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        retrying(|| answer(call(self.print_queue_client(), message.clone()))).await
    }

    /// Calls Inventory, with retries.
    pub async fn inventory<M, T, F>(
        &self,
        message: M,
        call: impl Fn(InventoryClient<Line>, M) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        retrying(|| answer(call(self.inventory_client(), message.clone()))).await
    }

    /// Calls Handover, with retries.
    pub async fn handover<M, T, F>(
        &self,
        message: M,
        call: impl Fn(HandoverClient<Line>, M) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let client = || HandoverClient::new(self.line());
        retrying(|| answer(call(client(), message.clone()))).await
    }

    /// Calls Administration, with retries.
    pub async fn administration<M, T, F>(
        &self,
        message: M,
        call: impl Fn(AdministrationClient<Line>, M) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let client = || AdministrationClient::new(self.line());
        retrying(|| answer(call(client(), message.clone()))).await
    }
}

async fn answer<T>(
    response: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Status> {
    response.await.map(Response::into_inner)
}

/// A new request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// Tries a call again while the server is away, two acts collided, or it has too much to do and says when to come again.
pub async fn retrying<T, F>(call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    retrying_after(RETRY_DELAY, call).await
}

async fn retrying_after<T, F>(first: Duration, call: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    let mut tries = 1;
    loop {
        let ended = call().await;
        let delay = match &ended {
            Err(status) if tries < TRIES_MAX => {
                delay(status, backoff(first, RETRY_DELAY_MAX, tries))
            }
            Ok(_) | Err(_) => None,
        };
        match delay {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return ended,
        }
        tries += 1;
    }
}

/// When to try again after this answer, if at all. Who is told when to come waits that long and a random part of it more,
/// so that those refused together do not come back together; a quota of minutes is not waited for.
fn delay(status: &Status, backoff: Duration) -> Option<Duration> {
    if matches!(status.code(), Code::Unavailable | Code::Aborted) {
        return Some(backoff);
    }
    if status.code() != Code::ResourceExhausted {
        return None;
    }
    let told = status.get_details_retry_info()?.retry_delay?;
    let more = rand::rng().random_range(Duration::ZERO..=told);
    (told <= RETRY_DELAY_MAX).then_some(told + more)
}

/// How long to wait before try `tries` + 1: exponential with full jitter, so that many terminals do not come back at once.
pub fn backoff(first: Duration, most: Duration, tries: u32) -> Duration {
    let doublings = tries.saturating_sub(1).min(16);
    let bound = first.saturating_mul(1 << doublings).min(most);
    rand::rng().random_range(Duration::ZERO..=bound)
}

/// The reason of a refusal by its name in the contract; empty where there is none.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default()
}

/// A status in words for a person: its reason from the contract, its message, and what lay under a broken line.
pub fn in_words(status: &Status) -> String {
    let mut words = format!("{:?}", status.code());
    if let Some(info) = status.get_error_details().error_info() {
        words = format!("{words} {}", info.reason);
    }
    words = format!("{words}: {}", status.message());
    for violation in status
        .get_error_details()
        .bad_request()
        .iter()
        .flat_map(|request| &request.field_violations)
    {
        words = format!("{words}; {} {}", violation.field, violation.description);
    }
    if let Some(source) = status.source() {
        words = format!("{words} ({})", root(source));
    }
    words
}

fn no_address(server: &str) -> Failure {
    let words = format!("'{server}' is no server's address such as https://127.0.0.1:50575");
    Failure::Call(words)
}

fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Call(in_words(&status))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tonic_types::ErrorDetails;

    use super::*;

    async fn tries_of(code: Code) -> u32 {
        let tries = AtomicU32::new(0);
        let ended: Result<(), Status> = retrying_after(Duration::ZERO, || {
            tries.fetch_add(1, Ordering::SeqCst);
            async { Err(Status::new(code, "no")) }
        })
        .await;
        assert_eq!(ended.expect_err("every try fails").code(), code);
        tries.into_inner()
    }

    #[test]
    fn who_is_told_when_to_come_comes_then_and_not_for_a_quota_of_minutes() {
        let exhausted = |told: Option<u64>| {
            let details = told.map_or_else(ErrorDetails::new, |seconds| {
                ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)))
            });
            Status::with_error_details(Code::ResourceExhausted, "no", details)
        };
        let soon = delay(&exhausted(Some(1)), Duration::ZERO).expect("it is tried again");
        assert!((Duration::from_secs(1)..=Duration::from_secs(2)).contains(&soon));
        assert_eq!(delay(&exhausted(Some(60)), Duration::ZERO), None);
        assert_eq!(delay(&exhausted(None), Duration::ZERO), None);
    }

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        assert_eq!(tries_of(Code::Unavailable).await, TRIES_MAX);
        assert_eq!(tries_of(Code::Aborted).await, TRIES_MAX);
        for code in [
            Code::FailedPrecondition,
            Code::DeadlineExceeded,
            Code::Internal,
            Code::Unauthenticated,
        ] {
            assert_eq!(tries_of(code).await, 1, "{code:?}");
        }
    }

    #[test]
    fn a_delay_never_exceeds_its_doubling_bound() {
        for tries in 1..=40 {
            let bound = RETRY_DELAY
                .saturating_mul(1 << tries.min(17))
                .min(RETRY_DELAY_MAX);
            assert!(backoff(RETRY_DELAY, RETRY_DELAY_MAX, tries) <= bound);
        }
    }

    #[test]
    fn an_address_without_a_host_or_tls_is_refused_at_once() {
        let identity = authority::Identity {
            certificate_pem: String::new(),
            key_pem: String::new(),
            ca_pem: String::new(),
        };
        for address in [
            "",
            "nonsense",
            "127.0.0.1:50575",
            "http://127.0.0.1:50575",
            "https://",
        ] {
            let refused = Terminal::with_identity(address, &identity).expect_err("no address");
            assert!(
                refused.to_string().contains("is no server's address"),
                "{address}"
            );
        }
    }

    #[test]
    fn an_unreachable_server_is_told_in_words() {
        let status = Status::unavailable("tcp connect error");
        assert_eq!(in_words(&status), "Unavailable: tcp connect error");
    }
}
