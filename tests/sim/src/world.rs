//! The world: one clock, one queue of what happens when, and everybody in it.

use crate::actors::Node;
use crate::brokers::Brokers;
use crate::bug::Bug;
use crate::checker::Checker;
use crate::network::Ask;
use crate::psp::{Psp, PspOpen};
use crate::query::Asked;
use crate::random::Random;
use crate::shopper::{Basket, Move, Tab};
use crate::weather::{Storm, Weather};
use gyesan_core::id::MerchantId;
use gyesan_core::time::Timestamp;
use gyesan_edge::actor::{Input, Token};
use gyesan_edge::command::Command;
use gyesan_edge::native::Database;
use gyesan_edge::psp::PspCall;
use gyesan_edge::topology::{Bus, Target, Topology};
use gyesan_kafka::socket::Link;
use std::collections::BTreeMap;

/// When every world begins, in milliseconds since the Unix epoch.
pub const START_MS: i64 = 1_700_000_000_000;
/// Few enough shards that orders meet in them, enough that calls cross them.
const SHARDS: u32 = 2;
/// Makes the stream of everything of Kafka another one than the rest's.
const KAFKAS_SEED: u64 = 0x6b61_666b_6100_0000;
/// How often an operator has the order list rebuilt, at most.
const REBUILDS_MAX: i64 = 2;
/// How often the cron pokes everybody while there are faults, in milliseconds; more rarely afterwards, to save time.
const CRON_MS: i64 = 60_000;
const CRON_AFTER_MS: i64 = 600_000;
/// How long after the end of the faults everything must have settled, in milliseconds. Orders expire after 45 minutes.
const SETTLE_MS: i64 = 4_000_000;

/// Turns after which a world is taken to go round in circles; it has a few hundred, with a Kafka some thousands.
const TURNS_MAX: u64 = 100_000;

/// How to run a world.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Other weather than the seed's own.
    pub weather: Option<Weather>,
    /// A planted bug.
    pub bug: Option<Bug>,
    /// One crash at a certain place, on top of the weather's.
    pub crash: Option<Crash>,
    /// Whether to write down what happens.
    pub timeline: bool,
}

/// The end of a process at a certain place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crash {
    /// During which turn, counted from 0 over all actors.
    pub turn: u64,
    /// How many effects of that turn are still performed; none and no commit either with `None`.
    pub performed: Option<usize>,
}

/// Every second world has a Kafka.
fn topology_of(seed: u64, random: &mut Random) -> Topology {
    let bus = if seed.is_multiple_of(2) {
        Bus::Embedded
    } else {
        Bus::Kafka {
            relays: *random.pick(&[1, 2]),
            orders_partitions: *random.pick(&[2, 3]),
            ledger_partitions: 2,
        }
    };
    Topology { order_shards: SHARDS, ledger_shards: SHARDS, bus }
}

/// What came of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found wrong, first of all.
    pub violation: Option<String>,
    /// What happened, one line each.
    pub timeline: Vec<String>,
    /// Turns of actors.
    pub turns: u64,
    /// Those that changed something that is worth telling: an order, a batch, a position.
    pub eventful: Vec<u64>,
    /// Processes that ended.
    pub crashes: u64,
    /// Orders that were paid.
    pub paid: usize,
    /// Won that buyers were charged.
    pub charged: i64,
    /// The longest that an order took to say that it is charged, in milliseconds.
    pub slowest_ms: i64,
    /// How often what was seen: events, records in topics, states of attempts at the end, and lines of the log.
    pub tally: BTreeMap<String, u64>,
}

/// Runs the world of a seed to its end, or to the first violation.
pub fn run(seed: u64, plan: Plan) -> Outcome {
    let mut world = World::new(seed, plan);
    world.open_shop();
    while world.violation.is_none() && world.step() {}
    if world.violation.is_none() {
        world.violation = world.settled().err();
    }
    if let Some(violation) = world.violation.clone() {
        world.tell(|| format!("VIOLATION: {violation}"));
    }
    Outcome {
        paid: world.checker.paid(),
        charged: world.psps.values().map(|psp| psp.emulator.totals().charges).sum(),
        tally: world.checker.tally().into_iter().chain(world.facts).collect(),
        slowest_ms: world.checker.slowest_ms(),
        violation: world.violation,
        timeline: world.timeline,
        turns: world.turns,
        eventful: world.eventful,
        crashes: world.crashes,
    }
}

/// What happens at a time.
pub enum Happening {
    /// An actor is told something; dropped when it was meant for a process that has ended.
    Arrives { target: Target, boot: Option<u64>, input: Input },
    /// An actor takes its turn.
    Turn(Target),
    /// An actor's alarm goes off, unless it was set anew.
    Alarm(Target, i64),
    /// A call is given up as lost.
    Lost(Token),
    /// A request arrives at the PSP.
    AtPsp { open: u64, call: PspCall },
    /// The PSP finishes what it has delayed.
    PspDone { merchant: MerchantId, ticket: u64, open: u64 },
    /// An answer of the PSP arrives.
    PspAnswers { open: u64, answer: gyesan_core::toss::Answer, last: bool },
    /// The shell gives a call to the PSP up.
    PspLimit(u64),
    /// A buyer does something.
    Buyer(Move),
    /// The network to the brokers carries something, at this time.
    Carry(i64),
    /// A connection of a process that has ended is taken down.
    SocketDies(Link),
    /// An actor has asked to be called at this time; forgotten with its process.
    Tick { target: Target, boot: u64, at_ms: i64 },
    /// A relay's question for a log arrives at the shard.
    AtLog { target: Target, boot: u64, source: Target, after: u64, limit: u32 },
    /// A question arrives at the query database; whether its answer is waited for.
    AtQuery { asked: Asked, is_heard: bool },
    /// An operator has the order list rebuilt.
    Rebuild,
    /// The weather of the brokers changes.
    Storm,
    /// The cron pokes everybody.
    Cron,
    /// The faults stop.
    Calm,
}

/// Everybody and everything.
pub struct World {
    pub now_ms: i64,
    pub topology: Topology,
    pub random: Random,
    pub weather: Weather,
    pub plan: Plan,
    pub calm: bool,
    pub nodes: BTreeMap<Target, Node>,
    pub asks: BTreeMap<Token, Ask>,
    pub next_token: Token,
    /// The read models.
    pub query: Database,
    /// In Kafka mode.
    pub brokers: Option<Brokers>,
    pub psps: BTreeMap<MerchantId, Psp>,
    pub psp_open: BTreeMap<u64, PspOpen>,
    pub next_open: u64,
    pub baskets: Vec<Basket>,
    pub tabs: Vec<Tab>,
    pub checker: Checker,
    pub violation: Option<String>,
    pub timeline: Vec<String>,
    pub turns: u64,
    pub eventful: Vec<u64>,
    pub crashes: u64,
    /// How often the actors have logged what.
    pub facts: BTreeMap<String, u64>,
    queue: BTreeMap<(i64, u64), Happening>,
    queued: u64,
    end_ms: i64,
}

impl World {
    fn new(seed: u64, plan: Plan) -> World {
        let mut random = Random::new(seed);
        let mut kafkas = Random::new(seed ^ KAFKAS_SEED);
        let topology = topology_of(seed, &mut kafkas);
        let weather = plan.weather.clone().unwrap_or_else(|| {
            let weather = Weather::draw(&mut random);
            Weather { storm: Storm::draw(&mut kafkas, weather.until_ms), ..weather }
        });
        let end_ms = START_MS + weather.until_ms + SETTLE_MS;
        let mut world = World {
            now_ms: START_MS,
            random,
            plan,
            calm: false,
            topology,
            nodes: topology.everyone().map(|target| (target, Node::new())).collect(),
            asks: BTreeMap::new(),
            next_token: 1,
            query: crate::query::database(),
            brokers: Brokers::of(topology, seed, &weather.storm),
            psps: BTreeMap::new(),
            psp_open: BTreeMap::new(),
            next_open: 1,
            baskets: Vec::new(),
            tabs: Vec::new(),
            checker: Checker::new(topology),
            violation: None,
            timeline: Vec::new(),
            turns: 0,
            eventful: Vec::new(),
            crashes: 0,
            facts: BTreeMap::new(),
            queue: BTreeMap::new(),
            queued: 0,
            end_ms,
            weather,
        };
        let until_ms = world.weather.until_ms;
        world.tell(|| format!("seed {seed}"));
        let weather = world.weather.clone();
        world.tell(|| format!("{weather:?}"));
        world.tell(|| format!("{topology:?}"));
        world.later(until_ms, Happening::Calm);
        world.later(CRON_MS, Happening::Cron);
        world.later(0, Happening::Storm);
        for _ in 0..kafkas.between(0, REBUILDS_MAX) {
            world.later(kafkas.between(0, until_ms), Happening::Rebuild);
        }
        world
    }

    /// Plans a happening.
    pub fn later(&mut self, in_ms: i64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now_ms + in_ms.max(0), self.queued), happening);
    }

    /// The time, as actors are told it.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.now_ms)
    }

    /// Whether a fault of this rate strikes.
    pub fn strikes(&mut self, per_mille: u32) -> bool {
        !self.calm && per_mille > 0 && self.random.chance(per_mille)
    }

    /// Adds a line to the timeline.
    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.plan.timeline {
            let ms = self.now_ms - START_MS;
            self.timeline.push(format!("{:>5}.{:03}  {}", ms / 1_000, ms % 1_000, line()));
        }
    }

    /// Adds what the checker has seen to the timeline.
    pub fn tell_news(&mut self, of: &str) {
        for news in std::mem::take(&mut self.checker.news) {
            self.tell(|| format!("{of:<13} = {news}"));
        }
    }

    /// Notes that something is wrong; the world ends with it.
    pub fn wrong(&mut self, result: Result<(), String>) {
        if let Err(violation) = result {
            self.violation.get_or_insert(violation);
        }
    }

    /// Lets the next thing happen. False when the world is at its end.
    fn step(&mut self) -> bool {
        if self.turns > TURNS_MAX {
            self.wrong(Err(format!("{TURNS_MAX} turns, and no rest")));
            return false;
        }
        let Some(((at_ms, _), happening)) = self.queue.pop_first() else { return false };
        if at_ms > self.end_ms {
            return false;
        }
        self.now_ms = at_ms;
        match happening {
            Happening::Arrives { target, boot, input } => self.arrives(target, boot, input),
            Happening::Turn(target) => self.turn(target),
            Happening::Alarm(target, at_ms) => self.alarm(target, at_ms),
            Happening::Lost(token) => self.lost(token),
            Happening::AtPsp { open, call } => self.at_psp(open, &call),
            Happening::PspDone { merchant, ticket, open } => self.psp_done(&merchant, ticket, open),
            Happening::PspAnswers { open, answer, last } => self.psp_answers(open, answer, last),
            Happening::PspLimit(open) => self.psp_limit(open),
            Happening::Buyer(a_move) => self.buyer(a_move),
            Happening::Carry(at) if self.carries_at(at) => self.carry(),
            Happening::Carry(_) => {}
            Happening::SocketDies(link) => self.socket_dies(link),
            Happening::Tick { target, boot, at_ms } => self.tick(target, boot, at_ms),
            Happening::AtLog { target, boot, source, after, limit } => {
                self.at_log(target, boot, source, after, limit);
            }
            Happening::AtQuery { asked, is_heard } => self.at_query(asked, is_heard),
            Happening::Rebuild => self.rebuild(),
            Happening::Storm => self.storm(),
            Happening::Cron => self.cron(),
            Happening::Calm => self.calm(),
        }
        true
    }

    fn cron(&mut self) {
        for target in self.topology.everyone() {
            self.send(crate::network::Caller::Nobody, target, Command::Poke);
        }
        self.later(if self.calm { CRON_AFTER_MS } else { CRON_MS }, Happening::Cron);
    }

    fn calm(&mut self) {
        self.tell(|| "the faults stop".into());
        self.calm = true;
        self.calm_brokers();
        for psp in self.psps.values_mut() {
            psp.emulator.clear_faults();
        }
    }

    /// At the end, everything must have settled.
    fn settled(&mut self) -> Result<(), String> {
        let nodes = &self.nodes;
        let now = self.now();
        self.checker
            .settled(now, &self.psps, &self.query, |target| nodes.get(&target).map(|node| &node.database))
    }
}
