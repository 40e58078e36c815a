//! The shell of Gyesan on Cloudflare's runtime: it performs what the routes and actors of `gyesan-edge` decide, and
//! decides nothing itself. `shim.js` is what the runtime sees; it calls the exports of this crate.
//!
//! - [`entry`]: HTTP requests
//! - [`actor_do`]: Durable Objects
//! - [`poke_cron`]: the cron trigger
//!
//! No `RefCell` is borrowed across an await anywhere: other work of the same object runs there.

pub mod actor_do;
mod bindings;
mod call;
mod clock;
pub mod entry;
mod fetch;
mod isolate;
mod log;
mod log_call;
pub mod poke_cron;
mod psp_call;
mod query;
mod sockets;
mod storage;
mod world;
