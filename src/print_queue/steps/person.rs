//! The queue's doors for what happens to persons: registration, uphill, knocks with the person's row locked.
//!
//! What is easily got wrong: the requests are locked in a statement of their own. One that was begun before the person's row
//! was free would miss a request that was made, or a card that was reported, while it waited.

use std::collections::BTreeMap;

use crate::{
    error::Result,
    feed::Topic,
    ids::{ResidentId, Subdistrict},
    person::Life,
    print_queue::{
        PrintRequest,
        decide::{self, Happening},
        steps::save,
        store, wire,
    },
    work::Work,
};

/// What of a person's record changed, as far as the queue sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonChange {
    /// The person.
    pub resident_id: ResidentId,
    /// Where the person lives now.
    pub subdistrict: Subdistrict,
    /// Whether the identity is another one.
    pub identity: bool,
}

/// Lets the person's open request follow a changed record: it belongs to the new subdistrict, and waits for the centre if
/// the identity changed.
#[tracing::instrument(name = "step.person_changed", skip_all)]
pub async fn person_changed(work: &mut Work, change: PersonChange) -> Result<()> {
    let Some(mut request) = store::lock_open(work.db(), &[change.resident_id])
        .await?
        .pop()
    else {
        return Ok(());
    };
    let now = work.now();
    let held = change
        .identity
        .then(|| decide::follow_person(&request, Happening::IdentityChanged, now))
        .flatten();
    if request.subdistrict != change.subdistrict {
        request.subdistrict = change.subdistrict;
        store::follow(work.db(), &[&request]).await?;
        if held.is_none() {
            let about = ("print_request", request.print_request_id);
            let body = wire::queue_event(&request.entry());
            work.record(request.district, Topic::Queue, about, body);
        }
    }
    let held = held.map(|held| PrintRequest {
        subdistrict: change.subdistrict,
        ..held
    });
    save(work, &held.iter().collect::<Vec<_>>()).await
}

/// Lets the person's open request follow what became of the person.
#[tracing::instrument(name = "step.person_left", skip_all)]
pub async fn person_left(work: &mut Work, resident: ResidentId, life: Life) -> Result<()> {
    let happening = match life {
        Life::Resident => return Ok(()),
        Life::Deceased => Happening::Died,
        Life::MovedOut => Happening::MovedOut,
    };
    let now = work.now();
    let open = store::lock_open(work.db(), &[resident]).await?;
    let gone: Vec<PrintRequest> = open
        .iter()
        .filter_map(|request| decide::follow_person(request, happening, now))
        .collect();
    save(work, &gone.iter().collect::<Vec<_>>()).await
}

/// Tells the queue that the centre has found these versions of persons' identities unique: their open requests are about
/// them from now on, and those that waited for it wait no longer.
#[tracing::instrument(name = "step.found_unique", skip_all)]
pub async fn found_unique(work: &mut Work, unique: &[(ResidentId, i32)]) -> Result<()> {
    let versions: BTreeMap<ResidentId, i32> = unique.iter().copied().collect();
    let residents: Vec<ResidentId> = versions.keys().copied().collect();
    if residents.is_empty() {
        return Ok(());
    }
    let now = work.now();
    let mut requests = store::lock_open(work.db(), &residents).await?;
    for request in &mut requests {
        if let Some(version) = versions.get(&request.resident_id) {
            request.identity_version = *version;
        }
    }
    store::follow(work.db(), &requests.iter().collect::<Vec<_>>()).await?;
    let released: Vec<PrintRequest> = requests
        .iter()
        .filter_map(|request| decide::follow_person(request, Happening::FoundUnique, now))
        .collect();
    save(work, &released.iter().collect::<Vec<_>>()).await
}
