//! DescribeProducers (61): what the leader of a partition remembers of its producers (KIP-664).

use std::ops::RangeInclusive;

use super::of_one;
use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 61;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 0..=0;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 0;

/// Asks for the producers of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// The producers that are remembered. One that is not listed has been forgotten, or has never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// NOT_LEADER_OR_FOLLOWER …
    pub error: ErrorCode,
    /// The producers.
    pub producers: Vec<Producer>,
}

/// What is remembered of a producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer {
    /// Its id.
    pub producer_id: i64,
    /// Epoch of its last batch.
    pub epoch: i32,
    /// Sequence of the last record of its last batch.
    pub last_sequence: i32,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    of_one(writer, &request.topic, |writer| writer.i32(request.partition));
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let _throttle_time_ms = reader.i32()?;
    super::one(reader, |reader| {
        let _index = reader.i32()?;
        let error = ErrorCode(reader.i16()?);
        let _message = reader.compact_bytes()?;
        let producers = reader.compact_array(|reader| {
            let producer =
                Producer { producer_id: reader.i64()?, epoch: reader.i32()?, last_sequence: reader.i32()? };
            let _last_timestamp = reader.i64()?;
            let _coordinator_epoch = reader.i32()?;
            let _transaction_start = reader.i64()?;
            reader.skip_tags()?;
            Ok(producer)
        })?;
        reader.skip_tags()?;
        Ok(Answer { error, producers })
    })
}
