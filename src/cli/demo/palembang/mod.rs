//! Kota Palembang in October 2017: 20,000 blanks straight from the centre, spread over 18 subdistricts, for those who never had
//! a card; one day where all goes well, half a year where it does not.
//!
//! What is easily got wrong: a printer is given whoever comes next in the city's one queue, wherever that person lives. Who
//! waits in a subdistrict weighs its share of the blanks; it is not who is printed there.

mod blind_count;
mod books;
mod figures;
mod plan;
mod stores;
mod supply;

use std::sync::Arc;

use self::{
    blind_count::Counted,
    books::Books,
    plan::{
        BLANKS, LAST_DAY, REST, RULES_BEGIN, RULES_DAY, SECOND_CARDS, SECOND_PRINT_DAY, SLOW_DAY,
        SUBDISTRICTS,
    },
    stores::{Settled, Shared},
    supply::Supply,
};
use super::{
    Told, centre,
    citizen::{Citizen, Part},
    enrol,
    hopper::Store,
    office::Office,
    order,
    place::{at, working_days},
    print::{PrintRoom, Printed},
    queue::{self, Submitted},
    rules,
    staff::Leaders,
    table::{self, count, grouped},
};
use crate::{
    areas,
    cli::{Failure, host::Host},
    proto::{ClassOutcome, Enrolment, PolicyDraft, PrintRequest, PrintRequestState, ProposedShare},
};

pub use plan::{PLACE, citizens};

/// What happened, by the system's answers.
struct City {
    /// Who asked while the rest of the old blanks was there, and what was printed on it.
    asked: Submitted,
    rest: Printed,
    supply: Supply,
    shared: Shared,
    /// Blanks in the stores of the subdistricts when all had received.
    arrived: usize,
    counted: Counted,
    settled: Settled,
    last_day: LastDay,
    /// Cards and spoiled blanks of all days, and the requests as they stand at the end.
    print: Printed,
    printed: Vec<PrintRequest>,
    waiting: usize,
    proof: order::Proof,
    books: Books,
}

/// The day of the article.
struct LastDay {
    /// The slow ones, who asked before the centre had looked at them; and one of their enrolments.
    unchecked: Submitted,
    slowest: Enrolment,
    /// The same and those of the morning, when it had.
    checked: Submitted,
    /// Who enrolled that morning, by their places among the citizens.
    todays: Vec<usize>,
    printed: Printed,
}

/// Tells the story; answers its figures and what is said beneath their table.
pub async fn tell(
    (host, office): (&Host, &Office),
    leaders: &Leaders,
    spoilage: f64,
) -> Result<Told, Failure> {
    let city = story((host, office), leaders, spoilage).await?;
    Ok(Told {
        figures: figures::figures(&city),
        beneath: beneath(&city),
    })
}

async fn story(
    (host, office): (&Host, &Office),
    leaders: &Leaders,
    spoilage: f64,
) -> Result<City, Failure> {
    let mut citizens = plan::citizens(office.seed);
    let checked = citizens.partition_point(|citizen| citizen.day < SLOW_DAY);
    let earlier = citizens.partition_point(|citizen| citizen.day < LAST_DAY);
    let mut matcher = centre::Matcher::new(office);
    enrol::run(office, &mut citizens[..earlier], &mut matcher).await?;
    office.clock.set(at(RULES_DAY, 10, 0));
    rules::put_in_force(office, leaders, letter()).await?;

    office.clock.set(at(RULES_BEGIN, 9, 0));
    let shipment = centre::send_blanks(office, REST).await?;
    let shipment = centre::receive_blanks(office, &shipment).await?;
    let coming: Vec<usize> = (0..checked).collect();
    let asked = queue::submit_for(office, &citizens, (&coming, &[])).await?;
    office.clock.set(at(PLACE.print_day, 8, 0));
    let rest = PrintRoom::open(office, &citizens, &asked.queued, &shipment, spoilage)
        .run()
        .await?;
    let supply = supply::run(host, office).await?;
    let (shared, filled) = stores::run(office).await?;
    let boxes = filled.iter().map(|store| store.hopper.lying());
    let arrived: usize = boxes.map(|lying| stores::pieces(&lying)).sum();

    let filled: Arc<[Store]> = filled.into();
    let second = (spoilage, SECOND_PRINT_DAY);
    let line = (&citizens[..], &asked.queued);
    let room = PrintRoom::of_stores(office, line, Arc::clone(&filled), second);
    let counted = blind_count::run(office, &room, &filled).await?;
    let mut print = rest;
    print.add(counted.printed);
    print.add(room.run_apart().await?);
    let settled = stores::settle(office, leaders, &shared.case).await?;
    let people = (&mut citizens[..], &mut matcher);
    let last_day = last_day(office, people, (filled, spoilage)).await?;
    print.add(last_day.printed);

    office.clock.set(at(LAST_DAY, 17, 0));
    let days = working_days(PLACE.print_day, LAST_DAY);
    Ok(City {
        asked,
        rest,
        supply,
        shared,
        arrived,
        counted,
        settled,
        last_day,
        print,
        printed: queue::list(office, PrintRequestState::Printed).await?,
        waiting: queue::list(office, PrintRequestState::Unspecified)
            .await?
            .len(),
        proof: order::prove(office, leaders, days).await?,
        books: books::close(host, office, leaders, LAST_DAY).await?,
    })
}

/// The day of the article: one first-timer at each counter in the morning, and with them the centre's engine comes to those
/// who have waited for half a year.
async fn last_day(
    office: &Office,
    (citizens, matcher): (&mut [Citizen], &mut centre::Matcher),
    (filled, spoilage): (Arc<[Store]>, f64),
) -> Result<LastDay, Failure> {
    office.clock.set(at(LAST_DAY, 7, 45));
    let is_slow = |place: &usize| citizens[*place].part == Part::Waiting;
    let slow: Vec<usize> = (0..citizens.len()).filter(is_slow).collect();
    let unchecked = queue::submit_for(office, citizens, (&slow, &[])).await?;
    let slowest = slow.first().map(|place| &citizens[*place]);
    let slowest = slowest.ok_or_else(|| Failure::Call("nobody is slow".to_owned()))?;
    let slowest = queue::enrolment_of(office, slowest).await?;
    enrol::run(office, citizens, matcher).await?;
    for place in &slow {
        citizens[*place].part = Part::Ready;
    }
    office.clock.set(at(LAST_DAY, 10, 0));
    matcher.work_off(citizens).await?;
    let is_todays = |place: &usize| citizens[*place].day == LAST_DAY;
    let todays: Vec<usize> = (0..citizens.len()).filter(is_todays).collect();
    let coming = [&slow[..], &todays[..]].concat();
    let checked = queue::submit_for(office, citizens, (&coming, &[])).await?;
    let line = (&*citizens, &checked.queued);
    let room = PrintRoom::of_stores(office, line, filled, (spoilage, LAST_DAY));
    Ok(LastDay {
        printed: room.run_apart().await?,
        unchecked,
        slowest,
        todays,
        checked,
    })
}

/// The city's rules for its blanks: whoever never had a card, and nobody for a second one.
fn letter() -> PolicyDraft {
    let source = "Kota Palembang, October 2017: only for those who never had a card";
    let mut draft = rules::draft(PLACE.district, &RULES_BEGIN.to_string(), source);
    for rule in rules::rules(&mut draft, &SECOND_CARDS.map(|(class, _)| class)) {
        rule.outcome = ClassOutcome::Refuse.into();
    }
    draft
}

fn beneath(city: &City) -> Vec<String> {
    let blanks = usize::try_from(BLANKS).expect("a small number");
    let mut lines = vec![format!(
        "{} blanks by who waits in each subdistrict; equal shares would leave {}:",
        grouped(blanks),
        blanks % SUBDISTRICTS
    )];
    lines.extend(city.shared.proposed.shares.iter().map(share));
    let books = &city.books;
    lines.push(table::stock_proof("the city's own store", &books.city));
    let short = books.stores.get(plan::SHORT_BOX);
    lines.extend(short.map(|stock| {
        let place = format!("the store of {}", name(&stock.location));
        table::stock_proof(&place, stock)
    }));
    lines.extend(books.lasting.as_ref().map(|lasting| {
        let longest = lasting.high_days.map_or("any number of".to_owned(), whole);
        format!(
            "{} blanks in all of them, {} used a day: they last {} days ({} to {longest})",
            grouped(count(lasting.in_stock)),
            whole(lasting.used_per_day),
            whole(lasting.expected_days),
            whole(lasting.low_days)
        )
    }));
    if let Some(words) = &city.asked.words {
        lines.push(format!(
            "who comes for a second card is told: {} ({})",
            words.indonesian, words.english
        ));
    }
    let told = books.statement.lines();
    let told: Vec<&str> = told
        .take_while(|line| !line.starts_with("public key"))
        .collect();
    lines.push(format!(
        "what the public is told, signed: {}",
        told.join(", ")
    ));
    lines
}

/// One subdistrict's share beside the equal one, as it was shown before it was sent.
fn share(share: &ProposedShare) -> String {
    let tenths = usize::try_from(BLANKS).expect("a small number") * 10 / SUBDISTRICTS;
    format!(
        "  {:<26} {:>4} wait {:>6} instead of {}.{} {}",
        name(&share.destination),
        grouped(count(share.waiting)),
        grouped(count(share.quantity)),
        grouped(tenths / 10),
        tenths % 10,
        table::bar(count(share.quantity))
    )
}

/// A subdistrict with its name.
fn name(code: &str) -> String {
    let named = code.parse().ok().and_then(areas::subdistrict);
    format!("{code} {}", named.unwrap_or_default())
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}
