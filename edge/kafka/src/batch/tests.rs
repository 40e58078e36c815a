#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{self as judge, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions};
use proptest::prelude::*;

use super::*;
use crate::wire::Malformed;

const STAMP: Stamp = Stamp { producer_id: 4711, epoch: 3, base_sequence: 90 };

fn records(count: usize) -> Vec<Record> {
    let record = |number: usize| Record {
        key: (!number.is_multiple_of(3)).then(|| Bytes::from(format!("key-{number}"))),
        value: (!number.is_multiple_of(4)).then(|| Bytes::from("값".repeat(number * 7))),
        headers: vec![
            (Bytes::from_static(b"ce_type"), Some(Bytes::from_static(b"order.placed"))),
            (Bytes::from_static(b"empty"), Some(Bytes::new())),
            (Bytes::from_static(b"null"), None),
        ],
    };
    (0..count).map(record).collect()
}

fn for_judge(records: &[Record], stamp: Stamp, timestamp_ms: i64) -> Vec<judge::Record> {
    let record = |(delta, record): (usize, &Record)| judge::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: stamp.producer_id,
        producer_epoch: stamp.epoch,
        timestamp_type: judge::TimestampType::Creation,
        offset: delta as i64,
        sequence: stamp.base_sequence.wrapping_add(delta as i32),
        timestamp: timestamp_ms,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (name.clone().try_into().unwrap(), value.clone()))
            .collect(),
    };
    records.iter().enumerate().map(record).collect()
}

fn decode_all(bytes: Bytes) -> Vec<Stored> {
    let mut stored = Vec::new();
    for item in headers(bytes) {
        let (header, batch) = item.unwrap();
        stored.extend(decode(&header, &batch).unwrap());
    }
    stored
}

#[test]
fn uncompressed_batches_are_byte_for_byte_those_of_the_reference_crate() {
    for count in [1, 2, 63, 64, 65, 200] {
        let ours = encode(&records(count), STAMP, 1_790_000_000_123, Compression::None).unwrap();
        let mut theirs = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: judge::Compression::None };
        RecordBatchEncoder::encode(
            &mut theirs,
            &for_judge(&records(count), STAMP, 1_790_000_000_123),
            &options,
        )
        .unwrap();
        assert_eq!(ours, theirs.freeze(), "{count} records");
        assert_eq!(ours.len(), encoded_length(&records(count)));
    }
}

#[test]
fn snappy_and_gzip_are_read_whoever_wrote_them() {
    let wanted = records(120);
    let snappy = encode(&wanted, STAMP, 5, Compression::Snappy).unwrap();
    let judged = RecordBatchDecoder::decode(&mut snappy.clone()).unwrap();
    assert_eq!(judged.records, for_judge(&wanted, STAMP, 5));
    for compression in [judge::Compression::Snappy, judge::Compression::Gzip, judge::Compression::None] {
        let mut theirs = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression };
        RecordBatchEncoder::encode(&mut theirs, &for_judge(&wanted, STAMP, 5), &options).unwrap();
        let stored = decode_all(theirs.freeze());
        assert_eq!(stored.iter().map(|stored| stored.record.clone()).collect::<Vec<_>>(), wanted);
        assert_eq!(stored.last().map(|stored| (stored.offset, stored.timestamp_ms)), Some((119, 5)));
    }
}

#[test]
fn the_encoded_batch_format_unchanged() {
    let record = Record {
        key: Some(Bytes::from_static(b"ord_1")),
        value: Some(Bytes::from_static(b"\0\0\0\0\x01hi")),
        headers: vec![(Bytes::from_static(b"ce_id"), Some(Bytes::from_static(b"7")))],
    };
    let batch = encode(&[record], STAMP, 1_700_000_000_000, Compression::None).unwrap();
    let hex: String = batch.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "00000000000000000000004cffffffff0281ad6d550000000000000000018bcfe568000000018bcfe568000\
         00000000000126700030000005a00000001340000000a6f72645f310e00000000016869020a63655f69640237"
    );
}

#[test]
fn half_a_batch_at_the_end_is_left_for_the_next_fetch() {
    let one = encode(&records(3), STAMP, 1, Compression::None).unwrap();
    let two = [one.as_ref(), one.as_ref()].concat();
    for cut in 0..=two.len() {
        let whole = headers(Bytes::from(two[..cut].to_vec())).map(Result::unwrap).count();
        assert_eq!(whole, cut / one.len(), "cut at {cut}");
    }
}

#[test]
fn a_restamped_batch_differs_in_its_stamp_alone() {
    let batch = encode(&records(4), STAMP, 1, Compression::Snappy).unwrap();
    let other = Stamp { producer_id: 9, epoch: 4, base_sequence: 0 };
    assert_eq!(restamp(&batch, other), encode(&records(4), other, 1, Compression::Snappy).unwrap());
}

#[test]
fn sequences_wrap_at_two_to_the_31() {
    assert_eq!(sequence_after(2_147_483_645, 5), 2);
    assert!(sequence_before(2_147_483_645, 2));
    assert!(!sequence_before(2, 2_147_483_645));
    assert!(!sequence_before(7, 7));
}

#[test]
fn nothing_and_unknown_codecs_are_refused() {
    assert!(encode(&[], STAMP, 1, Compression::None).is_err());
    let batch = encode(&records(1), STAMP, 1, Compression::None).unwrap();
    for codec in [3, 4] {
        let mut other = BytesMut::from(batch.as_ref());
        other[22] = codec;
        let other = restamp(&other.freeze(), STAMP);
        let (header, bytes) = headers(other).next().unwrap().unwrap();
        assert_eq!(decode(&header, &bytes), Err(Malformed::Unsupported));
    }
}

proptest! {
    #[test]
    fn flipped_bytes_are_found_and_never_panic(at in 0usize..300, flip in 1u8..=255) {
        let batch = encode(&records(6), STAMP, 1, Compression::Snappy).unwrap();
        let mut broken = batch.to_vec();
        let at = at % broken.len();
        broken[at] ^= flip;
        for item in headers(Bytes::from(broken)) {
            let Ok((header, bytes)) = item else { break };
            let decoded = decode(&header, &bytes);
            // Base offset, length and leader epoch are outside the checksum: a broker may change them.
            prop_assert!(at < 21 || decoded.is_err());
        }
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for item in headers(Bytes::from(bytes)) {
            let Ok((header, bytes)) = item else { break };
            let _ = decode(&header, &bytes);
        }
    }
}
