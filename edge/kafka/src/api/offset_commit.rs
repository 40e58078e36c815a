//! OffsetCommit (8): shows others how far a group has read.
//!
//! For display only (lag in the standard tools): the truth is the position stored beside the effects. Sent as a group
//! without members; a group that has a live member refuses it with UNKNOWN_MEMBER_ID.

use std::ops::RangeInclusive;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 8;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 8..=8;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 8;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_string(&request.group);
    writer.i32(-1);
    writer.compact_string("");
    writer.compact_bytes(None);
    of_one(writer, &request.topic, |writer| {
        writer.i32(request.partition);
        writer.i64(request.offset);
        writer.i32(-1);
        writer.compact_bytes(None);
        writer.no_tags();
    });
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    super::one(reader, |reader| {
        let _index = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        reader.skip_tags()?;
        Ok(Answer { error })
    })
}
