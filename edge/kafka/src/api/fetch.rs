//! Fetch (1): record batches of one partition from an offset on.
//!
//! An answer may end in half a batch, and starts with a whole one even where the asked-for offset lies inside it. Version
//! 12 is the last that names topics; a session is never used. A request that waits blocks all behind it on its connection.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 1;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 12..=12;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 12;

/// Which records may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark, as read-back needs it.
    ReadUncommitted,
    /// Nothing of open or aborted transactions: the answer ends at the last stable offset.
    ReadCommitted,
}

/// Asks for batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// First offset wanted.
    pub offset: i64,
    /// How long the broker may wait for a first record, in milliseconds; 0 answers at once.
    pub max_wait_ms: i32,
    /// Upper bound of the records' size in bytes; one batch comes even if it is larger.
    pub max_bytes: i32,
    /// Which records.
    pub isolation: Isolation,
}

/// Batches, and how far the partition reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// OFFSET_OUT_OF_RANGE below the start or beyond the end.
    pub error: ErrorCode,
    /// First offset that is not yet replicated; readers see what is below.
    pub high_watermark: i64,
    /// First offset of the oldest open transaction, or the high watermark.
    pub last_stable_offset: i64,
    /// First offset that has not been deleted.
    pub log_start_offset: i64,
    /// Producer and first offset of each aborted transaction within the answer.
    pub aborted: Vec<(i64, i64)>,
    /// The batches.
    pub records: Bytes,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.i32(-1);
    writer.i32(request.max_wait_ms);
    writer.i32(1);
    writer.i32(request.max_bytes);
    writer.i8(match request.isolation {
        Isolation::ReadUncommitted => 0,
        Isolation::ReadCommitted => 1,
    });
    // No session: id 0, epoch −1.
    writer.i32(0);
    writer.i32(-1);
    of_one(writer, &request.topic, |writer| {
        writer.i32(request.partition);
        writer.i32(-1);
        writer.i64(request.offset);
        writer.i32(-1);
        writer.i64(-1);
        writer.i32(request.max_bytes);
        writer.no_tags();
    });
    writer.compact_array(&[], |_, _: &()| {});
    writer.compact_string("");
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    let error = ErrorCode(reader.i16()?);
    let _session = reader.i32()?;
    if !error.is_ok() {
        return Ok(Answer {
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted: Vec::new(),
            records: Bytes::new(),
        });
    }
    super::one(reader, |reader| {
        let _index = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        let high_watermark = reader.i64()?;
        let last_stable_offset = reader.i64()?;
        let log_start_offset = reader.i64()?;
        let aborted = reader.compact_array(|reader| {
            let row = (reader.i64()?, reader.i64()?);
            reader.skip_tags()?;
            Ok(row)
        })?;
        let _preferred_replica = reader.i32()?;
        let records = reader.compact_bytes()?.unwrap_or_default();
        reader.skip_tags()?;
        Ok(Answer { error, high_watermark, last_stable_offset, log_start_offset, aborted, records })
    })
}
