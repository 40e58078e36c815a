//! CreateTopics (19): one topic, with its partitions and configuration.

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 19;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 7..=7;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 5;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_array(&[request], |writer, request| {
        writer.compact_string(&request.topic);
        writer.i32(request.partitions);
        writer.i16(request.replication_factor);
        writer.compact_array(&[], |_, _: &()| {});
        writer.compact_array(&request.configs, |writer, (name, value)| {
            writer.compact_string(name);
            writer.compact_string(value);
            writer.no_tags();
        });
        writer.no_tags();
    });
    writer.i32(request.timeout_ms);
    writer.bool(false);
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let topics = reader.compact_array(|reader| {
        let _name = reader.compact_string()?;
        let _id = reader.uuid()?;
        let error = ErrorCode(reader.i16()?);
        let message = reader.compact_nullable_string()?;
        let _partitions = reader.i32()?;
        let _replication_factor = reader.i16()?;
        let _configs = reader.compact_array(|reader| {
            reader.compact_bytes()?;
            reader.compact_bytes()?;
            reader.bool()?;
            reader.i8()?;
            reader.bool()?;
            reader.skip_tags()
        })?;
        reader.skip_tags()?;
        Ok(Answer { error, message })
    })?;
    topics.into_iter().next().ok_or(Malformed::Length)
}
