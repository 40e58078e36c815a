//! Is it up, and can it take payments?

use super::context::Context;
use super::ops::ask_all;
use super::problem::Problem;
use super::{Answer, json};
use crate::command::{Command, LogCommand, Reply};
use crate::ports::Ports;
use crate::topology::Bus;
use http::StatusCode;
use serde_json::json;

/// `GET /healthz`: the Worker runs.
///
/// # Errors
/// None.
pub fn health(bus: Bus) -> Answer {
    json(StatusCode::OK, &json!({ "ok": true, "version": env!("CARGO_PKG_VERSION"), "eventBus": bus.name() }))
}

/// `GET /readyz`: the catalogue and every shard answer.
///
/// # Errors
/// 503 naming what does not answer.
pub async fn ready<P: Ports>(context: &Context<'_, P>) -> Answer {
    context.limit_address()?;
    let merchants = context.ports.catalogue("SELECT count(*) FROM merchants", &[]).await;
    if let Err(error) = merchants {
        context.catalogue_failed(&error);
        return Err(Problem::unavailable("the catalogue does not answer"));
    }
    let topology = context.config.topology;
    let shards = topology.orders().chain(topology.ledgers());
    let answers = ask_all(context, shards, Command::Log(LogCommand::Status), |reply| match reply {
        Reply::LogStatus(status) => Some(status),
        _ => None,
    })
    .await?;
    json(StatusCode::OK, &json!({ "ok": true, "catalogue": true, "shards": answers.len() }))
}
