//! Payments at a fixed rate, each followed into its seller's wallet.

use crate::buyers::{Authenticated, Buyers, Cart};
use crate::distribution::Distribution;
use crate::load;
use anyhow::{Context, Result, anyhow, ensure};
use gyesan_e2e::shop::{SECRET_KEY, Shop};
use gyesan_e2e::stack::Stack;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Buyers who come back each second.
const PER_SECOND: u32 = 100;
const CONNECTIONS: usize = 16;
/// Between two questions, so that they are not most of the load.
const PAUSE: Duration = Duration::from_millis(1);
/// Transactions asked for at once: many more than come in between two questions.
const PAGE: usize = 10;
const PAGE_MAX: usize = 100;
/// Something is broken when nothing more is credited for so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was seen.
pub struct Credits {
    /// Buyers who came back each second: fewer than were wanted where the machine does not keep up.
    pub rate: f64,
    /// From the redirect of a buyer until the payment is seen among the wallet's transactions; 0 when it was there before.
    pub credited: Distribution,
    /// One question for the transactions.
    pub question: Distribution,
}

/// 1. Orders are placed.
/// 2. Their buyers come back at a fixed rate, while the wallet is looked at again and again.
/// 3. Each payment was seen.
///
/// # Errors
/// When something does not answer as it should, or a payment is not credited.
pub fn measure(stack: &Stack, buyers: &Buyers, count: usize) -> Result<Credits> {
    // 1.
    let authenticated = buyers.authenticated(count, Cart::OneSeller)?;
    let connect = || buyers.to_worker();
    load::closed(CONNECTIONS, &authenticated, connect, |client, buyer| buyers.place(client, &buyer.wanted))?;
    // 2.
    let shop = Shop::of(stack);
    let answered = Mutex::new(HashMap::with_capacity(count));
    let (paid, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(shop, &authenticated));
        let paid = load::open(PER_SECOND, CONNECTIONS, &authenticated, connect, |client, buyer| {
            buyers.come_back(client, buyer)?;
            let at = Instant::now();
            let mut answered = answered.lock().map_err(|_| anyhow!("a thread ended"))?;
            answered.insert(buyer.wanted.order_id.clone(), at);
            Ok(())
        });
        (paid, watcher.join().unwrap_or_else(|_| Err(anyhow!("a thread ended"))))
    });
    // 3.
    let paid = paid?;
    ensure!(paid.done == count, "not all buyers came back in time");
    let (seen, question) = seen?;
    let answered = answered.into_inner().map_err(|_| anyhow!("a thread ended"))?;
    let durations = authenticated.iter().map(|buyer| {
        let order_id = buyer.wanted.order_id.as_str();
        let seen = seen.get(order_id).with_context(|| format!("{order_id} was not credited"))?;
        let answered = answered.get(order_id).context("an order without an answer")?;
        Ok(seen.saturating_duration_since(*answered))
    });
    let credited = Distribution::of(durations.collect::<Result<_>>()?);
    Ok(Credits { rate: paid.rate(), credited, question })
}

/// When each of the orders was first seen in the wallet of seller A.
fn watch(mut shop: Shop, orders: &[Authenticated]) -> Result<(HashMap<String, Instant>, Distribution)> {
    let wanted: HashSet<&str> = orders.iter().map(|buyer| buyer.wanted.order_id.as_str()).collect();
    let (mut seen, mut questions) = (HashMap::new(), Vec::new());
    let (mut page, mut last) = (PAGE, Instant::now());
    while seen.len() < wanted.len() {
        let asked = Instant::now();
        let path = format!("/v1/wallets/A/transactions?limit={page}");
        let answer = shop.ask(SECRET_KEY, "GET", &path, None)?.expect(200)?;
        let now = Instant::now();
        questions.push(now - asked);
        let items = answer.get("items").and_then(Value::as_array).context("no transactions")?;
        let before = seen.len();
        for order_id in items.iter().filter_map(|item| item.get("orderId").and_then(Value::as_str)) {
            if wanted.contains(order_id) && !seen.contains_key(order_id) {
                seen.insert(order_id.to_owned(), now);
            }
        }
        // A page of nothing but news may not be all of it.
        page = if seen.len() - before == page { PAGE_MAX } else { PAGE };
        if seen.len() > before {
            last = now;
        }
        ensure!(last.elapsed() < PATIENCE, "{} of {} payments are credited", seen.len(), wanted.len());
        std::thread::sleep(PAUSE);
    }
    Ok((seen, Distribution::of(questions)))
}
