//! What bad input, other people's keys and repeated keys get.

use anyhow::{Context, Result, ensure};
use gyesan_e2e::shop::{OPERATOR_KEY, PUBLISHABLE_KEY, SECRET_KEY, Shop, new_order_id};
use serde_json::{Value, json};
use std::time::Duration;

/// The second shop of the seed: its own catalogue and keys.
const OTHER_SECRET_KEY: &str = "sk_test_other";

/// A problem of this status and code; with a pointer, one of its field faults is there and has the code.
fn problem(
    answer: &gyesan_e2e::client::Response,
    status: u16,
    code: &str,
    pointer: Option<&str>,
) -> Result<()> {
    let body = answer.expect(status)?;
    let media = answer.header("content-type").unwrap_or_default();
    ensure!(media.starts_with("application/problem+json"), "the type is {media}");
    for field in ["type", "title", "status", "code", "traceId"] {
        ensure!(body.get(field).is_some(), "no {field}: {body}");
    }
    let faults = body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |fault: &Value| {
        fault.get("code").is_some_and(|c| c == code)
            && pointer.is_none_or(|p| fault.get("pointer").is_some_and(|at| at == p))
    };
    let found = match pointer {
        Some(_) => faults.iter().any(is),
        None => body.get("code").is_some_and(|c| c == code) || faults.iter().any(is),
    };
    ensure!(found, "not {code} at {pointer:?}: {body}");
    Ok(())
}

pub fn idempotency(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 1)])?;
    let authentication = shop.authenticate(&order)?;
    let body = json!({"paymentKey": authentication.payment_key, "orderId": order.id, "amount": order.amount});
    let key = new_order_id();
    let mut post = |key: Option<&str>, body: &Value| {
        let authorization = format!("Bearer {SECRET_KEY}");
        let mut headers =
            vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        shop.worker.send("POST", "/v1/payments/confirm", &headers, Some(body.to_string().as_bytes()))
    };
    problem(&post(None, &body)?, 400, "IDEMPOTENCY_KEY_MISSING", None)?;
    let first = post(Some(&key), &body)?;
    first.expect(200)?;
    ensure!(first.header("idempotency-replayed").is_none(), "the first answer is no replay");
    let second = post(Some(&key), &body)?;
    ensure!(second.status == 200 && second.body == first.body, "the replay differs");
    ensure!(second.header("idempotency-replayed") == Some("true"), "the replay does not say so");
    let other = json!({"paymentKey": authentication.payment_key, "orderId": order.id, "amount": 1});
    problem(&post(Some(&key), &other)?, 422, "IDEMPOTENCY_KEY_REUSED", None)
}

pub fn bad_orders(shop: &mut Shop) -> Result<()> {
    let item = json!({"productId": "A", "quantity": 1});
    let cases: Vec<(Value, u16, &str, Option<&str>)> = vec![
        (json!({}), 400, "REQUIRED", Some("/items")),
        (json!({"items": []}), 422, "ORDER_EMPTY", None),
        (json!({"items": [item], "extra": 1}), 400, "UNKNOWN_FIELD", Some("/extra")),
        (json!({"items": "A"}), 400, "INVALID_TYPE", Some("/items")),
        (
            json!({"items": [{"productId": 1, "quantity": 1}]}),
            400,
            "INVALID_TYPE",
            Some("/items/0/productId"),
        ),
        (json!({"items": [{"productId": "A"}]}), 400, "REQUIRED", Some("/items/0/quantity")),
        (json!({"items": [{"productId": "A", "quantity": 0}]}), 422, "QUANTITY_OUT_OF_RANGE", None),
        (json!({"items": [{"productId": "A", "quantity": -1}]}), 422, "QUANTITY_OUT_OF_RANGE", None),
        (json!({"items": [{"productId": "A", "quantity": 1000}]}), 422, "QUANTITY_OUT_OF_RANGE", None),
        (json!({"items": [item, item]}), 422, "DUPLICATE_ORDER_ITEM", None),
        (json!({"items": [{"productId": "Z", "quantity": 1}]}), 422, "PRODUCT_NOT_FOUND", None),
        (json!({"items": [item], "couponCode": "NOBODY"}), 422, "COUPON_NOT_FOUND", None),
        (json!({"items": [item], "couponCode": "WELCOME"}), 422, "COUPON_MINIMUM_NOT_MET", None),
        (json!({"items": [item], "returnUrl": "https://evil.example/"}), 422, "RETURN_URL_NOT_ALLOWED", None),
        (json!({"items": [item], "buyer": {"email": "nobody"}}), 422, "INVALID_BUYER", None),
        (json!({"items": [item], "buyer": {"name": "\u{202e}스토김"}}), 422, "INVALID_BUYER", None),
        (json!({"items": [item], "buyer": {"name": "김\u{0}토스"}}), 422, "INVALID_BUYER", None),
        (json!({"items": [item], "method": "VIRTUAL_ACCOUNT"}), 422, "PAYMENT_METHOD_NOT_SUPPORTED", None),
    ];
    for (body, status, code, pointer) in cases {
        let id = new_order_id();
        let path = format!("/v1/orders/{id}");
        let answer = shop.ask(SECRET_KEY, "PUT", &path, Some(&body))?;
        problem(&answer, status, code, pointer).with_context(|| body.to_string())?;
        let gone = shop.ask(SECRET_KEY, "GET", &path, None)?;
        ensure!(gone.status == 404, "{body} left an order");
    }
    for quantity in ["1.5", "9007199254740992", "\"1\"", "1e400"] {
        let body = format!(r#"{{"items":[{{"productId":"A","quantity":{quantity}}}]}}"#);
        let authorization = format!("Bearer {SECRET_KEY}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let path = format!("/v1/orders/{}", new_order_id());
        let answer = shop.worker.send("PUT", &path, &headers, Some(body.as_bytes()))?;
        ensure!((400..500).contains(&answer.status), "quantity {quantity}: HTTP {}", answer.status);
    }
    Ok(())
}

/// Lines that the merchant's server prices itself.
pub fn own_prices(shop: &mut Shop) -> Result<()> {
    let order = |price: &Value| json!({"items": [{"name": "맞춤 케이크", "unitPrice": price, "quantity": 2, "sellerId": "A"}]});
    let path = || format!("/v1/orders/{}", new_order_id());
    let placed = shop.ask(SECRET_KEY, "PUT", &path(), Some(&order(&json!(42_000))))?.expect(201)?;
    ensure!(placed.get("amount") == Some(&json!(84_000)), "{placed}");
    let refused = shop.ask(PUBLISHABLE_KEY, "PUT", &path(), Some(&order(&json!(42_000))))?;
    ensure!(
        matches!(refused.status, 400 | 403 | 422),
        "a browser named its own price: HTTP {}",
        refused.status
    );
    let prices =
        [json!(0), json!(-1), json!(0.5), json!(9_007_199_254_740_992_i64), json!("1000"), json!(null)];
    for price in prices {
        let answer = shop.ask(SECRET_KEY, "PUT", &path(), Some(&order(&price)))?;
        ensure!((400..500).contains(&answer.status), "unit price {price}: HTTP {}", answer.status);
    }
    let dear = shop.ask(SECRET_KEY, "PUT", &path(), Some(&order(&json!(50_000_001))))?;
    problem(&dear, 422, "AMOUNT_TOO_LARGE", None)?;
    problem(&shop.ask(SECRET_KEY, "PUT", &path(), Some(&order(&json!(49))))?, 422, "AMOUNT_TOO_SMALL", None)
}

pub fn bad_requests(shop: &mut Shop) -> Result<()> {
    let authorization = format!("Bearer {SECRET_KEY}");
    let json_headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let path = format!("/v1/orders/{}", new_order_id());
    let mut send = |method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>| {
        shop.worker.send(method, path, headers, body)
    };
    problem(&send("PUT", &path, &json_headers, Some(b"{\"items\":["))?, 400, "MALFORMED_JSON", None)?;
    problem(&send("PUT", &path, &json_headers, Some(b"\xff\xfe"))?, 400, "MALFORMED_JSON", None)?;
    // The server may close before it has read everything, so each of these has a connection of its own.
    for (length, must_be_answered) in [(64 * 1024 + 1, true), (1024 * 1024, false)] {
        let mut alone = shop.worker.sibling(Duration::from_secs(10));
        let answer = alone.send("PUT", &path, &json_headers, Some(&vec![b' '; length]));
        if must_be_answered || answer.is_ok() {
            problem(&answer?, 413, "BODY_TOO_LARGE", None)?;
        }
    }
    let mut send = |method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>| {
        shop.worker.send(method, path, headers, body)
    };
    let text = [("authorization", authorization.as_str()), ("content-type", "text/plain")];
    ensure!(send("PUT", &path, &text, Some(b"{}"))?.status == 415, "text/plain was taken");
    let short = send(
        "PUT",
        "/v1/orders/abc",
        &json_headers,
        Some(b"{\"items\":[{\"productId\":\"A\",\"quantity\":1}]}"),
    )?;
    problem(&short, 400, "INVALID_ORDER_ID", None)?;
    let wrong_method = send("PATCH", &path, &json_headers, Some(b"{}"))?;
    problem(&wrong_method, 405, "METHOD_NOT_ALLOWED", None)?;
    ensure!(wrong_method.header("allow").is_some(), "405 without Allow");
    problem(&send("GET", "/v1/nothing", &json_headers, None)?, 404, "NOT_FOUND", None)?;
    problem(&send("GET", &path, &json_headers, None)?, 404, "ORDER_NOT_FOUND", None)
        .or_else(|_| problem(&send("GET", &path, &json_headers, None)?, 404, "NOT_FOUND", None))
}

pub fn other_keys(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 1)])?;
    let other = shop.place(&[("A", 1)])?;
    let path = format!("/v1/orders/{}", order.id);
    shop.ask(&order.token, "GET", &path, None)?.expect(200)?;
    let forged = format!("{}x", order.token);
    let refused = [
        (PUBLISHABLE_KEY, "a publishable key"),
        (OPERATOR_KEY, "an operator key"),
        (other.token.as_str(), "another order's token"),
        (forged.as_str(), "a forged token"),
        ("sk_test_nobody", "an unknown key"),
        ("", "an empty key"),
    ];
    for (key, what) in refused {
        let answer = shop.ask(key, "GET", &path, None)?;
        ensure!(matches!(answer.status, 401 | 403 | 404), "{what} read the order: HTTP {}", answer.status);
    }
    ensure!(shop.worker.send("GET", &path, &[], None)?.status == 401, "read without a key");
    // The other shop sees neither the order nor the wallets, and its product A has its own price.
    let answer = shop.ask(OTHER_SECRET_KEY, "GET", &path, None)?;
    ensure!(answer.status == 404, "another merchant's key read the order: HTTP {}", answer.status);
    let body = json!({"items": [{"productId": "A", "quantity": 1}]});
    let theirs = shop.ask(OTHER_SECRET_KEY, "PUT", &path, Some(&body))?;
    ensure!(theirs.status != 200, "another merchant's PUT met the order");
    let balance = |wallet: Value| wallet.get("balance").and_then(Value::as_i64);
    let wallet = shop.ask(OTHER_SECRET_KEY, "GET", "/v1/wallets/A", None)?;
    ensure!(wallet.status == 404 || balance(wallet.json()?) == Some(0), "another merchant's wallet");
    let confirm = json!({"paymentKey": "x", "orderId": order.id, "amount": order.amount});
    let answer = shop.ask(&other.token, "POST", "/v1/payments/confirm", Some(&confirm))?;
    ensure!(
        matches!(answer.status, 401 | 403 | 404),
        "another order's token confirmed: HTTP {}",
        answer.status
    );
    for key in [SECRET_KEY, PUBLISHABLE_KEY, order.token.as_str()] {
        let answer = shop.ask(key, "GET", "/v1/ops/outbox", None)?;
        ensure!(
            matches!(answer.status, 401 | 403),
            "an operator's route was answered: HTTP {}",
            answer.status
        );
    }
    let authorization = format!("Bearer {PUBLISHABLE_KEY}");
    let headers = [("authorization", authorization.as_str()), ("origin", "https://evil.example")];
    let answer = shop.worker.send("GET", "/v1/checkout/config", &headers, None)?;
    problem(&answer, 403, "ORIGIN_NOT_ALLOWED", None)
}

pub fn open_routes(shop: &mut Shop) -> Result<()> {
    let health = shop.worker.send("GET", "/healthz", &[], None)?.expect(200)?;
    ensure!(health.get("ok") == Some(&json!(true)), "{health}");
    ensure!(shop.worker.send("GET", "/readyz", &[], None)?.status == 200, "not ready");
    let page = shop.worker.send("GET", "/demo/", &[("accept", "text/html")], None)?;
    ensure!(page.status == 200, "the demo shop: HTTP {}", page.status);
    for header in ["content-security-policy", "x-content-type-options"] {
        ensure!(page.header(header).is_some(), "the demo shop has no {header}");
    }
    ensure!(shop.worker.send("GET", "/checkout.js", &[], None)?.status == 200, "no checkout.js");
    Ok(())
}
