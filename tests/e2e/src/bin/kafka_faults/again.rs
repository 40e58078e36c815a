//! What is published already: once more for a topic that has lost it, and removed from the shards when it is old enough.

use super::{DRAINED_WITHIN, Shopping};
use anyhow::{Context, Result, ensure};
use gyesan_e2e::books::drained;
use gyesan_e2e::client::Response;
use gyesan_e2e::interop::{age_outbox, read_topics};
use gyesan_e2e::selling::{logged, sell};
use gyesan_e2e::shop::{OPERATOR_KEY, Shop};
use gyesan_e2e::stack::Stack;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const SHARD: &str = "order-0";
/// How soon a relay has answered its shards.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
/// How long buyers go on when it is over: it may be so quick that hardly anybody has bought meanwhile.
const BUYING_ON: Duration = Duration::from_secs(2);
const DONE_WITHIN: Duration = Duration::from_secs(30);

/// The same events once more while buyers buy and workerd is killed: one publication for one request, and nobody is credited twice.
pub fn republished(state: &Path) -> Result<()> {
    let mut shopping = Shopping::begin(state)?;
    let count = number(&shard(&mut shopping.shop())?, "published")?;
    ensure!(count > 10, "only {count} events of {SHARD} are published");
    refused(&mut shopping.shop(), count)?;
    let request = json!({"source": SHARD, "from": 1, "to": count, "reason": "the topic was emptied"});
    let (bought, ()) = shopping.while_buying(|stack, _| {
        let shop = &mut Shop::of(stack);
        let first = republish(shop, "one", &request)?.expect(202)?;
        ensure!(first.get("to") == Some(&json!(count)), "{first}");
        stack.kill_workerd()?;
        let shop = &mut Shop::of(stack);
        republish(shop, "one", &request)?.expect(202)?;
        done(shop)?;
        std::thread::sleep(BUYING_ON);
        Ok(())
    })?;
    republish(&mut shopping.shop(), "one", &request)?.expect(202)?;
    shopping.settle(&bought)?;
    let Shopping { stack, broker, state, .. } = shopping;
    drop(stack);
    let topics = read_topics(&broker.address(), &state)?;
    println!("     {topics}");
    let wrong = topics.missing + topics.extra + topics.out_of_order + topics.malformed + topics.dead_letters;
    ensure!(wrong == 0 && topics.duplicated == count, "{count} events were published once more: {topics}");
    Ok(())
}

/// What cannot be published again is refused, with what can.
fn refused(shop: &mut Shop, count: u64) -> Result<()> {
    let cases = [
        (json!({"source": "order-99", "from": 1, "to": 2}), 404, "there is no such log".to_owned()),
        (
            json!({"source": SHARD, "from": 1, "to": count + 1_000}),
            400,
            "cannot be published again: 1 to".to_owned(),
        ),
        (json!({"source": SHARD, "from": 2, "to": 1}), 400, "/to".to_owned()),
    ];
    for (body, status, words) in cases {
        let problem = republish(shop, "refused", &body)?.expect(status)?;
        ensure!(problem.to_string().contains(&words), "{body}: {problem}");
    }
    Ok(())
}

/// What was published eight days ago is gone after a start; selling, numbering and publishing go on.
pub fn removed(state: &Path) -> Result<()> {
    let mut shopping = Shopping::begin(state)?;
    let order = sell(&shopping.stack)?;
    shopping.charged += 1;
    shopping = again(shopping, state, 0)?;
    let before = shard(&mut shopping.shop())?;
    ensure!(number(&before, "firstKept")? == 1, "{before}");
    shopping = again(shopping, state, 8)?;
    logged(&shopping.stack, "outbox.removed", SHARD)?;
    let after = shard(&mut shopping.shop())?;
    ensure!(number(&after, "firstKept")? >= number(&before, "end")?, "{before}, {after}");
    let shop = &mut shopping.shop();
    let events = shop.operate(&format!("events?orderId={}", order.id))?;
    let left = events.get("items").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(left == 2 || events.get("complete") == Some(&json!(false)), "{events}");
    let gone = json!({"source": SHARD, "from": 1, "to": 1});
    let problem = republish(shop, "gone", &gone)?.expect(400)?;
    ensure!(problem.to_string().contains("cannot be published again"), "{problem}");
    let (bought, ()) = shopping.while_buying(|_, _| {
        std::thread::sleep(Duration::from_secs(2));
        Ok(())
    })?;
    shopping.settle(&bought)?;
    let kept: Vec<(u64, u64)> = shards(&mut shopping.shop())?
        .iter()
        .map(|shard| Ok((number(shard, "firstKept")?, number(shard, "end")?)))
        .collect::<Result<_>>()?;
    let Shopping { stack, broker, state, .. } = shopping;
    drop(stack);
    let topics = read_topics(&broker.address(), &state)?;
    println!("     {topics}");
    let (removed, left): (u64, u64) = (
        kept.iter().map(|(first, _)| first - 1).sum(),
        kept.iter().map(|(first, end)| end + 1 - first).sum(),
    );
    let wrong = topics.missing + topics.duplicated + topics.out_of_order + topics.dead_letters;
    ensure!(
        wrong == 0 && topics.events == left && topics.extra == removed,
        "{removed} removed, {left} left: {topics}"
    );
    Ok(())
}

/// Everything has arrived; then another start, as many days later as the shards are made to believe.
fn again(shopping: Shopping, state: &Path, days: u32) -> Result<Shopping> {
    drained(&mut shopping.shop(), DRAINED_WITHIN)?;
    let Shopping { stack, broker, state: _, charged } = shopping;
    drop(stack);
    age_outbox(state, days)?;
    let vars = ["--kafka", &broker.address(), "--var", "RATE_LIMIT_PER_ADDRESS=0"];
    let stack = Stack::start_again(state, &vars).context("the stack does not start again")?;
    // The shards ask their relays at their first turn, which somebody has to cause.
    drained(&mut Shop::of(&stack), DRAINED_WITHIN)?;
    std::thread::sleep(ANSWERED_WITHIN);
    Ok(Shopping { stack, broker, state: state.to_owned(), charged })
}

fn republish(shop: &mut Shop, key: &str, body: &Value) -> Result<Response> {
    let authorization = format!("Bearer {OPERATOR_KEY}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("idempotency-key", key),
        ("content-type", "application/json"),
    ];
    shop.worker.send("POST", "/v1/ops/outbox/republish", &headers, Some(body.to_string().as_bytes()))
}

/// Waits until every republication is done.
fn done(shop: &mut Shop) -> Result<()> {
    let since = Instant::now();
    loop {
        let outbox = shop.operate("outbox")?;
        let relays = outbox.get("relays").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let republications =
            relays.iter().filter_map(|relay| relay.get("republications")?.as_array()).flatten();
        let states: Vec<&Value> =
            republications.filter_map(|republication| republication.get("state")).collect();
        if states.len() == 1 && states.iter().all(|state| **state == json!("done")) {
            return Ok(());
        }
        ensure!(since.elapsed() < DONE_WITHIN, "the events are not published again: {outbox}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn shards(shop: &mut Shop) -> Result<Vec<Value>> {
    let outbox = shop.operate("outbox")?;
    outbox.get("shards").and_then(Value::as_array).cloned().context("no shards")
}

fn shard(shop: &mut Shop) -> Result<Value> {
    let shards = shards(shop)?;
    shards.into_iter().find(|shard| shard.get("shard") == Some(&json!(SHARD))).context("no such shard")
}

fn number(value: &Value, name: &str) -> Result<u64> {
    value.get(name).and_then(Value::as_u64).with_context(|| format!("no `{name}`: {value}"))
}
