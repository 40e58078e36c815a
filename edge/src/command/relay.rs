//! Relays: what operators tell them, and how far they are.

use crate::topology::Target;
use serde::{Deserialize, Serialize};

/// Of a relay: an operator's order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RelayCommand {
    /// The cause of a stop has been seen to: look again, and go on.
    Resume {
        /// What of all that has stopped.
        what: Stopped,
        /// Go on without what is lost: in a partition the acknowledged records that the brokers have lost, in a log the
        /// positions that are missing. Not for everything at once.
        accept_loss: bool,
    },
    /// Publish records once more that are published already.
    Republish {
        /// Of the request: a repeat of it changes nothing.
        id: String,
        /// Whose records: a shard.
        source: Target,
        /// The first position.
        first: u64,
        /// The last position.
        last: u64,
        /// The first position that the shard has kept.
        kept: u64,
    },
}

/// What of a relay has stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stopped {
    /// All of it.
    Everything,
    /// One partition, as `topic/partition`.
    Partition(String),
    /// One log.
    Source(Target),
}

/// How far a relay is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayStatus {
    /// For each log that it publishes.
    pub sources: Vec<RelaySource>,
    /// Frozen batches that the brokers have not acknowledged yet.
    pub in_flight_batches: u64,
    /// Partitions that nothing is published to until a person has looked at them, and why.
    pub stopped: Vec<StoppedPartition>,
    /// What is or was published once more, the newest first.
    pub republications: Vec<Republication>,
}

/// How far a relay is in one log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelaySource {
    /// Whose log.
    pub source: Target,
    /// The last position that is frozen: whatever happens, the relay publishes it.
    pub taken_over: u64,
    /// The last position up to which everything is acknowledged by the brokers.
    pub published: u64,
    /// The last position up to which it needs no record any more, also if its process ends now.
    pub released: u64,
    /// Why nothing more of this log is published until a person has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
}

/// A partition that a relay has stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedPartition {
    /// `topic/partition`.
    pub partition: String,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether the brokers have lost what they had acknowledged: then only a person can say to go on without it.
    pub lost: bool,
}

/// A log that a relay has stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedSource {
    /// Whose.
    pub source: Target,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether positions are missing: then only a person can say to go on without them.
    pub lost: bool,
}

/// What had stopped and has been told to go on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Resumed {
    /// Partitions, as they were.
    pub partitions: Vec<StoppedPartition>,
    /// Logs, as they were.
    pub sources: Vec<StoppedSource>,
}

/// Records that are published once more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Republication {
    /// Counts the relay's republications.
    pub number: u64,
    /// Whose records.
    pub source: Target,
    /// The first position.
    pub first: u64,
    /// The last position.
    pub last: u64,
    /// The first that is not frozen yet.
    pub next: u64,
    /// Whether everything that is frozen is acknowledged.
    pub acknowledged: bool,
    /// Why the rest cannot be published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Republication {
    /// `running`, `done` or `failed`.
    pub fn state(&self) -> &'static str {
        match self.failed {
            Some(_) => "failed",
            None if self.next > self.last && self.acknowledged => "done",
            None => "running",
        }
    }
}
