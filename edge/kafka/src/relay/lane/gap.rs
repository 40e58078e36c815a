//! What the broker's memory of the producer says about a gap, and about records that were deleted unchecked.

use super::{Lane, Next, Output, Phase, REFUSALS_MAX, StopReason, Why};
use crate::Millis;
use crate::api::describe_producers;
use crate::batch::{sequence_after, sequence_before};
use crate::relay::PartitionState;

impl Lane {
    pub(super) fn explain(&mut self, now: Millis, why: Why, answer: &describe_producers::Answer) {
        let producer = self.state.producer;
        let listed = answer.producers.iter().find(|listed| listed.producer_id == producer.producer_id);
        if listed.is_some_and(|listed| listed.epoch > i32::from(producer.epoch)) {
            return self.stop(StopReason::Fenced);
        }
        let last_sequence = listed
            .filter(|listed| listed.epoch == i32::from(producer.epoch) && listed.last_sequence >= 0)
            .map(|listed| listed.last_sequence);
        match (why, last_sequence) {
            (Why::Gap { at_head }, Some(last_sequence)) => self.explain_gap(now, at_head, last_sequence),
            // Forgotten, or an epoch that has not written yet: what is in the log decides.
            (Why::Gap { .. }, None) => self.rest(now, Next::ReadBack { must_find: false }),
            (Why::Deleted { .. }, Some(last_sequence)) => self.explain_deleted(now, last_sequence),
            (Why::Deleted { from }, None) => self.stop(StopReason::DeletedUnchecked(from)),
        }
    }

    fn explain_gap(&mut self, now: Millis, at_head: bool, last_sequence: i32) {
        let Some(head) = self.state.frozen.front() else {
            return self.go(now, Next::ReadBack { must_find: false });
        };
        let base_sequence = head.base_sequence;
        if !sequence_before(last_sequence, head.last_sequence()) {
            // Written, but older than the five batches the broker recognises.
            return self.go(now, Next::ReadBack { must_find: true });
        }
        if sequence_after(last_sequence, 1) == base_sequence {
            // Nothing before the head is missing: something before a later batch was, and the head is its beginning.
            self.refusals += u32::from(at_head);
            if self.refusals > REFUSALS_MAX {
                return self.stop(StopReason::SequenceRefused(base_sequence));
            }
            return self.rest(now, Next::ReadBack { must_find: false });
        }
        if sequence_before(last_sequence, base_sequence) {
            return self.lose(now, last_sequence, base_sequence);
        }
        // The broker's last sequence lies inside the head: it is not our batch that it has.
        self.stop(StopReason::SequenceRefused(base_sequence));
    }

    /// The broker's log of this producer ends before the first open batch: none of them is in it.
    fn lose(&mut self, now: Millis, last_sequence: i32, next_sequence: i32) {
        if !std::mem::take(&mut self.loss_accepted) {
            return self.stop(StopReason::AcknowledgedLost { last_sequence, next_sequence });
        }
        self.moving_on = true;
        self.go(now, Next::Locate);
    }

    /// The open batches follow on the end of the log, under the next epoch, which also keeps late copies of the old one out. None is
    /// sent before it is stored under its new name.
    pub(super) fn move_on(&mut self) {
        let Some(moved) = self.state.with_next_epoch() else { return self.stop(StopReason::EpochsUsedUp) };
        let names = |state: &PartitionState| state.frozen.iter().map(|frozen| frozen.base_sequence).collect();
        let (before, after): (Vec<i32>, Vec<i32>) = (names(&self.state), names(&moved));
        self.state = moved;
        self.stored = 0;
        self.outputs.push(Output::MovedOn { renamed: before.into_iter().zip(after).collect() });
        self.phase = Phase::Sending;
    }

    /// Whatever the broker's last sequence covers is written; the rest is not, and is sent again.
    fn explain_deleted(&mut self, now: Millis, last_sequence: i32) {
        if let Some(head) = self.state.frozen.front()
            && sequence_before(sequence_after(last_sequence, 1), head.base_sequence)
        {
            let next_sequence = head.base_sequence;
            return self.lose(now, last_sequence, next_sequence);
        }
        while let Some(head) = self.state.frozen.front()
            && self.stored > 0
            && !sequence_before(last_sequence, head.last_sequence())
        {
            self.acknowledge(head.base_sequence, -1, true);
        }
        self.go(now, Next::Locate);
    }
}
