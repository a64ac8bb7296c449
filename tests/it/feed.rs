//! The ledger and its streams when history is not what it was: restored, rewritten, cut short, or far ahead of the
//! reader. Acts are written past the server, so that only the look at the heads can find them.

use std::time::Duration;

use ektp::{
    feed::{Timing, journal},
    proto::ResyncReason,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::task::JoinSet;

use crate::support::{
    look,
    office::Office,
    stream::{QUEUE, STOCK, close, commit, event, quick},
};

/// Kota Pasuruan.
const PASURUAN: i32 = 3575;
/// Writers at once.
const WRITERS: u64 = 16;
/// Commits of each writer and seed.
const COMMITS: usize = 4;
const SEEDS: u64 = 20;

async fn run(sql: &PgPool, statement: &'static str) {
    sqlx::raw_sql(statement)
        .execute(sql)
        .await
        .expect("the statement runs");
}

/// One writer: acts of several events of two topics, with a pause before each commit, and some that are rolled back.
/// Answers the ids of the queue's events that were committed.
async fn write(sql: PgPool, district: i32, seed: u64) -> Vec<String> {
    let mut choice = SmallRng::seed_from_u64(seed);
    let mut committed = Vec::new();
    for _ in 0..COMMITS {
        let (mut ids, mut topics, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..choice.random_range(1..4) {
            let (id, body) = event(0);
            bodies.push(body);
            if choice.random_bool(0.7) {
                topics.push(QUEUE);
                ids.push(id);
            } else {
                topics.push(STOCK);
            }
        }
        let mut tx = sql.begin().await.expect("the database answers");
        close(&mut tx, district, &topics, &bodies).await;
        sqlx::query("select pg_sleep_for(make_interval(secs => $1))")
            .bind(choice.random_range(0.0..0.004))
            .execute(&mut *tx)
            .await
            .expect("it pauses");
        if choice.random_bool(0.05) {
            tx.rollback().await.expect("it is rolled back");
        } else {
            tx.commit().await.expect("it is committed");
            committed.extend(ids);
        }
    }
    committed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_sees_every_committed_change_exactly_once_and_in_order() {
    let office = Office::open_with(quick()).await;
    let sql = PgPoolOptions::new()
        .max_connections(u32::try_from(WRITERS).expect("a few"))
        .connect_lazy_with((*office.sql.connect_options()).clone());
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    for seed in 0..SEEDS {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write(sql.clone(), PASURUAN, seed * WRITERS + writer));
        }
        let mut committed = writers.join_all().await.concat();
        let head: i64 =
            sqlx::query_scalar("select topic_heads[1] from feed_head where district = $1")
                .bind(PASURUAN)
                .fetch_one(&office.sql)
                .await
                .expect("the ledger has a head");
        let mut seen = follower.changes_to(head.unsigned_abs()).await;
        seen.sort_unstable();
        committed.sort_unstable();
        assert_eq!(seen, committed, "seed {seed}");
    }
}

#[tokio::test]
async fn a_commit_of_250_entries_is_one_change_in_parts_with_one_token() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    let (ids, revision) = commit(&office.sql, PASURUAN, 250).await;
    let change = follower.change().await;
    assert_eq!(change.parts, [100, 100, 50]);
    assert_eq!((change.prior_revision, change.revision), (0, revision));
    assert_eq!(change.ids, ids);
    let mut other = terminal.resume(&follower).await;
    let (next, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(
        other.change().await.ids,
        next,
        "the token stands after the whole commit"
    );
}

#[tokio::test]
async fn events_of_other_topics_move_the_bookmark_and_not_the_topic() {
    let timing = ektp::feed::Timing {
        bookmark_every: Duration::from_millis(50),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let (_, first) = commit(&office.sql, PASURUAN, 1).await;
    let mut follower = terminal.follow().await;
    let mut db = office.sql.acquire().await.expect("the database answers");
    let head = close(
        &mut db,
        PASURUAN,
        &[STOCK, STOCK],
        &[event(0).1, event(0).1],
    )
    .await;
    let bookmark = loop {
        let bookmark = follower.bookmark().await;
        if bookmark.revision > first {
            break bookmark;
        }
    };
    assert_eq!(bookmark.revision, head.unsigned_abs());
    assert_eq!(bookmark.topic_revision, first);
    let mut other = terminal.resume(&follower).await;
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(other.change().await.ids, ids);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bookmark_never_overtakes_a_change() {
    let timing = ektp::feed::Timing {
        look_every: Duration::from_millis(2),
        bookmark_every: Duration::from_millis(1),
        ..Default::default()
    };
    let office = Office::open_with(timing).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    let sql = office.sql.clone();
    let writer = tokio::spawn(async move {
        let mut last = 0;
        for count in (1..=3).cycle().take(150) {
            (_, last) = commit(&sql, PASURUAN, count).await;
        }
        last
    });
    // The follower compares every bookmark with what it was given, and every change with the bookmark before it.
    follower.changes_to(300).await;
    assert_eq!(
        writer.await.expect("the writer ends"),
        follower.topic_revision
    );
}

#[tokio::test]
async fn around_the_floor_one_below_begins_anew_and_the_others_go_on() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    let mut tokens = vec![follower.token.clone()];
    for _ in 0..6 {
        commit(&office.sql, PASURUAN, 1).await;
        tokens.push(follower.change().await.token);
    }
    run(
        &office.sql,
        "update feed_head h set floor = e.revision, floor_digest = e.digest from feed_event e
         where h.district = 3575 and e.district = 3575 and e.revision = 3",
    )
    .await;
    run(
        &office.sql,
        "delete from feed_event where district = 3575 and revision <= 3",
    )
    .await;
    for (revision, token) in tokens.iter().enumerate() {
        let mut other = terminal.watch("", token).await.expect("the stream opens");
        if revision < 3 {
            assert_eq!(other.resync().await, ResyncReason::Expired, "{revision}");
            assert_eq!(other.topic_revision, 6);
        } else {
            follower.kept = (revision as u64, revision as u64);
            follower.token.clone_from(token);
            let mut other = terminal.resume(&follower).await;
            assert_eq!(other.changes_to(6).await.len(), 6 - revision);
        }
    }
}

#[tokio::test]
async fn retention_drops_old_days_and_streams_go_on() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    let before = follower.token.clone();
    commit(&office.sql, PASURUAN, 3).await;
    follower.change().await;
    // As if today were long ago: the first round moves the floors, the second drops the days. The server's own chore stands
    // aside while this connection has the rounds' lock, and nobody else has it.
    let mut db = office.sql.acquire().await.expect("the database answers");
    sqlx::raw_sql("select pg_advisory_lock(hashtext('feed_retention'))")
        .execute(&mut *db)
        .await
        .expect("the chore gives it back");
    let mut round = async || {
        let mut tx = db.begin().await.expect("the database answers");
        let dropped = journal::drop_old(&mut tx, -1).await.expect("a round runs");
        tx.commit().await.expect("it is committed");
        dropped
    };
    // Yesterday and today, and the day before where the database was made before midnight.
    let past = "pg_inherits where inhparent = 'feed_event'::regclass
        and to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') <= current_date";
    let past = usize::try_from(look::count(&office.sql, past).await).expect("a few");
    assert!(past >= 2, "{past}");
    let (first, second) = (round().await, round().await);
    assert_eq!((first.floors, first.partitions), (1, 0));
    assert_eq!((second.floors, second.partitions), (0, past));
    assert_eq!(round().await, journal::Dropped::default());
    run(&office.sql, "select feed_partitions(1)").await;
    let mut late = terminal.watch("", &before).await.expect("the stream opens");
    assert_eq!(late.resync().await, ResyncReason::Expired);
    let mut exact = terminal.resume(&follower).await;
    let (ids, _) = commit(&office.sql, PASURUAN, 2).await;
    for stream in [&mut follower, &mut exact, &mut late] {
        assert_eq!(stream.change().await.ids, ids);
    }
}

#[tokio::test]
async fn after_a_restore_open_and_resumed_streams_begin_anew() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    commit(&office.sql, PASURUAN, 2).await;
    let mut follower = terminal.follow().await;
    let token = follower.token.clone();
    let mut db = office.sql.acquire().await.expect("the database answers");
    journal::restored(&mut db).await.expect("a new identity");
    assert_eq!(follower.resync().await, ResyncReason::Restored);
    let mut resumed = terminal.watch("", &token).await.expect("the stream opens");
    assert_eq!(resumed.resync().await, ResyncReason::Restored);
    let mut again = terminal.resume(&follower).await;
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    for stream in [&mut follower, &mut resumed, &mut again] {
        assert_eq!(stream.change().await.ids, ids);
    }
}

/// Takes the last event of the district back, as a fail-over does that loses a commit.
async fn lose_the_last_event(db: &mut PgConnection) {
    sqlx::raw_sql(
        "update feed_head h set head = e.revision, digest = e.digest, topic_heads[1] = e.revision from feed_event e
         where h.district = 3575 and e.district = 3575 and e.revision = h.head - 1;
         delete from feed_event e using feed_head h
         where h.district = 3575 and e.district = 3575 and e.revision > h.head",
    )
    .execute(db)
    .await
    .expect("the event is gone");
}

#[tokio::test]
async fn a_position_that_the_ledger_has_lost_is_ahead() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    commit(&office.sql, PASURUAN, 1).await;
    commit(&office.sql, PASURUAN, 1).await;
    follower.changes_to(2).await;
    let token = follower.token.clone();
    let mut db = office.sql.acquire().await.expect("the database answers");
    lose_the_last_event(&mut db).await;
    assert_eq!(follower.resync().await, ResyncReason::Ahead);
    assert_eq!(follower.topic_revision, 1);
    let mut resumed = terminal.watch("", &token).await.expect("the stream opens");
    assert_eq!(resumed.resync().await, ResyncReason::Ahead);
}

#[tokio::test]
async fn the_same_number_with_another_history_has_diverged() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    commit(&office.sql, PASURUAN, 1).await;
    commit(&office.sql, PASURUAN, 1).await;
    follower.changes_to(2).await;
    let token = follower.token.clone();
    let mut tx = office.sql.begin().await.expect("the database answers");
    lose_the_last_event(&mut tx).await;
    close(&mut tx, PASURUAN, &[QUEUE], &[event(0).1]).await;
    tx.commit().await.expect("it is committed");
    assert_eq!(follower.resync().await, ResyncReason::Diverged);
    let mut at_head = terminal.watch("", &token).await.expect("the stream opens");
    assert_eq!(at_head.resync().await, ResyncReason::Diverged);
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(follower.change().await.ids, ids);
    let mut below = terminal.watch("", &token).await.expect("the stream opens");
    assert_eq!(below.resync().await, ResyncReason::Diverged);
}

#[tokio::test]
async fn what_was_read_for_one_stream_is_not_believed_after_history_has_turned() {
    let timing = Timing {
        share_for: Duration::from_secs(600),
        ..quick()
    };
    let office = Office::open_with(timing).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    commit(&office.sql, PASURUAN, 2).await;
    follower.changes_to(2).await;
    // This one's token is found good, which is kept for ten minutes.
    let mut resumed = terminal.resume(&follower).await;
    let mut tx = office.sql.begin().await.expect("the database answers");
    lose_the_last_event(&mut tx).await;
    close(&mut tx, PASURUAN, &[QUEUE], &[event(0).1]).await;
    tx.commit().await.expect("it is committed");
    assert_eq!(resumed.resync().await, ResyncReason::Diverged);
    // The same number as the head's: nothing but the forgetting tells that it is another history.
    let mut late = terminal.watch("", &follower.token).await.expect("it opens");
    assert_eq!(late.resync().await, ResyncReason::Diverged);
}

#[tokio::test]
async fn a_hole_in_the_ledger_is_told_and_not_passed_over() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut follower = terminal.follow().await;
    let mut tx = office.sql.begin().await.expect("the database answers");
    close(
        &mut tx,
        PASURUAN,
        &[QUEUE; 3],
        &[event(0).1, event(0).1, event(0).1],
    )
    .await;
    sqlx::raw_sql("delete from feed_event where district = 3575 and revision = 2")
        .execute(&mut *tx)
        .await
        .expect("one is gone");
    tx.commit().await.expect("it is committed");
    assert_eq!(follower.resync().await, ResyncReason::Diverged);
    let (ids, _) = commit(&office.sql, PASURUAN, 1).await;
    assert_eq!(follower.change().await.ids, ids);
}

#[tokio::test]
async fn who_is_behind_reads_from_the_table_and_who_is_too_far_behind_begins_anew() {
    let office = Office::open_with(quick()).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let far = terminal.follow().await;
    let mut db = PgConnection::connect_with(&office.sql.connect_options())
        .await
        .expect("the database answers");
    let body = vec![event(0).1; 500];
    let mut head = 0;
    for _ in 0..20 {
        head = close(&mut db, PASURUAN, &[QUEUE; 500], &body).await;
    }
    // Exactly as far as is replayed, beyond any ring.
    let mut behind = terminal.resume(&far).await;
    assert_eq!(behind.changes_to(head.unsigned_abs()).await.len(), 10_000);
    let (_, head) = commit(&office.sql, PASURUAN, 1).await;
    let mut too_far = terminal
        .watch("", &far.token)
        .await
        .expect("the stream opens");
    assert_eq!(too_far.resync().await, ResyncReason::Expired);
    assert_eq!(too_far.topic_revision, head);
}
