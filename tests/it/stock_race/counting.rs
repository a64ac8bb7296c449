//! Blind counts in the middle of it: each must be exact, whatever moves meanwhile.
//!
//! What is easily got wrong: the counter must go through the store after the count has begun. What lay there before and is
//! gone was moved; what was looked at too early and came before the count would be a theft.

use ektp::proto::{self, SerialRange};
use rand::RngExt as _;

use super::{
    clerk::{Clerk, total},
    shipments::STRANGE,
};
use crate::support::office::request_id;

/// As many runs as a sheet takes.
const SHEET: usize = 100;
/// What lies in a store.
const LYING: [&str; 3] = ["IN_STOCK", "SPOILED", "RETURNED"];

/// What a counter writes down, and how it differs from what lay there.
struct Round {
    sheets: Vec<SerialRange>,
    left_out: Vec<SerialRange>,
    put_in: Vec<SerialRange>,
}

/// Whether all of these serials are among those.
fn are_among(these: &[SerialRange], those: &[SerialRange]) -> bool {
    these
        .iter()
        .flat_map(|run| run.first..=run.last)
        .all(|serial| {
            those
                .iter()
                .any(|run| (run.first..=run.last).contains(&serial))
        })
}

impl Clerk {
    pub async fn count(&mut self) {
        let place = self.place();
        let id = request_id();
        let request = proto::StartCountRequest {
            request_id: id.clone(),
            document_number: "SO-R/2018".to_owned(),
            location: place.to_owned(),
        };
        let call = self.ask("StartCount", request, |mut own, request| async move {
            own.inventory.start_count(request).await
        });
        let Some(begun) = call.await else {
            return;
        };
        self.note(&id, 0);
        let count = begun.count.expect("a count").count_id;
        let round = self.walk_through(place).await;
        let mut found = 0;
        for sheet in round.sheets.chunks(SHEET) {
            match self.hand_in_sheet(&count, sheet).await {
                Some(quantity) => found = quantity,
                None => return,
            }
        }
        let all = total(&round.sheets);
        let is_all = i64::try_from(found) == Ok(all);
        self.told
            .must(is_all, || format!("{found} of {all} found at {place}"));
        if self.dice.random_bool(0.1) {
            return self.give_up(&count).await;
        }
        let is_wrong = self.dice.random_bool(0.05);
        let ended = self.hand_in(&count, found + u64::from(is_wrong)).await;
        match ended {
            Some(ended) => {
                self.told
                    .must(!is_wrong, || format!("a sheet is missing at {place}"));
                // The answer has the first hundred runs; nobody left out more.
                for (told, known) in [
                    (&ended.missing_serials, &round.left_out),
                    (&ended.unexpected_serials, &round.put_in),
                ] {
                    let is_exact = are_among(told, known);
                    let words = || format!("counted at {place}: {told:?} and not {known:?}");
                    self.told.must(is_exact, words);
                }
            }
            None => self.give_up(&count).await,
        }
    }

    /// Looks at all that lies there; now and then a few are overlooked, or one is written down that is not there.
    async fn walk_through(&mut self, place: &str) -> Round {
        let picture = self.fresh_picture().await;
        let mut round = Round {
            sheets: picture.runs(place, &LYING),
            left_out: Vec::new(),
            put_in: Vec::new(),
        };
        if self.dice.random_bool(0.3) && !round.sheets.is_empty() {
            let at = self.dice.random_range(0..round.sheets.len());
            let SerialRange { first, last } = round.sheets[at];
            let cut = last.min(first + self.dice.random_range(0..3));
            round.left_out.push(SerialRange { first, last: cut });
            round.sheets[at].first = cut + 1;
            round.sheets.retain(|run| run.first <= run.last);
        }
        if self.dice.random_bool(0.15) {
            let first = STRANGE + self.dice.random_range(0..1_000);
            round.put_in.push(SerialRange { first, last: first });
        }
        if self.dice.random_bool(0.1) {
            let elsewhere = picture.held.iter().filter(|held| held.place != place);
            let elsewhere: Vec<SerialRange> = elsewhere.map(|held| held.run).collect();
            let parts = self.parts_of(&elsewhere, 1, 2);
            round.put_in.extend(parts);
        }
        round.sheets.extend(&round.put_in);
        round
    }

    async fn hand_in_sheet(&mut self, count: &str, sheet: &[SerialRange]) -> Option<u64> {
        let id = request_id();
        let request = proto::RecordFindingsRequest {
            request_id: id.clone(),
            count_id: count.to_owned(),
            serials: sheet.to_vec(),
        };
        let call = self.ask("RecordFindings", request, |mut own, request| async move {
            own.inventory.record_findings(request).await
        });
        let answer = call.await?;
        self.note(&id, 0);
        Some(answer.quantity)
    }

    async fn hand_in(&mut self, count: &str, quantity: u64) -> Option<proto::SubmitCountResponse> {
        let id = request_id();
        let request = proto::SubmitCountRequest {
            request_id: id.clone(),
            count_id: count.to_owned(),
            document_number: "BA-SO-R/2018".to_owned(),
            quantity: Some(quantity),
        };
        let call = self.ask("SubmitCount", request, |mut own, request| async move {
            own.inventory.submit_count(request).await
        });
        let answer = call.await?;
        self.note(&id, total(&answer.missing_serials));
        Some(answer)
    }

    async fn give_up(&mut self, count: &str) {
        let id = request_id();
        let request = proto::CancelCountRequest {
            request_id: id.clone(),
            count_id: count.to_owned(),
            document_number: "BA-SO-R/2018-batal".to_owned(),
        };
        let call = self.ask("CancelCount", request, |mut own, request| async move {
            own.inventory.cancel_count(request).await
        });
        if call.await.is_some() {
            self.note(&id, 0);
        }
    }
}
