//! Nothing personal leaves the sealed columns: after a small whole day, no table, no notice and no error holds the NIK,
//! the name, the mother's name or the number of anybody.
//!
//! What is easily got wrong: most leaks come from what goes wrong. So half of this day is mistakes, each with personal
//! data in a place where it does not belong.

use std::{env, fs};

use ektp::{
    cli::demo::people::{self, Person},
    proto::{self, VerdictOutcome},
};
use prost::Message as _;
use sqlx::PgPool;
use time::macros::date;

use crate::support::{
    look,
    office::{Client, Office, request_id},
    people::{draft, residents},
    raw::{self, Answer, Sending},
};

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
    look::until_none(&office.sql, "notice where state = 'QUEUED'").await;

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

/// Calls with a person's data where it does not belong; answers what each was told.
async fn mistakes(terminal: &Client, person: &Person) -> Vec<(String, String)> {
    let mut calls = wrong_sheets(person);
    calls.extend(wrong_fields(person));
    let mut told = Vec::new();
    for (method, message) in calls {
        let path = format!("/ektp.v1.{method}");
        let answer =
            raw::exchange(&terminal.channel, &path, vec![message], Sending::Closed, 1).await;
        told.push((method.to_owned(), everything(&answer)));
    }
    let nowhere = format!("/ektp.v1.Registration/{}", person.nik);
    let answer = raw::call(&terminal.channel, &nowhere, &[]).await;
    told.push(("an unknown method".to_owned(), everything(&answer)));
    told
}

/// An answer as text, with every byte of its details.
fn everything(answer: &Answer) -> String {
    match answer {
        Ok(messages) => messages
            .iter()
            .map(|message| String::from_utf8_lossy(message))
            .collect(),
        Err(status) => {
            let details = String::from_utf8_lossy(status.details()).into_owned();
            format!("{} {details} {:?}", status.message(), status.metadata())
        }
    }
}

fn wrong_sheets(person: &Person) -> Vec<(&'static str, Vec<u8>)> {
    let sheet = |change: &dyn Fn(&mut proto::Resident)| {
        let mut draft = draft(person);
        draft.resident.as_mut().map(change);
        draft
    };
    let record = |request_id: String, sheet| {
        proto::RecordEnrolmentRequest {
            request_id,
            enrolment: Some(sheet),
        }
        .encode_to_vec()
    };
    let malformed = sheet(&|resident| {
        resident.nik.push('1');
        resident.full_name = format!("{}{}", resident.full_name, "x".repeat(120));
        resident.mother_name.push('\u{7}');
        resident.phone = format!("{}000000000", resident.phone);
        resident.village = resident.nik.clone();
        resident.blood_type = resident.full_name.clone();
        resident.birth_date = resident.nik.clone();
    });
    let swapped = sheet(&|resident| std::mem::swap(&mut resident.nik, &mut resident.full_name));
    let import = proto::ImportEnrolmentsRequest {
        request_id: request_id(),
        enrolment: Some(malformed.clone()),
    };
    let again = proto::ImportEnrolmentsRequest {
        request_id: request_id(),
        enrolment: Some(draft(person)),
    };
    const RECORD: &str = "Registration/RecordEnrolment";
    vec![
        (RECORD, record(request_id(), draft(person))),
        (RECORD, record(request_id(), malformed)),
        (RECORD, record(request_id(), swapped)),
        (RECORD, record(person.nik.clone(), draft(person))),
        (RECORD, person.name.clone().into_bytes()),
        ("Registration/ImportEnrolments", import.encode_to_vec()),
        ("Registration/ImportEnrolments", again.encode_to_vec()),
    ]
}

fn wrong_fields(person: &Person) -> Vec<(&'static str, Vec<u8>)> {
    let (nik, name) = (person.nik.clone(), person.name.clone());
    let get = |key| proto::GetEnrolmentRequest { key: Some(key) }.encode_to_vec();
    let draft = proto::PrintRequestDraft {
        resident_id: nik.clone(),
        applicant_class: 1,
    };
    let lease = Some(proto::LeaseKey {
        print_request_id: nik.clone(),
        fence: 1,
    });
    let chip = proto::BlankBinding {
        lease: lease.clone(),
        serial: 1,
        chip_uid: name.clone(),
    };
    let evidence = proto::MatchEvidence {
        reader_id: name.clone(),
        matched: true,
        score: 1,
    };
    let complete = proto::CompleteHandoverRequest {
        request_id: request_id(),
        challenge_id: nik.clone(),
        nonce: name.clone().into_bytes(),
        evidence: Some(evidence),
    };
    let enrolments = proto::ListEnrolmentsRequest {
        subdistrict: nik.clone(),
        page_token: name.clone(),
        ..proto::ListEnrolmentsRequest::default()
    };
    let requests = proto::ListPrintRequestsRequest {
        page_token: nik.clone(),
        ..proto::ListPrintRequestsRequest::default()
    };
    let tasks = proto::ListContactTasksRequest {
        village: name.clone(),
        page_token: nik.clone(),
        ..proto::ListContactTasksRequest::default()
    };
    let submit = proto::SubmitPrintRequestsRequest {
        request_id: request_id(),
        drafts: vec![draft],
        validate_only: false,
    };
    let watch = proto::WatchQueueRequest {
        district: nik.clone(),
        resume_token: name.clone().into_bytes(),
    };
    let number = nik.parse().expect("a NIK is a number");
    vec![
        (
            "Registration/GetEnrolment",
            get(proto::get_enrolment_request::Key::EnrolmentId(nik.clone())),
        ),
        (
            "Registration/GetEnrolment",
            get(proto::get_enrolment_request::Key::Nik(name.clone())),
        ),
        ("Registration/ListEnrolments", enrolments.encode_to_vec()),
        ("PrintQueue/SubmitPrintRequests", submit.encode_to_vec()),
        ("PrintQueue/ListPrintRequests", requests.encode_to_vec()),
        (
            "PrintQueue/LeasePrintRequests",
            proto::LeasePrintRequestsRequest {
                request_id: request_id(),
                count: 1,
                location: name.clone(),
            }
            .encode_to_vec(),
        ),
        (
            "PrintQueue/BindBlanks",
            proto::BindBlanksRequest {
                request_id: request_id(),
                bindings: vec![chip],
            }
            .encode_to_vec(),
        ),
        (
            "PrintQueue/GetCardFace",
            proto::GetCardFaceRequest { lease }.encode_to_vec(),
        ),
        ("PrintQueue/WatchQueue", watch.encode_to_vec()),
        (
            "Inventory/GetStock",
            proto::GetStockRequest { location: name }.encode_to_vec(),
        ),
        (
            "Inventory/LocateBlank",
            proto::LocateBlankRequest { serial: number }.encode_to_vec(),
        ),
        (
            "Handover/StartHandover",
            proto::StartHandoverRequest {
                request_id: request_id(),
                collection_id: nik,
            }
            .encode_to_vec(),
        ),
        ("Handover/CompleteHandover", complete.encode_to_vec()),
        ("Handover/ListContactTasks", tasks.encode_to_vec()),
    ]
}

/// The people of all tests and of the demos that the gate runs, for its scan of everything that was printed.
#[test]
fn the_people_of_tests_and_demos_are_written_for_the_scan() {
    /// More than any test asks for; the first of them are the same however many are asked for.
    const OF_TESTS: usize = 1_000;
    /// The seeds of the demos that `.ci/run` shows, the usual one among them.
    const SEEDS: [u64; 3] = [1, 2, 2017];
    /// Everybody of the demo: those of the article, and the duplicates beyond them.
    const OF_DEMO: usize = 15_132 + 200;
    let Some(file) = env::var_os("EKTP_SCAN_PEOPLE") else {
        return;
    };
    let mut everybody = Vec::new();
    for district in ["35.75", "35.76", "35.77", "35.78", "32.73"] {
        everybody.extend(residents(district, OF_TESTS));
    }
    for seed in SEEDS {
        everybody.extend(people::people(
            seed,
            DISTRICT,
            OF_DEMO,
            date!(2017 - 04 - 18),
        ));
    }
    let mut lines = String::new();
    for person in everybody {
        // A name of one word is also a word: it would be found everywhere and prove nothing.
        let names = [&person.name, &person.mother_name];
        let names = names.into_iter().filter(|name| name.contains(' '));
        for value in [&person.nik]
            .into_iter()
            .chain(names)
            .chain(person.phone.as_ref())
        {
            lines.push_str(value);
            lines.push('\n');
        }
    }
    fs::write(file, lines).expect("EKTP_SCAN_PEOPLE names a file that can be written");
}
