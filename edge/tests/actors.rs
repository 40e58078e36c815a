//! The actors over rusqlite, driven by hand: the whole way of one purchase, each message delivered twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_core::api::{Line, OrderStatus, PaymentStatus};
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::money::Amount;
use gyesan_core::pricing::Funder;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, Refusal, TossPayment, TossStatus};
use gyesan_edge::actor::{Actor, CallFault, Effect, Input, turn};
use gyesan_edge::actors;
use gyesan_edge::command::*;
use gyesan_edge::native::Database;
use gyesan_edge::outbox;
use gyesan_edge::psp::{PspCall, PspRequest};
use gyesan_edge::schema::EVENT_BYTES_MAX;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::{Bus, Subscription, Target, Topology};
use std::collections::{BTreeMap, VecDeque};

const TOPOLOGY: Topology = Topology { order_shards: 1, ledger_shards: 2, bus: Bus::Embedded };

struct World {
    now: i64,
    random: u128,
    actors: BTreeMap<Target, (Database, Box<dyn Actor>)>,
    queue: VecDeque<(Target, Input)>,
    replies: Vec<Result<Reply, Rejection>>,
    psp: Vec<PspCall>,
    query: Database,
    callers: BTreeMap<u64, (Target, Option<u64>)>,
    next_token: u64,
    /// Deliver every call between actors twice.
    twice: bool,
}

impl World {
    fn new() -> World {
        let mut world = World {
            now: 1_700_000_000_000,
            random: 1,
            actors: BTreeMap::new(),
            queue: VecDeque::new(),
            replies: Vec::new(),
            psp: Vec::new(),
            query: Database::in_memory().unwrap(),
            callers: BTreeMap::new(),
            next_token: 1_000,
            twice: false,
        };
        world.query.execute_all(include_str!("../migrations/query/0001_order_list.sql")).unwrap();
        for target in TOPOLOGY.everyone() {
            let sql = Database::in_memory().unwrap();
            let actor = actors::open(target, TOPOLOGY, None, &sql, Timestamp(world.now)).unwrap();
            world.actors.insert(target, (sql, actor));
        }
        world
    }

    fn ask(&mut self, target: Target, command: Command) -> Result<Reply, Rejection> {
        let before = self.replies.len();
        self.queue.push_back((target, Input::Command { token: 1, command, trace: None }));
        self.settle();
        assert_eq!(self.replies.len(), before + 1, "one reply to one command");
        self.replies.pop().unwrap()
    }

    fn restart(&mut self, target: Target) {
        let (sql, _) = self.actors.remove(&target).unwrap();
        let actor = actors::open(target, TOPOLOGY, None, &sql, Timestamp(self.now)).unwrap();
        self.actors.insert(target, (sql, actor));
        self.queue.push_back((target, Input::Alarm));
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((target, input)) = self.queue.pop_front() {
            let (sql, actor) = self.actors.get_mut(&target).unwrap();
            let now = Timestamp(self.now);
            let random = &mut self.random;
            let mut draw = || {
                *random += 1;
                *random
            };
            let effects =
                sql.transaction(|sql| turn(actor.as_mut(), sql, now, &mut draw, vec![input])).unwrap();
            for effect in effects {
                match effect {
                    Effect::Reply { token: 1, result } => self.replies.push(result),
                    Effect::Reply { token, result } => {
                        let Some((caller, id)) = self.callers.remove(&token) else { continue };
                        if let Some(id) = id {
                            let result = result.map_err(CallFault::Rejected);
                            self.queue.push_back((caller, Input::CallAnswered { id, result }));
                        }
                    }
                    Effect::Psp(call) => self.psp.push(call),
                    Effect::Call { id, target: called, command } => {
                        for copy in 0..if self.twice { 2 } else { 1 } {
                            let token = self.next_token;
                            self.next_token += 1;
                            if copy == 0 {
                                self.callers.insert(token, (target, id));
                            }
                            let command = command.clone();
                            self.queue.push_back((called, Input::Command { token, command, trace: None }));
                        }
                    }
                    Effect::Then(input) => self.queue.push_back((target, input)),
                    Effect::Alarm(_) => {}
                    Effect::ReadLog { source, after, limit } => {
                        let page = outbox::page(&self.actors[&source].0, source, after, limit).ok();
                        self.queue.push_back((target, Input::LogRead { source, after, page }));
                    }
                    Effect::Query { id, query } => {
                        let result = self.query.perform(&query);
                        self.queue.push_back((target, Input::QueryAnswered { id, result }));
                    }
                    Effect::Socket(_) | Effect::Tick(_) | Effect::Http { .. } => {
                        panic!("nothing of Kafka in embedded mode: {effect:?}")
                    }
                    Effect::Log(line) => println!("{line:?}"),
                }
            }
        }
    }

    fn answer(&mut self, call: &PspCall, answer: Answer) {
        let target = TOPOLOGY.order_shard(&call.id.merchant_id, &call.id.order_id);
        self.queue.push_back((target, Input::PspAnswered { id: call.id.clone(), answer }));
        self.settle();
    }

    fn view(&mut self) -> gyesan_core::api::OrderView {
        let command = OrderCommand::View { merchant_id: "demo".into(), order_id: "ord_1".into() };
        match self.ask(Target::Order(0), Command::Order(command)).unwrap() {
            Reply::Order(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    fn balance(&mut self, seller: &str) -> i64 {
        let (merchant_id, seller_id) = (MerchantId::from("demo"), SellerId::from(seller));
        let target = TOPOLOGY.ledger_shard(&merchant_id, seller);
        match self.ask(target, Command::Ledger(LedgerCommand::Wallet { merchant_id, seller_id })).unwrap() {
            Reply::Wallet(wallet) => wallet.balance,
            other => panic!("{other:?}"),
        }
    }
}

fn won(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

fn line(product: &str, seller: &str, price: i64, quantity: u32) -> Line {
    let gross = won(price).checked_mul(quantity).unwrap();
    Line {
        product_id: Some(product.into()),
        name: format!("상품{product}"),
        unit_price: won(price),
        quantity,
        gross_amount: gross,
        discount: Amount::ZERO,
        amount: gross,
        seller_id: seller.into(),
    }
}

fn order() -> NewOrder {
    NewOrder {
        merchant_id: "demo".into(),
        order_id: "ord_1".into(),
        order_name: "상품A 외 1건".into(),
        lines: vec![line("A", "A", 1000, 2), line("D", "B", 4500, 1)],
        gross_amount: won(6500),
        discount: Amount::ZERO,
        amount: won(6500),
        coupon_code: None,
        funded_by: Funder::Seller,
        content: "A:2,D:1".into(),
        member_id: None,
        buyer: Default::default(),
        return_url: None,
        metadata: BTreeMap::new(),
        placed_by: "buyer".into(),
    }
}

fn place(order: NewOrder) -> Command {
    Command::Order(OrderCommand::Place(Box::new(order)))
}

fn confirm(key: &str, amount: i64) -> Input {
    let command = OrderCommand::Confirm {
        merchant_id: "demo".into(),
        order_id: OrderId::from("ord_1"),
        payment_key: key.into(),
        amount: won(amount),
    };
    Input::Command { token: 1, command: Command::Order(command), trace: None }
}

fn done(key: &str) -> Answer {
    Answer::Payment(Box::new(TossPayment {
        payment_key: key.into(),
        order_id: "ord_1".into(),
        status: TossStatus::Done,
        currency: "KRW".into(),
        total_amount: won(6500),
        balance_amount: won(6500),
        method: Some("카드".into()),
        approved_at: Some(Timestamp(1_700_000_000_000)),
        receipt_url: Some("https://receipt.example/1".into()),
        failure: None,
    }))
}

#[test]
fn placing_again_answers_the_order_as_it_is_stored() {
    let mut world = World::new();
    let now = Timestamp(world.now);
    let created = world.ask(Target::Order(0), place(order())).unwrap();
    let view = world.view();
    assert_eq!(created, Reply::Placed(Placed::Created { expires_at: view.expires_at }));
    assert!(view.expires_at > now && view.order_version == 1);
    let Reply::Placed(Placed::Found(found)) = world.ask(Target::Order(0), place(order())).unwrap() else {
        panic!()
    };
    assert_eq!((found.view, found.lines), (view, order().lines));
}

#[test]
fn a_reader_hears_late_of_what_it_does_nothing_with() {
    let mut world = World::new();
    world.ask(Target::Order(0), place(order())).unwrap();
    let wallets = Target::Consumer(Subscription::Wallets, 0);
    let position = |world: &mut World| match world.ask(wallets, Command::Position).unwrap() {
        Reply::Position(place) => place.position,
        other => panic!("{other:?}"),
    };
    assert_eq!(position(&mut world), 0);
    world.now += 500;
    world.queue.push_back((Target::Order(0), Input::Alarm));
    world.settle();
    assert_eq!(position(&mut world), 1);
}

#[test]
fn a_projection_is_woken_a_quarter_of_a_second_later_and_reads_everything_at_once() {
    let mut world = World::new();
    let listed = |world: &World| {
        let rows = world.query.query("SELECT payment_status FROM orders", &[]).unwrap();
        rows.iter().map(|row| row.text(0).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let pass = |world: &mut World, ms: i64| {
        world.now += ms;
        world.queue.push_back((Target::Order(0), Input::Alarm));
        world.settle();
    };
    world.ask(Target::Order(0), place(order())).unwrap();
    pass(&mut world, 100);
    world.queue.push_back((Target::Order(0), confirm("key_1", 6500)));
    world.settle();
    let call = world.psp.pop().unwrap();
    world.answer(&call, done("key_1"));
    assert!(world.view().is_wallet_done, "the payment itself is not kept waiting");
    pass(&mut world, 149);
    assert!(listed(&world).is_empty());
    pass(&mut world, 1);
    assert_eq!(listed(&world), ["SUCCESS"]);
    match world.ask(Target::Order(0), Command::Log(LogCommand::Status)).unwrap() {
        Reply::LogStatus(status) => assert_eq!((status.end, status.pending), (2, 0)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_purchase_ends_with_credited_wallets_and_a_complete_order() {
    for twice in [false, true] {
        let mut world = World::new();
        world.twice = twice;
        for created in [true, false] {
            match world.ask(Target::Order(0), place(order())).unwrap() {
                Reply::Placed(placed) => assert_eq!(matches!(placed, Placed::Created { .. }), created),
                other => panic!("{other:?}"),
            }
        }
        world.queue.push_back((Target::Order(0), confirm("key_1", 6500)));
        world.settle();
        assert!(world.replies.is_empty(), "the caller waits for the outcome");
        assert_eq!(world.view().payment_status, PaymentStatus::Executing);
        let call = world.psp.pop().unwrap();
        assert!(matches!(&call.request, PspRequest::Confirm { amount, .. } if *amount == won(6500)));
        world.answer(&call, done("key_1"));
        assert!(matches!(world.replies.pop(), Some(Ok(Reply::Confirmed(ConfirmOutcome::Paid { .. })))));
        world.answer(&call, done("key_1"));
        let view = world.view();
        assert_eq!(
            (view.payment_status, view.order_status),
            (PaymentStatus::Success, OrderStatus::PaymentCompleted)
        );
        assert!(view.is_wallet_done, "{view:?}");
        assert_eq!((world.balance("A"), world.balance("B")), (2000, 4500));
        let totals = world.ask(Target::Order(0), Command::Order(OrderCommand::Totals)).unwrap();
        let expected = OrderTotals { orders: 1, charges: 6500, refunds: 0, uncredited: 0, in_doubt: 0 };
        assert_eq!(totals, Reply::Totals(expected));
        assert_eq!(view.history.len(), 6);
        match world.ask(Target::Order(0), Command::Log(LogCommand::Status)).unwrap() {
            Reply::LogStatus(status) => assert_eq!((status.end, status.pending), (2, 0)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_consumer_that_is_started_again_reads_on_and_credits_nothing_twice() {
    let mut world = World::new();
    world.ask(Target::Order(0), place(order())).unwrap();
    world.queue.push_back((Target::Order(0), confirm("key_1", 6500)));
    world.settle();
    let call = world.psp.pop().unwrap();
    world.answer(&call, done("key_1"));
    let balances = (world.balance("A"), world.balance("B"));
    let wallets = Target::Consumer(Subscription::Wallets, 0);
    // Its position is not stored yet: nothing of what it has done is known to it after this.
    world.restart(wallets);
    assert_eq!((world.balance("A"), world.balance("B")), balances);
    let Reply::Position(place) = world.ask(wallets, Command::Position).unwrap() else { panic!() };
    assert_eq!((place.position, place.dead_letters), (2, 0));
}

#[test]
fn a_restart_in_the_middle_of_a_confirm_repeats_it_under_the_same_key() {
    let mut world = World::new();
    world.ask(Target::Order(0), place(order())).unwrap();
    world.queue.push_back((Target::Order(0), confirm("key_1", 6500)));
    world.settle();
    let first = world.psp.pop().unwrap();
    world.restart(Target::Order(0));
    world.now += 600;
    world.queue.push_back((Target::Order(0), Input::Alarm));
    world.settle();
    let second = world.psp.pop().expect("asked again");
    assert_eq!(first.request, second.request);
    world.answer(&second, done("key_1"));
    assert_eq!(world.view().payment_status, PaymentStatus::Success);
    assert_eq!(world.balance("B"), 4500);
}

#[test]
fn another_amount_changes_nothing() {
    let mut world = World::new();
    world.ask(Target::Order(0), place(order())).unwrap();
    world.queue.push_back((Target::Order(0), confirm("key_1", 100)));
    world.settle();
    let rejection = world.replies.pop().unwrap().unwrap_err();
    assert_eq!(rejection.code, gyesan_core::problem::Code::AmountMismatch);
    assert!(world.psp.is_empty());
    assert_eq!(world.view().order_version, 1);
}

#[test]
fn a_second_authentication_takes_over_when_the_first_is_refused() {
    let mut world = World::new();
    world.ask(Target::Order(0), place(order())).unwrap();
    world.queue.push_back((Target::Order(0), confirm("key_1", 6500)));
    world.queue.push_back((Target::Order(0), confirm("key_2", 6500)));
    world.settle();
    assert_eq!(world.psp.len(), 1, "only one attempt is open");
    let first = world.psp.pop().unwrap();
    let refusal = Refusal { code: "REJECT_CARD_PAYMENT".into(), message: "한도초과".into() };
    world.answer(&first, Answer::Error { http_status: 403, refusal });
    assert!(matches!(world.replies.remove(0), Ok(Reply::Confirmed(ConfirmOutcome::Rejected { .. }))));
    let second = world.psp.pop().unwrap();
    assert!(matches!(&second.request, PspRequest::Confirm { payment_key, .. } if payment_key == "key_2"));
    world.answer(&second, done("key_2"));
    assert!(matches!(world.replies.remove(0), Ok(Reply::Confirmed(ConfirmOutcome::Paid { .. }))));
}

#[test]
fn an_event_that_is_too_large_for_a_broker_rolls_its_command_back() {
    let mut world = World::new();
    let too_large = NewOrder { member_id: Some("m".repeat(EVENT_BYTES_MAX)), ..order() };
    let rejection = world.ask(Target::Order(0), place(too_large)).unwrap_err();
    assert_eq!(rejection.code, Code::BodyTooLarge);
    let view = OrderCommand::View { merchant_id: "demo".into(), order_id: "ord_1".into() };
    let missing = world.ask(Target::Order(0), Command::Order(view)).unwrap_err();
    assert_eq!(missing.code, Code::OrderNotFound, "there is no order without its event");

    // The log has no hole where it was, and the id is free.
    world.ask(Target::Order(0), place(order())).unwrap();
    match world.ask(Target::Order(0), Command::Log(LogCommand::Status)).unwrap() {
        Reply::LogStatus(status) => assert_eq!(status.end, 1),
        other => panic!("{other:?}"),
    }
}
