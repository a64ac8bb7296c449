//! The doors of the rules: a version is proposed, then asked for, then put in force by a second person. The centre alone
//! comes here; its RPCs stand in Administration.
//!
//! What is easily got wrong: what is put in force must be what was shown. A proposed version cannot be changed by the
//! server, and whoever changes its rows by hand finds that it no longer is what the approval has sealed.

use time::Date;

use crate::{
    approval::{self, Approval, Ask, Locked},
    areas::TimeZone,
    error::Result,
    ids::{District, RequestId},
    policy::{
        Policy, PolicyState, Refusal, Sketch, Standing, Version, decide, store,
        wire::{self, Proposal},
    },
    work::Work,
};

/// The RPC whose act runs inside Approve.
pub const ACTIVATE: &str = "Administration/ActivatePolicy";

/// What is proposed, if nothing is wrong with it; otherwise everything that is.
pub fn checked(proposal: Proposal) -> Result<(RequestId, Sketch)> {
    let Proposal {
        mut violations,
        request_id,
        sketch,
    } = proposal;
    for found in sketch.iter().flat_map(decide::violations) {
        violations.add(found.field, found.rule);
    }
    let (Some(request_id), Some(sketch)) = (request_id, sketch) else {
        return Err(violations.error());
    };
    violations.finish((request_id, sketch))
}

/// Writes a version down.
#[tracing::instrument(name = "step.propose_policy", skip_all)]
pub async fn propose(work: &mut Work, sketch: Sketch) -> Result<Version> {
    let (at, today) = (work.now(), today_in_the_east(work));
    store::lock_rules(work.db()).await?;
    let number = store::next_version(work.db()).await?;
    let policy = sketch.policy(number)?;
    let standing = Standing::of(&policy, PolicyState::Proposed);
    let active = store::find_active(work.db(), standing.area).await?;
    decide::activate(&standing, &active, today)?;
    store::insert(work.db(), &policy, at).await?;
    work.touch("policy_version", number);
    Ok(Version {
        policy,
        state: PolicyState::Proposed,
        proposed_at: at,
        approval_id: None,
    })
}

/// Asks a second person to put a version in force.
#[tracing::instrument(name = "step.activate_policy", skip_all)]
pub async fn ask_to_activate(work: &mut Work, version: i32, purpose: String) -> Result<Approval> {
    store::lock_rules(work.db()).await?;
    let found = find(work, version).await?;
    let standing = Standing::of(&found.policy, found.state);
    let active = store::find_active(work.db(), standing.area).await?;
    decide::activate(&standing, &active, today_in_the_east(work))?;
    let ask = Ask {
        district: District::CENTRE,
        approving_office: None,
        summary: summary_of(&found.policy),
        purpose,
    };
    work.touch("policy_version", version);
    approval::ask(work, ACTIVATE, &wire::content(&found.policy), ask).await
}

/// Puts it in force, inside its second person's approval; what was in force ends on the day before.
#[tracing::instrument(name = "step.activate_policy_approved", skip_all)]
pub async fn activate_approved(work: &mut Work, locked: &Locked) -> Result<String> {
    let version = wire::version_of(&locked.content)?;
    store::lock_rules(work.db()).await?;
    let found = find(work, version).await?;
    if wire::content(&found.policy) != *locked.content {
        return Err(Refusal::Altered.into());
    }
    let standing = Standing::of(&found.policy, found.state);
    let active = store::find_active(work.db(), standing.area).await?;
    let before = decide::activate(&standing, &active, today_in_the_east(work))?;
    let before = before.map(|before| before.version);
    store::save_active(work.db(), &standing, before, locked.approval.approval_id).await?;
    if let Some(before) = before {
        work.touch("policy_version", before);
    }
    work.touch("policy_version", version);
    Ok(version.to_string())
}

async fn find(work: &mut Work, version: i32) -> Result<Version> {
    let found = store::find(work.db(), version).await?;
    Ok(found.ok_or(Refusal::NotFound)?)
}

/// The date where days begin first: later than this is a day to come everywhere.
fn today_in_the_east(work: &Work) -> Date {
    TimeZone::Wit.local_date(work.now())
}

fn summary_of(policy: &Policy) -> String {
    let until = policy
        .valid_to
        .map_or_else(String::new, |day| format!(" until {day}"));
    format!(
        "policy {} for {} in force from {}{until}: {}",
        policy.version, policy.area, policy.valid_from, policy.source
    )
}
