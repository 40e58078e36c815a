//! The consumers of the events, for the deployment's operator: where each stands, pausing and resuming.

use super::context::{CALL_LIMIT_MS, Context};
use super::fields::{Faults, Fields};
use super::ops::{self, ask_all};
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::command::{Command, ConsumerCommand, ConsumerPosition, Reply};
use crate::ports::Ports;
use crate::projection;
use crate::topology::{Bus, Subscription, Target, Topology};
use gyesan_core::problem::Code;
use http::StatusCode;
use serde_json::{Value, json};

/// The largest position: what a double still holds exactly.
const POSITION_MAX: u64 = (1 << 53) - 1;

/// `GET /v1/ops/consumers`: where each consumer stands in each partition.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 when an actor does not answer.
pub async fn list<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let positions = ask_all(context, context.config.topology.consumers(), Command::Position, place).await?;
    items(context, &positions).await
}

fn place(reply: Reply) -> Option<ConsumerPosition> {
    match reply {
        Reply::Position(position) => Some(position),
        _ => None,
    }
}

/// These consumers as a list. Positions are asked for before the logs: a log only grows, so the lag is never negative.
async fn items<P: Ports>(context: &Context<'_, P>, positions: &[(Target, ConsumerPosition)]) -> Answer {
    let logs = match context.config.topology.bus {
        Bus::Embedded => ops::logs(context).await?,
        Bus::Kafka { .. } => Vec::new(),
    };
    let end_of = |source: Target| logs.iter().find(|(log, _)| *log == source).map(|(_, status)| status.end);
    let items: Vec<Value> = positions
        .iter()
        .filter_map(|(target, place)| {
            let (subscription, partition) = part(*target)?;
            let end = place.end.or_else(|| end_of(subscription.source(partition))).unwrap_or(place.position);
            Some(item(context, subscription, partition, place, end))
        })
        .collect();
    json(StatusCode::OK, &json!({ "items": items, "nextCursor": null }))
}

/// `POST /v1/ops/consumers/{consumer}/{partition}/pause {"reason"}`: it handles nothing until it is resumed.
///
/// # Errors
/// Those of [`Context::authenticate`] and of the body; 404 for a consumer that there is not.
pub async fn pause<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let (target, subscription, partition) = target_of(context)?;
    let (reason, _) = ops::reason(context, &[])?;
    let detail = format!("{}:{partition} actor={} reason={reason}.", subscription.name(), caller.holder());
    context.log("info", "operator.pause", "", "", detail);
    order(context, target, ConsumerCommand::Pause { reason }).await
}

/// `POST /v1/ops/consumers/{consumer}/{partition}/resume {"reason","position"}`: it goes on, after a pause or after it has stopped by
/// itself. `position` moves it within its topic.
///
/// # Errors
/// Those of [`Context::authenticate`] and of the body; 404 for a consumer that there is not; 400 `REQUIRED` when only an operator can
/// say where to read on, `INVALID_VALUE` for a position where none can be given.
pub async fn resume<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let (target, subscription, partition) = target_of(context)?;
    let (reason, body) = ops::reason(context, &["position"])?;
    let faults = Faults::default();
    let position = Fields::open(&body, String::new(), &["reason", "position"], &faults).and_then(|fields| {
        let number = fields.integer("position")?;
        let position = u64::try_from(number).ok().filter(|position| *position <= POSITION_MAX);
        if position.is_none() {
            fields.fault("position", Code::InvalidValue);
        }
        position
    });
    faults.or(Some(())).map_err(Problem::of_fields)?;
    let to = position.map_or("where it was".to_owned(), |position| position.to_string());
    let detail = format!(
        "{}:{partition} position={to} actor={} reason={reason}.",
        subscription.name(),
        caller.holder()
    );
    context.log("info", "operator.resume", "", "", detail);
    order(context, target, ConsumerCommand::Resume { position }).await
}

/// `POST /v1/ops/consumers/{consumer}/rebuild {"reason"}`: a read model is emptied and read again from the beginning:
/// 1. whether it is a read model;
/// 2. empty it and begin its next generation, in one transaction: what is still under way of the last is refused from now on;
/// 3. tell its consumers, who read from the beginning. One that does not hear of it finds out by itself within a minute or two.
///
/// # Errors
/// Those of [`Context::authenticate`] and of the body; 404 for a consumer that there is not; 409 `NOT_REBUILDABLE` for one whose effects
/// cannot be taken back; 503 when the query database or a consumer does not answer. A repeat does no harm.
pub async fn rebuild<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    // 1
    let (topology, name) = (context.config.topology, context.param("consumer"));
    let subscription = Subscription::ALL.into_iter().find(|subscription| subscription.name() == name);
    let subscription = subscription.ok_or_else(no_such_consumer)?;
    let (reason, _) = ops::reason(context, &[])?;
    let query = projection::rebuild(subscription).ok_or_else(|| {
        let why = format!("what {name} has done is never done again: it can be paused and resumed only");
        Problem::with(Code::NotRebuildable, why)
    })?;
    // 2
    context.log(
        "info",
        "operator.rebuild",
        "",
        "",
        format!("{name} actor={} reason={reason}.", caller.holder()),
    );
    context.ports.query(query).await.map_err(|error| {
        context.log("error", "query.failed", "", "", error.to_string());
        Problem::unavailable("the query database does not answer")
    })?;
    // 3
    let partitions =
        (0..topology.partitions(subscription)).map(|number| topology.consumer(subscription, number));
    let positions = ask_all(context, partitions, Command::Consumer(ConsumerCommand::Rebuild), place).await?;
    items(context, &positions).await
}

async fn order<P: Ports>(context: &Context<'_, P>, target: Target, order: ConsumerCommand) -> Answer {
    let reply = context.call(target, Command::Consumer(order), CALL_LIMIT_MS).await?;
    let (Reply::Position(place), Some((subscription, partition))) = (reply, part(target)) else {
        return Err(misunderstood());
    };
    let end = match place.end {
        Some(end) => end,
        None => {
            let logs = ops::logs(context).await?;
            let source = subscription.source(partition);
            logs.iter().find(|(log, _)| *log == source).map_or(place.position, |(_, status)| status.end)
        }
    };
    json(StatusCode::OK, &item(context, subscription, partition, &place, end))
}

fn item<P: Ports>(
    context: &Context<'_, P>,
    subscription: Subscription,
    partition: u32,
    place: &ConsumerPosition,
    end: u64,
) -> Value {
    let seen_at = match context.config.topology.bus {
        // The shard has just been asked.
        Bus::Embedded => Some(context.ports.now()),
        Bus::Kafka { .. } => place.end_seen_at,
    };
    let (paused, stopped) = (place.paused.as_ref(), place.stopped.as_ref());
    json!({
        "consumer": subscription.name(),
        "topic": subscription.topic(),
        "partition": partition,
        "position": place.position,
        "end": end,
        "endSeenAt": seen_at,
        "lag": end.saturating_sub(place.position),
        "paused": paused.is_some(),
        "pausedAt": paused.map(|halt| halt.since),
        "pauseReason": paused.map(|halt| halt.reason.as_str()),
        "stopped": stopped.is_some(),
        "stoppedAt": stopped.map(|halt| halt.since),
        "stopReason": stopped.map(|halt| halt.reason.as_str()),
        "deadLetters": place.dead_letters,
    })
}

/// Which consumer of which partition an actor is.
pub fn part(target: Target) -> Option<(Subscription, u32)> {
    match target {
        Target::Consumer(subscription, partition) | Target::Subscriber(subscription, partition) => {
            Some((subscription, partition))
        }
        Target::Order(_) | Target::Ledger(_) | Target::Relay(_) => None,
    }
}

/// The consumer by its name and partition.
pub fn find(topology: Topology, name: &str, partition: &str) -> Option<(Target, Subscription, u32)> {
    let partition = partition.parse::<u32>().ok()?;
    topology.consumers().find_map(|target| {
        let (subscription, number) = part(target)?;
        (subscription.name() == name && number == partition).then_some((target, subscription, partition))
    })
}

fn target_of<P: Ports>(context: &Context<'_, P>) -> Result<(Target, Subscription, u32), Problem> {
    find(context.config.topology, context.param("consumer"), context.param("partition"))
        .ok_or_else(no_such_consumer)
}

fn no_such_consumer() -> Problem {
    Problem::with(Code::NotFound, "there is no such consumer")
}
