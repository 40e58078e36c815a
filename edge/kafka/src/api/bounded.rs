//! A buffer that bounds what an answer can make the `kafka-protocol` crate allocate.
//!
//! The crate reserves room for as many elements as a count claims before it reads the first of them, so five bytes of
//! garbage would end a WebAssembly instance. All counts and lengths come through this buffer on their way to the crate:
//! in the flexible versions as unsigned varints, which are read byte by byte, in the older ones as numbers of four bytes.
//! Here they are judged first.
//!
//! The worst case, which needs an answer made for it: what the crate holds of one answer besides the records is less than
//! 128 times [`STRUCTURE_BYTES_MAX`] on a 64-bit machine and half as much in WebAssembly (an unknown tagged field of two
//! bytes gets a map of its own). Honest answers take about three times their size; records are never copied.

use std::ops::Range;
use std::str::Utf8Error;

use bytes::{Buf, Bytes, TryGetError};
use kafka_protocol::messages::{ApiKey, ResponseHeader};
use kafka_protocol::protocol::Decodable;
use kafka_protocol::protocol::buf::{ByteBuf, NotEnoughBytesError};

use crate::wire::Malformed;

/// Largest length or count but for the length of the records. Kafka's own limit of strings; the longest lists, the
/// partitions of a topic and the producers of a partition, are ten times shorter even in large clusters.
const LENGTH_MAX: usize = i16::MAX as usize;
/// Largest answer besides the records, in bytes: for example 28,000 producers, or a topic of 20,000 partitions.
const STRUCTURE_BYTES_MAX: usize = 1 << 20;
/// Numbers of tagged fields are varints too, but say nothing of what follows. They are small.
const TAG_MAX: usize = 64;
/// Version of the request's header from which on a request and its answer are flexible.
const FLEXIBLE_HEADER: i16 = 2;
/// Bytes of the longest varint that the crate reads.
const VARINT_BYTES_MAX: usize = 5;

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Bounded {
    rest: Bytes,
    /// Bytes that may still be read as something else than records.
    structure_left: usize,
    counts: Counts,
    i32s_until_records: u32,
    /// True right behind the last of those numbers: a varint that comes now is the length of the records.
    records_next: bool,
    /// Bytes that this length still has.
    records_length_left: usize,
    /// True once a length or count was refused.
    refused: bool,
}

/// How the version that is read writes counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Varint,
    /// Where all numbers of four bytes are counts: ApiVersions 0 and SaslHandshake 1 have no others.
    I32,
}

impl Bounded {
    /// The body of an answer, behind its header.
    pub(super) fn body(api: ApiKey, version: i16, frame: Bytes) -> Result<Self, Malformed> {
        let mut body = Self {
            rest: frame,
            structure_left: STRUCTURE_BYTES_MAX,
            counts: Counts::Varint,
            i32s_until_records: 0,
            records_next: false,
            records_length_left: 0,
            refused: false,
        };
        let _header: ResponseHeader = body.message(api.response_header_version(version))?;
        // Only ApiVersions has a flexible body behind a header that is not.
        if api.request_header_version(version) < FLEXIBLE_HEADER {
            body.counts = Counts::I32;
        }
        Ok(body)
    }

    /// Lets one length exceed the bounds: that of the records, the varint right behind the next `i32s` numbers of four
    /// bytes. It may be as long as what follows, and must be bytes, for which nothing is allocated.
    pub(super) fn expect_records(&mut self, i32s: u32) {
        self.i32s_until_records = i32s;
    }

    /// Reads the next structure.
    pub(super) fn message<M: Decodable>(&mut self, version: i16) -> Result<M, Malformed> {
        M::decode(self, version).map_err(|error| {
            let short = error.is::<TryGetError>() || error.is::<NotEnoughBytesError>();
            match error.is::<Utf8Error>() {
                true => Malformed::Utf8,
                false if short && !self.refused => Malformed::Short,
                false => Malformed::Length,
            }
        })
    }

    /// Judges the varint that starts with the next byte. Called at each byte that the crate reads alone: at the first of a
    /// varint, at its later ones, which make a smaller number, and at truth values, which are 0 or 1.
    fn judge_varint(&mut self) -> Result<(), TryGetError> {
        let available = self.rest.len();
        let Some((value, bytes)) = leading_varint(&self.rest) else {
            return Err(TryGetError { requested: available + 1, available });
        };
        // Lengths and counts are written plus one.
        let length = value.saturating_sub(1);
        let behind = available - bytes;
        if self.records_next && length <= behind {
            self.records_length_left = bytes;
            return Ok(());
        }
        self.judge(length, behind)
    }

    /// Refuses what cannot be true or is too much, before the crate makes room for it. No element of any message is
    /// shorter than a byte.
    fn judge(&mut self, length: usize, behind: usize) -> Result<(), TryGetError> {
        let bound = behind.clamp(TAG_MAX, LENGTH_MAX);
        if length > bound || self.structure_left == 0 {
            self.refused = true;
            return Err(TryGetError { requested: length, available: behind });
        }
        Ok(())
    }
}

/// The varint at the start of `bytes` and how long it is; `None` if it does not end in time.
fn leading_varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, at + 1));
        }
    }
    None
}

impl Buf for Bounded {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
        self.structure_left = self.structure_left.saturating_sub(count);
        self.records_next = false;
    }

    fn try_get_u8(&mut self) -> Result<u8, TryGetError> {
        if self.records_length_left == 0 {
            self.judge_varint()?;
        }
        self.records_length_left = self.records_length_left.saturating_sub(1);
        let byte = self.rest.first().copied().ok_or(TryGetError { requested: 1, available: 0 })?;
        self.advance(1);
        Ok(byte)
    }

    fn try_get_i32(&mut self) -> Result<i32, TryGetError> {
        let available = self.rest.len();
        let bytes = self.rest.first_chunk::<4>().ok_or(TryGetError { requested: 4, available })?;
        let value = i32::from_be_bytes(*bytes);
        self.advance(4);
        if self.counts == Counts::I32 {
            // A negative one is null, or an error that the crate finds.
            self.judge(usize::try_from(value).unwrap_or(0), self.rest.len())?;
        }
        self.records_next = self.i32s_until_records == 1;
        self.i32s_until_records = self.i32s_until_records.saturating_sub(1);
        Ok(value)
    }
}

impl ByteBuf for Bounded {
    fn peek_bytes(&mut self, range: Range<usize>) -> Bytes {
        self.rest.slice(range)
    }

    fn get_bytes(&mut self, size: usize) -> Bytes {
        // Only records are longer than a length may be, and they do not belong to the structure.
        if size <= LENGTH_MAX {
            self.structure_left = self.structure_left.saturating_sub(size);
        }
        self.records_next = false;
        self.rest.split_to(size)
    }
}
