//! The ministry's side: the matching engine that gives verdicts, and the store that sends blanks.
//!
//! What is easily got wrong: the engine asks for exactly as many enrolments as wait for it, on one stream that stays open
//! for half a year of the story; what it never asked for stays SENT.

use std::collections::{BTreeMap, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use super::{
    citizen::{Citizen, Part},
    enrol::refused,
    office::Office,
};
use crate::{
    cli::{
        Failure,
        client::{self, Line, Terminal, request_id},
    },
    proto::{
        CheckTask, DispatchShipmentRequest, EnrolmentState, LeaseChecksRequest,
        LeaseChecksResponse, ReceiveShipmentRequest, RecordEnrolmentResponse,
        RecordVerdictsRequest, RegisterDeliveryRequest, SerialRange, Shipment, Verdict,
        VerdictOutcome, inventory_client::InventoryClient, registration_client::RegistrationClient,
        verdict_result,
    },
};

/// The first of the numbered blanks.
const FIRST_SERIAL: i64 = 350_000_001;
/// Verdicts of one call, and calls at a time.
const VERDICTS_A_CALL: usize = 100;
const CALLS_AT_A_TIME: usize = 2;
/// What an engine may ask for at once.
const WANTED_MAX: usize = 1_000;

/// The centre's matching engine.
pub struct Matcher {
    terminal: Terminal,
    stream: Option<(
        mpsc::Sender<LeaseChecksRequest>,
        Streaming<LeaseChecksResponse>,
    )>,
    /// Who may be handed out: the enrolment's place among the citizens.
    expected: HashMap<String, usize>,
    verdicts: BTreeMap<EnrolmentState, usize>,
}

impl Matcher {
    /// An engine that has not asked for anything yet.
    pub fn new(office: &Office) -> Self {
        let terminal = office.matcher.clone();
        Self {
            terminal,
            stream: None,
            expected: HashMap::new(),
            verdicts: BTreeMap::new(),
        }
    }

    /// Somebody was recorded; only a complete record comes to the engine.
    pub fn expect(&mut self, recorded: &RecordEnrolmentResponse, place: usize, part: Part) {
        if part.is_captured() {
            self.expected.insert(recorded.enrolment_id.clone(), place);
        }
    }

    /// How many enrolments the verdicts brought into each state, by the system's answers.
    pub fn verdicts(&self) -> &BTreeMap<EnrolmentState, usize> {
        &self.verdicts
    }

    /// Leases everything that waits, and records the verdicts that the story has for them.
    pub async fn work_off(&mut self, citizens: &[Citizen]) -> Result<(), Failure> {
        let mut verdicts = Vec::new();
        while !self.expected.is_empty() {
            let mut wanted = self.expected.len().min(WANTED_MAX);
            self.ask(wanted).await?;
            while wanted > 0 {
                let tasks = self.next().await?;
                wanted = wanted.saturating_sub(tasks.len());
                for task in tasks {
                    let place = self.expected.remove(&task.enrolment_id).ok_or_else(|| {
                        Failure::Call(
                            "the engine was handed an enrolment that nobody sent".to_owned(),
                        )
                    })?;
                    verdicts.extend(verdict(citizens[place].part, &task));
                }
            }
        }
        self.record(verdicts).await
    }

    async fn ask(&mut self, wanted: usize) -> Result<(), Failure> {
        let wanted = LeaseChecksRequest {
            wanted: u32::try_from(wanted).expect("at most a thousand"),
        };
        if let Some((asking, _)) = &self.stream {
            return asking.send(wanted).await.map_err(|_| broken());
        }
        let (asking, asked) = mpsc::channel(1);
        // Sent before the call: a server may wait for the first message before it answers.
        asking.send(wanted).await.map_err(|_| broken())?;
        let mut client = self.terminal.registration_client();
        let answers = client
            .lease_checks(ReceiverStream::new(asked))
            .await?
            .into_inner();
        self.stream = Some((asking, answers));
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<CheckTask>, Failure> {
        let (_, answers) = self.stream.as_mut().ok_or_else(broken)?;
        Ok(answers.message().await?.ok_or_else(broken)?.tasks)
    }

    async fn record(&mut self, verdicts: Vec<Verdict>) -> Result<(), Failure> {
        let batches: Vec<Vec<Verdict>> = verdicts
            .chunks(VERDICTS_A_CALL)
            .map(<[Verdict]>::to_vec)
            .collect();
        let terminal = &self.terminal;
        let calls = batches.into_iter().map(|verdicts| {
            let request = RecordVerdictsRequest {
                request_id: request_id(),
                verdicts,
            };
            terminal.registration(
                request,
                |mut client: RegistrationClient<_>, request| async move {
                    client.record_verdicts(request).await
                },
            )
        });
        let answers: Vec<_> = stream::iter(calls)
            .buffer_unordered(CALLS_AT_A_TIME)
            .try_collect()
            .await?;
        for result in answers.into_iter().flat_map(|answer| answer.results) {
            match result.outcome {
                Some(verdict_result::Outcome::Refused(refusal)) => {
                    return Err(refused("a verdict", &refusal));
                }
                Some(verdict_result::Outcome::State(state)) => {
                    let state = EnrolmentState::try_from(state).unwrap_or_default();
                    *self.verdicts.entry(state).or_default() += 1;
                }
                None => {
                    return Err(Failure::Call(
                        "a verdict was answered without an outcome".to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn broken() -> Failure {
    Failure::Call("the engine's stream ended".to_owned())
}

fn verdict(part: Part, task: &CheckTask) -> Option<Verdict> {
    let outcome = match part {
        Part::Ready | Part::Paperless => VerdictOutcome::Unique,
        Part::Duplicate => VerdictOutcome::Duplicate,
        Part::Undecided => VerdictOutcome::Undecided,
        Part::Mismatched => VerdictOutcome::DemographicMismatch,
        Part::Unreadable => VerdictOutcome::CaptureUnreadable,
        // Still at the centre when the story is told.
        Part::Waiting | Part::Uncaptured => return None,
    };
    Some(Verdict {
        enrolment_id: task.enrolment_id.clone(),
        fence: task.fence,
        outcome: outcome.into(),
    })
}

/// The maker delivers to the centre, and the centre sends everything to the office.
pub async fn send_blanks(office: &Office, blanks: u32) -> Result<Shipment, Failure> {
    let run = SerialRange {
        first: FIRST_SERIAL,
        last: FIRST_SERIAL + i64::from(blanks) - 1,
    };
    let delivery = RegisterDeliveryRequest {
        request_id: request_id(),
        document_number: "BA/2017/04/001".to_owned(),
        serials: vec![run],
    };
    let register = |mut client: InventoryClient<Line>, request| async move {
        client.register_delivery(request).await
    };
    office.store.inventory(delivery, register).await?;
    let dispatch = DispatchShipmentRequest {
        request_id: request_id(),
        destination: office.place.district.to_owned(),
        document_number: format!("SJ/{}/2017/001", office.place.district),
        serials: vec![run],
        origin: String::new(),
        blank_request_id: String::new(),
    };
    let send = |mut client: InventoryClient<Line>, request| async move {
        client.dispatch_shipment(request).await
    };
    let answer = office.store.inventory(dispatch, send).await?;
    answer
        .shipment
        .ok_or_else(|| Failure::Call("a shipment was dispatched and not answered".to_owned()))
}

/// The office takes in what arrived.
pub async fn receive_blanks(office: &Office, shipment: &Shipment) -> Result<Shipment, Failure> {
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.receive_shipment(request).await
    };
    let answer = office
        .stockkeeper
        .inventory(receipt(office, shipment), call)
        .await?;
    answer
        .shipment
        .ok_or_else(|| Failure::Call("a shipment was received and not answered".to_owned()))
}

pub fn receipt(office: &Office, shipment: &Shipment) -> ReceiveShipmentRequest {
    ReceiveShipmentRequest {
        request_id: request_id(),
        shipment_id: shipment.shipment_id.clone(),
        serials: shipment.serials.clone(),
        document_number: format!("BAST/{}/2017/001", office.place.district),
    }
}

/// Whether somebody who is not the city's office can take in its blanks, and so open the service (S0-15).
pub async fn stranger_can_receive(office: &Office, shipment: &Shipment) -> Result<bool, Failure> {
    let call = |mut client: InventoryClient<Line>, request| async move {
        client.receive_shipment(request).await
    };
    went_through(
        office
            .matcher
            .inventory(receipt(office, shipment), call)
            .await,
    )
}

/// Whether a district's terminal can give a verdict (S0-16).
pub async fn district_can_judge(office: &Office, enrolment_id: &str) -> Result<bool, Failure> {
    let verdict = Verdict {
        enrolment_id: enrolment_id.to_owned(),
        fence: 1,
        outcome: VerdictOutcome::Unique.into(),
    };
    let request = RecordVerdictsRequest {
        request_id: request_id(),
        verdicts: vec![verdict],
    };
    let call = |mut client: RegistrationClient<Line>, request| async move {
        client.record_verdicts(request).await
    };
    went_through(office.desk.registration(request, call).await)
}

fn went_through<T>(answer: Result<T, Status>) -> Result<bool, Failure> {
    match answer {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::PermissionDenied => Ok(false),
        Err(status) => Err(Failure::Call(client::in_words(&status))),
    }
}
