//! Every route, natively: requests in, responses out, over real actors and a scripted PSP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod access;
mod bad_input;
mod client;
mod consumers;
mod contract;
mod openapi;
mod operations;
mod order_list;
mod paying;
mod placing;
mod site;
mod world;
