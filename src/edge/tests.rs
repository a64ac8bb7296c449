//! The edge before tonic's health service, over real TLS: whom it lets in and whom it turns away.

use std::{fs, net::SocketAddr};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use time::{Duration, OffsetDateTime};
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity as TlsIdentity, Server};
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
    transport::{self, Tls},
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
        let tls = Tls {
            certificate: identity.certificate_pem,
            key: identity.key_pem,
            ca: authority.ca_pem().to_owned(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (_, health) = tonic_health::server::health_reporter();
        let gate = gate();
        let access = gate.access.clone();
        let times = (CancellationToken::new(), std::time::Duration::from_secs(60));
        let (incoming, _) =
            transport::open(listener, &tls, access, times).expect("our own certificates are valid");
        let serving = Server::builder()
            .layer(gate)
            .add_service(health)
            .serve_with_incoming(incoming);
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
    let free = Admission::new("nowhere", 1);
    EdgeLayer::new(Access::new(pool), Arc::new(limits), (&free, &free))
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
    let refused = office.check(None).await;
    refused.expect_err("without a certificate there is no connection");
    let unknown =
        known_caller(&Request::new(())).expect_err("nor a call without a connection of ours");
    assert_eq!(reason(&unknown), "CERTIFICATE_UNKNOWN");
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
