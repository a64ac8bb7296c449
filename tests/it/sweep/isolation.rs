//! A terminal of another district: whatever ids and codes of ours it sends, it gets what it would get for ids that were
//! never given out, and nothing changes.
//!
//! What is easily got wrong: a refusal that comes from a lock, a lookup or a check a moment earlier differs in one word
//! and tells that the thing exists. So whole answers are compared, with only the ids themselves blanked.

use ektp::{
    caller::{CLOSE_SHIFT, Role, right},
    proto,
};
use prost::Message as _;
use tonic_types::StatusExt as _;

use crate::support::{
    look,
    office::{Office, reason, request_id},
    officers::Line,
    people::draft,
    raw::{self, Answer, Sending},
};

use super::{
    Method, methods, principal,
    samples::sample,
    scene::{self, DISTRICT, EMPTY_DISTRICT, Things},
    shown,
};

/// The neighbour who tries.
const FOREIGN: &str = "ektp://district/35.76/site/office/terminal/1";

/// What is about the caller itself, or the same for everybody, and names no other thing.
const ABOUT_ITSELF: [&str; 4] = [
    CLOSE_SHIFT,
    "/ektp.v1.Inventory/RequestBlanks",
    "/ektp.v1.Administration/RenewTerminal",
    "/ektp.v1.Administration/WatchAuditHeads",
];

/// Messages that are enough to see what a stream shows.
const ENOUGH: usize = 3;

fn of_terminals() -> Vec<Method> {
    methods()
        .into_iter()
        .filter(|method| {
            right(&method.path).is_some_and(|right| right.callers.contains(&Role::Terminal))
        })
        .collect()
}

async fn ask(channel: &Line, method: &Method, message: Vec<u8>) -> Answer {
    let enough = if method.ends() { usize::MAX } else { ENOUGH };
    raw::exchange(
        channel,
        &method.path,
        vec![message],
        Sending::Closed,
        enough,
    )
    .await
}

#[tokio::test]
async fn a_foreign_thing_answers_exactly_as_a_missing_one_and_nothing_changes() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let missing = things.missing(EMPTY_DISTRICT);
    let foreign = office.client(0, FOREIGN).await.channel;
    let before = look::contents(&office.sql).await;
    for method in of_terminals() {
        let path = method.path.as_str();
        if ABOUT_ITSELF.contains(&path) {
            continue;
        }
        let of_foreign = ask(&foreign, &method, sample(path, &things, &request_id())).await;
        let of_missing = ask(&foreign, &method, sample(path, &missing, &request_id())).await;
        assert_eq!(
            shown(&of_foreign),
            shown(&of_missing),
            "{path} tells the two apart"
        );
    }
    assert_eq!(
        look::contents(&office.sql).await,
        before,
        "the neighbour changed something"
    );
}

#[tokio::test]
async fn the_same_requests_show_the_things_to_their_own_terminal() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    for method in of_terminals().iter().filter(|method| !method.is_write()) {
        let path = method.path.as_str();
        let own = office.client(0, principal(path)).await.channel;
        let answer = ask(&own, method, sample(path, &things, "")).await;
        let messages = answer.unwrap_or_else(|status| panic!("{path}: {status:?}"));
        assert!(
            messages.iter().any(|message| !message.is_empty()),
            "{path} shows nothing"
        );
    }
}

#[tokio::test]
async fn a_foreign_terminal_sees_nothing_in_lists() {
    let office = Office::open().await;
    scene::set(&office).await;
    let foreign = office.client(0, FOREIGN).await.channel;
    for method in of_terminals() {
        let path = method.path.as_str();
        if path.contains("/List") {
            // Without any filter: everything that the terminal may see.
            let answer = ask(&foreign, &method, Vec::new()).await.expect("a page");
            let shows_its_own = [
                "/ListOfficers",
                "/ListTerminals",
                "/ListPolicies",
                "/ListLocations",
            ];
            if shows_its_own.iter().any(|list| path.ends_with(list)) {
                let text = String::from_utf8_lossy(&answer[0]).into_owned();
                assert!(
                    !text.contains(DISTRICT),
                    "{path} shows more than the neighbour: {text}"
                );
                continue;
            }
            assert_eq!(answer, [Vec::<u8>::new()], "{path} shows something");
        }
    }
}

#[tokio::test]
async fn a_number_that_is_served_elsewhere_finds_nothing() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let foreign = office.client(0, FOREIGN).await.channel;
    let path = "/ektp.v1.Registration/GetEnrolment";
    let by_nik = |nik: &str| {
        let key = proto::get_enrolment_request::Key::Nik(nik.to_owned());
        proto::GetEnrolmentRequest { key: Some(key) }.encode_to_vec()
    };
    let of_foreign = raw::call(&foreign, path, &by_nik(&things.known.nik)).await;
    let of_missing = raw::call(&foreign, path, &by_nik(&things.newcomer.nik)).await;
    assert_eq!(shown(&of_foreign), shown(&of_missing));
    let own = office.client(0, principal(path)).await.channel;
    raw::call(&own, path, &by_nik(&things.known.nik))
        .await
        .expect("their own terminal finds them");
}

#[tokio::test]
async fn a_person_served_elsewhere_is_answered_with_that_district_and_the_date_alone() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let mut foreign = office.client(0, FOREIGN).await;
    let mut sheet = draft(&things.known);
    if let Some(resident) = sheet.resident.as_mut() {
        resident.village = scene::first_village("35.76");
    }
    let request = proto::RecordEnrolmentRequest {
        request_id: request_id(),
        enrolment: Some(sheet),
    };
    let before = look::contents(&office.sql).await;
    let status = foreign
        .registration
        .record_enrolment(request)
        .await
        .expect_err("one enrolment for life");
    assert_eq!(reason(&status), "ALREADY_ENROLLED");
    let info = status.get_details_error_info().expect("a reason");
    let mut told: Vec<_> = info
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("date", "2017-04-18"), ("district", DISTRICT)]);
    assert_eq!(look::contents(&office.sql).await, before);
}

#[tokio::test]
async fn a_page_token_of_another_district_is_no_token() {
    let office = Office::open().await;
    scene::set(&office).await;
    let path = "/ektp.v1.PrintQueue/ListPrintRequests";
    let own = office.client(0, principal(path)).await.channel;
    let page = |page_size, page_token: &str| {
        let page_token = page_token.to_owned();
        proto::ListPrintRequestsRequest {
            page_size,
            page_token,
            ..proto::ListPrintRequestsRequest::default()
        }
        .encode_to_vec()
    };
    let first = raw::call(&own, path, &page(1, "")).await.expect("a page");
    let first = proto::ListPrintRequestsResponse::decode(first[0].as_slice()).expect("a page");
    assert!(!first.next_page_token.is_empty(), "there is a second page");
    let foreign = office.client(0, FOREIGN).await.channel;
    let taken = raw::call(&foreign, path, &page(1, &first.next_page_token)).await;
    let invented = raw::call(&foreign, path, &page(1, "bm90aGluZw")).await;
    assert_eq!(shown(&taken), shown(&invented));
}

#[tokio::test]
async fn another_terminal_of_the_district_holds_no_lease_and_no_challenge_of_ours() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let other = office
        .client(0, "ektp://district/35.75/site/office/terminal/2")
        .await
        .channel;
    let before = look::contents(&office.sql).await;
    for method in [
        "PrintQueue/RenewLeases",
        "PrintQueue/GetCardFace",
        "PrintQueue/BindBlanks",
        "PrintQueue/ReportPrinted",
        "PrintQueue/ReportSpoiled",
        "PrintQueue/ReleaseLeases",
        "Handover/CompleteHandover",
    ] {
        let path = format!("/ektp.v1.{method}");
        let answer = raw::call(&other, &path, &sample(&path, &things, &request_id())).await;
        assert_eq!(
            look::contents(&office.sql).await,
            before,
            "{path} changed something: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_subdistrict_terminal_finds_only_its_own_people() {
    let office = Office::open().await;
    let things = scene::set(&office).await;
    let home: String = things
        .known
        .village
        .chars()
        .take("35.75.02".len())
        .collect();
    let path = "/ektp.v1.Registration/GetEnrolment";
    for number in 1..=4 {
        let subdistrict = format!("{DISTRICT}.{number:02}");
        let terminal = format!("ektp://district/{DISTRICT}/site/{subdistrict}/terminal/1");
        let channel = office.client(0, &terminal).await.channel;
        let key = proto::get_enrolment_request::Key::Nik(things.known.nik.clone());
        let request = proto::GetEnrolmentRequest { key: Some(key) }.encode_to_vec();
        let known = raw::call(&channel, path, &request).await;
        assert_eq!(
            known.is_ok(),
            subdistrict == home,
            "{subdistrict}: {known:?}"
        );
        if known.is_err() {
            let nobody = Things::missing(&things, DISTRICT);
            let missing = raw::call(&channel, path, &sample(path, &nobody, "")).await;
            assert_eq!(shown(&known), shown(&missing), "{subdistrict}");
        }
    }
}
