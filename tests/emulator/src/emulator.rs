//! The emulator's state and the calls into it.

use crate::book::Book;
use crate::exchange::{Delivery, Outcome, Request, encode};
use crate::fault::{Armed, Fault, Faults};
use crate::idempotency::Idempotency;
use crate::journal::{Entry, Journal};
use crate::moment::{Keys, compact_time};
use crate::payment::{Failure, Method, Payment, Status};
use crate::psp::Job;
use crate::{admin, code, psp, window};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an emulator is started with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The client key that the SDK must be given.
    pub client_key: String,
    /// The secret key that API calls must be signed with.
    pub secret_key: String,
    /// Where browsers reach the emulator (`http://127.0.0.1:8788`), without a slash at the end.
    pub public_origin: String,
    /// The shop that [`Emulator::authenticate`] sends buyers back to when their order names no other address.
    pub shop_origin: String,
    /// The value of `Access-Control-Allow-Origin` for the SDK's own call.
    pub allow_origin: String,
    /// Keys are drawn from this.
    pub seed: u64,
    /// How many calls the journal keeps.
    pub journal_limit: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            client_key: "test_gck_demo".into(),
            secret_key: "test_gsk_demo".into(),
            public_origin: "http://127.0.0.1:8788".into(),
            shop_origin: "http://127.0.0.1:8787".into(),
            allow_origin: "*".into(),
            seed: 0,
            journal_limit: 100_000,
        }
    }
}

/// How a buyer leaves the payment window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthenticationResult {
    /// Authenticated: to the success address.
    Success,
    /// Gave up: to the failure address with PAY_PROCESS_CANCELED; the window could be used again.
    Cancel,
    /// Turned down by the card company: to the failure address with REJECT_CARD_COMPANY.
    Reject,
}

/// What came of an authentication.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticated {
    /// Key of the new payment.
    pub payment_key: String,
    /// Where the buyer's browser is sent.
    pub redirect: String,
}

/// Money that has moved, in won, and how many payments moved it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Won charged, refunds not taken off.
    pub charges: i64,
    /// Won given back.
    pub refunds: i64,
    /// Payments that were charged.
    pub payments: u64,
}

/// A Toss that keeps its state in memory; serialise it to keep it elsewhere.
#[derive(Debug, Serialize, Deserialize)]
pub struct Emulator {
    pub(crate) settings: Settings,
    pub(crate) clock_offset_ms: i64,
    pub(crate) book: Book,
    pub(crate) faults: Faults,
    pub(crate) idempotency: Idempotency,
    pub(crate) journal: Journal,
    pub(crate) totals: Totals,
    pub(crate) keys: Keys,
    pub(crate) delayed: BTreeMap<u64, Job>,
    pub(crate) tickets: u64,
}

impl Emulator {
    /// An emulator that has seen nothing.
    pub fn new(settings: Settings) -> Emulator {
        Emulator {
            clock_offset_ms: 0,
            book: Book::default(),
            faults: Faults::default(),
            idempotency: Idempotency::default(),
            journal: Journal::default(),
            totals: Totals::default(),
            keys: Keys::new(settings.seed),
            delayed: BTreeMap::new(),
            tickets: 0,
            settings,
        }
    }

    /// The same state under other settings, as after a restart with other flags.
    pub fn with_settings(self, settings: Settings) -> Emulator {
        Emulator { settings, ..self }
    }

    /// Takes one HTTP request: API, SDK, payment window or admin. `now_ms` is the caller's clock, in milliseconds
    /// since the Unix epoch; [`advance_clock`](Emulator::advance_clock) comes on top of it.
    pub fn handle(&mut self, now_ms: i64, request: &Request) -> Outcome {
        let route = request.route();
        if route.starts_with("/v1/") {
            psp::handle(self, now_ms, request)
        } else if route.starts_with("/__emulator/") {
            Outcome::Now(admin::handle(self, now_ms, request))
        } else {
            Outcome::Now(window::handle(self, now_ms, request))
        }
    }

    /// Finishes a delayed call: it takes effect now, and this is its answer. A ticket that is not known (twice
    /// finished, or forgotten by a reset) gives a closed connection.
    pub fn finish(&mut self, now_ms: i64, ticket: u64) -> Delivery {
        match self.delayed.remove(&ticket) {
            Some(job) => {
                psp::hold_window(self, &job, -1);
                psp::perform(self, self.clock(now_ms), job)
            }
            None => Delivery::Drop,
        }
    }

    /// Delayed calls that are not finished: ticket, and when it is due on the caller's clock.
    pub fn unfinished(&self) -> Vec<(u64, i64)> {
        self.delayed.iter().map(|(ticket, job)| (*ticket, job.due_ms)).collect()
    }

    /// A buyer opens the payment window for this order and leaves it with this result, without a browser.
    pub fn authenticate(
        &mut self,
        now_ms: i64,
        order_id: &str,
        amount: i64,
        method: Method,
        result: AuthenticationResult,
    ) -> Authenticated {
        let opened = self.opening(order_id, amount, method);
        self.open_and_leave(now_ms, opened, result)
    }

    /// Arms a fault. What [`Mode`](crate::Mode) asks of its fields is checked by the admin API only.
    pub fn add_fault(&mut self, fault: Fault) -> u64 {
        self.faults.add(fault)
    }

    /// The faults that are still armed: number, calls hit so far, and the fault.
    pub fn faults(&self) -> impl Iterator<Item = (u64, u64, &Fault)> {
        self.faults.armed().iter().map(|Armed { id, hits, fault, .. }| (*id, *hits, fault))
    }

    /// Disarms all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Puts the emulator's clock forward (or back) against the caller's.
    pub fn advance_clock(&mut self, ms: i64) {
        self.clock_offset_ms = self.clock_offset_ms.saturating_add(ms);
    }

    /// The emulator's clock, in milliseconds since the Unix epoch.
    pub fn clock(&self, now_ms: i64) -> i64 {
        now_ms.saturating_add(self.clock_offset_ms)
    }

    /// All payments, oldest first. One whose window has passed may still read READY or IN_PROGRESS: windows close
    /// when a payment is next asked for.
    pub fn payments(&self) -> &[Payment] {
        self.book.all()
    }

    /// The payment with this key.
    pub fn payment(&self, payment_key: &str) -> Option<&Payment> {
        self.book.peek(self.book.by_key(payment_key)?)
    }

    /// The calls to the payment API that are kept, oldest first.
    pub fn journal(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.journal.entries()
    }

    /// Money that has moved so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Forgets everything but its settings. Keys go on, so that none is given out twice.
    pub fn reset(&mut self) {
        let keys = self.keys.clone();
        let tickets = self.tickets;
        *self = Emulator { keys, tickets, ..Emulator::new(self.settings.clone()) };
    }

    /// What a window for this order is opened with: addresses and name as in its last window, else the shop's own.
    pub(crate) fn opening(&self, order_id: &str, amount: i64, method: Method) -> Opened {
        let known = self.book.by_order(order_id).last().and_then(|index| self.book.peek(*index));
        let shop = &self.settings.shop_origin;
        Opened {
            order_id: order_id.into(),
            order_name: known.map_or_else(|| order_id.into(), |payment| payment.order_name.clone()),
            amount,
            method,
            success_url: known.map_or_else(|| format!("{shop}/payments/success"), |p| p.success_url.clone()),
            fail_url: known.map_or_else(|| format!("{shop}/payments/fail"), |p| p.fail_url.clone()),
            tax_free_amount: 0,
            metadata: None,
        }
    }

    /// Opens a payment window.
    pub(crate) fn open(&mut self, now_ms: i64, opened: Opened) -> usize {
        let clock_ms = self.clock(now_ms);
        let payment_key = format!("tgen_{}{}", compact_time(clock_ms), self.keys.letters(8));
        let session = self.keys.letters(20);
        self.book.push(Payment {
            payment_key,
            session,
            order_id: opened.order_id,
            order_name: opened.order_name,
            currency: "KRW".into(),
            total_amount: opened.amount,
            tax_free_amount: opened.tax_free_amount,
            method: opened.method,
            status: Status::Ready,
            requested_at_ms: clock_ms,
            authenticated_at_ms: None,
            approved_at_ms: None,
            approvals: 0,
            approval_key: None,
            approve_no: None,
            cancels: Vec::new(),
            failure: None,
            success_url: opened.success_url,
            fail_url: opened.fail_url,
            metadata: opened.metadata,
            confirming: 0,
        })
    }

    /// Opens a payment window and leaves it with this result.
    pub(crate) fn open_and_leave(
        &mut self,
        now_ms: i64,
        opened: Opened,
        result: AuthenticationResult,
    ) -> Authenticated {
        let index = self.open(now_ms, opened);
        let redirect = self.leave_window(now_ms, index, result).unwrap_or_default();
        let payment_key =
            self.book.peek(index).map(|payment| payment.payment_key.clone()).unwrap_or_default();
        Authenticated { payment_key, redirect }
    }

    /// The buyer leaves the window: where to. `None` when its time has passed or the payment was refused. A buyer who
    /// comes back and presses the button again is sent to the same address; nothing else happens.
    pub(crate) fn leave_window(
        &mut self,
        now_ms: i64,
        index: usize,
        result: AuthenticationResult,
    ) -> Option<String> {
        let clock_ms = self.clock(now_ms);
        let payment = self.book.at(index, clock_ms)?;
        let failed = |payment: &Payment, code: &str, message: &str| {
            let pairs = [("code", code), ("message", message), ("orderId", payment.order_id.as_str())];
            with_query(&payment.fail_url, &pairs)
        };
        match (payment.status, result) {
            (Status::Aborted | Status::Expired, _) => None,
            (Status::Ready, AuthenticationResult::Cancel) => {
                Some(failed(payment, "PAY_PROCESS_CANCELED", "사용자에 의해 결제가 취소되었습니다."))
            }
            (Status::Ready, AuthenticationResult::Reject) => {
                let row = code::lookup("REJECT_CARD_COMPANY")?;
                payment.status = Status::Aborted;
                payment.failure = Some(Failure { code: row.code.into(), message: row.korean.into() });
                Some(failed(payment, row.code, row.korean))
            }
            (status, _) => {
                if status == Status::Ready {
                    payment.status = Status::InProgress;
                    payment.authenticated_at_ms = Some(clock_ms);
                }
                let amount = payment.total_amount.to_string();
                let pairs = [
                    ("paymentType", "NORMAL"),
                    ("orderId", payment.order_id.as_str()),
                    ("paymentKey", payment.payment_key.as_str()),
                    ("amount", amount.as_str()),
                ];
                Some(with_query(&payment.success_url, &pairs))
            }
        }
    }
}

/// What a payment window is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub order_id: String,
    pub order_name: String,
    pub amount: i64,
    pub tax_free_amount: i64,
    pub method: Method,
    pub success_url: String,
    pub fail_url: String,
    pub metadata: Option<serde_json::Value>,
}

/// Adds pairs to an address that may have a query and a fragment already.
fn with_query(url: &str, pairs: &[(&str, &str)]) -> String {
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, rest)| (base, Some(rest)));
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let joint = if base.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|rest| format!("#{rest}")).unwrap_or_default();
    format!("{base}{joint}{}{fragment}", query.join("&"))
}
