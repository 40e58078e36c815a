//! What goes into a publisher and what comes out of it.

use crate::TopicPartition;
use crate::batch::BatchTooLarge;
use crate::connection::{self, Fault};
use crate::error_code::ErrorCode;
use crate::relay::{PartitionState, Producer, StopReason, StoredTopic};
use crate::socket::{Address, SocketNews, SocketOrder};

/// How a publisher is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Of its connections.
    pub connection: connection::Settings,
    /// Addresses to begin with; at least one.
    pub bootstrap: Vec<Address>,
    /// Topics it publishes to from the start.
    pub topics: Vec<String>,
    /// How long a leader may wait for its followers, in milliseconds.
    pub produce_timeout_ms: i32,
    /// Bound of what is sent and not answered, over all partitions, in bytes; a larger batch goes alone.
    pub in_flight_bytes_max: usize,
}

impl Settings {
    /// The usual settings for these brokers and topics: 10 s, 4 MiB in flight.
    pub fn new(bootstrap: Vec<Address>, topics: Vec<String>) -> Self {
        let connection = connection::Settings::default();
        Self { connection, bootstrap, topics, produce_timeout_ms: 10_000, in_flight_bytes_max: 4 << 20 }
    }
}

/// What was stored before a restart; empty at the first start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The identity, once there was one.
    pub producer: Option<Producer>,
    /// The topics as they were first seen.
    pub topics: Vec<StoredTopic>,
    /// The partitions, each with its frozen batches in order of freezing. Those without bytes are sent once
    /// [`Publisher::rebuild`](super::Publisher::rebuild) has made them again.
    pub partitions: Vec<PartitionState>,
}

/// What happens.
#[derive(Debug)]
pub enum Input {
    /// A socket has news.
    Socket(SocketNews),
    /// Publish to this topic too, from now on.
    Watch {
        /// Its name.
        topic: String,
    },
    /// A frozen batch is durable and may be sent.
    Stored {
        /// Of which partition.
        place: TopicPartition,
        /// Which.
        base_sequence: i32,
    },
    /// An operator says that a stopped partition may go on. It looks again, and stops again where the cause is still there.
    Resume {
        /// Which.
        place: TopicPartition,
        /// Where the cause is that acknowledged records are lost: go on without them.
        accept_loss: bool,
    },
    /// A deadline may have passed. Also the first input after construction.
    Tick,
}

/// What to do, to store, or to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Do something with a socket.
    Socket(SocketOrder),
    /// Store the identity.
    ProducerAssigned(Producer),
    /// Store the topic.
    TopicSeen(StoredTopic),
    /// Store this partition; from now on batches may be frozen for it.
    Located {
        /// Which.
        place: TopicPartition,
        /// Whose batches it will have.
        producer: Producer,
        /// Offset from which read-back starts.
        scan_from: i64,
    },
    /// Acknowledged records are lost, and an operator goes on without them: store the partition and the new names of its frozen
    /// batches, in one transaction, and then say [`Input::Stored`] of each.
    MovedOn {
        /// Which.
        place: TopicPartition,
        /// Whose batches they are now.
        producer: Producer,
        /// Sequence of the next record to freeze.
        next_sequence: i32,
        /// Offset from which read-back starts.
        scan_from: i64,
        /// Base sequences of the frozen batches, before and after, in order.
        renamed: Vec<(i32, i32)>,
    },
    /// Delete the frozen batch and store `scan_from`, in one transaction.
    Acknowledged {
        /// Of which partition.
        place: TopicPartition,
        /// Which batch.
        base_sequence: i32,
        /// Offset from which read-back starts.
        scan_from: i64,
        /// It was in the log before: found by read-back, or recognised by the broker.
        repeat: bool,
    },
    /// Nothing more is published to this partition; tell the operator.
    Stopped {
        /// Which.
        place: TopicPartition,
        /// Why.
        reason: StopReason,
    },
    /// The broker cannot take a partition's batch now, perhaps for want of replicas or disk; it is tried again, for ever.
    Postponed {
        /// Which.
        place: TopicPartition,
        /// Why.
        error: ErrorCode,
    },
    /// A topic cannot be published to for now; asking goes on.
    TopicUnavailable {
        /// Which.
        topic: String,
        /// Why.
        error: ErrorCode,
    },
    /// How safely the cluster keeps a topic. Below 2 of 3, what is acknowledged can be lost.
    Durability {
        /// Which.
        topic: String,
        /// Brokers that hold each partition, at the least.
        replicas: usize,
        /// Brokers that must have a record before it is acknowledged; `None` when the cluster does not tell.
        min_in_sync_replicas: Option<u32>,
    },
    /// A connection has broken: for the log.
    LinkBroken {
        /// Where to.
        address: Address,
        /// Why.
        fault: Fault,
        /// How often in a row, from 1.
        times: u32,
    },
}

/// Why nothing can be frozen now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeRefusal {
    /// The partition is not located yet; [`Output::Located`] will tell.
    #[error("the partition is not located yet")]
    NotReady,
    /// As many batches as may be are open; [`Output::Acknowledged`] will make room.
    #[error("five batches are open")]
    Full,
    /// The partition is stopped.
    #[error("the partition is stopped")]
    Stopped,
    /// The records do not make a batch.
    #[error(transparent)]
    Batch(#[from] BatchTooLarge),
}
