//! Paying: what the state machine decides is stored, announced and set going.

use super::place::credits_sum;
use super::{OrderShard, WAITING_MAX, not_found, orders};
use crate::actor::{Effect, Fault, LogLine, Token, Turn};
use crate::command::{ConfirmOutcome, Rejection, Reply};
use crate::params;
use crate::psp::{PspCall, PspCallId, PspRequest};
use crate::sql::SqlError;
use gyesan_core::api::{Method, OrderStatus, PaymentStatus};
use gyesan_core::event::EventData;
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::payment::{self, Attempt, AttemptState, Dialogue, Event, Purpose, Signal, Step};
use gyesan_core::problem::Code;
use gyesan_core::toss::{self, Answer};
use orders::Order;

impl OrderShard {
    /// The buyer came back:
    /// 1. find the order, decide, store, plan the call to the PSP;
    /// 2. answer at once when the outcome is known, or wait for it.
    #[allow(clippy::too_many_arguments, reason = "the parts of one command, taken apart once")]
    pub(super) fn confirm(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        merchant_id: &MerchantId,
        order_id: &OrderId,
        payment_key: &str,
        command: payment::Command,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        // 1
        let mut order = orders::find(turn.sql, merchant_id, order_id)?.ok_or(not_found())?;
        self.pay(turn, &mut order, command, trace)?;
        // 2
        let attempt = order.payment.attempt_of(payment_key).cloned();
        match outcome(&order, attempt.as_ref()) {
            Some(result) => turn.push(Effect::Reply { token, result }),
            None => {
                let number = attempt.map_or(0, |attempt| attempt.number);
                let waiting = self.waiting.entry((order.row, number)).or_default();
                if waiting.len() >= WAITING_MAX {
                    return Err(Rejection::new(Code::PaymentInProgress).into());
                }
                waiting.push(token);
            }
        }
        Ok(())
    }

    /// An answer of the PSP, or that there is none.
    pub(super) fn psp_answered(
        &mut self,
        turn: &mut Turn<'_>,
        id: &PspCallId,
        answer: Answer,
    ) -> Result<(), Fault> {
        let Some(mut order) = orders::find(turn.sql, &id.merchant_id, &id.order_id)? else { return Ok(()) };
        let command =
            payment::Command::Signal { attempt: id.attempt, call: id.call, signal: Signal::Answered(answer) };
        let trace = order.trace_of(id.attempt);
        self.pay(turn, &mut order, command, trace.as_deref())
    }

    /// Decides and stores.
    pub(super) fn pay(
        &mut self,
        turn: &mut Turn<'_>,
        order: &mut Order,
        command: payment::Command,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        let events =
            payment::decide(&order.payment, command, turn.now).map_err(|rejection| reject(&rejection))?;
        self.store_events(turn, order, &events, None, trace)
    }

    /// Stores what has been decided, all of it in this transaction: the order, its attempts, history, due work and events of the
    /// outbox; then answers whoever waited for it.
    pub(super) fn store_events(
        &mut self,
        turn: &mut Turn<'_>,
        order: &mut Order,
        events: &[Event],
        replaced_by: Option<OrderId>,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        if events.is_empty() {
            return Ok(());
        }
        let before = order.payment.clone();
        for event in events {
            let (previous, was_unresolved) = (order.payment.status, order.payment.unresolved);
            order.payment = order.payment.clone().evolve(event);
            if was_unresolved && !order.payment.unresolved {
                close_notices(turn, order)?;
            }
            if !matches!(event, Event::CallPlanned { .. } | Event::PausePlanned { .. } | Event::AnswerMissed)
            {
                order.version = order.version.saturating_add(1);
            }
            if order.payment.status != previous {
                let (by, reason) = cause(event);
                orders::add_history(turn, order, Some(previous), order.payment.status, by, reason)?;
            }
            self.store_event(turn, order, event, replaced_by.as_ref(), trace)?;
        }
        orders::store(turn, order, events)?;
        let changed =
            order.payment.attempts.iter().filter(|attempt| before.attempt(attempt.number) != Some(*attempt));
        for attempt in changed.clone() {
            orders::store_attempt(turn.sql, order.row, attempt, trace)?;
        }
        // The due row of an order (attempt 0) is its expiry, the others are dialogues with the PSP.
        let closed = before.order_status == OrderStatus::Completed
            && order.payment.order_status != OrderStatus::Completed;
        let over = changed
            .clone()
            .filter(|attempt| attempt.state.dialogue().is_none() && before.attempt(attempt.number).is_some());
        let over: Vec<u32> = over.map(|attempt| attempt.number).chain(closed.then_some(0)).collect();
        for pair in over.chunks(2) {
            turn.sql.query(
                "DELETE FROM due WHERE order_row = ? AND attempt IN (?, ?)",
                params![order.row, pair.first().copied(), pair.last().copied()],
            )?;
        }
        for attempt in changed {
            let waiting = self.waiting.contains_key(&(order.row, attempt.number));
            if let Some(result) = outcome(order, Some(attempt)).filter(|_| waiting) {
                for token in self.waiting.remove(&(order.row, attempt.number)).unwrap_or_default() {
                    turn.push(Effect::Reply { token, result: result.clone() });
                }
            }
        }
        Ok(())
    }

    fn store_event(
        &mut self,
        turn: &mut Turn<'_>,
        order: &Order,
        event: &Event,
        replaced_by: Option<&OrderId>,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        let (order_id, order_version) = (order.order_id.clone(), order.version);
        let key_of =
            |number: u32| order.payment.attempt(number).map(|a| a.payment_key.clone()).unwrap_or_default();
        let data = match event {
            Event::CallPlanned { attempt, dialogue } => {
                self.plan(turn, order.row, *attempt, "call", dialogue.until)?;
                if let Some(attempt) = order.payment.attempt(*attempt) {
                    turn.push(Effect::Psp(call(order, attempt, dialogue, trace)));
                }
                return Ok(());
            }
            Event::PausePlanned { attempt, dialogue } => {
                self.plan(turn, order.row, *attempt, "pause", dialogue.until)?;
                return Ok(());
            }
            Event::AttemptOpened { .. }
            | Event::AttemptQueued { .. }
            | Event::AttemptDropped { .. }
            | Event::WaitingDropped { .. }
            | Event::WaitingOpened { .. }
            | Event::RefundStarted { .. }
            | Event::AnswerMissed => return Ok(()),
            Event::AttemptRefused { attempt } => {
                log(turn, order, "warn", "payment.return-refused", attempt.payment_key.clone());
                return Ok(());
            }
            Event::ConfigurationRefused { attempt, refusal } => {
                log(
                    turn,
                    order,
                    "error",
                    "alert.psp-configuration",
                    format!("{}: {}", refusal.code, refusal.message),
                );
                notice(turn, order, "PSP_CONFIGURATION", &key_of(*attempt), &refusal.code, true)?;
                return Ok(());
            }
            Event::OutcomeUnknown { attempt } => {
                log(turn, order, "warn", "payment.unknown", key_of(*attempt));
                EventData::PaymentUnknown { order_id, order_version, payment_key: key_of(*attempt) }
            }
            Event::Confirmed { payment, late, .. } => {
                let lines = orders::payment_orders(turn.sql, order.row)?;
                turn.sql.query(
                    "UPDATE totals SET charges = charges + ?, uncredited = uncredited + ?",
                    params![payment.total_amount, credits_sum(&lines)],
                )?;
                EventData::PaymentConfirmed {
                    order_id,
                    order_version,
                    payment_key: payment.payment_key.clone(),
                    amount: payment.total_amount,
                    method: payment.method.as_ref().map(|label| Method {
                        code: toss::method_code(label).to_owned(),
                        label: label.clone(),
                    }),
                    approved_at: payment.approved_at,
                    member_id: order.member_id.clone(),
                    region: None,
                    late: *late,
                    payment_orders: lines,
                }
            }
            Event::Failed { attempt, refusal } => {
                let payment_key = key_of(*attempt);
                EventData::PaymentFailed {
                    order_id,
                    order_version,
                    payment_key,
                    psp_code: refusal.code.clone(),
                }
            }
            Event::DuplicateRefunded { attempt, amount } => {
                turn.sql.query(
                    "UPDATE totals SET charges = charges + ?, refunds = refunds + ?",
                    params![*amount, *amount],
                )?;
                notice(turn, order, "DUPLICATE_REFUNDED", &key_of(*attempt), "CHARGED_TWICE", false)?;
                let payment_key = key_of(*attempt);
                EventData::DuplicateRefunded { order_id, order_version, payment_key, amount: *amount }
            }
            Event::Unresolved { attempt, reason } => {
                log(
                    turn,
                    order,
                    "error",
                    "alert.payment-unresolved",
                    format!("{reason} {}", key_of(*attempt)),
                );
                notice(turn, order, "PAYMENT_UNRESOLVED", &key_of(*attempt), reason, true)?;
                let payment_key = key_of(*attempt);
                EventData::PaymentUnresolved {
                    order_id,
                    order_version,
                    payment_key,
                    reason: (*reason).to_owned(),
                }
            }
            Event::Expired => EventData::OrderExpired { order_id, order_version },
            Event::Canceled => {
                EventData::OrderCanceled { order_id, order_version, replaced_by: replaced_by.cloned() }
            }
        };
        self.outbox.append(turn, &order.merchant_id, data, trace)?;
        Ok(())
    }
}

/// What waited for a person has been settled by the PSP's word.
fn close_notices(turn: &Turn<'_>, order: &Order) -> Result<(), SqlError> {
    turn.sql.query(
        "UPDATE notices SET open = 0 WHERE order_row = ? AND kind = 'PAYMENT_UNRESOLVED'",
        params![order.row],
    )?;
    Ok(())
}

fn notice(
    turn: &Turn<'_>,
    order: &Order,
    kind: &str,
    payment_key: &str,
    reason: &str,
    open: bool,
) -> Result<(), SqlError> {
    turn.sql.query(
        "INSERT INTO notices (kind, order_row, payment_key, reason, open, created_at)
         SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM notices WHERE order_row = ? AND kind = ? AND payment_key = ?)",
        params![kind, order.row, payment_key, reason, open, turn.now, order.row, kind, payment_key],
    )?;
    Ok(())
}

/// The call that an attempt's dialogue is at: made of stored state alone, the amount included.
fn call(order: &Order, attempt: &Attempt, dialogue: &Dialogue, trace: Option<&str>) -> PspCall {
    let payment_key = attempt.payment_key.clone();
    let idempotency_key = attempt.idempotency_key(dialogue);
    let request = match dialogue.step {
        Step::Confirm => PspRequest::Confirm {
            payment_key,
            order_id: order.order_id.clone(),
            amount: order.payment.amount,
            idempotency_key,
        },
        Step::QueryPayment => PspRequest::QueryPayment { payment_key },
        Step::QueryOrder => PspRequest::QueryOrder { order_id: order.order_id.clone() },
        Step::Cancel => PspRequest::Cancel {
            payment_key,
            reason: match dialogue.purpose {
                Purpose::Charge | Purpose::Void => "지원하지 않는 결제 수단",
                Purpose::Refund => "중복 결제 취소",
            },
            idempotency_key,
        },
    };
    let id = PspCallId {
        merchant_id: order.merchant_id.clone(),
        order_id: order.order_id.clone(),
        attempt: attempt.number,
        call: dialogue.call,
    };
    PspCall { id, request, trace: trace.map(str::to_owned) }
}

/// What the caller of a confirm is told, once it is known.
fn outcome(order: &Order, attempt: Option<&Attempt>) -> Option<Result<Reply, Rejection>> {
    let return_url = || order.return_url.clone();
    if order.payment.status == PaymentStatus::Success {
        return Some(Ok(Reply::Confirmed(ConfirmOutcome::Paid { return_url: return_url() })));
    }
    let closed = match order.payment.order_status {
        OrderStatus::Canceled => Code::OrderNotPayable,
        OrderStatus::Completed | OrderStatus::PaymentCompleted | OrderStatus::Expired => Code::OrderExpired,
    };
    match attempt.map(|attempt| &attempt.state) {
        Some(AttemptState::Waiting | AttemptState::Executing(_) | AttemptState::Unknown(_)) => None,
        Some(AttemptState::Failure(refusal)) => {
            let rejected = ConfirmOutcome::Rejected { refusal: refusal.clone(), return_url: return_url() };
            Some(Ok(Reply::Confirmed(rejected)))
        }
        Some(
            AttemptState::Refused
            | AttemptState::Dropped
            | AttemptState::Success
            | AttemptState::Refunding(_)
            | AttemptState::Refunded,
        )
        | None => Some(Err(Rejection::new(closed))),
    }
}

fn reject(rejection: &payment::Rejection) -> Rejection {
    let code = match rejection {
        payment::Rejection::AmountMismatch { .. } => Code::AmountMismatch,
        payment::Rejection::TooManyAttempts => Code::TooManyAttempts,
        payment::Rejection::PaymentInDoubt => Code::PaymentInProgress,
        payment::Rejection::AlreadyPaid => Code::OrderNotPayable,
    };
    Rejection::new(code)
}

/// Who changed the status, and why, for the history.
const fn cause(event: &Event) -> (&'static str, &'static str) {
    match event {
        Event::AttemptOpened { .. } => ("buyer", "PAYMENT_CONFIRMATION_START"),
        Event::WaitingOpened { .. } => ("system", "PAYMENT_CONFIRMATION_START"),
        Event::OutcomeUnknown { .. } => ("psp", "PAYMENT_CONFIRMATION_UNKNOWN"),
        Event::Confirmed { late: true, .. } => ("psp", "PAYMENT_CONFIRMATION_LATE"),
        Event::Confirmed { .. } => ("psp", "PAYMENT_CONFIRMATION_DONE"),
        Event::Failed { .. } => ("psp", "PAYMENT_CONFIRMATION_FAILED"),
        _ => ("system", "PAYMENT_CHANGED"),
    }
}

fn log(turn: &mut Turn<'_>, order: &Order, level: &'static str, fact: &'static str, detail: String) {
    turn.push(Effect::Log(LogLine {
        level,
        fact,
        merchant_id: order.merchant_id.0.clone(),
        order_id: order.order_id.0.clone(),
        detail,
    }));
}
