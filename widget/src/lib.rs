//! The checkout's views: cart, coupon, buyer form, totals, payment, and the result page, in Leptos.
//!
//! What the page may do next is decided by `gyesan_core::page`; here it is shown, and requests are sent.
//! `gyesan-embed` exports [`mount`] to `checkout.js`, which owns the custom element and its shadow root.

pub mod browser;
pub mod checkout;
pub mod client;
mod erased;
pub mod json;
pub mod language;
pub mod options;
pub mod result;
pub mod session;
pub mod toss;

use js_sys::Function;
use json::Json;
use options::Options;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

/// Draws the checkout, or the result page, into `host`; `options` is the loader's object ([`Options`]).
/// The function that comes back takes it out of the page again.
pub fn mount(host: HtmlElement, options: JsValue) -> Function {
    let options = Json(options);
    let element: HtmlElement = options.get("element").0.dyn_into().unwrap_or_else(|_| host.clone());
    let options = Options::read(options, element.clone());
    // The loader's skeleton.
    host.set_class_name("");
    let parent = host.clone();
    let handle: Box<dyn std::any::Any> = if options.is_result {
        Box::new(leptos::mount::mount_to(parent, move || {
            let page = result::ResultPage::new(options, host);
            page.start();
            page.view()
        }))
    } else {
        Box::new(leptos::mount::mount_to(parent, move || {
            let page = checkout::Checkout::new(options, host);
            page.start();
            page.view()
        }))
    };
    browser::emit_ready(&element);
    Closure::once_into_js(move || drop(handle)).unchecked_into()
}
