//! What a printer does with what it has leased: see the face, bind a blank, renew, give back. What came out is told in
//! `report`.
//!
//! Each is lock, decide about every item, save, and knock at the doors downhill: handover before inventory, whose rows are
//! the hottest and therefore locked last.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    caller::Caller,
    error::{Error, Result},
    ids::{PrintRequestId, ResidentId, Serial},
    inventory::{self, Location},
    person::Person,
    print_queue::{
        Bearer, Entry, LeaseKey, PrintRequest, Refusal,
        decide::{self, Command},
        steps::save,
        store,
    },
    seal::Keys,
    work::Work,
};

/// One blank to be bound.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The lease.
    pub key: LeaseKey,
    /// The blank.
    pub serial: Serial,
    /// Its chip.
    pub chip_uid: String,
}

/// What became of one item: what it is about, and how it stands now or why nothing was done.
pub type Outcome<T = Entry> = (PrintRequestId, Result<T>);

/// What is printed and encoded.
#[derive(Debug)]
pub struct Face {
    /// The personal record.
    pub person: Person,
    /// The rest.
    pub bearer: Bearer,
}

/// A request before and after a command.
pub(super) struct Moved {
    pub(super) before: PrintRequest,
    pub(super) after: PrintRequest,
}

impl Moved {
    /// The request after a terminal's command under its lease.
    pub(super) fn by(
        before: &PrintRequest,
        (holder, key): (&str, LeaseKey),
        command: Command,
        at: OffsetDateTime,
    ) -> Result<Self, Refusal> {
        let after = decide::carry_out(before, (holder, key.fence), command, at)?;
        Ok(Self {
            before: before.clone(),
            after,
        })
    }

    /// The blank that was bound before, and where it lies.
    pub(super) fn blank(&self) -> Result<(Serial, Location, PrintRequestId)> {
        match (self.before.standing.serial(), self.before.standing.lease()) {
            (Some(serial), Some(lease)) => {
                Ok((serial, lease.location, self.before.print_request_id))
            }
            (None, _) | (_, None) => Err(Error::internal("a report without a bound blank")),
        }
    }
}

/// The face of a leased request's card, for the lease's holder.
#[tracing::instrument(name = "step.card_face", skip_all)]
pub async fn card_face(
    db: &mut PgConnection,
    keys: &Keys,
    caller: &Caller,
    key: LeaseKey,
    now: OffsetDateTime,
) -> Result<(ResidentId, Face)> {
    let request = store::find(db, key.print_request_id, caller.ledger())
        .await?
        .ok_or(Refusal::PrintRequestNotFound)?;
    // Nothing personal is read before it is known that the terminal may see it.
    decide::carry_out(
        &request,
        (&caller.name(), key.fence),
        Command::ShowFace,
        now,
    )?;
    let bearer = store::find_bearer(db, request.resident_id).await?;
    decide::face_of(&request, (bearer.identity_version, bearer.facts_version))?;
    let person = Person::open(keys, request.resident_id, &bearer.sealed)?;
    Ok((request.resident_id, Face { person, bearer }))
}

/// Extends leases; answers when each runs out now.
#[tracing::instrument(name = "step.renew_leases", skip_all, fields(leases = keys.len()))]
pub async fn renew_leases(
    work: &mut Work,
    keys: Vec<LeaseKey>,
) -> Result<Vec<Outcome<OffsetDateTime>>> {
    let decided = carry_out(work, keys.iter().map(|key| (*key, Command::Renew))).await?;
    let held: Vec<PrintRequestId> = moved(&decided).map(|m| m.after.print_request_id).collect();
    for id in &held {
        work.touch("print_request", id);
    }
    let ends: BTreeMap<PrintRequestId, OffsetDateTime> = if held.is_empty() {
        BTreeMap::new()
    } else {
        let seconds = work.lease_length().as_secs_f64();
        store::renew(work.db(), &held, seconds)
            .await?
            .into_iter()
            .collect()
    };
    let end = |id| {
        ends.get(&id)
            .copied()
            .ok_or_else(|| Error::internal("a lease without an end"))
    };
    let outcomes = decided
        .into_iter()
        .map(|(id, decided)| (id, decided.and_then(|_| end(id))));
    Ok(outcomes.collect())
}

/// Gives leases back.
#[tracing::instrument(name = "step.release_leases", skip_all, fields(leases = keys.len()))]
pub async fn release_leases(work: &mut Work, keys: Vec<LeaseKey>) -> Result<Vec<Outcome>> {
    let decided = carry_out(work, keys.iter().map(|key| (*key, Command::Release))).await?;
    save_all(work, &decided).await?;
    Ok(outcomes(decided))
}

/// Joins leased requests to blanks.
#[tracing::instrument(name = "step.bind_blanks", skip_all, fields(bindings = bindings.len()))]
pub async fn bind_blanks(work: &mut Work, bindings: Vec<Binding>) -> Result<Vec<Outcome>> {
    let (district, now, holder) = (work.district()?, work.now(), work.caller().name());
    let ids: Vec<PrintRequestId> = bindings.iter().map(|b| b.key.print_request_id).collect();
    let candidates: BTreeMap<PrintRequestId, store::Candidate> =
        store::lock_to_bind(work.db(), &ids, district)
            .await?
            .into_iter()
            .map(|candidate| (candidate.request.print_request_id, candidate))
            .collect();
    let (mut decided, mut wanted) = (Vec::new(), Vec::new());
    for Binding {
        key,
        serial,
        chip_uid,
    } in bindings
    {
        let outcome = candidates
            .get(&key.print_request_id)
            .ok_or(Refusal::PrintRequestNotFound);
        let outcome = outcome.and_then(
            |store::Candidate {
                 request,
                 overdue,
                 look,
             }| {
                let (overdue, look) = (*overdue, *look);
                let command = Command::Bind {
                    serial,
                    overdue,
                    look,
                };
                Moved::by(request, (&holder, key), command, now)
            },
        );
        if let Some(lease) = outcome.as_ref().ok().and_then(|m| m.after.standing.lease()) {
            wanted.push(inventory::Binding {
                serial,
                chip_uid,
                resident_id: candidates[&key.print_request_id].request.resident_id,
                print_request_id: key.print_request_id,
                location: lease.location,
            });
        }
        decided.push((key.print_request_id, outcome.map_err(Error::from)));
    }
    if !wanted.is_empty() {
        let mut bound = inventory::bind(work, &wanted).await?.into_iter();
        for (_, outcome) in decided.iter_mut().filter(|(_, outcome)| outcome.is_ok()) {
            match bound.next() {
                Some(Ok(())) => {}
                Some(Err(refusal)) => *outcome = Err(refusal.into()),
                None => return Err(Error::internal("a binding without an answer")),
            }
        }
    }
    save_all(work, &decided).await?;
    Ok(outcomes(decided))
}

/// Locks the requests and decides about each.
async fn carry_out(
    work: &mut Work,
    items: impl ExactSizeIterator<Item = (LeaseKey, Command)> + Clone,
) -> Result<Vec<Outcome<Moved>>> {
    let ids: Vec<PrintRequestId> = items.clone().map(|(key, _)| key.print_request_id).collect();
    let requests = lock(work, &ids).await?;
    let (now, holder) = (work.now(), work.caller().name());
    let decided = items.map(|(key, command)| {
        let before = requests
            .get(&key.print_request_id)
            .ok_or(Refusal::PrintRequestNotFound);
        let outcome = before.and_then(|before| Moved::by(before, (&holder, key), command, now));
        (key.print_request_id, outcome.map_err(Error::from))
    });
    Ok(decided.collect())
}

/// The requests of the caller's district, locked.
pub(super) async fn lock(
    work: &mut Work,
    ids: &[PrintRequestId],
) -> Result<BTreeMap<PrintRequestId, PrintRequest>> {
    let district = work.district()?;
    let requests = store::lock(work.db(), ids, district).await?;
    Ok(requests
        .into_iter()
        .map(|request| (request.print_request_id, request))
        .collect())
}

pub(super) fn moved(decided: &[Outcome<Moved>]) -> impl Iterator<Item = &Moved> {
    decided
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().ok())
}

async fn save_all(work: &mut Work, decided: &[Outcome<Moved>]) -> Result<()> {
    save(
        work,
        &moved(decided).map(|moved| &moved.after).collect::<Vec<_>>(),
    )
    .await
}

pub(super) fn outcomes(decided: Vec<Outcome<Moved>>) -> Vec<Outcome> {
    decided
        .into_iter()
        .map(|(id, outcome)| (id, outcome.map(|m| m.after.entry())))
        .collect()
}
