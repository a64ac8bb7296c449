//! Proposals of a distribution: read, never written.

use crate::{
    error::{Error, Result},
    inventory::{InventoryService, decide, steps, wire},
    proto,
    work::Call,
};

impl InventoryService {
    pub(super) async fn proposal(
        &self,
        call: &Call,
        message: &proto::ProposeDistributionRequest,
    ) -> Result<proto::ProposeDistributionResponse> {
        let (quantity, stores) = wire::propose_distribution(message)?;
        decide::for_the_office(call.caller.subdistrict())?;
        let district = call.caller.district();
        let district = district.ok_or_else(|| Error::internal("a proposal for no district"))?;
        let mut read = self.desk.read(call).await?;
        let proposed = steps::propose(read.db(), district, quantity, &stores).await?;
        Ok(wire::propose_distribution_response(&proposed))
    }
}
