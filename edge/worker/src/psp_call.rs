//! Calls to the PSP: the adapter's request goes out by fetch, and whatever comes back goes to the adapter.

use crate::bindings::{Response, fetch_url, message};
use crate::call::within;
use gyesan_core::toss::Answer;
use gyesan_edge::config::Config;
use gyesan_edge::psp::{CALL_LIMIT_MS, PspCall, toss};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal};

/// Asks the PSP and waits at most [`CALL_LIMIT_MS`] for its whole answer. Everything but an answer says nothing about the charge.
pub async fn ask(config: &Config, call: &PspCall) -> Answer {
    match exchange_within_limit(config, call).await {
        Ok((status, body)) => toss::parse(status, &body),
        Err(why) => Answer::Nothing { why },
    }
}

async fn exchange_within_limit(config: &Config, call: &PspCall) -> Result<(u16, Vec<u8>), String> {
    let account = config.psp_of(&call.id.merchant_id).ok_or("the merchant has no account at the PSP")?;
    let request = toss::request(call, account).map_err(|e| e.to_string())?;
    // An `AbortSignal.timeout` of a minute would stay behind after each call of a millisecond.
    let cancel = AbortController::new().map_err(|e| message(&e))?;
    let signal = cancel.signal();
    let answer = within(CALL_LIMIT_MS, exchange(&request, &signal)).await;
    if answer.is_none() {
        cancel.abort();
    }
    answer.unwrap_or_else(|| Err(format!("no whole answer within {CALL_LIMIT_MS} ms")))
}

async fn exchange(request: &http::Request<String>, signal: &AbortSignal) -> Result<(u16, Vec<u8>), String> {
    let init = init(request, signal).map_err(|e| message(&e))?;
    let promise = fetch_url(&request.uri().to_string(), &init).map_err(|e| message(&e))?;
    let response: Response = JsFuture::from(promise).await.map_err(|e| message(&e))?.unchecked_into();
    let body =
        JsFuture::from(response.array_buffer().map_err(|e| message(&e))?).await.map_err(|e| message(&e))?;
    Ok((response.status(), Uint8Array::new(&body).to_vec()))
}

fn init(request: &http::Request<String>, signal: &AbortSignal) -> Result<JsValue, JsValue> {
    let init = Object::new();
    let headers = Array::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers.push(&Array::of2(&JsValue::from_str(name.as_str()), &JsValue::from_str(&value)));
    }
    Reflect::set(&init, &"method".into(), &request.method().as_str().into())?;
    Reflect::set(&init, &"headers".into(), &headers)?;
    Reflect::set(&init, &"signal".into(), signal)?;
    // A redirect is no answer of the PSP; following it would carry the secret key elsewhere.
    Reflect::set(&init, &"redirect".into(), &"manual".into())?;
    if !request.body().is_empty() {
        Reflect::set(&init, &"body".into(), &request.body().into())?;
    }
    Ok(init.into())
}
