//! A simulated cluster and network on the caller's clock, for tests and simulations (feature `sim`).
//!
//! [`SimCluster`] answers requests as Kafka 4.3.1 was measured to, idempotence included: what it remembers of producers, what
//! a restart leaves of that, and that a forgotten producer may write any sequence. [`SimNetwork`] carries the bytes, late,
//! in pieces, cut or not at all, by a seed. Requests and answers are those of the `kafka-protocol` crate on both sides; a
//! mistake that both would share is found by the tests against a real broker.

mod answers;
mod chance;
mod log;
mod network;

pub use chance::Chance;
pub use network::{Faults, SimNetwork};

use std::collections::BTreeMap;

use crate::TopicPartition;
use crate::socket::Address;

use log::SimLog;

/// A cluster of brokers.
#[derive(Debug)]
pub struct SimCluster {
    /// True for brokers that are up.
    nodes: BTreeMap<i32, bool>,
    topics: BTreeMap<String, SimTopic>,
    offsets: BTreeMap<(String, TopicPartition), i64>,
    producer_next: i64,
    topic_next: u128,
}

#[derive(Debug)]
struct SimTopic {
    id: u128,
    partitions: Vec<SimPartition>,
}

#[derive(Debug)]
struct SimPartition {
    leader: i32,
    log: SimLog,
    /// Answers to the next Produces instead of the true ones; with `true` the batch is written all the same.
    refusals: Vec<(i16, bool)>,
}

impl SimCluster {
    /// Brokers 1 to `nodes`, all up, without topics.
    pub fn new(nodes: i32) -> Self {
        Self {
            nodes: (1..=nodes).map(|node| (node, true)).collect(),
            topics: BTreeMap::new(),
            offsets: BTreeMap::new(),
            producer_next: 1_000,
            topic_next: 1,
        }
    }

    /// The address of a broker.
    pub fn address(node: i32) -> Address {
        Address { host: format!("broker-{node}"), port: 9092 }
    }

    pub(crate) fn node_at(&self, address: &Address) -> Option<i32> {
        self.nodes.keys().copied().find(|node| Self::address(*node) == *address)
    }

    /// Makes a topic, or makes it again: empty, with a new id. Leaders go round the brokers.
    pub fn create_topic(&mut self, topic: &str, partitions: i32) {
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        let leaders = nodes.iter().copied().cycle().take(partitions.max(0) as usize);
        let partition = |leader| SimPartition { leader, log: SimLog::default(), refusals: Vec::new() };
        let partitions = leaders.map(partition).collect();
        self.topics.insert(topic.to_owned(), SimTopic { id: self.topic_next, partitions });
        self.topic_next += 1;
    }

    /// Adds partitions to a topic.
    pub fn add_partitions(&mut self, topic: &str, count: usize) {
        if let Some(topic) = self.topics.get_mut(topic) {
            let partition = || SimPartition { leader: 1, log: SimLog::default(), refusals: Vec::new() };
            topic.partitions.extend(std::iter::repeat_with(partition).take(count));
        }
    }

    /// Removes a topic.
    pub fn delete_topic(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// True when the broker takes connections.
    pub fn is_up(&self, node: i32) -> bool {
        self.nodes.get(&node).copied().unwrap_or(false)
    }

    /// Stops or starts a broker. What it leads has no leader meanwhile, and afterwards each producer's last batch only is
    /// remembered, whether the stop was clean or not (measured).
    pub fn set_up(&mut self, node: i32, up: bool) {
        self.nodes.insert(node, up);
        if up {
            for partition in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
                if partition.leader == node {
                    partition.log.restart();
                }
            }
        }
    }

    /// Moves the leadership of a partition; a follower remembers as much as the leader.
    pub fn move_leader(&mut self, place: &TopicPartition, node: i32) {
        if let Some(partition) = self.partition_mut(place) {
            partition.leader = node;
        }
    }

    /// The broker that leads a partition.
    pub fn leader(&self, place: &TopicPartition) -> Option<i32> {
        self.partition(place).map(|partition| partition.leader)
    }

    /// Forgets the producers whose last batch has a timestamp before `before_ms`, as their expiry does.
    pub fn forget_producers(&mut self, before_ms: i64) {
        for partition in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
            partition.log.forget(before_ms);
        }
    }

    /// Deletes the records of a partition below `offset`, as retention does.
    pub fn delete_records(&mut self, place: &TopicPartition, offset: i64) {
        if let Some(partition) = self.partition_mut(place) {
            partition.log.delete_before(offset);
        }
    }

    /// Loses the records from `offset` on, acknowledged ones too, as an unclean leader election does.
    pub fn truncate(&mut self, place: &TopicPartition, offset: i64) {
        if let Some(partition) = self.partition_mut(place) {
            partition.log.truncate(offset);
        }
    }

    /// Lets the next Produce to a partition answer `error`, written all the same or not.
    pub fn refuse_next(&mut self, place: &TopicPartition, error: i16, written: bool) {
        if let Some(partition) = self.partition_mut(place) {
            partition.refusals.push((error, written));
        }
    }

    /// The batches of a partition, each as a reader gets it.
    pub fn log(&self, place: &TopicPartition) -> Vec<bytes::Bytes> {
        self.partition(place).map(|partition| partition.log.batches()).unwrap_or_default()
    }

    /// First offset behind a partition's last record.
    pub fn end_offset(&self, place: &TopicPartition) -> i64 {
        self.partition(place).map_or(0, |partition| partition.log.end())
    }

    fn partition(&self, place: &TopicPartition) -> Option<&SimPartition> {
        self.topics.get(&place.topic)?.partitions.get(usize::try_from(place.partition).ok()?)
    }

    fn partition_mut(&mut self, place: &TopicPartition) -> Option<&mut SimPartition> {
        self.topics.get_mut(&place.topic)?.partitions.get_mut(usize::try_from(place.partition).ok()?)
    }
}
