//! The open loop: work arrives by the clock, whether or not the server is done with what came before.
//!
//! What is easily got wrong: a bench that waits for answers before it sends more offers no more than the server does. Here
//! only the calls under way are bounded, and an arrival that finds no place is told. A lease, a submission or a list that is
//! refused is not tried again (new ones arrive), a bound card's report is, after the time that RetryInfo names.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{
    super::printer::{Held, Printer},
    log::{Kind, Log},
};
use crate::{cli::Failure, proto};

/// How often arrivals are looked at; less than the time between two of them at a thousand a second would only cost.
const TICK: Duration = Duration::from_millis(2);
/// Calls under way on one connection: a server takes 64, and beyond them the client's own line would be measured.
const UNDER_WAY: usize = 60;
/// What a client gives a call; who stands at a counter waits no longer.
const DEADLINE: Duration = Duration::from_secs(5);
/// A bound card is reported so often, then its printer gives up.
const TRIES_MAX: u32 = 10;
/// Entries on a page of a list.
const PAGE: u32 = 50;
/// After the last arrival, calls are waited for so long.
const REST_MAX: Duration = Duration::from_secs(30);

/// What arrives in a second.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub cards: f64,
    pub submissions: f64,
    pub lists: f64,
}

impl Rates {
    /// So many cards; for ten of them one list is asked for and one card applied for.
    pub fn of_cards(cards: f64) -> Self {
        Self {
            cards,
            submissions: cards * 0.1,
            lists: cards * 0.1,
        }
    }
}

/// One office's place: its printer, its counter on a connection of its own, and people who may apply.
#[derive(Clone)]
pub struct Place {
    pub printer: Printer,
    pub counter: Printer,
    pub residents: Arc<Vec<String>>,
}

/// All places, and what is under way.
pub struct Offices {
    places: Vec<(Place, Arc<Semaphore>, Arc<Semaphore>)>,
    under_way: JoinSet<()>,
    turn: usize,
}

#[derive(Clone, Copy)]
enum Arrival {
    Card,
    Submission,
    List,
}

impl Offices {
    /// With nothing under way.
    pub fn new(mut places: Vec<Place>) -> Self {
        for place in &mut places {
            place.printer.deadline = Some(DEADLINE);
            place.counter.deadline = Some(DEADLINE);
        }
        let bound = || Arc::new(Semaphore::new(UNDER_WAY));
        Self {
            places: places
                .into_iter()
                .map(|place| (place, bound(), bound()))
                .collect(),
            under_way: JoinSet::new(),
            turn: 0,
        }
    }

    /// Lets work arrive for so long. What is under way at the end stays under way.
    pub async fn offer(&mut self, rates: Rates, length: Duration, log: &Log) {
        let begun = Instant::now();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut due = [
            (Arrival::Card, rates.cards, 0.0),
            (Arrival::Submission, rates.submissions, 0.0),
            (Arrival::List, rates.lists, 0.0),
        ];
        while begun.elapsed() < length {
            ticks.tick().await;
            let now = begun.elapsed().as_secs_f64();
            for (arrival, rate, arrived) in &mut due {
                while *arrived + 1.0 <= *rate * now {
                    *arrived += 1.0;
                    self.arrive(*arrival, log);
                }
            }
            while self.under_way.try_join_next().is_some() {}
        }
    }

    fn arrive(&mut self, arrival: Arrival, log: &Log) {
        self.turn += 1;
        let (place, printing, serving) = &self.places[self.turn % self.places.len()];
        let bound = match arrival {
            Arrival::Card => printing,
            Arrival::Submission | Arrival::List => serving,
        };
        let Ok(permit) = Arc::clone(bound).try_acquire_owned() else {
            log.phase().unsent += 1;
            return;
        };
        let (place, log) = (place.clone(), log.clone());
        self.under_way.spawn(async move {
            match arrival {
                Arrival::Card => print(place.printer, &log).await,
                Arrival::Submission => submit(place, &log).await,
                Arrival::List => list(place.counter, &log).await,
            }
            drop(permit);
        });
    }

    /// Waits for what is still under way.
    pub async fn rest(mut self) -> Result<(), Failure> {
        let all = async { while self.under_way.join_next().await.is_some() {} };
        tokio::time::timeout(REST_MAX, all)
            .await
            .map_err(|_| Failure::Call("calls were never answered".to_owned()))
    }
}

async fn noted<T>(
    kind: Kind,
    log: &Log,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let begun = Instant::now();
    let answer = call.await;
    log.note(kind, begun.elapsed(), &answer);
    answer
}

async fn print(mut printer: Printer, log: &Log) {
    let Ok(leases) = noted(Kind::Lease, log, printer.lease(Uuid::new_v4(), 1)).await else {
        return;
    };
    let held = printer.take_blanks(leases);
    if held.is_empty() {
        log.phase().is_dry = true;
        return;
    }
    let is_bound = to_the_end(log, Step::Bind, &mut printer, &held).await;
    if is_bound && to_the_end(log, Step::Report, &mut printer, &held).await {
        log.note_card();
    } else {
        log.phase().given_up += 1;
    }
}

#[derive(Clone, Copy)]
enum Step {
    Bind,
    Report,
}

/// Asks under one request id until it is done, waiting as long as the server proposes.
async fn to_the_end(log: &Log, step: Step, printer: &mut Printer, held: &[Held]) -> bool {
    let id = Uuid::new_v4();
    for _ in 0..TRIES_MAX {
        let answer = match step {
            Step::Bind => noted(Kind::Print, log, printer.bind(id, held)).await,
            Step::Report => noted(Kind::Print, log, printer.report(id, held)).await,
        };
        match answer {
            Ok(()) => return true,
            Err(status) => match retry_after(&status) {
                Some(delay) => sleep(delay).await,
                None => return false,
            },
        }
    }
    false
}

/// What RetryInfo names and up to as much again, so that those refused together do not come back together.
fn retry_after(status: &Status) -> Option<Duration> {
    let delay = status.get_details_retry_info()?.retry_delay?;
    Some(delay + rand::rng().random_range(Duration::ZERO..=delay))
}

async fn submit(mut place: Place, log: &Log) {
    let which = rand::rng().random_range(0..place.residents.len());
    let draft = proto::PrintRequestDraft {
        resident_id: place.residents[which].clone(),
        applicant_class: proto::ApplicantClass::FirstIssue.into(),
        documents: Vec::new(),
    };
    let request = place.counter.request(proto::SubmitPrintRequestsRequest {
        request_id: Uuid::new_v4().to_string(),
        drafts: vec![draft],
        validate_only: false,
    });
    let call = place.counter.client.submit_print_requests(request);
    noted(Kind::Submission, log, call).await.ok();
}

async fn list(mut counter: Printer, log: &Log) {
    let request = counter.request(proto::ListPrintRequestsRequest {
        page_size: PAGE,
        ..proto::ListPrintRequestsRequest::default()
    });
    noted(Kind::List, log, counter.client.list_print_requests(request))
        .await
        .ok();
}
