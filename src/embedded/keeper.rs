//! The thread to which the server is tied.
//!
//! The kernel's parent-death signal follows the *thread* that started the child, not the process: started from a
//! thread of a pool, the server would be stopped as soon as the pool lets that thread go. So one thread starts it and
//! then does nothing but look whether it still runs, and wait for the end.

use std::{
    process::Child,
    sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{EmbeddedError, Settings, place::Place, server};

/// How often the thread looks whether the server still runs: soon enough for whoever stands on it, and no load.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Dropping it without [`Keeper::stop`] stops the server too, but nobody waits for it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Takes how long the stop may last. Dropped, it stops the server as well.
    alive: SyncSender<Duration>,
    thread: JoinHandle<Result<(), EmbeddedError>>,
    died: CancellationToken,
}

impl Keeper {
    /// Returns when the server accepts connections.
    pub(super) fn start(place: &Place, settings: &Settings) -> Result<Self, EmbeddedError> {
        let (alive, ended) = mpsc::sync_channel::<Duration>(1);
        let (tell, told) = mpsc::sync_channel(1);
        let (place, settings) = (place.clone(), settings.clone());
        let folder = place.folder.clone();
        let died = CancellationToken::new();
        let dying = died.clone();
        let thread = thread::Builder::new()
            .name("embedded-postgres".to_owned())
            .spawn(move || {
                let (child, answer) = match server::launch(&place, &settings) {
                    Ok(child) => (Some(child), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                // A caller that has gone has dropped its end of both channels, and the next line returns at once.
                drop(tell.send(answer));
                child.map_or(Ok(()), |child| keep(child, &ended, &dying))
            })
            .map_err(EmbeddedError::io(
                "start the thread that keeps the server of",
                &folder,
            ))?;
        told.recv()
            .expect("the thread tells before it ends, and launch does not panic")?;
        Ok(Self {
            alive,
            thread,
            died,
        })
    }

    /// Cancelled when the server has ended by itself.
    pub(super) fn died(&self) -> &CancellationToken {
        &self.died
    }

    /// Stops the server and waits for it; a fast stop that takes longer becomes an immediate one.
    pub(super) fn stop(self, patience: Duration) -> Result<(), EmbeddedError> {
        // A thread that has found the server dead takes no message, and has nothing to stop.
        self.alive.send(patience).ok();
        drop(self.alive);
        self.thread.join().expect("stopping does not panic")
    }
}

/// Looks after the server until it shall stop or has died.
fn keep(
    mut child: Child,
    ended: &Receiver<Duration>,
    died: &CancellationToken,
) -> Result<(), EmbeddedError> {
    loop {
        match ended.recv_timeout(LOOK_EVERY) {
            Ok(patience) => return server::end(child, patience),
            Err(RecvTimeoutError::Disconnected) => return server::end(child, server::STOP_MAX),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Ok(Some(_)) = child.try_wait() {
            died.cancel();
            return Ok(());
        }
    }
}
