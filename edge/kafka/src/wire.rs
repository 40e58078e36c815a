//! The primitives that records are made of, and what can be wrong with anything that a broker sends.
//!
//! Reading is bounded by what has arrived: a length in a batch never allocates more than the batch is long, so garbage from
//! a socket costs an error and nothing else. Source: <https://kafka.apache.org/documentation/#messageformat>. Requests and
//! answers are of other primitives: see [`crate::api`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A message that does not follow its own schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message ends inside a field.
    #[error("the message ends inside a field")]
    Short,
    /// A length or count is negative, larger than the message or larger than is read here; or what must be there is not.
    #[error("a length or count does not fit the message")]
    Length,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// A checksum does not match.
    #[error("a checksum does not match")]
    Checksum,
    /// A record batch is of a format or a compression that is not read here.
    #[error("a record batch is of an unsupported format or compression")]
    Unsupported,
}

/// Reads fields of records.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Starts at the beginning of `records`.
    pub fn new(records: Bytes) -> Self {
        Self { rest: records }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte, signed.
    pub fn i8(&mut self) -> Result<i8, Malformed> {
        self.rest.try_get_i8().map_err(|_| Malformed::Short)
    }

    /// An unsigned base-128 number of at most ten bytes.
    fn unsigned_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.rest.try_get_u8().map_err(|_| Malformed::Short)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Length)
    }

    /// A zig-zag number, as records use it.
    pub fn varlong(&mut self) -> Result<i64, Malformed> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// A zig-zag number that must fit 32 bits.
    pub fn varint(&mut self) -> Result<i32, Malformed> {
        i32::try_from(self.varlong()?).map_err(|_| Malformed::Length)
    }

    /// The next `length` bytes, without a copy.
    pub fn take(&mut self, length: usize) -> Result<Bytes, Malformed> {
        if length > self.rest.len() {
            return Err(Malformed::Short);
        }
        Ok(self.rest.split_to(length))
    }

    /// Bytes behind a zig-zag length; −1 is null.
    pub fn varint_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.varint()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| Malformed::Length)?).map(Some),
        }
    }
}

/// Writes fields of records.
#[derive(Debug, Default)]
pub struct Writer {
    /// What has been written.
    pub bytes: BytesMut,
}

impl Writer {
    /// A writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(capacity) }
    }

    /// One byte.
    pub fn i8(&mut self, value: i8) {
        self.bytes.put_i8(value);
    }

    /// Two bytes, big-endian.
    pub fn i16(&mut self, value: i16) {
        self.bytes.put_i16(value);
    }

    /// Four bytes, big-endian.
    pub fn i32(&mut self, value: i32) {
        self.bytes.put_i32(value);
    }

    /// Eight bytes, big-endian.
    pub fn i64(&mut self, value: i64) {
        self.bytes.put_i64(value);
    }

    /// An unsigned base-128 number.
    fn unsigned_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(value as u8);
    }

    /// A zig-zag number.
    pub fn varlong(&mut self, value: i64) {
        self.unsigned_varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// Bytes behind a zig-zag length; `None` is −1.
    pub fn varint_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.varlong(-1),
            Some(bytes) => {
                self.varlong(bytes.len() as i64);
                self.bytes.put_slice(bytes);
            }
        }
    }
}

/// Length of the zig-zag encoding of `value`, in bytes.
pub fn varlong_length(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (64 - (zigzag | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn zigzag_numbers_survive_and_have_the_computed_length() {
        for value in [0, -1, 1, 63, -64, 64, 8191, -8193, i64::from(i32::MAX), i64::MIN, i64::MAX] {
            let mut writer = Writer::default();
            writer.varlong(value);
            assert_eq!(writer.bytes.len(), varlong_length(value), "{value}");
            assert_eq!(Reader::new(writer.bytes.freeze()).varlong().unwrap(), value);
        }
    }

    #[test]
    fn a_number_that_never_ends_is_refused() {
        let mut reader = Reader::new(Bytes::from_static(&[0xff; 16]));
        assert_eq!(reader.unsigned_varint(), Err(Malformed::Length));
    }
}
