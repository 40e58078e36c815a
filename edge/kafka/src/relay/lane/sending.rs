//! Sending, and what the answers mean.

use bytes::Bytes;

use super::{Lane, Next, Output, Phase, StopReason, TRUST_MS, Trouble, Why};
use crate::Millis;
use crate::api::{Answer, produce};
use crate::cluster::Failure;
use crate::error_code::{Class, ErrorCode};
use crate::relay::FROZEN_MAX;

impl Lane {
    /// The next batch to send and its bytes, if one may be sent and `bytes_max` allows it. It counts as sent.
    pub(in crate::relay) fn next_to_send(&mut self, now: Millis, bytes_max: usize) -> Option<(i32, Bytes)> {
        let window = if now < self.trusted_until { FROZEN_MAX } else { 1 };
        if !matches!(self.phase, Phase::Sending) || self.in_flight.len() >= window {
            return None;
        }
        let mut stored = self.state.frozen.iter().take(self.stored);
        let frozen = stored.find(|frozen| !self.in_flight.contains(&frozen.base_sequence))?;
        let bytes = frozen.bytes.clone().filter(|bytes| bytes.len() <= bytes_max)?;
        self.in_flight.push(frozen.base_sequence);
        Some((frozen.base_sequence, bytes))
    }

    pub(super) fn take_produced(
        &mut self,
        base_sequence: i32,
        outcome: Result<Answer, Failure>,
        now: Millis,
    ) {
        let trouble = match outcome {
            Ok(Answer::Produce(answer)) => match self.judge(base_sequence, answer, now) {
                Some(trouble) => trouble,
                None => return,
            },
            Err(Failure::Refused(error)) => return self.stop(StopReason::Refused(error)),
            Ok(_) | Err(Failure::Broken(_) | Failure::Unreachable(_)) => Trouble::Unknown { distrust: false },
        };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Sending => Phase::Draining(trouble),
            Phase::Draining(earlier) => Phase::Draining(worse(earlier, trouble)),
            other => other,
        };
    }

    /// What an answer to a Produce means: acknowledged or stopped (`None`), or trouble.
    fn judge(&mut self, base_sequence: i32, answer: produce::Answer, now: Millis) -> Option<Trouble> {
        let head = self.state.frozen.front().map(|frozen| frozen.base_sequence);
        match answer.error {
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => {
                let count =
                    self.state.frozen.iter().find(|frozen| frozen.base_sequence == base_sequence)?.count;
                let known = answer.base_offset >= 0;
                let next_offset =
                    if known { answer.base_offset.saturating_add(i64::from(count)) } else { -1 };
                self.trusted_until = now + TRUST_MS;
                self.acknowledge(base_sequence, next_offset, answer.log_append_time_ms >= 0);
                None
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER => {
                Some(Trouble::Gap { at_head: head == Some(base_sequence) })
            }
            ErrorCode::INVALID_PRODUCER_EPOCH | ErrorCode::PRODUCER_FENCED => {
                self.stop(StopReason::Fenced);
                None
            }
            error => match error.class() {
                Class::Fatal | Class::Accepted => {
                    let message = answer.message.unwrap_or_default();
                    self.stop(StopReason::Rejected { base_sequence, error, message });
                    None
                }
                Class::Retriable => {
                    self.outputs.push(Output::Postponed(error));
                    Some(Trouble::Unknown { distrust: false })
                }
                Class::ReloadMetadata | Class::ReloadCoordinator => {
                    // A leader that has moved is everyday life; a broken disk is not.
                    if error == ErrorCode::KAFKA_STORAGE_ERROR {
                        self.outputs.push(Output::Postponed(error));
                    }
                    Some(Trouble::Unknown { distrust: true })
                }
            },
        }
    }

    pub(super) fn acknowledge(&mut self, base_sequence: i32, next_offset: i64, repeat: bool) {
        if !self.state.acknowledge(base_sequence, next_offset) {
            return;
        }
        self.stored = self.stored.saturating_sub(1);
        self.loss_accepted = false;
        self.backoff.reset();
        self.searches = 0;
        self.refusals = 0;
        if let Some(scan_from) = self.state.scan_from {
            self.outputs.push(Output::Acknowledged { base_sequence, scan_from, repeat });
        }
    }

    /// Once nothing is in flight any more, the trouble is dealt with.
    pub(super) fn finish_draining(&mut self, now: Millis) {
        let Phase::Draining(trouble) = self.phase else { return };
        if !self.in_flight.is_empty() {
            return;
        }
        self.trusted_until = 0;
        match trouble {
            Trouble::Unknown { distrust } => {
                if distrust {
                    self.outputs.push(Output::Distrust);
                }
                self.rest(now, Next::ReadBack { must_find: false });
            }
            Trouble::Gap { at_head } => self.go(now, Next::Describe(Why::Gap { at_head })),
        }
    }
}

/// An unknown outcome comes first: the gaps after it are its consequence.
fn worse(left: Trouble, right: Trouble) -> Trouble {
    match (left, right) {
        (Trouble::Unknown { distrust: left }, Trouble::Unknown { distrust: right }) => {
            Trouble::Unknown { distrust: left || right }
        }
        (unknown @ Trouble::Unknown { .. }, Trouble::Gap { .. })
        | (Trouble::Gap { .. }, unknown @ Trouble::Unknown { .. }) => unknown,
        (Trouble::Gap { at_head: left }, Trouble::Gap { at_head: right }) => {
            Trouble::Gap { at_head: left || right }
        }
    }
}
