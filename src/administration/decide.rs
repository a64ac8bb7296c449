//! The rules of officers and shifts, pure: whose word reaches where, what a PIN opens, and how long wrong ones wait.

use std::time::Duration;

use time::Date;

use crate::{
    administration::{Account, Area, Credentials, PinProof, Refusal},
    ids::{District, Subdistrict},
};

/// The wrong PIN from which on the account waits.
const PATIENT_FAILURES: u32 = 3;
/// The first wait; each further wrong PIN doubles it.
const WAIT_FIRST: Duration = Duration::from_secs(30);
/// And the longest.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// So many heads the operator may found at the database; two can approve each other's acts, further ones are approved.
const FOUNDED_MAX: usize = 2;

impl Area {
    /// Whether a word from here reaches an account, or another thing, of this district and this part of it.
    pub fn covers(self, district: District, part: Option<Subdistrict>) -> bool {
        match self {
            Self::Nation => true,
            Self::District(own) => own == district,
            Self::Subdistrict(own) => own.district() == district && part == Some(own),
        }
    }

    /// The district that a list is about: the one named, if it may be, or else the own.
    pub fn listed(self, named: Option<District>) -> Result<District, Refusal> {
        let own = match self {
            Self::Nation => return Ok(named.unwrap_or(District::CENTRE)),
            Self::District(own) => own,
            Self::Subdistrict(own) => own.district(),
        };
        match named {
            Some(named) if named != own => Err(Refusal::OutsideArea),
            Some(_) | None => Ok(own),
        }
    }

    /// The part of a district to which the caller is limited.
    pub fn part(self) -> Option<Subdistrict> {
        match self {
            Self::Subdistrict(own) => Some(own),
            Self::Nation | Self::District(_) => None,
        }
    }
}

/// What comes of a PIN.
#[derive(Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the account's.
    Right,
    /// It is not; the account waits, if it was one too many.
    Wrong {
        /// Wrong ones in a row, this one included.
        failures: i32,
        /// For how long none is taken now.
        wait: Option<Duration>,
    },
}

/// Whether the PIN that was tried before is still the one to be judged by, and what comes of it.
pub fn pin(found: Option<&Credentials>, proof: &PinProof) -> Result<Tried, Refusal> {
    let Some(found) = found else {
        return Err(Refusal::PinWrong);
    };
    if let Some(wait) = found.locked_for {
        return Err(Refusal::PinLocked { wait });
    }
    let Some(hash) = &found.pin_hash else {
        return Err(Refusal::PinWrong);
    };
    match &proof.tried {
        Some((tried, true)) if tried == hash => Ok(Tried::Right),
        Some((tried, false)) if tried == hash => {
            let failures = found.failures.saturating_add(1);
            Ok(Tried::Wrong {
                failures,
                wait: wait(failures),
            })
        }
        Some(_) | None => Err(Refusal::PinChanged),
    }
}

/// For how long no PIN is taken after so many wrong ones in a row.
fn wait(failures: i32) -> Option<Duration> {
    let beyond = failures.unsigned_abs().checked_sub(PATIENT_FAILURES)?;
    let doubled = 2_u32.checked_pow(beyond).unwrap_or(u32::MAX);
    Some(WAIT_FIRST.saturating_mul(doubled).min(WAIT_MAX))
}

/// Whether a proven account may open a shift today at a terminal that is limited to `site`.
pub fn may_open(account: &Account, site: Option<Subdistrict>, today: Date) -> Result<(), Refusal> {
    if account.ended_at.is_some() || account.last_day.is_some_and(|last| last < today) {
        return Err(Refusal::OfficerEnded);
    }
    match (account.subdistrict, site) {
        (Some(own), Some(site)) if own != site => Err(Refusal::OutsideArea),
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

/// Whether the first PIN, which others know, is being replaced.
pub fn first_pin(found: &Credentials, proof: &PinProof) -> Result<(), Refusal> {
    if found.pin_is_initial && proof.replacement.is_none() {
        return Err(Refusal::PinMustChange);
    }
    Ok(())
}

/// Whether the operator may still found a head of the centre; `good` tells of each good one whether it is the same person.
pub fn found(good: &[bool]) -> Result<(), Refusal> {
    if good.len() >= FOUNDED_MAX {
        return Err(Refusal::AlreadyFounded);
    }
    if good.contains(&true) {
        return Err(Refusal::SamePerson);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::{
        administration::PinHash,
        caller::OfficerRole,
        ids::{OfficerId, PersonId},
    };

    fn district(code: &str) -> District {
        code.parse().expect("a district")
    }

    fn part(code: &str) -> Subdistrict {
        code.parse().expect("a subdistrict")
    }

    fn account(part: Option<Subdistrict>, last_day: Option<Date>) -> Account {
        Account {
            officer_id: OfficerId::fresh(),
            person_id: PersonId::fresh(),
            district: district("35.75"),
            subdistrict: part,
            badge: "C-17".to_owned(),
            roles: vec![OfficerRole::Counter],
            last_day,
            registered_at: datetime!(2017-04-03 08:00 UTC),
            ended_at: None,
        }
    }

    fn hash(text: &str) -> PinHash {
        PinHash::stored(text.to_owned())
    }

    fn credentials(failures: i32, locked_for: Option<Duration>) -> Credentials {
        Credentials {
            account: account(None, None),
            pin_hash: Some(hash("now")),
            pin_is_initial: true,
            failures,
            locked_for,
        }
    }

    fn proof(tried: Option<(&str, bool)>) -> PinProof {
        PinProof {
            badge: "C-17".parse().expect("a badge"),
            tried: tried.map(|(text, fits)| (hash(text), fits)),
            replacement: None,
        }
    }

    #[test]
    fn each_wrong_pin_from_the_third_on_doubles_the_wait_up_to_an_hour() {
        let waits: Vec<u64> = (1..=12)
            .map(|failures| wait(failures).map_or(0, |wait| wait.as_secs()))
            .collect();
        let expected = [0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600];
        assert_eq!(waits, expected);
        assert_eq!(wait(i32::MAX), Some(WAIT_MAX));
    }

    #[test]
    fn a_pin_is_judged_by_what_the_account_is_now() {
        let good = credentials(2, None);
        assert_eq!(
            pin(Some(&good), &proof(Some(("now", true)))),
            Ok(Tried::Right)
        );
        let wrong = Tried::Wrong {
            failures: 3,
            wait: Some(WAIT_FIRST),
        };
        assert_eq!(pin(Some(&good), &proof(Some(("now", false)))), Ok(wrong));
        // Whatever was found out about another hash says nothing about this one.
        for stale in [Some(("before", true)), Some(("before", false)), None] {
            assert_eq!(pin(Some(&good), &proof(stale)), Err(Refusal::PinChanged));
        }
        let wait = Duration::from_secs(7);
        let locked = credentials(3, Some(wait));
        let right = proof(Some(("now", true)));
        assert_eq!(pin(Some(&locked), &right), Err(Refusal::PinLocked { wait }));
        assert_eq!(pin(None, &right), Err(Refusal::PinWrong));
        let by_token = Credentials {
            pin_hash: None,
            ..good
        };
        assert_eq!(pin(Some(&by_token), &right), Err(Refusal::PinWrong));
    }

    #[test]
    fn a_first_pin_opens_nothing_until_it_is_replaced() {
        let mut right = proof(Some(("now", true)));
        assert_eq!(
            first_pin(&credentials(0, None), &right),
            Err(Refusal::PinMustChange)
        );
        right.replacement = Some(hash("new"));
        assert_eq!(first_pin(&credentials(0, None), &right), Ok(()));
    }

    #[test]
    fn shifts_open_until_the_last_day_and_where_officer_and_terminal_agree() {
        let today = date!(2017 - 12 - 31);
        let (one, other) = (part("35.75.01"), part("35.75.02"));
        let ends = Some(today);
        assert_eq!(may_open(&account(None, ends), None, today), Ok(()));
        let after = date!(2018 - 01 - 01);
        let over = Err(Refusal::OfficerEnded);
        assert_eq!(may_open(&account(None, ends), None, after), over);
        let mut ended = account(None, None);
        ended.ended_at = Some(datetime!(2017-04-03 08:00 UTC));
        assert_eq!(may_open(&ended, None, today), over);
        for (own, site, expected) in [
            (None, Some(one), Ok(())),
            (Some(one), None, Ok(())),
            (Some(one), Some(one), Ok(())),
            (Some(one), Some(other), Err(Refusal::OutsideArea)),
        ] {
            assert_eq!(may_open(&account(own, None), site, today), expected);
        }
    }

    #[test]
    fn a_word_reaches_as_far_as_the_area() {
        let (own, other, one) = (district("35.75"), district("35.76"), part("35.75.01"));
        let office = Area::District(own);
        let limited = Area::Subdistrict(one);
        assert!(Area::Nation.covers(other, None) && Area::Nation.covers(District::CENTRE, None));
        assert!(office.covers(own, None) && office.covers(own, Some(one)));
        assert!(!office.covers(other, None) && !office.covers(District::CENTRE, None));
        assert!(limited.covers(own, Some(one)));
        assert!(!limited.covers(own, None) && !limited.covers(own, Some(part("35.75.02"))));
        assert_eq!(Area::Nation.listed(None), Ok(District::CENTRE));
        assert_eq!(Area::Nation.listed(Some(other)), Ok(other));
        assert_eq!(office.listed(None), Ok(own));
        assert_eq!(limited.listed(Some(other)), Err(Refusal::OutsideArea));
    }

    #[test]
    fn two_persons_are_founded_and_no_third() {
        assert_eq!(found(&[]), Ok(()));
        assert_eq!(found(&[false]), Ok(()));
        assert_eq!(found(&[true]), Err(Refusal::SamePerson));
        assert_eq!(found(&[false, false]), Err(Refusal::AlreadyFounded));
    }
}
