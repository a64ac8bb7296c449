//! Kota Bogor in October 2017: a daily limit until Sunday the 22nd and none from Monday the 23rd, for those who enrolled by
//! the end of the year before.
//!
//! The article says "400 thousand a day", in a city of a million people with 93,454 cards to print; the office printed some
//! 700 a day. It is told here with 400, and the larger number is refused by the system as absurd.

mod figures;
mod plan;

use std::collections::BTreeMap;

use time::{Date, macros::date};
use tokio::time::{Duration, Instant};

use self::plan::{
    BLANKS, BROUGHT, DAYS, LIFTED, LIMITED, Lines, QUOTA, QUOTA_PRINTED, SUNDAY, WANTED,
    WINDOW_ENDS,
};
use super::{
    Told, centre,
    citizen::Citizen,
    enrol,
    office::Office,
    order,
    place::{self, working_days},
    print::{PrintRoom, Printed},
    queue::{self, Submitted},
    rules,
    staff::Leaders,
    table::{self, count},
};
use crate::{
    cli::Failure,
    proto::{ApplicantClass, HoldReason, PolicyDraft, PrintRequestState, Stock, Weekday, Window},
};

pub use plan::{PLACE, citizens};

/// The chore that lets held requests go comes by every few seconds of real time.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

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
    let mut citizens = plan::citizens(office.seed);
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
        absurd_refused: is_refused_as_absurd(&absurd),
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
        figures: figures::figures(&limit, count(stock_before.in_stock)),
        beneath: beneath(&limit),
    })
}

/// Whether a draft was refused for its quota, and for nothing else.
fn is_refused_as_absurd<T>(answer: &Result<T, Failure>) -> bool {
    match answer {
        Err(Failure::Call(words)) => {
            words.contains("INVALID_FIELDS") && words.contains("rules.daily_quota")
        }
        Ok(_) | Err(_) => false,
    }
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
