//! `ektp demo`: a day at Kota Pasuruan's office in April 2017, replayed on the real server through the generated clients
//! over mutual TLS. The people, their names and their numbers are invented.
//!
//! What is easily got wrong: the demo is an outside user. It starts the product in its own process for convenience, and
//! then knows it by its contract alone.

mod centre;
mod enrol;
mod figures;
pub(super) mod folder;
mod guard;
mod handover;
mod names;
mod office;
pub mod people;
mod print;
pub(super) mod progress;
mod queue;
mod staff;
pub(super) mod table;
mod watch;

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use self::{
    folder::Folder,
    guard::Guarded,
    handover::Collected,
    office::{BLANKS_DAY, Citizen, FIRST_DAY, Office, PRINT_DAY, Part},
    print::{PrintRoom, Printed},
    progress::Phase,
    queue::Submitted,
    staff::Leaders,
    table::Figure,
    watch::{Seen, Windows},
};
use super::{Failure, host::Host};
use crate::{
    clock::{Clock, SimulatedClock},
    config::{Guarding, Listening, Storage},
    proto::{
        Enrolment, EnrolmentReason, EnrolmentState, PrintRequest, PrintRequestState, ShortSide,
        Stock,
    },
};

/// The seed of the story that the documentation shows: the city's code and the year.
pub const SEED_DEFAULT: u64 = 35_752_017;
/// More spoilage than this no office has seen, and the last blanks would not suffice to keep the order (`print.rs`).
const SPOILAGE_MAX: f64 = 20.0;

/// Everybody in the story of a seed, for those who look whether one of them is named where nobody may be.
pub fn everybody(seed: u64) -> impl Iterator<Item = people::Person> {
    office::citizens(seed)
        .into_iter()
        .map(|citizen| citizen.person)
}

/// The PINs of that story's officers, for the same reason.
pub fn pins(seed: u64) -> impl Iterator<Item = String> {
    staff::pins(seed)
}

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Another seed makes another town, and the same figures
    #[arg(long, default_value_t = SEED_DEFAULT)]
    seed: u64,
    /// So many in a hundred blanks are spoiled by the printers, 0 to 20
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = spoilage)]
    spoilage: f64,
    /// Fail when a figure differs
    #[arg(long)]
    check: bool,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Keep the data in this folder, which must be new or empty; without it a temporary folder is removed at the end
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The address to listen on; by default a free port of loopback
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))]
    listen: SocketAddr,
    /// Keep serving after the end, until Ctrl-C
    #[arg(long)]
    linger: bool,
}

fn spoilage(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=SPOILAGE_MAX).contains(&percent) {
        Ok(percent)
    } else {
        Err(format!("must be from 0 to {SPOILAGE_MAX}"))
    }
}

/// What happened, by the system's answers.
pub struct DayAtTheOffice {
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

/// Runs the demo in a folder of its own.
pub async fn run(command: Demo) -> Result<(), Failure> {
    let folder = Folder::open(command.data.clone())?;
    let storage = Storage::embedded_in(folder.path.clone());
    let listening = Listening {
        listen: command.listen,
        names: Vec::new(),
        certificate: None,
        key: None,
        ca: None,
    };
    let clock = SimulatedClock::new(office::at(FIRST_DAY, 8, 0));
    let phase = Phase::begin("private Postgres, server", 1);
    let host = Host::start(
        &storage,
        &listening,
        &Guarding::default(),
        Clock::Simulated(clock.clone()),
    )
    .await?;
    let server = format!("https://{}", reachable(host.server().address()));
    phase.end(&server);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signal)?;
    let ended = tokio::select! {
        figures = tell(&command, &host, &server, &folder.path, clock) => figures,
        _ = terminate.recv() => Err(Failure::Call("the demo was interrupted".to_owned())),
        _ = interrupt.recv() => Err(Failure::Call("the demo was interrupted".to_owned())),
    };
    if command.linger && ended.is_ok() {
        eprintln!("{server} goes on serving until Ctrl-C");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    let stopped = host.stop().await;
    let figures = ended?;
    stopped?;
    if command.check {
        check(&figures)
    } else {
        Ok(())
    }
}

/// Where the demo's own callers find a server that listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}

/// The story and its table.
async fn tell(
    command: &Demo,
    host: &Host,
    server: &str,
    data: &Path,
    clock: SimulatedClock,
) -> Result<Vec<Figure>, Failure> {
    let started = Instant::now();
    let authority = host
        .authority()
        .ok_or_else(|| Failure::Call("the demo makes its own certificates".to_owned()))?;
    let watcher = folder::write_watcher(authority, data)?;
    eprintln!(
        "watch it from a second window: ektp terminal --server {server} --certificate {}",
        watcher.display()
    );
    let mut office = Office::open(server, authority, clock, command.seed)?;
    let leaders = staff::hire(host, &mut office).await?;
    let day = story(&office, leaders, command.spoilage).await?;
    let figures = figures::figures(&day);
    let seconds = started.elapsed().as_secs_f64();
    if command.json {
        let text = serde_json::to_string_pretty(&figures)
            .map_err(|error| Failure::Call(error.to_string()))?;
        println!("{text}");
    } else {
        println!("{}", table::table(&figures));
        println!("{}", table::stock_proof("the centre's store", &day.centre));
        println!(
            "{}",
            table::stock_proof("the store of Kota Pasuruan", &day.city)
        );
        println!("{}", where_one_waits(&office, &day).await?);
        println!(
            "{} residents, {seconds:.1} seconds, seed {}",
            day.citizens.len(),
            command.seed
        );
    }
    Ok(figures)
}

fn check(figures: &[Figure]) -> Result<(), Failure> {
    let differing: Vec<String> = figures
        .iter()
        .filter(|figure| !figure.equal)
        .map(Figure::name)
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(Failure::Differs(format!(
        "{} of {} figures differ: {}",
        differing.len(),
        figures.len(),
        differing.join("; ")
    )))
}

async fn story(
    office: &Office,
    leaders: Leaders,
    spoilage: f64,
) -> Result<DayAtTheOffice, Failure> {
    let guarded = guard::run(office, &leaders).await?;
    let mut citizens = office::citizens(office.seed);
    let mut matcher = centre::Matcher::new(office);
    enrol::run(office, &mut citizens, &mut matcher).await?;
    drop(matcher);

    office.clock.set(office::at(BLANKS_DAY, 13, 0));
    let shipment = centre::send_blanks(office).await?;
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

    office.clock.set(office::at(PRINT_DAY, 8, 0));
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
    office::local_day(instant)
        .map(|day| day.to_string())
        .unwrap_or_default()
}
