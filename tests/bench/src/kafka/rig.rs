//! One broker for the whole run, and stacks on it that come and go.

use super::shards::{Gauge, Shards};
use crate::UNLIMITED;
use anyhow::{Context, Result, ensure};
use gyesan_core::event::{LEDGER_TOPIC, ORDERS_TOPIC};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::interop;
use gyesan_e2e::stack::Stack;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A broker and the state folder of the stacks on it.
pub struct Rig {
    /// `host:port` of the broker.
    pub brokers: String,
    /// Where the stacks store.
    pub state: PathBuf,
    _broker: Broker,
}

impl Rig {
    /// A broker with the product's topics, empty.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(folder: &Path) -> Result<Rig> {
        let home = folder.join("broker");
        if home.exists() {
            std::fs::remove_dir_all(&home).context("the last run's broker cannot be removed")?;
        }
        let broker = Broker::start(&home, &[])?;
        Ok(Rig { brokers: broker.address(), state: folder.to_owned(), _broker: broker })
    }

    /// A stack that has nothing stored. The topics must be empty too.
    ///
    /// # Errors
    /// When it does not start.
    pub fn fresh(&self) -> Result<Stack> {
        ensure!(self.published()? == 0, "the topics are not empty");
        Stack::start(&self.state, &self.arguments())
    }

    /// A stack on what the last one left.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&self) -> Result<Stack> {
        Stack::start_again(&self.state, &self.arguments())
    }

    fn arguments(&self) -> Vec<&str> {
        [&UNLIMITED[..], &["--kafka", &self.brokers]].concat()
    }

    /// The databases of the stopped stack.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn shards(&self) -> Result<Shards> {
        Shards::of(&self.state)
    }

    /// The end offsets of a topic's partitions, as another client sees them.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn ends(&self, topic: &str) -> Result<Vec<u64>> {
        let ends = interop::administer(&self.brokers, &["ends", topic])?;
        let ends = ends.as_object().context("ends of partitions")?;
        Ok(ends.values().filter_map(Value::as_u64).collect())
    }

    /// Records in the product's topics.
    ///
    /// # Errors
    /// When they cannot be asked.
    pub fn published(&self) -> Result<u64> {
        let ends = [self.ends(ORDERS_TOPIC)?, self.ends(LEDGER_TOPIC)?];
        Ok(ends.iter().flatten().sum())
    }

    /// Every record that was committed is in the topics, no more and no less. The stack is stopped.
    ///
    /// # Errors
    /// When that is not so.
    pub fn everything_is_published(&self, committed: &Gauge) -> Result<()> {
        let (committed, published) = (committed.at_rest()?, self.published()?);
        ensure!(committed == published, "{committed} events are committed and {published} are in the topics");
        Ok(())
    }
}
