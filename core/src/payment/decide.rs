//! What follows from a command, row by row of the table in the tests.

use super::dialogue::{self, Dialogue, Purpose, Signal, Step};
use super::{ATTEMPTS_MAX, Attempt, AttemptState, Event, NewAttempt, Payment};
use crate::api::{OrderStatus, PaymentStatus};
use crate::money::Amount;
use crate::time::Timestamp;
use crate::toss::{Refusal, TossPayment, TossStatus};

/// What can be asked of a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// The buyer came back from the PSP's window, or the merchant's server says so. A repeat joins what is under way.
    Return {
        /// The PSP's key of this authentication.
        payment_key: String,
        /// What the caller believes to be the amount.
        amount: Amount,
        /// The id for the attempt, if it is new.
        attempt_id: String,
    },
    /// Something came, or did not come, of a call.
    Signal {
        /// Which attempt.
        attempt: u32,
        /// Which call of it.
        call: u32,
        /// What.
        signal: Signal,
    },
    /// An operator wants the open attempts asked about now.
    Recheck,
    /// The PSP's word on a payment of this order, from a query that no attempt asked for (a webhook's, a reconciliation's).
    Evidence {
        /// The payment, as the PSP shows it.
        payment: Box<TossPayment>,
    },
    /// The time to pay is over.
    Expire,
    /// The order is called off because another takes its place.
    Cancel,
}

/// Why a command changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The caller's amount is not the order's.
    #[error("the order's amount is {expected:?}, not {got:?}")]
    AmountMismatch {
        /// As stored.
        expected: Amount,
        /// As the caller says.
        got: Amount,
    },
    /// The order has as many attempts as it may have.
    #[error("the order has {ATTEMPTS_MAX} attempts")]
    TooManyAttempts,
    /// An attempt may be charging the buyer.
    #[error("a payment may be under way")]
    PaymentInDoubt,
    /// The order is paid.
    #[error("the order is paid")]
    AlreadyPaid,
}

/// Which events follow from a command. Nothing follows from a repeat.
///
/// # Errors
/// [`Rejection`]; nothing changes then.
pub fn decide(payment: &Payment, command: Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Return { payment_key, amount, attempt_id } => {
            returned(payment, payment_key, amount, attempt_id, now)
        }
        Command::Signal { attempt, call, signal } => {
            let Some(attempt) = payment.attempt(attempt) else { return Ok(Vec::new()) };
            Ok(dialogue::advance(payment, attempt, call, signal, now))
        }
        Command::Recheck => Ok(recheck(payment, now)),
        Command::Evidence { payment: found } => Ok(evidence(payment, found, now)),
        Command::Expire => Ok(expire(payment, now)),
        Command::Cancel => cancel(payment),
    }
}

fn returned(
    payment: &Payment,
    payment_key: String,
    amount: Amount,
    attempt_id: String,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    if amount != payment.amount {
        return Err(Rejection::AmountMismatch { expected: payment.amount, got: amount });
    }
    if payment.attempt_of(&payment_key).is_some() {
        return Ok(Vec::new());
    }
    let full = payment.attempts.len() >= ATTEMPTS_MAX;
    let number = u32::try_from(payment.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
    let attempt = NewAttempt { number, id: attempt_id, payment_key, created_at: now };
    let over = now >= payment.expires_at;
    match (payment.order_status, payment.status) {
        // Paid, closed: the answer is the same with or without a row, so a full table is no reason to refuse it.
        (_, PaymentStatus::Success) if full => Ok(Vec::new()),
        (_, PaymentStatus::Success) => Ok(vec![Event::AttemptDropped { attempt }]),
        _ if full => Err(Rejection::TooManyAttempts),
        (OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::PaymentCompleted, _) => {
            Ok(vec![Event::AttemptRefused { attempt }])
        }
        (OrderStatus::Completed, _) if over => Ok(vec![Event::AttemptRefused { attempt }]),
        (OrderStatus::Completed, _) if payment.open_attempt().is_some() => {
            Ok(vec![Event::AttemptQueued { attempt }])
        }
        (OrderStatus::Completed, _) => {
            let mut events = vec![Event::AttemptOpened { attempt }];
            events.extend(first_call(number, now));
            Ok(events)
        }
    }
}

fn first_call(attempt: u32, now: Timestamp) -> Vec<Event> {
    dialogue::ask(attempt, Dialogue::new(Purpose::Charge, Step::Confirm), Step::Confirm, now)
}

fn recheck(payment: &Payment, now: Timestamp) -> Vec<Event> {
    let talking = payment.attempts.iter().filter_map(|attempt| Some((attempt, attempt.state.dialogue()?)));
    talking
        .flat_map(|(attempt, dialogue)| {
            dialogue::advance(payment, attempt, dialogue.call, Signal::AskNow, now)
        })
        .collect()
}

fn expire(payment: &Payment, now: Timestamp) -> Vec<Event> {
    let due = payment.is_payable() && now >= payment.expires_at;
    // Whoever may be charged right now is not told that the order has expired.
    if due && payment.open_attempt().is_none() { vec![Event::Expired] } else { Vec::new() }
}

fn cancel(payment: &Payment) -> Result<Vec<Event>, Rejection> {
    match payment.order_status {
        OrderStatus::Canceled | OrderStatus::Expired => Ok(Vec::new()),
        OrderStatus::PaymentCompleted => Err(Rejection::AlreadyPaid),
        OrderStatus::Completed if payment.open_attempt().is_some() => Err(Rejection::PaymentInDoubt),
        OrderStatus::Completed => Ok(vec![Event::Canceled]),
    }
}

/// The PSP's word on a payment that no dialogue asked for.
pub(super) fn evidence(payment: &Payment, found: Box<TossPayment>, now: Timestamp) -> Vec<Event> {
    if found.order_id != payment.order_id || found.status != TossStatus::Done {
        return Vec::new();
    }
    let known = payment.attempt_of(&found.payment_key).cloned();
    let number = u32::try_from(payment.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
    let attempt = known.clone().unwrap_or_else(|| Attempt {
        number,
        id: format!("att_{}", found.payment_key),
        payment_key: found.payment_key.clone(),
        created_at: now,
        state: AttemptState::Waiting,
    });
    let right = found.total_amount == payment.amount
        && found.balance_amount == payment.amount
        && found.currency == "KRW";
    let mut events = Vec::new();
    if known.is_none() {
        let (id, payment_key) = (attempt.id.clone(), attempt.payment_key.clone());
        events
            .push(Event::AttemptQueued { attempt: NewAttempt { number, id, payment_key, created_at: now } });
    }
    match &attempt.state {
        AttemptState::Success | AttemptState::Refunding(_) | AttemptState::Refunded => return Vec::new(),
        AttemptState::Waiting
        | AttemptState::Executing(_)
        | AttemptState::Unknown(_)
        | AttemptState::Failure(_)
        | AttemptState::Dropped
        | AttemptState::Refused => {}
    }
    if right {
        events.extend(charged(payment, &attempt, found, now));
    } else if !payment.unresolved {
        events.push(Event::Unresolved { attempt: attempt.number, reason: "AMOUNT_DIFFERS" });
    }
    events
}

/// The buyer is charged by this attempt: the order is paid, or was paid already (or is closed), and then it is given back.
pub(super) fn charged(
    payment: &Payment,
    attempt: &Attempt,
    found: Box<TossPayment>,
    now: Timestamp,
) -> Vec<Event> {
    let number = attempt.number;
    if !payment.is_payable() {
        let mut events = vec![Event::RefundStarted { attempt: number }];
        // The calls are numbered on, so that a late answer to the charge is not taken for one to the refund.
        let call = attempt.state.dialogue().map_or(0, |dialogue| dialogue.call);
        let dialogue = Dialogue { call, ..Dialogue::new(Purpose::Refund, Step::Cancel) };
        events.extend(dialogue::ask(number, dialogue, Step::Cancel, now));
        return events;
    }
    let late = matches!(attempt.state, AttemptState::Failure(_)) || payment.status == PaymentStatus::Failure;
    let mut events = vec![Event::Confirmed { attempt: number, payment: found, late }];
    let waiting = payment
        .attempts
        .iter()
        .filter(|other| other.number != number && other.state == AttemptState::Waiting);
    events.extend(waiting.map(|other| Event::WaitingDropped { attempt: other.number }));
    events
}

/// The buyer is not charged by this attempt: the next waiting one gets its turn, if its own window is still open.
pub(super) fn failed(payment: &Payment, number: u32, refusal: Refusal, now: Timestamp) -> Vec<Event> {
    let mut events = vec![Event::Failed { attempt: number, refusal }];
    let mut opened = !payment.is_payable();
    let others = payment.attempts.iter().filter(|other| other.number != number);
    opened |= others.clone().any(|other| other.state.is_open());
    for other in others.filter(|other| other.state == AttemptState::Waiting) {
        if opened {
            continue;
        }
        if now < other.window_ends() {
            events.push(Event::WaitingOpened { attempt: other.number });
            events.extend(first_call(other.number, now));
            opened = true;
        } else {
            events.push(Event::Failed { attempt: other.number, refusal: window_passed() });
        }
    }
    if !opened && now >= payment.expires_at {
        events.push(Event::Expired);
    }
    events
}

fn window_passed() -> Refusal {
    Refusal {
        code: "NOT_FOUND_PAYMENT_SESSION".into(),
        message: "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.".into(),
    }
}
