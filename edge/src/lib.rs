//! The payment back end of Gyesan without its shell: what it commits and what it does next.
//!
//! Actors are synchronous and know no clock, no socket, no randomness ([`actor`]); routes are plain functions over
//! small ports ([`http`]). `edge/worker` runs both on Cloudflare's runtime, `tests/sim` runs the actors in virtual time.

pub mod actor;
pub mod actors;
mod alarm;
pub mod auth;
pub mod catalogue;
pub mod command;
pub mod config;
pub mod consumer;
mod dead_letter_log;
pub mod http;
pub mod ledger_shard;
pub mod migration;
#[cfg(feature = "native")]
pub mod native;
pub mod order_shard;
pub mod outbox;
pub mod ports;
pub mod projection;
pub mod psp;
pub mod query;
mod registrar;
pub mod relay;
pub mod schema;
pub mod sql;
mod steady_clock;
pub mod subscriber;
mod throttle;
pub mod topology;
