//! ListOffsets (2): where a partition starts and ends.

use std::ops::RangeInclusive;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 2;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 6..=7;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 6;

/// Which offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first that has not been deleted.
    Earliest,
    /// The high watermark: the next one a reader will see.
    Latest,
}

/// Asks for one offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Which offset.
    pub place: Place,
}

/// The offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// OFFSET_NOT_AVAILABLE shortly after a leader has changed.
    pub error: ErrorCode,
    /// The offset; −1 with an error.
    pub offset: i64,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.i32(-1);
    writer.i8(0);
    of_one(writer, &request.topic, |writer| {
        writer.i32(request.partition);
        writer.i32(-1);
        writer.i64(match request.place {
            Place::Latest => -1,
            Place::Earliest => -2,
        });
        writer.no_tags();
    });
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    super::one(reader, |reader| {
        let _index = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        let _timestamp = reader.i64()?;
        let offset = reader.i64()?;
        let _leader_epoch = reader.i32()?;
        reader.skip_tags()?;
        Ok(Answer { error, offset })
    })
}
