//! What the page's actions do: requests to Gyesan, calls of the PSP's SDK, and the events that come of them.

use super::{Checkout, Held};
use crate::browser;
use crate::client::{NewOrder, Order, Refusal};
use crate::json::Writer;
use crate::options::Options;
use crate::session::{self, PayingPage};
use crate::toss::{Payment, Window};
use gyesan_core::api::{Buyer, OrderStatus, PaymentStatus};
use gyesan_core::buyer as rules;
use gyesan_core::page::outcome::Outcome;
use gyesan_core::page::{Action, Event, Failure, Methods, Price, WindowEnd};
use gyesan_core::problem::Code;
use js_sys::Promise;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Presses of a stepper that follow each other faster than this ask for one quote.
const QUOTE_PAUSE_MS: u32 = 150;
/// How long the PSP's SDK may take to load and draw.
const METHODS_MS: u64 = 20_000;

impl Checkout {
    /// Does what the page asks for.
    pub(super) fn perform(self, action: Action) {
        match action {
            Action::Configure => browser::spawn(self.configure()),
            Action::Price => browser::spawn(self.price()),
            Action::ShowMethods => self.show_methods(),
            Action::UpdateAmount => browser::spawn(self.update_amount()),
            Action::Place { after_ms, new_id } => browser::spawn(self.place(after_ms, new_id)),
            Action::OpenWindow => browser::spawn(self.open_window()),
            Action::ForgetOrder => {
                session::Order::forget(&self.client().key);
                self.hold(|held| {
                    held.placed = None;
                    held.result_link = None;
                });
            }
            Action::FocusFault => {
                let host = self.held.with_value(|held| held.host.clone());
                browser::focus(host, "[aria-invalid=true]");
            }
        }
    }

    /// Notes what no view follows; nothing when the element has left the document.
    fn hold(self, note: impl FnOnce(&mut Held)) {
        let _ = self.held.try_update_value(note);
    }

    async fn configure(self) {
        let sent = self.held.try_update_value(|held| held.options.config.take()).flatten();
        match self.client().config(sent).await {
            Ok(config) => {
                self.hold(|held| held.config = Some(config));
                self.dispatch(Event::Configured);
            }
            Err(refusal) => {
                browser::warn(&format!("gyesan-checkout: no configuration: {}", refusal.title));
                self.dispatch(Event::ConfigFailed(self.refused(refusal)));
            }
        }
    }

    /// Asks for the price of the cart as it is; a coupon that does not fit is taken off, with the reason beside it.
    async fn price(self) {
        let Some(asked) = self.held.try_update_value(|held| {
            held.quotes_asked += 1;
            held.quotes_asked
        }) else {
            return;
        };
        if let Some((order_id, token)) = self.held.with_value(|held| held.options.order.clone()) {
            let answer = self.client().order(&order_id, &token).await;
            return self.order_read(answer);
        }
        let sent = self.held.try_update_value(|held| held.options.quote.take()).flatten();
        if sent.is_none() && asked > 1 {
            browser::sleep(QUOTE_PAUSE_MS).await;
        }
        let is_latest = || self.held.try_with_value(|held| held.quotes_asked) == Some(asked);
        if !is_latest() {
            return;
        }
        let (items, coupon) = (self.cart.get_untracked(), self.coupon.get_untracked());
        let answer =
            self.client().quote(sent, &items, Some(coupon.as_str()).filter(|code| !code.is_empty())).await;
        if !is_latest() {
            return;
        }
        match answer {
            Ok(quote) => {
                let amount = quote.amount;
                self.quote.set(Some(quote));
                self.dispatch(Event::Priced(amount));
            }
            Err(refusal) => {
                match refusal.code().filter(|code| !coupon.is_empty() && is_about_coupon(*code)) {
                    Some(code) => {
                        self.coupon.set(String::new());
                        self.coupon_fault.set(Some(code));
                        self.perform(Action::Price);
                    }
                    None => self.dispatch(Event::PriceFailed(self.refused(refusal))),
                }
            }
        }
    }

    fn order_read(self, answer: Result<Order, Refusal>) {
        match answer {
            Ok(order) => {
                let amount = order.quote.amount;
                let quote = order.quote.clone();
                self.hold(|held| held.placed = Some(order));
                self.quote.set(Some(quote));
                self.dispatch(Event::Priced(amount));
            }
            Err(refusal) => self.dispatch(Event::PriceFailed(self.refused(refusal))),
        }
    }

    /// Keeps the server's words for the views.
    fn refused(self, refusal: Refusal) -> Failure {
        let failure = refusal.failure;
        self.hold(|held| held.refusal = Some(refusal));
        failure
    }

    fn show_methods(self) {
        // Asked for before the wait, so that a script that never answers ends as a failure with a way on.
        set_timeout(
            move || {
                if self.page.try_get_untracked().is_some_and(|page| page.methods == Methods::Loading) {
                    self.dispatch(Event::MethodsFailed);
                }
            },
            std::time::Duration::from_millis(METHODS_MS),
        );
        browser::spawn(async move {
            match self.draw().await {
                Ok(window) => {
                    let mut window = Some(window);
                    self.hold(|held| held.window = window.take());
                    match window {
                        None => self.dispatch(Event::MethodsShown),
                        // The element left the document meanwhile.
                        Some(window) => window.destroy().await,
                    }
                }
                Err(code) => {
                    browser::warn(&format!(
                        "gyesan-checkout: the payment methods could not be drawn: {code}"
                    ));
                    self.dispatch(Event::MethodsFailed);
                }
            }
        });
    }

    async fn draw(self) -> Result<Window, String> {
        let former = self.held.try_update_value(|held| held.window.take()).flatten();
        if let Some(former) = former {
            former.destroy().await;
        }
        let Some((options, Some(config))) =
            self.held.try_with_value(|held| (held.options.clone(), held.config.clone()))
        else {
            return Err(String::new());
        };
        let Price::Known(amount) = self.page.get_untracked().price else { return Err(String::new()) };
        let Options { load_sdk, methods, agreement, .. } = options;
        if let Some(load) = load_sdk {
            let failed = |_| "SDK_NOT_LOADED".to_owned();
            let loading = load.call1(&JsValue::UNDEFINED, &config.sdk_url.as_str().into()).map_err(failed)?;
            if let Ok(loading) = loading.dyn_into::<Promise>() {
                JsFuture::from(loading).await.map_err(failed)?;
            }
        }
        let hear = move |agreed| self.hold(|held| held.terms_agreed = agreed);
        Window::draw(&config.client_key, &config.customer_key, amount, (&methods, &agreement), hear).await
    }

    async fn update_amount(self) {
        let window = self.held.try_with_value(|held| held.window.clone()).flatten();
        if let (Some(window), Price::Known(amount)) = (window, self.page.get_untracked().price) {
            // Said once more before the payment window opens, where a failure counts.
            let _ = window.set_amount(amount).await;
        }
    }

    /// Sends the order:
    /// 1. take the tab's order id, or a new one for a new cart;
    /// 2. send;
    /// 3. when the former order stands in the way but is settled, send without replacing it.
    async fn place(self, after_ms: u32, new_id: bool) {
        browser::sleep(after_ms).await;
        let client = self.client();
        if let Some((order_id, token)) = self.held.with_value(|held| held.options.order.clone()) {
            let answer = client.order(&order_id, &token).await;
            return self.placed_or_not(answer.map(|order| Order { status_token: token, ..order }));
        }
        // 1
        let new = self.new_order();
        let Some(mut tab) =
            session::Order::of_cart(session::Order::load(&client.key), &self.cart_text(), new_id)
        else {
            return self.placed_or_not(Err(Refusal::problem(Code::Internal)));
        };
        tab.save(&client.key);
        // 2
        let replaces = |tab: &session::Order| Some(tab.replaces.clone()).filter(|id| !id.is_empty());
        let mut answer = client.place(&tab.id, &NewOrder { replaces: replaces(&tab), ..new.clone() }).await;
        // 3
        let in_doubt =
            answer.as_ref().is_err_and(|refusal| refusal.code() == Some(Code::PreviousPaymentInDoubt));
        if in_doubt && !tab.replaces.is_empty() {
            let former = client.order(&tab.replaces, &tab.replaces_token).await;
            if former.is_ok_and(|former| is_settled(&former)) {
                tab.replaces.clear();
                answer = client.place(&tab.id, &new).await;
            } else {
                let link = self.result_of(&tab.replaces, &tab.replaces_token);
                self.hold(|held| held.result_link = Some(link));
            }
        }
        if let Ok(order) = &answer {
            tab.token = order.status_token.clone();
            tab.replaces.clear();
            tab.save(&client.key);
        }
        self.placed_or_not(answer);
    }

    fn placed_or_not(self, answer: Result<Order, Refusal>) {
        let answer = answer.and_then(|order| {
            let link = self.result_of(&order.order_id, &order.status_token);
            self.hold(|held| held.result_link = Some(link));
            let unpaid = matches!(order.payment_status, PaymentStatus::NotStarted | PaymentStatus::Failure);
            if unpaid && order.order_status != OrderStatus::Completed {
                return Err(Refusal::problem(Code::OrderNotPayable));
            }
            Ok(order)
        });
        match answer {
            Ok(order) => {
                let event = Event::Placed { amount: order.quote.amount, status: order.payment_status };
                if !order.quote.lines.is_empty() {
                    self.quote.set(Some(order.quote.clone()));
                }
                self.hold(|held| held.placed = Some(order));
                self.dispatch(event);
            }
            Err(refusal) => {
                for (pointer, code) in &refusal.errors {
                    self.show_fault(pointer, *code);
                }
                self.dispatch(Event::PlaceFailed(self.refused(refusal)));
            }
        }
    }

    /// Shows a fault that the server found beside its field.
    fn show_fault(self, pointer: &str, code: Option<Code>) {
        if pointer == "/couponCode" {
            self.coupon_fault.set(code);
        }
        for (name, field) in self.fields() {
            if pointer.strip_prefix("/buyer") == Some(name) {
                field.fault.set(code);
            }
        }
    }

    async fn open_window(self) {
        let window = self.held.try_with_value(|held| held.window.clone()).flatten();
        let placed = self.held.try_with_value(|held| held.placed.clone()).flatten();
        let (Some(order), Some(window)) = (placed, window) else {
            return self.dispatch(Event::WindowClosed(WindowEnd::Broken));
        };
        let (success_url, fail_url) = self.return_urls(&order);
        let Buyer { name, email, phone } = rules::normalized(&self.buyer());
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (name, email, phone) = (text(&name), text(&email), text(&phone));
        if let Ok(href) = leptos::prelude::window().location().href() {
            PayingPage { href, token: order.status_token.clone() }.save(&order.order_id);
        }
        let payment = Payment {
            order_id: &order.order_id,
            order_name: &order.order_name,
            amount: order.quote.amount,
            success_url: &success_url,
            fail_url: &fail_url,
            customer_name: &name,
            customer_email: &email,
            customer_phone: &phone,
        };
        if let Err(code) = window.pay(payment).await {
            let end = WindowEnd::from_code(&code);
            if end == WindowEnd::Broken {
                browser::warn(&format!("gyesan-checkout: the payment window did not open: {code}"));
            }
            self.dispatch(Event::WindowClosed(end));
        }
    }

    /// Where the PSP sends the buyer; an order read by its token does not say, but the addresses are known.
    fn return_urls(self, order: &Order) -> (String, String) {
        if !order.success_url.is_empty() {
            return (order.success_url.clone(), order.fail_url.clone());
        }
        let merchant = self.held.with_value(|held| {
            held.config.as_ref().map(|config| config.merchant_id.clone()).unwrap_or_default()
        });
        let api = self.client().api;
        let base = format!("{api}/payments/{merchant}");
        (format!("{base}/success"), format!("{base}/fail?token={}", order.status_token))
    }

    fn result_of(self, order_id: &str, token: &str) -> String {
        let encoded = |text: &str| String::from(js_sys::encode_uri_component(text));
        format!(
            "{}/checkout/result?orderId={}&token={}",
            self.client().api,
            encoded(order_id),
            encoded(token)
        )
    }

    fn new_order(self) -> NewOrder {
        let Buyer { name, email, phone } = rules::normalized(&self.buyer());
        let (member, return_url) =
            self.held.with_value(|held| (held.options.member.clone(), held.options.return_url.clone()));
        NewOrder {
            items: self.cart.get_untracked(),
            coupon: Some(self.coupon.get_untracked()).filter(|code| !code.is_empty()),
            member,
            return_url,
            buyer: (name.unwrap_or_default(), email.unwrap_or_default(), phone.unwrap_or_default()),
            replaces: None,
        }
    }

    /// Items, coupon and member as one text: what makes two orders the same order.
    fn cart_text(self) -> String {
        let new = self.new_order();
        let items: Vec<String> =
            new.items.iter().map(|item| format!("{}:{}", item.product_id, item.quantity)).collect();
        Writer::default()
            .set("items", items.join(","))
            .set_some("coupon", new.coupon)
            .set_some("member", new.member)
            .text()
    }
}

/// Whether nothing can be charged for an order any more, or nothing more than was.
fn is_settled(order: &Order) -> bool {
    let outcome = Outcome::of(order.payment_status, order.order_status, order.retryable);
    matches!(outcome, Outcome::Paid | Outcome::Expired | Outcome::Canceled)
}

fn is_about_coupon(code: Code) -> bool {
    matches!(code, Code::CouponNotFound | Code::CouponExpired | Code::CouponMinimumNotMet)
}

/// Why something failed, for a person: the page's own words, or the server's when it knows better.
pub(super) fn failure_text(checkout: Checkout, failure: Failure) -> String {
    let own = match failure {
        Failure::Offline => {
            ("네트워크 연결을 확인하고 다시 시도해 주세요.", "Check your connection and try again.")
        }
        Failure::Problem(Code::OriginNotAllowed | Code::Unauthorized | Code::Forbidden) => (
            "상점의 결제 설정을 확인하고 있어요. 잠시 후 다시 방문해 주세요.",
            "This shop's checkout is not set up correctly. Please come back later.",
        ),
        Failure::Problem(_) | Failure::Unexpected => {
            ("잠시 후 다시 시도해 주세요.", "Something went wrong. Please try again in a moment.")
        }
    };
    let said = checkout.held.with_value(|held| held.refusal.as_ref().map(|refusal| refusal.title.clone()));
    match (failure, said.filter(|title| !title.is_empty())) {
        (Failure::Problem(Code::OriginNotAllowed | Code::Unauthorized | Code::Forbidden), _) => {
            checkout.tongue.of(own).to_owned()
        }
        (Failure::Problem(_), Some(title)) => title,
        _ => checkout.tongue.of(own).to_owned(),
    }
}
