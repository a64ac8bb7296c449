//! The printers and the numbered blanks: each printer leases requests, fetches the faces, binds blanks, prints, and
//! reports what came out.
//!
//! What is easily got wrong: a spoiled card's request goes back to its old place, in front of those that other printers
//! already hold. While blanks abound it is printed a little later; at the end somebody behind it could get the last
//! blank. Therefore one printer alone uses the last blanks, in ever smaller lots, and the very last one at a time.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{citizen::Citizen, enrol::refused, office::Office, place, progress::Phase};
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
/// And of those an eighth at a time, so that enough are left for whoever comes back; where the queue was the shorter side, far
/// more are left, and a lot is no longer than a lease.
const LAST_LOT: usize = 8;
/// Faces that one printer fetches at a time.
const FACES_AT_A_TIME: usize = 2;
/// A printer's time for one card.
const MINUTES_A_CARD: u64 = 3;

/// The city's blanks as they lie in the box: whoever needs some takes the lowest numbers.
struct Hopper(Mutex<BTreeSet<i64>>);

impl Hopper {
    /// Up to `count` blanks, leaving `reserve` in the box.
    fn take(&self, count: usize, reserve: usize) -> Vec<i64> {
        let mut blanks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(blanks.len().saturating_sub(reserve));
        std::iter::from_fn(|| blanks.pop_first())
            .take(count)
            .collect()
    }

    /// A lot of the last blanks.
    fn take_last(&self) -> Vec<i64> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.take((left / LAST_LOT).clamp(1, LEASED_AT_ONCE), 0)
    }

    fn give_back(&self, unused: &[i64]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(unused);
    }
}

/// What the printers did, by the system's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printed {
    pub printed: usize,
    pub spoiled: usize,
    /// Faces that were what the counter had recorded of the person.
    pub faces_right: usize,
}

impl Printed {
    fn add(&mut self, other: Self) {
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
    hopper: Hopper,
    /// Cards of all printers, for the clock.
    cards: AtomicU64,
    phase: Phase,
}

impl<'a> PrintRoom<'a> {
    /// With the blanks of a shipment in the box; so many in a hundred are spoiled.
    pub fn open(
        office: &'a Office,
        citizens: &'a [Citizen],
        queued: &'a HashMap<String, usize>,
        shipment: &Shipment,
        spoilage: f64,
    ) -> Self {
        let blanks = shipment
            .serials
            .iter()
            .flat_map(|range| range.first..=range.last)
            .collect();
        let phase = Phase::begin("printing", queued.len());
        Self {
            office,
            citizens,
            queued,
            spoilage,
            hopper: Hopper(Mutex::new(blanks)),
            cards: AtomicU64::new(0),
            phase,
        }
    }

    /// Prints until the queue or the blanks are at their end.
    pub async fn run(self) -> Result<Printed, Failure> {
        let printers =
            self.office.printers.iter().map(|terminal| {
                self.print(terminal, || self.hopper.take(LEASED_AT_ONCE, LAST_BLANKS))
            });
        let mut printed = Printed::default();
        for each in try_join_all(printers).await? {
            printed.add(each);
        }
        let first = &self.office.printers[0];
        printed.add(self.print(first, || self.hopper.take_last()).await?);
        self.phase.end(&format!(
            "{} cards printed, {} blanks spoiled",
            printed.printed, printed.spoiled
        ));
        Ok(printed)
    }

    async fn print(
        &self,
        terminal: &Terminal,
        next_blanks: impl Fn() -> Vec<i64>,
    ) -> Result<Printed, Failure> {
        let mut printed = Printed::default();
        loop {
            let mut blanks = next_blanks();
            if blanks.is_empty() {
                return Ok(printed);
            }
            let leases = self.lease(terminal, blanks.len()).await?;
            self.hopper
                .give_back(&blanks.split_off(leases.len().min(blanks.len())));
            if leases.is_empty() {
                return Ok(printed);
            }
            let faces_right = self.fetch_faces(terminal, &leases).await?;
            bind(terminal, &leases, &blanks).await?;
            self.let_time_pass(leases.len());
            let (spoiled, good): (Vec<_>, Vec<_>) = leases
                .iter()
                .zip(blanks)
                .partition(|(_, serial)| self.is_spoiled(*serial));
            let round = Printed {
                printed: report_printed(terminal, &good).await?,
                spoiled: self.report_spoiled(terminal, &spoiled).await?,
                faces_right,
            };
            self.phase.advance(round.printed);
            printed.add(round);
        }
    }

    async fn lease(&self, terminal: &Terminal, count: usize) -> Result<Vec<Lease>, Failure> {
        let count = u32::try_from(count).expect("a lease is short");
        let request = LeasePrintRequestsRequest {
            request_id: request_id(),
            count,
            location: self.office.place.district.to_owned(),
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

    /// The printers work side by side, from eight o'clock of the first day.
    fn let_time_pass(&self, cards: usize) {
        let cards = u64::try_from(cards).expect("a lease is short");
        let all = self.cards.fetch_add(cards, Ordering::SeqCst) + cards;
        let printers = u64::try_from(self.office.printers.len()).expect("a few");
        let now =
            place::after_working(self.office.place.print_day, all * MINUTES_A_CARD / printers);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_gives_the_lowest_numbers_and_keeps_its_reserve() {
        let hopper = Hopper(Mutex::new((1..=10).collect()));
        assert_eq!(hopper.take(4, 3), [1, 2, 3, 4]);
        hopper.give_back(&[4]);
        assert_eq!(hopper.take(50, 3), [4, 5, 6, 7]);
        assert!(hopper.take(50, 3).is_empty());
        assert_eq!(hopper.take(1, 0), [8]);
    }

    #[test]
    fn the_last_lots_grow_smaller_down_to_a_single_blank() {
        let hopper = Hopper(Mutex::new((1..=80).collect()));
        let lots: Vec<usize> =
            std::iter::from_fn(|| Some(hopper.take_last().len()).filter(|lot| *lot > 0)).collect();
        assert_eq!((lots.first(), lots.last()), (Some(&10), Some(&1)));
        assert_eq!(lots.iter().sum::<usize>(), 80);
        assert!(lots.is_sorted_by(|before, after| before >= after));
    }

    #[test]
    fn where_blanks_abound_a_lot_is_no_longer_than_a_lease() {
        let hopper = Hopper(Mutex::new((1..=9_000).collect()));
        assert_eq!(hopper.take_last().len(), LEASED_AT_ONCE);
    }
}
