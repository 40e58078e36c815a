//! How soon a local Kafka serves when its jars are there, as `cargo xtask dev --kafka` starts it.

use crate::measure::ROUNDS;
use crate::say;
use anyhow::{Context, Result};
use gyesan_e2e::broker::{Broker, End};
use std::path::Path;
use std::time::{Duration, Instant};

/// From the start of the command until the broker has answered and has the product's topics; the best of [`ROUNDS`].
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// With a new folder, which is formatted first, and topics that are made.
    pub new: Duration,
    /// On what an earlier one has stored.
    pub again: Duration,
}

/// Starts brokers, one after the other.
///
/// # Errors
/// When one does not start.
pub fn measure(folder: &Path) -> Result<Ready> {
    let home = folder.join("broker");
    let mut best: Option<Ready> = None;
    for _ in 0..ROUNDS {
        if home.exists() {
            std::fs::remove_dir_all(&home).context("the last broker's folder cannot be removed")?;
        }
        let since = Instant::now();
        let mut broker = Broker::start(&home, &[])?;
        let new = since.elapsed();
        broker.end(End::Clean)?;
        let since = Instant::now();
        broker.resume()?;
        let again = since.elapsed();
        best = Some(best.map_or(Ready { new, again }, |best| Ready {
            new: best.new.min(new),
            again: best.again.min(again),
        }));
    }
    let ready = best.context("no rounds")?;
    say(&format!(
        "Kafka ready in {:.2} s, again in {:.2} s",
        ready.new.as_secs_f64(),
        ready.again.as_secs_f64()
    ));
    Ok(ready)
}
