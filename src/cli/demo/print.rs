//! The printers and the numbered blanks: each printer leases requests, fetches the faces, binds blanks, prints, and
//! reports what came out.
//!
//! What is easily got wrong: a spoiled card's request goes back to its old place, in front of those that other printers
//! already hold. While blanks abound it is printed a little later; at the end somebody behind it could get the last
//! blank. Therefore one printer alone uses the last blanks, in ever smaller lots, and the very last one at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use time::Date;

use super::{
    citizen::Citizen, enrol::refused, hopper::Store, office::Office, place, progress::Phase,
};
use crate::{
    cli::{
        Failure,
        client::{Line, Terminal, request_id},
    },
    proto::{
        BindBlanksRequest, BlankBinding, GetCardFaceRequest, Lease, LeaseKey,
        LeasePrintRequestsRequest, PrintStepResult, PrintedCard, ReportPrintedRequest,
        ReportSpoiledRequest, Shipment, SpoilageKind, SpoiledBlank,
        print_queue_client::PrintQueueClient, print_step_result,
    },
};

/// Requests of one lease: about two and a half hours of a printer's work.
const LEASED_AT_ONCE: usize = 50;
/// One printer alone uses the last blanks. More of them than the printers can have spoiled at once.
const LAST_BLANKS: usize = 80;
/// Faces that one printer fetches at a time.
const FACES_AT_A_TIME: usize = 2;
/// A printer's time for one card.
const MINUTES_A_CARD: u64 = 3;

/// What the printers did, by the system's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printed {
    pub printed: usize,
    pub spoiled: usize,
    /// Faces that were what the counter had recorded of the person.
    pub faces_right: usize,
}

impl Printed {
    pub fn add(&mut self, other: Self) {
        self.printed += other.printed;
        self.spoiled += other.spoiled;
        self.faces_right += other.faces_right;
    }
}

/// The print room.
pub struct PrintRoom<'a> {
    office: &'a Office,
    citizens: &'a [Citizen],
    queued: &'a HashMap<String, usize>,
    spoilage: f64,
    /// What the printers are fed from: all of them from the one store, or each from its own.
    stores: Arc<[Store]>,
    first_day: Date,
    /// Cards of all printers, for the clock.
    cards: AtomicU64,
    phase: Phase,
}

impl<'a> PrintRoom<'a> {
    /// With the blanks of a shipment in the district's own box; so many in a hundred are spoiled.
    pub fn open(
        office: &'a Office,
        citizens: &'a [Citizen],
        queued: &'a HashMap<String, usize>,
        shipment: &Shipment,
        spoilage: f64,
    ) -> Self {
        let stores = [Store::filled(office.place.district, &shipment.serials)];
        let from = (spoilage, office.place.print_day);
        Self::of_stores(office, (citizens, queued), Arc::from(stores), from)
    }

    /// Over these stores from a day on; so many in a hundred blanks are spoiled.
    pub fn of_stores(
        office: &'a Office,
        (citizens, queued): (&'a [Citizen], &'a HashMap<String, usize>),
        stores: Arc<[Store]>,
        (spoilage, first_day): (f64, Date),
    ) -> Self {
        let phase = Phase::begin("printing", queued.len());
        Self {
            office,
            citizens,
            queued,
            spoilage,
            stores,
            first_day,
            cards: AtomicU64::new(0),
            phase,
        }
    }

    /// All printers print from the first store, until the queue or its blanks are at their end.
    pub async fn run(self) -> Result<Printed, Failure> {
        let store = &self.stores[0];
        let printers = self.office.printers.iter().map(|terminal| {
            self.print((terminal, store), move || {
                store.hopper.take(LEASED_AT_ONCE, LAST_BLANKS)
            })
        });
        let mut printed = sum(try_join_all(printers).await?);
        let first = &self.office.printers[0];
        let last = self.print((first, store), move || {
            store.hopper.take_last(LEASED_AT_ONCE)
        });
        printed.add(last.await?);
        self.end(printed)
    }

    /// Each printer prints from the store of its own subdistrict, until the queue is at its end.
    pub async fn run_apart(self) -> Result<Printed, Failure> {
        let fed = self.office.printers.iter().zip(self.stores.iter());
        let printers = fed.map(|(terminal, store)| {
            self.print((terminal, store), move || {
                store.hopper.take(LEASED_AT_ONCE, 0)
            })
        });
        let printed = sum(try_join_all(printers).await?);
        self.end(printed)
    }

    /// One lot of one subdistrict's printer, from its own store.
    pub async fn lot_at(&self, place: usize) -> Result<Printed, Failure> {
        let (terminal, store) = (&self.office.printers[place], &self.stores[place]);
        let blanks = store.hopper.take(LEASED_AT_ONCE, 0);
        let lot = self.lot((terminal, store), blanks).await?;
        Ok(lot.unwrap_or_default())
    }

    fn end(self, printed: Printed) -> Result<Printed, Failure> {
        self.phase.end(&format!(
            "{} cards printed, {} blanks spoiled",
            printed.printed, printed.spoiled
        ));
        Ok(printed)
    }

    async fn print(
        &self,
        fed: (&Terminal, &Store),
        next_blanks: impl Fn() -> Vec<i64>,
    ) -> Result<Printed, Failure> {
        let mut printed = Printed::default();
        while let Some(lot) = self.lot(fed, next_blanks()).await? {
            printed.add(lot);
        }
        Ok(printed)
    }

    /// As many cards as there are blanks for them; nothing where the blanks or the queue are at their end.
    async fn lot(
        &self,
        (terminal, store): (&Terminal, &Store),
        mut blanks: Vec<i64>,
    ) -> Result<Option<Printed>, Failure> {
        if blanks.is_empty() {
            return Ok(None);
        }
        let leases = self.lease(terminal, store, blanks.len()).await?;
        store
            .hopper
            .give_back(&blanks.split_off(leases.len().min(blanks.len())));
        if leases.is_empty() {
            return Ok(None);
        }
        let faces_right = self.fetch_faces(terminal, &leases).await?;
        bind(terminal, &leases, &blanks).await?;
        self.let_time_pass(leases.len());
        let (spoiled, good): (Vec<_>, Vec<_>) = leases
            .iter()
            .zip(blanks)
            .partition(|(_, serial)| self.is_spoiled(*serial));
        let lot = Printed {
            printed: report_printed(terminal, &good).await?,
            spoiled: self.report_spoiled(terminal, &spoiled).await?,
            faces_right,
        };
        self.phase.advance(lot.printed);
        Ok(Some(lot))
    }

    async fn lease(
        &self,
        terminal: &Terminal,
        store: &Store,
        count: usize,
    ) -> Result<Vec<Lease>, Failure> {
        let count = u32::try_from(count).expect("a lease is short");
        let request = LeasePrintRequestsRequest {
            request_id: request_id(),
            count,
            location: store.location.clone(),
        };
        let call = |mut client: PrintQueueClient<Line>, request| async move {
            client.lease_print_requests(request).await
        };
        Ok(terminal.print_queue(request, call).await?.leases)
    }

    /// Fetches the faces, and counts those that show what the counter recorded.
    async fn fetch_faces(&self, terminal: &Terminal, leases: &[Lease]) -> Result<usize, Failure> {
        let calls = leases.iter().map(|lease| async move {
            let request = GetCardFaceRequest {
                lease: Some(key(lease)),
            };
            let call = |mut client: PrintQueueClient<Line>, request| async move {
                client.get_card_face(request).await
            };
            let face = terminal
                .print_queue(request, call)
                .await?
                .face
                .unwrap_or_default();
            let place = lease
                .entry
                .as_ref()
                .and_then(|entry| self.queued.get(&entry.print_request_id));
            let person = place.map(|place| &self.citizens[*place].person);
            Ok::<_, Failure>(
                person
                    .is_some_and(|person| person.nik == face.nik && person.name == face.full_name),
            )
        });
        let right: Vec<bool> = stream::iter(calls)
            .buffer_unordered(FACES_AT_A_TIME)
            .try_collect()
            .await?;
        Ok(right.into_iter().filter(|right| *right).count())
    }

    /// Each blank's fate is its own, whoever takes it and whenever.
    fn is_spoiled(&self, serial: i64) -> bool {
        self.fate(serial).random_bool(self.spoilage / 100.0)
    }

    fn fate(&self, serial: i64) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(
            self.office.seed ^ serial.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15),
        )
    }

    /// The printers work side by side, from eight o'clock of their first day.
    fn let_time_pass(&self, cards: usize) {
        let cards = u64::try_from(cards).expect("a lease is short");
        let all = self.cards.fetch_add(cards, Ordering::SeqCst) + cards;
        let printers = u64::try_from(self.office.printers.len()).expect("a few");
        let now = place::after_working(self.first_day, all * MINUTES_A_CARD / printers);
        self.office.clock.set(now);
        self.phase.say(now.date().to_string());
    }

    async fn report_spoiled(
        &self,
        terminal: &Terminal,
        spoiled: &[(&Lease, i64)],
    ) -> Result<usize, Failure> {
        if spoiled.is_empty() {
            return Ok(0);
        }
        let kinds = [
            SpoilageKind::ChipNotEncodable,
            SpoilageKind::PrintFailure,
            SpoilageKind::FactoryDefect,
            SpoilageKind::Laminate,
        ];
        let blank = |(lease, serial): &(&Lease, i64)| {
            let kind = kinds[self.fate(*serial).random_range(0..kinds.len())];
            SpoiledBlank {
                lease: Some(key(lease)),
                serial: *serial,
                kind: kind.into(),
            }
        };
        let request = ReportSpoiledRequest {
            request_id: request_id(),
            blanks: spoiled.iter().map(blank).collect(),
        };
        let call = |mut client: PrintQueueClient<Line>, request| async move {
            client.report_spoiled(request).await
        };
        done(
            "a spoiled blank",
            terminal.print_queue(request, call).await?.results,
        )
    }
}

fn sum(parts: Vec<Printed>) -> Printed {
    let mut whole = Printed::default();
    for part in parts {
        whole.add(part);
    }
    whole
}

async fn bind(terminal: &Terminal, leases: &[Lease], serials: &[i64]) -> Result<(), Failure> {
    let bindings = leases
        .iter()
        .zip(serials)
        .map(|(lease, serial)| BlankBinding {
            lease: Some(key(lease)),
            serial: *serial,
            // As the chip's maker numbers them: seven bytes, the first one the maker's.
            chip_uid: format!("04{serial:012X}"),
        });
    let request = BindBlanksRequest {
        request_id: request_id(),
        bindings: bindings.collect(),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.bind_blanks(request).await
    };
    done(
        "a binding",
        terminal.print_queue(request, call).await?.results,
    )
    .map(|_| ())
}

async fn report_printed(terminal: &Terminal, good: &[(&Lease, i64)]) -> Result<usize, Failure> {
    if good.is_empty() {
        return Ok(0);
    }
    let card = |(lease, serial): &(&Lease, i64)| PrintedCard {
        lease: Some(key(lease)),
        serial: *serial,
    };
    let request = ReportPrintedRequest {
        request_id: request_id(),
        cards: good.iter().map(card).collect(),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.report_printed(request).await
    };
    done(
        "a printed card",
        terminal.print_queue(request, call).await?.results,
    )
}

/// How many items went through; the story has no refused ones here.
fn done(what: &str, results: Vec<PrintStepResult>) -> Result<usize, Failure> {
    let count = results.len();
    for result in results {
        if let Some(print_step_result::Outcome::Refused(refusal)) = result.outcome {
            return Err(refused(what, &refusal));
        }
    }
    Ok(count)
}

fn key(lease: &Lease) -> LeaseKey {
    let print_request_id = lease
        .entry
        .as_ref()
        .map(|entry| entry.print_request_id.clone());
    LeaseKey {
        print_request_id: print_request_id.unwrap_or_default(),
        fence: lease.fence,
    }
}
