//! One printer: its connection, its officer's shift, and the three acts of a card.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::{Request, Status, metadata::AsciiMetadataValue, transport::Channel};
use uuid::Uuid;

use crate::{
    cli::Failure,
    edge::SHIFT,
    proto::{self, print_queue_client::PrintQueueClient},
};

/// A printer at work.
#[derive(Clone)]
pub struct Printer {
    pub client: PrintQueueClient<Channel>,
    pub shift: AsciiMetadataValue,
    /// The next blank of the printer's hopper.
    pub blanks: Arc<AtomicI64>,
    /// Its own number, so that no two chips are alike.
    pub district: i32,
    /// How long it waits for an answer, where it says so.
    pub deadline: Option<Duration>,
}

/// A leased request and the blank that it gets.
pub type Held = (Option<proto::LeaseKey>, i64);

/// What a printer has done.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub cards: u64,
    /// How long each act took, by its kind.
    pub acts: [Vec<Duration>; 3],
    /// The queue had nobody left.
    pub is_dry: bool,
}

/// The kinds of acts, in the order of the tally.
pub const ACTS: [&str; 3] = ["lease", "bind", "report"];

impl Tally {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.cards += other.cards;
        for (ours, theirs) in self.acts.iter_mut().zip(other.acts) {
            ours.extend(theirs);
        }
        self.is_dry |= other.is_dry;
        self
    }

    /// The failure of a round in which somebody found the queue empty: it measured something else.
    pub fn not_dry(self) -> Result<Self, Failure> {
        if self.is_dry {
            return Err(Failure::Call(
                "a district's queue ran out of people during a round; choose a shorter one (--seconds), or more \
                 districts (--districts)"
                    .to_owned(),
            ));
        }
        Ok(self)
    }
}

impl Printer {
    /// Prints so many cards, so many together.
    pub async fn print(&mut self, cards: u32, batch: u32) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        let mut left = cards;
        while left > 0 && !tally.is_dry {
            left -= self.print_some(left.min(batch), &mut tally).await?;
        }
        tally.not_dry()
    }

    /// Prints until a moment, so many together.
    pub async fn print_until(&mut self, end: Instant, batch: u32) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        while Instant::now() < end && !tally.is_dry {
            self.print_some(batch, &mut tally).await?;
        }
        Ok(tally)
    }

    async fn print_some(&mut self, count: u32, tally: &mut Tally) -> Result<u32, Failure> {
        let [lease, bind, report] = &mut tally.acts;
        let leases = timed(lease, self.lease(Uuid::new_v4(), count)).await?;
        let held = self.take_blanks(leases);
        if held.is_empty() {
            tally.is_dry = true;
            return Ok(0);
        }
        timed(bind, self.bind(Uuid::new_v4(), &held)).await?;
        timed(report, self.report(Uuid::new_v4(), &held)).await?;
        tally.cards += held.len() as u64;
        Ok(u32::try_from(held.len()).expect("a batch is small"))
    }

    /// Puts the next blanks of the hopper beside leases.
    pub fn take_blanks(&self, leases: Vec<proto::Lease>) -> Vec<Held> {
        leases
            .into_iter()
            .map(|lease| (key(lease), self.blanks.fetch_add(1, Ordering::Relaxed)))
            .collect()
    }

    /// Leases the next requests.
    pub async fn lease(&mut self, id: Uuid, count: u32) -> Result<Vec<proto::Lease>, Status> {
        let request = self.request(proto::LeasePrintRequestsRequest {
            request_id: id.to_string(),
            count,
            location: String::new(),
        });
        let answer = self.client.lease_print_requests(request).await?;
        Ok(answer.into_inner().leases)
    }

    /// Binds the blanks.
    pub async fn bind(&mut self, id: Uuid, held: &[Held]) -> Result<(), Status> {
        let bindings = held.iter().map(|(lease, serial)| proto::BlankBinding {
            lease: lease.clone(),
            serial: *serial,
            chip_uid: chip(self.district, *serial),
        });
        let request = self.request(proto::BindBlanksRequest {
            request_id: id.to_string(),
            bindings: bindings.collect(),
        });
        let answer = self.client.bind_blanks(request).await?;
        all_done(&answer.into_inner().results)
    }

    /// Reports the cards.
    pub async fn report(&mut self, id: Uuid, held: &[Held]) -> Result<(), Status> {
        let cards = held.iter().map(|(lease, serial)| proto::PrintedCard {
            lease: lease.clone(),
            serial: *serial,
        });
        let request = self.request(proto::ReportPrintedRequest {
            request_id: id.to_string(),
            cards: cards.collect(),
        });
        let answer = self.client.report_printed(request).await?;
        all_done(&answer.into_inner().results)
    }

    /// A call under the officer's shift.
    pub fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(SHIFT, self.shift.clone());
        if let Some(deadline) = self.deadline {
            request.set_timeout(deadline);
        }
        request
    }
}

/// The chip of a blank.
pub fn chip(district: i32, serial: i64) -> String {
    format!("{district:04X}{serial:010X}")
}

async fn timed<T>(
    latencies: &mut Vec<Duration>,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let answer = call.await.map_err(refused)?;
    latencies.push(started.elapsed());
    Ok(answer)
}

fn key(lease: proto::Lease) -> Option<proto::LeaseKey> {
    let entry = lease.entry?;
    Some(proto::LeaseKey {
        print_request_id: entry.print_request_id,
        fence: lease.fence,
    })
}

/// A refusal, as a bench that expects none says it.
pub fn refused(status: Status) -> Failure {
    Failure::Call(format!("{:?}: {}", status.code(), status.message()))
}

fn all_done(results: &[proto::PrintStepResult]) -> Result<(), Status> {
    let refusal = results.iter().find_map(|result| match &result.outcome {
        Some(proto::print_step_result::Outcome::Refused(refusal)) => Some(refusal),
        Some(proto::print_step_result::Outcome::Entry(_)) | None => None,
    });
    refusal.map_or(Ok(()), |refusal| {
        Err(Status::failed_precondition(refusal.message.clone()))
    })
}
