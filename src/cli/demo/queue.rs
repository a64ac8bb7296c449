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
        Document, Enrolment, ErrorReason, ExplainPositionRequest, GetEnrolmentRequest,
        GetPrintRequestRequest, GetStockRequest, HoldReason, LeasePrintRequestsRequest,
        ListEnrolmentsRequest, ListPrintRequestsRequest, LocalizedText, NextAction, PrintRequest,
        PrintRequestDraft, PrintRequestState, ShortSide, Stock, SubmitPrintRequestsRequest,
        explain_position_request, get_enrolment_request::Key, inventory_client::InventoryClient,
        print_queue_client::PrintQueueClient, registration_client::RegistrationClient,
        submit_print_request_result::Outcome,
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
    /// And of each that is taken and kept out of the queue.
    pub held: HashMap<String, usize>,
    /// How many are held for each reason.
    pub holds: BTreeMap<HoldReason, usize>,
    /// Who was refused, by the reason.
    pub refused: BTreeMap<ErrorReason, Vec<usize>>,
    /// What one of the refused, or else of the held, is told at the counter.
    pub words: Option<LocalizedText>,
    /// Whether every refused person was offered an interim certificate.
    pub offered: bool,
}

impl Submitted {
    /// How many were refused for a reason.
    pub fn refused_for(&self, reason: ErrorReason) -> usize {
        self.refused.get(&reason).map_or(0, Vec::len)
    }

    /// How many are held for a reason.
    pub fn held_for(&self, reason: HoldReason) -> usize {
        self.holds.get(&reason).copied().unwrap_or_default()
    }

    fn note(&mut self, place: usize, outcome: Outcome) {
        match outcome {
            Outcome::Queued(entry) => {
                self.queued.insert(entry.print_request_id, place);
            }
            Outcome::Held(held) => {
                let entry = held.entry.unwrap_or_default();
                for reason in entry.hold_reasons() {
                    *self.holds.entry(reason).or_default() += 1;
                }
                self.held.insert(entry.print_request_id, place);
                self.words = self.words.take().or(held.words);
            }
            Outcome::Refused(refusal) => {
                let offer = NextAction::IssueInterimCertificate;
                self.offered = self.offered && refusal.next_action() == offer;
                self.refused
                    .entry(refusal.reason())
                    .or_default()
                    .push(place);
                self.words = refusal.words.or(self.words.take());
            }
        }
    }
}

/// Asks for a card for everybody.
pub async fn submit(office: &Office, citizens: &[Citizen]) -> Result<Submitted, Failure> {
    let everybody: Vec<usize> = (0..citizens.len()).collect();
    submit_for(office, citizens, (&everybody, &[])).await
}

/// Asks for cards for some of the citizens, with the papers that they brought.
pub async fn submit_for(
    office: &Office,
    citizens: &[Citizen],
    (coming, papers): (&[usize], &[Document]),
) -> Result<Submitted, Failure> {
    let phase = Phase::begin("print requests", coming.len());
    let places: HashMap<&str, usize> = coming
        .iter()
        .map(|place| (citizens[*place].resident_id.as_str(), *place))
        .collect();
    let batches: Vec<Vec<PrintRequestDraft>> = coming
        .chunks(DRAFTS_A_CALL)
        .map(|batch| {
            batch
                .iter()
                .map(|place| draft(&citizens[*place], papers))
                .collect()
        })
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
    let mut submitted = Submitted {
        offered: true,
        ..Submitted::default()
    };
    while let Some(answer) = answers.try_next().await? {
        phase.advance(answer.results.len());
        for result in answer.results {
            let place = places.get(result.resident_id.as_str()).copied();
            let place = place.ok_or_else(|| {
                Failure::Call("a print request of nobody was answered".to_owned())
            })?;
            let outcome = result.outcome.ok_or_else(|| {
                Failure::Call("a print request was answered without an outcome".to_owned())
            })?;
            submitted.note(place, outcome);
        }
    }
    let refused: usize = submitted.refused.values().map(Vec::len).sum();
    phase.end(&format!(
        "{} queued, {} held, {refused} refused",
        submitted.queued.len(),
        submitted.held.len()
    ));
    Ok(submitted)
}

fn draft(citizen: &Citizen, papers: &[Document]) -> PrintRequestDraft {
    PrintRequestDraft {
        resident_id: citizen.resident_id.clone(),
        applicant_class: citizen.class.into(),
        documents: papers.iter().map(|paper| i32::from(*paper)).collect(),
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

/// Where a request stands and why, for people: the system's own words.
pub async fn why(office: &Office, print_request_id: &str) -> Result<String, Failure> {
    let request = ExplainPositionRequest {
        key: Some(explain_position_request::Key::PrintRequestId(
            print_request_id.to_owned(),
        )),
    };
    let call = |mut client: PrintQueueClient<Line>, request| async move {
        client.explain_position(request).await
    };
    let told = office.desk.print_queue(request, call).await?;
    let words = told.words.unwrap_or_default();
    Ok(format!(
        "one who waits, print request {print_request_id}: {} ({})",
        words.indonesian, words.english
    ))
}

/// How many of the requests stand where they must: the printed ones were the first of the queue as it was before the first
/// print (by class, seniority and id), and those that are left stand in their old order.
pub fn in_order(
    before: &[PrintRequest],
    is_printed: impl Fn(&str) -> bool,
    after: &[PrintRequest],
) -> usize {
    if !before.is_sorted_by_key(place) {
        return 0;
    }
    let printed = before
        .iter()
        .filter(|request| is_printed(id(request)))
        .count();
    let (first, rest) = before.split_at(printed);
    let first = first
        .iter()
        .filter(|request| is_printed(id(request)))
        .count();
    let waiting = rest.iter().zip(after);
    first
        + waiting
            .filter(|(before, after)| id(before) == id(after))
            .count()
}

/// What the order of the queue is a function of; the stories' rules order the classes as the contract numbers them.
fn place(request: &PrintRequest) -> (i32, Option<(i64, i32)>, &str) {
    let entry = request.entry.as_ref();
    let class = entry.map_or(0, |entry| entry.applicant_class);
    let seniority = entry.and_then(|entry| entry.seniority_time.as_ref());
    (
        class,
        seniority.map(|at| (at.seconds, at.nanos)),
        id(request),
    )
}

/// Its id.
pub fn id(request: &PrintRequest) -> &str {
    request
        .entry
        .as_ref()
        .map_or("", |entry| entry.print_request_id.as_str())
}
