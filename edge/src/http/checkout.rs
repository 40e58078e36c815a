//! What the checkout page asks before there is an order: how to pay here, and what a cart costs.

use super::context::Context;
use super::fields::{Faults, Fields};
use super::order_request;
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::auth::{self, Caller};
use crate::catalogue::Merchant;
use crate::config::Config;
use crate::ports::Ports;
use gyesan_core::api::{CheckoutConfig, MerchantName, PspConfig};
use gyesan_core::id::MerchantId;
use gyesan_core::money::Currency;
use http::{HeaderValue, StatusCode, header};
use std::rc::Rc;

/// Who a buyer without a member id is to Toss: its SDK's own constant (`TossPayments.ANONYMOUS`).
const ANONYMOUS: &str = "@@ANONYMOUS";

/// `GET /v1/checkout/config`.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 for a merchant without an account at a PSP.
pub async fn config<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    let merchant = merchant_of(&caller)?;
    let config = CheckoutConfig {
        merchant: MerchantName { id: merchant.id.clone(), name: merchant.name.clone() },
        currency: Currency::Krw,
        psp: psp(context.config, &merchant.id, None)?,
        methods: vec!["CARD".to_owned()],
        locales: vec!["ko".to_owned(), "en".to_owned()],
    };
    let mut response = json(StatusCode::OK, &config)?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    Ok(response)
}

/// `POST /v1/quotes`.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body, and of [`order_request::priced`].
pub async fn quote<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    let body = context.json()?;
    let faults = Faults::default();
    let read = Fields::open(&body, String::new(), &["items", "couponCode"], &faults).and_then(|fields| {
        let items = order_request::items(&fields, &caller, &faults);
        let coupon_code = order_request::coupon_code(&fields);
        items.map(|items| (items, coupon_code))
    });
    let (items, coupon_code) = faults.or(read).map_err(Problem::of_fields)?;
    let merchant = merchant_of(&caller)?;
    let quote = order_request::priced(context, merchant, &items, coupon_code.as_deref()).await?;
    json(StatusCode::OK, &quote)
}

/// The merchant of a caller with a key of one.
///
/// # Errors
/// A bug of the router: it let somebody else in.
pub fn merchant_of(caller: &Caller) -> Result<&Rc<Merchant>, Problem> {
    match caller {
        Caller::Publishable { merchant, .. } | Caller::Secret { merchant, .. } => Ok(merchant),
        Caller::Token { .. } | Caller::Operator { .. } => Err(misunderstood()),
    }
}

/// How the page opens the PSP's SDK.
///
/// # Errors
/// 503 for a merchant without an account at a PSP.
pub fn psp(config: &Config, merchant_id: &MerchantId, member_id: Option<&str>) -> Result<PspConfig, Problem> {
    let toss = config
        .psp_of(merchant_id)
        .ok_or_else(|| Problem::unavailable("the merchant has no account at a PSP"))?;
    Ok(PspConfig {
        name: "toss".to_owned(),
        client_key: toss.client_key.clone(),
        sdk_url: toss.sdk_url.clone(),
        customer_key: match member_id {
            Some(member_id) => auth::customer_key(&config.token_key, merchant_id, member_id),
            None => ANONYMOUS.to_owned(),
        },
    })
}
