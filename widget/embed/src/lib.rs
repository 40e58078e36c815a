//! The WebAssembly module that `checkout.js` loads: [`mount`] and nothing else. Everything worth reading is in
//! `gyesan-widget`.
#![allow(unsafe_code, reason = "the macro of wasm-bindgen expands to some")]

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

/// Draws the checkout into `host`, see [`gyesan_widget::mount`].
#[wasm_bindgen]
pub fn mount(host: HtmlElement, options: JsValue) -> Function {
    gyesan_widget::mount(host, options)
}
