//! CreateTopics (19): one topic, with its partitions and configuration.

use std::ops::RangeInclusive;

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 7..=7;

/// Asks for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its name.
    pub topic: String,
    /// How many partitions; never to be changed, keys would move.
    pub partitions: i32,
    /// Brokers that hold each; −1 leaves it to the cluster.
    pub replication_factor: i16,
    /// Settings that differ from the cluster's, for example `retention.ms`.
    pub configs: Vec<(String, String)>,
    /// How long the controller may take, in milliseconds.
    pub timeout_ms: i32,
}

/// Whether it was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// TOPIC_ALREADY_EXISTS …
    pub error: ErrorCode,
    /// The broker's words about it.
    pub message: Option<String>,
}

pub(super) fn message(request: &Request) -> CreateTopicsRequest {
    let config = |(name, value): &(String, String)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = CreatableTopic::default()
        .with_name(text(&request.topic).into())
        .with_num_partitions(request.partitions)
        .with_replication_factor(request.replication_factor)
        .with_configs(request.configs.iter().map(config).collect());
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(request.timeout_ms)
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: CreateTopicsResponse = body.message(version)?;
    let topic = message.topics.into_iter().next().ok_or(Malformed::Length)?;
    let message = topic.error_message.map(|message| message.to_string());
    Ok(Answer { error: ErrorCode(topic.error_code), message })
}
