//! HTTP requests to others: one exchange, bounded in time and in size.

use crate::bindings::{Response, fetch_url, message};
use crate::call::within;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, AbortSignal};

/// Bytes of an answer's body that are read, at most; a longer one counts as no answer.
const BODY_MAX: usize = 1024 * 1024;

/// Sends a request and waits at most `limit_ms` for the whole answer: its status and its body. A redirect is the
/// answer and is not followed: following it would carry the request's keys elsewhere.
///
/// # Errors
/// Why there is no whole answer. Whether the request was received cannot be told from it.
pub async fn exchange(request: &http::Request<String>, limit_ms: u32) -> Result<(u16, Vec<u8>), String> {
    // An `AbortSignal.timeout` of a minute would stay behind after each call of a millisecond.
    let cancel = AbortController::new().map_err(|e| message(&e))?;
    let signal = cancel.signal();
    let answer = within(limit_ms, send(request, &signal)).await;
    if !matches!(answer, Some(Ok(_))) {
        // What is left of the answer is not to be received.
        cancel.abort();
    }
    answer.unwrap_or_else(|| Err(format!("no whole answer within {limit_ms} ms")))
}

async fn send(request: &http::Request<String>, signal: &AbortSignal) -> Result<(u16, Vec<u8>), String> {
    let init = init(request, signal).map_err(|e| message(&e))?;
    let promise = fetch_url(&request.uri().to_string(), &init).map_err(|e| message(&e))?;
    let response: Response = JsFuture::from(promise).await.map_err(|e| message(&e))?.unchecked_into();
    let body = body(&response).await.map_err(|e| message(&e))?;
    let body = body.ok_or_else(|| format!("the answer has more than {BODY_MAX} bytes"))?;
    Ok((response.status(), body))
}

/// The body, or nothing when it is too long. One that says its length is read at once, any other in the pieces it comes in.
async fn body(response: &Response) -> Result<Option<Vec<u8>>, JsValue> {
    let headers = response.headers();
    let length = headers.get("content-length").and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length <= BODY_MAX) && headers.get("content-encoding").is_none() {
        let buffer = JsFuture::from(response.array_buffer()?).await?;
        return Ok(Some(Uint8Array::new(&buffer).to_vec()));
    }
    let mut bytes = Vec::new();
    let Some(stream) = response.body() else { return Ok(Some(bytes)) };
    let reader = stream.get_reader()?;
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        let Ok(piece) = Reflect::get(&piece, &"value".into())?.dyn_into::<Uint8Array>() else {
            return Ok(Some(bytes));
        };
        bytes.extend_from_slice(&piece.to_vec());
        if bytes.len() > BODY_MAX {
            return Ok(None);
        }
    }
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
    Reflect::set(&init, &"redirect".into(), &"manual".into())?;
    if !request.body().is_empty() {
        Reflect::set(&init, &"body".into(), &request.body().into())?;
    }
    Ok(init.into())
}
