//! What keeps a request waiting, and until when it can be taken back.

use uuid::Uuid;

use super::{
    printing::standings,
    release::{held, request},
    *,
};
use crate::{
    ids::IncidentId,
    print_queue::{CancelReason, HoldReason},
};

#[test]
fn a_request_is_taken_back_as_long_as_no_card_of_it_may_exist() {
    let waits = held(&[HoldReason::Quota]);
    let withdrawn = Standing::Cancelled(CancelReason::Withdrawn);
    let mut all = standings().to_vec();
    all.extend([waits, withdrawn.clone()]);
    for standing in all {
        let before = request(1, standing);
        let may = match before.standing {
            Standing::Queued | Standing::Held(_) | Standing::Leased(_) => true,
            Standing::Bound(..)
            | Standing::InDoubt(..)
            | Standing::Printed(_)
            | Standing::Cancelled(_) => false,
        };
        let state = before.standing.state();
        let expected = if may {
            Ok(withdrawn.clone())
        } else {
            Err(Refusal::WrongState(state))
        };
        let after = withdraw(&before, None, NOW).map(|after| after.standing);
        assert_eq!(after, expected, "{state:?}");
    }
}

#[test]
fn who_is_held_for_an_incident_stays_until_it_is_resolved() {
    let incident = IncidentId::from(Uuid::from_u128(7));
    let before = request(1, held(&[HoldReason::Incident]));
    assert_eq!(
        withdraw(&before, Some(incident), NOW),
        Err(Refusal::Unsure(Unsure::IncidentOpen(incident)))
    );
    assert!(withdraw(&before, None, NOW).is_ok());
}

#[test]
fn each_reason_is_lifted_by_itself_and_the_last_one_opens_the_queue() {
    let [centre, incident] = [HoldReason::AwaitingCentre, HoldReason::Incident];
    let both = request(1, held(&[centre, incident]));
    let one = lift_hold(&both, centre, NOW).expect("it was held for that");
    assert_eq!(one.standing, held(&[incident]));
    assert_eq!(lift_hold(&one, centre, NOW), None);
    let none = lift_hold(&one, incident, NOW).expect("it was held for that");
    assert_eq!(none.standing, Standing::Queued);
    let again = add_hold(&none, centre, NOW).expect("it is queued");
    assert_eq!(again.standing, held(&[centre]));
    assert_eq!(add_hold(&again, centre, NOW), None);
}
