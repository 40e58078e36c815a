//! Reads the records of one batch.

use bytes::Bytes;

use super::compression::decompress;
use super::{HEADER_LENGTH, Header, Record, Stored};
use crate::wire::{Malformed, Reader};

/// The records of one whole batch, as [`super::headers`] gives it. The checksum is verified first.
pub fn decode(header: &Header, batch: &Bytes) -> Result<Vec<Stored>, Malformed> {
    let checksum = batch.get(17..21).and_then(|bytes| bytes.first_chunk::<4>()).ok_or(Malformed::Short)?;
    if crc32c::crc32c(batch.get(21..).unwrap_or_default()) != u32::from_be_bytes(*checksum) {
        return Err(Malformed::Checksum);
    }
    let count = usize::try_from(header.count).map_err(|_| Malformed::Length)?;
    let records =
        batch.get(HEADER_LENGTH..).map(|records| batch.slice_ref(records)).ok_or(Malformed::Short)?;
    let mut reader = Reader::new(decompress(header.attributes, records)?);
    // The shortest record is seven bytes.
    if count > reader.remaining() / 7 + 1 {
        return Err(Malformed::Length);
    }
    let mut stored = Vec::with_capacity(count);
    for _ in 0..count {
        stored.push(record(header, &mut reader)?);
    }
    Ok(stored)
}

fn record(header: &Header, reader: &mut Reader) -> Result<Stored, Malformed> {
    let length = usize::try_from(reader.varint()?).map_err(|_| Malformed::Length)?;
    let mut reader = Reader::new(reader.take(length)?);
    let _attributes = reader.i8()?;
    let timestamp_delta = reader.varlong()?;
    let offset_delta = reader.varint()?;
    let key = reader.varint_bytes()?;
    let value = reader.varint_bytes()?;
    let mut headers = Vec::new();
    for _ in 0..usize::try_from(reader.varint()?).map_err(|_| Malformed::Length)? {
        headers.push((reader.varint_bytes()?.ok_or(Malformed::Length)?, reader.varint_bytes()?));
    }
    // Bit 3: the log's time counts and the record's own is not.
    let timestamp_ms = match header.attributes & 8 {
        0 => header.first_timestamp_ms.saturating_add(timestamp_delta),
        _ => header.last_timestamp_ms,
    };
    let offset = header.base_offset.saturating_add(i64::from(offset_delta));
    Ok(Stored { offset, timestamp_ms, record: Record { key, value, headers } })
}
