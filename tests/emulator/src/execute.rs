//! What a call does to a payment: approval, refund, query.

use crate::code;
use crate::emulator::Emulator;
use crate::idempotency::Answer;
use crate::journal::Effect;
use crate::payment::{Cancel, Failure, Method, Payment, Status};
use crate::psp::{Call, error};

/// Does it, and says what to answer and what changed. `arrived_ms` decides whether a window was open, `clock_ms` is
/// when it happens; both are on the emulator's clock.
pub fn execute(
    emulator: &mut Emulator,
    clock_ms: i64,
    arrived_ms: i64,
    call: &Call,
) -> (Answer, Option<Effect>) {
    match call {
        Call::Confirm { payment_key, order_id, amount } => {
            confirm(emulator, clock_ms, arrived_ms, payment_key, order_id, *amount)
        }
        Call::Cancel { payment_key, reason, amount, tax_free, refundable } => {
            let wanted = Wanted { reason, amount: *amount, tax_free: *tax_free, refundable: *refundable };
            cancel(emulator, clock_ms, payment_key, &wanted)
        }
        Call::ByKey { payment_key } => (shown(emulator, clock_ms, emulator.book.by_key(payment_key)), None),
        Call::ByOrder { order_id } => {
            for index in emulator.book.by_order(order_id).to_vec() {
                emulator.book.at(index, clock_ms);
            }
            (shown(emulator, clock_ms, emulator.book.answer_for_order(order_id)), None)
        }
        Call::Malformed => (error("INVALID_REQUEST"), None),
    }
}

fn shown(emulator: &mut Emulator, clock_ms: i64, index: Option<usize>) -> Answer {
    let found = index.and_then(|index| emulator.book.at(index, clock_ms).map(|payment| (index, payment)));
    match found {
        Some((index, payment)) => Answer::Payment { index, cancels: payment.cancels.len() },
        None => error("NOT_FOUND_PAYMENT"),
    }
}

/// Approves a payment, in the order in which Toss's rules are documented: session, state, amount, limits.
///
/// A second payment of an order that is paid already is approved too: keeping an order from being charged twice is
/// the merchant's part, and an emulator that did it would hide the mistake.
fn confirm(
    emulator: &mut Emulator,
    clock_ms: i64,
    arrived_ms: i64,
    payment_key: &str,
    order_id: &str,
    amount: i64,
) -> (Answer, Option<Effect>) {
    let Some(index) = emulator.book.by_key(payment_key) else {
        return (error("NOT_FOUND_PAYMENT_SESSION"), None);
    };
    let approval_key = format!("txrd_{}", emulator.keys.letters(24));
    let approve_no = emulator.keys.digits();
    let Some(payment) = emulator.book.at(index, arrived_ms) else {
        return (error("NOT_FOUND_PAYMENT_SESSION"), None);
    };
    if payment.order_id != order_id {
        return (error("NOT_FOUND_PAYMENT_SESSION"), None);
    }
    match payment.status_after(payment.cancels.len()) {
        Status::InProgress => {}
        Status::Ready | Status::Aborted | Status::Expired => {
            return (error("NOT_FOUND_PAYMENT_SESSION"), None);
        }
        Status::Done | Status::WaitingForDeposit | Status::Canceled | Status::PartialCanceled => {
            return (error("ALREADY_PROCESSED_PAYMENT"), None);
        }
    }
    // Which code Toss gives for another amount is not documented; that it refuses is.
    if payment.total_amount != amount {
        return (error("INVALID_REQUEST"), None);
    }
    if let Some(code) = beyond_limits(payment) {
        payment.status = Status::Aborted;
        payment.failure =
            code::lookup(code).map(|row| Failure { code: row.code.into(), message: row.korean.into() });
        return (error(code), Some(Effect::Refused));
    }

    // After this it must succeed.
    payment.approved_at_ms = Some(clock_ms);
    payment.approvals += 1;
    payment.approval_key = Some(approval_key);
    payment.approve_no = Some(approve_no);
    payment.status = payment.status_after(0);
    let charged = payment.charged();
    emulator.totals.charges += charged;
    emulator.totals.payments += u64::from(charged > 0);
    (Answer::Payment { index, cancels: 0 }, Some(Effect::Approved))
}

fn beyond_limits(payment: &Payment) -> Option<&'static str> {
    let by_account = matches!(payment.method, Method::Transfer | Method::VirtualAccount);
    if payment.total_amount < if by_account { 200 } else { 100 } {
        return Some("BELOW_MINIMUM_AMOUNT");
    }
    (payment.method == Method::Transfer && payment.total_amount > 10_000_000)
        .then_some("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM")
}

struct Wanted<'a> {
    reason: &'a str,
    amount: Option<i64>,
    tax_free: i64,
    refundable: Option<i64>,
}

fn cancel(
    emulator: &mut Emulator,
    clock_ms: i64,
    payment_key: &str,
    wanted: &Wanted<'_>,
) -> (Answer, Option<Effect>) {
    let transaction_key = format!("txcn_{}", emulator.keys.letters(24));
    let index = emulator.book.by_key(payment_key);
    let found = index.and_then(|index| emulator.book.at(index, clock_ms).map(|payment| (index, payment)));
    let Some((index, payment)) = found else {
        return (error("NOT_FOUND_PAYMENT"), None);
    };
    let balance = payment.balance();
    let amount = wanted.amount.unwrap_or(balance);
    if let Some(code) = not_cancelable(payment, wanted, amount) {
        return (error(code), None);
    }

    // After this it must succeed.
    let was_charged = payment.charged() > 0;
    payment.cancels.push(Cancel {
        transaction_key,
        amount,
        reason: wanted.reason.into(),
        tax_free_amount: wanted.tax_free,
        canceled_at_ms: clock_ms,
    });
    let cancels = payment.cancels.len();
    payment.status = payment.status_after(cancels);
    if was_charged {
        emulator.totals.refunds += amount;
    }
    (Answer::Payment { index, cancels }, Some(Effect::Canceled))
}

fn not_cancelable(payment: &Payment, wanted: &Wanted<'_>, amount: i64) -> Option<&'static str> {
    let balance = payment.balance();
    let tax_free_left =
        payment.tax_free_amount - payment.cancels.iter().map(|cancel| cancel.tax_free_amount).sum::<i64>();
    match payment.status {
        Status::Ready | Status::InProgress | Status::Aborted | Status::Expired => {
            return Some("NOT_CANCELABLE_PAYMENT");
        }
        Status::Canceled => return Some("ALREADY_CANCELED_PAYMENT"),
        Status::WaitingForDeposit if amount != balance => {
            return Some("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
        }
        Status::WaitingForDeposit | Status::Done | Status::PartialCanceled => {}
    }
    if wanted.refundable.is_some_and(|refundable| refundable != balance) {
        return Some("NOT_MATCHES_REFUNDABLE_AMOUNT");
    }
    if wanted.amount.is_some_and(|amount| amount <= 0)
        || wanted.tax_free < 0
        || wanted.tax_free > tax_free_left
    {
        return Some("INVALID_REQUEST");
    }
    (balance == 0 || amount > balance).then_some("NOT_CANCELABLE_AMOUNT")
}
