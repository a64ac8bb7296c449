//! The ministry's rules: which version is in force where and when.

use ektp::{
    ids::District,
    policy::{self, ClassOutcome, Policy},
    proto,
};
use time::{Date, macros::date};

use crate::support::{
    office::Office,
    policies::{draft, rule, text},
};

/// What is in force in a district on a day.
async fn in_force(office: &Office, district: &str, day: Date) -> Policy {
    let district: District = district.parse().expect("a district");
    let mut db = office.sql.acquire().await.expect("the database answers");
    policy::in_force(&mut db, district, day)
        .await
        .expect("some version is always in force")
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
    let of = |area: &str| proto::PolicyDraft {
        area: area.to_owned(),
        valid_from: text(from),
        ..draft()
    };
    let mut province = of("32");
    rule(&mut province, proto::ApplicantClass::Lost).set_outcome(proto::ClassOutcome::Refuse);
    let city = proto::PolicyDraft {
        valid_to: text(until),
        daily_quota: Some(400),
        ..of("32.71")
    };
    let nation = office.put_in_force(of("")).await;
    let province = office.put_in_force(province).await;
    let city = office.put_in_force(city).await;
    for (district, day, expected) in [
        ("32.71", before, 1),
        ("32.71", from, city),
        ("32.71", until, city),
        ("32.71", after, province),
        ("32.72", from, province),
        ("35.75", before, 1),
        ("35.75", from, nation),
    ] {
        let found = in_force(&office, district, day).await.version;
        assert_eq!(u32::try_from(found), Ok(expected), "{district} on {day}");
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
