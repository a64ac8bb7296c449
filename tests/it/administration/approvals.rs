//! Acts that need a second person: another person and not another account, in time, once, and exactly what was shown;
//! held by the server and, below it, by the database.

use std::sync::Arc;

use ektp::{caller::OfficerRole, feed::Timing, proto};
use sqlx::postgres::PgDatabaseError;
use tokio::sync::Barrier;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{
    look,
    office::{Client, Office, reason, request_id},
    officers::{Line, OnShift, open_shift_of, person_of},
};

use super::{
    COUNTER, DESK, OTHER, approve, ask, at, count, found_head, heads, registered, registration,
    shift, sql,
};

/// A head of the city's office, written past the server; with the person and the shift.
async fn head(office: &Office, principal: &str, person: Uuid) -> (Client, Uuid) {
    let identity = office.identity(principal);
    let roles = [OfficerRole::Head];
    let shift = open_shift_of(&office.sql, person, &identity.certificate_pem, &roles).await;
    (
        at(office, 0, principal, Some(&shift.to_string())).await,
        shift,
    )
}

async fn pending(client: &mut Client) -> Vec<proto::Approval> {
    let request = proto::ListPendingApprovalsRequest::default();
    let page = client
        .administration
        .list_pending_approvals(request)
        .await
        .expect("a page");
    page.into_inner().approvals
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.expect_err("it never runs");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    reason(&status)
}

#[tokio::test]
async fn one_asks_and_another_approves_and_all_is_shown() {
    let office = Office::open().await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut second, _) = head(&office, OTHER, Uuid::now_v7()).await;
    let request = registration("C-1", 3);
    let asked = ask(&mut author, request.clone())
        .await
        .expect("it may be asked");
    assert_eq!(
        count(&office, "officer where badge = 'C-1'").await,
        0,
        "nothing happened yet"
    );
    assert_eq!(pending(&mut second).await, std::slice::from_ref(&asked));
    assert_eq!(asked.method, "Administration/RegisterOfficer");
    assert_eq!(asked.summary, "officer C-1 in 35.75 as COUNTER, by PIN");
    assert_eq!(asked.purpose, "starts on Monday");
    assert!(!format!("{asked:?}").contains(&request.nik));
    let (asked_at, ends_at) = (
        asked.requested_time.expect("when"),
        asked.expire_time.expect("until"),
    );
    assert_eq!(ends_at.seconds - asked_at.seconds, 15 * 60);

    let done = approve(&mut second, &asked).await.expect("another person");
    assert_eq!(done.state(), proto::ApprovalState::Done);
    let account = format!(
        "officer where officer_id = '{}' and badge = 'C-1' and district = 3575",
        done.resource
    );
    assert_eq!(count(&office, &account).await, 1);
    assert!(pending(&mut second).await.is_empty());
    let about = format!(
        "audit where resources = 'approval/{},officer/{}'",
        done.approval_id, done.resource
    );
    assert_eq!(
        count(&office, &about).await,
        1,
        "the act says what it was about"
    );
    // What waited is sealed: neither the NIK nor its first PIN lies anywhere.
    for table in look::tables(&office.sql).await {
        let rows = look::rows(&office.sql, &table).await;
        assert!(
            rows.iter().all(|row| !row.contains(&request.nik)),
            "{table}"
        );
    }
}

#[tokio::test]
async fn the_author_is_no_second_person_under_any_account() {
    let office = Office::open().await;
    let (mut author, first) = head(&office, COUNTER, Uuid::now_v7()).await;
    let person = person_of(&office.sql, first).await;
    let (mut again, _) = head(&office, OTHER, person).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    for client in [&mut author, &mut again] {
        assert_eq!(refusal(approve(client, &asked).await), "SAME_PERSON");
    }
    assert_eq!(count(&office, "officer where badge = 'C-1'").await, 0);

    // And so says the database, whoever writes.
    let second_account = "update approval as a
        set state = 'DONE', approved_by = o.officer_id, approver_person = o.person_id, approved_at = clock_timestamp(),
            resource = ''
        from officer as o where o.person_id = a.requester_person and o.officer_id <> a.requested_by";
    assert_eq!(
        broken(&office, second_account).await,
        "approval_is_by_two_persons"
    );
    // Nor does it help to name another person for that account.
    let another = "update approval as a
        set state = 'DONE', approved_by = o.officer_id, approver_person = gen_random_uuid(),
            approved_at = clock_timestamp(), resource = ''
        from officer as o where o.person_id = a.requester_person and o.officer_id <> a.requested_by";
    assert_eq!(
        broken(&office, another).await,
        "approval_approver_is_an_officer"
    );
}

/// The constraint that a statement breaks.
async fn broken(office: &Office, statement: &'static str) -> String {
    let error = sqlx::raw_sql(statement)
        .execute(&office.sql)
        .await
        .expect_err("the database says no");
    let error = error.into_database_error().expect("the database says it");
    let error = error.downcast::<PgDatabaseError>();
    error.constraint().expect("a constraint").to_owned()
}

#[tokio::test]
async fn two_real_accounts_of_one_nik_are_one_person() {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    // The same NIK as H-1, in another office.
    let double = proto::RegisterOfficerRequest {
        roles: vec![proto::OfficerRole::Head.into()],
        ..registration("D-1", 1)
    };
    registered((&mut one, &mut other), double).await;
    let (mut double, _) = super::first_shift(&office, COUNTER, "D-1").await;
    let asked = ask(&mut one, registration("C-1", 3))
        .await
        .expect("it may be asked");
    assert_eq!(
        pending(&mut double).await.len(),
        1,
        "it concerns this office"
    );
    assert_eq!(refusal(approve(&mut double, &asked).await), "SAME_PERSON");
    approve(&mut other, &asked).await.expect("another person");
    // The founders are the only ones of whom the centre had no word.
    assert!(found_head(&office, "H-9", 9).await.is_err());
}

#[tokio::test]
async fn what_waited_too_long_never_runs() {
    let office = Office::open().await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut second, _) = head(&office, OTHER, Uuid::now_v7()).await;
    // As it would stand there after a quarter of an hour: asked for then.
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    sql(
        &office,
        "update approval set expires_at = clock_timestamp()",
    )
    .await;
    assert!(
        pending(&mut second).await.is_empty(),
        "it is not shown any more"
    );
    let late = approve(&mut second, &asked).await;
    assert!(late.is_err(), "the database knows the time");
    assert_eq!(reason(&late.expect_err("late")), "APPROVAL_EXPIRED");
    let late = "update approval as a
        set state = 'DONE', approved_by = o.officer_id, approver_person = o.person_id, approved_at = clock_timestamp(),
            resource = ''
        from officer as o where o.person_id <> a.requester_person";
    assert_eq!(broken(&office, late).await, "approval_is_in_time");
    let longer = "update approval set expires_at = requested_at + interval '16 minutes'";
    assert_eq!(
        broken(&office, longer).await,
        "approval_lasts_a_quarter_hour"
    );
    assert_eq!(count(&office, "officer where badge = 'C-1'").await, 0);
}

#[tokio::test]
async fn what_was_altered_never_runs() {
    let office = Office::open().await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut second, own) = head(&office, OTHER, Uuid::now_v7()).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    let other = ask(&mut author, registration("C-2", 4))
        .await
        .expect("it may be asked");
    let me = person_of(&office.sql, own).await;
    for alteration in [
        "content = set_byte(content, 40, get_byte(content, 40) # 1)".to_owned(),
        format!("content = (select content from approval where approval_id = '{}')", other.approval_id),
        "summary = 'officer C-1 in 35.75 as HEAD, by PIN'".to_owned(),
        "purpose = 'another one'".to_owned(),
        "method = 'Administration/RevokeTerminal'".to_owned(),
        "requested_at = requested_at + interval '10 minutes', expires_at = expires_at + interval '10 minutes'".to_owned(),
        format!("requested_by = (select officer_id from officer where person_id = '{me}'), requester_person = '{me}'"),
        "content_digest = sha256(content)".to_owned(),
    ] {
        let before = "create table kept as select * from approval";
        sql(&office, before).await;
        let statement = format!("update approval set {alteration} where approval_id = '{}'", asked.approval_id);
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&office.sql).await.expect("a superuser may");
        let shown = pending(&mut second).await;
        let shown = shown.iter().find(|shown| shown.approval_id == asked.approval_id);
        for seen in [shown.expect("it still waits"), &asked] {
            let told = refusal(approve(&mut second, seen).await);
            assert_eq!(told, "APPROVAL_ALTERED", "{alteration}");
        }
        sql(&office, "alter table approval disable trigger all; delete from approval;
            insert into approval select * from kept; drop table kept; alter table approval enable trigger all").await;
    }
    assert_eq!(count(&office, "officer where badge like 'C-%'").await, 0);
    approve(&mut second, &asked)
        .await
        .expect("as it was, it runs");
    // What was not seen is not approved.
    let unseen = proto::Approval {
        content_digest: vec![0; 32],
        ..other
    };
    assert_eq!(
        refusal(approve(&mut second, &unseen).await),
        "APPROVAL_ALTERED"
    );
}

#[tokio::test]
async fn approved_twice_it_runs_once() {
    let office = Office::open().await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut second, _) = head(&office, OTHER, Uuid::now_v7()).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    let request = proto::ApproveRequest {
        request_id: request_id(),
        approval_id: asked.approval_id.clone(),
        content_digest: asked.content_digest.clone(),
    };
    let first = second
        .administration
        .approve(request.clone())
        .await
        .expect("once");
    let again = second
        .administration
        .approve(request)
        .await
        .expect("the first answer");
    assert_eq!(first.into_inner(), again.into_inner());
    assert_eq!(refusal(approve(&mut second, &asked).await), "APPROVAL_DONE");
    assert_eq!(count(&office, "officer where badge = 'C-1'").await, 1);
}

#[tokio::test]
async fn approved_by_eight_at_once_on_two_servers_it_runs_once() {
    let mut office = Office::open().await;
    office.add_server(Timing::default()).await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    let barrier = Arc::new(Barrier::new(8));
    let mut seconds = tokio::task::JoinSet::new();
    for number in 0..8 {
        let principal = format!("ektp://district/35.75/site/office/terminal/{}", 10 + number);
        let (_, shift) = head(&office, &principal, Uuid::now_v7()).await;
        let channel = office
            .endpoint(number % 2, &principal)
            .connect()
            .await
            .expect("a server");
        let mut second = Client::over(Line::new(channel, OnShift(Some(shift))));
        let (asked, barrier) = (asked.clone(), Arc::clone(&barrier));
        seconds.spawn(async move {
            barrier.wait().await;
            approve(&mut second, &asked).await
        });
    }
    let (done, refused): (Vec<_>, Vec<_>) = seconds
        .join_all()
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    assert!(
        refused
            .into_iter()
            .all(|answer| refusal(answer) == "APPROVAL_DONE")
    );
    assert_eq!(count(&office, "officer where badge = 'C-1'").await, 1);
}

#[tokio::test]
async fn an_act_that_cannot_be_done_leaves_its_approval_waiting() {
    let office = Office::open().await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut second, _) = head(&office, OTHER, Uuid::now_v7()).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    let same = ask(&mut author, registration("C-1", 4))
        .await
        .expect("nobody has the badge yet");
    approve(&mut second, &asked).await.expect("the first");
    assert_eq!(refusal(approve(&mut second, &same).await), "BADGE_TAKEN");
    assert_eq!(count(&office, "approval where state = 'PENDING'").await, 1);
    assert_eq!(
        count(
            &office,
            "officer_person where person_id not in (select person_id from officer)"
        )
        .await,
        0
    );
    assert_eq!(
        refusal(ask(&mut author, registration("C-1", 5)).await),
        "BADGE_TAKEN"
    );
}

#[tokio::test]
async fn another_office_sees_no_approval_of_ours() {
    let office = Office::open().await;
    let (mut one, mut other) = heads(&office).await;
    let (mut author, _) = head(&office, COUNTER, Uuid::now_v7()).await;
    let (mut foreign, _) = head(
        &office,
        "ektp://district/35.76/site/office/terminal/1",
        Uuid::now_v7(),
    )
    .await;
    let part = "ektp://district/35.75/site/35.75.01/terminal/1";
    let (mut limited, _) = head(&office, part, Uuid::now_v7()).await;
    let asked = ask(&mut author, registration("C-1", 3))
        .await
        .expect("it may be asked");
    for client in [&mut foreign, &mut limited] {
        assert!(pending(client).await.is_empty());
        let status = approve(client, &asked)
            .await
            .expect_err("there is no such thing here");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::NotFound, "APPROVAL_NOT_FOUND")
        );
    }
    assert_eq!(pending(&mut one).await.len(), 1, "the centre sees all");
    approve(&mut other, &asked).await.expect("and may approve");
    let (mut again, _) = shift(&office, DESK, "H-1").await;
    assert!(pending(&mut again).await.is_empty());
}
