//! A death in the moment of the lease and of the binding: whichever comes first, there is never a cancelled request with a
//! blank bound to it, nor a blank that was bound after the death.

use tokio::sync::Barrier;

use super::*;
use crate::support::{look, soak};

/// So many persons, each with a race of its own; more of them in a soak.
const RACES: usize = 40;

/// What may never be: a blank bound to the request of a person who died before.
const WRONG: &str = "print_request p join resident r using (resident_id)
    left join card c on c.print_request_id = p.print_request_id
    where (p.state = 'CANCELLED' and c.serial is not null)
        or (p.state = 'LEASED' and r.life <> 'RESIDENT')
        or (p.state = 'QUEUED' and r.life <> 'RESIDENT')";

#[tokio::test]
async fn a_death_that_races_with_lease_and_bind_never_leaves_a_card_behind_a_cancelled_request() {
    let office = Office::open().await;
    let races = soak::times(RACES);
    office.stock(DISTRICT, 1, races as i64).await;
    let waiting = office.waiting(races).await;
    let counter = office.terminal("35.75/office/1").await;
    let printer = office.terminal("35.75/office/2").await;
    let mut bound = 0;
    for (place, (resident, request)) in waiting.iter().enumerate() {
        let serial = i64::try_from(place).expect("a few") + 1;
        let start = Barrier::new(2);
        let (mut teller, mut worker) = (counter.clone(), printer.clone());
        // In every second race the lease is given before.
        let before = if place % 2 == 0 {
            Some(worker.lease(1).await.leases)
        } else {
            None
        };
        let dies = async {
            start.wait().await;
            teller.tell(death(resident)).await.expect("it is recorded");
        };
        let prints = async {
            start.wait().await;
            let leases = match before {
                Some(leases) => leases,
                None => worker.lease(1).await.leases,
            };
            // The next person's, where the death was first.
            let is_this = |lease: &proto::Lease| {
                lease
                    .entry
                    .as_ref()
                    .is_some_and(|entry| entry.print_request_id == *request)
            };
            if leases.iter().any(is_this) {
                worker.bind(&leases, serial).await;
            }
        };
        tokio::join!(dies, prints);
        let state = counter.clone().stands(request).await.0;
        let ended = state == PrintRequestState::Cancelled || state == PrintRequestState::Bound;
        assert!(ended, "race {place} ended in {state:?}");
        bound += i64::from(state == PrintRequestState::Bound);
        assert_eq!(look::count(&office.sql, WRONG).await, 0, "race {place}");
        // A lease that took the next person in the line is given back: each race is about one.
        give_back(&office).await;
    }
    eprintln!("{bound} of {races} blanks were bound before the death");
    assert_eq!(look::count(&office.sql, "card").await, bound);
}

async fn give_back(office: &Office) {
    let mut printer = office.terminal("35.75/office/2").await;
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select print_request_id::text, fence from print_request where state = 'LEASED'",
    )
    .fetch_all(&office.sql)
    .await
    .expect("leases can be read");
    let leases: Vec<proto::LeaseKey> = rows
        .into_iter()
        .map(|(print_request_id, fence)| proto::LeaseKey {
            print_request_id,
            fence: u64::try_from(fence).expect("a fence counts up"),
        })
        .collect();
    if !leases.is_empty() {
        let request = proto::ReleaseLeasesRequest {
            request_id: request_id(),
            leases,
        };
        let answer = printer.print_queue.release_leases(request).await;
        answer.expect("leases are given back");
    }
}
