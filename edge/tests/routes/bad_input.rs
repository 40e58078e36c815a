//! What bad input gets: a 4xx problem that names the field, and nothing changed.

use crate::client::{Answer, PK, SK, cart};
use crate::world::World;
use serde_json::{Value, json};

fn with(field: &str, value: Value) -> Value {
    let mut body = cart();
    body[field] = value;
    body
}

fn item(field: &str, value: Value) -> Value {
    let mut item = json!({"productId": "A", "quantity": 1});
    item[field] = value;
    json!({"items": [item]})
}

fn check(world: &World, body: &Value, status: u16, code: &str, pointer: &str) {
    let answer = world.put_order("ord_bad_01", body);
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}: {}", answer.text);
    let found = answer.faults();
    assert!(found.iter().any(|(at, _)| at == pointer), "{body}: {pointer} is not in {found:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(world.orders_stored(), 0, "{body} was stored");
}

#[test]
fn fields_that_are_wrong_are_named() {
    let world = World::new();
    let cases = [
        (json!([]), "INVALID_TYPE", ""),
        (json!("x"), "INVALID_TYPE", ""),
        (json!({}), "REQUIRED", "/items"),
        (json!({"items": null}), "REQUIRED", "/items"),
        (json!({"items": {}}), "INVALID_TYPE", "/items"),
        (json!({"items": ["A"]}), "INVALID_TYPE", "/items/0"),
        (json!({"items": [{"quantity": 1}]}), "REQUIRED", "/items/0/productId"),
        (json!({"items": [{"productId": "A"}]}), "REQUIRED", "/items/0/quantity"),
        (item("quantity", json!("1")), "INVALID_TYPE", "/items/0/quantity"),
        (item("quantity", json!(1.5)), "INVALID_TYPE", "/items/0/quantity"),
        (item("quantity", json!(1.0)), "INVALID_TYPE", "/items/0/quantity"),
        (item("quantity", json!(1e40)), "INVALID_TYPE", "/items/0/quantity"),
        (item("quantity", json!(true)), "INVALID_TYPE", "/items/0/quantity"),
        (item("productId", json!(1)), "INVALID_TYPE", "/items/0/productId"),
        (item("productId", json!("")), "INVALID_VALUE", "/items/0/productId"),
        (item("productId", json!("A\u{200b}")), "INVALID_VALUE", "/items/0/productId"),
        (item("unitPrice", json!(1)), "UNKNOWN_FIELD", "/items/0/unitPrice"),
        (item("amount", json!(1)), "UNKNOWN_FIELD", "/items/0/amount"),
        (with("amount", json!(1)), "UNKNOWN_FIELD", "/amount"),
        (with("merchantId", json!("other")), "UNKNOWN_FIELD", "/merchantId"),
        (with("a/b~c", json!(1)), "UNKNOWN_FIELD", "/a~1b~0c"),
        (with("couponCode", json!(7)), "INVALID_TYPE", "/couponCode"),
        (with("couponCode", json!("")), "INVALID_VALUE", "/couponCode"),
        (with("buyer", json!("x")), "INVALID_TYPE", "/buyer"),
        (with("buyer", json!({"name": 1})), "INVALID_TYPE", "/buyer/name"),
        (with("buyer", json!({"age": 1})), "UNKNOWN_FIELD", "/buyer/age"),
        (with("memberId", json!("a b")), "INVALID_VALUE", "/memberId"),
        (with("memberId", json!("m".repeat(65))), "INVALID_VALUE", "/memberId"),
        (with("metadata", json!([])), "INVALID_TYPE", "/metadata"),
        (with("metadata", json!({"a": 1})), "INVALID_TYPE", "/metadata/a"),
        (with("metadata", json!({"a": "x".repeat(501)})), "INVALID_VALUE", "/metadata/a"),
        (with("metadata", json!({"": "x"})), "INVALID_VALUE", "/metadata/"),
        (with("replaces", json!("x")), "INVALID_VALUE", "/replaces"),
        (with("replaces", json!("ord_bad_01")), "INVALID_VALUE", "/replaces"),
        (with("returnUrl", json!(1)), "INVALID_TYPE", "/returnUrl"),
        (with("method", json!(1)), "INVALID_TYPE", "/method"),
    ];
    for (body, code, pointer) in cases {
        check(&world, &body, 400, code, pointer);
    }
}

#[test]
fn all_faults_of_a_body_come_at_once() {
    let world = World::new();
    let body = json!({"items": [{"productId": "A", "quantity": "2"}, {"quantity": 1}], "colour": "red", "memberId": 1});
    let found = world.put_order("ord_bad_02", &body).faults();
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/colour", "/items/0/quantity", "/items/1/productId", "/memberId"]);
}

#[test]
fn orders_that_cannot_be_are_refused() {
    let world = World::new();
    let many: Vec<Value> = (0..101).map(|n| json!({"productId": format!("P{n}"), "quantity": 1})).collect();
    let quantity = |n: Value| item("quantity", n);
    let cases = [
        (json!({"items": []}), "ORDER_EMPTY", "/items"),
        (json!({"items": many}), "TOO_MANY_ITEMS", "/items"),
        (quantity(json!(0)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (quantity(json!(-1)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (quantity(json!(1000)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (quantity(json!(9_007_199_254_740_992_i64)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (quantity(json!(4_294_967_297_i64)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (quantity(json!(18_446_744_073_709_551_615_u64)), "QUANTITY_OUT_OF_RANGE", "/items/0/quantity"),
        (item("productId", json!("Z")), "PRODUCT_NOT_FOUND", "/items/0/productId"),
        (item("productId", json!("a")), "PRODUCT_NOT_FOUND", "/items/0/productId"),
        (item("productId", json!("A' OR '1'='1")), "PRODUCT_NOT_FOUND", "/items/0/productId"),
        (
            json!({"items": [{"productId": "A", "quantity": 1}, {"productId": "A", "quantity": 2}]}),
            "DUPLICATE_ORDER_ITEM",
            "/items/1/productId",
        ),
        (with("couponCode", json!("NOPE")), "COUPON_NOT_FOUND", "/couponCode"),
        (
            json!({"items": [{"productId": "A", "quantity": 1}], "couponCode": "WELCOME"}),
            "COUPON_MINIMUM_NOT_MET",
            "/couponCode",
        ),
        (with("method", json!("VIRTUAL_ACCOUNT")), "PAYMENT_METHOD_NOT_SUPPORTED", "/method"),
        (with("buyer", json!({"name": "a\u{202e}b"})), "INVALID_BUYER", "/buyer/name"),
        (with("buyer", json!({"name": "김".repeat(51)})), "INVALID_BUYER", "/buyer/name"),
        (with("buyer", json!({"email": "toss@"})), "INVALID_BUYER", "/buyer/email"),
        (with("buyer", json!({"phone": "123"})), "INVALID_BUYER", "/buyer/phone"),
    ];
    for (body, code, pointer) in cases {
        check(&world, &body, 422, code, pointer);
    }
}

#[test]
fn a_return_url_leads_to_the_merchants_pages_only() {
    let world = World::new();
    for url in [
        "https://evil.example/",
        "http://127.0.0.1:8787@evil.example/",
        "http://127.0.0.1:8787.evil.example/",
        "http://127.0.0.1:8787\\@evil.example/",
        "//127.0.0.1:8787/",
        "/thanks",
        "javascript:alert(1)//http://127.0.0.1:8787",
        "ftp://127.0.0.1:8787/",
        "http://127.0.0.1:8787/a b",
        "http://127.0.0.1:8787/\r\nset-cookie: a=b",
        "",
    ] {
        check(&world, &with("returnUrl", json!(url)), 422, "RETURN_URL_NOT_ALLOWED", "/returnUrl");
    }
}

#[test]
fn prices_of_a_merchants_own_lines_are_whole_amounts() {
    let world = World::new();
    let send = |value: Value| {
        let body = json!({"items": [{"name": "케이크", "unitPrice": value, "quantity": 1, "sellerId": "A"}]});
        world.write("PUT", "/v1/orders/ord_price1", SK, &[], &body)
    };
    let expect = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
    };
    expect(send(json!(-1)), 400, "INVALID_VALUE");
    expect(send(json!(1000.5)), 400, "INVALID_TYPE");
    expect(send(json!("1000")), 400, "INVALID_TYPE");
    expect(send(json!(9_007_199_254_740_992_i64)), 400, "INVALID_VALUE");
    expect(send(json!(0)), 422, "AMOUNT_TOO_SMALL");
    expect(send(json!(99)), 422, "AMOUNT_TOO_SMALL");
    expect(send(json!(100_000_001)), 422, "AMOUNT_TOO_LARGE");
    expect(send(json!(9_007_199_254_740_991_i64)), 422, "AMOUNT_TOO_LARGE");
    for name in ["", "a\u{0}b", "a\u{202e}b", &"케".repeat(101)] {
        let body = json!({"items": [{"name": name, "unitPrice": 1000, "quantity": 1, "sellerId": "A"}]});
        let answer = world.write("PUT", "/v1/orders/ord_price1", SK, &[], &body);
        assert_eq!(answer.faults(), [("/items/0/name".to_owned(), "INVALID_VALUE".to_owned())], "{name:?}");
    }
    assert_eq!(world.orders_stored(), 0);
}

#[test]
fn order_ids_are_plain() {
    let world = World::new();
    for id in [
        "short",
        "ord.1234",
        "ord%201234",
        "%EC%A3%BC%EB%AC%B8%EC%A3%BC%EB%AC%B8",
        &"o".repeat(65),
        "ord_1%2F..",
        "ord_1=1",
    ] {
        let answer = world.put_order(id, &cart());
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_ORDER_ID"), "{id}");
    }
    assert_eq!(world.orders_stored(), 0);
}

#[test]
fn bodies_that_are_no_json_are_refused_with_the_position() {
    let world = World::new();
    let put = |body: &[u8]| {
        let headers =
            [("authorization", "Bearer pk_test_demo"), ("content-type", "application/json; charset=utf-8")];
        world.request("PUT", "/v1/orders/ord_json_1", &headers, body.to_vec())
    };
    for body in [
        &b""[..],
        b"{",
        b"{\"items\":[}",
        b"{} x",
        b"\xff\xfe",
        b"{'items':[]}",
        b"{\"items\":[{\"quantity\":NaN}]}",
    ] {
        let answer = put(body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "MALFORMED_JSON"));
        assert!(answer.json()["detail"].as_str().unwrap().contains("line 1 column"), "{}", answer.text);
    }
    let deep = "[".repeat(10_000);
    assert_eq!(put(deep.as_bytes()).code(), "MALFORMED_JSON");
}

#[test]
fn bodies_that_are_too_large_or_of_another_type_are_refused() {
    let world = World::new();
    let large = with("metadata", json!({"a": "x".repeat(65_536)}));
    let answer = world.put_order("ord_large1", &large);
    assert_eq!((answer.status, answer.code().as_str()), (413, "BODY_TOO_LARGE"));
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"] {
        let headers = [("authorization", "Bearer pk_test_demo"), ("content-type", content_type)];
        let answer = world.request("PUT", "/v1/orders/ord_large1", &headers, cart().to_string().into_bytes());
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (415, "UNSUPPORTED_MEDIA_TYPE"),
            "{content_type}"
        );
    }
    assert_eq!(world.orders_stored(), 0);
}

#[test]
fn a_quote_has_the_faults_of_an_order() {
    let world = World::new();
    let quote = |body: Value| world.write("POST", "/v1/quotes", PK, &[], &body);
    assert_eq!(quote(json!({"items": []})).code(), "ORDER_EMPTY");
    assert_eq!(quote(with("buyer", json!({}))).faults(), [("/buyer".to_owned(), "UNKNOWN_FIELD".to_owned())]);
    assert_eq!(quote(item("quantity", json!(0))).code(), "QUANTITY_OUT_OF_RANGE");
}

#[test]
fn a_coupon_is_refused_outside_its_time() {
    let world = World::new();
    let insert = "INSERT INTO coupons (merchant_id, code, kind, percent, valid_until) VALUES ('demo', 'OLD', 'PERCENT', '12.5', 1000)";
    world.catalogue.execute_all(insert).unwrap();
    let answer = world.put_order("ord_coupon", &with("couponCode", json!("OLD")));
    assert_eq!((answer.status, answer.code().as_str()), (422, "COUPON_EXPIRED"));
}

#[test]
fn a_confirmation_is_read_field_by_field() {
    let world = World::new();
    world.order("ord_bad_03");
    let send =
        |body: Value| world.write("POST", "/v1/payments/confirm", SK, &[("idempotency-key", "k")], &body);
    let good = json!({"paymentKey": "p", "orderId": "ord_bad_03", "amount": 6500});
    let cases = [
        ("amount", json!("6500"), "INVALID_TYPE"),
        ("amount", json!(6500.5), "INVALID_TYPE"),
        ("amount", json!(-6500), "INVALID_VALUE"),
        ("amount", json!(9_007_199_254_740_992_i64), "INVALID_VALUE"),
        ("amount", Value::Null, "REQUIRED"),
        ("paymentKey", json!(""), "INVALID_VALUE"),
        ("paymentKey", json!("k".repeat(201)), "INVALID_VALUE"),
        ("paymentKey", json!("a b"), "INVALID_VALUE"),
        ("paymentKey", json!(1), "INVALID_TYPE"),
        ("orderId", json!(1), "INVALID_TYPE"),
        ("orderId", Value::Null, "REQUIRED"),
        ("customerKey", json!("x"), "UNKNOWN_FIELD"),
    ];
    for (field, value, code) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let answer = send(body);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{field} = {value}");
        assert_eq!(answer.faults()[0].0, format!("/{field}"));
    }
    assert!(world.charges.borrow().is_empty());
    assert_eq!(send(good).status, 200);
}

#[test]
fn amounts_in_a_body_can_only_be_the_orders() {
    let world = World::new();
    world.order("ord_bad_04");
    for amount in [0, 1, 6499, 6501, 9_007_199_254_740_991] {
        let answer = world.confirm(SK, &format!("k{amount}"), "p", "ord_bad_04", amount);
        assert_eq!((answer.status, answer.code().as_str()), (409, "AMOUNT_MISMATCH"), "{amount}");
    }
    assert!(world.charges.borrow().is_empty());
    assert_eq!(world.view("ord_bad_04")["attempts"], json!([]));
}
