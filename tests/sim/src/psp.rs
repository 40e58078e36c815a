//! The way to the PSP and back: the product's own adapter in front of the emulator, one for each merchant.

use crate::random::Random;
use crate::world::{Happening, World};
use gyesan_core::id::MerchantId;
use gyesan_core::money::Amount;
use gyesan_core::toss::{Answer, Refusal};
use gyesan_edge::actor::Input;
use gyesan_edge::config::Toss;
use gyesan_edge::psp::{CALL_LIMIT_MS, PspCall, PspCallId, PspRequest, toss};
use gyesan_edge::topology::Target;
use gyesan_emulator::{Delivery, Emulator, Fault, Mode, Outcome, Request, Settings};

/// Queries are answered 404 wrongly only so long after the authentication, in milliseconds: a query that misses a payment
/// after its window has closed is the PSP's word, and would be a lie.
const MISSING_MS: i64 = 300_000;

const CONFIRM: &str = "/v1/payments/confirm";

/// One merchant's account at the PSP.
pub struct Psp {
    pub emulator: Emulator,
    config: Toss,
}

impl Psp {
    /// An account without payments.
    pub fn new(seed: u64) -> Psp {
        let settings = Settings { seed, ..Settings::default() };
        let config = Toss {
            api_base: "https://psp.example".into(),
            sdk_url: "https://psp.example/v2/standard".into(),
            client_key: settings.client_key.clone(),
            secret_key: settings.secret_key.clone(),
        };
        Psp { emulator: Emulator::new(settings), config }
    }

    /// Arms one to three of the PSP's faults for an order, one after the other or mixed.
    pub fn misbehave(&mut self, random: &mut Random, order_id: &str) {
        if random.chance(100) {
            // An error that forgets the idempotency key, then a refusal that leaves the payment as it was.
            let refusal = *random.pick(&["UNAUTHORIZED_KEY", "FORBIDDEN_REQUEST"]);
            for code in ["FAILED_INTERNAL_SYSTEM_PROCESSING", refusal] {
                let order_id = Some(order_id.to_owned());
                self.emulator.add_fault(Fault { order_id, ..Fault::code(CONFIRM, code) });
            }
            return;
        }
        let in_turn = random.chance(500);
        for _ in 0..random.between(1, 3) {
            let mut fault = a_fault(random);
            fault.order_id = Some(order_id.to_owned());
            fault.after = if in_turn { 0 } else { *random.pick(&[0, 0, 0, 1, 2]) };
            self.emulator.add_fault(fault);
        }
    }
}

fn a_fault(random: &mut Random) -> Fault {
    let times = |fault: Fault, times: i64| Fault { times, ..fault };
    let status = |status: u16, code: Option<&str>, effect: bool| Fault {
        status: Some(status),
        code: code.map(str::to_owned),
        effect: Some(effect),
        ..Fault::new(CONFIRM, Mode::Status)
    };
    let delay_ms = Some(u64::try_from(random.between(3_000, 50_000)).unwrap());
    let several = random.between(1, 6);
    let queries = |mode: Mode| Fault { method: Some("GET".into()), ..Fault::new("/v1/payments/", mode) };
    match random.between(0, 21) {
        0 | 1 => Fault { delay_ms, ..Fault::new(CONFIRM, Mode::Delay) },
        2 => times(Fault::new(CONFIRM, Mode::DropBefore), several),
        3 | 4 => times(Fault::new(CONFIRM, Mode::DropAfter), several),
        5 => times(Fault::new(CONFIRM, Mode::Garbage), several),
        6 => Fault { delay_ms: Some(90_000), ..Fault::new(CONFIRM, Mode::SlowBody) },
        7 => status(500, None, true),
        8 => Fault { forever: true, ..status(500, None, false) },
        9 => status(500, Some("UNKNOWN_PAYMENT_ERROR"), true),
        10 => times(status(500, Some("FAILED_INTERNAL_SYSTEM_PROCESSING"), false), several),
        11 => times(Fault::code(CONFIRM, "PROVIDER_ERROR"), several),
        12 => status(400, Some("PROVIDER_ERROR"), true),
        13 | 14 => Fault::code(CONFIRM, "REJECT_CARD_PAYMENT"),
        15 => Fault::code(CONFIRM, "NOT_FOUND_PAYMENT_SESSION"),
        16 => Fault::code(CONFIRM, "UNAUTHORIZED_KEY"),
        17 => status(400, Some("NEVER_SEEN_BEFORE"), false),
        18 => status(400, Some("ALREADY_PROCESSED_PAYMENT"), true),
        19 => times(queries(Mode::DropAfter), several),
        20 => times(queries(Mode::Garbage), several),
        _ => Fault { status: Some(500), ..times(queries(Mode::Status), several) },
    }
}

/// A call that the shell has made and that has not been answered.
pub struct PspOpen {
    from: Target,
    boot: u64,
    id: PspCallId,
    /// Whether the answer will be lost.
    mute: bool,
}

impl World {
    /// The shell makes a call, and waits for at most [`CALL_LIMIT_MS`].
    pub fn ask_psp(&mut self, from: Target, boot: u64, call: PspCall) {
        let open = self.next_open;
        self.next_open += 1;
        let lost = self.strikes(self.weather.psp_lose);
        let arrives = !lost || self.random.chance(500);
        self.tell(|| {
            let lost = if lost {
                if arrives { " (the answer will be lost)" } else { " (never arrives)" }
            } else {
                ""
            };
            format!(
                "{:<13} > PSP {} call {}: {}{lost}",
                from.name(),
                call.id.order_id,
                call.id.call,
                asked(&call.request)
            )
        });
        self.psp_open.insert(open, PspOpen { from, boot, id: call.id.clone(), mute: lost });
        self.later(i64::from(CALL_LIMIT_MS), Happening::PspLimit(open));
        if lost && self.random.chance(500) {
            // Not silence until the limit, but a reset.
            let in_ms = self.random.between(50, 5_000);
            self.later(in_ms, Happening::PspLimit(open));
        }
        if arrives {
            let late = self.strikes(self.weather.psp_late);
            let in_ms = if late { self.random.between(4_000, 50_000) } else { self.delay_ms() };
            self.later(in_ms, Happening::AtPsp { open, call });
        }
    }

    /// A request arrives.
    pub fn at_psp(&mut self, open: u64, call: &PspCall) {
        let is_query =
            matches!(call.request, PspRequest::QueryPayment { .. } | PspRequest::QueryOrder { .. });
        if is_query && self.strikes(self.weather.psp_missing) && self.is_fresh(&call.id) {
            let refusal = Refusal { code: "NOT_FOUND_PAYMENT".into(), message: String::new() };
            self.answer_of_psp(open, Answer::Error { http_status: 404, refusal });
            return;
        }
        let psp = self.psps.get_mut(&call.id.merchant_id).unwrap();
        let http = toss::request(call, &psp.config).unwrap();
        let path = http.uri().path_and_query().unwrap().as_str();
        let mut request = Request::new(http.method().as_str(), path).with_body(http.body().as_str());
        for (name, value) in http.headers() {
            request = request.with_header(name.as_str(), value.to_str().unwrap());
        }
        match psp.emulator.handle(self.now_ms, &request) {
            Outcome::Now(delivery) => self.delivered(open, delivery),
            Outcome::Later { ticket, at_ms } => {
                let merchant = call.id.merchant_id.clone();
                self.later(at_ms - self.now_ms, Happening::PspDone { merchant, ticket, open });
            }
        }
        self.check_psp();
    }

    fn is_fresh(&self, id: &PspCallId) -> bool {
        let psp = &self.psps[&id.merchant_id];
        let mut of_order =
            psp.emulator.payments().iter().filter(|payment| payment.order_id == id.order_id.as_str());
        of_order
            .all(|payment| payment.authenticated_at_ms.is_none_or(|at_ms| self.now_ms - at_ms < MISSING_MS))
    }

    /// A delayed call takes effect.
    pub fn psp_done(&mut self, merchant: &MerchantId, ticket: u64, open: u64) {
        let delivery = self.psps.get_mut(merchant).unwrap().emulator.finish(self.now_ms, ticket);
        self.delivered(open, delivery);
        self.check_psp();
    }

    fn check_psp(&mut self) {
        let now = self.now();
        let checked = self.checker.check_psp(&self.psps, now);
        self.wrong(checked);
    }

    fn delivered(&mut self, open: u64, delivery: Delivery) {
        match delivery {
            Delivery::Respond { status, body, .. } => {
                self.answer_of_psp(open, toss::parse(status, body.as_bytes()))
            }
            Delivery::Drop => self.answer_of_psp(open, Answer::Nothing { why: "reset".into() }),
            Delivery::SlowBody { status, body, over_ms, .. } => {
                let answer = toss::parse(status, body.as_bytes());
                let in_ms = i64::try_from(over_ms).unwrap();
                self.later(in_ms, Happening::PspAnswers { open, answer, last: true });
            }
        }
    }

    fn answer_of_psp(&mut self, open: u64, answer: Answer) {
        if self.psp_open.get(&open).is_none_or(|call| call.mute) {
            return;
        }
        let twice = self.strikes(self.weather.double);
        if twice {
            let in_ms = self.delay_ms();
            self.later(in_ms, Happening::PspAnswers { open, answer: answer.clone(), last: false });
        }
        let in_ms = self.delay_ms();
        self.later(in_ms, Happening::PspAnswers { open, answer, last: !twice });
    }

    /// An answer arrives at the shell, which hands it to the actor whose call it was.
    pub fn psp_answers(&mut self, open: u64, answer: Answer, last: bool) {
        let Some(call) = self.psp_open.get(&open) else { return };
        let (target, boot, id) = (call.from, call.boot, call.id.clone());
        self.later(
            0,
            Happening::Arrives { target, boot: Some(boot), input: Input::PspAnswered { id, answer } },
        );
        if last {
            self.psp_open.remove(&open);
        }
    }

    /// The shell has waited long enough, or the connection is reset.
    pub fn psp_limit(&mut self, open: u64) {
        if let Some(PspOpen { from: target, boot, id, .. }) = self.psp_open.remove(&open) {
            let answer = Answer::Nothing { why: "no answer".into() };
            self.later(
                0,
                Happening::Arrives { target, boot: Some(boot), input: Input::PspAnswered { id, answer } },
            );
        }
    }

    /// For the bug that believes URLs: the amount that the buyer came back with.
    pub fn charge_what_the_url_says(&mut self, call: &mut PspCall) {
        if let PspRequest::Confirm { payment_key, amount, .. } = &mut call.request
            && let Some(tab) = self.tabs.iter().find(|tab| tab.payment_key.as_ref() == Some(payment_key))
        {
            *amount = Amount::new(tab.url_amount).unwrap();
        }
    }
}

fn asked(request: &PspRequest) -> String {
    match request {
        PspRequest::Confirm { payment_key, amount, idempotency_key, .. } => {
            format!("confirm {payment_key} {} under {idempotency_key}", amount.minor())
        }
        PspRequest::QueryPayment { payment_key } => format!("query {payment_key}"),
        PspRequest::QueryOrder { order_id } => format!("query order {order_id}"),
        PspRequest::Cancel { payment_key, idempotency_key, .. } => {
            format!("cancel {payment_key} under {idempotency_key}")
        }
    }
}
