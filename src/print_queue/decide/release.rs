//! What the review makes of a request that waits: let into the queue, held from now on, or held for something else.
//!
//! What is easily got wrong: who is released takes a place of the site's day and a blank above the demand, so requests are
//! reviewed one after the other, the most senior first, against what those before have left.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use crate::{
    areas::TimeZone,
    policy::{ClassOutcome, ClassRule, Policy},
    print_queue::{HoldReason, HoldReasons, PrintRequest, Standing, decide::moved},
};

/// Reasons that no rule lifts.
const NOT_OF_RULES: [HoldReason; 3] = [
    HoldReason::AwaitingCentre,
    HoldReason::MovedOut,
    HoldReason::Incident,
];

/// What a district's review can still give.
#[derive(Debug, Clone, Default)]
pub struct Supply {
    /// How many of each site may come into the queue today; without a quota none is named and all may.
    pub rooms: Option<BTreeMap<String, i64>>,
    /// How many blanks there are above the open requests.
    pub spare: i64,
}

impl Supply {
    fn has_room(&self, site: &str) -> bool {
        let Some(rooms) = &self.rooms else {
            return true;
        };
        rooms.get(site).is_some_and(|room| *room > 0)
    }

    fn take(&mut self, site: &str) {
        self.spare -= 1;
        if let Some(room) = self.rooms.as_mut().and_then(|rooms| rooms.get_mut(site)) {
            *room -= 1;
        }
    }
}

/// The request as it stands from now on under the version in force; nothing where that changes nothing.
pub fn release(
    request: &PrintRequest,
    policy: &Policy,
    supply: &mut Supply,
    at: OffsetDateTime,
) -> Option<PrintRequest> {
    let rule = policy.rule(request.applicant_class)?;
    let held = by_rule(request, rule, at);
    let standing = match &request.standing {
        // Admitted or released under this version: that stands.
        Standing::Queued if request.policy_version == policy.version => return None,
        Standing::Queued if !held.is_empty() => Standing::Held(held),
        Standing::Queued if rule.outcome == ClassOutcome::Admit => return None,
        // It has waited long enough: released anew, under this version, so that the printers see it.
        Standing::Queued => Standing::Queued,
        Standing::Held(reasons) => {
            let today = TimeZone::of(request.district).local_date(at);
            if !policy.calendar.is_open(today)
                || NOT_OF_RULES
                    .into_iter()
                    .any(|other| reasons.contains(other))
            {
                return None;
            }
            let next = next_of_held(request, (rule, held), supply);
            if next == request.standing {
                return None;
            }
            if next == Standing::Queued {
                supply.take(&request.site);
            }
            next
        }
        Standing::Leased(_)
        | Standing::Bound(..)
        | Standing::InDoubt(..)
        | Standing::Printed(_)
        | Standing::Cancelled(_) => return None,
    };
    Some(PrintRequest {
        policy_version: policy.version,
        ..moved(request, standing, at)
    })
}

fn next_of_held(
    request: &PrintRequest,
    (rule, held): (&ClassRule, HoldReasons),
    supply: &Supply,
) -> Standing {
    let only_class = held == HoldReasons::NONE.with(HoldReason::ClassHeld);
    let above = only_class && rule.release.above_demand && supply.spare > 0;
    let has_room = supply.has_room(&request.site);
    if (held.is_empty() || above) && has_room {
        Standing::Queued
    } else if held.is_empty() {
        Standing::Held(HoldReasons::NONE.with(HoldReason::Quota))
    } else {
        Standing::Held(held)
    }
}

/// What the rule itself holds against a request.
fn by_rule(request: &PrintRequest, rule: &ClassRule, at: OffsetDateTime) -> HoldReasons {
    let class = match rule.outcome {
        ClassOutcome::Admit => false,
        ClassOutcome::Hold => !has_aged(request, rule, at),
        ClassOutcome::Refuse => true,
    };
    let outside = !rule.enrolled.contains(request.enrolled_on);
    [
        (class, HoldReason::ClassHeld),
        (outside, HoldReason::EnrolmentWindow),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}

/// Whether it was made so many local days ago as the version says.
fn has_aged(request: &PrintRequest, rule: &ClassRule, at: OffsetDateTime) -> bool {
    let zone = TimeZone::of(request.district);
    let (made, today) = (zone.local_date(request.requested_at), zone.local_date(at));
    rule.release
        .after_days
        .is_some_and(|days| today - made >= Duration::days(i64::from(days)))
}
