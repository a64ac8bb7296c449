//! The thread to which the server is tied.
//!
//! The kernel's parent-death signal follows the *thread* that started the child, not the process: started from a
//! thread of a pool, the server would be stopped as soon as the pool lets that thread go. So one thread starts it and
//! then does nothing but wait for the end.

use std::{
    sync::mpsc::{self, SyncSender},
    thread::{self, JoinHandle},
};

use super::{EmbeddedError, Settings, place::Place, server};

/// Dropping it without [`Keeper::stop`] stops the server too, but nobody waits for it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Held, never sent on: the thread waits for it to be dropped.
    alive: SyncSender<()>,
    thread: JoinHandle<Result<(), EmbeddedError>>,
}

impl Keeper {
    /// Returns when the server accepts connections.
    pub(super) fn start(place: &Place, settings: &Settings) -> Result<Self, EmbeddedError> {
        let (alive, ended) = mpsc::sync_channel::<()>(1);
        let (tell, told) = mpsc::sync_channel(1);
        let (place, settings) = (place.clone(), settings.clone());
        let folder = place.folder.clone();
        let thread = thread::Builder::new()
            .name("embedded-postgres".to_owned())
            .spawn(move || {
                let (child, answer) = match server::launch(&place, &settings) {
                    Ok(child) => (Some(child), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                // A caller that has gone has dropped its end of both channels, and the next line returns at once.
                drop(tell.send(answer));
                let _ = ended.recv();
                child.map_or(Ok(()), server::end)
            })
            .map_err(EmbeddedError::io(
                "start the thread that keeps the server of",
                &folder,
            ))?;
        told.recv()
            .expect("the thread tells before it ends, and launch does not panic")?;
        Ok(Self { alive, thread })
    }

    /// Stops the server and waits for it.
    pub(super) fn stop(self) -> Result<(), EmbeddedError> {
        drop(self.alive);
        self.thread.join().expect("stopping does not panic")
    }
}
