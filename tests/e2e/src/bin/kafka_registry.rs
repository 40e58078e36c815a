//! Schema registries, on the real broker: a small one that can be away and hold what it should not, and Apicurio.
//! `gyesan-kafka-registry [NAME…]`.

use anyhow::{Context, Result, ensure};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::client::Client;
use gyesan_e2e::interop::{read_registered, script};
use gyesan_e2e::registry::Registry;
use gyesan_e2e::scenario::{Scenario, run};
use gyesan_e2e::selling::{close, credited, found_exactly, logged_by, published, sell};
use gyesan_e2e::stack::{Stack, signal, workspace, xtask};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ExitCode, Stdio};
use std::time::Duration;

/// What has not happened by now is not on its way.
const NOTHING_FOR: Duration = Duration::from_secs(2);
/// Far from the committed ids, so that one cannot be taken for the other.
const FIRST_ID: u32 = 1_001;
const PLACED: &str = "gyesan.orders-com.gyesan.OrderPlaced";

const SCENARIOS: &[Scenario] = &[
    ("a_registry_that_is_away_is_waited_for_and_its_ids_are_remembered", away),
    ("an_incompatible_schema_stops_publication_with_a_sentence_and_not_selling", incompatible),
    ("a_registry_that_refuses_the_password_is_named_and_waited_for", locked),
    ("a_registry_that_lost_everything_gives_new_ids_and_nothing_is_lost", emptied),
    ("values_with_a_real_registrys_ids_are_read_by_other_clients", real),
];

fn main() -> ExitCode {
    run("registry", SCENARIOS)
}

fn start(state: &Path, broker: &Broker, url: &str, fresh: bool) -> Result<Stack> {
    start_with(state, broker, url, fresh, &[])
}

fn start_with(state: &Path, broker: &Broker, url: &str, fresh: bool, vars: &[&str]) -> Result<Stack> {
    let (brokers, url) = (broker.address(), format!("SCHEMA_REGISTRY_URL={url}"));
    let mut arguments = vec!["--kafka", &brokers, "--var", &url];
    arguments.extend(vars.iter().flat_map(|var| ["--var", var]));
    let stack = if fresh { Stack::start(state, &arguments) } else { Stack::start_again(state, &arguments) };
    stack.context("the stack does not start")
}

/// Everything has arrived, and once the stack is stopped another client reads it by the registry's schemas.
fn settle(stack: Stack, broker: &Broker, state: &Path, url: &str) -> Result<()> {
    close(stack)?;
    found_exactly(&read_registered(&broker.address(), state, url)?)
}

fn away(state: &Path) -> Result<()> {
    let (broker, registry) = (Broker::start(&state.join("broker"), &[])?, Registry::start(FIRST_ID)?);
    registry.set_away(true);
    let mut stack = start(state, &broker, &registry.url(), true)?;
    let first = sell(&stack)?;
    logged_by(&stack, "registry.unavailable", "relay", "events wait")?;
    logged_by(&stack, "registry.unavailable", "wallets", "events wait")?;
    std::thread::sleep(NOTHING_FOR);
    ensure!(published(&stack)? == Some(0), "published without the registry's ids: {:?}", published(&stack)?);
    ensure!(stack.facts("registry.unavailable").len() < 10, "the log is stormed");
    registry.set_away(false);
    credited(&stack, &first)?;
    logged_by(&stack, "registry.restored", "relay", "")?;
    let levels = registry.compatibility();
    ensure!(levels.len() >= 9 && levels.values().all(|level| level == "BACKWARD"), "{levels:?}");
    // From now on it is needed no more, also after a crash.
    registry.set_away(true);
    stack.kill_workerd()?;
    let second = sell(&stack)?;
    credited(&stack, &second)?;
    logged_by(&stack, "registry.unavailable", "relay", "before are used")?;
    registry.set_away(false);
    settle(stack, &broker, state, &registry.url())
}

fn incompatible(state: &Path) -> Result<()> {
    let (broker, registry) = (Broker::start(&state.join("broker"), &[])?, Registry::start(FIRST_ID)?);
    let theirs = json!({"type": "record", "namespace": "com.gyesan", "name": "OrderPlaced",
                        "fields": [{"name": "eventId", "type": "string"}]});
    registry.register(PLACED, &theirs.to_string())?;
    let stack = start(state, &broker, &registry.url(), true)?;
    let order = sell(&stack)?;
    let line = logged_by(&stack, "alert.registry-incompatible", "relay", PLACED)?;
    ensure!(line.contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "the registry's words are missing: {line}");
    std::thread::sleep(NOTHING_FOR);
    ensure!(published(&stack)? == Some(0), "published all the same: {:?}", published(&stack)?);
    sell(&stack)?;
    // The operator finds out whose it is, and has it removed.
    registry.delete(PLACED);
    credited(&stack, &order)?;
    settle(stack, &broker, state, &registry.url())
}

/// First nobody is let in, then the operator sets what was set wrong, then the registry's administrator changes it.
fn locked(state: &Path) -> Result<()> {
    let (broker, registry) = (Broker::start(&state.join("broker"), &[])?, Registry::start(FIRST_ID)?);
    registry.demand("app", "first-secret");
    let with = |password: &str, fresh| {
        let password = format!("SCHEMA_REGISTRY_PASSWORD={password}");
        start_with(state, &broker, &registry.url(), fresh, &["SCHEMA_REGISTRY_USERNAME=app", &password])
    };
    let stack = with("guessed", true)?;
    let first = sell(&stack)?;
    logged_by(&stack, "alert.registry-refused", "relay", "SCHEMA_REGISTRY_PASSWORD")?;
    logged_by(&stack, "alert.registry-refused", "wallets", "SCHEMA_REGISTRY_PASSWORD")?;
    std::thread::sleep(NOTHING_FOR);
    ensure!(published(&stack)? == Some(0), "published without the registry's ids: {:?}", published(&stack)?);
    ensure!(stack.facts("alert.registry-refused").len() < 10, "the log is stormed");
    let log = std::fs::read_to_string(&stack.log)?;
    // The second is base64 of `app:guessed`, without what depends on the end.
    ensure!(!log.contains("guessed") && !log.contains("YXBwOmd1ZXNzZ"), "the password is in the log");
    drop(stack);
    let stack = with("first-secret", false)?;
    credited(&stack, &first)?;
    // It is changed where the registry runs; what has its ids goes on.
    registry.demand("app", "second-secret");
    credited(&stack, &sell(&stack)?)?;
    settle(stack, &broker, state, &registry.url().replace("http://", "http://app:second-secret@"))
}

fn emptied(state: &Path) -> Result<()> {
    let broker = Broker::start(&state.join("broker"), &[])?;
    let registry = Registry::start(FIRST_ID)?;
    let url = registry.url();
    let stack = start(state, &broker, &url, true)?;
    credited(&stack, &sell(&stack)?)?;
    drop(stack);
    registry.empty(FIRST_ID + 500);
    let stack = start(state, &broker, &url, false)?;
    logged_by(&stack, "alert.registry-ids-changed", "relay", PLACED)?;
    credited(&stack, &sell(&stack)?)?;
    close(stack)
}

/// Apicurio, as `cargo xtask registry` runs it.
struct Apicurio {
    command: Child,
    url: String,
}

impl Apicurio {
    fn start() -> Result<Apicurio> {
        let mut command = xtask();
        command.args(["registry", "--json", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut command = command.spawn().context("cargo cannot be run")?;
        let mut line = String::new();
        BufReader::new(command.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let url = said.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let apicurio = Apicurio { command, url };
        ensure!(!apicurio.url.is_empty(), "Apicurio does not start");
        Ok(apicurio)
    }
}

impl Apicurio {
    fn register(&self, subject: &str, schema: &str) -> Result<()> {
        let (origin, api) = self.url.split_once("/apis").context("the address has no path")?;
        let body = json!({ "schema": schema }).to_string();
        let headers = [("content-type", "application/vnd.schemaregistry.v1+json")];
        let path = format!("/apis{api}/subjects/{subject}/versions");
        Client::new(origin).send("POST", &path, &headers, Some(body.as_bytes()))?.expect(200).map(drop)
    }
}

impl Drop for Apicurio {
    fn drop(&mut self) {
        let _ = signal("TERM", u64::from(self.command.id()));
        let _ = self.command.wait();
    }
}

fn real(state: &Path) -> Result<()> {
    let broker = Broker::start(&state.join("broker"), &[])?;
    let registry = Apicurio::start()?;
    // Another department was here first: the registry's ids are not ours.
    registry.register("payments-value", r#"{"type":"record","name":"Other","fields":[]}"#)?;
    let stack = start(state, &broker, &registry.url, true)?;
    for _ in 0..3 {
        credited(&stack, &sell(&stack)?)?;
    }
    settle(stack, &broker, state, &registry.url)?;
    // Samples of every schema, also by readers whose schema has gained a field.
    let values = workspace().join("tests/interop/values.txt");
    let mut reader = script("read_values.py");
    reader.arg(workspace().join("edge/schemas")).args(["--registry", &registry.url]);
    let output = reader.stdin(File::open(values)?).output().context("Python cannot be run")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("     {}", said.trim());
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
