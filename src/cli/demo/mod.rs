//! `ektp demo`: what a newspaper told of an office, replayed on the real server through the generated clients over mutual
//! TLS. The people, their names and their numbers are invented.
//!
//! What is easily got wrong: the demo is an outside user. It starts the product in its own process for convenience, and
//! then knows it by its contract alone, but for what an operator does at the machine (`cli/host.rs`).

mod bengkalis;
mod bogor;
mod centre;
mod citizen;
mod enrol;
pub(super) mod folder;
mod hopper;
mod names;
mod office;
mod order;
mod palembang;
mod pasuruan;
pub mod people;
mod place;
mod print;
pub(super) mod progress;
mod queue;
mod rules;
mod staff;
pub(super) mod table;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    time::Instant,
};

use self::{
    folder::Folder, office::Office, place::Place, progress::Phase, staff::Leaders, table::Figure,
};
use super::{Failure, host::Host};
use crate::{
    clock::{Clock, SimulatedClock},
    config::{Guarding, Listening, Storage},
};

/// The seed of the story that the documentation shows: the city's code and the year.
pub const SEED_DEFAULT: u64 = 35_752_017;
/// More spoilage than this no office has seen, and the last blanks would not suffice to keep the order (`print.rs`).
const SPOILAGE_MAX: f64 = 20.0;

/// Everybody in the stories of a seed, for those who look whether one of them is named where nobody may be.
pub fn everybody(seed: u64) -> impl Iterator<Item = people::Person> {
    let told = Article::ALL.into_iter();
    told.flat_map(move |article| article.citizens(seed))
        .map(|citizen| citizen.person)
}

/// The PINs of those stories' officers, for the same reason.
pub fn pins(seed: u64) -> impl Iterator<Item = String> {
    let places = Article::ALL.into_iter().map(Article::place);
    places.flat_map(move |place| staff::pins(seed, place))
}

/// Which article is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Article {
    /// Kota Pasuruan, April 2017: the first 8,000 blanks for 15,132 holders of interim certificates
    Pasuruan,
    /// Kabupaten Bengkalis, May 2017: 10,000 blanks for 20,000 print-ready people, no second cards
    Bengkalis,
    /// Kota Bogor, October 2017: a daily limit, and the day on which it is lifted
    Bogor,
    /// Kota Palembang, October 2017: 20,000 blanks straight from the centre, over 18 subdistricts
    Palembang,
}

impl Article {
    const ALL: [Self; 4] = [
        Self::Pasuruan,
        Self::Bengkalis,
        Self::Bogor,
        Self::Palembang,
    ];

    fn place(self) -> &'static Place {
        match self {
            Self::Pasuruan => &pasuruan::PLACE,
            Self::Bengkalis => &bengkalis::PLACE,
            Self::Bogor => &bogor::PLACE,
            Self::Palembang => &palembang::PLACE,
        }
    }

    fn citizens(self, seed: u64) -> Vec<citizen::Citizen> {
        match self {
            Self::Pasuruan => pasuruan::citizens(seed),
            Self::Bengkalis => bengkalis::citizens(seed),
            Self::Bogor => bogor::citizens(seed),
            Self::Palembang => palembang::citizens(seed),
        }
    }

    async fn tell(
        self,
        host: &Host,
        office: &Office,
        leaders: Leaders,
        command: &Demo,
    ) -> Result<Told, Failure> {
        match self {
            Self::Pasuruan => pasuruan::tell(office, leaders, command.spoilage).await,
            Self::Bengkalis => bengkalis::tell(office, &leaders, command.spoilage).await,
            Self::Bogor => bogor::tell(office, &leaders, command.spoilage).await,
            Self::Palembang => palembang::tell((host, office), &leaders, command.spoilage).await,
        }
    }
}

/// What a story came to.
struct Told {
    figures: Vec<Figure>,
    /// What is said beneath the table, line by line.
    beneath: Vec<String>,
}

/// The command's arguments.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// The article that is replayed
    #[arg(long, value_enum, default_value_t = Article::Pasuruan)]
    article: Article,
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
    let clock = SimulatedClock::new(place::at(command.article.place().first_day, 8, 0));
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
    let watcher = folder::write_watcher(authority, command.article.place(), data)?;
    eprintln!(
        "watch it from a second window: ektp terminal --server {server} --certificate {}",
        watcher.display()
    );
    let place = command.article.place();
    let mut office = Office::open(place, server, authority, (clock, command.seed))?;
    let leaders = staff::hire(host, &mut office).await?;
    let told = command
        .article
        .tell(host, &office, leaders, command)
        .await?;
    let seconds = started.elapsed().as_secs_f64();
    let figures = told.figures;
    if command.json {
        let text = serde_json::to_string_pretty(&figures)
            .map_err(|error| Failure::Call(error.to_string()))?;
        println!("{text}");
    } else {
        println!("{}", table::table(&figures));
        for line in &told.beneath {
            println!("{line}");
        }
        println!(
            "{}, {seconds:.1} seconds, seed {}",
            place.name, command.seed
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
