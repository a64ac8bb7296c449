//! What somebody with the database's highest rights may try, each with what the replay of the day must say of it.
#![expect(
    clippy::disallowed_methods,
    reason = "test code does not use the query macros, so that the metadata holds src only"
)]

use std::collections::BTreeSet;

use ektp::proto::{self, DispatchFindingKind};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{order::change_request, replay::Month};

use DispatchFindingKind::{
    ColumnsDiffer, HeldWithoutGround, JumpedAhead, NotInQueue, PlaceForged, WithoutDispatch,
    WrongOrder,
};

/// Findings without their order: the kind, the request, in whose place.
pub type Found = BTreeSet<(i32, String, String)>;

/// What a replay found.
pub fn found(replay: &proto::VerifyDispatchOrderResponse) -> Found {
    let findings = replay.findings.iter();
    findings
        .map(|f| (f.kind, f.print_request_id.clone(), f.instead_of.clone()))
        .collect()
}

fn found_of<const N: usize>(findings: [(DispatchFindingKind, &str, &str); N]) -> Found {
    let findings = findings.into_iter();
    findings
        .map(|(kind, id, instead_of)| (kind.into(), id.to_owned(), instead_of.to_owned()))
        .collect()
}

/// The queue at the moment of a fraud.
pub struct Line {
    head: String,
    second: String,
    last: String,
    /// The last one given before.
    before: String,
}

impl Line {
    pub fn new(queue: &[String], before: &[String]) -> Self {
        let end = |ids: &[String]| ids.last().expect("many wait").clone();
        Self {
            head: queue[0].clone(),
            second: queue[1].clone(),
            last: end(queue),
            before: end(before),
        }
    }
}

/// A fraud: carried out, it answers what must be found.
pub type Fraud = for<'a> fn(&'a mut Month, &'a Line) -> BoxFuture<'a, Found>;

/// All of them.
pub const FRAUDS: [(&str, Fraud); 8] = [
    ("held aside", |month, line| {
        Box::pin(held_aside(month, line))
    }),
    ("no dispatch", |month, line| {
        Box::pin(no_dispatch(month, line))
    }),
    ("another class", |month, line| {
        Box::pin(another_class(month, line))
    }),
    ("an order turned round", |month, _| {
        Box::pin(turned_round(month))
    }),
    ("held aside, with stages", |month, line| {
        Box::pin(held_with_stages(month, line))
    }),
    ("another seniority, put back", |month, line| {
        Box::pin(another_seniority(month, line))
    }),
    ("a name put into a dispatch", |month, _| {
        Box::pin(a_name_put_in(month))
    }),
    // The last, because from now on it is found on the day of the submission, too.
    ("a forged first stage", |month, line| {
        Box::pin(a_forged_first_stage(month, line))
    }),
];

async fn another_seniority(month: &mut Month, line: &Line) -> Found {
    let (head, last) = (&line.head, &line.last);
    let keep = "create table kept as select seniority_at from print_request";
    month
        .cheat(&format!("{keep} where print_request_id = '{last}'"))
        .await;
    change_request(&month.office, last, "seniority_at = '2010-01-01'").await;
    assert_eq!(month.print(1).await, std::slice::from_ref(last));
    let back = "seniority_at = (select seniority_at from kept)";
    change_request(&month.office, last, back).await;
    month.cheat("drop table kept").await;
    found_of([
        (JumpedAhead, last, head),
        (PlaceForged, last, ""),
        (ColumnsDiffer, last, ""),
    ])
}

async fn another_class(month: &mut Month, line: &Line) -> Found {
    let (head, last) = (&line.head, &line.last);
    change_request(&month.office, last, "applicant_class = 'REPLACE_DEFECTIVE'").await;
    assert_eq!(month.print(1).await, std::slice::from_ref(last));
    // Back again before anybody looks.
    month
        .cheat(&format!(
            "update print_request set applicant_class = 'FIRST_ISSUE' where print_request_id = '{last}';
             update request_stage set applicant_class = 'FIRST_ISSUE' where print_request_id = '{last}'"
        ))
        .await;
    found_of([(JumpedAhead, last, head)])
}

async fn held_aside(month: &mut Month, line: &Line) -> Found {
    let (head, second) = (&line.head, &line.second);
    let held = "state = 'HELD', hold_reasons = '{QUOTA}'";
    change_request(&month.office, head, held).await;
    assert_eq!(month.print(1).await, std::slice::from_ref(second));
    let back = "state = 'QUEUED', hold_reasons = '{}'";
    change_request(&month.office, head, back).await;
    found_of([(JumpedAhead, second, head)])
}

/// The next stage of a request, written by hand.
async fn forge_stage(month: &Month, id: &str, columns: &str, (state, reasons): (&str, &str)) {
    let last = "(select max(began_at) from request_stage)";
    month
        .cheat(&format!(
            "insert into request_stage (
                 print_request_id, stage, district, state, hold_reasons, applicant_class, seniority_at, began_at
             )
             select print_request_id, stage + 1, district, '{state}', '{reasons}', applicant_class, seniority_at, {last}
             from print_request where print_request_id = '{id}';
             update print_request
             set stage = stage + 1, state = '{state}', hold_reasons = '{reasons}', state_at = {last} {columns}
             where print_request_id = '{id}'"
        ))
        .await;
}

async fn held_with_stages(month: &mut Month, line: &Line) -> Found {
    let (head, second) = (&line.head, &line.second);
    forge_stage(month, head, "", ("HELD", "{QUOTA}")).await;
    assert_eq!(month.print(1).await, std::slice::from_ref(second));
    forge_stage(month, head, "", ("QUEUED", "{}")).await;
    found_of([(HeldWithoutGround, head, "")])
}

async fn no_dispatch(month: &mut Month, line: &Line) -> Found {
    let (head, last) = (&line.head, &line.last);
    let lease =
        ", fence = fence + 1, lease_holder = 'ektp://district/35.75/site/office/terminal/1',
        lease_location = 3575, lease_expires_at = clock_timestamp() + interval '1 hour'";
    forge_stage(month, last, lease, ("LEASED", "{}")).await;
    assert_eq!(month.print(1).await, std::slice::from_ref(head));
    found_of([(WithoutDispatch, last, "")])
}

async fn a_forged_first_stage(month: &mut Month, line: &Line) -> Found {
    let last = &line.last;
    month
        .cheat(&format!(
            "update request_stage set seniority_at = '2010-01-01' where print_request_id = '{last}';
             update print_request set seniority_at = '2010-01-01' where print_request_id = '{last}'"
        ))
        .await;
    assert_eq!(month.print(1).await, std::slice::from_ref(last));
    // As if it had stood there all the time: the lease before should have given it, too.
    found_of([(PlaceForged, last, ""), (JumpedAhead, &line.before, last)])
}

async fn turned_round(month: &mut Month) -> Found {
    let given = month.print(2).await;
    let turned = "update dispatch set leased = array[leased[2], leased[1]]";
    month
        .cheat(&format!(
            "{turned} where number = (select max(number) from dispatch)"
        ))
        .await;
    found_of([(WrongOrder, &given[1], &given[0])])
}

async fn a_name_put_in(month: &mut Month) -> Found {
    let given = month.print(1).await;
    let put_in: Uuid = sqlx::query_scalar(
        "update dispatch d
         set leased = d.leased || (
             select p.print_request_id from print_request p where p.state = 'PRINTED'
             order by p.state_at, p.print_request_id limit 1
         )
         where d.number = (select max(number) from dispatch)
         returning leased[2]",
    )
    .fetch_one(&month.office.sql)
    .await
    .expect("the superuser may");
    assert_ne!(put_in.to_string(), given[0]);
    found_of([(NotInQueue, &put_in.to_string(), "")])
}
