//! The rules of Gyesan, as pure functions and plain data.
//!
//! Nothing here reads a clock, draws a random number, does I/O or touches a float: time, ids and
//! answers of the outside world are arguments. `edge` commits what is decided here, `widget`
//! shows it, and both link this crate, so a price or a validation message is computed by one
//! function on both sides.
#![deny(clippy::float_arithmetic)]

pub mod api;
pub mod buyer;
pub mod event;
pub mod id;
pub mod money;
pub mod page;
pub mod payment;
pub mod pricing;
pub mod problem;
pub mod time;
pub mod toss;
