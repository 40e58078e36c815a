//! Making batches of what was read.

use super::Relay;
use super::republications;
use super::store::{self, Origin};
use crate::actor::Turn;
use crate::dead_letter_log;
use crate::outbox::LogEntry;
use crate::registrar::Registrar;
use crate::schema;
use crate::sql::SqlError;
use crate::topology::{Subscription, Target, Topology};
use bytes::Bytes;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch::{Compression, Record};
use gyesan_kafka::partitioner::partition_of;
use gyesan_kafka::relay::{Input, Publisher};
use std::collections::{BTreeMap, VecDeque};

/// Records of a batch, at most: larger ones are no faster (`reference` measurements: 100 to 1,000).
const BATCH_RECORDS: usize = 1_000;
/// Bytes of values and keys of a batch, at most. With headers it stays under what a broker takes, 1 MiB.
const BATCH_BYTES: usize = 384 * 1024;

/// Records of one source on their way into batches.
#[derive(Default)]
struct Groups {
    by_place: BTreeMap<TopicPartition, Group>,
    /// The last position that is in one of them.
    last: u64,
    /// Why the record behind it cannot be published.
    bad: Option<String>,
}

struct Group {
    first_seq: u64,
    bytes: usize,
    records: Vec<Record>,
}

impl Relay {
    /// Freezes what there is room for, of each log a prefix, and hands it to the publisher. False when there was nothing to do.
    pub(super) fn freeze(&mut self, turn: &mut Turn<'_>) -> Result<bool, SqlError> {
        if !self.registrar.is_ready() {
            return Ok(false);
        }
        let mut frozen = Vec::new();
        let mut unseen = Vec::new();
        for (shard, source) in &mut self.sources {
            let again = source.again.under_way().filter(|_| !source.again.ahead.is_empty());
            if !source.has_new() && again.is_none() {
                continue;
            }
            let topic = topic_of(*shard);
            let Some(partitions) = self.publisher.partitions(topic) else {
                unseen.push(topic);
                continue;
            };
            if let Some(expected) = expected_partitions(self.topology, topic)
                && partitions != expected
            {
                let name = format!("relay.partitions {topic}");
                if self.throttle.allows(&name, turn.now) {
                    frozen.push(Err(format!(
                        "{topic} has {partitions} partitions, the configuration says {expected}: nothing is published"
                    )));
                }
                continue;
            }
            // What is new first: what is published once more can wait.
            for republication in [None, again] {
                let entries = match republication {
                    None if source.has_new() => &mut source.ahead,
                    Some(_) => &mut source.again.ahead,
                    None => continue,
                };
                let groups = gather(*shard, entries, partitions, &self.publisher, &self.registrar);
                if let Some(why) = groups.bad {
                    match republication {
                        None => source.stop(why),
                        Some(_) => source.again.fail(why),
                    }
                }
                if groups.by_place.is_empty() {
                    continue;
                }
                for (place, group) in groups.by_place {
                    let batch = self
                        .publisher
                        .freeze(turn.now.0, &place, &group.records, Compression::None)
                        .map_err(|refusal| SqlError(format!("{place}: {refusal}")))?;
                    let next =
                        self.publisher.partition(&place).map_or(0, |partition| partition.next_sequence);
                    let origin =
                        Origin { source: *shard, first_seq: group.first_seq, partitions, republication };
                    store::freeze(turn.sql, &place, &batch, next, origin)?;
                    self.open.insert((place.clone(), batch.base_sequence), origin);
                    frozen.push(Ok((place, batch.base_sequence)));
                }
                match republication {
                    None => {
                        store::take_over(turn.sql, *shard, groups.last)?;
                        source.taken_over = groups.last;
                    }
                    Some(number) => {
                        republications::advance(turn.sql, number, groups.last.saturating_add(1))?;
                        source.again.frozen_to(groups.last);
                    }
                }
            }
        }
        let any = frozen.iter().any(Result::is_ok);
        for result in frozen {
            match result {
                Ok((place, base_sequence)) => {
                    let now = self.steady;
                    let outputs = self.publisher.handle(now, Input::Stored { place, base_sequence });
                    self.outputs.extend(outputs);
                }
                Err(detail) => turn.push(self.line("error", "alert.relay-partitions", detail)),
            }
        }
        unseen.into_iter().for_each(|topic| self.watch(topic));
        Ok(any)
    }

    /// Begins to look for a topic: that of dead letters is of no interest before there is one.
    fn watch(&mut self, topic: &str) {
        if !self.settings.topics.iter().any(|watched| watched == topic) {
            self.settings.topics.push(topic.to_owned());
            self.tell(Input::Watch { topic: topic.to_owned() });
        }
    }
}

/// The longest prefix of what was read that fits into one batch for each partition that has room.
fn gather(
    shard: Target,
    entries: &mut VecDeque<LogEntry>,
    partitions: u32,
    publisher: &Publisher,
    registrar: &Registrar,
) -> Groups {
    let topic = topic_of(shard);
    let mut groups = Groups::default();
    while let Some(entry) = entries.front() {
        let partition = partition_of(&entry.key, partitions);
        let place = TopicPartition { topic: topic.to_owned(), partition };
        let bytes = entry.key.len() + entry.value.len();
        let fits = match groups.by_place.get(&place) {
            Some(group) => group.records.len() < BATCH_RECORDS && group.bytes + bytes <= BATCH_BYTES,
            None => publisher.has_room(&place),
        };
        if !fits {
            break;
        }
        let record = match record(shard, entry, registrar) {
            Ok(record) => record,
            Err(SqlError(why)) => {
                groups.bad = Some(why);
                break;
            }
        };
        let first = || Group { first_seq: entry.seq, bytes: 0, records: Vec::new() };
        let group = groups.by_place.entry(place).or_insert_with(first);
        group.bytes += bytes;
        group.records.push(record);
        groups.last = entry.seq;
        entries.pop_front();
    }
    groups
}

/// What is published of an entry. The same of the same entry for ever: batches are made again from it.
pub(super) fn record(shard: Target, entry: &LogEntry, registrar: &Registrar) -> Result<Record, SqlError> {
    match shard {
        Target::Subscriber(..) => dead_letter_log::record(entry),
        _ => event(entry, registrar),
    }
}

fn event(entry: &LogEntry, registrar: &Registrar) -> Result<Record, SqlError> {
    let fault = |what: &dyn std::fmt::Display| SqlError(format!("position {}: {what}", entry.seq));
    let key = std::str::from_utf8(&entry.key).map_err(|e| fault(&e))?;
    let trace = entry.trace.as_deref().map(std::str::from_utf8).transpose().map_err(|e| fault(&e))?;
    let headers = schema::headers(&entry.value, key, trace).map_err(|e| fault(&e))?;
    let ours = schema::id_of(&entry.value).map_err(|e| fault(&e))?;
    let id = registrar.registry_id(ours);
    let value = if id == ours {
        entry.value.clone()
    } else {
        let mut value = entry.value.to_vec();
        schema::with_id(&mut value, id);
        Bytes::from(value)
    };
    Ok(Record { key: Some(entry.key.clone()), value: Some(value), headers })
}

fn topic_of(shard: Target) -> &'static str {
    match shard {
        Target::Subscriber(subscription, _) => subscription.dead_letter_topic(),
        Target::Ledger(_) => Subscription::Completion.topic(),
        _ => Subscription::Wallets.topic(),
    }
}

/// How many partitions the configuration says that a topic has. Of dead letters it says nothing: only people read them.
fn expected_partitions(topology: Topology, topic: &str) -> Option<u32> {
    let of = |subscription: Subscription| {
        (subscription.topic() == topic).then(|| topology.partitions(subscription))
    };
    Subscription::ALL.into_iter().find_map(of)
}
