//! InitProducerId (22): a producer id of one's own.
//!
//! Without a transactional id the broker gives out a new id with epoch 0 at each call, whatever was sent (measured).

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 22;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 3..=4;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 2;

/// Asks for a new id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request;

/// The id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// COORDINATOR_LOAD_IN_PROGRESS for a while after a broker has started.
    pub error: ErrorCode,
    /// The new id.
    pub producer_id: i64,
    /// Its epoch: 0.
    pub epoch: i16,
}

pub(super) fn encode(_request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_bytes(None);
    // The time-out of transactions, of which there are none; brokers refuse 0.
    writer.i32(60_000);
    writer.i64(-1);
    writer.i16(-1);
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    Ok(Answer { error: ErrorCode(reader.i16()?), producer_id: reader.i64()?, epoch: reader.i16()? })
}
