//! Those who ship: an officer of a district sends blanks to a subdistrict's store, another officer receives them, each on a
//! terminal and connection of their own.
//!
//! What is easily got wrong: whatever one client ships is nobody else's, and what is shipped is not shipped again; a lot that
//! is used up ends the run instead of measuring refusals.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    super::{
        ground::{Ground, OnShift},
        replay::{Acted, Chosen},
    },
    layout::{Lot, NUMBERS_APART},
};
use crate::{
    cli::{Failure, client::Terminal},
    proto,
};

/// A shipment's acts, in their order; each is a transaction.
pub const ACTS: [&str; 2] = ["dispatch", "receive"];

/// One way of blanks, with the papers of those at its two ends.
pub struct Way {
    pub lot: Lot,
    papers: [OnShift; 2],
    /// The number of its next shipment, whoever makes it.
    pub next: Arc<AtomicI64>,
}

/// The two officers of a way, connected.
#[derive(Clone)]
pub struct Clerks {
    sender: Terminal,
    receiver: Terminal,
    lot: Lot,
    next: Arc<AtomicI64>,
}

/// What clerks have done.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub shipments: u64,
    /// How long each act took, by its kind.
    pub acts: [Vec<Duration>; 2],
}

impl Tally {
    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.shipments += other.shipments;
        for (ours, theirs) in self.acts.iter_mut().zip(other.acts) {
            ours.extend(theirs);
        }
        self
    }
}

impl Way {
    /// Two officers of the lot's district begin their shifts; `place` is the client's.
    pub async fn open(ground: &Ground, lot: Lot, place: u16) -> Result<Self, Failure> {
        let district = lot.origin.district();
        let first = 2 * place + 1;
        Ok(Self {
            lot,
            papers: [
                ground.on_shift(district, first).await?,
                ground.on_shift(district, first + 1).await?,
            ],
            next: Arc::new(AtomicI64::new(i64::from(place) * NUMBERS_APART)),
        })
    }

    /// Whether more was shipped than the lot holds.
    pub fn is_used_up(&self) -> bool {
        self.lot.run(self.next.load(Ordering::Relaxed)).is_none()
    }

    /// What the person who runs it can do then.
    pub fn used_up() -> Failure {
        Failure::Call(
            "the blanks that a client ships are used up; choose more (--blanks), or shorter or fewer rounds (--seconds, \
             --rounds)"
                .to_owned(),
        )
    }

    /// Connected to this server.
    pub fn clerks(&self, address: &str) -> Result<Clerks, Failure> {
        let on = |papers: &OnShift| {
            Terminal::with_identity(address, &papers.identity)?.on_shift(&papers.shift)
        };
        let [sender, receiver] = &self.papers;
        Ok(Clerks {
            sender: on(sender)?,
            receiver: on(receiver)?,
            lot: self.lot,
            next: Arc::clone(&self.next),
        })
    }
}

impl Clerks {
    /// Ships until a moment.
    pub async fn ship_until(self, end: Instant) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        while Instant::now() < end {
            self.ship(&mut tally).await?;
        }
        Ok(tally)
    }

    /// The next shipment, from its dispatch to its receipt.
    pub async fn ship(&self, tally: &mut Tally) -> Result<Acted, Failure> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (first, last) = self.lot.run(number).ok_or_else(Way::used_up)?;
        let ids = [Uuid::new_v4(), Uuid::new_v4()];
        let serials = vec![proto::SerialRange { first, last }];
        let dispatch = proto::DispatchShipmentRequest {
            request_id: ids[0].to_string(),
            destination: self.lot.destination.to_string(),
            document_number: document(number),
            serials: serials.clone(),
            origin: self.lot.origin.to_string(),
            blank_request_id: String::new(),
        };
        let started = Instant::now();
        let sent = self
            .sender
            .inventory(dispatch, |mut client, message| async move {
                client.dispatch_shipment(message).await
            });
        let shipment = sent.await?.shipment.unwrap_or_default();
        tally.acts[0].push(started.elapsed());
        let receipt = proto::ReceiveShipmentRequest {
            request_id: ids[1].to_string(),
            shipment_id: shipment.shipment_id,
            serials,
            document_number: document(number),
        };
        let started = Instant::now();
        let received = self
            .receiver
            .inventory(receipt, |mut client, message| async move {
                client.receive_shipment(message).await
            });
        let state = received.await?.shipment.unwrap_or_default().state();
        tally.acts[1].push(started.elapsed());
        if state != proto::ShipmentState::Received {
            return Err(Failure::Call(format!("a shipment ended as {state:?}")));
        }
        tally.shipments += 1;
        Ok(Acted {
            chosen: chosen(number, (first, last)),
            acts: ACTS.into_iter().zip(ids).collect(),
        })
    }
}

fn document(number: i64) -> String {
    format!("BA-{number}")
}

/// What a replay chooses by itself, as [`Lot::prelude`] computes it.
fn chosen(number: i64, (first, last): (i64, i64)) -> Vec<Chosen> {
    [
        (":run_first", first.to_string()),
        (":run_last", last.to_string()),
        (
            "(:run_last::bigint - :run_first::bigint + 1)",
            (last - first + 1).to_string(),
        ),
        ("('BA-' || :serial::text)", document(number)),
    ]
    .map(|(sql, value)| Chosen {
        sql: sql.to_owned(),
        value,
    })
    .into()
}
