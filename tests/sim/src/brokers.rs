//! The Kafka of a world in Kafka mode: brokers, the network to them, and everybody's sockets, under the same clock and by the same seed.

use crate::random::Random;
use crate::weather::Storm;
use crate::world::{Happening, World};
use gyesan_core::event::{LEDGER_TOPIC, ORDERS_TOPIC};
use gyesan_edge::actor::{Input, SocketNews, SocketOrder};
use gyesan_edge::config::Kafka;
use gyesan_edge::topology::{Bus, Target, Topology};
use gyesan_kafka::sim::{Faults, SimCluster, SimNetwork};
use gyesan_kafka::socket::{Address, Link};
use gyesan_kafka::{Millis, TopicPartition};
use std::collections::BTreeMap;

/// Brokers of the cluster.
const NODES: i32 = 3;
/// How long what a process has written may still arrive after its end, in milliseconds.
const AFTER_DEATH_MS: i64 = 20;

/// How long a Fetch that finds nothing is held when there are no faults any more, in milliseconds: to save steps, and not so long
/// that it is given up.
const HOLD_CALM_MS: Millis = 9_000;

/// By how much clocks are wrong, in milliseconds.
const CLOCKS_OFF_MS: [i64; 5] = [-7_200_000, -20_000, 0, 20_000, 7_200_000];

/// Answers that a leader gives for its own reasons, and whether the batch is written all the same.
const REFUSALS: [(i16, bool); 8] =
    [(7, true), (7, false), (19, false), (20, true), (6, false), (3, false), (56, false), (-1, true)];

/// Brokers and what leads to them.
pub struct Brokers {
    pub cluster: SimCluster,
    /// How actors are told to reach them.
    pub config: Kafka,
    network: SimNetwork,
    /// Whose each connection is. Actors number theirs themselves, so the network has numbers of its own.
    sockets: BTreeMap<Link, Socket>,
    opened: Link,
    /// When the network is looked at next.
    carry_at: Option<i64>,
}

/// One end of a connection.
struct Socket {
    target: Target,
    boot: u64,
    link: Link,
    address: Address,
}

impl Brokers {
    /// The brokers of a topology; none in embedded mode.
    pub fn of(topology: Topology, seed: u64, storm: &Storm) -> Option<Brokers> {
        let Bus::Kafka { orders_partitions, ledger_partitions, .. } = topology.bus else { return None };
        let mut cluster = SimCluster::new(NODES);
        for (topic, partitions) in [(ORDERS_TOPIC, orders_partitions), (LEDGER_TOPIC, ledger_partitions)] {
            cluster.create_topic(topic, i32::try_from(partitions).unwrap());
        }
        let brokers = (1..=NODES).map(SimCluster::address).collect();
        let mut network = SimNetwork::new(seed, storm.faults);
        network.hold_min_ms = storm.hold_min_ms;
        Some(Brokers {
            cluster,
            config: Kafka {
                brokers,
                tls: false,
                credentials: None,
                schema_registry: None,
                outbox_keep_ms: None,
            },
            network,
            sockets: BTreeMap::new(),
            opened: 0,
            carry_at: None,
        })
    }

    fn link_of(&self, target: Target, boot: u64, link: Link) -> Option<Link> {
        let is_it = |socket: &Socket| socket.target == target && socket.boot == boot && socket.link == link;
        self.sockets.iter().find(|(_, socket)| is_it(socket)).map(|(link, _)| *link)
    }
}

impl World {
    /// An actor does something with a socket.
    pub fn socket(&mut self, target: Target, boot: u64, order: SocketOrder) {
        let now = self.millis();
        let mut brokers = self.brokers.take().unwrap();
        match order {
            SocketOrder::Open(link, address) => {
                self.tell(|| format!("{:<13} > connects to {}", target.name(), address.host));
                brokers.opened += 1;
                let order = SocketOrder::Open(brokers.opened, address.clone());
                brokers.network.obey(now, &brokers.cluster, order);
                brokers.sockets.insert(brokers.opened, Socket { target, boot, link, address });
            }
            SocketOrder::Send(link, bytes) => {
                if let Some(wire) = brokers.link_of(target, boot, link) {
                    brokers.network.obey(now, &brokers.cluster, SocketOrder::Send(wire, bytes));
                }
            }
            SocketOrder::Close(link) => {
                if let Some(wire) = brokers.link_of(target, boot, link) {
                    brokers.network.close(now, wire);
                    brokers.sockets.remove(&wire);
                }
            }
        }
        self.brokers = Some(brokers);
        self.plan_carrying();
    }

    /// The network carries what is due.
    pub fn carry(&mut self) {
        let now = self.millis();
        let mut brokers = self.brokers.take().unwrap();
        brokers.carry_at = None;
        while brokers.network.next_at().is_some_and(|at| at <= now) {
            let Some(news) = brokers.network.step(now, &mut brokers.cluster) else {
                let checked = self.checker.check_topics(&brokers.cluster);
                self.tell_news("kafka");
                self.wrong(checked);
                continue;
            };
            let link = news.link();
            let Some(Socket { target, boot, link: theirs, address }) = brokers.sockets.get(&link) else {
                continue;
            };
            let (target, boot, theirs) = (*target, *boot, *theirs);
            if matches!(news, SocketNews::Closed(_)) {
                self.tell(|| format!("{:<13} < {} hangs up", target.name(), address.host));
                brokers.sockets.remove(&link);
            }
            self.arrives(target, Some(boot), Input::Socket(news.renumbered(theirs)));
        }
        self.brokers = Some(brokers);
        self.plan_carrying();
    }

    fn plan_carrying(&mut self) {
        let Some(brokers) = &mut self.brokers else { return };
        let Some(at) = brokers.network.next_at() else { return };
        let at = i64::try_from(at).unwrap();
        if brokers.carry_at.is_none_or(|planned| at < planned) {
            brokers.carry_at = Some(at);
            let in_ms = at - self.now_ms;
            self.later(in_ms, Happening::Carry(at));
        }
    }

    /// Whether this is the look at the network that is planned, and not one that has been overtaken.
    pub fn carries_at(&self, at: i64) -> bool {
        self.brokers.as_ref().is_some_and(|brokers| brokers.carry_at == Some(at))
    }

    /// A process has ended. What it has written may still arrive; what comes back finds nobody.
    pub fn sockets_break(&mut self, target: Target) {
        let Some(brokers) = &self.brokers else { return };
        let of_it = |socket: &Socket| socket.target == target;
        let broken: Vec<Link> =
            brokers.sockets.iter().filter(|(_, socket)| of_it(socket)).map(|(link, _)| *link).collect();
        for link in broken {
            let in_ms = self.random.between(0, AFTER_DEATH_MS);
            self.later(in_ms, Happening::SocketDies(link));
        }
    }

    /// The connection of a process that has ended is taken down.
    pub fn socket_dies(&mut self, link: Link) {
        let now = self.millis();
        let Some(brokers) = &mut self.brokers else { return };
        if brokers.sockets.remove(&link).is_some() {
            brokers.network.close(now, link);
        }
        self.plan_carrying();
    }

    /// The weather of the brokers changes.
    pub fn storm(&mut self) {
        let now = self.millis();
        if self.calm || self.brokers.is_none() {
            return;
        }
        let storm = self.weather.storm.clone();
        let mut brokers = self.brokers.take().unwrap();
        let node = i32::try_from(self.random.between(1, NODES.into())).unwrap();
        let place = any_place(&mut self.random, self.topology);
        if self.strikes(storm.broker) {
            let up = !brokers.cluster.is_up(node);
            self.tell(|| format!("kafka         broker-{node} {}", if up { "is back" } else { "goes down" }));
            brokers.cluster.set_up(node, up);
            if !up {
                brokers.network.cut_node(now, node);
            }
        }
        if self.strikes(storm.leader) && brokers.cluster.is_up(node) {
            self.tell(|| format!("kafka         broker-{node} leads {place} from now on"));
            brokers.cluster.move_leader(&place, node);
        }
        if self.strikes(storm.refusal) {
            let (error, written) = *self.random.pick(&REFUSALS);
            brokers.cluster.refuse_next(&place, error, written);
        }
        if self.strikes(storm.clock) {
            self.set_a_clock();
        }
        // A request of an earlier connection that arrives after its repeat is only harmless while the broker remembers its producer.
        let stale = |socket: &Socket| self.nodes.get(&socket.target).is_none_or(|n| n.boot != socket.boot);
        let in_flight = brokers.network.carries_late_requests() || brokers.sockets.values().any(stale);
        if !in_flight && self.strikes(storm.forget) {
            self.tell(|| "kafka         the brokers forget all producers".into());
            brokers.cluster.forget_producers(i64::MAX);
        }
        self.brokers = Some(brokers);
        self.later(storm.every_ms, Happening::Storm);
        self.plan_carrying();
    }

    /// The clock of a relay or a subscriber jumps.
    fn set_a_clock(&mut self) {
        let everybody: Vec<Target> = self.topology.relays().chain(self.topology.consumers()).collect();
        let target = *self.random.pick(&everybody);
        let off_ms = *self.random.pick(&CLOCKS_OFF_MS);
        self.tell(|| format!("{:<13} its clock is off by {off_ms} ms", target.name()));
        self.nodes.get_mut(&target).unwrap().clock_off_ms = off_ms;
    }

    /// All brokers are up, nothing is cut any more, and clocks are right.
    pub fn calm_brokers(&mut self) {
        for node in self.nodes.values_mut() {
            node.clock_off_ms = 0;
        }
        let Some(brokers) = &mut self.brokers else { return };
        let delay_max_ms = brokers.network.faults.delay_max_ms;
        brokers.network.faults = Faults { delay_max_ms, ..Faults::default() };
        brokers.network.hold_min_ms = HOLD_CALM_MS;
        for node in (1..=NODES).filter(|node| !brokers.cluster.is_up(*node)).collect::<Vec<_>>() {
            brokers.cluster.set_up(node, true);
        }
    }

    fn millis(&self) -> Millis {
        Millis::try_from(self.now_ms).unwrap()
    }
}

fn any_place(random: &mut Random, topology: Topology) -> TopicPartition {
    let Bus::Kafka { orders_partitions, ledger_partitions, .. } = topology.bus else {
        panic!("no topics in embedded mode")
    };
    let (topic, partitions) =
        *random.pick(&[(ORDERS_TOPIC, orders_partitions), (LEDGER_TOPIC, ledger_partitions)]);
    let partition = i32::try_from(random.between(0, i64::from(partitions) - 1)).unwrap();
    TopicPartition { topic: topic.to_owned(), partition }
}
