//! What operators ask of consumers, and where those stand.

use gyesan_core::event::Event;
use gyesan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Of a consumer: an operator's order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ConsumerCommand {
    /// Handle nothing until further notice.
    Pause {
        /// Why, for other operators.
        reason: String,
    },
    /// Go on after a pause or a stop.
    Resume {
        /// Of a topic: read on from here instead of the stored position.
        position: Option<u64>,
    },
    /// Of a projection: its read model was emptied, and it is to read from the beginning.
    Rebuild,
    /// The records put aside.
    DeadLetters,
    /// Handle a record that was put aside.
    Replay {
        /// Its position in the partition.
        position: u64,
    },
}

/// Where a consumer stands in its partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerPosition {
    /// The last position whose effects are done; of a topic, the next one to be read. Either way that many records are
    /// behind it, if none were deleted.
    pub position: u64,
    /// Records that could not be handled and wait for an operator.
    pub dead_letters: u64,
    /// Of a topic: its high watermark when it was last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// When that was. `None`: this process has not heard of its topic yet, and the end is only known to be no earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_seen_at: Option<Timestamp>,
    /// Whether an operator has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Halt>,
    /// Whether it has stopped by itself, because going on would be guessing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Halt>,
}

/// Why a consumer handles nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// Since when.
    pub since: Timestamp,
    /// Why, as a sentence.
    pub reason: String,
}

/// A record that could not be handled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Where it lies in the partition.
    pub position: u64,
    /// What it says, if that could be read.
    pub event: Option<Event>,
    /// Its value in base64, if it could not; what is beyond 256 KiB is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_base64: Option<String>,
    /// Why it could not be handled, the last time.
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was put aside.
    pub created_at: Timestamp,
    /// When it was handled after all.
    pub replayed_at: Option<Timestamp>,
}
