//! Everything that is measured with so many orders in the store.

use crate::buyers::{Authenticated, Buyers, Cart};
use crate::distribution::Distribution;
use crate::load::{self, Load};
use crate::machine;
use crate::say;
use crate::syncs::Syncs;
use anyhow::{Context, Result, bail};
use gyesan_e2e::client::Client;
use gyesan_e2e::shop::{SECRET_KEY, Shop};
use gyesan_e2e::stack::Stack;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Connections of the rates that have a target.
pub const CONNECTIONS: usize = 32;
/// Rounds of a rate.
pub const ROUNDS: u32 = 3;
/// Of the orders that fill the store, one in so many is paid.
const FILL_PAID: u64 = 10;
/// Orders that fill the store are made in such portions.
const FILL_PORTION: u64 = 5_000;
/// Confirmations a second while their latency is measured.
const CONFIRMS_PER_SECOND: u32 = 100;
/// How far apart the payments are whose credit is waited for.
const CREDIT_INTERVAL: Duration = Duration::from_millis(20);
/// Something is broken when the effects of the last payment take longer.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// What was measured at one size of the store.
pub struct Size {
    /// Orders that were there at the beginning.
    pub orders: u64,
    /// Orders placed at 32 connections.
    pub placed: Load,
    /// Orders placed and paid, by the number of connections.
    pub paid: Vec<Paid>,
    /// The same at 32 connections with two lines of two sellers.
    pub paid_two_sellers: Paid,
    /// Return of the buyer until the redirect to the result page, at [`CONFIRMS_PER_SECOND`].
    pub confirmed: Load,
    /// From the redirect until the seller's wallet is seen to have the money, the question included.
    pub credited: Distribution,
    /// From the redirect until the order is seen to be complete, the questions included.
    pub completed: Distribution,
    /// One question for a wallet.
    pub question: Distribution,
    /// Commits for one order with one seller: alone, and on average at 32 connections.
    pub commits: Option<(f64, f64)>,
    /// Memory of everything that runs, in bytes by name, after all of this.
    pub resident: Vec<(String, u64)>,
}

/// Orders placed and paid, closed loop.
pub struct Paid {
    /// At so many connections.
    pub connections: usize,
    /// What was answered.
    pub load: Load,
    /// How long after the last answer all of them were credited.
    pub drained: Duration,
    /// Processor time of workerd for each order, in milliseconds.
    pub processor_ms: f64,
}

impl Size {
    /// 1. Fill the store.
    /// 2. Rates.
    /// 3. Latencies.
    /// 4. Commits and memory.
    ///
    /// # Errors
    /// When something does not answer as it should.
    pub fn measure(stack: &Stack, buyers: &Buyers, orders: u64, quick: bool) -> Result<Size> {
        // 1.
        fill(stack, buyers, orders)?;
        say(&format!("with {orders} orders in the store"));
        // 2.
        let placed = best(|| place(stack, buyers, if quick { 2_000 } else { 4_000 }), Load::rate)?;
        say(&format!("  placed: {:.0}/s at {CONNECTIONS} connections", placed.rate()));
        let mut paid = Vec::new();
        for (connections, count) in [(1, 500), (8, 2_000), (CONNECTIONS, 3_000)] {
            let count = if quick { count / 4 } else { count };
            let pay = || pay(stack, buyers, connections, count, Cart::OneSeller);
            let at = best(pay, |paid| paid.load.rate())?;
            let (rate, processor_ms) = (at.load.rate(), at.processor_ms);
            say(&format!(
                "  paid: {rate:.0}/s at {connections} connections, {processor_ms:.2} ms of workerd each"
            ));
            paid.push(at);
        }
        let pay_two = || pay(stack, buyers, CONNECTIONS, if quick { 500 } else { 2_000 }, Cart::TwoSellers);
        let paid_two_sellers = best(pay_two, |paid| paid.load.rate())?;
        let rate = paid_two_sellers.load.rate();
        say(&format!("  paid, two sellers each: {rate:.0}/s at {CONNECTIONS} connections"));
        // 3.
        let confirm = || confirm(stack, buyers, if quick { 200 } else { 1_000 });
        let confirmed = best(confirm, |load| -load.latency.p50_ms())?;
        let (p50, p99) = (confirmed.latency.p50_ms(), confirmed.latency.p99_ms());
        say(&format!("  confirm at {CONFIRMS_PER_SECOND}/s: p50 {p50:.2} ms, p99 {p99:.2} ms"));
        let credit = || credit(stack, buyers, if quick { 50 } else { 300 });
        let credits = best(credit, |credits| -credits.credited.p50_ms())?;
        say(&format!("  credited: p50 {:.2} ms", credits.credited.p50_ms()));
        // 4.
        let commits = commits(stack, buyers)?;
        let resident = stack.pids.iter().filter_map(|pid| machine::resident(*pid)).collect();
        let Credits { credited, completed, question } = credits;
        Ok(Size {
            orders,
            placed,
            paid,
            paid_two_sellers,
            confirmed,
            credited,
            completed,
            question,
            commits,
            resident,
        })
    }
}

/// Orders placed and paid where there is one shard of each kind, on a stack that has just been started.
///
/// # Errors
/// When something does not answer as it should.
pub fn one_shard(stack: &Stack, buyers: &Buyers, quick: bool) -> Result<Paid> {
    let warm_up = if quick { 200 } else { 1_000 };
    pay(stack, buyers, CONNECTIONS, warm_up, Cart::OneSeller)?;
    let pay = || pay(stack, buyers, CONNECTIONS, if quick { 750 } else { 3_000 }, Cart::OneSeller);
    let paid = best(pay, |paid| paid.load.rate())?;
    say(&format!("  paid: {:.0}/s at {CONNECTIONS} connections", paid.load.rate()));
    Ok(paid)
}

/// Orders are placed, and some of them paid, until there are so many.
fn fill(stack: &Stack, buyers: &Buyers, orders: u64) -> Result<()> {
    let mut shop = Shop::of(stack);
    loop {
        let totals = shop.operate("ledger/trial-balance")?;
        let there = totals
            .get("orders")
            .and_then(Value::as_u64)
            .context("the trial balance does not count orders")?;
        let missing = orders.saturating_sub(there);
        if missing == 0 {
            return drain(stack);
        }
        say(&format!("filling the store: {there} of {orders} orders"));
        let portion = missing.min(FILL_PORTION);
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let paid = buyers.authenticated(count(portion / FILL_PAID), Cart::OneSeller)?;
        load::closed(
            CONNECTIONS,
            &paid,
            || buyers.to_worker(),
            |client, buyer| place_and_pay(buyers, client, buyer),
        )?;
        let unpaid = buyers.wanted(count(portion - portion / FILL_PAID), Cart::OneSeller);
        load::closed(
            CONNECTIONS,
            &unpaid,
            || buyers.to_worker(),
            |client, wanted| buyers.place(client, wanted),
        )?;
    }
}

/// The best of [`ROUNDS`].
///
/// # Errors
/// The first of a round.
pub fn best<T>(round: impl FnMut() -> Result<T>, score: impl Fn(&T) -> f64) -> Result<T> {
    best_of(ROUNDS, round, score)
}

/// The best of some rounds: whatever else the machine does only makes one slower.
///
/// # Errors
/// The first of a round.
pub fn best_of<T>(rounds: u32, mut round: impl FnMut() -> Result<T>, score: impl Fn(&T) -> f64) -> Result<T> {
    let mut best = round()?;
    for _ in 1..rounds {
        let next = round()?;
        if score(&next) > score(&best) {
            best = next;
        }
    }
    Ok(best)
}

/// Orders placed, closed loop.
fn place(stack: &Stack, buyers: &Buyers, count: usize) -> Result<Load> {
    let wanted = buyers.wanted(count, Cart::OneSeller);
    let connect = || buyers.to_worker();
    let load = load::closed(CONNECTIONS, &wanted, connect, |client, wanted| buyers.place(client, wanted))?;
    drain(stack)?;
    Ok(load)
}

/// One order placed and paid by one buyer.
///
/// # Errors
/// When it is not answered as it should be.
pub fn place_and_pay(buyers: &Buyers, worker: &mut Client, buyer: &Authenticated) -> Result<()> {
    buyers.place(worker, &buyer.wanted)?;
    buyers.come_back(worker, buyer)
}

/// Orders placed and paid, closed loop; then how long the rest of their effects took.
///
/// # Errors
/// When something does not answer as it should.
pub fn pay(stack: &Stack, buyers: &Buyers, connections: usize, count: usize, cart: Cart) -> Result<Paid> {
    let authenticated = buyers.authenticated(count, cart)?;
    let before = machine::processor_time(stack.workerd_pid);
    let work = |client: &mut Client, buyer: &Authenticated| place_and_pay(buyers, client, buyer);
    let load = load::closed(connections, &authenticated, || buyers.to_worker(), work)?;
    let since = Instant::now();
    drain(stack)?;
    let drained = since.elapsed();
    let used = machine::processor_time(stack.workerd_pid).saturating_sub(before);
    let processor_ms = used.as_secs_f64() * 1e3 / load.done.max(1) as f64;
    Ok(Paid { connections, load, drained, processor_ms })
}

/// The buyer's return, open loop: its orders are placed before.
fn confirm(stack: &Stack, buyers: &Buyers, count: usize) -> Result<Load> {
    let authenticated = buyers.authenticated(count, Cart::OneSeller)?;
    load::closed(
        8,
        &authenticated,
        || buyers.to_worker(),
        |client, buyer| buyers.place(client, &buyer.wanted),
    )?;
    drain(stack)?;
    let connect = || buyers.to_worker();
    load::open(CONFIRMS_PER_SECOND, CONNECTIONS, &authenticated, connect, |client, buyer| {
        buyers.come_back(client, buyer)
    })
}

struct Credits {
    credited: Distribution,
    completed: Distribution,
    question: Distribution,
}

/// One payment after the other, each followed into the wallet and back to the order.
fn credit(stack: &Stack, buyers: &Buyers, count: usize) -> Result<Credits> {
    let authenticated = buyers.authenticated(count, Cart::OneSeller)?;
    let (mut buyer_side, mut shop) = (buyers.to_worker(), Shop::of(stack));
    let (mut credited, mut completed, mut question) = (Vec::new(), Vec::new(), Vec::new());
    let before = wallet_version(&mut shop)?;
    let begun = Instant::now();
    for (number, buyer) in (1_u32..).zip(&authenticated) {
        buyers.place(&mut buyer_side, &buyer.wanted)?;
        std::thread::sleep((begun + CREDIT_INTERVAL * number).saturating_duration_since(Instant::now()));
        buyers.come_back(&mut buyer_side, buyer)?;
        let answered = Instant::now();
        loop {
            let asked = Instant::now();
            let version = wallet_version(&mut shop)?;
            question.push(asked.elapsed());
            if version >= before + u64::from(number) {
                break;
            }
            give_up_after(answered)?;
        }
        credited.push(answered.elapsed());
        while shop.view(&buyer.wanted.order_id)?.get("isWalletDone") != Some(&Value::Bool(true)) {
            give_up_after(answered)?;
        }
        completed.push(answered.elapsed());
    }
    let [credited, completed, question] = [credited, completed, question].map(Distribution::of);
    Ok(Credits { credited, completed, question })
}

/// How often the wallet of seller A has changed.
///
/// # Errors
/// When the wallet cannot be read.
pub fn wallet_version(shop: &mut Shop) -> Result<u64> {
    let wallet = shop.ask(SECRET_KEY, "GET", "/v1/wallets/A", None)?.expect(200)?;
    wallet.get("version").and_then(Value::as_u64).context("a wallet without a version")
}

fn give_up_after(answered: Instant) -> Result<()> {
    if answered.elapsed() > DRAIN_LIMIT {
        bail!("a payment is not credited within {DRAIN_LIMIT:?}")
    } else {
        Ok(())
    }
}

/// Waits until every event has been taken over by its readers.
fn drain(stack: &Stack) -> Result<()> {
    let mut shop = Shop::of(stack);
    let since = Instant::now();
    while shop.operate("outbox")?.get("pending").and_then(Value::as_u64) != Some(0) {
        if since.elapsed() > DRAIN_LIMIT {
            bail!("the outbox is not drained within {DRAIN_LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Commits an order takes, alone and in company; its buyers are made before, in the emulator only.
fn commits(stack: &Stack, buyers: &Buyers) -> Result<Option<(f64, f64)>> {
    let mut per_order = Vec::new();
    for (connections, count) in [(1, 100), (CONNECTIONS, 1_000)] {
        let authenticated = buyers.authenticated(count, Cart::OneSeller)?;
        let syncs = Syncs::of(stack.workerd_pid);
        let work = |client: &mut Client, buyer: &Authenticated| {
            place_and_pay(buyers, client, buyer)?;
            if connections == 1 {
                // Its effects are over before the next one begins, and share no commit with it.
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(())
        };
        load::closed(connections, &authenticated, || buyers.to_worker(), work)?;
        drain(stack)?;
        let Some(syncs) = syncs.count() else { return Ok(None) };
        per_order.push(syncs as f64 / count as f64);
    }
    Ok(per_order.first().copied().zip(per_order.last().copied()))
}
