//! What the order costs: before the coupon, the coupon, and what is paid.

use super::Checkout;
use crate::client::Quote;
use crate::erased::{flag, text, written};
use gyesan_core::money::Amount;
use gyesan_core::page::Price;
use leptos::prelude::*;

/// What the buyer pays, as far as is known.
pub(super) fn amount(checkout: Checkout) -> Amount {
    match checkout.page.with(|page| page.price) {
        Price::Known(amount) => amount,
        Price::Pending | Price::Refused(_) => part(checkout, |quote| quote.amount),
    }
}

fn part(checkout: Checkout, of: fn(&Quote) -> Amount) -> Amount {
    checkout.quote.with(|quote| quote.as_ref().map(of).unwrap_or_default())
}

pub(super) fn view(checkout: Checkout) -> AnyView {
    let tongue = checkout.tongue;
    let is_pending = written(move || checkout.page.with(|page| page.price == Price::Pending));
    let gross = text(move || tongue.won(part(checkout, |quote| quote.gross_amount)));
    let discount = text(move || format!("−{}", tongue.won(part(checkout, |quote| quote.discount))));
    let no_discount = flag(move || part(checkout, |quote| quote.discount).is_zero());
    let total = text(move || tongue.won(amount(checkout)));
    view! {
        <section class="card" aria-labelledby="totals-title">
            <h2 id="totals-title">{tongue.say("결제 금액", "Summary")}</h2>
            <dl class="totals" aria-live="polite" aria-busy=is_pending>
                <div><dt>{tongue.say("상품 금액", "Subtotal")}</dt><dd>{gross}</dd></div>
                <div class="discount" hidden=no_discount><dt>{tongue.say("쿠폰 할인", "Coupon")}</dt><dd>{discount}</dd></div>
                <div class="total"><dt>{tongue.say("총 결제 금액", "Total")}</dt><dd>{total}</dd></div>
            </dl>
        </section>
    }
    .into_any()
}
