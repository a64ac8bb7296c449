//! The replay of a day: was everybody leased in turn?
//!
//! A dispatch saw the queue through one snapshot, and each stage of a request says which transaction wrote it: so the queue is
//! set up again exactly as the dispatch saw it, walked in the order of its policy, and compared with what it gave. Whoever
//! stood before the last one given and got nothing needs a reason that the dispatch has kept and that can be true of them.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    ids::PrintRequestId,
    policy::ApplicantClass,
    print_queue::{
        RequestState,
        decide::{board::Board, excuse},
        dispatch::{
            Dispatch, Evidence, Favour, Finding, FindingKind, History, OrderRule, Replay, Stage,
        },
    },
};

/// A place in the order: the rank of the class, the seniority, the id.
type Ranked = (usize, OffsetDateTime, PrintRequestId);

/// Replays the dispatches of the day.
pub fn replay(evidence: &Evidence) -> Replay {
    let mut found = Replay::default();
    let mut leased_today = BTreeSet::new();
    let mut board = Board::new(&evidence.histories);
    let of_the_day = |dispatch: &&Dispatch| dispatch.day == evidence.day;
    board.end_with(evidence.dispatches.iter().rfind(of_the_day));
    for dispatch in evidence.dispatches.iter().filter(of_the_day) {
        leased_today.extend(dispatch.leased.iter().copied());
        board.turn_to(dispatch);
        let rules = evidence.rules.get(&dispatch.policy_version);
        check(
            dispatch,
            &board,
            rules.map_or(&[], Vec::as_slice),
            &mut found,
        );
    }
    let finding = |kind, print_request_id| Finding {
        kind,
        dispatch: None,
        print_request_id,
        instead_of: None,
    };
    for history in &evidence.histories {
        let kinds = check_history(history, evidence, &leased_today);
        let kinds = kinds.into_iter();
        found
            .findings
            .extend(kinds.map(|kind| finding(kind, history.print_request_id)));
    }
    let leases = leases_without_dispatch(evidence).into_iter();
    found
        .findings
        .extend(leases.map(|id| finding(FindingKind::WithoutDispatch, id)));
    found
}

/// Compares one dispatch with the queue that it saw.
fn check(dispatch: &Dispatch, board: &Board<'_>, rules: &[OrderRule], found: &mut Replay) {
    let number = dispatch.number;
    let finding = |kind, print_request_id, instead_of| Finding {
        kind,
        dispatch: Some(number),
        print_request_id,
        instead_of,
    };
    let rank = |class: ApplicantClass| rules.iter().position(|rule| rule.applicant_class == class);
    let mut given: Vec<Ranked> = Vec::new();
    for id in &dispatch.leased {
        match board
            .queued(*id)
            .and_then(|(class, at)| Some((rank(class)?, at, *id)))
        {
            Some(place) => given.push(place),
            None => found
                .findings
                .push(finding(FindingKind::NotInQueue, *id, None)),
        }
    }
    if let Some(pair) = given.windows(2).find(|pair| pair[0] > pair[1]) {
        let (late, early) = (pair[0].2, pair[1].2);
        found
            .findings
            .push(finding(FindingKind::WrongOrder, late, Some(early)));
    }
    given.sort_unstable();
    let Some(last) = given.last().copied() else {
        return;
    };
    let before = |rank: usize| {
        let class = rules.get(rank).map(|rule| rule.applicant_class);
        let bound = (rank == last.0).then_some((last.1, last.2));
        class.map(|class| (class, bound))
    };
    let stretches: Vec<_> = (0..=last.0).filter_map(before).collect();
    let is_given: BTreeSet<PrintRequestId> = dispatch.leased.iter().copied().collect();
    let passed: Vec<Ranked> = stretches
        .iter()
        .zip(0..)
        .flat_map(|((class, bound), rank)| {
            let stretch = board.queue_of(*class, *bound);
            stretch.map(move |(at, id)| (rank, at, id))
        })
        .filter(|place| !is_given.contains(&place.2))
        .collect();
    let held = stretches
        .iter()
        .flat_map(|(class, bound)| board.held_of(*class, *bound));
    let excuses = excuse::Excuses::of(dispatch, held, passed.len());
    let unexplained = excuse::unexplained(&passed, excuses, |place| {
        let rule = rules.get(place.0);
        rule.map_or(excuse::Possible::NONE, |rule| {
            board.possible(dispatch, place.2, rule)
        })
    });
    for (ahead, behind) in jumps(&given, &unexplained) {
        found
            .findings
            .push(finding(FindingKind::JumpedAhead, ahead, Some(behind)));
    }
    found.favours.extend(favours(dispatch, board, &given));
}

/// Who was given a card in whose place: those who would have been given one, had nobody been passed over, against those who
/// would not. Both sorted; there are as many of the one as of the other.
fn jumps(given: &[Ranked], unexplained: &[Ranked]) -> Vec<(PrintRequestId, PrintRequestId)> {
    let mut turn: Vec<&Ranked> = given.iter().chain(unexplained).collect();
    turn.sort_unstable();
    turn.truncate(given.len());
    let in_turn: BTreeSet<PrintRequestId> = turn.iter().map(|place| place.2).collect();
    let ahead = given.iter().filter(|place| !in_turn.contains(&place.2));
    let behind = unexplained
        .iter()
        .filter(|place| in_turn.contains(&place.2));
    ahead.zip(behind).map(|(a, b)| (a.2, b.2)).collect()
}

/// Who was given a card before others of the same class only because two persons changed the order.
fn favours(dispatch: &Dispatch, board: &Board<'_>, given: &[Ranked]) -> Vec<Favour> {
    let favour = |(_, at, id): &Ranked| {
        let (class, first, by_hand) = board.by_hand(*id)?;
        let behind = board.queue_of(class, Some((first, *id)));
        let passed = behind
            .filter(|(other_at, other)| (other_at, other) > (at, id))
            .filter(|(_, other)| !dispatch.leased.contains(other))
            .count();
        (passed > 0).then(|| Favour {
            dispatch: dispatch.number,
            print_request_id: *id,
            by_hand: by_hand.clone(),
            passed: u32::try_from(passed).unwrap_or(u32::MAX),
        })
    };
    given.iter().filter_map(favour).collect()
}

/// What is wrong with how a request stood that day, whether or not somebody was passed over by it.
fn check_history(
    history: &History,
    evidence: &Evidence,
    leased_today: &BTreeSet<PrintRequestId>,
) -> BTreeSet<FindingKind> {
    let mut found = BTreeSet::new();
    let mut place = None;
    let is_today = |stage: &Stage| evidence.zone.local_date(stage.began_at) == evidence.day;
    for stage in &history.stages {
        let (class, seniority_at) =
            *place.get_or_insert((stage.applicant_class, stage.seniority_at));
        let by_hand = stage.by_hand.as_ref();
        let seniority_at = by_hand
            .filter(|by_hand| by_hand.before == seniority_at)
            .map_or(seniority_at, |by_hand| by_hand.after);
        place = Some((class, seniority_at));
        let is_first = stage.stage == 1;
        let is_its_own = (stage.applicant_class, stage.seniority_at) == (class, seniority_at);
        let matters =
            is_today(stage) || (is_first && leased_today.contains(&history.print_request_id));
        if !matters {
            continue;
        }
        if !is_its_own || !stage.has_place_ground {
            found.insert(FindingKind::PlaceForged);
        }
        if !stage.has_hold_ground {
            found.insert(FindingKind::HeldWithoutGround);
        }
    }
    if !history.columns_agree {
        found.insert(FindingKind::ColumnsDiffer);
    }
    found
}

/// Leases of the day that no dispatch speaks of.
fn leases_without_dispatch(evidence: &Evidence) -> Vec<PrintRequestId> {
    let acts: BTreeMap<u64, &Dispatch> = evidence
        .dispatches
        .iter()
        .map(|dispatch| (dispatch.written_by, dispatch))
        .collect();
    let speaks_of = |stage: &Stage, id: &PrintRequestId| {
        let act = acts.get(&stage.written_by);
        act.is_some_and(|dispatch| dispatch.leased.contains(id))
    };
    let is_lease = |stage: &&Stage| {
        stage.state == RequestState::Leased
            && evidence.zone.local_date(stage.began_at) == evidence.day
            && evidence.as_of.sees(stage.written_by)
    };
    evidence
        .histories
        .iter()
        .flat_map(|history| {
            let leases = history.stages.iter().filter(is_lease);
            leases.map(move |stage| (stage, history.print_request_id))
        })
        .filter(|(stage, id)| !speaks_of(stage, id))
        .map(|(_, id)| id)
        .collect()
}
