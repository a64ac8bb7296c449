//! The blanks of the scene that are not in the district yet.

use ektp::proto::{self, SerialRange};

use super::scene::{DISTRICT, FIRST_BLANK};
use crate::support::office::{Client, Office, request_id};

/// Blanks in the centre's store; the first ten are on their way to the district, the others stay.
pub const FIRST_CENTRAL: i64 = 8_100_001;

/// Enters blanks at the centre and sends the first ten on their way.
pub async fn on_its_way(store: &mut Client) -> (String, SerialRange) {
    let delivery = proto::RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: "BA-scene".to_owned(),
        serials: vec![run(FIRST_CENTRAL, FIRST_CENTRAL + 99)],
    };
    store
        .inventory
        .register_delivery(delivery)
        .await
        .expect("the delivery is registered");
    let sent = run(FIRST_CENTRAL, FIRST_CENTRAL + 9);
    let shipment = dispatch(store, DISTRICT, sent).await;
    (shipment, sent)
}

/// Sends some of the district's blanks on their way to a subdistrict of its own.
pub async fn sent_on(terminal: &mut Client) -> String {
    let sent = run(FIRST_BLANK + 40, FIRST_BLANK + 44);
    dispatch(terminal, "35.75.02", sent).await
}

async fn dispatch(sender: &mut Client, destination: &str, serials: SerialRange) -> String {
    let request = proto::DispatchShipmentRequest {
        request_id: request_id(),
        destination: destination.to_owned(),
        document_number: "SJ-scene".to_owned(),
        serials: vec![serials],
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let answer = sender.inventory.dispatch_shipment(request).await;
    let shipment = answer
        .expect("the shipment is dispatched")
        .into_inner()
        .shipment;
    shipment.expect("a shipment").shipment_id
}

/// Begins counts of two subdistricts' stores.
pub async fn open_counts(terminal: &mut Client) -> [String; 2] {
    let mut ids = [String::new(), String::new()];
    for (id, subdistrict) in ids.iter_mut().zip(1..) {
        let request = proto::StartCountRequest {
            request_id: request_id(),
            document_number: "SO-scene".to_owned(),
            location: format!("{DISTRICT}.{subdistrict:02}"),
        };
        let begun = terminal.inventory.start_count(request).await;
        let count = begun.expect("the count begins").into_inner().count;
        *id = count.expect("a count").count_id;
    }
    ids
}

/// A run of serials.
pub fn run(first: i64, last: i64) -> SerialRange {
    SerialRange { first, last }
}

/// A district of the same province that asks for blanks, too.
const OTHER_DISTRICT: &str = "35.14";

/// Requests for blanks: the district's own, which the centre decides, and another one's, which the province decides.
pub async fn asked_for_blanks(office: &Office) -> [String; 2] {
    let mut own = office.terminal(&format!("{DISTRICT}/office/1")).await;
    let mut other = office.terminal(&format!("{OTHER_DISTRICT}/office/1")).await;
    [
        asked(&mut own, proto::BlankRequestRoute::Direct).await,
        asked(&mut other, proto::BlankRequestRoute::Province).await,
    ]
}

async fn asked(terminal: &mut Client, route: proto::BlankRequestRoute) -> String {
    let request = proto::RequestBlanksRequest {
        request_id: request_id(),
        quantity: 500,
        route: route.into(),
    };
    let answer = terminal.inventory.request_blanks(request).await;
    let asked = answer.expect("the district may ask").into_inner();
    asked.blank_request.expect("a request").blank_request_id
}
