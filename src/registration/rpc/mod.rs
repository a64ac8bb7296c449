//! The gRPC face of Registration: each method opens the call, parses, and hands the act to the desk.
//!
//! The two streams are pulled by their reader: nothing is read, committed or leased before the last answer has left. So a
//! slow client slows itself only, and one that is gone is simply not pulled any more.

mod checks;
mod import;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    feed::Hub,
    paging,
    proto::{self, registration_server::Registration},
    registration::{steps, store, watch, wire},
    work::{Call, Counted, Desk},
};

/// The service.
#[derive(Clone)]
pub struct RegistrationService {
    desk: Desk,
    hub: Hub,
}

impl RegistrationService {
    /// The service over a desk and the streams of its server.
    pub fn new(desk: Desk, hub: Hub) -> Self {
        Self { desk, hub }
    }
}

#[tonic::async_trait]
impl Registration for RegistrationService {
    type ImportEnrolmentsStream =
        BoxStream<'static, Result<proto::ImportEnrolmentsResponse, Status>>;
    type WatchEnrolmentsStream = watch::EnrolmentsStream;
    type LeaseChecksStream = BoxStream<'static, Result<proto::LeaseChecksResponse, Status>>;

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

    async fn import_enrolments(
        &self,
        request: Request<Streaming<proto::ImportEnrolmentsRequest>>,
    ) -> Result<Response<Self::ImportEnrolmentsStream>, Status> {
        let (call, items) = Call::open(request, "Registration/ImportEnrolments")?;
        Ok(Response::new(import::stream(
            self.desk.clone(),
            call,
            items,
        )))
    }

    async fn get_enrolment(
        &self,
        request: Request<proto::GetEnrolmentRequest>,
    ) -> Result<Response<proto::GetEnrolmentResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/GetEnrolment")?;
        let (key, filter) = wire::get_enrolment(&message, &call.caller)?;
        let mut read = self.desk.read(&call).await?;
        let shown = steps::get_enrolment(&mut read, self.desk.keys(), &key, &filter).await?;
        drop(read);
        let resident = shown.enrolment.resident_id;
        self.desk.disclose(&call, [resident], Counted::Yes).await?;
        Ok(Response::new(wire::get_enrolment_response(shown)))
    }

    async fn list_enrolments(
        &self,
        request: Request<proto::ListEnrolmentsRequest>,
    ) -> Result<Response<proto::ListEnrolmentsResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/ListEnrolments")?;
        let (filter, list) = wire::list_enrolments(&message, &call.caller)?;
        let size = paging::size(message.page_size);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?
            .map(|key| wire::page_key(&key))
            .transpose()?;
        let mut read = self.desk.read(&call).await?;
        // One more than the page tells whether there is another.
        let mut page = store::list(read.db(), &filter, after, size + 1).await?;
        let size = usize::try_from(size).expect("a page is small");
        let more = page.len() > size;
        page.truncate(size);
        let response = wire::list_enrolments_response(&page, |key| {
            more.then(|| paging::token(self.desk.keys(), &list, key))
        });
        Ok(Response::new(response))
    }

    async fn lease_checks(
        &self,
        request: Request<Streaming<proto::LeaseChecksRequest>>,
    ) -> Result<Response<Self::LeaseChecksStream>, Status> {
        let (call, wishes) = Call::open(request, "Registration/LeaseChecks")?;
        Ok(Response::new(checks::stream(
            self.desk.clone(),
            call,
            wishes,
        )))
    }

    async fn record_verdicts(
        &self,
        request: Request<proto::RecordVerdictsRequest>,
    ) -> Result<Response<proto::RecordVerdictsResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/RecordVerdicts")?;
        let (request_id, verdicts) = wire::record_verdicts(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = steps::record_verdicts(work, verdicts).await?;
                    Ok(wire::record_verdicts_response(results))
                })
            })
            .await
    }

    async fn issue_interim_certificates(
        &self,
        request: Request<proto::IssueInterimCertificatesRequest>,
    ) -> Result<Response<proto::IssueInterimCertificatesResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/IssueInterimCertificates")?;
        let (request_id, ids) = wire::issue_interim_certificates(&message)?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let results = steps::issue_interim_certificates(work, ids).await?;
                    Ok(wire::issue_interim_certificates_response(results))
                })
            })
            .await
    }

    async fn change_resident(
        &self,
        request: Request<proto::ChangeResidentRequest>,
    ) -> Result<Response<proto::ChangeResidentResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/ChangeResident")?;
        let (request_id, change) = wire::change_resident(&message, &call.caller, self.desk.now())?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let changed = steps::change_resident(work, change).await?;
                    Ok(wire::change_resident_response(changed))
                })
            })
            .await
    }

    async fn record_life_event(
        &self,
        request: Request<proto::RecordLifeEventRequest>,
    ) -> Result<Response<proto::RecordLifeEventResponse>, Status> {
        let (call, message) = Call::open(request, "Registration/RecordLifeEvent")?;
        let (request_id, event) = wire::record_life_event(&message, &call.caller, self.desk.now())?;
        self.desk
            .act(call, request_id, &message, |work| {
                Box::pin(async move {
                    let life = steps::record_life_event(work, event).await?;
                    Ok(wire::record_life_event_response(life))
                })
            })
            .await
    }

    async fn watch_enrolments(
        &self,
        request: Request<proto::WatchEnrolmentsRequest>,
    ) -> Result<Response<Self::WatchEnrolmentsStream>, Status> {
        let (call, message) = Call::open(request, "Registration/WatchEnrolments")?;
        Ok(Response::new(watch::watch(
            &self.desk, &self.hub, &call, message,
        )?))
    }
}
