//! The plan of Palembang's story: who enrols when, which blanks come when, and what is found in the boxes.
//!
//! What is easily got wrong: blanks and subdistricts are told as they were; the city's 44,000 waiting people are told by
//! some 3,000. Shares by who waits are therefore in the article's proportion, and how long the blanks last is not.

use time::{Date, Weekday, macros::date};

use crate::{
    cli::demo::{
        citizen::{Citizen, Part},
        people,
        place::{Place, working_days},
    },
    proto::ApplicantClass,
};

/// Kota Palembang, with the two subdistricts that were new in 2017.
pub const PLACE: Place = Place {
    name: "Kota Palembang",
    district: "16.71",
    subdistricts: &[
        "16.71.01", "16.71.02", "16.71.03", "16.71.04", "16.71.05", "16.71.06", "16.71.07",
        "16.71.08", "16.71.09", "16.71.10", "16.71.11", "16.71.12", "16.71.13", "16.71.14",
        "16.71.15", "16.71.16", "16.71.17", "16.71.18",
    ],
    slug: "palembang",
    first_day: date!(2016 - 12 - 02),
    checked_until: date!(2017 - 04 - 28),
    print_day: date!(2017 - 10 - 04),
    stores: true,
    province: Some("16"),
};

/// The article: the last delivery, the day on which it came, over how many subdistricts it was spread.
pub const BLANKS: u32 = 20_000;
pub const BLANKS_DAY: Date = date!(2017 - 10 - 16);
pub const SUBDISTRICTS: usize = 18;
/// What the city asks for; offices asked for far more than they got.
pub const ASKED: u32 = 50_000;
/// The rest of an earlier delivery: one day's prints, as the city's 250 to 300 a day.
pub const REST: u32 = 300;

/// The days of the story: rules, the last of the old blanks, the request, the grant, the distribution, the receipts.
pub const RULES_DAY: Date = date!(2017 - 09 - 29);
pub const RULES_BEGIN: Date = date!(2017 - 10 - 02);
pub const SHORT_DAY: Date = date!(2017 - 10 - 05);
pub const ASKING_DAY: Date = date!(2017 - 10 - 09);
pub const GRANT_DAY: Date = date!(2017 - 10 - 12);
pub const SHARING_DAY: Date = date!(2017 - 10 - 17);
pub const SECOND_PRINT_DAY: Date = date!(2017 - 10 - 18);
pub const SETTLING_DAY: Date = date!(2017 - 10 - 23);
/// The day of the article.
pub const LAST_DAY: Date = date!(2017 - 10 - 30);

/// Who waits for a first card when the rest is used, and who comes for a second one.
pub const FIRST_CARDS: usize = 3_000;
pub const SECOND_CARDS: [(ApplicantClass, usize); 3] = [
    (ApplicantClass::Lost, 40),
    (ApplicantClass::Damaged, 30),
    (ApplicantClass::DataChange, 50),
];
/// Who enrolled half a year before the day of the article and is still at the centre.
pub const SLOW: usize = 60;
pub const SLOW_DAY: Date = date!(2017 - 05 - 02);
/// The villages of the city: as many people in a row come from all of them.
const VILLAGES: usize = 107;

/// By their places among the subdistricts: whose box has pieces missing, and whose store is counted.
pub const SHORT_BOX: usize = 5;
pub const COUNTED: usize = 1;
/// So many pieces are missing; some lay in the city's store all the time, the others are lost.
pub const MISSING: usize = 3;
pub const FORGOTTEN: usize = 2;
/// A printer's lot, printed while the store is counted.
pub const LOT: usize = 50;
/// What the rule of low stock asks for beyond those who wait: the use of a fortnight, for a month, rounded up.
pub const MONTHS_USE: usize = 643;

/// Everybody who enrols, in the order of their coming: those whom the centre checks at once, the slow ones, and one at each
/// subdistrict's counter on the day of the article.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let classes = classes();
    let checked = classes.len();
    let count = checked + SLOW + VILLAGES;
    let mut people = people::people(seed, PLACE.district, count, PLACE.first_day).into_iter();
    let fridays: Vec<Date> = working_days(PLACE.first_day, PLACE.checked_until)
        .into_iter()
        .filter(|day| day.weekday() == Weekday::Friday)
        .collect();
    let citizen = |person, part, class, day| Citizen {
        person,
        part,
        class,
        day,
        enrolment_id: String::new(),
        resident_id: String::new(),
        certificate: None,
    };
    let mut citizens: Vec<Citizen> = people
        .by_ref()
        .zip(classes)
        .take(checked)
        .enumerate()
        .map(|(place, (person, class))| {
            let day = fridays[place * fridays.len() / checked];
            citizen(person, Part::Paperless, class, day)
        })
        .collect();
    let first = ApplicantClass::FirstIssue;
    let slow = people.by_ref().take(SLOW);
    citizens.extend(slow.map(|person| citizen(person, Part::Waiting, first, SLOW_DAY)));
    let villagers: Vec<people::Person> = people.collect();
    let todays = PLACE.subdistricts.iter().filter_map(|subdistrict| {
        let lives_there = |person: &&people::Person| person.village.starts_with(subdistrict);
        villagers.iter().find(lives_there).cloned()
    });
    citizens.extend(todays.map(|person| citizen(person, Part::Paperless, first, LAST_DAY)));
    citizens
}

/// What those come for whom the centre checks at once: first cards, and spread evenly among them the second ones.
fn classes() -> Vec<ApplicantClass> {
    let second: usize = SECOND_CARDS.iter().map(|(_, share)| share).sum();
    let mut classes = vec![ApplicantClass::FirstIssue; FIRST_CARDS + second];
    let apart = classes.len() / second;
    let drawn = SECOND_CARDS
        .into_iter()
        .flat_map(|(class, share)| std::iter::repeat_n(class, share));
    for (place, class) in drawn.enumerate() {
        classes[place * apart] = class;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_to_each_subdistrict_on_the_day_of_the_article() {
        let citizens = citizens(1);
        let second: usize = SECOND_CARDS.iter().map(|(_, share)| share).sum();
        assert_eq!(citizens.len(), FIRST_CARDS + second + SLOW + SUBDISTRICTS);
        assert!(citizens.is_sorted_by_key(|citizen| citizen.day));
        let todays = citizens.iter().filter(|citizen| citizen.day == LAST_DAY);
        let homes: Vec<&str> = todays
            .map(|citizen| citizen.person.village.get(..8).expect("a village's code"))
            .collect();
        assert_eq!(homes, PLACE.subdistricts);
        let firsts = citizens
            .iter()
            .filter(|citizen| citizen.class == ApplicantClass::FirstIssue);
        assert_eq!(firsts.count(), FIRST_CARDS + SLOW + SUBDISTRICTS);
    }

    #[test]
    fn the_plan_follows_the_articles_arithmetic() {
        let blanks = usize::try_from(BLANKS).expect("a small number");
        assert_eq!(PLACE.subdistricts.len(), SUBDISTRICTS);
        assert_eq!(blanks - blanks / SUBDISTRICTS * SUBDISTRICTS, 2);
        let rest = usize::try_from(REST).expect("a small number");
        assert_eq!((rest * 30).div_ceil(14), MONTHS_USE);
        assert_eq!((LAST_DAY - SLOW_DAY).whole_days(), 181);
    }
}
