//! The cron: every actor is told to see to what is due, in case its alarm was lost.

use crate::call::{Envelope, Sent, call};
use crate::isolate::Isolate;
use crate::log;
use futures::future::join_all;
use gyesan_edge::command::Command;
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use worker::Env;

/// How long to wait for one actor, in milliseconds.
const LIMIT_MS: u32 = 30_000;

/// Pokes everybody. A failed call is logged where it is made; the next cron tries again.
#[wasm_bindgen]
pub fn poke(env: &Env) -> Promise {
    let isolate = Isolate::of(env);
    future_to_promise(async move {
        let isolate = isolate.map_err(|why| {
            log::error("config.invalid", &why);
            JsValue::from_str(&why)
        })?;
        let pokes = isolate.config.topology.everyone().map(|to| {
            let isolate = &isolate;
            let envelope = Envelope { to, commands: vec![Sent { command: Command::Poke, trace: None }] };
            async move { call(isolate, &envelope, LIMIT_MS).await }
        });
        join_all(pokes).await;
        Ok(JsValue::UNDEFINED)
    })
}
