//! Events as the topic carries them.

use crate::world::START_MS;
use bytes::Bytes;
use gyesan_core::event::{Event, EventData, PaymentOrder};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
use gyesan_edge::schema;
use gyesan_kafka::batch::Record;

/// A payment of 1,000 won to a seller.
pub fn payment(number: usize, seller: &str) -> Event {
    let amount = Amount::new(1_000).unwrap();
    let line = PaymentOrder {
        payment_order_id: format!("po_{number}"),
        seller_id: seller.into(),
        gross_amount: amount,
        discount: Amount::ZERO,
        amount,
        funded_by: Funder::Seller,
    };
    event(number, |order_id| EventData::PaymentConfirmed {
        order_id,
        order_version: 3,
        payment_key: format!("key_{number}"),
        amount,
        method: None,
        approved_at: None,
        member_id: None,
        region: None,
        late: false,
        payment_orders: vec![line],
    })
}

pub fn event(number: usize, data: impl FnOnce(gyesan_core::id::OrderId) -> EventData) -> Event {
    Event {
        event_id: format!("evt_{number}"),
        merchant_id: "demo".into(),
        currency: Currency::Krw,
        occurred_at: Timestamp(START_MS),
        data: data(format!("ord_{number:06}").as_str().into()),
    }
}

pub fn record(event: &Event) -> Record {
    let value = Bytes::from(schema::encode(event).unwrap());
    let headers = schema::headers(&value, event.data.topic_and_key().1, None).unwrap();
    Record { key: None, value: Some(value), headers }
}

/// What [`World::fill`](crate::world::World::fill) leads to.
pub fn wanted(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("po_{number}")).collect()
}
