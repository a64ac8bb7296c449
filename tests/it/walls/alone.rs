//! Each wall alone. Once the application's checks are fooled: it takes the neighbour for our own terminal, asks for no
//! rights, and the database alone keeps our rows from it. Once the server is the database's superuser, for whom no policy
//! holds, and the checks alone do.
//!
//! What is easily got wrong: a sweep that finds nothing may look at nothing. So it is first shown to find the hole when
//! the policies are opened, and what is ours is shown to our own terminal on the same fooled server.

use std::time::Duration;

use ektp::{
    caller::{OfficerRole, Role},
    feed::Timing,
};
use sqlx::PgPool;

use crate::{
    support::{
        look,
        office::{HeldBy, Office, request_id},
        officers::{Line, is_staffed},
        raw,
    },
    sweep::{
        Method, PRINCIPALS,
        samples::sample,
        scene::{self, DISTRICT, EMPTY_DISTRICT, Things},
        shown,
    },
};

use super::{FOREIGN, swept};

/// A stream that has said nothing by then waits for what it may see.
const SILENT_AFTER: Duration = Duration::from_millis(300);

/// Messages that are enough to see what a stream shows.
const ENOUGH: usize = 3;

/// Those whom the walls keep from a district: a neighbour, and who belongs to none. The centre's machines see the nation.
fn outsiders() -> Vec<&'static str> {
    let outside = PRINCIPALS
        .iter()
        .filter(|(role, _)| matches!(role, Role::Public));
    // The district's own province is informed of its requests for blanks; another one is an outsider.
    [FOREIGN, "ektp://province/36"]
        .into_iter()
        .chain(outside.map(|(_, principal)| *principal))
        .collect()
}

/// One who asks, with what the application shall believe of it.
struct Asker<'a> {
    line: Line,
    /// Ids of our rows.
    ours: &'a [String],
}

/// What one was told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// With ids and districts blanked.
    text: String,
    /// Ids of ours that were not in the question.
    ours: Vec<String>,
}

impl Asker<'_> {
    /// Asks a method; a stream that stays silent says so. `claimed` is the district that the application shall believe.
    async fn ask(&self, method: &Method, message: Vec<u8>, claimed: Option<&str>) -> Told {
        let metadata: Vec<(&str, &str)> = claimed
            .map(|district| ("ektp-test-district", district))
            .into_iter()
            .collect();
        let (patience, enough) = if method.ends() {
            (crate::support::PATIENCE, usize::MAX)
        } else {
            (SILENT_AFTER, ENOUGH)
        };
        let question = String::from_utf8_lossy(&message).into_owned();
        let asked = (message, metadata.as_slice());
        let answer = raw::with_metadata(patience, &self.line, &method.path, asked, enough).await;
        let words = match &answer {
            Some(Ok(messages)) => String::from_utf8_lossy(&messages.concat()).into_owned(),
            Some(Err(status)) => format!("{status:?}"),
            None => String::new(),
        };
        let is_told = |id: &&String| words.contains(id.as_str()) && !question.contains(id.as_str());
        Told {
            text: answer.map_or_else(|| "silence".to_owned(), |answer| shown(&answer)),
            ours: self.ours.iter().filter(is_told).cloned().collect(),
        }
    }
}

/// The ids of all that the scene made.
async fn ids(sql: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select resident_id::text from resident union select enrolment_id::text from enrolment
         union select print_request_id::text from print_request union select collection_id::text from collection
         union select contact_task_id::text from contact_task union select shipment_id::text from shipment
         union select certificate_id::text from interim_certificate",
    )
    .fetch_all(sql)
    .await
    .expect("the owner sees all")
}

/// The RPCs that answer an outsider about our things otherwise than about an empty district's, or tell of them what was
/// not in the question.
async fn told_apart(
    asker: &Asker<'_>,
    things: &Things,
    claims: Option<(&str, &str)>,
) -> Vec<String> {
    let missing = things.missing(EMPTY_DISTRICT);
    let mut apart = Vec::new();
    for method in swept() {
        let path = method.path.as_str();
        if path.ends_with("/RequestBlanks") {
            continue; // It is about the caller's own district and names no other thing.
        }
        let ours = sample(path, things, &request_id());
        let nowhere = sample(path, &missing, &request_id());
        let (here, there) = claims.unzip();
        let of_ours = asker.ask(&method, ours, here).await;
        let of_nowhere = asker.ask(&method, nowhere, there).await;
        let some = !(of_ours.ours.is_empty() && of_nowhere.ours.is_empty());
        if some || of_ours.text != of_nowhere.text {
            apart.push(format!("{path}: {of_ours:?} but {of_nowhere:?}"));
        }
    }
    apart
}

/// A scene on a fooled server, with one enrolment that the engine may take.
async fn fooled() -> (Office, Things) {
    let office = Office::open_held(Timing::default(), HeldBy::WallsAlone).await;
    let things = scene::set(&office).await;
    sqlx::raw_sql(
        "update enrolment set check_expires_at = clock_timestamp() where state = 'CHECKING'",
    )
    .execute(&office.sql)
    .await
    .expect("a lease can be ended");
    (office, things)
}

#[tokio::test]
async fn behind_the_walls_alone_a_foreign_thing_is_a_missing_one_and_nothing_changes() {
    let (office, things) = fooled().await;
    let ours = ids(&office.sql).await;
    let before = look::contents(&office.sql).await;
    for outsider in outsiders() {
        let line = office.client_as(0, outsider, None).await.channel;
        let asker = Asker { line, ours: &ours };
        let apart = told_apart(&asker, &things, Some((DISTRICT, EMPTY_DISTRICT))).await;
        assert!(
            apart.is_empty(),
            "{outsider} tells apart:\n{}",
            apart.join("\n")
        );
    }
    assert_eq!(
        look::contents(&office.sql).await,
        before,
        "somebody outside changed something"
    );
}

#[tokio::test]
async fn on_the_same_server_our_own_terminal_finds_everything() {
    let (office, things) = fooled().await;
    let (_, own) = PRINCIPALS[0];
    let asker = Asker {
        line: office.client_as(0, own, None).await.channel,
        ours: &[],
    };
    let missing = things.missing(EMPTY_DISTRICT);
    let (writes, reads): (Vec<Method>, Vec<Method>) =
        swept().into_iter().partition(Method::is_write);
    // Reads first: a write that succeeds takes its thing away.
    for method in reads.iter().chain(&writes) {
        let path = method.path.as_str();
        // What only the centre does, the walls keep from a district, whoever asks; and nobody has raised an alarm.
        // The key is the same for everybody.
        // Acts that are signed need an officer, whom a fooled server asks for no shift.
        let not_here = [
            "/GetCertificationKey",
            "/RegisterDelivery",
            "/DispatchShipment",
            "/ReceiveShipment",
            "/CancelShipment",
            "/DistributeBlanks",
            "/WithdrawBlankRequest",
            "/RequestBlanks",
            "/DecideBlankRequest",
            "/WatchAlarms",
            "/RegisterOfficer",
            "/RevokeTerminal",
            "/Approve",
            "/ProposePolicy",
            "/ActivatePolicy",
            "/SettleStockCase",
            "/RecordFound",
            "/RecordDestruction",
            "/ReverseMovement",
        ];
        if not_here.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let ours = sample(path, &things, &request_id());
        let nowhere = sample(path, &missing, &request_id());
        let of_ours = asker.ask(method, ours, Some(DISTRICT)).await;
        let of_nowhere = asker.ask(method, nowhere, Some(EMPTY_DISTRICT)).await;
        assert_ne!(of_ours, of_nowhere, "{path} shows our own terminal nothing");
    }
}

#[tokio::test]
async fn a_hole_in_the_walls_is_seen() {
    let (office, things) = fooled().await;
    open_all(&office.sql).await;
    let ours = ids(&office.sql).await;
    let line = office.client_as(0, FOREIGN, None).await.channel;
    let asker = Asker { line, ours: &ours };
    let apart = told_apart(&asker, &things, Some((DISTRICT, EMPTY_DISTRICT))).await;
    let seen = |name: &str| apart.iter().any(|line| line.contains(name));
    for method in [
        "GetEnrolment",
        "ListEnrolments",
        "LeaseChecks",
        "GetPrintRequest",
        "ListPrintRequests",
        "WatchQueue",
        "WatchStock",
        "WatchCollections",
        "WatchEnrolments",
        "GetCardFace",
        "GetStock",
        "ListAwaiting",
        "ListContactTasks",
    ] {
        assert!(seen(method), "{method} was open and nobody saw it");
    }
}

/// A second policy beside the first: what either lets through is seen. One table after the other, because each is locked for
/// it and the server reads meanwhile: whoever held two would wait crosswise with it.
async fn open_all(sql: &PgPool) {
    let walled: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_policies where policyname = 'scope_sees_its_own'",
    )
    .fetch_all(sql)
    .await
    .expect("the owner may");
    for table in walled {
        let hole =
            format!("create policy hole on {table} to ektp_serve using (true) with check (true)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(hole))
            .execute(sql)
            .await
            .expect("the owner may");
    }
}

#[tokio::test]
async fn behind_the_checks_alone_a_foreign_thing_is_a_missing_one_and_nothing_changes() {
    let office = Office::open_held(Timing::default(), HeldBy::ChecksAlone).await;
    let things = scene::set(&office).await;
    let ours = ids(&office.sql).await;
    let before = look::contents(&office.sql).await;
    for outsider in outsiders() {
        let mut officers: Vec<Option<OfficerRole>> = vec![None];
        if is_staffed(outsider) {
            officers.extend(OfficerRole::ALL.map(Some));
        }
        for officer in officers {
            let roles = officer.as_ref().map(std::slice::from_ref);
            let line = office.client_as(0, outsider, roles).await.channel;
            let asker = Asker { line, ours: &ours };
            let apart = told_apart(&asker, &things, None).await;
            let who = format!("{outsider} with {officer:?}");
            assert!(apart.is_empty(), "{who} tells apart:\n{}", apart.join("\n"));
        }
    }
    assert_eq!(
        look::contents(&office.sql).await,
        before,
        "somebody outside changed something"
    );
}
