//! The events as the outbox stores them and others read them: these bytes never change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::api::Method;
use gyesan_core::event::{Event, EventData, Fund, LEDGER_TOPIC, ORDERS_TOPIC, PaymentOrder};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn won(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

fn line(funded_by: Funder) -> PaymentOrder {
    PaymentOrder {
        payment_order_id: "po_1".into(),
        seller_id: "A".into(),
        gross_amount: won(2_000),
        discount: won(307),
        amount: won(1_693),
        funded_by,
    }
}

/// That this is written, and read back the same, and belongs to this topic and key.
#[track_caller]
fn pinned(data: EventData, topic: (&str, &str), json: &str) {
    assert_eq!(data.topic_and_key(), topic);
    let event = Event {
        event_id: "evt_1".into(),
        merchant_id: "demo".into(),
        currency: Currency::Krw,
        occurred_at: Timestamp(1_700_000_000_123),
        data,
    };
    let head =
        r#"{"eventId":"evt_1","merchantId":"demo","currency":"KRW","occurredAt":"2023-11-14T22:13:20.123Z","#;
    let written = serde_json::to_string(&event).unwrap();
    assert_eq!(written, format!("{head}{json}}}"));
    assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event);
    let value: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(value["type"], event.data.name());
}

const ORDER: (&str, &str) = (ORDERS_TOPIC, "ord_1");

#[test]
fn order_placed_format_unchanged() {
    let data = EventData::OrderPlaced {
        order_id: "ord_1".into(),
        order_version: 1,
        amount: won(1_693),
        member_id: None,
        payment_orders: vec![line(Funder::Seller)],
    };
    pinned(
        data,
        ORDER,
        r#""type":"order.placed","orderId":"ord_1","orderVersion":1,"amount":1693,"memberId":null,"paymentOrders":[{"paymentOrderId":"po_1","sellerId":"A","grossAmount":2000,"discount":307,"amount":1693,"fundedBy":"SELLER"}]"#,
    );
}

#[test]
fn order_expired_and_canceled_format_unchanged() {
    let data = EventData::OrderExpired { order_id: "ord_1".into(), order_version: 2 };
    pinned(data, ORDER, r#""type":"order.expired","orderId":"ord_1","orderVersion":2"#);
    let data = EventData::OrderCanceled {
        order_id: "ord_1".into(),
        order_version: 2,
        replaced_by: Some("ord_2".into()),
    };
    pinned(data, ORDER, r#""type":"order.canceled","orderId":"ord_1","orderVersion":2,"replacedBy":"ord_2""#);
}

#[test]
fn payment_confirmed_format_unchanged() {
    let data = EventData::PaymentConfirmed {
        order_id: "ord_1".into(),
        order_version: 3,
        payment_key: "tgen_1".into(),
        amount: won(1_693),
        method: Some(Method { code: "CARD".into(), label: "카드".into() }),
        approved_at: Some(Timestamp(1_700_000_000_000)),
        member_id: Some("m_1".into()),
        region: None,
        late: false,
        payment_orders: vec![line(Funder::Merchant)],
    };
    pinned(
        data,
        ORDER,
        r#""type":"payment.confirmed","orderId":"ord_1","orderVersion":3,"paymentKey":"tgen_1","amount":1693,"method":{"code":"CARD","label":"카드"},"approvedAt":"2023-11-14T22:13:20.000Z","memberId":"m_1","region":null,"late":false,"paymentOrders":[{"paymentOrderId":"po_1","sellerId":"A","grossAmount":2000,"discount":307,"amount":1693,"fundedBy":"MERCHANT"}]"#,
    );
}

#[test]
fn payment_failed_unknown_and_unresolved_format_unchanged() {
    let (order_id, payment_key) = ("ord_1".into(), "tgen_1".to_string());
    let data = EventData::PaymentFailed {
        order_id,
        order_version: 3,
        payment_key: payment_key.clone(),
        psp_code: "REJECT_CARD_PAYMENT".into(),
    };
    pinned(
        data,
        ORDER,
        r#""type":"payment.failed","orderId":"ord_1","orderVersion":3,"paymentKey":"tgen_1","pspCode":"REJECT_CARD_PAYMENT""#,
    );
    let data = EventData::PaymentUnknown {
        order_id: "ord_1".into(),
        order_version: 3,
        payment_key: payment_key.clone(),
    };
    pinned(
        data,
        ORDER,
        r#""type":"payment.unknown","orderId":"ord_1","orderVersion":3,"paymentKey":"tgen_1""#,
    );
    let data = EventData::PaymentUnresolved {
        order_id: "ord_1".into(),
        order_version: 4,
        payment_key,
        reason: "AMOUNT_DIFFERS".into(),
    };
    pinned(
        data,
        ORDER,
        r#""type":"payment.unresolved","orderId":"ord_1","orderVersion":4,"paymentKey":"tgen_1","reason":"AMOUNT_DIFFERS""#,
    );
}

#[test]
fn duplicate_refunded_format_unchanged() {
    let data = EventData::DuplicateRefunded {
        order_id: "ord_1".into(),
        order_version: 5,
        payment_key: "tgen_2".into(),
        amount: won(1_693),
    };
    pinned(
        data,
        ORDER,
        r#""type":"payment.duplicate-refunded","orderId":"ord_1","orderVersion":5,"paymentKey":"tgen_2","amount":1693"#,
    );
}

#[test]
fn wallet_credited_format_unchanged() {
    let data = EventData::WalletCredited {
        seller_id: "A".into(),
        account_version: 9,
        transaction_id: "trf_1".into(),
        amount: won(1_693),
        balance: 8_193,
        order_id: "ord_1".into(),
        payment_order_id: "po_1".into(),
        fund: Fund::Payment,
    };
    pinned(
        data,
        (LEDGER_TOPIC, "A"),
        r#""type":"wallet.credited","sellerId":"A","accountVersion":9,"transactionId":"trf_1","amount":1693,"balance":8193,"orderId":"ord_1","paymentOrderId":"po_1","fund":"PAYMENT""#,
    );
}

#[test]
fn a_seller_is_credited_the_net_and_what_the_merchant_funds() {
    let credits =
        |line: PaymentOrder| line.credits().map(|(fund, amount)| (fund, amount.minor())).collect::<Vec<_>>();
    assert_eq!(credits(line(Funder::Seller)), [(Fund::Payment, 1_693)]);
    assert_eq!(credits(line(Funder::Merchant)), [(Fund::Payment, 1_693), (Fund::Promotion, 307)]);
    let free = PaymentOrder { amount: Amount::ZERO, discount: Amount::ZERO, ..line(Funder::Merchant) };
    assert_eq!(credits(free), []);
}
