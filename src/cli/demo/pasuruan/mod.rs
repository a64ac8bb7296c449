//! A day at Kota Pasuruan's office in April 2017: the first blanks for half a year of interim certificates.

mod figures;
mod guard;
mod handover;
mod plan;
mod watch;

use std::collections::HashMap;

use self::{
    guard::Guarded,
    handover::Collected,
    plan::{BLANKS, BLANKS_DAY},
    watch::{Seen, Windows},
};
use super::{
    Told, centre,
    citizen::{Citizen, Part},
    enrol,
    office::Office,
    place,
    print::{PrintRoom, Printed},
    queue::{self, Submitted},
    staff::Leaders,
    table,
};
use crate::{
    cli::Failure,
    proto::{
        Enrolment, EnrolmentReason, EnrolmentState, PrintRequest, PrintRequestState, ShortSide,
        Stock,
    },
};

pub use plan::{PLACE, citizens};

/// What happened, by the system's answers.
struct DayAtTheOffice {
    leaders: Leaders,
    guarded: Guarded,
    citizens: Vec<Citizen>,
    spoilage: f64,
    /// Everybody's enrolment as it stands at the end.
    enrolments: Vec<Enrolment>,
    leased_before_receipt: (usize, ShortSide),
    stranger_received: bool,
    district_judged: bool,
    submitted: Submitted,
    /// The queue before the first print, and after the last.
    before: Vec<PrintRequest>,
    after: Vec<PrintRequest>,
    /// The printed requests, with the citizen's place.
    printed: HashMap<String, usize>,
    print: Printed,
    windows: Vec<Seen>,
    collected: Collected,
    centre: Stock,
    city: Stock,
}

impl DayAtTheOffice {
    /// How many of the citizens whose place fits stand in one of the states, by the list of enrolments.
    fn in_state(&self, states: &[EnrolmentState], fits: impl Fn(usize) -> bool) -> usize {
        let places: HashMap<&str, usize> = self
            .citizens
            .iter()
            .map(|citizen| citizen.enrolment_id.as_str())
            .zip(0..)
            .collect();
        let stands = |enrolment: &&Enrolment| states.contains(&enrolment.state());
        let place = |enrolment: &Enrolment| places.get(enrolment.enrolment_id.as_str()).copied();
        self.enrolments
            .iter()
            .filter(stands)
            .filter_map(place)
            .filter(|place| fits(*place))
            .count()
    }

    fn printed_citizens(&self) -> impl Iterator<Item = &Citizen> {
        self.printed.values().map(|place| &self.citizens[*place])
    }

    /// Whether the person's certificate had run out when the card was asked for.
    fn had_run_out(&self, citizen: &Citizen) -> bool {
        // Dates of the form YYYY-MM-DD order as text.
        citizen
            .certificate
            .as_ref()
            .is_some_and(|certificate| certificate.expire_date < BLANKS_DAY.to_string())
    }
}

/// Tells the story; answers its figures and what is said beneath their table.
pub async fn tell(office: &Office, leaders: Leaders, spoilage: f64) -> Result<Told, Failure> {
    let day = story(office, leaders, spoilage).await?;
    Ok(Told {
        figures: figures::figures(&day),
        beneath: vec![
            table::stock_proof("the centre's store", &day.centre),
            table::stock_proof("the store of Kota Pasuruan", &day.city),
            where_one_waits(office, &day).await?,
            format!("{} residents", day.citizens.len()),
        ],
    })
}

async fn story(
    office: &Office,
    leaders: Leaders,
    spoilage: f64,
) -> Result<DayAtTheOffice, Failure> {
    let guarded = guard::run(office, &leaders).await?;
    let mut citizens = plan::citizens(office.seed);
    let mut matcher = centre::Matcher::new(office);
    enrol::run(office, &mut citizens, &mut matcher).await?;
    drop(matcher);

    office.clock.set(place::at(BLANKS_DAY, 13, 0));
    let shipment = centre::send_blanks(office, BLANKS).await?;
    let submitted = queue::submit(office, &citizens).await?;
    let leased_before_receipt = queue::try_lease(office).await?;
    let stranger_received = centre::stranger_can_receive(office, &shipment).await?;
    let waits = citizens
        .iter()
        .find(|citizen| citizen.part == Part::Waiting);
    let district_judged = match waits {
        Some(citizen) => centre::district_can_judge(office, &citizen.enrolment_id).await?,
        None => false,
    };
    let shipment = centre::receive_blanks(office, &shipment).await?;

    office.clock.set(place::at(PLACE.print_day, 8, 0));
    let before = queue::list(office, PrintRequestState::Unspecified).await?;
    let mut windows = Windows::open(office).await?;
    let print = PrintRoom::open(office, &citizens, &submitted.queued, &shipment, spoilage)
        .run()
        .await?;
    let after = queue::list(office, PrintRequestState::Unspecified).await?;
    let windows = windows.settle(after.len()).await?;
    let printed = queue::list(office, PrintRequestState::Printed).await?;
    let printed = printed.into_iter().filter_map(|request| {
        let id = request.entry?.print_request_id;
        submitted.queued.get(&id).copied().map(|place| (id, place))
    });
    let printed: HashMap<String, usize> = printed.collect();

    let collected = handover::run(office, printed.len()).await?;
    let (centre, city) = queue::stocks(office).await?;
    let enrolments = queue::enrolments(office).await?;
    Ok(DayAtTheOffice {
        leaders,
        guarded,
        citizens,
        spoilage,
        enrolments,
        leased_before_receipt,
        stranger_received,
        district_judged,
        submitted,
        before,
        after,
        printed,
        print,
        windows,
        collected,
        centre,
        city,
    })
}

/// Where one waiting person stands, and why: somebody left in the queue, or else somebody whom the centre lets wait.
async fn where_one_waits(office: &Office, day: &DayAtTheOffice) -> Result<String, Failure> {
    if let Some(entry) = day.after.last().and_then(|request| request.entry.as_ref()) {
        let request = queue::find(office, &entry.print_request_id).await?;
        let enrolled = told_day(entry.seniority_time.as_ref());
        let ahead = request.ahead;
        return Ok(format!(
            "one who waits: print request {}, enrolled {enrolled}, stands in the queue behind {ahead} others, \
             because no blanks are left",
            entry.print_request_id
        ));
    }
    let waits = |citizen: &&Citizen| citizen.part == Part::Waiting;
    let Some(citizen) = day.citizens.iter().find(waits) else {
        return Ok("nobody waits".to_owned());
    };
    let enrolment = queue::enrolment_of(office, citizen).await?;
    let certificate = enrolment.interim_certificate.clone().unwrap_or_default();
    let state = enrolment
        .state()
        .as_str_name()
        .trim_start_matches("ENROLMENT_STATE_");
    let reason =
        |reason: EnrolmentReason| reason.as_str_name().trim_start_matches("ENROLMENT_REASON_");
    let reasons: Vec<&str> = enrolment.reasons().map(reason).collect();
    let why = if reasons.is_empty() {
        "the centre's engine has the record and has not answered".to_owned()
    } else {
        reasons.join(", ")
    };
    Ok(format!(
        "one who waits: {} ({}), enrolled {}, {state} since {} ({why}); interim certificate {}, good until {}",
        enrolment.initials,
        enrolment.masked_nik,
        told_day(enrolment.received_time.as_ref()),
        told_day(enrolment.state_time.as_ref()),
        certificate.number,
        certificate.expire_date
    ))
}

fn told_day(instant: Option<&prost_types::Timestamp>) -> String {
    place::local_day(instant)
        .map(|day| day.to_string())
        .unwrap_or_default()
}
