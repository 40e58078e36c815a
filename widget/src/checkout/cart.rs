//! The lines of the cart, with quantity steppers.

use super::Checkout;
use gyesan_core::api::Line;
use gyesan_core::pricing::QUANTITY;
use leptos::prelude::*;

pub(super) fn view(checkout: Checkout) -> impl IntoView {
    let tongue = checkout.tongue;
    let lines = move || checkout.quote.with(|quote| quote.as_ref().map(|q| q.lines.clone()).unwrap_or_default());
    // A line is known by its place and product: its quantity and amounts change within it.
    let keyed = move || lines().into_iter().enumerate().collect::<Vec<(usize, Line)>>();
    let fallback = move || {
        checkout.placed.with(|order| order.as_ref().map(|order| order.order_name.clone())).map(|name| {
            view! { <p class="line-name">{name}</p> }
        })
    };
    view! {
        <section class="card" aria-labelledby="cart-title">
            <h2 id="cart-title">{tongue.say("주문 상품", "Your order")}</h2>
            <Show when=move || lines().is_empty()>{fallback()}</Show>
            <ul class="lines">
                <For each=keyed key=|(place, line)| (*place, line.product_id.clone()) let((place, line))>
                    {row(checkout, place, line)}
                </For>
            </ul>
        </section>
    }
}

fn row(checkout: Checkout, place: usize, first: Line) -> impl IntoView {
    let tongue = checkout.tongue;
    let name = first.name.clone();
    let shown = Memo::new(move |_| {
        checkout.quote.with(|quote| quote.as_ref().and_then(|q| q.lines.get(place).cloned())).unwrap_or(first.clone())
    });
    let unit = move || tongue.won(shown.with(|line| line.unit_price));
    let gross = move || tongue.won(shown.with(|line| line.gross_amount));
    view! {
        <li class="line">
            <span class="thumb" aria-hidden="true">{name.chars().last().map(String::from)}</span>
            <div class="line-text">
                <p class="line-name">{name.clone()}</p>
                <p class="line-unit">{unit}</p>
            </div>
            {stepper(checkout, name, shown)}
            <p class="line-amount">{gross}</p>
        </li>
    }
}

/// How many: a stepper where the cart can be changed, the number where the merchant's server has fixed it.
fn stepper(checkout: Checkout, name: String, line: Memo<Line>) -> AnyView {
    let tongue = checkout.tongue;
    let product = line.with_untracked(|line| line.product_id.clone());
    let count = move || line.with(|line| line.quantity);
    let Some(product) = product.filter(|_| !checkout.is_fixed()) else {
        return view! { <p class="count">"× " {count}</p> }.into_any();
    };
    let in_cart = {
        let product = product.clone();
        Memo::new(move |_| {
            checkout
                .cart
                .with(|cart| cart.iter().find(|item| item.product_id == product).map(|item| item.quantity))
                .unwrap_or_else(count)
        })
    };
    let may_edit = move || checkout.page.with(|page| page.may_edit());
    let step = move |up: bool| {
        let now = in_cart.get_untracked();
        checkout.set_quantity(&product, if up { now.saturating_add(1) } else { now.saturating_sub(1) });
    };
    let (less, more) = (step.clone(), step);
    let (less_name, more_name) = (name.clone(), name.clone());
    view! {
        <div class="stepper" role="group" aria-label={move || format!("{name} {}", tongue.of(("수량", "quantity")))}>
            <button
                type="button"
                aria-label={move || format!("{less_name} {}", tongue.of(("수량 줄이기", "one fewer")))}
                disabled={move || !may_edit() || in_cart.get() <= *QUANTITY.start()}
                on:click=move |_| less(false)
            >
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M4 10h12"/></svg>
            </button>
            <output aria-live="polite">{move || in_cart.get()}</output>
            <button
                type="button"
                aria-label={move || format!("{more_name} {}", tongue.of(("수량 늘리기", "one more")))}
                disabled={move || !may_edit() || in_cart.get() >= *QUANTITY.end()}
                on:click=move |_| more(true)
            >
                <svg viewBox="0 0 20 20" aria-hidden="true"><path d="M4 10h12M10 4v12"/></svg>
            </button>
        </div>
    }
    .into_any()
}
