//! `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): a request that changes something runs once, and a
//! repeat gets the same status and bytes.
//!
//! The scope of a key is the key's holder, the method, the route and the resource. Claims lie in the shard of the order that the
//! request is about. An answer that says "not now" is not remembered: the repeat shall run.

use super::context::{CALL_LIMIT_MS, Context};
use super::problem::Problem;
use super::{Answer, json_bytes, misunderstood};
use crate::actor::CallFault;
use crate::auth::{self, Caller};
use crate::command::{Claimed, Command, IdempotencyCommand, Reply};
use crate::ports::Ports;
use crate::topology::Target;
use gyesan_core::problem::Code;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

/// Characters of a key, at most.
const KEY_MAX: usize = 255;

/// A claim on a key.
pub struct Claim {
    shard: Target,
    scope: String,
    request: String,
}

/// Reads the header and names the scope, in which a request is the same one. `resource` is what it is about.
///
/// # Errors
/// `IDEMPOTENCY_KEY_MISSING`; `INVALID_VALUE` for a key that is empty, too long or not plain ASCII.
pub fn scope<P: Ports>(context: &Context<'_, P>, caller: &Caller, resource: &str) -> Result<String, Problem> {
    let Some(key) = context.request.headers().get("idempotency-key") else {
        return Err(Problem::new(Code::IdempotencyKeyMissing));
    };
    let plain = |key: &&str| {
        (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    };
    let Some(key) = key.to_str().ok().map(str::trim).filter(plain) else {
        return Err(Problem::with(Code::InvalidValue, "an Idempotency-Key is 1 to 255 ASCII characters"));
    };
    let (method, path) = (context.request.method(), context.request.uri().path());
    let scope = format!("{}\n{method}\n{path}\n{resource}\n{key}", caller.holder());
    Ok(auth::digest(&scope))
}

impl Claim {
    /// Of the key in the header. `resource` is the order's id; the body is part of what a repeat must be equal in.
    ///
    /// # Errors
    /// Those of [`scope`].
    pub fn new<P: Ports>(
        context: &Context<'_, P>,
        caller: &Caller,
        shard: Target,
        resource: &str,
        body: &Value,
    ) -> Result<Claim, Problem> {
        let scope = scope(context, caller, resource)?;
        Ok(Claim { shard, scope, request: auth::digest(&body.to_string()) })
    }

    /// The answer of an earlier run, or `None` when this request shall run.
    ///
    /// # Errors
    /// 409 `IDEMPOTENCY_KEY_IN_USE`, 422 `IDEMPOTENCY_KEY_REUSED`.
    pub async fn replay<P: Ports>(
        &self,
        context: &Context<'_, P>,
    ) -> Result<Option<http::Response<Vec<u8>>>, Problem> {
        let claim = IdempotencyCommand::Claim { scope: self.scope.clone(), request: self.request.clone() };
        // Not repeated when lost: the repeat would find the key in use by itself.
        let trace = Some(context.trace.parent.as_str());
        match context.ports.call(self.shard, Command::Idempotency(claim), trace, CALL_LIMIT_MS).await? {
            Reply::Claimed(Claimed::New) => Ok(None),
            Reply::Claimed(Claimed::Replay { status, body }) => {
                let status = StatusCode::from_u16(status).map_err(|_| misunderstood())?;
                let mut response = json_bytes(status, body.into_bytes());
                if status.is_client_error() {
                    let problem = HeaderValue::from_static("application/problem+json");
                    response.headers_mut().insert(http::header::CONTENT_TYPE, problem);
                }
                response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
                Ok(Some(response))
            }
            _ => Err(misunderstood()),
        }
    }

    /// Remembers the answer, or gives the key back when the answer is that we could not.
    pub async fn settle<P: Ports>(&self, context: &Context<'_, P>, answer: Answer) -> Answer {
        let response =
            answer.unwrap_or_else(|problem| problem.response(context.language, &context.trace.trace_id));
        let status = response.status();
        let command = match std::str::from_utf8(response.body()) {
            Ok(body) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                IdempotencyCommand::Settle {
                    scope: self.scope.clone(),
                    status: status.as_u16(),
                    body: body.to_owned(),
                }
            }
            _ => IdempotencyCommand::Release { scope: self.scope.clone() },
        };
        let settled = context.call(self.shard, Command::Idempotency(command), CALL_LIMIT_MS).await;
        if settled == Err(CallFault::Lost) {
            // What the request did is done. The claim lapses by itself, and a repeat runs an idempotent command again.
            context.log("warn", "idempotency.not-settled", "", "", self.scope.clone());
        }
        Ok(response)
    }
}
