//! Records that could not be handled, for the deployment's operator: the list, and handling one once more.

use super::consumers;
use super::context::{CALL_LIMIT_MS, Context};
use super::idempotency::Claim;
use super::ops::{self, ask_all};
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::command::{Command, ConsumerCommand, DeadLetter, Reply};
use crate::ports::Ports;
use crate::topology::{Subscription, Target};
use gyesan_core::id::OrderId;
use gyesan_core::problem::Code;
use http::StatusCode;
use serde_json::{Value, json};

/// `GET /v1/ops/dead-letters`: those that still wait first, then newest first; at most a hundred of each partition.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 when an actor does not answer.
pub async fn list<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let command = Command::Consumer(ConsumerCommand::DeadLetters);
    let read = |reply| match reply {
        Reply::DeadLetters(letters) => Some(letters),
        _ => None,
    };
    let found = ask_all(context, context.config.topology.consumers(), command, read).await?;
    let mut letters: Vec<(Target, DeadLetter)> = found
        .into_iter()
        .flat_map(|(target, letters)| letters.into_iter().map(move |letter| (target, letter)))
        .collect();
    letters.sort_by_key(|(_, letter)| (letter.replayed_at.is_some(), std::cmp::Reverse(letter.created_at)));
    let items: Vec<Value> = letters
        .iter()
        .filter_map(|(target, letter)| {
            let (subscription, partition) = consumers::part(*target)?;
            Some(item(subscription, partition, letter))
        })
        .collect();
    json(StatusCode::OK, &json!({ "items": items, "nextCursor": null }))
}

/// `POST /v1/ops/dead-letters/{deadLetterId}/replay {"reason"}`: the record is handled once more:
/// 1. whose it is;
/// 2. an answer of an earlier run;
/// 3. handle it, as a consumer does; the record stays in the list, marked with the time.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body and of the idempotency key; 404 for one that there is not; 409 `REPLAY_FAILED` when it
/// could not be handled this time either.
pub async fn replay<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let (reason, body) = ops::reason(context, &[])?;
    // 1
    let id = context.param("deadLetterId");
    let mut parts = id.split(':');
    let (name, partition, position) = (parts.next(), parts.next(), parts.next());
    let position = position.and_then(|text| text.parse::<u64>().ok()).filter(|_| parts.next().is_none());
    let found = consumers::find(context.config.topology, name.unwrap_or(""), partition.unwrap_or(""));
    let (Some((target, subscription, partition)), Some(position)) = (found, position) else {
        return Err(Problem::with(Code::NotFound, "there is no such dead letter"));
    };
    // 2
    let merchant = &context.config.default_merchant;
    let shard = context.order_shard(merchant, &OrderId::from(id));
    let claim = Claim::new(context, &caller, shard, id, &body)?;
    if let Some(response) = claim.replay(context).await? {
        return Ok(response);
    }
    // 3
    let detail = format!("{id} actor={} reason={reason}.", caller.holder());
    context.log("info", "operator.replay", "", "", detail);
    let command = Command::Consumer(ConsumerCommand::Replay { position });
    let answer = match context.call(target, command, CALL_LIMIT_MS).await {
        Ok(Reply::Replayed(letter)) => json(StatusCode::OK, &item(subscription, partition, &letter)),
        Ok(_) => Err(misunderstood()),
        Err(fault) => Err(fault.into()),
    };
    claim.settle(context, answer).await
}

fn item(subscription: Subscription, partition: u32, letter: &DeadLetter) -> Value {
    json!({
        "id": format!("{}:{partition}:{}", subscription.name(), letter.position),
        "consumer": subscription.name(),
        "topic": subscription.topic(),
        "partition": partition,
        "position": letter.position,
        "event": letter.event,
        "valueBase64": letter.value_base64,
        "reason": letter.reason,
        "tries": letter.tries,
        "createdAt": letter.created_at,
        "replayedAt": letter.replayed_at,
    })
}
