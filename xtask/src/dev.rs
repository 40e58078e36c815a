//! `cargo xtask dev`: builds, migrates, seeds and runs everything a person needs; `--json` is the same for a
//! program that drives it.

mod running;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::wrangler::{self, Run, Wrangler};
use crate::{artifacts, emulator, process, tools, workspace};
use running::{Parts, Running};

const USAGE: &str = "\
usage: cargo xtask dev [OPTIONS]

  --port PORT           the worker's port on 127.0.0.1 (8787)
  --emulator-port PORT  the emulator's (the worker's + 1)
  --toss-api URL        use this Toss instead of the emulator; keys come from .dev.vars
  --state DIR           where the databases lie (.wrangler/state, as with `npx wrangler dev`)
  --fresh               begin with empty databases
  --var NAME=VALUE      set a variable of the worker; may come several times
  --no-build            run what is in build/
  --release             the optimised emulator, for measurements
  --json                for programs: one JSON object a line on stdout, the worker's log in DIR/worker.log
                          {\"ready\":true,\"origin\":…,\"emulator\":…,\"state\":…,\"log\":…,\"workerdPid\":…,\"pids\":[…],\"ms\":…}
                          {\"restarted\":true,\"workerdPid\":…,\"ms\":…}   workerd died and is back
                          {\"failed\":\"why\"}                            and the end

Ctrl-C (SIGINT) or SIGTERM stops everything.";

struct Options {
    port: u16,
    emulator_port: u16,
    toss_api: Option<String>,
    state: PathBuf,
    fresh: bool,
    vars: BTreeMap<String, String>,
    build: bool,
    release: bool,
    json: bool,
}

impl Options {
    fn take(mut args: Args) -> Result<Self> {
        let port = args.option("--port")?.unwrap_or(8787);
        let emulator_port = args.option("--emulator-port")?;
        let mut vars = BTreeMap::new();
        for pair in args.options::<String>("--var")? {
            let Some((name, value)) = pair.split_once('=') else {
                bail!("--var takes NAME=VALUE, not `{pair}`")
            };
            vars.insert(name.to_owned(), value.to_owned());
        }
        let state = args.option::<PathBuf>("--state")?;
        let options = Self {
            port,
            emulator_port: emulator_port.unwrap_or_else(|| port.saturating_add(1)),
            toss_api: args.option::<String>("--toss-api")?.map(|url| url.trim_end_matches('/').to_owned()),
            state: state.map_or_else(|| Ok(workspace::path(".wrangler/state")), std::path::absolute)?,
            fresh: args.flag("--fresh"),
            vars,
            build: !args.flag("--no-build"),
            release: args.flag("--release"),
            json: args.flag("--json"),
        };
        args.finish()?;
        Ok(options)
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn emulator_origin(&self) -> Option<String> {
        self.toss_api.is_none().then(|| format!("http://127.0.0.1:{}", self.emulator_port))
    }

    /// The worker's variables: `wrangler.toml`, then this run's addresses, then `.dev.vars`, then `--var`.
    fn vars(&self) -> Result<BTreeMap<String, String>> {
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
        vars.extend(wrangler::secrets()?);
        vars.extend(self.vars.clone());
        Ok(vars)
    }
}

/// `cargo xtask dev`.
pub fn run(mut args: Args) -> Result<()> {
    if args.help(USAGE) {
        return Ok(());
    }
    let options = Options::take(args)?;
    process::signal_is_the_ordinary_end();
    let outcome = serve(&options);
    if let (Err(fault), true) = (&outcome, options.json) {
        println!("{}", serde_json::json!({ "failed": format!("{fault:#}") }));
    }
    outcome
}

/// 1. Ports and state are free.
/// 2. Everything is built.
/// 3. Emulator and worker start side by side.
/// 4. Both are ready.
/// 5. Until something ends.
fn serve(options: &Options) -> Result<()> {
    // 1.
    port_is_free(options.port)?;
    if options.toss_api.is_none() {
        port_is_free(options.emulator_port)?;
    }
    let _lock = lock(&options.state)?;
    if options.fresh {
        empty(&options.state)?;
    }
    // 2.
    let program = build(options)?;
    // 3.
    let since = Instant::now();
    let vars = options.vars()?;
    let log = options.json.then(|| options.state.join("worker.log"));
    let mut parts = Parts::default();
    if let Some(program) = &program {
        let empty = String::new();
        parts.emulator = Some(emulator::start(
            program,
            &emulator::Setting {
                port: options.emulator_port,
                shop_origin: &options.origin(),
                client_key: vars.get("TOSS_CLIENT_KEY").unwrap_or(&empty),
                secret_key: vars.get("TOSS_SECRET_KEY").unwrap_or(&empty),
                state: &options.state.join("emulator.json"),
            },
        )?);
    }
    let run = Run { port: options.port, state: options.state.clone(), vars, log: log.clone() };
    parts.runtime = Some(crate::worker_runtime::start(&run)?);
    // 4.
    let mut running = Running::of(parts);
    let ready = running.wait_until_ready()?;
    let (origin, emulator) = (options.origin(), options.emulator_origin());
    if options.json {
        let line = serde_json::json!({
            "ready": true, "origin": origin, "emulator": emulator, "state": options.state, "log": log,
            "workerdPid": ready.workerd_pid, "pids": ready.pids, "ms": since.elapsed().as_millis(),
        });
        println!("{line}");
    } else {
        println!("{}", greeting(&origin, emulator.as_deref(), options));
    }
    // 5.
    running.wait_until_something_ends(options.json)
}

fn greeting(origin: &str, emulator: Option<&str>, options: &Options) -> String {
    let psp = match (emulator, &options.toss_api) {
        (Some(emulator), _) => format!("{emulator}   (the stand-in for Toss: no real money moves)"),
        (None, api) => api.clone().unwrap_or_default(),
    };
    format!(
        "
  Gyesan is running.

  Demo shop     {origin}/demo/
  Payments      {psp}
  Keys          pk_test_demo (browser), sk_test_demo (server), op_test_demo (operator)
  A wallet      curl -H 'Authorization: Bearer sk_test_demo' {origin}/v1/wallets/A
  Data          {}   (--fresh empties it)

  Ctrl-C stops everything.
",
        options.state.display()
    )
}

fn build(options: &Options) -> Result<Option<PathBuf>> {
    if options.build {
        artifacts::build()?;
    } else {
        tools::npm_packages()?;
        std::fs::create_dir_all(workspace::path("build/public")).context("build/public cannot be made")?;
    }
    if options.toss_api.is_some() {
        return Ok(None);
    }
    artifacts::build_emulator(options.release).map(Some)
}

fn port_is_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(fault) => bail!("port {port} on 127.0.0.1 cannot be used ({fault}): choose another with --port"),
    }
}

/// Two runs on one state folder would damage its databases. The lock goes with the process.
fn lock(state: &Path) -> Result<File> {
    std::fs::create_dir_all(state).with_context(|| format!("{} cannot be made", state.display()))?;
    let file = File::create(state.join("lock")).context("the state folder's lock cannot be made")?;
    if file.try_lock().is_err() {
        bail!(
            "another `cargo xtask dev` uses {}: stop it, or choose another folder with --state",
            state.display()
        );
    }
    Ok(file)
}

/// Removes what earlier runs left, by name: the folder itself may be anything that the caller chose.
fn empty(state: &Path) -> Result<()> {
    for name in ["v3", "emulator.json", "emulator.json.log", "worker.log"] {
        let path = state.join(name);
        let outcome =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match outcome {
            Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault).with_context(|| format!("{} cannot be removed", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
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
    fn a_port_in_use_is_named_with_the_cure() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let fault = port_is_free(port).unwrap_err().to_string();
        assert!(fault.contains(&port.to_string()) && fault.contains("--port"));
    }

    #[test]
    fn a_state_folder_serves_one_run_at_a_time() {
        let folder = std::env::temp_dir().join(format!("gyesan-lock-{}", std::process::id()));
        let first = lock(&folder).unwrap();
        assert!(lock(&folder).is_err());
        drop(first);
        lock(&folder).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
    }
}
