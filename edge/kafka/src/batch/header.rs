//! Reads batch headers and nothing else: what read-back needs, and what a reader needs to know where to go on.

use bytes::{Buf, Bytes};

use super::{HEADER_LENGTH, Stamp};
use crate::wire::Malformed;

/// A batch's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Offset of the first record.
    pub base_offset: i64,
    /// Offset behind the last record. From the header's delta, not from the count: compaction and control batches
    /// make them differ.
    pub next_offset: i64,
    /// Codec, timestamp type, transactional and control bits.
    pub attributes: i16,
    /// First record's timestamp.
    pub first_timestamp_ms: i64,
    /// Last record's timestamp; with log-append time, every record's.
    pub last_timestamp_ms: i64,
    /// Who wrote it.
    pub stamp: Stamp,
    /// Number of records.
    pub count: i32,
}

impl Header {
    /// A marker of the transaction protocol, which no reader is shown.
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// Part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }
}

/// Goes over the whole batches of a Fetch answer. Half a batch at the end is left out: ask again from the next offset.
#[derive(Debug, Clone)]
pub struct Headers {
    rest: Bytes,
}

/// The batches in `records`, each with its own bytes.
pub fn headers(records: Bytes) -> Headers {
    Headers { rest: records }
}

impl Iterator for Headers {
    type Item = Result<(Header, Bytes), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut fixed = self.rest.get(..HEADER_LENGTH)?;
        let base_offset = fixed.get_i64();
        let length = fixed.get_i32();
        let Ok(length) = usize::try_from(length).map(|length| length + 12) else {
            return self.give_up(Malformed::Length);
        };
        if length < HEADER_LENGTH {
            return self.give_up(Malformed::Length);
        }
        if length > self.rest.len() {
            return None;
        }
        let _leader_epoch = fixed.get_i32();
        if fixed.get_i8() != 2 {
            return self.give_up(Malformed::Unsupported);
        }
        let _checksum = fixed.get_u32();
        let header = Header {
            base_offset,
            attributes: fixed.get_i16(),
            next_offset: base_offset.saturating_add(i64::from(fixed.get_i32()).saturating_add(1)),
            first_timestamp_ms: fixed.get_i64(),
            last_timestamp_ms: fixed.get_i64(),
            stamp: Stamp {
                producer_id: fixed.get_i64(),
                epoch: fixed.get_i16(),
                base_sequence: fixed.get_i32(),
            },
            count: fixed.get_i32(),
        };
        // An offset that does not advance would be asked for again for ever.
        if header.next_offset <= base_offset {
            return self.give_up(Malformed::Length);
        }
        Some(Ok((header, self.rest.split_to(length))))
    }
}

impl Headers {
    fn give_up(&mut self, fault: Malformed) -> Option<Result<(Header, Bytes), Malformed>> {
        self.rest.clear();
        Some(Err(fault))
    }
}
