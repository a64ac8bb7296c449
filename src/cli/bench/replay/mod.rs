//! What the server was seen sending for a client's work, sent again by pgbench without it: a tap in the line to the database,
//! the acts found in what it noted, a script of the same statements, and the program that runs it.
//!
//! What is easily got wrong: the replay writes rows of its own, so clients and their replays draw from one number (the next
//! blank, the next shipment), and whoever runs a replay asks the database afterwards whether its work is there.

mod messages;
pub mod pgbench;
mod record;
mod script;
mod tap;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use self::pgbench::{Done, Replay};
pub use self::{
    pgbench::Pgbench,
    record::{Act, Acted, Chosen, RECORDED, Recording, WARM_UP, fewest_waits, recordings},
    tap::Tap,
};
use crate::cli::Failure;

/// A client that is replayed.
pub struct Client<'c> {
    pub recording: &'c Recording,
    /// What its script computes from `:serial` before its first statement.
    pub prelude: &'c [String],
    /// The number of what it does next.
    pub next: Arc<AtomicI64>,
}

/// All clients' scripts.
pub struct Replays {
    all: Vec<One>,
    /// The types of the parameters that go in as recorded.
    pub as_recorded: Vec<String>,
}

struct One {
    file: PathBuf,
    options: String,
    next: Arc<AtomicI64>,
}

impl Replays {
    /// Writes the scripts into a folder.
    pub fn write(folder: &Path, clients: &[Client<'_>]) -> Result<Self, Failure> {
        let mut replays = Self {
            all: Vec::new(),
            as_recorded: Vec::new(),
        };
        for (number, client) in clients.iter().enumerate() {
            let script = script::script(client.recording, client.prelude)?;
            let file = folder.join(format!("client-{number}.sql"));
            fs::write(&file, &script.text).map_err(|error| Failure::Folder(file.clone(), error))?;
            replays.as_recorded = script.as_recorded;
            replays.all.push(One {
                file,
                options: client.recording.options.clone(),
                next: Arc::clone(&client.next),
            });
        }
        Ok(replays)
    }

    /// All clients at the same time.
    pub async fn run(&self, pgbench: &Pgbench, seconds: u64) -> Result<Done, Failure> {
        let begun: Vec<Replay> = self
            .all
            .iter()
            .map(|one| Replay {
                file: one.file.clone(),
                options: one.options.clone(),
                serial: one.next.load(Ordering::Relaxed),
            })
            .collect();
        let done = pgbench.replay(&begun, seconds).await?;
        let mut sum = Done::default();
        for (one, done) in self.all.iter().zip(&done) {
            let count = i64::try_from(done.transactions).expect("a round is short");
            one.next.fetch_add(count, Ordering::Relaxed);
            sum.transactions += done.transactions;
            sum.per_second += done.per_second;
        }
        Ok(sum)
    }
}
