//! What events make of the rows.

use crate::world::{confirmed, event, failed, placed, query_database, rows};
use gyesan_core::event::{Event, EventData};
use gyesan_edge::native::Database;
use gyesan_edge::projection;
use gyesan_edge::query::Query;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Subscription;

fn apply(query: &Database, events: &[&Event]) {
    let effects = projection::effects(Subscription::OrderList, events.iter().copied()).unwrap();
    query.perform(&Query::Write(effects)).unwrap();
}

fn row(events: &[&Event]) -> (String, String, Option<i64>, i64) {
    let query = query_database();
    apply(&query, events);
    let mut rows = rows(&query);
    let (_, payment, order, amount, version) = rows.pop().unwrap();
    assert!(rows.is_empty());
    (payment, order, amount, version)
}

#[test]
fn each_event_moves_its_status() {
    let expired = event(1, 7_000, |order_id| EventData::OrderExpired { order_id, order_version: 4 });
    let canceled = event(1, 7_000, |order_id| EventData::OrderCanceled {
        order_id,
        order_version: 4,
        replaced_by: None,
    });
    let unknown = event(1, 6_000, |order_id| EventData::PaymentUnknown {
        order_id,
        order_version: 2,
        payment_key: "key".into(),
    });
    let unresolved = event(1, 6_500, |order_id| EventData::PaymentUnresolved {
        order_id,
        order_version: 3,
        payment_key: "key".into(),
        reason: "AMOUNT_DIFFERS".into(),
    });
    let (placed, failed, confirmed) = (placed(1), failed(1, 3), confirmed(1, 5));
    for (events, wanted) in [
        (&[&placed][..], ("NOT_STARTED", "ORDER_COMPLETED", 1)),
        (&[&placed, &failed], ("FAILURE", "ORDER_COMPLETED", 3)),
        (&[&placed, &failed, &expired], ("FAILURE", "ORDER_EXPIRED", 4)),
        (&[&placed, &canceled], ("NOT_STARTED", "ORDER_CANCELED", 4)),
        (&[&placed, &unknown], ("UNKNOWN", "ORDER_COMPLETED", 2)),
        (&[&placed, &unknown, &unresolved], ("UNKNOWN", "ORDER_COMPLETED", 3)),
        (&[&placed, &unknown, &confirmed], ("SUCCESS", "PAYMENT_COMPLETED", 5)),
    ] {
        let (payment, order, amount, version) = row(events);
        assert_eq!((payment.as_str(), order.as_str(), version), wanted);
        assert_eq!(amount, Some(4_000));
    }
}

#[test]
fn events_in_any_order_and_twice_make_the_same_row() {
    let expired = event(1, 7_000, |order_id| EventData::OrderExpired { order_id, order_version: 4 });
    let (placed, failed, confirmed) = (placed(1), failed(1, 3), confirmed(1, 5));
    for events in [[&placed, &failed, &expired], [&placed, &failed, &confirmed]] {
        let wanted = row(&events);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let turned = order.map(|at| events[at]);
            assert_eq!(row(&turned), wanted, "{order:?}");
            assert_eq!(row(&[turned[0], turned[1], turned[0], turned[2], turned[1]]), wanted, "{order:?}");
        }
    }
}

#[test]
fn a_paid_order_stays_paid_whatever_its_other_attempts_do() {
    let late = failed(1, 6);
    let (placed, confirmed) = (placed(1), confirmed(1, 5));
    for events in [[&placed, &confirmed, &late], [&late, &placed, &confirmed]] {
        let (payment, order, _, version) = row(&events);
        assert_eq!((payment.as_str(), order.as_str(), version), ("SUCCESS", "PAYMENT_COMPLETED", 6));
    }
}

#[test]
fn a_row_holds_what_the_events_tell_and_nothing_personal() {
    let query = query_database();
    apply(&query, &[&placed(1), &confirmed(1, 5)]);
    let rows = query.query("SELECT * FROM orders", &[]).unwrap();
    let columns = query.query("SELECT name FROM pragma_table_info('orders')", &[]).unwrap();
    let value = |name: &str| {
        let at = columns.iter().position(|column| column.text(0).unwrap() == name).unwrap();
        format!("{:?}", rows[0].0[at])
    };
    assert_eq!(value("merchant_id"), "Text(\"demo\")");
    assert_eq!(value("gross_amount"), "Int(5000)");
    assert_eq!(value("discount"), "Int(1000)");
    assert_eq!(value("member_id"), "Text(\"m_1\")");
    assert_eq!(value("created_at"), "Int(1700000000001)");
    assert_eq!(value("updated_at"), "Int(1700000009000)");
    assert_eq!(columns.len(), 14, "no other columns");
}

#[test]
fn an_order_whose_beginning_is_gone_is_listed_without_its_amount() {
    let expired = event(1, 7_000, |order_id| EventData::OrderExpired { order_id, order_version: 4 });
    assert_eq!(row(&[&expired]), ("NOT_STARTED".into(), "ORDER_EXPIRED".into(), None, 4));
}
