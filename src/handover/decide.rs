//! The rules of the handover, pure: what is known of a collection goes in, what happens or a refusal comes out.
//!
//! The order of the questions in [`complete`] matters: a card that is gone answers with its receipt before anything else
//! is asked, and a finger is counted only against a live challenge of this terminal.

use crate::{
    areas::TimeZone,
    handover::{Case, Receipt, Refusal},
    ids::ChallengeId,
    person::Life,
};

/// A holder whose finger fails four times needs another way than the counter: the officer starts again on purpose.
pub const FAILED_MATCHES_MAX: i32 = 4;

/// What a terminal presents, as far as it decides.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// The challenge it answers.
    pub challenge_id: ChallengeId,
    /// The terminal.
    pub terminal: &'a str,
    /// Whether the nonce is that of the collection's open challenge.
    pub nonce_fits: bool,
    /// Whether the reader matched the presented person with the card.
    pub matched: bool,
}

/// What a presented match amounts to.
#[derive(Clone, Copy)]
pub enum Completion<'a> {
    /// The card goes to its holder.
    HandOver(&'a Case),
    /// It went before.
    Repeated(&'a Receipt),
    /// No match, no card; counted.
    Mismatch {
        /// Failed matches, this one included.
        failed_matches: i32,
        /// At none the challenge ends.
        attempts_left: i32,
    },
}

/// Whether a challenge may be opened.
pub fn start(case: Option<&Case>) -> Result<&Case, Refusal> {
    let case = case.ok_or(Refusal::CollectionNotFound)?;
    match &case.receipt {
        None => here(case).map(|()| case),
        Some(receipt) => Err(Refusal::AlreadyHandedOver {
            on: TimeZone::of(case.collection.district).local_date(receipt.handed_over_at),
        }),
    }
}

/// A card is handed to its holder alone, to nobody who is not served here any more, and not while another card of the same
/// person may be about.
fn here(case: &Case) -> Result<(), Refusal> {
    match (case.life, case.incident) {
        (Life::Deceased, _) => Err(Refusal::ResidentDeceased),
        (Life::MovedOut, _) => Err(Refusal::ResidentMovedOut),
        (Life::Resident, Some(incident)) => Err(Refusal::IncidentOpen(incident)),
        (Life::Resident, None) => Ok(()),
    }
}

/// What becomes of a presented match.
pub fn complete<'a>(
    case: Option<&'a Case>,
    presented: Presented<'_>,
) -> Result<Completion<'a>, Refusal> {
    let case = case.ok_or(Refusal::ChallengeNotFound)?;
    if let Some(receipt) = &case.receipt {
        let own = receipt.challenge_id == presented.challenge_id
            && receipt.terminal == presented.terminal;
        return own
            .then_some(Completion::Repeated(receipt))
            .ok_or(Refusal::ChallengeNotFound);
    }
    let challenge = case
        .challenge
        .as_ref()
        .filter(|open| open.challenge_id == presented.challenge_id)
        .filter(|open| open.terminal == presented.terminal)
        .ok_or(Refusal::ChallengeNotFound)?;
    here(case)?;
    if challenge.expired {
        return Err(Refusal::ChallengeExpired);
    }
    if !presented.nonce_fits {
        return Err(Refusal::ChallengeWrong);
    }
    if presented.matched {
        return Ok(Completion::HandOver(case));
    }
    let failed_matches = challenge.failed_matches + 1;
    Ok(Completion::Mismatch {
        failed_matches,
        attempts_left: FAILED_MATCHES_MAX - failed_matches,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::{
        handover::{Challenge, Collection, CollectionState, Nonce, NoticeState},
        ids::{CollectionId, IncidentId, PrintRequestId, ResidentId, Serial},
        inventory::Location,
    };

    const TERMINAL: &str = "ektp://district/35.75/site/office/terminal/1";
    const OTHER: &str = "ektp://district/35.75/site/office/terminal/2";

    fn case(challenge_id: ChallengeId) -> Case {
        let district = "35.75".parse().expect("a district");
        Case {
            collection: Collection {
                collection_id: CollectionId::fresh(),
                print_request_id: PrintRequestId::fresh(),
                serial: Serial::new(7).expect("a serial"),
                location: Location::of_district(district),
                district,
                village: "35.75.02.1001".parse().expect("a village"),
                state: CollectionState::Awaiting,
                notice: NoticeState::Queued,
                opened_at: datetime!(2017-04-18 01:00 UTC),
            },
            resident_id: ResidentId::fresh(),
            life: Life::Resident,
            incident: None,
            challenge: Some(Challenge {
                challenge_id,
                terminal: TERMINAL.to_owned(),
                nonce: Nonce::from_bytes(&[1; Nonce::BYTES]).expect("32 bytes"),
                failed_matches: 0,
                expired: false,
            }),
            receipt: None,
        }
    }

    fn handed_over(challenge_id: ChallengeId) -> Case {
        let case = case(challenge_id);
        let receipt = Receipt {
            collection_id: case.collection.collection_id,
            serial: case.collection.serial,
            challenge_id,
            terminal: TERMINAL.to_owned(),
            // The 19th in Pasuruan.
            handed_over_at: datetime!(2017-04-18 17:30 UTC),
            certificate_surrendered: true,
        };
        Case {
            challenge: None,
            receipt: Some(receipt),
            ..case
        }
    }

    fn presented(challenge_id: ChallengeId) -> Presented<'static> {
        Presented {
            challenge_id,
            terminal: TERMINAL,
            nonce_fits: true,
            matched: true,
        }
    }

    fn refusal(case: Option<&Case>, presented: Presented<'_>) -> Option<Refusal> {
        complete(case, presented).err()
    }

    #[test]
    fn a_match_under_an_own_live_challenge_hands_the_card_over() {
        let id = ChallengeId::fresh();
        let outcome = complete(Some(&case(id)), presented(id)).map(|completion| match completion {
            Completion::HandOver(_) => true,
            Completion::Repeated(_) | Completion::Mismatch { .. } => false,
        });
        assert_eq!(outcome, Ok(true));
    }

    #[test]
    fn no_card_is_handed_over_while_another_of_the_person_may_be_about() {
        let (id, incident) = (ChallengeId::fresh(), IncidentId::fresh());
        let stopped = Case {
            incident: Some(incident),
            ..case(id)
        };
        let refused = Some(Refusal::IncidentOpen(incident));
        assert_eq!(start(Some(&stopped)).err(), refused);
        assert_eq!(refusal(Some(&stopped), presented(id)), refused);
    }

    #[test]
    fn a_challenge_that_is_missing_replaced_or_foreign_is_not_found() {
        let id = ChallengeId::fresh();
        let own = case(id);
        let not_found = Some(Refusal::ChallengeNotFound);
        assert_eq!(refusal(None, presented(id)), not_found);
        assert_eq!(
            refusal(Some(&own), presented(ChallengeId::fresh())),
            not_found
        );
        let foreign = Presented {
            terminal: OTHER,
            ..presented(id)
        };
        assert_eq!(refusal(Some(&own), foreign), not_found);
        let ended = Case {
            challenge: None,
            ..own
        };
        assert_eq!(refusal(Some(&ended), presented(id)), not_found);
    }

    #[test]
    fn an_expired_challenge_and_a_wrong_nonce_are_told_apart_and_neither_is_counted() {
        let id = ChallengeId::fresh();
        let mut old = case(id);
        let wrong = Presented {
            nonce_fits: false,
            matched: false,
            ..presented(id)
        };
        assert_eq!(refusal(Some(&old), wrong), Some(Refusal::ChallengeWrong));
        if let Some(challenge) = &mut old.challenge {
            challenge.expired = true;
        }
        assert_eq!(refusal(Some(&old), wrong), Some(Refusal::ChallengeExpired));
        assert_eq!(
            refusal(Some(&old), presented(id)),
            Some(Refusal::ChallengeExpired)
        );
    }

    #[test]
    fn four_fingers_that_fail_are_counted_down_to_none() {
        let id = ChallengeId::fresh();
        let unmatched = Presented {
            matched: false,
            ..presented(id)
        };
        let mut left = Vec::new();
        let mut case = case(id);
        for _ in 0..FAILED_MATCHES_MAX {
            let counted = match complete(Some(&case), unmatched) {
                Ok(Completion::Mismatch {
                    failed_matches,
                    attempts_left,
                }) => {
                    left.push(attempts_left);
                    failed_matches
                }
                Ok(Completion::HandOver(_) | Completion::Repeated(_)) | Err(_) => {
                    panic!("no match, no card")
                }
            };
            if let Some(challenge) = &mut case.challenge {
                challenge.failed_matches = counted;
            }
        }
        assert_eq!(left, [3, 2, 1, 0]);
    }

    #[test]
    fn a_second_attempt_gets_the_first_receipt_and_only_at_its_own_terminal() {
        let id = ChallengeId::fresh();
        let done = handed_over(id);
        // Even without a match: the card is gone, and the answer says so.
        let again = Presented {
            matched: false,
            nonce_fits: false,
            ..presented(id)
        };
        let receipt = complete(Some(&done), again).map(|completion| match completion {
            Completion::Repeated(receipt) => Some(receipt),
            Completion::HandOver(_) | Completion::Mismatch { .. } => None,
        });
        assert_eq!(receipt, Ok(done.receipt.as_ref()));
        let elsewhere = Presented {
            terminal: OTHER,
            ..again
        };
        assert_eq!(
            refusal(Some(&done), elsewhere),
            Some(Refusal::ChallengeNotFound)
        );
        let other = presented(ChallengeId::fresh());
        assert_eq!(
            refusal(Some(&done), other),
            Some(Refusal::ChallengeNotFound)
        );
    }

    #[test]
    fn a_challenge_is_opened_only_for_a_card_that_still_lies_there() {
        let id = ChallengeId::fresh();
        assert!(start(Some(&case(id))).is_ok());
        assert_eq!(start(None).err(), Some(Refusal::CollectionNotFound));
        let on = date!(2017 - 04 - 19);
        assert_eq!(
            start(Some(&handed_over(id))).err(),
            Some(Refusal::AlreadyHandedOver { on })
        );
    }
}
