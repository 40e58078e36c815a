//! What a relay keeps in its database.

use super::republications;
use crate::command::Republication;
use crate::params;
use crate::sql::{Row, Sql, SqlError, from_json, to_json};
use crate::topology::Target;
use gyesan_kafka::TopicPartition;
use gyesan_kafka::relay::{Frozen, PartitionState, Producer, Stored, StoredTopic};
use std::collections::{BTreeMap, VecDeque};

/// Of which records a frozen batch is made: those of a log, from a position on, that belong to its partition.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Whose log.
    pub source: Target,
    /// The position of the first.
    pub first_seq: u64,
    /// How many partitions the topic had then.
    pub partitions: u32,
    /// The number of the republication that it belongs to, unless its records are published for the first time.
    pub republication: Option<u64>,
}

/// Everything, as stored.
pub struct Contents {
    /// What the publisher goes on from.
    pub publisher: Stored,
    /// Where each open batch comes from.
    pub open: BTreeMap<(TopicPartition, i32), Origin>,
    /// How far each log is frozen.
    pub taken_over: BTreeMap<Target, u64>,
    /// What is to be published once more and is not all frozen, in the order of the requests.
    pub republications: Vec<Republication>,
}

/// Makes the caller the only process that may write.
pub fn begin_process(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("UPDATE processes SET latest = latest + 1 RETURNING latest", &[])?;
    rows.first().ok_or_else(|| SqlError("the relay's store has no row of processes".to_owned()))?.count(0)
}

/// Whether no other process has opened the store since.
pub fn is_latest(sql: &dyn Sql, process: u64) -> Result<bool, SqlError> {
    let rows = sql.query("SELECT 1 FROM processes WHERE latest = ?", params![process])?;
    Ok(!rows.is_empty())
}

pub fn read(sql: &dyn Sql) -> Result<Contents, SqlError> {
    let producer = sql.query("SELECT producer_id, epoch FROM producer", &[])?;
    let topics = sql.query("SELECT topic, id, partitions FROM topics", &[])?;
    let partitions = sql.query(
        "SELECT topic, partition, producer_id, epoch, next_sequence, scan_from FROM partitions",
        &[],
    )?;
    let mut partitions = partitions.iter().map(partition).collect::<Result<Vec<_>, _>>()?;
    let frozen = sql.query(
        "SELECT topic, partition, base_sequence, count, source, first_seq, partitions, republication
         FROM frozen ORDER BY number",
        &[],
    )?;
    let mut open = BTreeMap::new();
    for row in &frozen {
        let place = place(row)?;
        let batch = Frozen { base_sequence: row.count(2)?, count: row.count(3)?, bytes: None };
        let origin = Origin {
            source: row.json(4)?,
            first_seq: row.count(5)?,
            partitions: row.count(6)?,
            republication: row.count_or_null(7)?,
        };
        open.insert((place.clone(), batch.base_sequence), origin);
        let partition = partitions.iter_mut().find(|partition| partition.place == place);
        partition
            .ok_or_else(|| SqlError(format!("a batch for {place}, which is unknown")))?
            .frozen
            .push_back(batch);
    }
    let sources = sql.query("SELECT source, taken_over FROM sources", &[])?;
    let taken_over = sources.iter().map(|row| Ok((from_json(row.text(0)?)?, row.count(1)?)));
    Ok(Contents {
        publisher: Stored {
            producer: producer.first().map(|row| producer_at(row, 0)).transpose()?,
            topics: topics
                .iter()
                .map(|row| {
                    let (topic, id) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
                    Ok(StoredTopic { topic, id, partitions: row.count(2)? })
                })
                .collect::<Result<_, SqlError>>()?,
            partitions,
        },
        open,
        taken_over: taken_over.collect::<Result<_, SqlError>>()?,
        republications: republications::unfinished(sql)?,
    })
}

fn place(row: &Row) -> Result<TopicPartition, SqlError> {
    Ok(TopicPartition { topic: row.text(0)?.to_owned(), partition: row.count(1)? })
}

fn producer_at(row: &Row, column: usize) -> Result<Producer, SqlError> {
    Ok(Producer { producer_id: row.int(column)?, epoch: row.count(column + 1)? })
}

fn partition(row: &Row) -> Result<PartitionState, SqlError> {
    Ok(PartitionState {
        place: place(row)?,
        producer: producer_at(row, 2)?,
        next_sequence: row.count(4)?,
        scan_from: Some(row.int(5)?),
        frozen: VecDeque::new(),
    })
}

pub fn assign_producer(sql: &dyn Sql, producer: Producer) -> Result<(), SqlError> {
    let params = params![producer.producer_id, i64::from(producer.epoch)];
    sql.query("INSERT INTO producer (id, producer_id, epoch) VALUES (1, ?, ?)", params)?;
    Ok(())
}

pub fn see_topic(sql: &dyn Sql, topic: &StoredTopic) -> Result<(), SqlError> {
    sql.query(
        "INSERT INTO topics (topic, id, partitions) VALUES (?, ?, ?)
         ON CONFLICT (topic) DO UPDATE SET id = excluded.id, partitions = excluded.partitions",
        params![topic.topic.as_str(), topic.id.as_str(), topic.partitions],
    )?;
    Ok(())
}

pub fn locate(
    sql: &dyn Sql,
    place: &TopicPartition,
    producer: Producer,
    scan_from: i64,
) -> Result<(), SqlError> {
    sql.query(
        "INSERT INTO partitions (topic, partition, producer_id, epoch, next_sequence, scan_from)
         VALUES (?, ?, ?, ?, 0, ?)
         ON CONFLICT (topic, partition) DO UPDATE SET scan_from = excluded.scan_from",
        params![
            place.topic.as_str(),
            i64::from(place.partition),
            producer.producer_id,
            i64::from(producer.epoch),
            scan_from,
        ],
    )?;
    Ok(())
}

pub fn freeze(
    sql: &dyn Sql,
    place: &TopicPartition,
    batch: &Frozen,
    next_sequence: i32,
    origin: Origin,
) -> Result<(), SqlError> {
    let (topic, partition) = (place.topic.as_str(), i64::from(place.partition));
    sql.query(
        "INSERT INTO frozen (topic, partition, base_sequence, count, source, first_seq, partitions, republication)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            topic,
            partition,
            i64::from(batch.base_sequence),
            i64::from(batch.count),
            to_json(&origin.source)?,
            origin.first_seq,
            origin.partitions,
            origin.republication,
        ],
    )?;
    sql.query(
        "UPDATE partitions SET next_sequence = ? WHERE topic = ? AND partition = ?",
        params![i64::from(next_sequence), topic, partition],
    )?;
    Ok(())
}

pub fn take_over(sql: &dyn Sql, source: Target, taken_over: u64) -> Result<(), SqlError> {
    sql.query(
        "INSERT INTO sources (source, taken_over) VALUES (?, ?)
         ON CONFLICT (source) DO UPDATE SET taken_over = excluded.taken_over",
        params![to_json(&source)?, taken_over],
    )?;
    Ok(())
}

/// Up to which position of a log nothing is needed any more, as it is stored.
pub fn released(sql: &dyn Sql, source: Target) -> Result<u64, SqlError> {
    let name = to_json(&source)?;
    let rows = sql.query(
        "SELECT min(needed) FROM (
            SELECT min(first_seq) AS needed FROM frozen WHERE source = ?
            UNION ALL SELECT min(next) FROM republications WHERE source = ? AND next <= last AND failed IS NULL
            UNION ALL SELECT coalesce(max(taken_over), 0) + 1 FROM sources WHERE source = ?
        )",
        params![name.as_str(), name.as_str(), name.as_str()],
    )?;
    let needed: u64 = rows.first().map_or(Ok(1), |row| row.count(0))?;
    Ok(needed.saturating_sub(1))
}

/// Stores that a partition goes on under another epoch, with its open batches under their new names.
pub fn move_on(
    sql: &dyn Sql,
    place: &TopicPartition,
    producer: Producer,
    next_sequence: i32,
    scan_from: i64,
    renamed: &[(i32, i32)],
) -> Result<(), SqlError> {
    let (topic, partition) = (place.topic.as_str(), i64::from(place.partition));
    sql.query(
        "UPDATE partitions SET producer_id = ?, epoch = ?, next_sequence = ?, scan_from = ?
         WHERE topic = ? AND partition = ?",
        params![
            producer.producer_id,
            i64::from(producer.epoch),
            i64::from(next_sequence),
            scan_from,
            topic,
            partition,
        ],
    )?;
    // In two steps, because a new name may be another batch's old one; new ones are below 0 in between.
    for (before, after) in renamed {
        sql.query(
            "UPDATE frozen SET base_sequence = -1 - ? WHERE topic = ? AND partition = ? AND base_sequence = ?",
            params![i64::from(*after), topic, partition, i64::from(*before)],
        )?;
    }
    sql.query(
        "UPDATE frozen SET base_sequence = -1 - base_sequence WHERE topic = ? AND partition = ? AND base_sequence < 0",
        params![topic, partition],
    )?;
    Ok(())
}

pub fn acknowledge(
    sql: &dyn Sql,
    place: &TopicPartition,
    base_sequence: i32,
    scan_from: i64,
) -> Result<(), SqlError> {
    let (topic, partition) = (place.topic.as_str(), i64::from(place.partition));
    sql.query(
        "DELETE FROM frozen WHERE topic = ? AND partition = ? AND base_sequence = ?",
        params![topic, partition, i64::from(base_sequence)],
    )?;
    sql.query(
        "UPDATE partitions SET scan_from = ? WHERE topic = ? AND partition = ?",
        params![scan_from, topic, partition],
    )?;
    Ok(())
}
