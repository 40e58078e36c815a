//! The primitives of the Kafka wire protocol: what every message is made of.
//!
//! Reading is bounded by what has arrived: a length or a count in a message never allocates more than the message is
//! long, so garbage from a socket costs an error and nothing else. Source: <https://kafka.apache.org/protocol>.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A message that does not follow its own schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The message ends inside a field.
    #[error("the message ends inside a field")]
    Short,
    /// A length or count is negative or larger than the message.
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

/// Reads fields from one message.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Starts at the beginning of `message`.
    pub fn new(message: Bytes) -> Self {
        Self { rest: message }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// One byte, signed.
    pub fn i8(&mut self) -> Result<i8, Malformed> {
        self.rest.try_get_i8().map_err(|_| Malformed::Short)
    }

    /// Two bytes, big-endian.
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.rest.try_get_i16().map_err(|_| Malformed::Short)
    }

    /// Four bytes, big-endian.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.rest.try_get_i32().map_err(|_| Malformed::Short)
    }

    /// Four bytes, big-endian, unsigned.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.rest.try_get_u32().map_err(|_| Malformed::Short)
    }

    /// Eight bytes, big-endian.
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.rest.try_get_i64().map_err(|_| Malformed::Short)
    }

    /// One byte; everything but 0 is true.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.i8()? != 0)
    }

    /// A topic id: 16 bytes as one number.
    pub fn uuid(&mut self) -> Result<u128, Malformed> {
        self.rest.try_get_u128().map_err(|_| Malformed::Short)
    }

    /// An unsigned base-128 number of at most ten bytes.
    pub fn unsigned_varint(&mut self) -> Result<u64, Malformed> {
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

    /// Bytes behind an unsigned length plus one; 0 is null.
    pub fn compact_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        match self.unsigned_varint()? {
            0 => Ok(None),
            length => self.take(usize::try_from(length - 1).map_err(|_| Malformed::Length)?).map(Some),
        }
    }

    /// A string behind an unsigned length plus one; null reads as `None`.
    pub fn compact_nullable_string(&mut self) -> Result<Option<String>, Malformed> {
        self.compact_bytes()?.map(text).transpose()
    }

    /// A string behind an unsigned length plus one; null reads as empty.
    pub fn compact_string(&mut self) -> Result<String, Malformed> {
        Ok(self.compact_nullable_string()?.unwrap_or_default())
    }

    /// A string behind a two-byte length, of the older encoding.
    pub fn string(&mut self) -> Result<String, Malformed> {
        let length = usize::try_from(self.i16()?).map_err(|_| Malformed::Length)?;
        text(self.take(length)?)
    }

    /// An array behind an unsigned count plus one; null reads as empty.
    pub fn compact_array<T>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.unsigned_varint()?.saturating_sub(1);
        self.elements(count, element)
    }

    /// An array behind a four-byte count, of the older encoding; null reads as empty.
    pub fn array<T>(
        &mut self,
        element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = u64::try_from(self.i32()?).unwrap_or(0);
        self.elements(count, element)
    }

    fn elements<T>(
        &mut self,
        count: u64,
        mut element: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed::Length)?;
        // No element of any message is shorter than a byte, so a larger count cannot be true.
        if count > self.rest.len() {
            return Err(Malformed::Length);
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(elements)
    }

    /// Skips the tagged fields that end each structure of a flexible version.
    pub fn skip_tags(&mut self) -> Result<(), Malformed> {
        for _ in 0..self.unsigned_varint()? {
            self.unsigned_varint()?;
            let length = usize::try_from(self.unsigned_varint()?).map_err(|_| Malformed::Length)?;
            self.take(length)?;
        }
        Ok(())
    }
}

fn text(bytes: Bytes) -> Result<String, Malformed> {
    String::from_utf8(bytes.into()).map_err(|_| Malformed::Utf8)
}

/// Writes fields of one message.
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

    /// One byte, 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.bytes.put_u8(u8::from(value));
    }

    /// A topic id.
    pub fn uuid(&mut self, value: u128) {
        self.bytes.put_u128(value);
    }

    /// An unsigned base-128 number.
    pub fn unsigned_varint(&mut self, mut value: u64) {
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

    /// Bytes behind an unsigned length plus one; `None` is 0.
    pub fn compact_bytes(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.unsigned_varint(0),
            Some(bytes) => {
                self.unsigned_varint(bytes.len() as u64 + 1);
                self.bytes.put_slice(bytes);
            }
        }
    }

    /// A string behind an unsigned length plus one.
    pub fn compact_string(&mut self, value: &str) {
        self.compact_bytes(Some(value.as_bytes()));
    }

    /// A string behind a two-byte length. Strings beyond 32,767 bytes are cut: names here are far shorter.
    pub fn string(&mut self, value: &str) {
        let length = i16::try_from(value.len()).unwrap_or(i16::MAX);
        self.i16(length);
        self.bytes.put_slice(value.as_bytes().get(..length as usize).unwrap_or_default());
    }

    /// An array behind an unsigned count plus one.
    pub fn compact_array<T>(&mut self, elements: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.unsigned_varint(elements.len() as u64 + 1);
        for value in elements {
            element(self, value);
        }
    }

    /// The empty list of tagged fields that ends each structure of a flexible version.
    pub fn no_tags(&mut self) {
        self.bytes.put_u8(0);
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
    fn a_count_larger_than_the_message_is_refused_before_anything_is_allocated() {
        let mut reader = Reader::new(Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0]));
        assert_eq!(reader.array(Reader::i8), Err(Malformed::Length));
        let mut reader = Reader::new(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]));
        assert_eq!(reader.compact_array(Reader::i8), Err(Malformed::Length));
    }

    #[test]
    fn a_number_that_never_ends_is_refused() {
        let mut reader = Reader::new(Bytes::from_static(&[0xff; 16]));
        assert_eq!(reader.unsigned_varint(), Err(Malformed::Length));
    }
}
