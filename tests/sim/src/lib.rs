//! The simulated world: the product's actors over SQLite in memory, an emulated Toss, in every second world a simulated Kafka, and
//! buyers, in one process, on one virtual clock, from one seed.
//!
//! Everything that can go wrong between them does: processes end between a commit and its effects, answers are lost, late
//! or doubled, alarms never go off, the PSP misbehaves in every way that its emulator knows, and buyers open two tabs. After
//! every step the invariants of the design are checked ([`checker`]); at the end, when the faults have stopped, everything must
//! have settled.
//!
//! A seed is a whole history: [`run`] with the same seed does the same thing. To see one, `cargo run -p gyesan-sim -- --seed N`.
//! [`Bug`]s are planted from outside the product's code, to show that the checks find what they are for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation that meets the impossible stops with a backtrace"
)]

mod actors;
mod brokers;
mod bug;
pub mod checker;
mod many;
mod network;
mod psp;
mod query;
mod random;
mod shopper;
mod weather;
mod words;
mod world;

pub use bug::Bug;
pub use many::{Summary, run_many};
pub use weather::{Storm, Weather};
pub use world::{Crash, Outcome, Plan, run};
