//! Calls between actors, and of buyers to them: late, doubled, lost on the way there or back.

use crate::words;
use crate::world::{Happening, World};
use gyesan_edge::actor::{CallFault, CallId, Input, Token};
use gyesan_edge::command::{Command, Rejection, Reply};
use gyesan_edge::outbox::LogPage;
use gyesan_edge::topology::Target;

/// Who has called.
#[derive(Clone, Debug)]
pub enum Caller {
    /// An actor's process.
    Actor { target: Target, boot: u64, id: Option<CallId> },
    /// A buyer's tab, about its order's placing or its payment.
    Tab(usize),
    /// The page that places a basket's order.
    Page(usize),
    /// Nobody who would read the answer.
    Nobody,
}

/// A call that has not been answered.
pub struct Ask {
    pub caller: Caller,
    pub callee: Target,
    /// Whether the callee has it.
    pub arrived: bool,
}

impl World {
    /// Sends a command; the caller hears of it exactly when the network lets it.
    pub fn send(&mut self, caller: Caller, callee: Target, command: Command) {
        let copies = if self.strikes(self.weather.double) { 2 } else { 1 };
        for _ in 0..copies {
            let token = self.next_token;
            self.next_token += 1;
            self.asks.insert(token, Ask { caller: caller.clone(), callee, arrived: false });
            if self.strikes(self.weather.lose) {
                self.tell(|| {
                    format!(
                        "              #{token} to {} is lost: {}",
                        callee.name(),
                        words::command(&command)
                    )
                });
                let in_ms = self.random.between(10, 30_000);
                self.later(in_ms, Happening::Lost(token));
                continue;
            }
            let in_ms = self.delay_ms();
            let input = Input::Command { token, command: command.clone(), trace: None };
            self.later(in_ms, Happening::Arrives { target: callee, boot: None, input });
        }
    }

    /// The token of the last call sent.
    pub fn last_token(&self) -> Token {
        self.next_token - 1
    }

    /// A callee answers.
    pub fn reply(&mut self, token: Token, result: Result<Reply, Rejection>) {
        let Some(ask) = self.asks.remove(&token) else { return };
        if self.strikes(self.weather.lose) {
            self.tell(|| format!("              the answer to #{token} is lost"));
            let in_ms = self.random.between(10, 30_000);
            self.answer(&ask.caller, in_ms, token, Err(CallFault::Lost));
            return;
        }
        let copies = if self.strikes(self.weather.double) { 2 } else { 1 };
        for _ in 0..copies {
            let in_ms = self.delay_ms();
            self.answer(&ask.caller, in_ms, token, result.clone().map_err(CallFault::Rejected));
        }
    }

    /// A call is given up.
    pub fn lost(&mut self, token: Token) {
        if let Some(ask) = self.asks.remove(&token) {
            self.answer(&ask.caller, 0, token, Err(CallFault::Lost));
        }
    }

    /// A process has ended: whoever waits for its answers learns that the connection is gone.
    pub fn connections_break(&mut self, callee: Target) {
        let broken: Vec<Token> = self
            .asks
            .iter()
            .filter(|(_, ask)| ask.callee == callee && ask.arrived)
            .map(|(token, _)| *token)
            .collect();
        for token in broken {
            let in_ms = self.random.between(1, 500);
            self.later(in_ms, Happening::Lost(token));
        }
    }

    /// A relay asks for a page of a shard's log.
    pub fn read_log(&mut self, target: Target, boot: u64, source: Target, after: u64, limit: u32) {
        if self.strikes(self.weather.lose) {
            let in_ms = self.random.between(10, 30_000);
            self.page_comes(in_ms, target, boot, source, after, None);
            return;
        }
        let copies = if self.strikes(self.weather.double) { 2 } else { 1 };
        for _ in 0..copies {
            let in_ms = self.delay_ms();
            self.later(in_ms, Happening::AtLog { target, boot, source, after, limit });
        }
    }

    /// The shard reads the page from what is committed.
    pub fn at_log(&mut self, target: Target, boot: u64, source: Target, after: u64, limit: u32) {
        if !self.nodes[&source].is_running() {
            // The question itself starts the process, which has its first turn before it answers.
            self.plan_turn(source);
            self.later(3, Happening::AtLog { target, boot, source, after, limit });
            return;
        }
        let page = gyesan_edge::outbox::page(&self.nodes[&source].database, source, after, limit).ok();
        let is_lost = self.strikes(self.weather.lose);
        let in_ms = if is_lost { self.random.between(10, 30_000) } else { self.delay_ms() };
        self.page_comes(in_ms, target, boot, source, after, page.filter(|_| !is_lost));
    }

    fn page_comes(
        &mut self,
        in_ms: i64,
        target: Target,
        boot: u64,
        source: Target,
        after: u64,
        page: Option<LogPage>,
    ) {
        let input = Input::LogRead { source, after, page };
        self.later(in_ms, Happening::Arrives { target, boot: Some(boot), input });
    }

    fn answer(&mut self, caller: &Caller, in_ms: i64, token: Token, result: Result<Reply, CallFault>) {
        match caller {
            Caller::Actor { target, boot, id: Some(id) } => {
                let input = Input::CallAnswered { id: *id, result };
                self.later(in_ms, Happening::Arrives { target: *target, boot: Some(*boot), input });
            }
            Caller::Tab(tab) => {
                let heard = crate::shopper::Move::Hears { tab: *tab, token, result: Box::new(result) };
                self.later(in_ms, Happening::Buyer(heard));
            }
            Caller::Page(basket) => {
                let heard = crate::shopper::Move::Placed { basket: *basket, result: Box::new(result) };
                self.later(in_ms, Happening::Buyer(heard));
            }
            Caller::Actor { id: None, .. } | Caller::Nobody => {}
        }
    }

    /// How long a message takes, in milliseconds.
    pub fn delay_ms(&mut self) -> i64 {
        if self.strikes(self.weather.late) {
            self.random.between(500, 30_000)
        } else {
            self.random.between(1, 20)
        }
    }
}
