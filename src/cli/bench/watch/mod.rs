//! `ektp bench watch`: terminals at their streams, changes by a timetable, and how fresh, how heavy and how well it is.
//!
//! The server is a process of its own; here are its terminals, its printers, and the database's owner. A figure counts
//! only where the asked rate was kept and every change came to every terminal of its office exactly once; else the run
//! ends with an error and shows nothing.

mod changes;
mod files;
mod report;
mod stalled;
mod storm;
mod streams;
mod tally;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    changes::{Done, Printer, Printers},
    report::{Connected, Figures, Freshness, Idle},
    stalled::Stalled,
    storm::Storm,
    streams::{Part, Shared, Watcher},
};
use super::{
    ground::{self, Ground},
    process::Process,
    unless_interrupted,
};
use crate::{
    cli::{Failure, client::Terminal, demo::progress::Phase},
    ids::District,
};

/// Handshakes under way at a time while the terminals come for the first time; the storm has no such bound.
const ARRIVALS_AT_A_TIME: usize = 64;
/// Terminals that are not all there by then will not be.
const ARRIVE_TIMEOUT: Duration = Duration::from_secs(300);
/// The last change is with everybody by then, or it is lost.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks at the counts.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Printers of the crowded office: no terminal may write more often than its quota, 200 times a second.
const CROWDED_PRINTERS: u16 = 8;
/// Terminals of printers are numbered from here, above those that watch.
const FIRST_PRINTER: u16 = 60_001;
/// Below this part of the asked rate the figures are not those of the rate.
const RATE_KEPT: f64 = 0.95;
/// After the terminals have come, before the server is called idle.
const QUIET: Duration = Duration::from_secs(5);
/// Acts a second while every printer takes one request and gives it back before anything is measured: no handshake is part
/// of a measured act.
const WARM_UP_PER_SECOND: u32 = 100;

/// `ektp bench watch`.
#[derive(Debug, Clone, clap::Args)]
pub struct Watch {
    /// Terminals, each with its own certificate, connection and stream
    #[arg(long, default_value_t = 8_000, value_parser = clap::value_parser!(u32).range(1..=9_500))]
    streams: u32,
    /// How many of them watch one crowded office, which has every tenth change; 0 spreads all evenly
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=900))]
    crowd: u32,
    /// Offices over which the others are spread, the crowded one among them
    #[arg(long, default_value_t = 514, value_parser = clap::value_parser!(u32).range(1..=514))]
    districts: u32,
    /// Changes a second: each is an act of a printer and a commit of its own
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    changes: u32,
    /// How long the changes come
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// How long the server is watched while nothing happens; 0 leaves it out
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=600))]
    idle: u32,
    /// People in each office's queue: what a snapshot holds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(8..=10_000))]
    queue: u32,
    /// Terminals that never read, beside the others for half of the time; 0 leaves them out
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    stalled: u32,
    /// Kill the server at the end and see all terminals come back to a new one
    #[arg(long)]
    storm: bool,
    /// A Postgres server on which to make a database for this run, as a user who may make databases and roles; both are
    /// dropped at the end [default: a private Postgres with full durability]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Everything that is measured.
struct Bench<'a> {
    ground: &'a Ground,
    districts: Vec<District>,
    server: Process,
    shared: Arc<Shared>,
    printers: Printers,
    /// The terminals at their streams; they end with the run.
    watchers: JoinSet<()>,
}

/// Runs it.
pub async fn run(watch: Watch) -> Result<(), Failure> {
    files::make_room(u64::from(watch.streams + watch.districts + watch.stalled))?;
    let ground = Ground::open(watch.database_url.as_deref()).await?;
    let figures = unless_interrupted(measure(&watch, &ground)).await;
    ground.close().await?;
    let figures = figures?;
    if watch.json {
        println!("{}", figures.json());
    } else {
        println!("{figures}");
    }
    Ok(())
}

async fn measure(watch: &Watch, ground: &Ground) -> Result<Figures, Failure> {
    let mut bench = Bench::open(watch, ground).await?;
    let figures = bench.measure(watch).await;
    // Before the database goes: nobody shall come back to it.
    bench.watchers.shutdown().await;
    bench.server.kill().await?;
    figures
}

/// How many terminals each office has, the crowded one first.
fn spread(watch: &Watch) -> Vec<usize> {
    let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let crowd = watch.crowd.min(watch.streams);
    let (streams, districts) = (size(watch.streams), size(watch.districts));
    if crowd == 0 || districts == 1 {
        return share(streams, districts);
    }
    let mut offices = vec![size(crowd)];
    offices.extend(share(streams - size(crowd), districts - 1));
    offices
}

fn share(streams: usize, offices: usize) -> Vec<usize> {
    (0..offices)
        .map(|office| streams / offices + usize::from(office < streams % offices))
        .collect()
}

impl<'a> Bench<'a> {
    async fn open(watch: &Watch, ground: &'a Ground) -> Result<Self, Failure> {
        let offices = spread(watch);
        let districts = ground::districts(offices.len());
        ground.fill(&districts, watch.queue).await?;
        let server = Process::start(&ground.start(), (Ipv4Addr::LOCALHOST, 0).into()).await?;
        let crowded = if watch.crowd > 0 && offices.len() > 1 {
            CROWDED_PRINTERS
        } else {
            0
        };
        let phase = Phase::begin("printers", districts.len());
        let mut all = Vec::new();
        for (office, district) in districts.iter().enumerate() {
            let count = if office == 0 { crowded.max(1) } else { 1 };
            for number in FIRST_PRINTER..FIRST_PRINTER + count {
                let papers = ground.on_shift(*district, number).await?;
                let address = address(server.address());
                let terminal =
                    Terminal::with_identity(&address, &papers.identity)?.on_shift(&papers.shift)?;
                all.push(Printer::new(terminal, office));
            }
            phase.advance(1);
        }
        phase.end(&format!("{} with an open shift each", all.len()));
        let ahead = ground.clock_ahead().await?;
        Ok(Self {
            shared: Arc::new(Shared::new(&offices, ahead)),
            ground,
            districts,
            server,
            printers: Printers {
                all,
                crowded: usize::from(crowded),
                queue: watch.queue,
            },
            watchers: JoinSet::new(),
        })
    }

    async fn measure(&mut self, watch: &Watch) -> Result<Figures, Failure> {
        let connected = self.arrive().await?;
        let idle = self.idle(watch.idle).await?;
        let freshness = self.changes(watch).await?;
        let stalled = match watch.stalled {
            0 => None,
            _ => Some(Stalled::measure(self, watch).await?),
        };
        let (_, memory_most_kib) = self.server.memory()?;
        let storm = if watch.storm {
            Some(Storm::measure(self).await?)
        } else {
            None
        };
        Ok(Figures {
            database: self.ground.settings.clone(),
            streams: watch.streams,
            crowd: watch.crowd,
            districts: watch.districts,
            people_per_queue: watch.queue,
            connected,
            idle,
            freshness,
            stalled,
            memory_most_kib,
            storm,
        })
    }

    /// All terminals come, a few handshakes at a time.
    async fn arrive(&mut self) -> Result<Connected, Failure> {
        let (before, _) = self.server.memory()?;
        let (processor, started) = (self.server.processor_seconds()?, Instant::now());
        let count = self.shared.places().count();
        let phase = Phase::begin("terminals", count);
        let room = Arc::new(Semaphore::new(ARRIVALS_AT_A_TIME));
        let mut numbers = vec![0_u16; self.districts.len()];
        let address = address(self.server.address());
        let mut shown = 0;
        let mut show = |shared: &Shared| {
            let live = shared.live();
            phase.advance(live.saturating_sub(shown));
            shown = live.max(shown);
        };
        let places: Vec<usize> = self.shared.places().collect();
        for (number, office) in places.into_iter().enumerate() {
            let permit = Arc::clone(&room).acquire_owned().await;
            let permit = permit.map_err(|error| Failure::Call(error.to_string()))?;
            numbers[office] += 1;
            let identity = self
                .ground
                .terminal(self.districts[office], numbers[office])?;
            let watcher = Watcher {
                number,
                terminal: Terminal::with_identity(&address, &identity)?,
                shared: Arc::clone(&self.shared),
            };
            self.watchers.spawn(watcher.follow(permit));
            show(&self.shared);
            self.shared.check()?;
        }
        let deadline = started + ARRIVE_TIMEOUT;
        while self.shared.live() < count {
            self.shared.check()?;
            if Instant::now() > deadline {
                let words = format!("{} of {count} terminals came", self.shared.live());
                return Err(Failure::Call(words));
            }
            show(&self.shared);
            sleep(LOOK_EVERY).await;
        }
        let seconds = started.elapsed().as_secs_f64();
        sleep(QUIET).await;
        let (memory_kib, _) = self.server.memory()?;
        phase.end(&format!("{count} streams"));
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let grown = memory_kib.saturating_sub(before);
        Ok(Connected {
            seconds,
            handshakes_per_second: count / seconds,
            memory_before_kib: before,
            memory_kib,
            kib_per_stream: f64::from(u32::try_from(grown).unwrap_or(u32::MAX)) / count,
            server_processor_seconds: self.server.processor_seconds()? - processor,
        })
    }

    async fn idle(&self, seconds: u32) -> Result<Option<Idle>, Failure> {
        if seconds == 0 {
            return Ok(None);
        }
        let phase = Phase::begin("idle", usize::try_from(seconds).unwrap_or(usize::MAX));
        let (before, started) = (self.server.processor_seconds()?, Instant::now());
        for _ in 0..seconds {
            sleep(Duration::from_secs(1)).await;
            phase.advance(1);
        }
        self.shared.check()?;
        let spent = self.server.processor_seconds()? - before;
        let share_of_core = spent / started.elapsed().as_secs_f64();
        phase.end(&format!("{:.1} % of a core", share_of_core * 100.0));
        Ok(Some(Idle {
            seconds,
            share_of_core,
        }))
    }

    /// The changes alone.
    async fn changes(&mut self, watch: &Watch) -> Result<Freshness, Failure> {
        let words = format!("{} changes a second for {} s", watch.changes, watch.seconds);
        let phase = Phase::begin("changes", 2);
        phase.say(words);
        for _ in ["take", "give back"] {
            let printers = &mut self.printers;
            printers.each_once(&self.shared, WARM_UP_PER_SECOND).await?;
        }
        self.settle().await?;
        phase.advance(1);
        let (processor, started) = (self.server.processor_seconds()?, Instant::now());
        let before = self.shared.deliveries();
        let done = self
            .timetable(Part::Changes, watch.changes, watch.seconds)
            .await?;
        let cores =
            (self.server.processor_seconds()? - processor) / started.elapsed().as_secs_f64();
        let (delivered, _) = self.shared.deliveries();
        phase.end(&format!("{} changes", done.done));
        let (memory_kib, _) = self.server.memory()?;
        Ok(Freshness {
            asked_per_second: done.asked_per_second,
            done_per_second: done.per_second(),
            deliveries: delivered - before.0,
            from_commit: self.shared.times(Part::Changes)?,
            acts: done.times.times(),
            cores,
            memory_kib,
        })
    }

    /// Works off a timetable, then waits until every change is with every terminal; an error where one is missing or
    /// one too many, or where the rate was not kept.
    async fn timetable(
        &mut self,
        part: Part,
        per_second: u32,
        seconds: u32,
    ) -> Result<Done, Failure> {
        self.shared.set_part(part);
        let done = self
            .printers
            .work(&self.shared, per_second, seconds)
            .await?;
        self.settle().await?;
        self.shared.set_part(Part::Nothing);
        if done.per_second() < RATE_KEPT * done.asked_per_second {
            return Err(Failure::Call(format!(
                "the figures are void: {:.1} changes a second were asked for and {:.1} done{}",
                done.asked_per_second,
                done.per_second(),
                done.first_failure
                    .map(|words| format!(" (first failure: {words})"))
                    .unwrap_or_default(),
            )));
        }
        Ok(done)
    }

    /// Until every terminal holds what its office has committed.
    async fn settle(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + SETTLE_TIMEOUT;
        let count = self.shared.places().count();
        loop {
            self.shared.check()?;
            let (delivered, expected) = self.shared.deliveries();
            if self.shared.caught_up() == count && delivered == expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Failure::Call(format!(
                    "the figures are void: {} of {count} terminals hold what was committed, and of {expected} \
                     deliveries {delivered} came; {} pictures were sent anew",
                    self.shared.caught_up(),
                    self.shared.anew()
                )));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn address(at: SocketAddr) -> String {
    format!("https://{at}")
}
