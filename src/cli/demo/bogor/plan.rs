//! The plan of Bogor's story: who enrols when, who comes for a card on which day, and with which papers.
//!
//! What is easily got wrong: the article's 93,454 people are told by far fewer. Its limit and its blanks are told as they
//! were, so the need and the stock are never compared as they stand.

use time::{Date, macros::date};

use crate::{
    cli::demo::{
        citizen::{Citizen, Part},
        people,
        place::{Place, working_days},
    },
    proto::{ApplicantClass, Document},
};

/// Kota Bogor.
pub const PLACE: Place = Place {
    name: "Kota Bogor",
    district: "32.71",
    subdistricts: &[
        "32.71.01", "32.71.02", "32.71.03", "32.71.04", "32.71.05", "32.71.06",
    ],
    slug: "bogor",
    first_day: date!(2016 - 11 - 01),
    checked_until: date!(2017 - 01 - 13),
    print_day: date!(2017 - 10 - 25),
    stores: false,
    province: None,
};

/// The article's cards to be printed; so many come into the story that it is told in a minute.
pub const BACKLOG: usize = 93_454;
/// The limit as it can have been, and as the article prints it.
pub const QUOTA: usize = 400;
pub const QUOTA_PRINTED: i32 = 400_000;
/// What lay in the store in September; the article says only that it suffices.
pub const BLANKS: u32 = 9_000;
/// The rules of the limit begin on a Wednesday, and the next ones on the Monday after.
pub const LIMITED: Date = date!(2017 - 10 - 18);
pub const SUNDAY: Date = date!(2017 - 10 - 22);
pub const LIFTED: Date = date!(2017 - 10 - 23);
/// The last enrolment that may print yet.
pub const WINDOW_ENDS: Date = date!(2016 - 12 - 31);
/// On each of these days so many come who bring everything.
pub const DAYS: [(Date, usize); 5] = [
    (LIMITED, 600),
    (date!(2017 - 10 - 19), 600),
    (date!(2017 - 10 - 20), 600),
    (date!(2017 - 10 - 21), 60),
    (LIFTED, 800),
];
pub const SATURDAY: usize = 3;
/// On the first day come besides: enrolled in 2017, print-ready or still at the centre; and three times some who lack a paper.
pub const TOO_LATE: usize = 100;
pub const UNCHECKED: usize = 100;
pub const LACKING: usize = 20;
/// What the office wants: a copy of the family card; the certificate and the number are in the register.
pub const BROUGHT: [Document; 1] = [Document::FamilyCardCopy];
pub const WANTED: [Document; 3] = [
    Document::FamilyCardCopy,
    Document::InterimCertificate,
    Document::PhoneNumber,
];
/// Everybody who enrols, in the order of their coming: until the end of 2016 those who may print, in January the others.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let asking: usize = DAYS.iter().map(|(_, coming)| coming).sum();
    let in_time = asking + 2 * LACKING;
    let late = TOO_LATE + UNCHECKED;
    // Seven of ten leave a number: more are invented than come, so that enough of them have one.
    let invented = people::people(seed, PLACE.district, 2 * (in_time + late), PLACE.first_day);
    let (with, without): (Vec<_>, Vec<_>) = invented
        .into_iter()
        .partition(|person| person.phone.is_some());
    let early = working_days(PLACE.first_day, date!(2016 - 12 - 30));
    let january = working_days(date!(2017 - 01 - 03), PLACE.checked_until);
    let mut coming = with.into_iter();
    let mut citizens = Vec::with_capacity(in_time + LACKING + late);
    let mut come =
        |people: &mut dyn Iterator<Item = people::Person>, count, part, days: &[Date]| {
            for (place, person) in people.take(count).enumerate() {
                citizens.push(Citizen {
                    person,
                    part,
                    class: ApplicantClass::FirstIssue,
                    day: days[place * days.len() / count],
                    enrolment_id: String::new(),
                    resident_id: String::new(),
                    certificate: None,
                });
            }
        };
    come(&mut coming, asking + LACKING, Part::Ready, &early);
    come(&mut coming, LACKING, Part::Paperless, &early);
    come(&mut without.into_iter(), LACKING, Part::Ready, &early);
    come(&mut coming, TOO_LATE, Part::Ready, &january);
    come(&mut coming, UNCHECKED, Part::Waiting, &january);
    citizens.sort_by_key(|citizen| citizen.day);
    citizens
}

/// Who comes for what, by their places among the citizens.
pub struct Lines {
    /// Those who bring everything, in the order of their enrolment.
    pub complete: Vec<usize>,
    /// Of those, some who will have left the copy at home.
    pub no_copy: Vec<usize>,
    pub no_certificate: Vec<usize>,
    pub no_number: Vec<usize>,
    pub too_late: Vec<usize>,
    pub unchecked: Vec<usize>,
}

impl Lines {
    pub fn of(citizens: &[Citizen]) -> Self {
        let places = |fits: &dyn Fn(&Citizen) -> bool| -> Vec<usize> {
            let all = citizens.iter().zip(0..);
            all.filter(|(citizen, _)| fits(citizen))
                .map(|(_, place)| place)
                .collect()
        };
        let in_time = |citizen: &Citizen| citizen.day <= WINDOW_ENDS;
        let ready = |citizen: &Citizen| citizen.part == Part::Ready;
        let mut complete = places(&|one| in_time(one) && ready(one) && one.person.phone.is_some());
        let no_copy = complete.split_off(complete.len() - LACKING);
        Self {
            complete,
            no_copy,
            no_certificate: places(&|one| in_time(one) && one.part == Part::Paperless),
            no_number: places(&|one| in_time(one) && one.person.phone.is_none()),
            too_late: places(&|one| !in_time(one) && ready(one)),
            unchecked: places(&|one| one.part == Part::Waiting),
        }
    }
}
