//! The lines of the cart, with quantity steppers.

use super::Checkout;
use crate::erased::{ReadFlag, ReadText, click, flag, text};
use gyesan_core::api::Line;
use gyesan_core::pricing::QUANTITY;
use leptos::prelude::*;

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    // The cart's products stay what they are while the page is open; quantities and amounts change within the rows.
    let count = checkout.quote.with_untracked(|quote| quote.as_ref().map_or(0, |quote| quote.lines.len()));
    let rows: Vec<AnyView> = (0..count).filter_map(|place| row(checkout, place)).collect();
    let rows = if rows.is_empty() {
        // An order of the merchant's server, read by its token, may come without lines.
        let name =
            checkout.held.with_value(|held| held.placed.as_ref().map(|order| order.order_name.clone()));
        view! { <p class="line-name">{name.unwrap_or_default()}</p> }.into_any()
    } else {
        view! { <ul class="lines">{rows}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="cart-title">
            <h2 id="cart-title">{tongue.say("주문 상품", "Your order")}</h2>
            {rows}
        </section>
    }
    .into_any()
}

fn row(checkout: Checkout, place: usize) -> Option<AnyView> {
    let tongue = checkout.tongue;
    let line =
        move || checkout.quote.with(|quote| quote.as_ref().and_then(|quote| quote.lines.get(place).cloned()));
    let amount = move |of: fn(&Line) -> gyesan_core::money::Amount| {
        text(move || line().map(|line| tongue.won(of(&line))).unwrap_or_default())
    };
    let first = untrack(line)?;
    let initial = first.name.chars().last().map(String::from).unwrap_or_default();
    let quantity = match first.product_id.filter(|_| !checkout.is_fixed()) {
        Some(product) => stepper(checkout, first.name.clone(), product),
        None => {
            let count = text(move || line().map(|line| format!("× {}", line.quantity)).unwrap_or_default());
            view! { <p class="count">{count}</p> }.into_any()
        }
    };
    let row = view! {
        <li class="line">
            <span class="thumb" aria-hidden="true">{initial}</span>
            <div class="line-text">
                <p class="line-name">{first.name}</p>
                <p class="line-unit">{amount(|line| line.unit_price)}</p>
            </div>
            {quantity}
            <p class="line-amount">{amount(|line| line.gross_amount)}</p>
        </li>
    };
    Some(row.into_any())
}

/// How many: a stepper over the cart, which is ahead of the quote while the buyer presses.
fn stepper(checkout: Checkout, name: String, product: String) -> AnyView {
    let tongue = checkout.tongue;
    let id = product.clone();
    let count = move || {
        checkout.cart.with(|cart| {
            cart.iter().find(|item| item.product_id == id).map_or(*QUANTITY.start(), |item| item.quantity)
        })
    };
    let label = |ko: &'static str, en: &'static str| {
        let name = name.clone();
        text(move || format!("{name} {}", tongue.of((ko, en))))
    };
    let may_edit = move || checkout.page.with(|page| page.may_edit());
    let (low, high) = (count.clone(), count.clone());
    let button = |label: ReadText, path: &'static str, is_at_end: ReadFlag, step: fn(u32) -> u32| {
        let (count, product) = (count.clone(), product.clone());
        let press = click(move || checkout.set_quantity(&product, step(untrack(&count))));
        view! {
            <button type="button" aria-label=label disabled=is_at_end on:click=press>
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d=path/></svg>
            </button>
        }
    };
    let less = button(
        label("수량 줄이기", "one fewer"),
        "M4 10h12",
        flag(move || !may_edit() || low() <= *QUANTITY.start()),
        |count| count.saturating_sub(1),
    );
    let more = button(
        label("수량 늘리기", "one more"),
        "M4 10h12M10 4v12",
        flag(move || !may_edit() || high() >= *QUANTITY.end()),
        |count| count.saturating_add(1),
    );
    let group = label("수량", "quantity");
    let shown = text({
        let count = count.clone();
        move || count().to_string()
    });
    view! {
        <div class="stepper" role="group" aria-label=group>
            {less}
            <output aria-live="polite">{shown}</output>
            {more}
        </div>
    }
    .into_any()
}
