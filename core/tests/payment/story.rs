//! Payments told as stories: short names for states, commands and answers, and one line of words per event.

use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::money::Amount;
use gyesan_core::payment::{Command, Event, PAYABLE_MS, Payment, Purpose, Rejection, Signal, Step, decide};
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, Refusal, TossPayment, TossStatus};

/// When every story begins.
pub const START: Timestamp = Timestamp(1_700_000_000_000);

pub fn won(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

/// An order of 6,500 won that nobody has tried to pay.
pub fn order() -> Payment {
    Payment {
        order_id: "ord_1".into(),
        amount: won(6_500),
        order_status: OrderStatus::Completed,
        status: PaymentStatus::NotStarted,
        expires_at: START.plus_ms(PAYABLE_MS),
        failed_count: 0,
        unresolved: false,
        attempts: Vec::new(),
    }
}

/// The payment after a command that is not rejected.
pub fn after(payment: Payment, at_ms: i64, command: Command) -> Payment {
    let events = decide(&payment, command, START.plus_ms(at_ms)).unwrap();
    events.iter().fold(payment, Payment::evolve)
}

/// The payment after several commands.
pub fn told(commands: Vec<(i64, Command)>) -> Payment {
    commands.into_iter().fold(order(), |payment, (at_ms, command)| after(payment, at_ms, command))
}

/// The buyer comes back with this key and the right amount.
pub fn back(key: &str) -> Command {
    back_with(key, 6_500)
}

pub fn back_with(key: &str, amount: i64) -> Command {
    Command::Return { payment_key: key.into(), amount: won(amount), attempt_id: format!("att_{key}") }
}

/// The answer of an attempt's call.
pub fn answer(attempt: u32, call: u32, answer: Answer) -> Command {
    Command::Signal { attempt, call, signal: Signal::Answered(answer) }
}

/// An attempt's time is up.
pub fn elapsed(attempt: u32, call: u32) -> Command {
    Command::Signal { attempt, call, signal: Signal::Elapsed }
}

pub fn evidence(found: TossPayment) -> Command {
    Command::Evidence { payment: Box::new(found) }
}

/// The payment with this key, as Toss shows it.
pub fn toss(key: &str, status: TossStatus) -> TossPayment {
    TossPayment {
        payment_key: key.into(),
        order_id: "ord_1".into(),
        status,
        currency: "KRW".into(),
        total_amount: won(6_500),
        balance_amount: won(if status == TossStatus::Canceled { 0 } else { 6_500 }),
        method: Some("카드".into()),
        approved_at: None,
        receipt_url: None,
        failure: None,
    }
}

pub fn shows(key: &str, status: TossStatus) -> Answer {
    Answer::Payment(Box::new(toss(key, status)))
}

pub fn error(http_status: u16, code: &str) -> Answer {
    Answer::Error { http_status, refusal: Refusal { code: code.into(), message: String::new() } }
}

pub fn nothing() -> Answer {
    Answer::Nothing { why: "reset".into() }
}

/// One event in words.
pub fn words(event: &Event, now: Timestamp) -> String {
    match event {
        Event::AttemptOpened { attempt } => format!("opened {}", attempt.number),
        Event::AttemptQueued { attempt } => format!("queued {}", attempt.number),
        Event::AttemptDropped { attempt } => format!("dropped {}", attempt.number),
        Event::AttemptRefused { attempt } => format!("refused {}", attempt.number),
        Event::WaitingDropped { attempt } => format!("dropped waiting {attempt}"),
        Event::WaitingOpened { attempt } => format!("opened waiting {attempt}"),
        Event::CallPlanned { attempt, dialogue } => {
            format!("call {attempt} {} key {}", step(dialogue.step, dialogue.purpose), dialogue.key)
        }
        Event::PausePlanned { attempt, dialogue } => {
            let pause_ms = dialogue.until.ms_since(now);
            format!(
                "pause {attempt} {} key {} {pause_ms} ms",
                step(dialogue.step, dialogue.purpose),
                dialogue.key
            )
        }
        Event::AnswerMissed => "missed".into(),
        Event::OutcomeUnknown { attempt } => format!("unknown {attempt}"),
        Event::Confirmed { attempt, late, .. } => {
            format!("confirmed {attempt}{}", if *late { " late" } else { "" })
        }
        Event::Failed { attempt, refusal } => format!("failed {attempt} {}", refusal.code),
        Event::RefundStarted { attempt } => format!("refund {attempt}"),
        Event::DuplicateRefunded { attempt, amount } => format!("refunded {attempt} {}", amount.minor()),
        Event::Unresolved { attempt, reason } => format!("unresolved {attempt} {reason}"),
        Event::ConfigurationRefused { attempt, refusal } => format!("operator {attempt} {}", refusal.code),
        Event::Expired => "expired".into(),
        Event::Canceled => "canceled".into(),
    }
}

fn step(step: Step, purpose: Purpose) -> &'static str {
    match (step, purpose) {
        (Step::Confirm, _) => "confirm",
        (Step::QueryPayment, _) => "query",
        (Step::QueryOrder, _) => "query order",
        (Step::Cancel, Purpose::Void) => "void",
        (Step::Cancel, _) => "cancel",
    }
}

/// Checks one row of a state machine's table: in this state, this command has these events.
#[track_caller]
pub fn check(given: Payment, at_ms: i64, when: Command, then: &[&str]) -> Payment {
    let now = START.plus_ms(at_ms);
    let events = decide(&given, when, now).unwrap();
    let said: Vec<String> = events.iter().map(|event| words(event, now)).collect();
    assert_eq!(said, then);
    events.iter().fold(given, Payment::evolve)
}

/// Checks that in this state the command is refused.
#[track_caller]
pub fn check_refused(given: Payment, at_ms: i64, when: Command, then: Rejection) {
    assert_eq!(decide(&given, when, START.plus_ms(at_ms)), Err(then));
}
