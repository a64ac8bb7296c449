//! One printer walks from lease to report, and at each step the server or its Postgres dies by SIGKILL. The printer does what
//! the contract asks of it: the same call again, with the same request id. At the end everything that was acknowledged is
//! there, once.
//!
//! What is easily got wrong: a kill that comes "during" a call usually comes before it or after it. So every act stops at a
//! gate in its own COMMIT (a deferred trigger of this test), and is killed there, or let through while the server is frozen:
//! then it is committed and nobody can have been told.

mod book;
mod machine;

use std::{net::SocketAddr, path::Path};

use ektp::proto::{self, OfficerRole, PrintRequestState, SpoilageKind, print_step_result::Outcome};
use prost::Message as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use self::{
    book::{Book, contradictions, told},
    machine::{Call, Gate, MOMENTS, Machine, Moment, VICTIMS, Victim},
};
use super::{DISTRICT, channel, print_ready, serve, terminal_of};
use crate::{
    print_queue::submitted,
    support::{
        Folder,
        front_door::{self, FrontDoor},
        office::{Client, request_id},
        officers::Line,
        people::{deliver, key},
        soak,
    },
};

/// The moments move on from round to round, and so do the victims: after so many rounds each step has met each victim at each
/// moment.
const WHOLE: usize = MOMENTS.len() * VICTIMS.len();
/// So many are walked, beginning anywhere.
const ROUNDS: usize = WHOLE / 2;
/// Of a round's cards one is printed, one is spoiled, one stays bound.
const EACH: usize = 3;
/// Whose blank was spoiled comes first in the next round.
const PEOPLE: usize = ROUNDS * (EACH - 1) + 1;
const LEASE: &str = "/ektp.v1.PrintQueue/LeasePrintRequests";
const BIND: &str = "/ektp.v1.PrintQueue/BindBlanks";
const SPOILED: &str = "/ektp.v1.PrintQueue/ReportSpoiled";
const PRINTED: &str = "/ektp.v1.PrintQueue/ReportPrinted";

/// The one walk of the printer, round by round.
struct Walk {
    machine: Machine,
    book: Book,
    round: usize,
    step: usize,
}

impl Walk {
    /// The kill of the next call.
    fn blow(&mut self) -> (Moment, Victim) {
        let blow = (
            MOMENTS[(self.round + self.step) % MOMENTS.len()],
            VICTIMS[self.round % VICTIMS.len()],
        );
        self.step += 1;
        blow
    }

    async fn lease(&mut self) -> Vec<proto::Lease> {
        let request = proto::LeasePrintRequestsRequest {
            request_id: request_id(),
            count: u32::try_from(EACH).expect("a few"),
            location: String::new(),
        };
        let blow = self.blow();
        let call = Call {
            path: LEASE,
            request_id: request.request_id.clone(),
            message: request.encode_to_vec(),
        };
        let answer = self.machine.struck(call, blow).await;
        let answer = proto::LeasePrintRequestsResponse::decode(&*answer).expect("its own answer");
        assert_eq!(answer.leases.len(), EACH, "each call leases once");
        for lease in &answer.leases {
            self.book.stage(&key(lease).print_request_id, "LEASED");
        }
        answer.leases
    }

    async fn bind(&mut self, leases: &[proto::Lease], first: i64) {
        let bindings = leases
            .iter()
            .zip(first..)
            .map(|(lease, serial)| proto::BlankBinding {
                lease: Some(key(lease)),
                serial,
                chip_uid: format!("04{serial:012x}"),
            });
        let request = proto::BindBlanksRequest {
            request_id: request_id(),
            bindings: bindings.collect(),
        };
        let id = request.request_id.clone();
        self.done(BIND, id, request.encode_to_vec(), PrintRequestState::Bound)
            .await;
        for (lease, serial) in leases.iter().zip(first..) {
            let id = key(lease).print_request_id;
            self.book.stage(&id, "BOUND");
            self.book.card(serial, &id, "BOUND");
        }
    }

    async fn spoil(&mut self, lease: &proto::Lease, serial: i64) {
        let blank = proto::SpoiledBlank {
            lease: Some(key(lease)),
            serial,
            kind: SpoilageKind::PrintFailure.into(),
        };
        let request = proto::ReportSpoiledRequest {
            request_id: request_id(),
            blanks: vec![blank],
        };
        let id = request.request_id.clone();
        self.done(
            SPOILED,
            id,
            request.encode_to_vec(),
            PrintRequestState::Queued,
        )
        .await;
        let id = key(lease).print_request_id;
        self.book.stage(&id, "QUEUED");
        self.book.card(serial, &id, "SPOILED");
    }

    async fn report(&mut self, lease: &proto::Lease, serial: i64) {
        let card = proto::PrintedCard {
            lease: Some(key(lease)),
            serial,
        };
        let request = proto::ReportPrintedRequest {
            request_id: request_id(),
            cards: vec![card],
        };
        let id = request.request_id.clone();
        self.done(
            PRINTED,
            id,
            request.encode_to_vec(),
            PrintRequestState::Printed,
        )
        .await;
        let id = key(lease).print_request_id;
        self.book.stage(&id, "PRINTED");
        self.book.card(serial, &id, "AT_SITE");
    }

    /// The call, struck; every item comes into that state.
    async fn done(
        &mut self,
        path: &'static str,
        request_id: String,
        message: Vec<u8>,
        state: PrintRequestState,
    ) {
        let blow = self.blow();
        let call = Call {
            path,
            request_id,
            message,
        };
        let answer = self.machine.struck(call, blow).await;
        // The three answers have one form.
        let answer = proto::BindBlanksResponse::decode(&*answer).expect("its own answer");
        for result in answer.results {
            match result.outcome.expect("every item gets an outcome") {
                Outcome::Entry(entry) => assert_eq!(entry.state(), state, "{path} under {blow:?}"),
                Outcome::Refused(refusal) => panic!("{path} under {blow:?}: {refusal:?}"),
            }
        }
    }
}

/// A printer's room with people in the queue and blanks in the hopper; answers the printer's line and the requests.
async fn room(data: &Path, address: SocketAddr) -> (Line, Vec<String>) {
    let mut front_door = FrontDoor::open(channel(data, address, "ektp://centre/policy")).await;
    let mut lines = Vec::new();
    for (principal, district, role) in [
        (terminal_of(1), DISTRICT, OfficerRole::Counter),
        (terminal_of(2), DISTRICT, OfficerRole::Stock),
        (terminal_of(3), DISTRICT, OfficerRole::Printer),
        ("ektp://centre/store".to_owned(), "", OfficerRole::Stock),
    ] {
        let officer = front_door.hire(district, role).await;
        let channel = channel(data, address, &principal);
        lines.push(front_door::open_shift(channel, &officer).await);
    }
    let [counter, stock, printer, store] = <[Line; 4]>::try_from(lines).expect("four came to work");
    let blanks = i64::try_from(ROUNDS * EACH).expect("a few");
    let (mut store, mut stock) = (Client::over(store), Client::over(stock));
    deliver(&mut store, &mut stock, DISTRICT, (1, blanks)).await;
    let matcher = channel(data, address, "ektp://centre/matcher");
    let ids = print_ready(&counter, matcher, PEOPLE).await;
    let results = Client::over(counter).submit(&ids).await;
    let requests = results.iter().map(|result| {
        let entry = submitted(result).expect("they are print-ready");
        assert_eq!(entry.state(), PrintRequestState::Queued);
        entry.print_request_id.clone()
    });
    (printer, requests.collect())
}

#[tokio::test]
async fn a_kill_at_any_step_of_a_printer_takes_nothing_back_and_prints_nothing_twice() {
    let seed = soak::seed();
    eprintln!("the kills are those of EKTP_SOAK_SEED={seed}");
    let folder = Folder::new();
    let data = folder.join("data");
    front_door::found(&data);
    let serving = serve(&data, "127.0.0.1:0").await;
    let (line, requests) = room(&data, serving.address).await;
    Gate::reach(&data).await.build().await;
    let mut book = Book::default();
    for request in requests {
        book.stages.insert(request, vec!["QUEUED".to_owned()]);
    }
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let begin = dice.random_range(0..WHOLE);
    let machine = Machine {
        data,
        serving,
        line,
        dice,
    };
    let (round, step) = (0, 0);
    let mut walk = Walk {
        machine,
        book,
        round,
        step,
    };
    for round in 0..ROUNDS {
        (walk.round, walk.step) = (begin + round, 0);
        let first = i64::try_from(1 + round * EACH).expect("a few");
        let leases = walk.lease().await;
        walk.bind(&leases, first).await;
        walk.spoil(&leases[1], first + 1).await;
        walk.report(&leases[0], first).await;
    }
    let Gate(mut session) = Gate::reach(&walk.machine.data).await;
    let none: [&str; 0] = [];
    assert_eq!(contradictions(&mut session).await, none);
    assert_eq!(told(&mut session).await, walk.book);
    let leases: i64 = sqlx::query_scalar("select count(*) from dispatch")
        .fetch_one(&mut session)
        .await
        .expect("it can be read");
    assert_eq!(usize::try_from(leases), Ok(ROUNDS), "each call leased once");
}
