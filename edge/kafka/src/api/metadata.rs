//! Metadata (3): the brokers, and the leader of each partition.

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 3;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 12..=12;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 9;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_array(&request.topics, |writer, topic| {
        writer.uuid(0);
        writer.compact_string(topic);
        writer.no_tags();
    });
    // Neither create what is missing nor list what is permitted.
    writer.bool(false);
    writer.bool(false);
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let brokers = reader.compact_array(|reader| {
        let broker = Broker {
            node: reader.i32()?,
            host: reader.compact_string()?,
            port: u16::try_from(reader.i32()?).map_err(|_| Malformed::Length)?,
        };
        let _rack = reader.compact_bytes()?;
        reader.skip_tags()?;
        Ok(broker)
    })?;
    let _cluster_id = reader.compact_bytes()?;
    let _controller = reader.i32()?;
    let topics = reader.compact_array(topic)?;
    Ok(Answer { brokers, topics })
}

fn topic(reader: &mut Reader) -> Result<Topic, Malformed> {
    let error = ErrorCode(reader.i16()?);
    let name = reader.compact_string()?;
    let id = reader.uuid()?;
    let _is_internal = reader.bool()?;
    let partitions = reader.compact_array(partition)?;
    let _authorized_operations = reader.i32()?;
    reader.skip_tags()?;
    Ok(Topic { error, name, id, partitions })
}

fn partition(reader: &mut Reader) -> Result<Partition, Malformed> {
    let error = ErrorCode(reader.i16()?);
    let index = reader.i32()?;
    let leader = reader.i32()?;
    let _leader_epoch = reader.i32()?;
    let replicas = reader.compact_array(Reader::i32)?.len();
    let in_sync = reader.compact_array(Reader::i32)?.len();
    let _offline = reader.compact_array(Reader::i32)?;
    reader.skip_tags()?;
    Ok(Partition { error, index, leader, replicas, in_sync })
}
