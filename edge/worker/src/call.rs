//! Calls between objects: several commands in one envelope, as JSON, answered together.

use crate::bindings::message;
use crate::isolate::Isolate;
use crate::log;
use futures::future::{Either, select};
use gyesan_edge::actor::CallFault;
use gyesan_edge::command::{Command, Rejection, Reply};
use gyesan_edge::topology::Target;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use wasm_bindgen_futures::JsFuture;

/// What an object is called with.
#[derive(Serialize, Deserialize)]
pub struct Envelope {
    /// Whom the caller takes the object for.
    pub to: Target,
    /// What is wanted, in order.
    pub commands: Vec<Sent>,
}

/// One command.
#[derive(Serialize, Deserialize)]
pub struct Sent {
    /// What is wanted.
    pub command: Command,
    /// W3C trace context.
    pub trace: Option<String>,
}

/// What an object answers: one result per command, in order.
pub type Results = Vec<Result<Reply, Rejection>>;

/// Sends an envelope and waits at most `limit_ms` for the results. What was begun goes on after that.
///
/// # Errors
/// [`CallFault::Lost`] when no answer came. A call that failed is not repeated here: whether it was delivered cannot
/// be told, and those who must be sure have due work that asks again.
pub async fn call(isolate: &Isolate, envelope: &Envelope, limit_ms: u32) -> Result<Results, CallFault> {
    match within(limit_ms, send(isolate, envelope)).await {
        Some(Ok(results)) => Ok(results),
        Some(Err(why)) => {
            log::warn("call.failed", &format!("{}: {why}", envelope.to.name()));
            Err(CallFault::Lost)
        }
        None => Err(CallFault::Lost),
    }
}

async fn send(isolate: &Isolate, envelope: &Envelope) -> Result<Results, String> {
    let body = serde_json::to_string(envelope).map_err(|e| e.to_string())?;
    let promise = isolate.stub(envelope.to)?.cmds(&body).map_err(|e| message(&e))?;
    let answer = JsFuture::from(promise).await.map_err(|e| message(&e))?;
    let text = answer.as_string().ok_or("the answer is not text")?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

/// What `work` comes to, or nothing when it takes longer than `limit_ms`; the work is then dropped.
pub async fn within<T>(limit_ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let limit = worker::Delay::from(Duration::from_millis(u64::from(limit_ms)));
    match select(pin!(work), pin!(limit)).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}
