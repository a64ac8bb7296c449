//! Invented residents of a district, the same for the same seed on every machine, and the first hundred of a thousand are
//! the same hundred.
//!
//! They are plausible and not real, but a number made by the rules may belong to somebody: what the demo sends goes to a
//! log file and never to a gateway. People of two calls for one district share numbers, so ask once for all of them.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use time::{Date, Duration};

use super::names;
use crate::{
    areas,
    ids::{District, Sex, Subdistrict, Village},
};

/// The ages of people who stand at the counter: a card is for those who turned 17, and the oldest of the story is 70.
const AGE_MIN: i32 = 17;
const AGE_MAX: i32 = 70;

/// How many in a hundred leave a mobile number.
const WITH_PHONE: u32 = 70;

/// How many in a hundred have one name only, and how many have three words.
const WITH_ONE_NAME: u32 = 8;
const WITH_THREE_NAMES: u32 = 20;

/// How many in a hundred were born in the district, and how many got their NIK in another subdistrict of it than the one
/// they live in now.
const BORN_HERE: u32 = 80;
const MOVED_WITHIN: u32 = 8;

/// Mobile numbers end in eight digits here: a drawn start plus this factor times the person's place, modulo this many. As
/// the two have no common divisor, no number comes twice.
const PHONE_ENDS: u64 = 100_000_000;
const PHONE_FACTOR: u64 = 61_803_399;

/// What the counter writes down of one person. Texts as a client sends them, words as the card prints them.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    pub nik: String,
    pub name: String,
    pub mother_name: String,
    pub birth_place: String,
    pub birth_date: Date,
    pub sex: Sex,
    /// The village's code, `35.75.02.1001`.
    pub village: String,
    pub address: String,
    /// Neighbourhood (rukun tetangga), 1 to 9.
    pub rt: u8,
    /// Group of neighbourhoods (rukun warga), 1 to 12.
    pub rw: u8,
    pub religion: &'static str,
    pub marital_status: &'static str,
    pub occupation: &'static str,
    /// E.164, `+62812…`.
    pub phone: Option<String>,
}

/// Invents residents of a district (`35.75`) who are of age on that day. The villages take turns. Where the list of areas
/// has no villages, as for a code that does not exist, there are no people.
pub fn people(seed: u64, district: &str, count: usize, today: Date) -> Vec<Person> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let code = district.parse().ok();
    let Some(mut town) = code.and_then(|code| Town::new(&mut rng, code, today)) else {
        return Vec::new();
    };
    (0..count)
        .map(|place| town.person(&mut rng, place))
        .collect()
}

/// The district, and what must be remembered from one person to the next.
struct Town {
    name: &'static str,
    villages: Vec<Village>,
    subdistricts: Vec<Subdistrict>,
    today: Date,
    words: Words,
    /// How many NIKs of the same first twelve digits were given.
    serials: HashMap<String, u16>,
    phone_start: u64,
}

struct Words {
    given_female: Vec<&'static str>,
    given_male: Vec<&'static str>,
    second_female: Vec<&'static str>,
    second_male: Vec<&'static str>,
}

impl Words {
    fn new() -> Self {
        let words = |list: &'static str| list.split_whitespace().collect();
        Self {
            given_female: words(names::GIVEN_FEMALE),
            given_male: words(names::GIVEN_MALE),
            second_female: words(names::SECOND_FEMALE),
            second_male: words(names::SECOND_MALE),
        }
    }

    fn full_name(&self, rng: &mut ChaCha8Rng, sex: Sex) -> String {
        let (given, second) = match sex {
            Sex::Female => (&self.given_female, &self.second_female),
            Sex::Male => (&self.given_male, &self.second_male),
        };
        let (first, last) = (pick(rng, given), pick(rng, second));
        let middle = pick(rng, given);
        if chance(rng, WITH_ONE_NAME) {
            return first.to_owned();
        }
        // Nobody is called by the same word twice.
        if chance(rng, WITH_THREE_NAMES) && middle != first {
            return format!("{first} {middle} {last}");
        }
        format!("{first} {last}")
    }
}

impl Town {
    fn new(rng: &mut ChaCha8Rng, district: District, today: Date) -> Option<Self> {
        let official = areas::district(district)?;
        let name = official
            .strip_prefix("Kota ")
            .or_else(|| official.strip_prefix("Kabupaten "));
        let subdistricts: Vec<_> = areas::subdistricts_of(district).collect();
        let villages: Vec<_> = subdistricts
            .iter()
            .copied()
            .flat_map(areas::villages_of)
            .collect();
        (!villages.is_empty()).then(|| Self {
            name: name.unwrap_or(official),
            villages,
            subdistricts,
            today,
            words: Words::new(),
            serials: HashMap::new(),
            phone_start: rng.random_range(0..PHONE_ENDS),
        })
    }

    fn person(&mut self, rng: &mut ChaCha8Rng, place: usize) -> Person {
        let village = self.villages[place % self.villages.len()];
        let sex = if chance(rng, 50) {
            Sex::Female
        } else {
            Sex::Male
        };
        let birth_date = self.birth_date(rng);
        let moved = chance(rng, MOVED_WITHIN);
        let registered_in = if moved {
            pick(rng, &self.subdistricts)
        } else {
            village.subdistrict()
        };
        let born_here = chance(rng, BORN_HERE);
        let elsewhere = pick(rng, names::OTHER_BIRTH_PLACES);
        let age = age_on(birth_date, self.today);
        Person {
            nik: self.nik(registered_in, birth_date, sex),
            name: self.words.full_name(rng, sex),
            mother_name: self.words.full_name(rng, Sex::Female),
            birth_place: if born_here { self.name } else { elsewhere }.to_owned(),
            birth_date,
            sex,
            village: village.to_string(),
            address: address(rng),
            rt: rng.random_range(1..=9),
            rw: rng.random_range(1..=12),
            religion: weighted(rng, names::RELIGIONS),
            marital_status: marital_status(rng, age),
            occupation: occupation(rng, age, sex),
            phone: chance(rng, WITH_PHONE).then(|| self.phone(rng, place)),
        }
    }

    fn birth_date(&self, rng: &mut ChaCha8Rng) -> Date {
        let youngest = years_before(self.today, AGE_MIN);
        let oldest = years_before(self.today, AGE_MAX + 1) + Duration::DAY;
        oldest + Duration::days(rng.random_range(0..=(youngest - oldest).whole_days()))
    }

    /// The next number of this area, day and sex, as the ministry's system gives them.
    fn nik(&mut self, area: Subdistrict, born: Date, sex: Sex) -> String {
        let day = match sex {
            Sex::Female => born.day() + 40,
            Sex::Male => born.day(),
        };
        let (month, year) = (u8::from(born.month()), born.year().rem_euclid(100));
        let prefix = format!("{}{day:02}{month:02}{year:02}", area.number());
        let serial = self.serials.entry(prefix.clone()).or_default();
        *serial += 1;
        format!("{prefix}{serial:04}")
    }

    fn phone(&self, rng: &mut ChaCha8Rng, place: usize) -> String {
        let place = u64::try_from(place).expect("a place in a list fits 64 bits") % PHONE_ENDS;
        let end = (self.phone_start + place * PHONE_FACTOR) % PHONE_ENDS;
        format!("+62{}{end:08}", pick(rng, names::MOBILE_PREFIXES))
    }
}

/// The same day so many years earlier; 28 February where that year has no 29th.
fn years_before(date: Date, years: i32) -> Date {
    let year = date.year() - years;
    let same_day = date
        .replace_year(year)
        .or_else(|_| (date - Duration::DAY).replace_year(year));
    same_day.expect("every year has the day before 29 February")
}

fn age_on(birth_date: Date, today: Date) -> i32 {
    let had_birthday =
        (today.month() as u8, today.day()) >= (birth_date.month() as u8, birth_date.day());
    today.year() - birth_date.year() - i32::from(!had_birthday)
}

fn address(rng: &mut ChaCha8Rng) -> String {
    let street = pick(rng, names::STREETS);
    let house = rng.random_range(1..=180_u32);
    if chance(rng, 35) {
        let lane = rng.random_range(1..=12_u32);
        return format!("Jl. {street} Gg. {lane} No. {house}");
    }
    format!("Jl. {street} No. {house}")
}

fn marital_status(rng: &mut ChaCha8Rng, age: i32) -> &'static str {
    let row = names::MARITAL_STATUS
        .iter()
        .find(|(age_max, _)| age <= *age_max);
    weighted(rng, row.expect("the last row is for every age").1)
}

fn occupation(rng: &mut ChaCha8Rng, age: i32, sex: Sex) -> &'static str {
    if age <= names::STUDENT_AGE_MAX {
        return weighted(rng, names::OCCUPATIONS_YOUNG);
    }
    let list = match sex {
        Sex::Female => names::OCCUPATIONS_FEMALE,
        Sex::Male => names::OCCUPATIONS_MALE,
    };
    weighted(rng, list)
}

fn chance(rng: &mut ChaCha8Rng, in_a_hundred: u32) -> bool {
    rng.random_range(0..100) < in_a_hundred
}

/// Draws 32 bits whatever the machine's `usize` is, so that all machines draw the same.
fn pick<T: Copy>(rng: &mut ChaCha8Rng, list: &[T]) -> T {
    let length = u32::try_from(list.len()).expect("our lists are short");
    list[rng.random_range(0..length) as usize]
}

fn weighted(rng: &mut ChaCha8Rng, shares: &[names::Share]) -> &'static str {
    let mut left = rng.random_range(0..shares.iter().map(|(_, share)| share).sum::<u32>());
    for (word, share) in shares {
        match left.checked_sub(*share) {
            Some(rest) => left = rest,
            None => return word,
        }
    }
    unreachable!("what was drawn is below the sum of the shares")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use time::macros::date;

    use super::*;
    use crate::ids::{Nik, Phone};

    const TODAY: Date = date!(2017 - 04 - 10);
    const CITY: &str = "35.75";
    const MANY: usize = 20_000;

    #[test]
    fn no_two_people_share_a_nik_or_a_phone() {
        let people = people(7, CITY, MANY, TODAY);
        assert_eq!(people.len(), MANY);
        let niks: HashSet<_> = people.iter().map(|person| &person.nik).collect();
        assert_eq!(niks.len(), MANY);
        let phones: Vec<_> = people
            .iter()
            .filter_map(|person| person.phone.as_ref())
            .collect();
        assert_eq!(phones.iter().collect::<HashSet<_>>().len(), phones.len());
        assert!(
            (13_500..14_500).contains(&phones.len()),
            "about 70 in a hundred, not {}",
            phones.len()
        );
    }

    #[test]
    fn every_number_stands_the_servers_own_checks() {
        for person in people(8, CITY, MANY, TODAY) {
            let nik = Nik::parse(&person.nik).expect("made by the rules");
            assert_eq!(
                nik.warnings(person.birth_date, person.sex, areas::is_listed),
                []
            );
            assert!(person.nik.starts_with("3575"));
            let read = person.phone.as_ref().map(|phone| phone.parse::<Phone>());
            assert!(read.is_none_or(|phone| phone.is_ok()));
        }
    }

    #[test]
    fn all_villages_of_the_district_are_lived_in() {
        let lived_in: HashSet<_> = people(9, CITY, 34, TODAY)
            .into_iter()
            .map(|person| person.village)
            .collect();
        assert_eq!(lived_in.len(), 34);
        for village in lived_in {
            let code: Village = village.parse().expect("a village's code");
            assert!(areas::village(code).is_some() && code.district().to_string() == CITY);
        }
    }

    #[test]
    fn everybody_is_of_age_and_nobody_is_older_than_the_story() {
        for today in [TODAY, date!(2016 - 02 - 29), date!(2026 - 12 - 31)] {
            let ages: HashSet<_> = people(10, CITY, MANY, today)
                .iter()
                .map(|person| age_on(person.birth_date, today))
                .collect();
            assert_eq!(
                (ages.iter().min(), ages.iter().max()),
                (Some(&AGE_MIN), Some(&AGE_MAX)),
                "{today}"
            );
        }
    }

    #[test]
    fn one_seed_makes_one_town_and_another_seed_another() {
        let town = people(11, CITY, 500, TODAY);
        assert!(town == people(11, CITY, 500, TODAY));
        assert!(town[..100] == people(11, CITY, 100, TODAY)[..]);
        assert!(town != people(12, CITY, 500, TODAY));
    }

    #[test]
    fn the_first_person_of_a_seed_is_the_same_on_every_machine() {
        let person = &people(1, CITY, 1, TODAY)[0];
        let told = format!(
            "{}|{}|{}|{:?}",
            person.nik, person.name, person.address, person.phone
        );
        let pinned = "3575010209570001|Yudi Hartono|Jl. Delima No. 32|Some(\"+6288140248566\")";
        assert_eq!(told, pinned);
    }

    #[test]
    fn a_district_that_does_not_exist_has_no_people() {
        for district in ["", "35.99", "3575", "centre"] {
            assert!(people(1, district, 10, TODAY).is_empty(), "{district}");
        }
    }
}
