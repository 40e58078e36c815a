//! Which actors there are, what they are called, and which one holds what.

use crate::sql::{Sql, SqlError};
use crate::{migration, params};
use gyesan_core::event::{EventData, LEDGER_TOPIC, ORDERS_TOPIC};
use gyesan_core::id::{MerchantId, OrderId};
use serde::{Deserialize, Serialize};

/// How many actors of each kind there are; chosen once, for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topology {
    /// `ORDER_SHARDS`, at least 1.
    pub order_shards: u32,
    /// `LEDGER_SHARDS`, at least 1.
    pub ledger_shards: u32,
    /// `EVENT_BUS`.
    pub bus: Bus,
}

/// How events get from the shards to the consumers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bus {
    /// Consumers read the shards' logs; a partition is a shard.
    Embedded,
    /// Relays publish the shards' logs to Kafka, and consumers read its topics.
    Kafka {
        /// `RELAYS`, at least 1.
        relays: u32,
        /// `ORDERS_PARTITIONS`: of the topic `gyesan.orders`, at least 1.
        orders_partitions: u32,
        /// `LEDGER_PARTITIONS`: of the topic `gyesan.ledger`, at least 1.
        ledger_partitions: u32,
    },
}

impl Bus {
    /// As `EVENT_BUS` says it.
    pub const fn name(self) -> &'static str {
        match self {
            Bus::Embedded => "embedded",
            Bus::Kafka { .. } => "kafka",
        }
    }
}

/// What a consumer does with the events it reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscription {
    /// Reads orders, credits the sellers' wallets.
    Wallets,
    /// Reads the ledger, completes the orders whose sellers are credited.
    Completion,
    /// Reads orders, keeps the merchants' order lists: a projection.
    #[serde(rename = "order-list")]
    OrderList,
}

/// One actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// An order shard, by index.
    Order(u32),
    /// A ledger shard, by index.
    Ledger(u32),
    /// A consumer of one shard's log, in embedded mode.
    Consumer(Subscription, u32),
    /// A consumer of one partition of a topic, in Kafka mode.
    Subscriber(Subscription, u32),
    /// A relay, by index, in Kafka mode.
    Relay(u32),
}

impl Target {
    /// The Durable Object's name.
    pub fn name(self) -> String {
        match self {
            Target::Order(index) => format!("order-{index}"),
            Target::Ledger(index) => format!("ledger-{index}"),
            Target::Consumer(subscription, partition) => format!("{}-{partition}", subscription.name()),
            Target::Subscriber(subscription, partition) => {
                format!("{}-kafka-{partition}", subscription.name())
            }
            Target::Relay(index) => format!("relay-{index}"),
        }
    }
}

impl Subscription {
    /// Every subscription there is.
    pub const ALL: [Subscription; 3] =
        [Subscription::Wallets, Subscription::Completion, Subscription::OrderList];

    /// The consumer's name, as operators see it.
    pub const fn name(self) -> &'static str {
        match self {
            Subscription::Wallets => "wallets",
            Subscription::Completion => "completion",
            Subscription::OrderList => "order-list",
        }
    }

    /// Whether it keeps a read model in the query database from events alone. Such a one may lag some tenths of a second,
    /// and can be emptied and read again; the others have effects that are never repeated.
    pub const fn is_projection(self) -> bool {
        match self {
            Subscription::Wallets | Subscription::Completion => false,
            Subscription::OrderList => true,
        }
    }

    /// Whether this consumer does anything with an event, or only passes over it.
    pub fn acts_on(self, event: &EventData) -> bool {
        self.acts_on_type(event.name())
    }

    /// The same, by the event's type.
    pub fn acts_on_type(self, event_type: &str) -> bool {
        match self {
            Subscription::Wallets => event_type == "payment.confirmed",
            Subscription::Completion => event_type == "wallet.credited",
            Subscription::OrderList => matches!(
                event_type,
                "order.placed"
                    | "order.expired"
                    | "order.canceled"
                    | "payment.confirmed"
                    | "payment.failed"
                    | "payment.unknown"
                    | "payment.unresolved"
                    | "payment.duplicate-refunded"
            ),
        }
    }

    /// The topic whose events it reads.
    pub const fn topic(self) -> &'static str {
        match self {
            Subscription::Wallets | Subscription::OrderList => ORDERS_TOPIC,
            Subscription::Completion => LEDGER_TOPIC,
        }
    }

    /// The topic that what it puts aside of [`Self::topic`] is published to.
    pub const fn dead_letter_topic(self) -> &'static str {
        match self {
            Subscription::Wallets | Subscription::OrderList => "gyesan.orders.dlt",
            Subscription::Completion => "gyesan.ledger.dlt",
        }
    }

    /// The consumer group that its offsets are committed for.
    pub fn group(self) -> String {
        format!("gyesan-{}", self.name())
    }

    /// The shard whose outbox is this consumer's partition, in embedded mode.
    pub const fn source(self, partition: u32) -> Target {
        match self {
            Subscription::Wallets | Subscription::OrderList => Target::Order(partition),
            Subscription::Completion => Target::Ledger(partition),
        }
    }
}

impl Topology {
    /// The shard that holds an order.
    pub fn order_shard(self, merchant: &MerchantId, order: &OrderId) -> Target {
        Target::Order(place(&[merchant.as_str(), order.as_str()], self.order_shards))
    }

    /// The shard that holds an account.
    pub fn ledger_shard(self, merchant: &MerchantId, account: &str) -> Target {
        Target::Ledger(place(&[merchant.as_str(), account], self.ledger_shards))
    }

    /// All order shards.
    pub fn orders(self) -> impl Iterator<Item = Target> {
        (0..self.order_shards).map(Target::Order)
    }

    /// All ledger shards.
    pub fn ledgers(self) -> impl Iterator<Item = Target> {
        (0..self.ledger_shards).map(Target::Ledger)
    }

    /// All consumers.
    pub fn consumers(self) -> impl Iterator<Item = Target> {
        Subscription::ALL.into_iter().flat_map(move |subscription| {
            (0..self.partitions(subscription)).map(move |partition| self.consumer(subscription, partition))
        })
    }

    /// How many partitions a subscription reads.
    pub const fn partitions(self, subscription: Subscription) -> u32 {
        match (self.bus, subscription) {
            (Bus::Embedded, Subscription::Wallets | Subscription::OrderList) => self.order_shards,
            (Bus::Embedded, Subscription::Completion) => self.ledger_shards,
            (Bus::Kafka { orders_partitions, .. }, Subscription::Wallets | Subscription::OrderList) => {
                orders_partitions
            }
            (Bus::Kafka { ledger_partitions, .. }, Subscription::Completion) => ledger_partitions,
        }
    }

    /// The consumer of a partition.
    pub const fn consumer(self, subscription: Subscription, partition: u32) -> Target {
        match self.bus {
            Bus::Embedded => Target::Consumer(subscription, partition),
            Bus::Kafka { .. } => Target::Subscriber(subscription, partition),
        }
    }

    /// All relays.
    pub fn relays(self) -> impl Iterator<Item = Target> {
        (0..self.relay_count()).map(Target::Relay)
    }

    const fn relay_count(self) -> u32 {
        match self.bus {
            Bus::Embedded => 0,
            Bus::Kafka { relays, .. } => relays,
        }
    }

    /// Who is woken when a shard has appended to its log: its reader, and in embedded mode a projection too.
    pub fn readers_of(self, source: Target) -> Vec<Target> {
        let projection = match (self.bus, source) {
            (Bus::Embedded, Target::Order(index)) => Some(self.consumer(Subscription::OrderList, index)),
            _ => None,
        };
        self.reader_of(source).into_iter().chain(projection).collect()
    }

    /// Who must know at once when a shard, or a topic's consumer with a dead letter, has appended to its log.
    pub fn reader_of(self, source: Target) -> Option<Target> {
        let (subscription, partition, number) = match source {
            Target::Order(index) => (Subscription::Wallets, index, index),
            Target::Ledger(index) => {
                (Subscription::Completion, index, self.order_shards.saturating_add(index))
            }
            Target::Subscriber(subscription, partition) => (subscription, partition, partition),
            Target::Consumer(..) | Target::Relay(_) => return None,
        };
        Some(match self.bus {
            Bus::Embedded => Target::Consumer(subscription, partition),
            Bus::Kafka { relays, .. } => Target::Relay(number % relays.max(1)),
        })
    }

    /// Those whose logs a relay publishes: shards, and for their dead letters the topics' consumers.
    pub fn sources_of(self, relay: u32) -> impl Iterator<Item = Target> {
        self.orders()
            .chain(self.ledgers())
            .chain(self.consumers())
            .filter(move |source| self.reader_of(*source) == Some(Target::Relay(relay)))
    }

    /// Everybody.
    pub fn everyone(self) -> impl Iterator<Item = Target> {
        self.orders().chain(self.ledgers()).chain(self.relays()).chain(self.consumers())
    }

    /// What an actor's data was laid out for: another layout would send keys elsewhere or publish a log twice.
    fn layout_for(self, target: Target) -> String {
        match target {
            Target::Order(_) => format!("of {}", self.order_shards),
            Target::Ledger(_) => format!("of {}", self.ledger_shards),
            Target::Consumer(subscription, _) | Target::Subscriber(subscription, _) => {
                format!("of {}", self.partitions(subscription))
            }
            Target::Relay(_) => {
                let (relays, orders, ledgers) = (self.relay_count(), self.order_shards, self.ledger_shards);
                format!("of {relays}, for {orders} order and {ledgers} ledger shards")
            }
        }
    }
}

/// FNV-1a over the parts with a separator, modulo the count. Stored data lies where this says: never change it.
fn place(parts: &[&str], count: u32) -> u32 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    u32::try_from((hash ^ (hash >> 32)) % u64::from(count.max(1))).unwrap_or(0)
}

/// Why an object refuses to be the actor it is called as.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BirthFault {
    /// The configuration's shard count, or the object's name, is not the one it was born with.
    #[error(
        "this object was born as {born}; it refuses to serve as {called}: the numbers of shards, relays and partitions cannot be changed"
    )]
    Resharded {
        /// As it was born.
        born: String,
        /// As it is called now.
        called: String,
    },
    /// It is of Kafka mode, and the deployment has none.
    #[error("EVENT_BUS is embedded: there are no relays and no readers of topics")]
    NoKafka,
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] SqlError),
}

/// Stores at the first call who the object is and how many of its kind there are, and refuses a later call that
/// disagrees: a changed shard count would grow twin orders.
///
/// # Errors
/// [`BirthFault`].
pub fn born(sql: &dyn Sql, target: Target, topology: Topology) -> Result<(), BirthFault> {
    sql.query(migration::BIRTH, &[])?;
    let called = format!("{} {}", target.name(), topology.layout_for(target));
    let row = sql.query(
        "INSERT INTO birth (id, identity, target) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET id = 1 RETURNING identity",
        params![called.as_str(), crate::sql::to_json(&target)?],
    )?;
    match row.first().map(|row| row.text(0)).transpose()? {
        Some(born) if born == called => Ok(()),
        born => Err(BirthFault::Resharded { born: born.unwrap_or_default().to_owned(), called }),
    }
}

/// Who the object is, when it has been called before: what an alarm, which comes without a name, needs.
///
/// # Errors
/// A failure of the database.
pub fn identity(sql: &dyn Sql) -> Result<Option<Target>, SqlError> {
    sql.query(migration::BIRTH, &[])?;
    sql.query("SELECT target FROM birth", &[])?.first().map(|row| row.json(0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAFKA: Topology = Topology {
        order_shards: 3,
        ledger_shards: 2,
        bus: Bus::Kafka { relays: 2, orders_partitions: 4, ledger_partitions: 3 },
    };

    #[test]
    fn dead_letters_have_a_topic_beside_that_of_the_events() {
        for subscription in Subscription::ALL {
            assert_eq!(subscription.dead_letter_topic(), format!("{}.dlt", subscription.topic()));
        }
    }

    #[test]
    fn each_shard_and_each_reader_of_a_topic_has_one_relay() {
        let sources: Vec<Target> = (0..2).flat_map(|relay| KAFKA.sources_of(relay)).collect();
        for target in KAFKA.orders().chain(KAFKA.ledgers()).chain(KAFKA.consumers()) {
            assert_eq!(sources.iter().filter(|source| **source == target).count(), 1, "{target:?}");
        }
        assert_eq!(sources.len(), 3 + 2 + 4 + 3 + 4);
        let embedded = Topology { bus: Bus::Embedded, ..KAFKA };
        assert!(embedded.consumers().all(|consumer| embedded.reader_of(consumer).is_none()));
    }
}
