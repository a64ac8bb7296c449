//! The four printers' windows: each follows the queue by its own stream, and checks that nothing is missed.
//!
//! What is easily got wrong: the picture is compared with the queue only when the stream has had time to tell the last
//! change; the wait is for the pictures and has an end.

use std::time::Duration;

use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::{
    cli::{
        Failure,
        client::{self, Terminal},
        demo::office::Office,
        follow::{Gap, Picture, Told, Watched as _},
        terminal::Queue,
    },
    proto::QueueEntry,
};

/// A change is on its way within a second; this bounds a wait for all of them on a busy machine.
const SETTLE_MAX: Duration = Duration::from_secs(10);
/// A stream that breaks is opened again after up to this.
const REOPEN_DELAY: Duration = Duration::from_millis(500);

/// What one window has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The stream has told its first picture.
    pub live: bool,
    pub changes: usize,
    pub open: usize,
    pub revision: u64,
    pub gap: Option<Gap>,
    pub refused: Option<String>,
}

/// The windows; dropped, they close.
pub struct Windows {
    seen: Vec<watch::Receiver<Seen>>,
    _tasks: JoinSet<()>,
}

impl Windows {
    /// Opens a window at each counter, and waits for the first pictures.
    pub async fn open(office: &Office) -> Result<Self, Failure> {
        let mut tasks = JoinSet::new();
        let mut seen = Vec::new();
        for terminal in &office.counters {
            let (tell, told) = watch::channel(Seen::default());
            tasks.spawn(follow(terminal.clone(), tell));
            seen.push(told);
        }
        let mut windows = Self {
            seen,
            _tasks: tasks,
        };
        windows.wait(|seen| seen.live).await?;
        Ok(windows)
    }

    /// Waits until every window shows so many open requests; answers what each has seen then.
    pub async fn settle(&mut self, open: usize) -> Result<Vec<Seen>, Failure> {
        self.wait(|seen| seen.open == open).await?;
        Ok(self.seen.iter().map(|seen| seen.borrow().clone()).collect())
    }

    async fn wait(&mut self, is_there: impl Fn(&Seen) -> bool) -> Result<(), Failure> {
        for seen in &mut self.seen {
            let there = seen
                .wait_for(|seen| is_there(seen) || seen.gap.is_some() || seen.refused.is_some());
            let Ok(Ok(there)) = timeout(SETTLE_MAX, there).await else {
                let seen = seen.borrow();
                return Err(Failure::Call(format!(
                    "a window stands at {} open requests, revision {}, and hears nothing",
                    seen.open, seen.revision
                )));
            };
            if let Some(refused) = &there.refused {
                return Err(Failure::Call(refused.clone()));
            }
        }
        Ok(())
    }
}

async fn follow(terminal: Terminal, tell: watch::Sender<Seen>) {
    let mut picture = Picture::new(Queue::default());
    loop {
        let token = picture.token();
        picture.reconnected();
        match Queue::watch(&terminal, String::new(), token).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                while let Ok(Some(message)) = stream.message().await {
                    let told = picture.take(message);
                    tell.send_modify(|seen| note(seen, &picture, &told));
                    if told.is_err() {
                        return;
                    }
                }
            }
            Err(status) if status.code() == tonic::Code::Unavailable => {}
            Err(status) => {
                tell.send_modify(|seen| seen.refused = Some(client::in_words(&status)));
                return;
            }
        }
        tokio::time::sleep(client::backoff(REOPEN_DELAY, REOPEN_DELAY, 1)).await;
    }
}

fn note(seen: &mut Seen, picture: &Picture<Queue>, told: &Result<Told<QueueEntry>, Gap>) {
    match told {
        Ok(Told::Change(_)) => seen.changes += 1,
        Ok(Told::Snapshot { .. }) => seen.live = true,
        Ok(
            Told::Building
            | Told::Bookmark { .. }
            | Told::Stale
            | Told::Resync(_)
            | Told::Drain(..)
            | Told::Unknown,
        ) => {}
        Err(gap) => seen.gap = Some(*gap),
    }
    seen.open = picture.shown().len();
    seen.revision = picture.revision();
}
