//! Two servers over one database that go and come again in turn, as at every new version: the program is told to end
//! (SIGTERM) with streams open, silent sockets and acts under way. It is gone in time whatever its clients do, every act is
//! done once, and every stream goes on at the other server from its last token.
//!
//! What is easily got wrong: a client that retries hides a lost act. So the acts are counted in the tables, by the ids that
//! the clients were answered.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use ektp::{caller::OfficerRole, db, proto};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use prost::Message as _;
use sqlx::{ConnectOptions as _, PgPool};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Duration, Instant, interval, timeout},
};

mod silent;
mod stream;

use self::{
    silent::{Silent, Stopped},
    stream::Followed,
};
use crate::{
    print_queue::submitted,
    restart::{self, DISTRICT, PATIENCE, RETRY_EVERY, SUBMIT, Serving, terminal_of},
    support::{
        Folder,
        cluster::{self, TestDatabase},
        look,
        office::{reason, request_id},
        officers::{self, Line, OnShift, unstaffed},
        raw, soak,
    },
};

/// The promise: a server is gone by then.
const GONE_WITHIN: Duration = Duration::from_secs(25);
/// A second signal is no request.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Other districts, whose streams see none of the acts and must go on all the same.
const ELSEWHERE: [&str; 3] = ["32.01", "14.08", "16.71"];
/// A stream comes back so much later for each other one: a server opens a thousand in a second.
const STREAM_EVERY: Duration = Duration::from_millis(1);
/// Streams of one terminal, as many as it may have.
const STREAMS_EACH: usize = 8;
const WRITERS: usize = 4;
/// Submissions of one round; a third of them is acknowledged when the server is told to go.
const ACTS: usize = 32;

/// Two servers over one database.
struct Pair {
    data: PathBuf,
    url: String,
    serving: [Serving; 2],
    sql: PgPool,
    _folder: Folder,
    _database: TestDatabase,
}

impl Pair {
    async fn open() -> Self {
        let database = cluster::database("migrated", async |options| {
            db::migrate(&options).await.expect("the migrations apply");
        })
        .await;
        let folder = Folder::new();
        let data = folder.join("data");
        let url = database
            .options_of(db::SERVE_ROLE)
            .to_url_lossy()
            .to_string();
        let first = serve(&data, &url, (0, "127.0.0.1:0")).await;
        let second = serve(&data, &url, (1, "127.0.0.1:0")).await;
        Self {
            serving: [first, second],
            sql: PgPool::connect_lazy_with(database.options()),
            data,
            url,
            _folder: folder,
            _database: database,
        }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.serving[0].address, self.serving[1].address]
    }

    /// A machine's ways to both, without an officer.
    fn lines(&self, principal: &str) -> [Line; 2] {
        let channel = |address| restart::channel(&self.data, address, principal);
        self.addresses().map(|address| unstaffed(channel(address)))
    }

    /// The same with an officer at the counter; the shift is good at both.
    async fn staffed(&self, number: usize) -> [Line; 2] {
        let principal = terminal_of(number);
        let identity = restart::identity(&self.data, &principal);
        let roles = &[OfficerRole::Counter];
        let shift = officers::open_shift(&self.sql, &identity.certificate_pem, roles).await;
        self.addresses().map(|address| {
            let channel = restart::channel_of(&identity, address);
            Line::new(channel, OnShift(Some(shift)))
        })
    }

    /// Tells one to go and waits until it has gone; answers how long that took.
    async fn drain(&mut self, which: usize) -> Duration {
        let begun = Instant::now();
        let child = &mut self.serving[which].child;
        terminate(child);
        let ended = timeout(GONE_WITHIN, child.wait()).await;
        let status = ended.expect("it is gone in time").expect("our child");
        assert!(status.success(), "it ends well: {status}");
        begun.elapsed()
    }

    async fn start_again(&mut self, which: usize) {
        let address = self.serving[which].address.to_string();
        self.serving[which] = serve(&self.data, &self.url, (which, &address)).await;
    }
}

async fn serve(data: &Path, url: &str, (number, listen): (usize, &str)) -> Serving {
    let mut command = restart::command(data, listen);
    // Each server has its own file of heads.
    let witness = data.with_file_name(format!("heads-{number}.log"));
    command
        .env("DATABASE_URL", url)
        .arg("--witness")
        .arg(witness);
    restart::start(command).await
}

fn terminate(child: &tokio::process::Child) {
    let id = child.id().expect("it runs");
    let process = Pid::from_raw(i32::try_from(id).expect("a process number"));
    signal::kill(process, Signal::SIGTERM).expect("the process is of this test");
}

/// Submits one person after the other as the rounds are announced, each until it is acknowledged at one of the servers;
/// answers the ids of the print requests.
async fn submit(
    lines: [Line; 2],
    ids: Vec<String>,
    mut round: watch::Receiver<usize>,
    acknowledged: Arc<watch::Sender<usize>>,
) -> Vec<String> {
    let mut requests = Vec::new();
    for (number, resident_id) in ids.into_iter().enumerate() {
        let turn = number / (ACTS / WRITERS);
        let announced = round.wait_for(|round| *round >= turn).await.is_ok();
        assert!(announced, "every round is announced");
        let request = proto::SubmitPrintRequestsRequest {
            request_id: request_id(),
            drafts: vec![proto::PrintRequestDraft {
                resident_id,
                applicant_class: proto::ApplicantClass::FirstIssue.into(),
                documents: Vec::new(),
            }],
            validate_only: false,
        };
        let answer = keep_asking(&lines, &request.encode_to_vec()).await;
        let answer = proto::SubmitPrintRequestsResponse::decode(&*answer).expect("its own answer");
        let entry = submitted(&answer.results[0]).expect("the person is print-ready");
        requests.push(entry.print_request_id.clone());
        acknowledged.send_modify(|count| *count += 1);
    }
    requests
}

/// The same request at one server and at the other, until it is answered.
async fn keep_asking(lines: &[Line; 2], message: &[u8]) -> Vec<u8> {
    let mut ticks = interval(RETRY_EVERY);
    let asking = async {
        for line in lines.iter().cycle() {
            match raw::call(line, SUBMIT, message).await {
                Ok(mut messages) => return messages.pop().expect("one answer"),
                // A lost connection says nothing; what the server says must be something that passes.
                Err(status) => {
                    let said = reason(&status);
                    assert!(
                        said.is_empty() || raw::may_pass(status.code()),
                        "{status:?}"
                    );
                }
            }
            ticks.tick().await;
        }
        unreachable!("a cycle has no end")
    };
    timeout(PATIENCE, asking).await.expect("an answer in time")
}

/// So many streams over terminals of this district and of others, and how many of them stand at the moment.
fn follow(
    pair: &Pair,
    (streams, changes): (usize, usize),
    done: &watch::Receiver<bool>,
) -> (
    Vec<tokio::task::JoinHandle<Followed>>,
    watch::Receiver<usize>,
) {
    let open = watch::Sender::new(0);
    let mut following = Vec::new();
    for terminal in 0..streams.div_ceil(STREAMS_EACH) {
        let elsewhere = (terminal % 4).checked_sub(1).map(|other| ELSEWHERE[other]);
        let district = elsewhere.unwrap_or(DISTRICT);
        let number = 100 + terminal / 4;
        let principal = format!("ektp://district/{district}/site/office/terminal/{number}");
        let lines = pair.lines(&principal);
        let changes = if elsewhere.is_some() { 0 } else { changes };
        for _ in 0..STREAMS_EACH.min(streams - terminal * STREAMS_EACH) {
            let (lines, done, open) = (lines.clone(), done.clone(), open.clone());
            let every = STREAM_EVERY * u32::try_from(streams).expect("thousands");
            let followed = Followed::every(every);
            following.push(tokio::spawn(followed.follow(lines, changes, done, open)));
        }
    }
    (following, open.subscribe())
}

#[tokio::test]
async fn servers_that_go_in_turn_lose_no_act_and_no_stream() {
    let (rounds, streams) = (soak::either(2, 10), soak::either(100, 2_000));
    let people = rounds * ACTS;
    let mut pair = Pair::open().await;
    let [counter, _] = pair.staffed(1).await;
    let [matcher, _] = pair.addresses();
    let matcher = restart::channel(&pair.data, matcher, "ektp://centre/matcher");
    let ids = restart::print_ready(&counter, matcher, people).await;
    let (done, finished) = watch::channel(false);
    let (following, mut open) = follow(&pair, (streams, people), &finished);
    // What is done before a stream's first picture is no change to it.
    enough(&mut open, streams).await;

    let (announce, announced) = watch::channel(0);
    let acknowledged = Arc::new(watch::Sender::new(0));
    let mut writers = Vec::new();
    for (number, ids) in ids.chunks(people / WRITERS).enumerate() {
        let mut lines = pair.staffed(2 + number).await;
        lines.rotate_left(number % 2);
        let acknowledged = Arc::clone(&acknowledged);
        let writing = submit(lines, ids.to_vec(), announced.clone(), acknowledged);
        writers.push(tokio::spawn(writing));
    }
    let mut count = acknowledged.subscribe();
    for round in 0..rounds {
        let which = round % 2;
        // All are at the one that goes; there is no other yet, or they were sent here.
        enough(&mut open, streams).await;
        let silent = Silent::open(&pair.data, pair.addresses()[which]).await;
        let stopped = if round + 1 == rounds {
            Some(Stopped::open(&pair.data, pair.addresses()[which]).await)
        } else {
            None
        };
        announce.send_replace(round);
        enough(&mut count, round * ACTS + ACTS / 3).await;
        let took = pair.drain(which).await;
        eprintln!("round {round}: gone in {took:?}");
        drop((silent, stopped));
        pair.start_again(which).await;
        enough(&mut count, (round + 1) * ACTS).await;
    }
    done.send_replace(true);

    let mut requests = Vec::new();
    for writer in writers {
        requests.extend(writer.await.expect("every writer ends"));
    }
    all_there_once(&pair.sql, &requests, people).await;
    all_went_on(following, rounds).await;
}

async fn enough(count: &mut watch::Receiver<usize>, enough: usize) {
    let waiting = count.wait_for(|count| *count >= enough);
    let waited = timeout(PATIENCE, waiting).await;
    waited
        .expect("acts are done and streams stand in time")
        .expect("writers and followers are at work");
}

/// What was acknowledged is in the tables, and nothing else.
async fn all_there_once(sql: &PgPool, requests: &[String], people: usize) {
    let acknowledged: BTreeSet<String> = requests.iter().cloned().collect();
    assert_eq!((acknowledged.len(), requests.len()), (people, people));
    let kept: Vec<String> = sqlx::query_scalar("select print_request_id::text from print_request")
        .fetch_all(sql)
        .await
        .expect("the table can be read");
    assert_eq!(kept.len(), people, "each person was queued once");
    assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), acknowledged);
    let answers = "request where method = 'PrintQueue/SubmitPrintRequests'";
    assert_eq!(
        look::count(sql, answers).await,
        i64::try_from(people).expect("a few")
    );
}

/// No stream began anew, none missed anything, and those that ended were told so.
async fn all_went_on(following: Vec<tokio::task::JoinHandle<Followed>>, rounds: usize) {
    let streams = following.len();
    let (mut farewells, mut hurried, mut refusals) = (0, 0, 0);
    let mut breaks = Vec::new();
    for followed in following {
        let followed = timeout(PATIENCE, followed)
            .await
            .expect("it sees all in time");
        let followed = followed.expect("nothing was missed and nothing came twice");
        assert_eq!(
            followed.position.snapshots, 1,
            "it was resumed, not begun anew"
        );
        farewells += followed.farewells;
        hurried += followed.hurried;
        refusals += followed.refusals;
        breaks.extend(followed.breaks);
    }
    eprintln!(
        "{streams} streams in {rounds} rounds: {farewells} farewells, {hurried} hurried, {refusals} refusals, {breaks:?}"
    );
    let sent_away = farewells + hurried + breaks.len();
    assert!(
        sent_away * 2 >= streams * rounds,
        "the servers had their streams when they went, but for some that were refused at the other one"
    );
    assert!(breaks.len() * 10 <= farewells, "a break is an exception");
}

#[tokio::test]
async fn a_second_signal_ends_a_server_at_once() {
    let mut pair = Pair::open().await;
    let address = pair.addresses()[0];
    // It would hold the drain back to its bound.
    let _stopped = Stopped::open(&pair.data, address).await;
    let child = &mut pair.serving[0].child;
    terminate(child);
    let mut ticks = interval(RETRY_EVERY);
    let closing = async {
        while TcpStream::connect(address).await.is_ok() {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, closing)
        .await
        .expect("the door is closed first");
    let begun = Instant::now();
    terminate(child);
    let ended = timeout(AT_ONCE, child.wait()).await;
    let status = ended.expect("nothing is waited for").expect("our child");
    assert_eq!(status.code(), Some(130));
    assert!(begun.elapsed() < AT_ONCE);
}
