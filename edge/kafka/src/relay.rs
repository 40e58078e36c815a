//! Publishing frozen batches exactly once and in order, through crashes of either side at any point.
//!
//! A batch is *frozen* — its records are given producer id, epoch and base sequence — and which records those are is
//! stored durably before its first byte is sent; it is never regrouped. After a restart its bytes are made again from the same records: a
//! broker tells batches apart by producer id, epoch and sequences alone, and so does read-back. What was sent and not
//! answered is *read back* from the log before anything is sent again, because a broker that has forgotten a producer
//! accepts any sequence without an error, and so writes a repeat twice. After a read-back one batch goes alone, until
//! the broker's acknowledgement shows that it knows the producer.
//!
//! [`PartitionState`] is what the caller stores; [`Lane`] is the protocol of one partition; [`Publisher`] runs the lanes
//! over one [`crate::cluster::Cluster`].

mod lane;
mod publisher;
mod state;

pub use lane::{Lane, StopReason};
pub use publisher::{FreezeRefusal, Input, Output, Publisher, Settings, Stored};
pub use state::{Frozen, OtherRecords, PartitionState, Producer, RebuildRefusal, StoredTopic};

/// Frozen batches a partition may have at a time: Kafka remembers five of each producer for recognising repeats.
pub const FROZEN_MAX: usize = 5;
