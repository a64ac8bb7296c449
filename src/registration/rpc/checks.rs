//! LeaseChecks: hands the matching engine as much as it asked for, as it becomes available.
//!
//! The engine's credit is the only state. When it is used up nothing is looked for; while there is some, an empty look is
//! repeated, because enrolments are sent by every office through every server. A server that goes away says so; what is
//! still owed is owed by nobody, and the engine asks the next server.

use std::time::Duration;

use futures::{StreamExt, stream, stream::BoxStream};
use tokio::time::sleep;
use tonic::{Status, Streaming};

use crate::{
    access::Standing,
    edge::unread,
    error::{Error, Result},
    proto::{LeaseChecksRequest, LeaseChecksResponse},
    registration::{steps, wire},
    work::{Call, Desk},
};

/// Tasks in one commit.
const TASKS_MAX: u32 = 100;
/// When nothing waits, look again after this: a search takes longer, and a look costs one index probe.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The tasks for an engine, for as long as it listens.
pub(super) fn stream(
    desk: Desk,
    call: Call,
    wishes: Streaming<LeaseChecksRequest>,
) -> BoxStream<'static, Result<LeaseChecksResponse, Status>> {
    let engine = Engine {
        standing: desk.access().standing(&call.caller),
        desk,
        call,
        wishes,
        silent: false,
        owed: 0,
    };
    stream::try_unfold(engine, |mut engine| async move {
        let tasks = engine.next().await?;
        Ok(tasks.map(|tasks| (tasks, engine)))
    })
    .boxed()
}

/// An engine's stream.
struct Engine {
    desk: Desk,
    call: Call,
    wishes: Streaming<LeaseChecksRequest>,
    standing: Standing,
    /// The engine has said all it will; it still gets what it is owed.
    silent: bool,
    owed: u32,
}

impl Engine {
    /// The next tasks, or the end when nothing is owed any more.
    async fn next(&mut self) -> Result<Option<LeaseChecksResponse>, Status> {
        let draining = self.desk.draining().clone();
        loop {
            if draining.is_cancelled() {
                return Err(Error::draining().into());
            }
            self.standing.check()?;
            if self.owed == 0 {
                if self.silent {
                    return Ok(None);
                }
                tokio::select! {
                    wish = self.wishes.message() => self.hear(wish.map_err(unread)?)?,
                    why = self.standing.lost() => return Err(why.into()),
                    () = draining.cancelled() => {}
                }
                continue;
            }
            let limit = self.owed.min(TASKS_MAX);
            let tasks = self
                .desk
                .act_for_stream(&self.call, move |work| {
                    Box::pin(steps::lease_checks(work, limit.into()))
                })
                .await?;
            if !tasks.is_empty() {
                let leased = u32::try_from(tasks.len()).expect("a lease has at most a hundred");
                self.owed = self.owed.saturating_sub(leased);
                return Ok(Some(wire::lease_checks_response(tasks)));
            }
            tokio::select! {
                wish = self.wishes.message(), if !self.silent => self.hear(wish.map_err(unread)?)?,
                () = sleep(LOOK_AGAIN) => {}
                () = draining.cancelled() => {}
            }
        }
    }

    fn hear(&mut self, wish: Option<LeaseChecksRequest>) -> Result<()> {
        match wish {
            Some(wish) => self.owed = wire::lease_checks(&wish, self.owed)?,
            None => self.silent = true,
        }
        Ok(())
    }
}
