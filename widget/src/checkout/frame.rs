//! The frame of the page: header with the language switch, the two columns, and what stands there instead when
//! the page cannot be used.

use super::act::failure_text;
use super::{Checkout, buyer, cart, coupon, pay, totals};
use crate::erased::{ReadText, click, part_of, text, written};
use crate::language::{Text, Tongue};
use gyesan_core::money::Amount;
use gyesan_core::page::{Event, Failure, Page, Phase, Price, Standing};
use gyesan_core::problem::{Code, Language};
use leptos::prelude::*;

const TITLE: Text = ("주문/결제", "Checkout");

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let shop = text(move || {
        checkout.page.track();
        checkout
            .held
            .with_value(|held| held.config.as_ref().map(|config| config.shop.clone()).unwrap_or_default())
    });
    // Built anew only when another kind of page is to be shown: what is typed, and the focus, stay.
    let kind = move |page: Page| {
        let phase = if page.is_paying() { Phase::Editing } else { page.phase };
        let price = match page.price {
            _ if checkout.quote.with(Option::is_some) => Price::Known(Amount::ZERO),
            Price::Refused(failure) => Price::Refused(failure),
            Price::Pending | Price::Known(_) => Price::Pending,
        };
        Page { phase, price, ..Page::default() }
    };
    let body = part_of(checkout.page, kind, move |page| match (page.phase, page.price) {
        (Phase::Stopped(failure), _) => stopped(checkout, failure),
        (Phase::Closed(standing), _) => closed(checkout, standing),
        (Phase::Starting, _) | (_, Price::Pending) => loading(tongue),
        (_, Price::Refused(failure)) => stopped(checkout, failure),
        (_, Price::Known(_)) => open(checkout),
    });
    view! {
        <section class="checkout" lang=tongue.tag() aria-label=tongue.tell(TITLE)>
            <header class="top">
                <div><p class="shop">{shop}</p><h1>{tongue.tell(TITLE)}</h1></div>
                {languages(tongue)}
            </header>
            {body}
        </section>
    }
    .into_any()
}

/// 한국어 | English, as two toggle buttons.
pub(crate) fn languages(tongue: Tongue) -> AnyView {
    let button = move |language: Language, label: &'static str| {
        let pressed = written(move || tongue.0.get() == language);
        let choose = click(move || tongue.0.set(language));
        view! { <button type="button" lang=language.tag() aria-pressed=pressed on:click=choose>{label}</button> }
    };
    view! {
        <div class="languages" role="group" aria-label=tongue.say("언어", "Language")>
            {button(Language::Ko, "한국어")}
            {button(Language::En, "English")}
        </div>
    }
    .into_any()
}

fn loading(tongue: Tongue) -> AnyView {
    view! {
        <p class="sr" role="status">{tongue.say("불러오는 중입니다.", "Loading.")}</p>
        {pay::skeleton(4)}
    }
    .into_any()
}

/// Two columns where there is room, and a bar at the bottom with the total where there is not.
fn open(checkout: Checkout) -> AnyView {
    view! {
        <form
            class="columns"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                checkout.pay();
            }
        >
            <div class="main">{cart::view(checkout)} {buyer::view(checkout)} {pay::methods(checkout)}</div>
            <aside class="side">{coupon::view(checkout)} {totals::view(checkout)} {pay::agreement(checkout)}</aside>
            {pay::bar(checkout)}
        </form>
    }
    .into_any()
}

/// Mark, heading and sentence, and below them whatever leads on.
fn panel(
    tongue: Tongue,
    mark: (&'static str, &'static str),
    title: Text,
    said: ReadText,
    below: Vec<AnyView>,
) -> AnyView {
    view! {
        <div class="panel" role="alert">
            <span class=mark.0 aria-hidden="true">{mark.1}</span>
            <h2>{tongue.tell(title)}</h2>
            <p>{said}</p>
            {below}
        </div>
    }
    .into_any()
}

fn button(tongue: Tongue, class: &'static str, label: Text, press: impl FnMut() + Send + 'static) -> AnyView {
    view! { <button type="button" class=class on:click=click(press)>{tongue.tell(label)}</button> }.into_any()
}

/// The page cannot be used: why, and the way on where there is one.
fn stopped(checkout: Checkout, failure: Failure) -> AnyView {
    let tongue = checkout.tongue;
    let title = match failure {
        Failure::Offline => ("연결이 끊겼어요", "You seem to be offline"),
        Failure::Problem(Code::OrderEmpty) => ("주문할 상품이 없어요", "There is nothing to order"),
        Failure::Problem(Code::ProductNotFound) => {
            ("판매하지 않는 상품이 있어요", "An item is no longer sold")
        }
        _ => ("지금은 결제할 수 없어요", "Checkout is not available"),
    };
    let mut below = Vec::new();
    if let Failure::Problem(code) = failure {
        below.push(view! { <p class="code">{code.as_str()}</p> }.into_any());
    }
    if failure.is_passing() {
        let retry = move || checkout.dispatch(Event::RetryPressed);
        below.push(button(tongue, "primary", ("다시 시도", "Try again"), retry));
    }
    panel(tongue, ("mark warn", "!"), title, text(move || failure_text(checkout, failure)), below)
}

/// The cart's order takes no payment: where it stands, and what the buyer can do.
fn closed(checkout: Checkout, standing: Standing) -> AnyView {
    let tongue = checkout.tongue;
    let (mark, title, said) = match standing {
        Standing::Paid => (
            ("mark ok", "✓"),
            ("이미 결제된 주문이에요", "This order is already paid"),
            (
                "같은 주문이 두 번 결제되지 않도록 멈췄어요.",
                "We stopped here so that you are not charged twice.",
            ),
        ),
        Standing::InDoubt => (
            ("mark wait", "…"),
            ("이전 결제를 확인하고 있어요", "We are still checking your earlier payment"),
            (
                "결과가 확인될 때까지 다시 결제하지 마세요. 이중 결제를 막기 위해 잠시 멈췄어요.",
                "Please do not pay again until it is settled. This keeps you from being charged twice.",
            ),
        ),
        Standing::Unpayable => (
            ("mark warn", "!"),
            ("더 이상 결제할 수 없는 주문이에요", "This order can no longer be paid"),
            (
                "결제되지 않았어요. 새 주문으로 다시 진행해 주세요.",
                "You were not charged. Please start a new order.",
            ),
        ),
    };
    let mut below = Vec::new();
    if let Some(href) = checkout.held.with_value(|held| held.result_link.clone()) {
        below.push(
            view! { <a class="primary" href=href>{tongue.say("결제 결과 보기", "See the result")}</a> }
                .into_any(),
        );
    }
    if standing != Standing::InDoubt && !checkout.is_fixed() {
        let new_order = move || checkout.dispatch(Event::NewOrderPressed);
        below.push(button(tongue, "secondary", ("새로 주문하기", "Start a new order"), new_order));
    }
    panel(tongue, mark, title, text(move || tongue.of(said).to_owned()), below)
}
