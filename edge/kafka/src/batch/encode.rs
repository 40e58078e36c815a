//! Writes record batches in one pass.

use bytes::{Bytes, BytesMut};

use super::{Compression, HEADER_LENGTH, Record, Stamp};
use crate::wire::{Writer, varlong_length};

/// More records or bytes than a batch can say it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch of {records} records and {bytes} bytes cannot be encoded")]
pub struct BatchTooLarge {
    /// Records given; at least one is needed.
    pub records: usize,
    /// Bytes they would have.
    pub bytes: usize,
}

/// Encodes `records` as one batch, all with the timestamp `timestamp_ms`.
///
/// The timestamp must be that of freezing: a broker forgets producers by it, so an old one loses the protection against
/// repeats at once.
pub fn encode(
    records: &[Record],
    stamp: Stamp,
    timestamp_ms: i64,
    compression: Compression,
) -> Result<Bytes, BatchTooLarge> {
    let bytes = encoded_length(records);
    let too_large = BatchTooLarge { records: records.len(), bytes };
    let count = i32::try_from(records.len()).map_err(|_| too_large)?;
    if count == 0 || i32::try_from(bytes).is_err() {
        return Err(too_large);
    }
    let mut writer = Writer::with_capacity(bytes);
    writer.i64(0);
    writer.i32(0);
    writer.i32(-1);
    writer.i8(2);
    writer.i32(0);
    writer.i16(compression.attribute());
    writer.i32(count - 1);
    writer.i64(timestamp_ms);
    writer.i64(timestamp_ms);
    writer.i64(stamp.producer_id);
    writer.i16(stamp.epoch);
    writer.i32(stamp.base_sequence);
    writer.i32(count);
    match compression {
        Compression::None => write_records(records, &mut writer),
        Compression::Snappy => {
            let mut plain = Writer::with_capacity(bytes);
            write_records(records, &mut plain);
            compression.compress(&plain.bytes, &mut writer.bytes);
        }
    }
    let mut batch = writer.bytes;
    let length = batch.len().saturating_sub(12) as i32;
    put(&mut batch, 8, &length.to_be_bytes());
    seal(&mut batch);
    Ok(batch.freeze())
}

/// The size of the batch of `records` before compression, in bytes.
pub fn encoded_length(records: &[Record]) -> usize {
    let each = records.iter().enumerate().map(|(delta, record)| {
        let length = record_length(record, delta);
        varlong_length(length as i64) + length
    });
    HEADER_LENGTH + each.sum::<usize>()
}

/// The same records under another stamp: for the day on which an operator moves a partition to a new epoch.
pub fn restamp(batch: &Bytes, stamp: Stamp) -> Bytes {
    let mut batch = BytesMut::from(batch.as_ref());
    put(&mut batch, 43, &stamp.producer_id.to_be_bytes());
    put(&mut batch, 51, &stamp.epoch.to_be_bytes());
    put(&mut batch, 53, &stamp.base_sequence.to_be_bytes());
    seal(&mut batch);
    batch.freeze()
}

fn seal(batch: &mut BytesMut) {
    let checksum = crc32c::crc32c(batch.get(21..).unwrap_or_default());
    put(batch, 17, &checksum.to_be_bytes());
}

fn put(batch: &mut BytesMut, at: usize, bytes: &[u8]) {
    if let Some(place) = batch.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn record_length(record: &Record, delta: usize) -> usize {
    let bytes =
        |bytes: Option<&Bytes>| bytes.map_or(1, |bytes| varlong_length(bytes.len() as i64) + bytes.len());
    let headers = record.headers.iter().map(|(name, value)| bytes(Some(name)) + bytes(value.as_ref()));
    // One byte of attributes and one of timestamp delta: all records of a batch share one time.
    2 + varlong_length(delta as i64)
        + bytes(record.key.as_ref())
        + bytes(record.value.as_ref())
        + varlong_length(record.headers.len() as i64)
        + headers.sum::<usize>()
}

fn write_records(records: &[Record], writer: &mut Writer) {
    for (delta, record) in records.iter().enumerate() {
        writer.varlong(record_length(record, delta) as i64);
        writer.i8(0);
        writer.varlong(0);
        writer.varlong(delta as i64);
        writer.varint_bytes(record.key.as_deref());
        writer.varint_bytes(record.value.as_deref());
        writer.varlong(record.headers.len() as i64);
        for (name, value) in &record.headers {
            writer.varint_bytes(Some(name));
            writer.varint_bytes(value.as_deref());
        }
    }
}
