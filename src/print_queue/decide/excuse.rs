//! Who of those passed over is explained: a dispatch keeps for each reason how many it passed over, not whom, and several
//! reasons can be true of one person. As many are explained as can be, each by one reason of which enough were kept.

use crate::print_queue::{
    HoldReason,
    dispatch::{Dispatch, LOOKED_AT_MAX, PassReason},
};

/// The reasons for which somebody in the queue is passed over. For every other one a request is held.
const OF_QUEUED: [PassReason; 6] = [
    PassReason::Hold(HoldReason::EnrolmentWindow),
    PassReason::Hold(HoldReason::ClassHeld),
    PassReason::NotResident,
    PassReason::NotPrintReady,
    PassReason::CardUnderWay,
    PassReason::LeftMeanwhile,
];
const REASONS: usize = OF_QUEUED.len();
/// How many sets of reasons there are.
const SETS: usize = 1 << REASONS;

/// The reasons that can be true of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possible(u8);

impl Possible {
    /// None.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub fn with(self, reason: PassReason) -> Self {
        let bit = OF_QUEUED.iter().position(|one| *one == reason);
        Self(self.0 | bit.map_or(0, |bit| 1 << bit))
    }

    fn contains(self, reason: usize) -> bool {
        self.0 & (1 << reason) != 0
    }
}

/// How many a dispatch has excused for each reason.
#[derive(Debug, Clone, Copy)]
pub struct Excuses([u32; REASONS]);

impl Excuses {
    /// Those that a dispatch kept. The held, who stood before the last one given as well, count among them and are known; where
    /// more were passed over than were looked at, a reason that was kept excuses any number.
    pub fn of(dispatch: &Dispatch, held: impl Iterator<Item = HoldReason>, queued: usize) -> Self {
        let (mut held_for, mut all_held) = ([0_u32; REASONS], 0_usize);
        for reason in held {
            all_held += 1;
            let slot = OF_QUEUED
                .iter()
                .position(|one| *one == PassReason::Hold(reason));
            if let Some(slot) = slot {
                held_for[slot] += 1;
            }
        }
        let is_cut = queued.max(all_held) > usize::from(LOOKED_AT_MAX);
        let mut kept = [0; REASONS];
        for (slot, reason) in OF_QUEUED.into_iter().enumerate() {
            let passes = dispatch.passes.iter().filter(|(kind, _)| *kind == reason);
            let passed: u32 = passes.map(|(_, passed)| passed.unsigned_abs()).sum();
            kept[slot] = match (passed, is_cut) {
                (0, _) => 0,
                (_, true) => u32::MAX,
                (passed, false) => passed.saturating_sub(held_for[slot]),
            };
        }
        Self(kept)
    }
}

/// Those whom nothing explains, in their order.
pub fn unexplained<T: Copy>(
    passed: &[T],
    excuses: Excuses,
    possible: impl Fn(&T) -> Possible,
) -> Vec<T> {
    let mut given = Given {
        excuses,
        to: [[0; SETS]; REASONS],
    };
    // From the end, so that where not all can be explained the most senior are left over.
    let mut left: Vec<T> = passed
        .iter()
        .rev()
        .filter(|one| !given.excuse(possible(one), &mut 0))
        .copied()
        .collect();
    left.reverse();
    left
}

/// The excuses given so far: for each reason, to how many of each set of possible reasons.
struct Given {
    excuses: Excuses,
    to: [[u32; SETS]; REASONS],
}

impl Given {
    /// Gives an excuse, taking one from somebody who can have another if need be; `tried` are the reasons that were asked before.
    fn excuse(&mut self, who: Possible, tried: &mut u8) -> bool {
        for reason in (0..REASONS).filter(|reason| who.contains(*reason)) {
            if *tried & (1 << reason) != 0 {
                continue;
            }
            *tried |= 1 << reason;
            let used: u32 = self.to[reason].iter().sum();
            if used < self.excuses.0[reason] {
                self.to[reason][usize::from(who.0)] += 1;
                return true;
            }
            for set in (0..=u8::MAX).take(SETS) {
                let (slot, other) = (usize::from(set), Possible(set));
                if self.to[reason][slot] > 0 && self.excuse(other, tried) {
                    self.to[reason][slot] -= 1;
                    self.to[reason][usize::from(who.0)] += 1;
                    return true;
                }
            }
        }
        false
    }
}
