//! The ports in one process: actors over SQLite in memory, the catalogue with the demo seed, and a PSP that answers by script.

use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, Refusal, TossPayment, TossStatus};
use gyesan_edge::actor::{Actor, CallFault, Effect, Input, LogLine, turn};
use gyesan_edge::actors;
use gyesan_edge::command::{Command, Rejection, Reply};
use gyesan_edge::config::Config;
use gyesan_edge::http::{State, handle};
use gyesan_edge::native::Database;
use gyesan_edge::outbox;
use gyesan_edge::ports::{Ports, SiteFile};
use gyesan_edge::psp::{PspCall, PspRequest};
use gyesan_edge::query::Query;
use gyesan_edge::sql::{Row, Sql, SqlError, Value};
use gyesan_edge::topology::Target;
use http::{Request, Response};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

pub const START_MS: i64 = 1_700_000_000_000;

/// What the PSP says to a confirm.
#[derive(Clone, PartialEq)]
pub enum Psp {
    /// Approved.
    Approves,
    /// Refused with this status and code.
    Refuses(u16, &'static str),
    /// No answer ever comes.
    Silent,
}

pub struct World {
    pub config: Config,
    pub state: State,
    pub now_ms: Cell<i64>,
    pub psp: RefCell<Psp>,
    /// Every confirm that reached the PSP.
    pub charges: RefCell<Vec<(String, i64)>>,
    pub log: RefCell<Vec<LogLine>>,
    /// Statements that reached the catalogue's database.
    pub catalogue_queries: Cell<usize>,
    /// The catalogue's database does not answer.
    pub catalogue_down: Cell<bool>,
    pub catalogue: Database,
    /// The query database.
    pub query: Database,
    /// It does not answer.
    pub query_down: Cell<bool>,
    /// What routes have asked of it.
    pub queries: RefCell<Vec<Query>>,
    random: Cell<u128>,
    inner: RefCell<Inner>,
}

struct Inner {
    actors: BTreeMap<Target, (Database, Box<dyn Actor>)>,
    queue: VecDeque<(Target, Input)>,
    replies: BTreeMap<u64, Result<Reply, Rejection>>,
    calls: BTreeMap<u64, (Target, Option<u64>)>,
    next_token: u64,
}

impl World {
    pub fn new() -> World {
        World::with(&[])
    }

    /// With some variables of the configuration changed.
    pub fn with(changes: &[(&str, &str)]) -> World {
        let config = Config::from_lookup(|name| {
            let changed = changes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            changed
                .or(match name {
                    "PUBLIC_ORIGIN" => Some("http://127.0.0.1:8787"),
                    "TOSS_CLIENT_KEY" => Some("test_gck_demo"),
                    "TOSS_SECRET_KEY" => Some("test_gsk_demo"),
                    "TOKEN_KEY" => Some("0123456789abcdef0123456789abcdef"),
                    "ORDER_SHARDS" | "LEDGER_SHARDS" => Some("2"),
                    _ => None,
                })
                .map(str::to_owned)
        });
        let config = config.unwrap();
        let catalogue = Database::in_memory().unwrap();
        catalogue.execute_all(include_str!("../../migrations/catalogue/0001_init.sql")).unwrap();
        for _ in 0..2 {
            catalogue.execute_all(include_str!("../../seed/demo.sql")).unwrap();
        }
        let query = Database::in_memory().unwrap();
        query.execute_all(include_str!("../../migrations/query/0001_order_list.sql")).unwrap();
        let mut actors = BTreeMap::new();
        let mut queue = VecDeque::new();
        for target in config.topology.everyone() {
            let database = Database::in_memory().unwrap();
            let actor = actors::open(target, config.topology, None, &database, Timestamp(START_MS)).unwrap();
            actors.insert(target, (database, actor));
            queue.push_back((target, Input::Alarm));
        }
        World {
            config,
            state: State::default(),
            now_ms: Cell::new(START_MS),
            psp: RefCell::new(Psp::Approves),
            charges: RefCell::default(),
            log: RefCell::default(),
            catalogue_queries: Cell::new(0),
            catalogue_down: Cell::new(false),
            catalogue,
            query,
            query_down: Cell::new(false),
            queries: RefCell::default(),
            random: Cell::new(0x9e37_79b9_7f4a_7c15),
            inner: RefCell::new(Inner {
                actors,
                queue,
                replies: BTreeMap::new(),
                calls: BTreeMap::new(),
                next_token: 1,
            }),
        }
    }

    /// Answers a request.
    pub fn send(&self, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        futures::executor::block_on(handle(self, &self.config, &self.state, request))
    }

    /// Lets time pass; every alarm goes off.
    pub fn pass(&self, ms: i64) {
        self.now_ms.set(self.now_ms.get() + ms);
        let targets: Vec<Target> = self.config.topology.everyone().collect();
        self.inner.borrow_mut().queue.extend(targets.into_iter().map(|target| (target, Input::Alarm)));
        self.settle();
    }

    fn settle(&self) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        while let Some((target, input)) = inner.queue.pop_front() {
            let (database, actor) = inner.actors.get_mut(&target).unwrap();
            let mut draw = || self.random();
            let now = Timestamp(self.now_ms.get());
            let effects =
                database.transaction(|sql| turn(actor.as_mut(), sql, now, &mut draw, vec![input])).unwrap();
            for effect in effects {
                match effect {
                    Effect::Reply { token, result } => match inner.calls.remove(&token) {
                        Some((_, None)) => {}
                        Some((caller, Some(id))) => {
                            let result = result.map_err(CallFault::Rejected);
                            inner.queue.push_back((caller, Input::CallAnswered { id, result }));
                        }
                        None => drop(inner.replies.insert(token, result)),
                    },
                    Effect::Psp(call) => {
                        if let Some(answer) = self.psp_answer(&call) {
                            inner.queue.push_back((target, Input::PspAnswered { id: call.id, answer }));
                        }
                    }
                    Effect::Call { id, target: called, command } => {
                        let token = inner.next_token;
                        inner.next_token += 1;
                        inner.calls.insert(token, (target, id));
                        inner.queue.push_back((called, Input::Command { token, command, trace: None }));
                    }
                    Effect::Then(input) => inner.queue.push_back((target, input)),
                    Effect::Alarm(_) => {}
                    Effect::ReadLog { source, after, limit } => {
                        let page = outbox::page(&inner.actors[&source].0, source, after, limit).ok();
                        inner.queue.push_back((target, Input::LogRead { source, after, page }));
                    }
                    Effect::Query { id, query } => {
                        let result = self.ask_query(&query);
                        inner.queue.push_back((target, Input::QueryAnswered { id, result }));
                    }
                    Effect::Socket(_) | Effect::Tick(_) | Effect::Http { .. } => {
                        panic!("nothing of Kafka in embedded mode")
                    }
                    Effect::Log(line) => self.log.borrow_mut().push(line),
                }
            }
        }
    }

    fn ask_query(&self, query: &Query) -> Result<Vec<Row>, SqlError> {
        match self.query_down.get() {
            true => Err(SqlError("down".into())),
            false => self.query.perform(query),
        }
    }

    fn psp_answer(&self, call: &PspCall) -> Option<Answer> {
        let psp = self.psp.borrow().clone();
        match (&call.request, psp) {
            (_, Psp::Silent) => None,
            (PspRequest::Confirm { payment_key, order_id, amount, .. }, Psp::Approves) => {
                self.charges.borrow_mut().push((payment_key.clone(), amount.minor()));
                Some(Answer::Payment(Box::new(TossPayment {
                    payment_key: payment_key.clone(),
                    order_id: order_id.0.clone(),
                    status: TossStatus::Done,
                    currency: "KRW".into(),
                    total_amount: *amount,
                    balance_amount: *amount,
                    method: Some("카드".into()),
                    approved_at: Some(Timestamp(self.now_ms.get())),
                    receipt_url: Some("https://receipt.example/1".into()),
                    failure: None,
                })))
            }
            (PspRequest::Confirm { .. }, Psp::Refuses(http_status, code)) => Some(Answer::Error {
                http_status,
                refusal: Refusal {
                    code: code.into(),
                    message: "한도초과 혹은 잔액부족으로 결제에 실패했습니다.".into(),
                },
            }),
            _ => Some(Answer::Error {
                http_status: 404,
                refusal: Refusal { code: "NOT_FOUND_PAYMENT".into(), message: String::new() },
            }),
        }
    }

    /// Orders in all shards.
    pub fn orders_stored(&self) -> i64 {
        let inner = self.inner.borrow();
        let shards = inner.actors.iter().filter(|(target, _)| matches!(target, Target::Order(_)));
        shards
            .map(|(_, (database, _))| {
                database.query("SELECT count(*) FROM orders", &[]).unwrap()[0].int(0).unwrap()
            })
            .sum()
    }

    /// Writes into the shard of an order behind its back.
    pub fn spoil(&self, target: Target, statement: &'static str) {
        self.inner.borrow().actors[&target].0.query(statement, &[]).unwrap();
    }
}

impl Ports for World {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.get())
    }

    fn random(&self) -> u128 {
        let next = self.random.get().wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        self.random.set(next);
        next
    }

    async fn call(
        &self,
        target: Target,
        command: Command,
        trace: Option<&str>,
        limit_ms: u32,
    ) -> Result<Reply, CallFault> {
        let token = {
            let mut inner = self.inner.borrow_mut();
            let token = inner.next_token;
            inner.next_token += 1;
            let trace = trace.map(str::to_owned);
            inner.queue.push_back((target, Input::Command { token, command, trace }));
            token
        };
        self.settle();
        match self.inner.borrow_mut().replies.remove(&token) {
            Some(result) => result.map_err(CallFault::Rejected),
            None => {
                self.now_ms.set(self.now_ms.get() + i64::from(limit_ms));
                Err(CallFault::Lost)
            }
        }
    }

    async fn catalogue(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        if self.catalogue_down.get() {
            return Err(SqlError("down".into()));
        }
        self.catalogue_queries.set(self.catalogue_queries.get() + 1);
        self.catalogue.query(statement, params)
    }

    async fn query(&self, query: Query) -> Result<Vec<Row>, SqlError> {
        self.queries.borrow_mut().push(query.clone());
        self.ask_query(&query)
    }

    async fn file(&self, path: &str) -> Option<SiteFile> {
        let content_type = match path {
            "/index.html" | "/demo/index.html" | "/checkout/result.html" => "text/html; charset=utf-8",
            "/checkout.js" | "/assets/gyesan-abc.js" => "text/javascript; charset=utf-8",
            _ => return None,
        };
        Some(SiteFile { content_type: content_type.into(), bytes: path.as_bytes().to_vec() })
    }

    fn log(&self, line: LogLine) {
        self.log.borrow_mut().push(line);
    }
}
