//! What is only looked at is the first to be refused: in its own line, and while acts wait too long in theirs.

use ektp::{caller::Class, proto};
use sqlx::{Connection as _, PgConnection};

use super::{
    BURST, FLOOD, Gate, LONG, assert_shed, lines, printing, record, revisions, until_waiting,
};
use crate::support::{
    cards::until,
    office::{Client, Office},
    people::{key, residents},
};

async fn list(mut clerk: Client) -> Result<(), tonic::Status> {
    let page = proto::ListPrintRequestsRequest::default();
    clerk.print_queue.list_print_requests(page).await.map(drop)
}

#[tokio::test]
async fn lists_give_way_to_acts_that_wait_too_long_and_a_card_face_does_not() {
    let office = Office::open_narrow(LONG).await;
    let (mut printer, leases) = printing(&office, 1).await;
    let people = residents("35.75", BURST + 4).split_off(2);
    let clerk = office.terminal("35.75/office/2").await;
    let elsewhere = office.terminal("35.76/office/1").await;
    let (acts, _) = lines(&office);
    let mut gate = Gate::build(&office).await;
    gate.hold_up(&office, &clerk, &people[0]).await;
    list(clerk.clone()).await.expect("nobody waits");

    gate.close().await;
    let mut acting = vec![record(printer.clone(), &people[1])];
    gate.until_reached(&office).await;
    let crowd = people[2..2 + BURST].iter();
    acting.extend(crowd.map(|person| record(printer.clone(), person)));
    until_waiting(&acts, Class::Registration, BURST).await;
    let status = list(clerk.clone()).await.expect_err("acts wait too long");
    assert_shed(&status, Class::Lists);
    list(elsewhere)
        .await
        .expect("they wait for another district's");
    let lease = Some(key(&leases[0]));
    let face = tokio::spawn(async move {
        let request = proto::GetCardFaceRequest { lease };
        printer.print_queue.get_card_face(request).await.map(drop)
    });
    // It was read; that it was is noted by an act.
    until_waiting(&acts, Class::Leases, 1).await;

    gate.open().await;
    let face = face.await.expect("it does not panic");
    face.expect("a blank is in the printer");
    assert_eq!(revisions(acting).await.len(), 1 + BURST, "all are done");
    list(clerk).await.expect("it is over");
}

#[tokio::test]
async fn lists_are_refused_before_a_card_face_is() {
    let office = Office::open_narrow(LONG).await;
    let (printer, leases) = printing(&office, BURST).await;
    let clerks = [
        office.terminal("35.75/office/2").await,
        office.terminal("35.75/office/3").await,
    ];
    let (_, reads) = lines(&office);
    let mut holder = PgConnection::connect_with(&office.database_as(ektp::embedded::OWNER))
        .await
        .expect("the database answers");
    let mut held = holder.begin().await.expect("it is ours");
    sqlx::raw_sql("lock table print_request in access exclusive mode")
        .execute(&mut *held)
        .await
        .expect("nobody reads");
    let lists = (0..FLOOD).map(|number| tokio::spawn(list(clerks[number % 2].clone())));
    let lists: Vec<_> = lists.collect();
    until("the flood has broken", async || {
        let told = lists.iter().filter(|one| one.is_finished()).count();
        told + 1 + reads.waiting(Class::Lists) == FLOOD
    })
    .await;
    let faces = leases.iter().map(|lease| {
        let (mut printer, lease) = (printer.clone(), Some(key(lease)));
        tokio::spawn(async move {
            let request = proto::GetCardFaceRequest { lease };
            printer.print_queue.get_card_face(request).await.map(drop)
        })
    });
    let faces: Vec<_> = faces.collect();
    until_waiting(&reads, Class::Leases, BURST).await;
    held.rollback().await.expect("nothing was done");
    for face in faces {
        face.await
            .expect("it does not panic")
            .expect("each at its first try");
    }
    let mut refused = 0;
    for list in lists {
        if let Err(status) = list.await.expect("it does not panic") {
            assert_shed(&status, Class::Lists);
            refused += 1;
        }
    }
    assert!(refused >= FLOOD - 65, "a line has a bound: {refused}");
}
