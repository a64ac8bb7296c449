//! One ledger, several topics: what one commit changed in two of them stands on both streams, each with its own prior
//! revision, and on no other.

use super::follower::{Collections, Enrolments, Follower, Stock};
use crate::support::{office::Office, stream::quick};

#[tokio::test]
async fn a_report_stands_on_three_streams_and_not_on_the_fourth() {
    let office = Office::open_with(quick()).await;
    office.stock("35.75", 1, 10).await;
    office.queued("35.75", 2).await;
    let mut terminal = office.terminal("35.75/office/1").await;
    let mut queue = terminal.follow().await;
    let mut stock = Follower::<Stock>::follow(&mut terminal).await;
    let mut cards = Follower::<Collections>::follow(&mut terminal).await;
    let mut people = Follower::<Enrolments>::follow(&mut terminal).await;
    let leases = terminal.lease(2).await.leases;
    let leased = queue.change().await;
    terminal.bind(&leases, 1).await;
    let (bound, blanks) = (queue.change().await, stock.change().await);
    assert_eq!(bound.prior_revision, leased.revision);
    // Two requests and two blanks in one commit: the ledger's numbers are shared out between the streams.
    assert_eq!(bound.revision.max(blanks.revision), leased.revision + 4);
    terminal.report(&leases, 1).await;
    let printed = queue.change().await;
    let (at_site, opened) = (stock.change().await, cards.change().await);
    assert_eq!(printed.prior_revision, bound.revision);
    assert_eq!(at_site.prior_revision, blanks.revision);
    assert_eq!(opened.prior_revision, 0, "the first of its topic");
    let last = printed.revision.max(at_site.revision).max(opened.revision);
    assert_eq!(last, leased.revision + 10);
    let lengths = (
        printed.ids.len(),
        at_site.entries.len(),
        opened.entries.len(),
    );
    assert_eq!(lengths, (2, 2, 2));
    // Nothing of it was about an enrolment: the next that is follows on what was there before.
    let person = crate::support::people::residents("35.75", 3).remove(2);
    terminal.enrol(&person).await;
    let before = people.topic_revision;
    let enrolled = people.change().await;
    assert_eq!(enrolled.prior_revision, before);
    assert!(enrolled.revision > last);
}
