//! The order shard: orders, their payments, and the due work on them.
//!
//! It is called by routes (place, confirm, view), by the completion consumer (credited) and by its own alarm. It decides
//! nothing about payments itself: `gyesan_core::payment` does; here the decision is stored and turned into effects.

mod due;
mod idempotency;
mod orders;
mod pay;
mod place;
mod view;

use crate::actor::{Actor, Effect, Fault, Input, LogLine, Token, Turn};
use crate::alarm::Alarm;
use crate::command::{
    Command, CreditedFact, IdempotencyCommand, OrderCommand, OrderTotals, Rejection, Reply, UnresolvedRow,
};
use crate::migration;
use crate::outbox::Outbox;
use crate::params;
use crate::sql::{Sql, SqlError};
use crate::topology::Target;
use gyesan_core::event::Fund;
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::payment;
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use std::collections::HashMap;

/// Callers waiting for one attempt's outcome, at most; more are told that the payment is in progress.
const WAITING_MAX: usize = 32;

/// One order shard.
pub struct OrderShard {
    outbox: Outbox,
    alarm: Alarm,
    /// The earliest due work planned since the alarm was last looked at.
    planned: Option<Timestamp>,
    /// Who waits for the outcome of which attempt (order row, attempt number).
    waiting: HashMap<(i64, u32), Vec<Token>>,
}

impl OrderShard {
    /// The shard as stored. Calls that were under way when the last process ended are recovered at once: their due times are
    /// moved to now, except where that has been tried before. `keep_ms` is how long published events are kept.
    ///
    /// # Errors
    /// A failure of the database.
    pub fn open(
        index: u32,
        readers: Vec<Target>,
        keep_ms: Option<i64>,
        sql: &dyn Sql,
        now: Timestamp,
    ) -> Result<OrderShard, SqlError> {
        migration::apply(sql, migration::ORDER_SHARD)?;
        due::recover(sql, now)?;
        Ok(OrderShard {
            outbox: Outbox::open(sql, Target::Order(index), readers, keep_ms)?,
            alarm: Alarm::default(),
            planned: None,
            waiting: HashMap::new(),
        })
    }

    fn apply(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        match input {
            Input::Command { token, command, trace } => self.command(turn, token, command, trace.as_deref()),
            Input::PspAnswered { id, answer } => self.psp_answered(turn, &id, answer),
            Input::CallAnswered { id, result } => {
                self.outbox.answered(turn, id, result)?;
                Ok(())
            }
            Input::Alarm => {
                self.alarm.went_off();
                self.take_due_work(turn)
            }
            Input::Due(work) => self.do_due_work(turn, &work),
            Input::Socket(_)
            | Input::Tick
            | Input::LogRead { .. }
            | Input::HttpAnswered { .. }
            | Input::QueryAnswered { .. } => Ok(()),
        }
    }

    fn command(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        command: Command,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        let reply = match command {
            Command::Order(command) => return self.order_command(turn, token, command, trace),
            Command::Idempotency(command) => Self::idempotency(turn, command)?,
            Command::Log(command) => self.outbox.answer(turn.sql, &command)?,
            Command::Poke => {
                self.take_due_work(turn)?;
                Reply::Done
            }
            Command::Ledger(_)
            | Command::Wake(_)
            | Command::Position
            | Command::Appended { .. }
            | Command::Consumer(_)
            | Command::RelayStatus
            | Command::Relay(_) => {
                return Err(Rejection::with(Code::Internal, "not a command for an order shard").into());
            }
        };
        turn.reply(token, reply);
        Ok(())
    }

    fn order_command(
        &mut self,
        turn: &mut Turn<'_>,
        token: Token,
        command: OrderCommand,
        trace: Option<&str>,
    ) -> Result<(), Fault> {
        let reply = match command {
            OrderCommand::Place(order) => self.place(turn, &order, trace)?,
            OrderCommand::Close { merchant_id, order_id, replaced_by } => {
                self.close(turn, &merchant_id, &order_id, replaced_by, trace)?
            }
            OrderCommand::Confirm { merchant_id, order_id, payment_key, amount } => {
                let id = turn.new_id("att_");
                let command =
                    payment::Command::Return { payment_key: payment_key.clone(), amount, attempt_id: id };
                return self.confirm(turn, token, &merchant_id, &order_id, &payment_key, command, trace);
            }
            OrderCommand::NoteFailure { merchant_id, order_id, code } => {
                note_failure(turn, &merchant_id, &order_id, &code)?
            }
            OrderCommand::View { merchant_id, order_id } => {
                let order = orders::find(turn.sql, &merchant_id, &order_id)?.ok_or(not_found())?;
                Reply::Order(Box::new(view::order(turn.sql, &order)?))
            }
            OrderCommand::Recheck { merchant_id, order_id } => {
                let mut order = orders::find(turn.sql, &merchant_id, &order_id)?.ok_or(not_found())?;
                self.pay(turn, &mut order, payment::Command::Recheck, trace)?;
                Reply::Order(Box::new(view::order(turn.sql, &order)?))
            }
            OrderCommand::Credited(facts) => {
                credited(turn, &facts)?;
                Reply::Done
            }
            OrderCommand::Unresolved => Reply::Unresolved(unresolved(turn.sql)?),
            OrderCommand::Totals => Reply::Totals(totals(turn.sql)?),
        };
        turn.reply(token, reply);
        Ok(())
    }

    fn idempotency(turn: &mut Turn<'_>, command: IdempotencyCommand) -> Result<Reply, Fault> {
        match command {
            IdempotencyCommand::Claim { scope, request } => idempotency::claim(turn, &scope, &request),
            IdempotencyCommand::Settle { scope, status, body } => {
                idempotency::settle(turn, &scope, status, &body)
            }
            IdempotencyCommand::Release { scope } => idempotency::release(turn, &scope),
        }
    }
}

impl Actor for OrderShard {
    fn handle(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Fault> {
        let mark = self.outbox.mark();
        let result = self.apply(turn, input);
        if result.is_err() {
            self.outbox.go_back(mark);
        }
        result
    }

    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Fault> {
        self.outbox.finish(turn)?;
        // An alarm that is set is early enough for everything but what has just been planned.
        let planned = self.planned.take();
        let due = if self.alarm.is_set(turn.now) { planned } else { due::next(turn.sql)? };
        let readers = self.outbox.next_due(turn.now);
        self.alarm.wish(turn, [due, readers].into_iter().flatten().min());
        Ok(())
    }
}

fn not_found() -> Rejection {
    Rejection::new(Code::OrderNotFound)
}

/// `/payments/fail` is advisory: a line of the history that changes no status.
fn note_failure(
    turn: &mut Turn<'_>,
    merchant_id: &MerchantId,
    order_id: &OrderId,
    code: &str,
) -> Result<Reply, Fault> {
    let order = orders::find(turn.sql, merchant_id, order_id)?.ok_or(not_found())?;
    let known = ["PAY_PROCESS_CANCELED", "PAY_PROCESS_ABORTED", "REJECT_CARD_COMPANY"].contains(&code);
    let reason = if known { code } else { "PAYMENT_WINDOW_FAILED" };
    // Anybody can open that URL, so a repeat of the same note is not noted again.
    let same = turn.sql.query(
        "SELECT 1 FROM history WHERE order_row = ? AND reason = ? AND new_status = previous_status",
        params![order.row, reason],
    )?;
    if same.is_empty() {
        let status = order.payment.status;
        orders::add_history(turn, &order, Some(status), status, "buyer", reason)?;
    }
    Ok(Reply::Done)
}

/// Sellers were credited for lines: noted once, by each line's own bit, however often it is reported.
fn credited(turn: &mut Turn<'_>, facts: &[CreditedFact]) -> Result<(), Fault> {
    let mut sum = 0;
    for fact in facts {
        let bit: u32 = match fact.fund {
            Fund::Payment => 1,
            Fund::Promotion => 2,
        };
        let rows = turn.sql.query(
            "UPDATE payment_orders SET credited = credited | ?
             WHERE order_row = (SELECT order_row FROM orders WHERE merchant_id = ? AND order_id = ?)
                 AND payment_order_id = ? AND credited & ? = 0
             RETURNING order_row, CASE WHEN ? = 1 THEN amount ELSE discount END",
            params![
                bit,
                fact.merchant_id.as_str(),
                fact.order_id.as_str(),
                fact.payment_order_id.as_str(),
                bit,
                bit
            ],
        )?;
        let Some(row) = rows.first() else {
            if orders::find(turn.sql, &fact.merchant_id, &fact.order_id)?.is_none() {
                turn.push(Effect::Log(LogLine {
                    level: "error",
                    fact: "credit.order-unknown",
                    merchant_id: fact.merchant_id.0.clone(),
                    order_id: fact.order_id.0.clone(),
                    detail: fact.payment_order_id.clone(),
                }));
            }
            continue;
        };
        sum += row.amount(1)?.minor();
        turn.sql.query(
            "UPDATE orders SET credits_due = credits_due - 1, version = version + 1, updated_at = ? WHERE order_row = ?",
            params![turn.now, row.int(0)?],
        )?;
    }
    turn.sql.query("UPDATE totals SET uncredited = uncredited - ?", params![sum])?;
    Ok(())
}

fn unresolved(sql: &dyn Sql) -> Result<Vec<UnresolvedRow>, SqlError> {
    let rows = sql.query(
        "SELECT n.kind, o.merchant_id, o.order_id, n.payment_key, n.reason, n.created_at, n.open
         FROM notices n JOIN orders o USING (order_row) ORDER BY n.number DESC LIMIT 200",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            Ok(UnresolvedRow {
                kind: row.text(0)?.to_owned(),
                merchant_id: row.text(1)?.into(),
                order_id: row.text(2)?.into(),
                payment_key: row.text(3)?.to_owned(),
                reason: row.text(4)?.to_owned(),
                created_at: row.time(5)?,
                open: row.int(6)? != 0,
            })
        })
        .collect()
}

fn totals(sql: &dyn Sql) -> Result<OrderTotals, SqlError> {
    let in_doubt = sql.query(
        "SELECT coalesce(sum(amount), 0) FROM orders WHERE order_row IN (SELECT order_row FROM due WHERE kind <> 'expire')",
        &[],
    )?;
    let rows = sql.query(
        "SELECT (SELECT coalesce(max(order_row), 0) FROM orders), charges, refunds, uncredited FROM totals",
        &[],
    )?;
    let (Some(row), Some(in_doubt)) = (rows.first(), in_doubt.first()) else {
        return Ok(OrderTotals::default());
    };
    Ok(OrderTotals {
        orders: row.count(0)?,
        charges: row.int(1)?,
        refunds: row.int(2)?,
        uncredited: row.int(3)?,
        in_doubt: in_doubt.int(0)?,
    })
}
