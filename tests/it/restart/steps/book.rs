//! What the printer was told, what the database says of it, and what must be nowhere.

use std::collections::BTreeMap;

use sqlx::PgConnection;

/// What was acknowledged.
#[derive(Debug, Default, PartialEq)]
pub struct Book {
    /// The states of each request, one after the other.
    pub stages: BTreeMap<String, Vec<String>>,
    /// Each blank that was bound: for which request, and what it is now.
    cards: BTreeMap<i64, (String, String)>,
}

impl Book {
    pub fn stage(&mut self, request: &str, state: &str) {
        let stages = self.stages.get_mut(request).expect("it is in the queue");
        stages.push(state.to_owned());
    }

    pub fn card(&mut self, serial: i64, request: &str, state: &str) {
        self.cards
            .insert(serial, (request.to_owned(), state.to_owned()));
    }
}

/// What the database says, in the form of the book; and where it contradicts itself.
pub async fn told(session: &mut PgConnection) -> Book {
    let mut book = Book::default();
    let stages: Vec<(String, i32, String)> = sqlx::query_as(
        "select print_request_id::text, stage, state from request_stage order by print_request_id, stage",
    )
    .fetch_all(&mut *session)
    .await
    .expect("stages can be read");
    for (request, stage, state) in stages {
        let stages = book.stages.entry(request).or_default();
        stages.push(state);
        assert_eq!(
            stages.len(),
            usize::try_from(stage).expect("it counts from 1"),
            "no gap"
        );
    }
    let requests: Vec<(String, i32, String)> =
        sqlx::query_as("select print_request_id::text, stage, state from print_request")
            .fetch_all(&mut *session)
            .await
            .expect("requests can be read");
    assert_eq!(requests.len(), book.stages.len());
    for (request, stage, state) in requests {
        let stages = book.stages.get_mut(&request).expect("it has stages");
        assert_eq!(
            stages.len(),
            usize::try_from(stage).expect("it counts from 1")
        );
        assert_eq!(stages.last(), Some(&state), "it stands in its last stage");
        // On a machine so slow that a lease ran out.
        if state == "IN_DOUBT" {
            stages.pop();
        }
    }
    let cards: Vec<(i64, String, String)> =
        sqlx::query_as("select serial, print_request_id::text, state from card")
            .fetch_all(&mut *session)
            .await
            .expect("cards can be read");
    for (serial, request, state) in cards {
        book.card(serial, &request, &state);
    }
    book
}

/// What must be nowhere, each with its words.
pub async fn contradictions(session: &mut PgConnection) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (what, question) in [
        (
            "a second card of a person",
            "select exists (select from card where state <> 'SPOILED' group by resident_id having count(*) > 1)",
        ),
        (
            "one serial at two requests",
            "select exists (select from print_request where serial is not null group by serial having count(*) > 1)",
        ),
        (
            "a printed request without its one card in the tray",
            "select exists (
                 select from print_request r where r.state = 'PRINTED' and 1 <> (
                     select count(*) from card c join collection o using (serial)
                     where c.print_request_id = r.print_request_id and c.serial = r.serial
                         and c.state = 'AT_SITE' and o.state = 'AWAITING'
                 )
             )",
        ),
        (
            "an interval that ends before it begins",
            "select exists (
                 select from request_stage a join request_stage b
                     on b.print_request_id = a.print_request_id and b.stage = a.stage + 1
                 where b.began_at < a.began_at
             )",
        ),
        (
            "a dispatch of a lease that was not given",
            "select exists (select from queue where district = 3575 and dispatches <> (select count(*) from dispatch))",
        ),
        ("an incident", "select exists (select from print_incident)"),
    ] {
        let is_there: bool = sqlx::query_scalar(question)
            .fetch_one(&mut *session)
            .await
            .expect("it can be read");
        found.extend(is_there.then_some(what));
    }
    found
}
