//! Config, quotes, and placing orders.

use crate::client::{PK, SK, cart};
use crate::world::World;
use serde_json::json;

#[test]
fn the_page_learns_how_to_pay() {
    let world = World::new();
    let answer = world.get("/v1/checkout/config", PK);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "private, max-age=60");
    assert_eq!(
        answer.json(),
        json!({"merchant": {"id": "demo", "name": "계산 데모 상점"}, "currency": "KRW",
               "psp": {"name": "toss", "clientKey": "test_gck_demo", "sdkUrl": "https://js.tosspayments.com/v2/standard", "customerKey": "@@ANONYMOUS"},
               "methods": ["CARD"], "locales": ["ko", "en"]})
    );
}

#[test]
fn a_quote_says_what_a_cart_costs_and_stores_nothing() {
    let world = World::new();
    let body = json!({"items": cart()["items"], "couponCode": "WELCOME"});
    let quote = world.write("POST", "/v1/quotes", PK, &[], &body).json();
    assert_eq!(quote["orderName"], "상품A 외 1건");
    assert_eq!(
        (&quote["grossAmount"], &quote["discount"], &quote["amount"]),
        (&json!(6500), &json!(1000), &json!(5500))
    );
    assert_eq!(quote["lines"][0]["discount"], 307);
    assert_eq!(quote["coupon"]["minimumAmount"], 5000);
    assert_eq!(world.orders_stored(), 0);
}

#[test]
fn an_order_is_priced_by_the_server_and_stored_once() {
    let world = World::new();
    let first = world.put_order("ord_place1", &cart());
    assert_eq!(first.status, 201, "{}", first.text);
    let placed = first.json();
    assert_eq!((&placed["amount"], &placed["paymentStatus"]), (&json!(6500), &json!("NOT_STARTED")));
    assert_eq!(placed["orderStatus"], "ORDER_COMPLETED");
    assert_eq!(
        placed["lines"][1],
        json!({"productId": "D", "name": "상품D", "unitPrice": 4500, "quantity": 1, "grossAmount": 4500, "discount": 0, "amount": 4500, "sellerId": "B"})
    );
    assert_eq!(placed["psp"]["successUrl"], "http://127.0.0.1:8787/payments/success");
    let token = placed["statusToken"].as_str().unwrap();
    assert_eq!(placed["psp"]["failUrl"], format!("http://127.0.0.1:8787/payments/fail?token={token}"));
    let again = world.put_order("ord_place1", &cart());
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["amount"], 6500);
    assert_eq!(world.orders_stored(), 1);
}

#[test]
fn other_content_under_the_same_id_is_refused() {
    let world = World::new();
    world.order("ord_place2");
    let more = json!({"items": [{"productId": "A", "quantity": 3}]});
    for body in [
        more,
        json!({"items": cart()["items"], "memberId": "m_1"}),
        json!({"items": cart()["items"], "couponCode": "WELCOME"}),
    ] {
        let answer = world.put_order("ord_place2", &body);
        assert_eq!((answer.status, answer.code().as_str()), (409, "ORDER_ID_REUSED"));
    }
    assert_eq!(world.view("ord_place2")["amount"], 6500);
}

#[test]
fn buyer_return_url_and_metadata_can_be_corrected_while_unpaid() {
    let world = World::new();
    world.order("ord_place3");
    let body = json!({"items": cart()["items"], "buyer": {"name": " 김토스 ", "email": "toss@example.com", "phone": "010-1234-5678"},
                      "returnUrl": "http://127.0.0.1:8787/thanks", "metadata": {"cart": "c1"}, "method": "CARD"});
    assert_eq!(world.put_order("ord_place3", &body).status, 200);
    let view = world.view("ord_place3");
    assert_eq!(view["metadata"]["cart"], "c1");
    assert_eq!(view["returnUrl"], "http://127.0.0.1:8787/thanks");
}

#[test]
fn a_price_change_does_not_make_a_repeat_another_order() {
    let world = World::new();
    world.order("ord_place4");
    world.catalogue.execute_all("UPDATE products SET unit_price = 9999 WHERE product_id = 'A'").unwrap();
    world.pass(6_000);
    let again = world.put_order("ord_place4", &cart());
    assert_eq!((again.status, &again.json()["amount"]), (200, &json!(6500)));
    let fresh = world.put_order("ord_place5", &cart());
    assert_eq!(fresh.json()["amount"], 2 * 9999 + 4500);
}

#[test]
fn a_merchant_prices_its_own_lines_and_a_page_cannot() {
    let world = World::new();
    let body =
        json!({"items": [{"name": "맞춤 케이크", "unitPrice": 42000, "quantity": 1, "sellerId": "A"}]});
    let answer = world.write("PUT", "/v1/orders/ord_cake_1", SK, &[], &body);
    assert_eq!((answer.status, &answer.json()["amount"]), (201, &json!(42000)));
    assert_eq!(world.view("ord_cake_1")["history"][0]["changedBy"], "merchant");
    let answer = world.write("PUT", "/v1/orders/ord_cake_2", PK, &[], &body);
    assert_eq!(
        (answer.status, answer.faults()),
        (403, vec![("/items/0/unitPrice".into(), "FORBIDDEN".into())])
    );
    let stranger = json!({"items": [{"name": "x", "unitPrice": 42000, "quantity": 1, "sellerId": "Z"}]});
    let answer = world.write("PUT", "/v1/orders/ord_cake_3", SK, &[], &stranger);
    assert_eq!(
        (answer.status, answer.faults()),
        (422, vec![("/items/0/sellerId".into(), "SELLER_NOT_FOUND".into())])
    );
}

#[test]
fn the_same_member_is_the_same_customer_to_the_psp() {
    let world = World::new();
    let body = json!({"items": cart()["items"], "memberId": "m_1"});
    let key = |id: &str| world.put_order(id, &body).json()["psp"]["customerKey"].as_str().unwrap().to_owned();
    let (first, second) = (key("ord_member1"), key("ord_member2"));
    assert_eq!(first, second);
    assert!(first.starts_with("cus_") && first.len() <= 50 && !first.contains("m_1"));
}

#[test]
fn an_order_replaces_an_abandoned_one() {
    let world = World::new();
    world.order("ord_replaced");
    let body = json!({"items": cart()["items"], "replaces": "ord_replaced"});
    assert_eq!(world.put_order("ord_replacing", &body).status, 201);
    assert_eq!(world.view("ord_replaced")["orderStatus"], "ORDER_CANCELED");
    // A dead order is not given out again, and nobody is charged for it.
    assert_eq!(world.put_order("ord_replaced", &cart()).code(), "ORDER_NOT_PAYABLE");
    let answer = world.come_back("ord_replaced", "pay_1", "6500");
    assert_eq!(answer.status, 303);
    assert!(world.charges.borrow().is_empty());
}

#[test]
fn an_order_that_may_be_charged_is_not_replaced() {
    let world = World::new();
    world.order("ord_doubt_1");
    *world.psp.borrow_mut() = crate::world::Psp::Silent;
    world.come_back("ord_doubt_1", "pay_1", "6500");
    let body = json!({"items": cart()["items"], "replaces": "ord_doubt_1"});
    let answer = world.put_order("ord_doubt_2", &body);
    assert_eq!((answer.status, answer.code().as_str()), (409, "PREVIOUS_PAYMENT_IN_DOUBT"));
    assert_eq!(world.orders_stored(), 1);
}

#[test]
fn an_order_costs_no_catalogue_query_in_the_common_case() {
    let world = World::new();
    world.order("ord_cached1");
    let before = world.catalogue_queries.get();
    world.order("ord_cached2");
    assert_eq!(world.catalogue_queries.get(), before);
}

#[test]
fn a_product_that_was_just_made_is_sold_at_once() {
    let world = World::new();
    let body = json!({"items": [{"productId": "NEW", "quantity": 1}]});
    assert_eq!(world.put_order("ord_new_01", &body).code(), "PRODUCT_NOT_FOUND");
    let insert = "INSERT INTO products (merchant_id, product_id, name, unit_price, seller_id) VALUES ('demo', 'NEW', '새것', 700, 'A')";
    world.catalogue.execute_all(insert).unwrap();
    assert_eq!(world.put_order("ord_new_01", &body).json()["amount"], 700);
}

#[test]
fn a_catalogue_that_is_down_is_said_to_be() {
    let world = World::new();
    world.catalogue_down.set(true);
    let answer = world.put_order("ord_down_1", &cart());
    assert_eq!((answer.status, answer.code().as_str()), (503, "SERVICE_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.text.contains("SELECT") && !answer.text.contains("down"));
}
