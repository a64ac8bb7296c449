//! The gRPC face of Inventory: each method opens the call, parses, and hands the act to the desk; reads go to the store.

mod case;
mod count;
mod distribution;
mod ledger;
mod request;
mod write_off;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    audit,
    error::Error,
    feed::Hub,
    inventory::{
        Location, Refusal, decide, proof, request::days_to_empty, steps, store, watch, wire,
    },
    proto::{self, inventory_server::Inventory},
    work::{Call, Desk},
};

/// The service.
#[derive(Clone)]
pub struct InventoryService {
    desk: Desk,
    hub: Hub,
    /// Signs certificates.
    key: Arc<audit::Key>,
}

impl InventoryService {
    /// The service over a desk, the streams of its server, and the key of its data folder.
    pub fn new(desk: Desk, hub: Hub, key: Arc<audit::Key>) -> Self {
        Self { desk, hub, key }
    }
}

#[tonic::async_trait]
impl Inventory for InventoryService {
    type WatchStockStream = watch::StockStream;

    async fn register_delivery(
        &self,
        request: Request<proto::RegisterDeliveryRequest>,
    ) -> Result<Response<proto::RegisterDeliveryResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RegisterDelivery")?;
        let (request_id, delivery) = wire::register_delivery(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let quantity = steps::register_delivery(work, delivery).await?;
                    Ok(wire::register_delivery_response(quantity))
                })
            })
            .await
    }

    async fn dispatch_shipment(
        &self,
        request: Request<proto::DispatchShipmentRequest>,
    ) -> Result<Response<proto::DispatchShipmentResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/DispatchShipment")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, consignment) = wire::dispatch_shipment(&message, own)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let sent = steps::dispatch_shipment(work, consignment).await?;
                    Ok(wire::dispatch_shipment_response(&sent))
                })
            })
            .await
    }

    async fn receive_shipment(
        &self,
        request: Request<proto::ReceiveShipmentRequest>,
    ) -> Result<Response<proto::ReceiveShipmentResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ReceiveShipment")?;
        let (request_id, arrival) = wire::receive_shipment(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let received = steps::receive_shipment(work, arrival).await?;
                    Ok(wire::receive_shipment_response(&received))
                })
            })
            .await
    }

    async fn cancel_shipment(
        &self,
        request: Request<proto::CancelShipmentRequest>,
    ) -> Result<Response<proto::CancelShipmentResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/CancelShipment")?;
        let (request_id, shipment_id, record) = wire::cancel_shipment(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let cancelled = steps::cancel_shipment(work, shipment_id, &record).await?;
                    Ok(wire::cancel_shipment_response(&cancelled))
                })
            })
            .await
    }

    async fn list_shipments(
        &self,
        request: Request<proto::ListShipmentsRequest>,
    ) -> Result<Response<proto::ListShipmentsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListShipments")?;
        Ok(Response::new(self.shipments(&call, &message).await?))
    }

    async fn open_location(
        &self,
        request: Request<proto::OpenLocationRequest>,
    ) -> Result<Response<proto::OpenLocationResponse>, Status> {
        self.open_unit(request).await
    }

    async fn list_locations(
        &self,
        request: Request<proto::ListLocationsRequest>,
    ) -> Result<Response<proto::ListLocationsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListLocations")?;
        Ok(Response::new(self.locations(&call, &message).await?))
    }

    async fn start_count(
        &self,
        request: Request<proto::StartCountRequest>,
    ) -> Result<Response<proto::StartCountResponse>, Status> {
        self.start(request).await
    }

    async fn record_findings(
        &self,
        request: Request<proto::RecordFindingsRequest>,
    ) -> Result<Response<proto::RecordFindingsResponse>, Status> {
        self.record(request).await
    }

    async fn submit_count(
        &self,
        request: Request<proto::SubmitCountRequest>,
    ) -> Result<Response<proto::SubmitCountResponse>, Status> {
        self.submit(request).await
    }

    async fn cancel_count(
        &self,
        request: Request<proto::CancelCountRequest>,
    ) -> Result<Response<proto::CancelCountResponse>, Status> {
        self.cancel(request).await
    }

    async fn list_counts(
        &self,
        request: Request<proto::ListCountsRequest>,
    ) -> Result<Response<proto::ListCountsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListCounts")?;
        Ok(Response::new(self.counts(&call, &message).await?))
    }

    async fn list_stock_cases(
        &self,
        request: Request<proto::ListStockCasesRequest>,
    ) -> Result<Response<proto::ListStockCasesResponse>, Status> {
        self.cases(request).await
    }

    async fn settle_stock_case(
        &self,
        request: Request<proto::SettleStockCaseRequest>,
    ) -> Result<Response<proto::SettleStockCaseResponse>, Status> {
        self.settle(request).await
    }

    async fn record_spoiled(
        &self,
        request: Request<proto::RecordSpoiledRequest>,
    ) -> Result<Response<proto::RecordSpoiledResponse>, Status> {
        self.spoiled(request).await
    }

    async fn record_returned(
        &self,
        request: Request<proto::RecordReturnedRequest>,
    ) -> Result<Response<proto::RecordReturnedResponse>, Status> {
        self.returned(request).await
    }

    async fn record_found(
        &self,
        request: Request<proto::RecordFoundRequest>,
    ) -> Result<Response<proto::RecordFoundResponse>, Status> {
        self.found(request).await
    }

    async fn record_destruction(
        &self,
        request: Request<proto::RecordDestructionRequest>,
    ) -> Result<Response<proto::RecordDestructionResponse>, Status> {
        self.destruction(request).await
    }

    async fn reverse_movement(
        &self,
        request: Request<proto::ReverseMovementRequest>,
    ) -> Result<Response<proto::ReverseMovementResponse>, Status> {
        self.reverse(request).await
    }

    async fn list_movements(
        &self,
        request: Request<proto::ListMovementsRequest>,
    ) -> Result<Response<proto::ListMovementsResponse>, Status> {
        self.movements(request).await
    }

    async fn distribute_blanks(
        &self,
        request: Request<proto::DistributeBlanksRequest>,
    ) -> Result<Response<proto::DistributeBlanksResponse>, Status> {
        self.distribute(request).await
    }

    async fn propose_distribution(
        &self,
        request: Request<proto::ProposeDistributionRequest>,
    ) -> Result<Response<proto::ProposeDistributionResponse>, Status> {
        self.propose(request).await
    }

    async fn list_blank_requests(
        &self,
        request: Request<proto::ListBlankRequestsRequest>,
    ) -> Result<Response<proto::ListBlankRequestsResponse>, Status> {
        self.blank_requests(request).await
    }

    async fn decide_blank_request(
        &self,
        request: Request<proto::DecideBlankRequestRequest>,
    ) -> Result<Response<proto::DecideBlankRequestResponse>, Status> {
        self.decide(request).await
    }

    async fn withdraw_blank_request(
        &self,
        request: Request<proto::WithdrawBlankRequestRequest>,
    ) -> Result<Response<proto::WithdrawBlankRequestResponse>, Status> {
        self.withdraw(request).await
    }

    async fn request_blanks(
        &self,
        request: Request<proto::RequestBlanksRequest>,
    ) -> Result<Response<proto::RequestBlanksResponse>, Status> {
        self.ask(request).await
    }

    async fn get_stock(
        &self,
        request: Request<proto::GetStockRequest>,
    ) -> Result<Response<proto::GetStockResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/GetStock")?;
        let location = wire::get_stock(&message, Location::of_district(call.caller.ledger()))?;
        let mut read = self.desk.snapshot(&call).await?;
        let stock = store::find_stock(read.db(), location, call.caller.scope())
            .await?
            .ok_or_else(|| Error::from(Refusal::LocationNotFound))?;
        count::may_see(&call, store::find_open_count(read.db(), location).await?)?;
        let due_in = store::list_due_in(read.db(), location).await?;
        let lasting = store::find_use(read.db(), location, self.desk.now()).await?;
        let lasting = days_to_empty(&lasting);
        if !decide::is_conserved(&stock) {
            // Answered all the same: the office needs its figures, and the operators need to know.
            tracing::error!(%location, "a location's account does not add up");
        }
        Ok(Response::new(wire::get_stock_response(
            &stock, &due_in, lasting,
        )))
    }

    async fn locate_blank(
        &self,
        request: Request<proto::LocateBlankRequest>,
    ) -> Result<Response<proto::LocateBlankResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/LocateBlank")?;
        let serial = wire::locate_blank(&message)?;
        let mut read = self.desk.read(&call).await?;
        let (blank, movements) = store::life_of(read.db(), serial, call.caller.scope())
            .await?
            .ok_or_else(|| Error::from(Refusal::BlankNotFound))?;
        let blank = ledger::with_spoilage(&mut read, blank, &movements).await?;
        Ok(Response::new(wire::locate_blank_response(
            &blank, &movements,
        )))
    }

    async fn watch_stock(
        &self,
        request: Request<proto::WatchStockRequest>,
    ) -> Result<Response<Self::WatchStockStream>, Status> {
        let (call, message) = Call::open(request, "Inventory/WatchStock")?;
        Ok(Response::new(watch::watch(
            &self.desk, &self.hub, &call, message,
        )?))
    }

    async fn certify_conservation(
        &self,
        request: Request<proto::CertifyConservationRequest>,
    ) -> Result<Response<proto::CertifyConservationResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/CertifyConservation")?;
        let area = wire::certify_conservation(&message, &call.caller)?;
        let mut read = self.desk.snapshot(&call).await?;
        let certificate = proof::certify(read.db(), area)
            .await?
            .ok_or_else(|| Error::from(Refusal::LocationNotFound))?;
        let file = proof::certified(&certificate, &self.key).map_err(|broken| {
            tracing::error!(%area, places = ?broken.0, "the books do not balance");
            Error::from(broken)
        })?;
        Ok(Response::new(wire::certify_conservation_response(
            &certificate,
            file,
        )))
    }

    async fn get_certification_key(
        &self,
        request: Request<proto::GetCertificationKeyRequest>,
    ) -> Result<Response<proto::GetCertificationKeyResponse>, Status> {
        Call::open(request, "Inventory/GetCertificationKey")?;
        Ok(Response::new(wire::certification_key_response(
            &self.key.public(),
        )))
    }
}
