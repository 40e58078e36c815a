//! Whether the money and the events add up, as the operator is told.

use crate::shop::Shop;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(100);

/// Waits until the books agree with the orders and with the emulator.
///
/// # Errors
/// When they do not within `limit`.
pub fn explained(shop: &mut Shop, limit: Duration) -> Result<()> {
    let since = Instant::now();
    loop {
        let balance = shop.operate("ledger/trial-balance")?;
        let number = |name: &str| balance.get(name).and_then(Value::as_i64);
        let totals = shop.emulator.send("GET", "/__emulator/totals", &[], None)?.expect(200)?;
        let toss = |name: &str| totals.get(name).and_then(Value::as_i64);
        let right = number("sum") == Some(0)
            && number("unexplained") == Some(0)
            && number("charges") == toss("charges")
            && number("pspClearing")
                == toss("charges").zip(toss("refunds")).map(|(charged, refunded)| charged - refunded);
        if right {
            return Ok(());
        }
        if since.elapsed() > limit {
            bail!("the books say {balance}, Toss says {totals}");
        }
        std::thread::sleep(POLL);
    }
}

/// Waits until every event has reached everybody who reads it; how many events were published in all.
///
/// # Errors
/// When some have not within `limit`.
pub fn drained(shop: &mut Shop, limit: Duration) -> Result<u64> {
    let since = Instant::now();
    loop {
        let outbox = shop.operate("outbox")?;
        let consumers = shop.operate("consumers")?;
        let items = consumers.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let read = !items.is_empty() && items.iter().all(|item| item.get("lag") == Some(&json!(0)));
        let published =
            ["pending", "inFlightBatches"].iter().all(|name| outbox.get(*name) == Some(&json!(0)));
        if published && read {
            return Ok(outbox.get("published").and_then(Value::as_u64).unwrap_or_default());
        }
        if since.elapsed() > limit {
            bail!("after {limit:?} events are still on their way: {outbox}, {consumers}");
        }
        std::thread::sleep(POLL);
    }
}
