//! Blanks from the maker to the holder's hand, through the clients of the centre's store and of the districts' terminals.

mod accounts;
mod cards;
mod cases;
mod counts;
mod distribution;
mod growth;
mod low_stock;
mod moments;
mod places;
mod proof;
mod requests;
mod routes;
mod screen;
mod shipments;
mod write_offs;

use ektp::proto;
use tonic::Status;

use super::support::office::{Client, Office, request_id};

/// Runs of serials, as the messages carry them.
fn runs(ends: &[(i64, i64)]) -> Vec<proto::SerialRange> {
    ends.iter()
        .map(|&(first, last)| proto::SerialRange { first, last })
        .collect()
}

/// The short ways of these tests; each makes a request id of its own.
trait Blanks {
    async fn deliver(
        &mut self,
        ends: &[(i64, i64)],
    ) -> Result<proto::RegisterDeliveryResponse, Status>;
    async fn dispatch(&mut self, to: &str, ends: &[(i64, i64)]) -> Result<proto::Shipment, Status>;
    /// From a store or unit that is not the caller's main one.
    async fn send(
        &mut self,
        from: &str,
        to: &str,
        ends: &[(i64, i64)],
    ) -> Result<proto::Shipment, Status>;
    async fn cancel(&mut self, shipment: &str) -> Result<proto::Shipment, Status>;
    async fn receive(
        &mut self,
        shipment: &str,
        ends: &[(i64, i64)],
    ) -> Result<proto::ReceiveShipmentResponse, Status>;
    async fn account(&mut self, location: &str) -> Result<proto::GetStockResponse, Status>;
    async fn stock_of(&mut self, location: &str) -> proto::Stock;
    async fn locate(&mut self, serial: i64) -> Result<proto::LocateBlankResponse, Status>;
}

impl Blanks for Client {
    async fn deliver(
        &mut self,
        ends: &[(i64, i64)],
    ) -> Result<proto::RegisterDeliveryResponse, Status> {
        let request = proto::RegisterDeliveryRequest {
            request_id: request_id(),
            document_number: "BA-7/2017".to_owned(),
            serials: runs(ends),
        };
        let answer = self.inventory.register_delivery(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn dispatch(&mut self, to: &str, ends: &[(i64, i64)]) -> Result<proto::Shipment, Status> {
        self.send("", to, ends).await
    }

    async fn send(
        &mut self,
        from: &str,
        to: &str,
        ends: &[(i64, i64)],
    ) -> Result<proto::Shipment, Status> {
        let request = proto::DispatchShipmentRequest {
            request_id: request_id(),
            destination: to.to_owned(),
            document_number: "SJ-7/2017".to_owned(),
            serials: runs(ends),
            origin: from.to_owned(),
            blank_request_id: String::new(),
        };
        let answer = self
            .inventory
            .dispatch_shipment(request)
            .await?
            .into_inner();
        let of_centre = answer
            .shipment
            .as_ref()
            .is_some_and(|sent| sent.origin == "centre");
        assert_eq!(
            answer.committed_revision == 0,
            of_centre,
            "it stands in the sender's ledger, the centre's in the receiver's alone"
        );
        Ok(answer.shipment.expect("a shipment"))
    }

    async fn cancel(&mut self, shipment: &str) -> Result<proto::Shipment, Status> {
        let request = proto::CancelShipmentRequest {
            request_id: request_id(),
            shipment_id: shipment.to_owned(),
            document_number: "SJ-7/2017-batal".to_owned(),
        };
        let answer = self.inventory.cancel_shipment(request).await?.into_inner();
        Ok(answer.shipment.expect("a shipment"))
    }

    async fn receive(
        &mut self,
        shipment: &str,
        ends: &[(i64, i64)],
    ) -> Result<proto::ReceiveShipmentResponse, Status> {
        let request = proto::ReceiveShipmentRequest {
            request_id: request_id(),
            shipment_id: shipment.to_owned(),
            serials: runs(ends),
            document_number: "BAST-7/2017".to_owned(),
        };
        let answer = self.inventory.receive_shipment(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn account(&mut self, location: &str) -> Result<proto::GetStockResponse, Status> {
        let request = proto::GetStockRequest {
            location: location.to_owned(),
        };
        let answer = self.inventory.get_stock(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn stock_of(&mut self, location: &str) -> proto::Stock {
        let answer = self.account(location).await.expect("the account is shown");
        answer.stock.expect("an account")
    }

    async fn locate(&mut self, serial: i64) -> Result<proto::LocateBlankResponse, Status> {
        let request = proto::LocateBlankRequest { serial };
        let answer = self.inventory.locate_blank(request).await;
        answer.map(tonic::Response::into_inner)
    }
}

/// Law 3: each account adds up, and what was delivered to the centre is somewhere.
async fn assert_conserved(office: &Office, districts: &[&str], after: &str) {
    let mut store = office.centre("store").await;
    let delivered: i64 =
        sqlx::query_scalar("select coalesce(sum(quantity), 0)::bigint from delivery")
            .fetch_one(&office.sql)
            .await
            .expect("the table can be read");
    let mut somewhere = 0;
    for location in [&["centre"], districts].concat() {
        let s = store.stock_of(location).await;
        let cards = s.bound + s.at_site + s.handed_over + s.returned;
        let held = s.in_stock + cards + s.spoiled + s.disputed + s.lost + s.destroyed;
        assert_eq!(
            s.received,
            s.sent_on + held,
            "{location} after {after}: {s:?}"
        );
        somewhere += held + s.in_transit;
    }
    assert_eq!(
        delivered.unsigned_abs(),
        somewhere,
        "nationally after {after}"
    );
}

/// The explaining values of a refusal.
fn metadata(status: &Status) -> std::collections::HashMap<String, String> {
    tonic_types::StatusExt::get_details_error_info(status)
        .map(|info| info.metadata)
        .unwrap_or_default()
}

/// Asserts that two refusals cannot be told apart: a foreign thing is as absent as a missing one.
fn assert_same(one: &Status, other: &Status) {
    assert_eq!(one.code(), other.code());
    assert_eq!(one.message(), other.message());
    assert_eq!(one.details(), other.details());
}
