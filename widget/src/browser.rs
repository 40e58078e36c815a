//! What the page asks of the browser: window, clock, randomness, waiting, events.

use crate::json::Writer;
use js_sys::{Date, Promise};
use leptos::prelude::{request_animation_frame, window};
use std::pin::Pin;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CustomEvent, CustomEventInit, Event, HtmlElement, Storage};

/// Milliseconds since the Unix epoch, by the buyer's clock: for ids only, never for a decision.
pub fn now_ms() -> i64 {
    Date::now() as i64
}

/// 80 bits from the browser's cryptographic randomness; `None` in a browser without it.
pub fn random() -> Option<u128> {
    let mut bytes = [0_u8; 16];
    window().crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()?;
    Some(u128::from_le_bytes(bytes))
}

/// The tab's own storage; `None` where the browser forbids it.
pub fn storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

/// Waits so many milliseconds.
pub async fn sleep(ms: u32) {
    let wait = Promise::new(&mut |resolve, _| {
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
    });
    let _ = JsFuture::from(wait).await;
}

/// Runs a task on the page's one thread. Boxed, so that what drives it exists once.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    fn boxed(task: Pin<Box<dyn Future<Output = ()>>>) {
        wasm_bindgen_futures::spawn_local(task);
    }
    boxed(Box::pin(task));
}

/// Puts the focus into the first element below `host` that the selector finds, once what has changed is drawn.
pub fn focus(host: HtmlElement, selector: &'static str) {
    request_animation_frame(move || {
        let found = host.query_selector(selector).ok().flatten();
        if let Some(element) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
}

/// Tells the merchant's page that the checkout shows: a `ready` event on the element.
pub fn emit_ready(element: &HtmlElement) {
    if let Ok(event) = Event::new("ready") {
        let _ = element.dispatch_event(&event);
    }
}

/// Tells the merchant's page what happens: a `gyesan:status` event on the element, with the status and the
/// order's id as its detail.
pub fn emit_status(element: &HtmlElement, status: &str, order_id: Option<&str>) {
    let detail = Writer::default().set("status", status).set_some("orderId", order_id);
    let init = CustomEventInit::new();
    init.set_bubbles(true);
    init.set_composed(true);
    init.set_detail(&detail.value());
    if let Ok(event) = CustomEvent::new_with_event_init_dict("gyesan:status", &init) {
        let _ = element.dispatch_event(&event);
    }
}

/// Writes a line for the merchant's developer into the console.
pub fn warn(line: &str) {
    web_sys::console::warn_1(&JsValue::from_str(line));
}
