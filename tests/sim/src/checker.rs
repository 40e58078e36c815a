//! The invariants of the design, checked after every turn of an actor, every call to the PSP and every reply to a buyer.
//!
//! It reads the committed rows themselves, and compares them with the emulator, which knows the truth about the money. What it has read is
//! remembered, so that a step costs what it changed.

mod ledger;
mod order_list;
mod orders;
mod settled;
mod topics;

use crate::psp::Psp;
use gyesan_core::api::{OrderView, PaymentStatus};
use gyesan_core::event::{EventData, Fund};
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::money::Amount;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, TossStatus};
use gyesan_edge::command::{NewOrder, Record};
use gyesan_edge::native::Database;
use gyesan_edge::psp::{PspCall, PspCallId, PspRequest};
use gyesan_edge::topology::{Target, Topology};
use gyesan_kafka::TopicPartition;
use std::collections::{BTreeMap, BTreeSet};

/// Whose, and which.
type OrderKey = (MerchantId, OrderId);
/// All PSP accounts.
type Psps = BTreeMap<MerchantId, Psp>;

/// A fund as the bit that stands for it in the orders' rows.
const fn bit(fund: Fund) -> i64 {
    match fund {
        Fund::Payment => 1,
        Fund::Promotion => 2,
    }
}

/// What has been seen so far.
pub struct Checker {
    topology: Topology,
    /// The orders as the buyers know them.
    wanted: BTreeMap<OrderKey, NewOrder>,
    /// The orders as stored.
    orders: BTreeMap<OrderKey, orders::Seen>,
    /// The logs of all shards.
    logs: BTreeMap<Target, Vec<Record>>,
    /// Kafka's topics.
    topics: topics::Topics,
    order_list: order_list::OrderList,
    /// The open batches of each relay: name and number of records.
    batches: BTreeMap<Target, BTreeMap<String, i64>>,
    /// Booked transfers to sellers, in won, by merchant, line and fund (its bit, see [`bit`]).
    transfers: BTreeMap<(MerchantId, String, i64), i64>,
    transfers_read: BTreeMap<Target, i64>,
    positions: BTreeMap<Target, u64>,
    /// What buyers came back with.
    returned: BTreeMap<(MerchantId, String), Amount>,
    /// Calls to the PSP that were made.
    calls: BTreeMap<PspCallId, PspRequest>,
    /// The idempotency key of each attempt's last confirm.
    last_key: BTreeMap<(OrderKey, u32), String>,
    /// Idempotency keys under which an answer was received.
    answered_keys: BTreeSet<String>,
    /// Attempts of which the PSP has said that they do not charge the buyer.
    refused: BTreeSet<(OrderKey, u32)>,
    /// Changes of orders, batches and topics since the world last asked, in words.
    pub news: Vec<String>,
    /// When each charge was first seen, and how long its order took to say so, in milliseconds.
    charges: BTreeMap<String, (Timestamp, Option<i64>)>,
    /// Answers on their way into a turn.
    arriving: Vec<(PspCallId, Answer)>,
}

impl Checker {
    /// Nothing has been seen yet.
    pub fn new(topology: Topology) -> Checker {
        Checker {
            topology,
            wanted: BTreeMap::new(),
            orders: BTreeMap::new(),
            logs: BTreeMap::new(),
            topics: topics::Topics::default(),
            order_list: order_list::OrderList::default(),
            batches: BTreeMap::new(),
            transfers: BTreeMap::new(),
            transfers_read: BTreeMap::new(),
            positions: BTreeMap::new(),
            returned: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_key: BTreeMap::new(),
            answered_keys: BTreeSet::new(),
            refused: BTreeSet::new(),
            news: Vec::new(),
            charges: BTreeMap::new(),
            arriving: Vec::new(),
        }
    }

    /// A buyer wants this order.
    pub fn placed(&mut self, order: &NewOrder) {
        self.wanted.insert((order.merchant_id.clone(), order.order_id.clone()), order.clone());
    }

    /// A buyer comes back with this amount.
    pub fn returns(&mut self, merchant: &MerchantId, payment_key: &str, amount: Amount) {
        self.returned.insert((merchant.clone(), payment_key.to_owned()), amount);
    }

    /// An answer of the PSP is about to be handled.
    pub fn arrives(&mut self, id: PspCallId, answer: Answer) {
        self.arriving.push((id, answer));
    }

    /// A turn has ended: if it was committed, what it was told counts as heard.
    pub fn turned(&mut self, committed: bool, ids: &[PspCallId]) {
        let arriving = std::mem::take(&mut self.arriving);
        for (id, answer) in arriving {
            if !ids.contains(&id) {
                self.arriving.push((id, answer));
            } else if committed {
                self.hears(&id, &answer);
            }
        }
    }

    fn hears(&mut self, id: &PspCallId, answer: &Answer) {
        let key = ((id.merchant_id.clone(), id.order_id.clone()), id.attempt);
        let request = self.calls.get(id);
        let is_confirm = matches!(request, Some(PspRequest::Confirm { .. }));
        if let (
            Some(PspRequest::Confirm { idempotency_key, .. }),
            Answer::Payment(_) | Answer::Error { .. },
        ) = (request, answer)
        {
            self.answered_keys.insert(idempotency_key.clone());
        }
        let refused = match answer {
            Answer::Error { http_status, .. } => *http_status == 404 || is_confirm && *http_status < 500,
            Answer::Payment(found) => {
                matches!(found.status, TossStatus::Aborted | TossStatus::Expired | TossStatus::Canceled)
            }
            Answer::Nothing { .. } => false,
        };
        if refused {
            self.refused.insert(key);
        }
    }

    /// A call to the PSP is made: the stored amount, the right key, and no second authentication beside an open one.
    pub fn asks(&mut self, call: &PspCall, now: Timestamp) -> Result<(), String> {
        self.calls.insert(call.id.clone(), call.request.clone());
        let PspRequest::Confirm { payment_key, amount, idempotency_key, .. } = &call.request else {
            return Ok(());
        };
        let order = (call.id.merchant_id.clone(), call.id.order_id.clone());
        let id = &call.id.order_id;
        let stored = self.orders.get(&order).ok_or(format!("{id}: confirmed, and is not stored"))?;
        if *amount != stored.amount {
            return Err(format!(
                "{id}: {} won were sent to the PSP, {} are stored",
                amount.minor(),
                stored.amount.minor()
            ));
        }
        for attempt in &stored.attempts {
            let is_this = attempt.payment_key == *payment_key;
            let is_open = matches!(attempt.state.as_str(), "EXECUTING" | "UNKNOWN");
            if is_open && !is_this {
                return Err(format!(
                    "{id}: {payment_key} is confirmed while {} is open",
                    attempt.payment_key
                ));
            }
            if is_this && now.ms_since(attempt.created_at) >= gyesan_core::payment::CONFIRM_WINDOW_MS {
                return Err(format!("{id}: {payment_key} is confirmed after its window"));
            }
        }
        if let Some(last) = self.last_key.insert((order, call.id.attempt), idempotency_key.clone())
            && last != *idempotency_key
            && !self.answered_keys.contains(&last)
        {
            return Err(format!(
                "{id}: a new idempotency key {idempotency_key} after no answer under {last}"
            ));
        }
        Ok(())
    }

    /// A buyer was told that the order is there: then it is, with its amount.
    pub fn told_created(&self, order: &NewOrder) -> Result<(), String> {
        let key = (order.merchant_id.clone(), order.order_id.clone());
        match self.orders.get(&key) {
            Some(stored) if stored.amount == order.amount => Ok(()),
            _ => Err(format!("{}: said to be created, and is not stored so", order.order_id)),
        }
    }

    /// What a buyer was told must be true of what is stored.
    pub fn acknowledged(&self, order: &NewOrder, view: &OrderView) -> Result<(), String> {
        let id = &order.order_id;
        let key = (order.merchant_id.clone(), order.order_id.clone());
        let stored = self.orders.get(&key).ok_or(format!("{id}: acknowledged, and is not stored"))?;
        if view.payment_status == PaymentStatus::Success {
            self.told_paid(order)?;
        }
        if view.order_version > stored.version {
            return Err(format!(
                "{id}: version {} was shown, version {} is stored",
                view.order_version, stored.version
            ));
        }
        if view.amount != order.amount || stored.amount != order.amount {
            return Err(format!("{id}: its amount has changed"));
        }
        Ok(())
    }

    /// A buyer was told that the order is paid: then it is.
    pub fn told_paid(&self, order: &NewOrder) -> Result<(), String> {
        let key = (order.merchant_id.clone(), order.order_id.clone());
        match self.orders.get(&key).map(|stored| stored.payment_status) {
            Some(PaymentStatus::Success) => Ok(()),
            other => {
                Err(format!("{}: the buyer was told that it is paid, and it is {other:?}", order.order_id))
            }
        }
    }

    /// After a turn: the actor's own rows, and what they mean together with the others'.
    pub fn check(
        &mut self,
        target: Target,
        database: &Database,
        query: &Database,
        psps: &Psps,
        now: Timestamp,
    ) -> Result<(), String> {
        match target {
            Target::Order(_) => {
                self.read_log(target, database)?;
                self.check_orders(target, database, now)?;
                self.check_psp(psps, now)
            }
            Target::Ledger(_) => {
                self.read_log(target, database)?;
                self.check_ledger(target, database)
            }
            Target::Consumer(subscription, _) | Target::Subscriber(subscription, _) => {
                self.check_consumer(target, subscription, database, query)
            }
            Target::Relay(_) => self.tell_batches(target, database),
        }
    }

    /// What a consumer reads, from its first position on.
    fn log_of(&self, consumer: Target) -> &[Record] {
        let log = match consumer {
            Target::Consumer(subscription, partition) => self.logs.get(&subscription.source(partition)),
            Target::Subscriber(subscription, partition) => {
                let topic = subscription.topic().to_owned();
                let place = TopicPartition { topic, partition: i32::try_from(partition).unwrap() };
                self.topics.partition(&place)
            }
            Target::Order(_) | Target::Ledger(_) | Target::Relay(_) => None,
        };
        log.map_or(&[], Vec::as_slice)
    }

    /// How many records the topic's partition holds that a consumer reads.
    pub fn topic_end(&self, consumer: Target) -> usize {
        self.log_of(consumer).len()
    }

    /// After every call to the PSP: at most one charge an order, and never one that the order denies.
    pub fn check_psp(&mut self, psps: &Psps, now: Timestamp) -> Result<(), String> {
        for (merchant, psp) in psps {
            let mut charged: BTreeMap<&str, &str> = BTreeMap::new();
            for payment in psp.emulator.payments().iter().filter(|payment| payment.charged() > 0) {
                let (id, key) = (payment.order_id.as_str(), payment.payment_key.as_str());
                if let Some(first) = charged.insert(id, key) {
                    return Err(format!("{id}: charged twice, by {first} and {key}"));
                }
                if payment.approvals > 1 {
                    return Err(format!("{id}: {key} was approved {} times", payment.approvals));
                }
                let order = self.orders.get(&(merchant.clone(), OrderId::from(id)));
                let Some(order) = order else {
                    return Err(format!("{id}: charged, and no such order is stored"));
                };
                if payment.charged() != order.amount.minor() {
                    return Err(format!(
                        "{id}: charged {} won instead of {}",
                        payment.charged(),
                        order.amount.minor()
                    ));
                }
                let attempt = order.attempts.iter().find(|attempt| attempt.payment_key == key);
                let state = attempt.map_or("MISSING", |attempt| attempt.state.as_str());
                if !matches!(state, "EXECUTING" | "UNKNOWN" | "SUCCESS") {
                    return Err(format!("{id}: {key} is charged, and its attempt is {state}"));
                }
                let (since, lag_ms) = self.charges.entry(key.to_owned()).or_insert((now, None));
                if state == "SUCCESS" && lag_ms.is_none() {
                    *lag_ms = Some(now.ms_since(*since));
                }
            }
        }
        Ok(())
    }

    /// How often each event happened and each state was an attempt's last.
    pub fn tally(&self) -> BTreeMap<String, u64> {
        let mut tally = BTreeMap::new();
        let mut count = |name: &str| *tally.entry(name.to_owned()).or_default() += 1;
        for record in self.logs.values().flatten() {
            count(record.event.data.name());
            if matches!(record.event.data, EventData::PaymentConfirmed { late: true, .. }) {
                count("late");
            }
        }
        for _ in 0..self.topics.published() {
            count("published");
        }
        for attempt in self.orders.values().flat_map(|order| &order.attempts) {
            count(&attempt.state);
        }
        tally
    }

    /// The longest that an order took to say that it is charged, in milliseconds.
    pub fn slowest_ms(&self) -> i64 {
        self.charges.values().filter_map(|(_, lag_ms)| *lag_ms).max().unwrap_or(0)
    }

    /// Orders that are paid.
    pub fn paid(&self) -> usize {
        self.orders.values().filter(|order| order.payment_status == PaymentStatus::Success).count()
    }
}
