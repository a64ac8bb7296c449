//! Opening and closing shifts: lock the account, judge by what it is now, close the old shift, open the new one.
//!
//! What is easily got wrong: the slow part of a PIN is over before the act begins. Whatever it found out counts only if
//! the account under lock still has the hash that was tried, and is not waiting.

use time::OffsetDateTime;

use crate::{
    access,
    administration::{
        Account, Credentials, OpenedShift, PinProof, Refusal, TokenProof, decide, store,
    },
    areas::TimeZone,
    caller::Certificate,
    error::{Error, Result},
    work::Work,
};

/// What was found out about an officer before the act began.
#[derive(Debug)]
pub enum Proof {
    /// By a PIN.
    Pin(PinProof),
    /// By a token, or why it is refused: the refusal too is the answer to its request.
    Token(Result<TokenProof>),
}

/// Opens a shift for the officer, and ends the one elsewhere.
#[tracing::instrument(name = "step.open_shift", skip_all)]
pub async fn open(work: &mut Work, proof: Proof) -> Result<OpenedShift> {
    match proof {
        Proof::Pin(proof) => {
            let account = by_pin(work, &proof).await?;
            begin(work, account, None).await
        }
        Proof::Token(proof) => {
            let proof = proof?;
            let account = by_token(work, &proof).await?;
            let (terminal, certificate) = place(work)?;
            let here = (terminal.as_str(), &certificate);
            let until = proof.ends_at;
            if let Some(prolonged) = store::prolong(work.db(), &account, here, until).await? {
                touch(work, &prolonged);
                return Ok(prolonged);
            }
            begin(work, account, Some(until)).await
        }
    }
}

async fn by_pin(work: &mut Work, proof: &PinProof) -> Result<Account> {
    let district = work.caller().ledger();
    let found = store::lock_by_badge(work.db(), district, &proof.badge).await?;
    let tried = decide::pin(found.as_ref(), proof)?;
    let credentials = found.ok_or(Refusal::PinWrong)?;
    if let decide::Tried::Wrong { failures, wait } = tried {
        let id = credentials.account.officer_id;
        store::save_wrong_pin(work.db(), id, failures, wait).await?;
        work.touch("officer", id);
        // A refusal that were rolled back would never be counted.
        work.keep_on_refusal();
        return Err(Refusal::PinWrong.into());
    }
    may_open(work, &credentials.account)?;
    decide::first_pin(&credentials, proof)?;
    let Credentials { account, .. } = credentials;
    let replacement = proof.replacement.as_ref();
    store::save_right_pin(work.db(), account.officer_id, replacement).await?;
    Ok(account)
}

async fn by_token(work: &mut Work, proof: &TokenProof) -> Result<Account> {
    let district = work.caller().ledger();
    let found = store::lock_by_subject(work.db(), district, &proof.subject).await?;
    let account = found.ok_or_else(|| Error::from(Refusal::SubjectUnknown))?;
    may_open(work, &account)?;
    Ok(account)
}

fn may_open(work: &Work, account: &Account) -> Result<()> {
    let today = TimeZone::of(account.district).local_date(work.now());
    decide::may_open(account, work.caller().site(), today)?;
    Ok(())
}

async fn begin(
    work: &mut Work,
    account: Account,
    until: Option<OffsetDateTime>,
) -> Result<OpenedShift> {
    store::close_of(work.db(), account.officer_id).await?;
    let (terminal, certificate) = place(work)?;
    let here = (terminal.as_str(), &certificate);
    let opened = store::insert_shift(work.db(), account, here, until).await?;
    touch(work, &opened);
    Ok(opened)
}

/// Where the shift is good.
fn place(work: &Work) -> Result<(String, Certificate)> {
    let caller = work.caller();
    let certificate = caller.certificate;
    let certificate =
        certificate.ok_or_else(|| Error::internal("a shift was opened without a certificate"))?;
    Ok((caller.name(), certificate))
}

/// What it is about is the account. Later acts name the shift in a column of their own; alone it opens nothing, because it
/// is good only with the key of its certificate.
fn touch(work: &mut Work, shift: &OpenedShift) {
    work.touch("officer", shift.account.officer_id);
}

/// Closes the caller's own shift; answers when.
#[tracing::instrument(name = "step.close_shift", skip_all)]
pub async fn close(work: &mut Work) -> Result<OffsetDateTime> {
    let officer = work.caller().officer.clone();
    let officer = officer.ok_or_else(|| Error::internal("a shift was closed by nobody"))?;
    let closed = store::close_one(work.db(), officer.shift_id).await?;
    let at = closed.ok_or_else(access::shift_unknown)?;
    work.touch("officer", officer.officer_id);
    Ok(at)
}
