//! A Kafka client that owns no socket, no clock and no chance, and the exactly-once publication protocol on top of it.
//!
//! Inputs are bytes from sockets, answers that time has passed, and requests; outputs are bytes for sockets and answers.
//! Whoever owns the sockets is the shell. So the whole client runs in a Durable Object, in a native test and against a
//! simulated cluster under a virtual clock, and is the same code in all three. Kafka 3.9 to 4.x.
//!
//! From the bottom: [`wire`], [`frame`], [`api`] and [`batch`] are formats; [`socket`] is what the shell hears and does;
//! [`connection`] is one authenticated connection with deadlines; [`cluster`] finds leaders and coordinators over many
//! connections; [`relay`] publishes frozen batches exactly once and in order, and [`reader`] reads a partition from a stored
//! position.

pub mod api;
pub mod backoff;
pub mod batch;
pub mod cluster;
pub mod connection;
pub mod error_code;
pub mod frame;
pub mod partitioner;
pub mod reader;
pub mod relay;
pub mod sasl;
#[cfg(feature = "sim")]
pub mod sim;
pub mod socket;
pub mod wire;

use serde::{Deserialize, Serialize};

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// Number of the partition, from 0.
    pub partition: i32,
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.partition)
    }
}

/// Milliseconds of the caller's clock: since 1970 in production, since anything in a simulation. Never goes back; a clock
/// that does must be held still by the caller.
pub type Millis = u64;
