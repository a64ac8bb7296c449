//! Kabupaten Bengkalis in May 2017: 10,000 blanks for 20,000 people who are ready to print, and no second card for anybody.
//!
//! The people who come for a second card had their first one before this system; what it refuses, it refuses by the class
//! that they come with, as the ministry's rules say.

use std::collections::{BTreeMap, HashSet};

use time::{Date, macros::date};

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
        ApplicantClass, ClassOutcome, ErrorReason, HoldReason, PrintRequest, PrintRequestState,
        Release, Stock,
    },
};

/// Kabupaten Bengkalis, on the mainland and on the islands before Sumatra.
pub const PLACE: Place = Place {
    name: "Kabupaten Bengkalis",
    district: "14.03",
    subdistricts: &[
        "14.03.01", "14.03.02", "14.03.03", "14.03.09", "14.03.10", "14.03.11", "14.03.12",
        "14.03.13", "14.03.14", "14.03.15", "14.03.16",
    ],
    slug: "bengkalis",
    first_day: date!(2016 - 10 - 03),
    checked_until: date!(2017 - 04 - 07),
    print_day: date!(2017 - 05 - 08),
    stores: false,
    province: None,
};

/// The article: print-ready people, and blanks for half of them.
const PRINT_READY: usize = 20_000;
const BLANKS: u32 = 10_000;
/// "Beberapa pekan lalu": some weeks before, on the day by which the district had to fetch them.
const BLANKS_DAY: Date = date!(2017 - 04 - 18);
/// The rules are activated on the Friday before they come into force.
const RULES_DAY: Date = date!(2017 - 05 - 05);
/// Beyond the article's figures: people who come for a second card, by what they come with.
const SECOND_CARDS: [(ApplicantClass, usize); 3] = [
    (ApplicantClass::Lost, 180),
    (ApplicantClass::Damaged, 120),
    (ApplicantClass::DataChange, 200),
];
const REFUSED: [ApplicantClass; 2] = [ApplicantClass::Lost, ApplicantClass::Damaged];

/// Everybody who comes, in the order of their coming; who wants a second card comes among the others.
pub fn citizens(seed: u64) -> Vec<Citizen> {
    let second: usize = SECOND_CARDS.iter().map(|(_, share)| share).sum();
    let count = PRINT_READY + second;
    let days = working_days(PLACE.first_day, PLACE.checked_until);
    let mut classes = vec![ApplicantClass::FirstIssue; count];
    let drawn = SECOND_CARDS
        .into_iter()
        .flat_map(|(class, share)| std::iter::repeat_n(class, share));
    // Spread evenly: every fortieth.
    for (place, class) in drawn.enumerate() {
        classes[place * (count / second)] = class;
    }
    let people = people::people(seed, PLACE.district, count, PLACE.first_day);
    people
        .into_iter()
        .zip(classes)
        .enumerate()
        .map(|(place, (person, class))| Citizen {
            person,
            part: Part::Paperless,
            class,
            day: days[place * days.len() / count],
            enrolment_id: String::new(),
            resident_id: String::new(),
            certificate: None,
        })
        .collect()
}

/// What happened, by the system's answers.
struct Scarcity {
    rules_by_one: bool,
    submitted: Submitted,
    certificates: usize,
    before: Vec<PrintRequest>,
    after: Vec<PrintRequest>,
    held: usize,
    printed: HashSet<String>,
    print: Printed,
    proof: order::Proof,
    stock: Stock,
}

/// Tells the story; answers its figures and what is said beneath their table.
pub async fn tell(office: &Office, leaders: &Leaders, spoilage: f64) -> Result<Told, Failure> {
    let mut citizens = citizens(office.seed);
    let mut matcher = centre::Matcher::new(office);
    enrol::run(office, &mut citizens, &mut matcher).await?;
    drop(matcher);
    office.clock.set(place::at(BLANKS_DAY, 13, 0));
    let shipment = centre::send_blanks(office, BLANKS).await?;
    let shipment = centre::receive_blanks(office, &shipment).await?;
    office.clock.set(place::at(RULES_DAY, 10, 0));
    let (_, rules_by_one) = rules::put_in_force(office, leaders, letter()).await?;

    office.clock.set(place::at(PLACE.print_day, 8, 0));
    let submitted = queue::submit(office, &citizens).await?;
    let turned_away = submitted.refused.values().flatten().copied();
    let turned_away: Vec<usize> = turned_away.collect();
    let certificates = enrol::certificates(office, &citizens, &turned_away).await?;
    let before = queue::list(office, PrintRequestState::Queued).await?;
    let print = PrintRoom::open(office, &citizens, &submitted.queued, &shipment, spoilage)
        .run()
        .await?;
    let last_day = place::local_date(office.clock.now());
    let printed = queue::list(office, PrintRequestState::Printed).await?;
    let scarcity = Scarcity {
        rules_by_one,
        certificates,
        after: queue::list(office, PrintRequestState::Queued).await?,
        held: queue::list(office, PrintRequestState::Held).await?.len(),
        printed: printed
            .iter()
            .map(|request| queue::id(request).to_owned())
            .collect(),
        proof: order::prove(office, leaders, working_days(PLACE.print_day, last_day)).await?,
        stock: queue::stocks(office).await?.1,
        before,
        print,
        submitted,
    };
    Ok(Told {
        figures: figures(&scarcity),
        beneath: beneath(office, &scarcity).await?,
    })
}

/// The ministry's rules for the distribution: first cards first, a second one is refused, a change of data waits until
/// blanks are left.
fn letter() -> crate::proto::PolicyDraft {
    let source = "mechanism of distribution, as the directorate-general directed in May 2017";
    let mut draft = rules::draft("", &PLACE.print_day.to_string(), source);
    for rule in rules::rules(&mut draft, &REFUSED) {
        rule.outcome = ClassOutcome::Refuse.into();
    }
    for rule in rules::rules(&mut draft, &[ApplicantClass::DataChange]) {
        rule.outcome = ClassOutcome::Hold.into();
        rule.release = Some(Release {
            above_demand: true,
            after_days: 0,
        });
    }
    draft
}

fn figures(scarcity: &Scarcity) -> Vec<Figure> {
    let mut sheet = Sheet::default();
    let submitted = &scarcity.submitted;
    let blanks = usize::try_from(BLANKS).expect("a small number");
    let share = |class: ApplicantClass| {
        SECOND_CARDS
            .iter()
            .find(|(other, _)| *other == class)
            .map_or(0, |(_, share)| *share)
    };
    let reprints: usize = REFUSED.into_iter().map(share).sum();
    sheet.rule("S4-1");
    sheet.number(
        "blanks received from the ministry",
        blanks,
        count(scarcity.stock.received),
    );
    sheet.rule("S4-3");
    sheet.number(
        "never had a card: taken into the queue",
        PRINT_READY,
        submitted.queued.len(),
    );
    sheet.rule("S4-4");
    sheet.number(
        "second cards for lost and damaged ones, refused",
        reprints,
        submitted.refused_for(ErrorReason::AlreadyPrinted),
    );
    sheet.number(
        "changes of data, held with their date",
        share(ApplicantClass::DataChange),
        submitted.held_for(HoldReason::ClassHeld),
    );
    sheet.rule("S4-5");
    sheet.happened(
        "one person puts the rules in force",
        false,
        scarcity.rules_by_one,
    );
    sheet.rule("S4-6");
    printing(scarcity, &mut sheet);
    sheet.rule("S4-7");
    sheet.happened(
        "everybody refused is offered an interim certificate",
        true,
        submitted.offered,
    );
    sheet.number(
        "interim certificates issued to them",
        reprints,
        scarcity.certificates,
    );
    sheet.rule("S4-8");
    let reasons: BTreeMap<_, _> = submitted.refused.iter().collect();
    sheet.number("reasons of refusal that were counted", 1, reasons.len());
    sheet.rule("S4-9");
    sheet.happened(
        "the reason is said in words for the public",
        true,
        submitted.words.is_some(),
    );
    order::figures(
        &scarcity.proof,
        scarcity.print.printed + scarcity.print.spoiled,
        &mut sheet,
    );
    sheet.figures()
}

fn printing(scarcity: &Scarcity, sheet: &mut Sheet) {
    let (printed, spoiled) = (scarcity.printed.len(), count(scarcity.stock.spoiled));
    let blanks = usize::try_from(BLANKS).expect("a small number");
    sheet.number("cards printed + blanks spoiled", blanks, printed + spoiled);
    sheet.number(
        "blanks spoiled, as the printers reported",
        scarcity.print.spoiled,
        spoiled,
    );
    sheet.number(
        "still in the queue",
        PRINT_READY - printed,
        scarcity.after.len(),
    );
    sheet.number("still held", scarcity.submitted.held.len(), scarcity.held);
    sheet.number(
        "served or waiting in their order",
        PRINT_READY,
        queue::in_order(
            &scarcity.before,
            |id| scarcity.printed.contains(id),
            &scarcity.after,
        ),
    );
    sheet.number(
        "blanks that the district's account misses",
        0,
        imbalance(&scarcity.stock),
    );
}

async fn beneath(office: &Office, scarcity: &Scarcity) -> Result<Vec<String>, Failure> {
    let mut lines = vec![table::stock_proof(
        "the store of Bengkalis",
        &scarcity.stock,
    )];
    if let Some(words) = &scarcity.submitted.words {
        lines.push(format!(
            "who is refused is told: {} ({})",
            words.indonesian, words.english
        ));
    }
    if let Some(last) = scarcity.after.last() {
        lines.push(queue::why(office, queue::id(last)).await?);
    }
    Ok(lines)
}
