//! The protocol of one partition.
//!
//! Locating → Sending ⇄ (Draining → Resting or Describing → ReadingBack) → Sending; Stopped is left by an operator only.

mod gap;
mod scan;
mod sending;

use crate::Millis;
use crate::api::{Answer, Request, describe_producers, fetch, list_offsets};
use crate::backoff::Backoff;
use crate::batch::{BatchTooLarge, Compression, Record};
use crate::cluster::Failure;
use crate::error_code::{Class, ErrorCode};
use crate::relay::{FROZEN_MAX, Frozen, PartitionState, RebuildRefusal};

/// An acknowledgement shows for this long that the broker still knows the producer; Kafka's own default is a day.
const TRUST_MS: Millis = 60_000;
/// How often a batch that the broker says it has may be looked for in vain.
const SEARCHES_MAX: u32 = 20;
/// How often the head may be refused as out of order though nothing is missing.
const REFUSALS_MAX: u32 = 3;
/// Of one read-back answer, in bytes.
const READ_BACK_BYTES: i32 = 1 << 20;

/// Why nothing more is published to a partition until an operator has looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// Another writer uses the producer with a newer epoch.
    #[error("another relay publishes under this producer id with a newer epoch")]
    Fenced,
    /// The broker refuses the batch as such: it would refuse it for ever.
    #[error("the broker refuses batch {base_sequence}: {error} {message}")]
    Rejected {
        /// Which.
        base_sequence: i32,
        /// Why.
        error: ErrorCode,
        /// The broker's words, perhaps none.
        message: String,
    },
    /// The topic is refused: no permission, or no such topic name.
    #[error("the cluster refuses the topic: {0}")]
    Refused(ErrorCode),
    /// The broker remembers less than it had acknowledged: an unclean leader election or a lost disk.
    #[error(
        "acknowledged records are lost: the broker's last sequence is {last_sequence}, the next one is {next_sequence}"
    )]
    AcknowledgedLost {
        /// The broker's.
        last_sequence: i32,
        /// Ours.
        next_sequence: i32,
    },
    /// The producer has no epoch left to go on under.
    #[error("acknowledged records are lost, and the producer's epochs are used up")]
    EpochsUsedUp,
    /// The head is refused as out of order although its predecessor is the broker's last.
    #[error("the broker refuses batch {0} as out of order though nothing is missing")]
    SequenceRefused(i32),
    /// The broker says that the batch is written, but no reader can see it.
    #[error("batch {0} is written by the broker's account and cannot be found in the log")]
    NotFound(i32),
    /// The log holds a later batch and not the earlier one.
    #[error("the log holds batch {found} but not batch {missing} before it")]
    OutOfOrder {
        /// In the log.
        found: i32,
        /// Not in the log.
        missing: i32,
    },
    /// Records were deleted before they were checked, and the broker does not remember the producer.
    #[error("records from offset {0} on were deleted before they could be checked")]
    DeletedUnchecked(i64),
    /// The topic is another one than before, or has another number of partitions.
    #[error("the topic has changed: {0}")]
    TopicChanged(String),
}

/// What happens to a lane.
#[derive(Debug)]
pub(super) enum Input {
    /// The frozen batch of this base sequence is durable.
    Stored(i32),
    /// The answer to a Produce.
    Produced(i32, Result<Answer, Failure>),
    /// The answer to the one question a lane asks at a time when it does not send.
    Answered(Result<Answer, Failure>),
    /// Time has passed.
    Tick,
    /// An operator says: go on; with `accept_loss` also if acknowledged records are still lost.
    Resume { accept_loss: bool },
    /// The caller has seen a reason to stop; `anew` when it is another log than before, in which nothing can be found.
    Stop { reason: StopReason, anew: bool },
}

/// What a lane wants done, or tells.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    /// Ask the leader; the answer comes back as [`Input::Answered`].
    Ask(Request),
    /// Read-back may start at this offset: store it.
    Located(i64),
    /// Store the partition's producer, next sequence and `scan_from` and the new names of its open batches, in one transaction.
    MovedOn { renamed: Vec<(i32, i32)> },
    /// Delete the batch's row and store `scan_from`, in one transaction.
    Acknowledged { base_sequence: i32, scan_from: i64, repeat: bool },
    /// The broker cannot take a batch now; it is tried again.
    Postponed(ErrorCode),
    /// The leader has moved.
    Distrust,
    /// Nothing more is sent.
    Stopped(StopReason),
}

#[derive(Debug)]
enum Phase {
    Locating,
    Sending,
    Draining(Trouble),
    Describing(Why),
    ReadingBack(scan::Scan),
    Resting { until: Millis, then: Next },
    Stopped,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Locate,
    ReadBack { must_find: bool },
    Describe(Why),
}

/// Why the broker is asked what it remembers.
#[derive(Debug, Clone, Copy)]
enum Why {
    /// It answered 45; `at_head` if to the first open batch.
    Gap { at_head: bool },
    /// The records from here on are deleted or truncated.
    Deleted { from: i64 },
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Unknown { distrust: bool },
    Gap { at_head: bool },
}

/// The protocol of one partition.
#[derive(Debug)]
pub struct Lane {
    state: PartitionState,
    phase: Phase,
    /// How many of the frozen batches, from the first, are durable.
    stored: usize,
    /// Whether a stopped lane goes on at the end of its log, without looking for its batches: a person has looked.
    anew: bool,
    /// An operator has said to go on without the records that are lost, if they still are.
    loss_accepted: bool,
    /// They are: under the next epoch, at the end of the log.
    moving_on: bool,
    /// An operator has said that a stopped lane is to go on, and answers of the time before are still on their way.
    resume_wanted: bool,
    in_flight: Vec<i32>,
    trusted_until: Millis,
    searches: u32,
    refusals: u32,
    backoff: Backoff,
    outputs: Vec<Output>,
}

impl Lane {
    /// Takes a partition up again. Every stored batch may have been sent before.
    pub(super) fn restore(now: Millis, state: PartitionState) -> Self {
        let stored = state.frozen.len();
        let mut lane = Self {
            phase: Phase::Sending,
            stored,
            anew: false,
            loss_accepted: false,
            moving_on: false,
            resume_wanted: false,
            in_flight: Vec::new(),
            trusted_until: 0,
            searches: 0,
            refusals: 0,
            backoff: Backoff::default(),
            outputs: Vec::new(),
            state,
        };
        lane.go(now, Next::ReadBack { must_find: false });
        lane
    }

    /// What is remembered.
    pub fn state(&self) -> &PartitionState {
        &self.state
    }

    /// True when a batch may be frozen now.
    pub(super) fn has_room(&self) -> bool {
        let closed = matches!(self.phase, Phase::Stopped | Phase::Locating);
        !closed && self.state.scan_from.is_some() && self.state.frozen.len() < FROZEN_MAX
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    pub(super) fn freeze(
        &mut self,
        now_ms: i64,
        records: &[Record],
        compression: Compression,
    ) -> Result<Frozen, BatchTooLarge> {
        self.state.freeze(now_ms, records, compression)
    }

    /// Makes the bytes of an open batch again; until then it is not sent, nor is what follows it.
    pub(super) fn rebuild(
        &mut self,
        base_sequence: i32,
        now_ms: i64,
        records: &[Record],
        compression: Compression,
    ) -> Result<(), RebuildRefusal> {
        self.state.rebuild(base_sequence, now_ms, records, compression)
    }

    /// When [`Input::Tick`] is due.
    pub(super) fn deadline(&self) -> Option<Millis> {
        match self.phase {
            Phase::Resting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// What follows from the inputs so far.
    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Takes one input.
    pub(super) fn handle(&mut self, now: Millis, input: Input) {
        match input {
            Input::Stored(base_sequence) => self.note_stored(base_sequence),
            Input::Produced(base_sequence, outcome) => {
                self.in_flight.retain(|sent| *sent != base_sequence);
                self.take_produced(base_sequence, outcome, now);
                self.finish_draining(now);
                self.resume(now);
            }
            Input::Answered(outcome) => self.take_answer(now, outcome),
            Input::Tick => {
                if let Phase::Resting { until, then } = self.phase
                    && now >= until
                {
                    self.go(now, then);
                }
            }
            Input::Resume { accept_loss } => {
                if self.is_stopped() {
                    self.resume_wanted = true;
                    self.loss_accepted |= accept_loss;
                    self.resume(now);
                }
            }
            Input::Stop { reason, anew } => {
                self.anew |= anew;
                self.stop(reason);
            }
        }
    }

    fn note_stored(&mut self, base_sequence: i32) {
        let position = self.state.frozen.iter().position(|frozen| frozen.base_sequence == base_sequence);
        if let Some(position) = position {
            self.stored = self.stored.max(position + 1);
        }
    }

    fn take_answer(&mut self, now: Millis, outcome: Result<Answer, Failure>) {
        let again = match self.phase {
            Phase::Locating => Next::Locate,
            Phase::Describing(why) => Next::Describe(why),
            Phase::ReadingBack(scan) => Next::ReadBack { must_find: scan.must_find },
            Phase::Sending | Phase::Draining(_) | Phase::Resting { .. } | Phase::Stopped => return,
        };
        let error = match &outcome {
            Ok(Answer::ListOffsets(answer)) => answer.error,
            Ok(Answer::DescribeProducers(answer)) => answer.error,
            // Out of range is an answer like any other here.
            Ok(Answer::Fetch(answer)) if answer.error != ErrorCode::OFFSET_OUT_OF_RANGE => answer.error,
            Err(Failure::Refused(error)) => *error,
            Ok(_) => ErrorCode::NONE,
            Err(Failure::Broken(_) | Failure::Unreachable(_)) => return self.rest(now, again),
        };
        match error.class() {
            Class::Accepted => {}
            Class::Fatal => return self.stop(StopReason::Refused(error)),
            Class::Retriable => return self.rest(now, again),
            Class::ReloadMetadata | Class::ReloadCoordinator => {
                self.outputs.push(Output::Distrust);
                return self.rest(now, again);
            }
        }
        match (self.phase_of_question(), outcome) {
            (Some(Question::Locate), Ok(Answer::ListOffsets(answer))) => self.locate(answer),
            (Some(Question::Describe(why)), Ok(Answer::DescribeProducers(answer))) => {
                self.explain(now, why, &answer)
            }
            (Some(Question::Scan(scan)), Ok(Answer::Fetch(answer))) => self.scan(now, scan, answer),
            _ => self.rest(now, again),
        }
    }

    fn phase_of_question(&self) -> Option<Question> {
        match self.phase {
            Phase::Locating => Some(Question::Locate),
            Phase::Describing(why) => Some(Question::Describe(why)),
            Phase::ReadingBack(scan) => Some(Question::Scan(scan)),
            Phase::Sending | Phase::Draining(_) | Phase::Resting { .. } | Phase::Stopped => None,
        }
    }

    fn locate(&mut self, answer: list_offsets::Answer) {
        self.state.scan_from = Some(answer.offset);
        if std::mem::take(&mut self.moving_on) {
            return self.move_on();
        }
        self.outputs.push(Output::Located(answer.offset));
        self.phase = Phase::Sending;
    }

    fn rest(&mut self, now: Millis, then: Next) {
        self.phase = Phase::Resting { until: now + self.backoff.next_ms(), then };
    }

    /// Goes on after a stop, if an operator wants it and no answer of the time before is still on its way.
    fn resume(&mut self, now: Millis) {
        if !self.resume_wanted || !self.in_flight.is_empty() {
            return;
        }
        self.resume_wanted = false;
        self.searches = 0;
        self.refusals = 0;
        let next = if self.anew { Next::Locate } else { Next::ReadBack { must_find: false } };
        self.anew = false;
        self.go(now, next);
    }

    fn stop(&mut self, reason: StopReason) {
        self.anew |= matches!(reason, StopReason::DeletedUnchecked(_));
        self.loss_accepted = false;
        self.moving_on = false;
        if !self.is_stopped() {
            self.phase = Phase::Stopped;
            self.outputs.push(Output::Stopped(reason));
        }
    }

    /// Goes on with `next`, asking what it needs.
    fn go(&mut self, now: Millis, next: Next) {
        let (topic, partition) = (self.state.place.topic.clone(), self.state.place.partition);
        match (next, self.state.scan_from) {
            (Next::Locate, _) | (_, None) => {
                self.phase = Phase::Locating;
                let place = list_offsets::Place::Latest;
                self.outputs.push(Output::Ask(list_offsets::Request { topic, partition, place }.into()));
            }
            (Next::Describe(why), Some(_)) => {
                self.phase = Phase::Describing(why);
                self.outputs.push(Output::Ask(describe_producers::Request { topic, partition }.into()));
            }
            (Next::ReadBack { must_find }, Some(offset)) => {
                self.trusted_until = now;
                if self.stored == 0 {
                    // Nothing was ever sent, so nothing can be in the log.
                    self.phase = Phase::Sending;
                    return;
                }
                self.read_on(scan::Scan { position: offset, until: None, must_find, found: false });
            }
        }
    }

    fn read_on(&mut self, scan: scan::Scan) {
        self.phase = Phase::ReadingBack(scan);
        let request = fetch::Request {
            topic: self.state.place.topic.clone(),
            partition: self.state.place.partition,
            offset: scan.position,
            max_wait_ms: 0,
            max_bytes: READ_BACK_BYTES,
            isolation: fetch::Isolation::ReadUncommitted,
        };
        self.outputs.push(Output::Ask(request.into()));
    }
}

#[derive(Debug, Clone, Copy)]
enum Question {
    Locate,
    Describe(Why),
    Scan(scan::Scan),
}
