//! The [`Ports`] of the routes, over the runtime.

use crate::bindings::{Response, message, random_u128};
use crate::call::{self, Envelope, Sent};
use crate::isolate::Isolate;
use crate::storage::{to_js, to_row};
use crate::{clock, log, query};
use gyesan_core::time::Timestamp;
use gyesan_edge::actor::{CallFault, LogLine};
use gyesan_edge::command::{Command, Reply};
use gyesan_edge::ports::{Ports, SiteFile};
use gyesan_edge::query::Query;
use gyesan_edge::sql::{Row, SqlError, Value};
use gyesan_edge::topology::Target;
use js_sys::Uint8Array;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// How long a request waits for the query database, in milliseconds.
const QUERY_LIMIT_MS: u32 = 5_000;

/// The world as a request sees it.
pub struct World {
    /// Configuration and bindings.
    pub isolate: Rc<Isolate>,
}

impl Ports for World {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn random(&self) -> u128 {
        random_u128()
    }

    async fn call(
        &self,
        target: Target,
        command: Command,
        trace: Option<&str>,
        limit_ms: u32,
    ) -> Result<Reply, CallFault> {
        let sent = Sent { command, trace: trace.map(str::to_owned) };
        let envelope = Envelope { to: target, commands: vec![sent] };
        let results = call::call(&self.isolate, &envelope, limit_ms).await?;
        results.into_iter().next().ok_or(CallFault::Lost)?.map_err(CallFault::Rejected)
    }

    async fn catalogue(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let params: Vec<JsValue> = params.iter().map(to_js).collect();
        let fault = |e: worker::Error| SqlError(e.to_string());
        let statement = self.isolate.catalogue.prepare(statement).bind(&params).map_err(fault)?;
        let rows = statement.raw_js_value().await.map_err(fault)?;
        rows.iter().map(to_row).collect()
    }

    async fn query(&self, query: Query) -> Result<Vec<Row>, SqlError> {
        query::ask(&self.isolate.query, &query, QUERY_LIMIT_MS).await
    }

    async fn file(&self, path: &str) -> Option<SiteFile> {
        match file(&self.isolate, path).await {
            Ok(file) => file,
            Err(exception) => {
                log::error("file.failed", &format!("{path}: {}", message(&exception)));
                None
            }
        }
    }

    fn log(&self, line: LogLine) {
        log::write(&line);
    }
}

async fn file(isolate: &Isolate, path: &str) -> Result<Option<SiteFile>, JsValue> {
    // The binding looks at the path only, but wants a whole URL.
    let promise = isolate.assets.fetch(&format!("https://assets.invalid{path}"))?;
    let response: Response = JsFuture::from(promise).await?.unchecked_into();
    if response.status() != 200 {
        return Ok(None);
    }
    let content_type = response.headers().get("content-type").unwrap_or_default();
    let bytes = Uint8Array::new(&JsFuture::from(response.array_buffer()?).await?).to_vec();
    Ok(Some(SiteFile { content_type, bytes }))
}
