//! What the fifty do with blanks on their way: delivered, dispatched, distributed, received, taken back; and what their
//! offices answer about them meanwhile.

use ektp::proto::{self, SerialRange};
use rand::RngExt as _;

use super::{
    OFFICES, PLACES,
    clerk::{Clerk, total},
    office_of,
};
use crate::support::office::request_id;

/// What a dispatch sends at most: so many runs of so many.
const RUNS: usize = 3;
const LENGTH: i64 = 40;
/// Serials of one delivery, and how far up they go: some were delivered before.
const DELIVERED: i64 = 200;
const DELIVERED_UP_TO: i64 = 60_000;
/// Never delivered by anybody.
pub const STRANGE: i64 = 8_000_000;

fn quantity_of(shipment: Option<&proto::Shipment>) -> i64 {
    let quantity = shipment.expect("a shipment").dispatched_quantity;
    i64::try_from(quantity).expect("a few")
}

/// Whether blanks may go that way.
fn is_way(origin: &str, destination: &str) -> bool {
    let within = office_of(origin) == office_of(destination);
    let between = OFFICES.contains(&origin) && OFFICES.contains(&destination);
    origin != destination && (within || between)
}

impl Clerk {
    /// The centre's store enters blanks; some of them a second time.
    pub async fn deliver(&mut self) {
        let id = request_id();
        let first = self.dice.random_range(1..DELIVERED_UP_TO / DELIVERED) * DELIVERED + 1;
        let request = proto::RegisterDeliveryRequest {
            request_id: id.clone(),
            document_number: "BA-R/2018".to_owned(),
            serials: vec![SerialRange {
                first,
                last: first + DELIVERED - 1,
            }],
        };
        let call = self.ask("RegisterDelivery", request, |mut own, request| async move {
            own.inventory.register_delivery(request).await
        });
        if call.await.is_some() {
            self.note(&id, DELIVERED);
        }
    }

    pub async fn dispatch(&mut self) {
        let origin = self.place();
        let ways: Vec<&str> = PLACES
            .into_iter()
            .filter(|place| is_way(origin, place))
            .collect();
        let destination = self.one_of(&ways).expect("every place has one");
        let stock = self.picture().runs(origin, &["IN_STOCK"]);
        let serials = self.parts_of(&stock, RUNS, LENGTH);
        if serials.is_empty() {
            return;
        }
        let id = request_id();
        let request = proto::DispatchShipmentRequest {
            request_id: id.clone(),
            destination: (*destination).to_owned(),
            document_number: "SJ-R/2018".to_owned(),
            serials,
            origin: origin.to_owned(),
            blank_request_id: String::new(),
        };
        let call = self.ask("DispatchShipment", request, |mut own, request| async move {
            own.inventory.dispatch_shipment(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, quantity_of(answer.shipment.as_ref()));
        }
    }

    /// Splits what an office's own store has over several places.
    pub async fn distribute(&mut self) {
        let origin = self.office;
        let below = |place: &&str| match origin {
            "centre" | "35" => OFFICES.contains(place) && place.starts_with("35."),
            _ => office_of(place) == origin,
        };
        let items: Vec<proto::DistributionItem> = PLACES
            .into_iter()
            .filter(|place| *place != origin)
            .filter(below)
            .map(|place| proto::DistributionItem {
                destination: place.to_owned(),
                quantity: self.dice.random_range(1..30),
                document_number: String::new(),
            })
            .collect();
        if items.is_empty() || self.places[0] != origin {
            return;
        }
        let id = request_id();
        let request = proto::DistributeBlanksRequest {
            request_id: id.clone(),
            total_quantity: items.iter().map(|item| item.quantity).sum(),
            items,
            document_number: "SJ-B/2018".to_owned(),
        };
        let call = self.ask("DistributeBlanks", request, |mut own, request| async move {
            own.inventory.distribute_blanks(request).await
        });
        if let Some(answer) = call.await {
            let sent = answer.shipments.iter();
            self.note(&id, sent.map(|sent| quantity_of(Some(sent))).sum());
        }
    }

    /// Takes in what arrived; now and then some of it is missing, or something strange is among it.
    pub async fn receive(&mut self) {
        let picture = self.picture();
        let mine = |place: &String| self.places.contains(&place.as_str());
        let due = picture.under_way.iter();
        let due: Vec<_> = due.filter(|sent| mine(&sent.destination)).collect();
        let Some(sent) = self.one_of(&due) else {
            return;
        };
        let mut serials = sent.serials.clone();
        if self.dice.random_bool(0.2) {
            let last = serials.last_mut().expect("a shipment has serials");
            let kept = total(&[*last]) - self.dice.random_range(1..4);
            // All of the last run is missing where it is that short.
            last.last = last.first + kept - 1;
            if kept < 1 && serials.len() > 1 {
                serials.pop();
            } else if kept < 1 {
                return;
            }
        }
        if self.dice.random_bool(0.2) {
            let stock = picture.runs(&sent.origin, &["IN_STOCK"]);
            serials.extend(self.parts_of(&stock, 1, 4));
        }
        if self.dice.random_bool(0.05) {
            let first = STRANGE + self.dice.random_range(0..1_000);
            serials.push(SerialRange { first, last: first });
        }
        let id = request_id();
        let request = proto::ReceiveShipmentRequest {
            request_id: id.clone(),
            shipment_id: sent.id.clone(),
            serials,
            document_number: "BAST-R/2018".to_owned(),
        };
        let call = self.ask("ReceiveShipment", request, |mut own, request| async move {
            own.inventory.receive_shipment(request).await
        });
        if let Some(answer) = call.await {
            let shipment = answer.shipment.as_ref();
            let surplus = shipment.map_or(0, |shipment| shipment.surplus_quantity);
            let surplus = i64::try_from(surplus).expect("a few");
            self.note(&id, quantity_of(shipment) + surplus);
        }
    }

    /// Takes back what was not received yet.
    pub async fn cancel(&mut self) {
        let picture = self.picture();
        let mine = |place: &String| self.places.contains(&place.as_str());
        let sent = picture.under_way.iter();
        let sent: Vec<_> = sent.filter(|sent| mine(&sent.origin)).collect();
        let Some(sent) = self.one_of(&sent) else {
            return;
        };
        let id = request_id();
        let request = proto::CancelShipmentRequest {
            request_id: id.clone(),
            shipment_id: sent.id.clone(),
            document_number: "SJ-R/2018-batal".to_owned(),
        };
        let call = self.ask("CancelShipment", request, |mut own, request| async move {
            own.inventory.cancel_shipment(request).await
        });
        if let Some(answer) = call.await {
            self.note(&id, quantity_of(answer.shipment.as_ref()));
        }
    }

    /// What the server itself says of a place must add up too.
    pub async fn read_account(&mut self) {
        let request = proto::GetStockRequest {
            location: self.place().to_owned(),
        };
        let call = self.ask("GetStock", request, |mut own, request| async move {
            own.inventory.get_stock(request).await
        });
        if let Some(answer) = call.await {
            let s = answer.stock.expect("an account");
            let cards = s.bound + s.at_site + s.handed_over + s.returned;
            let held = s.in_stock + cards + s.spoiled + s.disputed + s.lost + s.destroyed;
            self.told
                .must(s.received == s.sent_on + held, || format!("{s:?}"));
        }
    }

    /// And it must be able to sign for it: what does not balance is refused.
    pub async fn certify(&mut self) {
        // A province has no right to it.
        if self.office == "35" {
            return;
        }
        let request = proto::CertifyConservationRequest::default();
        let call = self.ask(
            "CertifyConservation",
            request,
            |mut own, request| async move { own.inventory.certify_conservation(request).await },
        );
        if let Some(answer) = call.await {
            self.told.certificate = Some(answer.file);
        }
    }
}
