//! The rules of requests for blanks: how long blanks last and when that is too short, who decides, and what fulfils.

use crate::{
    ids::{District, Subdistrict},
    inventory::{
        Backlog, BlankRequest, Decision, Location, Refusal, RequestRoute, RequestState, Sent,
        SupplyRefusal, Use,
        request::{ASKED_MAX, DAYS_COUNTED, days_to_empty},
    },
};

/// Blanks that last no longer are too few (S2-12): a request is decided, sent and received within a week at best.
const LOW_DAYS: f64 = 7.0;
/// What a request by the rule asks for beyond those who wait: a month's use.
const USE_ASKED_DAYS: i64 = 30;
/// And no less than that: the way to the centre takes as long for one blank as for a box.
const ASKED_MIN: i64 = 500;

/// Whether so few blanks are left that it is worth counting who waits.
pub fn may_be_low(blanks: &Use) -> bool {
    let is_short = days_to_empty(blanks).is_some_and(|days| days.expected < LOW_DAYS);
    is_short || blanks.in_stock == 0
}

/// How many blanks the rule asks for, if they are low: a district without blanks where nobody waits needs none.
pub fn low_stock(backlog: &Backlog) -> Option<i64> {
    let waiting = backlog.queued + backlog.held;
    let used: i64 = backlog.blanks.used.iter().sum();
    if !may_be_low(&backlog.blanks) || (used == 0 && waiting == 0) {
        return None;
    }
    let counted = i64::from(DAYS_COUNTED);
    // Rounded up.
    let month = (used * USE_ASKED_DAYS + counted - 1) / counted;
    let missing = waiting + month - backlog.blanks.in_stock;
    Some(missing.clamp(ASKED_MIN, ASKED_MAX))
}

/// What concerns the whole district is not a subdistrict's terminal's to do.
pub fn for_the_office(limit: Option<Subdistrict>) -> Result<(), Refusal> {
    limit.map_or(Ok(()), |limit| Err(Refusal::OutsideSubdistrict(limit)))
}

/// Whether an office may decide a request so; answers how it stands then.
pub fn decide(
    request: &BlankRequest,
    office: District,
    decision: &Decision,
) -> Result<RequestState, Refusal> {
    if decided_by(request) != Some(office) {
        return Err(Refusal::Supply(SupplyRefusal::BlankRequestDecidedElsewhere));
    }
    if request.state != RequestState::Requested {
        return Err(Refusal::Supply(SupplyRefusal::BlankRequestNotOpen(
            request.state,
        )));
    }
    match decision {
        Decision::Grant(grant) if grant.quantity > request.quantity => {
            Err(Refusal::Supply(SupplyRefusal::MoreThanAsked {
                have: request.quantity,
                asked: grant.quantity,
            }))
        }
        Decision::Grant(_) => Ok(RequestState::Granted),
        Decision::Refuse(_) => Ok(RequestState::Refused),
    }
}

fn decided_by(request: &BlankRequest) -> Option<District> {
    match request.route {
        RequestRoute::Direct => Some(District::CENTRE),
        RequestRoute::Province => request.district.province().map(District::of_province),
    }
}

/// Whether its district may take a request back.
pub fn withdraw(request: &BlankRequest, sent: &Sent) -> Result<(), Refusal> {
    match request.state {
        RequestState::Requested => Ok(()),
        RequestState::Granted if sent.dispatched == 0 => Ok(()),
        RequestState::Granted
        | RequestState::Fulfilled
        | RequestState::Refused
        | RequestState::Withdrawn => Err(Refusal::Supply(SupplyRefusal::BlankRequestNotOpen(
            request.state,
        ))),
    }
}

/// Whether an office may send so many there for a request; answers how it stands then.
pub fn fulfil(
    request: &BlankRequest,
    office: District,
    destination: Location,
    (sent, quantity): (&Sent, i64),
) -> Result<RequestState, Refusal> {
    let granted = match (request.state, request.granted()) {
        (RequestState::Granted, Some(grant)) => grant.quantity,
        (state, _) => return Err(Refusal::Supply(SupplyRefusal::BlankRequestNotOpen(state))),
    };
    if decided_by(request) != Some(office) {
        return Err(Refusal::Supply(SupplyRefusal::BlankRequestDecidedElsewhere));
    }
    if destination != Location::of_district(request.district) {
        return Err(Refusal::RouteNotAllowed);
    }
    let left = granted - sent.dispatched;
    match left.cmp(&quantity) {
        std::cmp::Ordering::Less => Err(Refusal::Supply(SupplyRefusal::MoreThanAsked {
            have: left,
            asked: quantity,
        })),
        std::cmp::Ordering::Equal => Ok(RequestState::Fulfilled),
        std::cmp::Ordering::Greater => Ok(RequestState::Granted),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::{
        ids::{BlankRequestId, OfficerId},
        inventory::{Grant, Verdict},
    };

    fn district(text: &str) -> District {
        text.parse().expect("a district of the test")
    }

    fn blanks(in_stock: i64, used: i64) -> Use {
        Use {
            in_stock,
            used: vec![used; 14],
        }
    }

    fn backlog(waiting: i64, blanks: Use) -> Backlog {
        Backlog {
            queued: waiting,
            held: 0,
            print_ready: 0,
            in_transit: 0,
            blanks,
        }
    }

    fn request(route: RequestRoute, state: RequestState) -> BlankRequest {
        let grant = Grant {
            quantity: 10_000,
            collection_date: date!(2017 - 10 - 16),
        };
        let verdict = Verdict {
            decision: Decision::Grant(grant),
            office: District::CENTRE,
            by: OfficerId::fresh(),
            at: datetime!(2017-10-12 02:00 UTC),
        };
        BlankRequest {
            blank_request_id: BlankRequestId::fresh(),
            district: district("16.71"),
            state,
            route,
            quantity: 50_000,
            backlog: backlog(50_000, blanks(0, 0)),
            requested_at: datetime!(2017-10-10 02:00 UTC),
            requested_by: None,
            verdict: (state != RequestState::Requested).then_some(verdict),
        }
    }

    fn grant(quantity: i64) -> Decision {
        Decision::Grant(Grant {
            quantity,
            collection_date: date!(2017 - 10 - 16),
        })
    }

    #[test]
    fn days_to_empty_come_with_their_interval() {
        // 100 a day and Poisson: the error of the mean is 10 / sqrt(14) = 2.6726.
        let days = days_to_empty(&blanks(1_500, 100)).expect("some were used");
        assert!((days.expected - 15.0).abs() < 1e-9);
        assert!((days.low - 1_500.0 / 105.238).abs() < 1e-3, "{days:?}");
        assert!((days.high.expect("an end") - 1_500.0 / 94.762).abs() < 1e-3);
        // Twelve working days and two Sundays spread more than a Poisson count does.
        let mut weeks = blanks(1_500, 100);
        (weeks.used[3], weeks.used[10]) = (0, 0);
        let spread = days_to_empty(&weeks).expect("some were used");
        let mean = 1_200.0 / 14.0;
        assert!((spread.per_day - mean).abs() < 1e-9);
        assert!(spread.low < 1_500.0 / (mean + 1.96 * (mean / 14.0).sqrt()));
    }

    #[test]
    fn nothing_used_says_nothing_and_a_single_one_has_no_high_end() {
        assert_eq!(days_to_empty(&blanks(500, 0)), None);
        let mut once = blanks(500, 0);
        once.used[0] = 1;
        let days = days_to_empty(&once).expect("one was used");
        assert_eq!(days.high, None);
        assert!((days.expected - 7_000.0).abs() < 1e-6);
    }

    #[test]
    fn less_than_a_week_is_low_and_so_is_none_while_somebody_waits() {
        let asked = |waiting, in_stock, used| low_stock(&backlog(waiting, blanks(in_stock, used)));
        assert_eq!(asked(0, 700, 100), None, "seven days are enough");
        assert_eq!(asked(0, 699, 100), Some(3_000 - 699));
        assert_eq!(asked(1_000, 0, 0), Some(1_000));
        assert_eq!(asked(3, 0, 0), Some(ASKED_MIN), "a box at least");
        assert_eq!(asked(0, 0, 0), None, "nobody waits");
        assert_eq!(asked(5_000_000, 0, 0), Some(ASKED_MAX));
        assert_eq!(asked(1_000, 10, 0), None, "ten are left and none is used");
    }

    #[test]
    fn fifty_thousand_are_asked_and_ten_thousand_granted() {
        let asked = request(RequestRoute::Direct, RequestState::Requested);
        let decided = |decision| decide(&asked, District::CENTRE, &decision);
        assert_eq!(decided(grant(10_000)), Ok(RequestState::Granted));
        assert_eq!(decided(grant(50_000)), Ok(RequestState::Granted));
        let more = Refusal::Supply(SupplyRefusal::MoreThanAsked {
            have: 50_000,
            asked: 50_001,
        });
        assert_eq!(decided(grant(50_001)), Err(more));
        let refuse = Decision::Refuse("none left".to_owned());
        assert_eq!(decided(refuse), Ok(RequestState::Refused));
    }

    #[test]
    fn each_request_is_decided_where_it_was_sent_and_once() {
        let province = district("16.71").province().map(District::of_province);
        let province = province.expect("a province");
        let elsewhere = Err(Refusal::Supply(SupplyRefusal::BlankRequestDecidedElsewhere));
        let direct = request(RequestRoute::Direct, RequestState::Requested);
        assert_eq!(decide(&direct, province, &grant(1)), elsewhere);
        let via = request(RequestRoute::Province, RequestState::Requested);
        assert_eq!(decide(&via, District::CENTRE, &grant(1)), elsewhere);
        assert!(decide(&via, province, &grant(1)).is_ok());
        for state in [
            RequestState::Granted,
            RequestState::Fulfilled,
            RequestState::Refused,
            RequestState::Withdrawn,
        ] {
            let again = decide(
                &request(RequestRoute::Direct, state),
                District::CENTRE,
                &grant(1),
            );
            assert_eq!(
                again,
                Err(Refusal::Supply(SupplyRefusal::BlankRequestNotOpen(state)))
            );
        }
    }

    #[test]
    fn a_request_is_withdrawn_before_anything_is_sent_for_it() {
        let sent = |dispatched| Sent {
            dispatched,
            ..Sent::default()
        };
        let may = |state, dispatched| {
            withdraw(&request(RequestRoute::Direct, state), &sent(dispatched)).is_ok()
        };
        assert!(may(RequestState::Requested, 0) && may(RequestState::Granted, 0));
        assert!(!may(RequestState::Granted, 1) && !may(RequestState::Fulfilled, 10_000));
        assert!(!may(RequestState::Refused, 0) && !may(RequestState::Withdrawn, 0));
    }

    #[test]
    fn what_was_granted_is_sent_by_who_granted_it_in_one_or_several_parts() {
        let granted = request(RequestRoute::Direct, RequestState::Granted);
        let home = Location::of_district(granted.district);
        let send = |dispatched, quantity| {
            let sent = Sent {
                dispatched,
                ..Sent::default()
            };
            fulfil(&granted, District::CENTRE, home, (&sent, quantity))
        };
        assert_eq!(send(0, 10_000), Ok(RequestState::Fulfilled));
        assert_eq!(send(0, 4_000), Ok(RequestState::Granted));
        assert_eq!(send(4_000, 6_000), Ok(RequestState::Fulfilled));
        let more = Refusal::Supply(SupplyRefusal::MoreThanAsked {
            have: 6_000,
            asked: 6_001,
        });
        assert_eq!(send(4_000, 6_001), Err(more));
        let none = Sent::default();
        let other = fulfil(&granted, district("16.01"), home, (&none, 1));
        assert_eq!(
            other,
            Err(Refusal::Supply(SupplyRefusal::BlankRequestDecidedElsewhere))
        );
        let away = Location::of_district(district("16.01"));
        let wrong = fulfil(&granted, District::CENTRE, away, (&none, 1));
        assert_eq!(wrong, Err(Refusal::RouteNotAllowed));
        let asked = request(RequestRoute::Direct, RequestState::Requested);
        let early = fulfil(&asked, District::CENTRE, home, (&none, 1));
        assert_eq!(
            early,
            Err(Refusal::Supply(SupplyRefusal::BlankRequestNotOpen(
                RequestState::Requested
            )))
        );
    }

    #[test]
    fn a_subdistricts_terminal_does_not_ask_for_the_district() {
        let limit = "16.71.02".parse().ok();
        assert_eq!(
            for_the_office(limit).err(),
            limit.map(Refusal::OutsideSubdistrict)
        );
        assert_eq!(for_the_office(None), Ok(()));
    }
}
