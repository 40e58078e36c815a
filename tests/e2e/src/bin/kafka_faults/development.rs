//! Kafka as `cargo xtask dev` runs and reaches it.

use super::{BUYERS, DRAINED_WITHIN, logged, topics_are_exact};
use anyhow::{Context, Result, bail, ensure};
use gyesan_e2e::books::{drained, explained};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::load::{buying, wallets_hold};
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::{Stack, free_port_pair};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(15);

/// Sells one order and waits until its sellers are credited.
fn sell(stack: &Stack) -> Result<()> {
    let shop = &mut Shop::of(stack);
    let order = shop.buy(&[("A", 1), ("D", 1)])?;
    shop.wait(&order.id, DRAINED_WITHIN, |view| view.get("isWalletDone") == Some(&json!(true))).map(drop)
}

pub fn local_kafka(state: &Path) -> Result<()> {
    let mut stack = Stack::start(state, &["--kafka"])?;
    ensure!(stack.started_in < READY_WITHIN, "ready after {:?}", stack.started_in);
    ensure!(stack.kafka_pid > 0, "no kafkaPid");
    sell(&stack)?;
    let (origin, emulator) = (stack.origin.clone(), stack.emulator.clone());
    let (bought, away) = buying(&origin, &emulator, BUYERS, || stack.kill_kafka())?;
    let shop = &mut Shop::of(&stack);
    let charged = bought.is_settled(shop, DRAINED_WITHIN)?;
    drained(shop, DRAINED_WITHIN)?;
    explained(shop, DRAINED_WITHIN)?;
    wallets_hold(shop, charged + 1)?;
    println!(
        "     ready in {:.1} s; killed and back in {:.1} s, {charged} orders meanwhile; {} MB in all",
        stack.started_in.as_secs_f64(),
        away.as_secs_f64(),
        stack.resident_bytes() >> 20
    );
    Ok(())
}

/// Embedded, then over Kafka, then embedded again: each reads what the other has left, and nobody is credited twice.
pub fn changed_bus(state: &Path) -> Result<()> {
    let broker = Broker::start(&state.join("broker"), &[])?;
    let address = broker.address();
    let buses: [&[&str]; 3] = [&["--fresh"], &["--kafka", &address], &[]];
    for (sold, bus) in buses.iter().enumerate() {
        let stack = Stack::start_again(state, bus)?;
        sell(&stack)?;
        let shop = &mut Shop::of(&stack);
        drained(shop, DRAINED_WITHIN).with_context(|| format!("with {bus:?}"))?;
        explained(shop, DRAINED_WITHIN)?;
        wallets_hold(shop, sold + 1)?;
    }
    let stack = Stack::start_again(state, &["--kafka", &address])?;
    drained(&mut Shop::of(&stack), DRAINED_WITHIN)?;
    drop(stack);
    topics_are_exact(&address, state)
}

pub fn wrong_password(state: &Path) -> Result<()> {
    let sasl = format!("127.0.0.1:{}", free_port_pair()?);
    let port = sasl.rsplit(':').next().unwrap_or_default().to_owned();
    let broker = Broker::start(&state.join("broker"), &["--sasl-port".to_owned(), port])?;
    let with = |password: &str| {
        [
            "EVENT_BUS=kafka".to_owned(),
            format!("KAFKA_BROKERS={sasl}"),
            "KAFKA_SECURITY=SASL_PLAINTEXT".to_owned(),
            "KAFKA_SASL_MECHANISM=SCRAM-SHA-256".to_owned(),
            "KAFKA_USERNAME=app".to_owned(),
            format!("KAFKA_PASSWORD={password}"),
        ]
    };
    let start = |password: &str, extra: &[&str]| {
        let vars = with(password);
        let vars = vars.iter().flat_map(|var| ["--var", var.as_str()]);
        Stack::start_again(state, &extra.iter().copied().chain(vars).collect::<Vec<&str>>())
    };
    // `cargo xtask dev` looks first where it is told of the broker, and says what is wrong.
    match start("wrong", &["--fresh", "--kafka", &sasl]) {
        Ok(_) => bail!("cargo xtask dev takes a broker that refuses it"),
        Err(fault) => ensure!(format!("{fault:#}").contains("credentials"), "it says {fault:#}"),
    }
    let stack = start("wrong", &["--fresh"])?;
    let shop = &mut Shop::of(&stack);
    let order = shop.buy(&[("A", 1), ("D", 1)])?;
    shop.wait_for_status(&order.id, "SUCCESS", Duration::from_secs(3))?;
    let line = logged(&stack, "relay.link-broken", "credentials")?;
    println!("     {line}");
    ensure!(!line.contains("wrong"), "the password is in the log");
    std::thread::sleep(Duration::from_secs(3));
    ensure!(stack.lines_logged() < 25, "{} lines were logged about it", stack.lines_logged());
    let published = shop.operate("outbox")?.get("published").and_then(Value::as_u64);
    ensure!(published == Some(0), "published with a wrong password: {published:?}");
    drop(stack);
    let stack = start("app-secret", &[])?;
    let shop = &mut Shop::of(&stack);
    drained(shop, DRAINED_WITHIN)?;
    shop.wait(&order.id, DRAINED_WITHIN, |view| view.get("isWalletDone") == Some(&json!(true)))?;
    explained(shop, DRAINED_WITHIN)?;
    drop(stack);
    topics_are_exact(&broker.address(), state)
}
