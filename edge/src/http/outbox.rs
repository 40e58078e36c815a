//! The outboxes and their relays, for the deployment's operator.

use super::context::{CALL_LIMIT_MS, Context};
use super::ops::{self, ask_all, logs};
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::command::{Command, LogCommand, RelayStatus, Reply};
use crate::ports::Ports;
use crate::topology::Target;
use futures::future::try_join_all;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};

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
            })
        })
        .collect();
    let relay = |(target, status): &(Target, RelayStatus)| {
        json!({
            "relay": target.name(),
            "inFlightBatches": status.in_flight_batches,
            "stopped": status.stopped,
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
            return Ok(Log { shard, first: status.first, end: status.end, pending, oldest, published });
        };
        let pending = status.end.saturating_sub(source.taken_over);
        let oldest = match pending {
            0 => None,
            _ => committed_after(context, shard, source.taken_over).await?,
        };
        let (first, end, published) = (status.first, status.end, source.published);
        Ok(Log { shard, first, end, pending, oldest, published })
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

/// `POST /v1/ops/relays/{relay}/resume {"reason"}`: it publishes again to the partitions where it has stopped by itself.
///
/// # Errors
/// Those of [`Context::authenticate`] and of the body; 404 for a relay that there is not.
pub async fn resume_relay<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let name = context.param("relay");
    let relay = context.config.topology.relays().find(|relay| relay.name() == name);
    let relay = relay.ok_or_else(|| Problem::with(Code::NotFound, "there is no such relay"))?;
    let (reason, _) = ops::reason(context, &[])?;
    let detail = format!("{name} actor={} reason={reason}.", caller.holder());
    context.log("info", "operator.resume", "", "", detail);
    match context.call(relay, Command::ResumeRelay, CALL_LIMIT_MS).await? {
        Reply::Done => json(StatusCode::OK, &json!({ "relay": name })),
        _ => Err(misunderstood()),
    }
}
