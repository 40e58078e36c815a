//! Kafka as `cargo xtask dev` runs and reaches it.

use super::{BUYERS, DRAINED_WITHIN};
use anyhow::{Context, Result, bail, ensure};
use gyesan_e2e::books::{drained, explained};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::interop::read_topics;
use gyesan_e2e::load::{buying, wallets_hold};
use gyesan_e2e::selling::{credited, found_exactly, sell};
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::{Stack, free_port_pair};
use std::path::Path;
use std::time::Duration;

const READY_WITHIN: Duration = Duration::from_secs(15);

pub fn local_kafka(state: &Path) -> Result<()> {
    let mut stack = Stack::start(state, &["--kafka"])?;
    ensure!(stack.started_in < READY_WITHIN, "ready after {:?}", stack.started_in);
    ensure!(stack.kafka_pid > 0, "no kafkaPid");
    credited(&stack, &sell(&stack)?)?;
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
        credited(&stack, &sell(&stack)?)?;
        let shop = &mut Shop::of(&stack);
        drained(shop, DRAINED_WITHIN).with_context(|| format!("with {bus:?}"))?;
        explained(shop, DRAINED_WITHIN)?;
        wallets_hold(shop, sold + 1)?;
    }
    let stack = Stack::start_again(state, &["--kafka", &address])?;
    drained(&mut Shop::of(&stack), DRAINED_WITHIN)?;
    drop(stack);
    found_exactly(&read_topics(&address, state)?)
}

/// `cargo xtask dev` looks at the broker that it is given before it starts anything, and says what is wrong with it.
pub fn unusable(state: &Path) -> Result<()> {
    let sasl_port = free_port_pair()?.to_string();
    let arguments = ["--sasl-port", &sasl_port, "--topic", "gyesan.ledger:5"].map(str::to_owned);
    let broker = Broker::start(&state.join("broker"), &arguments)?;
    let sasl = format!("127.0.0.1:{sasl_port}");
    let nobody = format!("127.0.0.1:{}", free_port_pair()?);
    let as_intruder = [
        "--kafka",
        &sasl,
        "--var",
        "KAFKA_SECURITY=SASL_PLAINTEXT",
        "--var",
        "KAFKA_SASL_MECHANISM=SCRAM-SHA-256",
        "--var",
        "KAFKA_USERNAME=app",
        "--var",
        "KAFKA_PASSWORD=guessed",
    ];
    let cases: [(&[&str], &str); 3] = [
        (&["--kafka", &nobody], "start it"),
        (&["--kafka", &broker.address()], "--var LEDGER_PARTITIONS=5"),
        (&as_intruder, "refused the credentials"),
    ];
    for (arguments, sentence) in cases {
        refuses(Stack::start(state, arguments), sentence)?;
    }
    // Its own Kafka has the topics that an earlier run has made.
    drop(Stack::start(state, &["--kafka"])?);
    let more = ["--kafka", "--var", "ORDERS_PARTITIONS=3"];
    refuses(Stack::start_again(state, &more), "gyesan.orders has 2 partitions and ORDERS_PARTITIONS says 3")?;
    refuses(Stack::start_again(state, &more), "--fresh")?;
    Stack::start(state, &more).map(drop)
}

/// `cargo xtask dev` has ended with this sentence.
fn refuses(outcome: Result<Stack>, sentence: &str) -> Result<()> {
    let Err(fault) = outcome else { bail!("cargo xtask dev starts instead of saying `{sentence}`") };
    let said = format!("{fault:#}");
    ensure!(said.contains(sentence) && !said.contains("guessed"), "it says {said}");
    Ok(())
}
