//! What is asked of one leader stays in order, also when a part of it fails before it was sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_kafka::Millis;
use gyesan_kafka::api::list_offsets;
use gyesan_kafka::cluster::{Channel, Cluster, Input, Output, Target};
use gyesan_kafka::connection::Settings;
use gyesan_kafka::sim::{Faults, SimCluster, SimNetwork};

const TOPIC: &str = "gyesan.orders";

struct World {
    brokers: SimCluster,
    network: SimNetwork,
    client: Cluster,
    now: Millis,
    /// Tickets with an answer, and tickets without.
    answered: Vec<u64>,
    failed: Vec<u64>,
}

impl World {
    fn new() -> World {
        let mut brokers = SimCluster::new(1);
        brokers.create_topic(TOPIC, 1);
        let client = Cluster::new(Settings::default(), vec![SimCluster::address(1)]);
        let network = SimNetwork::new(1, Faults::default());
        World { brokers, network, client, now: 1_000_000, answered: Vec::new(), failed: Vec::new() }
    }

    fn ask(&mut self, ticket: u64, timeout_ms: Millis) {
        let place = list_offsets::Place::Latest;
        let request = list_offsets::Request { topic: TOPIC.to_owned(), partition: 0, place }.into();
        let target = Target::Leader { topic: TOPIC.to_owned(), partition: 0 };
        self.give(Input::Call { ticket, target, channel: Channel::Prompt, request, timeout_ms });
    }

    fn give(&mut self, input: Input) {
        for output in self.client.handle(self.now, input) {
            match output {
                Output::Socket(order) => self.network.obey(self.now, &self.brokers, order),
                Output::Answered { ticket, .. } => self.answered.push(ticket),
                Output::Failed { ticket, .. } => self.failed.push(ticket),
                Output::TopicSeen(_) | Output::LinkBroken { .. } => {}
            }
        }
    }

    fn run_for(&mut self, duration: Millis) {
        let end = self.now + duration;
        while self.now < end {
            let next = [self.network.next_at(), self.client.deadline(), Some(end)];
            self.now = self.now.max(next.into_iter().flatten().min().unwrap());
            while self.network.next_at().is_some_and(|at| at <= self.now) {
                if let Some(news) = self.network.step(self.now, &mut self.brokers) {
                    self.give(Input::Socket(news));
                }
            }
            self.give(Input::Tick);
        }
    }
}

#[test]
fn what_waits_behind_a_request_that_fails_is_not_sent_without_it() {
    let mut world = World::new();
    world.ask(1, 5_000);
    world.run_for(100);
    assert_eq!(world.answered, [1]);

    world.brokers.set_up(1, false);
    world.network.cut_node(world.now, 1);
    world.run_for(10);
    world.ask(2, 1_000);
    world.ask(3, 60_000);
    world.run_for(1_100);
    assert_eq!(world.failed, [2, 3], "3 fails with 2, although it had time");

    world.brokers.set_up(1, true);
    world.run_for(30_000);
    assert_eq!(world.answered, [1], "neither is sent any more");
    world.ask(4, 5_000);
    world.run_for(5_000);
    assert_eq!(world.answered, [1, 4]);
}
