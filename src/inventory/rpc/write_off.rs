//! The calls about what is written off: spoiled, taken back, found again, burned.

use tonic::{Request, Response, Status};

use super::InventoryService;
use crate::{
    inventory::{Location, steps, wire},
    proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn spoiled(
        &self,
        request: Request<proto::RecordSpoiledRequest>,
    ) -> Result<Response<proto::RecordSpoiledResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RecordSpoiled")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, spoiled) = wire::record_spoiled(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let movements = steps::record_spoiled(work, spoiled).await?;
                    Ok(wire::record_spoiled_response(&movements))
                })
            })
            .await
    }

    pub(super) async fn returned(
        &self,
        request: Request<proto::RecordReturnedRequest>,
    ) -> Result<Response<proto::RecordReturnedResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RecordReturned")?;
        let (request_id, returned) = wire::record_returned(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let movements = steps::record_returned(work, returned).await?;
                    Ok(wire::record_returned_response(&movements))
                })
            })
            .await
    }

    pub(super) async fn found(
        &self,
        request: Request<proto::RecordFoundRequest>,
    ) -> Result<Response<proto::RecordFoundResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RecordFound")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, found) = wire::record_found(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let case = steps::record_found(work, found).await?;
                    Ok(wire::record_found_response(&case))
                })
            })
            .await
    }

    pub(super) async fn destruction(
        &self,
        request: Request<proto::RecordDestructionRequest>,
    ) -> Result<Response<proto::RecordDestructionResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/RecordDestruction")?;
        let own = Location::of_district(call.caller.ledger());
        let (request_id, destruction, purpose) = wire::record_destruction(&message, own)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::record_destruction(work, destruction, purpose).await?;
                    Ok(wire::record_destruction_response(&asked))
                })
            })
            .await
    }
}
