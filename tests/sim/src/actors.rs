//! Actors and the processes that they live in: a turn is a transaction, and a process may end before its commit, after it, or in the
//! middle of its effects. What is left then is the database and, as on the platform, the alarm.

use crate::bug::{self, Bug, Meddler};
use crate::network::Caller;
use crate::query::Asked;
use crate::words;
use crate::world::{Happening, World};
use gyesan_edge::actor::{self, Actor, Effect, Input, SocketOrder};
use gyesan_edge::actors;
use gyesan_edge::command::{Command, OrderCommand};
use gyesan_edge::native::Database;
use gyesan_edge::psp::PspCallId;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Target;

/// One actor's place: its database, and its process while there is one.
pub struct Node {
    pub database: Database,
    /// Counts processes; what is meant for an earlier one is dropped.
    pub boot: u64,
    /// By how much its clock is wrong, in milliseconds.
    pub clock_off_ms: i64,
    process: Option<Box<dyn Actor>>,
    inbox: Vec<Input>,
    turn_planned: bool,
    alarm_ms: Option<i64>,
    /// The call that its process has asked for.
    tick_ms: Option<i64>,
}

impl Node {
    /// Whether it has a process.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// An actor that has never been called.
    pub fn new() -> Node {
        let database = Database::in_memory().unwrap();
        Node {
            database,
            boot: 0,
            clock_off_ms: 0,
            process: None,
            inbox: Vec::new(),
            turn_planned: false,
            alarm_ms: None,
            tick_ms: None,
        }
    }
}

/// Where a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Lives,
    EndsBeforeCommit,
    /// After so many effects.
    EndsAfter(usize),
}

impl World {
    /// An input arrives; it is handled in the actor's next turn, together with whatever arrives until then.
    pub fn arrives(&mut self, target: Target, boot: Option<u64>, mut input: Input) {
        if boot.is_some_and(|boot| boot != self.nodes[&target].boot) {
            return;
        }
        if let Input::Command { token, .. } = &input
            && let Some(ask) = self.asks.get_mut(token)
        {
            ask.arrived = true;
        }
        let baskets = &self.baskets;
        let believed = |command: &OrderCommand| match command {
            OrderCommand::Confirm { merchant_id, order_id, .. } => {
                let is_it = |b: &&crate::shopper::Basket| {
                    b.order.merchant_id == *merchant_id && b.order.order_id == *order_id
                };
                baskets.iter().find(is_it).map(|basket| basket.order.amount)
            }
            _ => None,
        };
        let truth = input.clone();
        bug::input(self.plan.bug, &mut input, believed);
        if let Input::PspAnswered { id, answer } = truth {
            self.nodes.get_mut(&target).unwrap().inbox.push(input);
            self.checker.arrives(id, answer);
        } else {
            self.nodes.get_mut(&target).unwrap().inbox.push(input);
        }
        self.plan_turn(target);
    }

    /// Lets an actor take a turn soon.
    pub fn plan_turn(&mut self, target: Target) {
        let node = self.nodes.get_mut(&target).unwrap();
        if !std::mem::replace(&mut node.turn_planned, true) {
            let in_ms = self.random.between(0, 2);
            self.later(in_ms, Happening::Turn(target));
        }
    }

    /// The alarm goes off, or is lost for ever.
    pub fn alarm(&mut self, target: Target, at_ms: i64) {
        if self.nodes[&target].alarm_ms != Some(at_ms) {
            return;
        }
        self.nodes.get_mut(&target).unwrap().alarm_ms = None;
        if self.strikes(self.weather.lose_alarm) {
            self.tell(|| format!("{:<13} its alarm is lost", target.name()));
            return;
        }
        self.arrives(target, None, Input::Alarm);
    }

    /// The moment comes that an actor has asked to be called at, unless it has asked for another since.
    pub fn tick(&mut self, target: Target, boot: u64, at_ms: i64) {
        let node = self.nodes.get_mut(&target).unwrap();
        if node.boot == boot && node.tick_ms == Some(at_ms) {
            node.tick_ms = None;
            self.arrives(target, Some(boot), Input::Tick);
        }
    }

    /// One turn of an actor: a transaction, then its effects.
    pub fn turn(&mut self, target: Target) {
        let mut node = self.nodes.remove(&target).unwrap();
        node.turn_planned = false;
        let mut inputs = std::mem::take(&mut node.inbox);
        let acts_early = self.plan.bug.is_some_and(|bug| bug.acts_before_commit(target));
        let fate = match self.fate() {
            // Where the effects come first, an end between them and the commit is one before the commit.
            Fate::EndsAfter(_) if acts_early => Fate::EndsBeforeCommit,
            fate => fate,
        };
        let number = self.turns;
        self.turns += 1;
        let now = self.now().plus_ms(node.clock_off_ms);
        for input in &inputs {
            if let Some(told) = words::input(input) {
                self.tell(|| format!("{:<13} < {told}", target.name()));
            }
        }

        node.database.begin().unwrap();
        let meddler = Meddler::over(&node.database, self.plan.bug);
        if node.process.is_none() {
            self.tell(|| format!("{:<13} starts", target.name()));
            let brokers = self.brokers.as_ref();
            if self.plan.bug == Some(Bug::ResentBlindly)
                && node.boot > 0
                && let (Target::Relay(_), Some(brokers)) = (target, brokers)
            {
                bug::look_nowhere(&meddler, &brokers.cluster).unwrap();
            }
            let kafka = brokers.map(|brokers| &brokers.config);
            node.process = Some(actors::open(target, self.topology, kafka, &meddler, now).unwrap());
            inputs.insert(0, Input::Alarm);
        }
        let fails_after = self.strikes(self.weather.disk).then(|| self.random.between(0, 15));
        meddler.fail_after(fails_after.map(|statements| u32::try_from(statements).unwrap()));
        let process = node.process.as_mut().unwrap();
        let random = &mut self.random;
        let mut effects = actor::turn(process.as_mut(), &meddler, now, &mut || random.wide(), inputs.clone());
        meddler.fail_after(None);
        if self.plan.bug == Some(Bug::PositionBeforeEffect) {
            bug::store_position(&meddler, target, &inputs, self.checker.topic_end(target)).unwrap();
        }
        if self.plan.bug == Some(Bug::SecondConfirmedWhileFirstOpen) {
            effects.extend(second_confirms(&meddler, &inputs));
        }
        let held = meddler.held();

        if acts_early && fate == Fate::EndsBeforeCommit {
            self.perform(target, &mut node, effects.clone());
        }
        let committed = fate != Fate::EndsBeforeCommit;
        self.checker.turned(committed, &psp_ids(&inputs));
        if committed {
            node.database.commit().unwrap();
            let checked = self.checker.check(target, &node.database, &self.query, &self.psps, self.now());
            if !self.checker.news.is_empty() {
                self.eventful.push(number);
            }
            self.tell_news(&target.name());
            self.wrong(checked);
        } else {
            node.database.roll_back().unwrap();
        }
        if fate == Fate::Lives {
            for (statement, params) in held {
                // A batch may have been acknowledged and its sequence used again meanwhile.
                let _ = node.database.query(statement, &params);
            }
        }
        let performed = match fate {
            Fate::Lives => effects.len(),
            Fate::EndsBeforeCommit => 0,
            Fate::EndsAfter(count) => count.min(effects.len()),
        };
        effects.truncate(performed);
        self.perform(target, &mut node, effects);
        if fate != Fate::Lives {
            self.crashes += 1;
            self.tell(|| format!("{:<13} CRASH in turn {number}: {fate:?}", target.name()));
            node.process = None;
            node.boot += 1;
            node.tick_ms = None;
            self.connections_break(target);
            self.sockets_break(target);
        }
        self.nodes.insert(target, node);
    }

    fn fate(&mut self) -> Fate {
        if let Some(crash) = self.plan.crash.filter(|crash| crash.turn == self.turns) {
            return crash.performed.map_or(Fate::EndsBeforeCommit, Fate::EndsAfter);
        }
        if !self.strikes(self.weather.crash) {
            return Fate::Lives;
        }
        match self.random.between(0, 5) {
            0 => Fate::EndsBeforeCommit,
            1..=3 => Fate::EndsAfter(0),
            _ => Fate::EndsAfter(usize::try_from(self.random.between(0, 4)).unwrap()),
        }
    }

    fn perform(&mut self, target: Target, node: &mut Node, effects: Vec<Effect>) {
        let boot = node.boot;
        for effect in effects {
            match effect {
                Effect::Reply { token, result } => self.reply(token, result),
                Effect::Psp(mut call) => {
                    bug::psp_call(self.plan.bug, &mut call);
                    if self.plan.bug == Some(Bug::MissingAmountCheck) {
                        self.charge_what_the_url_says(&mut call);
                    }
                    let checked = self.checker.asks(&call, self.now());
                    self.wrong(checked);
                    self.ask_psp(target, boot, call);
                }
                Effect::Call { id, target: callee, command } => {
                    self.send(Caller::Actor { target, boot, id }, callee, command);
                }
                Effect::Then(input) => self.later(0, Happening::Arrives { target, boot: Some(boot), input }),
                Effect::Alarm(at) => {
                    node.alarm_ms = Some(at.0);
                    let in_ms = at.0 - self.now_ms - node.clock_off_ms;
                    // A clock that is already past it makes the alarm go off at once.
                    self.later(in_ms, Happening::Alarm(target, at.0));
                }
                Effect::Socket(order) => {
                    if let SocketOrder::Send(_, bytes) = &order
                        && self.plan.timeline
                        && let Some(told) = words::request(target, bytes, &node.database)
                    {
                        self.tell(|| format!("{:<13} > {told}", target.name()));
                    }
                    self.socket(target, boot, order);
                }
                Effect::Tick(at) => {
                    node.tick_ms = Some(at.0);
                    let in_ms = at.0 - self.now_ms - node.clock_off_ms;
                    self.later(in_ms, Happening::Tick { target, boot, at_ms: at.0 });
                }
                Effect::ReadLog { source, after, limit } => self.read_log(target, boot, source, after, limit),
                Effect::Query { id, query } => self.query(Asked { target, boot, id, query }),
                Effect::Http { .. } => panic!("there is no schema registry"),
                Effect::Log(line) => {
                    *self.facts.entry(line.fact.to_owned()).or_default() += 1;
                    if matches!(line.fact, "alert.relay-stopped" | "alert.consumer-stopped") {
                        self.wrong(Err(line.detail.clone()));
                    }
                    self.tell(|| {
                        format!("{:<13} logs {} {} {}", target.name(), line.level, line.fact, line.detail)
                    });
                }
            }
        }
    }
}

fn psp_ids(inputs: &[Input]) -> Vec<PspCallId> {
    let ids = inputs.iter().filter_map(|input| match input {
        Input::PspAnswered { id, .. } => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

/// Confirms of authentications that this turn has made wait.
fn second_confirms(sql: &dyn Sql, inputs: &[Input]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for input in inputs {
        let Input::Command {
            command: Command::Order(OrderCommand::Confirm { merchant_id, order_id, payment_key, amount }),
            ..
        } = input
        else {
            continue;
        };
        let rows = sql
            .query(
                "SELECT number FROM attempts JOIN orders USING (order_row)
                 WHERE merchant_id = ? AND order_id = ? AND payment_key = ? AND state = 'WAITING'",
                gyesan_edge::params![merchant_id.as_str(), order_id.as_str(), payment_key.as_str()],
            )
            .unwrap();
        let Some(row) = rows.first() else { continue };
        let (merchant_id, order_id) = (merchant_id.clone(), order_id.clone());
        let id = PspCallId { merchant_id, order_id, attempt: row.count(0).unwrap(), call: 1 };
        effects.push(bug::second_confirm(id, payment_key.clone(), *amount));
    }
    effects
}
