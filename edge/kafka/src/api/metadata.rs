//! Metadata (3): the brokers, and the leader of each partition.

use std::ops::RangeInclusive;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 12..=12;

/// Asks for topics by name. A topic that does not exist is never created by asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Names; none asks for the brokers alone.
    pub topics: Vec<String>,
}

/// What one broker believes of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Brokers that are up.
    pub brokers: Vec<Broker>,
    /// The topics asked for.
    pub topics: Vec<Topic>,
}

/// A broker and the address it wants to be reached at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Number of the broker in its cluster.
    pub node: i32,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED …
    pub error: ErrorCode,
    /// Its name.
    pub name: String,
    /// Its id; a topic that was deleted and made again has another one.
    pub id: u128,
    /// Its partitions, in any order.
    pub partitions: Vec<Partition>,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// LEADER_NOT_AVAILABLE while one is being elected.
    pub error: ErrorCode,
    /// Number in the topic, from 0.
    pub index: i32,
    /// Node of the leader; −1 when there is none.
    pub leader: i32,
    /// How many brokers hold it.
    pub replicas: usize,
    /// How many of them are in step.
    pub in_sync: usize,
}

pub(super) fn message(request: &Request) -> MetadataRequest {
    let topic = |name: &String| MetadataRequestTopic::default().with_name(Some(text(name).into()));
    MetadataRequest::default()
        .with_topics(Some(request.topics.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(false)
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: MetadataResponse = body.message(version)?;
    Ok(Answer {
        brokers: message.brokers.into_iter().map(broker).collect::<Result<_, _>>()?,
        topics: message.topics.into_iter().map(topic).collect(),
    })
}

fn broker(row: MetadataResponseBroker) -> Result<Broker, Malformed> {
    let port = u16::try_from(row.port).map_err(|_| Malformed::Length)?;
    Ok(Broker { node: row.node_id.0, host: row.host.to_string(), port })
}

fn topic(row: MetadataResponseTopic) -> Topic {
    Topic {
        error: ErrorCode(row.error_code),
        name: row.name.map(|name| name.to_string()).unwrap_or_default(),
        id: row.topic_id.as_u128(),
        partitions: row.partitions.into_iter().map(partition).collect(),
    }
}

fn partition(row: MetadataResponsePartition) -> Partition {
    Partition {
        error: ErrorCode(row.error_code),
        index: row.partition_index,
        leader: row.leader_id.0,
        replicas: row.replica_nodes.len(),
        in_sync: row.isr_nodes.len(),
    }
}
