//! The review of the queues: who waits for a rule is let go when it allows, and who stands in a queue that a new version
//! closed waits from now on. Nothing is written where nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use time::{Date, OffsetDateTime};

use crate::{
    areas::{self, TimeZone},
    error::Result,
    feed::journal,
    ids::{DecisionId, District, PrintRequestId},
    policy::{self, Policy},
    print_queue::{
        PrintRequest, Standing,
        decide::{self, Supply},
        steps::save,
        store::{self, DecisionOutcome, LocalDay, SiteDay},
    },
    work::Work,
};

/// So many districts are looked into for one in which something can be done.
const LOOKED_INTO_MAX: usize = 64;

/// Reviews at most `limit` requests of one district; answers whether more may be waiting, there or elsewhere.
#[tracing::instrument(name = "step.release_held", skip_all)]
pub async fn release_held(work: &mut Work, limit: i64) -> Result<bool> {
    let now = work.now();
    let limit = limit.min(i64::try_from(journal::EVENTS_PER_COMMIT_MAX).unwrap_or(limit));
    let days: Vec<LocalDay> = areas::districts()
        .map(|district| local_day(district, now))
        .collect();
    let found = store::find_to_review(work.db(), &days, limit).await?;
    let full = found.len() as u64 >= limit.unsigned_abs();
    let mut by_district: BTreeMap<District, Vec<PrintRequestId>> = BTreeMap::new();
    for (district, id) in found {
        by_district.entry(district).or_default().push(id);
    }
    let more = full || by_district.len() > 1;
    for (district, ids) in by_district.into_iter().take(LOOKED_INTO_MAX) {
        // One district in a commit: the printers of the others shall not wait for this one's counters.
        if review(work, district, &ids).await? > 0 {
            return Ok(more);
        }
    }
    // What was found is somebody else's at the moment.
    Ok(false)
}

fn local_day(district: District, now: OffsetDateTime) -> LocalDay {
    let zone = TimeZone::of(district);
    LocalDay {
        district,
        day: zone.local_date(now),
        hours: i32::from(zone.offset().whole_hours()),
    }
}

/// Reviews requests of one district in their order; answers how many changed.
async fn review(work: &mut Work, district: District, order: &[PrintRequestId]) -> Result<usize> {
    let now = work.now();
    let day = TimeZone::of(district).local_date(now);
    // The queue first: two servers that count the same blanks would release twice as many.
    if !store::lock_queue_if_free(work.db(), district).await? {
        return Ok(0);
    }
    let policy = policy::in_force(work.db(), district, day).await?;
    let sites = sites(work, district, order).await?;
    let mut supply = supply(work, (district, day), &policy, &sites).await?;
    let mut locked: BTreeMap<PrintRequestId, PrintRequest> =
        store::lock_free(work.db(), order, district)
            .await?
            .into_iter()
            .map(|request| (request.print_request_id, request))
            .collect();
    let mut decisions = Vec::new();
    let mut moved = Vec::new();
    let mut entered: BTreeMap<String, i64> = BTreeMap::new();
    for request in order.iter().filter_map(|id| locked.remove(id)) {
        let seen = supply.clone();
        let Some(after) = decide::release(&request, &policy, &mut supply, now) else {
            continue;
        };
        let was_held = !request.standing.hold_reasons().is_empty();
        if was_held && after.standing == Standing::Queued {
            *entered.entry(after.site.clone()).or_default() += 1;
        }
        decisions.push(decision(&after, day, &seen));
        moved.push(after);
    }
    if moved.is_empty() {
        return Ok(0);
    }
    if policy.daily_quota.is_some() {
        for (site, count) in &entered {
            let of = SiteDay {
                district,
                site,
                day,
            };
            store::use_quota(work.db(), of, *count).await?;
        }
    }
    save(work, &moved.iter().collect::<Vec<_>>()).await?;
    store::keep_decisions(work.db(), (district, now), &decisions).await?;
    for decision in &decisions {
        work.touch("decision", decision.decision_id);
    }
    Ok(moved.len())
}

/// Whose days are counted, sorted: two acts cannot wait for each other crosswise.
async fn sites(
    work: &mut Work,
    district: District,
    ids: &[PrintRequestId],
) -> Result<BTreeSet<String>> {
    Ok(store::sites_of(work.db(), ids, district)
        .await?
        .into_iter()
        .collect())
}

async fn supply(
    work: &mut Work,
    (district, day): (District, Date),
    policy: &Policy,
    sites: &BTreeSet<String>,
) -> Result<Supply> {
    let by_blanks = policy.classes.iter().any(|rule| rule.release.above_demand);
    let spare = if by_blanks {
        store::spare_blanks(work.db(), district).await?
    } else {
        0
    };
    let Some(quota) = policy.daily_quota else {
        return Ok(Supply { rooms: None, spare });
    };
    let mut rooms = BTreeMap::new();
    for site in sites {
        let of = SiteDay {
            district,
            site,
            day,
        };
        let used = store::lock_quota(work.db(), of).await?;
        // These are the ones who wait; nobody waits before them.
        rooms.insert(site.clone(), decide::site_room(quota, used.admitted, 0));
    }
    Ok(Supply {
        rooms: Some(rooms),
        spare,
    })
}

fn decision(after: &PrintRequest, day: Date, seen: &Supply) -> store::Decision {
    let room = seen
        .rooms
        .as_ref()
        .and_then(|rooms| rooms.get(&after.site))
        .copied();
    let reasons = after.standing.hold_reasons();
    store::Decision {
        decision_id: DecisionId::fresh(),
        resident_id: after.resident_id,
        print_request_id: Some(after.print_request_id),
        applicant_class: after.applicant_class,
        policy_version: after.policy_version,
        outcome: if reasons.is_empty() {
            DecisionOutcome::Released
        } else {
            DecisionOutcome::Held
        },
        reasons: reasons.names(),
        facts: json!({
            "day": day.to_string(),
            "enrolled_on": after.enrolled_on.to_string(),
            "requested_at": after.requested_at.unix_timestamp(),
            "site_room": room,
            "spare_blanks": seen.spare,
        }),
    }
}
