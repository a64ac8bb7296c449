//! The office that the demo replays: its people, its terminals, its calendar and its clock.
//!
//! What is easily got wrong: the plan says what the *people and machines outside* do (who enrols when, what the centre's
//! engine finds). Whatever the table shows as the system's figure comes from the system's answers, never from the plan.

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use time::{
    Date, Duration, OffsetDateTime, UtcOffset, Weekday,
    macros::{date, offset},
};

use super::people::{self, Person};
use crate::{
    authority::{Authority, Identity, TERMINAL_VALID},
    caller::Principal,
    cli::{Failure, client::Terminal},
    clock::{Clock, SimulatedClock},
    proto::{ApplicantClass, InterimCertificate},
};

/// Kota Pasuruan.
pub const DISTRICT: &str = "35.75";
/// Its four subdistricts; each has a counter and a printer.
pub const SUBDISTRICTS: [&str; 4] = ["35.75.01", "35.75.02", "35.75.03", "35.75.04"];
/// Western Indonesian time.
pub const LOCAL: UtcOffset = offset!(+7);

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

/// From the first enrolment to the day on which the blanks arrive.
pub const FIRST_DAY: Date = date!(2016 - 10 - 03);
pub const BLANKS_DAY: Date = date!(2017 - 04 - 17);
/// The day of the article: printing begins.
pub const PRINT_DAY: Date = date!(2017 - 04 - 18);
/// The centre's engine has come so far; who enrolled later has not been looked at.
pub const CHECKED_UNTIL: Date = date!(2017 - 04 - 07);

/// Holidays on which no office opened.
const HOLIDAYS: [Date; 9] = [
    date!(2016 - 12 - 12),
    date!(2016 - 12 - 26),
    date!(2017 - 01 - 02),
    date!(2017 - 02 - 15),
    date!(2017 - 03 - 28),
    date!(2017 - 04 - 14),
    date!(2017 - 04 - 24),
    date!(2017 - 05 - 01),
    date!(2017 - 05 - 11),
];

/// A printer's working day, from eight o'clock.
const OPENS_AT: u8 = 8;
const MINUTES_A_DAY: u64 = 8 * 60;

/// What becomes of a person outside the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Holds a certificate; the centre finds the person unique.
    Ready,
    /// Holds a certificate; the centre has not answered.
    Waiting,
    /// Holds a certificate; the engine cannot decide.
    Undecided,
    /// Holds a certificate; the biodata does not agree with the register.
    Mismatched,
    /// Holds a certificate; the capture cannot be read.
    Unreadable,
    /// Recorded elsewhere already.
    Duplicate,
    /// Unique, and never came for a certificate.
    Paperless,
    /// The biometrics were never taken.
    Uncaptured,
}

impl Part {
    /// Whether the person is given an interim certificate on the day of enrolment.
    pub fn gets_certificate(self) -> bool {
        match self {
            Self::Ready | Self::Waiting | Self::Undecided | Self::Mismatched | Self::Unreadable => {
                true
            }
            Self::Duplicate | Self::Paperless | Self::Uncaptured => false,
        }
    }

    /// Whether the biometrics were taken, so that the centre has something to check.
    pub fn is_captured(self) -> bool {
        self != Self::Uncaptured
    }
}

/// One person of the story, and what the system answered about them.
pub struct Citizen {
    pub person: Person,
    pub part: Part,
    pub class: ApplicantClass,
    /// When the person comes to enrol.
    pub day: Date,
    pub enrolment_id: String,
    pub resident_id: String,
    pub certificate: Option<InterimCertificate>,
}

/// Everybody who comes to the counters, in the order of their coming.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let count = HOLDERS + DUPLICATES + PAPERLESS + UNCAPTURED;
    let days = working_days(FIRST_DAY, BLANKS_DAY);
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_add(1));
    let day_of = |place: usize| days[place * days.len() / count];
    let mut checked: Vec<usize> = (0..count)
        .filter(|place| day_of(*place) <= CHECKED_UNTIL)
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
    let people = people::people(seed, DISTRICT, count, FIRST_DAY);
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

/// The days from `first` to `last` on which offices open.
pub fn working_days(first: Date, last: Date) -> Vec<Date> {
    let days = std::iter::successors(Some(first), |day| day.next_day());
    days.take_while(|day| *day <= last)
        .filter(|day| is_working_day(*day))
        .collect()
}

fn is_working_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !HOLIDAYS.contains(&day)
}

/// A time of day at the office.
pub fn at(day: Date, hour: u8, minute: u8) -> OffsetDateTime {
    day.with_hms(hour, minute, 0)
        .expect("the story's hours are on the clock")
        .assume_offset(LOCAL)
}

/// When an office that opened on `first` has worked so many minutes: nights, weekends and holidays pass by.
pub fn after_working(first: Date, minutes: u64) -> OffsetDateTime {
    let mut left = minutes;
    let mut day = first;
    loop {
        if is_working_day(day) {
            if left <= MINUTES_A_DAY {
                return at(day, OPENS_AT, 0) + Duration::minutes(left.cast_signed());
            }
            left -= MINUTES_A_DAY;
        }
        day = day
            .next_day()
            .expect("the story ends long before the calendar does");
    }
}

/// The local day of an instant that the system answered.
pub fn local_day(instant: Option<&prost_types::Timestamp>) -> Option<Date> {
    let instant = OffsetDateTime::from_unix_timestamp(instant?.seconds).ok()?;
    Some(instant.to_offset(LOCAL).date())
}

/// A terminal that is not in the house: what it would connect with.
pub struct Mobile {
    pub principal: Principal,
    pub server: String,
    pub identity: Identity,
}

/// The callers of the story, each with a certificate of its own, and the clock that they share with the server.
pub struct Office {
    pub clock: SimulatedClock,
    pub seed: u64,
    /// A terminal for each of [`SUBDISTRICTS`], limited to it, with the officer at the counter.
    pub counters: Vec<Terminal>,
    /// The same terminals with the officers who go round the villages.
    pub rounds: Vec<Terminal>,
    /// The same terminals with those who print.
    pub printers: Vec<Terminal>,
    /// The city office's own terminal, with the officer who serves.
    pub desk: Terminal,
    /// The same terminal with the keeper of the blanks.
    pub stockkeeper: Terminal,
    /// Another one of the city's, on which nobody works.
    pub unstaffed: Terminal,
    /// The one of the mobile unit.
    pub mobile: Mobile,
    /// The centre's desk that leads the offices.
    pub policy: Terminal,
    /// The centre's matching engine.
    pub matcher: Terminal,
    /// The centre's store of blanks.
    pub store: Terminal,
}

impl Office {
    /// Makes the certificates and the channels; nobody works on them yet.
    pub fn open(
        server: &str,
        authority: &Authority,
        clock: SimulatedClock,
        seed: u64,
    ) -> Result<Self, Failure> {
        let identity = |name: &str| {
            let principal: Principal = format!("ektp://{name}").parse()?;
            // Certificates live in real time, whatever the clock of the office shows.
            let identity =
                authority.terminal_identity(&principal, TERMINAL_VALID, Clock::System.now())?;
            Ok::<_, Failure>((principal, identity))
        };
        let terminal = |name: &str| Terminal::with_identity(server, &identity(name)?.1);
        let desk = terminal(&format!("district/{DISTRICT}/site/office/terminal/1"))?;
        let (principal, mobile) =
            identity(&format!("district/{DISTRICT}/site/mobile-unit/terminal/1"))?;
        let counters = SUBDISTRICTS.iter().zip(1..);
        let counters = counters
            .map(|(subdistrict, number)| {
                terminal(&format!(
                    "district/{DISTRICT}/site/{subdistrict}/terminal/{number}"
                ))
            })
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            clock,
            seed,
            counters,
            rounds: Vec::new(),
            printers: Vec::new(),
            stockkeeper: desk.clone(),
            desk,
            unstaffed: terminal(&format!("district/{DISTRICT}/site/office/terminal/2"))?,
            mobile: Mobile {
                principal,
                server: server.to_owned(),
                identity: mobile,
            },
            policy: terminal("centre/policy")?,
            matcher: terminal("centre/matcher")?,
            store: terminal("centre/store")?,
        })
    }
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
    fn nights_weekends_and_holidays_pass_by() {
        assert_eq!(after_working(PRINT_DAY, 0), at(PRINT_DAY, 8, 0));
        assert_eq!(
            after_working(PRINT_DAY, 481),
            at(date!(2017 - 04 - 19), 8, 1)
        );
        // Four days to Friday, then the weekend and the holiday of 24 April.
        assert_eq!(
            after_working(PRINT_DAY, 4 * 480 + 30),
            at(date!(2017 - 04 - 25), 8, 30)
        );
    }

    #[test]
    fn the_working_days_reach_from_october_to_the_blanks() {
        let days = working_days(FIRST_DAY, BLANKS_DAY);
        assert_eq!(
            (days.first(), days.last()),
            (Some(&FIRST_DAY), Some(&BLANKS_DAY))
        );
        assert!(!days.contains(&date!(2017 - 04 - 14)));
        assert!(is_working_day(CHECKED_UNTIL) && is_working_day(PRINT_DAY));
    }
}
