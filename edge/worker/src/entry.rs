//! HTTP: a request of the runtime becomes one of the `http` crate, goes to the routes, and their answer goes back.

use crate::isolate::Isolate;
use crate::log;
use crate::world::World;
use gyesan_core::problem::{Code, Language};
use gyesan_edge::http::handle;
use http::Request;
use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

/// Answers a request with an array of status, headers and body. Headers hold name and value in turn, each ended by a
/// line feed: one text crosses the border to JavaScript at a fraction of the price of ten.
#[wasm_bindgen]
pub fn answer(method: String, url: String, headers: String, body: Vec<u8>, env: &Env) -> Promise {
    let isolate = Isolate::of(env);
    future_to_promise(async move {
        let isolate = match isolate {
            Ok(isolate) => isolate,
            Err(why) => {
                log::error("config.invalid", &why);
                return Ok(to_js(problem(Code::ServiceUnavailable)));
            }
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
        Ok(to_js(response))
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

fn to_js(response: http::Response<Vec<u8>>) -> JsValue {
    let (head, body) = response.into_parts();
    let mut headers = String::new();
    for (name, value) in &head.headers {
        headers.push_str(name.as_str());
        headers.push('\n');
        headers.push_str(&String::from_utf8_lossy(value.as_bytes()));
        headers.push('\n');
    }
    // The runtime refuses a body, even an empty one, beside the statuses that have none.
    let body = if body.is_empty() { JsValue::NULL } else { Uint8Array::from(body.as_slice()).into() };
    Array::of3(&head.status.as_u16().into(), &headers.into(), &body).into()
}
