//! Record batches, format 2: how records lie in a partition's log and in the requests that write and read it.
//!
//! Layout: 0 base offset, 8 length of what follows, 12 leader epoch, 16 magic, 17 CRC-32C of all from 21 on, 21
//! attributes, 23 last offset delta, 27 first timestamp, 35 last timestamp, 43 producer id, 51 epoch, 53 base sequence,
//! 57 count, 61 records. A broker changes base offset and leader epoch and nothing else, which is why the checksum leaves
//! them out, and why a batch that was read back can be recognised by its header.
//! Source: <https://kafka.apache.org/documentation/#recordbatch>.

mod compression;
mod decode;
mod encode;
mod header;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use compression::Compression;
pub use decode::decode;
pub use encode::{BatchTooLarge, encode, encoded_length, restamp};
pub use header::{Header, Headers, headers};

/// Sequences count modulo 2³¹.
pub const SEQUENCE_MASK: i32 = i32::MAX;
/// Bytes before the first record.
pub const HEADER_LENGTH: usize = 61;

/// The sequence `count` records after `sequence`.
pub fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & SEQUENCE_MASK
}

/// True if `left` comes before `right`, across the wrap: neither is ever half the range away from the other.
pub fn sequence_before(left: i32, right: i32) -> bool {
    let distance = right.wrapping_sub(left) & SEQUENCE_MASK;
    distance != 0 && distance < 1 << 30
}

/// Who wrote a batch, and as which part of its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Producer id; −1 for none.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Sequence of the first record.
    pub base_sequence: i32,
}

/// A record. Headers keep their order and may repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Decides the partition.
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Names and values.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, of its creation or of its append, as the topic has it.
    pub timestamp_ms: i64,
    /// What was written.
    pub record: Record,
}
