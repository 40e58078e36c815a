//! DescribeConfigs (32): settings of one topic, read at start to warn where they cannot keep the promise.

use std::ops::RangeInclusive;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 4..=4;

/// Kafka's number of the kind of resource that is a topic.
const TOPIC: i8 = 2;

/// Asks for settings of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// Names, for example `min.insync.replicas`.
    pub names: Vec<String>,
}

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// TOPIC_AUTHORIZATION_FAILED …
    pub error: ErrorCode,
    /// Name and value; `None` where the value is secret or unset.
    pub values: Vec<(String, Option<String>)>,
}

pub(super) fn message(request: &Request) -> DescribeConfigsRequest {
    let names = request.names.iter().map(|name| text(name)).collect();
    let topic = DescribeConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(&request.topic))
        .with_configuration_keys(Some(names));
    DescribeConfigsRequest::default().with_resources(vec![topic])
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: DescribeConfigsResponse = body.message(version)?;
    let topic = message.results.into_iter().next().ok_or(Malformed::Length)?;
    let rows = topic.configs.into_iter();
    let values = rows.map(|row| (row.name.to_string(), row.value.map(|value| value.to_string()))).collect();
    Ok(Answer { error: ErrorCode(topic.error_code), values })
}
