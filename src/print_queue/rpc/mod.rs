//! The gRPC face of the queue: each method opens the call, parses, and hands the act to the desk or reads.

mod dispatch;
mod explain;
mod reads;

use tonic::{Request, Response, Status};

use crate::{
    error::Result,
    feed::Hub,
    print_queue::{steps, watch, wire},
    proto::{self, print_queue_server::PrintQueue},
    work::{Call, Desk},
};

/// The service.
#[derive(Clone)]
pub struct PrintQueueService {
    desk: Desk,
    hub: Hub,
}

impl PrintQueueService {
    /// The service over a desk and the streams of its server.
    pub fn new(desk: Desk, hub: Hub) -> Self {
        Self { desk, hub }
    }
}

#[tonic::async_trait]
impl PrintQueue for PrintQueueService {
    type WatchQueueStream = watch::QueueStream;

    async fn submit_print_requests(
        &self,
        request: Request<proto::SubmitPrintRequestsRequest>,
    ) -> Result<Response<proto::SubmitPrintRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/SubmitPrintRequests")?;
        let (request_id, drafts) = wire::submit_print_requests(&message)?;
        let validate_only = message.validate_only;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let submitted =
                        steps::submit_print_requests(work, drafts, validate_only).await?;
                    Ok(wire::submit_response(submitted, validate_only))
                })
            })
            .await
    }

    async fn withdraw_print_requests(
        &self,
        request: Request<proto::WithdrawPrintRequestsRequest>,
    ) -> Result<Response<proto::WithdrawPrintRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/WithdrawPrintRequests")?;
        let (request_id, ids) = wire::withdraw_print_requests(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results =
                        wire::step_results(steps::withdraw_print_requests(work, ids).await?);
                    Ok(proto::WithdrawPrintRequestsResponse {
                        results,
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn explain_position(
        &self,
        request: Request<proto::ExplainPositionRequest>,
    ) -> Result<Response<proto::ExplainPositionResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ExplainPosition")?;
        Ok(Response::new(self.explain(&call, &message).await?))
    }

    async fn get_print_request(
        &self,
        request: Request<proto::GetPrintRequestRequest>,
    ) -> Result<Response<proto::GetPrintRequestResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/GetPrintRequest")?;
        let print_request = Some(self.find(&call, &message).await?);
        Ok(Response::new(proto::GetPrintRequestResponse {
            print_request,
        }))
    }

    async fn list_print_requests(
        &self,
        request: Request<proto::ListPrintRequestsRequest>,
    ) -> Result<Response<proto::ListPrintRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ListPrintRequests")?;
        Ok(Response::new(self.list(&call, &message).await?))
    }

    async fn watch_queue(
        &self,
        request: Request<proto::WatchQueueRequest>,
    ) -> Result<Response<Self::WatchQueueStream>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/WatchQueue")?;
        Ok(Response::new(watch::watch(
            &self.desk, &self.hub, &call, message,
        )?))
    }

    async fn lease_print_requests(
        &self,
        request: Request<proto::LeasePrintRequestsRequest>,
    ) -> Result<Response<proto::LeasePrintRequestsResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/LeasePrintRequests")?;
        let (request_id, count, location) = wire::lease_print_requests(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let leases = steps::lease_print_requests(work, count, location).await?;
                    Ok(wire::lease_response(&leases))
                })
            })
            .await
    }

    async fn renew_leases(
        &self,
        request: Request<proto::RenewLeasesRequest>,
    ) -> Result<Response<proto::RenewLeasesResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/RenewLeases")?;
        let (request_id, keys) = wire::renew_leases(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(
                    async move { Ok(wire::renew_response(steps::renew_leases(work, keys).await?)) },
                )
            })
            .await
    }

    async fn get_card_face(
        &self,
        request: Request<proto::GetCardFaceRequest>,
    ) -> Result<Response<proto::GetCardFaceResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/GetCardFace")?;
        let face = Some(self.card_face(&call, &message).await?);
        Ok(Response::new(proto::GetCardFaceResponse { face }))
    }

    async fn bind_blanks(
        &self,
        request: Request<proto::BindBlanksRequest>,
    ) -> Result<Response<proto::BindBlanksResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/BindBlanks")?;
        let (request_id, bindings) = wire::bind_blanks(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = wire::step_results(steps::bind_blanks(work, bindings).await?);
                    Ok(proto::BindBlanksResponse {
                        results,
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn report_printed(
        &self,
        request: Request<proto::ReportPrintedRequest>,
    ) -> Result<Response<proto::ReportPrintedResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ReportPrinted")?;
        let (request_id, cards) = wire::report_printed(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = wire::step_results(steps::report_printed(work, cards).await?);
                    Ok(proto::ReportPrintedResponse {
                        results,
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn report_spoiled(
        &self,
        request: Request<proto::ReportSpoiledRequest>,
    ) -> Result<Response<proto::ReportSpoiledResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ReportSpoiled")?;
        let (request_id, blanks) = wire::report_spoiled(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = wire::step_results(steps::report_spoiled(work, blanks).await?);
                    Ok(proto::ReportSpoiledResponse {
                        results,
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn resolve_in_doubt(
        &self,
        request: Request<proto::ResolveInDoubtRequest>,
    ) -> Result<Response<proto::ResolveInDoubtResponse>, Status> {
        let (call, message) = Call::open(request, steps::RESOLVE_IN_DOUBT)?;
        let (request_id, word, purpose) = wire::resolve_in_doubt(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let resolved = steps::resolve_in_doubt(work, word, purpose).await?;
                    Ok(wire::resolve_in_doubt_response(&resolved))
                })
            })
            .await
    }

    async fn resolve_incident(
        &self,
        request: Request<proto::ResolveIncidentRequest>,
    ) -> Result<Response<proto::ResolveIncidentResponse>, Status> {
        let (call, message) = Call::open(request, steps::RESOLVE_INCIDENT)?;
        let (request_id, finding, purpose) = wire::resolve_incident(&message)?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::resolve_incident(work, finding, purpose).await?;
                    Ok(wire::resolve_incident_response(&asked))
                })
            })
            .await
    }

    async fn release_leases(
        &self,
        request: Request<proto::ReleaseLeasesRequest>,
    ) -> Result<Response<proto::ReleaseLeasesResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ReleaseLeases")?;
        let (request_id, keys) = wire::release_leases(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = wire::step_results(steps::release_leases(work, keys).await?);
                    Ok(proto::ReleaseLeasesResponse {
                        results,
                        committed_revision: 0,
                    })
                })
            })
            .await
    }

    async fn verify_dispatch_order(
        &self,
        request: Request<proto::VerifyDispatchOrderRequest>,
    ) -> Result<Response<proto::VerifyDispatchOrderResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/VerifyDispatchOrder")?;
        Ok(Response::new(self.verify(&call, &message).await?))
    }

    async fn change_seniority(
        &self,
        request: Request<proto::ChangeSeniorityRequest>,
    ) -> Result<Response<proto::ChangeSeniorityResponse>, Status> {
        let (call, message) = Call::open(request, "PrintQueue/ChangeSeniority")?;
        let (request_id, change, purpose) = wire::change_seniority(&message, self.desk.now())?;
        self.desk
            .act(call, request_id, &message, move |work| {
                Box::pin(async move {
                    let asked = steps::change_seniority(work, change, purpose).await?;
                    Ok(wire::change_seniority_response(&asked))
                })
            })
            .await
    }
}
