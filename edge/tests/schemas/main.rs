//! The events as Kafka carries them: written, read, read by others, and what a registry is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod format;
mod headers;
mod reading;
mod registry;
mod released;
mod samples;
