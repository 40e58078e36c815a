//! What drives a running stack over HTTP: a client, the stack's start and stop, and a shop with its buyers.
//! The scenarios (`main.rs`) and the benchmark use it.

pub mod books;
pub mod broker;
pub mod client;
pub mod interop;
pub mod load;
pub mod proxy;
pub mod registry;
pub mod scenario;
pub mod selling;
pub mod shop;
pub mod stack;
