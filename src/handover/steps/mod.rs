//! The writes of handover as stories: lock, decide, save, record; the opening of what the lists keep sealed;
//! and the [`snapshot`] for the feed.

mod notices;

use rand::Rng;
use sqlx::PgConnection;

use crate::{
    caller::Caller,
    certificate,
    error::{Error, Result},
    feed::Topic,
    handover::{
        Answered, Case, Collection, CollectionState, ContactTask, Cursor, Nonce, Opened, Receipt,
        Refusal, Scope, Started,
        decide::{self, Completion, Presented},
        store::{self, Sealed, Wanted},
        wire,
    },
    ids::{ChallengeId, CollectionId, District, ResidentId},
    inventory,
    person::Person,
    seal::Keys,
    work::Work,
};

pub use notices::{Gateway, send_notices};

/// The purpose of the keyed digests by which two nonces are compared.
const NONCE_CHECK: &str = "handover.nonce";
/// So many rows of a snapshot are read at once.
const SNAPSHOT_PAGE: i64 = 5_000;

/// Whose collections a caller sees; only terminals come here.
pub fn scope(caller: &Caller) -> Result<Scope> {
    let district = caller
        .district()
        .ok_or_else(|| Error::internal("the handover was reached by no terminal"))?;
    Ok(Scope {
        district,
        limit: caller.subdistrict(),
    })
}

/// Opens the collections of cards that were just printed, each with a notice or a contact task, never both.
#[tracing::instrument(name = "step.open_collections", skip_all)]
pub async fn open(work: &mut Work, opened: &[Opened]) -> Result<()> {
    if opened.is_empty() {
        return Ok(());
    }
    let now = work.now();
    for collection in store::insert(work.db(), opened, now).await? {
        record(work, &collection);
    }
    Ok(())
}

/// The holder died or moved: nobody is called for the cards that wait. A challenge that stands open leads nowhere any more.
#[tracing::instrument(name = "step.holder_left", skip_all)]
pub async fn holder_left(work: &mut Work, resident: ResidentId) -> Result<()> {
    let now = work.now();
    store::hush(work.db(), resident, now).await
}

/// Opens a challenge that binds one card and this terminal; an earlier one for the card ends.
#[tracing::instrument(name = "step.start_handover", skip_all)]
pub async fn start(work: &mut Work, id: CollectionId) -> Result<Started> {
    work.touch("collection", id);
    let case = lock_case(work, Wanted::Collection(id)).await?;
    let collection = decide::start(case.as_ref())?.collection;
    let challenge_id = ChallengeId::fresh();
    let nonce = fresh_nonce();
    let terminal = work.caller().name();
    let expires_at =
        store::save_challenge(work.db(), challenge_id, &collection, &terminal, &nonce).await?;
    Ok(Started {
        challenge_id,
        nonce,
        expires_at,
        collection,
    })
}

/// Hands the card over, or says why not; the second value tells that it had been handed over before.
#[tracing::instrument(name = "step.complete_handover", skip_all)]
pub async fn complete(work: &mut Work, answered: Answered) -> Result<(Receipt, bool)> {
    work.touch("challenge", answered.challenge_id);
    let case = lock_case(work, Wanted::Challenge(answered.challenge_id)).await?;
    let terminal = work.caller().name();
    let presented = Presented {
        challenge_id: answered.challenge_id,
        terminal: &terminal,
        nonce_fits: nonce_fits(work.keys(), case.as_ref(), &answered.nonce),
        matched: answered.evidence.matched,
    };
    match decide::complete(case.as_ref(), presented)? {
        Completion::HandOver(case) => {
            let receipt = hand_over(work, case, &answered, &terminal).await?;
            Ok((receipt, false))
        }
        Completion::Repeated(receipt) => Ok((receipt.clone(), true)),
        Completion::Mismatch {
            failed_matches,
            attempts_left,
        } => {
            if attempts_left > 0 {
                let id = answered.challenge_id;
                store::save_failed_matches(work.db(), id, failed_matches).await?;
            } else {
                store::delete_challenge(work.db(), answered.challenge_id).await?;
            }
            // A refusal that were rolled back would never be counted.
            work.keep_on_refusal();
            Err(Refusal::MatchFailed { attempts_left }.into())
        }
    }
}

async fn hand_over(
    work: &mut Work,
    case: &Case,
    answered: &Answered,
    terminal: &str,
) -> Result<Receipt> {
    let collection = case.collection;
    inventory::mark_handed_over(work, collection.serial, collection.location).await?;
    let receipt = Receipt {
        collection_id: collection.collection_id,
        serial: collection.serial,
        challenge_id: answered.challenge_id,
        terminal: terminal.to_owned(),
        handed_over_at: work.now(),
        certificate_surrendered: certificate::surrender(work, case.resident_id).await?,
    };
    // After the doors, because the receipt says what they did. The collection has been locked since the beginning, and
    // what else is written here is written by nobody who knocks at those doors.
    store::insert_handover(work.db(), &receipt, &answered.evidence).await?;
    let state = CollectionState::HandedOver;
    record(
        work,
        &Collection {
            state,
            ..collection
        },
    );
    Ok(receipt)
}

/// The collection under lock with all that is known of it; nothing if the terminal may not see it.
async fn lock_case(work: &mut Work, wanted: Wanted) -> Result<Option<Case>> {
    let scope = scope(work.caller())?;
    match store::lock(work.db(), scope, wanted).await? {
        Some(id) => store::find_case(work.db(), id).await.map(Some),
        None => Ok(None),
    }
}

/// Notes a collection's state for the ledger of its district.
fn record(work: &mut Work, collection: &Collection) {
    let body = wire::collection_event(collection);
    let about = ("collection", collection.collection_id);
    work.record(collection.district, Topic::Collections, about, body);
}

fn fresh_nonce() -> Nonce {
    let mut bytes = [0; Nonce::BYTES];
    rand::rng().fill_bytes(&mut bytes);
    Nonce::from_bytes(&bytes).expect("the length is the nonce's own")
}

/// Compares under a keyed digest: how long that takes tells nothing about the nonce.
fn nonce_fits(keys: &Keys, case: Option<&Case>, presented: &Nonce) -> bool {
    let open = case.and_then(|case| case.challenge.as_ref());
    open.is_some_and(|open| {
        keys.digest(NONCE_CHECK, open.nonce.bytes()) == keys.digest(NONCE_CHECK, presented.bytes())
    })
}

/// Every card of a district that awaits its holder, read page by page within the caller's transaction.
#[tracing::instrument(name = "step.collections_snapshot", skip_all)]
pub async fn snapshot(db: &mut PgConnection, district: District) -> Result<Vec<Vec<u8>>> {
    let scope = Scope {
        district,
        limit: None,
    };
    let mut bodies = Vec::new();
    let mut after = None;
    loop {
        let page = store::list_awaiting(db, scope, None, after, SNAPSHOT_PAGE).await?;
        bodies.extend(page.iter().map(wire::collection_event));
        let Some(last) = page.last().filter(|_| page.len() as i64 >= SNAPSHOT_PAGE) else {
            return Ok(bodies);
        };
        after = Some(Cursor {
            opened_at: last.opened_at,
            id: last.collection_id.uuid(),
        });
    }
}

/// Opens the persons of contact tasks, for the answer only.
pub fn open_tasks(keys: &Keys, sealed: Vec<Sealed>) -> Result<Vec<ContactTask>> {
    let open = |task: Sealed| {
        Ok(ContactTask {
            contact_task_id: task.contact_task_id,
            collection_id: task.collection_id,
            village: task.village,
            person: Person::open(keys, task.resident_id, &task.sealed)?,
            opened_at: task.opened_at,
        })
    };
    sealed.into_iter().map(open).collect()
}
