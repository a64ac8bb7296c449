//! Kota Bogor in October 2017: a daily limit until Sunday the 22nd and none from Monday the 23rd, for those who enrolled by
//! the end of the year before.
//!
//! The article says "400 thousand a day", in a city of a million people with 93,454 cards to print; the office printed some
//! 700 a day. It is told here with 400, and the larger number is refused by the system as absurd.

use std::collections::BTreeMap;

use time::{Date, macros::date};
use tokio::time::{Duration, Instant};

use super::{
    Told, centre,
    citizen::{Citizen, Part},
    enrol,
    office::Office,
    order, people,
    place::{self, Place, working_days},
    print::{PrintRoom, Printed},
    queue::{self, Submitted},
    rules,
    staff::Leaders,
    table::{self, Figure, Sheet, count, imbalance},
};
use crate::{
    cli::Failure,
    proto::{
        ApplicantClass, Document, ErrorReason, HoldReason, PolicyDraft, PrintRequestState, Stock,
        Weekday, Window,
    },
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
};

/// The limit as it can have been, and as the article prints it.
const QUOTA: usize = 400;
const QUOTA_PRINTED: i32 = 400_000;
/// What lay in the store in September; the article says only that it suffices.
const BLANKS: u32 = 9_000;
/// The rules of the limit begin on a Wednesday, and the next ones on the Monday after.
const LIMITED: Date = date!(2017 - 10 - 18);
const SUNDAY: Date = date!(2017 - 10 - 22);
const LIFTED: Date = date!(2017 - 10 - 23);
/// The last enrolment that may print yet.
const WINDOW_ENDS: Date = date!(2016 - 12 - 31);
/// On each of these days so many come who bring everything.
const DAYS: [(Date, usize); 5] = [
    (LIMITED, 600),
    (date!(2017 - 10 - 19), 600),
    (date!(2017 - 10 - 20), 600),
    (date!(2017 - 10 - 21), 60),
    (LIFTED, 800),
];
const SATURDAY: usize = 3;
/// On the first day come besides: enrolled in 2017, print-ready or still at the centre; and three times some who lack a paper.
const TOO_LATE: usize = 100;
const UNCHECKED: usize = 100;
const LACKING: usize = 20;
/// What the office wants: a copy of the family card; the certificate and the number are in the register.
const BROUGHT: [Document; 1] = [Document::FamilyCardCopy];
const WANTED: [Document; 3] = [
    Document::FamilyCardCopy,
    Document::InterimCertificate,
    Document::PhoneNumber,
];
/// The chore that lets held requests go comes by every few seconds of real time.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

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
struct Lines {
    /// Those who bring everything, in the order of their enrolment.
    complete: Vec<usize>,
    /// Of those, some who will have left the copy at home.
    no_copy: Vec<usize>,
    no_certificate: Vec<usize>,
    no_number: Vec<usize>,
    too_late: Vec<usize>,
    unchecked: Vec<usize>,
}

impl Lines {
    fn of(citizens: &[Citizen]) -> Self {
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

/// One day at the counter.
struct Day {
    day: Date,
    asked: usize,
    submitted: Submitted,
    /// In the queue at its end, and held at its end for the quota or the closed day.
    queued: usize,
    held: usize,
}

/// What happened, by the system's answers.
struct Limit {
    absurd_refused: bool,
    days: Vec<Day>,
    lacking: BTreeMap<&'static str, Submitted>,
    too_late: Submitted,
    unchecked: Submitted,
    need: usize,
    stock: Stock,
    printed: usize,
    print: Printed,
    proof: order::Proof,
    why: String,
}

/// Tells the story; answers its figures and what is said beneath their table.
pub async fn tell(office: &Office, leaders: &Leaders, spoilage: f64) -> Result<Told, Failure> {
    let mut citizens = citizens(office.seed);
    let mut matcher = centre::Matcher::new(office);
    enrol::run(office, &mut citizens, &mut matcher).await?;
    drop(matcher);
    office.clock.set(place::at(date!(2017 - 09 - 22), 10, 0));
    let shipment = centre::send_blanks(office, BLANKS).await?;
    let shipment = centre::receive_blanks(office, &shipment).await?;
    office.clock.set(place::at(date!(2017 - 10 - 16), 10, 0));
    let absurd = rules::put_in_force(office, leaders, limited(QUOTA_PRINTED)).await;
    let quota = i32::try_from(QUOTA).expect("a small number");
    rules::put_in_force(office, leaders, limited(quota)).await?;
    rules::put_in_force(office, leaders, lifted()).await?;

    let lines = Lines::of(&citizens);
    office.clock.set(place::at(LIMITED, 8, 0));
    let too_late = queue::submit_for(office, &citizens, (&lines.too_late, &BROUGHT)).await?;
    let unchecked = queue::submit_for(office, &citizens, (&lines.unchecked, &BROUGHT)).await?;
    let mut lacking = BTreeMap::new();
    for (what, places, papers) in [
        ("a copy of the family card", &lines.no_copy, &[][..]),
        ("an interim certificate", &lines.no_certificate, &BROUGHT),
        ("a mobile number", &lines.no_number, &BROUGHT),
    ] {
        lacking.insert(
            what,
            queue::submit_for(office, &citizens, (places, papers)).await?,
        );
    }
    let days = days(office, &citizens, &lines.complete).await?;
    let need = queue::list(office, PrintRequestState::Unspecified)
        .await?
        .len();
    let stock_before = queue::stocks(office).await?.1;
    let why = match too_late.held.keys().next() {
        Some(held) => queue::why(office, held).await?,
        None => "nobody is held".to_owned(),
    };

    office.clock.set(place::at(PLACE.print_day, 8, 0));
    let everybody: std::collections::HashMap<String, usize> = days
        .iter()
        .flat_map(|day| day.submitted.queued.iter().chain(&day.submitted.held))
        .map(|(id, place)| (id.clone(), *place))
        .collect();
    let print = PrintRoom::open(office, &citizens, &everybody, &shipment, spoilage)
        .run()
        .await?;
    let last_day = place::local_date(office.clock.now());
    let limit = Limit {
        absurd_refused: absurd.is_err(),
        lacking,
        too_late,
        unchecked,
        need,
        printed: queue::list(office, PrintRequestState::Printed).await?.len(),
        print,
        proof: order::prove(office, leaders, working_days(PLACE.print_day, last_day)).await?,
        stock: queue::stocks(office).await?.1,
        days,
        why,
    };
    Ok(Told {
        figures: figures(&limit, count(stock_before.in_stock)),
        beneath: beneath(&limit),
    })
}

/// The days at the counter, one after the other; each night those who are held come first.
async fn days(
    office: &Office,
    citizens: &[Citizen],
    complete: &[usize],
) -> Result<Vec<Day>, Failure> {
    let mut days: Vec<Day> = Vec::new();
    let mut coming = complete;
    for (day, asked) in DAYS {
        office.clock.set(place::at(day, 7, 0));
        if let Some(before) = days.last() {
            let (queued, held) = (before.queued, before.held);
            settle(office, day, (queued, held)).await?;
        }
        office.clock.set(place::at(day, 9, 0));
        let (today, rest) = coming.split_at(asked.min(coming.len()));
        coming = rest;
        let submitted = queue::submit_for(office, citizens, (today, &BROUGHT)).await?;
        let (queued, held) = standing(office).await?;
        days.push(Day {
            day,
            asked: today.len(),
            submitted,
            queued,
            held,
        });
    }
    Ok(days)
}

/// Waits until the night has let go of as many as the day has room for; what it really let go is counted afterwards.
async fn settle(office: &Office, day: Date, (queued, held): (usize, usize)) -> Result<(), Failure> {
    let room = match working_days(day, day).is_empty() {
        true => 0,
        false if day >= LIFTED => held,
        false => held.min(QUOTA),
    };
    let deadline = Instant::now() + SETTLES_WITHIN;
    while standing(office).await?.0 < queued + room && Instant::now() < deadline {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// How many are in the queue, and how many the quota or a closed day keeps out of it.
async fn standing(office: &Office) -> Result<(usize, usize), Failure> {
    let queued = queue::list(office, PrintRequestState::Queued).await?.len();
    let held = queue::list(office, PrintRequestState::Held).await?;
    let of_the_day = |request: &&crate::proto::PrintRequest| {
        let mut reasons = request.entry.iter().flat_map(|entry| entry.hold_reasons());
        reasons.any(|reason| matches!(reason, HoldReason::Quota | HoldReason::OfficeClosed))
    };
    Ok((queued, held.iter().filter(of_the_day).count()))
}

/// The office's rules of the limit: working days, three papers, the window, and so many a day.
fn limited(quota: i32) -> PolicyDraft {
    PolicyDraft {
        valid_to: SUNDAY.to_string(),
        daily_quota: Some(quota),
        ..letter(
            LIMITED,
            "Kota Bogor: working days, three papers, a limit for each day",
        )
    }
}

/// The same without the limit.
fn lifted() -> PolicyDraft {
    letter(LIFTED, "Kota Bogor: from 23 October 2017 without a limit")
}

fn letter(first: Date, source: &str) -> PolicyDraft {
    let mut draft = rules::draft(PLACE.district, &first.to_string(), source);
    draft.closed_weekdays = vec![Weekday::Saturday.into(), Weekday::Sunday.into()];
    for rule in rules::rules(&mut draft, &[ApplicantClass::FirstIssue]) {
        rule.documents = rules::papers(&WANTED);
        rule.enrolled = Some(Window {
            from: String::new(),
            to: WINDOW_ENDS.to_string(),
        });
    }
    draft
}

fn figures(limit: &Limit, in_stock: usize) -> Vec<Figure> {
    let mut sheet = Sheet::default();
    let asked: usize = limit.days.iter().map(|day| day.asked).sum();
    sheet.rule("S1-1");
    sheet.number(
        "enrolled in 2017, print-ready: held until the window moves",
        TOO_LATE,
        limit.too_late.held_for(HoldReason::EnrolmentWindow),
    );
    sheet.number(
        "enrolled in 2017, still at the centre: refused",
        UNCHECKED,
        limit.unchecked.refused_for(ErrorReason::NotPrintReady),
    );
    sheet.rule("S1-2");
    let saturday = &limit.days[SATURDAY].submitted;
    sheet.number(
        "asked on Saturday: held for the next working day",
        DAYS[SATURDAY].1,
        saturday.held_for(HoldReason::OfficeClosed),
    );
    papers(limit, &mut sheet);
    quota(limit, &mut sheet);
    sheet.rule("S1-16");
    sheet.number(
        "open requests after the last day",
        asked + TOO_LATE,
        limit.need,
    );
    sheet.happened("blanks are enough for them", true, limit.need <= in_stock);
    sheet.number("cards printed", asked, limit.printed);
    sheet.number(
        "blanks spoiled",
        limit.print.spoiled,
        count(limit.stock.spoiled),
    );
    sheet.number(
        "blanks that the city's account misses",
        0,
        imbalance(&limit.stock),
    );
    order::figures(
        &limit.proof,
        limit.print.printed + limit.print.spoiled,
        &mut sheet,
    );
    sheet.figures()
}

fn papers(limit: &Limit, sheet: &mut Sheet) {
    sheet.rule("S1-3");
    for (what, reason) in [
        ("a copy of the family card", ErrorReason::DocumentMissing),
        (
            "an interim certificate",
            ErrorReason::InterimCertificateRequired,
        ),
        ("a mobile number", ErrorReason::DocumentMissing),
    ] {
        let refused = limit
            .lacking
            .get(what)
            .map_or(0, |one| one.refused_for(reason));
        sheet.number(what, LACKING, refused);
    }
    let words = limit.too_late.words.is_some();
    sheet.rule("S1-4");
    sheet.happened("a reason is told, and no day is promised", true, words);
}

/// What follows from the limit: each open day takes in as many as it has room for, those first who are held.
fn quota(limit: &Limit, sheet: &mut Sheet) {
    sheet.rule("S1-11");
    sheet.happened(
        "a limit of 400 thousand a day is refused",
        true,
        limit.absurd_refused,
    );
    let (mut queued, mut held) = (0, 0);
    for ((day, coming), seen) in DAYS.into_iter().zip(&limit.days) {
        let room = match day {
            LIFTED => held + coming,
            _ if day == DAYS[SATURDAY].0 => 0,
            _ => QUOTA,
        };
        let taken = room.min(held + coming);
        (queued, held) = (queued + taken, held + coming - taken);
        sheet.number(name(day), queued, seen.queued);
    }
    sheet.number(
        "held for the quota or the Saturday at the end",
        held,
        limit.days[DAYS.len() - 1].held,
    );
}

fn name(day: Date) -> &'static str {
    match day.day() {
        18 => "in the queue on Wednesday, 18 October",
        19 => "in the queue on Thursday",
        20 => "in the queue on Friday",
        21 => "in the queue on Saturday",
        _ => "in the queue on Monday, 23 October, without a limit",
    }
}

fn beneath(limit: &Limit) -> Vec<String> {
    let mut lines = vec![table::stock_proof("the store of Kota Bogor", &limit.stock)];
    for day in &limit.days {
        let (asked, queued) = (day.asked, day.submitted.queued.len());
        lines.push(format!(
            "{}: {asked} asked, {queued} into the queue at once, {} held; at the end {} in the queue {}",
            day.day,
            day.submitted.held.len(),
            day.queued,
            table::bar(day.queued)
        ));
    }
    lines.push(limit.why.clone());
    lines
}
