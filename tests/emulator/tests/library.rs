//! The emulator as a library: what Toss's reference promises, and every fault, under a clock that the tests hold.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "library/api.rs"]
mod api;
#[path = "library/browser.rs"]
mod browser;
#[path = "library/cancel.rs"]
mod cancel;
#[path = "library/faults.rs"]
mod faults;
#[path = "library/idempotency.rs"]
mod idempotency;
#[path = "library/windows.rs"]
mod windows;

use gyesan_emulator::{AuthenticationResult, Delivery, Emulator, Method, Outcome, Request, Settings};
use serde_json::{Value, json};

/// 2026-01-09T00:00:00Z.
pub(crate) const NOW: i64 = 1_767_916_800_000;
pub(crate) const MINUTE: i64 = 60_000;
/// `test_gsk_demo:` in base64.
pub(crate) const BASIC: &str = "Basic dGVzdF9nc2tfZGVtbzo=";

/// An emulator and the moment it is.
pub(crate) struct World {
    pub toss: Emulator,
    pub now: i64,
}

impl World {
    pub(crate) fn new() -> World {
        World { toss: Emulator::new(Settings::default()), now: NOW }
    }

    /// A buyer authenticates `amount` won for an order; answers the payment key.
    pub(crate) fn authenticate(&mut self, order_id: &str, amount: i64) -> String {
        self.authenticate_by(order_id, amount, Method::Card)
    }

    pub(crate) fn authenticate_by(&mut self, order_id: &str, amount: i64, method: Method) -> String {
        self.toss.authenticate(self.now, order_id, amount, method, AuthenticationResult::Success).payment_key
    }

    pub(crate) fn send(&mut self, request: &Request) -> Outcome {
        self.toss.handle(self.now, request)
    }

    /// Sends and reads an ordinary answer.
    pub(crate) fn call(&mut self, request: &Request) -> (u16, Value) {
        let Outcome::Now(delivery) = self.send(request) else { panic!("{request:?} is answered later") };
        answered(delivery)
    }

    pub(crate) fn confirm(
        &mut self,
        payment_key: &str,
        order_id: &str,
        amount: i64,
        key: &str,
    ) -> (u16, Value) {
        self.call(&confirm_request(payment_key, order_id, amount, key))
    }

    pub(crate) fn get(&mut self, path: &str) -> (u16, Value) {
        self.call(&Request::new("GET", path).with_header("Authorization", BASIC))
    }

    pub(crate) fn cancel(&mut self, payment_key: &str, body: Value, key: &str) -> (u16, Value) {
        let request = Request::new("POST", &format!("/v1/payments/{payment_key}/cancel"))
            .with_header("authorization", BASIC)
            .with_header("idempotency-key", key)
            .with_body(body.to_string());
        self.call(&request)
    }

    pub(crate) fn admin(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(&Request::new(method, path).with_body(body))
    }

    pub(crate) fn fault(&mut self, fault: Value) {
        let (status, body) = self.admin("POST", "/__emulator/faults", fault);
        assert_eq!(status, 200, "{body}");
    }
}

pub(crate) fn confirm_request(payment_key: &str, order_id: &str, amount: i64, key: &str) -> Request {
    let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": amount});
    Request::new("POST", "/v1/payments/confirm")
        .with_header("Authorization", BASIC)
        .with_header("Idempotency-Key", key)
        .with_body(body.to_string())
}

pub(crate) fn answered(delivery: Delivery) -> (u16, Value) {
    match delivery {
        Delivery::Respond { status, body, .. } => {
            (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
        }
        other => panic!("not an ordinary answer: {other:?}"),
    }
}

/// Status and code of an answer.
pub(crate) fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}
