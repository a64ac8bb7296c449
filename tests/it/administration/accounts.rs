//! Accounts: whose word reaches where, what is listed, and that an end is an end everywhere within seconds.

use ektp::{caller::OfficerRole, feed::Timing, proto};
use tokio::time::{Duration, Instant, timeout};
use tonic::Code;

use crate::support::office::{Client, Office, reason, request_id};

use super::{
    COUNTER, FIRST_PIN, OWN_PIN, ask, at, by_pin, count, first_shift, heads, open, registered,
    registration,
};

pub const NEIGHBOUR: &str = "ektp://district/35.76/site/office/terminal/1";

/// What is promised: over on every server.
pub const SOON: Duration = Duration::from_secs(5);

async fn end(head: &mut Client, officer_id: &str) -> Result<proto::Officer, tonic::Status> {
    let request = proto::EndOfficerRequest {
        request_id: request_id(),
        officer_id: officer_id.to_owned(),
    };
    let answer = head.administration.end_officer(request).await?;
    Ok(answer.into_inner().officer.expect("an officer"))
}

async fn officers(
    client: &mut Client,
    request: proto::ListOfficersRequest,
) -> proto::ListOfficersResponse {
    let page = client.administration.list_officers(request).await;
    page.expect("a page").into_inner()
}

#[tokio::test]
async fn a_head_registers_for_the_own_area_and_no_other() {
    let office = Office::open().await;
    let head = Some(&[OfficerRole::Head][..]);
    let mut own = office.client_as(0, COUNTER, head).await;
    let part = "ektp://district/35.75/site/35.75.01/terminal/1";
    let mut limited = office.client_as(0, part, head).await;
    let at = |district: &str, subdistrict: &str| proto::RegisterOfficerRequest {
        district: district.to_owned(),
        subdistrict: subdistrict.to_owned(),
        ..registration("C-1", 3)
    };
    for (district, subdistrict) in [
        ("", ""),
        ("35.75", ""),
        ("35.75", "35.75.01"),
        ("", "35.75.02"),
    ] {
        ask(&mut own, at(district, subdistrict))
            .await
            .expect("the own area");
    }
    for (district, subdistrict) in [("35.76", ""), ("00.00", ""), ("", "35.76.01")] {
        let status = ask(&mut own, at(district, subdistrict))
            .await
            .expect_err("not there");
        let told = (status.code(), reason(&status));
        assert_eq!(
            told,
            (Code::PermissionDenied, "OUTSIDE_AREA".to_owned()),
            "{district} {subdistrict}"
        );
    }
    ask(&mut limited, at("", "35.75.01"))
        .await
        .expect("the own part");
    for (district, subdistrict) in [("", ""), ("35.75", ""), ("", "35.75.02")] {
        let status = ask(&mut limited, at(district, subdistrict))
            .await
            .expect_err("the own part alone");
        assert_eq!(reason(&status), "OUTSIDE_AREA", "{district} {subdistrict}");
    }
    let (mut centre, _) = heads(&office).await;
    for district in ["35.76", "00.00", ""] {
        ask(&mut centre, at(district, ""))
            .await
            .expect("the centre registers for any");
    }
}

#[tokio::test]
async fn an_ended_officer_opens_nothing_and_every_shift_is_over() {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    let id = registered((&mut one, &mut other), registration("C-1", 3)).await;
    let (mut counter, _) = first_shift(&office, COUNTER, "C-1").await;
    let mut neighbour = office
        .client_as(0, NEIGHBOUR, Some(&[OfficerRole::Head]))
        .await;
    let status = end(&mut neighbour, &id).await.expect_err("not theirs");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "OFFICER_NOT_FOUND")
    );

    let ended = end(&mut one, &id).await.expect("it may be ended");
    assert!(ended.ended_time.is_some());
    let page = proto::ListAwaitingRequest::default();
    let status = counter
        .handover
        .list_awaiting(page)
        .await
        .expect_err("at once on this server");
    assert_eq!(reason(&status), "SHIFT_UNKNOWN");
    let status = end(&mut one, &id).await.expect_err("once");
    assert_eq!(reason(&status), "OFFICER_ENDED");
    let mut nobody = at(&office, 0, COUNTER, None).await;
    let status = open(&mut nobody, by_pin("C-1", OWN_PIN, ""))
        .await
        .expect_err("it is over");
    assert_eq!(reason(&status), "OFFICER_ENDED");
    // Who does not know the PIN does not learn it either.
    let status = open(&mut nobody, by_pin("C-1", FIRST_PIN, ""))
        .await
        .expect_err("wrong");
    assert_eq!(reason(&status), "PIN_WRONG");
    assert_eq!(
        count(&office, "shift where closed_at is null and district = 3575").await,
        0
    );
}

#[tokio::test]
async fn the_end_of_an_officer_ends_open_streams_on_both_servers_with_a_bookmark() {
    let mut office = Office::open().await;
    office.add_server(Timing::default()).await;
    let (mut one, mut other) = heads(&office).await;
    let id = registered((&mut one, &mut other), registration("C-1", 3)).await;
    let (_, opened) = first_shift(&office, COUNTER, "C-1").await;
    let mut streams = Vec::new();
    for server in 0..2 {
        let mut client = at(&office, server, COUNTER, Some(&opened.shift_id)).await;
        let request = proto::WatchQueueRequest::default();
        let stream = client
            .print_queue
            .watch_queue(request)
            .await
            .expect("it opens")
            .into_inner();
        streams.push((client, stream));
    }
    // Both have said where they stand.
    for (_, stream) in &mut streams {
        use proto::watch_queue_response::Message;
        loop {
            let message = stream.message().await.expect("a message").expect("no end");
            if matches!(message.message, Some(Message::SnapshotEnd(_))) {
                break;
            }
        }
    }
    end(&mut one, &id).await.expect("it may be ended");
    let since = Instant::now();
    for (_, stream) in &mut streams {
        let mut last = None;
        let status = timeout(SOON, async {
            loop {
                match stream.message().await {
                    Ok(Some(message)) => last = message.message,
                    Ok(None) => panic!("an end without a reason"),
                    Err(status) => return status,
                }
            }
        });
        let status = status.await.expect("over within five seconds");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unauthenticated, "SHIFT_UNKNOWN")
        );
        let bookmark = matches!(
            last,
            Some(proto::watch_queue_response::Message::Bookmark(_))
        );
        assert!(bookmark, "the client knows where to go on: {last:?}");
    }
    assert!(since.elapsed() < SOON);
}

#[tokio::test]
async fn officers_are_listed_by_badge_page_by_page_for_the_own_area() {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    for (place, badge) in ["C-3", "C-1", "C-2"].into_iter().enumerate() {
        registered((&mut one, &mut other), registration(badge, 3 + place)).await;
    }
    let of = |district: &str, page_size, page_token: &str| proto::ListOfficersRequest {
        district: district.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let mut badges = Vec::new();
    let mut token = String::new();
    loop {
        let page = officers(&mut one, of("35.75", 2, &token)).await;
        badges.extend(page.officers.into_iter().map(|officer| officer.badge));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(badges, ["C-1", "C-2", "C-3"]);
    let centre = officers(&mut one, of("", 0, "")).await;
    let shown: Vec<_> = centre
        .officers
        .iter()
        .map(|of| (of.badge.as_str(), of.district.as_str()))
        .collect();
    assert_eq!(shown, [("H-1", "00.00"), ("H-2", "00.00")]);
    let mut neighbour = office
        .client_as(0, NEIGHBOUR, Some(&[OfficerRole::Head]))
        .await;
    assert_eq!(
        officers(&mut neighbour, of("", 0, "")).await.officers.len(),
        1,
        "itself"
    );
    let status = neighbour
        .administration
        .list_officers(of("35.75", 0, ""))
        .await
        .expect_err("not theirs");
    assert_eq!(reason(&status), "OUTSIDE_AREA");
    let page = officers(&mut one, of("35.75", 2, "")).await;
    let foreign = of("00.00", 2, &page.next_page_token);
    let status = one
        .administration
        .list_officers(foreign)
        .await
        .expect_err("another list's token");
    assert_eq!(status.code(), Code::InvalidArgument);
}
