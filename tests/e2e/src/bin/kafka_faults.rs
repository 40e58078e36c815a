//! What an operator meets with Kafka, on the real broker: numbered scenarios, one line each, and a closing
//! `N passed, N failed`. `gyesan-kafka-faults [NAME…]` runs those whose name contains one of the words.
//!
//! Each asserts that selling goes on, what the log and the operator's questions say, and that in the end each committed event
//! is in its topic exactly once.

#[path = "kafka_faults/again.rs"]
mod again;
#[path = "kafka_faults/away.rs"]
mod away;
#[path = "kafka_faults/changed.rs"]
mod changed;
#[path = "kafka_faults/development.rs"]
mod development;
#[path = "kafka_faults/letters.rs"]
mod letters;

use anyhow::{Context, Result, ensure};
use gyesan_e2e::books::{drained, explained};
use gyesan_e2e::broker::Broker;
use gyesan_e2e::interop::read_topics;
use gyesan_e2e::load::{Bought, buying, wallets_hold};
use gyesan_e2e::scenario::{Scenario, run};
use gyesan_e2e::selling::found_exactly;
use gyesan_e2e::shop::Shop;
use gyesan_e2e::stack::Stack;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const BUYERS: usize = 4;
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the slowest answer to a buyer may take while Kafka is in trouble: it is none of the buyer's business.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
const DRAINED_WITHIN: Duration = Duration::from_secs(60);

const SCENARIOS: &[Scenario] = &[
    ("the_local_kafka_of_dev_comes_back_after_a_kill", development::local_kafka),
    ("a_state_folder_changes_its_bus_and_changes_back", development::changed_bus),
    ("a_kafka_that_cannot_be_used_is_named_with_the_cure", development::unusable),
    ("other_peoples_tools_see_positions_and_lag", away::tools),
    ("a_broker_that_is_down_costs_nothing_but_lag", away::down),
    ("a_broker_that_is_silent_for_20_s_costs_nothing_but_lag", away::silent),
    ("too_few_replicas_in_step_are_waited_for", away::too_few_replicas),
    ("a_full_disk_is_waited_for", away::full_disk),
    ("what_is_no_event_is_in_the_topic_of_dead_letters_once", letters::no_event),
    ("events_are_published_once_more_for_one_request", again::republished),
    ("what_was_published_days_ago_is_removed_and_selling_goes_on", again::removed),
    ("more_partitions_than_configured_stop_the_topic_with_a_sentence", changed::more_partitions),
    ("a_topic_that_was_deleted_and_made_again_stops_with_a_sentence", changed::deleted_topic),
];

fn main() -> ExitCode {
    run("faults", SCENARIOS)
}

/// A stack on a broker of its own.
struct Shopping {
    stack: Stack,
    broker: Broker,
    state: PathBuf,
    /// What was bought so far.
    charged: usize,
}

impl Shopping {
    /// On a fresh broker, with a stack that has sold something already.
    fn begin(state: &Path) -> Result<Shopping> {
        Shopping::begin_on(Broker::start(&state.join("broker"), &[])?, state)
    }

    /// The same on a given broker.
    fn begin_on(broker: Broker, state: &Path) -> Result<Shopping> {
        let vars = ["--kafka", &broker.address(), "--var", "RATE_LIMIT_PER_ADDRESS=0"];
        let stack = Stack::start(state, &vars).context("the stack does not start")?;
        let mut shopping = Shopping { stack, broker, state: state.to_owned(), charged: 0 };
        let (origin, emulator) = (shopping.stack.origin.clone(), shopping.stack.emulator.clone());
        let (bought, ()) = buying(&origin, &emulator, BUYERS, || {
            std::thread::sleep(WARM_UP);
            Ok(())
        })?;
        shopping.settle(&bought)?;
        Ok(shopping)
    }

    fn shop(&self) -> Shop {
        Shop::of(&self.stack)
    }

    /// Does something to the stack and its broker while buyers buy, and sees to it that no buyer had to wait for Kafka.
    fn while_buying<T>(
        &mut self,
        deed: impl FnOnce(&mut Stack, &mut Broker) -> Result<T>,
    ) -> Result<(Bought, T)> {
        let (origin, emulator) = (self.stack.origin.clone(), self.stack.emulator.clone());
        let (stack, broker) = (&mut self.stack, &mut self.broker);
        let (bought, answer) = buying(&origin, &emulator, BUYERS, || deed(stack, broker))?;
        ensure!(
            bought.slowest < ANSWERED_WITHIN,
            "a buyer waited {:?} while Kafka was in trouble",
            bought.slowest
        );
        ensure!(bought.placed.len() > 10, "only {} orders were placed", bought.placed.len());
        ensure!(
            bought.paid.len() + BUYERS >= bought.placed.len(),
            "of {} orders only {} were paid at once",
            bought.placed.len(),
            bought.paid.len()
        );
        Ok((bought, answer))
    }

    /// Everything arrives: the backlog drains, the sellers are credited once, the books agree. How long the draining took.
    fn settle(&mut self, bought: &Bought) -> Result<Duration> {
        let since = Instant::now();
        let shop = &mut self.shop();
        drained(shop, DRAINED_WITHIN)?;
        let took = since.elapsed();
        self.charged += bought.is_settled(shop, DRAINED_WITHIN)?;
        drained(shop, DRAINED_WITHIN)?;
        explained(shop, DRAINED_WITHIN)?;
        wallets_hold(shop, self.charged)?;
        Ok(took)
    }

    /// The stack is stopped, and another client finds each committed event exactly once.
    fn end(self) -> Result<()> {
        let Shopping { stack, broker, state, .. } = self;
        drop(stack);
        found_exactly(&read_topics(&broker.address(), &state)?)
    }
}
