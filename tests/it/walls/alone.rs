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
        .filter(|(role, _)| matches!(role, Role::Province | Role::Public));
    [FOREIGN]
        .into_iter()
        .chain(outside.map(|(_, principal)| *principal))
        .collect()
}

/// What a method answers; a stream that stays silent says so. `claimed` is the district that the application shall believe.
async fn ask(line: &Line, method: &Method, message: Vec<u8>, claimed: Option<&str>) -> String {
    let metadata: Vec<(&str, &str)> = claimed
        .map(|district| ("ektp-test-district", district))
        .into_iter()
        .collect();
    let (patience, enough) = if method.ends() {
        (crate::support::PATIENCE, usize::MAX)
    } else {
        (SILENT_AFTER, ENOUGH)
    };
    let answer =
        raw::with_metadata(patience, line, &method.path, (message, &metadata), enough).await;
    answer.map_or_else(|| "silence".to_owned(), |answer| shown(&answer))
}

/// The RPCs that answer an outsider about our things otherwise than about an empty district's, on a fooled server.
async fn told_apart(office: &Office, things: &Things, outsider: &str) -> Vec<String> {
    let line = office.client_as(0, outsider, None).await.channel;
    let missing = things.missing(EMPTY_DISTRICT);
    let mut apart = Vec::new();
    for method in swept() {
        let path = method.path.as_str();
        let ours = sample(path, things, &request_id());
        let nowhere = sample(path, &missing, &request_id());
        let of_ours = ask(&line, &method, ours, Some(DISTRICT)).await;
        let of_nowhere = ask(&line, &method, nowhere, Some(EMPTY_DISTRICT)).await;
        if of_ours != of_nowhere {
            apart.push(format!("{path}: {of_ours} but {of_nowhere}"));
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
    let before = look::contents(&office.sql).await;
    for outsider in outsiders() {
        let apart = told_apart(&office, &things, outsider).await;
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
    let line = office.client_as(0, own, None).await.channel;
    let missing = things.missing(EMPTY_DISTRICT);
    for method in swept() {
        let path = method.path.as_str();
        // What only the centre does, the walls keep from a district, whoever asks.
        if path.ends_with("/RegisterDelivery") || path.ends_with("/DispatchShipment") {
            continue;
        }
        let ours = sample(path, &things, &request_id());
        let nowhere = sample(path, &missing, &request_id());
        let of_ours = ask(&line, &method, ours, Some(DISTRICT)).await;
        let of_nowhere = ask(&line, &method, nowhere, Some(EMPTY_DISTRICT)).await;
        assert_ne!(of_ours, of_nowhere, "{path} shows our own terminal nothing");
    }
}

#[tokio::test]
async fn a_hole_in_the_walls_is_seen() {
    let (office, things) = fooled().await;
    open_all(&office.sql).await;
    let apart = told_apart(&office, &things, FOREIGN).await;
    let seen = |name: &str| apart.iter().any(|line| line.contains(name));
    for method in [
        "GetEnrolment",
        "ListEnrolments",
        "LeaseChecks",
        "GetPrintRequest",
        "ListPrintRequests",
        "WatchQueue",
        "GetCardFace",
        "GetStock",
        "ListAwaiting",
        "ListContactTasks",
    ] {
        assert!(seen(method), "{method} was open and nobody saw it");
    }
}

/// A second policy beside the first: what either lets through is seen.
async fn open_all(sql: &PgPool) {
    sqlx::raw_sql(
        "do $$ declare name text; begin
             for name in select tablename from pg_policies where policyname = 'scope_sees_its_own' loop
                 execute format('create policy hole on %I to ektp_serve using (true) with check (true)', name);
             end loop;
         end $$",
    )
    .execute(sql)
    .await
    .expect("the owner may");
}

#[tokio::test]
async fn behind_the_checks_alone_a_foreign_thing_is_a_missing_one_and_nothing_changes() {
    let office = Office::open_held(Timing::default(), HeldBy::ChecksAlone).await;
    let things = scene::set(&office).await;
    let missing = things.missing(EMPTY_DISTRICT);
    let before = look::contents(&office.sql).await;
    for outsider in outsiders() {
        let mut officers: Vec<Option<OfficerRole>> = vec![None];
        if is_staffed(outsider) {
            officers.extend(OfficerRole::ALL.map(Some));
        }
        for officer in officers {
            let roles = officer.as_ref().map(std::slice::from_ref);
            let line = office.client_as(0, outsider, roles).await.channel;
            for method in swept() {
                let path = method.path.as_str();
                let ours = sample(path, &things, &request_id());
                let nowhere = sample(path, &missing, &request_id());
                assert_eq!(
                    ask(&line, &method, ours, None).await,
                    ask(&line, &method, nowhere, None).await,
                    "{outsider} with {officer:?} at {path}"
                );
            }
        }
    }
    assert_eq!(
        look::contents(&office.sql).await,
        before,
        "somebody outside changed something"
    );
}
