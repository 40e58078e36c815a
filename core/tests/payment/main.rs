//! The payment state machine, row by row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod attempts;
mod every_pair;
mod recovery;
mod refunds;
mod states;
mod story;
