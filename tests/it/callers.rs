//! Callers that the server does not know: another authority's certificate, one that has run out, one that is not valid
//! yet, and none at all.
//!
//! What is easily got wrong: with TLS 1.3 a client believes the connection to stand before the server has looked at its
//! certificate. So not the connection is asked, but a call; and the answer may be a broken connection.

use ektp::{authority::Authority, caller::Principal, clock::Clock, proto};
use time::Duration;
use tonic::{
    Code, Status,
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};

use crate::support::{
    Folder, look,
    office::{Office, authority, request_id},
    officers::unstaffed,
    people::{draft, residents},
    raw,
};

const TERMINAL: &str = "ektp://district/35.75/site/office/terminal/1";

fn identity(authority: &Authority, valid: Duration, since: Duration) -> Identity {
    let principal: Principal = TERMINAL.parse().expect("a principal");
    let identity = authority
        .terminal_identity(&principal, valid, Clock::System.now() - since)
        .expect("the authority signs");
    Identity::from_pem(identity.certificate_pem, identity.key_pem)
}

/// What a client gets that shows this identity, trusting the server as it should.
async fn enrol(office: &Office, identity: Option<Identity>) -> Result<(), Status> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority().ca_pem()))
        .domain_name("localhost");
    if let Some(identity) = identity {
        tls = tls.identity(identity);
    }
    let channel = Endpoint::from_shared(format!("https://{}", office.server(0).address()))
        .and_then(|endpoint| endpoint.tls_config(tls))
        .expect("the address is one")
        .connect_lazy();
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(&residents("35.75", 1)[0])),
    };
    let message = prost::Message::encode_to_vec(&request);
    raw::call(
        &unstaffed(channel),
        "/ektp.v1.Registration/RecordEnrolment",
        &message,
    )
    .await
    .map(drop)
}

#[tokio::test]
async fn strangers_are_not_let_in_and_leave_nothing() {
    let office = Office::open().await;
    let folder = Folder::new();
    let other =
        Authority::open_or_create(folder.path(), Clock::System.now()).expect("another authority");
    let hour = Duration::hours(1);
    for (who, identity) in [
        (
            "of another authority",
            Some(identity(&other, hour, Duration::ZERO)),
        ),
        ("expired", Some(identity(authority(), hour, hour * 2))),
        (
            "not valid yet",
            Some(identity(authority(), hour * 48, hour * -24)),
        ),
        ("without a certificate", None),
    ] {
        let status = enrol(&office, identity).await.expect_err(who);
        // TLS ends the connection, or the edge refuses: never an answer of the service.
        let outside = matches!(
            status.code(),
            Code::Unavailable | Code::Unauthenticated | Code::Unknown
        );
        assert!(outside, "{who}: {status:?}");
        assert_eq!(look::count(&office.sql, "request").await, 0, "{who}");
        assert_eq!(look::count(&office.sql, "resident").await, 0, "{who}");
    }
    // The same call by a known terminal, with an officer at work there.
    let mut known = office.terminal("35.75/office/1").await;
    known.enrol(&residents("35.75", 1)[0]).await;
}
