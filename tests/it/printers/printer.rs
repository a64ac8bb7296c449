//! One simulated printer: leases, binds, prints, reports; crashes, pauses, loses answers, and comes back or does not.
//!
//! What it may do is what `docs/clients.md` says of a printer: nothing is printed before the server has said BOUND, and
//! everything is written down before it is said.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use ektp::proto::{self, print_step_result::Outcome};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, timeout};
use tonic::{Response, Status};

use super::{
    LEASE,
    world::{Fate, Journal, World},
};
use crate::support::office::{Client, reason, request_id};

/// A card that one printer is at.
#[derive(Clone)]
struct Attempt {
    request: String,
    fence: u64,
    serial: i64,
    try_id: String,
    bound: bool,
    printed: bool,
    ruined: bool,
    report_id: Option<String>,
}

/// What went wrong, how often.
#[derive(Debug, Default)]
pub struct Figures {
    pub leases: u32,
    pub printed: u32,
    pub ruined: u32,
    pub crashes: u32,
    pub pauses: u32,
    pub lost: u32,
    pub replayed: u32,
    /// By reason, of calls and of items.
    pub refused: BTreeMap<String, u32>,
}

impl Figures {
    /// All printers' together.
    pub fn add(&mut self, other: &Self) {
        self.leases += other.leases;
        self.printed += other.printed;
        self.ruined += other.ruined;
        self.crashes += other.crashes;
        self.pauses += other.pauses;
        self.lost += other.lost;
        self.replayed += other.replayed;
        for (reason, count) in &other.refused {
            *self.refused.entry(reason.clone()).or_default() += count;
        }
    }
}

/// Why a printer stops in the middle.
enum Trouble {
    /// Its memory is gone.
    Crash,
    /// No answer came, or none that could be used; it lets the card be.
    GivenUp,
}

/// A printer at work.
pub struct Printer {
    client: Client,
    world: Arc<World>,
    journal: Journal,
    district: String,
    rng: ChaCha8Rng,
    until: Instant,
    figures: Figures,
}

impl Printer {
    pub fn new(
        client: Client,
        world: Arc<World>,
        (district, name, seed): (&str, &str, u64),
    ) -> Self {
        Self {
            client,
            journal: world.journal(name),
            world,
            district: district.to_owned(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            until: Instant::now(),
            figures: Figures::default(),
        }
    }

    /// Works until then; answers what happened.
    pub async fn work(mut self, until: Instant) -> Figures {
        self.until = until;
        // Nobody switches two hundred printers on in the same moment.
        self.pause(1.0).await;
        while Instant::now() < until {
            if self.turn().await.is_err() {
                self.figures.crashes += 1;
                self.pause(0.3).await;
                // What was begun is in the journal: some printers look into it, others never do.
                if self.rng.random_bool(0.5) {
                    self.replay().await;
                }
            }
        }
        self.figures
    }

    /// One lease and its cards.
    async fn turn(&mut self) -> Result<(), ()> {
        let request = proto::LeasePrintRequestsRequest {
            request_id: request_id(),
            count: self.rng.random_range(1..=2),
            location: String::new(),
        };
        let mut client = self.client.clone();
        let answer = self
            .ask(client.print_queue.lease_print_requests(request))
            .await;
        let Some(answer) = answer else {
            // A server that is at its limit says so; who asks again at once keeps it there.
            self.pause(0.4).await;
            return Ok(());
        };
        if answer.leases.is_empty() {
            self.pause(0.4).await;
        }
        for lease in answer.leases {
            self.figures.leases += 1;
            let entry = lease.entry.expect("a lease has its entry");
            let mut attempt = Attempt {
                request: entry.print_request_id,
                fence: lease.fence,
                serial: self.world.take(&self.district),
                try_id: request_id(),
                bound: false,
                printed: false,
                ruined: false,
                report_id: None,
            };
            let (id, words) = (attempt.try_id.clone(), attempt.words());
            self.journal.write(&format!("try {words} {id}"));
            match self.finish(&mut attempt).await {
                Ok(()) => self.journal.write(&format!("told {}", attempt.serial)),
                Err(Trouble::GivenUp) => {}
                Err(Trouble::Crash) => return Err(()),
            }
        }
        Ok(())
    }

    /// Takes a card from wherever it stands to its end.
    async fn finish(&mut self, attempt: &mut Attempt) -> Result<(), Trouble> {
        self.mishap().await?;
        if !attempt.bound {
            self.bind(attempt).await?;
            self.journal.write(&format!("bound {}", attempt.words()));
            attempt.bound = true;
        }
        self.mishap().await?;
        if !attempt.printed && !attempt.ruined {
            let ruins = self.rng.random_bool(0.05);
            let fate = if ruins { Fate::Bad } else { Fate::Printed };
            let words = format!("{} {}", attempt.request, attempt.fence);
            if !self
                .world
                .becomes(&mut self.journal, fate, (attempt.serial, &words))
            {
                // An officer has taken the blank out.
                return Err(Trouble::GivenUp);
            }
            attempt.printed = !ruins;
            attempt.ruined = ruins;
            self.figures.printed += u32::from(!ruins);
            self.figures.ruined += u32::from(ruins);
        }
        self.mishap().await?;
        self.report(attempt).await
    }

    async fn bind(&mut self, attempt: &Attempt) -> Result<(), Trouble> {
        let request = proto::BindBlanksRequest {
            request_id: attempt.try_id.clone(),
            bindings: vec![proto::BlankBinding {
                lease: Some(attempt.key()),
                serial: attempt.serial,
                chip_uid: format!("04{:012x}", attempt.serial),
            }],
        };
        let mut client = self.client.clone();
        let answer = self.ask(client.print_queue.bind_blanks(request)).await;
        self.step(answer.map(|answer| answer.results))
    }

    async fn report(&mut self, attempt: &mut Attempt) -> Result<(), Trouble> {
        let id = attempt.report_id.get_or_insert_with(request_id).clone();
        self.journal
            .write(&format!("report {} {id}", attempt.words()));
        let (lease, serial) = (Some(attempt.key()), attempt.serial);
        let mut client = self.client.clone();
        let results = if attempt.printed {
            let cards = vec![proto::PrintedCard { lease, serial }];
            let request = proto::ReportPrintedRequest {
                request_id: id,
                cards,
            };
            let answer = self.ask(client.print_queue.report_printed(request)).await;
            answer.map(|answer| answer.results)
        } else {
            let kind = proto::SpoilageKind::PrintFailure.into();
            let blanks = vec![proto::SpoiledBlank {
                lease,
                serial,
                kind,
            }];
            let request = proto::ReportSpoiledRequest {
                request_id: id,
                blanks,
            };
            let answer = self.ask(client.print_queue.report_spoiled(request)).await;
            answer.map(|answer| answer.results)
        };
        self.step(results)
    }

    /// What the server says of the one card.
    fn step(&mut self, results: Option<Vec<proto::PrintStepResult>>) -> Result<(), Trouble> {
        let result = results.and_then(|mut results| results.pop());
        match result.and_then(|result| result.outcome) {
            Some(Outcome::Entry(_)) => Ok(()),
            Some(Outcome::Refused(refusal)) => {
                let reason = refusal.reason().as_str_name().to_owned();
                *self.figures.refused.entry(reason).or_default() += 1;
                Err(Trouble::GivenUp)
            }
            None => Err(Trouble::GivenUp),
        }
    }

    /// A call whose answer may be lost on the way, or whose connection breaks before it has arrived.
    async fn ask<T>(
        &mut self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Option<T> {
        let patience = if self.rng.random_bool(0.08) {
            self.figures.lost += 1;
            Duration::from_millis(self.rng.random_range(0..40))
        } else {
            LEASE * 2
        };
        match timeout(patience, call).await {
            Ok(Ok(answer)) => Some(answer.into_inner()),
            Ok(Err(status)) => {
                let why = format!("{:?} {}", status.code(), reason(&status));
                *self.figures.refused.entry(why).or_default() += 1;
                None
            }
            Err(_) => None,
        }
    }

    /// What may happen between two steps.
    async fn mishap(&mut self) -> Result<(), Trouble> {
        match self.rng.random_range(0..100) {
            0..4 => Err(Trouble::Crash),
            4..8 => {
                self.figures.pauses += 1;
                self.pause(1.6).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Does nothing for up to so many leases.
    async fn pause(&mut self, leases: f64) {
        let length = LEASE.mul_f64(leases * self.rng.random_range(0.5..1.0));
        let nothing = timeout(length, std::future::pending::<()>());
        assert!(nothing.await.is_err(), "what never ends has not ended");
    }

    /// Goes through the journal after a crash and takes every card that is not told to its end, with the ids of before.
    async fn replay(&mut self) {
        let mut open: Vec<Attempt> = Vec::new();
        for line in self.journal.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let serial: i64 = words[1].parse().expect("a serial");
            if words[0] == "try" {
                open.push(Attempt {
                    request: words[2].to_owned(),
                    fence: words[3].parse().expect("a fence"),
                    serial,
                    try_id: words[4].to_owned(),
                    bound: false,
                    printed: false,
                    ruined: false,
                    report_id: None,
                });
            }
            let Some(place) = open.iter().position(|attempt| attempt.serial == serial) else {
                continue;
            };
            match words[0] {
                "bound" => open[place].bound = true,
                "printed" => open[place].printed = true,
                "bad" => open[place].ruined = true,
                "report" => open[place].report_id = Some(words[4].to_owned()),
                "told" | "given-up" => {
                    open.swap_remove(place);
                }
                _ => {}
            }
        }
        for mut attempt in open {
            self.figures.replayed += 1;
            match self.finish(&mut attempt).await {
                Ok(()) => self.journal.write(&format!("told {}", attempt.serial)),
                Err(Trouble::GivenUp) => {
                    self.journal.write(&format!("given-up {}", attempt.serial));
                }
                // The next turn begins with an empty memory anyway.
                Err(Trouble::Crash) => return,
            }
            if Instant::now() >= self.until {
                return;
            }
        }
    }
}

impl Attempt {
    fn key(&self) -> proto::LeaseKey {
        proto::LeaseKey {
            print_request_id: self.request.clone(),
            fence: self.fence,
        }
    }

    fn words(&self) -> String {
        format!("{} {} {}", self.serial, self.request, self.fence)
    }
}
