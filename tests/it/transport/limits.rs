//! What strangers and sleepers may cost: time, places, and the drain.

use rustls::{AlertDescription, version::TLS12};

use super::*;
use crate::support::{Folder, collector::collector, in_own_process};

const TERMINAL: usize = 1;
/// Sockets that say nothing; more than any one office has machines.
const SILENT: usize = 500;
/// A drain with nothing to wait for.
const DRAINED_WITHIN: Duration = Duration::from_secs(3);
/// What a busy machine may be late.
const LATE: Duration = Duration::from_secs(3);

fn alert(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[tokio::test]
async fn an_older_tls_and_another_authority_are_refused_by_tls_itself() {
    let office = Office::open().await;
    let old = config(
        &identity(&terminal(TERMINAL), time::Duration::hours(1)),
        &TLS12,
    );
    let refused = let_in(&office, 0, &old).await.expect_err("1.3 only");
    assert_eq!(
        alert(&refused),
        Some(&rustls::Error::AlertReceived(
            AlertDescription::ProtocolVersion
        ))
    );

    let folder = Folder::new();
    let other = ektp::authority::Authority::open_or_create(folder.path(), Clock::System.now())
        .expect("another authority");
    let principal = terminal(TERMINAL).parse().expect("a principal");
    let stranger = other
        .terminal_identity(&principal, time::Duration::hours(1), Clock::System.now())
        .expect("it signs");
    let refused = let_in(&office, 0, &config(&stranger, &TLS13))
        .await
        .expect_err("not our authority");
    // It calls itself what ours does, so it is found out by its signature.
    assert_eq!(
        alert(&refused),
        Some(&rustls::Error::AlertReceived(
            AlertDescription::DecryptError
        ))
    );
    let_in(&office, 0, &own_config(TERMINAL))
        .await
        .expect("the same by one of ours");
}

#[tokio::test]
async fn who_says_nothing_is_sent_away_and_who_called_once_may_be_quiet() {
    let office = Office::open().await;
    let mut quiet = office.client(0, &terminal(2)).await;
    call(&mut quiet).await.expect("it may call");
    let begun = Instant::now();
    let config = own_config(TERMINAL);
    let stranger = socket(&office, 0).await;
    let mute = connect(&office, 0, &config).await.expect("a handshake");
    let mut greeting = connect(&office, 0, &config).await.expect("a handshake");
    greeting.write_all(PREFACE).await.expect("it is taken");
    greeting.flush().await.expect("it is sent");

    let ends = tokio::join!(
        over(stranger, begun + Duration::from_secs(5) + LATE),
        over(mute, begun + Duration::from_secs(10) + LATE),
        over(greeting, begun + Duration::from_secs(10) + LATE),
    );
    let after = |end: Instant| end.duration_since(begun);
    assert!(
        after(ends.0) >= Duration::from_secs(4),
        "the handshake's time"
    );
    for end in [ends.1, ends.2] {
        assert!(
            after(end) >= Duration::from_secs(9),
            "the first call's time"
        );
    }
    call(&mut quiet).await.expect("its connection stands");
}

#[tokio::test]
async fn a_fifth_connection_of_a_terminal_is_refused_until_one_has_gone() {
    let office = Office::open().await;
    let config = own_config(TERMINAL);
    let mut standing = Vec::new();
    for _ in 0..4 {
        standing.push(let_in(&office, 0, &config).await.expect("it is let in"));
    }
    let_in(&office, 0, &config)
        .await
        .expect_err("four are enough");
    // Another certificate of the same terminal, and another terminal.
    let_in(&office, 0, &own_config(TERMINAL))
        .await
        .expect_err("a renewed certificate is no new terminal");
    let_in(&office, 0, &own_config(2))
        .await
        .expect("others have their own");
    standing.pop();
    until("there is a place again", PATIENCE, async || {
        let_in(&office, 0, &config).await.is_ok()
    })
    .await;
}

/// What is refused at once costs the server little; whoever brings nothing else is read the more slowly.
#[tokio::test]
async fn whoever_is_only_refused_is_read_more_slowly() {
    const AT_A_TIME: u32 = 32;
    const EACH: u32 = 32;
    /// docs/limits.md; a second's worth is free.
    const REFUSED_A_SECOND: u32 = 200;
    let office = Office::open().await;
    let client = office.client(0, &terminal(TERMINAL)).await;
    let begun = Instant::now();
    let mut calling = tokio::task::JoinSet::new();
    for _ in 0..AT_A_TIME {
        let mut client = client.clone();
        calling.spawn(async move {
            for _ in 0..EACH {
                let nobody = proto::GetPrintRequestRequest::default();
                let answer = client.print_queue.get_print_request(nobody).await;
                answer.expect_err("there is no such request");
            }
        });
    }
    calling.join_all().await;
    let paid = AT_A_TIME * EACH - REFUSED_A_SECOND;
    assert!(begun.elapsed() >= Duration::from_secs(1) * paid / REFUSED_A_SECOND);
}

#[tokio::test]
async fn whoever_is_turned_away_is_counted_with_the_reason() {
    let name = "transport::limits::whoever_is_turned_away_is_counted_with_the_reason";
    if !in_own_process(name).await {
        return;
    }
    let collector = collector();
    let office = Office::open().await;
    let own = own_config(TERMINAL);
    let mut standing = Vec::new();
    for _ in 0..4 {
        standing.push(let_in(&office, 0, &own).await.expect("it is let in"));
    }
    let_in(&office, 0, &own).await.expect_err("four are enough");
    let old = config(&identity(&terminal(2), time::Duration::hours(1)), &TLS12);
    let_in(&office, 0, &old).await.expect_err("1.3 only");
    for reason in ["too_many_of_caller", "handshake_failed"] {
        let labels = [("reason", reason)];
        let count = collector
            .wait_for(reason, |received| {
                received.value("ektp.connections.refused", &labels)
            })
            .await;
        assert!((count - 1.0).abs() < f64::EPSILON, "{reason}: {count}");
    }
    let count = collector
        .wait_for("the connections", |received| {
            received.value("ektp.connections", &[])
        })
        .await;
    assert!((count - 4.0).abs() < f64::EPSILON, "{count}");
}

#[tokio::test]
async fn five_hundred_silent_sockets_hold_up_neither_the_others_nor_the_drain() {
    let name =
        "transport::limits::five_hundred_silent_sockets_hold_up_neither_the_others_nor_the_drain";
    if !in_own_process(name).await {
        return;
    }
    let mut office = Office::open().await;
    let mut sockets = Vec::new();
    for _ in 0..SILENT {
        sockets.push(socket(&office, 0).await);
    }
    let mute = connect(&office, 0, &own_config(TERMINAL))
        .await
        .expect("a handshake");
    let mut client = office.client(0, &terminal(2)).await;
    timeout(DRAINED_WITHIN, call(&mut client))
        .await
        .expect("the others are not held up")
        .expect("it may call");
    timeout(DRAINED_WITHIN, office.take_server(0).drain())
        .await
        .expect("the drain is not held up");
    drop((sockets, mute));
}
