//! What an order costs: lines, coupon, and the name that the buyer's card statement shows.
//!
//! The server prices every order with [`price`]; the widget calls the same function for display only.

use crate::api::{Line, Quote};
use crate::id::SellerId;
use crate::money::{Amount, Currency, Percent};
use crate::problem::Code;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Quantities of one line.
pub const QUANTITY: std::ops::RangeInclusive<u32> = 1..=999;
/// Lines of one order, at most.
pub const LINES_MAX: usize = 100;
/// Toss's smallest card payment, in won (`toss.md` §1.2).
pub const AMOUNT_MIN_WON: i64 = 100;
/// The largest order, in won.
pub const AMOUNT_MAX_WON: i64 = 100_000_000;
/// Characters of an order name, at most (Toss's `orderName`).
const ORDER_NAME_MAX: usize = 100;

/// A line to be priced: from the catalogue, or from the merchant's own server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The catalogue's id; `None` for a line that the merchant priced.
    pub product_id: Option<String>,
    /// What it is called.
    pub name: String,
    /// Price of one.
    pub unit_price: Amount,
    /// How many, see [`QUANTITY`].
    pub quantity: u32,
    /// Who is credited for it.
    pub seller_id: SellerId,
}

/// Who pays for a discount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Funder {
    /// The seller receives less.
    #[default]
    Seller,
    /// The merchant makes up for it from its promotions account.
    Merchant,
}

/// How much a coupon takes off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE", rename_all_fields = "camelCase")]
pub enum Discount {
    /// A fixed amount, at most the order's.
    Fixed {
        /// The amount taken off.
        amount: Amount,
    },
    /// A percentage of the gross amount, rounded down to the won.
    Percent {
        /// The percentage.
        percent: Percent,
        /// The cap, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_amount: Option<Amount>,
    },
}

/// A coupon's terms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coupon {
    /// What the buyer types.
    pub code: String,
    /// How much it takes off.
    #[serde(flatten)]
    pub discount: Discount,
    /// The gross amount from which it can be used.
    pub minimum_amount: Amount,
    /// The first moment it is valid, if there is one.
    pub valid_from: Option<Timestamp>,
    /// The first moment it is no longer valid, if there is one.
    pub valid_until: Option<Timestamp>,
    /// Who pays for it.
    #[serde(default)]
    pub funded_by: Funder,
}

/// Why an order cannot be priced, with a JSON pointer to the cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What is wrong.
    pub code: Code,
    /// Where: `/items`, `/items/2/quantity`, `/couponCode` …
    pub pointer: String,
}

fn fault<T>(code: Code, pointer: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { code, pointer: pointer.into() })
}

/// Prices an order: each line, the coupon shared out over the lines to the won, the order's name.
///
/// # Errors
/// `ORDER_EMPTY`, `TOO_MANY_ITEMS`, `QUANTITY_OUT_OF_RANGE`, `DUPLICATE_ORDER_ITEM`, the coupon's faults,
/// `AMOUNT_TOO_SMALL`, `AMOUNT_TOO_LARGE`, in that order.
pub fn price(items: &[Item], coupon: Option<&Coupon>, now: Timestamp) -> Result<Quote, Fault> {
    if items.is_empty() {
        return fault(Code::OrderEmpty, "/items");
    }
    if items.len() > LINES_MAX {
        return fault(Code::TooManyItems, "/items");
    }
    let mut lines = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        if !QUANTITY.contains(&item.quantity) {
            return fault(Code::QuantityOutOfRange, format!("/items/{i}/quantity"));
        }
        let seen = items
            .iter()
            .take(i)
            .any(|other| item.product_id.is_some() && other.product_id == item.product_id);
        if seen {
            return fault(Code::DuplicateOrderItem, format!("/items/{i}/productId"));
        }
        let Some(gross) = item.unit_price.checked_mul(item.quantity) else {
            return fault(Code::AmountTooLarge, format!("/items/{i}"));
        };
        lines.push(Line {
            product_id: item.product_id.clone(),
            name: item.name.clone(),
            unit_price: item.unit_price,
            quantity: item.quantity,
            gross_amount: gross,
            discount: Amount::ZERO,
            amount: gross,
            seller_id: item.seller_id.clone(),
        });
    }
    let Some(gross) = Amount::checked_sum(lines.iter().map(|line| line.gross_amount)) else {
        return fault(Code::AmountTooLarge, "/items");
    };
    let discount = match coupon {
        Some(coupon) => {
            discount(coupon, gross, now).map_err(|code| Fault { code, pointer: "/couponCode".into() })?
        }
        None => Amount::ZERO,
    };
    share_out(&mut lines, discount, gross);
    let amount = gross.saturating_sub(discount);
    if amount.minor() < AMOUNT_MIN_WON {
        return fault(Code::AmountTooSmall, "/items");
    }
    if amount.minor() > AMOUNT_MAX_WON {
        return fault(Code::AmountTooLarge, "/items");
    }
    Ok(Quote {
        order_name: order_name(&lines),
        currency: Currency::Krw,
        lines,
        gross_amount: gross,
        discount,
        amount,
        coupon: coupon.cloned(),
    })
}

/// What a coupon takes off an order of that gross amount, never more than the order.
///
/// # Errors
/// `COUPON_EXPIRED` outside its time, `COUPON_MINIMUM_NOT_MET` below its minimum.
pub fn discount(coupon: &Coupon, gross: Amount, now: Timestamp) -> Result<Amount, Code> {
    let early = coupon.valid_from.is_some_and(|from| now < from);
    let late = coupon.valid_until.is_some_and(|until| now >= until);
    if early || late {
        return Err(Code::CouponExpired);
    }
    if gross < coupon.minimum_amount {
        return Err(Code::CouponMinimumNotMet);
    }
    let wanted = match &coupon.discount {
        Discount::Fixed { amount } => *amount,
        Discount::Percent { percent, max_amount } => {
            let part = percent.of(gross);
            max_amount.map_or(part, |cap| part.min(cap))
        }
    };
    Ok(wanted.min(gross))
}

/// Gives each line its part of the discount in proportion to its gross amount, rounded down; the won that
/// remain go to the last lines that have room, so that no line goes below zero and the sum is exact.
fn share_out(lines: &mut [Line], discount: Amount, gross: Amount) {
    let mut rest = discount;
    for line in lines.iter_mut() {
        line.discount = discount.share(line.gross_amount, gross);
        rest = rest.saturating_sub(line.discount);
    }
    for line in lines.iter_mut().rev() {
        let room = line.gross_amount.saturating_sub(line.discount);
        let more = rest.min(room);
        line.discount = line.discount.checked_add(more).unwrap_or(line.discount);
        rest = rest.saturating_sub(more);
        line.amount = line.gross_amount.saturating_sub(line.discount);
    }
}

/// `상품A`, or `상품A 외 1건` for more lines; at most 100 characters, the product's name shortened.
fn order_name(lines: &[Line]) -> String {
    let first = lines.first().map(|line| line.name.as_str()).unwrap_or_default();
    let suffix = match lines.len() {
        0 | 1 => String::new(),
        more => format!(" 외 {}건", more - 1),
    };
    let room = ORDER_NAME_MAX - suffix.chars().count();
    if first.chars().count() <= room {
        return format!("{first}{suffix}");
    }
    let short: String = first.chars().take(room - 1).collect();
    format!("{short}…{suffix}")
}
