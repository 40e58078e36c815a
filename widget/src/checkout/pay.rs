//! Payment: the slots that the PSP draws into, what is said above the button, the button, and the bar on phones.

use super::Checkout;
use super::act::failure_text;
use super::totals::amount;
use crate::erased::{ReadText, click, flag, part_of, text, written};
use crate::language::Text;
use gyesan_core::page::{Event, Methods, Notice, Page, Price, WindowEnd};
use gyesan_core::problem::{Code, Language};
use leptos::prelude::*;

/// The PSP's choice of methods; drawn by its script into a light-DOM child of the element, shown through a slot.
pub(super) fn methods(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let only_methods = |page: Page| Page { methods: page.methods, ..Page::default() };
    let above = part_of(checkout.page, only_methods, move |page| match page.methods {
        Methods::Waiting | Methods::Loading => skeleton(2),
        Methods::Failed => {
            let what = ("결제 수단을 불러오지 못했어요.", "The payment methods could not be loaded.");
            fault(checkout, text(move || tongue.of(what).to_owned()), Event::MethodsRetryPressed)
        }
        Methods::Shown => ().into_any(),
    });
    view! {
        <section class="card" aria-labelledby="methods-title">
            <h2 id="methods-title">{tongue.say("결제 수단", "Payment")}</h2>
            {above}
            <slot name="gyesan-methods"></slot>
        </section>
    }
    .into_any()
}

/// Grey bars in place of what is on its way.
pub(crate) fn skeleton(bars: usize) -> AnyView {
    let bars: Vec<AnyView> = (0..bars).map(|_| view! { <i></i> }.into_any()).collect();
    view! { <div class="skeleton" aria-hidden="true">{bars}</div> }.into_any()
}

/// Something could not be had: what, and another try.
fn fault(checkout: Checkout, what: ReadText, retry: Event) -> AnyView {
    let tongue = checkout.tongue;
    view! {
        <div class="inline-alert" role="alert">
            <p>{what}</p>
            <button type="button" class="secondary" on:click=click(move || checkout.dispatch(retry))>
                {tongue.say("다시 시도", "Try again")}
            </button>
        </div>
    }
    .into_any()
}

/// The PSP's terms, and what makes buyers trust the page.
pub(super) fn agreement(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let trust = tongue.say(
        "카드 정보는 토스페이먼츠가 안전하게 처리해요.",
        "Card details are handled securely by Toss Payments.",
    );
    view! {
        <div class="agreement">
            <slot name="gyesan-agreement"></slot>
            <p class="trust">
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M5 9V7a5 5 0 0 1 10 0v2M4 9h12v8H4z"/></svg>
                {trust}
            </p>
        </div>
    }
    .into_any()
}

/// The pay button with the amount; on phones it stays at the bottom of the window.
pub(super) fn bar(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let is_paying = move || checkout.page.with(|page| page.is_paying());
    let total = text(move || tongue.won(amount(checkout)));
    let label = text(move || {
        if is_paying() {
            return tongue.of(("결제창을 여는 중…", "Opening payment…")).to_owned();
        }
        let won = tongue.won(amount(checkout));
        match tongue.0.get() {
            Language::Ko => format!("{won} 결제하기"),
            Language::En => format!("Pay {won}"),
        }
    });
    // The price of a changed cart could not be had: the cart stays, with a way on.
    let only_refusal = |page: Page| match page.price {
        Price::Refused(_) => Page { price: page.price, ..Page::default() },
        Price::Pending | Price::Known(_) => Page::default(),
    };
    let refused = part_of(checkout.page, only_refusal, move |page| match page.price {
        Price::Refused(failure) => {
            fault(checkout, text(move || failure_text(checkout, failure)), Event::RetryPressed)
        }
        Price::Pending | Price::Known(_) => ().into_any(),
    });
    view! {
        <div class="bar">
            <p class="notice" role="alert">{text(move || notice(checkout).unwrap_or_default())}</p>
            {refused}
            <p class="bar-total"><span>{tongue.say("총 결제 금액", "Total")}</span><b>{total}</b></p>
            <button
                type="submit"
                class="primary pay"
                disabled=flag(move || !checkout.page.with(|page| page.may_pay()))
                aria-busy=written(is_paying)
            >
                {label}
            </button>
        </div>
    }
    .into_any()
}

fn notice(checkout: Checkout) -> Option<String> {
    let notice = checkout.page.with(|page| page.notice)?;
    let text: Text = match notice {
        Notice::CheckFields => ("입력한 정보를 확인해 주세요.", "Please check the highlighted fields."),
        Notice::PriceChanged => (
            "가격이 바뀌었어요. 새 금액을 확인하고 다시 눌러 주세요.",
            "The price has changed. Please check the new total and press again.",
        ),
        Notice::Window(WindowEnd::Canceled) => (
            "결제를 취소했어요. 아직 결제되지 않았습니다.",
            "You closed the payment window. You have not been charged.",
        ),
        Notice::Window(WindowEnd::Refused) => (
            "결제가 승인되지 않았어요. 다른 결제 수단으로 시도해 주세요.",
            "The payment was declined. Please try another method.",
        ),
        Notice::Window(WindowEnd::TermsMissing) => {
            ("필수 약관에 동의해 주세요.", "Please agree to the required terms.")
        }
        Notice::Window(WindowEnd::MethodMissing) => {
            ("결제 수단을 선택해 주세요.", "Please choose a payment method.")
        }
        Notice::Window(WindowEnd::Broken) => (
            "결제창을 열지 못했어요. 잠시 후 다시 시도해 주세요.",
            "The payment window could not be opened. Please try again.",
        ),
        Notice::NotPlaced(gyesan_core::page::Failure::Problem(Code::InvalidBuyer)) => {
            ("입력한 정보를 확인해 주세요.", "Please check the highlighted fields.")
        }
        Notice::NotPlaced(failure) => return Some(failure_text(checkout, failure)),
    };
    Some(checkout.tongue.of(text).to_owned())
}
