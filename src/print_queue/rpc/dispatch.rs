//! The evidence of the order: a day's replay.

use crate::{
    error::Result,
    print_queue::{PrintQueueService, steps, wire},
    proto,
    work::Call,
};

impl PrintQueueService {
    pub(super) async fn verify(
        &self,
        call: &Call,
        message: &proto::VerifyDispatchOrderRequest,
    ) -> Result<proto::VerifyDispatchOrderResponse> {
        let (district, day) = wire::verify_dispatch_order(message, call.caller.scope())?;
        let mut read = self.desk.read(call).await?;
        let verified = steps::verify_dispatch_order(read.db(), district, day).await?;
        Ok(wire::verify_response(&verified))
    }
}
