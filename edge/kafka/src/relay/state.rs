//! What the relay stores: plain data, one row per partition and one per frozen batch.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::TopicPartition;
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

/// A batch that is sent as it is until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Sequence of its first record: with the partition, its name.
    pub base_sequence: i32,
    /// How many records it has.
    pub count: i32,
    /// What goes over the wire.
    pub bytes: Bytes,
}

impl Frozen {
    /// Sequence of its last record.
    pub fn last_sequence(&self) -> i32 {
        sequence_after(self.base_sequence, self.count - 1)
    }
}

/// Everything a relay must remember of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        let frozen = Frozen { base_sequence: stamp.base_sequence, count: records.len() as i32, bytes };
        self.next_sequence = sequence_after(self.next_sequence, frozen.count);
        self.frozen.push_back(frozen.clone());
        Ok(frozen)
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
            *frozen =
                Frozen { base_sequence, count: frozen.count, bytes: batch::restamp(&frozen.bytes, stamp) };
            moved.next_sequence = sequence_after(base_sequence, frozen.count);
        }
        Some(moved)
    }

    fn stamp(&self, base_sequence: i32) -> Stamp {
        Stamp { producer_id: self.producer.producer_id, epoch: self.producer.epoch, base_sequence }
    }
}
