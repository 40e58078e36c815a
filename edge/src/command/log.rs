//! The logs of shards: what is asked of them, and how far their readers are.

use gyesan_core::event::Event;
use gyesan_core::id::MerchantId;
use gyesan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Of any shard: its outbox.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LogCommand {
    /// Records after a position.
    Read {
        /// The last position read.
        after: u64,
        /// At most so many.
        limit: u32,
    },
    /// How far the log goes, and how far its readers are.
    Status,
    /// When the first record after a position was committed.
    CommittedAfter {
        /// The position.
        after: u64,
    },
    /// Everything that happened to one key.
    Of {
        /// Whose.
        merchant_id: MerchantId,
        /// The order id.
        key: String,
    },
}

/// One row of an outbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Position in the shard's log, from 1, without gaps.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// W3C trace context of the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// New records of a partition, handed over with the wake so that the common case needs no read.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Wake {
    /// Consecutive records; they may begin before or after the consumer's position.
    pub records: Vec<Record>,
    /// The end of the log.
    pub end: u64,
}

/// How far a log goes, and how far its readers are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogStatus {
    /// The first position whose record is still there.
    pub first: u64,
    /// The last position.
    pub end: u64,
    /// When the oldest record was committed that a reader has not taken over.
    pub oldest_pending: Option<Timestamp>,
    /// Records that a reader has not taken over.
    pub pending: u64,
}
