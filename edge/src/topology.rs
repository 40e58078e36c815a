//! Which actors there are, what they are called, and which one holds what.

use crate::sql::{Sql, SqlError};
use crate::{migration, params};
use gyesan_core::event::EventData;
use gyesan_core::id::{MerchantId, OrderId};
use serde::{Deserialize, Serialize};

/// How many shards of each kind there are; chosen once, for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Topology {
    /// `ORDER_SHARDS`, at least 1.
    pub order_shards: u32,
    /// `LEDGER_SHARDS`, at least 1.
    pub ledger_shards: u32,
}

/// What a consumer does with the events it reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscription {
    /// Reads orders, credits the sellers' wallets.
    Wallets,
    /// Reads the ledger, completes the orders whose sellers are credited.
    Completion,
}

/// One actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// An order shard, by index.
    Order(u32),
    /// A ledger shard, by index.
    Ledger(u32),
    /// A consumer of one partition; in embedded mode a partition is a shard of the kind it reads.
    Consumer(Subscription, u32),
}

impl Target {
    /// The Durable Object's name.
    pub fn name(self) -> String {
        match self {
            Target::Order(index) => format!("order-{index}"),
            Target::Ledger(index) => format!("ledger-{index}"),
            Target::Consumer(subscription, partition) => format!("{}-{partition}", subscription.name()),
        }
    }
}

impl Subscription {
    /// Every subscription there is.
    pub const ALL: [Subscription; 2] = [Subscription::Wallets, Subscription::Completion];

    /// The consumer's name, as operators see it.
    pub const fn name(self) -> &'static str {
        match self {
            Subscription::Wallets => "wallets",
            Subscription::Completion => "completion",
        }
    }

    /// Whether this consumer does anything with an event, or only passes over it.
    pub const fn acts_on(self, event: &EventData) -> bool {
        match self {
            Subscription::Wallets => matches!(event, EventData::PaymentConfirmed { .. }),
            Subscription::Completion => matches!(event, EventData::WalletCredited { .. }),
        }
    }

    /// The shard whose outbox is this consumer's partition.
    pub const fn source(self, partition: u32) -> Target {
        match self {
            Subscription::Wallets => Target::Order(partition),
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
        let wallets = (0..self.order_shards).map(|p| Target::Consumer(Subscription::Wallets, p));
        wallets.chain((0..self.ledger_shards).map(|p| Target::Consumer(Subscription::Completion, p)))
    }

    /// Everybody.
    pub fn everyone(self) -> impl Iterator<Item = Target> {
        self.orders().chain(self.ledgers()).chain(self.consumers())
    }

    /// The number of shards that an actor's data was laid out for.
    fn count_for(self, target: Target) -> u32 {
        match target {
            Target::Order(_) | Target::Consumer(Subscription::Wallets, _) => self.order_shards,
            Target::Ledger(_) | Target::Consumer(Subscription::Completion, _) => self.ledger_shards,
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
        "this object was born as {born}; it refuses to serve as {called}: the number of shards cannot be changed"
    )]
    Resharded {
        /// As it was born.
        born: String,
        /// As it is called now.
        called: String,
    },
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
    let called = format!("{} of {}", target.name(), topology.count_for(target));
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
