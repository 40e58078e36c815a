//! The local Kafka of a run: started beside the worker, and started again when it dies, as the worker's runtime is.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::kafka::broker::{Broker, Setting};
use crate::kafka::distribution::Distribution;
use crate::process;

const RESTARTS_MAX: usize = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(10);

/// What is to run.
pub struct LocalKafka {
    /// The jars.
    pub distribution: Distribution,
    /// Its logs and its configuration.
    pub folder: PathBuf,
    /// Its port on 127.0.0.1; the controller takes the next one.
    pub port: u16,
    /// Topics to create, with their partitions.
    pub topics: Vec<(String, i32)>,
}

/// What is told of it.
pub enum News {
    /// It serves, and the topics are there.
    Ready {
        /// Of the process.
        pid: u32,
    },
    /// It died and serves again.
    Restarted {
        /// Of the new process.
        pid: u32,
        /// From its death to its service, in milliseconds.
        ms: u64,
    },
    /// It does not start, or dies again and again.
    Failed(String),
}

impl LocalKafka {
    /// Starts it on a thread of its own, which keeps it running.
    pub fn keep(self, tell: impl Fn(News) + Send + 'static) {
        std::thread::spawn(move || {
            let Err(fault) = self.serve(&tell);
            tell(News::Failed(format!("{fault:#}")));
        });
    }

    fn serve(&self, tell: &impl Fn(News)) -> Result<std::convert::Infallible> {
        let mut broker = self.start()?;
        if let Some(difference) = broker.create_topics(&self.topics)?.first() {
            bail!("{difference}, or begin with empty databases by --fresh");
        }
        tell(News::Ready { pid: broker.pid() });
        let mut deaths: Vec<Instant> = Vec::new();
        loop {
            let outcome = broker.wait();
            while process::stopping() {
                std::thread::park();
            }
            let died = Instant::now();
            deaths.retain(|death| death.elapsed() < RESTART_WINDOW);
            deaths.push(died);
            if deaths.len() > RESTARTS_MAX {
                let why = outcome.err().map_or_else(String::new, |fault| format!(" (last: {fault})"));
                bail!("Kafka ended {} times in {} seconds{why}", deaths.len(), RESTART_WINDOW.as_secs());
            }
            broker = self.start()?;
            let ms = u64::try_from(died.elapsed().as_millis()).unwrap_or(u64::MAX);
            tell(News::Restarted { pid: broker.pid(), ms });
        }
    }

    fn start(&self) -> Result<Broker> {
        let setting = Setting {
            folder: &self.folder,
            port: self.port,
            sasl_port: None,
            advertised: None,
            properties: &[],
        };
        setting.start(&self.distribution)
    }
}
