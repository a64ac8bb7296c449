//! The queue of a district, set up again as one dispatch after the other saw it.
//!
//! What is easily got wrong: a dispatch has not seen what it wrote itself, although its snapshot counts its own transaction
//! among the ended ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use time::OffsetDateTime;

use crate::{
    ids::PrintRequestId,
    policy::ApplicantClass,
    print_queue::{
        HoldReason, RequestState,
        decide::excuse::Possible,
        dispatch::{ByHand, Dispatch, History, OrderRule, PassReason},
    },
};

/// A place within a class.
type Within = (OffsetDateTime, PrintRequestId);

/// Where a request stands on the board.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Its stage, as an index.
    stage: usize,
    class: ApplicantClass,
    /// Its true seniority: the first stage's, or what two persons made of it.
    seniority_at: OffsetDateTime,
    /// The stage of the last change by hand.
    by_hand: Option<usize>,
}

/// The queue as a dispatch saw it.
pub struct Board<'a> {
    histories: BTreeMap<PrintRequestId, &'a History>,
    pieces: BTreeMap<PrintRequestId, Piece>,
    queued: BTreeMap<ApplicantClass, BTreeSet<Within>>,
    held: BTreeMap<ApplicantClass, BTreeMap<Within, HoldReason>>,
    /// Stages that no dispatch has seen yet, those of one request in their order.
    unseen: Vec<(PrintRequestId, usize)>,
}

impl<'a> Board<'a> {
    /// An empty board.
    pub fn new(histories: &'a [History]) -> Self {
        let stages = histories.iter().flat_map(|history| {
            (0..history.stages.len()).map(|stage| (history.print_request_id, stage))
        });
        Self {
            histories: histories
                .iter()
                .map(|history| (history.print_request_id, history))
                .collect(),
            pieces: BTreeMap::new(),
            queued: BTreeMap::new(),
            held: BTreeMap::new(),
            unseen: stages.collect(),
        }
    }

    /// Leaves out what not even the day's last dispatch saw: it would be looked at for every dispatch, and never placed.
    pub fn end_with(&mut self, last: Option<&Dispatch>) {
        let histories = &self.histories;
        self.unseen.retain(|(id, stage)| {
            let written_by = histories[id].stages[*stage].written_by;
            last.is_some_and(|last| last.saw.sees(written_by))
        });
    }

    /// Sets up what a dispatch saw; each sees what the one before it saw and more, because a queue is leased by one act at a
    /// time.
    pub fn turn_to(&mut self, dispatch: &Dispatch) {
        for (id, stage) in std::mem::take(&mut self.unseen) {
            let written_by = self.histories[&id].stages[stage].written_by;
            if written_by != dispatch.written_by && dispatch.saw.sees(written_by) {
                self.place(id, stage);
            } else {
                self.unseen.push((id, stage));
            }
        }
    }

    fn place(&mut self, id: PrintRequestId, stage: usize) {
        let says = &self.histories[&id].stages[stage];
        let mut piece = self.pieces.get(&id).copied().unwrap_or(Piece {
            stage,
            class: says.applicant_class,
            seniority_at: says.seniority_at,
            by_hand: None,
        });
        let within = (piece.seniority_at, id);
        self.queued.entry(piece.class).or_default().remove(&within);
        self.held.entry(piece.class).or_default().remove(&within);
        piece.stage = stage;
        if let Some(by_hand) = &says.by_hand
            && by_hand.before == piece.seniority_at
        {
            piece.seniority_at = by_hand.after;
            piece.by_hand = Some(stage);
        }
        let within = (piece.seniority_at, id);
        match (says.state, says.held_for) {
            (RequestState::Queued, _) => {
                self.queued.entry(piece.class).or_default().insert(within);
            }
            (RequestState::Held, Some(reason)) => {
                let held = self.held.entry(piece.class).or_default();
                held.insert(within, reason);
            }
            (RequestState::Held, None)
            | (
                RequestState::Leased
                | RequestState::Bound
                | RequestState::InDoubt
                | RequestState::Printed
                | RequestState::Cancelled,
                _,
            ) => {}
        }
        self.pieces.insert(id, piece);
    }

    /// The place of a request, if it stands in the queue.
    pub fn queued(&self, id: PrintRequestId) -> Option<(ApplicantClass, OffsetDateTime)> {
        let piece = self.pieces.get(&id)?;
        let queue = self.queued.get(&piece.class)?;
        queue
            .contains(&(piece.seniority_at, id))
            .then_some((piece.class, piece.seniority_at))
    }

    /// The queued of a class before a place, in their order.
    pub fn queue_of(
        &self,
        class: ApplicantClass,
        before: Option<Within>,
    ) -> impl Iterator<Item = Within> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let queue = self.queued.get(&class).into_iter();
        queue.flat_map(move |queue| queue.range((Bound::Unbounded, end)).copied())
    }

    /// Why those of a class are held that stand before a place.
    pub fn held_of(
        &self,
        class: ApplicantClass,
        before: Option<Within>,
    ) -> impl Iterator<Item = HoldReason> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let held = self.held.get(&class).into_iter();
        held.flat_map(move |held| {
            let stretch = held.range((Bound::Unbounded, end));
            stretch.map(|(_, reason)| *reason)
        })
    }

    /// Of a request that two persons moved forward: its class, where it stood before, and their change.
    pub fn by_hand(
        &self,
        id: PrintRequestId,
    ) -> Option<(ApplicantClass, OffsetDateTime, &'a ByHand)> {
        let piece = self.pieces.get(&id)?;
        let stages = &self.histories.get(&id)?.stages;
        let by_hand = stages.get(piece.by_hand?)?.by_hand.as_ref()?;
        let first = stages.first()?.seniority_at;
        (piece.seniority_at < first).then_some((piece.class, first, by_hand))
    }

    /// For which reasons a dispatch can have passed over a queued request, as far as the tables still tell.
    pub fn possible(&self, dispatch: &Dispatch, id: PrintRequestId, rule: &OrderRule) -> Possible {
        let (Some(history), Some(piece)) = (self.histories.get(&id), self.pieces.get(&id)) else {
            return Possible::NONE;
        };
        if !rule.enrolled.contains(history.enrolled_on) {
            // The lease asks this first, and it never changes.
            return Possible::NONE.with(PassReason::Hold(HoldReason::EnrolmentWindow));
        }
        let next = history.stages.get(piece.stage + 1);
        let left = next.is_some_and(|next| next.recorded_at < dispatch.recorded_at);
        // Where the identity stood and which cards were under way is not kept by the hour.
        let unkept = [PassReason::NotPrintReady, PassReason::CardUnderWay];
        let kept = [
            (!rule.is_admitted).then_some(PassReason::Hold(HoldReason::ClassHeld)),
            (!history.is_resident).then_some(PassReason::NotResident),
            left.then_some(PassReason::LeftMeanwhile),
        ];
        unkept
            .into_iter()
            .chain(kept.into_iter().flatten())
            .fold(Possible::NONE, Possible::with)
    }
}
