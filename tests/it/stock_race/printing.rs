//! What the printers do with the same blanks: bound to a person, printed, or spoiled and thrown to the others.

use ektp::proto::{self, SpoilageKind, print_step_result::Outcome};
use rand::RngExt as _;

use super::clerk::Clerk;
use crate::support::{office::request_id, people::key};

/// Prints at once.
const BATCH: u32 = 3;
/// Of what is bound, what the printer spoils: most, for the people are fewer than the blanks.
const SPOILS: f64 = 0.7;

impl Clerk {
    pub async fn print(&mut self) {
        let place = self.place();
        let id = request_id();
        let request = proto::LeasePrintRequestsRequest {
            request_id: id.clone(),
            count: self.dice.random_range(1..=BATCH),
            location: place.to_owned(),
        };
        let call = self.ask(
            "LeasePrintRequests",
            request,
            |mut own, request| async move { own.print_queue.lease_print_requests(request).await },
        );
        let Some(leased) = call.await else {
            return;
        };
        self.note(&id, 0);
        let stock = self.picture().runs(place, &["IN_STOCK"]);
        let mut blanks = self.parts_of(&stock, leased.leases.len().max(1), 1);
        blanks.truncate(leased.leases.len());
        let serials = blanks.iter().map(|blank| blank.first);
        let drafts: Vec<(proto::LeaseKey, i64)> =
            leased.leases.iter().map(key).zip(serials).collect();
        let bound = self.bind(&drafts).await;
        let unused = leased.leases.iter().map(key);
        let unused: Vec<proto::LeaseKey> = unused
            .filter(|lease| !bound.iter().any(|(used, _)| used == lease))
            .collect();
        if !unused.is_empty() {
            self.release(unused).await;
        }
        if bound.is_empty() {
            return;
        }
        if self.dice.random_bool(SPOILS) {
            self.report_spoiled(&bound).await;
        } else {
            self.report_printed(&bound).await;
        }
    }

    /// Binds leases to blanks; answers those that are bound.
    async fn bind(&mut self, drafts: &[(proto::LeaseKey, i64)]) -> Vec<(proto::LeaseKey, i64)> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let id = request_id();
        let bindings = drafts.iter().map(|(lease, serial)| proto::BlankBinding {
            lease: Some(lease.clone()),
            serial: *serial,
            chip_uid: format!("04{serial:012x}"),
        });
        let request = proto::BindBlanksRequest {
            request_id: id.clone(),
            bindings: bindings.collect(),
        };
        let call = self.ask("BindBlanks", request, |mut own, request| async move {
            own.print_queue.bind_blanks(request).await
        });
        let Some(answer) = call.await else {
            return Vec::new();
        };
        let done = self.sorted("BindBlanks", &id, answer.results);
        let pairs = drafts.iter().zip(done);
        pairs
            .filter(|(_, done)| *done)
            .map(|(draft, _)| draft.clone())
            .collect()
    }

    async fn report_printed(&mut self, bound: &[(proto::LeaseKey, i64)]) {
        let id = request_id();
        let cards = bound.iter().map(|(lease, serial)| proto::PrintedCard {
            lease: Some(lease.clone()),
            serial: *serial,
        });
        let request = proto::ReportPrintedRequest {
            request_id: id.clone(),
            cards: cards.collect(),
        };
        let call = self.ask("ReportPrinted", request, |mut own, request| async move {
            own.print_queue.report_printed(request).await
        });
        if let Some(answer) = call.await {
            self.sorted("ReportPrinted", &id, answer.results);
        }
    }

    async fn report_spoiled(&mut self, bound: &[(proto::LeaseKey, i64)]) {
        let id = request_id();
        let blanks = bound.iter().map(|(lease, serial)| proto::SpoiledBlank {
            lease: Some(lease.clone()),
            serial: *serial,
            kind: SpoilageKind::PrintFailure.into(),
        });
        let request = proto::ReportSpoiledRequest {
            request_id: id.clone(),
            blanks: blanks.collect(),
        };
        let call = self.ask("ReportSpoiled", request, |mut own, request| async move {
            own.print_queue.report_spoiled(request).await
        });
        if let Some(answer) = call.await {
            self.sorted("ReportSpoiled", &id, answer.results);
        }
    }

    async fn release(&mut self, leases: Vec<proto::LeaseKey>) {
        let id = request_id();
        let request = proto::ReleaseLeasesRequest {
            request_id: id.clone(),
            leases,
        };
        let call = self.ask("ReleaseLeases", request, |mut own, request| async move {
            own.print_queue.release_leases(request).await
        });
        if call.await.is_some() {
            self.note(&id, 0);
        }
    }

    /// Which items were done, each of which moved one blank; the others' reasons are counted.
    fn sorted(
        &mut self,
        act: &str,
        request_id: &str,
        results: Vec<proto::PrintStepResult>,
    ) -> Vec<bool> {
        let mut done = Vec::new();
        for result in results {
            match result.outcome.expect("an outcome") {
                Outcome::Entry(_) => done.push(true),
                Outcome::Refused(refusal) => {
                    let reason = refusal.reason().as_str_name();
                    let reason = reason.strip_prefix("ERROR_REASON_").expect("a reason");
                    self.told.refuse(act, reason.to_owned(), &refusal);
                    done.push(false);
                }
            }
        }
        let moved = done.iter().filter(|done| **done).count();
        self.note(request_id, i64::try_from(moved).expect("a few"));
        done
    }
}
