//! Reads one partition from a position that the caller stores.
//!
//! One Fetch is under way at a time, and the next begins when the caller has handled the last: what is read and not handled
//! is bounded by one answer. The position beside the effects is the truth; the group's committed offset only shows others
//! how far that is, and is committed at most once a second. Nothing is ever reset: a position that the log does not have, a
//! topic that is another one than before, a batch that cannot be read stop the reader until an operator has looked.

mod records;

use crate::api::metadata::Topic;
use crate::api::{Answer, Request, fetch, list_offsets, offset_commit};
use crate::backoff::Backoff;
use crate::batch::Stored;
use crate::cluster::{self, Channel, Cluster, Failure, Target};
use crate::connection::{self, Fault};
use crate::error_code::{Class, ErrorCode};
use crate::relay::StoredTopic;
use crate::socket::{Address, SocketNews, SocketOrder};
use crate::wire::Malformed;
use crate::{Millis, TopicPartition};

const QUESTION_TIMEOUT_MS: Millis = 10_000;
const COMMIT_EVERY_MS: Millis = 1_000;

/// How a reader is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Of its connections.
    pub connection: connection::Settings,
    /// Addresses to begin with; at least one.
    pub bootstrap: Vec<Address>,
    /// What it reads.
    pub place: TopicPartition,
    /// Shows its position under this group, which must have no members.
    pub group: Option<String>,
    /// How long a broker may hold a Fetch open while there is nothing new, in milliseconds; some hundreds, because
    /// with 0 an idle reader would ask without a pause.
    pub max_wait_ms: i32,
    /// Bound of one answer's records in bytes; a single larger batch comes all the same.
    pub max_bytes: i32,
}

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// A socket has news.
    Socket(SocketNews),
    /// The last records are handled and the position behind them is stored.
    Handled,
    /// A deadline may have passed. Also the first input after construction.
    Tick,
}

/// What to do, to store, or to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Do something with a socket.
    Socket(SocketOrder),
    /// Store the topic: it must stay the one it is.
    TopicSeen(StoredTopic),
    /// Handle these, store `next_offset` with the effects, then say [`Input::Handled`]. There may be no records, where
    /// transactions have left only their marks.
    Records {
        /// In order, none before the position.
        records: Vec<Stored>,
        /// The position behind them.
        next_offset: i64,
        /// The end of the log as its readers see it: minus `next_offset` it is the lag.
        high_watermark: i64,
    },
    /// There is nothing behind the position: this is the end of the log as its readers see it.
    End(i64),
    /// Nothing more is read; tell the operator.
    Stopped(StopReason),
    /// The topic cannot be read for now, because there is none or it has no leader; asking goes on.
    TopicUnavailable(ErrorCode),
    /// A connection has broken: for the log.
    LinkBroken {
        /// Where to.
        address: Address,
        /// Why.
        fault: Fault,
        /// How often in a row, from 1.
        times: u32,
    },
}

/// Why a reader has stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// The records at the position are deleted, or the log is shorter than what was read of it.
    #[error("the log has no offset {0}: its records were deleted, or the topic is not what it was")]
    OutOfRange(i64),
    /// The topic was made again or has other partitions.
    #[error("the topic has changed: {0}")]
    TopicChanged(String),
    /// The cluster refuses the topic.
    #[error("the cluster refuses the topic: {0}")]
    Refused(ErrorCode),
    /// A batch at this offset cannot be read.
    #[error("the batch at offset {offset} cannot be read: {fault}")]
    Unreadable {
        /// First offset of the batch.
        offset: i64,
        /// Why.
        fault: Malformed,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The start of the log is asked for.
    Locating,
    Fetching,
    /// The caller has records up to here.
    Handling {
        next_offset: i64,
    },
    Resting {
        until: Millis,
    },
    Stopped,
}

/// A reader of one partition.
#[derive(Debug)]
pub struct Reader {
    settings: Settings,
    cluster: Cluster,
    topic: Option<StoredTopic>,
    position: Option<i64>,
    /// Whether the leader has answered a fetch. The first one does not wait for records: a caller wants to know where the log ends.
    has_fetched: bool,
    phase: Phase,
    backoff: Backoff,
    /// The ticket of the question under way; commits have the odd numbers.
    ticket: u64,
    commit_due: Option<Millis>,
    committed: Option<i64>,
    outputs: Vec<Output>,
}

impl Reader {
    /// Reads on from `position`, or from the log's start when there is none. `topic` is what was stored of it.
    pub fn new(now: Millis, settings: Settings, topic: Option<StoredTopic>, position: Option<i64>) -> Self {
        let mut cluster = Cluster::new(settings.connection.clone(), settings.bootstrap.clone());
        cluster.watch(now, &settings.place.topic);
        let phase = Phase::Resting { until: now };
        let backoff = Backoff::default();
        Self {
            settings,
            cluster,
            topic,
            position,
            has_fetched: false,
            phase,
            backoff,
            ticket: 0,
            commit_due: None,
            committed: None,
            outputs: Vec::new(),
        }
    }

    /// Takes one input and says what follows.
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        let outputs = match input {
            Input::Socket(news) => self.cluster.handle(now, cluster::Input::Socket(news)),
            Input::Tick => self.cluster.handle(now, cluster::Input::Tick),
            Input::Handled => {
                self.note_handled(now);
                Vec::new()
            }
        };
        self.absorb(now, outputs);
        if let Phase::Resting { until } = self.phase
            && now >= until
        {
            self.ask_next(now);
        }
        self.commit(now);
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Millis> {
        let resting = match self.phase {
            Phase::Resting { until } => Some(until),
            Phase::Locating | Phase::Fetching | Phase::Handling { .. } | Phase::Stopped => None,
        };
        let commit = self.commit_due.filter(|_| self.position != self.committed);
        resting.into_iter().chain(self.cluster.deadline()).chain(commit).min()
    }

    fn note_handled(&mut self, now: Millis) {
        if let Phase::Handling { next_offset } = self.phase {
            self.position = Some(next_offset);
            if self.settings.group.is_some() && self.commit_due.is_none() {
                self.commit_due = Some(now + COMMIT_EVERY_MS);
            }
            self.ask_next(now);
        }
    }

    fn ask_next(&mut self, now: Millis) {
        let TopicPartition { topic, partition } = self.settings.place.clone();
        let (phase, channel, request, timeout_ms): (_, _, Request, _) = match self.position {
            None => {
                let request =
                    list_offsets::Request { topic, partition, place: list_offsets::Place::Earliest };
                (Phase::Locating, Channel::Prompt, request.into(), QUESTION_TIMEOUT_MS)
            }
            Some(offset) => {
                let request = fetch::Request {
                    topic,
                    partition,
                    offset,
                    max_wait_ms: if self.has_fetched { self.settings.max_wait_ms } else { 0 },
                    max_bytes: self.settings.max_bytes,
                    isolation: fetch::Isolation::ReadCommitted,
                };
                let wait_ms = Millis::try_from(self.settings.max_wait_ms).unwrap_or(0);
                (Phase::Fetching, Channel::Waiting, request.into(), wait_ms + QUESTION_TIMEOUT_MS)
            }
        };
        self.phase = phase;
        self.ticket += 2;
        let TopicPartition { topic, partition } = self.settings.place.clone();
        let target = Target::Leader { topic, partition };
        let call = cluster::Input::Call { ticket: self.ticket, target, channel, request, timeout_ms };
        let outputs = self.cluster.handle(now, call);
        self.absorb(now, outputs);
    }

    fn absorb(&mut self, now: Millis, outputs: Vec<cluster::Output>) {
        for output in outputs {
            match output {
                cluster::Output::Socket(order) => self.outputs.push(Output::Socket(order)),
                cluster::Output::LinkBroken { address, fault, times } => {
                    self.outputs.push(Output::LinkBroken { address, fault, times });
                }
                cluster::Output::TopicSeen(topic) => self.see_topic(&topic),
                cluster::Output::Answered { ticket, answer } if ticket == self.ticket => {
                    self.take(now, answer)
                }
                cluster::Output::Failed { ticket, failure } if ticket == self.ticket => {
                    self.fail(now, &failure)
                }
                cluster::Output::Answered { answer, .. } => self.take_commit(now, &answer),
                cluster::Output::Failed { .. } => {
                    self.committed = None;
                    self.commit_due = Some(now + COMMIT_EVERY_MS);
                }
            }
        }
    }

    fn see_topic(&mut self, topic: &Topic) {
        if !topic.error.is_ok() {
            match topic.error.class() {
                Class::Fatal => self.stop(StopReason::Refused(topic.error)),
                _ => self.outputs.push(Output::TopicUnavailable(topic.error)),
            }
            return;
        }
        let seen = StoredTopic::of(topic);
        match &self.topic {
            Some(known) if *known == seen => {}
            Some(known) => {
                let reason = StopReason::TopicChanged(known.difference(&seen));
                self.stop(reason);
            }
            None => {
                self.topic = Some(seen.clone());
                self.outputs.push(Output::TopicSeen(seen));
            }
        }
    }

    fn take(&mut self, now: Millis, answer: Answer) {
        match (self.phase, answer) {
            (Phase::Locating, Answer::ListOffsets(answer)) if answer.error.is_ok() => {
                self.position = Some(answer.offset);
                self.backoff.reset();
                self.ask_next(now);
            }
            (Phase::Fetching, Answer::Fetch(answer)) if answer.error.is_ok() => {
                self.backoff.reset();
                self.deliver(now, answer);
            }
            (Phase::Locating, Answer::ListOffsets(list_offsets::Answer { error, .. }))
            | (Phase::Fetching, Answer::Fetch(fetch::Answer { error, .. })) => self.take_error(now, error),
            _ => {}
        }
    }

    fn take_error(&mut self, now: Millis, error: ErrorCode) {
        if error == ErrorCode::OFFSET_OUT_OF_RANGE {
            return self.stop(StopReason::OutOfRange(self.position.unwrap_or(0)));
        }
        match error.class() {
            Class::Fatal => return self.stop(StopReason::Refused(error)),
            Class::ReloadMetadata | Class::ReloadCoordinator => {
                self.cluster.distrust(now, &self.settings.place.topic);
            }
            Class::Retriable | Class::Accepted => {}
        }
        self.rest(now);
    }

    fn fail(&mut self, now: Millis, failure: &Failure) {
        match failure {
            Failure::Refused(error) => self.stop(StopReason::Refused(*error)),
            Failure::Broken(_) | Failure::Unreachable(_) => self.rest(now),
        }
    }

    fn deliver(&mut self, now: Millis, answer: fetch::Answer) {
        let position = self.position.unwrap_or(0);
        let high_watermark = answer.high_watermark;
        self.has_fetched = true;
        match records::readable(position, answer) {
            Ok((_, next_offset)) if next_offset == position => {
                self.outputs.push(Output::End(high_watermark));
                self.ask_next(now);
            }
            Ok((records, next_offset)) => {
                self.phase = Phase::Handling { next_offset };
                self.outputs.push(Output::Records { records, next_offset, high_watermark });
            }
            Err((offset, fault)) => self.stop(StopReason::Unreadable { offset, fault }),
        }
    }

    fn rest(&mut self, now: Millis) {
        if self.phase != Phase::Stopped {
            self.phase = Phase::Resting { until: now + self.backoff.next_ms() };
        }
    }

    fn stop(&mut self, reason: StopReason) {
        if self.phase != Phase::Stopped {
            self.phase = Phase::Stopped;
            self.outputs.push(Output::Stopped(reason));
        }
    }

    fn commit(&mut self, now: Millis) {
        let (Some(group), Some(offset)) = (&self.settings.group, self.position) else { return };
        if self.committed == Some(offset) || self.commit_due.is_none_or(|due| now < due) {
            return;
        }
        let TopicPartition { topic, partition } = self.settings.place.clone();
        let target = Target::Coordinator { group: group.clone() };
        let request = offset_commit::Request { group: group.clone(), topic, partition, offset }.into();
        self.committed = Some(offset);
        self.commit_due = None;
        let ticket = self.ticket + 1;
        let channel = Channel::Prompt;
        let timeout_ms = QUESTION_TIMEOUT_MS;
        let call = cluster::Input::Call { ticket, target, channel, request, timeout_ms };
        let outputs = self.cluster.handle(now, call);
        self.absorb(now, outputs);
    }

    /// A commit that failed is made good by the next: it is for display.
    fn take_commit(&mut self, now: Millis, answer: &Answer) {
        let Answer::OffsetCommit(answer) = answer else { return };
        if !answer.error.is_ok() {
            self.committed = None;
            self.commit_due = Some(now + COMMIT_EVERY_MS);
            if answer.error.class() == Class::ReloadCoordinator
                && let Some(group) = &self.settings.group
            {
                self.cluster.distrust_coordinator(group);
            }
        }
    }
}
