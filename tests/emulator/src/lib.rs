//! A stand-in for Toss Payments that keeps state, works offline and can be told to fail.
//!
//! The library does no I/O, reads no clock and draws no randomness: time and seed are arguments, so a simulation can
//! run it under a virtual clock, and one seed gives one history. `src/main.rs` puts an HTTP server around it. What
//! Toss does is taken from its public reference and from measurements in its sandbox; where neither says anything,
//! the choice is written at the line that makes it.
//!
//! [`Emulator::handle`] takes one HTTP request and says what goes back, or when. [`Emulator::authenticate`],
//! [`Emulator::add_fault`], [`Emulator::advance_clock`], [`Emulator::payments`] and [`Emulator::journal`] are the same
//! things without HTTP.

mod admin;
mod book;
mod code;
mod emulator;
mod exchange;
mod execute;
mod fault;
mod idempotency;
mod journal;
mod moment;
mod payment;
mod payment_json;
mod psp;
mod window;

pub use emulator::{Authenticated, AuthenticationResult, Emulator, Settings, Totals};
pub use exchange::{Delivery, Outcome, Request};
pub use fault::{Fault, Mode};
pub use journal::{Delivered, Effect, Entry};
pub use payment::{Cancel, Failure, Method, Payment, Status};
