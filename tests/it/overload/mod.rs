//! More calls than a server can do: who is served first, who is told to come again, and what is never begun.
//!
//! What is easily got wrong: an overload that depends on how fast the machine is. So there is one connection for all acts and
//! one for all reads, and it is held: an act by a gate in its own COMMIT (a deferred trigger of these tests), a read by a
//! lock on its table. Nobody waits in a line for longer than two seconds, so nothing here may take as long as that.

mod lists;

use std::time::Duration;

use ektp::{
    admission::Admission,
    caller::Class,
    cli::demo::people::Person,
    proto::{self, print_step_result::Outcome},
};
use futures::future::join_all;
use prost::Message as _;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{
    PATIENCE,
    cards::until,
    look,
    office::{Client, Office, reason, request_id},
    people::{draft, key, residents},
    raw::{self, Sending},
};

const DISTRICT: &str = "35.75";
/// A lease that outlives every test but one.
const LONG: Duration = Duration::from_secs(90);
/// More than one connection's line can hold, and more than one client's connection may ask at once.
const FLOOD: usize = 120;
/// As many as are taken without an estimate.
const BURST: usize = 8;
/// What every refusal proposes at least.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RECORD: &str = "/ektp.v1.Registration/RecordEnrolment";

/// The gate before every COMMIT that answers a request id.
struct Gate(PgConnection);

impl Gate {
    async fn build(office: &Office) -> Self {
        let options = office.database_as(ektp::embedded::OWNER);
        let session = PgConnection::connect_with(&options).await;
        let mut gate = Self(session.expect("the database answers"));
        gate.run(
            "create function gate() returns trigger language plpgsql set lock_timeout = '10s' as
             $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
             create constraint trigger gate after insert on request deferrable initially deferred
             for each row execute function gate()",
        )
        .await;
        gate
    }

    async fn run(&mut self, statement: &'static str) {
        let ran = sqlx::raw_sql(statement).execute(&mut self.0).await;
        ran.expect("the database is this test's own");
    }

    async fn close(&mut self) {
        self.run("select pg_advisory_lock(1)").await;
    }

    async fn open(&mut self) {
        self.run("select pg_advisory_unlock(1)").await;
    }

    /// Until an act stands before it.
    async fn until_reached(&self, office: &Office) {
        look::until_some(
            &office.sql,
            "pg_locks where locktype = 'advisory' and not granted",
        )
        .await;
    }

    /// Lets one act take a second and a half: the next ones are expected to take some of that.
    async fn hold_up(&mut self, office: &Office, clerk: &Client, person: &Person) {
        self.close().await;
        let slow = record(clerk.clone(), person);
        self.until_reached(office).await;
        let mut ticks = tokio::time::interval(Duration::from_millis(1_500));
        ticks.tick().await;
        ticks.tick().await;
        self.open().await;
        slow.await
            .expect("it does not panic")
            .expect("it was let through");
    }
}

/// The one server's lines: of the acts, and of the reads.
fn lines(office: &Office) -> (Admission, Admission) {
    let (acts, reads) = office.server(0).desk().admissions();
    (acts.clone(), reads.clone())
}

async fn until_waiting(line: &Admission, class: Class, count: usize) {
    until("they stand in the line", async || {
        line.waiting(class) == count
    })
    .await;
}

/// An enrolment; answers the revision of its commit.
fn record(mut client: Client, person: &Person) -> JoinHandle<Result<u64, Status>> {
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(person)),
    };
    tokio::spawn(async move {
        let answer = client.registration.record_enrolment(request).await?;
        Ok(answer.into_inner().committed_revision)
    })
}

fn lease(mut client: Client) -> JoinHandle<Result<u64, Status>> {
    let request = proto::LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 1,
        location: String::new(),
    };
    tokio::spawn(async move {
        let answer = client.print_queue.lease_print_requests(request).await?;
        Ok(answer.into_inner().committed_revision)
    })
}

fn bind(mut client: Client, lease: &proto::Lease, serial: i64) -> JoinHandle<Result<u64, Status>> {
    let binding = proto::BlankBinding {
        lease: Some(key(lease)),
        serial,
        chip_uid: format!("04{serial:012x}"),
    };
    let request = proto::BindBlanksRequest {
        request_id: request_id(),
        bindings: vec![binding],
    };
    tokio::spawn(async move {
        let answer = client.print_queue.bind_blanks(request).await?.into_inner();
        assert!(matches!(answer.results[0].outcome, Some(Outcome::Entry(_))));
        Ok(answer.committed_revision)
    })
}

async fn revisions(acts: Vec<JoinHandle<Result<u64, Status>>>) -> Vec<u64> {
    let done = join_all(acts).await.into_iter();
    done.map(|done| done.expect("it does not panic").expect("it is done"))
        .collect()
}

/// That the status says: nothing was done, come again, and when.
fn assert_shed(status: &Status, class: Class) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(status), "OVERLOADED");
    let info = status.get_details_error_info().expect("a reason");
    assert_eq!(info.metadata["class"], class.label());
    let after = status.get_details_retry_info().expect("a time").retry_delay;
    assert!(after.expect("a time") >= RETRY_MIN);
}

/// A printer's office with so many leases, blanks from serial 1, and one more request in the queue for each.
async fn printing(office: &Office, count: usize) -> (Client, Vec<proto::Lease>) {
    let blanks = i64::try_from(count).expect("a few");
    office.stock(DISTRICT, 1, blanks * 2).await;
    office.queued(DISTRICT, count * 2).await;
    let mut printer = office.terminal("35.75/office/1").await;
    let leases = printer.lease(u32::try_from(count).expect("a few")).await;
    (printer, leases.leases)
}

#[tokio::test]
async fn who_waits_is_served_by_class_and_then_by_arrival() {
    let office = Office::open_narrow(LONG).await;
    let (printer, leases) = printing(&office, 2).await;
    let people = residents(DISTRICT, 8).split_off(4);
    let (acts, _) = lines(&office);
    let mut gate = Gate::build(&office).await;
    gate.close().await;
    let first = record(printer.clone(), &people[0]);
    gate.until_reached(&office).await;
    // The least urgent come first.
    let mut registrations = Vec::new();
    for (number, person) in people[1..].iter().enumerate() {
        registrations.push(record(printer.clone(), person));
        until_waiting(&acts, Class::Registration, number + 1).await;
    }
    let leasing = vec![lease(printer.clone()), lease(printer.clone())];
    until_waiting(&acts, Class::Leases, 2).await;
    let prints = vec![
        bind(printer.clone(), &leases[0], 1),
        bind(printer.clone(), &leases[1], 2),
    ];
    until_waiting(&acts, Class::Prints, 2).await;
    gate.open().await;
    let registered = revisions(registrations).await;
    let (leased, printed) = (revisions(leasing).await, revisions(prints).await);
    first
        .await
        .expect("it does not panic")
        .expect("it was let through");
    assert!(registered.is_sorted(), "in their order: {registered:?}");
    assert!(
        printed.iter().max() < leased.iter().min(),
        "{printed:?} {leased:?}"
    );
    assert!(
        leased.iter().max() < registered.iter().min(),
        "{leased:?} {registered:?}"
    );
}

#[tokio::test]
async fn a_flood_is_refused_with_a_time_to_come_again_and_every_print_is_done() {
    let office = Office::open_narrow(LONG).await;
    let (printer, leases) = printing(&office, BURST).await;
    let people = residents(DISTRICT, BURST * 2 + 1 + FLOOD).split_off(BURST * 2);
    let before = look::count(&office.sql, "enrolment").await;
    let counters = [
        office.terminal("35.75/office/2").await,
        office.terminal("35.75/office/3").await,
    ];
    let (acts, _) = lines(&office);
    let mut gate = Gate::build(&office).await;
    gate.close().await;
    let first = record(printer.clone(), &people[FLOOD]);
    gate.until_reached(&office).await;
    let flood = people[..FLOOD].iter().enumerate();
    let flood: Vec<_> = flood
        .map(|(number, person)| record(counters[number % 2].clone(), person))
        .collect();
    until("the flood has broken", async || {
        let told = flood.iter().filter(|one| one.is_finished()).count();
        told + acts.waiting(Class::Registration) == FLOOD
    })
    .await;
    let prints = leases.iter().zip(1..);
    let prints = prints.map(|(lease, serial)| bind(printer.clone(), lease, serial));
    let prints: Vec<_> = prints.collect();
    until_waiting(&acts, Class::Prints, BURST).await;
    gate.open().await;
    assert_eq!(
        revisions(prints).await.len(),
        BURST,
        "each at its first try"
    );
    first
        .await
        .expect("it does not panic")
        .expect("it was let through");
    let (mut done, mut refused) = (1, Vec::new());
    for (one, person) in join_all(flood).await.into_iter().zip(&people) {
        match one.expect("it does not panic") {
            Ok(_) => done += 1,
            Err(status) => {
                assert_shed(&status, Class::Registration);
                refused.push(person);
            }
        }
    }
    assert!(refused.len() >= FLOOD - 64, "a line has a bound");
    // What was refused left nothing behind, and what was done is whole.
    for (of, expected) in [
        ("enrolment", before + done),
        (
            "request where method = 'Registration/RecordEnrolment'",
            before + done,
        ),
    ] {
        assert_eq!(look::count(&office.sql, of).await, expected, "{of}");
    }
    // When it is over, everybody is served again.
    let mut counter = counters[0].clone();
    for person in &refused[..BURST] {
        counter.enrol(person).await;
    }
}

#[tokio::test]
async fn what_cannot_be_answered_in_time_is_not_begun() {
    let office = Office::open_narrow(LONG).await;
    let clerk = office.terminal("35.75/office/1").await;
    let people = residents(DISTRICT, 3);
    let mut gate = Gate::build(&office).await;
    gate.hold_up(&office, &clerk, &people[0]).await;
    for left in ["30m", "150m"] {
        let request = proto::RecordEnrolmentRequest {
            request_id: request_id(),
            enrolment: Some(draft(&people[1])),
        };
        // By hand, so that only the server counts the time.
        let sent = (request.encode_to_vec(), &[("grpc-timeout", left)][..]);
        let answer = raw::with_metadata(PATIENCE, &clerk.channel, RECORD, sent, 1).await;
        let status = answer.expect("an answer").expect_err("too late");
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(reason(&status), "DEADLINE_PASSED");
        let info = status.get_details_error_info().expect("a reason");
        let needed: u64 = info.metadata["needed_ms"].parse().expect("a number");
        assert!(needed > 150, "{needed}");
        assert!(
            status.get_details_retry_info().is_some(),
            "and when to come again"
        );
        let row = format!("request where request_id = '{}'", request.request_id);
        assert_eq!(look::count(&office.sql, &row).await, 0, "not begun");
    }
    let mut clerk = clerk;
    clerk.enrol(&people[2]).await;
}

#[tokio::test]
async fn a_call_whose_message_never_comes_ends_with_its_deadline() {
    let office = Office::open_narrow(LONG).await;
    let clerk = office.terminal("35.75/office/1").await;
    let nothing = (Vec::new(), Sending::Open);
    let answer = raw::within(PATIENCE, &clerk.channel, RECORD, nothing, 1).await;
    let status = answer.expect("an answer").expect_err("nothing was asked");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(reason(&status), "DEADLINE_PASSED");
}

#[tokio::test]
async fn an_overloaded_server_still_ends_leases() {
    let office = Office::open_narrow(Duration::from_secs(1)).await;
    let (_, leases) = printing(&office, 1).await;
    // Another district: its ledger is locked while its acts stand before the gate.
    let clerk = office.terminal("32.01/office/1").await;
    let people = residents("32.01", 4 * BURST);
    let mut gate = Gate::build(&office).await;
    gate.close().await;
    let crowd = people.iter().map(|person| record(clerk.clone(), person));
    let crowd: Vec<_> = crowd.collect();
    gate.until_reached(&office).await;
    let id = key(&leases[0]).print_request_id;
    let back = format!("print_request where print_request_id = '{id}' and state = 'QUEUED'");
    look::until_some(&office.sql, &back).await;
    let (acts, _) = lines(&office);
    assert!(
        acts.waiting(Class::Registration) > 0 || crowd.iter().any(|one| !one.is_finished()),
        "the crowd was still there"
    );
    gate.open().await;
    join_all(crowd).await;
}
