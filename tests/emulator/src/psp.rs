//! The payment API: who may call, which call it is, what goes wrong with it, and how its answer leaves.
//! What a call does to a payment is in `execute.rs`.

use crate::code;
use crate::emulator::Emulator;
use crate::exchange::{Delivery, Outcome, Request, decode};
use crate::execute::execute;
use crate::fault::{Fault, Mode, Subject};
use crate::idempotency::{Answer, Idempotency, Lookup};
use crate::journal::{Delivered, Entry};
use crate::payment::{Failure, Status};
use crate::payment_json::payment_json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A slow body takes this long unless its fault says otherwise.
const SLOW_BODY_MS: u64 = 90_000;

/// A call, understood.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Call {
    /// `POST /v1/payments/confirm`
    Confirm { payment_key: String, order_id: String, amount: i64 },
    /// `POST /v1/payments/{paymentKey}/cancel`
    Cancel {
        payment_key: String,
        reason: String,
        amount: Option<i64>,
        tax_free: i64,
        refundable: Option<i64>,
    },
    /// `GET /v1/payments/{paymentKey}`
    ByKey { payment_key: String },
    /// `GET /v1/payments/orders/{orderId}`
    ByOrder { order_id: String },
    /// A known path with a body that cannot be used.
    Malformed,
}

/// A call that has been let in, on its way to its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// What it asks for.
    pub call: Call,
    /// When it came, on the emulator's clock: this decides whether its window was open.
    pub arrived_ms: i64,
    /// When a delayed one is due, on the caller's clock.
    pub due_ms: i64,
    /// Its idempotency tuple.
    tuple: Option<String>,
    english: bool,
    fault: Option<Fault>,
    /// Its line in the journal.
    seq: u64,
}

/// Takes one API request.
///
/// 1. The call and what it is about, for the journal.
/// 2. The key pair, then the idempotency key: neither lets a fault strike.
/// 3. A test code, else the first armed fault that fits.
/// 4. Now, or after the fault's delay: the answer.
pub fn handle(emulator: &mut Emulator, now_ms: i64, request: &Request) -> Outcome {
    let clock_ms = emulator.clock(now_ms);
    let english = request.header("accept-language").is_some_and(|wanted| wanted.starts_with("en"));

    // 1.
    let call = understand(request);
    let (order_id, payment_key, amount) = subject(emulator, call.as_ref());
    let entry = Entry {
        seq: 0,
        at_ms: clock_ms,
        method: request.method.clone(),
        path: request.route().into(),
        idempotency_key: request.header("idempotency-key").map(Into::into),
        order_id: order_id.clone(),
        payment_key: payment_key.clone(),
        amount,
        status: None,
        code: None,
        replayed: false,
        effect: None,
        delivered: Delivered::Pending,
    };
    let seq = emulator.journal.push(entry, emulator.settings.journal_limit);
    let refuse =
        |emulator: &mut Emulator, code: &str| Outcome::Now(respond(emulator, seq, &error(code), english));

    // 2.
    if let Err(code) = authorize(emulator, request) {
        return refuse(emulator, code);
    }
    let Some(call) = call else {
        return refuse(emulator, "NOT_FOUND");
    };
    let key = request.header("idempotency-key").filter(|_| request.method == "POST");
    if key.is_some_and(|key| key.is_empty() || key.chars().count() > 300) {
        return refuse(emulator, "INVALID_IDEMPOTENCY_KEY");
    }
    let secret = &emulator.settings.secret_key;
    let tuple = key.map(|key| Idempotency::tuple(key, secret, &request.method, request.route()));
    let looked_up = tuple.as_deref().map(|tuple| emulator.idempotency.lookup(tuple, clock_ms));
    if matches!(looked_up, Some(Lookup::Processing)) {
        return refuse(emulator, "IDEMPOTENT_REQUEST_PROCESSING");
    }
    let replays = matches!(looked_up, Some(Lookup::Answered(..)));

    // 3.
    let test_code = request.header("tosspayments-test-code").filter(|_| secret.starts_with("test_"));
    let fault = match test_code {
        Some(test_code) if !replays => {
            if code::lookup(test_code).is_none() {
                return refuse(emulator, "INVALID_TEST_CODE");
            }
            Some(Fault::code(request.route(), test_code))
        }
        _ => {
            let subject = Subject {
                method: &request.method,
                path: request.route(),
                order_id: order_id.as_deref(),
                payment_key: payment_key.as_deref(),
            };
            emulator.faults.strike(&subject, replays)
        }
    };

    // 4.
    let wait_ms = fault.as_ref().map_or(0, Fault::waits_ms);
    let due_ms = now_ms.saturating_add(i64::try_from(wait_ms).unwrap_or(i64::MAX));
    let job = Job { call, arrived_ms: clock_ms, due_ms, tuple, english, fault, seq };
    if wait_ms == 0 {
        return Outcome::Now(perform(emulator, clock_ms, job));
    }
    if let (Some(tuple), false) = (&job.tuple, replays) {
        emulator.idempotency.start(tuple, clock_ms);
    }
    hold_window(emulator, &job, 1);
    emulator.tickets += 1;
    let ticket = emulator.tickets;
    emulator.delayed.insert(ticket, job);
    Outcome::Later { ticket, at_ms: due_ms }
}

/// Does what the call asks for, unless its fault prevents that or its key has an answer already, and says how the
/// answer leaves.
pub fn perform(emulator: &mut Emulator, clock_ms: i64, job: Job) -> Delivery {
    let stored = match job.tuple.as_deref().map(|tuple| emulator.idempotency.lookup(tuple, clock_ms)) {
        Some(Lookup::Answered(answer, english)) => Some((answer, english)),
        _ => None,
    };
    let replayed = stored.is_some();
    let executes = job.fault.as_ref().is_none_or(Fault::takes_effect);
    let (truth, english) = match stored {
        Some((answer, english)) => (Some(answer), english),
        None if executes => {
            let (answer, effect) = execute(emulator, clock_ms, job.arrived_ms, &job.call);
            if let Some(entry) = emulator.journal.get_mut(job.seq) {
                entry.effect = effect;
            }
            (Some(answer), job.english)
        }
        None => (None, job.english),
    };
    let forced = job.fault.as_ref().filter(|fault| fault.mode == Mode::Status).map(forced_answer);
    if let (Some(Answer::Error { code, .. }), false, Call::Confirm { payment_key, .. }) =
        (&forced, executes, &job.call)
    {
        refuse_payment(emulator, clock_ms, payment_key, code, job.seq);
    }

    // What the key remembers: a forced 4xx as Toss replays it, else what is true. A forced 5xx is forgotten, so the
    // same key meets the true state again.
    let received = forced.as_ref().filter(|forced| (400..500).contains(&status_of(forced)));
    if let (Some(tuple), false) = (job.tuple.clone(), replayed) {
        match received.or(truth.as_ref()) {
            Some(answer) => emulator.idempotency.keep(tuple, clock_ms, answer.clone(), english),
            None => emulator.idempotency.forget(&tuple),
        }
    }
    if let Some(entry) = emulator.journal.get_mut(job.seq) {
        entry.replayed = replayed;
    }
    let answer = forced.or(truth);
    deliver(emulator, &job, answer.as_ref(), english)
}

fn deliver(emulator: &mut Emulator, job: &Job, answer: Option<&Answer>, english: bool) -> Delivery {
    let mode = job.fault.as_ref().map(|fault| fault.mode);
    let (status, body) = match answer {
        Some(answer) => render(emulator, answer, english),
        None => (200, json!({"version": "2022-11-16", "mId": "gyesan_demo"}).to_string()),
    };
    let delivered = match mode {
        Some(Mode::DropBefore | Mode::DropAfter) => Delivered::Nothing,
        Some(Mode::Garbage) => Delivered::Half,
        Some(Mode::SlowBody) => Delivered::Slowly,
        Some(Mode::Delay | Mode::Status) | None => Delivered::Whole,
    };
    note(emulator, job.seq, answer.map(|answer| (status, code_of(answer))), delivered);
    match delivered {
        Delivered::Nothing => Delivery::Drop,
        Delivered::Half => {
            let half = body.char_indices().take(body.chars().count() / 2).map(|(_, letter)| letter).collect();
            Delivery::json(status, half)
        }
        Delivered::Slowly => {
            let over_ms = job.fault.as_ref().and_then(|fault| fault.delay_ms).unwrap_or(SLOW_BODY_MS);
            let headers = vec![("content-type", "application/json;charset=UTF-8".into())];
            Delivery::SlowBody { status, headers, body, over_ms }
        }
        Delivered::Whole | Delivered::Pending => match answer {
            Some(Answer::Text { .. }) if !body.starts_with('{') => Delivery::html(status, body),
            _ => Delivery::json(status, body),
        },
    }
}

/// Answers an error that no fault can touch.
fn respond(emulator: &mut Emulator, seq: u64, answer: &Answer, english: bool) -> Delivery {
    let (status, body) = render(emulator, answer, english);
    note(emulator, seq, Some((status, code_of(answer))), Delivered::Whole);
    Delivery::json(status, body)
}

fn note(emulator: &mut Emulator, seq: u64, answer: Option<(u16, Option<String>)>, delivered: Delivered) {
    if let Some(entry) = emulator.journal.get_mut(seq) {
        entry.delivered = delivered;
        if let Some((status, code)) = answer {
            entry.status = Some(status);
            entry.code = code;
        }
    }
}

/// An error with the status and the messages of its code.
pub fn error(code: &str) -> Answer {
    let status = code::lookup(code).map_or(400, |row| row.status);
    Answer::Error { status, code: code.into(), message: None }
}

fn forced_answer(fault: &Fault) -> Answer {
    let status = fault.http_status().unwrap_or(500);
    match (&fault.body, &fault.code) {
        (Some(body), _) => Answer::Text { status, body: body.clone() },
        (None, Some(code)) => Answer::Error { status, code: code.clone(), message: fault.message.clone() },
        // What a proxy in front of an API that has failed tends to say.
        (None, None) if status >= 500 => {
            Answer::Text { status, body: format!("<html><body><h1>{status}</h1></body></html>") }
        }
        (None, None) => Answer::Text { status, body: "{}".into() },
    }
}

fn status_of(answer: &Answer) -> u16 {
    match answer {
        Answer::Payment { .. } => 200,
        Answer::Error { status, .. } | Answer::Text { status, .. } => *status,
    }
}

fn code_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Error { code, .. } => Some(code.clone()),
        Answer::Payment { .. } | Answer::Text { .. } => None,
    }
}

fn render(emulator: &Emulator, answer: &Answer, english: bool) -> (u16, String) {
    match answer {
        Answer::Payment { index, cancels } => {
            let origin = &emulator.settings.public_origin;
            let payment = emulator.book.peek(*index);
            let body = payment.map(|payment| payment_json(payment, *cancels, english, origin).to_string());
            (200, body.unwrap_or_default())
        }
        Answer::Error { status, code, message } => {
            let row = code::lookup(code);
            let known = row.map_or("", |row| if english { row.english } else { row.korean });
            let message = message.as_deref().unwrap_or(known);
            (*status, json!({"code": code, "message": message}).to_string())
        }
        Answer::Text { status, body } => (*status, body.clone()),
    }
}

/// A forced code that refuses a confirm for good ends its payment, so that the answer stays true.
fn refuse_payment(emulator: &mut Emulator, clock_ms: i64, payment_key: &str, code: &str, seq: u64) {
    let row = code::lookup(code).filter(|row| row.refuses);
    let payment = emulator.book.by_key(payment_key).and_then(|index| emulator.book.at(index, clock_ms));
    if let (Some(row), Some(payment)) = (row, payment.filter(|payment| payment.status == Status::InProgress))
    {
        let timed_out = row.code == "NOT_FOUND_PAYMENT_SESSION";
        payment.status = if timed_out { Status::Expired } else { Status::Aborted };
        payment.failure = Some(Failure { code: row.code.into(), message: row.korean.into() });
        if let Some(entry) = emulator.journal.get_mut(seq) {
            entry.effect = Some(crate::journal::Effect::Refused);
        }
    }
}

/// A confirm that came inside its window is worked on to its end: meanwhile the payment does not expire.
pub fn hold_window(emulator: &mut Emulator, job: &Job, by: i32) {
    if let Call::Confirm { payment_key, .. } = &job.call
        && let Some(index) = emulator.book.by_key(payment_key)
        && let Some(payment) = emulator.book.at(index, job.arrived_ms)
    {
        payment.confirming = payment.confirming.saturating_add_signed(by);
    }
}

fn authorize(emulator: &Emulator, request: &Request) -> Result<(), &'static str> {
    let sent = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let decoded = sent.and_then(|encoded| STANDARD.decode(encoded.trim()).ok());
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("UNAUTHORIZED_KEY")?;
    let (key, password) = pair.split_once(':').ok_or("INCORRECT_BASIC_AUTH_FORMAT")?;
    if key == emulator.settings.secret_key && password.is_empty() {
        Ok(())
    } else if key == emulator.settings.client_key {
        Err("INVALID_API_KEY")
    } else {
        Err("UNAUTHORIZED_KEY")
    }
}

/// Which call it is; `None` for a path that the emulator does not have.
fn understand(request: &Request) -> Option<Call> {
    let segments: Vec<&str> = request.route().strip_prefix("/v1/payments/")?.split('/').collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["confirm"]) => Some(confirm_of(&request.body).unwrap_or(Call::Malformed)),
        ("POST", [key, "cancel"]) => Some(cancel_of(decode(key), &request.body).unwrap_or(Call::Malformed)),
        ("GET", ["orders", order_id]) => Some(Call::ByOrder { order_id: decode(order_id) }),
        ("GET", [key]) => Some(Call::ByKey { payment_key: decode(key) }),
        _ => None,
    }
}

fn confirm_of(body: &str) -> Option<Call> {
    let body: Value = serde_json::from_str(body).ok()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some(Call::Confirm {
        payment_key: text("paymentKey")?.into(),
        order_id: text("orderId")?.into(),
        amount: body.get("amount").and_then(Value::as_i64)?,
    })
}

fn cancel_of(payment_key: String, body: &str) -> Option<Call> {
    let body: Value = serde_json::from_str(body).ok()?;
    let number = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_i64().map(Some),
    };
    let reason = body.get("cancelReason").and_then(Value::as_str)?;
    (1..=200).contains(&reason.chars().count()).then_some(())?;
    Some(Call::Cancel {
        payment_key,
        reason: reason.into(),
        amount: number("cancelAmount")?,
        tax_free: number("taxFreeAmount")?.unwrap_or(0),
        refundable: number("refundableAmount")?,
    })
}

/// The order, payment and amount that a call is about, as far as they are known.
fn subject(emulator: &Emulator, call: Option<&Call>) -> (Option<String>, Option<String>, Option<i64>) {
    let order_of = |payment_key: &str| emulator.payment(payment_key).map(|payment| payment.order_id.clone());
    match call {
        Some(Call::Confirm { payment_key, order_id, amount }) => {
            (Some(order_id.clone()), Some(payment_key.clone()), Some(*amount))
        }
        Some(Call::Cancel { payment_key, amount, .. }) => {
            (order_of(payment_key), Some(payment_key.clone()), *amount)
        }
        Some(Call::ByKey { payment_key }) => (order_of(payment_key), Some(payment_key.clone()), None),
        Some(Call::ByOrder { order_id }) => (Some(order_id.clone()), None, None),
        Some(Call::Malformed) | None => (None, None, None),
    }
}
