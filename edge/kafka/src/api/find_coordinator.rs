//! FindCoordinator (10): the broker that keeps a group's offsets.

use std::ops::RangeInclusive;

use super::metadata::Broker;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 10;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 4..=4;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 3;

/// Asks for a group's coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The consumer group.
    pub group: String,
}

/// The coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// COORDINATOR_NOT_AVAILABLE while the first call creates the internal topic.
    pub error: ErrorCode,
    /// The broker.
    pub broker: Broker,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    // Key type 0: groups.
    writer.i8(0);
    writer.compact_array(&[&request.group], |writer, group| writer.compact_string(group));
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let coordinators = reader.compact_array(|reader| {
        let _group = reader.compact_string()?;
        let node = reader.i32()?;
        let host = reader.compact_string()?;
        let port = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        let _message = reader.compact_bytes()?;
        reader.skip_tags()?;
        // The port is −1 beside an error.
        let port = u16::try_from(port).unwrap_or(0);
        Ok(Answer { error, broker: Broker { node, host, port } })
    })?;
    coordinators.into_iter().next().ok_or(Malformed::Length)
}
