//! The office's queue from the office's desk: asking for everybody's card, and looking at who stands where.
//!
//! What is easily got wrong: cards are asked for *everybody*, print-ready or not. That only the print-ready holders come
//! into the queue is the system's doing, and what the demo is there to show.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{citizen::Citizen, office::Office, progress::Phase};
use crate::{
    cli::{
        Failure,
        client::{Line, request_id},
    },
    proto::{
        Enrolment, ErrorReason, GetEnrolmentRequest, GetPrintRequestRequest, GetStockRequest,
        LeasePrintRequestsRequest, ListEnrolmentsRequest, ListPrintRequestsRequest, PrintRequest,
        PrintRequestDraft, PrintRequestState, ShortSide, Stock, SubmitPrintRequestsRequest,
        get_enrolment_request::Key, inventory_client::InventoryClient,
        print_queue_client::PrintQueueClient, registration_client::RegistrationClient,
        submit_print_request_result,
    },
};

/// Print requests of one call, and calls at a time.
const DRAFTS_A_CALL: usize = 100;
const CALLS_AT_A_TIME: usize = 4;
/// The largest page.
const PAGE: u32 = 500;

/// What became of the print requests.
#[derive(Default)]
pub struct Submitted {
    /// The citizen's place of each request in the queue.
    pub queued: HashMap<String, usize>,
    /// Who was refused, by the reason.
    pub refused: BTreeMap<ErrorReason, Vec<usize>>,
}

/// Asks for a card for everybody.
pub async fn submit(office: &Office, citizens: &[Citizen]) -> Result<Submitted, Failure> {
    let phase = Phase::begin("print requests", citizens.len());
    let places: HashMap<&str, usize> = citizens
        .iter()
        .map(|citizen| citizen.resident_id.as_str())
        .zip(0..)
        .collect();
    let batches: Vec<Vec<PrintRequestDraft>> = citizens
        .chunks(DRAFTS_A_CALL)
        .map(|batch| batch.iter().map(draft).collect())
        .collect();
    let mut answers = stream::iter(batches.into_iter().map(|drafts| {
        let request = SubmitPrintRequestsRequest {
            request_id: request_id(),
            drafts,
            validate_only: false,
        };
        office.desk.print_queue(
            request,
            |mut client: PrintQueueClient<Line>, request| async move {
                client.submit_print_requests(request).await
            },
        )
    }))
    .buffer_unordered(CALLS_AT_A_TIME);
    let mut submitted = Submitted::default();
    while let Some(answer) = answers.try_next().await? {
        phase.advance(answer.results.len());
        for result in answer.results {
            let place = places.get(result.resident_id.as_str()).copied();
            let place = place.ok_or_else(|| {
                Failure::Call("a print request of nobody was answered".to_owned())
            })?;
            match result.outcome {
                Some(submit_print_request_result::Outcome::Queued(entry)) => {
                    submitted.queued.insert(entry.print_request_id, place);
                }
                // It comes into the queue by itself, under the same id.
                Some(submit_print_request_result::Outcome::Held(held)) => {
                    let id = held.entry.map(|entry| entry.print_request_id);
                    submitted.queued.insert(id.unwrap_or_default(), place);
                }
                Some(submit_print_request_result::Outcome::Refused(refusal)) => {
                    submitted
                        .refused
                        .entry(refusal.reason())
                        .or_default()
                        .push(place);
                }
                None => {
                    return Err(Failure::Call(
                        "a print request was answered without an outcome".to_owned(),
                    ));
                }
            }
        }
    }
    let refused: usize = submitted.refused.values().map(Vec::len).sum();
    phase.end(&format!(
        "{} queued, {refused} refused",
        submitted.queued.len()
    ));
    Ok(submitted)
}

fn draft(citizen: &Citizen) -> PrintRequestDraft {
    PrintRequestDraft {
        resident_id: citizen.resident_id.clone(),
        applicant_class: citizen.class.into(),
        documents: Vec::new(),
    }
}

/// How many leases a printer gets that asks for ten, and what was short.
pub async fn try_lease(office: &Office) -> Result<(usize, ShortSide), Failure> {
    let request = LeasePrintRequestsRequest {
        request_id: request_id(),
        count: 10,
        location: office.place.district.to_owned(),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.lease_print_requests(request).await
    };
    let answer = office.printers[0].print_queue(request, call).await?;
    Ok((answer.leases.len(), answer.short_side()))
}

/// The queue in its order: everything in a state, or with UNSPECIFIED everything but the printed.
pub async fn list(office: &Office, state: PrintRequestState) -> Result<Vec<PrintRequest>, Failure> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPrintRequestsRequest {
            state: state.into(),
            applicant_class: 0,
            page_size: PAGE,
            page_token,
        };
        let call = |mut client: PrintQueueClient<Line>, request| async move {
            client.list_print_requests(request).await
        };
        let page = office.desk.print_queue(request, call).await?;
        all.extend(page.print_requests);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

/// One request with its place in the queue.
pub async fn find(office: &Office, print_request_id: &str) -> Result<PrintRequest, Failure> {
    let request = GetPrintRequestRequest {
        print_request_id: print_request_id.to_owned(),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.get_print_request(request).await
    };
    let answer = office.desk.print_queue(request, call).await?;
    answer
        .print_request
        .ok_or_else(|| Failure::Call("a print request was found and not answered".to_owned()))
}

/// All enrolments of the district.
pub async fn enrolments(office: &Office) -> Result<Vec<Enrolment>, Failure> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListEnrolmentsRequest {
            state: 0,
            subdistrict: String::new(),
            page_size: PAGE,
            page_token,
        };
        let call = |mut client: RegistrationClient<Line>, request| async move {
            client.list_enrolments(request).await
        };
        let page = office.desk.registration(request, call).await?;
        all.extend(page.enrolments);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

/// A person's enrolment, asked for by the number on their paper as at a counter.
pub async fn enrolment_of(office: &Office, citizen: &Citizen) -> Result<Enrolment, Failure> {
    let request = GetEnrolmentRequest {
        key: Some(Key::Nik(citizen.person.nik.clone())),
    };
    let call = |mut client: RegistrationClient<Line>, request| async move {
        client.get_enrolment(request).await
    };
    let answer = office.desk.registration(request, call).await?;
    answer
        .enrolment
        .ok_or_else(|| Failure::Call("an enrolment was found and not answered".to_owned()))
}

/// The accounts of the centre's store and of the city's.
pub async fn stocks(office: &Office) -> Result<(Stock, Stock), Failure> {
    let call =
        |mut client: InventoryClient<Line>, request| async move { client.get_stock(request).await };
    let request = |location: &str| GetStockRequest {
        location: location.to_owned(),
    };
    let centre = office
        .store
        .inventory(request("centre"), call)
        .await?
        .stock
        .unwrap_or_default();
    let city = office
        .desk
        .inventory(request(office.place.district), call)
        .await?
        .stock
        .unwrap_or_default();
    Ok((centre, city))
}
