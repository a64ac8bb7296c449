//! The gRPC face of the queue: each method opens the call, parses, and hands the act to the desk or reads.

use tonic::{Request, Response, Status};

use crate::{
    areas::TimeZone,
    error::{Error, Result},
    feed::Hub,
    paging, policy,
    policy::ApplicantClass,
    print_queue::{Place, Refusal, RequestState, steps, store, watch, wire},
    proto::{self, print_queue_server::PrintQueue},
    work::{Call, Counted, Desk, Read},
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

    /// The classes in the order of the caller's queue today.
    async fn order(&self, read: &mut Read, call: &Call) -> Result<Vec<ApplicantClass>> {
        let district = call.caller.ledger();
        let on = TimeZone::of(district).local_date(self.desk.now());
        Ok(policy::in_force(read.db(), district, on).await?.order())
    }

    async fn find(
        &self,
        call: &Call,
        message: &proto::GetPrintRequestRequest,
    ) -> Result<proto::PrintRequest> {
        let id = wire::get_print_request(message)?;
        let (district, limit) = (call.caller.ledger(), call.caller.subdistrict());
        let mut read = self.desk.read(&call.caller).await?;
        let request = store::find(read.db(), id, district)
            .await?
            .filter(|request| limit.is_none_or(|limit| limit == request.subdistrict))
            .ok_or(Refusal::PrintRequestNotFound)?;
        let ahead = match request.standing.state() {
            RequestState::Queued => {
                let order = self.order(&mut read, call).await?;
                store::count_ahead(read.db(), district, &request.entry().place(), &order).await?
            }
            RequestState::Held
            | RequestState::Leased
            | RequestState::Bound
            | RequestState::InDoubt
            | RequestState::Printed
            | RequestState::Cancelled => 0,
        };
        Ok(wire::print_request(&request, ahead.unsigned_abs()))
    }

    async fn list(
        &self,
        call: &Call,
        message: &proto::ListPrintRequestsRequest,
    ) -> Result<proto::ListPrintRequestsResponse> {
        let (state, applicant_class) = wire::list_print_requests(message)?;
        let (district, subdistrict) = (call.caller.ledger(), call.caller.subdistrict());
        let filter = store::Filter {
            district,
            subdistrict,
            state,
            applicant_class,
        };
        let name = format!("{} {filter:?}", call.method);
        let after = paging::key(self.desk.keys(), &name, &message.page_token)?
            .map(|key| key.parse::<Place>().map_err(Error::internal))
            .transpose()?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(&call.caller).await?;
        let order = self.order(&mut read, call).await?;
        let page = store::list(read.db(), &filter, &order, after.as_ref(), size).await?;
        // A full page may be the last one; the next is then empty and says so.
        let full = page.len() as u64 >= size.unsigned_abs();
        let next = page
            .last()
            .filter(|_| full)
            .map(|last| paging::token(self.desk.keys(), &name, &last.entry().place().to_string()));
        Ok(proto::ListPrintRequestsResponse {
            print_requests: page
                .iter()
                .map(|request| wire::print_request(request, 0))
                .collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    async fn card_face(
        &self,
        call: &Call,
        message: &proto::GetCardFaceRequest,
    ) -> Result<proto::CardFace> {
        let key = wire::get_card_face(message)?;
        let mut read = self.desk.read(&call.caller).await?;
        let (keys, now) = (self.desk.keys(), self.desk.now());
        let (resident, face) = steps::card_face(read.db(), keys, &call.caller, key, now).await?;
        drop(read);
        self.desk
            .disclose(call, [resident], Counted::OfLease)
            .await?;
        Ok(wire::card_face(&face))
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
            &self.hub,
            self.desk.access().standing(&call.caller),
            &call,
            message,
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
}
