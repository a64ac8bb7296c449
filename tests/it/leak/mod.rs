//! Nothing personal leaves the sealed columns: after a small whole day, no table, no notice and no error holds the NIK,
//! the name, the mother's name or the number of anybody.
//!
//! What is easily got wrong: most leaks come from what goes wrong. So half of this day is mistakes, each with personal
//! data in a place where it does not belong.

use std::fs;

use ektp::{
    cli::demo::people::Person,
    proto::{self, VerdictOutcome},
};
use sqlx::PgPool;

use crate::support::{
    look,
    office::{Client, Office, request_id},
    people::residents,
};

mod mistakes;
mod scan;

use mistakes::mistakes;

const DISTRICT: &str = "35.75";
const PEOPLE: usize = 20;
const FIRST_BLANK: i64 = 8_000_001;

/// What may be found nowhere: as text, and as a column of bytes is printed.
fn needles(people: &[Person]) -> Vec<String> {
    let mut needles = Vec::new();
    for person in people {
        let phone = person.phone.iter().flat_map(|phone| {
            [
                phone.clone(),
                phone.trim_start_matches('+').to_owned(),
                phone.replace("+62", "0"),
            ]
        });
        for value in [
            person.nik.clone(),
            person.name.clone(),
            person.mother_name.clone(),
        ]
        .into_iter()
        .chain(phone)
        {
            needles.push(value.bytes().map(|byte| format!("{byte:02x}")).collect());
            needles.push(value.to_uppercase());
            needles.push(value);
        }
    }
    needles
}

/// Which needles a text holds; a test must not print them, so their places.
fn found(needles: &[String], text: &str) -> Vec<usize> {
    (0..needles.len())
        .filter(|place| text.contains(&needles[*place]))
        .collect()
}

async fn found_in_tables(needles: &[String], sql: &PgPool) -> Vec<(String, Vec<usize>)> {
    let mut places = Vec::new();
    for table in look::tables(sql).await {
        for row in look::rows(sql, &table).await {
            let found = found(needles, &row);
            if !found.is_empty() {
                places.push((table.clone(), found));
            }
        }
    }
    places
}

/// People whose names no village has: of two words at least.
fn named() -> Vec<Person> {
    let mut people = residents(DISTRICT, 4 * PEOPLE);
    people.retain(|person| person.name.contains(' ') && person.mother_name.contains(' '));
    people.truncate(PEOPLE);
    assert_eq!(people.len(), PEOPLE);
    assert!(
        people.iter().any(|person| person.phone.is_some()),
        "some get a notice"
    );
    assert!(
        people.iter().any(|person| person.phone.is_none()),
        "some get a visit"
    );
    people
}

#[tokio::test]
async fn no_table_no_notice_and_no_error_holds_anything_personal() {
    let office = Office::open().await;
    let people = named();
    let needles = needles(&people);
    let errors = a_whole_day(&office, &people).await;

    assert_eq!(
        found_in_tables(&needles, &office.sql).await,
        [],
        "in a table"
    );
    let notices = fs::read_to_string(office.notices()).expect("notices were sent");
    assert!(notices.lines().count() > PEOPLE / 4, "most left a number");
    assert_eq!(found(&needles, &notices), [0_usize; 0], "in a notice");
    assert!(
        errors.len() > 10 * people.len(),
        "many calls went wrong: {}",
        errors.len()
    );
    for (path, text) in errors {
        assert_eq!(
            found(&needles, &text),
            [0_usize; 0],
            "in an answer of {path}"
        );
    }
}

#[tokio::test]
async fn a_planted_leak_is_found_in_text_and_in_bytes() {
    let office = Office::open().await;
    let people = named();
    let needles = needles(&people);
    for column in ["words text", "bytes bytea"] {
        let create = format!("create table planted ({column})");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create))
            .execute(&office.sql)
            .await
            .expect("a new table");
        let insert = "insert into planted select convert_to($1, 'UTF8')";
        let insert = if column.ends_with("text") {
            "insert into planted select $1"
        } else {
            insert
        };
        sqlx::query(insert)
            .bind(format!("handed to {}", people[3].mother_name))
            .execute(&office.sql)
            .await
            .expect("a row");
        let found = found_in_tables(&needles, &office.sql).await;
        assert_eq!(found.len(), 1, "{column}: {found:?}");
        sqlx::raw_sql("drop table planted")
            .execute(&office.sql)
            .await
            .expect("ours");
    }
}

/// From the counter to the holder's hand, with every mistake on the way; answers what the clients were told of them.
async fn a_whole_day(office: &Office, people: &[Person]) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut matcher = office.centre("matcher").await;
    office.stock(DISTRICT, FIRST_BLANK, FIRST_BLANK + 99).await;
    let mut known = Vec::new();
    for person in people {
        known.push(terminal.enrol(person).await);
        errors.extend(mistakes(&terminal, person).await);
    }
    let enrolments: Vec<String> = known
        .iter()
        .map(|(enrolment, _)| enrolment.clone())
        .collect();
    terminal.certify(&enrolments).await;
    let count = u32::try_from(people.len()).expect("a few");
    let tasks = matcher.lease_checks(count).await;
    let (refused, unique) = tasks.split_at(2);
    matcher
        .decide(&refused[..1], VerdictOutcome::Duplicate)
        .await;
    matcher
        .decide(&refused[1..], VerdictOutcome::DemographicMismatch)
        .await;
    matcher.decide(unique, VerdictOutcome::Unique).await;

    let residents: Vec<String> = known.into_iter().map(|(_, resident)| resident).collect();
    terminal.submit(&residents).await;
    // Again: refused in each item.
    terminal.submit(&residents).await;
    let leases = terminal.lease(count).await.leases;
    assert_eq!(leases.len(), unique.len(), "the unique ones are printed");
    for lease in &leases {
        let lease = Some(crate::support::people::key(lease));
        let face = terminal
            .print_queue
            .get_card_face(proto::GetCardFaceRequest { lease })
            .await;
        face.expect("its holder may see it");
    }
    terminal.bind(&leases, FIRST_BLANK).await;
    terminal.report(&leases, FIRST_BLANK).await;
    look::until_none(&office.sql, "notice where state = 'QUEUED'").await;
    hand_over(&mut terminal).await;
    for person in people {
        errors.extend(mistakes(&terminal, person).await);
    }
    errors
}

/// Hands over every second card, after a holder whose finger did not match.
async fn hand_over(terminal: &mut Client) {
    let handover = &mut terminal.handover;
    let awaiting = handover
        .list_awaiting(proto::ListAwaitingRequest::default())
        .await
        .expect("a page");
    for card in awaiting.into_inner().collections.into_iter().step_by(2) {
        let request = proto::StartHandoverRequest {
            request_id: request_id(),
            collection_id: card.collection_id,
        };
        let started = handover
            .start_handover(request)
            .await
            .expect("it begins")
            .into_inner();
        for matched in [false, true] {
            let evidence = proto::MatchEvidence {
                reader_id: "reader-1".to_owned(),
                matched,
                score: 1,
            };
            let request = proto::CompleteHandoverRequest {
                request_id: request_id(),
                challenge_id: started.challenge_id.clone(),
                nonce: started.nonce.clone(),
                evidence: Some(evidence),
            };
            assert_eq!(handover.complete_handover(request).await.is_ok(), matched);
        }
    }
}
