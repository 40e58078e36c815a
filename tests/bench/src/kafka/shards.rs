//! The actors' databases in a state folder: written to while their worker is stopped, and read while it runs.

use anyhow::{Context, Result, ensure};
use gyesan_edge::topology::{Subscription, Target};
use rusqlite::{Connection, OpenFlags, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One record of an outbox: its key and its encoded value.
pub type Record = (String, Vec<u8>);

/// How many of the records that a relay has taken over are acknowledged. One statement, so that it is one moment.
const ACKNOWLEDGED: &str = "SELECT (SELECT coalesce(sum(taken_over), 0) FROM sources)
    - (SELECT coalesce(sum(count), 0) FROM frozen)";
/// How many transfers a ledger shard holds; each is there once, by its id.
const TRANSFERS: &str = "SELECT coalesce(max(seq), 0) FROM transfers";
const LOG_END: &str = "SELECT coalesce(max(seq), 0) FROM outbox";
const POSITION: &str = "SELECT position FROM position";
const DEAD_LETTERS: &str = "SELECT count(*) FROM dead_letters";

/// Where the database of each actor is.
pub struct Shards(BTreeMap<Target, PathBuf>);

impl Shards {
    /// Those of a state folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(state: &Path) -> Result<Shards> {
        let mut found = BTreeMap::new();
        for class in std::fs::read_dir(state.join("v3/do")).context("the state has no actors")? {
            for file in std::fs::read_dir(class?.path())? {
                let path = file?.path();
                if path.extension().is_some_and(|extension| extension == "sqlite")
                    && let Some(target) = target_of(&path)
                {
                    found.insert(target, path);
                }
            }
        }
        ensure!(found.keys().any(|target| matches!(target, Target::Relay(_))), "the state has no relay");
        Ok(Shards(found))
    }

    fn paths(&self, which: impl Fn(Target) -> bool) -> impl Iterator<Item = &Path> {
        self.0.iter().filter(move |(target, _)| which(**target)).map(|(_, path)| path.as_path())
    }

    /// The order shards' databases, in their order.
    pub fn orders(&self) -> Vec<&Path> {
        self.paths(|target| matches!(target, Target::Order(_))).collect()
    }

    fn readers(&self, subscription: Subscription) -> impl Iterator<Item = &Path> {
        self.paths(move |target| matches!(target, Target::Subscriber(of, _) if of == subscription))
    }

    /// Halts the readers of a topic, as an operator's pause does, or lets them go on. Their worker is stopped.
    ///
    /// # Errors
    /// When there are none, or SQLite refuses.
    pub fn pause(&self, subscription: Subscription, paused: bool) -> Result<()> {
        let halt = paused.then_some((1_i64, "benchmark"));
        let mut changed = 0;
        for path in self.readers(subscription) {
            let since = halt.map(|(since, _)| since);
            changed += Connection::open(path)?.execute(
                "UPDATE position SET paused_at = ?, paused_reason = ?",
                params![since, halt.map(|(_, reason)| reason)],
            )?;
        }
        ensure!(changed > 0, "nobody reads for {}", subscription.name());
        Ok(())
    }

    /// What is acknowledged to the relays, over all shards.
    pub fn acknowledged(&self) -> Gauge {
        Gauge::of(self.paths(|target| matches!(target, Target::Relay(_))), ACKNOWLEDGED)
    }

    /// Every record that the shards have committed.
    pub fn committed(&self) -> Gauge {
        Gauge::of(self.paths(|target| matches!(target, Target::Order(_) | Target::Ledger(_))), LOG_END)
    }

    /// The transfers in all ledger shards.
    pub fn transfers(&self) -> Gauge {
        Gauge::of(self.paths(|target| matches!(target, Target::Ledger(_))), TRANSFERS)
    }

    /// How far a subscription has read, over all partitions.
    pub fn position(&self, subscription: Subscription) -> Gauge {
        Gauge::of(self.readers(subscription), POSITION)
    }

    /// What a subscription has put aside.
    pub fn dead_letters(&self, subscription: Subscription) -> Gauge {
        Gauge::of(self.readers(subscription), DEAD_LETTERS)
    }
}

fn target_of(path: &Path) -> Option<Target> {
    let database = Connection::open(path).ok()?;
    let target: String = database.query_row("SELECT target FROM birth", [], |row| row.get(0)).ok()?;
    serde_json::from_str(&target).ok()
}

/// Appends records to a shard's log while its worker is stopped, in one transaction; the position before them.
///
/// # Errors
/// When SQLite refuses.
pub fn append(path: &Path, records: &[Record]) -> Result<u64> {
    let mut database = Connection::open(path)?;
    let before: i64 = database.query_row(LOG_END, [], |row| row.get(0))?;
    let transaction = database.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO outbox (seq, key, value) VALUES (?, ?, ?)")?;
        for (seq, (key, value)) in (before + 1..).zip(records) {
            insert.execute(params![seq, key, value])?;
        }
    }
    transaction.commit()?;
    Ok(u64::try_from(before)?)
}

/// A number that several databases add up to, read again and again.
pub struct Gauge {
    statement: &'static str,
    parts: Vec<(PathBuf, Option<Connection>)>,
}

impl Gauge {
    fn of<'a>(paths: impl Iterator<Item = &'a Path>, statement: &'static str) -> Gauge {
        Gauge { statement, parts: paths.map(|path| (path.to_owned(), None)).collect() }
    }

    /// What it says while the worker is stopped.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn at_rest(&self) -> Result<u64> {
        let mut sum = 0;
        for (path, _) in &self.parts {
            sum += u64::try_from(
                Connection::open(path)?.query_row(self.statement, [], |row| row.get::<_, i64>(0))?,
            )?;
        }
        Ok(sum)
    }

    /// What it says now; `None` while a database is being opened or moved by its worker.
    pub fn read(&mut self) -> Option<u64> {
        let mut sum = 0;
        for (path, connection) in &mut self.parts {
            sum += u64::try_from(read(path, connection, self.statement)?).ok()?;
        }
        Some(sum)
    }
}

fn read(path: &Path, connection: &mut Option<Connection>, statement: &str) -> Option<i64> {
    let database = match connection.take() {
        Some(database) => database,
        None => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?,
    };
    let number =
        database.prepare_cached(statement).and_then(|mut found| found.query_row([], |row| row.get(0)));
    // One that failed is opened anew.
    *connection = number.is_ok().then_some(database);
    number.ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_frozen_is_not_acknowledged() {
        let folder = std::env::temp_dir().join(format!("gyesan-gauge-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("relay.sqlite");
        let database = Connection::open(&path).unwrap();
        database.execute_batch(include_str!("../../../../edge/migrations/relay/0001_init.sql")).unwrap();
        database.execute_batch("INSERT INTO sources VALUES ('a', 700), ('b', 300)").unwrap();
        let batch = "INSERT INTO frozen (topic, partition, base_sequence, count, bytes, source, first_seq)
            VALUES ('t', 0, 0, 250, x'00', 'a', 1)";
        database.execute_batch(batch).unwrap();
        let mut gauge = Gauge::of([path.as_path()].into_iter(), ACKNOWLEDGED);
        assert_eq!(gauge.read(), Some(750));
        database.execute_batch("DELETE FROM frozen").unwrap();
        assert_eq!((gauge.read(), gauge.at_rest().unwrap()), (Some(1_000), 1_000));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn records_are_appended_behind_what_is_there() {
        let path = std::env::temp_dir().join(format!("gyesan-append-{}.sqlite", std::process::id()));
        let database = Connection::open(&path).unwrap();
        database
            .execute_batch("CREATE TABLE outbox (seq INTEGER PRIMARY KEY, key TEXT, value BLOB, trace TEXT)")
            .unwrap();
        let records: Vec<Record> = vec![("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])];
        assert_eq!(append(&path, &records).unwrap(), 0);
        assert_eq!(append(&path, &records).unwrap(), 2);
        assert_eq!(Gauge::of([path.as_path()].into_iter(), LOG_END).at_rest().unwrap(), 4);
        std::fs::remove_file(path).unwrap();
    }
}
