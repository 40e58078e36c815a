//! The order list and its consumer over SQLite: whatever becomes of a batch or of its answer, it is applied once, and a rebuild
//! leads to the same rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod applying;
mod rebuilding;
mod rows;
mod world;
