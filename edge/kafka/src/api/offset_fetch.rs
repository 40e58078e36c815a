//! OffsetFetch (9): the position a group has committed.

use std::ops::RangeInclusive;

use kafka_protocol::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 8..=8;

/// Asks for one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// The position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Of the group, or of the partition.
    pub error: ErrorCode,
    /// Offset of the next record to read; −1 when none was committed.
    pub offset: i64,
}

pub(super) fn message(request: &Request) -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopics::default()
        .with_name(text(&request.topic).into())
        .with_partition_indexes(vec![request.partition]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(text(&request.group).into())
        .with_topics(Some(vec![topic]));
    OffsetFetchRequest::default().with_groups(vec![group])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: OffsetFetchResponse = body.message(version)?;
    let group = message.groups.into_iter().next().ok_or(Malformed::Length)?;
    let error = ErrorCode(group.error_code);
    if !error.is_ok() {
        return Ok(Answer { error, offset: -1 });
    }
    let mut partitions = group.topics.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    Ok(Answer { error: ErrorCode(partition.error_code), offset: partition.committed_offset })
}
