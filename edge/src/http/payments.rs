//! The buyer comes back from the PSP, by redirect or through the merchant's own page: confirm, and say where things stand.
//!
//! The redirect routes answer 303 whatever happens: every fault ends on the result page, which says it in the buyer's
//! language. They redirect nowhere but to that page and to the return URL stored with the order.

use super::context::{CALL_LIMIT_MS, Context};
use super::fields::{Faults, Fields};
use super::idempotency::Claim;
use super::orders;
use super::problem::Problem;
use super::router::Endpoint;
use super::url::{encoded, with_parameter};
use super::{Answer, empty, headers, json, misunderstood};
use crate::actor::CallFault;
use crate::auth::StatusToken;
use crate::command::{Command, ConfirmOutcome, OrderCommand, Reply};
use crate::ports::Ports;
use crate::psp::toss::PAYMENT_KEY_MAX;
use gyesan_core::api::{OrderView, PaymentStatus};
use gyesan_core::id::{self, MerchantId, OrderId};
use gyesan_core::money::Amount;
use gyesan_core::problem::Code;
use http::{Response, StatusCode, header};

/// How long the outcome is waited for, in milliseconds. With the look at the order that follows, the answer leaves within 8 s.
const CONFIRM_LIMIT_MS: u32 = 7_000;
/// How long that look may take, in milliseconds.
const VIEW_LIMIT_MS: u32 = 800;

/// What the PSP's redirect or the merchant's page says.
struct Return {
    merchant_id: MerchantId,
    order_id: OrderId,
    payment_key: String,
    amount: Amount,
}

/// What became of it, as far as is known.
enum Outcome {
    /// The order is paid.
    Paid { return_url: Option<String> },
    /// The PSP refused this authentication.
    Refused { problem: Problem, return_url: Option<String> },
    /// Neither was known within the limit: where the order stands.
    Open(Box<OrderView>),
}

impl Outcome {
    /// Where the merchant wants the buyer back.
    fn return_url(self) -> Option<String> {
        match self {
            Outcome::Paid { return_url } | Outcome::Refused { return_url, .. } => return_url,
            Outcome::Open(view) => view.return_url,
        }
    }
}

/// `GET /payments/success`, `GET /payments/{merchantId}/success`:
/// 1. read what the PSP's redirect says;
/// 2. confirm, and wait at most as long as a browser should;
/// 3. redirect to the order's return URL, or to the result page with a token.
///
/// A token is given only with the order's id and amount both right, which is what the buyer's own browser knows.
pub async fn success<P: Ports>(context: &Context<'_, P>) -> Response<Vec<u8>> {
    // 1, 2
    let order_id = context.query.get("orderId").filter(|id| id::is_order_id(id)).unwrap_or_default();
    let found = match returned(context) {
        Ok(returned) => settle(context, &returned).await.map(|outcome| (returned, outcome)),
        Err(problem) => Err(problem),
    };
    // 3
    match found {
        Ok((returned, outcome)) => {
            if let Some(url) = outcome.return_url() {
                return see_other(&with_parameter(&url, "orderId", order_id));
            }
            let token = orders::token(context, &returned.merchant_id, &returned.order_id);
            see_other(&format!("/checkout/result?orderId={}&token={}", encoded(order_id), encoded(&token)))
        }
        Err(problem) => see_other(&error_page(order_id, problem.code.as_str())),
    }
}

/// `GET /payments/fail`, `GET /payments/{merchantId}/fail`: noted in the order's history, changes nothing, because anybody can
/// open this URL. The PSP's message is not passed on: it would let anybody write on our page. A token is passed on when it is
/// this order's own; then the result page leads back to the shop.
pub async fn fail<P: Ports>(context: &Context<'_, P>) -> Response<Vec<u8>> {
    let is_code = |code: &&str| {
        (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let code = context.query.get("code").filter(is_code).unwrap_or("UNKNOWN");
    let merchant_id = merchant_id(context);
    let order_id = context.query.get("orderId").filter(|id| id::is_order_id(id)).map(OrderId::from);
    let token = context.query.get("token").filter(|text| {
        let token = StatusToken::read(text, &context.config.token_key, context.ports.now());
        token.is_some_and(|token| Ok(token.merchant_id) == merchant_id && Some(token.order_id) == order_id)
    });
    let mut location = format!("/checkout/result?code={}", encoded(code));
    if let Some(order_id) = &order_id {
        location = with_parameter(&location, "orderId", order_id.as_str());
    }
    if let Some(token) = token {
        location = with_parameter(&location, "token", token);
    }
    if let (Some(order_id), Ok(merchant_id), Ok(())) = (order_id, merchant_id, context.limit_address()) {
        let shard = context.order_shard(&merchant_id, &order_id);
        let note = OrderCommand::NoteFailure { merchant_id, order_id, code: code.to_owned() };
        // Whether it was noted makes no difference to the buyer.
        let _ = context.call(shard, Command::Order(note), VIEW_LIMIT_MS).await;
    }
    see_other(&location)
}

/// `POST /v1/payments/confirm`:
/// 1. who asks;
/// 2. read the body;
/// 3. has this request run before?
/// 4. confirm;
/// 5. answer 200 paid, 202 not known yet, 402 refused.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body and of the idempotency key; 409 `AMOUNT_MISMATCH`, `ORDER_NOT_PAYABLE`,
/// `ORDER_EXPIRED`, `TOO_MANY_ATTEMPTS`; 404 `ORDER_NOT_FOUND`.
pub async fn confirm<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    // 1
    let caller = context.authenticate(endpoint).await?;
    let merchant_id = caller.merchant_id().ok_or_else(misunderstood)?.clone();
    // 2
    let body = context.json()?;
    let faults = Faults::default();
    let read = Fields::open(&body, String::new(), &["paymentKey", "orderId", "amount"], &faults).and_then(
        |fields| {
            let payment_key = fields.require("paymentKey").checked("paymentKey", is_payment_key);
            let order_id = fields.require("orderId").text("orderId");
            let amount = fields.require("amount").amount("amount");
            Some(Return {
                merchant_id,
                order_id: OrderId::from(order_id?),
                payment_key: payment_key?.to_owned(),
                amount: amount?,
            })
        },
    );
    let returned = faults.or(read).map_err(Problem::of_fields)?;
    if !id::is_order_id(returned.order_id.as_str()) || !caller.covers(&returned.order_id) {
        return Err(Problem::new(Code::OrderNotFound));
    }
    // 3
    let shard = context.order_shard(&returned.merchant_id, &returned.order_id);
    let claim = Claim::new(context, &caller, shard, returned.order_id.as_str(), &body)?;
    if let Some(response) = claim.replay(context).await? {
        return Ok(response);
    }
    // 4, 5
    let view = match settle(context, &returned).await {
        Ok(Outcome::Paid { .. }) => {
            orders::look_up(context, &returned.merchant_id, &returned.order_id, CALL_LIMIT_MS).await
        }
        Ok(Outcome::Open(view)) => Ok(view),
        Ok(Outcome::Refused { problem, .. }) | Err(problem) => Err(problem),
    };
    let answer = view.and_then(|view| match view.payment_status {
        PaymentStatus::Success => json(StatusCode::OK, &view),
        _ => json(StatusCode::ACCEPTED, &view),
    });
    claim.settle(context, answer).await
}

/// Confirms and waits. Without an answer in time the order says where it stands; what the shard began goes on.
async fn settle<P: Ports>(context: &Context<'_, P>, returned: &Return) -> Result<Outcome, Problem> {
    let Return { merchant_id, order_id, payment_key, amount } = returned;
    let command = OrderCommand::Confirm {
        merchant_id: merchant_id.clone(),
        order_id: order_id.clone(),
        payment_key: payment_key.clone(),
        amount: *amount,
    };
    let shard = context.order_shard(merchant_id, order_id);
    match context.call(shard, Command::Order(command), CONFIRM_LIMIT_MS).await {
        Ok(Reply::Confirmed(ConfirmOutcome::Paid { return_url })) => Ok(Outcome::Paid { return_url }),
        Ok(Reply::Confirmed(ConfirmOutcome::Rejected { refusal, return_url })) => {
            let more = vec![("pspCode", refusal.code), ("pspMessage", refusal.message)];
            let problem = Problem { more, ..Problem::new(Code::PaymentRejected) };
            Ok(Outcome::Refused { problem, return_url })
        }
        Ok(_) => Err(misunderstood()),
        Err(CallFault::Rejected(rejection)) => {
            if rejection.code == Code::AmountMismatch {
                let detail = format!("somebody came back with {} won. ", amount.minor());
                context.log(
                    "warn",
                    "security.amount-mismatch",
                    merchant_id.as_str(),
                    order_id.as_str(),
                    detail,
                );
            }
            Err(rejection.into())
        }
        Err(CallFault::Lost) => {
            let view = orders::look_up(context, merchant_id, order_id, VIEW_LIMIT_MS).await?;
            // The confirmation was accepted if the order knows the payment; only then has the amount been compared.
            match view.attempts.iter().any(|attempt| attempt.payment_key == *payment_key) {
                true => Ok(Outcome::Open(view)),
                false => Err(CallFault::Lost.into()),
            }
        }
    }
}

fn returned<P: Ports>(context: &Context<'_, P>) -> Result<Return, Problem> {
    context.limit_address()?;
    let parameter = |name: &str| context.query.get(name).ok_or_else(|| Problem::new(Code::Required));
    let order_id = parameter("orderId")?;
    let payment_key = parameter("paymentKey")?;
    let amount = parameter("amount")?;
    if !id::is_order_id(order_id) {
        return Err(Problem::new(Code::OrderNotFound));
    }
    if !is_payment_key(payment_key) {
        return Err(Problem::new(Code::InvalidValue));
    }
    // Digits only: no sign, no fraction, no exponent.
    let digits = (1..=16).contains(&amount.len()) && amount.bytes().all(|b| b.is_ascii_digit());
    let amount = amount.parse().ok().filter(|_| digits).and_then(Amount::new);
    Ok(Return {
        merchant_id: merchant_id(context)?,
        order_id: OrderId::from(order_id),
        payment_key: payment_key.to_owned(),
        amount: amount.ok_or_else(|| Problem::new(Code::AmountMismatch))?,
    })
}

/// The merchant that the URL names, or the default one.
fn merchant_id<P: Ports>(context: &Context<'_, P>) -> Result<MerchantId, Problem> {
    match context.param("merchantId") {
        "" => Ok(context.config.default_merchant.clone()),
        id if id::is_name(id) => Ok(MerchantId::from(id)),
        _ => Err(Problem::new(Code::OrderNotFound)),
    }
}

/// Toss says 200 characters at most; it does not say which, so all that can be seen in ASCII are taken.
fn is_payment_key(key: &str) -> bool {
    (1..=PAYMENT_KEY_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
}

fn error_page(order_id: &str, code: &str) -> String {
    let location = format!("/checkout/result?error={}", encoded(code));
    if order_id.is_empty() { location } else { with_parameter(&location, "orderId", order_id) }
}

/// 303: the browser asks for the page with GET, and a reload repeats the page, not the payment.
fn see_other(location: &str) -> Response<Vec<u8>> {
    let mut response = empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers::set(headers, header::LOCATION, location);
    headers::set(headers, header::CACHE_CONTROL, "no-store");
    // This URL has the payment key in it.
    headers::set(headers, header::REFERRER_POLICY, "no-referrer");
    response
}
