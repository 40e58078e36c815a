//! Making the batches again that were open when the process ended, from the rows that they were frozen with.

use super::Relay;
use super::freeze::record;
use super::store::Contents;
use crate::actor::Turn;
use crate::outbox::LogEntry;
use crate::sql::SqlError;
use crate::topology::Target;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::batch::Compression;
use gyesan_kafka::partitioner::partition_of;
use gyesan_kafka::relay as protocol;

/// An open batch without bytes.
pub struct Unbuilt {
    place: TopicPartition,
    base_sequence: i32,
    count: usize,
    /// The position of its first record.
    pub first_seq: u64,
    /// How many partitions the topic had when it was frozen.
    partitions: u32,
    /// Its records, as far as they have been read.
    entries: Vec<LogEntry>,
}

impl Unbuilt {
    /// Those of one log, in the order of their records.
    pub fn of(source: Target, contents: &Contents) -> Vec<Unbuilt> {
        let batches = contents.publisher.partitions.iter().flat_map(|partition| {
            partition.frozen.iter().filter_map(|frozen| {
                let origin = contents.open.get(&(partition.place.clone(), frozen.base_sequence))?;
                (origin.source == source).then(|| Unbuilt {
                    place: partition.place.clone(),
                    base_sequence: frozen.base_sequence,
                    count: usize::try_from(frozen.count).unwrap_or(0),
                    first_seq: origin.first_seq,
                    partitions: origin.partitions,
                    entries: Vec::new(),
                })
            })
        });
        let mut batches: Vec<Unbuilt> = batches.collect();
        batches.sort_by_key(|batch| batch.first_seq);
        batches
    }

    /// Whether it is this one.
    pub fn is(&self, place: &TopicPartition, base_sequence: i32) -> bool {
        self.place == *place && self.base_sequence == base_sequence
    }

    /// Whether the entry is one of its records; those before it have been offered already.
    pub fn wants(&self, entry: &LogEntry) -> bool {
        self.first_seq <= entry.seq
            && !self.is_whole()
            && partition_of(&entry.key, self.partitions) == self.place.partition
    }

    /// The last position that need not be read for it.
    pub fn read_to(&self) -> u64 {
        self.entries.last().map_or(self.first_seq.saturating_sub(1), |entry| entry.seq)
    }

    /// Its partition goes on under other names.
    pub fn rename(&mut self, place: &TopicPartition, renamed: &[(i32, i32)]) {
        let name = renamed.iter().find(|(before, _)| self.is(place, *before));
        if let Some((_, after)) = name {
            self.base_sequence = *after;
        }
    }

    /// Takes one of its records.
    pub fn take(&mut self, entry: LogEntry) {
        self.entries.push(entry);
    }

    /// Its records are to be read again.
    pub fn forget(&mut self) {
        self.entries.clear();
    }

    /// Whether all of its records are there.
    pub fn is_whole(&self) -> bool {
        self.entries.len() >= self.count
    }
}

impl Relay {
    /// Gives the publisher what can be sent again.
    pub(super) fn rebuild(&mut self, turn: &Turn<'_>) -> Result<(), SqlError> {
        if !self.registrar.is_ready() {
            return Ok(());
        }
        let mut any = false;
        for (whose, source) in self.sources.iter_mut().filter(|(_, source)| source.stopped().is_none()) {
            for batch in source.take_whole() {
                let records = batch.entries.iter().map(|entry| record(*whose, entry, &self.registrar));
                let records: Vec<_> = match records.collect::<Result<_, _>>() {
                    Ok(records) => records,
                    Err(SqlError(why)) => {
                        source.stop(why);
                        source.keep_unbuilt(batch);
                        continue;
                    }
                };
                let (place, base_sequence) = (&batch.place, batch.base_sequence);
                self.publisher
                    .rebuild(turn.now.0, place, base_sequence, &records, Compression::None)
                    .map_err(|refusal| SqlError(format!("{place}: {refusal}")))?;
                any = true;
            }
        }
        if any {
            self.tell(protocol::Input::Tick);
        }
        Ok(())
    }
}
