//! From a Fetch answer to the records a reader is shown.

use crate::api::fetch;
use crate::batch::{self, Header, Stored};
use crate::wire::Malformed;

/// The records of `answer` from `position` on and the position behind them; or the offset of a batch that cannot be read.
///
/// Leaves out the marks of transactions and what belongs to aborted ones: the broker lists their producers, each from an
/// offset on and until its mark.
pub(super) fn readable(position: i64, answer: fetch::Answer) -> Result<(Vec<Stored>, i64), (i64, Malformed)> {
    let mut aborted = answer.aborted;
    let mut shown = Vec::new();
    let mut next_offset = position;
    for item in batch::headers(answer.records) {
        let (header, bytes) = item.map_err(|fault| (next_offset, fault))?;
        if header.next_offset <= position {
            continue;
        }
        if !hides(&header, &mut aborted) {
            let records = batch::decode(&header, &bytes).map_err(|fault| (header.base_offset, fault))?;
            shown.extend(records.into_iter().filter(|stored| stored.offset >= position));
        }
        next_offset = header.next_offset;
    }
    Ok((shown, next_offset))
}

fn hides(header: &Header, aborted: &mut Vec<(i64, i64)>) -> bool {
    let producer_id = header.stamp.producer_id;
    let under_way = |row: &(i64, i64)| row.0 == producer_id && row.1 <= header.base_offset;
    if header.is_control() {
        // A mark ends the transaction it belongs to.
        if let Some(at) = aborted.iter().position(under_way) {
            aborted.remove(at);
        }
        return true;
    }
    header.is_transactional() && aborted.iter().any(under_way)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use bytes::{Bytes, BytesMut};

    use super::*;
    use crate::batch::{Compression, Record, Stamp};
    use crate::error_code::ErrorCode;

    const TRANSACTIONAL: u8 = 0x10;
    const MARK: u8 = 0x30;

    fn batch_at(offset: i64, producer_id: i64, attributes: u8) -> Bytes {
        let stamp = Stamp { producer_id, epoch: 0, base_sequence: 0 };
        let record = Record { value: Some(Bytes::from(offset.to_string())), ..Record::default() };
        let mut batch = BytesMut::from(&batch::encode(&[record], stamp, 1, Compression::None).unwrap()[..]);
        batch[..8].copy_from_slice(&offset.to_be_bytes());
        batch[22] |= attributes;
        batch::restamp(&batch.freeze(), stamp)
    }

    fn answer(batches: &[Bytes], aborted: Vec<(i64, i64)>) -> fetch::Answer {
        fetch::Answer {
            error: ErrorCode::NONE,
            high_watermark: 100,
            last_stable_offset: 100,
            log_start_offset: 0,
            aborted,
            records: batches.concat().into(),
        }
    }

    #[test]
    fn aborted_transactions_and_marks_are_not_shown_but_passed() {
        let batches = [
            batch_at(10, 7, TRANSACTIONAL),
            batch_at(11, 8, TRANSACTIONAL),
            batch_at(12, 7, 0),
            batch_at(13, 7, MARK),
            batch_at(14, 7, TRANSACTIONAL),
            batch_at(15, 7, MARK),
        ];
        let (records, next) = readable(10, answer(&batches, vec![(7, 10)])).unwrap();
        assert_eq!(records.iter().map(|stored| stored.offset).collect::<Vec<_>>(), [11, 12, 14]);
        assert_eq!(next, 16);
    }

    #[test]
    fn records_before_the_position_are_not_shown_again() {
        let batches = [batch_at(10, 7, 0), batch_at(11, 7, 0)];
        let (records, next) = readable(11, answer(&batches, Vec::new())).unwrap();
        assert_eq!((records[0].offset, records.len(), next), (11, 1, 12));
    }

    #[test]
    fn an_unreadable_batch_is_named_by_its_offset() {
        let mut broken = batch_at(11, 7, 0).to_vec();
        broken[65] ^= 1;
        let batches = [batch_at(10, 7, 0), broken.into()];
        assert_eq!(readable(10, answer(&batches, Vec::new())), Err((11, Malformed::Checksum)));
    }
}
