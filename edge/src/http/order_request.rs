//! What a caller wants to buy, and what it costs: shared by quotes and orders.

use super::context::Context;
use super::fields::{Faults, Fields, below};
use super::problem::Problem;
use crate::auth::Caller;
use crate::catalogue::Merchant;
use crate::ports::Ports;
use gyesan_core::api::Quote;
use gyesan_core::id::{self, SellerId};
use gyesan_core::money::Amount;
use gyesan_core::pricing::{self, Item, LINES_MAX};
use gyesan_core::problem::{Code, FieldFault};
use serde_json::Value;

/// Characters of a product's name, at most.
const NAME_MAX: usize = 100;
/// Characters of a product id or a coupon code, at most.
const CODE_MAX: usize = 64;

/// A line as asked for. Its JSON is part of an order's stored content: the catalogue's price is not in it, because an order
/// repeated after a price change is the same order.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Wanted {
    /// From the catalogue, at its price.
    Product {
        /// The catalogue's id.
        product_id: String,
        /// How many; checked by pricing.
        quantity: u32,
    },
    /// At the merchant's own price.
    Priced {
        /// What it is called.
        name: String,
        /// Price of one.
        unit_price: Amount,
        /// How many; checked by pricing.
        quantity: u32,
        /// Who is credited for it.
        seller_id: SellerId,
    },
}

/// Reads `items`; lines at the merchant's own price only from callers with a secret key.
pub fn items(fields: &Fields<'_>, caller: &Caller, faults: &Faults) -> Option<Vec<Wanted>> {
    let elements = fields.require("items").list("items")?;
    let at = fields.pointer("items");
    let lines = elements
        .iter()
        .enumerate()
        .map(|(i, element)| item(element, below(&at, &i.to_string()), caller, faults));
    // All elements are read, so that every fault is found.
    lines.collect::<Vec<_>>().into_iter().collect()
}

fn item(element: &Value, at: String, caller: &Caller, faults: &Faults) -> Option<Wanted> {
    let own_price = element.get("productId").is_none_or(Value::is_null)
        && ["name", "unitPrice", "sellerId"].iter().any(|name| element.get(name).is_some());
    if !own_price {
        let line = Fields::open(element, at, &["productId", "quantity"], faults)?;
        let product_id = line.require("productId").visible_text("productId", CODE_MAX);
        let quantity = quantity(&line);
        return Some(Wanted::Product { product_id: product_id?.to_owned(), quantity: quantity? });
    }
    if !matches!(caller, Caller::Secret { .. }) {
        // A buyer could set the price otherwise.
        faults.add(below(&at, "unitPrice"), Code::Forbidden);
        return None;
    }
    let line = Fields::open(element, at, &["name", "unitPrice", "quantity", "sellerId"], faults)?;
    let name = line.require("name").visible_text("name", NAME_MAX);
    let unit_price = line.require("unitPrice").amount("unitPrice");
    let quantity = quantity(&line);
    let seller_id = line.require("sellerId").checked("sellerId", id::is_name);
    Some(Wanted::Priced {
        name: name?.to_owned(),
        unit_price: unit_price?,
        quantity: quantity?,
        seller_id: seller_id?.into(),
    })
}

/// Any whole number: whether it is one that can be bought is for pricing to say, and what no u32 can hold cannot.
fn quantity(line: &Fields<'_>) -> Option<u32> {
    line.require("quantity").integer("quantity").map(|quantity| u32::try_from(quantity).unwrap_or(0))
}

/// Reads `couponCode`.
pub fn coupon_code(fields: &Fields<'_>) -> Option<String> {
    fields.visible_text("couponCode", CODE_MAX).map(str::to_owned)
}

/// Prices the lines:
/// 1. bound what is looked up;
/// 2. look up products, sellers and the coupon;
/// 3. price.
///
/// # Errors
/// `PRODUCT_NOT_FOUND`, `SELLER_NOT_FOUND`, `COUPON_NOT_FOUND`, and those of [`pricing::price`].
pub async fn priced<P: Ports>(
    context: &Context<'_, P>,
    merchant: &Merchant,
    wanted: &[Wanted],
    coupon_code: Option<&str>,
) -> Result<Quote, Problem> {
    // 1
    if wanted.len() > LINES_MAX {
        return Err(Problem::at("/items", Code::TooManyItems));
    }
    // 2
    let items = looked_up(context, merchant, wanted).await?;
    let coupon = match coupon_code {
        Some(code) => {
            let found = context.state.catalogue.coupon(context.ports, &merchant.id, code).await;
            let found = found.inspect_err(|error| context.catalogue_failed(error))?;
            Some(found.ok_or_else(|| Problem::at("/couponCode", Code::CouponNotFound))?)
        }
        None => None,
    };
    // 3
    Ok(pricing::price(&items, coupon.as_deref(), context.ports.now())?)
}

async fn looked_up<P: Ports>(
    context: &Context<'_, P>,
    merchant: &Merchant,
    wanted: &[Wanted],
) -> Result<Vec<Item>, Problem> {
    let catalogue = &context.state.catalogue;
    let product_ids: Vec<&str> = wanted.iter().filter_map(Wanted::product_id).collect();
    let products = catalogue.products(context.ports, &merchant.id, &product_ids).await;
    let mut products = products.inspect_err(|error| context.catalogue_failed(error))?.into_iter();
    let seller_ids: Vec<&str> = wanted.iter().filter_map(Wanted::seller_id).collect();
    let sellers = catalogue.sellers(context.ports, &merchant.id, &seller_ids).await;
    let mut sellers = sellers.inspect_err(|error| context.catalogue_failed(error))?.into_iter();

    let mut items = Vec::with_capacity(wanted.len());
    let mut faults = Vec::new();
    for (i, line) in wanted.iter().enumerate() {
        match line {
            Wanted::Product { quantity, .. } => match products.next().flatten() {
                Some(product) => items.push(Item {
                    product_id: Some(product.product_id.clone()),
                    name: product.name.clone(),
                    unit_price: product.unit_price,
                    quantity: *quantity,
                    seller_id: product.seller_id.clone(),
                }),
                None => faults.push(FieldFault::new(format!("/items/{i}/productId"), Code::ProductNotFound)),
            },
            Wanted::Priced { name, unit_price, quantity, seller_id } => {
                if !sellers.next().unwrap_or_default() {
                    faults.push(FieldFault::new(format!("/items/{i}/sellerId"), Code::SellerNotFound));
                }
                items.push(Item {
                    product_id: None,
                    name: name.clone(),
                    unit_price: *unit_price,
                    quantity: *quantity,
                    seller_id: seller_id.clone(),
                });
            }
        }
    }
    if faults.is_empty() { Ok(items) } else { Err(Problem::of_fields(faults)) }
}

impl Wanted {
    fn product_id(&self) -> Option<&str> {
        match self {
            Wanted::Product { product_id, .. } => Some(product_id),
            Wanted::Priced { .. } => None,
        }
    }

    fn seller_id(&self) -> Option<&str> {
        match self {
            Wanted::Product { .. } => None,
            Wanted::Priced { seller_id, .. } => Some(seller_id.as_str()),
        }
    }
}
