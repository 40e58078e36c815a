//! Kafka's topics: exactly the shards' logs, each record once, in order per key, in the partition of its key, byte for byte.

use super::Checker;
use bytes::Bytes;
use gyesan_core::event::{LEDGER_TOPIC, ORDERS_TOPIC};
use gyesan_edge::command::Record;
use gyesan_edge::native::Database;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::{Bus, Target, Topology};
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch;
use gyesan_kafka::partitioner::partition_of;
use gyesan_kafka::sim::SimCluster;
use std::collections::BTreeMap;

/// What topics ought to hold, and what they were seen to hold.
#[derive(Default)]
pub struct Topics {
    /// What each shard has committed under each key, in order.
    streams: BTreeMap<(Target, Bytes), Stream>,
    /// Where a value stands: it contains the event's id, so there is no other like it.
    values: BTreeMap<Bytes, (Target, Bytes, usize)>,
    /// What each partition holds, by offset: there are no gaps.
    partitions: BTreeMap<TopicPartition, Vec<Record>>,
}

/// The events of one key in one shard.
#[derive(Default)]
struct Stream {
    committed: Vec<Record>,
    /// How many of them are published.
    published: usize,
}

impl Topics {
    /// How many records all topics hold.
    pub fn published(&self) -> usize {
        self.partitions.values().map(Vec::len).sum()
    }

    /// What a partition holds, by offset.
    pub fn partition(&self, place: &TopicPartition) -> Option<&Vec<Record>> {
        self.partitions.get(place)
    }
}

/// The topic and number of partitions that a shard's log goes to.
fn topic_of(shard: Target, topology: Topology) -> Option<(&'static str, u32)> {
    match (shard, topology.bus) {
        (_, Bus::Embedded) => None,
        (Target::Order(_), Bus::Kafka { orders_partitions, .. }) => Some((ORDERS_TOPIC, orders_partitions)),
        (Target::Ledger(_), Bus::Kafka { ledger_partitions, .. }) => Some((LEDGER_TOPIC, ledger_partitions)),
        (Target::Consumer(..) | Target::Subscriber(..) | Target::Relay(_), Bus::Kafka { .. }) => None,
    }
}

/// The partitions of all topics.
fn places(topology: Topology) -> impl Iterator<Item = TopicPartition> {
    let topics = [Target::Order(0), Target::Ledger(0)].into_iter().filter_map(move |s| topic_of(s, topology));
    topics.flat_map(|(topic, partitions)| {
        let partitions = i32::try_from(partitions).unwrap();
        (0..partitions).map(move |partition| TopicPartition { topic: topic.to_owned(), partition })
    })
}

impl Checker {
    /// A record was committed in a shard's log.
    pub(super) fn commits(&mut self, shard: Target, key: &str, value: &Bytes, record: &Record) {
        if self.topology.bus == Bus::Embedded {
            return;
        }
        let key = Bytes::copy_from_slice(key.as_bytes());
        let stream = self.topics.streams.entry((shard, key.clone())).or_default();
        self.topics.values.insert(value.clone(), (shard, key, stream.committed.len()));
        stream.committed.push(record.clone());
    }

    /// After every step of the network: what the topics have more than before is committed, new, and next.
    pub fn check_topics(&mut self, cluster: &SimCluster) -> Result<(), String> {
        for place in places(self.topology) {
            let known = self.topics.partitions.entry(place.clone()).or_default().len();
            if cluster.end_offset(&place) == i64::try_from(known).unwrap() {
                continue;
            }
            let log = Bytes::from(cluster.log(&place).concat());
            for found in batch::headers(log) {
                let (header, bytes) = found.map_err(|malformed| format!("{place}: {malformed}"))?;
                for stored in batch::decode(&header, &bytes).map_err(|m| format!("{place}: {m}"))? {
                    if stored.offset >= i64::try_from(known).unwrap() {
                        self.check_record(&place, &stored)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn check_record(&mut self, place: &TopicPartition, stored: &batch::Stored) -> Result<(), String> {
        let at = format!("{place} at {}", stored.offset);
        let value = stored.record.value.clone().unwrap_or_default();
        let Some((shard, key, number)) = self.topics.values.get(&value).cloned() else {
            return Err(format!("{at}: published, and not committed"));
        };
        let (topic, partitions) = topic_of(shard, self.topology).unwrap();
        if topic != place.topic
            || stored.record.key.as_ref() != Some(&key)
            || partition_of(&key, partitions) != place.partition
        {
            return Err(format!("{at}: {:?} does not belong there", stored.record.key));
        }
        let stream = self.topics.streams.get_mut(&(shard, key.clone())).unwrap();
        let record = stream.committed[number].clone();
        let name = record.event.data.name();
        let id = Some(Bytes::copy_from_slice(record.event.event_id.as_bytes()));
        if !stored.record.headers.iter().any(|(name, value)| name == "ce_id" && *value == id) {
            return Err(format!("{at}: {name} without its id in the headers"));
        }
        if number < stream.published {
            return Err(format!("{at}: {name} is published twice"));
        }
        if number > stream.published {
            let missing = stream.committed[stream.published].event.data.name();
            return Err(format!("{at}: {name} is published before {missing}, or without it"));
        }
        stream.published += 1;
        self.news.push(format!("{at}: {name} of {}", String::from_utf8_lossy(&key)));
        let partition = self.topics.partitions.entry(place.clone()).or_default();
        if i64::try_from(partition.len()).unwrap() != stored.offset {
            return Err(format!("{at}: the offset before it is {}", partition.len()));
        }
        partition.push(record);
        Ok(())
    }

    /// After a relay's turn: how far it says it is, it has frozen or published.
    pub(super) fn tell_batches(&mut self, relay: Target, database: &Database) -> Result<(), String> {
        let rows = database
            .query("SELECT topic, partition, base_sequence, count FROM frozen ORDER BY number", &[])
            .map_err(|error| error.to_string())?;
        let batch = |row: &gyesan_edge::sql::Row| {
            let (topic, partition) = (row.text(0).unwrap(), row.int(1).unwrap());
            (format!("{topic}/{partition} #{}", row.int(2).unwrap()), row.int(3).unwrap())
        };
        let open: BTreeMap<String, i64> = rows.iter().map(batch).collect();
        let before = self.batches.insert(relay, open.clone()).unwrap_or_default();
        for (name, count) in open.iter().filter(|(name, _)| !before.contains_key(*name)) {
            self.news.push(format!("frozen: {count} records as {name}"));
        }
        for name in before.keys().filter(|name| !open.contains_key(*name)) {
            self.news.push(format!("acknowledged: {name}"));
        }
        Ok(())
    }

    /// At the end: nothing is missing, and no batch is open.
    pub(super) fn topics_settled(&self) -> Result<(), String> {
        for ((shard, key), stream) in &self.topics.streams {
            if let Some(missing) = stream.committed.get(stream.published) {
                let name = missing.event.data.name();
                return Err(format!("{}: {name} of {key:?} is never published", shard.name()));
            }
        }
        let open = self.batches.iter().find(|(_, open)| !open.is_empty());
        open.map_or(Ok(()), |(relay, open)| {
            Err(format!("{}: {} batches are never acknowledged", relay.name(), open.len()))
        })
    }
}
