//! The writes of administration as stories. Shifts stand in [`shifts`]; here are the accounts, and the acts that a second
//! person carries out.

mod founding;
mod shifts;

use crate::{
    administration::{
        Account, Area, NewOfficer, Refusal, store,
        wire::{self, Registration},
    },
    approval::{self, Approval, Ask, Locked},
    caller::{Caller, Principal, Role},
    error::{Error, Result},
    ids::{ApprovalId, District, OfficerId, Subdistrict},
    inventory, policy, print_queue,
    seal::Keys,
    work::Work,
};

pub use founding::{Founder, found};
pub use shifts::{Proof, close, open};

use super::PinHash;

/// The acts that run inside Approve, by the RPC that asked for them.
const REGISTER_OFFICER: &str = "Administration/RegisterOfficer";
const REVOKE_TERMINAL: &str = "Administration/RevokeTerminal";
/// The purpose of the index by which two accounts of one person are known.
const NIK_INDEX: &str = "officer.nik";

/// How far a caller's word reaches.
pub fn area(caller: &Caller) -> Result<Area> {
    if caller.role == Role::Policy {
        return Ok(Area::Nation);
    }
    let part = caller.subdistrict().map(Area::Subdistrict);
    part.or_else(|| caller.district().map(Area::District))
        .ok_or_else(|| Error::internal("the administration was reached by no office"))
}

fn nik_index(keys: &Keys, nik: &crate::ids::Nik) -> Vec<u8> {
    keys.index(NIK_INDEX, nik.expose().as_bytes())
}

/// Asks for a new account.
#[tracing::instrument(name = "step.register_officer", skip_all)]
pub async fn register_officer(
    work: &mut Work,
    registration: &Registration,
    pin_hash: Option<PinHash>,
) -> Result<Approval> {
    let area = area(work.caller())?;
    let part = registration.subdistrict.map(Subdistrict::district);
    let district = registration
        .district
        .or(part)
        .unwrap_or(work.caller().ledger());
    if !area.covers(district, registration.subdistrict) {
        return Err(Refusal::OutsideArea.into());
    }
    let index = nik_index(work.keys(), &registration.nik);
    let new = registration.account(district, index, pin_hash);
    if store::is_taken(work.db(), &new).await? {
        return Err(Refusal::BadgeTaken.into());
    }
    let ask = Ask {
        district,
        approving_office: None,
        summary: summary_of(&new),
        purpose: registration.purpose.clone(),
    };
    let content = wire::new_officer_content(&new);
    approval::ask(work, REGISTER_OFFICER, &content, ask).await
}

fn summary_of(new: &NewOfficer) -> String {
    let roles: Vec<&str> = new.roles.iter().map(|role| role.label()).collect();
    let area = new
        .subdistrict
        .map_or_else(|| new.district.to_string(), |part| part.to_string());
    let until = new
        .last_day
        .map_or_else(String::new, |day| format!(" until {day}"));
    let proof = match (&new.pin_hash, &new.subject) {
        (Some(_), None) => "by PIN",
        (None, _) => "by the office's provider",
        (Some(_), Some(_)) => "by PIN or by the office's provider",
    };
    format!(
        "officer {} in {area} as {}{until}, {proof}",
        new.badge,
        roles.join(",")
    )
}

/// Ends an account and its open shifts.
#[tracing::instrument(name = "step.end_officer", skip_all)]
pub async fn end_officer(work: &mut Work, id: OfficerId) -> Result<Account> {
    let area = area(work.caller())?;
    let found = store::lock_officer(work.db(), id).await?;
    let account = found.filter(|account| area.covers(account.district, account.subdistrict));
    let account = account.ok_or(Refusal::OfficerNotFound)?;
    if account.ended_at.is_some() {
        return Err(Refusal::OfficerEnded.into());
    }
    let at = work.now();
    store::save_ended(work.db(), id, at).await?;
    store::close_of(work.db(), id).await?;
    work.touch("officer", id);
    Ok(Account {
        ended_at: Some(at),
        ..account
    })
}

/// Asks for the end of a terminal's certificates.
#[tracing::instrument(name = "step.revoke_terminal", skip_all)]
pub async fn revoke_terminal(
    work: &mut Work,
    principal: &Principal,
    purpose: String,
) -> Result<Approval> {
    let (name, site) = (
        principal.to_string(),
        Caller::from(principal.clone()).site(),
    );
    let area = area(work.caller())?;
    let found = store::find_terminal(work.db(), &name).await?;
    let found = found.filter(|found| area.covers(found.district, site));
    let terminal = found.ok_or(Refusal::TerminalNotFound)?;
    if terminal.revoked_at.is_some() {
        return Err(Refusal::TerminalRevoked.into());
    }
    let ask = Ask {
        district: terminal.district,
        approving_office: None,
        summary: format!("end all certificates of {name}"),
        purpose,
    };
    let content = wire::terminal_content(&name);
    approval::ask(work, REVOKE_TERMINAL, &content, ask).await
}

/// Carries out what waits for the caller's word, in one unit of work with the approval.
#[tracing::instrument(name = "step.approve", skip_all)]
pub async fn approve(work: &mut Work, id: ApprovalId, shown: &[u8]) -> Result<Approval> {
    let locked = approval::lock_for(work, id, shown).await?;
    let resource = match locked.approval.method.as_str() {
        REGISTER_OFFICER => register(work, &locked).await?,
        REVOKE_TERMINAL => revoke(work, &locked).await?,
        print_queue::CHANGE_SENIORITY => print_queue::seniority_approved(work, &locked).await?,
        print_queue::RESOLVE_IN_DOUBT => print_queue::doubt_approved(work, &locked).await?,
        print_queue::RESOLVE_INCIDENT => print_queue::incident_approved(work, &locked).await?,
        policy::ACTIVATE => policy::activate_approved(work, &locked).await?,
        inventory::SETTLE => inventory::settlement_approved(work, &locked).await?,
        inventory::DESTROY => inventory::destruction_approved(work, &locked).await?,
        inventory::REVERSE => inventory::reversal_approved(work, &locked).await?,
        other => {
            return Err(Error::corrupt(
                "approval",
                format!("no act is called {other}"),
            ));
        }
    };
    approval::done(work, locked, resource).await
}

async fn register(work: &mut Work, locked: &Locked) -> Result<String> {
    let new = wire::new_officer(&locked.content)?;
    Ok(insert(work, &new).await?.to_string())
}

async fn insert(work: &mut Work, new: &NewOfficer) -> Result<OfficerId> {
    let at = work.now();
    let person = store::person(work.db(), &new.nik_index).await?;
    let inserted = store::insert_officer(work.db(), person, new, at).await?;
    let id = inserted.ok_or(Refusal::BadgeTaken)?;
    work.touch("officer", id);
    Ok(id)
}

async fn revoke(work: &mut Work, locked: &Locked) -> Result<String> {
    let name = wire::terminal_of(&locked.content)?;
    let found = store::find_terminal(work.db(), &name).await?;
    let terminal = found.ok_or(Refusal::TerminalNotFound)?;
    if terminal.revoked_at.is_some() {
        return Err(Refusal::TerminalRevoked.into());
    }
    store::insert_revocation(work.db(), locked.approval.approval_id, &terminal).await?;
    work.touch("terminal", &name);
    Ok(name)
}

/// The district that a list of this caller is about.
pub fn listed(caller: &Caller, named: Option<District>) -> Result<(Area, District)> {
    let area = area(caller)?;
    Ok((area, area.listed(named)?))
}
