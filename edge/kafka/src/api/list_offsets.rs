//! ListOffsets (2): where a partition starts and ends.

use std::ops::RangeInclusive;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, ListOffsetsResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 6..=7;

/// Which offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first that has not been deleted.
    Earliest,
    /// The high watermark: the next one a reader will see.
    Latest,
}

/// Asks for one offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Which offset.
    pub place: Place,
}

/// The offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// OFFSET_NOT_AVAILABLE shortly after a leader has changed.
    pub error: ErrorCode,
    /// The offset; −1 with an error.
    pub offset: i64,
}

pub(super) fn message(request: &Request) -> ListOffsetsRequest {
    let partition =
        ListOffsetsPartition::default().with_partition_index(request.partition).with_timestamp(match request
            .place
        {
            Place::Latest => -1,
            Place::Earliest => -2,
        });
    let topic =
        ListOffsetsTopic::default().with_name(text(&request.topic).into()).with_partitions(vec![partition]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: ListOffsetsResponse = body.message(version)?;
    let mut partitions = message.topics.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    Ok(Answer { error: ErrorCode(partition.error_code), offset: partition.offset })
}
