//! What this server knows of who still may: revoked terminals, closed shifts, and the officers of open ones.
//!
//! Every server asks the database each second for what ended since, so a revocation or a closed shift is known everywhere
//! within two. What is easily got wrong: this knowledge may be a second old. For streams and reads that is the promise; a
//! write is checked once more by the database in its own commit (`close_work`).

mod standing;
mod store;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

pub use standing::Standing;

use crate::{
    caller::{Caller, Certificate, Officer, Principal},
    clock::Clock,
    error::{Error, ErrorReason, Kind, Result},
    ids::{District, ShiftId},
};

/// How often the database is asked what ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look goes back so much further than the last one: an act may commit some seconds after it took its time.
const OVERLAP: time::Duration = time::Duration::seconds(30);
/// One look in so many takes over everything that still matters.
const WHOLE_LOOK_EVERY: u32 = 60;
/// Closed shifts are remembered until they would have ended anyway.
const SHIFT_MAX: time::Duration = time::Duration::hours(12);
/// Certificates noted as seen; beyond this the list begins anew, which costs a statement each.
const SEEN_MAX: usize = 100_000;
/// Officers of open shifts kept in memory; beyond this the list begins anew.
const SHIFTS_MAX: usize = 50_000;

/// The knowledge; its copies are one.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    pool: PgPool,
    known: RwLock<Known>,
    /// Held by who notes terminals; the others wait here for the next turn, in which all of them are noted.
    noting: tokio::sync::Mutex<()>,
    /// Raised whenever something ended.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    /// Since when certificates of a terminal that began before are refused.
    revoked: HashMap<Principal, OffsetDateTime>,
    closed: HashMap<ShiftId, OffsetDateTime>,
    open: HashMap<ShiftId, OpenShift>,
    seen: HashSet<[u8; 32]>,
    /// Waiting to be noted; at most one for each call under way.
    unnoted: HashMap<[u8; 32], Seen>,
    /// The database's time of the last look.
    looked_at: Option<OffsetDateTime>,
    looks: u32,
}

/// A terminal that called, and its certificate.
#[derive(Debug, Clone)]
struct Seen {
    terminal: String,
    district: District,
    begins_at: OffsetDateTime,
    ends_at: OffsetDateTime,
}

/// An open shift, and where it is good.
#[derive(Debug, Clone)]
struct OpenShift {
    terminal: String,
    thumbprint: Vec<u8>,
    officer: Arc<Officer>,
}

impl OpenShift {
    fn is_of(&self, caller: &Caller) -> bool {
        let certificate = caller.certificate.as_ref();
        self.terminal == caller.name()
            && certificate.is_some_and(|ours| ours.thumbprint[..] == self.thumbprint[..])
    }
}

/// Which shifts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Open,
    Any,
}

impl Access {
    /// Knows nothing yet.
    pub fn new(pool: PgPool) -> Self {
        Self(Arc::new(Inner {
            pool,
            known: RwLock::default(),
            noting: tokio::sync::Mutex::default(),
            ended: watch::Sender::new(0),
        }))
    }

    /// Takes a first look, then one each second until `stop`.
    pub async fn follow(&self, stop: CancellationToken) -> Result<()> {
        self.look().await?;
        let access = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sleep(LOOK_EVERY) => {}
                    () = stop.cancelled() => return,
                }
                access.look_now().await;
            }
        });
        Ok(())
    }

    /// Whether the terminal's certificate was ended by a revocation.
    pub fn is_revoked(&self, principal: &Principal, certificate: &Certificate) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .revoked
            .get(principal)
            .is_some_and(|at| certificate.begins_at <= *at)
    }

    /// To be told when something ended.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.ended.subscribe()
    }

    /// What a stream asks as long as it runs.
    pub fn standing(&self, caller: &Caller) -> Standing {
        Standing::new(self.clone(), caller)
    }

    /// The officer of a shift that is open on the caller's certificate.
    pub async fn officer(&self, caller: &Caller, shift: ShiftId) -> Result<Arc<Officer>> {
        let remembered = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.closed.contains_key(&shift) {
                return Err(shift_unknown());
            }
            known.open.get(&shift).cloned()
        };
        let open = match remembered {
            Some(open) if open.officer.ends_at > Clock::System.now() => open,
            // The officer's next token may have prolonged it.
            Some(_) | None => self.ask(shift).await?,
        };
        if open.is_of(caller) && open.officer.ends_at > Clock::System.now() {
            Ok(open.officer)
        } else {
            Err(shift_unknown())
        }
    }

    /// The officer of a shift of the caller's certificate, also of one that is over.
    pub async fn officer_of_any(&self, caller: &Caller, shift: ShiftId) -> Result<Arc<Officer>> {
        let found = store::shift(&self.0.pool, shift, Wanted::Any).await?;
        found
            .filter(|found| found.is_of(caller))
            .map(|found| found.officer)
            .ok_or_else(shift_unknown)
    }

    /// When a shift ends by itself, as the database says now.
    async fn end_of(&self, shift: ShiftId) -> Result<OffsetDateTime> {
        let open = self.ask(shift).await?;
        Ok(open.officer.ends_at)
    }

    async fn ask(&self, shift: ShiftId) -> Result<OpenShift> {
        let open = store::shift(&self.0.pool, shift, Wanted::Open)
            .await?
            .ok_or_else(shift_unknown)?;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.open.len() >= SHIFTS_MAX {
            known.open.clear();
        }
        known.open.insert(shift, open.clone());
        Ok(open)
    }

    /// Notes a terminal that calls for the first time with its certificate, for the list of terminals. A list that lags
    /// must keep nobody from work, so a failure is only logged. All that wait are noted at once: after a server's death
    /// thousands call another one for the first time within seconds.
    pub async fn note(&self, caller: &Caller) {
        let Some(certificate) = &caller.certificate else {
            return;
        };
        {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.seen.contains(&certificate.thumbprint) {
                return;
            }
        }
        let seen = Seen {
            terminal: caller.name(),
            district: caller.ledger(),
            begins_at: certificate.begins_at,
            ends_at: certificate.ends_at,
        };
        {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            known.unnoted.insert(certificate.thumbprint, seen);
        }
        let _turn = self.0.noting.lock().await;
        let unnoted = {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            if !known.unnoted.contains_key(&certificate.thumbprint) {
                // Who had the turn before took this one along.
                return;
            }
            std::mem::take(&mut known.unnoted)
        };
        self.note_all(unnoted).await;
    }

    async fn note_all(&self, unnoted: HashMap<[u8; 32], Seen>) {
        let (thumbprints, seen): (Vec<[u8; 32]>, Vec<Seen>) = unnoted.into_iter().unzip();
        match store::note_terminals(&self.0.pool, &seen).await {
            Ok(()) => {
                let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
                if known.seen.len() >= SEEN_MAX {
                    known.seen.clear();
                }
                known.seen.extend(thumbprints);
            }
            Err(error) => tracing::warn!(%error, "first calls of terminals were not noted"),
        }
    }

    /// Takes over what ended until now, without waiting for the next second.
    pub async fn look_now(&self) {
        // Streams end by themselves when the ledgers cannot be read; calls need the database anyway.
        if let Err(error) = self.look().await {
            tracing::warn!(%error, "what ended could not be asked");
        }
    }

    /// Takes over what ended since the last look.
    async fn look(&self) -> Result<()> {
        // Now and then from the beginning: a commit that waited long for its standby bears an old time, and after a
        // fail-over the clock may be another one.
        let since = {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            known.looks = known.looks.wrapping_add(1);
            known
                .looked_at
                .filter(|_| !known.looks.is_multiple_of(WHOLE_LOOK_EVERY))
        };
        let ended = store::ended(&self.0.pool, since.map(|at| at - OVERLAP), SHIFT_MAX).await?;
        let mut news = false;
        {
            let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
            for (terminal, at) in ended.revoked {
                news |= known.revoked.insert(terminal, at) != Some(at);
            }
            for (shift, at) in ended.closed {
                known.open.remove(&shift);
                news |= known.closed.insert(shift, at).is_none();
            }
            known.closed.retain(|_, at| *at > ended.as_of - SHIFT_MAX);
            known
                .open
                .retain(|_, open| open.officer.ends_at > ended.as_of);
            known.looked_at = Some(ended.as_of);
        }
        if news {
            self.0.ended.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn is_closed(&self, shift: ShiftId) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.closed.contains_key(&shift)
    }
}

/// The same words whether it never was, has ended, or is another terminal's.
pub fn shift_unknown() -> Error {
    let message = "no such shift is open on this terminal's certificate; open one";
    Error::new(Kind::Unauthenticated, ErrorReason::ShiftUnknown, message)
}

/// A terminal that was revoked.
pub fn terminal_revoked() -> Error {
    let message = "this terminal was revoked";
    Error::new(Kind::Unauthenticated, ErrorReason::TerminalRevoked, message)
}
