//! The outboxes and their relays, for the deployment's operator.

use super::context::{CALL_LIMIT_MS, Context};
use super::fields::{Faults, Fields};
use super::idempotency;
use super::ops::{self, ask_all, logs};
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::command::{
    Command, LogCommand, RelayCommand, RelayStatus, Reply, Republication, Stopped, StoppedPartition,
    StoppedSource,
};
use crate::ports::Ports;
use crate::topology::Target;
use futures::future::try_join_all;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};

/// Characters of a partition's or a log's name, at most.
const NAME_MAX: usize = 300;

/// How far one shard's log is.
struct Log {
    shard: Target,
    /// The first position that is still there.
    first: u64,
    end: u64,
    /// Committed, and not taken over by its reader.
    pending: u64,
    oldest: Option<Timestamp>,
    /// Published, or in embedded mode taken over by the consumer.
    published: u64,
    /// Why its relay publishes nothing more of it.
    stopped: Option<String>,
}

/// `GET /v1/ops/outbox`: how far the logs go, what of them a reader has not taken over, and in Kafka mode the relays.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 when an actor does not answer.
pub async fn show<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let now = context.ports.now();
    // Relays first: a log only grows, so nothing is taken over that is not there.
    let relays = relays(context).await?;
    let logs = shards(context, &relays).await?;
    let age_ms = |log: &Log| log.oldest.map_or(0, |since| now.ms_since(since).max(0));
    let shards: Vec<Value> = logs
        .iter()
        .map(|log| {
            json!({
                "shard": log.shard.name(),
                "firstKept": log.first,
                "end": log.end,
                "pending": log.pending,
                "oldestPendingMs": age_ms(log),
                "published": log.published,
                "stopReason": log.stopped,
            })
        })
        .collect();
    let relay = |(target, status): &(Target, RelayStatus)| {
        json!({
            "relay": target.name(),
            "inFlightBatches": status.in_flight_batches,
            "stopped": status.stopped.iter().map(stopped).collect::<Vec<Value>>(),
            "republications": status.republications.iter().map(shown).collect::<Vec<Value>>(),
        })
    };
    let answer = json!({
        "pending": logs.iter().map(|log| log.pending).sum::<u64>(),
        "oldestPendingMs": logs.iter().map(age_ms).max().unwrap_or(0),
        // Batches are the relays', and in embedded mode there are none: consumers read the logs themselves.
        "inFlightBatches": relays.iter().map(|(_, status)| status.in_flight_batches).sum::<u64>(),
        "published": logs.iter().map(|log| log.published).sum::<u64>(),
        "shards": shards,
        "relays": relays.iter().map(relay).collect::<Vec<Value>>(),
    });
    json(StatusCode::OK, &answer)
}

async fn relays<P: Ports>(context: &Context<'_, P>) -> Result<Vec<(Target, RelayStatus)>, Problem> {
    let read = |reply| match reply {
        Reply::Relay(status) => Some(status),
        _ => None,
    };
    ask_all(context, context.config.topology.relays(), Command::RelayStatus, read).await
}

/// The logs of all shards, as far as their readers are.
async fn shards<P: Ports>(
    context: &Context<'_, P>,
    relays: &[(Target, RelayStatus)],
) -> Result<Vec<Log>, Problem> {
    let sources = || relays.iter().flat_map(|(_, status)| &status.sources);
    let logs = logs(context).await?.into_iter().map(|(shard, status)| async move {
        let Some(source) = sources().find(|source| source.source == shard) else {
            let published = status.end.saturating_sub(status.pending);
            let (pending, oldest) = (status.pending, status.oldest_pending);
            let (first, end) = (status.first, status.end);
            return Ok(Log { shard, first, end, pending, oldest, published, stopped: None });
        };
        let pending = status.end.saturating_sub(source.taken_over);
        let oldest = match pending {
            0 => None,
            _ => committed_after(context, shard, source.taken_over).await?,
        };
        let (first, end, published) = (status.first, status.end, source.published);
        Ok(Log { shard, first, end, pending, oldest, published, stopped: source.stopped.clone() })
    });
    try_join_all(logs).await
}

/// When the first record after a position was committed.
async fn committed_after<P: Ports>(
    context: &Context<'_, P>,
    shard: Target,
    after: u64,
) -> Result<Option<Timestamp>, Problem> {
    let question = Command::Log(LogCommand::CommittedAfter { after });
    match context.call(shard, question, CALL_LIMIT_MS).await? {
        Reply::CommittedAfter(at) => Ok(at),
        _ => Err(misunderstood()),
    }
}

/// `POST /v1/ops/relays/{relay}/resume {"reason","partition","source","acceptLoss"}`: it publishes again where it has stopped by itself; with
/// `acceptLoss` in a partition whose brokers have lost acknowledged records, or a log of which positions are missing, without them.
///
/// # Errors
/// Those of [`Context::authenticate`] and of the body; 404 for a relay that there is not, and for what has not stopped;
/// 400 for accepting a loss where nothing is lost.
pub async fn resume_relay<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let name = context.param("relay");
    let relay = context.config.topology.relays().find(|relay| relay.name() == name);
    let relay = relay.ok_or_else(|| Problem::with(Code::NotFound, "there is no such relay"))?;
    let (reason, body) = ops::reason(context, &["partition", "source", "acceptLoss"])?;
    let faults = Faults::default();
    let read = Fields::open(&body, String::new(), &["reason", "partition", "source", "acceptLoss"], &faults);
    let read = read.map(|fields| {
        let accept_loss = fields.boolean("acceptLoss").unwrap_or(false);
        let partition = fields.visible_text("partition", NAME_MAX).map(str::to_owned);
        let source = fields.visible_text("source", NAME_MAX).map(str::to_owned);
        if accept_loss && !fields.has("source") {
            fields.require("partition");
        }
        if fields.has("source") && fields.has("partition") {
            fields.fault("source", Code::InvalidValue);
        }
        (accept_loss, partition, source)
    });
    let (accept_loss, partition, source) = faults.or(read).map_err(Problem::of_fields)?;
    let what = match (partition, source) {
        (Some(partition), _) => Stopped::Partition(partition),
        (None, Some(source)) => Stopped::Source(shard(context, &source)?),
        (None, None) => Stopped::Everything,
    };
    let detail =
        format!("{name} {what:?} acceptLoss={accept_loss} actor={} reason={reason}.", caller.holder());
    context.log("info", "operator.resume", "", "", detail);
    match context
        .call(relay, Command::Relay(RelayCommand::Resume { what, accept_loss }), CALL_LIMIT_MS)
        .await?
    {
        Reply::Resumed(resumed) => json(
            StatusCode::OK,
            &json!({
                "relay": name,
                "partitions": resumed.partitions.iter().map(stopped).collect::<Vec<Value>>(),
                "sources": resumed.sources.iter().map(stopped_source).collect::<Vec<Value>>(),
            }),
        ),
        _ => Err(misunderstood()),
    }
}

/// The shard of this name.
fn shard<P: Ports>(context: &Context<'_, P>, name: &str) -> Result<Target, Problem> {
    let topology = context.config.topology;
    let shard = topology.orders().chain(topology.ledgers()).find(|shard| shard.name() == name);
    shard.ok_or_else(|| Problem::with(Code::NotFound, "there is no such log"))
}

/// A log that has stopped, and what a person can do about it.
fn stopped_source(stopped: &StoppedSource) -> Value {
    let name = stopped.source.name();
    let advice = stopped.lost.then(|| {
        format!(
            "If the positions cannot be brought back, resume with {{\"source\":\"{name}\",\"acceptLoss\":true}}: it goes on without them."
        )
    });
    json!({ "source": name, "reason": stopped.reason, "lost": stopped.lost, "advice": advice })
}

/// A partition that has stopped, and what a person can do about it.
fn stopped(partition: &StoppedPartition) -> Value {
    let name = &partition.partition;
    let advice = partition.lost.then(|| {
        format!(
            "If the brokers cannot be brought to have the records again, resume with {{\"partition\":\"{name}\",\"acceptLoss\":true}}: \
             what has not been acknowledged follows on what is left. Then publish again what is lost."
        )
    });
    json!({ "partition": name, "reason": partition.reason, "lost": partition.lost, "advice": advice })
}

/// `POST /v1/ops/outbox/republish {"source","from","to","reason"}`: what these positions of a shard's log hold is published once more, for
/// a topic that has lost it. One `Idempotency-Key`, one publication.
///
/// # Errors
/// Those of [`Context::authenticate`], of the body and of the idempotency key; 404 for a log that no relay publishes; 400 for
/// positions that are no longer kept, not published yet or too many.
pub async fn republish<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let (reason, body) = ops::reason(context, &["source", "from", "to"])?;
    let faults = Faults::default();
    let read = Fields::open(&body, String::new(), &["reason", "source", "from", "to"], &faults);
    let read = read.and_then(|fields| {
        let source = fields.require("source").visible_text("source", NAME_MAX);
        let position = |name| {
            let value = fields.require(name).integer(name)?;
            let position = u64::try_from(value).ok().filter(|position| *position > 0);
            if position.is_none() {
                fields.fault(name, Code::InvalidValue);
            }
            position
        };
        let (first, last) = (position("from"), position("to"));
        if first > last && last.is_some() {
            fields.fault("to", Code::InvalidValue);
        }
        Some((source?.to_owned(), first?, last?))
    });
    let (name, first, last) = faults.or(read).map_err(Problem::of_fields)?;
    let topology = context.config.topology;
    if topology.relays().next().is_none() {
        let detail =
            "EVENT_BUS is embedded: consumers read the logs themselves, there is no topic to publish to";
        return Err(Problem::with(Code::NotFound, detail));
    }
    let source = shard(context, &name)?;
    let relay = topology.reader_of(source).ok_or_else(misunderstood)?;
    let id = idempotency::scope(context, &caller, "")?;
    let kept = match context.call(source, Command::Log(LogCommand::Status), CALL_LIMIT_MS).await? {
        Reply::LogStatus(status) => status.first,
        _ => return Err(misunderstood()),
    };
    let detail = format!("{name} {first} to {last} actor={} reason={reason}.", caller.holder());
    context.log("info", "operator.republish", "", "", detail);
    let command = RelayCommand::Republish { id, source, first, last, kept };
    match context.call(relay, Command::Relay(command), CALL_LIMIT_MS).await? {
        Reply::Republishing(republication) => json(StatusCode::ACCEPTED, &shown(&republication)),
        _ => Err(misunderstood()),
    }
}

fn shown(republication: &Republication) -> Value {
    json!({
        "number": republication.number,
        "source": republication.source.name(),
        "from": republication.first,
        "to": republication.last,
        "next": republication.next,
        "state": republication.state(),
        "failure": republication.failed,
    })
}
