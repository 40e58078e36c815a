//! The result page: what became of the order, by the server's word, asked again while the PSP has not said.

use crate::browser;
use crate::checkout::{languages, skeleton};
use crate::client::{Client, Order, Refusal};
use crate::erased::{ReadText, part, text};
use crate::json::{Json, Writer};
use crate::language::{Text, Tongue, fault_text};
use crate::options::Options;
use crate::session::{self, PayingPage};
use gyesan_core::page::outcome::{Outcome, poll_delay_ms};
use gyesan_core::page::{Failure, WindowEnd};
use gyesan_core::problem::{Code, Language};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::{HtmlElement, UrlSearchParams};

/// What the page knows.
#[derive(Clone, Debug)]
enum Known {
    /// The first answer is on its way.
    Nothing,
    /// The order as it was last read.
    Order(Box<Order>),
    /// The order could not be read.
    Refused(Failure),
    /// There is no order to show: the return from the PSP could not be taken up, or nobody here may read it.
    Faulty,
}

/// What does not change while the page is open.
#[derive(Clone)]
struct Held {
    /// The element on which events are raised.
    element: HtmlElement,
    /// The element that the views are mounted in.
    host: HtmlElement,
    client: Client,
    order_id: String,
    token: String,
    /// What the PSP's failure redirect said: advisory, anybody can open that address.
    advice: Option<WindowEnd>,
    /// Why the return from the PSP was not taken up.
    fault: Option<Code>,
}

/// The result page's state.
#[derive(Clone, Copy)]
pub struct ResultPage {
    tongue: Tongue,
    held: StoredValue<Held, LocalStorage>,
    known: RwSignal<Known>,
}

impl ResultPage {
    /// Reads the address of the page, and takes the PSP's parameters out of it.
    pub fn new(options: Options, host: HtmlElement) -> ResultPage {
        let location = window().location();
        let search = location.search().unwrap_or_default();
        let params = UrlSearchParams::new_with_str(&search).ok();
        let get = |name: &str| params.as_ref().and_then(|params| params.get(name)).unwrap_or_default();
        let (order_id, token, code) = (get("orderId"), get("token"), get("code"));
        // A failure whose address had lost its token brings none; the tab that paid has one.
        let token = match PayingPage::load(&order_id) {
            Some(page) if token.is_empty() => page.token,
            _ => token,
        };
        let error = get("error");
        if let Some(params) = &params {
            for name in ["paymentKey", "paymentType", "amount", "message"] {
                params.delete(name);
            }
            let rest = String::from(params.to_string());
            let path = location.pathname().unwrap_or_default();
            let address = if rest.is_empty() { path } else { format!("{path}?{rest}") };
            if let Ok(history) = window().history() {
                let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&address));
            }
        }
        let fault = Code::ALL.iter().find(|known| known.as_str() == error).copied();
        let known = if order_id.is_empty() || token.is_empty() { Known::Faulty } else { Known::Nothing };
        ResultPage {
            tongue: Tongue(RwSignal::new(options.language)),
            held: StoredValue::new_local(Held {
                element: options.element,
                host,
                client: Client { api: options.api, key: String::new(), language: options.language },
                order_id,
                token,
                advice: (!code.is_empty()).then(|| WindowEnd::from_code(&code)),
                fault,
            }),
            known: RwSignal::new(known),
        }
    }

    /// Asks for the order, and again with growing pauses while its payment is being checked.
    pub fn start(self) {
        if self.known.with_untracked(|known| matches!(known, Known::Nothing)) {
            browser::spawn(self.ask());
        } else {
            self.focus_heading();
        }
    }

    async fn ask(self) {
        let Held { client, order_id, token, .. } = self.held.get_value();
        for asked in 0.. {
            let answer = client.order(&order_id, &token).await;
            if self.known.is_disposed() {
                // The element left the document meanwhile.
                return;
            }
            let goes_on = match &answer {
                Ok(order) => !outcome(order).is_final(),
                Err(refusal) => refusal.failure.is_passing(),
            };
            self.learn(answer);
            if !goes_on {
                return;
            }
            browser::sleep(poll_delay_ms(asked)).await;
        }
    }

    fn learn(self, answer: Result<Order, Refusal>) {
        let shown = self.known.with_untracked(|known| match known {
            Known::Order(order) => Some(outcome(order)),
            Known::Nothing | Known::Refused(_) | Known::Faulty => None,
        });
        match answer {
            Ok(order) => {
                let outcome = outcome(&order);
                // What is said stays as it is: nothing to read out again.
                if shown == Some(outcome) {
                    return;
                }
                if outcome == Outcome::Paid {
                    session::forget_paid(&order.order_id);
                }
                self.held.with_value(|held| {
                    browser::emit_status(&held.element, outcome_name(outcome), Some(&order.order_id));
                });
                self.known.set(Known::Order(Box::new(order)));
            }
            // "Still checking" stays what is known when the network is lost meanwhile.
            Err(refusal) if refusal.failure.is_passing() && shown.is_some() => return,
            Err(refusal) => self.known.set(Known::Refused(refusal.failure)),
        }
        self.focus_heading();
    }

    /// The heading takes the focus when it changes, so that a screen reader reads it first.
    fn focus_heading(self) {
        let host = self.held.with_value(|held| held.host.clone());
        browser::focus(host, "h1");
    }

    /// The whole page.
    pub fn view(self) -> AnyView {
        let tongue = self.tongue;
        let title = || tongue.say("결제 결과", "Payment result");
        view! {
            <section class="checkout result" lang=tongue.tag() aria-label=title()>
                <header class="top"><p class="shop">{title()}</p>{languages(tongue)}</header>
                <div class="panel" aria-live="polite">{part(move || self.panel())}</div>
            </section>
        }
        .into_any()
    }

    fn panel(self) -> AnyView {
        self.known.with(|known| match known {
            Known::Nothing => {
                let waiting = self.tongue.say("결제 결과를 확인하고 있어요.", "Looking up your payment.");
                view! { {skeleton(3)} <p class="sr" role="status">{waiting}</p> }.into_any()
            }
            Known::Order(order) => self.order(order),
            Known::Refused(failure) => self.refused(*failure),
            Known::Faulty => self.faulty(),
        })
    }

    fn order(self, order: &Order) -> AnyView {
        let tongue = self.tongue;
        let outcome = outcome(order);
        let (mark, title, said) = words(outcome, self.held.with_value(|held| held.advice));
        let mut below = vec![heading(tongue, mark, title, said)];
        // The PSP's words say more than ours about a refusal, but only in the server's answer, never in an address.
        if let (Outcome::Refused { .. }, Some(reason)) = (outcome, order.failure.clone()) {
            below.push(view! { <p class="reason">{reason}</p> }.into_any());
        }
        let fault = self.held.with_value(|held| held.fault).and_then(fault_text);
        if let (Outcome::Open | Outcome::Expired | Outcome::Canceled, Some(fault)) = (outcome, fault) {
            below.push(view! { <p class="reason">{tongue.tell(fault)}</p> }.into_any());
        }
        if outcome == Outcome::Checking {
            let waiting = tongue.say("자동으로 다시 확인하고 있어요.", "This page checks again by itself.");
            below.push(view! { <p class="waiting">{waiting}</p> }.into_any());
        }
        below.push(facts(tongue, order, outcome));
        below.push(self.actions(order, outcome));
        below.into_any()
    }

    fn actions(self, order: &Order, outcome: Outcome) -> AnyView {
        let tongue = self.tongue;
        let mut actions = Vec::new();
        let receipt = order.receipt_url.clone().filter(|_| outcome == Outcome::Paid);
        if let Some(href) = receipt {
            let label = tongue.say("영수증 보기", "View receipt");
            let link = view! { <a class="secondary" href=href target="_blank" rel="noopener">{label}</a> };
            actions.push(link.into_any());
        }
        let can_retry = matches!(outcome, Outcome::Open | Outcome::Refused { payable: true });
        let label: Text = if can_retry {
            ("다시 결제하기", "Try again")
        } else {
            ("쇼핑 계속하기", "Back to the shop")
        };
        let page = PayingPage::load(&order.order_id).map(|page| page.href);
        let back = page.or_else(|| order.return_url.clone());
        if let Some(href) = back.filter(|_| outcome.is_final()) {
            actions.push(view! { <a class="primary" href=href>{tongue.tell(label)}</a> }.into_any());
        }
        view! { <div class="actions">{actions}</div> }.into_any()
    }

    fn refused(self, failure: Failure) -> AnyView {
        if failure.is_passing() {
            let said = (
                "결제 결과를 다시 확인하고 있어요. 다시 결제하지 마세요.",
                "We keep looking up the result. Please do not pay again.",
            );
            return heading(self.tongue, "wait", ("연결이 끊겼어요", "You seem to be offline"), said);
        }
        let said = (
            "링크가 만료되었거나 올바르지 않아요. 주문한 상점에 문의해 주세요.",
            "The link has expired or is not valid. Please ask the shop.",
        );
        heading(self.tongue, "warn", ("결제 결과를 볼 수 없어요", "The result cannot be shown"), said)
    }

    fn faulty(self) -> AnyView {
        let code = self.held.with_value(|held| held.fault);
        let title: Text = match self.held.with_value(|held| held.advice) {
            Some(WindowEnd::Canceled) => ("결제를 취소했어요", "Payment canceled"),
            Some(WindowEnd::Refused) => ("결제가 승인되지 않았어요", "The payment was declined"),
            _ => ("결제를 진행하지 못했어요", "The payment did not go through"),
        };
        let said: Text = match code.and_then(fault_text) {
            Some(text) => text,
            None if self.held.with_value(|held| held.advice).is_some() => {
                ("쇼핑몰로 돌아가 다시 시도해 주세요.", "Please go back to the shop and try again.")
            }
            None => (
                "주문 정보를 찾을 수 없어요. 주문한 상점에서 다시 시도해 주세요.",
                "We could not find the order. Please go back to the shop and try again.",
            ),
        };
        let mut below = vec![heading(self.tongue, "warn", title, said)];
        if let Some(code) = code {
            below.push(view! { <p class="code">{code.as_str()}</p> }.into_any());
        }
        below.into_any()
    }
}

/// Mark, heading and sentence.
fn heading(tongue: Tongue, mark: &'static str, title: Text, said: Text) -> AnyView {
    let (class, sign) = match mark {
        "ok" => ("mark ok", "✓"),
        "wait" => ("mark wait", "…"),
        _ => ("mark warn", "!"),
    };
    view! {
        <span class=class aria-hidden="true">{sign}</span>
        <h1 tabindex="-1">{tongue.tell(title)}</h1>
        <p>{tongue.tell(said)}</p>
    }
    .into_any()
}

fn facts(tongue: Tongue, order: &Order, outcome: Outcome) -> AnyView {
    let is_paid = outcome == Outcome::Paid;
    let fact = |class: &'static str, name: Text, value: ReadText| {
        view! { <div class=class><dt>{tongue.tell(name)}</dt><dd>{value}</dd></div> }.into_any()
    };
    let fixed = |value: String| text(move || value.clone());
    let amount = order.quote.amount;
    let amount_name = if is_paid { ("결제 금액", "Paid") } else { ("주문 금액", "Amount") };
    let mut facts = vec![
        fact("", ("주문 상품", "Order"), fixed(order.order_name.clone())),
        fact("total", amount_name, text(move || tongue.won(amount))),
    ];
    if let Some(method) = order.method.clone().filter(|_| is_paid) {
        facts.push(fact("", ("결제 수단", "Method"), fixed(method)));
    }
    if let Some(at) = order.approved_at.clone().filter(|_| is_paid) {
        facts.push(fact("", ("결제 일시", "Paid at"), text(move || moment(tongue.0.get(), &at))));
    }
    facts.push(fact("id", ("주문 번호", "Order number"), fixed(order.order_id.clone())));
    view! { <dl class="totals facts">{facts}</dl> }.into_any()
}

/// A moment as people of the language write it, in the buyer's own time zone.
fn moment(language: Language, at: &str) -> String {
    let options = Writer::default().set("dateStyle", "medium").set("timeStyle", "short").value();
    let locale = match language {
        Language::Ko => "ko-KR",
        Language::En => "en-US",
    };
    let text = js_sys::Date::new(&JsValue::from_str(at)).to_locale_string(locale, &options);
    Json(text.into()).text().unwrap_or_default()
}

fn outcome(order: &Order) -> Outcome {
    Outcome::of(order.payment_status, order.order_status, order.retryable)
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Paid => "paid",
        Outcome::Checking => "checking",
        Outcome::Refused { .. } => "refused",
        Outcome::Open => "open",
        Outcome::Expired => "expired",
        Outcome::Canceled => "canceled",
    }
}

/// Mark, heading and sentence of an outcome.
fn words(outcome: Outcome, advice: Option<WindowEnd>) -> (&'static str, Text, Text) {
    match outcome {
        Outcome::Paid => (
            "ok",
            ("결제가 완료됐어요", "Payment complete"),
            ("주문해 주셔서 고맙습니다.", "Thank you for your order."),
        ),
        Outcome::Checking => (
            "wait",
            ("결제를 확인하고 있어요", "We are checking your payment"),
            (
                "카드사의 응답을 기다리고 있어요. 이 화면을 닫아도 결과는 바뀌지 않아요. 다시 결제하지 마세요.",
                "We are waiting for the card company. Closing this page changes nothing. Please do not pay again.",
            ),
        ),
        Outcome::Refused { .. } => (
            "warn",
            ("결제가 승인되지 않았어요", "The payment was declined"),
            ("결제 금액은 청구되지 않았어요.", "You have not been charged."),
        ),
        Outcome::Open => match advice {
            Some(WindowEnd::Refused) => (
                "warn",
                ("결제가 승인되지 않았어요", "The payment was declined"),
                (
                    "결제 금액은 청구되지 않았어요. 다른 결제 수단으로 다시 시도해 주세요.",
                    "You have not been charged. Please try another payment method.",
                ),
            ),
            Some(WindowEnd::Canceled) => (
                "warn",
                ("결제를 취소했어요", "Payment canceled"),
                ("아직 결제되지 않았어요.", "You have not been charged."),
            ),
            _ => (
                "warn",
                ("아직 결제되지 않았어요", "Not paid yet"),
                ("결제를 마치지 않은 주문이에요.", "This order has not been paid."),
            ),
        },
        Outcome::Expired => (
            "warn",
            ("결제 시간이 지났어요", "This order has expired"),
            (
                "결제되지 않았어요. 상점에서 새로 주문해 주세요.",
                "You have not been charged. Please order again in the shop.",
            ),
        ),
        Outcome::Canceled => (
            "warn",
            ("취소된 주문이에요", "This order was canceled"),
            ("결제된 금액이 있다면 환불됩니다.", "Anything you paid is refunded."),
        ),
    }
}
