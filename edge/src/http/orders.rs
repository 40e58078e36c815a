//! Placing an order and reading it.

use super::checkout::{merchant_of, psp};
use super::context::{CALL_LIMIT_MS, Context};
use super::fields::{Faults, Fields, below};
use super::order_request::{self, Wanted};
use super::problem::Problem;
use super::router::Endpoint;
use super::url::encoded;
use super::{Answer, json, misunderstood};
use crate::auth::{Caller, StatusToken, TOKEN_LIFE_MS};
use crate::catalogue::Merchant;
use crate::command::{Command, NewOrder, OrderCommand, Placed, Reply, StoredOrder};
use crate::config::{Config, origin_of};
use crate::ports::Ports;
use gyesan_core::api::{Buyer, OrderStatus, OrderView, PaymentStatus, PlacedOrder, PspSession, Quote};
use gyesan_core::buyer::{self, is_visible};
use gyesan_core::id::{self, MerchantId, OrderId};
use gyesan_core::money::Currency;
use gyesan_core::problem::{Code, FieldFault};
use gyesan_core::time::Timestamp;
use http::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of a return URL, at most.
const URL_MAX: usize = 2_000;
/// Pairs of metadata, at most.
const METADATA_MAX: usize = 20;
/// Characters of a metadata name and of a value, at most.
const METADATA_NAME_MAX: usize = 40;
const METADATA_VALUE_MAX: usize = 500;

/// What a PUT asks for, read and checked as far as that needs no look at the catalogue.
struct OrderRequest {
    items: Vec<Wanted>,
    coupon_code: Option<String>,
    buyer: Buyer,
    member_id: Option<String>,
    return_url: Option<String>,
    method: Option<String>,
    metadata: BTreeMap<String, String>,
    replaces: Option<OrderId>,
}

/// `PUT /v1/orders/{orderId}`:
/// 1. who asks;
/// 2. read the body;
/// 3. check what the catalogue is not needed for;
/// 4. look up and price;
/// 5. close the order that this one replaces, or stop while that one may still be charged;
/// 6. place it;
/// 7. answer 201, or 200 when it was there.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body, of [`order_request::priced`], and the shard's.
pub async fn place<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    // 1
    let caller = context.authenticate(endpoint).await?;
    let merchant = merchant_of(&caller)?;
    let order_id = order_id(context)?;
    // 2
    let body = context.json()?;
    let faults = Faults::default();
    let read = read(&body, &caller, &faults);
    let request = faults.or(read).map_err(Problem::of_fields)?;
    // 3
    check(context.config, merchant, &order_id, &request)?;
    let token = token(context, &merchant.id, &order_id);
    let session = session(context.config, &merchant.id, request.member_id.as_deref(), &token)?;
    // 4
    let quote =
        order_request::priced(context, merchant, &request.items, request.coupon_code.as_deref()).await?;
    // 5
    if let Some(previous) = &request.replaces {
        close(context, &merchant.id, previous, &order_id).await?;
    }
    // 6
    let new = new_order(merchant, &caller, order_id, request, quote)?;
    let shard = context.order_shard(&new.merchant_id, &new.order_id);
    let place = Command::Order(OrderCommand::Place(Box::new(new.clone())));
    let Reply::Placed(placed) = context.call(shard, place, CALL_LIMIT_MS).await? else {
        return Err(misunderstood());
    };
    // 7
    match placed {
        Placed::Created { expires_at } => {
            json(StatusCode::CREATED, &as_asked(new, expires_at, token, session))
        }
        Placed::Found(stored) => match stored.view.order_status {
            OrderStatus::Canceled | OrderStatus::Expired => Err(Problem::new(Code::OrderNotPayable)),
            OrderStatus::Completed | OrderStatus::PaymentCompleted => {
                json(StatusCode::OK, &as_stored(*stored, token, session))
            }
        },
    }
}

/// `GET /v1/orders/{orderId}`.
///
/// # Errors
/// Those of [`Context::authenticate`]; `ORDER_NOT_FOUND`, also for orders that are not the caller's.
pub async fn view<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    let order_id = OrderId(context.param("orderId").to_owned());
    let merchant_id = caller.merchant_id().ok_or_else(misunderstood)?;
    if !id::is_order_id(order_id.as_str()) || !caller.covers(&order_id) {
        return Err(Problem::new(Code::OrderNotFound));
    }
    let view = look_up(context, merchant_id, &order_id, CALL_LIMIT_MS).await?;
    json(StatusCode::OK, &view)
}

/// The order as it stands.
///
/// # Errors
/// `ORDER_NOT_FOUND`, or that the shard gave no answer in time.
pub async fn look_up<P: Ports>(
    context: &Context<'_, P>,
    merchant_id: &MerchantId,
    order_id: &OrderId,
    limit_ms: u32,
) -> Result<Box<OrderView>, Problem> {
    let shard = context.order_shard(merchant_id, order_id);
    let view = OrderCommand::View { merchant_id: merchant_id.clone(), order_id: order_id.clone() };
    match context.call(shard, Command::Order(view), limit_ms).await? {
        Reply::Order(view) => Ok(view),
        _ => Err(misunderstood()),
    }
}

/// The token that reads and confirms this order.
pub fn token<P: Ports>(context: &Context<'_, P>, merchant_id: &MerchantId, order_id: &OrderId) -> String {
    let token = StatusToken {
        merchant_id: merchant_id.clone(),
        order_id: order_id.clone(),
        expires_at: Timestamp(context.ports.now().0).plus_ms(TOKEN_LIFE_MS),
    };
    token.write(&context.config.token_key)
}

fn order_id<P: Ports>(context: &Context<'_, P>) -> Result<OrderId, Problem> {
    let text = context.param("orderId");
    if id::is_order_id(text) { Ok(OrderId::from(text)) } else { Err(Problem::new(Code::InvalidOrderId)) }
}

fn read(body: &Value, caller: &Caller, faults: &Faults) -> Option<OrderRequest> {
    let known = ["items", "buyer", "memberId", "couponCode", "returnUrl", "method", "metadata", "replaces"];
    let fields = Fields::open(body, String::new(), &known, faults)?;
    let items = order_request::items(&fields, caller, faults);
    let buyer = fields.object("buyer", &["name", "email", "phone"]).map(|fields| Buyer {
        name: fields.text("name").map(str::to_owned),
        email: fields.text("email").map(str::to_owned),
        phone: fields.text("phone").map(str::to_owned),
    });
    let request = OrderRequest {
        items: Vec::new(),
        coupon_code: order_request::coupon_code(&fields),
        buyer: buyer.unwrap_or_default(),
        member_id: fields.checked("memberId", id::is_name).map(str::to_owned),
        return_url: fields.checked("returnUrl", |url| url.len() <= URL_MAX).map(str::to_owned),
        method: fields.text("method").map(str::to_owned),
        metadata: metadata(&fields, faults),
        replaces: fields.checked("replaces", id::is_order_id).map(OrderId::from),
    };
    items.map(|items| OrderRequest { items, ..request })
}

fn metadata(fields: &Fields<'_>, faults: &Faults) -> BTreeMap<String, String> {
    let Some(value) = fields.value("metadata") else { return BTreeMap::new() };
    let at = fields.pointer("metadata");
    let Value::Object(pairs) = value else {
        faults.add(at, Code::InvalidType);
        return BTreeMap::new();
    };
    if pairs.len() > METADATA_MAX {
        faults.add(at.clone(), Code::InvalidValue);
    }
    let mut read = BTreeMap::new();
    for (name, value) in pairs {
        let fits = (1..=METADATA_NAME_MAX).contains(&name.chars().count()) && name.chars().all(is_visible);
        match value {
            Value::String(text) if fits && text.chars().count() <= METADATA_VALUE_MAX => {
                read.insert(name.clone(), text.clone());
            }
            Value::String(_) => faults.add(below(&at, name), Code::InvalidValue),
            _ => faults.add(below(&at, name), Code::InvalidType),
        }
    }
    read
}

/// What is well formed and still cannot be: 422, in the contract's order.
fn check(
    config: &Config,
    merchant: &Merchant,
    order_id: &OrderId,
    request: &OrderRequest,
) -> Result<(), Problem> {
    if request.replaces.as_ref() == Some(order_id) {
        return Err(Problem::at("/replaces", Code::InvalidValue));
    }
    if request.method.as_deref().is_some_and(|method| method != "CARD") {
        return Err(Problem::at("/method", Code::PaymentMethodNotSupported));
    }
    if let Some(url) = &request.return_url {
        let origin = origin_of(url).filter(|_| url.chars().all(|c| is_visible(c) && !c.is_whitespace()));
        let allowed = origin.is_some_and(|origin| {
            merchant.origins.contains(&origin)
                || merchant.id == config.default_merchant && config.is_own_origin(&origin)
        });
        if !allowed {
            return Err(Problem::at("/returnUrl", Code::ReturnUrlNotAllowed));
        }
    }
    let faults: Vec<FieldFault> =
        buyer::faults(&request.buyer).into_iter().map(|fault| fault.below("/buyer")).collect();
    if !faults.is_empty() {
        return Err(Problem { errors: faults, ..Problem::new(Code::InvalidBuyer) });
    }
    Ok(())
}

async fn close<P: Ports>(
    context: &Context<'_, P>,
    merchant_id: &MerchantId,
    previous: &OrderId,
    replaced_by: &OrderId,
) -> Result<(), Problem> {
    let command = OrderCommand::Close {
        merchant_id: merchant_id.clone(),
        order_id: previous.clone(),
        replaced_by: replaced_by.clone(),
    };
    let shard = context.order_shard(merchant_id, previous);
    context.call(shard, Command::Order(command), CALL_LIMIT_MS).await?;
    Ok(())
}

fn new_order(
    merchant: &Merchant,
    caller: &Caller,
    order_id: OrderId,
    request: OrderRequest,
    quote: Quote,
) -> Result<NewOrder, Problem> {
    Ok(NewOrder {
        merchant_id: merchant.id.clone(),
        order_id,
        order_name: quote.order_name,
        lines: quote.lines,
        gross_amount: quote.gross_amount,
        discount: quote.discount,
        amount: quote.amount,
        funded_by: quote.coupon.map(|coupon| coupon.funded_by).unwrap_or_default(),
        content: content(&request)?,
        coupon_code: request.coupon_code,
        member_id: request.member_id,
        buyer: buyer::normalized(&request.buyer),
        return_url: request.return_url,
        metadata: request.metadata,
        placed_by: match caller {
            Caller::Secret { .. } => "merchant".to_owned(),
            _ => "buyer".to_owned(),
        },
    })
}

/// What makes an order the same order: items, coupon and member. Stored and compared as text, so its form must not change.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'r> {
    items: &'r [Wanted],
    coupon_code: Option<&'r str>,
    member_id: Option<&'r str>,
}

fn content(request: &OrderRequest) -> Result<String, Problem> {
    let content = Content {
        items: &request.items,
        coupon_code: request.coupon_code.as_deref(),
        member_id: request.member_id.as_deref(),
    };
    serde_json::to_string(&content).map_err(|error| Problem::with(Code::Internal, error.to_string()))
}

/// How the page opens the payment window. The URLs of the default merchant are the short ones. The one for failures has the
/// order's token in it, so that the result page can say which order it is and lead back to the shop; the buyer's return
/// is told by its amount and needs none.
fn session(
    config: &Config,
    merchant_id: &MerchantId,
    member_id: Option<&str>,
    token: &str,
) -> Result<PspSession, Problem> {
    let base = match *merchant_id == config.default_merchant {
        true => format!("{}/payments", config.public_origin),
        false => format!("{}/payments/{merchant_id}", config.public_origin),
    };
    Ok(PspSession {
        config: psp(config, merchant_id, member_id)?,
        success_url: format!("{base}/success"),
        fail_url: format!("{base}/fail?token={}", encoded(token)),
    })
}

fn as_asked(new: NewOrder, expires_at: Timestamp, status_token: String, session: PspSession) -> PlacedOrder {
    PlacedOrder {
        status_token,
        order_id: new.order_id,
        order_name: new.order_name,
        currency: Currency::Krw,
        gross_amount: new.gross_amount,
        discount: new.discount,
        amount: new.amount,
        payment_status: PaymentStatus::NotStarted,
        order_status: OrderStatus::Completed,
        lines: new.lines,
        expires_at,
        psp: session,
    }
}

fn as_stored(stored: StoredOrder, status_token: String, session: PspSession) -> PlacedOrder {
    let StoredOrder { view, lines } = stored;
    PlacedOrder {
        status_token,
        order_id: view.order_id,
        order_name: view.order_name,
        currency: view.currency,
        gross_amount: view.gross_amount,
        discount: view.discount,
        amount: view.amount,
        payment_status: view.payment_status,
        order_status: view.order_status,
        lines,
        expires_at: view.expires_at,
        psp: session,
    }
}

#[cfg(test)]
mod tests {
    use super::{OrderRequest, content};
    use crate::http::order_request::Wanted;
    use gyesan_core::api::Buyer;
    use gyesan_core::money::Amount;
    use std::collections::BTreeMap;

    #[test]
    fn order_content_format_unchanged() {
        let request = OrderRequest {
            items: vec![
                Wanted::Product { product_id: "A".into(), quantity: 2 },
                Wanted::Priced {
                    name: "맞춤 케이크".into(),
                    unit_price: Amount::new(42_000).unwrap_or_default(),
                    quantity: 1,
                    seller_id: "A".into(),
                },
            ],
            coupon_code: Some("WELCOME".into()),
            buyer: Buyer::default(),
            member_id: None,
            return_url: None,
            method: None,
            metadata: BTreeMap::new(),
            replaces: None,
        };
        assert_eq!(
            content(&request).unwrap_or_default(),
            r#"{"items":[{"productId":"A","quantity":2},{"name":"맞춤 케이크","unitPrice":42000,"quantity":1,"sellerId":"A"}],"couponCode":"WELCOME","memberId":null}"#
        );
    }
}
