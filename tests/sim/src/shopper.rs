//! Buyers: they fill baskets, authenticate in one tab or two, come back or do not, reload, give up, and sometimes cheat.

use crate::network::Caller;
use crate::psp::Psp;
use crate::world::{Happening, World};
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::money::{Amount, Percent};
use gyesan_core::pricing::{Coupon, Discount, Funder, Item, price};
use gyesan_core::problem::Code;
use gyesan_edge::actor::{CallFault, Token};
use gyesan_edge::command::{Command, ConfirmOutcome, NewOrder, OrderCommand, Placed, Reply};
use gyesan_edge::topology::Topology;
use gyesan_emulator::{AuthenticationResult, Method};
use std::collections::BTreeMap;

/// How long a route waits for the outcome of a confirm, in milliseconds.
const PATIENCE_MS: i64 = 8_000;

/// An order as its page has it.
pub struct Basket {
    pub order: NewOrder,
    pub is_placed: bool,
    placings: u32,
}

/// One tab with the payment window of one basket.
pub struct Tab {
    basket: usize,
    method: Method,
    /// What the window is opened with: the order's amount, unless the page was tampered with.
    window_amount: i64,
    /// What the buyer comes back with: the window's amount, unless the URL was tampered with.
    pub url_amount: i64,
    pub payment_key: Option<String>,
    /// Authentications left.
    tries: u32,
    waits_for: Option<Token>,
}

/// What a buyer or operator does, or learns.
pub enum Move {
    /// The page places its order.
    Place(usize),
    /// The page learns what came of it.
    Placed { basket: usize, result: Box<Result<Reply, CallFault>> },
    /// The buyer goes through the payment window.
    Authenticate(usize),
    /// The buyer comes back from it.
    Return(usize),
    /// The route has waited long enough for this answer.
    TiredOf { tab: usize, token: Token },
    /// The route learns what came of a return.
    Hears { tab: usize, token: Token, result: Box<Result<Reply, CallFault>> },
    /// Something that asks for no answer.
    Says { basket: usize, command: OrderCommand },
}

impl World {
    /// Opens the shop: merchants with accounts at the PSP, baskets, tabs.
    pub fn open_shop(&mut self) {
        for name in ["demo", "other"] {
            let seed = self.random.next();
            self.psps.insert(MerchantId::from(name), Psp::new(seed));
        }
        // Batches are worth their name when more is sold at a time.
        let most = if self.brokers.is_some() { 10 } else { 4 };
        for number in 0..self.random.between(2, most) {
            let basket = self.baskets.len();
            let order = a_basket(self, number);
            self.checker.placed(&order);
            if self.strikes(self.weather.psp_fault) {
                let psp = self.psps.get_mut(&order.merchant_id).unwrap();
                psp.misbehave(&mut self.random, order.order_id.as_str());
            }
            self.baskets.push(Basket { order, is_placed: false, placings: 0 });
            let at_ms = self.random.between(0, 30_000);
            self.later(at_ms, Happening::Buyer(Move::Place(basket)));
            self.open_tabs(basket, at_ms);
            self.plan_asides(basket, at_ms);
        }
    }

    fn open_tabs(&mut self, basket: usize, at_ms: i64) {
        for _ in 0..*self.random.pick(&[1, 1, 1, 2, 2, 3]) {
            let amount = self.baskets[basket].order.amount.minor();
            let (window_amount, url_amount) = match self.random.between(0, 19) {
                0 => (100, 100),
                1 => (100, amount),
                2 => (amount, 100),
                _ => (amount, amount),
            };
            let method = if self.random.chance(50) {
                Method::VirtualAccount
            } else {
                *self.random.pick(&[Method::Card, Method::TossPay])
            };
            let tab = self.tabs.len();
            let tries = u32::try_from(self.random.between(1, 3)).unwrap();
            self.tabs.push(Tab {
                basket,
                method,
                window_amount,
                url_amount,
                payment_key: None,
                tries,
                waits_for: None,
            });
            let pause_ms = self.random.between(1_000, 20_000);
            self.later(at_ms + pause_ms, Happening::Buyer(Move::Authenticate(tab)));
        }
    }

    /// What others do meanwhile: look, recheck, note a failure, replace the order.
    fn plan_asides(&mut self, basket: usize, at_ms: i64) {
        let order = &self.baskets[basket].order;
        let (merchant_id, order_id) = (order.merchant_id.clone(), order.order_id.clone());
        let asides = [
            (400, OrderCommand::View { merchant_id: merchant_id.clone(), order_id: order_id.clone() }),
            (200, OrderCommand::Recheck { merchant_id: merchant_id.clone(), order_id: order_id.clone() }),
            (
                100,
                OrderCommand::NoteFailure {
                    merchant_id: merchant_id.clone(),
                    order_id: order_id.clone(),
                    code: "X".into(),
                },
            ),
            (80, OrderCommand::Close { merchant_id, order_id, replaced_by: OrderId::from("ord_next") }),
        ];
        for (per_mille, command) in asides {
            if self.random.chance(per_mille) {
                let in_ms = at_ms + self.random.between(0, 90_000);
                self.later(in_ms, Happening::Buyer(Move::Says { basket, command }));
            }
        }
    }

    /// Makes a move.
    pub fn buyer(&mut self, a_move: Move) {
        match a_move {
            Move::Place(basket) => {
                self.baskets[basket].placings += 1;
                let order = self.baskets[basket].order.clone();
                let shard = self.topology.order_shard(&order.merchant_id, &order.order_id);
                self.send(Caller::Page(basket), shard, Command::Order(OrderCommand::Place(Box::new(order))));
            }
            Move::Placed { basket, result } => self.placed(basket, *result),
            Move::Authenticate(tab) => self.authenticate(tab),
            Move::Return(tab) => self.come_back(tab),
            Move::TiredOf { tab, token } => {
                if self.tabs[tab].waits_for == Some(token) {
                    self.tabs[tab].waits_for = None;
                    self.maybe_reload(tab, 500);
                }
            }
            Move::Hears { tab, token, result } => self.hears(tab, token, *result),
            Move::Says { basket, command } => {
                let order = &self.baskets[basket].order;
                let shard = self.topology.order_shard(&order.merchant_id, &order.order_id);
                self.send(Caller::Nobody, shard, Command::Order(command));
            }
        }
    }

    fn placed(&mut self, basket: usize, result: Result<Reply, CallFault>) {
        match result {
            Ok(Reply::Placed(placed)) => {
                self.baskets[basket].is_placed = true;
                let order = &self.baskets[basket].order;
                let checked = match placed {
                    Placed::Created { .. } => self.checker.told_created(order),
                    Placed::Found(stored) => self.checker.acknowledged(order, &stored.view),
                };
                self.wrong(checked);
            }
            Ok(other) => self.wrong(Err(format!("placing an order was answered {other:?}"))),
            Err(CallFault::Lost) => {
                if self.baskets[basket].placings < 10 {
                    let in_ms = self.random.between(500, 3_000);
                    self.later(in_ms, Happening::Buyer(Move::Place(basket)));
                }
            }
            Err(CallFault::Rejected(rejection)) if rejection.code == Code::Internal => {
                self.later(1_000, Happening::Buyer(Move::Place(basket)));
            }
            Err(CallFault::Rejected(rejection)) => {
                self.wrong(Err(format!("placing an order was rejected: {rejection:?}")))
            }
        }
    }

    fn authenticate(&mut self, tab: usize) {
        let Tab { basket, method, window_amount, tries, .. } = self.tabs[tab];
        if !self.baskets[basket].is_placed {
            if self.baskets[basket].placings < 10 {
                self.later(1_000, Happening::Buyer(Move::Authenticate(tab)));
            }
            return;
        }
        if tries == 0 {
            return;
        }
        let order = &self.baskets[basket].order;
        let (merchant, order_id) = (order.merchant_id.clone(), order.order_id.clone());
        let result = match self.random.between(0, 19) {
            0 => AuthenticationResult::Cancel,
            1 => AuthenticationResult::Reject,
            _ => AuthenticationResult::Success,
        };
        let emulator = &mut self.psps.get_mut(&merchant).unwrap().emulator;
        let key =
            emulator.authenticate(self.now_ms, order_id.as_str(), window_amount, method, result).payment_key;
        self.tell(|| format!("buyer         authenticates {order_id} with {window_amount} won by {method:?}: {result:?} {key}"));
        self.tabs[tab].tries -= 1;
        if result == AuthenticationResult::Success {
            self.tabs[tab].payment_key = Some(key);
            if self.random.chance(30) {
                return;
            }
            let slow = self.random.chance(20);
            let in_ms =
                if slow { self.random.between(60_000, 900_000) } else { self.random.between(100, 4_000) };
            self.later(in_ms, Happening::Buyer(Move::Return(tab)));
        } else {
            let in_ms = self.random.between(1_000, 10_000);
            self.later(in_ms, Happening::Buyer(Move::Authenticate(tab)));
        }
    }

    fn come_back(&mut self, tab: usize) {
        let Some(payment_key) = self.tabs[tab].payment_key.clone() else { return };
        let order = &self.baskets[self.tabs[tab].basket].order;
        let (merchant_id, order_id) = (order.merchant_id.clone(), order.order_id.clone());
        let shard = self.topology.order_shard(&merchant_id, &order_id);
        let amount = Amount::new(self.tabs[tab].url_amount).unwrap();
        self.checker.returns(&merchant_id, &payment_key, amount);
        self.tell(|| {
            format!("buyer         comes back to {order_id} with {payment_key} and {} won", amount.minor())
        });
        let command = OrderCommand::Confirm { merchant_id, order_id, payment_key, amount };
        self.send(Caller::Tab(tab), shard, Command::Order(command));
        let token = self.last_token();
        self.tabs[tab].waits_for = Some(token);
        self.later(PATIENCE_MS, Happening::Buyer(Move::TiredOf { tab, token }));
    }

    fn maybe_reload(&mut self, tab: usize, per_mille: u32) {
        if self.random.chance(per_mille) {
            let in_ms = self.random.between(100, 20_000);
            self.later(in_ms, Happening::Buyer(Move::Return(tab)));
        }
    }

    fn hears(&mut self, tab: usize, token: Token, result: Result<Reply, CallFault>) {
        let waited = self.tabs[tab].waits_for == Some(token);
        if waited {
            self.tabs[tab].waits_for = None;
        }
        let order = &self.baskets[self.tabs[tab].basket].order;
        let id = order.order_id.clone();
        match result {
            Ok(Reply::Confirmed(ConfirmOutcome::Paid { .. })) => {
                self.tell(|| format!("buyer         learns that {id} is paid"));
                let checked = self.checker.told_paid(&self.baskets[self.tabs[tab].basket].order);
                self.wrong(checked);
                if waited {
                    self.maybe_reload(tab, 200);
                }
            }
            Ok(Reply::Confirmed(ConfirmOutcome::Rejected { refusal, .. })) => {
                self.tell(|| format!("buyer         learns that {id} was refused: {}", refusal.code));
                if waited && self.random.chance(700) {
                    let in_ms = self.random.between(1_000, 10_000);
                    self.later(in_ms, Happening::Buyer(Move::Authenticate(tab)));
                }
            }
            Ok(other) => self.wrong(Err(format!("a confirm was answered {other:?}"))),
            Err(CallFault::Rejected(rejection)) if rejection.code == Code::Internal => {
                if waited {
                    self.maybe_reload(tab, 700);
                }
            }
            Err(CallFault::Rejected(rejection)) => {
                self.tell(|| format!("buyer         is rejected at {id}: {}", rejection.code.as_str()));
                let honest =
                    self.tabs[tab].url_amount == self.baskets[self.tabs[tab].basket].order.amount.minor();
                let mismatch = rejection.code == Code::AmountMismatch;
                self.wrong(if honest == mismatch {
                    Err(format!("{id}: rejected with {rejection:?}"))
                } else {
                    Ok(())
                });
            }
            Err(CallFault::Lost) => {
                if waited {
                    self.maybe_reload(tab, 700);
                }
            }
        }
    }
}

/// An id that both merchants can use, whose orders then lie in the same shard.
fn shared_id(topology: Topology) -> String {
    let shard = |merchant: &str, id: &str| topology.order_shard(&merchant.into(), &id.into());
    let mut ids = (0..).map(|number| format!("ord_shared{number}"));
    ids.find(|id| shard("demo", id) == shard("other", id)).unwrap()
}

/// An order of one to three lines, now and then with a coupon. Each merchant's first has the id that they share.
fn a_basket(world: &mut World, number: i64) -> NewOrder {
    let random = &mut world.random;
    let merchant = *random.pick(&["demo", "demo", "other"]);
    let taken = |id: &str| {
        world
            .baskets
            .iter()
            .any(|b| b.order.merchant_id.as_str() == merchant && b.order.order_id.as_str() == id)
    };
    let shared = shared_id(world.topology);
    let order_id = if taken(&shared) { format!("ord_{number:06}") } else { shared };
    let items: Vec<Item> = (0..random.between(1, 3))
        .map(|line| Item {
            product_id: Some(format!("P{line}")),
            name: format!("상품{line}"),
            unit_price: Amount::new(random.between(333, 9_999)).unwrap(),
            quantity: u32::try_from(random.between(1, 3)).unwrap(),
            seller_id: (*random.pick(&["A", "B", "C"])).into(),
        })
        .collect();
    let funded_by = if random.chance(500) { Funder::Merchant } else { Funder::Seller };
    let coupon = random.chance(400).then(|| Coupon {
        code: "C".into(),
        discount: Discount::Percent { percent: Percent::parse("12.5").unwrap(), max_amount: None },
        minimum_amount: Amount::ZERO,
        valid_from: None,
        valid_until: None,
        funded_by,
    });
    let quote = price(&items, coupon.as_ref(), gyesan_core::time::Timestamp(world.now_ms)).unwrap();
    NewOrder {
        merchant_id: merchant.into(),
        order_id: OrderId(order_id),
        order_name: quote.order_name,
        lines: quote.lines,
        gross_amount: quote.gross_amount,
        discount: quote.discount,
        amount: quote.amount,
        coupon_code: coupon.map(|coupon| coupon.code),
        funded_by,
        content: format!("basket {number}"),
        member_id: None,
        buyer: Default::default(),
        return_url: None,
        metadata: BTreeMap::new(),
        placed_by: "buyer".into(),
    }
}
