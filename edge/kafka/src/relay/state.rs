//! What the relay stores: plain data, one row per partition and one per frozen batch.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::TopicPartition;
use crate::api::metadata::Topic;
use crate::batch::{self, BatchTooLarge, Compression, Record, Stamp, sequence_after};

/// The relay's identity at the brokers. One relay, one producer: two writers under one id lose data without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producer {
    /// Given out by the cluster.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// A topic as it was when it was first published to. Neither may ever change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTopic {
    /// Its name.
    pub topic: String,
    /// The cluster's id of it, in 32 hexadecimal digits.
    pub id: String,
    /// How many partitions it has.
    pub partitions: u32,
}

impl StoredTopic {
    /// The topic as the cluster describes it.
    pub fn of(topic: &Topic) -> Self {
        let partitions = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
        Self { topic: topic.name.clone(), id: format!("{:032x}", topic.id), partitions }
    }

    /// What is different about `seen`, in words.
    pub fn difference(&self, seen: &Self) -> String {
        if self.id == seen.id {
            format!("{} partitions, {} before", seen.partitions, self.partitions)
        } else {
            "it was deleted and created again".to_owned()
        }
    }
}

/// A batch that is sent until it is acknowledged, always of the same records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Sequence of its first record: with the partition, its name.
    pub base_sequence: i32,
    /// How many records it has.
    pub count: i32,
    /// What goes over the wire. Not stored: `None` after a restart, until it is made again.
    pub bytes: Option<Bytes>,
}

/// Other records than those of which a batch was frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("batch {base_sequence} was frozen with {frozen} records, not with {given}")]
pub struct OtherRecords {
    /// Which batch.
    pub base_sequence: i32,
    /// How many it has.
    pub frozen: i32,
    /// How many were given.
    pub given: usize,
}

impl Frozen {
    /// Sequence of its last record.
    pub fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.count - 1)
    }
}

/// Why a batch cannot be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RebuildRefusal {
    /// The records are not those that it was frozen with.
    #[error(transparent)]
    OtherRecords(#[from] OtherRecords),
    /// The records do not make a batch.
    #[error(transparent)]
    Batch(#[from] BatchTooLarge),
}

/// Everything a relay must remember of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// Which partition.
    pub place: TopicPartition,
    /// Whose batches. The epoch may be ahead of the relay's where an operator has moved the partition on.
    pub producer: Producer,
    /// Sequence of the next record to freeze.
    pub next_sequence: i32,
    /// Offset behind the last acknowledged batch, from which read-back starts; `None` until it is first known.
    pub scan_from: Option<i64>,
    /// Not acknowledged yet, in order.
    pub frozen: VecDeque<Frozen>,
}

impl PartitionState {
    /// A partition that has never been published to.
    pub fn new(place: TopicPartition, producer: Producer) -> Self {
        Self { place, producer, next_sequence: 0, scan_from: None, frozen: VecDeque::new() }
    }

    /// Freezes `records` (at least one) as the next batch; `now_ms` becomes their timestamp.
    pub fn freeze(
        &mut self,
        now_ms: i64,
        records: &[Record],
        compression: Compression,
    ) -> Result<Frozen, BatchTooLarge> {
        let stamp = self.stamp(self.next_sequence);
        let bytes = batch::encode(records, stamp, now_ms, compression)?;
        let frozen =
            Frozen { base_sequence: stamp.base_sequence, count: records.len() as i32, bytes: Some(bytes) };
        self.next_sequence = sequence_after(self.next_sequence, frozen.count);
        self.frozen.push_back(frozen.clone());
        Ok(frozen)
    }

    /// Makes the bytes of an open batch again, from the records that it was frozen with. Their timestamp becomes `now_ms`, and not the time of
    /// freezing: brokers forget a producer by the timestamps of its batches.
    pub fn rebuild(
        &mut self,
        base_sequence: i32,
        now_ms: i64,
        records: &[Record],
        compression: Compression,
    ) -> Result<(), RebuildRefusal> {
        let stamp = self.stamp(base_sequence);
        // Read-back may have found it meanwhile.
        let Some(frozen) = self.frozen.iter_mut().find(|frozen| frozen.base_sequence == base_sequence) else {
            return Ok(());
        };
        if usize::try_from(frozen.count) != Ok(records.len()) {
            return Err(OtherRecords { base_sequence, frozen: frozen.count, given: records.len() }.into());
        }
        frozen.bytes = Some(batch::encode(records, stamp, now_ms, compression)?);
        Ok(())
    }

    /// Takes note that the batch named `base_sequence` lies at the offsets before `next_offset` (−1: unknown). False when
    /// there is no such batch. Storing this is deleting the batch's row and writing `scan_from`, in one transaction.
    pub fn acknowledge(&mut self, base_sequence: i32, next_offset: i64) -> bool {
        let Some(at) = self.frozen.iter().position(|frozen| frozen.base_sequence == base_sequence) else {
            return false;
        };
        self.frozen.remove(at);
        // Only the head moves the start of read-back: what lies before a batch that is still open must stay in sight.
        if at == 0 {
            self.scan_from = self.scan_from.max(Some(next_offset).filter(|offset| *offset >= 0));
        }
        true
    }

    /// The same open batches under the next epoch, from sequence 0; `None` when the epochs are used up.
    ///
    /// For an operator who has made sure that none of them is in the log, after a broker has lost what it had
    /// acknowledged. It also fences late copies of the old epoch. Must be stored before anything is sent.
    pub fn with_next_epoch(&self) -> Option<Self> {
        let epoch = self.producer.epoch.checked_add(1)?;
        let mut moved =
            Self { producer: Producer { epoch, ..self.producer }, next_sequence: 0, ..self.clone() };
        for frozen in &mut moved.frozen {
            let base_sequence = moved.next_sequence;
            let stamp = Stamp { producer_id: moved.producer.producer_id, epoch, base_sequence };
            let bytes = frozen.bytes.as_ref().map(|bytes| batch::restamp(bytes, stamp));
            *frozen = Frozen { base_sequence, count: frozen.count, bytes };
            moved.next_sequence = sequence_after(base_sequence, frozen.count);
        }
        Some(moved)
    }

    fn stamp(&self, base_sequence: i32) -> Stamp {
        Stamp { producer_id: self.producer.producer_id, epoch: self.producer.epoch, base_sequence }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn with_batches(counts: &[usize]) -> PartitionState {
        let place = TopicPartition { topic: "t".to_owned(), partition: 0 };
        let mut state = PartitionState::new(place, Producer { producer_id: 5, epoch: 0 });
        state.next_sequence = i32::MAX - 2;
        state.scan_from = Some(100);
        for count in counts {
            state.freeze(7, &vec![Record::default(); *count], Compression::None).unwrap();
        }
        state
    }

    #[test]
    fn sequences_run_on_across_the_wrap() {
        let state = with_batches(&[5, 2]);
        assert_eq!(state.frozen[0].last_sequence(), 1);
        assert_eq!((state.frozen[1].base_sequence, state.next_sequence), (2, 4));
    }

    #[test]
    fn a_batch_is_made_again_of_its_own_records_only() {
        let mut state = with_batches(&[2, 3]);
        let (before, base_sequence) = (state.frozen[1].clone(), state.frozen[1].base_sequence);
        state.frozen[1].bytes = None;
        let records = vec![Record::default(); 4];
        let refusal = state.rebuild(base_sequence, 7, &records, Compression::None).unwrap_err();
        assert_eq!(refusal, OtherRecords { base_sequence, frozen: 3, given: 4 }.into());
        assert_eq!(state.frozen[1].bytes, None);
        state.rebuild(base_sequence, 7, &records[..3], Compression::None).unwrap();
        assert_eq!(state.frozen[1], before);
        assert!(state.acknowledge(base_sequence, -1));
        assert_eq!(state.rebuild(base_sequence, 7, &records, Compression::None), Ok(()));
    }

    #[test]
    fn only_the_head_moves_the_start_of_read_back() {
        let mut state = with_batches(&[1, 1, 1]);
        let names: Vec<i32> = state.frozen.iter().map(|frozen| frozen.base_sequence).collect();
        assert!(state.acknowledge(names[1], 103));
        assert_eq!(state.scan_from, Some(100));
        assert!(state.acknowledge(names[0], 102));
        assert_eq!(state.scan_from, Some(102));
        assert!(!state.acknowledge(names[0], 102));
        assert!(state.acknowledge(names[2], -1));
        assert_eq!(state.scan_from, Some(102));
    }

    #[test]
    fn the_next_epoch_begins_at_0_with_the_same_records() {
        let state = with_batches(&[3, 2]);
        let moved = state.with_next_epoch().unwrap();
        assert_eq!((moved.producer.epoch, moved.next_sequence), (1, 5));
        for (before, after) in state.frozen.iter().zip(&moved.frozen) {
            let (before, of_after) = (before.bytes.clone().unwrap(), after.bytes.clone().unwrap());
            let (header, bytes) = batch::headers(of_after).next().unwrap().unwrap();
            assert_eq!((header.stamp.epoch, header.stamp.base_sequence), (1, after.base_sequence));
            assert_eq!(bytes.slice(61..), before.slice(61..));
            assert_eq!(batch::decode(&header, &bytes).unwrap().len(), after.count as usize);
        }
        let last = Producer { epoch: i16::MAX, ..state.producer };
        assert_eq!(PartitionState { producer: last, ..state }.with_next_epoch(), None);
    }
}
