//! Opening an actor over its database.

use crate::actor::Actor;
use crate::config::Kafka;
use crate::consumer::Consumer;
use crate::ledger_shard::LedgerShard;
use crate::order_shard::OrderShard;
use crate::relay::Relay;
use crate::sql::Sql;
use crate::subscriber::Subscriber;
use crate::topology::{self, BirthFault, Target, Topology};
use gyesan_core::time::Timestamp;

/// The actor that `target` names, as stored. Its first input must be [`crate::actor::Input::Alarm`], so that what the last
/// process left undone is taken up at once.
///
/// # Errors
/// [`BirthFault`]: the object is another actor, or was laid out for another number of shards, or its database failed.
pub fn open(
    target: Target,
    topology: Topology,
    kafka: Option<&Kafka>,
    sql: &dyn Sql,
    now: Timestamp,
) -> Result<Box<dyn Actor>, BirthFault> {
    topology::born(sql, target, topology)?;
    let readers = topology.readers_of(target);
    let keep_ms = kafka.and_then(|kafka| kafka.outbox_keep_ms);
    Ok(match target {
        Target::Order(index) => Box::new(OrderShard::open(index, readers, keep_ms, sql, now)?),
        Target::Ledger(index) => Box::new(LedgerShard::open(index, readers, keep_ms, sql)?),
        Target::Consumer(subscription, partition) => {
            Box::new(Consumer::open(subscription, partition, topology, sql)?)
        }
        Target::Subscriber(subscription, partition) => {
            let kafka = kafka.ok_or(BirthFault::NoKafka)?;
            Box::new(Subscriber::open(subscription, partition, topology, kafka, sql, now)?)
        }
        Target::Relay(index) => {
            let kafka = kafka.ok_or(BirthFault::NoKafka)?;
            Box::new(Relay::open(index, topology, kafka, sql, now)?)
        }
    })
}
