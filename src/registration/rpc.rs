//! The gRPC face of Registration: each method opens the call, parses, and hands the act to the desk.

use tonic::{Request, Response, Status};

use crate::{
    proto::{self, registration_server::Registration},
    registration::{steps, wire},
    work::{Call, Desk},
};

/// The service.
#[derive(Clone)]
pub struct RegistrationService {
    desk: Desk,
}

impl RegistrationService {
    /// The service over a desk.
    pub fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[tonic::async_trait]
impl Registration for RegistrationService {
    async fn record_enrolment(
        &self,
        request: Request<proto::RecordEnrolmentRequest>,
    ) -> Result<Response<proto::RecordEnrolmentResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/RecordEnrolment")?;
        let (request_id, draft) = wire::record_enrolment(&message, &call.caller, self.desk.now())?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let recorded = steps::record_enrolment(work, draft).await?;
                    Ok(wire::record_enrolment_response(&recorded))
                })
            })
            .await
    }
}
