//! The program on its folder, the gate in every act's COMMIT, and the kill of one call.
//!
//! What is easily got wrong: a frozen server is killed as it is, but must be woken when only its Postgres dies.

use std::{
    fs,
    path::{Path, PathBuf},
    slice,
};

use ektp::embedded;
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{interval, timeout};

use super::super::{PATIENCE, RETRY_EVERY, Serving, serve};
use crate::support::{officers::Line, raw};

/// So many looks at the database (a fraction of a millisecond each) may lie between a call and a kill at any time: longer
/// than an act.
const LOOKS_MAX: u32 = 60;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The program; the kernel tells its Postgres to stop.
    Server,
    /// The private Postgres; the program ends with it, and says so.
    Postgres,
    /// The process of Postgres that serves the call: all of Postgres recovers by itself, and the program stays.
    Session,
}

pub const VICTIMS: [Victim; 3] = [Victim::Server, Victim::Postgres, Victim::Session];

/// When.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// Everything is written and nothing committed.
    AtCommit,
    /// It is committed, and the server cannot have said so.
    Unheard,
    /// The printer has its answer.
    Answered,
    /// Whenever it happens to be.
    Anywhen,
}

pub const MOMENTS: [Moment; 4] = [
    Moment::AtCommit,
    Moment::Unheard,
    Moment::Answered,
    Moment::Anywhen,
];

/// The test's own session in the private Postgres, and the gate in every act's COMMIT.
pub struct Gate(pub PgConnection);

impl Gate {
    /// Waits until Postgres lets us in: after a kill it recovers first.
    pub async fn reach(data: &Path) -> Self {
        let options = embedded::connect_options(&data.join("socket"), "ektp", embedded::OWNER);
        let mut ticks = interval(RETRY_EVERY);
        let reaching = async {
            loop {
                ticks.tick().await;
                if let Ok(session) = PgConnection::connect_with(&options).await {
                    return Self(session);
                }
            }
        };
        timeout(PATIENCE, reaching)
            .await
            .expect("Postgres lets us in")
    }

    /// Builds the gate: it stands in the way of whatever answers a request id, when that has written everything.
    ///
    /// A killed process leaves what it wrote with the kernel, so nothing need reach the disk here; recovery would take
    /// seconds to bring every file there.
    pub async fn build(&mut self) {
        for statement in [
            "create function gate() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock_shared(1); return null; end $$",
            "create constraint trigger gate after insert on request deferrable initially deferred
             for each row execute function gate()",
            "alter system set fsync = off",
            "select pg_reload_conf()",
        ] {
            sqlx::raw_sql(statement)
                .execute(&mut self.0)
                .await
                .expect("the database is this test's own");
        }
    }

    /// Nobody commits until it is opened, or until this session dies with its Postgres.
    async fn close(&mut self) {
        sqlx::query("select pg_advisory_lock(1)")
            .execute(&mut self.0)
            .await
            .expect("the lock is this test's own");
    }

    async fn open(&mut self) {
        sqlx::query("select pg_advisory_unlock(1)")
            .execute(&mut self.0)
            .await
            .expect("it was closed");
    }

    /// The process that waits before the gate, as soon as there is one.
    async fn waiting(&mut self) -> Pid {
        let question = "select pid from pg_locks where locktype = 'advisory' and not granted";
        self.until(question, None).await
    }

    /// When the request's answer is committed: a process of the server.
    async fn committed(&mut self, id: &str) -> Pid {
        let question = "select pid from pg_stat_activity
             where usename = 'ektp_serve' and exists (select from request where request_id = $1::uuid)
             order by pid limit 1";
        self.until(question, Some(id)).await
    }

    /// One of the processes that serve.
    async fn serving(&mut self) -> Pid {
        let question =
            "select pid from pg_stat_activity where usename = 'ektp_serve' order by pid limit 1";
        self.until(question, None).await
    }

    /// Until Postgres has noticed that one of its processes was killed: it ends every session then, this one too. Whoever came
    /// before that would be ended in the middle of the next call.
    async fn gone(mut self) {
        let pinging = async { while self.0.ping().await.is_ok() {} };
        timeout(PATIENCE, pinging).await.expect("it notices");
    }

    /// Asks until there is an answer.
    async fn until(&mut self, question: &'static str, id: Option<&str>) -> Pid {
        let asking = async {
            loop {
                let mut asked = sqlx::query_scalar::<_, i32>(question);
                if let Some(id) = id {
                    asked = asked.bind(id);
                }
                let answer = asked.fetch_optional(&mut self.0).await;
                if let Some(pid) = answer.expect("Postgres answers") {
                    return Pid::from_raw(pid);
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("in time")
    }
}

/// One call of the printer.
pub struct Call {
    pub path: &'static str,
    pub request_id: String,
    pub message: Vec<u8>,
}

/// The program on its folder, and the printer's line to it.
pub struct Machine {
    pub data: PathBuf,
    pub serving: Serving,
    pub line: Line,
    pub dice: ChaCha8Rng,
}

impl Machine {
    /// The printer's call with a kill in it, and again until it is answered; answers what the printer holds at last.
    pub async fn struck(&mut self, call: Call, (moment, victim): (Moment, Victim)) -> Vec<u8> {
        let what = format!("{} {moment:?} {victim:?}", call.path);
        let mut gate = Gate::reach(&self.data).await;
        if matches!(moment, Moment::AtCommit | Moment::Unheard) {
            gate.close().await;
        }
        let (line, message) = (self.line.clone(), call.message.clone());
        let mut first = tokio::spawn(async move { raw::call(&line, call.path, &message).await });
        let mut heard = None;
        let session = match moment {
            Moment::AtCommit => gate.waiting().await,
            Moment::Unheard => {
                gate.waiting().await;
                send(self.server(), Signal::SIGSTOP);
                stands_still(self.server()).await;
                gate.open().await;
                gate.committed(&call.request_id).await
            }
            Moment::Answered => {
                heard = Some((&mut first).await);
                gate.serving().await
            }
            Moment::Anywhen => {
                for _ in 0..self.dice.random_range(0..LOOKS_MAX) {
                    gate.serving().await;
                }
                gate.serving().await
            }
        };
        self.kill(victim, session).await;
        if victim == Victim::Session {
            gate.gone().await;
        }
        let heard = match heard {
            Some(heard) => heard,
            None => first.await,
        };
        let heard = heard.expect("it was answered or refused in time");
        self.start_again(victim).await;
        let answer = self.ask(&call).await;
        match (moment, victim) {
            (Moment::AtCommit, Victim::Server | Victim::Postgres)
            | (Moment::Unheard, Victim::Server) => {
                assert!(heard.is_err(), "{what}: nobody could have told it");
            }
            (Moment::Answered, Victim::Server | Victim::Postgres | Victim::Session) => {
                assert!(heard.is_ok(), "{what}: the kill came after the answer");
            }
            // The server may have tried again by itself, or have read of the commit when it woke.
            (Moment::AtCommit | Moment::Unheard, Victim::Session)
            | (Moment::Unheard, Victim::Postgres)
            | (Moment::Anywhen, Victim::Server | Victim::Postgres | Victim::Session) => {}
        }
        if let Ok(messages) = heard {
            assert_eq!(
                messages,
                slice::from_ref(&answer),
                "{what}: it was told this before"
            );
        }
        let again = self.ask(&call).await;
        assert_eq!(again, answer, "{what}: the answer stays");
        answer
    }

    /// SIGKILL: no handler, no flush, no farewell.
    async fn kill(&mut self, victim: Victim, session: Pid) {
        match victim {
            Victim::Server => self.serving.child.kill().await.expect("it is our child"),
            Victim::Postgres => {
                let status = fs::read_to_string(self.data.join("postgres/postmaster.pid"));
                let status = status.expect("Postgres runs");
                let pid = status.lines().next().expect("a process number").trim();
                send(
                    Pid::from_raw(pid.parse().expect("a number")),
                    Signal::SIGKILL,
                );
                send(self.server(), Signal::SIGCONT);
            }
            Victim::Session => {
                send(session, Signal::SIGKILL);
                send(self.server(), Signal::SIGCONT);
            }
        }
    }

    async fn start_again(&mut self, victim: Victim) {
        match victim {
            Victim::Server => {}
            // It has nothing to stand on; whoever watches over it starts it again.
            Victim::Postgres => {
                let ended = timeout(PATIENCE, self.serving.child.wait()).await;
                let ended = ended.expect("the program ends with its Postgres");
                assert_eq!(ended.expect("it is our child").code(), Some(1));
            }
            Victim::Session => return,
        }
        let address = self.serving.address;
        self.serving = serve(&self.data, &address.to_string()).await;
    }

    fn server(&self) -> Pid {
        let id = self.serving.child.id().expect("it runs");
        Pid::from_raw(i32::try_from(id).expect("a process number"))
    }

    /// The same call until it is answered.
    async fn ask(&self, call: &Call) -> Vec<u8> {
        let mut ticks = interval(RETRY_EVERY);
        let asking = async {
            loop {
                ticks.tick().await;
                match raw::call(&self.line, call.path, &call.message).await {
                    Ok(mut messages) => return messages.pop().expect("one answer"),
                    Err(status) if raw::may_pass(status.code()) => {}
                    Err(status) => panic!("{} was refused: {status:?}", call.path),
                }
            }
        };
        timeout(PATIENCE, asking).await.expect("an answer in time")
    }
}

fn send(process: Pid, signal: Signal) {
    signal::kill(process, signal).expect("the process is of this test");
}

/// A signal is there before all threads have stopped.
async fn stands_still(process: Pid) {
    let tasks = Path::new("/proc").join(process.to_string()).join("task");
    let is_still = || {
        let tasks = fs::read_dir(&tasks).expect("the process is there");
        tasks.flatten().all(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            // The state follows the name, which is in brackets.
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim_start().starts_with('T'))
        })
    };
    let waiting = async {
        let mut looks = interval(RETRY_EVERY);
        while !is_still() {
            looks.tick().await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it stops in time");
}
