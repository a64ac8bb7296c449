//! Clients that hang up at random moments: sixteen writers drop most of their calls within three milliseconds, and then
//! ask again under the same request ids.
//!
//! What is easily got wrong: a call that was dropped may have been carried out, may be under way, or may never have
//! arrived. Which of them is the client's business only through its request id.

use std::collections::BTreeSet;

use ektp::proto::{
    self, interim_certificate_result::Outcome as Issued, print_step_result::Outcome as Step,
};
use prost::Message;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::time::Duration;

use crate::support::{
    look,
    office::{Office, request_id},
    officers::Line,
    people::{draft, key, residents},
    raw,
};

const DISTRICT: &str = "35.75";
const WRITERS: usize = 16;
/// People whom each writer enrols and certifies.
const PEOPLE_EACH: usize = 11;
/// Cards that each writer leases, binds and prints, one after the other.
const CARDS_EACH: usize = 3;
/// The blanks of the district's store.
const BLANKS: (i64, i64) = (8_000_001, 8_000_100);
/// The longest time until a client hangs up: about as long as an act takes.
const PATIENCE_MAX_MICROS: u64 = 3_000;

/// Sessions of this database that wait for a row.
const WAITING: &str =
    "pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";

/// One writer: its line to the server and its luck.
struct Writer {
    channel: Line,
    rng: ChaCha8Rng,
    acknowledged: usize,
    dropped: usize,
}

impl Writer {
    /// Sends a write, hangs up after a moment, and asks again until there is an answer; it is the first one's.
    async fn write<M: Message, R: Message + Default>(&mut self, method: &str, message: M) -> R {
        let path = format!("/ektp.v1.{method}");
        let bytes = message.encode_to_vec();
        let moment = Duration::from_micros(self.rng.random_range(0..=PATIENCE_MAX_MICROS));
        let impatient = tokio::time::timeout(moment, raw::call(&self.channel, &path, &bytes)).await;
        let last = raw::insist(&self.channel, &path, &bytes).await;
        let last = last.unwrap_or_else(|status| panic!("{path}: {status:?}"));
        match impatient {
            Ok(Ok(first)) => {
                self.acknowledged += 1;
                assert_eq!(first, last, "{path}: the first answer is the last one too");
            }
            Ok(Err(_)) => {}
            Err(_) => self.dropped += 1,
        }
        R::decode(last[0].as_slice()).expect("an answer of the contract")
    }

    async fn enrol_and_certify(&mut self, people: &[ektp::cli::demo::people::Person]) {
        for person in people {
            let request = proto::RecordEnrolmentRequest {
                request_id: request_id(),
                enrolment: Some(draft(person)),
            };
            let recorded: proto::RecordEnrolmentResponse =
                self.write("Registration/RecordEnrolment", request).await;
            let request = proto::IssueInterimCertificatesRequest {
                request_id: request_id(),
                enrolment_ids: vec![recorded.enrolment_id],
            };
            let issued: proto::IssueInterimCertificatesResponse = self
                .write("Registration/IssueInterimCertificates", request)
                .await;
            assert!(
                matches!(issued.results[0].outcome, Some(Issued::Certificate(_))),
                "{issued:?}"
            );
        }
    }

    /// Takes one request from the queue and a blank from the store, and makes a card of them or a spoiled blank.
    async fn print(&mut self, serial: i64, spoil: bool) {
        let request = proto::LeasePrintRequestsRequest {
            request_id: request_id(),
            count: 1,
            location: String::new(),
        };
        let leased: proto::LeasePrintRequestsResponse =
            self.write("PrintQueue/LeasePrintRequests", request).await;
        let lease = key(&leased.leases[0]);
        let binding = proto::BlankBinding {
            lease: Some(lease.clone()),
            serial,
            chip_uid: format!("04{serial:012x}"),
        };
        let request = proto::BindBlanksRequest {
            request_id: request_id(),
            bindings: vec![binding],
        };
        let bound: proto::BindBlanksResponse = self.write("PrintQueue/BindBlanks", request).await;
        assert!(
            matches!(bound.results[0].outcome, Some(Step::Entry(_))),
            "{bound:?}"
        );
        let results = if spoil {
            let blank = proto::SpoiledBlank {
                lease: Some(lease),
                serial,
                kind: proto::SpoilageKind::PrintFailure.into(),
            };
            let request = proto::ReportSpoiledRequest {
                request_id: request_id(),
                blanks: vec![blank],
            };
            self.write::<_, proto::ReportSpoiledResponse>("PrintQueue/ReportSpoiled", request)
                .await
                .results
        } else {
            let card = proto::PrintedCard {
                lease: Some(lease),
                serial,
            };
            let request = proto::ReportPrintedRequest {
                request_id: request_id(),
                cards: vec![card],
            };
            self.write::<_, proto::ReportPrintedResponse>("PrintQueue/ReportPrinted", request)
                .await
                .results
        };
        assert!(
            matches!(results[0].outcome, Some(Step::Entry(_))),
            "{results:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_half_done() {
    let office = Office::open().await;
    office.stock(DISTRICT, BLANKS.0, BLANKS.1).await;
    let cards = WRITERS * CARDS_EACH;
    let spoiled = WRITERS;
    office.queued(DISTRICT, cards).await;
    let people = residents(DISTRICT, cards + WRITERS * PEOPLE_EACH).split_off(cards);

    let mut writers = Vec::new();
    for (number, people) in people.chunks(PEOPLE_EACH).enumerate() {
        let channel = office
            .terminal(&format!("{DISTRICT}/office/{}", number + 1))
            .await
            .channel;
        let seed = u64::try_from(number).expect("a small number");
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut writer = Writer {
            channel,
            rng,
            acknowledged: 0,
            dropped: 0,
        };
        let people = people.to_vec();
        writers.push(tokio::spawn(async move {
            let first =
                BLANKS.0 + i64::try_from(number * (CARDS_EACH + 1)).expect("a small number");
            writer.enrol_and_certify(&people).await;
            writer.print(first, true).await;
            for serial in first + 1..=first + i64::try_from(CARDS_EACH).expect("a small number") {
                writer.print(serial, false).await;
            }
            (writer.acknowledged, writer.dropped)
        }));
    }
    let (mut acknowledged, mut dropped) = (0, 0);
    for writer in writers {
        let (heard, unheard) = writer.await.expect("every request id gets its answer");
        acknowledged += heard;
        dropped += unheard;
    }
    let writes = WRITERS * (2 * PEOPLE_EACH + 3 * (CARDS_EACH + 1));
    assert!(
        writes > 400 && dropped > writes / 10,
        "{writes} writes, {dropped} dropped, {acknowledged} heard at once"
    );

    look::until_none(
        &office.sql,
        "pg_stat_activity where datname = current_database() and state like 'idle in transaction%'",
    )
    .await;
    everything_happened_once(&office, (cards, spoiled)).await;
    stock_is_conserved(&office, (cards, spoiled)).await;
}

#[tokio::test]
async fn an_act_whose_client_hung_up_is_carried_out_to_its_end() {
    let office = Office::open().await;
    let channel = office.terminal("35.75/office/1").await.channel;
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(draft(&residents(DISTRICT, 1)[0])),
    };
    // Somebody else holds the district's ledger, so that the act stands just before its end.
    let mut other = office.sql.begin().await.expect("a session of our own");
    sqlx::raw_sql("select from feed_head where district = 3575 for update")
        .execute(&mut *other)
        .await
        .expect("nobody else is here");
    let (line, message) = (channel.clone(), request.encode_to_vec());
    let call = tokio::spawn(async move {
        raw::call(&line, "/ektp.v1.Registration/RecordEnrolment", &message).await
    });
    look::until_some(&office.sql, WAITING).await;
    call.abort();
    assert!(call.await.is_err(), "the client has hung up");
    // On one line things arrive in their order: with this answer the server knows it too.
    raw::call(&channel, "/grpc.health.v1.Health/Check", &[])
        .await
        .expect("the server is well");
    assert_eq!(
        look::count(&office.sql, WAITING).await,
        1,
        "the act still waits"
    );
    other.rollback().await.expect("nothing was written");

    look::until_some(&office.sql, "enrolment").await;
    let stored = look::count(&office.sql, "request where answer_code = 0").await;
    assert_eq!(stored, 1, "its answer waits for who asks again");
}

async fn everything_happened_once(office: &Office, (cards, spoiled): (usize, usize)) {
    let count =
        async |of: &str| usize::try_from(look::count(&office.sql, of).await).expect("not negative");
    let people = cards + WRITERS * PEOPLE_EACH;
    for (of, expected) in [
        ("resident", people),
        ("enrolment", people),
        ("interim_certificate", people),
        ("interim_certificate where state = 'ACTIVE'", people),
        ("print_request", cards),
        ("print_request where state = 'PRINTED'", cards),
        ("card where state = 'AT_SITE'", cards),
        ("collection where state = 'AWAITING'", cards),
        ("movement where kind = 'BOUND'", cards + spoiled),
        ("movement where kind = 'PRINTED'", cards),
        ("movement where kind = 'SPOILED'", spoiled),
        ("request where answer_code is null", 0),
    ] {
        assert_eq!(count(of).await, expected, "{of}");
    }
    let attempts: i64 = sqlx::query_scalar("select sum(attempt)::bigint from print_request")
        .fetch_one(&office.sql)
        .await
        .expect("the requests can be read");
    assert_eq!(
        usize::try_from(attempts),
        Ok(cards + spoiled),
        "each spoiled blank adds one attempt"
    );
    // The ledger is dense: its head is the number of its events.
    let heads: Vec<(i64, i64)> = sqlx::query_as(
        "select h.head, count(e.revision) from feed_head h join feed_event e using (district) group by h.district",
    )
    .fetch_all(&office.sql)
    .await
    .expect("the ledger can be read");
    assert!(
        heads.iter().all(|(head, events)| head == events),
        "{heads:?}"
    );
}

async fn stock_is_conserved(office: &Office, (cards, spoiled): (usize, usize)) {
    let mut terminal = office.terminal("35.75/office/99").await;
    let answer = terminal
        .inventory
        .get_stock(proto::GetStockRequest::default())
        .await
        .expect("an account");
    let stock = answer.into_inner().stock.expect("an account");
    let (cards, spoiled) = (cards as u64, spoiled as u64);
    assert_eq!(
        (stock.at_site, stock.spoiled, stock.bound),
        (cards, spoiled, 0)
    );
    let accounted = stock.sent_on
        + stock.in_stock
        + stock.bound
        + stock.at_site
        + stock.handed_over
        + stock.spoiled;
    assert_eq!(stock.received, accounted, "{stock:?}");
    assert_eq!(stock.received, 100);
    let serials: Vec<i64> = sqlx::query_scalar("select serial from card order by serial")
        .fetch_all(&office.sql)
        .await
        .expect("the cards can be read");
    let distinct: BTreeSet<i64> = serials.iter().copied().collect();
    assert_eq!(distinct.len(), serials.len(), "one card for each serial");
}
