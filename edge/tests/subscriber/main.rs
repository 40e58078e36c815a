//! The consumer of a topic over SQLite, against the simulated cluster: each payment is credited once and in order whatever breaks, and
//! where going on would be guessing it stops. What it puts aside a relay publishes once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod events;
mod letters;
mod operating;
mod order_list;
mod reading;
mod stopping;
mod world;
