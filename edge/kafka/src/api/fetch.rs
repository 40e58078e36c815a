//! Fetch (1): record batches of one partition from an offset on.
//!
//! An answer may end in half a batch, and starts with a whole one even where the asked-for offset lies inside it. Version
//! 12 is the last that names topics; a session is never used. A request that waits blocks all behind it on its connection.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 12..=12;

/// The records of the first partition stand right behind this many numbers of four bytes: the throttle's time, the session,
/// the partition's number and the preferred replica. Only one partition is asked for.
const I32S_BEFORE_RECORDS: u32 = 4;

/// Which records may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark, as read-back needs it.
    ReadUncommitted,
    /// Nothing of open or aborted transactions: the answer ends at the last stable offset.
    ReadCommitted,
}

/// Asks for batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// First offset wanted.
    pub offset: i64,
    /// How long the broker may wait for a first record, in milliseconds; 0 answers at once.
    pub max_wait_ms: i32,
    /// Upper bound of the records' size in bytes; one batch comes even if it is larger.
    pub max_bytes: i32,
    /// Which records.
    pub isolation: Isolation,
}

/// Batches, and how far the partition reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// OFFSET_OUT_OF_RANGE below the start or beyond the end.
    pub error: ErrorCode,
    /// First offset that is not yet replicated; readers see what is below.
    pub high_watermark: i64,
    /// First offset of the oldest open transaction, or the high watermark.
    pub last_stable_offset: i64,
    /// First offset that has not been deleted.
    pub log_start_offset: i64,
    /// Producer and first offset of each aborted transaction within the answer.
    pub aborted: Vec<(i64, i64)>,
    /// The batches.
    pub records: Bytes,
}

pub(super) fn message(request: &Request) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(request.partition)
        .with_fetch_offset(request.offset)
        .with_partition_max_bytes(request.max_bytes);
    let topic =
        FetchTopic::default().with_topic(text(&request.topic).into()).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(request.max_wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(request.max_bytes)
        .with_isolation_level(match request.isolation {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        })
        .with_topics(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    body.expect_records(I32S_BEFORE_RECORDS);
    let message: FetchResponse = body.message(version)?;
    let error = ErrorCode(message.error_code);
    if !error.is_ok() {
        return Ok(Answer {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted: Vec::new(),
            records: Bytes::new(),
        });
    }
    let mut partitions = message.responses.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    let aborted = partition.aborted_transactions.unwrap_or_default().into_iter();
    Ok(Answer {
        error: ErrorCode(partition.error_code),
        high_watermark: partition.high_watermark,
        last_stable_offset: partition.last_stable_offset,
        log_start_offset: partition.log_start_offset,
        aborted: aborted.map(|row| (row.producer_id.0, row.first_offset)).collect(),
        records: partition.records.unwrap_or_default(),
    })
}
