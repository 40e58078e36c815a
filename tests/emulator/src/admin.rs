//! The admin API: faults, clock, buyers without a browser, and a view of everything. It asks for no key and is
//! meant for the machine it runs on.

use crate::emulator::{AuthenticationResult, Emulator, Opened};
use crate::exchange::{Delivery, Request, decode};
use crate::fault::{Armed, Fault};
use crate::journal::Entry;
use crate::moment::{parse_time, utc_time};
use crate::payment::Method;
use crate::payment_json::payment_json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What went wrong: HTTP status and a sentence.
struct Refusal(u16, String);

type Answer = Result<Value, Refusal>;

/// Takes one admin request.
pub fn handle(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Delivery {
    let route = request.route().strip_prefix("/__emulator/").unwrap_or_default();
    let segments: Vec<&str> = route.split('/').collect();
    let answer = match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["faults"]) => add_fault(emulator, request),
        ("GET", ["faults"]) => {
            Ok(json!({"faults": emulator.faults.armed().iter().map(fault_json).collect::<Value>()}))
        }
        ("DELETE", ["faults"]) => {
            emulator.clear_faults();
            Ok(json!({}))
        }
        ("POST", ["clock"]) => set_clock(emulator, now_ms, request),
        ("GET", ["clock"]) => Ok(clock_json(emulator, now_ms)),
        ("POST", ["authenticate"]) => authenticate(emulator, now_ms, request),
        ("GET", ["payments"]) => payments(emulator, now_ms, request),
        ("GET", ["payments", key]) => payment(emulator, now_ms, &decode(key)),
        ("GET", ["totals"]) => Ok(json!(emulator.totals())),
        ("GET", ["journal"]) => Ok(journal(emulator, request)),
        ("POST", ["reset"]) => {
            emulator.reset();
            Ok(json!({}))
        }
        _ => Err(Refusal(404, format!("there is no {} /__emulator/{route}", request.method))),
    };
    match answer {
        Ok(body) => Delivery::json(200, body.to_string()),
        Err(Refusal(status, message)) => {
            let code = if status == 404 { "NOT_FOUND" } else { "INVALID_REQUEST" };
            Delivery::json(status, json!({"code": code, "message": message}).to_string())
        }
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    serde_json::from_str(&request.body).map_err(|error| Refusal(400, error.to_string()))
}

fn add_fault(emulator: &mut Emulator, request: &Request) -> Answer {
    let fault: Fault = read(request)?;
    fault.check().map_err(|message| Refusal(400, message))?;
    Ok(json!({"id": emulator.add_fault(fault)}))
}

fn fault_json(armed: &Armed) -> Value {
    let mut shown = json!(armed.fault);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("id".into(), json!(armed.id));
        fields.insert("hits".into(), json!(armed.hits));
    }
    shown
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetClock {
    advance_ms: Option<i64>,
    now: Option<String>,
}

fn set_clock(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Answer {
    match read(request)? {
        SetClock { advance_ms: Some(ms), now: None } => emulator.advance_clock(ms),
        SetClock { advance_ms: None, now: Some(text) } => {
            let target_ms =
                parse_time(&text).ok_or_else(|| Refusal(400, "now must be an RFC 3339 time".into()))?;
            emulator.advance_clock(target_ms - emulator.clock(now_ms));
        }
        SetClock { .. } => return Err(Refusal(400, "one of advanceMs and now is needed".into())),
    }
    Ok(clock_json(emulator, now_ms))
}

fn clock_json(emulator: &Emulator, now_ms: i64) -> Value {
    json!({"now": utc_time(emulator.clock(now_ms)), "offsetMs": emulator.clock_offset_ms})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Authenticate {
    order_id: String,
    amount: i64,
    #[serde(default = "card")]
    method: Method,
    #[serde(default = "success")]
    result: AuthenticationResult,
    order_name: Option<String>,
    success_url: Option<String>,
    fail_url: Option<String>,
}

fn card() -> Method {
    Method::Card
}

fn success() -> AuthenticationResult {
    AuthenticationResult::Success
}

fn authenticate(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Answer {
    let wanted: Authenticate = read(request)?;
    if !is_order_id(&wanted.order_id) {
        return Err(Refusal(400, "orderId must be 6 to 64 of A-Z a-z 0-9 - _ =".into()));
    }
    if wanted.amount <= 0 {
        return Err(Refusal(400, "amount must be more than 0".into()));
    }
    let opened = emulator.opening(&wanted.order_id, wanted.amount, wanted.method);
    let opened = Opened {
        order_name: wanted.order_name.unwrap_or(opened.order_name),
        success_url: wanted.success_url.unwrap_or(opened.success_url),
        fail_url: wanted.fail_url.unwrap_or(opened.fail_url),
        ..opened
    };
    Ok(json!(emulator.open_and_leave(now_ms, opened, wanted.result)))
}

/// What the SDK accepts as an order id.
pub fn is_order_id(text: &str) -> bool {
    (6..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte))
}

fn payment(emulator: &mut Emulator, now_ms: i64, payment_key: &str) -> Answer {
    let clock_ms = emulator.clock(now_ms);
    emulator
        .book
        .by_key(payment_key)
        .and_then(|index| shown(emulator, clock_ms, index))
        .ok_or_else(|| Refusal(404, format!("there is no payment {payment_key}")))
}

fn payments(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Answer {
    let clock_ms = emulator.clock(now_ms);
    let order_id = request.query("orderId").ok_or_else(|| Refusal(400, "?orderId= is needed".into()))?;
    let of_order = emulator.book.by_order(&order_id).to_vec();
    let payments: Value = of_order.into_iter().filter_map(|index| shown(emulator, clock_ms, index)).collect();
    Ok(json!({"payments": payments}))
}

/// The Payment object with what only the emulator knows: `approvals`, `charged` and `refunded`.
fn shown(emulator: &mut Emulator, clock_ms: i64, index: usize) -> Option<Value> {
    emulator.book.at(index, clock_ms)?;
    let payment = emulator.book.peek(index)?;
    let mut shown = payment_json(payment, payment.cancels.len(), false, &emulator.settings.public_origin);
    let fields = shown.as_object_mut()?;
    fields.insert("approvals".into(), json!(payment.approvals));
    fields.insert("charged".into(), json!(payment.charged()));
    fields.insert("refunded".into(), json!(payment.refunded()));
    Some(shown)
}

fn journal(emulator: &Emulator, request: &Request) -> Value {
    let order_id = request.query("orderId");
    let wanted = |entry: &&Entry| order_id.is_none() || entry.order_id == order_id;
    json!({"entries": emulator.journal().filter(wanted).collect::<Vec<_>>()})
}
