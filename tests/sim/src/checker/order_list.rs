//! The order list in the query database: each row says what the order's events up to its version say, and at the end all of them.

use super::{Checker, OrderKey};
use gyesan_core::event::EventData;
use gyesan_edge::command::Record;
use gyesan_edge::native::Database;
use gyesan_edge::sql::{Sql, Value, to_json};
use gyesan_edge::topology::{Subscription, Target};
use std::collections::BTreeMap;

/// A row, or what it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    payment_status: String,
    order_status: String,
    amount: Option<i64>,
    member_id: Option<String>,
    version: u32,
    created_at: i64,
    updated_at: i64,
}

/// What was seen of the query database.
#[derive(Default)]
pub struct OrderList {
    generation: u64,
    rows: BTreeMap<OrderKey, Listed>,
    /// The furthest that each reader was ever applied.
    furthest: BTreeMap<String, u64>,
}

impl Checker {
    /// After every transaction of the query database.
    pub fn check_list(&mut self, database: &Database) -> Result<(), String> {
        let one = |statement: &'static str| database.query(statement, &[]).unwrap();
        let generation = one("SELECT generation FROM generations")[0].count(0).unwrap();
        for row in one("SELECT reader, next_offset FROM applied") {
            let furthest = self.order_list.furthest.entry(row.text(0).unwrap().to_owned()).or_default();
            *furthest = (*furthest).max(row.count(1).unwrap());
        }
        let mut rows = BTreeMap::new();
        for row in one(
            "SELECT merchant_id, order_id, payment_status, order_status, amount, member_id, order_version, created_at, updated_at
             FROM orders",
        ) {
            let key = (row.text(0).unwrap().into(), row.text(1).unwrap().into());
            let listed = Listed {
                payment_status: row.text(2).unwrap().to_owned(),
                order_status: row.text(3).unwrap().to_owned(),
                amount: (row.0[4] != Value::Null).then(|| row.int(4).unwrap()),
                member_id: row.text_or_null(5).unwrap().map(str::to_owned),
                version: row.count(6).unwrap(),
                created_at: row.int(7).unwrap(),
                updated_at: row.int(8).unwrap(),
            };
            let wanted = self.told(&key, listed.version);
            if wanted.as_ref() != Some(&listed) {
                return Err(format!("{}: listed as {listed:?}, and the events say {wanted:?}", key.1));
            }
            let before = self.order_list.rows.get(&key);
            if before.is_some_and(|before| before.version > listed.version)
                && generation == self.order_list.generation
            {
                return Err(format!("{}: the list went back to version {}", key.1, listed.version));
            }
            rows.insert(key, listed);
        }
        self.order_list.generation = generation;
        self.order_list.rows = rows;
        Ok(())
    }

    /// What the events of an order up to a version say; a model of its own, that knows nothing of SQL.
    fn told(&self, key: &OrderKey, version: u32) -> Option<Listed> {
        let log = self.logs.get(&self.topology.order_shard(&key.0, &key.1))?;
        let is_of = |record: &&Record| {
            record.event.merchant_id == key.0 && record.event.data.topic_and_key().1 == key.1.as_str()
        };
        let mut listed: Option<Listed> = None;
        for record in log.iter().filter(is_of) {
            let at = record.event.occurred_at.0;
            let told = match &record.event.data {
                EventData::OrderPlaced { amount, member_id, order_version, .. } => {
                    listed = Some(Listed {
                        payment_status: "NOT_STARTED".into(),
                        order_status: "ORDER_COMPLETED".into(),
                        amount: Some(amount.minor()),
                        member_id: member_id.clone(),
                        version: *order_version,
                        created_at: at,
                        updated_at: at,
                    });
                    continue;
                }
                EventData::OrderExpired { order_version, .. } => {
                    (*order_version, None, Some("ORDER_EXPIRED"))
                }
                EventData::OrderCanceled { order_version, .. } => {
                    (*order_version, None, Some("ORDER_CANCELED"))
                }
                EventData::PaymentConfirmed { order_version, .. } => {
                    (*order_version, Some("SUCCESS"), Some("PAYMENT_COMPLETED"))
                }
                EventData::PaymentFailed { order_version, .. } => (*order_version, Some("FAILURE"), None),
                EventData::PaymentUnknown { order_version, .. } => (*order_version, Some("UNKNOWN"), None),
                EventData::PaymentUnresolved { order_version, .. }
                | EventData::DuplicateRefunded { order_version, .. } => (*order_version, None, None),
                EventData::WalletCredited { .. } => continue,
            };
            let (event_version, payment_status, order_status) = told;
            let listed = listed.as_mut().filter(|_| event_version <= version);
            let Some(listed) = listed else { continue };
            listed.version = event_version;
            listed.updated_at = listed.updated_at.max(at);
            if let Some(status) = payment_status.filter(|_| listed.payment_status != "SUCCESS") {
                listed.payment_status = status.to_owned();
            }
            if let Some(status) = order_status {
                listed.order_status = status.to_owned();
            }
        }
        listed.filter(|listed| listed.version == version)
    }

    /// How far a reader was ever applied: its own position is never ahead of that.
    pub(super) fn applied_by(&self, reader: Target) -> u64 {
        self.order_list.furthest.get(&reader.name()).copied().unwrap_or(0)
    }

    /// Whether the list may be read anew.
    pub(super) fn list_was_rebuilt(&self, database: &Database) -> bool {
        let rows = database.query("SELECT generation FROM generations", &[]).unwrap();
        rows[0].int(0).unwrap() > 1
    }

    /// At the end: every order is listed as its shard has it, and every reader is at the end.
    pub fn list_settled(&self, database: &Database) -> Result<(), String> {
        for (key, order) in &self.orders {
            let listed = self.order_list.rows.get(key);
            let bare = |json: String| json.trim_matches('"').to_owned();
            let payment_status = bare(to_json(&order.payment_status).unwrap());
            let order_status = bare(to_json(&order.order_status).unwrap());
            let wanted = (payment_status, order_status, Some(order.amount.minor()));
            let found = listed.map(|row| (row.payment_status.clone(), row.order_status.clone(), row.amount));
            if found.as_ref() != Some(&wanted) {
                return Err(format!("{}: listed as {found:?} at the end, and is {wanted:?}", key.1));
            }
        }
        if self.order_list.rows.len() != self.orders.len() {
            let (listed, stored) = (self.order_list.rows.len(), self.orders.len());
            return Err(format!("{listed} orders are listed at the end, {stored} are stored"));
        }
        let rows = database.query("SELECT reader, next_offset FROM applied", &[]).unwrap();
        for consumer in self.topology.consumers() {
            let (Target::Consumer(Subscription::OrderList, _)
            | Target::Subscriber(Subscription::OrderList, _)) = consumer
            else {
                continue;
            };
            let row = rows.iter().find(|row| row.text(0).unwrap() == consumer.name());
            let applied = row.map_or(0, |row| row.count(1).unwrap());
            if applied != self.topic_end(consumer) {
                let end = self.topic_end(consumer);
                return Err(format!(
                    "{}: {applied} of {end} records are applied at the end",
                    consumer.name()
                ));
            }
        }
        Ok(())
    }
}
