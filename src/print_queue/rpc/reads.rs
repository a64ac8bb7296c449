//! What is read of the queue: one request, a page, a card's face.

use crate::{
    areas::TimeZone,
    error::{Error, Result},
    ids::PrintRequestId,
    paging,
    policy::{self, ApplicantClass},
    print_queue::{
        Place, PrintQueueService, PrintRequest, Refusal, RequestState, steps, store, wire,
    },
    proto,
    work::{Call, Counted, Read},
};

impl PrintQueueService {
    /// The classes in the order of the caller's queue today.
    async fn order(&self, read: &mut Read, call: &Call) -> Result<Vec<ApplicantClass>> {
        let district = call.caller.ledger();
        let on = TimeZone::of(district).local_date(self.desk.now());
        Ok(policy::in_force(read.db(), district, on).await?.order())
    }

    /// One request that the caller may see.
    pub(super) async fn request(
        &self,
        read: &mut Read,
        call: &Call,
        id: PrintRequestId,
    ) -> Result<PrintRequest> {
        let limit = call.caller.subdistrict();
        let found = store::find(read.db(), id, call.caller.ledger()).await?;
        Ok(found
            .filter(|request| limit.is_none_or(|limit| limit == request.subdistrict))
            .ok_or(Refusal::PrintRequestNotFound)?)
    }

    pub(super) async fn find(
        &self,
        call: &Call,
        message: &proto::GetPrintRequestRequest,
    ) -> Result<proto::PrintRequest> {
        let id = wire::get_print_request(message)?;
        let district = call.caller.ledger();
        let mut read = self.desk.read(call).await?;
        let request = self.request(&mut read, call, id).await?;
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
        let incidents = store::open_incidents(read.db(), id).await?;
        Ok(proto::PrintRequest {
            open_incident_ids: incidents.iter().map(ToString::to_string).collect(),
            ..wire::print_request(&request, ahead.unsigned_abs())
        })
    }

    pub(super) async fn list(
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
        let mut read = self.desk.read(call).await?;
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

    pub(super) async fn card_face(
        &self,
        call: &Call,
        message: &proto::GetCardFaceRequest,
    ) -> Result<proto::CardFace> {
        let key = wire::get_card_face(message)?;
        let mut read = self.desk.read(call).await?;
        let (keys, now) = (self.desk.keys(), self.desk.now());
        let (resident, face) = steps::card_face(read.db(), keys, &call.caller, key, now).await?;
        drop(read);
        self.desk
            .disclose(call, [resident], Counted::OfLease)
            .await?;
        Ok(wire::card_face(&face))
    }
}
