//! The rules of shipments: where blanks may go, what a receipt amounts to, and who may not sign for both sides.

use time::{Duration, OffsetDateTime};

use super::runs;
use crate::{
    ids::{PersonId, SerialRange, Subdistrict, total},
    inventory::{Location, Receipt, Refusal, Route, Shipment, ShipmentState},
};

/// A case must be settled within so long: two offices need a working week and the weekend between.
const CASE_LASTS: Duration = Duration::days(7);
/// More serials than that which were not dispatched are no slip of the packer but another shipment.
const SURPLUS_MAX: i64 = 1_000;

/// Until when a case that is opened now must be settled.
pub fn due_at(opened_at: OffsetDateTime) -> OffsetDateTime {
    opened_at + CASE_LASTS
}

/// Whether blanks may go that way. Offices send to one another's own stores (the centre to a district or a province, S2-10
/// and S2-11; a province to its districts; districts laterally); within an office every store and unit sends to every other.
pub fn route(route: Route, destination_exists: bool) -> Result<(), Refusal> {
    let Route {
        origin,
        destination,
        sender,
        limit,
    } = route;
    if origin.district() != sender || !destination_exists {
        return Err(Refusal::LocationNotFound);
    }
    may_act_at(origin, limit)?;
    let within = destination.district() == sender;
    let between = origin.is_of_office() && destination.is_of_office();
    if origin == destination || !(within || between) {
        return Err(Refusal::RouteNotAllowed);
    }
    Ok(())
}

/// A terminal of a subdistrict acts at the subdistrict's own store and its units; the rest is the office's (S0-15).
pub fn may_act_at(location: Location, limit: Option<Subdistrict>) -> Result<(), Refusal> {
    match limit {
        Some(limit) if location.subdistrict() != Some(limit) => {
            Err(Refusal::OutsideSubdistrict(limit))
        }
        Some(_) | None => Ok(()),
    }
}

/// What becomes of a shipment when a person finds this in the boxes.
pub fn receive(
    shipment: &Shipment,
    found: &[SerialRange],
    receiver: PersonId,
    limit: Option<Subdistrict>,
) -> Result<Receipt, Refusal> {
    may_act_at(shipment.destination, limit)?;
    is_under_way(shipment)?;
    // A store fills its own hopper alone.
    let is_filling = shipment.origin.filled_from() == shipment.destination.filled_from();
    if shipment.dispatched_by.person == receiver && !is_filling {
        return Err(Refusal::SamePerson);
    }
    let surplus = runs::minus(found, &shipment.serials);
    if let Some(first) = surplus.first()
        && total(&surplus) > SURPLUS_MAX
    {
        return Err(Refusal::SerialsNotInShipment(*first));
    }
    let missing = runs::minus(&shipment.serials, found);
    let arrived = runs::minus(&shipment.serials, &missing);
    let state = if missing.is_empty() && surplus.is_empty() {
        ShipmentState::Received
    } else {
        ShipmentState::ReceivedWithDifferences
    };
    Ok(Receipt {
        received_quantity: total(&arrived),
        arrived,
        missing,
        surplus,
        state,
    })
}

/// Whether its sender may take a shipment back.
pub fn cancel(shipment: &Shipment, limit: Option<Subdistrict>) -> Result<(), Refusal> {
    may_act_at(shipment.origin, limit)?;
    is_under_way(shipment)
}

fn is_under_way(shipment: &Shipment) -> Result<(), Refusal> {
    match shipment.state {
        ShipmentState::Dispatched => Ok(()),
        ShipmentState::Received | ShipmentState::ReceivedWithDifferences => {
            Err(Refusal::ShipmentAlreadyReceived)
        }
        ShipmentState::Cancelled => Err(Refusal::ShipmentCancelled),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        ids::{OfficerId, Serial, ShipmentId},
        inventory::Signature,
    };

    fn range(first: i64, last: i64) -> SerialRange {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    fn shipment(serials: Vec<SerialRange>) -> Shipment {
        Shipment {
            shipment_id: ShipmentId::fresh(),
            origin: Location::CENTRE,
            destination: location("35.75"),
            state: ShipmentState::Dispatched,
            document_number: "T-1".to_owned(),
            dispatched_quantity: total(&serials),
            serials,
            received_quantity: 0,
            surplus_quantity: 0,
            dispatched_at: datetime!(2017-04-10 08:00 UTC),
            dispatched_by: Signature {
                officer: OfficerId::fresh(),
                person: PersonId::fresh(),
            },
            ended_at: None,
            ended_by: None,
            blank_request_id: None,
        }
    }

    fn received(shipment: &Shipment, found: &[SerialRange]) -> Result<Receipt, Refusal> {
        receive(shipment, found, PersonId::fresh(), None)
    }

    #[test]
    fn offices_send_to_offices_and_a_store_within_its_office() {
        let asked = |origin: &str, destination: &str| {
            let origin = location(origin);
            let asked = Route {
                origin,
                destination: location(destination),
                sender: origin.district(),
                limit: None,
            };
            route(asked, true)
        };
        for (origin, destination) in [
            ("centre", "16.71"),
            ("centre", "16"),
            ("16", "16.71"),
            ("16.71", "16.01"),
            ("16.71", "centre"),
            ("16.71", "16.71.02"),
            ("16.71.02", "16.71.03"),
            ("16.71.02", "16.71.02/hopper/1"),
            ("16.71/mobile/1", "16.71"),
        ] {
            assert_eq!(asked(origin, destination), Ok(()), "{origin} {destination}");
        }
        for (origin, destination) in [
            ("centre", "16.71.02"),
            ("16.71.02", "16.01"),
            ("16.71/hopper/1", "16.01"),
            ("16.71", "16.71"),
            ("16", "16.71.02"),
        ] {
            let answer = asked(origin, destination);
            assert_eq!(
                answer,
                Err(Refusal::RouteNotAllowed),
                "{origin} {destination}"
            );
        }
    }

    #[test]
    fn nobody_sends_from_anothers_store_or_to_nowhere() {
        let asked = Route {
            origin: location("16.71"),
            destination: location("16.01"),
            sender: location("16.71").district(),
            limit: None,
        };
        assert_eq!(route(asked, false), Err(Refusal::LocationNotFound));
        let foreign = Route {
            sender: location("16.01").district(),
            ..asked
        };
        assert_eq!(route(foreign, true), Err(Refusal::LocationNotFound));
        let limit = "16.71.02".parse().ok();
        let limited = Route { limit, ..asked };
        let outside = limit.map(Refusal::OutsideSubdistrict);
        assert_eq!(route(limited, true).err(), outside);
    }

    #[test]
    fn a_full_receipt_leaves_nothing_to_dispute() {
        let receipt = received(
            &shipment(vec![range(1, 8000)]),
            &[range(4001, 8000), range(1, 4000)],
        );
        let expected = Receipt {
            arrived: vec![range(1, 8000)],
            missing: vec![],
            surplus: vec![],
            state: ShipmentState::Received,
            received_quantity: 8000,
        };
        assert_eq!(receipt, Ok(expected));
    }

    #[test]
    fn what_is_missing_at_receipt_is_disputed() {
        let sent = shipment(vec![range(1, 100), range(201, 300)]);
        let found = [range(1, 40), range(51, 100), range(201, 250)];
        let receipt = received(&sent, &found).expect("a receipt");
        assert_eq!(receipt.missing, [range(41, 50), range(251, 300)]);
        assert_eq!(receipt.state, ShipmentState::ReceivedWithDifferences);
        assert_eq!(receipt.received_quantity, 140);
    }

    #[test]
    fn what_was_not_dispatched_is_disputed_and_not_received() {
        let sent = shipment(vec![range(1, 100)]);
        let receipt = received(&sent, &[range(1, 150)]).expect("a receipt");
        assert_eq!(receipt.surplus, [range(101, 150)]);
        assert_eq!(receipt.arrived, [range(1, 100)]);
        assert_eq!(receipt.state, ShipmentState::ReceivedWithDifferences);
        let another = [range(1, 100), range(201, 201 + SURPLUS_MAX)];
        assert_eq!(
            received(&sent, &another),
            Err(Refusal::SerialsNotInShipment(another[1]))
        );
    }

    #[test]
    fn a_shipment_is_received_once() {
        for (state, refusal) in [
            (ShipmentState::Received, Refusal::ShipmentAlreadyReceived),
            (
                ShipmentState::ReceivedWithDifferences,
                Refusal::ShipmentAlreadyReceived,
            ),
            (ShipmentState::Cancelled, Refusal::ShipmentCancelled),
        ] {
            let ended = Shipment {
                state,
                ..shipment(vec![range(1, 100)])
            };
            let again = received(&ended, &[range(1, 100)]);
            assert_eq!(again, Err(refusal.clone()));
            assert_eq!(cancel(&ended, None), Err(refusal));
        }
    }

    #[test]
    fn who_sent_it_receives_it_only_within_one_store() {
        let sent = shipment(vec![range(1, 100)]);
        let sender = sent.dispatched_by.person;
        let again = receive(&sent, &[range(1, 100)], sender, None);
        assert_eq!(again, Err(Refusal::SamePerson));
        let filled = Shipment {
            origin: location("35.75"),
            destination: location("35.75/hopper/1"),
            ..sent
        };
        assert!(receive(&filled, &[range(1, 100)], sender, None).is_ok());
    }

    #[test]
    fn a_subdistricts_terminal_receives_for_its_own_store() {
        let limit = "35.75.02".parse().ok();
        let sent = shipment(vec![range(1, 100)]);
        let outside = receive(&sent, &[range(1, 100)], PersonId::fresh(), limit);
        assert_eq!(outside.err(), limit.map(Refusal::OutsideSubdistrict));
        for destination in ["35.75.02", "35.75.02/mobile/1"] {
            let own = Shipment {
                destination: location(destination),
                ..sent.clone()
            };
            let receipt = receive(&own, &[range(1, 100)], PersonId::fresh(), limit);
            assert!(receipt.is_ok(), "{destination}");
        }
    }
}
