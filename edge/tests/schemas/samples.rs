//! Events to write: fixed ones of each type, whose bytes are pinned, and any.

use gyesan_core::api::Method;
use gyesan_core::event::{Event, EventData, Fund, PaymentOrder};
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::money::{AMOUNT_MAX, Amount, Currency};
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Two or three of each type: a usual one, the least, the most.
pub fn fixed() -> Vec<Event> {
    let order_id = || OrderId::from("ord_01JD0000000000000000000000");
    let payment_key = || "tgen_20260102030405AbC12".to_owned();
    let usual = line("po_1", "A", 2_000, 500, Funder::Merchant);
    let most = line("po_2", "판매자-二", AMOUNT_MAX, 0, Funder::Seller);
    let amount = |minor| Amount::new(minor).unwrap();
    let data = vec![
        EventData::OrderPlaced {
            order_id: order_id(),
            order_version: 1,
            amount: amount(6_500),
            member_id: Some("m_1".to_owned()),
            payment_orders: vec![usual.clone(), most.clone()],
        },
        EventData::OrderPlaced {
            order_id: OrderId::default(),
            order_version: 0,
            amount: Amount::ZERO,
            member_id: None,
            payment_orders: vec![],
        },
        EventData::OrderExpired { order_id: order_id(), order_version: u32::MAX },
        EventData::OrderCanceled { order_id: order_id(), order_version: 2, replaced_by: None },
        EventData::OrderCanceled {
            order_id: order_id(),
            order_version: 2,
            replaced_by: Some(OrderId::from("ord_next")),
        },
        EventData::PaymentConfirmed {
            order_id: order_id(),
            order_version: 3,
            payment_key: payment_key(),
            amount: amount(AMOUNT_MAX),
            method: Some(Method { code: "CARD".to_owned(), label: "카드".to_owned() }),
            approved_at: Some(Timestamp(1_767_323_045_000)),
            member_id: Some("m_1".to_owned()),
            region: Some("서울".to_owned()),
            late: true,
            payment_orders: vec![most, usual],
        },
        EventData::PaymentConfirmed {
            order_id: order_id(),
            order_version: 3,
            payment_key: payment_key(),
            amount: amount(100),
            method: None,
            approved_at: None,
            member_id: None,
            region: None,
            late: false,
            payment_orders: vec![],
        },
        EventData::PaymentFailed {
            order_id: order_id(),
            order_version: 3,
            payment_key: payment_key(),
            psp_code: "REJECT_CARD_PAYMENT".to_owned(),
        },
        EventData::PaymentUnknown { order_id: order_id(), order_version: 3, payment_key: payment_key() },
        EventData::PaymentUnresolved {
            order_id: order_id(),
            order_version: 4,
            payment_key: payment_key(),
            reason: "AMOUNT_DIFFERS".to_owned(),
        },
        EventData::DuplicateRefunded {
            order_id: order_id(),
            order_version: 5,
            payment_key: payment_key(),
            amount: amount(63),
        },
        credited(9_223_372_036_854_775_807, 64, 6_564, Fund::Payment),
        credited(1, 1, -128, Fund::Promotion),
    ];
    // Moments of all kinds: a usual one, the epoch, before it, the last that RFC 3339 can write.
    let moments = [1_767_323_045_678, 0, -1, 253_402_300_799_999];
    data.into_iter().enumerate().map(|(i, data)| event(i, moments[i % moments.len()], data)).collect()
}

fn credited(account_version: u64, minor: i64, balance: i64, fund: Fund) -> EventData {
    EventData::WalletCredited {
        seller_id: SellerId::from("A"),
        account_version,
        transaction_id: "tr_1".to_owned(),
        amount: Amount::new(minor).unwrap(),
        balance,
        order_id: OrderId::from("ord_1"),
        payment_order_id: "po_1".to_owned(),
        fund,
    }
}

fn event(i: usize, occurred_at_ms: i64, data: EventData) -> Event {
    Event {
        event_id: format!("evt_{i:026}"),
        merchant_id: MerchantId::from("demo"),
        currency: Currency::Krw,
        occurred_at: Timestamp(occurred_at_ms),
        data,
    }
}

fn line(id: &str, seller: &str, gross: i64, discount: i64, funded_by: Funder) -> PaymentOrder {
    PaymentOrder {
        payment_order_id: id.to_owned(),
        seller_id: SellerId::from(seller),
        gross_amount: Amount::new(gross).unwrap(),
        discount: Amount::new(discount).unwrap(),
        amount: Amount::new(gross - discount).unwrap(),
        funded_by,
    }
}

/// Any event of any type.
pub fn any_event() -> impl Strategy<Value = Event> {
    (text(), text(), any::<i64>(), any_data()).prop_map(|(event_id, merchant_id, occurred_at, data)| Event {
        event_id,
        merchant_id: MerchantId(merchant_id),
        currency: Currency::Krw,
        occurred_at: Timestamp(occurred_at),
        data,
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9_-]{0,64}", "\\PC{0,40}", "[a-z]{60,70}"]
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![0..=200_i64, 0..=AMOUNT_MAX].prop_map(|minor| Amount::new(minor).unwrap())
}

fn lines() -> impl Strategy<Value = Vec<PaymentOrder>> {
    let line = (text(), text(), amount(), amount(), amount(), any::<bool>());
    vec(line, 0..80).prop_map(|lines| {
        let line = |(id, seller, gross_amount, discount, amount, merchant)| PaymentOrder {
            payment_order_id: id,
            seller_id: SellerId(seller),
            gross_amount,
            discount,
            amount,
            funded_by: if merchant { Funder::Merchant } else { Funder::Seller },
        };
        lines.into_iter().map(line).collect()
    })
}

fn any_data() -> impl Strategy<Value = EventData> {
    let order = || (text().prop_map(OrderId), any::<u32>());
    let method = (text(), text()).prop_map(|(code, label)| Method { code, label });
    let about = (option::of(method), option::of(any::<i64>()), option::of(text()), option::of(text()));
    let wallet = (text(), 0..=i64::MAX.cast_unsigned(), text(), amount(), any::<i64>(), any::<bool>());
    prop_oneof![
        (order(), amount(), option::of(text()), lines()).prop_map(
            |((order_id, order_version), amount, member_id, payment_orders)| {
                EventData::OrderPlaced { order_id, order_version, amount, member_id, payment_orders }
            }
        ),
        order().prop_map(|(order_id, order_version)| EventData::OrderExpired { order_id, order_version }),
        (order(), option::of(text())).prop_map(|((order_id, order_version), replaced_by)| {
            EventData::OrderCanceled { order_id, order_version, replaced_by: replaced_by.map(OrderId) }
        }),
        (order(), text(), amount(), about, any::<bool>(), lines()).prop_map(
            |(
                (order_id, order_version),
                payment_key,
                amount,
                (method, approved_at, member_id, region),
                late,
                payment_orders,
            )| {
                EventData::PaymentConfirmed {
                    order_id,
                    order_version,
                    payment_key,
                    amount,
                    method,
                    approved_at: approved_at.map(Timestamp),
                    member_id,
                    region,
                    late,
                    payment_orders,
                }
            }
        ),
        (order(), text(), text()).prop_map(|((order_id, order_version), payment_key, psp_code)| {
            EventData::PaymentFailed { order_id, order_version, payment_key, psp_code }
        }),
        (order(), text()).prop_map(|((order_id, order_version), payment_key)| {
            EventData::PaymentUnknown { order_id, order_version, payment_key }
        }),
        (order(), text(), text()).prop_map(|((order_id, order_version), payment_key, reason)| {
            EventData::PaymentUnresolved { order_id, order_version, payment_key, reason }
        }),
        (order(), text(), amount()).prop_map(|((order_id, order_version), payment_key, amount)| {
            EventData::DuplicateRefunded { order_id, order_version, payment_key, amount }
        }),
        (wallet, text(), text()).prop_map(
            |(
                (seller_id, account_version, transaction_id, amount, balance, promotion),
                order_id,
                payment_order_id,
            )| {
                EventData::WalletCredited {
                    seller_id: SellerId(seller_id),
                    account_version,
                    transaction_id,
                    amount,
                    balance,
                    order_id: OrderId(order_id),
                    payment_order_id,
                    fund: if promotion { Fund::Promotion } else { Fund::Payment },
                }
            }
        ),
    ]
}
