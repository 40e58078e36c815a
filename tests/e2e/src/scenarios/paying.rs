//! Purchases without a fault at the PSP, honest and not.

use super::faults::charged_once;
use anyhow::{Context, Result, ensure};
use gyesan_e2e::shop::{Order, SECRET_KEY, Shop, new_order_id};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(3);

fn paid(shop: &mut Shop, order: &Order) -> Result<Value> {
    let view = shop.wait_for_status(&order.id, "SUCCESS", SOON)?;
    charged_once(shop, order)?;
    Ok(view)
}

/// Nothing has happened to the order, and nobody asked Toss for money.
fn untouched(shop: &mut Shop, order: &Order) -> Result<()> {
    let view = shop.view(&order.id)?;
    ensure!(view.get("paymentStatus") == Some(&json!("NOT_STARTED")), "the order changed: {view}");
    let confirmations = shop.confirmations(&order.id)?;
    ensure!(confirmations.is_empty(), "Toss was asked: {confirmations:?}");
    Ok(())
}

fn credits(shop: &mut Shop, seller: &str, order: &Order) -> Result<i64> {
    let path = format!("/v1/wallets/{seller}/transactions?limit=100");
    let page = shop.ask(SECRET_KEY, "GET", &path, None)?.expect(200)?;
    let items = page.get("items").and_then(Value::as_array).context("no items")?;
    let of_order = items.iter().filter(|item| item.get("orderId").is_some_and(|id| *id == order.id));
    Ok(of_order.filter_map(|item| item.get("amount").and_then(Value::as_i64)).sum())
}

pub fn two_sellers(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 2), ("C", 1), ("D", 1)])?;
    ensure!(order.amount == 9_500, "priced at {}", order.amount);
    let authentication = shop.authenticate(&order)?;
    let location = shop.come_back(&authentication)?;
    ensure!(location.contains(&format!("orderId={}", order.id)), "sent to {location}");
    let since = Instant::now();
    let view = shop.wait(&order.id, SOON, |view| view.get("isWalletDone") == Some(&json!(true)))?;
    ensure!(since.elapsed() < Duration::from_secs(1), "credited after {:?}", since.elapsed());
    let expected = [
        ("paymentStatus", json!("SUCCESS")),
        ("orderStatus", json!("PAYMENT_COMPLETED")),
        ("isPaymentDone", json!(true)),
        ("balance", json!(9_500)),
        ("paymentKey", json!(authentication.payment_key)),
    ];
    for (name, value) in expected {
        ensure!(view.get(name) == Some(&value), "{name} is not {value}: {view}");
    }
    charged_once(shop, &order)?;
    let credited = (credits(shop, "A", &order)?, credits(shop, "B", &order)?);
    ensure!(credited == (5_000, 4_500), "credited {credited:?}");
    let events = shop.operate(&format!("events?orderId={}", order.id))?.to_string();
    for kind in ["order.placed", "payment.confirmed"] {
        ensure!(events.contains(kind), "no {kind} in {events}");
    }
    Ok(())
}

pub fn placed_twice(shop: &mut Shop) -> Result<()> {
    let id = new_order_id();
    let path = format!("/v1/orders/{id}");
    let body = json!({"items": [{"productId": "A", "quantity": 1}], "buyer": {"name": "김토스"}});
    shop.ask(SECRET_KEY, "PUT", &path, Some(&body))?.expect(201)?;
    let corrected = json!({"items": [{"productId": "A", "quantity": 1}], "buyer": {"name": "이토스"}});
    shop.ask(SECRET_KEY, "PUT", &path, Some(&corrected))?.expect(200)?;
    let other = json!({"items": [{"productId": "A", "quantity": 2}]});
    let refused = shop.ask(SECRET_KEY, "PUT", &path, Some(&other))?.expect(409)?;
    ensure!(refused.get("code") == Some(&json!("ORDER_ID_REUSED")), "{refused}");
    Ok(())
}

pub fn double_return(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 1)])?;
    let authentication = shop.authenticate(&order)?;
    let outcomes: Vec<Result<String>> = std::thread::scope(|scope| {
        let browsers: Vec<_> = (0..4)
            .map(|_| {
                let mut browser =
                    Shop { worker: shop.worker.sibling(SOON * 5), emulator: shop.emulator.sibling(SOON) };
                let authentication = &authentication;
                scope.spawn(move || browser.come_back(authentication))
            })
            .collect();
        browsers.into_iter().filter_map(|browser| browser.join().ok()).collect()
    });
    ensure!(outcomes.len() == 4, "a browser was lost");
    for outcome in outcomes {
        outcome?;
    }
    paid(shop, &order)?;
    let confirmations = shop.confirmations(&order.id)?.len();
    ensure!(confirmations == 1, "Toss was asked {confirmations} times");
    Ok(())
}

pub fn return_after_success(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 1), ("B", 1)])?;
    let authentication = shop.authenticate(&order)?;
    let first = shop.come_back(&authentication)?;
    shop.wait(&order.id, SOON, |view| view.get("isWalletDone") == Some(&json!(true)))?;
    let before = shop.view(&order.id)?;
    let second = shop.come_back(&authentication)?;
    ensure!(second.split("token").next() == first.split("token").next(), "sent to {second}, not {first}");
    let after = shop.view(&order.id)?;
    ensure!(before == after, "the order changed from {before} to {after}");
    // Another authentication of an order that is paid is never confirmed.
    let other = shop.authenticate(&order)?;
    shop.come_back(&other)?;
    charged_once(shop, &order)
}

pub fn buyer_cancels(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("C", 1)])?;
    let gone = shop.authenticate_with(&order, order.amount, "cancel")?;
    ensure!(gone.path.starts_with("/payments/fail"), "sent to {}", gone.path);
    shop.come_back(&gone)?;
    untouched(shop, &order)?;
    let authentication = shop.authenticate(&order)?;
    shop.come_back(&authentication)?;
    paid(shop, &order).map(drop)
}

pub fn fail_url_is_advisory(shop: &mut Shop) -> Result<()> {
    let order = shop.buy(&[("A", 1)])?;
    paid(shop, &order)?;
    let path = format!("/payments/fail?code=REJECT_CARD_COMPANY&message=x&orderId={}", order.id);
    let answer = shop.worker.send("GET", &path, &[], None)?;
    ensure!(answer.status == 303, "HTTP {}", answer.status);
    paid(shop, &order).map(drop)
}

pub fn unknown_order(shop: &mut Shop) -> Result<()> {
    for query in [
        "paymentKey=nobody&orderId=ord_nobody_knows&amount=1000",
        "paymentKey=nobody&orderId=ord_nobody_knows&amount=-1",
        "paymentKey=nobody&orderId=..%2F..&amount=1e9",
        "orderId=ord_nobody_knows",
        "",
    ] {
        let path = format!("/payments/success?{query}");
        let answer = shop.worker.send("GET", &path, &[("accept", "text/html")], None)?;
        ensure!(answer.status == 303, "{path}: HTTP {}", answer.status);
        let location = answer.header("location").unwrap_or_default().to_owned();
        ensure!(location.contains("/checkout/result"), "{path}: sent to {location}");
    }
    Ok(())
}

pub fn tampered_url(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("D", 2)])?;
    let authentication = shop.authenticate(&order)?;
    for amount in ["100", "9001", "0", "-9000", "9000.0", "9007199254740993", "NaN"] {
        let mut tampered = authentication.clone();
        tampered.path = tampered.path.replace("amount=9000", &format!("amount={amount}"));
        ensure!(tampered.path != authentication.path, "no amount in {}", authentication.path);
        shop.come_back(&tampered)?;
        untouched(shop, &order)?;
    }
    shop.come_back(&authentication)?;
    paid(shop, &order).map(drop)
}

pub fn tampered_body(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("D", 2)])?;
    let authentication = shop.authenticate(&order)?;
    let body = json!({"paymentKey": authentication.payment_key, "orderId": order.id, "amount": 100});
    let refused = shop.ask(&order.token, "POST", "/v1/payments/confirm", Some(&body))?.expect(409)?;
    ensure!(refused.get("code") == Some(&json!("AMOUNT_MISMATCH")), "{refused}");
    untouched(shop, &order)?;
    shop.come_back(&authentication)?;
    paid(shop, &order).map(drop)
}

pub fn tampered_window(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("D", 2)])?;
    let cheap = shop.authenticate_with(&order, 100, "success")?;
    shop.come_back(&cheap)?;
    untouched(shop, &order)?;
    // The buyer writes the right amount into the URL: Toss is asked for the stored amount and refuses the key.
    let mut lying = cheap.clone();
    lying.path = lying.path.replace("amount=100", &format!("amount={}", order.amount));
    shop.come_back(&lying)?;
    shop.wait(&order.id, SOON * 5, |view| view.get("paymentStatus") == Some(&json!("FAILURE")))?;
    ensure!(shop.charged(&order.id)?.0 == 0, "charged the wrong amount");
    let honest = shop.authenticate(&order)?;
    shop.come_back(&honest)?;
    paid(shop, &order).map(drop)
}

pub fn confirm_by_server(shop: &mut Shop) -> Result<()> {
    let order = shop.place(&[("A", 3)])?;
    let authentication = shop.authenticate(&order)?;
    let body = json!({"paymentKey": authentication.payment_key, "orderId": order.id, "amount": order.amount});
    let view = shop.ask(SECRET_KEY, "POST", "/v1/payments/confirm", Some(&body))?.expect(200)?;
    ensure!(view.get("paymentStatus") == Some(&json!("SUCCESS")), "{view}");
    let again = shop.ask(&order.token, "POST", "/v1/payments/confirm", Some(&body))?.expect(200)?;
    ensure!(again.get("paymentKey") == view.get("paymentKey"), "{again}");
    charged_once(shop, &order)
}

pub fn replaced(shop: &mut Shop) -> Result<()> {
    let abandoned = shop.place(&[("A", 1)])?;
    let late = shop.authenticate(&abandoned)?;
    let path = format!("/v1/orders/{}", new_order_id());
    let body = json!({"items": [{"productId": "A", "quantity": 2}], "replaces": abandoned.id});
    shop.ask(SECRET_KEY, "PUT", &path, Some(&body))?.expect(201)?;
    shop.come_back(&late)?;
    let view = shop.view(&abandoned.id)?;
    ensure!(view.get("orderStatus") == Some(&json!("ORDER_CANCELED")), "{view}");
    ensure!(shop.charged(&abandoned.id)?.0 == 0, "a replaced order was charged");
    let paid = shop.buy(&[("A", 1)])?;
    let body = json!({"items": [{"productId": "A", "quantity": 2}], "replaces": paid.id});
    let path = format!("/v1/orders/{}", new_order_id());
    let refused = shop.ask(SECRET_KEY, "PUT", &path, Some(&body))?;
    ensure!(refused.status == 409, "a paid order was replaced: HTTP {}", refused.status);
    Ok(())
}
