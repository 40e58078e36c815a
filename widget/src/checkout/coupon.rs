//! The coupon: typed and applied, shown as a tag with what it takes off, or refused with the reason beside it.

use super::Checkout;
use leptos::prelude::*;

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    if checkout.is_fixed() {
        return ().into_any();
    }
    let typed = RwSignal::new(String::new());
    let may_edit = move || checkout.page.with(|page| page.may_edit());
    let apply = move || {
        let code = typed.with_untracked(|code| code.trim().to_owned());
        if !code.is_empty() {
            checkout.set_coupon(Some(code));
        }
    };
    let fault = move || checkout.coupon_fault.get().map(|code| code.title(tongue.0.get()));
    let applied = move || checkout.coupon.get();
    let entry = move || {
        view! {
            <div class="coupon">
                <label for="coupon" class="sr">{tongue.say("쿠폰 코드", "Coupon code")}</label>
                <input
                    id="coupon"
                    type="text"
                    autocomplete="off"
                    autocapitalize="characters"
                    spellcheck="false"
                    maxlength="64"
                    placeholder=tongue.say("쿠폰 코드", "Coupon code")
                    aria-describedby="coupon-fault"
                    aria-invalid={move || if fault().is_some() { "true" } else { "false" }}
                    disabled={move || !may_edit()}
                    prop:value={move || typed.get()}
                    on:input=move |event| {
                        typed.set(event_target_value(&event));
                        checkout.coupon_fault.set(None);
                    }
                    on:keydown=move |event| {
                        // Enter applies the coupon; it must not press the pay button.
                        if event.key() == "Enter" {
                            event.prevent_default();
                            apply();
                        }
                    }
                />
                <button type="button" class="secondary" disabled={move || !may_edit()} on:click=move |_| apply()>
                    {tongue.say("적용", "Apply")}
                </button>
            </div>
        }
    };
    let tag = move |code: String| {
        view! {
            <div class="coupon-tag">
                <span><b>{code}</b> " " {tongue.say("쿠폰 적용됨", "coupon applied")}</span>
                <button type="button" class="link" disabled={move || !may_edit()} on:click=move |_| {
                    typed.set(String::new());
                    checkout.set_coupon(None);
                }>{tongue.say("빼기", "Remove")}</button>
            </div>
        }
    };
    view! {
        <section class="card" aria-labelledby="coupon-title">
            <h2 id="coupon-title">{tongue.say("쿠폰", "Coupon")}</h2>
            {move || match applied() {
                Some(code) => tag(code).into_any(),
                None => entry().into_any(),
            }}
            <p id="coupon-fault" class="fault" aria-live="polite">{fault}</p>
        </section>
    }
    .into_any()
}
