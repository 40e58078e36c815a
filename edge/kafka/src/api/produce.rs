//! Produce (0): one record batch to one partition, acknowledged by all in-sync replicas.
//!
//! A request carries one batch: a second one for the same partition is refused with INVALID_RECORD. Versions 9 to 11 are
//! the same on the wire; 12 means implicit transactions, 13 topic ids.

use std::ops::RangeInclusive;

use bytes::Bytes;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 0;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 9..=11;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 9;

/// One encoded batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// How long the leader may wait for its followers, in milliseconds.
    pub timeout_ms: i32,
    /// The batch, as [`crate::batch::encode`] made it.
    pub batch: Bytes,
}

/// Where the batch was written, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 for a new batch and for a recognised repeat.
    pub error: ErrorCode,
    /// Offset of the first record; of a repeat, the original one; −1 with an error.
    pub base_offset: i64,
    /// −1 for a new batch (the record's own time counts), the stored time for a repeat.
    pub log_append_time_ms: i64,
    /// The broker's words, when it has any.
    pub message: Option<String>,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_bytes(None);
    writer.i16(-1);
    writer.i32(request.timeout_ms);
    of_one(writer, &request.topic, |writer| {
        writer.i32(request.partition);
        writer.compact_bytes(Some(&request.batch));
        writer.no_tags();
    });
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    super::one(reader, |reader| {
        let _index = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        let base_offset = reader.i64()?;
        let log_append_time_ms = reader.i64()?;
        let _log_start_offset = reader.i64()?;
        let _record_errors = reader.compact_array(|reader| {
            reader.i32()?;
            reader.compact_bytes()?;
            reader.skip_tags()
        })?;
        let message = reader.compact_nullable_string()?;
        reader.skip_tags()?;
        Ok(Answer { error, base_offset, log_append_time_ms, message })
    })
}
