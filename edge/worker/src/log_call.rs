//! Reading the log of another object's shard: bytes there and back, no text.

use crate::bindings::message;
use crate::call::within;
use crate::isolate::Isolate;
use crate::log;
use bytes::Bytes;
use gyesan_edge::outbox::LogPage;
use gyesan_edge::topology::Target;
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// The records of `source` after a position, at most `limit`; nothing when no answer came within `limit_ms`.
pub async fn read(
    isolate: &Isolate,
    source: Target,
    after: u64,
    limit: u32,
    limit_ms: u32,
) -> Option<LogPage> {
    match within(limit_ms, ask(isolate, source, after, limit)).await? {
        Ok(page) => Some(page),
        Err(why) => {
            log::warn("log.not-read", &format!("{}: {why}", source.name()));
            None
        }
    }
}

async fn ask(isolate: &Isolate, source: Target, after: u64, limit: u32) -> Result<LogPage, String> {
    let name = serde_json::to_string(&source).map_err(|e| e.to_string())?;
    // Positions are counted from 1, so that a double holds them.
    let promise = isolate.stub(source)?.log(&name, after as f64, limit).map_err(|e| message(&e))?;
    let answer = JsFuture::from(promise).await.map_err(|e| message(&e))?;
    let bytes = answer.dyn_ref::<Uint8Array>().ok_or("the answer is not bytes")?.to_vec();
    LogPage::from_bytes(Bytes::from(bytes)).ok_or_else(|| "the answer is too short to be a page".to_owned())
}
