//! One who holds a district's ledger and does not come to an end: that district waits, for as long as the database allows
//! and no longer, and no other district notices. Nor does anybody notice one who writes elsewhere in the cluster and idles.
//!
//! What is easily got wrong: those who wait must be there too. Terminals of the stalled district go on asking, and it is
//! they who could use up what the others need.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ektp::{embedded, proto};
use prost::Message as _;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant},
};

use crate::support::{
    office::{Client, Office, request_id},
    raw,
    stream::{Follower, QUEUE, close, event, quick},
};

/// Kota Pasuruan, which is stalled.
const STALLED: i32 = 3575;
/// Terminals that ask there meanwhile: more than the server has connections for acts.
const ASKING: u64 = 8;
/// Acts of the other district in each measurement.
const ROUNDS: usize = 60;
/// The database's own bound on a transaction that idles, and a second for those who come after it.
const BACK_WITHIN: Duration = Duration::from_secs(4);
/// Below this nobody can say that anything was delayed, on a machine that does much else.
const NOTICED: Duration = Duration::from_millis(150);
const LEASE: &str = "/ektp.v1.PrintQueue/LeasePrintRequests";

/// One who takes leases and gives them back in the other district, and a stream that shows it.
struct Neighbour {
    terminal: Client,
    follower: Follower,
}

impl Neighbour {
    /// How long each act took, and from its answer until the stream showed it; both in order of length.
    async fn rounds(
        &mut self,
        while_true: impl Fn(usize) -> bool,
    ) -> (Vec<Duration>, Vec<Duration>) {
        let (mut acts, mut changes) = (Vec::new(), Vec::new());
        while while_true(acts.len()) {
            let begun = Instant::now();
            let leased = self.terminal.lease(1).await;
            acts.push(begun.elapsed());
            let begun = Instant::now();
            self.follower.changes_to(leased.committed_revision).await;
            changes.push(begun.elapsed());
            let leases = leased
                .leases
                .iter()
                .map(crate::support::people::key)
                .collect();
            let released = self
                .terminal
                .print_queue
                .release_leases(proto::ReleaseLeasesRequest {
                    request_id: request_id(),
                    leases,
                })
                .await
                .expect("it is given back")
                .into_inner();
            self.follower.changes_to(released.committed_revision).await;
        }
        acts.sort_unstable();
        changes.sort_unstable();
        (acts, changes)
    }
}

fn of(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Not later than twice as late as in calm, or not so late that anybody would notice.
fn not_delayed(what: &str, calm: &[Duration], now: &[Duration]) {
    for percent in [50, 90, 99] {
        let (before, after) = (of(calm, percent), of(now, percent));
        eprintln!("{what}: p{percent} {before:?} in calm, {after:?} now");
        let allowed = (before * 2).max(before + NOTICED);
        assert!(
            after <= allowed,
            "{what}: p{percent} {before:?} became {after:?}"
        );
    }
}

/// A session with the guards that every server's session has.
async fn guarded(office: &Office) -> PgConnection {
    let options = office.database_as(embedded::OWNER);
    let options = options.options([("idle_in_transaction_session_timeout", "3s")]);
    options.connect().await.expect("the database answers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_district_is_back_in_time_and_no_other_one_is_delayed() {
    let office = Office::open_with(quick()).await;
    office.stock("35.76", 1, 10).await;
    office.queued("35.76", 4).await;
    let mut terminal = office.terminal("35.76/office/1").await;
    let follower = terminal.follow().await;
    let mut neighbour = Neighbour { terminal, follower };
    let (calm_acts, calm_changes) = neighbour.rounds(|done| done < ROUNDS).await;

    let mut here = office.terminal("35.75/office/50").await.follow().await;
    let mut askers = Vec::new();
    for number in 1..=ASKING {
        askers.push(office.terminal(&format!("35.75/office/{number}")).await);
    }
    let mut holder = guarded(&office).await;
    sqlx::raw_sql("begin")
        .execute(&mut holder)
        .await
        .expect("the database answers");
    close(&mut holder, STALLED, &[QUEUE], &[event(0).1]).await;
    let held = Instant::now();
    let stalled = Arc::new(AtomicBool::new(true));
    let mut asking = JoinSet::new();
    for asker in askers {
        let stalled = Arc::clone(&stalled);
        asking.spawn(async move {
            let request = proto::LeasePrintRequestsRequest {
                request_id: request_id(),
                count: 1,
                location: String::new(),
            };
            let answer = raw::insist(&asker.channel, LEASE, &request.encode_to_vec()).await;
            stalled.store(false, Ordering::SeqCst);
            answer.expect("it is answered in the end");
        });
    }
    let (acts, changes) = neighbour.rounds(|_| stalled.load(Ordering::SeqCst)).await;
    let back = held.elapsed();
    eprintln!(
        "the stalled district was back after {back:?}, {} acts elsewhere meanwhile",
        acts.len()
    );
    assert!(
        back <= BACK_WITHIN,
        "the district was back only after {back:?}"
    );
    asking.join_all().await;
    let mut db = guarded(&office).await;
    let (id, body) = event(0);
    close(&mut db, STALLED, &[QUEUE], &[body]).await;
    assert_eq!(
        here.change().await.ids,
        [id],
        "what was never committed is not seen"
    );
    not_delayed("acts", &calm_acts, &acts);
    not_delayed("changes", &calm_changes, &changes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_writes_elsewhere_and_idles_delays_nobody() {
    let office = Office::open_with(quick()).await;
    office.stock("35.76", 1, 10).await;
    office.queued("35.76", 4).await;
    let mut terminal = office.terminal("35.76/office/1").await;
    let follower = terminal.follow().await;
    let mut neighbour = Neighbour { terminal, follower };
    let (calm_acts, calm_changes) = neighbour.rounds(|done| done < ROUNDS).await;
    // In this database, under no guard, and in the same cluster another one.
    let mut idle = Vec::new();
    for database in [None, Some("postgres")] {
        let mut options = office.database_as(embedded::OWNER);
        if let Some(database) = database {
            options = options.database(database);
        }
        let mut session = options.connect().await.expect("the database answers");
        sqlx::raw_sql("begin isolation level repeatable read; select pg_current_xact_id()")
            .execute(&mut session)
            .await
            .expect("it is its own session");
        idle.push(session);
    }
    let (acts, changes) = neighbour.rounds(|done| done < ROUNDS).await;
    drop(idle);
    not_delayed("acts", &calm_acts, &acts);
    not_delayed("changes", &calm_changes, &changes);
}
