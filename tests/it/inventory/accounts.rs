//! Accounts: whose a terminal may see.

use tonic::Code;

use super::{Blanks as _, assert_same};
use crate::support::office::{Office, reason};

#[tokio::test]
async fn a_foreign_account_looks_like_a_missing_one() {
    let office = Office::open().await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let missing = terminal.account("99.99").await.expect_err("missing");
    assert_eq!(
        (missing.code(), reason(&missing).as_str()),
        (Code::NotFound, "LOCATION_NOT_FOUND")
    );
    for foreign in ["35.14", "35.14.01", "centre"] {
        assert_same(
            &terminal.account(foreign).await.expect_err(foreign),
            &missing,
        );
    }
    assert_eq!(
        terminal.stock_of("35.75.02").await.location,
        "35.75.02",
        "a subdistrict's is its district's to see"
    );
    assert_eq!(
        office.centre("store").await.stock_of("").await.location,
        "centre"
    );
}
