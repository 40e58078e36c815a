//! Produce (0): one record batch to one partition, acknowledged by all in-sync replicas.
//!
//! A request carries one batch: a second one for the same partition is refused with INVALID_RECORD. Versions 9 to 11 are
//! the same on the wire; 12 means implicit transactions, 13 topic ids.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 9..=11;

/// The answer waits for all replicas that are in sync.
const ALL_IN_SYNC: i16 = -1;

/// One encoded batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// How long the leader may wait for its followers, in milliseconds.
    pub timeout_ms: i32,
    /// The batch, as [`crate::batch::encode`] made it.
    pub batch: Bytes,
}

/// Where the batch was written, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 for a new batch and for a recognised repeat.
    pub error: ErrorCode,
    /// Offset of the first record; of a repeat, the original one; −1 with an error.
    pub base_offset: i64,
    /// −1 for a new batch (the record's own time counts), the stored time for a repeat.
    pub log_append_time_ms: i64,
    /// The broker's words, when it has any.
    pub message: Option<String>,
}

pub(super) fn message(request: &Request) -> ProduceRequest {
    let partition = PartitionProduceData::default()
        .with_index(request.partition)
        .with_records(Some(request.batch.clone()));
    let topic = TopicProduceData::default()
        .with_name(text(&request.topic).into())
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(ALL_IN_SYNC)
        .with_timeout_ms(request.timeout_ms)
        .with_topic_data(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: ProduceResponse = body.message(version)?;
    let mut partitions = message.responses.into_iter().flat_map(|topic| topic.partition_responses);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    Ok(Answer {
        error: ErrorCode(partition.error_code),
        base_offset: partition.base_offset,
        log_append_time_ms: partition.log_append_time_ms,
        message: partition.error_message.map(|message| message.to_string()),
    })
}
