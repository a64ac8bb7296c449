//! A day's replay, to the contract; and the day, from it.

use std::collections::BTreeMap;

use time::Date;

use super::seniority::said_reason;
use crate::{
    error::Result,
    ids::{District, OfficerId},
    print_queue::{
        dispatch::{Dispatch, Favour, Finding, FindingKind},
        steps::Verified,
    },
    proto,
    violations::Violations,
    wire::{date, district_of_call},
};

/// The most findings, and the most favours, that one answer lists: more are a matter for the database's own tools.
const LISTED_MAX: usize = 500;

/// Parses whose day is replayed.
pub fn verify_dispatch_order(
    message: &proto::VerifyDispatchOrderRequest,
    own: Option<District>,
) -> Result<(District, Date)> {
    let mut violations = Violations::new();
    let district = district_of_call(&mut violations, own, &message.district);
    let day = violations.take("day", date(&message.day));
    let (Some(district), Some(day)) = (district, day) else {
        return Err(violations.error());
    };
    violations.finish((district, day))
}

/// The answer to a replay.
pub fn verify_response(verified: &Verified) -> proto::VerifyDispatchOrderResponse {
    let (dispatches, replay) = (&verified.dispatches, &verified.replay);
    let by_number: BTreeMap<i64, &Dispatch> = dispatches.iter().map(|d| (d.number, d)).collect();
    let mut passed_over: BTreeMap<String, u32> = BTreeMap::new();
    for (reason, passed) in dispatches.iter().flat_map(|d| &d.passes) {
        *passed_over.entry(reason.name().to_owned()).or_default() += passed.unsigned_abs();
    }
    let listed = replay.findings.iter().take(LISTED_MAX);
    proto::VerifyDispatchOrderResponse {
        dispatches: count(dispatches.len()),
        leased: count(dispatches.iter().map(|d| d.leased.len()).sum()),
        passed_over,
        findings: listed.map(|one| finding(one, &by_number)).collect(),
        findings_total: count(replay.findings.len()),
        officers: officers(dispatches, &replay.findings, &by_number),
        favours: replay.favours.iter().take(LISTED_MAX).map(favour).collect(),
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn finding(finding: &Finding, by_number: &BTreeMap<i64, &Dispatch>) -> proto::DispatchFinding {
    let dispatch = finding.dispatch.and_then(|number| by_number.get(&number));
    let officer = dispatch.and_then(|dispatch| dispatch.officer.as_ref());
    proto::DispatchFinding {
        kind: kind(finding.kind).into(),
        dispatch: finding.dispatch.map_or(0, i64::unsigned_abs),
        terminal: dispatch.map(|d| d.terminal.clone()).unwrap_or_default(),
        badge: officer.map(|(_, badge)| badge.clone()).unwrap_or_default(),
        print_request_id: finding.print_request_id.to_string(),
        instead_of: finding
            .instead_of
            .map(|id| id.to_string())
            .unwrap_or_default(),
    }
}

fn kind(kind: FindingKind) -> proto::DispatchFindingKind {
    match kind {
        FindingKind::JumpedAhead => proto::DispatchFindingKind::JumpedAhead,
        FindingKind::WithoutDispatch => proto::DispatchFindingKind::WithoutDispatch,
        FindingKind::WrongOrder => proto::DispatchFindingKind::WrongOrder,
        FindingKind::NotInQueue => proto::DispatchFindingKind::NotInQueue,
        FindingKind::PlaceForged => proto::DispatchFindingKind::PlaceForged,
        FindingKind::HeldWithoutGround => proto::DispatchFindingKind::HeldWithoutGround,
        FindingKind::ColumnsDiffer => proto::DispatchFindingKind::ColumnsDiffer,
    }
}

fn favour(favour: &Favour) -> proto::DispatchFavour {
    proto::DispatchFavour {
        dispatch: favour.dispatch.unsigned_abs(),
        print_request_id: favour.print_request_id.to_string(),
        reason: said_reason(favour.by_hand.reason).into(),
        approval_id: favour.by_hand.approval_id.to_string(),
        requested_by: favour.by_hand.asked_by.clone(),
        approved_by: favour.by_hand.approved_by.clone(),
        passed: favour.passed,
    }
}

/// Each officer's share, and what nobody's dispatch did.
fn officers(
    dispatches: &[Dispatch],
    findings: &[Finding],
    by_number: &BTreeMap<i64, &Dispatch>,
) -> Vec<proto::OfficerDispatches> {
    let mut shares: BTreeMap<Option<OfficerId>, proto::OfficerDispatches> = BTreeMap::new();
    for dispatch in dispatches {
        let (id, badge) = dispatch.officer.clone().unzip();
        let share = shares.entry(id).or_default();
        share.officer_id = id.map(|id| id.to_string()).unwrap_or_default();
        share.badge = badge.unwrap_or_default();
        share.dispatches += 1;
        share.leased += count(dispatch.leased.len());
    }
    for finding in findings {
        let dispatch = finding.dispatch.and_then(|number| by_number.get(&number));
        let officer = dispatch.and_then(|dispatch| dispatch.officer.as_ref());
        shares
            .entry(officer.map(|(id, _)| *id))
            .or_default()
            .findings += 1;
    }
    shares.into_values().collect()
}
