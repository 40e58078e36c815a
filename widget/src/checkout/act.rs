//! What the page's actions do: requests to Gyesan, calls of the PSP's SDK, and the events that come of them.

use super::Checkout;
use crate::browser;
use crate::client::{Config, NewOrder, Order, Refusal};
use crate::json::Writer;
use crate::session;
use crate::toss::{Payment, Window};
use gyesan_core::api::{Buyer, OrderStatus, PaymentStatus};
use gyesan_core::buyer as rules;
use gyesan_core::page::outcome::Outcome;
use gyesan_core::page::{Action, Event, Failure, Methods, Price, WindowEnd};
use gyesan_core::problem::{Code, Language};
use js_sys::Promise;
use leptos::prelude::*;
use leptos::task::spawn_local;
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
            Action::Configure => spawn_local(self.configure()),
            Action::Price => spawn_local(self.price()),
            Action::ShowMethods => self.show_methods(),
            Action::UpdateAmount => spawn_local(self.update_amount()),
            Action::Place { after_ms, new_id } => spawn_local(self.place(after_ms, new_id)),
            Action::OpenWindow => spawn_local(self.open_window()),
            Action::ForgetOrder => {
                session::Order::forget(&self.client().key);
                self.placed.set(None);
                self.result_link.set(None);
            }
            Action::FocusFault => self.focus_fault(),
        }
    }

    async fn configure(self) {
        let sent = self.options.try_update_value(|options| options.config.take()).flatten();
        match self.client().config(sent).await {
            Ok(config) => {
                self.config.set(Some(config));
                self.dispatch(Event::Configured);
            }
            Err(refusal) => {
                if let Some(code) = refusal.code() {
                    browser::warn(&format!("gyesan-checkout: {} {}", code.as_str(), refusal.title));
                }
                let failure = refusal.failure;
                self.refusal.set(Some(refusal));
                self.dispatch(Event::ConfigFailed(failure));
            }
        }
    }

    /// Asks for the price of the cart as it is; a coupon that does not fit is taken off, with the reason beside it.
    async fn price(self) {
        let Some(asked) = self.quotes_asked.try_update_value(|asked| {
            *asked += 1;
            *asked
        }) else {
            return;
        };
        if let Some((order_id, token)) = self.options.with_value(|options| options.order.clone()) {
            let answer = self.client().order(&order_id, &token).await;
            return self.order_read(answer);
        }
        let sent = self.options.try_update_value(|options| options.quote.take()).flatten();
        if sent.is_none() && asked > 1 {
            browser::sleep(QUOTE_PAUSE_MS).await;
        }
        let is_latest = || self.quotes_asked.try_get_value() == Some(asked);
        if !is_latest() {
            return;
        }
        let (items, coupon) = (self.cart.get_untracked(), self.coupon.get_untracked());
        let answer = self.client().quote(sent, &items, coupon.as_deref()).await;
        if !is_latest() {
            return;
        }
        match answer {
            Ok(quote) => {
                let amount = quote.amount;
                self.quote.set(Some(quote));
                self.dispatch(Event::Priced(amount));
            }
            Err(refusal) => match refusal.code().filter(|code| coupon.is_some() && is_about_coupon(*code)) {
                Some(code) => {
                    self.coupon.set(None);
                    self.coupon_fault.set(Some(code));
                    self.perform(Action::Price);
                }
                None => {
                    let failure = refusal.failure;
                    self.refusal.set(Some(refusal));
                    self.dispatch(Event::PriceFailed(failure));
                }
            },
        }
    }

    fn order_read(self, answer: Result<Order, Refusal>) {
        match answer {
            Ok(order) => {
                let amount = order.quote.amount;
                self.quote.set(Some(order.quote.clone()));
                self.placed.set(Some(order));
                self.dispatch(Event::Priced(amount));
            }
            Err(refusal) => {
                let failure = refusal.failure;
                self.refusal.set(Some(refusal));
                self.dispatch(Event::PriceFailed(failure));
            }
        }
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
        spawn_local(async move {
            match self.draw().await {
                Ok(window) => match self.window.try_set_value(Some(window)) {
                    None => self.dispatch(Event::MethodsShown),
                    // The element left the document meanwhile.
                    Some(window) => {
                        if let Some(window) = window {
                            window.destroy().await;
                        }
                    }
                },
                Err(code) => {
                    browser::warn(&format!("gyesan-checkout: the payment methods could not be drawn: {code}"));
                    self.dispatch(Event::MethodsFailed);
                }
            }
        });
    }

    async fn draw(self) -> Result<Window, String> {
        let (Some(config), Price::Known(amount)) = (self.config.get_untracked(), self.page.get_untracked().price)
        else {
            return Err(String::new());
        };
        if let Some(Some(former)) = self.window.try_update_value(Option::take) {
            former.destroy().await;
        }
        let (load, methods, agreement) = self.options.with_value(|options| {
            (options.load_sdk.clone(), options.methods.clone(), options.agreement.clone())
        });
        if let Some(load) = load {
            let failed = |_| "SDK_NOT_LOADED".to_owned();
            let loading = load.call1(&JsValue::UNDEFINED, &config.sdk_url.as_str().into()).map_err(failed)?;
            if let Ok(loading) = loading.dyn_into::<Promise>() {
                JsFuture::from(loading).await.map_err(failed)?;
            }
        }
        let terms = self.terms_agreed;
        let hear = move |agreed| {
            // The listener may outlive the view.
            let _ = terms.try_set(agreed);
        };
        Window::draw(&config.client_key, &config.customer_key, amount, (&methods, &agreement), hear).await
    }

    async fn update_amount(self) {
        let window = self.window.try_get_value().flatten();
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
        if let Some((order_id, token)) = self.options.with_value(|options| options.order.clone()) {
            let answer = client.order(&order_id, &token).await;
            return self.placed_or_not(answer.map(|order| Order { status_token: token, ..order }));
        }
        // 1
        let new = self.new_order();
        let Some(mut tab) = session::Order::of_cart(session::Order::load(&client.key), &self.cart_text(), new_id)
        else {
            return self.placed_or_not(Err(Refusal::problem(Code::Internal, client.language)));
        };
        tab.save(&client.key);
        // 2
        let replaces = |tab: &session::Order| Some(tab.replaces.clone()).filter(|id| !id.is_empty());
        let mut answer = client.place(&tab.id, &NewOrder { replaces: replaces(&tab), ..new.clone() }).await;
        // 3
        let in_doubt = answer.as_ref().is_err_and(|refusal| refusal.code() == Some(Code::PreviousPaymentInDoubt));
        if in_doubt && !tab.replaces.is_empty() {
            let former = client.order(&tab.replaces, &tab.replaces_token).await;
            if former.is_ok_and(|former| is_settled(&former)) {
                tab.replaces.clear();
                answer = client.place(&tab.id, &new).await;
            } else {
                self.result_link.set(Some(self.result_of(&tab.replaces, &tab.replaces_token)));
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
            let unpaid = matches!(order.payment_status, PaymentStatus::NotStarted | PaymentStatus::Failure);
            if unpaid && order.order_status != OrderStatus::Completed {
                self.result_link.set(Some(self.result_of(&order.order_id, &order.status_token)));
                return Err(Refusal::problem(Code::OrderNotPayable, self.client().language));
            }
            Ok(order)
        });
        match answer {
            Ok(order) => {
                self.result_link.set(Some(self.result_of(&order.order_id, &order.status_token)));
                let event = Event::Placed { amount: order.quote.amount, status: order.payment_status };
                if !order.quote.lines.is_empty() {
                    self.quote.set(Some(order.quote.clone()));
                }
                self.placed.set(Some(order));
                self.dispatch(event);
            }
            Err(refusal) => {
                for (pointer, code) in &refusal.errors {
                    self.show_fault(pointer, *code);
                }
                let failure = refusal.failure;
                self.refusal.set(Some(refusal));
                self.dispatch(Event::PlaceFailed(failure));
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
        let window = self.window.try_get_value().flatten();
        let (Some(order), Some(window)) = (self.placed.get_untracked(), window) else {
            return self.dispatch(Event::WindowClosed(WindowEnd::Broken));
        };
        let (success_url, fail_url) = self.return_urls(&order);
        let Buyer { name, email, phone } = rules::normalized(&self.buyer());
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (name, email, phone) = (text(&name), text(&email), text(&phone));
        self.remember_page(&order.order_id);
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
        let merchant = self.config.with_untracked(|config: &Option<Config>| {
            config.as_ref().map(|config| config.merchant_id.clone()).unwrap_or_default()
        });
        let api = self.client().api;
        (format!("{api}/payments/{merchant}/success"), format!("{api}/payments/{merchant}/fail"))
    }

    fn result_of(self, order_id: &str, token: &str) -> String {
        let encoded = |text: &str| String::from(js_sys::encode_uri_component(text));
        format!("{}/checkout/result?orderId={}&token={}", self.client().api, encoded(order_id), encoded(token))
    }

    fn new_order(self) -> NewOrder {
        let Buyer { name, email, phone } = rules::normalized(&self.buyer());
        let (member, return_url) =
            self.options.with_value(|options| (options.member.clone(), options.return_url.clone()));
        NewOrder {
            items: self.cart.get_untracked(),
            coupon: self.coupon.get_untracked(),
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

    fn focus_fault(self) {
        // After the fields have been marked.
        request_animation_frame(move || {
            let fault = self.host.try_with_value(|host| host.query_selector("[aria-invalid=true]").ok().flatten());
            if let Some(element) = fault.flatten().and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = element.focus();
            }
        });
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

/// What an offline or a strange answer is to a person, whose words the server's are not.
pub(super) fn failure_text(failure: Failure) -> crate::language::Text {
    match failure {
        Failure::Offline => (
            "네트워크 연결을 확인하고 다시 시도해 주세요.",
            "Check your connection and try again.",
        ),
        Failure::Problem(Code::OriginNotAllowed | Code::Unauthorized | Code::Forbidden) => (
            "상점의 결제 설정을 확인하고 있어요. 잠시 후 다시 방문해 주세요.",
            "This shop's checkout is not set up correctly. Please come back later.",
        ),
        Failure::Problem(code) => (
            code.title(Language::Ko),
            code.title(Language::En),
        ),
        Failure::Unexpected => (
            "잠시 후 다시 시도해 주세요.",
            "Something went wrong. Please try again in a moment.",
        ),
    }
}
