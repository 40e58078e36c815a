//! One partition's log and its memory of producers, by the tables measured on Apache Kafka 4.3.1.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::batch::{Header, headers, sequence_after};

/// Batches of a producer that a broker recognises.
const WINDOW: usize = 5;

#[derive(Debug, Default)]
pub(super) struct SimLog {
    batches: VecDeque<(Header, Bytes)>,
    start: i64,
    end: i64,
    producers: BTreeMap<i64, Remembered>,
}

#[derive(Debug)]
struct Remembered {
    epoch: i16,
    last_timestamp_ms: i64,
    /// First and last sequence and base offset of the last batches, oldest first.
    window: VecDeque<(i32, i32, i64)>,
}

/// Error, base offset, log append time.
pub(super) type Appended = (i16, i64, i64);

impl SimLog {
    pub(super) fn append(&mut self, batch: &Bytes) -> Appended {
        let Some(Ok((mut header, bytes))) = headers(batch.clone()).next() else { return (2, -1, -1) };
        if bytes.len() != batch.len() {
            return (87, -1, -1);
        }
        let stamp = header.stamp;
        let last = sequence_after(stamp.base_sequence, header.count - 1);
        if let Some(known) = self.producers.get(&stamp.producer_id) {
            if stamp.epoch < known.epoch {
                return (47, -1, -1);
            }
            if stamp.epoch == known.epoch {
                let same = |row: &&(i32, i32, i64)| row.0 == stamp.base_sequence && row.1 == last;
                if let Some(row) = known.window.iter().find(same) {
                    return (0, row.2, known.last_timestamp_ms.max(0));
                }
            }
            let next = known.window.back().map_or(0, |row| sequence_after(row.1, 1));
            let expected = if stamp.epoch == known.epoch { next } else { 0 };
            if stamp.base_sequence != expected {
                return (45, -1, -1);
            }
        }
        let base_offset = self.end;
        self.end += i64::from(header.count);
        header.base_offset = base_offset;
        header.next_offset = self.end;
        let mut stored = BytesMut::from(bytes.as_ref());
        if let Some(place) = stored.get_mut(..8) {
            place.copy_from_slice(&base_offset.to_be_bytes());
        }
        let timestamp_ms = header.last_timestamp_ms;
        self.batches.push_back((header, stored.freeze()));
        self.remember(stamp.producer_id, stamp.epoch, timestamp_ms, (stamp.base_sequence, last, base_offset));
        (0, base_offset, -1)
    }

    fn remember(&mut self, producer_id: i64, epoch: i16, last_timestamp_ms: i64, row: (i32, i32, i64)) {
        let fresh = || Remembered { epoch, last_timestamp_ms, window: VecDeque::new() };
        let known = self.producers.entry(producer_id).or_insert_with(fresh);
        if known.epoch != epoch {
            *known = fresh();
        }
        known.last_timestamp_ms = last_timestamp_ms;
        known.window.push_back(row);
        if known.window.len() > WINDOW {
            known.window.pop_front();
        }
    }

    /// Whole batches from the one that holds `offset` on, as many as fit `bytes_max` but at least one; the next one may be
    /// cut off in the middle, as a broker does it. `None` when the offset is out of range.
    pub(super) fn read(&self, offset: i64, bytes_max: usize) -> Option<Bytes> {
        if offset < self.start || offset > self.end {
            return None;
        }
        let mut out = BytesMut::new();
        for (_, bytes) in self.batches.iter().filter(|(header, _)| header.next_offset > offset) {
            let room = if out.is_empty() {
                bytes.len()
            } else {
                bytes_max.saturating_sub(out.len()).min(bytes.len())
            };
            out.extend_from_slice(bytes.get(..room).unwrap_or_default());
            if room < bytes.len() {
                break;
            }
        }
        Some(out.freeze())
    }

    pub(super) fn restart(&mut self) {
        for known in self.producers.values_mut() {
            known.window.drain(..known.window.len().saturating_sub(1));
        }
    }

    pub(super) fn forget(&mut self, before_ms: i64) {
        self.producers.retain(|_, known| known.last_timestamp_ms >= before_ms);
    }

    pub(super) fn delete_before(&mut self, offset: i64) {
        self.start = self.start.max(offset.min(self.end));
        let start = self.start;
        self.batches.retain(|(header, _)| header.next_offset > start);
    }

    pub(super) fn truncate(&mut self, offset: i64) {
        self.batches.retain(|(header, _)| header.next_offset <= offset);
        self.end = self.batches.back().map_or(self.start, |(header, _)| header.next_offset);
        self.producers.clear();
        let rows: Vec<_> = self.batches.iter().map(|(header, _)| header.clone()).collect();
        for header in rows {
            let stamp = header.stamp;
            let last = sequence_after(stamp.base_sequence, header.count - 1);
            let row = (stamp.base_sequence, last, header.base_offset);
            self.remember(stamp.producer_id, stamp.epoch, header.last_timestamp_ms, row);
        }
    }

    pub(super) fn batches(&self) -> Vec<Bytes> {
        self.batches.iter().map(|(_, bytes)| bytes.clone()).collect()
    }

    pub(super) fn start(&self) -> i64 {
        self.start
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Producer id, epoch and last sequence of each remembered producer.
    pub(super) fn producers(&self) -> impl Iterator<Item = (i64, i16, i32)> {
        self.producers
            .iter()
            .map(|(id, known)| (*id, known.epoch, known.window.back().map_or(-1, |row| row.1)))
    }
}
