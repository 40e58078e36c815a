//! Brokers that want TLS, SASL and permission: what works, and what an operator is told where it does not.
//! `gyesan-kafka-security [NAME…]`. The certificates are made by openssl for each run.

#[path = "kafka_security/guarded.rs"]
mod guarded;

use anyhow::{Context, Result, ensure};
use guarded::{Access, Guarded};
use gyesan_e2e::books::drained;
use gyesan_e2e::interop::{administer, read_topics};
use gyesan_e2e::scenario::{Scenario, run};
use gyesan_e2e::selling::{close, credited, found_exactly, logged, published, sell};
use gyesan_e2e::shop::{OPERATOR_KEY, Shop};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const SETTLED_WITHIN: Duration = Duration::from_secs(60);

const SCENARIOS: &[Scenario] = &[
    ("every_protocol_and_mechanism_publishes_and_reads", every_way),
    ("no_tls_a_refused_certificate_and_a_wrong_password_are_named_and_cost_only_lag", refused),
    ("a_missing_permission_is_named_and_granting_it_is_enough", forbidden),
];

fn main() -> ExitCode {
    run("security", SCENARIOS)
}

/// Everything has arrived, and once the stack is stopped another client finds each committed event once.
fn settle(stack: Stack, broker: &Guarded, state: &Path) -> Result<()> {
    close(stack)?;
    found_exactly(&read_topics(&broker.address(), state)?)
}

fn every_way(state: &Path) -> Result<()> {
    let broker = Guarded::start(state, &[])?;
    let mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
    let mut ways = vec![("SSL", "")];
    for protocol in ["SASL_PLAINTEXT", "SASL_SSL"] {
        ways.extend(mechanisms.map(|mechanism| (protocol, mechanism)));
    }
    // The next one goes on from what the last one has stored: the same relay, another door of the same cluster.
    for (protocol, mechanism) in ways {
        let since = Instant::now();
        let stack = broker.stack(&Access { protocol, mechanism, ..Access::default() })?;
        let order = sell(&stack)?;
        credited(&stack, &order).with_context(|| format!("{protocol} {mechanism}"))?;
        let broken = stack.facts("relay.link-broken").len() + stack.facts("kafka.link-broken").len();
        ensure!(broken == 0, "{protocol} {mechanism}: {broken} lines about broken connections");
        println!("     {protocol} {mechanism} ({:.1} s)", since.elapsed().as_secs_f64());
    }
    let stack = broker.stack(&Access { protocol: "SSL", ..Access::default() })?;
    settle(stack, &broker, state)
}

fn refused(state: &Path) -> Result<()> {
    let broker = Guarded::start(state, &[])?;
    let right = Access { protocol: "SASL_SSL", mechanism: "SCRAM-SHA-512", ..Access::default() };
    let wrong = [
        (Access { protocol: "PLAINTEXT", port: Some(broker.tls_port), ..right }, "needs TLS"),
        (Access { trusted: false, ..right }, "certificate is not trusted"),
        (Access { password: "guessed", ..right }, "refused the credentials"),
        (Access { mechanism: "SCRAM-SHA-256", user: "nobody", ..right }, "refused the credentials"),
    ];
    let mut orders = Vec::new();
    for (access, words) in wrong {
        let stack = broker.stack(&access)?;
        orders.push(sell(&stack)?);
        let line = logged(&stack, "relay.link-broken", words)?;
        ensure!(!line.contains("guessed"), "the password is in the log");
        logged(&stack, "kafka.link-broken", words)?;
        std::thread::sleep(Duration::from_secs(2));
        let published = published(&stack)?;
        ensure!(published == Some(0), "{published:?} were published");
        let lines = stack.facts("relay.link-broken").len() + stack.facts("kafka.link-broken").len();
        ensure!(lines < 40, "{lines} lines were logged about it");
    }
    let stack = broker.stack(&right)?;
    for order in &orders {
        credited(&stack, order)?;
    }
    settle(stack, &broker, state)
}

/// The user may do nothing at first; then everything; then everything but write; then everything again. What has stopped
/// is resumed each time.
fn forbidden(state: &Path) -> Result<()> {
    let authorizer = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer";
    let broker = Guarded::start(state, &[authorizer, "super.users=User:ANONYMOUS"])?;
    let access = Access { protocol: "SASL_SSL", mechanism: "SCRAM-SHA-512", ..Access::default() };
    let stack = broker.stack(&access)?;
    let first = sell(&stack)?;
    logged(&stack, "relay.topic-unavailable", "TOPIC_AUTHORIZATION_FAILED")?;
    logged(&stack, "alert.consumer-stopped", "TOPIC_AUTHORIZATION_FAILED")?;
    administer(&broker.address(), &["allow", "app", "DESCRIBE,READ,WRITE"])?;
    let shop = &mut Shop::of(&stack);
    resume_consumers(shop)?;
    credited(&stack, &first)?;
    drained(shop, SETTLED_WITHIN)?;
    // A permission that is taken away under way.
    administer(&broker.address(), &["forbid", "app", "WRITE"])?;
    let second = sell(&stack)?;
    let line = logged(&stack, "alert.relay-stopped", "TOPIC_AUTHORIZATION_FAILED")?;
    ensure!(line.contains("gyesan."), "the topic is not named: {line}");
    administer(&broker.address(), &["allow", "app", "WRITE"])?;
    resume(shop, "relays/relay-0")?;
    credited(&stack, &second)?;
    settle(stack, &broker, state)
}

fn resume_consumers(shop: &mut Shop) -> Result<()> {
    let consumers = shop.operate("consumers")?;
    let items = consumers.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let stopped: Vec<&Value> =
        items.iter().filter(|item| item.get("stopped") == Some(&json!(true))).collect();
    ensure!(!stopped.is_empty(), "no consumer says that it has stopped: {consumers}");
    for item in stopped {
        let name = item.get("consumer").and_then(Value::as_str).context("no name")?;
        let partition = item.get("partition").and_then(Value::as_u64).context("no partition")?;
        resume(shop, &format!("consumers/{name}/{partition}"))?;
    }
    Ok(())
}

fn resume(shop: &mut Shop, what: &str) -> Result<()> {
    let body = json!({"reason": "the permission has been given"});
    shop.ask(OPERATOR_KEY, "POST", &format!("/v1/ops/{what}/resume"), Some(&body))?.expect(200).map(drop)
}
