//! Events that are put into the logs of shards whose worker is stopped: as the product writes them, but of orders that do not exist.

use super::shards::Record;
use anyhow::{Context, Result, ensure};
use gyesan_core::event::{Event, EventData, PaymentOrder};
use gyesan_core::id::{MerchantId, OrderId, SellerId, ulid};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
use gyesan_edge::schema;
use gyesan_edge::topology::{Bus, Target, Topology};

/// Bytes of an encoded event that is only published.
pub const VALUE_BYTES: usize = 500;
/// Events of one order, which stay in order.
const PER_ORDER: u64 = 3;

/// Makes events, no two of them alike.
pub struct Seeder {
    topology: Topology,
    merchant_id: MerchantId,
    now: Timestamp,
    made: u64,
}

impl Seeder {
    /// For so many order shards; the events happen at `now`.
    pub fn new(order_shards: u32, now: Timestamp) -> Seeder {
        let topology = Topology { order_shards, ledger_shards: 1, bus: Bus::Embedded };
        Seeder { topology, merchant_id: MerchantId::from("demo"), now, made: 0 }
    }

    /// Events of [`VALUE_BYTES`] that nobody acts on, by order shard.
    ///
    /// # Errors
    /// When an event has another size.
    pub fn unresolved(&mut self, count: u64) -> Result<Vec<Vec<Record>>> {
        let data = |order_id: &OrderId, number: u64, reason: String| EventData::PaymentUnresolved {
            order_id: order_id.clone(),
            order_version: 1 + (number % PER_ORDER) as u32,
            payment_key: format!("tgen_{number:020}"),
            reason,
        };
        let bare = self.encoded(data(&self.order(0), 0, String::new()), 0)?.len();
        // A text of 64 bytes and more has a second byte of length.
        let reason = "x".repeat(VALUE_BYTES - bare - 1);
        self.by_shard(count, PER_ORDER, |seeder, order_id, number| {
            let value = seeder.encoded(data(order_id, number, reason.clone()), number)?;
            ensure!(value.len() == VALUE_BYTES, "an event of {} bytes", value.len());
            Ok(value)
        })
    }

    /// Payments of one line each, in turn for the sellers A and B, by order shard.
    ///
    /// # Errors
    /// When an event cannot be written.
    pub fn confirmed(&mut self, count: u64) -> Result<Vec<Vec<Record>>> {
        let amount = Amount::new(1_000).context("an amount")?;
        self.by_shard(count, 1, |seeder, order_id, number| {
            let line = PaymentOrder {
                payment_order_id: ulid("po_", seeder.now.0, number.into()),
                seller_id: SellerId::from(if number.is_multiple_of(2) { "A" } else { "B" }),
                gross_amount: amount,
                discount: Amount::ZERO,
                amount,
                funded_by: Funder::Seller,
            };
            let data = EventData::PaymentConfirmed {
                order_id: order_id.clone(),
                order_version: 2,
                payment_key: format!("tgen_{number:020}"),
                amount,
                method: None,
                approved_at: Some(seeder.now),
                member_id: None,
                region: None,
                late: false,
                payment_orders: vec![line],
            };
            seeder.encoded(data, number)
        })
    }

    fn by_shard(
        &mut self,
        count: u64,
        per_order: u64,
        value: impl Fn(&Seeder, &OrderId, u64) -> Result<Vec<u8>>,
    ) -> Result<Vec<Vec<Record>>> {
        let mut shards: Vec<Vec<Record>> = (0..self.topology.order_shards).map(|_| Vec::new()).collect();
        for number in self.made..self.made + count {
            let order_id = self.order(number - number % per_order);
            let value = value(self, &order_id, number)?;
            let Target::Order(index) = self.topology.order_shard(&self.merchant_id, &order_id) else {
                continue;
            };
            let shard = shards.get_mut(index as usize).context("an order without a shard")?;
            shard.push((order_id.0, value));
        }
        self.made += count;
        Ok(shards)
    }

    fn order(&self, number: u64) -> OrderId {
        OrderId(ulid("ord_", self.now.0, number.into()))
    }

    fn encoded(&self, data: EventData, number: u64) -> Result<Vec<u8>> {
        let event = Event {
            event_id: ulid("evt_", self.now.0, number.into()),
            merchant_id: self.merchant_id.clone(),
            currency: Currency::Krw,
            occurred_at: self.now,
            data,
        };
        Ok(schema::encode(&event)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn seeds_are_valid_events_of_500_bytes_and_no_two_are_alike() {
        let mut seeder = Seeder::new(2, Timestamp(1_763_000_000_000));
        let shards = [seeder.unresolved(3_000).unwrap(), seeder.confirmed(600).unwrap()].concat();
        assert!(shards.iter().all(|shard| shard.len() > 200));
        let mut values = BTreeSet::new();
        for (key, value) in shards.into_iter().flatten() {
            let event = schema::decode(&value).unwrap();
            match event.data {
                EventData::PaymentUnresolved { order_id, .. } => {
                    assert_eq!((order_id.0, value.len()), (key, VALUE_BYTES));
                }
                EventData::PaymentConfirmed { order_id, .. } => assert_eq!(order_id.0, key),
                _ => unreachable!(),
            }
            values.insert(value);
        }
        assert_eq!(values.len(), 3_600);
    }
}
