//! The cards find their holders: notices for those with a phone, tasks for the villages' officers, and the first morning of
//! handovers.
//!
//! What is easily got wrong: a card that was handed over no longer awaits anybody. Notices and tasks are counted before.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use time::OffsetDateTime;
use tokio::time::Instant;
use tonic::Status;

use crate::{
    areas,
    cli::{
        Failure,
        client::{self, Line, Terminal, request_id},
        demo::{
            office::Office,
            place::{self, LOCAL},
            progress::Phase,
        },
    },
    ids::{Subdistrict, Village},
    proto::{
        Collection, CompleteHandoverRequest, CompleteHandoverResponse, ListAwaitingRequest,
        ListContactTasksRequest, MatchEvidence, NoticeState, StartHandoverRequest,
        handover_client::HandoverClient,
    },
};

/// Holders who come on the first morning.
const COMING: usize = 120;
/// Counters that hand out at a time.
const AT_A_TIME: usize = 4;
/// Notices are sent by a chore every second; this bounds the wait for the last ones.
const NOTICES_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often the wait looks.
const NOTICES_LOOK_EVERY: Duration = Duration::from_millis(250);
/// The reason that a failed match is refused with, as ErrorInfo carries it.
const MATCH_FAILED: &str = "MATCH_FAILED";
/// The largest page.
const PAGE: u32 = 500;

/// What the holders were told, and what they took home.
pub struct Collected {
    /// The cards that await their holders, before the first handover.
    pub awaiting: Vec<Collection>,
    /// Contact tasks by village.
    pub tasks: BTreeMap<Village, usize>,
    /// Handovers that the system took.
    pub handed_over: usize,
    /// Interim certificates taken back with them.
    pub surrendered: usize,
    /// The finger did not match the card: whether the system refused.
    pub mismatch_refused: bool,
}

impl Collected {
    /// How many notices stand at a state.
    pub fn notices(&self, state: NoticeState) -> usize {
        self.awaiting
            .iter()
            .filter(|collection| collection.notice_state() == state)
            .count()
    }
}

/// Counts who was told and how, then hands out the first cards.
pub async fn run(office: &Office, printed: usize) -> Result<Collected, Failure> {
    let phase = Phase::begin("notices and handovers", COMING);
    let awaiting = told(office).await?;
    if awaiting.len() != printed {
        return Err(Failure::Differs(format!(
            "{printed} cards were printed and {} await their holders",
            awaiting.len()
        )));
    }
    let mut tasks = BTreeMap::new();
    for (number, code) in office.place.subdistricts.iter().enumerate() {
        let subdistrict: Subdistrict = code
            .parse()
            .map_err(|_| Failure::Call("a subdistrict's code is none".to_owned()))?;
        // Two share a subdistrict's villages: nobody may look at more persons a day than the quota allows.
        let officers = [&office.counters[number], &office.rounds[number]];
        let officers = officers.into_iter().cycle();
        for (village, officer) in areas::villages_of(subdistrict).zip(officers) {
            tasks.insert(village, contact_tasks(officer, village).await?);
        }
    }
    open_next_morning(office);
    let (first, rest) = awaiting.split_at(awaiting.len().min(1));
    let mismatch_refused = match first.first() {
        Some(collection) => is_match_failed(&hand_over(office, collection, false).await),
        None => false,
    };
    let handovers = rest.iter().take(COMING).map(|collection| async {
        let receipt = hand_over(office, collection, true).await?;
        phase.advance(1);
        Ok::<_, Failure>(receipt)
    });
    let receipts: Vec<_> = stream::iter(handovers)
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let surrendered = receipts
        .iter()
        .filter(|receipt| receipt.interim_certificate_surrendered)
        .count();
    phase.end(&format!("{} cards handed over", receipts.len()));
    Ok(Collected {
        tasks,
        handed_over: receipts.len(),
        surrendered,
        mismatch_refused,
        awaiting,
    })
}

/// Waits until every notice has left the house, within a bound; answers all cards that await their holders.
async fn told(office: &Office) -> Result<Vec<Collection>, Failure> {
    let until = Instant::now() + NOTICES_WAIT_MAX;
    loop {
        let awaiting = awaiting(office).await?;
        let is_queued = |collection: &Collection| collection.notice_state() == NoticeState::Queued;
        if !awaiting.iter().any(is_queued) || Instant::now() >= until {
            return Ok(awaiting);
        }
        tokio::time::sleep(NOTICES_LOOK_EVERY).await;
    }
}

async fn awaiting(office: &Office) -> Result<Vec<Collection>, Failure> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListAwaitingRequest {
            subdistrict: String::new(),
            page_size: PAGE,
            page_token,
        };
        let call = |mut client: HandoverClient<Line>, request| async move {
            client.list_awaiting(request).await
        };
        let page = office.desk.handover(request, call).await?;
        all.extend(page.collections);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

async fn contact_tasks(officer: &Terminal, village: Village) -> Result<usize, Failure> {
    let mut count = 0;
    let mut page_token = String::new();
    loop {
        let request = ListContactTasksRequest {
            village: village.to_string(),
            page_size: PAGE,
            page_token,
        };
        let call = |mut client: HandoverClient<Line>, request| async move {
            client.list_contact_tasks(request).await
        };
        let page = officer.handover(request, call).await?;
        count += page.contact_tasks.len();
        if page.next_page_token.is_empty() {
            return Ok(count);
        }
        page_token = page.next_page_token;
    }
}

fn open_next_morning(office: &Office) {
    let evening: OffsetDateTime = office.clock.now().to_offset(LOCAL);
    let tomorrow = evening
        .date()
        .next_day()
        .expect("the story ends long before the calendar does");
    office.clock.set(place::after_working(tomorrow, 0));
}

async fn hand_over(
    office: &Office,
    collection: &Collection,
    matched: bool,
) -> Result<CompleteHandoverResponse, Status> {
    let start = StartHandoverRequest {
        request_id: request_id(),
        collection_id: collection.collection_id.clone(),
    };
    let call = |mut client: HandoverClient<Line>, request| async move {
        client.start_handover(request).await
    };
    let challenge = office.desk.handover(start, call).await?;
    let complete = CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: challenge.challenge_id,
        nonce: challenge.nonce,
        evidence: Some(MatchEvidence {
            reader_id: "reader-1".to_owned(),
            matched,
            score: if matched { 8_700 } else { 40 },
        }),
    };
    let call = |mut client: HandoverClient<Line>, request| async move {
        client.complete_handover(request).await
    };
    office.desk.handover(complete, call).await
}

fn is_match_failed(answer: &Result<CompleteHandoverResponse, Status>) -> bool {
    answer
        .as_ref()
        .is_err_and(|status| client::reason(status) == MATCH_FAILED)
}
