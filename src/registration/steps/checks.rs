//! The centre's check: what the engine takes, and what it says.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::{Error, Result, Violation},
    feed::{Topic, journal::DISTRICTS_PER_COMMIT_MAX},
    ids::{District, EnrolmentId, ResidentId},
    print_queue,
    registration::{
        CheckTask, EnrolmentState, Refusal, Verdict, decide,
        store::{self, Ruled},
        wire,
    },
    work::Work,
};

/// Hands out at most `limit` enrolments, those that wait longest.
#[tracing::instrument(name = "step.lease_checks", skip_all)]
pub async fn lease_checks(work: &mut Work, limit: i64) -> Result<Vec<CheckTask>> {
    let now = work.now();
    let waiting = store::lock_to_check(work.db(), limit).await?;
    let districts = waiting.iter().map(|(_, district)| *district);
    let together = decide::leased_together(districts, DISTRICTS_PER_COMMIT_MAX);
    if together == 0 {
        return Ok(Vec::new());
    }
    let ids: Vec<EnrolmentId> = waiting[..together].iter().map(|(id, _)| *id).collect();
    let leased = store::lease(work.db(), &ids, now).await?;
    let mut tasks = Vec::with_capacity(leased.len());
    for (task, changed) in leased {
        if changed {
            let event = wire::enrolment_event(&task.enrolment);
            let about = ("enrolment", task.enrolment.enrolment_id);
            work.record(task.enrolment.district, Topic::Enrolments, about, event);
        }
        tasks.push(task);
    }
    Ok(tasks)
}

/// Takes the centre's verdicts, each for itself; answers the states to which they led, in their order.
#[tracing::instrument(name = "step.record_verdicts", skip_all)]
pub async fn record_verdicts(
    work: &mut Work,
    verdicts: Vec<Verdict>,
) -> Result<Vec<(EnrolmentId, Result<EnrolmentState, Refusal>)>> {
    let ids: Vec<EnrolmentId> = verdicts
        .iter()
        .map(|verdict| verdict.enrolment_id)
        .collect();
    let checked: BTreeMap<EnrolmentId, store::Checked> = store::lock_for_verdicts(work.db(), &ids)
        .await?
        .into_iter()
        .map(|checked| (checked.enrolment_id, checked))
        .collect();
    let mut ruled = Vec::new();
    let mut answers = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let id = verdict.enrolment_id;
        let answer = match checked.get(&id) {
            None => Err(Refusal::EnrolmentNotFound),
            Some(checked) => {
                decide::verdict(checked.state, checked.fence, verdict.fence, verdict.outcome).map(
                    |ruling| {
                        ruled.push(Ruled {
                            checked: *checked,
                            ruling,
                        });
                        ruling.state
                    },
                )
            }
        };
        answers.push((id, answer));
    }
    check_districts(&ruled)?;
    if !ruled.is_empty() {
        let (now, by) = (work.now(), work.caller().name());
        for enrolment in store::save_verdicts(work.db(), &ruled, now, &by).await? {
            let event = wire::enrolment_event(&enrolment);
            let about = ("enrolment", enrolment.enrolment_id);
            work.record(enrolment.district, Topic::Enrolments, about, event);
        }
        let unique: Vec<(ResidentId, i32)> = ruled
            .iter()
            .filter(|one| one.ruling.state == EnrolmentState::PrintReady)
            .map(|one| (one.checked.resident_id, one.checked.identity_version))
            .collect();
        print_queue::found_unique(work, &unique).await?;
    }
    Ok(answers)
}

/// One commit closes the ledgers of all districts concerned, and those are limited.
fn check_districts(ruled: &[Ruled]) -> Result<()> {
    let districts: BTreeSet<District> = ruled.iter().map(|one| one.checked.district).collect();
    if districts.len() <= DISTRICTS_PER_COMMIT_MAX {
        return Ok(());
    }
    Err(Error::invalid(vec![Violation {
        field: "verdicts".to_owned(),
        rule: format!("must be of at most {DISTRICTS_PER_COMMIT_MAX} districts"),
    }]))
}
