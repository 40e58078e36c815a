//! The coupon: typed and applied, shown as a tag with what it takes off, or refused with the reason beside it.

use super::Checkout;
use crate::erased::{click, event, flag, part, text, written};
use crate::language::fault_text;
use leptos::prelude::*;

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    if checkout.is_fixed() {
        return ().into_any();
    }
    let fault = text(move || {
        let fault = checkout.coupon_fault.get().and_then(fault_text);
        fault.map(|text| tongue.of(text).to_owned()).unwrap_or_default()
    });
    let body = part(move || match checkout.coupon.get() {
        code if code.is_empty() => entry(checkout),
        code => applied(checkout, code),
    });
    view! {
        <section class="card" aria-labelledby="coupon-title">
            <h2 id="coupon-title">{tongue.say("쿠폰", "Coupon")}</h2>
            {body}
            <p id="coupon-fault" class="fault" aria-live="polite">{fault}</p>
        </section>
    }
    .into_any()
}

fn entry(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let locked = || flag(move || !checkout.page.with(|page| page.may_edit()));
    let apply = move || {
        let code = checkout.coupon_typed.with_untracked(|code| code.trim().to_owned());
        if !code.is_empty() {
            checkout.set_coupon(code);
        }
    };
    let typed = event(move |event| {
        checkout.coupon_typed.set(event_target_value(&event));
        checkout.coupon_fault.set(None);
    });
    view! {
        <div class="coupon">
            <label for="coupon" class="sr">{tongue.say("쿠폰 코드", "Coupon code")}</label>
            <input
                id="coupon"
                type="text"
                autocomplete="off"
                maxlength="64"
                placeholder=tongue.say("쿠폰 코드", "Coupon code")
                aria-describedby="coupon-fault"
                aria-invalid=written(move || checkout.coupon_fault.with(Option::is_some))
                disabled=locked()
                prop:value=text(move || checkout.coupon_typed.get())
                on:input=typed
                on:keydown=move |event| {
                    // Enter applies the coupon; it must not press the pay button.
                    if event.key() == "Enter" {
                        event.prevent_default();
                        apply();
                    }
                }
            />
            <button type="button" class="secondary" disabled=locked() on:click=click(apply)>
                {tongue.say("적용", "Apply")}
            </button>
        </div>
    }
    .into_any()
}

fn applied(checkout: Checkout, code: String) -> AnyView {
    let tongue = checkout.tongue;
    let locked = || flag(move || !checkout.page.with(|page| page.may_edit()));
    let remove = click(move || {
        checkout.coupon_typed.set(String::new());
        checkout.set_coupon(String::new());
    });
    view! {
        <div class="coupon-tag">
            <span><b>{code}</b> " " {tongue.say("쿠폰 적용됨", "coupon applied")}</span>
            <button type="button" class="link" disabled=locked() on:click=remove>{tongue.say("빼기", "Remove")}</button>
        </div>
    }
    .into_any()
}
