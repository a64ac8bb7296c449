//! The real program, killed like a machine that loses its power, and started again on its folder: what was acknowledged
//! is there, what was answered is answered again, and a stream goes on where it stood.
//!
//! What is easily got wrong: the private Postgres ends a moment after its owner; the second start has to wait for that.
//! Durability is the default here, as it is wherever people's cards are at stake.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use ektp::{
    authority::Authority,
    caller::Principal,
    clock::Clock,
    proto::{self, OfficerRole, VerdictOutcome},
};
use prost::Message as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::watch,
    time::{Duration, interval, timeout},
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::support::{
    Folder,
    front_door::{self, FrontDoor},
    office::{Client, request_id},
    officers::{Line, unstaffed},
    people::residents,
    raw,
};

pub mod follower;
mod steps;
mod window;

use follower::Follower;
use window::Window;

pub const DISTRICT: &str = "35.75";
pub const SUBMIT: &str = "/ektp.v1.PrintQueue/SubmitPrintRequests";
const WRITERS: usize = 4;
const EACH: usize = 12;
const PEOPLE: usize = WRITERS * EACH;
/// As many as one call takes.
const BATCH: usize = 100;
/// So many submissions are acknowledged when the server is killed.
const BEFORE_THE_KILL: usize = PEOPLE / 3;
/// For a start with everything, and for the stop of an old server before it, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often a line that is down is tried again.
pub const RETRY_EVERY: Duration = Duration::from_millis(50);

/// The program while it serves.
pub struct Serving {
    pub child: Child,
    pub address: SocketAddr,
}

/// The program on its folder, with a private Postgres there.
pub async fn serve(data: &Path, listen: &str) -> Serving {
    start(command(data, listen)).await
}

/// `ektp serve`, for a test to add to.
pub fn command(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ektp"));
    command
        .arg("serve")
        .args(["--listen", listen, "--data"])
        .arg(data)
        .env_remove("DATABASE_URL")
        .env(
            "EKTP_LOG",
            std::env::var("EKTP_LOG").unwrap_or_else(|_| "off".to_owned()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts it and waits until it serves.
pub async fn start(mut command: Command) -> Serving {
    let mut child = command.spawn().expect("the program can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let hearing = async {
        while let Some(line) = lines.next_line().await.expect("lines of text") {
            if let Some(address) = line.strip_prefix("ektp serves on https://") {
                return address.parse().expect("an address");
            }
        }
        panic!("the program ended without serving");
    };
    let address = timeout(PATIENCE, hearing)
        .await
        .expect("the program serves in time");
    // Its further words must not find a closed pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Serving { child, address }
}

/// A certificate of the program's own authority.
pub fn identity(data: &Path, principal: &str) -> ektp::authority::Identity {
    let now = Clock::System.now();
    let authority =
        Authority::open_or_create(&data.join("certificates"), now).expect("the program made it");
    let principal: Principal = principal.parse().expect("a principal");
    authority
        .terminal_identity(&principal, time::Duration::hours(1), now)
        .expect("the authority signs")
}

fn server_address(address: SocketAddr) -> String {
    format!("https://{address}")
}

/// The way to the program; it stays the way when the program is started again.
pub fn channel(data: &Path, address: SocketAddr, principal: &str) -> Channel {
    channel_of(&identity(data, principal), address)
}

/// The same with a certificate that a shift was opened under.
pub fn channel_of(identity: &ektp::authority::Identity, address: SocketAddr) -> Channel {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&identity.ca_pem))
        .identity(Identity::from_pem(
            &identity.certificate_pem,
            &identity.key_pem,
        ))
        .domain_name("localhost");
    Endpoint::from_shared(server_address(address))
        .and_then(|endpoint| endpoint.tls_config(tls))
        .expect("the address is one")
        .connect_lazy()
}

/// Terminals of the district with one at the counter of each, who are registered and come to work as officers do. Their
/// shifts outlive the server.
async fn at_work(data: &Path, address: SocketAddr, terminals: usize) -> Vec<Line> {
    let mut front_door = FrontDoor::open(channel(data, address, "ektp://centre/policy")).await;
    let mut lines = Vec::new();
    for number in 1..=terminals {
        let officer = front_door.hire(DISTRICT, OfficerRole::Counter).await;
        let channel = channel(data, address, &terminal_of(number));
        lines.push(front_door::open_shift(channel, &officer).await);
    }
    lines
}

/// Print-ready people with interim certificates; answers their ids.
pub async fn print_ready(terminal: &Line, matcher: Channel, count: usize) -> Vec<String> {
    let mut terminal = Client::over(terminal.clone());
    let mut matcher = Client::over(unstaffed(matcher));
    let (mut enrolments, mut ids) = (Vec::new(), Vec::new());
    for person in residents(DISTRICT, count) {
        let (enrolment, resident) = terminal.enrol(&person).await;
        enrolments.push(enrolment);
        ids.push(resident);
    }
    for part in enrolments.chunks(BATCH) {
        terminal.certify(part).await;
    }
    let tasks = matcher
        .lease_checks(u32::try_from(count).expect("a few"))
        .await;
    for part in tasks.chunks(BATCH) {
        matcher.decide(part, VerdictOutcome::Unique).await;
    }
    ids
}

pub fn terminal_of(number: usize) -> String {
    format!("ektp://district/{DISTRICT}/site/office/terminal/{number}")
}

/// A submission with its answer, kept as a terminal keeps it.
type Acknowledged = (usize, Vec<u8>, Vec<Vec<u8>>);

/// Submits one person after the other, each until it is acknowledged, and counts.
async fn submit(
    channel: Line,
    writer: usize,
    ids: Vec<String>,
    count: Arc<watch::Sender<usize>>,
) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    for resident_id in ids {
        let draft = proto::PrintRequestDraft {
            resident_id,
            applicant_class: proto::ApplicantClass::FirstIssue.into(),
            documents: Vec::new(),
        };
        let request = proto::SubmitPrintRequestsRequest {
            request_id: request_id(),
            drafts: vec![draft],
            validate_only: false,
        };
        let message = request.encode_to_vec();
        let answer = keep_asking(&channel, &message).await;
        count.send_modify(|count| *count += 1);
        acknowledged.push((writer, message, answer));
    }
    acknowledged
}

async fn keep_asking(channel: &Line, message: &[u8]) -> Vec<Vec<u8>> {
    let mut ticks = interval(RETRY_EVERY);
    let asking = async {
        loop {
            ticks.tick().await;
            // While the server is away a call fails in many ways; a refusal would fail the test below.
            if let Ok(answer) = raw::call(channel, SUBMIT, message).await {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking)
        .await
        .expect("the server comes back")
}

#[tokio::test]
async fn a_killed_server_comes_back_with_all_it_acknowledged_and_its_streams_go_on() {
    let folder = Folder::new();
    let data: PathBuf = folder.join("data");
    let said = front_door::found(&data);
    assert!(said.iter().all(|said| said.contains("head of the centre")));
    let mut serving = serve(&data, "127.0.0.1:0").await;
    let address = serving.address;
    // One for each writer, and one who prepares and looks.
    let lines = at_work(&data, address, WRITERS + 1).await;
    let matcher = channel(&data, address, "ektp://centre/matcher");
    let ids = print_ready(&lines[WRITERS], matcher, PEOPLE).await;

    let follower = Follower::default();
    let begun = Arc::clone(&follower.begun);
    let follower = follower.follow(unstaffed(channel(&data, address, &terminal_of(50))), PEOPLE);
    let follower = tokio::spawn(timeout(PATIENCE, follower));
    timeout(PATIENCE, begun.notified())
        .await
        .expect("the follower has its first picture");
    let window = window(&folder, &data, address).await;
    let window = tokio::spawn(timeout(PATIENCE, window.until(PEOPLE)));
    let count = Arc::new(watch::Sender::new(0));
    let writers = (ids.chunks(EACH).enumerate()).map(|(writer, ids)| {
        let line = lines[writer].clone();
        tokio::spawn(submit(line, writer, ids.to_vec(), Arc::clone(&count)))
    });
    let writers: Vec<_> = writers.collect();
    let enough = count
        .subscribe()
        .wait_for(|count| *count >= BEFORE_THE_KILL)
        .await
        .is_ok();
    assert!(enough, "writers are at work");
    // SIGKILL: no handler, no flush, no farewell.
    serving.child.kill().await.expect("it is our child");
    let _serving = serve(&data, &address.to_string()).await;

    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("every writer ends"));
    }
    let follower = follower
        .await
        .expect("it does not panic")
        .expect("the follower sees everybody in time");
    let listed = listed(&lines[WRITERS]).await;
    assert_eq!(listed.len(), PEOPLE, "each person was queued once");
    assert_eq!(
        follower.picture, listed,
        "the follower's picture is the queue"
    );
    assert!(follower.streams >= 2, "the stream was broken by the kill");
    let window = window
        .await
        .expect("it does not panic")
        .expect("the window shows everybody in time");
    for position in [follower.position, window] {
        assert_eq!(
            position.snapshots, 1,
            "the stream was resumed, not begun anew"
        );
        assert_eq!(position.changes, PEOPLE, "each submission was one change");
    }

    answered_again(&lines, acknowledged).await;
}

/// The program's own window, with a certificate in a folder as people have it.
async fn window(folder: &Folder, data: &Path, address: SocketAddr) -> Window {
    let certificate = folder.join("terminal");
    identity(data, &terminal_of(51))
        .write_to(&certificate)
        .expect("the folder is ours");
    timeout(PATIENCE, Window::open(address, &certificate))
        .await
        .expect("a window in time")
}

/// The queue as the server lists it.
async fn listed(terminal: &Line) -> BTreeMap<String, i32> {
    let mut terminal = Client::over(terminal.clone());
    let page = proto::ListPrintRequestsRequest {
        page_size: 500,
        ..proto::ListPrintRequestsRequest::default()
    };
    let answer = terminal
        .print_queue
        .list_print_requests(page)
        .await
        .expect("a page")
        .into_inner();
    let entries = answer
        .print_requests
        .into_iter()
        .filter_map(|request| request.entry);
    entries
        .map(|entry| (entry.print_request_id, entry.state))
        .collect()
}

/// Each acknowledged submission gets its first answer from the server that did not give it.
async fn answered_again(lines: &[Line], acknowledged: Vec<Acknowledged>) {
    for (writer, message, first) in acknowledged {
        let again = raw::insist(&lines[writer], SUBMIT, &message)
            .await
            .expect("it was answered before");
        assert_eq!(again, first, "the stored answer is the first one");
    }
}
