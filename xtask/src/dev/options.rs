//! The command line of `cargo xtask dev`, and the worker's variables that follow from it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::kafka::broker;
use crate::workspace;
use crate::wrangler::{self, Wrangler};

const PORT_TRIES: u32 = 20;

/// Which Kafka the events go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kafka {
    /// One that is started with everything else.
    Local {
        /// On 127.0.0.1; the controller takes the next one.
        port: u16,
    },
    /// Somebody else's: `host:port`, more of them after commas.
    Brokers(String),
}

impl Kafka {
    /// As `KAFKA_BROKERS` says it.
    pub fn brokers(&self) -> String {
        match self {
            Self::Local { port } => format!("127.0.0.1:{port}"),
            Self::Brokers(brokers) => brokers.clone(),
        }
    }
}

/// The options.
pub struct Options {
    /// The worker's port.
    pub port: u16,
    /// The emulator's port.
    pub emulator_port: u16,
    /// Another Toss than the emulator.
    pub toss_api: Option<String>,
    /// Where everything is stored.
    pub state: PathBuf,
    /// Begin with nothing stored.
    pub fresh: bool,
    /// Variables given with `--var`.
    pub vars: BTreeMap<String, String>,
    /// Build first.
    pub build: bool,
    /// The optimised emulator.
    pub release: bool,
    /// Talk to a program.
    pub json: bool,
    /// Events go through Kafka.
    pub kafka: Option<Kafka>,
}

impl Options {
    /// Reads the command line.
    pub fn take(mut args: Args) -> Result<Self> {
        let port = args.option::<u16>("--port")?.unwrap_or(8787);
        let emulator_port = args.option("--emulator-port")?;
        let mut vars = BTreeMap::new();
        for pair in args.options::<String>("--var")? {
            let Some((name, value)) = pair.split_once('=') else {
                bail!("--var takes NAME=VALUE, not `{pair}`")
            };
            vars.insert(name.to_owned(), value.to_owned());
        }
        let state = args.option::<PathBuf>("--state")?;
        let emulator_port = emulator_port.unwrap_or_else(|| port.saturating_add(1));
        let toss_api = args.option::<String>("--toss-api")?;
        let kafka = match args.option_or_flag("--kafka")? {
            None => None,
            Some(None) => Some(Kafka::Local { port: local_kafka_port(port, emulator_port)? }),
            Some(Some(brokers)) => Some(Kafka::Brokers(brokers)),
        };
        let options = Self {
            port,
            emulator_port,
            toss_api: toss_api.map(|url| url.trim_end_matches('/').to_owned()),
            state: state.map_or_else(|| Ok(workspace::path(".wrangler/state")), std::path::absolute)?,
            fresh: args.flag("--fresh"),
            vars,
            build: !args.flag("--no-build"),
            release: args.flag("--release"),
            json: args.flag("--json"),
            kafka,
        };
        args.finish()?;
        Ok(options)
    }

    /// The worker's origin.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The emulator's origin, where it is used.
    pub fn emulator_origin(&self) -> Option<String> {
        self.toss_api.is_none().then(|| format!("http://127.0.0.1:{}", self.emulator_port))
    }

    /// The worker's variables: `wrangler.toml`, then this run's addresses, then `.dev.vars`, then `--var`.
    pub fn vars(&self) -> Result<BTreeMap<String, String>> {
        let mut vars = Wrangler::read()?.vars();
        vars.insert("PUBLIC_ORIGIN".to_owned(), self.origin());
        let (api, sdk) = match &self.toss_api {
            None => {
                let emulator = format!("http://127.0.0.1:{}", self.emulator_port);
                (emulator.clone(), format!("{emulator}/v2/standard"))
            }
            Some(api) if api.contains("//api.tosspayments.com") => {
                (api.clone(), "https://js.tosspayments.com/v2/standard".to_owned())
            }
            Some(api) => (api.clone(), format!("{api}/v2/standard")),
        };
        vars.insert("TOSS_API_BASE".to_owned(), api);
        vars.insert("TOSS_SDK_URL".to_owned(), sdk);
        if let Some(kafka) = &self.kafka {
            vars.insert("EVENT_BUS".to_owned(), "kafka".to_owned());
            vars.insert("KAFKA_BROKERS".to_owned(), kafka.brokers());
        }
        vars.extend(wrangler::secrets()?);
        vars.extend(self.vars.clone());
        Ok(vars)
    }
}

/// The two ports after the worker's and the next, unless somebody has them or this run itself is about to take them.
fn local_kafka_port(worker: u16, emulator: u16) -> Result<u16> {
    let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let fits = |first: u16| {
        let both = first.checked_add(1).map(|second| [first, second]);
        both.is_some_and(|both| {
            both.into_iter().all(|port| ![worker, emulator].contains(&port) && free(port))
        })
    };
    let usual = worker.saturating_add(2);
    if fits(usual) {
        return Ok(usual);
    }
    for _ in 0..PORT_TRIES {
        let port = broker::free_port()?;
        if fits(port) {
            return Ok(port);
        }
    }
    bail!("no two neighbouring ports are free for Kafka")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn the_emulator_takes_the_next_port_and_the_variables_follow() {
        let options = Options::take(Args::of(&["--port", "9000", "--var", "ORDER_SHARDS=1"])).unwrap();
        assert_eq!(options.emulator_origin().unwrap(), "http://127.0.0.1:9001");
        let vars = options.vars().unwrap();
        assert_eq!(vars["PUBLIC_ORIGIN"], "http://127.0.0.1:9000");
        assert_eq!(vars["TOSS_API_BASE"], "http://127.0.0.1:9001");
        assert_eq!(vars["ORDER_SHARDS"], "1");
        assert_eq!(vars["LEDGER_SHARDS"], "2");
    }

    #[test]
    fn the_real_toss_brings_its_own_sdk() {
        let options = Options::take(Args::of(&["--toss-api", "https://api.tosspayments.com/"])).unwrap();
        let vars = options.vars().unwrap();
        assert_eq!(vars["TOSS_API_BASE"], "https://api.tosspayments.com");
        assert_eq!(vars["TOSS_SDK_URL"], "https://js.tosspayments.com/v2/standard");
        assert!(options.emulator_origin().is_none());
    }

    #[test]
    fn kafka_is_the_bus_when_it_is_asked_for() {
        let vars = |words: &[&str]| Options::take(Args::of(words)).unwrap().vars().unwrap();
        assert_eq!(vars(&[])["EVENT_BUS"], "embedded");
        let local = vars(&["--port", "28787", "--kafka"]);
        assert_eq!(local["EVENT_BUS"], "kafka");
        assert!(local["KAFKA_BROKERS"].starts_with("127.0.0.1:"));
        assert_eq!(vars(&["--kafka", "a:9092,b:9092"])["KAFKA_BROKERS"], "a:9092,b:9092");
    }

    #[test]
    fn the_local_kafka_leaves_the_emulator_its_port() {
        // One after the other, each with ports of its own: another test may be trying the same.
        for (base, emulator) in [(21_787, 21_789), (21_887, 21_890), (21_987, 21_988)] {
            let (port, emulator) = (format!("{base}"), format!("{emulator}"));
            let words = ["--port", &port, "--emulator-port", &emulator, "--kafka"];
            let options = Options::take(Args::of(&words)).unwrap();
            let Some(Kafka::Local { port: kafka }) = options.kafka else { panic!("not a local Kafka") };
            assert!(![kafka, kafka + 1].contains(&options.emulator_port), "{kafka} beside {emulator}");
            assert!(![kafka, kafka + 1].contains(&options.port));
        }
        assert!(local_kafka_port(u16::MAX, u16::MAX - 1).is_ok());
    }
}
