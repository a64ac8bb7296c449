//! Who is explained, and what a snapshot sees.

use super::*;
use crate::print_queue::{
    HoldReason,
    decide::excuse::{Excuses, Possible, unexplained},
    dispatch::{Dispatch, PassReason, Snapshot},
};

fn dispatch(passes: &[(PassReason, i32)]) -> Dispatch {
    Dispatch {
        number: 1,
        day: NOW.date(),
        policy_version: 1,
        terminal: HOLDER.to_owned(),
        officer: None,
        leased: Vec::new(),
        saw: "10:20:12".parse().expect("a snapshot"),
        written_by: 15,
        recorded_at: NOW,
        passes: passes.to_vec(),
    }
}

/// Who is left over of some, each with the reasons that can be true.
fn left(passes: &[(PassReason, i32)], held: &[HoldReason], some: &[&[PassReason]]) -> Vec<usize> {
    let who: Vec<usize> = (0..some.len()).collect();
    let excuses = Excuses::of(&dispatch(passes), held.iter().copied(), some.len());
    unexplained(&who, excuses, |one| {
        some[*one]
            .iter()
            .fold(Possible::NONE, |set, reason| set.with(*reason))
    })
}

#[test]
fn an_excuse_goes_to_whoever_can_have_no_other() {
    use PassReason::{CardUnderWay, LeftMeanwhile, NotResident};
    let passes = [(NotResident, 1), (LeftMeanwhile, 1), (CardUnderWay, 1)];
    let all = [
        &[NotResident, LeftMeanwhile, CardUnderWay][..],
        &[NotResident, LeftMeanwhile],
        &[NotResident],
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let some = order.map(|place| all[place]);
        assert_eq!(left(&passes, &[], &some), Vec::<usize>::new(), "{order:?}");
    }
    // There is one excuse too few: the most senior is left over.
    assert_eq!(left(&passes[..2], &[], &[all[0], all[1], all[2]]), [0]);
}

#[test]
fn an_excuse_that_was_kept_for_a_held_one_excuses_nobody_in_the_queue() {
    let held = PassReason::Hold(HoldReason::ClassHeld);
    let some: [&[PassReason]; 1] = [&[held]];
    assert_eq!(left(&[(held, 1)], &[HoldReason::ClassHeld], &some), [0]);
    assert!(left(&[(held, 2)], &[HoldReason::ClassHeld], &some).is_empty());
}

#[test]
fn a_snapshot_sees_what_had_ended() {
    let snapshot: Snapshot = "10:20:12,15".parse().expect("a snapshot");
    let seen: Vec<u64> = (8..22).filter(|one| snapshot.sees(*one)).collect();
    assert_eq!(seen, [8, 9, 10, 11, 13, 14, 16, 17, 18, 19]);
    let idle: Snapshot = "7:7:".parse().expect("nobody is at work");
    assert!(idle.sees(6) && !idle.sees(7));
    assert!("7:x:".parse::<Snapshot>().is_err());
}
