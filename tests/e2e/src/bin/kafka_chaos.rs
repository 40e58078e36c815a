//! Exactly-once publication, proved on the real parts: workerd is killed again and again under load, with the broker
//! restarted, killed and cut off between; then another client reads every topic from the beginning and compares it with
//! what the shards committed.
//!
//! `gyesan-kafka-chaos [SEED]`. Closes with what was done and found, and `N passed, N failed`.

use anyhow::{Context, Result, ensure};
use gyesan_e2e::books::{drained, explained};
use gyesan_e2e::broker::{Broker, End};
use gyesan_e2e::interop::read_topics;
use gyesan_e2e::load::{Bought, buying, wallets_hold};
use gyesan_e2e::proxy::{Mode, Proxy};
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ROUNDS: u64 = 20;
const FORGETFUL_ROUNDS: u64 = 6;
const BUYERS: usize = 6;
/// `cargo xtask dev` gives up on a workerd that ends six times in 10 s.
const ROUND_MIN: Duration = Duration::from_millis(3_000);
const DRAINED_WITHIN: Duration = Duration::from_secs(90);
/// The broker forgets a producer 1.5 s after its last batch, and looks every 0.3 s.
const FORGOTTEN_AFTER: Duration = Duration::from_millis(2_500);
const TOPICS: &str =
    "--topic gyesan.orders:3 --topic gyesan.orders.dlt:3 --topic gyesan.ledger:3 --topic gyesan.ledger.dlt:3";

fn main() -> ExitCode {
    let seed = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros() as u64)
    });
    println!("     seed {seed}");
    let (mut passed, mut failed) = (0, 0);
    for run in RUNS {
        let name = run.name;
        let since = Instant::now();
        let state = std::env::temp_dir().join(format!("gyesan-{name}-{}", std::process::id()));
        let outcome = carry_out(run, &state, &mut Dice(seed | 1));
        let seconds = since.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                passed += 1;
                println!("ok   {name} ({seconds:.0} s)");
                let _ = std::fs::remove_dir_all(state);
            }
            Err(fault) => {
                failed += 1;
                println!(
                    "FAIL {name} ({seconds:.0} s)\n        {fault:#}\n        state and logs: {}",
                    state.display()
                );
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One proof.
struct Run {
    name: &'static str,
    /// A setting of the broker.
    property: &'static str,
    /// What is done to the parts while buyers buy.
    deeds: fn(&mut World, &mut Dice) -> Result<()>,
}

const RUNS: &[Run] = &[
    Run {
        name: "killed_and_cut_20_times_under_load",
        property: "producer.id.expiration.ms=86400000",
        deeds: killed_and_cut,
    },
    Run {
        name: "forgotten_between_crash_and_resend",
        property: "producer.id.expiration.ms=1500",
        deeds: forgotten,
    },
];

struct World {
    stack: Stack,
    broker: Broker,
    proxy: Proxy,
    done: Done,
}

#[derive(Default)]
struct Done {
    kills: u64,
    broker_restarts: u64,
    broker_kills: u64,
    cuts: u64,
    silences: u64,
}

/// Random numbers from a seed (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }

    fn pause(&mut self, at_most_ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(at_most_ms)));
    }
}

/// 1. Broker, proxy in front of it, and the stack, which knows the proxy only.
/// 2. Buyers buy while the run does its worst.
/// 3. Everything is let be: the backlog drains, each charged order is paid and credited once, the books agree.
/// 4. The stack is stopped, and another client reads the topics.
fn carry_out(run: &Run, state: &Path, dice: &mut Dice) -> Result<()> {
    // 1.
    let mut broker = Broker::new(&state.join("broker"), &[])?;
    let proxy = Proxy::start(broker.port)?;
    let address = format!("127.0.0.1:{}", proxy.port);
    broker.resume_with(&format!(
        "{TOPICS} --advertise {address} --property producer.id.expiration.check.interval.ms=300 --property {}",
        run.property
    ))?;
    let vars = ["ORDERS_PARTITIONS=3", "LEDGER_PARTITIONS=3", "RELAYS=2", "RATE_LIMIT_PER_ADDRESS=0"];
    let mut arguments = vec!["--kafka", &address];
    arguments.extend(vars.iter().flat_map(|var| ["--var", var]));
    let stack = Stack::start(state, &arguments).context("the stack does not start")?;
    let (origin, emulator) = (stack.origin.clone(), stack.emulator.clone());
    let mut world = World { stack, broker, proxy, done: Done::default() };
    // 2.
    let (bought, ()) = buying(&origin, &emulator, BUYERS, || (run.deeds)(&mut world, dice))?;
    // 3.
    world.proxy.set(Mode::Pass);
    let since = Instant::now();
    let shop = &mut Shop::of(&world.stack);
    let charged = settle(&bought, shop)?;
    let settled = since.elapsed();
    let found = world.stack.facts("relay.found").len();
    // 4.
    let World { stack, broker, proxy, done } = world;
    let lines = stack.lines_logged();
    drop(stack);
    proxy.cut();
    let topics = read_topics(&address, state)?;
    println!(
        "     {} kills of workerd, {} restarts and {} kills of Kafka, {} connections cut, {} silences",
        done.kills, done.broker_restarts, done.broker_kills, done.cuts, done.silences
    );
    println!(
        "     {} orders placed, {charged} charged; settled {:.1} s after the last fault; {lines} lines logged",
        bought.placed.len(),
        settled.as_secs_f64()
    );
    println!("     {topics}; {found} batches were found in Kafka when they were to be sent again");
    ensure!(topics.are_exact() && topics.events > 0 && topics.dead_letters == 0, "{topics}");
    ensure!(found > 0, "no batch was read back: the faults met no batch in flight");
    drop(broker);
    Ok(())
}

fn settle(bought: &Bought, shop: &mut Shop) -> Result<usize> {
    drained(shop, DRAINED_WITHIN)?;
    let charged = bought.is_settled(shop, DRAINED_WITHIN)?;
    drained(shop, DRAINED_WITHIN)?;
    explained(shop, DRAINED_WITHIN)?;
    wallets_hold(shop, charged)?;
    Ok(charged)
}

/// Kills of workerd at random moments; between them the broker is restarted or killed, or its connections are cut or silenced.
fn killed_and_cut(world: &mut World, dice: &mut Dice) -> Result<()> {
    for round in 0..ROUNDS {
        let since = Instant::now();
        for _ in 0..1 + dice.below(3) {
            dice.pause(400);
            world.done.cuts += world.proxy.cut() as u64;
        }
        match round % 3 {
            1 => {
                let end = if round % 2 == 1 { End::Clean } else { End::Killed };
                world.broker.end(end)?;
                match end {
                    End::Clean => world.done.broker_restarts += 1,
                    End::Killed => world.done.broker_kills += 1,
                }
                dice.pause(500);
                world.broker.resume()?;
            }
            2 => {
                let mode = if dice.below(2) == 0 { Mode::LoseAnswers } else { Mode::Silence };
                world.proxy.set(mode);
                dice.pause(1_500);
                world.proxy.set(Mode::Pass);
                world.done.cuts += world.proxy.cut() as u64;
                world.done.silences += 1;
            }
            _ => {}
        }
        // Half of the kills come while answers are being lost, when batches are in Kafka and nobody knows it.
        if round % 2 == 0 {
            world.proxy.set(Mode::LoseAnswers);
        }
        dice.pause(600);
        world.stack.kill_workerd()?;
        world.done.kills += 1;
        world.proxy.set(Mode::Pass);
        world.proxy.cut();
        std::thread::sleep(ROUND_MIN.saturating_sub(since.elapsed()));
    }
    Ok(())
}

/// Batches are written and their answers lost, workerd is killed, and Kafka stays out of reach until it has forgotten who
/// wrote them: it would take them a second time without a word. That a relay that sends them blindly is found out, with
/// hundreds of duplicates, is shown in `edge/kafka/tests/publication.rs` (`resending_blindly_would_be_found_out_by_these_tests`).
fn forgotten(world: &mut World, dice: &mut Dice) -> Result<()> {
    for _ in 0..FORGETFUL_ROUNDS {
        dice.pause(800);
        world.proxy.set(Mode::LoseAnswers);
        std::thread::sleep(Duration::from_millis(200 + dice.below(300)));
        world.proxy.set(Mode::Refuse);
        world.done.cuts += world.proxy.cut() as u64;
        let out_of_reach = Instant::now();
        world.stack.kill_workerd()?;
        world.done.kills += 1;
        std::thread::sleep(FORGOTTEN_AFTER.saturating_sub(out_of_reach.elapsed()));
        world.proxy.set(Mode::Pass);
        // The relay comes back, and publishes as usual until the next round.
        std::thread::sleep(ROUND_MIN);
    }
    Ok(())
}
