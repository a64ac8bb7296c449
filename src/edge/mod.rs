//! What every call passes before its service sees it, in this order: its trace begins, its caller is known and may call,
//! its deadline is set. A refused call is answered from its headers alone; nothing of its body has been read.
//!
//! What is easily got wrong: TLS has checked *that* a certificate is ours and valid today, not *whose* it is; that is
//! read here, from its subject alternative name. And no layer here may end a stream: streams end themselves.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response};
use tonic::{
    Code, Status,
    body::Body,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tower::{Layer, Service};
use tracing::Instrument as _;

use crate::{
    access::{Access, shift_unknown, terminal_revoked},
    caller::{Caller, Officers, Verdict, right},
    deadline::Deadline,
    error::{Error, ErrorReason, Kind, Result},
    ids::ShiftId,
    quota::Limits,
};

mod call;
mod unread;

pub use unread::unread;

use call::{Call, CountedBody, final_code};

/// The metadata by which a call names the officer's shift.
pub const SHIFT: &str = "ektp-shift";

/// Puts [`Edge`] before the services.
#[derive(Clone)]
pub struct EdgeLayer {
    access: Access,
    limits: Arc<Limits>,
}

impl EdgeLayer {
    /// A layer that knows who still may, and how much.
    pub fn new(access: Access, limits: Arc<Limits>) -> Self {
        Self { access, limits }
    }
}

/// The service made by [`EdgeLayer`]. Services behind it find a [`Caller`] and a [`Deadline`] in the extensions.
#[derive(Clone)]
pub struct Edge<S> {
    inner: S,
    gate: EdgeLayer,
}

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge {
            inner,
            gate: self.clone(),
        }
    }
}

impl<S, B> Service<Request<B>> for Edge<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut call = Call::begin(&request);
        let admitted = match known_caller(&request) {
            Ok(caller) => caller,
            Err(refusal) => {
                call.refused(&refusal);
                return Box::pin(ready(Ok(refusal.into_http())));
            }
        };
        call.name_caller(&admitted);
        let deadline = Deadline::of_call(request.headers());
        // The one that has been asked whether it is ready; the clone has not.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let gate = self.gate.clone();
        let span = call.span.clone();
        Box::pin(async move {
            let (path, shift) = (request.uri().path(), request.headers().get(SHIFT));
            let admitted = gate.admit(admitted, path, shift);
            let caller = match admitted.instrument(span.clone()).await {
                Ok(caller) => caller,
                Err(refusal) => {
                    let refusal = span.in_scope(|| Status::from(refusal));
                    call.refused(&refusal);
                    return Ok(refusal.into_http());
                }
            };
            call.name_officer(&caller);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(deadline);
            let answer = span.in_scope(|| inner.call(request)).instrument(span);
            let mut response = answer.await.inspect_err(|_| call.code = Code::Internal)?;
            if let Some(refusal) = unread::instead(response.headers()) {
                response = refusal.into_http();
            }
            // Only an answer without a body has its status in the headers.
            if let Some(code) = final_code(response.headers()) {
                call.code = code;
            }
            Ok(response.map(|body| Body::new(CountedBody { body, call })))
        })
    }
}

impl EdgeLayer {
    /// The caller with its officer, if it may call this now. Nothing of the body is looked at.
    async fn admit(
        &self,
        mut caller: Caller,
        path: &str,
        shift: Option<&HeaderValue>,
    ) -> Result<Caller> {
        if let Some(certificate) = &caller.certificate
            && self.access.is_revoked(&caller.principal, certificate)
        {
            return Err(terminal_revoked());
        }
        let right = right(path).ok_or_else(|| forbidden(&caller, path))?;
        // Whoever may not call at all learns nothing more by a shift.
        if !right.callers.contains(&caller.role) {
            return Err(forbidden(&caller, path));
        }
        if right.officers != Officers::None
            && let Some(shift) = shift
        {
            let shift = shift
                .to_str()
                .ok()
                .and_then(|text| text.parse::<ShiftId>().ok())
                .ok_or_else(shift_unknown)?;
            caller.officer = Some(self.access.officer(&caller, shift).await?);
        }
        let roles = caller.officer.as_ref().map(|officer| &officer.roles[..]);
        match right.verdict(caller.role, roles) {
            Verdict::May => {}
            Verdict::MayNot => return Err(forbidden(&caller, path)),
            Verdict::NeedsShift => return Err(shift_required(path)),
        }
        self.limits.enter(&caller, right.nature)?;
        self.access.note(&caller).await;
        Ok(caller)
    }
}

/// Whose certificate the connection showed.
fn known_caller<B>(request: &Request<B>) -> Result<Caller, Status> {
    let certificates = request
        .extensions()
        .get::<TlsConnectInfo<TcpConnectInfo>>()
        .and_then(TlsConnectInfo::peer_certs)
        .unwrap_or_default();
    let Some(certificate) = certificates.first() else {
        return Err(unknown_certificate("a client certificate is required"));
    };
    Caller::from_certificate(certificate).map_err(|cause| unknown_certificate(&cause.to_string()))
}

fn unknown_certificate(sentence: &str) -> Status {
    tracing::info!(cause = sentence, "call refused: unknown certificate");
    Error::new(
        Kind::Unauthenticated,
        ErrorReason::CertificateUnknown,
        sentence,
    )
    .into()
}

fn forbidden(caller: &Caller, path: &str) -> Error {
    tracing::info!(caller = %caller.principal, "call refused: the role may not call this");
    let message = "the caller's role may not call this method";
    let role = caller.officer.as_ref().map_or_else(
        || format!("{:?}", caller.role).to_lowercase(),
        |officer| {
            let roles: Vec<&str> = officer.roles.iter().map(|role| role.label()).collect();
            roles.join(",")
        },
    );
    Error::new(Kind::Forbidden, ErrorReason::RoleMayNotCall, message)
        .with("role", role)
        .with("method", known(path))
}

fn shift_required(path: &str) -> Error {
    let message = "an officer must open a shift first; hand it in as ektp-shift";
    Error::new(Kind::Unauthenticated, ErrorReason::ShiftRequired, message)
        .with("method", known(path))
}

/// A path of the contract; any other one is the client's own words, which are not repeated.
fn known(path: &str) -> &'static str {
    right(path).map_or("unknown", |right| right.path)
}

#[cfg(test)]
mod tests {
    use std::{fs, net::SocketAddr};

    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
    use time::{Duration, OffsetDateTime};
    use tokio::{net::TcpListener, task::AbortHandle};
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::transport::{
        Certificate, Channel, ClientTlsConfig, Identity as TlsIdentity, Server, ServerTlsConfig,
    };
    use tonic_health::pb::{
        HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
        health_client::HealthClient,
    };
    use tonic_prost::ProstCodec;
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::{
        authority::{Authority, Identity},
        error::DOMAIN,
    };

    const TERMINAL: &str = "ektp://district/35.75/site/35.75.02/terminal/3";

    /// A server with the edge before tonic's health service, and the authority that it trusts.
    struct Office {
        authority: Authority,
        folder: tempfile::TempDir,
        address: SocketAddr,
        server: AbortHandle,
    }

    impl Drop for Office {
        fn drop(&mut self) {
            self.server.abort();
        }
    }

    fn new_authority() -> (Authority, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("the temp folder is writable");
        let authority =
            Authority::open_or_create(folder.path(), today(&folder)).expect("a new authority");
        (authority, folder)
    }

    /// TLS judges certificates by the machine's time; the file system has just stamped the folder with it.
    fn today(folder: &tempfile::TempDir) -> OffsetDateTime {
        let stamp = fs::metadata(folder.path()).and_then(|found| found.modified());
        stamp.expect("folders have a time").into()
    }

    impl Office {
        async fn open() -> Office {
            let (authority, folder) = new_authority();
            let identity = authority
                .server_identity(&[], today(&folder))
                .expect("a server certificate");
            let tls = ServerTlsConfig::new()
                .identity(TlsIdentity::from_pem(
                    &identity.certificate_pem,
                    &identity.key_pem,
                ))
                .client_ca_root(Certificate::from_pem(authority.ca_pem()))
                .client_auth_optional(true);
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener
                .local_addr()
                .expect("a bound socket has an address");
            let (_, health) = tonic_health::server::health_reporter();
            let serving = Server::builder()
                .tls_config(tls)
                .expect("our own certificates are valid")
                .layer(gate())
                .add_service(health)
                .serve_with_incoming(TcpListenerStream::new(listener));
            Office {
                authority,
                folder,
                address,
                server: tokio::spawn(serving).abort_handle(),
            }
        }

        fn terminal(&self, from: OffsetDateTime) -> Identity {
            let principal = TERMINAL.parse().expect("a valid identity");
            self.authority
                .terminal_identity(&principal, Duration::days(1), from)
                .expect("a certificate")
        }

        /// A certificate of the office's own authority with these URIs and nothing else.
        fn stranger(&self, uris: &[&str]) -> Identity {
            let read = |name| fs::read_to_string(self.folder.path().join(name)).expect("our file");
            let key = KeyPair::from_pem(&read("ca-key.pem")).expect("our key");
            let issuer = Issuer::from_ca_cert_pem(&read("ca.pem"), key).expect("our certificate");
            let mut params = CertificateParams::default();
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.subject_alt_names = uris
                .iter()
                .map(|uri| SanType::URI((*uri).try_into().expect("plain text")))
                .collect();
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            Identity {
                certificate_pem: certificate.pem(),
                key_pem: key.serialize_pem(),
                ca_pem: self.authority.ca_pem().to_owned(),
            }
        }

        fn channel(&self, identity: Option<&Identity>) -> Channel {
            let mut tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(self.authority.ca_pem()))
                .domain_name("localhost");
            if let Some(identity) = identity {
                tls = tls.identity(TlsIdentity::from_pem(
                    &identity.certificate_pem,
                    &identity.key_pem,
                ));
            }
            Channel::from_shared(format!("https://{}", self.address))
                .expect("a valid address")
                .tls_config(tls)
                .expect("our own certificates are valid")
                .connect_lazy()
        }

        async fn check(&self, identity: Option<&Identity>) -> Result<HealthCheckResponse, Status> {
            let mut client = HealthClient::new(self.channel(identity));
            let answer = client.check(HealthCheckRequest::default()).await?;
            Ok(answer.into_inner())
        }
    }

    fn reason(status: &Status) -> String {
        let details = status.get_error_details();
        let info = details.error_info().expect("every refusal has its reason");
        assert_eq!(info.domain, DOMAIN);
        info.reason.clone()
    }

    /// A gate without a database: nothing here opens a shift, and a terminal's first call that is not noted is no matter.
    fn gate() -> EdgeLayer {
        let nowhere = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .username("nobody")
            .socket("/nonexistent");
        let pool = sqlx::postgres::PgPoolOptions::new()
            .acquire_timeout(std::time::Duration::from_millis(1))
            .connect_lazy_with(nowhere);
        let limits = Limits::new(crate::quota::Quotas::default());
        EdgeLayer::new(Access::new(pool), Arc::new(limits))
    }

    #[tokio::test]
    async fn a_terminal_of_our_authority_may_call() {
        let office = Office::open().await;
        let terminal = office.terminal(today(&office.folder));
        let answer = office.check(Some(&terminal)).await.expect("it may call");
        assert_eq!(answer.status(), ServingStatus::Serving);
    }

    #[tokio::test]
    async fn certificates_of_another_authority_and_expired_ones_fail_before_any_call() {
        let office = Office::open().await;
        let other = Office::open().await;
        let now = today(&office.folder);
        for identity in [
            other.terminal(now),
            office.terminal(now - Duration::days(2)),
        ] {
            let refused = office.check(Some(&identity)).await;
            let status = refused.expect_err("TLS refuses the connection");
            // Ours would carry a reason: this one never came as far as the edge.
            assert!(
                status.get_error_details().error_info().is_none(),
                "{status}"
            );
        }
        let terminal = office.terminal(now);
        office
            .check(Some(&terminal))
            .await
            .expect("others are served on");
    }

    #[tokio::test]
    async fn a_certificate_that_names_not_exactly_one_caller_is_nobody() {
        let office = Office::open().await;
        let shouted = TERMINAL.to_uppercase();
        for uris in [
            &[][..],
            &["https://office.example"],
            &[TERMINAL, "ektp://centre/store"],
            &[&shouted],
            &["ektp://district/35.75/site/35.74.01/terminal/1"],
        ] {
            let refused = office.check(Some(&office.stranger(uris))).await;
            let status = refused.expect_err("it names no caller");
            assert_eq!(status.code(), Code::Unauthenticated, "{uris:?}");
            assert_eq!(reason(&status), "CERTIFICATE_UNKNOWN");
        }
        let status = office
            .check(None)
            .await
            .expect_err("there is no certificate");
        assert_eq!(status.code(), Code::Unauthenticated);
        let beside = office.stranger(&["https://office.example", TERMINAL]);
        office
            .check(Some(&beside))
            .await
            .expect("URIs of others do not matter");
    }

    #[tokio::test]
    async fn a_method_outside_the_table_is_forbidden_to_all() {
        let office = Office::open().await;
        let terminal = office.terminal(today(&office.folder));
        let mut client = tonic::client::Grpc::new(office.channel(Some(&terminal)));
        for path in [
            "/ektp.v1.PrintQueue/DropEverything",
            "/ektp.v1.Inventory/RegisterDelivery",
        ] {
            client.ready().await.expect("the connection stands");
            let refused = client
                .unary(
                    tonic::Request::new(HealthCheckRequest::default()),
                    http::uri::PathAndQuery::from_static(path),
                    ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default(),
                )
                .await;
            let status = refused.expect_err("a terminal may not call it");
            assert_eq!(status.code(), Code::PermissionDenied);
            assert_eq!(reason(&status), "ROLE_MAY_NOT_CALL");
        }
    }
}
