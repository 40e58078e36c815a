//! A Kafka client that owns no socket, no clock and no chance, and the exactly-once publication protocol on top of it.
//!
//! Inputs are bytes from sockets, answers that time has passed, and requests; outputs are bytes for sockets and answers.
//! Whoever owns the sockets is the shell. So the whole client runs in a Durable Object, in a native test and against a
//! simulated cluster under a virtual clock, and is the same code in all three. Kafka 3.9 to 4.x.
//!
//! From the bottom: [`wire`], [`frame`], [`api`] and [`batch`] are formats; [`connection`] is one authenticated
//! connection with deadlines; [`cluster`] finds leaders and coordinators over many connections; [`relay`] publishes frozen
//! batches exactly once and in order.

pub mod api;
pub mod backoff;
pub mod batch;
pub mod error_code;
pub mod frame;
pub mod partitioner;
pub mod sasl;
pub mod wire;
