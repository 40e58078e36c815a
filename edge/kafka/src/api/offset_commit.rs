//! OffsetCommit (8): shows others how far a group has read.
//!
//! For display only (lag in the standard tools): the truth is the position stored beside the effects. Sent as a group
//! without members; a group that has a live member refuses it with UNKNOWN_MEMBER_ID.

use std::ops::RangeInclusive;

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 8..=8;

/// Commits one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Offset of the next record to read.
    pub offset: i64,
}

/// Whether it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0, or why not.
    pub error: ErrorCode,
}

pub(super) fn message(request: &Request) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(request.partition)
        .with_committed_offset(request.offset)
        .with_committed_metadata(None);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(text(&request.topic).into())
        .with_partitions(vec![partition]);
    OffsetCommitRequest::default().with_group_id(text(&request.group).into()).with_topics(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: OffsetCommitResponse = body.message(version)?;
    let mut partitions = message.topics.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    Ok(Answer { error: ErrorCode(partition.error_code) })
}
