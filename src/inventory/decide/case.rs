//! The rules of cases: who must agree, and what may become of serials that nobody could explain.

use crate::{
    ids::District,
    inventory::{
        Account, CaseRefusal, CustodyState, Leg, MovementKind, OpenCase, Outcome, Settlement,
        StockCase,
        decide::{leg_between, merged, minus},
    },
};

/// The office whose officer must agree if an officer of `own` asks; nobody asks for a third one.
pub fn other_office(case: &StockCase, own: District) -> Result<District, CaseRefusal> {
    let offices = [case.location.district(), case.counterpart];
    match offices {
        [here, other] if here == own => Ok(other),
        [here, other] if other == own => Ok(here),
        [_, _] => Err(CaseRefusal::CaseNotFound),
    }
}

/// What moves when these serials leave the case like that.
pub fn settle(open: &OpenCase, settlement: &Settlement) -> Result<Vec<Leg>, CaseRefusal> {
    let case = &open.case;
    if let Some(first) = minus(&settlement.serials, &case.open_serials).first() {
        return Err(CaseRefusal::SerialsNotInCase(*first));
    }
    let at = |location, state| Account { location, state };
    let (kind, to) = match (settlement.outcome, case.in_dispute, open.origin) {
        (Outcome::Noted, false, _) => return Ok(Vec::new()),
        (Outcome::FoundHere, true, _) => (MovementKind::Settled, at(case.location, case.found_as)),
        (Outcome::AtSender, true, Some(origin)) => {
            (MovementKind::Settled, at(origin, CustodyState::InStock))
        }
        (Outcome::Lost, true, _) => (MovementKind::Lost, at(case.location, CustodyState::Lost)),
        (Outcome::Noted, true, _)
        | (Outcome::AtSender, true, None)
        | (Outcome::FoundHere | Outcome::AtSender | Outcome::Lost, false, _) => {
            return Err(CaseRefusal::OutcomeNotPossible);
        }
    };
    let from = at(case.location, CustodyState::Disputed);
    let runs = merged(&settlement.serials);
    let legs = runs
        .into_iter()
        .map(|run| leg_between(kind, run, Some(from), to));
    Ok(legs.collect())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{
        ids::{OfficerId, Serial, SerialRange, StockCaseId},
        inventory::{CaseKind, Location},
    };

    fn range(first: i64, last: i64) -> SerialRange {
        let serial = |number| Serial::new(number).expect("a serial of the test");
        SerialRange::new(serial(first), serial(last)).expect("a range of the test")
    }

    fn location(text: &str) -> Location {
        text.parse().expect("a location of the test")
    }

    fn open_case(in_dispute: bool, origin: Option<&str>) -> OpenCase {
        let opened_at = datetime!(2017-04-10 08:00 UTC);
        OpenCase {
            case: StockCase {
                case_id: StockCaseId::fresh(),
                kind: CaseKind::MissingAtReceipt,
                location: location("35.75"),
                counterpart: District::CENTRE,
                serials: vec![range(1, 15)],
                open_serials: vec![range(1, 5), range(11, 15)],
                in_dispute,
                found_as: CustodyState::InStock,
                shipment_id: None,
                count_id: None,
                document_number: "BAST-1".to_owned(),
                given_by: None,
                opened_by: OfficerId::fresh(),
                opened_at,
                due_at: opened_at,
            },
            origin: origin.map(location),
        }
    }

    fn settlement(serials: Vec<SerialRange>, outcome: Outcome) -> Settlement {
        Settlement {
            case_id: StockCaseId::fresh(),
            serials,
            outcome,
            document_number: "BA-1".to_owned(),
        }
    }

    #[test]
    fn either_office_asks_the_other_one_and_a_third_one_knows_of_nothing() {
        let case = open_case(true, None).case;
        let own = location("35.75").district();
        assert_eq!(other_office(&case, own), Ok(District::CENTRE));
        assert_eq!(other_office(&case, District::CENTRE), Ok(own));
        let stranger = location("35.76").district();
        assert_eq!(
            other_office(&case, stranger),
            Err(CaseRefusal::CaseNotFound)
        );
    }

    #[test]
    fn each_outcome_leads_out_of_the_dispute_account_to_its_own_place() {
        let open = open_case(true, Some("centre"));
        for (outcome, kind, to, state) in [
            (
                Outcome::FoundHere,
                MovementKind::Settled,
                "35.75",
                CustodyState::InStock,
            ),
            (
                Outcome::AtSender,
                MovementKind::Settled,
                "centre",
                CustodyState::InStock,
            ),
            (
                Outcome::Lost,
                MovementKind::Lost,
                "35.75",
                CustodyState::Lost,
            ),
        ] {
            let legs = settle(&open, &settlement(vec![range(1, 3), range(4, 5)], outcome));
            let legs = legs.expect("it may end like that");
            assert_eq!(legs.len(), 1, "neighbours move together");
            let from = legs[0].from.expect("from the dispute account");
            assert_eq!(from.state, CustodyState::Disputed);
            assert_eq!((legs[0].kind, legs[0].serials), (kind, range(1, 5)));
            assert_eq!(legs[0].to.location, location(to));
            assert_eq!(legs[0].to.state, state);
        }
    }

    #[test]
    fn what_is_settled_or_never_was_in_the_case_does_not_leave_it() {
        let open = open_case(true, None);
        let refused = settle(&open, &settlement(vec![range(4, 12)], Outcome::Lost));
        assert_eq!(refused, Err(CaseRefusal::SerialsNotInCase(range(6, 10))));
    }

    #[test]
    fn serials_outside_the_dispute_account_are_noted_and_nothing_else() {
        let serials = vec![range(1, 5)];
        let outcomes = [
            Outcome::FoundHere,
            Outcome::AtSender,
            Outcome::Lost,
            Outcome::Noted,
        ];
        let possible = |open: &OpenCase| {
            outcomes.map(|outcome| settle(open, &settlement(serials.clone(), outcome)).is_ok())
        };
        let elsewhere = open_case(false, Some("centre"));
        assert_eq!(possible(&elsewhere), [false, false, false, true]);
        assert_eq!(
            settle(&elsewhere, &settlement(serials.clone(), Outcome::Noted)),
            Ok(Vec::new())
        );
        let counted = open_case(true, None);
        assert_eq!(possible(&counted), [true, false, true, false]);
    }
}
