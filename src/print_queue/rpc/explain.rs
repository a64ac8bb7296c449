//! Why somebody waits, put together for the counter.

use crate::{
    areas::TimeZone,
    error::Result,
    ids::PrintRequestId,
    policy::{self, Policy},
    print_queue::{
        Person, PrintQueueService, PrintRequest, Refusal, Standing, decide, store,
        wire::{self, About, Told},
    },
    proto,
    work::{Call, Read},
};

impl PrintQueueService {
    pub(super) async fn explain(
        &self,
        call: &Call,
        message: &proto::ExplainPositionRequest,
    ) -> Result<proto::ExplainPositionResponse> {
        let about = wire::explain_position(message)?;
        let (district, now) = (call.caller.ledger(), self.desk.now());
        // All of one moment: what holds a request, and since when, must fit.
        let mut read = self.desk.snapshot(call).await?;
        let day = TimeZone::of(district).local_date(now);
        let policy = policy::in_force(read.db(), district, day).await?;
        let id = match about {
            About::Request(id) => id,
            About::Resident(resident) => {
                let limit = call.caller.subdistrict();
                let (applicant, told) = store::look_at_applicant(read.db(), resident, district)
                    .await?
                    .filter(|(found, _)| limit.is_none_or(|limit| limit == found.subdistrict))
                    .ok_or(Refusal::ResidentNotFound)?;
                let Some(id) = told else {
                    let refused = store::last_refusal(read.db(), resident).await?;
                    let person = Person { applicant, refused };
                    let explained = decide::explain_person(&person, &policy, now);
                    return Ok(wire::explain_response(&Told::of_person(
                        policy.version,
                        explained,
                    )));
                };
                id
            }
        };
        let told = self.told(&mut read, call, id, &policy).await?;
        Ok(wire::explain_response(&told))
    }

    async fn told(
        &self,
        read: &mut Read,
        call: &Call,
        id: PrintRequestId,
        policy: &Policy,
    ) -> Result<Told> {
        let request: PrintRequest = self.request(read, call, id).await?;
        let known = store::surroundings(read.db(), &request).await?;
        let before = if request.standing == Standing::Queued {
            let place = request.entry().place();
            store::count_ahead_by_class(read.db(), request.district, &place, &policy.order())
                .await?
        } else {
            Vec::new()
        };
        let reasons = request.standing.hold_reasons();
        let holds = if reasons.is_empty() {
            Vec::new()
        } else {
            store::held_since(read.db(), id, reasons).await?
        };
        Ok(Told {
            entry: Some(request.entry()),
            policy_version: policy.version,
            explained: decide::explain_request(&request, policy, known),
            before,
            holds,
        })
    }
}
