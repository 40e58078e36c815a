//! The order shards: statuses, attempts and events agree.

use super::{Checker, OrderKey};
use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::event::EventData;
use gyesan_core::money::Amount;
use gyesan_core::payment::CONFIRM_WINDOW_MS;
use gyesan_core::time::Timestamp;
use gyesan_edge::command::Record;
use gyesan_edge::native::Database;
use gyesan_edge::params;
use gyesan_edge::sql::{Row, Sql, SqlError, from_json};
use gyesan_edge::topology::Target;
use std::collections::{BTreeMap, BTreeSet};

/// An order as stored.
pub struct Seen {
    pub amount: Amount,
    pub payment_status: PaymentStatus,
    pub order_status: OrderStatus,
    pub version: u32,
    pub expires_at: Timestamp,
    pub unresolved: bool,
    pub credits_due: i64,
    pub attempts: Vec<Attempt>,
    /// For each line, which credits have been reported (bits 1 and 2).
    pub credited: BTreeMap<String, i64>,
}

impl Seen {
    /// Its statuses and those of its attempts.
    fn words(&self) -> String {
        let mut words = format!("{:?}, {:?}", self.payment_status, self.order_status);
        for attempt in &self.attempts {
            words.push_str(&format!("; {} {}", attempt.number, attempt.state));
        }
        words
    }
}

/// An attempt as stored.
pub struct Attempt {
    pub number: u32,
    pub payment_key: String,
    pub state: String,
    pub refusal: Option<String>,
    pub created_at: Timestamp,
}

/// A name in a column as it stands in JSON, to be parsed.
fn quoted(row: &Row, column: usize) -> Result<String, SqlError> {
    Ok(format!("\"{}\"", row.text(column)?))
}

impl Checker {
    /// Reads what has been appended to a shard's log, which has no gaps and is never rewritten.
    pub(super) fn read_log(&mut self, target: Target, database: &Database) -> Result<(), String> {
        let mut log = self.logs.remove(&target).unwrap_or_default();
        let read = self.read_rest(target, database, &mut log);
        self.logs.insert(target, log);
        read
    }

    fn read_rest(
        &mut self,
        target: Target,
        database: &Database,
        log: &mut Vec<Record>,
    ) -> Result<(), String> {
        let known = u64::try_from(log.len()).unwrap();
        let rows = database
            .query("SELECT seq, value, key FROM outbox WHERE seq > ? ORDER BY seq", params![known])
            .map_err(|error| error.to_string())?;
        for row in &rows {
            let seq: u64 = row.count(0).unwrap();
            if seq != u64::try_from(log.len()).unwrap() + 1 {
                return Err(format!("{}: the log goes from {} to {seq}", target.name(), log.len()));
            }
            let event =
                gyesan_edge::schema::decode(row.blob(1).unwrap()).map_err(|error| error.to_string())?;
            let record = Record { seq, event, trace: None };
            self.commits(target, row.text(2).unwrap(), row.blob(1).unwrap(), &record);
            log.push(record);
        }
        let end: u64 = database.query("SELECT count(*) FROM outbox", &[]).unwrap()[0].count(0).unwrap();
        if end != u64::try_from(log.len()).unwrap() {
            return Err(format!("{}: the log had {} records and has {end}", target.name(), log.len()));
        }
        Ok(())
    }

    /// Every order of a shard.
    pub(super) fn check_orders(
        &mut self,
        target: Target,
        database: &Database,
        now: Timestamp,
    ) -> Result<(), String> {
        let orders = read(database).map_err(|error| error.to_string())?;
        let known =
            self.orders.keys().filter(|key| self.topology.order_shard(&key.0, &key.1) == target).count();
        if orders.len() < known {
            return Err(format!("{}: an order has vanished", target.name()));
        }
        for (key, order) in orders {
            self.check_order(target, &key, &order, now)?;
            let (words, before) = (order.words(), self.orders.get(&key).map(Seen::words));
            if before.as_ref() != Some(&words) {
                self.news.push(format!("{} is {words}", key.1));
            }
            self.orders.insert(key, order);
        }
        Ok(())
    }

    fn check_order(
        &self,
        target: Target,
        key: &OrderKey,
        order: &Seen,
        now: Timestamp,
    ) -> Result<(), String> {
        let id = &key.1;
        let wanted = self.wanted.get(key).ok_or(format!("{id}: stored, and nobody has asked for it"))?;
        if wanted.amount != order.amount {
            return Err(format!("{id}: its amount is stored as {}", order.amount.minor()));
        }
        if let Some(before) = self.orders.get(key) {
            if before.payment_status == PaymentStatus::Success
                && order.payment_status != PaymentStatus::Success
            {
                return Err(format!("{id}: was paid and is {:?}", order.payment_status));
            }
            if order.version < before.version {
                return Err(format!("{id}: went from version {} to {}", before.version, order.version));
            }
        }
        let paid = order.payment_status == PaymentStatus::Success;
        if paid != (order.order_status == OrderStatus::PaymentCompleted) {
            return Err(format!("{id}: {:?} and {:?}", order.payment_status, order.order_status));
        }
        self.check_attempts(key, order, now)?;
        self.check_events(target, key, order)
    }

    fn check_attempts(&self, key: &OrderKey, order: &Seen, now: Timestamp) -> Result<(), String> {
        let id = &key.1;
        let count =
            |states: &[&str]| order.attempts.iter().filter(|a| states.contains(&a.state.as_str())).count();
        if count(&["EXECUTING", "UNKNOWN"]) > 1 {
            return Err(format!("{id}: two attempts are open"));
        }
        let keys: BTreeSet<&str> = order.attempts.iter().map(|a| a.payment_key.as_str()).collect();
        if keys.len() != order.attempts.len() {
            return Err(format!("{id}: one authentication became two attempts"));
        }
        let paid = order.payment_status == PaymentStatus::Success;
        if count(&["SUCCESS"]) != usize::from(paid) {
            return Err(format!(
                "{id}: {:?} with {} successful attempts",
                order.payment_status,
                count(&["SUCCESS"])
            ));
        }
        for attempt in &order.attempts {
            let returned = self.returned.get(&(key.0.clone(), attempt.payment_key.clone()));
            if returned != Some(&order.amount) {
                return Err(format!("{id}: {} was accepted with {returned:?}", attempt.payment_key));
            }
            // Its own window has passed while it waited for another: then the PSP need not be asked.
            let never_asked = now.ms_since(attempt.created_at) >= CONFIRM_WINDOW_MS
                && attempt.refusal.as_deref() == Some("NOT_FOUND_PAYMENT_SESSION")
                && !self.last_key.contains_key(&(key.clone(), attempt.number));
            let word = self.refused.contains(&(key.clone(), attempt.number));
            if attempt.state == "FAILURE" && !word && !never_asked {
                return Err(format!(
                    "{id}: {} is a failure, and the PSP has not said so",
                    attempt.payment_key
                ));
            }
        }
        Ok(())
    }

    /// An event exists if and only if its state change does.
    fn check_events(&self, target: Target, key: &OrderKey, order: &Seen) -> Result<(), String> {
        let id = &key.1;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut failed, mut unknown) = (Vec::new(), Vec::new());
        let mut version = 0;
        let log = self.logs.get(&target).map_or(&[][..], Vec::as_slice);
        for record in log
            .iter()
            .filter(|r| r.event.merchant_id == key.0 && r.event.data.topic_and_key().1 == id.as_str())
        {
            *counts.entry(record.event.data.name()).or_default() += 1;
            let event_version = match &record.event.data {
                EventData::OrderPlaced { order_version, .. }
                | EventData::OrderExpired { order_version, .. }
                | EventData::OrderCanceled { order_version, .. }
                | EventData::PaymentConfirmed { order_version, .. }
                | EventData::PaymentUnresolved { order_version, .. }
                | EventData::DuplicateRefunded { order_version, .. } => *order_version,
                EventData::PaymentFailed { order_version, payment_key, .. } => {
                    failed.push(payment_key.as_str());
                    *order_version
                }
                EventData::PaymentUnknown { order_version, payment_key, .. } => {
                    unknown.push(payment_key.as_str());
                    *order_version
                }
                EventData::WalletCredited { .. } => {
                    return Err(format!("{id}: a wallet's event in an order's log"));
                }
            };
            if event_version <= version || event_version > order.version {
                return Err(format!(
                    "{id}: an event of version {event_version} after {version}, at {}",
                    order.version
                ));
            }
            version = event_version;
        }
        let counted = |name: &str| counts.get(name).copied().unwrap_or(0);
        for (name, expected) in [
            ("order.placed", true),
            ("payment.confirmed", order.payment_status == PaymentStatus::Success),
            ("order.expired", order.order_status == OrderStatus::Expired),
            ("order.canceled", order.order_status == OrderStatus::Canceled),
        ] {
            if counted(name) != usize::from(expected) {
                return Err(format!(
                    "{id}: {} and {:?} with {} × {name}",
                    key.0,
                    order.payment_status,
                    counted(name)
                ));
            }
        }
        for attempt in &order.attempts {
            let payment_key = attempt.payment_key.as_str();
            let failures = failed.iter().filter(|key| **key == payment_key).count();
            let fits = match attempt.state.as_str() {
                "FAILURE" => failures == 1,
                "SUCCESS" | "REFUNDING" | "REFUNDED" => failures <= 1,
                _ => failures == 0,
            };
            if !fits || attempt.state == "UNKNOWN" && !unknown.contains(&payment_key) {
                return Err(format!(
                    "{id}: {payment_key} is {} with {failures} × payment.failed",
                    attempt.state
                ));
            }
        }
        Ok(())
    }
}

fn read(database: &Database) -> Result<Vec<(OrderKey, Seen)>, SqlError> {
    let mut orders = Vec::new();
    let rows = database.query(
        "SELECT order_row, merchant_id, order_id, amount, payment_status, order_status, version, expires_at, unresolved, credits_due FROM orders",
        &[],
    )?;
    for row in &rows {
        let order_row = row.int(0)?;
        let attempts = database.query(
            "SELECT number, payment_key, state, refusal, created_at FROM attempts WHERE order_row = ? ORDER BY number",
            params![order_row],
        )?;
        let attempts = attempts.iter().map(|row| {
            let refusal = row.text_or_null(3)?.map(from_json::<gyesan_core::toss::Refusal>).transpose()?;
            Ok(Attempt {
                number: row.count(0)?,
                payment_key: row.text(1)?.to_owned(),
                state: row.text(2)?.to_owned(),
                refusal: refusal.map(|refusal| refusal.code),
                created_at: row.time(4)?,
            })
        });
        let attempts = attempts.collect::<Result<_, SqlError>>()?;
        let lines = database.query(
            "SELECT payment_order_id, credited FROM payment_orders WHERE order_row = ?",
            params![order_row],
        )?;
        let credited = lines.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?)));
        let seen = Seen {
            amount: row.amount(3)?,
            payment_status: from_json(&quoted(row, 4)?)?,
            order_status: from_json(&quoted(row, 5)?)?,
            version: row.count(6)?,
            expires_at: row.time(7)?,
            unresolved: row.int(8)? != 0,
            credits_due: row.int(9)?,
            attempts,
            credited: credited.collect::<Result<_, SqlError>>()?,
        };
        orders.push(((row.text(1)?.into(), row.text(2)?.into()), seen));
    }
    Ok(orders)
}
