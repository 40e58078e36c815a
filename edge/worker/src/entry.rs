//! HTTP: a request of the runtime becomes one of the `http` crate, goes to the routes, and their answer goes back.

use crate::bindings::{Chunk, Response, Stream};
use crate::isolate::Isolate;
use crate::log;
use crate::world::World;
use gyesan_core::problem::{Code, Language};
use gyesan_edge::http::handle;
use http::Request;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::Env;

/// So many bytes are read of a body: one more than the contract takes, so that the route sees that it is too long.
const BODY_READ_MAX_BYTES: usize = 64 * 1024 + 1;

/// Answers a request. `headers` holds name and value in turn, each ended by a line feed.
#[wasm_bindgen]
pub fn fetch(method: String, url: String, headers: String, body: Option<Stream>, env: &Env) -> Promise {
    let isolate = Isolate::of(env);
    future_to_promise(async move {
        let isolate = match isolate {
            Ok(isolate) => isolate,
            Err(why) => {
                log::error("config.invalid", &why);
                return to_response(problem(Code::ServiceUnavailable));
            }
        };
        let body = match body {
            Some(stream) => read(&stream).await?,
            None => Vec::new(),
        };
        let response = match to_request(&method, &url, &headers, body) {
            Ok(request) => {
                let world = World { isolate: isolate.clone() };
                handle(&world, &isolate.config, &isolate.state, request).await
            }
            Err(error) => {
                log::warn("request.malformed", &error.to_string());
                problem(Code::InvalidValue)
            }
        };
        to_response(response)
    })
}

fn to_request(method: &str, url: &str, headers: &str, body: Vec<u8>) -> http::Result<Request<Vec<u8>>> {
    let mut request = Request::builder().method(method).uri(url);
    let mut lines = headers.split_terminator('\n');
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        request = request.header(name, value);
    }
    request.body(body)
}

async fn read(stream: &Stream) -> Result<Vec<u8>, JsValue> {
    let reader = stream.get_reader()?;
    let mut body = Vec::new();
    loop {
        let chunk: Chunk = JsFuture::from(reader.read()?).await?.unchecked_into();
        let Some(bytes) = chunk.value().filter(|_| !chunk.done()) else { return Ok(body) };
        body.extend(bytes.to_vec());
        if body.len() >= BODY_READ_MAX_BYTES {
            body.truncate(BODY_READ_MAX_BYTES);
            // What is left unread is dropped with the connection; nobody waits for it.
            reader.cancel().map(drop)?;
            return Ok(body);
        }
    }
}

/// What is answered when the routes cannot even be asked.
fn problem(code: Code) -> http::Response<Vec<u8>> {
    let (status, title) = (code.status(), code.title(Language::En));
    let body =
        serde_json::json!({"type": "about:blank", "title": title, "status": status, "code": code.as_str()});
    let mut response = http::Response::new(body.to_string().into_bytes());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let content_type = http::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

fn to_response(response: http::Response<Vec<u8>>) -> Result<JsValue, JsValue> {
    let (head, body) = response.into_parts();
    let headers = Array::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers.push(&Array::of2(&JsValue::from_str(name.as_str()), &JsValue::from_str(&value)));
    }
    let init = Object::new();
    Reflect::set(&init, &"status".into(), &head.status.as_u16().into())?;
    Reflect::set(&init, &"headers".into(), &headers)?;
    // The runtime refuses a body, even an empty one, beside the statuses that have none.
    let body = if body.is_empty() { JsValue::NULL } else { Uint8Array::from(body.as_slice()).into() };
    Response::new(&body, &init).map(JsValue::from)
}
