//! What the fifty do with what cannot be used, is lost or cannot be explained: most of it takes a second person, of the same
//! office or of the case's other one.

use ektp::proto::{self, SettlementOutcome, SpoilageKind};
use rand::RngExt as _;

use super::{
    clerk::{Clerk, total},
    office_of,
    picture::Case,
};
use crate::support::office::request_id;

/// So many runs of so many at once.
const RUNS: usize = 2;
const LENGTH: i64 = 6;

fn quantity_of(movements: &[proto::Movement]) -> i64 {
    let runs = movements.iter().filter_map(|moved| moved.serials);
    total(&runs.collect::<Vec<_>>())
}

impl Clerk {
    pub async fn spoil(&mut self) {
        let place = self.place();
        let stock = self.picture().runs(place, &["IN_STOCK"]);
        let serials = self.parts_of(&stock, RUNS, LENGTH);
        if serials.is_empty() {
            return;
        }
        let id = request_id();
        let request = proto::RecordSpoiledRequest {
            request_id: id.clone(),
            location: place.to_owned(),
            serials,
            kind: SpoilageKind::DamagedInStore.into(),
            document_number: "RS-R/2018".to_owned(),
        };
        let call = self.ask("RecordSpoiled", request, |mut own, request| async move {
            own.inventory.record_spoiled(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, quantity_of(&answer.movements));
        }
    }

    /// Takes one of the old cards back, if its holder has it.
    pub async fn take_back(&mut self) {
        let cards = std::sync::Arc::clone(&self.old_cards);
        let serial = *self.one_of(&cards).expect("there are old cards");
        let id = request_id();
        let request = proto::RecordReturnedRequest {
            request_id: id.clone(),
            serials: vec![serial],
            document_number: "RK-R/2018".to_owned(),
        };
        let call = self.ask("RecordReturned", request, |mut own, request| async move {
            own.inventory.record_returned(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, quantity_of(&answer.movements));
        }
    }

    pub async fn burn(&mut self) {
        let place = self.place();
        let kept = self.picture().runs(place, &["SPOILED", "RETURNED"]);
        let serials = self.parts_of(&kept, RUNS, LENGTH);
        if serials.is_empty() {
            return;
        }
        let quantity = total(&serials);
        let id = request_id();
        let witness = |letter: &str| proto::Witness {
            agency: proto::WitnessAgency::Inspectorate.into(),
            assignment_letter: letter.to_owned(),
        };
        let request = proto::RecordDestructionRequest {
            request_id: id.clone(),
            location: place.to_owned(),
            serials,
            record_number: "BA-470.13/R".to_owned(),
            witnesses: vec![witness("ST-1"), witness("ST-2")],
            purpose: "the weekly fire".to_owned(),
        };
        let call = self.ask(
            "RecordDestruction",
            request,
            |mut own, request| async move { own.inventory.record_destruction(request).await },
        );
        if let Some(answer) = call.await {
            self.note(&id, 0);
            self.approve(self.office, answer.approval, quantity).await;
        }
    }

    pub async fn reverse(&mut self) {
        let picture = self.picture();
        let mistakes = picture.mistakes.iter();
        let mistakes: Vec<_> = mistakes
            .filter(|mistake| self.places.contains(&mistake.place.as_str()))
            .collect();
        let Some(mistake) = self.one_of(&mistakes) else {
            return;
        };
        let id = request_id();
        let request = proto::ReverseMovementRequest {
            request_id: id.clone(),
            location: mistake.place.clone(),
            number: mistake.number,
            document_number: "K-R/2018".to_owned(),
            purpose: "the wrong box".to_owned(),
        };
        let call = self.ask("ReverseMovement", request, |mut own, request| async move {
            own.inventory.reverse_movement(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, 0);
            let quantity = mistake.quantity;
            self.approve(self.office, answer.approval, quantity).await;
        }
    }

    /// Says with the other office what became of serials of a case.
    pub async fn settle(&mut self) {
        let picture = self.picture();
        let cases = picture.cases.iter();
        let cases: Vec<&Case> = cases
            .filter(|case| self.other_office(case).is_some())
            .collect();
        let Some(&case) = self.one_of(&cases) else {
            return;
        };
        let other = self
            .other_office(case)
            .expect("it was looked for")
            .to_owned();
        let serials = self.parts_of(&case.open, RUNS, LENGTH);
        let outcome = match self.dice.random_range(0..8) {
            _ if !case.in_dispute => SettlementOutcome::Noted,
            0 | 1 if case.is_of_shipment => SettlementOutcome::AtSender,
            2 | 3 => SettlementOutcome::Lost,
            _ => SettlementOutcome::FoundHere,
        };
        let moves = if case.in_dispute { total(&serials) } else { 0 };
        let id = request_id();
        let request = proto::SettleStockCaseRequest {
            request_id: id.clone(),
            case_id: case.id.clone(),
            serials,
            outcome: outcome.into(),
            document_number: "BA-S/2018".to_owned(),
            purpose: "the box was torn".to_owned(),
        };
        let call = self.ask("SettleStockCase", request, |mut own, request| async move {
            own.inventory.settle_stock_case(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, 0);
            self.approve(&other, answer.approval, moves).await;
        }
    }

    /// The office that must agree if this clerk asks; nothing if the case is none of the clerk's business.
    fn other_office<'a>(&self, case: &'a Case) -> Option<&'a str> {
        let here = office_of(&case.place);
        let is_limited = self.places[0] != self.office;
        if is_limited && !self.places.contains(&case.place.as_str()) {
            None
        } else if here == self.office {
            Some(&case.counterpart)
        } else {
            (case.counterpart == self.office).then_some(here)
        }
    }

    /// What was lost turns up.
    pub async fn find_again(&mut self) {
        let place = self.place();
        let lost = self.picture().runs(place, &["LOST"]);
        let serials = self.parts_of(&lost, RUNS, LENGTH);
        // The centre's store has no right to it.
        if serials.is_empty() || self.office == "centre" {
            return;
        }
        let quantity = total(&serials);
        let id = request_id();
        let request = proto::RecordFoundRequest {
            request_id: id.clone(),
            location: place.to_owned(),
            serials,
            document_number: "RF-R/2018".to_owned(),
        };
        let call = self.ask("RecordFound", request, |mut own, request| async move {
            own.inventory.record_found(request).await
        });
        if call.await.is_some() {
            self.note(&id, quantity);
        }
    }
}
