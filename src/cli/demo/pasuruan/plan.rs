//! The plan of Kota Pasuruan's story: who enrols when, and what the centre's engine finds.
//!
//! What is easily got wrong: the plan says what the *people and machines outside* do. Whatever the table shows as the
//! system's figure comes from the system's answers, never from the plan.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use time::{Date, macros::date};

use crate::{
    cli::demo::{
        citizen::{Citizen, Part},
        people,
        place::{Place, working_days},
    },
    proto::ApplicantClass,
};

/// Kota Pasuruan, where the blanks arrived on 17 April 2017.
pub const PLACE: Place = Place {
    name: "Kota Pasuruan",
    district: "35.75",
    subdistricts: &["35.75.01", "35.75.02", "35.75.03", "35.75.04"],
    slug: "pasuruan",
    first_day: date!(2016 - 10 - 03),
    checked_until: date!(2017 - 04 - 07),
    print_day: date!(2017 - 04 - 18),
    stores: false,
    province: None,
};

/// The day on which the blanks arrive, before the first print.
pub const BLANKS_DAY: Date = date!(2017 - 04 - 17);

/// The article: holders of an interim certificate, those of them who are print-ready, blanks.
pub const HOLDERS: usize = 15_132;
pub const PRINT_READY: usize = 7_904;
pub const BLANKS: u32 = 8_000;

/// Beyond the holders: people recorded twice, a few print-ready ones without a certificate, and a few without biometrics.
pub const DUPLICATES: usize = 60;
pub const PAPERLESS: usize = 5;
pub const UNCAPTURED: usize = 5;
/// What the centre could not settle, among the holders.
const UNDECIDED: usize = 15;
const MISMATCHED: usize = 15;
const UNREADABLE: usize = 10;

/// How many in a hundred want their first card.
const FIRST_ISSUES: u32 = 94;

/// Everybody who comes to the counters, in the order of their coming.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let count = HOLDERS + DUPLICATES + PAPERLESS + UNCAPTURED;
    let days = working_days(PLACE.first_day, BLANKS_DAY);
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(1));
    let day_of = |place: usize| days[place * days.len() / count];
    let mut checked: Vec<usize> = (0..count)
        .filter(|place| day_of(*place) <= PLACE.checked_until)
        .collect();
    checked.shuffle(&mut rng);
    let mut parts = vec![Part::Waiting; count];
    let shares = [
        (Part::Ready, PRINT_READY),
        (Part::Undecided, UNDECIDED),
        (Part::Mismatched, MISMATCHED),
        (Part::Unreadable, UNREADABLE),
        (Part::Duplicate, DUPLICATES),
        (Part::Paperless, PAPERLESS),
        (Part::Uncaptured, UNCAPTURED),
    ];
    let drawn = shares
        .into_iter()
        .flat_map(|(part, share)| std::iter::repeat_n(part, share));
    for (place, part) in checked.into_iter().zip(drawn) {
        parts[place] = part;
    }
    let people = people::people(seed, PLACE.district, count, PLACE.first_day);
    let placed = people.into_iter().zip(parts).enumerate();
    placed
        .map(|(place, (person, part))| Citizen {
            person,
            part,
            class: if rng.random_range(0..100) < FIRST_ISSUES {
                ApplicantClass::FirstIssue
            } else {
                ApplicantClass::DataChange
            },
            day: day_of(place),
            enrolment_id: String::new(),
            resident_id: String::new(),
            certificate: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_has_as_many_of_each_part_as_the_article() {
        for seed in [1, 35_752_017] {
            let citizens = citizens(seed);
            let count = |part: Part| {
                citizens
                    .iter()
                    .filter(|citizen| citizen.part == part)
                    .count()
            };
            let holders = citizens
                .iter()
                .filter(|citizen| citizen.part.gets_certificate())
                .count();
            assert_eq!((holders, count(Part::Ready)), (HOLDERS, PRINT_READY));
            assert_eq!(
                (count(Part::Duplicate), count(Part::Paperless)),
                (DUPLICATES, PAPERLESS)
            );
            assert!(citizens.is_sorted_by_key(|citizen| citizen.day));
            let run_out = |citizen: &&Citizen| {
                citizen.part == Part::Ready && citizen.day < date!(2016 - 10 - 17)
            };
            assert!(citizens.iter().filter(run_out).count() >= 300);
        }
    }

    #[test]
    fn the_working_days_reach_from_october_to_the_blanks() {
        let days = working_days(PLACE.first_day, BLANKS_DAY);
        assert_eq!(
            (days.first(), days.last()),
            (Some(&PLACE.first_day), Some(&BLANKS_DAY))
        );
        assert!(!days.contains(&date!(2017 - 04 - 14)));
        assert!(days.contains(&PLACE.checked_until));
    }
}
