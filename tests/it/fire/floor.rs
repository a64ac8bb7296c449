//! Streams that come back while the floor of their ledger rises past them: each goes on exactly where it stood, or is told
//! that it cannot; never a third thing.

use ektp::{
    proto::{ResyncReason, watch_queue_response::Message},
    quota::Quotas,
};
use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use sqlx::PgPool;

use crate::support::{
    office::{Client, Office},
    soak,
    stream::{Follower, commit, quick},
};

const PASURUAN: i32 = 3575;
/// So many commits lie above the floor; each race adds one or two and raises it as much.
const WINDOW: usize = 12;
/// Races in the ordinary suite.
const RACES: usize = 40;

/// One commit with the token after it.
struct Kept {
    ids: Vec<String>,
    token: Vec<u8>,
    revision: u64,
}

/// Retention: the floor rises to a commit, and what lies below is gone.
async fn raise(sql: PgPool, floor: u64) {
    let mut tx = sql.begin().await.expect("the database answers");
    for statement in [
        "update feed_head h set floor = e.revision, floor_digest = e.digest from feed_event e
         where h.district = 3575 and e.district = 3575 and e.revision = $1",
        "delete from feed_event where district = 3575 and revision <= $1",
    ] {
        sqlx::query(statement)
            .bind(i64::try_from(floor).expect("a few"))
            .execute(&mut *tx)
            .await
            .expect("the owner may");
    }
    tx.commit().await.expect("it is committed");
}

/// A reader that kept its place beside its token.
async fn come_back(terminal: &mut Client, kept: &Kept) -> Follower {
    let mut stream = terminal
        .watch("", &kept.token)
        .await
        .expect("the stream opens");
    (stream.revision, stream.topic_revision) = (kept.revision, kept.revision);
    stream
}

/// What the reader is given up to `head`; nothing if it is told to begin anew.
async fn given(mut stream: Follower, head: u64) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    while stream.topic_revision < head {
        match stream.said().await {
            Message::Change(change) => {
                ids.extend(
                    change
                        .entries
                        .into_iter()
                        .map(|entry| entry.print_request_id),
                );
            }
            Message::Resync(resync) => {
                assert_eq!(
                    resync.reason(),
                    ResyncReason::Expired,
                    "nothing else happened"
                );
                stream.snapshot().await;
                assert_eq!(stream.topic_revision, head, "the picture is of the moment");
                return None;
            }
            Message::Bookmark(_) => {}
            said @ (Message::SnapshotBegin(_)
            | Message::SnapshotChunk(_)
            | Message::SnapshotEnd(_)
            | Message::Stale(_)
            | Message::Drain(_)) => panic!("nobody asked for {said:?}"),
        }
    }
    Some(ids)
}

/// Writes commits that nobody watches, and learns their tokens afterwards.
async fn write(office: &Office, terminal: &mut Client, kept: &mut Vec<Kept>, count: usize) {
    for _ in 0..count {
        commit(&office.sql, PASURUAN, 1).await;
    }
    let last = kept.last().expect("there is a beginning");
    let mut stream = come_back(terminal, last).await;
    for _ in 0..count {
        let change = stream.change().await;
        kept.push(Kept {
            ids: change.ids,
            token: change.token,
            revision: change.revision,
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_while_the_floor_rises_goes_on_exactly_or_begins_anew() {
    let seed = soak::seed();
    let races = soak::times(RACES);
    eprintln!("{races} races with the floor are those of EKTP_SOAK_SEED={seed}");
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    // Coming back so often is more than a terminal may.
    let office = Office::open_as(quick(), Quotas::unlimited()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let follower = terminal.follow().await;
    let mut kept = vec![Kept {
        ids: Vec::new(),
        token: follower.token.clone(),
        revision: 0,
    }];
    drop(follower);
    write(&office, &mut terminal, &mut kept, WINDOW).await;
    let (mut floor, mut exact, mut anew) = (0, 0, 0);
    for race in 0..races {
        let step = dice.random_range(1..=2);
        write(&office, &mut terminal, &mut kept, step).await;
        let (old, head) = (floor, kept.len() - 1);
        floor += step;
        let mut places: Vec<usize> = (floor.saturating_sub(2)..floor + 2).collect();
        places.shuffle(&mut dice);
        let up_to = kept[floor].revision;
        let raising = tokio::spawn(raise(office.sql.clone(), up_to));
        for place in places {
            let stream = come_back(&mut terminal, &kept[place]).await;
            let ids = given(stream, kept[head].revision).await;
            assert!(
                ids.is_some() || place < floor,
                "race {race}: {place} is not below {floor}"
            );
            assert!(
                ids.is_none() || place >= old,
                "race {race}: {place} is below {old}"
            );
            match ids {
                None => anew += 1,
                Some(ids) => {
                    let rest = kept[place + 1..].iter().flat_map(|kept| kept.ids.clone());
                    assert_eq!(ids, rest.collect::<Vec<_>>(), "race {race} from {place}");
                    exact += 1;
                }
            }
        }
        raising.await.expect("the floor rises");
    }
    eprintln!("{exact} went on exactly, {anew} began anew");
    assert!(
        exact >= 2 * races,
        "who stands at the floor or above it goes on"
    );
}
