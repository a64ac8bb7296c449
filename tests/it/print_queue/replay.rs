//! A month of one queue, replayed: four printers at two servers whose clocks differ race for it, and nothing is found; then
//! somebody with the database's highest rights cheats once a day, and each time exactly that is found.
//!
//! What is easily got wrong: an honest day is replayed before the frauds, because a forged first place is found on the
//! day on which the request was made, too.
#![expect(
    clippy::disallowed_methods,
    reason = "test code does not use the query macros, so that the metadata holds src only"
)]

use std::sync::atomic::{AtomicI64, Ordering};

use ektp::{
    clock::SimulatedClock,
    feed::Timing,
    proto::{self, ApplicantClass, SeniorityReason},
};
use futures::future::join_all;
use time::Duration;
use uuid::Uuid;

use super::{
    frauds::{FRAUDS, Line, found},
    lease_ids,
};
use crate::{
    administration::approve,
    support::{
        office::{Client, MORNING, Office, request_id},
        policies::text,
    },
};

/// Days of the honest month.
const DAYS: i64 = 30;
/// Those who ask for a card in it.
const PEOPLE: usize = 150;
/// So much do the servers' clocks differ.
const SKEW: Duration = Duration::minutes(5);

/// Numbers that look random and come again from their seed.
pub struct Dice {
    state: u64,
    /// What a failing test has to say.
    pub seed: u64,
}

impl Dice {
    /// Dice that nobody has thrown before.
    pub fn thrown() -> Self {
        let seed = u64::from_le_bytes(*Uuid::new_v4().as_bytes().first_chunk().expect("16 bytes"));
        Self {
            state: seed | 1,
            seed,
        }
    }

    /// One of so many.
    pub fn of(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % sides
    }
}

/// What the founding rules say about the daily quota from now on.
async fn quota(office: &Office, daily: Option<i32>) {
    sqlx::query("update policy_version set daily_quota = $1")
        .bind(daily)
        .execute(&office.sql)
        .await
        .expect("there is a version");
}

/// An office with two servers whose clocks differ, its people, and four printers.
pub struct Month {
    pub office: Office,
    ahead: SimulatedClock,
    waiting: Vec<String>,
    printers: Vec<Client>,
    counter: Client,
    next_serial: AtomicI64,
}

impl Month {
    pub async fn begin(people: usize) -> Self {
        let mut office = Office::open().await;
        // The second server keeps a clock of its own.
        let ahead = SimulatedClock::new(MORNING + SKEW);
        let ours = std::mem::replace(&mut office.clock, ahead.clone());
        let second = office.add_server(Timing::default()).await;
        office.clock = ours;
        let ready = office.print_ready("35.75", people).await;
        office.stock("35.75", 1, 5_000).await;
        let mut printers = Vec::new();
        for number in 1..=4 {
            let name = format!("ektp://district/35.75/site/office/terminal/{number}");
            printers.push(office.client((number % 2) * second, &name).await);
        }
        Self {
            counter: office.terminal("35.75/office/9").await,
            waiting: ready.into_iter().map(|(_, id)| id).collect(),
            ahead,
            office,
            printers,
            next_serial: AtomicI64::new(1),
        }
    }

    /// Turns the clocks to a day; which of the servers is ahead changes.
    pub fn turn_to(&self, day: i64) {
        let now = MORNING + Duration::days(day);
        let skew = if day % 2 == 0 { SKEW } else { -SKEW };
        self.office.clock.set(now);
        self.ahead.set(now + skew);
    }

    /// A day of work: some ask, and each printer takes what it gets and finishes it, gives it back, or forgets it.
    pub async fn work(&mut self, dice: &mut Dice) {
        let asked = self.waiting.split_off(self.waiting.len().saturating_sub(5));
        // Every third day somebody is held.
        quota(&self.office, (dice.of(3) == 0).then_some(2)).await;
        let (sql, next) = (&self.office.sql, &self.next_serial);
        let lives: Vec<[u64; 3]> = (0..self.printers.len())
            .map(|_| [dice.of(3) + 1, dice.of(10), dice.of(4)])
            .collect();
        let counter = &mut self.counter;
        let ask = async {
            for id in &asked {
                counter
                    .ask(&[(id, ApplicantClass::FirstIssue)], false)
                    .await;
            }
        };
        let printers = self.printers.iter_mut().zip(lives);
        let prints = printers.map(async |(printer, [count, fate, rounds])| {
            for _ in 0..=rounds {
                let leases = printer.lease(u32::try_from(count).expect("few")).await.leases;
                if leases.is_empty() {
                    continue;
                }
                match fate {
                    0 | 1 => {
                        printer.release(&leases).await;
                    }
                    2 => {
                        let ids: Vec<Uuid> = lease_ids(&leases)
                            .iter()
                            .map(|id| id.parse().expect("an id"))
                            .collect();
                        sqlx::query(
                            "update print_request set lease_expires_at = clock_timestamp() - interval '1 second'
                             where print_request_id = any($1) and state = 'LEASED'",
                        )
                        .bind(ids)
                        .execute(sql)
                        .await
                        .expect("the leases run out");
                    }
                    _ => {
                        let size = i64::try_from(leases.len()).expect("few");
                        let first = next.fetch_add(size, Ordering::Relaxed);
                        printer.bind(&leases, first).await;
                        if fate == 3 {
                            printer.spoil(&leases[0], first).await;
                        }
                        printer.report(&leases, first).await;
                    }
                }
            }
        });
        tokio::join!(ask, join_all(prints));
    }

    /// The day's replay.
    pub async fn verify(&mut self, day: i64) -> proto::VerifyDispatchOrderResponse {
        let request = proto::VerifyDispatchOrderRequest {
            district: String::new(),
            day: text((MORNING + Duration::days(day)).date()),
        };
        let answer = self
            .counter
            .print_queue
            .verify_dispatch_order(request)
            .await;
        answer.expect("the day is replayed").into_inner()
    }

    /// The queue as it stands.
    async fn queue(&mut self) -> Vec<String> {
        let requests = self.counter.queue().await.into_iter();
        requests
            .filter_map(|request| request.entry)
            .filter(|entry| entry.state() == proto::PrintRequestState::Queued)
            .map(|entry| entry.print_request_id)
            .collect()
    }

    /// Leases one by one at the first printer, and prints.
    pub async fn print(&mut self, count: u32) -> Vec<String> {
        let leases = self.printers[0].lease(count).await.leases;
        let size = i64::from(count);
        let first = self.next_serial.fetch_add(size, Ordering::Relaxed);
        self.printers[0].bind(&leases, first).await;
        self.printers[0].report(&leases, first).await;
        lease_ids(&leases)
    }

    /// Does something past the server.
    pub async fn cheat(&self, statements: &str) {
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements)
            .execute(&self.office.sql)
            .await
            .expect("the superuser may");
    }
}

#[tokio::test]
async fn every_fraud_is_found_on_its_day_and_nothing_in_an_honest_month() {
    let mut dice = Dice::thrown();
    let mut month = Month::begin(PEOPLE + 40).await;
    for day in 0..DAYS {
        month.turn_to(day);
        month.work(&mut dice).await;
    }
    let (mut leased, mut passed_over) = (0, 0);
    for day in 0..DAYS {
        let replay = month.verify(day).await;
        assert_eq!(replay.findings, [], "day {day}, seed {}", dice.seed);
        assert_eq!(replay.favours, []);
        let of_officers: u32 = replay.officers.iter().map(|officer| officer.leased).sum();
        assert_eq!(of_officers, replay.leased);
        leased += replay.leased;
        passed_over += replay.passed_over.values().sum::<u32>();
    }
    let given: i64 =
        sqlx::query_scalar("select count(*) from request_stage where state = 'LEASED'")
            .fetch_one(&month.office.sql)
            .await
            .expect("the stages are there");
    assert_eq!(i64::from(leased), given, "every lease is in a day's replay");
    assert!(leased > 100, "there was something to replay: {leased}");
    assert!(passed_over > 0, "somebody was held before somebody else");

    // Those who have not asked wait in the queue from now on.
    month.turn_to(DAYS);
    quota(&month.office, None).await;
    for id in std::mem::take(&mut month.waiting) {
        month
            .counter
            .ask(&[(&id, ApplicantClass::FirstIssue)], false)
            .await;
    }
    for (day, (name, fraud)) in (DAYS + 1..).zip(FRAUDS) {
        month.turn_to(day);
        let before = month.print(2).await;
        let line = Line::new(&month.queue().await, &before);
        let expected = fraud(&mut month, &line).await;
        month.print(1).await;
        let replay = month.verify(day).await;
        assert_eq!(found(&replay), expected, "{name}, seed {}", dice.seed);
        assert_eq!(usize::try_from(replay.findings_total), Ok(expected.len()));
        let of_officers: u32 = replay.officers.iter().map(|officer| officer.findings).sum();
        assert_eq!(of_officers, replay.findings_total);
    }
}

#[tokio::test]
async fn a_change_by_two_persons_moves_a_request_and_stands_in_the_list() {
    let office = Office::open().await;
    let ids = office.queued("35.75", 4).await;
    office.stock("35.75", 1, 9).await;
    let mut head = office.terminal("35.75/office/1").await;
    let mut second = office.terminal("35.75/office/2").await;
    let request = proto::ChangeSeniorityRequest {
        request_id: request_id(),
        print_request_id: ids[3].clone(),
        seniority_time: Some(prost_types::Timestamp {
            seconds: 1_400_000_000,
            nanos: 123_456_789,
        }),
        reason: SeniorityReason::Medical.into(),
        purpose: "a letter of the hospital".to_owned(),
    };
    let asked = head.print_queue.change_seniority(request.clone()).await;
    let asked = asked
        .expect("it waits")
        .into_inner()
        .approval
        .expect("an approval");
    assert_eq!(asked.method, "PrintQueue/ChangeSeniority");
    // One person's word moves nobody.
    approve(&mut head, &asked).await.expect_err("the author");
    let place = head.print_request(&ids[3]).await.expect("it is here").ahead;
    assert_eq!(place, 3);
    let done = approve(&mut second, &asked).await.expect("another person");
    assert_eq!(done.resource, ids[3]);
    let place = head.print_request(&ids[3]).await.expect("it is here").ahead;
    assert_eq!(place, 0);
    assert_eq!(lease_ids(&head.lease(1).await.leases), ids[3..]);
    // What a printer has in hand is not moved any more.
    let again = proto::ChangeSeniorityRequest {
        request_id: request_id(),
        ..request
    };
    let late = head.print_queue.change_seniority(again).await;
    assert_eq!(
        crate::support::office::reason(&late.expect_err("it is leased")),
        "WRONG_STATE"
    );
    let today = proto::VerifyDispatchOrderRequest {
        district: "35.75".to_owned(),
        day: text(MORNING.date()),
    };
    let replay = head.print_queue.verify_dispatch_order(today).await;
    let replay = replay.expect("the day is replayed").into_inner();
    assert_eq!(replay.findings, []);
    let [favour] = &replay.favours[..] else {
        panic!("one went before others: {replay:?}");
    };
    assert_eq!((&favour.print_request_id, favour.passed), (&ids[3], 3));
    assert_eq!(favour.reason(), SeniorityReason::Medical);
    assert_eq!(favour.approval_id, asked.approval_id);
    assert_eq!(favour.requested_by, asked.requested_by);
    assert_eq!(favour.approved_by, done.approved_by);
}

#[tokio::test]
async fn every_malformed_change_of_the_order_is_named_at_once() {
    use crate::support::office::violated_fields;
    let office = Office::open().await;
    let mut head = office.terminal("35.75/office/1").await;
    let future = MORNING + Duration::hours(1);
    let request = proto::ChangeSeniorityRequest {
        seniority_time: Some(prost_types::Timestamp {
            seconds: future.unix_timestamp(),
            nanos: 0,
        }),
        purpose: "x".to_owned(),
        ..Default::default()
    };
    let status = head.print_queue.change_seniority(request).await;
    assert_eq!(
        violated_fields(&status.expect_err("malformed")),
        [
            "request_id",
            "print_request_id",
            "seniority_time",
            "reason",
            "purpose"
        ]
    );
    let request = proto::VerifyDispatchOrderRequest {
        district: "35.77".to_owned(),
        day: "yesterday".to_owned(),
    };
    let status = head.print_queue.verify_dispatch_order(request).await;
    assert_eq!(
        violated_fields(&status.expect_err("malformed")),
        ["district", "day"]
    );
    // The policy desk names a district.
    let mut desk = office.centre("policy").await;
    let today = || proto::VerifyDispatchOrderRequest {
        district: String::new(),
        day: text(MORNING.date()),
    };
    let status = desk.print_queue.verify_dispatch_order(today()).await;
    assert_eq!(
        violated_fields(&status.expect_err("none named")),
        ["district"]
    );
    let named = proto::VerifyDispatchOrderRequest {
        district: "35.75".to_owned(),
        ..today()
    };
    let answer = desk.print_queue.verify_dispatch_order(named).await;
    assert_eq!(
        answer.expect("it may").into_inner(),
        proto::VerifyDispatchOrderResponse::default()
    );
}
