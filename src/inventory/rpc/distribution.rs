//! Blanks for many stores at once: proposed, which writes nothing, and sent.

use tonic::{Request, Response, Status};

use crate::{
    error::{Error, Result},
    inventory::{InventoryService, decide, steps, wire},
    proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn distribute(
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

    pub(super) async fn propose(
        &self,
        request: Request<proto::ProposeDistributionRequest>,
    ) -> Result<Response<proto::ProposeDistributionResponse>, Status> {
        let (call, message) = Call::open(request, "Inventory/ProposeDistribution")?;
        let (quantity, stores) = wire::propose_distribution(&message)?;
        decide::for_the_office(call.caller.subdistrict()).map_err(Error::from)?;
        let district = call.caller.district();
        let district = district.ok_or_else(|| Error::internal("a proposal for no district"))?;
        let mut read = self.desk.snapshot(&call).await?;
        let proposed = steps::propose(read.db(), district, quantity, &stores).await?;
        Ok(Response::new(wire::propose_distribution_response(
            &proposed,
        )))
    }
}
