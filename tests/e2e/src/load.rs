//! Buyers who place and pay without a pause, whatever happens to the servers.

use crate::shop::{Order, Shop, new_order_id};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two purchases of a buyer.
const PAUSE: Duration = Duration::from_millis(25);
const AGAIN: Duration = Duration::from_millis(100);
/// Each purchase: one item of each seller, and what the seller is paid for it.
const ITEMS: [(&str, u32); 2] = [("A", 1), ("D", 1)];
const SHARES: [(&str, i64); 2] = [("A", 1_000), ("B", 4_500)];

/// What became of the purchases, as the buyers know it.
#[derive(Default)]
pub struct Bought {
    /// Orders that the server acknowledged.
    pub placed: Vec<Order>,
    /// Orders whose view said SUCCESS.
    pub paid: Vec<String>,
    /// The slowest step that was answered: placing, or coming back from Toss.
    pub slowest: Duration,
}

/// Runs `buyers` buyers while `meanwhile` runs; what they bought, and what it answered.
///
/// # Errors
/// Those of `meanwhile`.
pub fn buying<T>(
    origin: &str,
    emulator: &str,
    buyers: usize,
    meanwhile: impl FnOnce() -> Result<T>,
) -> Result<(Bought, T)> {
    let bought = Mutex::new(Bought::default());
    let enough = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        for _ in 0..buyers {
            scope.spawn(|| {
                let mut shop = Shop::at(origin, emulator);
                while !enough.load(Ordering::Relaxed) {
                    buy(&mut shop, &bought, &enough);
                    std::thread::sleep(PAUSE);
                }
            });
        }
        let outcome = meanwhile();
        enough.store(true, Ordering::Relaxed);
        outcome
    })?;
    let bought = bought.into_inner().map_err(|_| anyhow::anyhow!("a buyer panicked"))?;
    Ok((bought, outcome))
}

/// One purchase. Like a browser, the buyer repeats the PUT on a bad network and comes back once.
fn buy(shop: &mut Shop, bought: &Mutex<Bought>, enough: &AtomicBool) {
    let id = new_order_id();
    let since = Instant::now();
    let (order, placed_in) = loop {
        match shop.place_as(&id, &ITEMS) {
            Ok(order) => break (order, since.elapsed()),
            Err(_) if enough.load(Ordering::Relaxed) => return,
            Err(_) => std::thread::sleep(AGAIN),
        }
    };
    if let Ok(mut bought) = bought.lock() {
        bought.placed.push(order.clone());
        bought.slowest = bought.slowest.max(placed_in);
    }
    let Ok(authentication) = shop.authenticate(&order) else { return };
    let since = Instant::now();
    let back = shop.come_back(&authentication);
    let took = since.elapsed();
    let seen = back.and_then(|_| shop.view(&order.id));
    if let (Ok(view), Ok(mut bought)) = (seen, bought.lock())
        && view.get("paymentStatus") == Some(&json!("SUCCESS"))
    {
        bought.paid.push(order.id);
        bought.slowest = bought.slowest.max(took);
    }
}

impl Bought {
    /// Each order is charged once or not at all, each charged one becomes paid with its sellers credited within `limit`, and
    /// what was acknowledged as paid still is; how many were charged.
    ///
    /// # Errors
    /// The first order that breaks this.
    pub fn is_settled(&self, shop: &mut Shop, limit: Duration) -> Result<usize> {
        let since = Instant::now();
        let mut charged_orders = 0;
        for order in &self.placed {
            let (charged, times) = shop.charged(&order.id)?;
            if charged == 0 {
                ensure!(!self.paid.contains(&order.id), "{} was paid without a charge", order.id);
                continue;
            }
            ensure!((charged, times) == (order.amount, 1), "{}: {charged} won in {times} charges", order.id);
            shop.wait(&order.id, limit.saturating_sub(since.elapsed()), |view| {
                view.get("paymentStatus") == Some(&json!("SUCCESS"))
                    && view.get("isWalletDone") == Some(&json!(true))
            })?;
            charged_orders += 1;
        }
        Ok(charged_orders)
    }
}

/// The balances of the sellers' wallets.
///
/// # Errors
/// When they are not answered.
pub fn wallets(shop: &mut Shop) -> Result<BTreeMap<&'static str, i64>> {
    let mut balances = BTreeMap::new();
    for (seller, _) in SHARES {
        let path = format!("/v1/wallets/{seller}");
        let answer = shop.ask(crate::shop::SECRET_KEY, "GET", &path, None)?;
        let wallet = if answer.status == 404 { Value::Null } else { answer.expect(200)? };
        balances.insert(seller, wallet.get("balance").and_then(Value::as_i64).unwrap_or(0));
    }
    Ok(balances)
}

/// The wallets hold what this many purchases bring, no more and no less.
///
/// # Errors
/// When they do not.
pub fn wallets_hold(shop: &mut Shop, purchases: usize) -> Result<()> {
    let balances = wallets(shop)?;
    for (seller, share) in SHARES {
        let wanted = share * i64::try_from(purchases)?;
        let balance = balances.get(seller).copied().unwrap_or_default();
        ensure!(balance == wanted, "the wallet of {seller} holds {balance}, not {wanted}");
    }
    Ok(())
}
