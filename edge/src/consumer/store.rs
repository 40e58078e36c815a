//! What a consumer stores: its position, why it is not reading on, and the records put aside.

use super::handling::{Content, Item};
use crate::command::{DeadLetter, Halt};
use crate::params;
use crate::schema::EVENT_BYTES_MAX;
use crate::sql::{Row, Sql, SqlError, Value, to_json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gyesan_core::event::Event;
use gyesan_core::time::Timestamp;
use gyesan_kafka::relay::StoredTopic;

/// Records put aside that are shown at once.
const SHOWN_MAX: u32 = 100;

/// The one row.
pub struct Stored {
    /// `None`: a topic of which nothing has been read yet.
    pub position: Option<u64>,
    /// The topic as it was first seen.
    pub topic: Option<StoredTopic>,
    /// By an operator.
    pub paused: Option<Halt>,
    /// By itself.
    pub stopped: Option<Halt>,
    /// Whether only an operator can say where to go on after the stop.
    pub position_in_doubt: bool,
    /// Of a projection: where an operator wants it to go on, until the query database has heard of it.
    pub move_to: Option<u64>,
}

/// Reads the row.
pub fn load(sql: &dyn Sql) -> Result<Stored, SqlError> {
    let rows = sql.query(
        "SELECT position, located, topic, paused_at, paused_reason, stopped_at, stopped_reason, position_in_doubt, move_to FROM position",
        &[],
    )?;
    let row = rows.first().ok_or_else(|| SqlError("a consumer without a position".to_owned()))?;
    let position = row.count(0)?;
    Ok(Stored {
        position: (row.int(1)? != 0).then_some(position),
        topic: row.text_or_null(2)?.map(crate::sql::from_json).transpose()?,
        paused: halt(row, 3)?,
        stopped: halt(row, 5)?,
        position_in_doubt: row.int(7)? != 0,
        move_to: match row.0.get(8) {
            Some(Value::Null) => None,
            _ => Some(row.count(8)?),
        },
    })
}

fn halt(row: &Row, column: usize) -> Result<Option<Halt>, SqlError> {
    let Some(reason) = row.text_or_null(column + 1)? else { return Ok(None) };
    Ok(Some(Halt { since: row.time(column)?, reason: reason.to_owned() }))
}

/// Stores how far the effects are done.
pub fn save_position(sql: &dyn Sql, position: u64) -> Result<(), SqlError> {
    sql.query("UPDATE position SET position = ?, located = 1", params![position]).map(drop)
}

/// Nothing has been read, or what was read is to be read again.
pub fn forget_position(sql: &dyn Sql) -> Result<(), SqlError> {
    sql.query("UPDATE position SET position = 0, located = 0", &[]).map(drop)
}

/// Stores where an operator wants a projection to go on, or that the query database has heard of it.
pub fn save_move(sql: &dyn Sql, to: Option<u64>) -> Result<(), SqlError> {
    sql.query("UPDATE position SET move_to = ?", params![to]).map(drop)
}

/// Stores the topic, or forgets it.
pub fn save_topic(sql: &dyn Sql, topic: Option<&StoredTopic>) -> Result<(), SqlError> {
    let topic = topic.map(to_json).transpose()?;
    sql.query("UPDATE position SET topic = ?", params![topic]).map(drop)
}

/// Stores a pause, or its end.
pub fn save_pause(sql: &dyn Sql, pause: Option<&Halt>) -> Result<(), SqlError> {
    let (since, reason) = (pause.map(|pause| pause.since), pause.map(|pause| pause.reason.as_str()));
    sql.query("UPDATE position SET paused_at = ?, paused_reason = ?", params![since, reason]).map(drop)
}

/// Stores a stop, or its end.
pub fn save_stop(sql: &dyn Sql, stop: Option<&Halt>, position_in_doubt: bool) -> Result<(), SqlError> {
    let (since, reason) = (stop.map(|stop| stop.since), stop.map(|stop| stop.reason.as_str()));
    sql.query(
        "UPDATE position SET stopped_at = ?, stopped_reason = ?, position_in_doubt = ?",
        params![since, reason, position_in_doubt],
    )
    .map(drop)
}

/// Puts a record aside. One that comes again is not another: a topic made anew reuses positions, and there the new record counts.
pub fn put_aside(
    sql: &dyn Sql,
    item: &Item,
    reason: &str,
    tries: u32,
    now: Timestamp,
) -> Result<(), SqlError> {
    let (event, value) = match &item.content {
        Content::Event(event) => (Some(to_json(event)?), None),
        Content::Undecodable { value, .. } => (None, Some(value.slice(..value.len().min(EVENT_BYTES_MAX)))),
    };
    sql.query(
        "INSERT INTO dead_letters (position, event, value, reason, tries, created_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (position) DO UPDATE SET event = excluded.event, value = excluded.value, reason = excluded.reason,
             tries = tries + excluded.tries, replayed_at = NULL",
        params![item.place, event, value, reason, tries, now],
    )
    .map(drop)
}

/// How many records wait for an operator.
pub fn count_waiting(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL", &[])?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// The records put aside: those that still wait first, then newest first.
pub fn dead_letters(sql: &dyn Sql) -> Result<Vec<DeadLetter>, SqlError> {
    let rows = sql.query(
        "SELECT position, event, value, reason, tries, created_at, replayed_at FROM dead_letters
         ORDER BY replayed_at IS NOT NULL, created_at DESC, position DESC LIMIT ?",
        params![SHOWN_MAX],
    )?;
    rows.iter().map(|row| letter(row).map(|(letter, _)| letter)).collect()
}

/// One of them, and its value when it is no event.
pub fn dead_letter(sql: &dyn Sql, position: u64) -> Result<Option<(DeadLetter, Option<Bytes>)>, SqlError> {
    let rows = sql.query(
        "SELECT position, event, value, reason, tries, created_at, replayed_at FROM dead_letters WHERE position = ?",
        params![position],
    )?;
    rows.first().map(letter).transpose()
}

/// It was handled after all.
pub fn replayed(sql: &dyn Sql, position: u64, now: Timestamp) -> Result<(), SqlError> {
    sql.query(
        "UPDATE dead_letters SET replayed_at = ?, tries = tries + 1 WHERE position = ? AND replayed_at IS NULL",
        params![now, position],
    )
    .map(drop)
}

/// It was tried again, in vain.
pub fn refused_again(sql: &dyn Sql, position: u64, reason: &str) -> Result<(), SqlError> {
    sql.query(
        "UPDATE dead_letters SET reason = ?, tries = tries + 1 WHERE position = ? AND replayed_at IS NULL",
        params![reason, position],
    )
    .map(drop)
}

fn letter(row: &Row) -> Result<(DeadLetter, Option<Bytes>), SqlError> {
    let event: Option<Event> = row.text_or_null(1)?.map(crate::sql::from_json).transpose()?;
    let value = match row.0.get(2) {
        Some(Value::Blob(value)) => Some(value.clone()),
        _ => None,
    };
    let letter = DeadLetter {
        position: row.count(0)?,
        event,
        value_base64: value.as_ref().map(|value| STANDARD.encode(value)),
        reason: row.text(3)?.to_owned(),
        tries: row.count(4)?,
        created_at: row.time(5)?,
        replayed_at: match row.0.get(6) {
            Some(Value::Null) => None,
            _ => Some(row.time(6)?),
        },
    };
    Ok((letter, value))
}
