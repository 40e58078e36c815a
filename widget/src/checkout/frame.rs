//! The frame of the page: header with the language switch, the two columns, and what stands there instead when
//! the page cannot be used.

use super::act::failure_text;
use super::{Checkout, buyer, cart, coupon, pay, totals};
use crate::language::Tongue;
use gyesan_core::page::{Event, Failure, Phase, Price, Standing};
use gyesan_core::problem::{Code, Language};
use leptos::prelude::*;

pub(super) fn view(checkout: Checkout) -> impl IntoView {
    let tongue = checkout.tongue;
    let shop = move || checkout.config.with(|config| config.as_ref().map(|config| config.shop.clone()));
    // The parts are built once per kind of page, not at every change of a phase: typing and focus stay.
    let kind = Memo::new(move |_| {
        let page = checkout.page.get();
        let has_quote = checkout.quote.with(Option::is_some);
        match (page.phase, page.price) {
            (Phase::Stopped(failure), _) => Kind::Stopped(failure),
            (Phase::Closed(standing), _) => Kind::Closed(standing),
            (Phase::Starting, _) => Kind::Loading,
            (_, Price::Refused(failure)) if !has_quote => Kind::Unpriced(failure),
            _ if !has_quote => Kind::Loading,
            _ => Kind::Open,
        }
    });
    view! {
        <section class="checkout" lang={move || tongue.0.get().tag()} aria-label=tongue.say("주문/결제", "Checkout")>
            <header class="top">
                <div>
                    <p class="shop">{shop}</p>
                    <h1>{tongue.say("주문/결제", "Checkout")}</h1>
                </div>
                {languages(tongue, move |language| checkout.set_language(language))}
            </header>
            {move || match kind.get() {
                Kind::Loading => skeleton(tongue).into_any(),
                Kind::Open => open(checkout).into_any(),
                Kind::Stopped(failure) | Kind::Unpriced(failure) => stopped(checkout, failure).into_any(),
                Kind::Closed(standing) => closed(checkout, standing).into_any(),
            }}
        </section>
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Loading,
    Open,
    Stopped(Failure),
    Unpriced(Failure),
    Closed(Standing),
}

/// 한국어 | English, as two toggle buttons.
pub(crate) fn languages(tongue: Tongue, choose: impl Fn(Language) + Copy + 'static) -> impl IntoView {
    let button = move |language: Language, label: &'static str| {
        let pressed = move || if tongue.0.get() == language { "true" } else { "false" };
        view! {
            <button type="button" lang=language.tag() aria-pressed=pressed on:click=move |_| choose(language)>{label}</button>
        }
    };
    view! {
        <div class="languages" role="group" aria-label=tongue.say("언어", "Language")>
            {button(Language::Ko, "한국어")} {button(Language::En, "English")}
        </div>
    }
}

fn skeleton(tongue: Tongue) -> impl IntoView {
    view! {
        <p class="sr" role="status">{tongue.say("불러오는 중입니다.", "Loading.")}</p>
        <div class="skeleton" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
    }
}

/// Two columns where there is room, and a bar at the bottom with the total where there is not.
fn open(checkout: Checkout) -> impl IntoView {
    view! {
        <form class="columns" novalidate on:submit=move |event| { event.prevent_default(); checkout.pay(); }>
            <div class="main">
                {cart::view(checkout)}
                {buyer::view(checkout)}
                {pay::methods(checkout)}
            </div>
            <aside class="side">
                {coupon::view(checkout)}
                {totals::view(checkout)}
                {pay::agreement(checkout)}
            </aside>
            {pay::bar(checkout)}
        </form>
    }
}

/// The page cannot be used: why, and the way on where there is one.
fn stopped(checkout: Checkout, failure: Failure) -> impl IntoView {
    let tongue = checkout.tongue;
    let title = match failure {
        Failure::Offline => ("연결이 끊겼어요", "You seem to be offline"),
        Failure::Problem(Code::OrderEmpty) => ("주문할 상품이 없어요", "There is nothing to order"),
        Failure::Problem(Code::ProductNotFound) => ("판매하지 않는 상품이 있어요", "An item is no longer sold"),
        _ => ("지금은 결제할 수 없어요", "Checkout is not available"),
    };
    let detail = move || {
        let said = checkout.refusal.with(|refusal| {
            refusal.as_ref().and_then(|refusal| refusal.code()).map(Code::as_str)
        });
        said.map(|code| view! { <p class="code">{code}</p> })
    };
    view! {
        <div class="panel" role="alert">
            <span class="mark warn" aria-hidden="true">"!"</span>
            <h2>{move || tongue.of(title)}</h2>
            <p>{move || tongue.of(failure_text(failure))}</p>
            {detail}
            {failure.is_passing().then(|| view! {
                <button type="button" class="primary" on:click=move |_| checkout.dispatch(Event::RetryPressed)>
                    {tongue.say("다시 시도", "Try again")}
                </button>
            })}
        </div>
    }
}

/// The cart's order takes no payment: where it stands, and what the buyer can do.
fn closed(checkout: Checkout, standing: Standing) -> impl IntoView {
    let tongue = checkout.tongue;
    let (mark, title, text) = match standing {
        Standing::Paid => (
            ("ok", "✓"),
            ("이미 결제된 주문이에요", "This order is already paid"),
            ("같은 주문이 두 번 결제되지 않도록 멈췄어요.", "We stopped here so that you are not charged twice."),
        ),
        Standing::InDoubt => (
            ("wait", "…"),
            ("이전 결제를 확인하고 있어요", "We are still checking your earlier payment"),
            (
                "결과가 확인될 때까지 다시 결제하지 마세요. 이중 결제를 막기 위해 잠시 멈췄어요.",
                "Please do not pay again until it is settled. This keeps you from being charged twice.",
            ),
        ),
        Standing::Unpayable => (
            ("warn", "!"),
            ("결제 시간이 지난 주문이에요", "This order can no longer be paid"),
            ("결제되지 않았어요. 새 주문으로 다시 진행해 주세요.", "You were not charged. Please start a new order."),
        ),
    };
    let link = move || {
        checkout.result_link.get().map(|href| {
            view! { <a class="primary" href=href>{tongue.say("결제 결과 보기", "See the result")}</a> }
        })
    };
    let again = (standing != Standing::InDoubt && !checkout.is_fixed()).then(|| {
        view! {
            <button type="button" class="secondary" on:click=move |_| checkout.dispatch(Event::NewOrderPressed)>
                {tongue.say("새로 주문하기", "Start a new order")}
            </button>
        }
    });
    view! {
        <div class="panel" role="alert">
            <span class={format!("mark {}", mark.0)} aria-hidden="true">{mark.1}</span>
            <h2>{move || tongue.of(title)}</h2>
            <p>{move || tongue.of(text)}</p>
            {link}
            {again}
        </div>
    }
}
