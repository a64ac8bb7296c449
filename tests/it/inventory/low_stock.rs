//! Days to empty, and the rule that asks for blanks by itself when they run low (S2-12).

use ektp::{
    feed::Timing,
    proto::{self, BlankRequestCause, BlankRequestState},
};
use time::Duration;

use super::Blanks as _;
use crate::support::{
    look,
    office::{MORNING, Office},
};

/// A district that has used eight of its ten blanks today.
async fn used_eight_of_ten(office: &Office, district: &str, first: i64) {
    office.stock(district, first, first + 9).await;
    office.queued(district, 8).await;
    let mut terminal = office.terminal(&format!("{district}/office/1")).await;
    let leases = terminal.lease(8).await.leases;
    assert_eq!(leases.len(), 8);
    terminal.bind(&leases, first).await;
}

async fn days(office: &Office, location: &str) -> Option<proto::DaysToEmpty> {
    let mut store = office.centre("store").await;
    let account = store.account(location).await.expect("an account");
    account.days_to_empty
}

#[tokio::test]
async fn an_account_says_how_long_the_blanks_last() {
    let office = Office::open().await;
    assert_eq!(days(&office, "35.75").await, None, "nothing was used");
    used_eight_of_ten(&office, "35.75", 1).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    terminal
        .dispatch("35.75.02", &[(10, 10)])
        .await
        .expect("one goes to a subdistrict");
    let mut limited = office.terminal("35.75/35.75.02/1").await;
    let due = limited
        .account("35.75.02")
        .await
        .expect("an account")
        .due_in;
    limited
        .receive(&due[0].shipment_id, &[(10, 10)])
        .await
        .expect("a receipt");
    let whole = days(&office, "35.75").await.expect("eight were used");
    assert_eq!(whole.in_stock, 2, "all of the district's stores");
    assert!((whole.used_per_day - 8.0 / 14.0).abs() < 1e-9);
    assert!((whole.expected_days - 3.5).abs() < 1e-9);
    assert!(whole.low_days > 0.0 && whole.low_days < 3.5);
    assert_eq!(whole.high_days, None, "one day proves little");
    assert_eq!(
        days(&office, "35.75.02").await,
        None,
        "nothing was used there"
    );
    assert_eq!(days(&office, "35.14").await, None);
    office.clock.set(MORNING + Duration::days(14));
    assert_eq!(days(&office, "35.75").await, None, "a fortnight ago");
}

#[tokio::test]
async fn s2_12_stock_that_runs_low_raises_a_request_by_itself() {
    let mut office = Office::open().await;
    // The first has used its blanks too long ago to need more; a third waits for what is on its way.
    used_eight_of_ten(&office, "35.14", 1).await;
    office.clock.set(MORNING + Duration::days(15));
    used_eight_of_ten(&office, "35.73", 11).await;
    let mut store = office.centre("store").await;
    store.deliver(&[(101, 200)]).await.expect("a delivery");
    store
        .dispatch("35.73", &[(101, 200)])
        .await
        .expect("a dispatch");
    used_eight_of_ten(&office, "35.75", 21).await;
    // The fifth has none while somebody waits.
    office.queued("35.76", 2).await;

    // A server looks as soon as it starts, district by district in the order of their codes; two do no harm.
    office.add_server(Timing::default()).await;
    office.add_server(Timing::default()).await;
    look::until_some(&office.sql, "blank_request where district = 3576").await;

    let mut asked = store.asked(BlankRequestState::Unspecified).await;
    asked.sort_by(|one, other| one.district.cmp(&other.district));
    let raised: Vec<(&str, u64)> = asked
        .iter()
        .map(|request| (request.district.as_str(), request.quantity))
        .collect();
    assert_eq!(raised, [("35.75", 500), ("35.76", 500)]);
    for request in &asked {
        assert_eq!(request.cause(), BlankRequestCause::LowStock);
        assert_eq!(request.route(), proto::BlankRequestRoute::Direct);
        assert_eq!(request.state(), BlankRequestState::Requested);
    }
    let backlog = asked[0].backlog.as_ref().expect("a backlog");
    let days = backlog.days_to_empty.expect("eight were used");
    assert!((days.expected_days - 3.5).abs() < 1e-9, "{days:?}");
    assert_eq!(asked[1].backlog.as_ref().map(|b| b.queued), Some(2));
}
