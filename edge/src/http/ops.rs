//! What the deployment's operator sees and can do, across merchants. Each question goes to all shards at once.

use super::context::{CALL_LIMIT_MS, Context};
use super::fields::{Faults, Fields};
use super::idempotency::Claim;
use super::orders;
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::actor::CallFault;
use crate::command::{Command, LogCommand, LogStatus, OrderCommand, Record, Reply};
use crate::ports::Ports;
use crate::topology::Target;
use futures::future::try_join_all;
use gyesan_core::event::EventData;
use gyesan_core::id::{self, MerchantId, OrderId};
use gyesan_core::problem::Code;
use http::StatusCode;
use serde_json::{Value, json};

/// Characters of an operator's reason, at most.
const REASON_MAX: usize = 200;

/// Asks every one of these actors the same, at the same time.
///
/// # Errors
/// The first that refuses or does not answer.
pub async fn ask_all<P: Ports, T>(
    context: &Context<'_, P>,
    targets: impl Iterator<Item = Target>,
    command: Command,
    read: impl Fn(Reply) -> Option<T>,
) -> Result<Vec<(Target, T)>, Problem> {
    let (read, command) = (&read, &command);
    let calls = targets.map(|target| async move {
        let reply =
            context.call(target, command.clone(), CALL_LIMIT_MS).await.map_err(|fault| match fault {
                CallFault::Lost => Problem::unavailable(format!("{} does not answer", target.name())),
                fault @ CallFault::Rejected(_) => fault.into(),
            })?;
        read(reply).map(|answer| (target, answer)).ok_or_else(misunderstood)
    });
    try_join_all(calls).await
}

/// How far each shard's log goes.
///
/// # Errors
/// 503 when a shard does not answer.
pub async fn logs<P: Ports>(context: &Context<'_, P>) -> Result<Vec<(Target, LogStatus)>, Problem> {
    let topology = context.config.topology;
    ask_all(context, topology.orders().chain(topology.ledgers()), Command::Log(LogCommand::Status), |reply| {
        match reply {
            Reply::LogStatus(status) => Some(status),
            _ => None,
        }
    })
    .await
}

/// `GET /v1/ops/events?orderId=[&merchantId=]`: everything that happened to one order, oldest first, as far as it is still in its
/// shard's log; `complete` says whether that is all.
///
/// # Errors
/// Those of [`Context::authenticate`]; 400 without an order id.
pub async fn events<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&["orderId", "merchantId"])?;
    let order_id = context
        .query
        .get("orderId")
        .ok_or_else(|| Problem::with(Code::Required, "the query parameter `orderId`"))?;
    let (merchant_id, order_id) = order_of(context, order_id)?;
    let shard = context.order_shard(&merchant_id, &order_id);
    let command = LogCommand::Of { merchant_id, key: order_id.0 };
    let Reply::History { records, unreadable, first } =
        context.call(shard, Command::Log(command), CALL_LIMIT_MS).await?
    else {
        return Err(misunderstood());
    };
    let begins = |record: &Record| matches!(record.event.data, EventData::OrderPlaced { .. });
    let complete = unreadable.is_empty() && (first <= 1 || records.first().is_some_and(begins));
    let items: Vec<Value> = records
        .iter()
        .map(|record| json!({ "shard": shard.name(), "position": record.seq, "trace": record.trace, "event": record.event }))
        .collect();
    let answer = json!({
        "items": items,
        "nextCursor": null,
        "complete": complete,
        "firstKept": first,
        "unreadable": unreadable,
    });
    json(StatusCode::OK, &answer)
}

/// `GET /v1/ops/unresolved`: what a person has to look at, newest first.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 when a shard does not answer.
pub async fn unresolved<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let read = |reply| match reply {
        Reply::Unresolved(rows) => Some(rows),
        _ => None,
    };
    let shards = context.config.topology.orders();
    let found = ask_all(context, shards, Command::Order(OrderCommand::Unresolved), read).await?;
    let mut items: Vec<_> = found.into_iter().flat_map(|(_, rows)| rows).collect();
    items.sort_by_key(|row| std::cmp::Reverse(row.created_at));
    json(StatusCode::OK, &json!({ "items": items, "nextCursor": null }))
}

/// `POST /v1/ops/orders/{orderId}/recheck[?merchantId=] {"reason"}`: the PSP is asked now.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body and of the idempotency key; 404 `ORDER_NOT_FOUND`.
pub async fn recheck<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&["merchantId"])?;
    let (merchant_id, order_id) = order_of(context, context.param("orderId"))?;
    let (reason, body) = reason(context, &[])?;
    let shard = context.order_shard(&merchant_id, &order_id);
    let claim = Claim::new(context, &caller, shard, &format!("{merchant_id}/{order_id}"), &body)?;
    if let Some(response) = claim.replay(context).await? {
        return Ok(response);
    }
    let detail = format!("actor={} reason={reason}.", caller.holder());
    context.log("info", "operator.recheck", merchant_id.as_str(), order_id.as_str(), detail);
    let command = OrderCommand::Recheck { merchant_id: merchant_id.clone(), order_id: order_id.clone() };
    let answer = match context.call(shard, Command::Order(command), CALL_LIMIT_MS).await {
        Ok(_) => match orders::look_up(context, &merchant_id, &order_id, CALL_LIMIT_MS).await {
            Ok(view) => json(StatusCode::OK, &view),
            Err(problem) => Err(problem),
        },
        Err(fault) => Err(fault.into()),
    };
    claim.settle(context, answer).await
}

/// Why an operator does something, and the whole body, in which there may be these fields too. No body is an empty one.
///
/// # Errors
/// Those of the body.
pub fn reason<P: Ports>(
    context: &Context<'_, P>,
    beside: &[&'static str],
) -> Result<(String, Value), Problem> {
    let body = match context.request.body().is_empty() {
        true => json!({}),
        false => context.json()?,
    };
    let known: Vec<&'static str> = beside.iter().copied().chain(["reason"]).collect();
    let faults = Faults::default();
    let read = Fields::open(&body, String::new(), &known, &faults)
        .map(|fields| fields.visible_text("reason", REASON_MAX).unwrap_or("none given").to_owned());
    let reason = faults.or(read).map_err(Problem::of_fields)?;
    Ok((reason, body))
}

/// The order that an operator means: of the merchant named in the query, or of the default one.
fn order_of<P: Ports>(context: &Context<'_, P>, order_id: &str) -> Result<(MerchantId, OrderId), Problem> {
    let merchant_id = match context.query.get("merchantId") {
        Some(merchant_id) => MerchantId::from(merchant_id),
        None => context.config.default_merchant.clone(),
    };
    if !id::is_order_id(order_id) || !id::is_name(merchant_id.as_str()) {
        return Err(Problem::new(Code::OrderNotFound));
    }
    Ok((merchant_id, OrderId::from(order_id)))
}
