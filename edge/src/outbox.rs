//! A shard's outbox: the log of its events, and who reads it.
//!
//! A row is appended in the turn that changes the state, so an event exists if and only if the change does. Readers (the
//! consumers of this partition) are woken once a turn with the new records, at once if they act on any; where each stands is asked, not stored: a
//! reader answers a wake with its position once it has dealt with the records. Until then the shard keeps its alarm set,
//! and wakes again. After a restart every reader is woken, so a wake lost with the process is made good.

mod page;
mod retention;

pub use page::{LogEntry, LogPage, LogPageWriter};

use crate::actor::{CallFault, CallId, Effect, Fault, Turn};
use crate::command::{Command, LogCommand, LogStatus, Record, Rejection, Reply, Wake};
use crate::dead_letter_log;
use crate::params;
use crate::schema;
use crate::sql::{Row, Sql, SqlError};
use crate::topology::Target;
use bytes::Bytes;
use gyesan_core::event::{Event, EventData};
use gyesan_core::id::MerchantId;
use gyesan_core::money::Currency;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use retention::Retention;

/// Records handed over with one wake, at most; a reader that is further behind reads the rest itself.
const HANDED_OVER_MAX: usize = 256;
/// Records handed to a relay with the news that the log has grown, at most: more are cheaper to read in a page.
const OFFERED_MAX: usize = 32;
/// A wake without an answer for so long is made again, in milliseconds.
const WAKE_LIMIT_MS: i64 = 10_000;
/// The first pause after a wake that brought nothing; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 500;
const PAUSE_MAX_MS: i64 = 30_000;
/// Records looked at for the time of the oldest, at most: some may not be readable.
const LOOKED_AT_MAX: u32 = 10;
/// How long records that a reader does nothing with may wait for one that it acts on, in milliseconds: a wake is a call and
/// a commit of the reader, and an order that is never paid should cost neither at once.
const PATIENCE_MS: i64 = 500;
/// How long records wait for a projection to be woken, in milliseconds: it takes all of them at once then, in pages.
const PROJECTED_AFTER_MS: i64 = 250;

/// The log of one shard.
pub struct Outbox {
    shard: Target,
    end: u64,
    readers: Vec<Reader>,
    fresh: Vec<Record>,
    next_call: CallId,
    /// `None` where records are kept for ever.
    retention: Option<Retention>,
}

/// Somebody who reads the log.
struct Reader {
    target: Target,
    /// The last position it has dealt with, as far as is known.
    position: u64,
    /// The wake under way, and since when.
    waking: Option<(CallId, Timestamp)>,
    /// The end of the log as it was last told of.
    told: u64,
    /// Records committed since the last wake.
    unsent: Vec<Record>,
    /// Whether it must be woken even without news: after a restart, or when a wake failed.
    stale: bool,
    /// When it may be woken again after a failure.
    not_before: Timestamp,
    failures: u32,
}

impl Reader {
    fn is_projection(&self) -> bool {
        matches!(self.target, Target::Consumer(subscription, _) if subscription.is_projection())
    }

    /// From when on it is to be woken: at once for what it acts on, later for what it only has to pass over. A projection
    /// always later.
    fn wanted_at(&self) -> Option<Timestamp> {
        if self.is_projection() && !self.stale {
            return self.unsent.first().map(|record| record.event.occurred_at.plus_ms(PROJECTED_AFTER_MS));
        }
        let acts_on = |record: &Record| match self.target {
            Target::Consumer(subscription, _) => subscription.acts_on(&record.event.data),
            Target::Order(_) | Target::Ledger(_) | Target::Subscriber(..) | Target::Relay(_) => true,
        };
        if self.stale || self.unsent.len() >= HANDED_OVER_MAX || self.unsent.iter().any(acts_on) {
            return Some(Timestamp(0));
        }
        self.unsent.first().map(|record| record.event.occurred_at.plus_ms(PATIENCE_MS))
    }
}

impl Outbox {
    /// The log as stored; its readers are to be woken. With `keep_ms` what a relay has published is removed after so long; what
    /// consumers read directly is kept for ever.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        sql: &dyn Sql,
        shard: Target,
        readers: Vec<Target>,
        keep_ms: Option<i64>,
    ) -> Result<Outbox, SqlError> {
        let end = last(sql)?;
        let retention = match (readers.as_slice(), keep_ms) {
            ([relay @ Target::Relay(_)], Some(keep_ms)) => Some(Retention::new(shard, *relay, keep_ms)),
            _ => None,
        };
        let behind = |target| Reader {
            target,
            position: 0,
            told: 0,
            waking: None,
            unsent: Vec::new(),
            stale: end > 0,
            not_before: Timestamp(0),
            failures: 0,
        };
        Ok(Outbox {
            shard,
            end,
            readers: readers.into_iter().map(behind).collect(),
            fresh: Vec::new(),
            next_call: 1,
            retention,
        })
    }

    /// Appends an event to the log, within the transaction of this turn.
    ///
    /// # Errors
    /// An event that is too large for a broker, or a failure of the database: the command is rolled back.
    pub fn append(
        &mut self,
        turn: &mut Turn<'_>,
        merchant_id: &MerchantId,
        data: EventData,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        let event = Event {
            event_id: turn.new_id("evt_"),
            merchant_id: merchant_id.clone(),
            currency: Currency::Krw,
            occurred_at: turn.now,
            data,
        };
        let seq = self.end.saturating_add(1);
        let (_, key) = event.data.topic_and_key();
        let value = schema::encode(&event)
            .map_err(|too_large| Rejection::with(Code::BodyTooLarge, too_large.to_string()))?;
        turn.sql.query(
            "INSERT INTO outbox (seq, key, value, trace) VALUES (?, ?, ?, ?)",
            params![seq, key, Bytes::from(value), trace],
        )?;
        self.end = seq;
        self.fresh.push(Record { seq, event, trace: trace.map(str::to_owned) });
        Ok(())
    }

    /// Where the log stands, to go back to when the input that is about to be applied fails.
    pub fn mark(&self) -> u64 {
        self.end
    }

    /// Forgets what was appended after the mark; its rows were taken back with the savepoint.
    pub fn go_back(&mut self, mark: u64) {
        self.end = mark;
        self.fresh.retain(|record| record.seq <= mark);
    }

    /// Ends the turn: wakes each reader that has something to read and is not being woken, and removes what need not be kept.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), SqlError> {
        self.wake_readers(turn);
        match &mut self.retention {
            Some(retention) => retention.tend(turn, self.end, &mut self.next_call),
            None => Ok(()),
        }
    }

    fn wake_readers(&mut self, turn: &mut Turn<'_>) {
        let fresh = std::mem::take(&mut self.fresh);
        for reader in &mut self.readers {
            let room = match reader.target {
                Target::Relay(_) => OFFERED_MAX.saturating_sub(reader.unsent.len()),
                // One is kept, for its time.
                _ if reader.is_projection() => 1_usize.saturating_sub(reader.unsent.len()),
                _ => HANDED_OVER_MAX.saturating_sub(reader.unsent.len()),
            };
            reader.unsent.extend(fresh.iter().take(room).cloned());
            reader.stale |= fresh.len() > room && !reader.is_projection();
            // A clock that was set back must not make it wait for hours.
            if reader.not_before.ms_since(turn.now) > PAUSE_MAX_MS {
                reader.not_before = turn.now;
            }
            if reader.waking.is_some_and(|(_, since)| is_over(since, turn.now)) {
                reader.waking = None;
                reader.stale = true;
            }
            let due = reader.wanted_at().is_some_and(|at| turn.now >= at);
            if !due || reader.waking.is_some() || turn.now < reader.not_before {
                continue;
            }
            let id = self.next_call;
            self.next_call = self.next_call.wrapping_add(1);
            reader.waking = Some((id, turn.now));
            let unsent = std::mem::take(&mut reader.unsent);
            // A relay that is behind reads pages; records that do not follow on what it has would be of no use to it.
            let offer = !std::mem::take(&mut reader.stale);
            reader.told = self.end;
            let command = match reader.target {
                Target::Relay(_) => Command::Appended {
                    source: self.shard,
                    end: self.end,
                    page: offer.then(|| page_of(&unsent)).flatten(),
                },
                _ if reader.is_projection() => Command::Wake(Wake { records: Vec::new(), end: self.end }),
                _ => Command::Wake(Wake { records: unsent, end: self.end }),
            };
            turn.push(Effect::Call { id: Some(id), target: reader.target, command });
        }
    }

    /// Whom it has called has answered, or the call was lost.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn answered(
        &mut self,
        turn: &Turn<'_>,
        id: CallId,
        result: Result<Reply, CallFault>,
    ) -> Result<(), SqlError> {
        if let Some(retention) = &mut self.retention
            && retention.answered(turn, self.end, id, &result)?
        {
            return Ok(());
        }
        self.woken(id, result, turn.now);
        Ok(())
    }

    fn woken(&mut self, id: CallId, result: Result<Reply, CallFault>, now: Timestamp) {
        let end = self.end;
        let woken = |reader: &&mut Reader| reader.waking.is_some_and(|(waking, _)| waking == id);
        let Some(reader) = self.readers.iter_mut().find(woken) else { return };
        reader.waking = None;
        let before = reader.position;
        match result {
            Ok(Reply::Position(place)) => reader.position = place.position,
            // A relay has heard it, and reads for itself, also after a restart of its own.
            Ok(Reply::Done) => reader.position = reader.told,
            _ => {}
        }
        let first_unsent = reader.unsent.first().map_or(end.saturating_add(1), |record| record.seq);
        if reader.position.saturating_add(1) >= first_unsent {
            reader.failures = 0;
            return;
        }
        // It has not dealt with everything it was told of: again, after a pause if it got nowhere.
        reader.stale = true;
        if reader.position == before {
            reader.failures = reader.failures.saturating_add(1);
            let pause = PAUSE_MS << reader.failures.min(6);
            reader.not_before = now.plus_ms(pause.min(PAUSE_MAX_MS));
        }
    }

    /// When the log has to be looked after again: when a reader is behind, or there is more to remove.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let behind = self.readers.iter().filter(|reader| reader.position < self.end);
        let removing = self.retention.as_ref().and_then(Retention::next_due);
        behind
            .map(|reader| match reader.waking {
                Some((_, since)) => since.plus_ms(WAKE_LIMIT_MS),
                None => {
                    let wanted_at = reader.wanted_at().filter(|at| now < *at);
                    reader.not_before.max(wanted_at.unwrap_or(now.plus_ms(PAUSE_MS)))
                }
            })
            .chain(removing)
            .min()
    }

    /// Answers a question about the log.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn answer(&self, sql: &dyn Sql, command: &LogCommand) -> Result<Reply, Fault> {
        match command {
            LogCommand::Read { after, limit } => {
                let rows = sql.query(
                    "SELECT seq, value, trace FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
                    params![*after, (*limit).min(1_000)],
                )?;
                Ok(Reply::Records {
                    records: rows.iter().map(record).collect::<Result<_, _>>()?,
                    end: self.end,
                })
            }
            LogCommand::Of { merchant_id, key } => {
                let rows = sql.query(
                    "SELECT seq, value, trace FROM outbox WHERE key = ? ORDER BY seq LIMIT 1000",
                    params![key.as_str()],
                )?;
                // One that this version cannot read must not hide the others.
                let (mut records, mut unreadable) = (Vec::new(), Vec::new());
                for row in &rows {
                    match record(row) {
                        Ok(record) => records.push(record),
                        Err(_) => unreadable.push(row.count(0)?),
                    }
                }
                records.retain(|record: &Record| record.event.merchant_id == *merchant_id);
                Ok(Reply::History { records, unreadable, first: first(sql)? })
            }
            LogCommand::Status => {
                // A projection may lag: nothing waits for it, and where it is stands with the consumers.
                let readers = self.readers.iter().filter(|reader| !reader.is_projection());
                let taken_over = readers.map(|reader| reader.position).min().unwrap_or(self.end);
                Ok(Reply::LogStatus(LogStatus {
                    first: first(sql)?,
                    end: self.end,
                    oldest_pending: committed_after(sql, taken_over)?,
                    pending: self.end.saturating_sub(taken_over),
                }))
            }
            LogCommand::CommittedAfter { after } => Ok(Reply::CommittedAfter(committed_after(sql, *after)?)),
        }
    }
}

/// A page of the log of `source`, whose database this is, for a relay, which passes the values on as they are.
///
/// # Errors
/// A failure of the database.
pub fn page(sql: &dyn Sql, source: Target, after: u64, limit: u32) -> Result<LogPage, SqlError> {
    if matches!(source, Target::Subscriber(..)) {
        return dead_letter_log::page(sql, after, limit);
    }
    let rows = sql.query(
        "SELECT seq, key, value, trace FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
        params![after, limit],
    )?;
    let mut seq = match rows.first() {
        Some(row) => row.count(0)?,
        None => last(sql)?.saturating_add(1),
    };
    let mut page = LogPageWriter::new(seq);
    for row in &rows {
        // seq has no gaps; were there one, what follows on it would be taken for what is missing.
        if row.count::<u64>(0)? != seq {
            break;
        }
        page.push(row.text(1)?.as_bytes(), row.blob(2)?, row.text_or_null(3)?.map(str::as_bytes));
        seq = seq.saturating_add(1);
    }
    Ok(page.finish())
}

/// The last position of the log. Its row is never removed.
fn last(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("SELECT coalesce(max(seq), 0) FROM outbox", &[])?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// The first position that is still there, or that will be.
fn first(sql: &dyn Sql) -> Result<u64, SqlError> {
    let rows = sql.query("SELECT coalesce(min(seq), 1) FROM outbox", &[])?;
    rows.first().map_or(Ok(1), |row| row.count(0))
}

/// When the first record after a position was committed of which that can be read.
fn committed_after(sql: &dyn Sql, after: u64) -> Result<Option<Timestamp>, SqlError> {
    let rows = sql.query(
        "SELECT seq, value, trace FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
        params![after, LOOKED_AT_MAX],
    )?;
    Ok(rows.iter().find_map(|row| record(row).ok()).map(|record| record.event.occurred_at))
}

/// Whether a call that was made then is not to be waited for any longer, or was made by a clock that was ahead.
fn is_over(since: Timestamp, now: Timestamp) -> bool {
    !(0..WAKE_LIMIT_MS).contains(&now.ms_since(since))
}

/// Records as a page. Encoding is deterministic: these are the bytes that were stored.
fn page_of(records: &[Record]) -> Option<LogPage> {
    let mut page = LogPageWriter::new(records.first()?.seq);
    for record in records {
        let (_, key) = record.event.data.topic_and_key();
        let value = schema::encode(&record.event).ok()?;
        page.push(key.as_bytes(), &value, record.trace.as_deref().map(str::as_bytes));
    }
    Some(page.finish())
}

fn record(row: &Row) -> Result<Record, SqlError> {
    Ok(Record {
        seq: row.count(0)?,
        event: schema::decode(row.blob(1)?).map_err(|e| SqlError(format!("cannot decode: {e}")))?,
        trace: row.text_or_null(2)?.map(str::to_owned),
    })
}
