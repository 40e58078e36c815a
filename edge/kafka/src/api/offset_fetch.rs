//! OffsetFetch (9): the position a group has committed.

use std::ops::RangeInclusive;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 9;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 8..=8;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 6;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_array(&[request], |writer, request| {
        writer.compact_string(&request.group);
        of_one(writer, &request.topic, |writer| writer.i32(request.partition));
        writer.no_tags();
    });
    writer.bool(false);
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let groups = reader.compact_array(|reader| {
        let _group = reader.compact_string()?;
        let answers = super::each(reader, |reader| {
            let _index = reader.i32()?;
            let offset = reader.i64()?;
            let _leader_epoch = reader.i32()?;
            let _metadata = reader.compact_bytes()?;
            let error = ErrorCode(reader.i16()?);
            reader.skip_tags()?;
            Ok(Answer { error, offset })
        })?;
        let error = ErrorCode(reader.i16()?);
        reader.skip_tags()?;
        Ok((error, answers))
    })?;
    let (error, answers) = groups.into_iter().next().ok_or(Malformed::Length)?;
    if !error.is_ok() {
        return Ok(Answer { error, offset: -1 });
    }
    answers.into_iter().next().ok_or(Malformed::Length)
}
