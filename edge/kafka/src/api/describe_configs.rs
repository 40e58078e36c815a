//! DescribeConfigs (32): settings of one topic, read at start to warn where they cannot keep the promise.

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 32;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 4..=4;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 4;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_array(&[request], |writer, request| {
        // Resource type 2: topics.
        writer.i8(2);
        writer.compact_string(&request.topic);
        writer.compact_array(&request.names, |writer, name| writer.compact_string(name));
        writer.no_tags();
    });
    writer.bool(false);
    writer.bool(false);
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let topics = reader.compact_array(|reader| {
        let error = ErrorCode(reader.i16()?);
        let _message = reader.compact_bytes()?;
        let _type = reader.i8()?;
        let _name = reader.compact_bytes()?;
        let values = reader.compact_array(setting)?;
        reader.skip_tags()?;
        Ok(Answer { error, values })
    })?;
    topics.into_iter().next().ok_or(Malformed::Length)
}

fn setting(reader: &mut Reader) -> Result<(String, Option<String>), Malformed> {
    let name = reader.compact_string()?;
    let value = reader.compact_nullable_string()?;
    let _read_only = reader.bool()?;
    let _source = reader.i8()?;
    let _sensitive = reader.bool()?;
    let _synonyms = reader.compact_array(|reader| {
        reader.compact_bytes()?;
        reader.compact_bytes()?;
        reader.i8()?;
        reader.skip_tags()
    })?;
    let _type = reader.i8()?;
    let _documentation = reader.compact_bytes()?;
    reader.skip_tags()?;
    Ok((name, value))
}
