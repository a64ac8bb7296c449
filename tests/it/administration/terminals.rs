//! Terminals: seen when they call, listed, and revoked by two persons, within seconds on every server.

use ektp::{caller::OfficerRole, feed::Timing, proto};
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::office::{Client, Office, reason, request_id};

use super::{
    OTHER,
    accounts::{NEIGHBOUR, SOON},
    approve, at, heads,
};

async fn revoke(head: &mut Client, terminal: &str) -> Result<proto::Approval, Status> {
    let request = proto::RevokeTerminalRequest {
        request_id: request_id(),
        terminal: terminal.to_owned(),
        purpose: "stolen on Sunday".to_owned(),
    };
    let answer = head.administration.revoke_terminal(request).await?;
    Ok(answer.into_inner().approval.expect("an approval"))
}

/// The terminals of the city that are revoked.
async fn revoked(head: &mut Client) -> Vec<String> {
    let request = proto::ListTerminalsRequest {
        district: "35.75".to_owned(),
        ..proto::ListTerminalsRequest::default()
    };
    let page = head.administration.list_terminals(request).await;
    let terminals = page.expect("a page").into_inner().terminals;
    assert!(!terminals.is_empty(), "those that called are listed");
    let revoked = terminals
        .into_iter()
        .filter(|terminal| terminal.revoked_time.is_some());
    revoked.map(|terminal| terminal.terminal).collect()
}

async fn alive(client: &Client) -> Result<(), Status> {
    let mut health = HealthClient::new(client.channel.clone());
    health.check(HealthCheckRequest::default()).await.map(drop)
}

#[tokio::test]
async fn a_terminal_is_revoked_by_two_persons_and_refused_on_both_servers() {
    let mut office = Office::open().await;
    office.add_server(Timing::default()).await;
    let (mut one, mut other) = heads(&office).await;
    let stolen = [
        at(&office, 0, OTHER, None).await,
        at(&office, 1, OTHER, None).await,
    ];
    for client in &stolen {
        alive(client).await.expect("it is still good");
    }
    let asked = revoke(&mut one, OTHER).await.expect("it may be asked");
    assert_eq!(asked.summary, format!("end all certificates of {OTHER}"));
    for client in &stolen {
        alive(client).await.expect("one person alone ends nothing");
    }
    assert!(revoked(&mut one).await.is_empty());
    let done = approve(&mut other, &asked).await.expect("two persons");
    assert_eq!(done.resource, OTHER);
    let since = Instant::now();
    for client in &stolen {
        while alive(client).await.is_ok() {
            assert!(since.elapsed() < SOON, "over within five seconds");
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(revoked(&mut one).await, [OTHER]);
    let status = revoke(&mut one, OTHER).await.expect_err("once");
    assert_eq!(reason(&status), "TERMINAL_REVOKED");
}

#[tokio::test]
async fn a_terminal_that_was_never_seen_or_stands_elsewhere_is_not_found() {
    let office = Office::open().await;
    let head = Some(&[OfficerRole::Head][..]);
    let mut own = office.client_as(0, OTHER, head).await;
    let mut neighbour = office.client_as(0, NEIGHBOUR, head).await;
    let part = "ektp://district/35.75/site/35.75.01/terminal/1";
    let mut limited = office.client_as(0, part, head).await;
    revoked(&mut own).await;
    let unseen = "ektp://district/35.75/site/office/terminal/77";
    for (client, terminal) in [
        (&mut own, unseen),
        (&mut neighbour, OTHER),
        (&mut limited, OTHER),
    ] {
        let status = revoke(client, terminal)
            .await
            .expect_err("not theirs, or never seen");
        let told = (status.code(), reason(&status));
        assert_eq!(
            told,
            (Code::NotFound, "TERMINAL_NOT_FOUND".to_owned()),
            "{terminal}"
        );
    }
    revoke(&mut limited, part).await.expect("the own part");
}
