//! The rules of registration, pure: what is known goes in, a decision or a refusal comes out.
//!
//! What is easily got wrong: a lease that has run out does not make its verdict void; only a later lease does.

mod life;

use std::collections::BTreeSet;

use crate::{
    ids::{District, Subdistrict},
    registration::{
        Applicant, Draft, EnrolmentReason, EnrolmentState, Known, Life, Outcome, Recording,
        Refusal, Ruling,
    },
};

pub use life::{change_resident, record_life_event, served};

/// Whether and how a draft may be recorded, given what is known of its NIK and the terminal's limit.
pub fn record_enrolment(
    draft: &Draft,
    known: Option<&Known>,
    district: District,
    limit: Option<Subdistrict>,
) -> Result<Recording, Refusal> {
    if let Some(limit) = limit.filter(|limit| *limit != draft.village.subdistrict()) {
        return Err(Refusal::OutsideSubdistrict { limit });
    }
    let has_package = draft.biometric_package.is_some();
    if let Some((_, _, life)) = known.and_then(|known| known.own) {
        served(life)?;
    }
    match known {
        None if has_package => Ok(Recording::New {
            state: EnrolmentState::Sent,
        }),
        None => Ok(Recording::New {
            state: EnrolmentState::Recorded,
        }),
        // The biometrics may come later, but only to the office that recorded the person.
        Some(Known {
            district: of,
            own: Some((enrolment_id, EnrolmentState::Recorded, Life::Resident)),
            ..
        }) if *of == district && has_package => Ok(Recording::Completed {
            enrolment_id: *enrolment_id,
        }),
        Some(known) => Err(Refusal::AlreadyEnrolled {
            district: known.district,
            enrolled_on: known.enrolled_on,
        }),
    }
}

/// How many of these may be leased in one commit, taken from the front: the ledgers of all their districts are closed
/// together, and those are limited.
pub fn leased_together(districts: impl IntoIterator<Item = District>, max: usize) -> usize {
    let mut seen = BTreeSet::new();
    districts
        .into_iter()
        .take_while(|district| {
            seen.insert(*district);
            seen.len() <= max
        })
        .count()
}

/// Where the centre's verdict leads an enrolment that stands in `state` under the lease `fence`.
pub fn verdict(
    state: EnrolmentState,
    fence: i64,
    given_fence: i64,
    outcome: Outcome,
) -> Result<Ruling, Refusal> {
    match state {
        EnrolmentState::PrintReady
        | EnrolmentState::Duplicate
        | EnrolmentState::CaptureRejected => Err(Refusal::VerdictAlreadyGiven { state }),
        EnrolmentState::Recorded | EnrolmentState::Sent => Err(Refusal::CheckFenced),
        // The engine's verdict, or the word of the human who judges what the engine left open.
        EnrolmentState::Checking | EnrolmentState::Adjudicating if given_fence == fence => {
            Ok(ruling(outcome))
        }
        EnrolmentState::Checking | EnrolmentState::Adjudicating => Err(Refusal::CheckFenced),
    }
}

fn ruling(outcome: Outcome) -> Ruling {
    let (state, reason) = match outcome {
        Outcome::Unique => (EnrolmentState::PrintReady, None),
        Outcome::Duplicate => (EnrolmentState::Duplicate, None),
        Outcome::Undecided => (
            EnrolmentState::Adjudicating,
            Some(EnrolmentReason::Undecided),
        ),
        Outcome::DemographicMismatch => (
            EnrolmentState::Adjudicating,
            Some(EnrolmentReason::DemographicMismatch),
        ),
        Outcome::CaptureUnreadable => (EnrolmentState::CaptureRejected, None),
        Outcome::SearchFailed => (
            EnrolmentState::Checking,
            Some(EnrolmentReason::SearchFailed),
        ),
    };
    Ruling { state, reason }
}

/// Whether registration lets a person have an interim certificate; whether the last one is still valid is asked further
/// down the hill.
pub fn interim_certificate(applicant: &Applicant) -> Result<(), Refusal> {
    served(applicant.enrolment.life)?;
    if applicant.card_awaits || applicant.card_held {
        return Err(Refusal::CardAlreadyIssued {
            awaits: applicant.card_awaits,
        });
    }
    match applicant.enrolment.state {
        EnrolmentState::Duplicate => Err(Refusal::DuplicateRecord),
        EnrolmentState::Recorded
        | EnrolmentState::Sent
        | EnrolmentState::Checking
        | EnrolmentState::PrintReady
        | EnrolmentState::Adjudicating
        | EnrolmentState::CaptureRejected => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::{
        ids::{EnrolmentId, Nik, ResidentId, Sex},
        person::Person,
        registration::Enrolment,
    };

    const STATES: [EnrolmentState; 7] = [
        EnrolmentState::Recorded,
        EnrolmentState::Sent,
        EnrolmentState::Checking,
        EnrolmentState::PrintReady,
        EnrolmentState::Duplicate,
        EnrolmentState::Adjudicating,
        EnrolmentState::CaptureRejected,
    ];
    const OUTCOMES: [Outcome; 6] = [
        Outcome::Unique,
        Outcome::Duplicate,
        Outcome::Undecided,
        Outcome::DemographicMismatch,
        Outcome::CaptureUnreadable,
        Outcome::SearchFailed,
    ];

    fn district(text: &str) -> District {
        text.parse().expect("a district of the test")
    }

    fn draft(package: Option<&str>) -> Draft {
        let nik = "3575021708900001";
        Draft {
            nik: Nik::parse(nik).expect("a number of the test"),
            person: Person {
                nik: nik.to_owned(),
                full_name: "Budi Santoso".to_owned(),
                mother_name: "Siti Aminah".to_owned(),
                birth_place: "Pasuruan".to_owned(),
                address: "Jl. Melati 7".to_owned(),
                neighbourhood: 1,
                community: 2,
                phone: None,
                religion: "Islam".to_owned(),
                marital_status: "Belum Kawin".to_owned(),
                occupation: "Pelajar".to_owned(),
                blood_type: "-".to_owned(),
            },
            birth_date: date!(1990 - 08 - 17),
            sex: Sex::Male,
            village: "35.75.02.1001".parse().expect("a village of the test"),
            biometric_package: package.map(str::to_owned),
            captured_at: None,
            warnings: Vec::new(),
        }
    }

    fn known(district_code: &str, state: EnrolmentState) -> Known {
        Known {
            district: district(district_code),
            enrolled_on: date!(2016 - 10 - 03),
            own: Some((EnrolmentId::fresh(), state, Life::Resident)),
        }
    }

    #[test]
    fn a_new_person_is_sent_only_with_the_biometrics() {
        let here = district("35.75");
        for (package, state) in [
            (None, EnrolmentState::Recorded),
            (Some("p-1"), EnrolmentState::Sent),
        ] {
            assert_eq!(
                record_enrolment(&draft(package), None, here, None),
                Ok(Recording::New { state })
            );
        }
    }

    #[test]
    fn missing_biometrics_are_taken_once_and_by_the_recording_office_only() {
        let here = district("35.75");
        for state in STATES {
            for office in ["35.75", "35.76"] {
                for package in [None, Some("p-1")] {
                    let known = known(office, state);
                    let completes =
                        state == EnrolmentState::Recorded && office == "35.75" && package.is_some();
                    let expected = if completes {
                        Ok(Recording::Completed {
                            enrolment_id: known.own.expect("it is known here").0,
                        })
                    } else {
                        Err(Refusal::AlreadyEnrolled {
                            district: known.district,
                            enrolled_on: known.enrolled_on,
                        })
                    };
                    let decided = record_enrolment(&draft(package), Some(&known), here, None);
                    assert_eq!(decided, expected, "{state:?} {office} {package:?}");
                }
            }
        }
    }

    #[test]
    fn a_subdistrict_terminal_records_residents_of_its_subdistrict_only() {
        let here = district("35.75");
        let own = "35.75.02".parse().ok();
        let other: Subdistrict = "35.75.01".parse().expect("a subdistrict of the test");
        assert!(record_enrolment(&draft(None), None, here, own).is_ok());
        assert_eq!(
            record_enrolment(&draft(None), None, here, Some(other)),
            Err(Refusal::OutsideSubdistrict { limit: other })
        );
    }

    #[test]
    fn a_lease_stops_before_it_touches_too_many_districts() {
        let [a, b, c] = ["35.75", "35.76", "32.71"].map(district);
        assert_eq!(leased_together([a, b, a, c, a], 3), 5);
        assert_eq!(leased_together([a, b, a, c, a], 2), 3);
        assert_eq!(leased_together([a, a, a], 1), 3);
        assert_eq!(leased_together([], 1), 0);
    }

    /// Every state and every verdict, in the order of `OUTCOMES`, under the latest lease and under an older one. PRINT_READY
    /// is reached from two states, by UNIQUE alone.
    #[test]
    fn each_verdict_leads_where_the_table_says() {
        let word = |state, decided: Result<Ruling, Refusal>| match decided {
            Ok(Ruling { state, reason }) => {
                reason.map_or(format!("{state:?}"), |why| format!("{state:?}({why:?})"))
            }
            Err(Refusal::CheckFenced) => "fenced".to_owned(),
            Err(refusal) if refusal == Refusal::VerdictAlreadyGiven { state } => "given".to_owned(),
            Err(refusal) => format!("{refusal:?}"),
        };
        let line = |state, lease, fence| {
            let words = OUTCOMES.map(|outcome| word(state, verdict(state, 2, fence, outcome)));
            format!("{state:?}, {lease} lease: {}\n", words.join(" "))
        };
        let table: String = STATES
            .into_iter()
            .flat_map(|state| [line(state, "latest", 2), line(state, "older", 1)])
            .collect();
        insta::assert_snapshot!(table, @r"
        Recorded, latest lease: fenced fenced fenced fenced fenced fenced
        Recorded, older lease: fenced fenced fenced fenced fenced fenced
        Sent, latest lease: fenced fenced fenced fenced fenced fenced
        Sent, older lease: fenced fenced fenced fenced fenced fenced
        Checking, latest lease: PrintReady Duplicate Adjudicating(Undecided) Adjudicating(DemographicMismatch) CaptureRejected Checking(SearchFailed)
        Checking, older lease: fenced fenced fenced fenced fenced fenced
        PrintReady, latest lease: given given given given given given
        PrintReady, older lease: given given given given given given
        Duplicate, latest lease: given given given given given given
        Duplicate, older lease: given given given given given given
        Adjudicating, latest lease: PrintReady Duplicate Adjudicating(Undecided) Adjudicating(DemographicMismatch) CaptureRejected Checking(SearchFailed)
        Adjudicating, older lease: fenced fenced fenced fenced fenced fenced
        CaptureRejected, latest lease: given given given given given given
        CaptureRejected, older lease: given given given given given given
        ");
    }

    #[test]
    fn an_interim_certificate_is_for_those_without_a_card_and_without_a_double() {
        for state in STATES {
            for (card_awaits, card_held) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let applicant = applicant(state, card_awaits, card_held);
                let expected = if card_awaits || card_held {
                    Err(Refusal::CardAlreadyIssued {
                        awaits: card_awaits,
                    })
                } else if state == EnrolmentState::Duplicate {
                    Err(Refusal::DuplicateRecord)
                } else {
                    Ok(())
                };
                assert_eq!(interim_certificate(&applicant), expected, "{applicant:?}");
            }
        }
    }

    fn applicant(state: EnrolmentState, card_awaits: bool, card_held: bool) -> Applicant {
        let village: crate::ids::Village = "35.75.02.1001".parse().expect("a village of the test");
        let at = datetime!(2016-10-03 02:00 UTC);
        Applicant {
            enrolment: Enrolment {
                enrolment_id: EnrolmentId::fresh(),
                resident_id: ResidentId::fresh(),
                district: village.district(),
                subdistrict: village.subdistrict(),
                village,
                state,
                reason: None,
                state_at: at,
                captured_at: at,
                received_at: at,
                life: Life::Resident,
            },
            card_awaits,
            card_held,
        }
    }
}
