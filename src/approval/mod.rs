//! The one door for acts that need a second person: [`ask`] stores what is to be done, [`lock_for`] gives it back to the
//! second person's own act, which does it and ends with [`done`], all in one commit.
//!
//! What is easily got wrong: what runs must be what was shown. The digest that the approver hands in covers everything
//! that was shown and the sealed content behind it, under a key that is not in the database; whoever edits the row, even
//! as its owner, makes it one that never runs.

mod store;
pub mod wire;

use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

pub use store::{Cursor, list_pending};

use crate::{
    caller::{Caller, Officer},
    error::{Error, ErrorReason, Result},
    ids::{ApprovalId, District, OfficerId, PersonId},
    seal::Keys,
    work::Work,
};

/// What waited longer than this never runs: who approves must still remember why it was asked for.
const LASTS: Duration = Duration::minutes(15);
/// Where the content's seal belongs, and the purpose of the digest.
const PLACE: &str = "approval";

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The office that it concerns; its officers may approve it, and the centre's.
    pub district: District,
    /// If it is set, an officer of this office approves it and nobody else.
    pub approving_office: Option<District>,
    /// What it does, in words, without personal data.
    pub summary: String,
    /// Why, in the author's words.
    pub purpose: String,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// It waits for a second person.
    Pending,
    /// It was carried out.
    Done,
}

/// An act that needs a second person, as it is shown.
#[derive(Debug, Clone)]
pub struct Approval {
    /// Its id.
    pub approval_id: ApprovalId,
    /// The office that it concerns.
    pub district: District,
    /// The one office whose officers may approve it, if it is not for all who lead that one.
    pub approving_office: Option<District>,
    /// The RPC that asked.
    pub method: String,
    /// What it does.
    pub summary: String,
    /// Why.
    pub purpose: String,
    /// The author's account.
    pub author: OfficerId,
    /// Who that is.
    pub author_person: PersonId,
    /// The author's badge.
    pub author_badge: String,
    /// When, in the database's time.
    pub requested_at: OffsetDateTime,
    /// Covers all of the above and the content.
    pub content_digest: Vec<u8>,
    /// Where it stands.
    pub state: State,
    /// The approver's badge.
    pub approver_badge: Option<String>,
    /// What it made or changed.
    pub resource: Option<String>,
}

impl Approval {
    /// From then on it never runs.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.requested_at + LASTS
    }

    /// Every part with its length before it, so that no two different acts have the same bytes.
    fn digest(&self, keys: &Keys, content: &[u8]) -> Vec<u8> {
        let micros = self.requested_at.unix_timestamp_nanos() / 1_000;
        let ids = [
            self.approval_id.uuid(),
            self.author.uuid(),
            self.author_person.uuid(),
        ];
        let approving_office = self.approving_office.map_or(-1, District::number);
        let parts: [&[u8]; 11] = [
            ids[0].as_bytes(),
            ids[1].as_bytes(),
            ids[2].as_bytes(),
            self.author_badge.as_bytes(),
            &self.district.number().to_be_bytes(),
            &approving_office.to_be_bytes(),
            self.method.as_bytes(),
            self.summary.as_bytes(),
            self.purpose.as_bytes(),
            &micros.to_be_bytes(),
            content,
        ];
        let mut bytes = Zeroizing::new(Vec::new());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        keys.digest(PLACE, &bytes)
    }
}

/// An approval under lock, with what is to be done now.
pub struct Locked {
    /// As it was shown.
    pub approval: Approval,
    /// As it was asked for.
    pub content: Zeroizing<Vec<u8>>,
}

/// Stores an act for a second person; `content` is whatever the method needs to carry it out, and may be personal.
#[tracing::instrument(name = "approval.ask", skip_all)]
pub async fn ask(
    work: &mut Work,
    method: &'static str,
    content: &[u8],
    ask: Ask,
) -> Result<Approval> {
    let officer = officer(work.caller())?;
    let (author, author_person) = (officer.officer_id, officer.person_id);
    let (author_badge, requested_at) = store::author(work.db(), author).await?;
    let mut approval = Approval {
        approval_id: ApprovalId::fresh(),
        district: ask.district,
        approving_office: ask.approving_office,
        method: method.to_owned(),
        summary: ask.summary,
        purpose: ask.purpose,
        author,
        author_person,
        author_badge,
        requested_at,
        content_digest: Vec::new(),
        state: State::Pending,
        approver_badge: None,
        resource: None,
    };
    approval.content_digest = approval.digest(work.keys(), content);
    let row = approval.approval_id.uuid();
    let sealed = work.keys().seal(PLACE, row.as_bytes(), content);
    let terminal = work.caller().name();
    store::insert(work.db(), &approval, &sealed, &terminal).await?;
    work.touch("approval", approval.approval_id);
    Ok(approval)
}

/// The act for its second person, who is the caller and was shown `shown`; locked, so that it runs once.
#[tracing::instrument(name = "approval.lock_for", skip_all)]
pub async fn lock_for(work: &mut Work, id: ApprovalId, shown: &[u8]) -> Result<Locked> {
    let approver = officer(work.caller())?;
    let area = area(work.caller());
    let found = match area {
        Some(area) => store::lock(work.db(), id, area).await?,
        None => None,
    };
    let Some(found) = found else {
        return Err(Error::not_found(ErrorReason::ApprovalNotFound, "approval"));
    };
    let approval = found.approval;
    let row = approval.approval_id.uuid();
    let content = work.keys().open(PLACE, row.as_bytes(), &found.sealed);
    let content = content.map_err(|_| altered(id))?;
    let digest = approval.digest(work.keys(), &content);
    if digest != approval.content_digest || digest != shown {
        return Err(altered(id));
    }
    if approval.state == State::Done {
        let message = "it was approved before";
        return Err(Error::refused(ErrorReason::ApprovalDone, message));
    }
    if approval.expires_at().min(found.expires_at) <= found.as_of {
        return Err(expired());
    }
    if approval.author_person == approver.person_id {
        return Err(same_person());
    }
    work.touch("approval", id);
    Ok(Locked { approval, content })
}

/// The act is done; its approval ends in the same commit.
#[tracing::instrument(name = "approval.done", skip_all)]
pub async fn done(work: &mut Work, locked: Locked, resource: String) -> Result<Approval> {
    let approver = officer(work.caller())?;
    let id = locked.approval.approval_id;
    let badge = store::save_done(work.db(), id, &approver, &resource).await?;
    Ok(Approval {
        state: State::Done,
        approver_badge: Some(badge),
        resource: Some(resource),
        ..locked.approval
    })
}

/// Whose acts a caller may see and approve.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    /// The one office whose acts they are; nothing for all.
    district: Option<District>,
    /// The caller's own office, for the acts that are one office's to approve.
    office: District,
}

/// How far a caller's approval reaches. Acts concern a whole office, so who is limited to a part of it sees none.
pub fn area(caller: &Caller) -> Option<Area> {
    match caller.subdistrict() {
        Some(_) => None,
        None => Some(Area {
            district: caller.scope(),
            office: caller.ledger(),
        }),
    }
}

fn officer(caller: &Caller) -> Result<std::sync::Arc<Officer>> {
    let officer = caller.officer.clone();
    officer.ok_or_else(|| Error::internal("an act for two persons was reached by nobody"))
}

fn altered(id: ApprovalId) -> Error {
    tracing::warn!(approval = %id, "an approval is not what its digest says, or not what was shown");
    let message = "the content is not what the digest says; nothing runs";
    Error::refused(ErrorReason::ApprovalAltered, message)
}

fn expired() -> Error {
    let message = "it was not approved within 15 minutes; its author asks again";
    Error::refused(ErrorReason::ApprovalExpired, message)
}

fn same_person() -> Error {
    let message = "its author cannot be the second person, under whichever account";
    Error::refused(ErrorReason::SamePerson, message)
}
