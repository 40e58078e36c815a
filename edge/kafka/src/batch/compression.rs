//! The codecs: none and snappy are written, gzip is also read.
//!
//! gzip costs thirty times what snappy costs and would be the bottleneck. lz4 and zstd are C libraries and are not read:
//! such a batch is refused by name. Sizes are bounded before memory is taken.

use std::io::Read;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::wire::Malformed;

/// Upper bound of one batch after decompression, in bytes.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;
/// Frame of snappy-java, which Kafka's snappy is: magic, version 1, compatible with 1.
const XERIAL: &[u8; 16] = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01";
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

/// How the records of a batch are compressed when written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Snappy in snappy-java's framing.
    Snappy,
}

impl Compression {
    /// Its bits in the batch's attributes.
    pub(super) fn attribute(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Snappy => 2,
        }
    }

    pub(super) fn compress(self, records: &[u8], out: &mut BytesMut) {
        match self {
            Self::None => out.put_slice(records),
            Self::Snappy => {
                out.put_slice(XERIAL);
                let mut encoder = snap::raw::Encoder::new();
                for block in records.chunks(XERIAL_BLOCK_BYTES) {
                    // Compressing 32 KiB into a buffer of the size snap asks for has no way to fail.
                    let compressed = encoder.compress_vec(block).unwrap_or_default();
                    out.put_u32(compressed.len() as u32);
                    out.put_slice(&compressed);
                }
            }
        }
    }
}

/// Undoes the codec that the batch's `attributes` name.
pub(super) fn decompress(attributes: i16, records: Bytes) -> Result<Bytes, Malformed> {
    match attributes & 7 {
        0 => Ok(records),
        1 => gunzip(&records),
        2 => unsnap(records),
        _ => Err(Malformed::Unsupported),
    }
}

fn gunzip(records: &[u8]) -> Result<Bytes, Malformed> {
    let mut out = Vec::new();
    let bound = DECOMPRESSED_BYTES_MAX as u64 + 1;
    flate2::read::GzDecoder::new(records).take(bound).read_to_end(&mut out).map_err(|_| Malformed::Short)?;
    if out.len() > DECOMPRESSED_BYTES_MAX { Err(Malformed::Length) } else { Ok(out.into()) }
}

fn unsnap(mut records: Bytes) -> Result<Bytes, Malformed> {
    let mut out = BytesMut::new();
    if !records.starts_with(XERIAL) {
        unsnap_block(&records, &mut out)?;
        return Ok(out.freeze());
    }
    records.advance(XERIAL.len());
    while records.has_remaining() {
        let length = records.try_get_u32().map_err(|_| Malformed::Short)? as usize;
        if length > records.len() {
            return Err(Malformed::Short);
        }
        unsnap_block(&records.split_to(length), &mut out)?;
    }
    Ok(out.freeze())
}

fn unsnap_block(block: &[u8], out: &mut BytesMut) -> Result<(), Malformed> {
    let length = snap::raw::decompress_len(block).map_err(|_| Malformed::Length)?;
    let from = out.len();
    // Snappy never packs more than 64 bytes into three, so a larger claim is false.
    if from + length > DECOMPRESSED_BYTES_MAX || length > block.len().saturating_mul(32) {
        return Err(Malformed::Length);
    }
    out.resize(from + length, 0);
    let place = out.get_mut(from..).ok_or(Malformed::Length)?;
    snap::raw::Decoder::new().decompress(block, place).map_err(|_| Malformed::Short)?;
    Ok(())
}
