//! An honest terminal that works on while others rage: it reads its stock, enrols people, follows them on a stream, and is
//! never refused.
//!
//! What is easily got wrong: it has a thread of its own, or it would wait for the attackers on this side of the line.

use std::{collections::BTreeSet, net::SocketAddr, thread, time::Duration};

use ektp::{authority::Identity, cli::demo::people::Person, proto};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};
use uuid::Uuid;

use crate::{
    restart::channel_of,
    support::{
        office::Client,
        officers::{Line, OnShift},
        people::residents,
    },
    topics::follower::{Enrolments, Follower},
};

use super::DISTRICT;

/// Between two calls.
const CALL_EVERY: Duration = Duration::from_millis(5);
/// Every so many calls one is a write.
const WRITE_EVERY: usize = 40;
/// More people than it can enrol meanwhile.
const PEOPLE: usize = 9_000;

/// How long calls took, in rising order.
type Took = Vec<Duration>;

/// The terminal, as who sends it to work knows it.
pub struct Honest {
    shifts: mpsc::Sender<(Instant, oneshot::Sender<Took>)>,
    thread: thread::JoinHandle<()>,
}

impl Honest {
    pub fn begin(address: SocketAddr, identity: Identity, shift: Uuid) -> Self {
        let (shifts, mut asked) = mpsc::channel::<(Instant, oneshot::Sender<Took>)>(1);
        let life = async move {
            let line = Line::new(channel_of(&identity, address), OnShift(Some(shift)));
            let mut terminal = Terminal::begin(line).await;
            while let Some((until, told)) = asked.recv().await {
                told.send(terminal.work(until).await)
                    .expect("it is waited for");
            }
            terminal.end().await;
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let thread = thread::spawn(move || runtime.block_on(life));
        Self { shifts, thread }
    }

    /// Works until the time is over.
    pub async fn work(&self, until: Instant) -> Took {
        let (told, took) = oneshot::channel();
        let asked = self.shifts.send((until, told)).await;
        asked.expect("the honest terminal is at work");
        took.await.expect("every honest call was answered")
    }

    /// Goes home, when its stream has shown what it did.
    pub fn end(self) {
        drop(self.shifts);
        self.thread.join().expect("its stream has shown everybody");
    }
}

struct Terminal {
    client: Client,
    follower: Follower<Enrolments>,
    people: std::vec::IntoIter<Person>,
    enrolled: BTreeSet<String>,
    stock: proto::GetStockResponse,
}

impl Terminal {
    async fn begin(line: Line) -> Self {
        let mut client = Client::over(line);
        let follower = Follower::follow(&mut client).await;
        let stock = stock(&mut client).await;
        Self {
            client,
            follower,
            people: residents(DISTRICT, PEOPLE).into_iter(),
            enrolled: BTreeSet::new(),
            stock,
        }
    }

    async fn work(&mut self, until: Instant) -> Took {
        let mut took = Vec::new();
        let mut turn = interval(CALL_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            turn.tick().await;
            let begun = Instant::now();
            if took.len() % WRITE_EVERY == 0 {
                let person = self.people.next().expect("there are enough");
                let (enrolment, _) = self.client.enrol(&person).await;
                self.enrolled.insert(enrolment);
            } else {
                assert_eq!(stock(&mut self.client).await, self.stock);
            }
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        took
    }

    /// Its stream has shown each person whom it enrolled, and went on all the while.
    async fn end(mut self) {
        while self.follower.picture.len() < self.enrolled.len() {
            self.follower.change().await;
        }
        let shown: BTreeSet<String> = self.follower.picture.into_keys().collect();
        assert_eq!(shown, self.enrolled);
    }
}

async fn stock(client: &mut Client) -> proto::GetStockResponse {
    let asked = client
        .inventory
        .get_stock(proto::GetStockRequest::default());
    let answer = asked.await.expect("an honest call is answered");
    answer.into_inner()
}
