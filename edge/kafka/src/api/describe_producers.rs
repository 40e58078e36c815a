//! DescribeProducers (61): what the leader of a partition remembers of its producers (KIP-664).

use std::ops::RangeInclusive;

use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 0..=0;

/// Asks for the producers of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// The producers that are remembered. One that is not listed has been forgotten, or has never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// NOT_LEADER_OR_FOLLOWER …
    pub error: ErrorCode,
    /// The producers.
    pub producers: Vec<Producer>,
}

/// What is remembered of a producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its id.
    pub producer_id: i64,
    /// Epoch of its last batch.
    pub epoch: i32,
    /// Sequence of the last record of its last batch.
    pub last_sequence: i32,
}

pub(super) fn message(request: &Request) -> DescribeProducersRequest {
    let topic = TopicRequest::default()
        .with_name(text(&request.topic).into())
        .with_partition_indexes(vec![request.partition]);
    DescribeProducersRequest::default().with_topics(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: DescribeProducersResponse = body.message(version)?;
    let mut partitions = message.topics.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or(Malformed::Length)?;
    let states = partition.active_producers.into_iter();
    let producers = states.map(|state| Producer {
        producer_id: state.producer_id.0,
        epoch: state.producer_epoch,
        last_sequence: state.last_sequence,
    });
    Ok(Answer { error: ErrorCode(partition.error_code), producers: producers.collect() })
}
