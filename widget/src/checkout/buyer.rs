//! The buyer's form: name, e-mail, phone, each with its fault beside it.

use super::{Checkout, Field};
use crate::erased::{event, flag, text, written};
use crate::language::{Text, fault_text};
use leptos::prelude::*;

/// How one field looks to the browser.
#[derive(Clone, Copy)]
struct Look {
    id: &'static str,
    pointer: &'static str,
    label: Text,
    kind: &'static str,
    autocomplete: &'static str,
    example: Text,
}

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let name = Look {
        id: "name",
        pointer: "/name",
        label: ("이름", "Name"),
        kind: "text",
        autocomplete: "name",
        example: ("김토스", "Kim Toss"),
    };
    let phone = Look {
        id: "phone",
        pointer: "/phone",
        label: ("휴대폰 번호", "Phone"),
        kind: "tel",
        autocomplete: "tel-national",
        example: ("010-1234-5678", "010-1234-5678"),
    };
    let email = Look {
        id: "email",
        pointer: "/email",
        label: ("이메일", "E-mail"),
        kind: "email",
        autocomplete: "email",
        example: ("toss@example.com", "toss@example.com"),
    };
    view! {
        <section class="card" aria-labelledby="buyer-title">
            <h2 id="buyer-title">{tongue.say("구매자 정보", "Your details")}</h2>
            <div class="fields">
                {field(checkout, checkout.name, name)}
                {field(checkout, checkout.phone, phone)}
                {field(checkout, checkout.email, email)}
            </div>
        </section>
    }
    .into_any()
}

fn field(checkout: Checkout, field: Field, look: Look) -> AnyView {
    let tongue = checkout.tongue;
    let fault_id = format!("{}-fault", look.id);
    let fault = text(move || {
        let fault = field.fault.get().and_then(fault_text);
        fault.map(|text| tongue.of(text).to_owned()).unwrap_or_default()
    });
    let typed = event(move |event| {
        field.value.set(event_target_value(&event));
        // A fault goes as soon as it is mended; a new one waits until the field is left.
        if field.fault.with_untracked(Option::is_some) {
            checkout.check_field(look.pointer);
        }
    });
    let left = move |_| {
        if field.value.with_untracked(|text| !text.is_empty()) {
            checkout.check_field(look.pointer);
        }
    };
    view! {
        <div class="field">
            <label for=look.id>{tongue.tell(look.label)}</label>
            <input
                id=look.id
                name=look.id
                type=look.kind
                autocomplete=look.autocomplete
                placeholder=tongue.tell(look.example)
                required
                aria-describedby=fault_id.clone()
                aria-invalid=written(move || field.fault.with(Option::is_some))
                readonly=flag(move || checkout.page.with(|page| page.is_paying()))
                prop:value=text(move || field.value.get())
                on:input=typed
                on:blur=left
            />
            <p id=fault_id class="fault" aria-live="polite">{fault}</p>
        </div>
    }
    .into_any()
}
