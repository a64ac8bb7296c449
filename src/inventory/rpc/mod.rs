//! The gRPC face of Inventory: each method opens the call, parses, and hands the act to the desk; reads go to the store.

mod distribution;
mod request;

use tonic::{Request, Response, Status};

use crate::{
    areas::TimeZone,
    error::Error,
    feed::Hub,
    inventory::{Location, Refusal, decide, request::days_to_empty, steps, store, watch, wire},
    proto::{self, inventory_server::Inventory},
    work::{Call, Desk},
};

/// The service.
#[derive(Clone)]
pub struct InventoryService {
    desk: Desk,
    hub: Hub,
}

impl InventoryService {
    /// The service over a desk and the streams of its server.
    pub fn new(desk: Desk, hub: Hub) -> Self {
        Self { desk, hub }
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

    async fn distribute_blanks(
        &self,
        request: Request<proto::DistributeBlanksRequest>,
    ) -> Result<Response<proto::DistributeBlanksResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/DistributeBlanks")?;
        let (request_id, distribution) = wire::distribute_blanks(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let sent = steps::distribute(work, distribution).await?;
                    Ok(wire::distribute_blanks_response(&sent))
                })
            })
            .await
    }

    async fn propose_distribution(
        &self,
        request: Request<proto::ProposeDistributionRequest>,
    ) -> Result<Response<proto::ProposeDistributionResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ProposeDistribution")?;
        Ok(Response::new(self.proposal(&call, &message).await?))
    }

    async fn list_blank_requests(
        &self,
        request: Request<proto::ListBlankRequestsRequest>,
    ) -> Result<Response<proto::ListBlankRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ListBlankRequests")?;
        Ok(Response::new(self.blank_requests(&call, &message).await?))
    }

    async fn decide_blank_request(
        &self,
        request: Request<proto::DecideBlankRequestRequest>,
    ) -> Result<Response<proto::DecideBlankRequestResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/DecideBlankRequest")?;
        let today = TimeZone::of(call.caller.ledger()).local_date(self.desk.now());
        let (request_id, id, decision) = wire::decide_blank_request(&message, today)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let decided = steps::decide_request(work, id, decision).await?;
                    Ok(wire::decide_blank_request_response(&decided))
                })
            })
            .await
    }

    async fn withdraw_blank_request(
        &self,
        request: Request<proto::WithdrawBlankRequestRequest>,
    ) -> Result<Response<proto::WithdrawBlankRequestResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/WithdrawBlankRequest")?;
        let (request_id, id) = wire::withdraw_blank_request(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let withdrawn = steps::withdraw_request(work, id).await?;
                    Ok(wire::withdraw_blank_request_response(&withdrawn))
                })
            })
            .await
    }

    async fn request_blanks(
        &self,
        request: Request<proto::RequestBlanksRequest>,
    ) -> Result<Response<proto::RequestBlanksResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RequestBlanks")?;
        let (request_id, quantity, route) = wire::request_blanks(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::request_blanks(work, quantity, route).await?;
                    Ok(wire::request_blanks_response(&asked))
                })
            })
            .await
    }

    async fn get_stock(
        &self,
        request: Request<proto::GetStockRequest>,
    ) -> Result<Response<proto::GetStockResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/GetStock")?;
        let location = wire::get_stock(&message, Location::of_district(call.caller.ledger()))?;
        let mut read = self.desk.read(&call).await?;
        let stock = store::find_stock(read.db(), location, call.caller.scope())
            .await?
            .ok_or_else(|| Error::from(Refusal::LocationNotFound))?;
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
        let blank = store::find_blank(read.db(), serial, call.caller.scope())
            .await?
            .ok_or_else(|| Error::from(Refusal::BlankNotFound))?;
        let movements = store::list_movements(read.db(), serial).await?;
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
}
