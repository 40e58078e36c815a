//! The dead letters of a topic as a log: what a consumer of the topic has put aside, for a relay to publish to `<topic>.dlt`.
//!
//! A row is appended in the transaction that puts the record aside, as a shard appends to its outbox, so that a record is in the log if
//! and only if it was put aside. What is published is the record as it was read, key, value and headers, with headers
//! that say where it lay and why it could not be handled: those of Kafka Connect's dead letter queues, all of them text
//! (KIP-298, <https://cwiki.apache.org/confluence/display/KAFKA/KIP-298%3A+Error+Handling+in+Connect>; `LogReporter` and
//! `DeadLetterQueueReporter` in Apache Kafka name them).

use crate::outbox::{LogEntry, LogPage, LogPageWriter};
use crate::params;
use crate::sql::{Sql, SqlError};
use crate::topology::Subscription;
use bytes::Bytes;
use gyesan_kafka::batch::{self, Compression, Record, Stamp};

/// The largest record that is published as it was read, in bytes; a larger one goes without its value and its own headers. Half of what a
/// broker takes by default (`message.max.bytes`, 1 MiB), and a quarter of what a row of a Durable Object holds.
pub const RECORD_BYTES_MAX: usize = 512 * 1024;
/// The largest key that a record without value keeps, in bytes.
const KEY_BYTES_MAX: usize = 16 * 1024;
/// Characters of a reason, at most.
const REASON_CHARS_MAX: usize = 1_000;
/// Rows are batches that nobody has sent.
const NOBODY: Stamp = Stamp { producer_id: -1, epoch: -1, base_sequence: -1 };

/// A record that is put aside.
pub struct Letter<'a> {
    /// By which consumer.
    pub subscription: Subscription,
    /// In which partition of the topic it lies.
    pub partition: u32,
    /// At which offset.
    pub offset: u64,
    /// As it was read.
    pub record: &'a Record,
    /// Why it could not be handled.
    pub reason: &'a str,
}

impl Letter<'_> {
    /// The record that is published.
    fn record(&self) -> Record {
        let text = |name: &'static str, value: String| {
            (Bytes::from_static(name.as_bytes()), Some(Bytes::from(value)))
        };
        let context = [
            text("__connect.errors.topic", self.subscription.topic().to_owned()),
            text("__connect.errors.partition", self.partition.to_string()),
            text("__connect.errors.offset", self.offset.to_string()),
            text("__connect.errors.connector.name", self.subscription.group()),
            text("__connect.errors.exception.message", self.reason.chars().take(REASON_CHARS_MAX).collect()),
        ];
        let mut record = self.record.clone();
        record.headers.extend(context.clone());
        let bytes = batch::encoded_length(std::slice::from_ref(&record));
        if bytes <= RECORD_BYTES_MAX {
            return record;
        }
        let omitted = text("gyesan.omitted", format!("value and headers: the record has {bytes} bytes"));
        Record {
            key: record.key.filter(|key| key.len() <= KEY_BYTES_MAX),
            value: None,
            headers: context.into_iter().chain([omitted]).collect(),
        }
    }
}

/// Appends a letter, within the transaction that puts the record aside. One of the same place in the same topic is there already.
///
/// # Errors
/// A failure of the database.
pub fn append(sql: &dyn Sql, letter: &Letter<'_>) -> Result<(), SqlError> {
    let record = letter.record();
    let key = record.key.clone().unwrap_or_default();
    let bytes = batch::encode(&[record], NOBODY, 0, Compression::None)
        .map_err(|too_large| SqlError(format!("position {}: {too_large}", letter.offset)))?;
    sql.query(
        "INSERT INTO dead_letter_log (seq, key, record, topic, position)
         SELECT (SELECT coalesce(max(seq), 0) + 1 FROM dead_letter_log), ?, ?, coalesce(topic, ''), ?
         FROM position WHERE id = 1
         ON CONFLICT (topic, position) DO NOTHING",
        params![key, bytes, letter.offset],
    )
    .map(drop)
}

/// The position of the last letter, 0 when there is none.
///
/// # Errors
/// A failure of the database.
pub fn end(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("SELECT coalesce(max(seq), 0) FROM dead_letter_log", &[])?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// Letters after a position, at most `limit`.
///
/// # Errors
/// A failure of the database.
pub fn page(sql: &dyn Sql, after: u64, limit: u32) -> Result<LogPage, SqlError> {
    let rows = sql.query(
        "SELECT key, record FROM dead_letter_log WHERE seq > ? ORDER BY seq LIMIT ?",
        params![after, limit],
    )?;
    let mut page = LogPageWriter::new(after.saturating_add(1));
    for row in &rows {
        page.push(row.blob(0)?, row.blob(1)?, None);
    }
    Ok(page.finish())
}

/// What is published of an entry of a page.
///
/// # Errors
/// When it is not what [`append`] has stored.
pub fn record(entry: &LogEntry) -> Result<Record, SqlError> {
    let fault = |what: &dyn std::fmt::Display| SqlError(format!("dead letter {}: {what}", entry.seq));
    let whole = batch::headers(entry.value.clone()).next().ok_or_else(|| fault(&"no whole batch"))?;
    let (header, bytes) = whole.map_err(|malformed| fault(&malformed))?;
    let records = batch::decode(&header, &bytes).map_err(|malformed| fault(&malformed))?;
    let stored = records.into_iter().next().ok_or_else(|| fault(&"an empty batch"))?;
    Ok(stored.record)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn letter(record: &Record) -> Record {
        let letter =
            Letter { subscription: Subscription::Wallets, partition: 1, offset: 7, record, reason: "why" };
        letter.record()
    }

    fn names(record: &Record) -> Vec<&str> {
        record.headers.iter().map(|(name, _)| std::str::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn a_record_keeps_its_bytes_and_its_headers_in_front_of_ours() {
        let own = (Bytes::from_static(b"ce_type"), None);
        let record =
            Record { key: None, value: Some(Bytes::from_static(b"\xff\0")), headers: vec![own.clone()] };
        let published = letter(&record);
        assert_eq!((&published.key, &published.value), (&None, &record.value));
        assert_eq!(published.headers.first(), Some(&own));
        let last = published.headers.last().unwrap();
        assert_eq!(last.1.as_deref(), Some(&b"why"[..]));
    }

    #[test]
    fn a_record_too_large_to_publish_again_goes_without_its_value_and_says_so() {
        let value = Bytes::from(vec![b'x'; RECORD_BYTES_MAX]);
        let key = Some(Bytes::from_static(b"ord_1"));
        let record = Record { key: key.clone(), value: Some(value), headers: vec![(Bytes::new(), None)] };
        let published = letter(&record);
        assert_eq!((&published.key, &published.value), (&key, &None));
        assert_eq!(names(&published).last(), Some(&"gyesan.omitted"));
        let no_value = Record { key: Some(Bytes::from(vec![b'k'; RECORD_BYTES_MAX])), ..record };
        assert_eq!(letter(&no_value).key, None);
    }
}
