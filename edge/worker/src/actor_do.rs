//! The Durable Object: one host for every kind of actor. It queues what arrives, gives the actor its turns, and
//! performs the effects of each turn after the turn has been committed.

use crate::bindings::{RawStorage, Shim, random_u128};
use crate::call::{self, Envelope, Sent};
use crate::isolate::Isolate;
use crate::sockets::{Arrivals, Orders};
use crate::storage::Storage;
use crate::{clock, fetch, log, log_call, psp_call, query};
use futures::channel::oneshot;
use gyesan_core::problem::Code;
use gyesan_edge::actor::{self, Actor, CallFault, CallId, Effect, Input, Link, SocketNews, Token};
use gyesan_edge::actors;
use gyesan_edge::command::{Command, Rejection, Reply};
use gyesan_edge::outbox;
use gyesan_edge::psp::PspCall;
use gyesan_edge::query::Query;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::{self, Target};
use js_sys::Promise;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{future_to_promise, spawn_local};
use worker::Env;

/// How long an actor waits for another, in milliseconds. Then the answer is lost, and due work asks again.
const CALL_LIMIT_MS: u32 = 10_000;
/// How long an actor waits for whoever it asks by HTTP, in milliseconds.
const HTTP_LIMIT_MS: u32 = 10_000;
/// How long an actor waits for the query database, in milliseconds. What it was told to write may be written later still.
const QUERY_LIMIT_MS: u32 = 20_000;

type Answer = Result<Reply, Rejection>;

/// A Durable Object's inside; made by the shim, one per object and start.
#[wasm_bindgen]
pub struct Host(Rc<Object>);

struct Object {
    shim: Shim,
    storage: Storage,
    isolate: Result<Rc<Isolate>, String>,
    opened: RefCell<Option<Opened>>,
    inbox: RefCell<Vec<Input>>,
    arrivals: RefCell<Arrivals>,
    /// Whether a turn is coming.
    armed: Cell<bool>,
    callers: RefCell<HashMap<Token, oneshot::Sender<Answer>>>,
    tokens: Cell<Token>,
    /// Those who wait for the next turn to be over.
    watchers: RefCell<Vec<oneshot::Sender<()>>>,
}

struct Opened {
    target: Target,
    actor: Box<dyn Actor>,
}

#[wasm_bindgen]
impl Host {
    /// Of an object that has just been started; it learns who it is by the first call or alarm.
    #[wasm_bindgen(constructor)]
    pub fn new(shim: Shim, storage: RawStorage, env: &Env) -> Host {
        Host(Rc::new(Object {
            shim,
            storage: Storage::new(storage),
            isolate: Isolate::of(env),
            opened: RefCell::default(),
            inbox: RefCell::default(),
            arrivals: RefCell::default(),
            armed: Cell::default(),
            callers: RefCell::default(),
            tokens: Cell::default(),
            watchers: RefCell::default(),
        }))
    }

    /// Takes an [`Envelope`]; the promise holds the [`call::Results`] once all are there.
    pub fn cmds(&self, envelope: &str) -> Promise {
        let object = Rc::clone(&self.0);
        let envelope = serde_json::from_str::<Envelope>(envelope);
        let answers = envelope.map(|envelope| object.receive(envelope));
        future_to_promise(async move {
            let answers = answers.map_err(|e| js_sys::Error::new(&e.to_string()))?;
            let mut results = call::Results::with_capacity(answers.len());
            for answer in answers {
                results.push(answer.await.unwrap_or_else(|_| Err(Rejection::new(Code::ServiceUnavailable))));
            }
            let text = serde_json::to_string(&results).map_err(|e| js_sys::Error::new(&e.to_string()))?;
            Ok(JsValue::from_str(&text))
        })
    }

    /// The alarm went off. The promise ends with the turn, so that the runtime repeats an alarm whose turn was lost.
    pub fn alarm(&self) -> Promise {
        let turn = self.0.wake();
        future_to_promise(async move {
            match turn {
                Some(turn) => turn.await.map(|()| JsValue::UNDEFINED).map_err(|_| "the turn was lost".into()),
                None => Ok(JsValue::UNDEFINED),
            }
        })
    }

    /// Records of the log of the actor that this object is, as the bytes of a page. The output gate holds the answer until
    /// what it holds is on disk.
    ///
    /// # Errors
    /// When the object is not `target`, or its database failed.
    pub fn log(&self, target: &str, after: f64, limit: u32) -> Result<Vec<u8>, JsValue> {
        let fault = |why: &dyn std::fmt::Display| JsValue::from(js_sys::Error::new(&why.to_string()));
        let target = serde_json::from_str::<Target>(target).map_err(|e| fault(&e))?;
        self.0.open_as(target).map_err(|rejection| fault(&rejection.code.as_str()))?;
        let page = outbox::page(&self.0.storage, target, after as u64, limit).map_err(|e| fault(&e))?;
        Ok(page.bytes().to_vec())
    }

    /// A connection is open.
    pub fn opened(&self, link: f64) {
        self.0.push(Input::Socket(SocketNews::Opened(link as Link, random_u128().to_le_bytes())));
    }

    /// Bytes have come. Answers how many the next read should bring at least; 0 when it has to wait for a turn.
    pub fn received(&self, link: f64, bytes: &[u8]) -> u32 {
        self.0.arm();
        self.0.arrivals.borrow_mut().add(link as Link, bytes)
    }

    /// A connection has ended, or did not open.
    pub fn closed(&self, link: f64) {
        let link = link as Link;
        let last = self.0.arrivals.borrow_mut().end(link);
        self.0.inbox.borrow_mut().extend(last);
        self.0.push(Input::Socket(SocketNews::Closed(link)));
    }

    /// The moment that the actor asked for has come.
    pub fn tick(&self) {
        self.0.push(Input::Tick);
    }

    /// Gives the actor a turn over everything that has arrived.
    #[wasm_bindgen(js_name = runTurn)]
    pub fn run_turn(&self) {
        self.0.run_turn();
    }
}

impl Object {
    /// Queues the commands of an envelope; one receiver per command, in order.
    fn receive(&self, envelope: Envelope) -> Vec<oneshot::Receiver<Answer>> {
        let refusal = self.open_as(envelope.to).err();
        let queue = |sent: Sent| {
            let (sender, receiver) = oneshot::channel();
            if let Some(rejection) = &refusal {
                let _ = sender.send(Err(rejection.clone()));
                return receiver;
            }
            let token = self.tokens.get().wrapping_add(1);
            self.tokens.set(token);
            self.callers.borrow_mut().insert(token, sender);
            self.push(Input::Command { token, command: sent.command, trace: sent.trace });
            receiver
        };
        envelope.commands.into_iter().map(queue).collect()
    }

    /// Queues an alarm, unless the object has never been anybody. The receiver hears when its turn is over.
    fn wake(&self) -> Option<oneshot::Receiver<()>> {
        let called = self.opened.borrow().as_ref().map(|opened| opened.target);
        let target = match called {
            Some(target) => target,
            None => match topology::identity(&self.storage) {
                Ok(identity) => identity?,
                Err(error) => {
                    log::error("object.unreadable", &error.to_string());
                    return None;
                }
            },
        };
        self.open_as(target).ok()?;
        self.push(Input::Alarm);
        let (sender, receiver) = oneshot::channel();
        self.watchers.borrow_mut().push(sender);
        Some(receiver)
    }

    /// Opens the actor if it is not open. The first thing it is told is [`Input::Alarm`]: what a crash has left is
    /// recovered at once.
    fn open_as(&self, target: Target) -> Result<(), Rejection> {
        let mut slot = self.opened.borrow_mut();
        if slot.as_ref().is_some_and(|opened| opened.target == target) {
            return Ok(());
        }
        let refuse = |why: String| {
            log::error("object.refused", &format!("{}: {why}", target.name()));
            Rejection::new(Code::ServiceUnavailable)
        };
        if let Some(opened) = slot.as_ref() {
            return Err(refuse(format!("this object is {}", opened.target.name())));
        }
        let isolate = self.isolate.as_ref().map_err(|why| refuse(why.clone()))?;
        let mut born = None;
        let savepoint = self.storage.savepoint(&mut || {
            let result = actors::open(
                target,
                isolate.config.topology,
                isolate.config.kafka.as_ref(),
                &self.storage,
                clock::now(),
            );
            born.insert(result).is_ok()
        });
        savepoint.map_err(|error| refuse(error.to_string()))?;
        match born {
            Some(Ok(actor)) => *slot = Some(Opened { target, actor }),
            Some(Err(fault)) => return Err(refuse(fault.to_string())),
            None => return Err(refuse("the storage ran nothing".to_owned())),
        }
        drop(slot);
        self.push(Input::Alarm);
        Ok(())
    }

    fn push(&self, input: Input) {
        self.inbox.borrow_mut().push(input);
        self.arm();
    }

    fn arm(&self) {
        if !self.armed.replace(true) {
            self.shim.arm_turn();
        }
    }

    fn run_turn(self: &Rc<Self>) {
        self.armed.set(false);
        let mut inputs = std::mem::take(&mut *self.inbox.borrow_mut());
        inputs.extend(self.arrivals.borrow_mut().take());
        let watchers = std::mem::take(&mut *self.watchers.borrow_mut());
        let effects = match self.opened.borrow_mut().as_mut() {
            Some(opened) => {
                let actor = opened.actor.as_mut();
                actor::turn(actor, &self.storage, clock::now(), &mut random_u128, inputs)
            }
            None => Vec::new(),
        };
        let mut calls: BTreeMap<Target, Vec<(Option<CallId>, Command)>> = BTreeMap::new();
        let mut orders = Orders::default();
        let mut tick = None;
        for effect in effects {
            match effect {
                Effect::Reply { token, result } => {
                    if let Some(caller) = self.callers.borrow_mut().remove(&token) {
                        // A caller who has gone loses nothing: the state is committed.
                        let _ = caller.send(result);
                    }
                }
                Effect::Call { id, target, command } => calls.entry(target).or_default().push((id, command)),
                Effect::Psp(call) => self.ask_psp(call),
                Effect::Then(input) => self.push(input),
                Effect::Alarm(at) => {
                    if let Err(error) = self.storage.set_alarm(at) {
                        log::error("object.alarm-not-set", &error.to_string());
                    }
                }
                Effect::Log(line) => log::write(&line),
                Effect::Socket(order) => {
                    orders.give(&self.shim, &mut self.arrivals.borrow_mut(), order, self.uses_tls())
                }
                Effect::Tick(at) => tick = Some(at),
                Effect::ReadLog { source, after, limit } => self.read_log(source, after, limit),
                Effect::Http { id, request } => self.ask_by_http(id, request),
                Effect::Query { id, query } => self.ask_query(id, query),
            }
        }
        orders.send(&self.shim);
        if let Some(at) = tick {
            self.shim.tick_in(at.ms_since(clock::now()).clamp(0, i64::from(i32::MAX)) as i32);
        }
        for (target, commands) in calls {
            self.ask(target, commands);
        }
        for watcher in watchers {
            let _ = watcher.send(());
        }
    }

    /// One call to another object for everything that a turn has to tell it.
    fn ask(self: &Rc<Self>, target: Target, commands: Vec<(Option<CallId>, Command)>) {
        let Ok(isolate) = self.isolate.clone() else { return };
        let object = Rc::clone(self);
        let (ids, commands): (Vec<_>, Vec<_>) =
            commands.into_iter().map(|(id, command)| (id, Sent { command, trace: None })).unzip();
        spawn_local(async move {
            let results = call::call(&isolate, &Envelope { to: target, commands }, CALL_LIMIT_MS).await;
            let mut results = results.unwrap_or_default().into_iter();
            for id in ids {
                let result = results.next().map_or(Err(CallFault::Lost), |r| r.map_err(CallFault::Rejected));
                if let Some(id) = id {
                    object.push(Input::CallAnswered { id, result });
                }
            }
        });
    }

    fn ask_psp(self: &Rc<Self>, call: PspCall) {
        let Ok(isolate) = self.isolate.clone() else { return };
        let object = Rc::clone(self);
        spawn_local(async move {
            let answer = psp_call::ask(&isolate.config, &call).await;
            object.push(Input::PspAnswered { id: call.id, answer });
        });
    }

    fn read_log(self: &Rc<Self>, source: Target, after: u64, limit: u32) {
        let Ok(isolate) = self.isolate.clone() else { return };
        let object = Rc::clone(self);
        spawn_local(async move {
            let page = log_call::read(&isolate, source, after, limit, CALL_LIMIT_MS).await;
            object.push(Input::LogRead { source, after, page });
        });
    }

    fn ask_by_http(self: &Rc<Self>, id: CallId, request: http::Request<String>) {
        let object = Rc::clone(self);
        spawn_local(async move {
            let answer = fetch::exchange(&request, HTTP_LIMIT_MS).await;
            object.push(Input::HttpAnswered { id, answer });
        });
    }

    fn ask_query(self: &Rc<Self>, id: CallId, query: Query) {
        let Ok(isolate) = self.isolate.clone() else { return };
        let object = Rc::clone(self);
        spawn_local(async move {
            let result = query::ask(&isolate.query, &query, QUERY_LIMIT_MS).await;
            object.push(Input::QueryAnswered { id, result });
        });
    }

    /// Whether connections are made with TLS.
    fn uses_tls(&self) -> bool {
        self.isolate
            .as_ref()
            .is_ok_and(|isolate| isolate.config.kafka.as_ref().is_some_and(|kafka| kafka.tls))
    }
}
