//! WatchQueue through the terminals' eyes: the picture and its changes, other servers, other districts, a database
//! that is away, and a server that goes.

use std::{collections::BTreeSet, time::Duration};

use ektp::{
    feed::Timing,
    proto::{PrintRequestState, watch_queue_response::Message},
};
use tonic::Code;

use crate::support::{
    cards::until,
    office::{Office, reason, violated_fields},
    stream::{QUEUE, close, commit, event, quick},
};

/// Kota Pasuruan.
const PASURUAN: i32 = 3575;

/// Looks so rare that only a doorbell can bring a change in time.
fn deaf_without_a_bell() -> Timing {
    Timing {
        look_every: Duration::from_secs(600),
        stale_after: Duration::from_secs(1_200),
        give_up_after: Duration::from_secs(1_800),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_queue_is_a_picture_and_then_every_change_in_its_state() {
    let office = Office::open().await;
    office.stock("35.75", 1, 10).await;
    let ids: BTreeSet<String> = office.queued("35.75", 3).await.into_iter().collect();
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    assert_eq!(
        follower.picture.keys().cloned().collect::<BTreeSet<_>>(),
        ids
    );
    let lease = terminal.lease(2).await;
    let leased = follower.change().await;
    assert_eq!(leased.revision, lease.committed_revision);
    assert_eq!(leased.ids.len(), 2);
    for id in &leased.ids {
        assert_eq!(follower.picture[id].state(), PrintRequestState::Leased);
    }
    terminal.bind(&lease.leases, 1).await;
    follower.change().await;
    assert_eq!(follower.picture[&leased.ids[0]].serial, 1);
    terminal.report(&lease.leases, 1).await;
    assert_eq!(follower.change().await.ids, leased.ids);
    assert_eq!(
        follower.picture.len(),
        1,
        "printed requests leave the picture"
    );
    // A picture may be shared with who asked just before; what came since follows at once.
    let mut fresh = terminal.follow().await;
    fresh.changes_to(follower.topic_revision).await;
    assert_eq!(fresh.picture, follower.picture);
}

#[tokio::test]
async fn terminals_that_come_together_share_one_picture() {
    let timing = Timing {
        share_for: Duration::from_secs(600),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    office.queued("35.75", 3).await;
    let mut followers = Vec::new();
    for number in 1..=3 {
        let mut terminal = office.terminal(&format!("35.75/office/{number}")).await;
        followers.push(terminal.follow().await);
        // What comes after the picture is not a part of it, also for those who get the picture later.
        commit(&office.sql, PASURUAN, 1).await;
    }
    let head = followers[0].topic_revision + 3;
    for follower in &mut followers {
        assert_eq!(follower.picture.len(), 3);
        follower.changes_to(head).await;
        assert_eq!(follower.picture.len(), 6);
    }
    assert!(
        followers
            .iter()
            .all(|follower| follower.pictured == followers[0].pictured)
    );
}

#[tokio::test]
async fn a_terminal_watches_its_own_district_and_no_other() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut neighbour = office.terminal("35.76/office/1").await;
    let mut policy = office.centre("policy").await;
    terminal
        .watch("35.75", &[])
        .await
        .expect("its own")
        .snapshot()
        .await;
    policy
        .watch("35.75", &[])
        .await
        .expect("any one")
        .snapshot()
        .await;
    // A district that exists and one that does not are refused in the same words.
    for foreign in ["35.76", "11.99"] {
        let refused = terminal
            .watch(foreign, &[])
            .await
            .err()
            .expect("not its own");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(violated_fields(&refused), ["district"]);
        assert!(format!("{refused:?}").contains("must be the terminal's own"));
    }
    for unknown in ["", "11.99", "3575"] {
        let refused = policy.watch(unknown, &[]).await.err().expect("no district");
        assert_eq!(violated_fields(&refused), ["district"], "{unknown}");
    }
    let theirs = neighbour.follow().await;
    for wrong in [&theirs.token[..], &theirs.token[1..], b"made up"] {
        let refused = terminal
            .watch("", wrong)
            .await
            .err()
            .expect("not its token");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(violated_fields(&refused), ["resume_token"]);
    }
    commit(&office.sql, PASURUAN, 1).await;
    let (ids, _) = commit(&office.sql, 3576, 1).await;
    assert_eq!(neighbour.resume(&theirs).await.change().await.ids, ids);
}

#[tokio::test]
async fn the_doorbell_brings_a_change_to_every_server() {
    let mut office = Office::open_with(deaf_without_a_bell()).await;
    let other = office.add_server(deaf_without_a_bell()).await;
    office.stock("35.75", 1, 10).await;
    office.queued("35.75", 2).await;
    let name = "ektp://district/35.75/site/office/terminal/1";
    let (mut here, mut there) = (
        office.client(0, name).await,
        office.client(other, name).await,
    );
    let (mut near, mut far) = (here.follow().await, there.follow().await);
    let mut first = Vec::new();
    until("both listen", async || {
        first = listeners(&office).await;
        first.len() == 2
    })
    .await;
    here.lease(1).await;
    assert_eq!(near.change().await, far.change().await);
    // A listener whose connection breaks is connected again.
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ektp bell' and datname = current_database()")
        .execute(&office.sql)
        .await
        .expect("the connections are cut");
    until("both listen again", async || {
        let now = listeners(&office).await;
        now.len() == 2 && !now.iter().any(|pid| first.contains(pid))
    })
    .await;
    there.lease(1).await;
    assert_eq!(far.change().await, near.change().await);
}

/// The sessions of servers that listen to this test's database.
async fn listeners(office: &Office) -> Vec<i32> {
    sqlx::query_scalar(
        "select pid from pg_stat_activity where datname = current_database() and query like 'LISTEN%' and state = 'idle'",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the database answers")
}

#[tokio::test]
async fn without_a_doorbell_every_server_finds_a_change_by_itself() {
    let mut office = Office::open().await;
    let other = office.add_server(Timing::default()).await;
    let name = "ektp://district/35.75/site/office/terminal/1";
    let mut near = office.client(0, name).await.follow().await;
    let mut far = office.client(other, name).await.follow().await;
    // Written past the servers: nobody rings.
    let (ids, _) = commit(&office.sql, PASURUAN, 2).await;
    assert_eq!(near.change().await.ids, ids);
    assert_eq!(far.change().await.ids, ids);
}

#[tokio::test]
async fn a_reader_that_is_cut_off_goes_on_at_another_server_without_loss_or_repeat() {
    let mut office = Office::open_with(quick()).await;
    let other = office.add_server(quick()).await;
    let name = "ektp://district/35.75/site/office/terminal/1";
    let mut follower = office.client(0, name).await.follow().await;
    let sql = office.sql.clone();
    let writer = tokio::spawn(async move {
        let mut written = Vec::new();
        for _ in 0..120 {
            written.extend(commit(&sql, PASURUAN, 1).await.0);
        }
        written
    });
    let mut seen = Vec::new();
    let mut server = 0;
    while follower.topic_revision < 120 {
        for _ in 0..7 {
            if follower.topic_revision < 120 {
                seen.extend(follower.change().await.ids);
            }
        }
        server = if server == 0 { other } else { 0 };
        // The connection goes away with everything that was on its way.
        follower = office.client(server, name).await.resume(&follower).await;
    }
    assert_eq!(seen, writer.await.expect("the writer ends"));
}

#[tokio::test]
async fn a_database_that_does_not_answer_makes_streams_stale_and_then_ends_them() {
    let timing = Timing {
        look_every: Duration::from_millis(50),
        look_timeout: Duration::from_millis(200),
        stale_after: Duration::from_millis(500),
        give_up_after: Duration::from_millis(2_500),
        ..Default::default()
    };
    let office = Office::open_with(timing).await;
    let mut follower = office.terminal("35.75/office/1").await.follow().await;
    let block = async || {
        let mut tx = office.sql.begin().await.expect("the database answers");
        sqlx::raw_sql("lock table feed in access exclusive mode")
            .execute(&mut *tx)
            .await
            .expect("the table is locked");
        tx
    };
    let blocked = block().await;
    assert!(matches!(follower.said().await, Message::Stale(_)));
    let (ids, _) = {
        let mut tx = blocked;
        let (id, body) = event(0);
        let head = close(&mut tx, PASURUAN, &[QUEUE], &[body]).await;
        tx.commit().await.expect("it is committed");
        (vec![id], head)
    };
    assert_eq!(follower.change().await.ids, ids, "it goes on by itself");
    let _blocked = block().await;
    assert!(matches!(follower.said().await, Message::Stale(_)));
    let ended = follower.next().await.expect_err("nobody waits for ever");
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(reason(&ended), "DATABASE_UNAVAILABLE");
}

#[tokio::test]
async fn a_stream_lives_for_a_while_and_ends_well_after_a_bookmark() {
    let timing = Timing {
        life: Duration::from_millis(500),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    follower.bookmark().await;
    assert!(follower.next().await.expect("it ends well").is_none());
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(terminal.resume(&follower).await.change().await.ids, ids);
}

#[tokio::test]
async fn a_server_that_goes_sends_its_streams_away() {
    let mut office = Office::open_with(quick()).await;
    let other = office.add_server(quick()).await;
    let name = "ektp://district/35.75/site/office/terminal/1";
    let mut follower = office.client(0, name).await.follow().await;
    let mut elsewhere = office.client(other, name).await;
    let going = tokio::spawn(office.take_server(0).drain());
    follower.bookmark().await;
    let said = follower.said().await;
    let Message::Drain(drain) = said else {
        panic!("not a drain: {said:?}")
    };
    assert_eq!(drain.after.map(|after| after.seconds), Some(1));
    assert_eq!(drain.spread.map(|spread| spread.seconds), Some(10));
    assert!(follower.next().await.expect("it ends well").is_none());
    going.await.expect("the server goes");
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(elsewhere.resume(&follower).await.change().await.ids, ids);
}

#[tokio::test]
async fn a_terminal_has_eight_streams_and_not_a_ninth() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(terminal.follow().await);
    }
    let refused = terminal.watch("", &[]).await.err().expect("one too many");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "TOO_MANY_STREAMS");
    office.terminal("35.75/office/2").await.follow().await;
    open.pop();
    until("the place is free again", async || {
        terminal.watch("", &[]).await.is_ok()
    })
    .await;
}
