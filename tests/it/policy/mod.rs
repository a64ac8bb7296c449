//! The ministry's rules: proposed by the centre, put in force by two persons for a day to come, read by everybody.

use ektp::{
    areas::TimeZone,
    ids::District,
    policy::{self, ClassOutcome, Policy},
    proto::{self, PolicyState},
};
use time::{
    Date, OffsetDateTime,
    macros::{date, datetime},
};
use tonic::{Code, Status};

use crate::{
    administration::{DESK, approve, at},
    support::{
        office::{Client, Office, reason},
        policies::{ask_to_activate, draft, draft_from, propose, rule},
    },
};

mod input;

/// What is in force in a district on a day.
async fn in_force(office: &Office, district: &str, day: Date) -> Policy {
    let district: District = district.parse().expect("a district");
    let mut db = office.sql.acquire().await.expect("the database answers");
    policy::in_force(&mut db, district, day)
        .await
        .expect("some version is always in force")
}

async fn number(office: &Office, district: &str, day: Date) -> u32 {
    let version = in_force(office, district, day).await.version;
    u32::try_from(version).expect("versions count from 1")
}

/// A page of the versions that bear on a caller.
async fn list(client: &mut Client, in_force_on: &str) -> Vec<proto::Policy> {
    let request = proto::ListPoliciesRequest {
        in_force_on: in_force_on.to_owned(),
        ..proto::ListPoliciesRequest::default()
    };
    let page = client.administration.list_policies(request).await;
    page.expect("a page").into_inner().policies
}

fn versions(policies: &[proto::Policy]) -> Vec<u32> {
    policies.iter().map(|policy| policy.version).collect()
}

fn why<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.expect_err("it is refused");
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    reason(&status)
}

fn of(area: &str, from: &str) -> proto::PolicyDraft {
    proto::PolicyDraft {
        area: area.to_owned(),
        ..draft_from(from)
    }
}

#[tokio::test]
async fn a_version_is_proposed_then_asked_for_then_put_in_force_by_a_second_person() {
    let office = Office::open().await;
    let (mut one, mut other) = office.two_of_the_centre().await;
    let said = proto::PolicyDraft {
        daily_quota: Some(400),
        closed_weekdays: vec![
            proto::Weekday::Saturday.into(),
            proto::Weekday::Sunday.into(),
        ],
        holidays: vec!["2017-12-25".to_owned()],
        ..of("32.71", "2017-10-23")
    };
    let proposed = propose(&mut one, said.clone())
        .await
        .expect("it is sensible");
    assert_eq!(
        (proposed.version, proposed.state()),
        (2, PolicyState::Proposed)
    );
    assert_eq!(proposed.rules, Some(said.clone()), "it is what was said");
    assert_eq!(number(&office, "32.71", date!(2017 - 10 - 23)).await, 1);

    let asked = ask_to_activate(&mut one, 2).await.expect("it may be asked");
    assert_eq!(
        asked.summary,
        "policy 2 for district 32.71 in force from 2017-10-23: a letter of the test"
    );
    assert_eq!(number(&office, "32.71", date!(2017 - 10 - 23)).await, 1);
    assert_eq!(why(approve(&mut one, &asked).await), "SAME_PERSON");
    let done = approve(&mut other, &asked).await.expect("another person");
    assert_eq!(done.resource, "2");
    assert_eq!(number(&office, "32.71", date!(2017 - 10 - 22)).await, 1);
    assert_eq!(number(&office, "32.71", date!(2017 - 10 - 23)).await, 2);
    let listed = list(&mut one, "2017-10-23").await;
    assert_eq!(versions(&listed), [2, 1]);
    assert_eq!(
        (listed[0].state(), listed[0].rules.as_ref()),
        (PolicyState::Active, Some(&said))
    );
    assert_eq!(listed[0].approval_id, asked.approval_id);

    assert_eq!(why(approve(&mut other, &asked).await), "APPROVAL_DONE");
    assert_eq!(
        why(ask_to_activate(&mut one, 2).await),
        "POLICY_ALREADY_ACTIVE"
    );
    let unknown = ask_to_activate(&mut one, 3)
        .await
        .expect_err("no such version");
    assert_eq!(
        (unknown.code(), reason(&unknown).as_str()),
        (Code::NotFound, "POLICY_NOT_FOUND")
    );
}

#[tokio::test]
async fn of_two_words_for_one_version_the_second_comes_too_late() {
    let office = Office::open().await;
    let (mut one, mut other) = office.two_of_the_centre().await;
    propose(&mut one, draft_from("2017-10-23"))
        .await
        .expect("it is sensible");
    let first = ask_to_activate(&mut one, 2).await.expect("it may be asked");
    let second = ask_to_activate(&mut one, 2).await.expect("and once more");
    approve(&mut other, &first).await.expect("another person");
    assert_eq!(
        why(approve(&mut other, &second).await),
        "POLICY_ALREADY_ACTIVE"
    );
}

/// S4-5: the refusals of the queue follow the directorate-general's rule; the district cannot change it.
#[tokio::test]
async fn s4_5_a_district_reads_the_rules_and_writes_none() {
    let office = Office::open().await;
    for (area, from) in [
        ("", "2017-05-01"),
        ("14", "2017-05-02"),
        ("14.03", "2017-05-03"),
        ("32.71", "2017-05-04"),
    ] {
        office.enact(of(area, from)).await;
    }
    let mut district = office.terminal("14.03/office/1").await;
    assert_eq!(versions(&list(&mut district, "").await), [4, 3, 2, 1]);
    assert_eq!(versions(&list(&mut district, "2017-05-02").await), [3, 2]);
    let mut desk = office.centre("policy").await;
    assert_eq!(versions(&list(&mut desk, "").await), [5, 4, 3, 2, 1]);
    let mut province = at(&office, 0, "ektp://province/32", None).await;
    assert_eq!(versions(&list(&mut province, "").await), [5, 2, 1]);
    let mut store = office.centre("store").await;
    for client in [&mut district, &mut store] {
        let proposed = propose(client, of("14.03", "2017-06-01")).await;
        let asked = ask_to_activate(client, 1).await;
        for status in [proposed.expect_err("no"), asked.expect_err("no")] {
            assert_eq!(status.code(), Code::PermissionDenied);
            assert_eq!(reason(&status), "ROLE_MAY_NOT_CALL");
        }
    }
    let own = office.put_in_force(of("35.75", "")).await;
    let today = TimeZone::Wib.local_date(office.clock.now());
    assert_eq!((today, own), (date!(2017 - 04 - 19), 6));
    assert_eq!(number(&office, "35.75", today).await, own);
}

#[tokio::test]
async fn of_the_versions_in_force_the_smallest_area_counts_whole() {
    let office = Office::open().await;
    let (before, from, until, after) = (
        date!(2017 - 09 - 30),
        date!(2017 - 10 - 01),
        date!(2017 - 10 - 22),
        date!(2017 - 10 - 23),
    );
    let mut province = of("32", "2017-10-01");
    rule(&mut province, proto::ApplicantClass::Lost).set_outcome(proto::ClassOutcome::Refuse);
    let city = proto::PolicyDraft {
        valid_to: "2017-10-22".to_owned(),
        daily_quota: Some(400),
        ..of("32.71", "2017-10-01")
    };
    let nation = office.enact(draft_from("2017-10-01")).await;
    let province = office.enact(province).await;
    let city = office.enact(city).await;
    for (district, day, expected) in [
        ("32.71", before, 1),
        ("32.71", from, city),
        ("32.71", until, city),
        ("32.71", after, province),
        ("32.72", from, province),
        ("35.75", before, 1),
        ("35.75", from, nation),
    ] {
        assert_eq!(
            number(&office, district, day).await,
            expected,
            "{district} on {day}"
        );
    }
    // Nothing of the province is merged into the city's.
    let lost = |policy: Policy| {
        let found = policy.rule(policy::ApplicantClass::Lost);
        found.expect("every class has its rule").outcome
    };
    let in_city = in_force(&office, "32.71", from).await;
    assert_eq!(in_city.daily_quota, Some(400));
    assert_eq!(lost(in_city), ClassOutcome::Admit);
    assert_eq!(
        lost(in_force(&office, "32.72", from).await),
        ClassOutcome::Refuse
    );
}

#[tokio::test]
async fn an_open_version_ends_before_the_one_that_follows_and_any_other_stands_in_its_way() {
    let office = Office::open().await;
    let second = office.enact(draft_from("2017-06-01")).await;
    let third = office.enact(draft_from("2017-10-23")).await;
    let mut desk = office.centre("policy").await;
    let ends: Vec<(u32, String)> = list(&mut desk, "")
        .await
        .into_iter()
        .map(|policy| (policy.version, policy.rules.expect("what it says").valid_to))
        .collect();
    let expected = [(third, ""), (second, "2017-10-22"), (1, "2017-05-31")];
    assert_eq!(
        ends,
        expected.map(|(version, day)| (version, day.to_owned()))
    );

    for (from, in_the_way) in [
        ("2017-10-23", third),
        ("2017-05-31", 1),
        ("2017-07-01", second),
    ] {
        let status = propose(&mut desk, draft_from(from)).await.expect_err(from);
        assert_eq!(reason(&status), "POLICY_OVERLAPS", "{from}");
        let info = tonic_types::StatusExt::get_details_error_info(&status).expect("why");
        assert_eq!(info.metadata["version"], in_the_way.to_string(), "{from}");
    }
    // Another area's are not in the way.
    propose(&mut desk, of("32", "2017-07-01"))
        .await
        .expect("of a province");
}

#[tokio::test]
async fn what_has_come_between_is_seen_when_the_second_person_says_yes() {
    let office = Office::open().await;
    let (mut one, mut other) = office.two_of_the_centre().await;
    for _ in 0..2 {
        propose(&mut one, draft_from("2017-10-23"))
            .await
            .expect("both are sensible");
    }
    let first = ask_to_activate(&mut one, 2).await.expect("it may be asked");
    let second = ask_to_activate(&mut one, 3)
        .await
        .expect("so may the other");
    approve(&mut other, &first).await.expect("another person");
    assert_eq!(why(approve(&mut other, &second).await), "POLICY_OVERLAPS");

    // And time goes on.
    propose(&mut one, of("32", "2017-04-19"))
        .await
        .expect("from tomorrow on");
    let late = ask_to_activate(&mut one, 4)
        .await
        .expect("it is still tomorrow");
    office.clock.set(datetime!(2017-04-18 15:00 UTC));
    assert_eq!(
        why(approve(&mut other, &late).await),
        "POLICY_NOT_IN_FUTURE"
    );
}

#[tokio::test]
async fn what_was_altered_by_hand_never_comes_into_force() {
    let office = Office::open().await;
    let (mut one, mut other) = office.two_of_the_centre().await;
    propose(&mut one, draft_from("2017-10-23"))
        .await
        .expect("it is sensible");
    let asked = ask_to_activate(&mut one, 2).await.expect("it may be asked");
    let alter =
        "update policy_class set outcome = 'REFUSE' where version = 2 and applicant_class = 'LOST'";
    sqlx::raw_sql(alter)
        .execute(&office.sql)
        .await
        .expect("a superuser may");
    assert_eq!(why(approve(&mut other, &asked).await), "APPROVAL_ALTERED");
    assert_eq!(number(&office, "35.75", date!(2017 - 10 - 23)).await, 1);
}

#[tokio::test]
async fn versions_of_many_at_once_are_numbered_without_a_gap() {
    let office = Office::open().await;
    let desk = office.centre("policy").await;
    let proposals = (0..6).map(|_| {
        let mut desk = desk.clone();
        tokio::spawn(async move { propose(&mut desk, draft_from("2017-10-23")).await })
    });
    let mut numbers = Vec::new();
    for proposal in proposals.collect::<Vec<_>>() {
        let proposed = proposal.await.expect("nobody panics");
        numbers.push(proposed.expect("it is sensible").version);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7]);
}

/// A day begins in Jayapura two hours before it begins in Bogor.
#[tokio::test]
async fn another_day_begins_in_each_zone_at_its_own_midnight() {
    let office = Office::open().await;
    for area in ["32.71", "51.71", "91.71"] {
        office.enact(of(area, "2017-10-23")).await;
    }
    let begun = async |instant: OffsetDateTime| {
        let mut in_it = Vec::new();
        for code in ["32.71", "51.71", "91.71"] {
            let today = TimeZone::of(code.parse().expect("a district")).local_date(instant);
            in_it.push(number(&office, code, today).await != 1);
        }
        in_it
    };
    for (instant, expected) in [
        (datetime!(2017-10-22 14:59:59 UTC), [false, false, false]),
        (datetime!(2017-10-22 15:00 UTC), [false, false, true]),
        (datetime!(2017-10-22 16:00 UTC), [false, true, true]),
        (datetime!(2017-10-22 17:00 UTC), [true, true, true]),
    ] {
        assert_eq!(begun(instant).await, expected, "{instant}");
    }
    // A day that has begun in the east is no day to come in the west.
    office.clock.set(datetime!(2017-10-24 14:59:59 UTC));
    let mut desk = office.centre("policy").await;
    propose(&mut desk, of("32", "2017-10-25"))
        .await
        .expect("it is the 24th everywhere");
    office.clock.set(datetime!(2017-10-24 15:00 UTC));
    let late = propose(&mut desk, of("32", "2017-10-25")).await;
    assert_eq!(why(late), "POLICY_NOT_IN_FUTURE");
}

#[tokio::test]
async fn a_head_alone_writes_rules() {
    let office = Office::open().await;
    for role in ektp::caller::OfficerRole::ALL {
        let mut officer = office.client_as(0, DESK, Some(&[role])).await;
        let proposed = propose(&mut officer, draft()).await;
        let is_head = role == ektp::caller::OfficerRole::Head;
        let code = proposed.expect_err("the first day is missing").code();
        assert_eq!(code == Code::InvalidArgument, is_head, "{role:?}");
    }
}
