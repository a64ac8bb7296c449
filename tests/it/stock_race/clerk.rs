//! One of the fifty: a person of an office with a line to each server, who asks again under the same request id until there
//! is an answer, and keeps what was answered.
//!
//! What is easily got wrong: only an error without a reason is a broken line. A reason that a race cannot give is a defect,
//! whatever its code.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use ektp::proto::{self, SerialRange};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    time::{Duration, Instant, MissedTickBehavior, interval, timeout},
};
use tonic::{Response, Status};
use uuid::Uuid;

use super::picture::Picture;
use crate::{
    fire::world::PATIENCE,
    support::{
        office::{Client, reason, request_id},
        raw,
    },
};

/// Between two acts of one clerk, and between two tries of one act.
const PACE: Duration = Duration::from_millis(100);
/// One who has not answered by then is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What others who want the same blanks may cause; any other reason is a defect, of the product or of this test.
const REFUSALS: [&str; 29] = [
    "APPROVAL_DONE",
    "BLANK_NOT_IN_STOCK",
    "BLANKS_NOT_IN_STOCK",
    "CARD_NOT_REPLACED",
    "CHIP_ALREADY_BOUND",
    "COUNT_ENDED",
    "COUNT_INCOMPLETE",
    "COUNT_OF_ANOTHER",
    "COUNT_OPEN",
    "FENCED",
    "INCIDENT_OPEN",
    "LEASE_EXPIRED",
    "MOVEMENT_ALREADY_REVERSED",
    "MOVEMENT_BLOCKED",
    "MOVEMENT_NOT_REVERSIBLE",
    "OUTCOME_NOT_POSSIBLE",
    "SAME_PERSON",
    "SECOND_PERSON_REQUIRED",
    "SERIAL_DIFFERS",
    "SERIALS_ALREADY_REGISTERED",
    "SERIALS_NOT_FOR_DESTRUCTION",
    "SERIALS_NOT_IN_CASE",
    "SERIALS_NOT_IN_SHIPMENT",
    "SERIALS_NOT_LOST",
    "SHIPMENT_ALREADY_RECEIVED",
    "SHIPMENT_CANCELLED",
    "STOCK_TOO_SCATTERED",
    "STOCK_TOO_SMALL",
    "WRONG_STATE",
];

/// What a clerk was told.
#[derive(Debug, Default)]
pub struct Told {
    /// Each act that was answered well: how many serials it said that it moved.
    pub moved: BTreeMap<Uuid, i64>,
    /// How often each act was done.
    pub done: BTreeMap<&'static str, usize>,
    /// How often each reason was the answer.
    pub refused: BTreeMap<String, usize>,
    /// How often each cause made somebody ask again.
    pub again: BTreeMap<String, usize>,
    /// The last certificate.
    pub certificate: Option<String>,
    /// Refusals that nobody can cause, and answers that cannot be true.
    pub defects: Vec<String>,
}

impl Told {
    pub fn add(&mut self, other: Self) {
        self.moved.extend(other.moved);
        for (act, count) in other.done {
            *self.done.entry(act).or_default() += count;
        }
        for (mine, others) in [
            (&mut self.refused, other.refused),
            (&mut self.again, other.again),
        ] {
            for (reason, count) in others {
                *mine.entry(reason).or_default() += count;
            }
        }
        self.certificate = other.certificate.or(self.certificate.take());
        self.defects.extend(other.defects);
    }

    pub fn refuse(&mut self, act: &str, reason: String, words: &dyn std::fmt::Debug) {
        let is_known = REFUSALS.contains(&reason.as_str());
        self.must(is_known, || format!("{act}: {words:?}"));
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Notes a defect unless this holds.
    pub fn must(&mut self, holds: bool, words: impl FnOnce() -> String) {
        if !holds {
            self.defects.push(words());
        }
    }
}

/// The second persons of each office, who approve: to each server.
pub type Seconds = BTreeMap<&'static str, Vec<Client>>;

/// One of the fifty.
pub struct Clerk {
    pub office: &'static str,
    /// Where the clerk acts; the whole office's are in the first place its own store.
    pub places: &'static [&'static str],
    pub lines: Vec<Client>,
    pub seconds: Arc<Seconds>,
    /// Old cards that their holders could bring back.
    pub old_cards: Arc<Vec<i64>>,
    pub pictures: watch::Receiver<Arc<Picture>>,
    pub dice: ChaCha8Rng,
    pub told: Told,
}

impl Clerk {
    /// Acts until it is told to stop; whatever is begun then is ended.
    pub async fn work(mut self, stop: watch::Receiver<bool>) -> Told {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.office == "centre" {
            // So that the auditor has one in any case, and later ones mostly.
            self.certify().await;
        }
        while !*stop.borrow() {
            ticks.tick().await;
            self.act().await;
        }
        self.told
    }

    /// Asks at any server until there is an answer; nothing if it is a refusal.
    pub async fn ask<Q: Clone, A, F>(
        &mut self,
        act: &'static str,
        request: Q,
        call: impl Fn(Client, Q) -> F,
    ) -> Option<A>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let whom = (&self.lines[..], &mut self.dice);
        insist(whom, &mut self.told, act, &request, call).await
    }

    /// An act was answered well and said that it moved so many serials.
    pub fn note(&mut self, request_id: &str, quantity: i64) {
        let id = request_id.parse().expect("we made it");
        self.told.moved.insert(id, quantity);
    }

    /// The second person of an office says yes to what would move so many serials.
    pub async fn approve(&mut self, office: &str, asked: Option<proto::Approval>, quantity: i64) {
        let asked = asked.expect("an approval");
        let seconds = Arc::clone(&self.seconds);
        let request = proto::ApproveRequest {
            request_id: request_id(),
            approval_id: asked.approval_id,
            content_digest: asked.content_digest,
        };
        let whom = (&seconds[office][..], &mut self.dice);
        let answer = insist(
            whom,
            &mut self.told,
            "Approve",
            &request,
            |mut second, request| async move { second.administration.approve(request).await },
        )
        .await;
        if answer.is_some() {
            self.note(&request.request_id, quantity);
        }
    }

    pub fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.pictures.borrow())
    }

    /// A picture whose look began after this was called.
    pub async fn fresh_picture(&mut self) -> Arc<Picture> {
        let now = Instant::now();
        let fresh = self.pictures.wait_for(|picture| picture.begun > now);
        let fresh = timeout(PATIENCE, fresh).await.expect("a look in time");
        Arc::clone(&fresh.expect("somebody looks"))
    }

    pub fn place(&mut self) -> &'static str {
        self.places[self.dice.random_range(0..self.places.len())]
    }

    pub fn one_of<'a, T>(&mut self, some: &'a [T]) -> Option<&'a T> {
        (!some.is_empty()).then(|| &some[self.dice.random_range(0..some.len())])
    }

    /// Parts of up to `most` of these runs, each of up to `length`; rather the low ones, so that all want the same.
    pub fn parts_of(&mut self, runs: &[SerialRange], most: usize, length: i64) -> Vec<SerialRange> {
        let mut parts = BTreeMap::new();
        if runs.is_empty() {
            return Vec::new();
        }
        for _ in 0..self.dice.random_range(1..=most) {
            let any = 0..runs.len();
            let chosen = self.dice.random_range(any.clone());
            let chosen = chosen.min(self.dice.random_range(any));
            let SerialRange { first, last } = runs[chosen];
            let first = match self.dice.random_range(0..3) {
                0 => self.dice.random_range(first..=last),
                _ => first,
            };
            let last = last.min(first + self.dice.random_range(0..length));
            parts.insert(chosen, SerialRange { first, last });
        }
        parts.into_values().collect()
    }
}

/// How many serials runs hold.
pub fn total(runs: &[SerialRange]) -> i64 {
    runs.iter().map(|run| run.last - run.first + 1).sum()
}

/// The same request, at any server, until it is answered.
async fn insist<Q: Clone, A, F>(
    (lines, dice): (&[Client], &mut ChaCha8Rng),
    told: &mut Told,
    act: &'static str,
    request: &Q,
    call: impl Fn(Client, Q) -> F,
) -> Option<A>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asking = async {
        loop {
            ticks.tick().await;
            let line = lines[dice.random_range(0..lines.len())].clone();
            let because = match timeout(ANSWER_WITHIN, call(line, request.clone())).await {
                Ok(Ok(answer)) => {
                    *told.done.entry(act).or_default() += 1;
                    return Some(answer.into_inner());
                }
                Ok(Err(status)) => match reason(&status) {
                    reason if reason.is_empty() => format!("broken line ({:?})", status.code()),
                    reason if raw::may_pass(status.code()) => reason,
                    reason => {
                        told.refuse(act, reason, &status);
                        return None;
                    }
                },
                Err(_) => "no answer".to_owned(),
            };
            *told.again.entry(because).or_default() += 1;
        }
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("{act} was not answered in time"))
}
