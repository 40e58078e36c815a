//! What somebody else writes into a topic of ours and is no event: it is put aside, stops nobody, and is published to the topic of dead
//! letters, as soon as there is one.

use super::Shopping;
use anyhow::{Context, Result, ensure};
use gyesan_e2e::interop::{administer, read_topics};
use gyesan_e2e::selling::logged;
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const TOPIC: &str = "gyesan.orders";
const LETTERS: &str = "gyesan.orders.dlt";
/// Who reads the topic: each puts it aside.
const READERS: [&str; 2] = ["gyesan-wallets", "gyesan-order-list"];
const PUBLISHED_WITHIN: Duration = Duration::from_secs(30);
/// How long a letter may still come twice.
const QUIET: Duration = Duration::from_secs(2);

pub fn no_event(state: &Path) -> Result<()> {
    let mut shopping = Shopping::begin(state)?;
    let brokers = shopping.broker.address();
    administer(&brokers, &["delete-topic", LETTERS])?;
    let (bought, letters) = shopping.while_buying(|stack, _| {
        put_aside(stack, &brokers, "ord_1", "no event")?;
        logged(stack, "relay.topic-unavailable", LETTERS)?;
        administer(&brokers, &["create-topic", LETTERS, "3", "1"])?;
        published(&brokers, READERS.len())?;
        put_aside(stack, &brokers, "ord_2", "{\"json\":true}")?;
        stack.kill_workerd()?;
        published(&brokers, 2 * READERS.len())
    })?;
    for (key, value) in [("ord_1", "no event"), ("ord_2", "{\"json\":true}")] {
        for reader in READERS {
            let header = |letter: &Value, name: &str| {
                letter.pointer(&format!("/headers/__connect.errors.{name}")).cloned()
            };
            let is_it = |letter: &&Value| {
                letter.get("key") == Some(&json!(key))
                    && header(letter, "connector.name") == Some(json!(reader))
            };
            let letter =
                letters.iter().find(is_it).with_context(|| format!("no letter of {key} by {reader}"))?;
            ensure!(
                letter.get("value") == Some(&json!(value))
                    && header(letter, "topic") == Some(json!(TOPIC))
                    && header(letter, "exception.message") == Some(json!("not in the Confluent wire format"))
                    && header(letter, "partition").is_some_and(|partition| partition.is_string())
                    && header(letter, "offset").is_some_and(|offset| offset.is_string()),
                "{letter}"
            );
        }
    }
    shopping.settle(&bought)?;
    let Shopping { stack, broker, state, .. } = shopping;
    drop(stack);
    let topics = read_topics(&broker.address(), &state)?;
    println!("     {topics}");
    let lost = topics.missing + topics.duplicated + topics.out_of_order + topics.malformed;
    ensure!(lost == 0 && topics.extra == 2 && topics.dead_letters == 4, "{topics}");
    Ok(())
}

/// Somebody writes a record that is no event, and the consumer says that it has put it aside.
fn put_aside(stack: &Stack, brokers: &str, key: &str, value: &str) -> Result<()> {
    let before = stack.facts("alert.dead-letter").len();
    administer(brokers, &["write", TOPIC, key, value])?;
    let since = Instant::now();
    while stack.facts("alert.dead-letter").len() == before {
        ensure!(since.elapsed() < PUBLISHED_WITHIN, "nobody says that the record of {key} is put aside");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Waits for so many dead letters, and for more that should not come.
fn published(brokers: &str, count: usize) -> Result<Vec<Value>> {
    let since = Instant::now();
    let read = || -> Result<Vec<Value>> {
        let letters = administer(brokers, &["read", LETTERS])?;
        Ok(letters.as_array().cloned().unwrap_or_default())
    };
    while read()?.len() < count {
        ensure!(since.elapsed() < PUBLISHED_WITHIN, "{count} dead letters are not there: {:?}", read()?);
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(QUIET);
    let letters = read()?;
    ensure!(letters.len() == count, "{} dead letters instead of {count}: {letters:?}", letters.len());
    Ok(letters)
}
