//! The Toss adapter: a call becomes an HTTP request, a response becomes an [`Answer`]. It owns no socket.
//!
//! Source: the Toss API reference, version 2022-11-16 (`docs.tosspayments.com/reference`).

use crate::config::Toss;
use crate::psp::{PspCall, PspRequest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gyesan_core::money::Amount;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, Refusal, TossPayment, TossStatus};
use http::{Method, Request, header};
use serde_json::{Value, json};

/// Characters of an error message that are kept (`failure.message` is at most 510).
const MESSAGE_MAX: usize = 510;
/// Characters of a payment key, at most.
pub const PAYMENT_KEY_MAX: usize = 200;

/// The HTTP request for a call.
///
/// # Errors
/// When a key or id cannot stand in a header or URL: then nothing must be sent.
pub fn request(call: &PspCall, toss: &Toss) -> Result<Request<String>, http::Error> {
    let (method, path, idempotency_key, body) = match &call.request {
        PspRequest::Confirm { payment_key, order_id, amount, idempotency_key } => {
            let body = json!({ "paymentKey": payment_key, "orderId": order_id, "amount": amount });
            (Method::POST, "/v1/payments/confirm".to_owned(), Some(idempotency_key), body.to_string())
        }
        PspRequest::QueryPayment { payment_key } => {
            (Method::GET, format!("/v1/payments/{}", segment(payment_key)), None, String::new())
        }
        PspRequest::QueryOrder { order_id } => {
            (Method::GET, format!("/v1/payments/orders/{}", segment(order_id.as_str())), None, String::new())
        }
        PspRequest::Cancel { payment_key, reason, idempotency_key } => {
            let path = format!("/v1/payments/{}/cancel", segment(payment_key));
            (Method::POST, path, Some(idempotency_key), json!({ "cancelReason": reason }).to_string())
        }
    };
    // The password is empty, but its colon must be there: INCORRECT_BASIC_AUTH_FORMAT otherwise.
    let credentials = BASE64_STANDARD.encode(format!("{}:", toss.secret_key));
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", toss.api_base))
        .header(header::AUTHORIZATION, format!("Basic {credentials}"))
        .header(header::ACCEPT, "application/json");
    if let Some(key) = idempotency_key {
        request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", key);
    }
    if let Some(trace) = &call.trace {
        request = request.header("traceparent", trace);
    }
    request.body(body)
}

/// What a response says. Unknown fields are ignored, as Toss adds fields without a new version; whatever is not a
/// whole, consistent document says nothing, and then the payment's outcome stays unknown.
pub fn parse(http_status: u16, body: &[u8]) -> Answer {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return nothing(format!("HTTP {http_status} with a body that is not JSON"));
    };
    if (200..300).contains(&http_status) {
        return match payment(&document) {
            Ok(payment) => Answer::Payment(Box::new(payment)),
            Err(why) => nothing(format!("HTTP {http_status} with a payment that {why}")),
        };
    }
    // Version 1 puts code and message at the top, version 2 below `error`.
    let error = document.get("error").filter(|error| error.is_object()).unwrap_or(&document);
    match refusal(error) {
        Some(refusal) if http_status >= 400 => Answer::Error { http_status, refusal },
        _ => nothing(format!("HTTP {http_status} without an error code")),
    }
}

fn nothing(why: String) -> Answer {
    Answer::Nothing { why }
}

fn payment(document: &Value) -> Result<TossPayment, &'static str> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // An amount with a fraction, a sign or quotes is refused, not rounded: as_i64 takes whole numbers only.
    let amount = |name: &str| document.get(name).and_then(Value::as_i64).and_then(Amount::new);
    let url = document.get("receipt").and_then(|receipt| receipt.get("url")).and_then(Value::as_str);
    let payment = TossPayment {
        payment_key: text("paymentKey").ok_or("has no paymentKey")?.to_owned(),
        order_id: text("orderId").ok_or("has no orderId")?.to_owned(),
        status: document
            .get("status")
            .and_then(|status| serde_json::from_value::<TossStatus>(status.clone()).ok())
            .ok_or("has no status")?,
        currency: text("currency").ok_or("has no currency")?.to_owned(),
        total_amount: amount("totalAmount").ok_or("has no whole totalAmount")?,
        balance_amount: amount("balanceAmount").ok_or("has no whole balanceAmount")?,
        method: text("method").map(str::to_owned),
        approved_at: text("approvedAt").and_then(Timestamp::parse),
        receipt_url: url
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
            .map(str::to_owned),
        failure: document.get("failure").and_then(refusal),
    };
    if payment.balance_amount > payment.total_amount {
        return Err("has a balance above its total");
    }
    if payment.payment_key.len() > PAYMENT_KEY_MAX {
        return Err("has a paymentKey longer than 200");
    }
    Ok(payment)
}

fn refusal(error: &Value) -> Option<Refusal> {
    let code = error.get("code")?.as_str()?;
    let is_code =
        (1..=100).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    is_code.then(|| Refusal { code: code.to_owned(), message: message.chars().take(MESSAGE_MAX).collect() })
}

/// One segment of a path, percent-encoded (RFC 3986 §2.3): keys come from URLs that anybody can write.
fn segment(text: &str) -> String {
    crate::http::url::encoded(text)
}

#[cfg(test)]
#[path = "toss/tests.rs"]
mod tests;
