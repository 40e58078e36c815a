//! The rows of an order, and the payment as the state machine sees it.

use crate::actor::Turn;
use crate::params;
use crate::sql::{Row, Sql, SqlError, Value, from_json, to_json};
use gyesan_core::api::{Failure, OrderStatus, PaymentStatus};
use gyesan_core::event::PaymentOrder;
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::payment::{Attempt, AttemptState, Event, Payment};
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{self, Refusal};

/// Why an order's history begins.
pub const ORDER_PLACED: &str = "ORDER_PLACED";

/// An order, as much of it as decisions need.
pub struct Order {
    /// Its key within the shard.
    pub row: i64,
    pub merchant_id: MerchantId,
    pub order_id: OrderId,
    pub content: String,
    pub member_id: Option<String>,
    pub return_url: Option<String>,
    pub version: u32,
    pub payment: Payment,
    /// For each attempt, in the same order: the W3C trace context of the return that began it.
    traces: Vec<Option<String>>,
}

impl Order {
    /// The trace that an attempt belongs to, so that what comes of it later carries it too.
    pub fn trace_of(&self, number: u32) -> Option<String> {
        let place = self.payment.attempts.iter().position(|attempt| attempt.number == number)?;
        self.traces.get(place)?.clone()
    }
}

/// An order's columns and then its attempts', one row for each attempt, or one with nulls when there is none.
macro_rules! select_order {
    ($condition:literal) => {
        concat!(
            "SELECT o.order_row, o.merchant_id, o.order_id, o.content, o.member_id, o.version, o.amount, o.order_status,
                    o.payment_status, o.expires_at, o.failed_count, o.unresolved, o.return_url,
                    a.number, a.attempt_id, a.payment_key, a.state, a.dialogue, a.refusal, a.created_at, a.trace
             FROM orders o LEFT JOIN attempts a ON a.order_row = o.order_row WHERE ",
            $condition,
            " ORDER BY a.number"
        )
    };
}

/// Finds an order by its id, with its attempts.
pub fn find(sql: &dyn Sql, merchant: &MerchantId, order: &OrderId) -> Result<Option<Order>, SqlError> {
    let statement = select_order!("o.merchant_id = ? AND o.order_id = ?");
    load(&sql.query(statement, params![merchant.as_str(), order.as_str()])?)
}

/// Finds an order by its key within the shard.
pub fn by_row(sql: &dyn Sql, order_row: i64) -> Result<Option<Order>, SqlError> {
    load(&sql.query(select_order!("o.order_row = ?"), params![order_row])?)
}

fn load(rows: &[Row]) -> Result<Option<Order>, SqlError> {
    let Some(row) = rows.first() else { return Ok(None) };
    let has_attempts = row.0.get(13).is_some_and(|number| *number != Value::Null);
    let attempts = if has_attempts { rows } else { &[] };
    Ok(Some(Order {
        row: row.int(0)?,
        merchant_id: row.text(1)?.into(),
        order_id: row.text(2)?.into(),
        content: row.text(3)?.to_owned(),
        member_id: row.text_or_null(4)?.map(str::to_owned),
        return_url: row.text_or_null(12)?.map(str::to_owned),
        version: row.count(5)?,
        payment: Payment {
            order_id: row.text(2)?.to_owned(),
            amount: row.amount(6)?,
            order_status: order_status(row.text(7)?)?,
            status: payment_status(row.text(8)?)?,
            expires_at: row.time(9)?,
            failed_count: row.count(10)?,
            unresolved: row.int(11)? != 0,
            attempts: attempts.iter().map(attempt).collect::<Result<_, _>>()?,
        },
        traces: attempts
            .iter()
            .map(|row| Ok(row.text_or_null(20)?.map(str::to_owned)))
            .collect::<Result<_, SqlError>>()?,
    }))
}

fn attempt(row: &Row) -> Result<Attempt, SqlError> {
    let dialogue = || row.json(17);
    let state = match row.text(16)? {
        "WAITING" => AttemptState::Waiting,
        "EXECUTING" => AttemptState::Executing(dialogue()?),
        "UNKNOWN" => AttemptState::Unknown(dialogue()?),
        "SUCCESS" => AttemptState::Success,
        "FAILURE" => AttemptState::Failure(row.json::<Refusal>(18)?),
        "DROPPED" => AttemptState::Dropped,
        "REFUSED" => AttemptState::Refused,
        "REFUNDING" => AttemptState::Refunding(dialogue()?),
        "REFUNDED" => AttemptState::Refunded,
        other => return Err(SqlError(format!("an attempt in state {other}"))),
    };
    Ok(Attempt {
        number: row.count(13)?,
        id: row.text(14)?.to_owned(),
        payment_key: row.text(15)?.to_owned(),
        created_at: row.time(19)?,
        state,
    })
}

/// Writes an attempt that is new or has changed; the trace is the one that it begins with.
pub fn store_attempt(
    sql: &dyn Sql,
    order_row: i64,
    attempt: &Attempt,
    trace: Option<&str>,
) -> Result<(), SqlError> {
    let dialogue = attempt.state.dialogue().map(to_json).transpose()?;
    let refusal = match &attempt.state {
        AttemptState::Failure(refusal) => Some(to_json(refusal)?),
        _ => None,
    };
    sql.query(
        "INSERT INTO attempts (order_row, number, attempt_id, payment_key, state, dialogue, refusal, created_at, trace)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (order_row, number) DO UPDATE SET state = excluded.state, dialogue = excluded.dialogue, refusal = excluded.refusal",
        params![
            order_row,
            attempt.number,
            attempt.id.as_str(),
            attempt.payment_key.as_str(),
            attempt.state.name(),
            dialogue,
            refusal,
            attempt.created_at,
            trace,
        ],
    )?;
    Ok(())
}

/// Writes what the events have changed of the order itself.
pub fn store(turn: &Turn<'_>, order: &Order, events: &[Event]) -> Result<(), SqlError> {
    let payment = &order.payment;
    let (mut paid, mut failure) = (None, None);
    for event in events {
        match event {
            Event::Confirmed { payment, .. } => paid = Some(to_json(payment)?),
            Event::Failed { refusal, .. } => {
                failure = Some(to_json(&Failure {
                    psp_code: refusal.code.clone(),
                    message: refusal.message.clone(),
                    retryable: toss::is_retryable(&refusal.code),
                })?);
            }
            _ => {}
        }
    }
    let is_paid = payment.status == PaymentStatus::Success;
    turn.sql.query(
        "UPDATE orders SET order_status = ?, payment_status = ?, failed_count = ?, unresolved = ?, version = ?, updated_at = ?,
             paid = coalesce(?, paid), failure = CASE WHEN ? THEN NULL ELSE coalesce(?, failure) END
         WHERE order_row = ?",
        params![
            order_status_name(payment.order_status),
            payment_status_name(payment.status),
            payment.failed_count,
            payment.unresolved,
            order.version,
            turn.now,
            paid,
            is_paid,
            failure,
            order.row,
        ],
    )?;
    Ok(())
}

/// Appends to the history.
pub fn add_history(
    turn: &Turn<'_>,
    order: &Order,
    previous: Option<PaymentStatus>,
    new: PaymentStatus,
    changed_by: &str,
    reason: &str,
) -> Result<(), SqlError> {
    turn.sql.query(
        "INSERT INTO history (order_row, number, previous_status, new_status, changed_by, reason, created_at)
         SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ? FROM history WHERE order_row = ?",
        params![
            order.row,
            previous.map(payment_status_name),
            payment_status_name(new),
            changed_by,
            reason,
            turn.now,
            order.row,
        ],
    )?;
    Ok(())
}

/// The order's lines, as events carry them.
pub fn payment_orders(sql: &dyn Sql, order_row: i64) -> Result<Vec<PaymentOrder>, SqlError> {
    let rows = sql.query(
        "SELECT payment_order_id, seller_id, gross_amount, discount, amount, funded_by FROM payment_orders WHERE order_row = ? ORDER BY number",
        params![order_row],
    )?;
    rows.iter()
        .map(|row| {
            Ok(PaymentOrder {
                payment_order_id: row.text(0)?.to_owned(),
                seller_id: SellerId::from(row.text(1)?),
                gross_amount: row.amount(2)?,
                discount: row.amount(3)?,
                amount: row.amount(4)?,
                funded_by: name_to(row.text(5)?)?,
            })
        })
        .collect()
}

/// The order's time to live, for a row that is about to be written.
pub fn expires_at(now: Timestamp) -> Timestamp {
    now.plus_ms(gyesan_core::payment::PAYABLE_MS)
}

pub const fn payment_status_name(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::NotStarted => "NOT_STARTED",
        PaymentStatus::Executing => "EXECUTING",
        PaymentStatus::Success => "SUCCESS",
        PaymentStatus::Failure => "FAILURE",
        PaymentStatus::Unknown => "UNKNOWN",
    }
}

pub const fn order_status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Completed => "ORDER_COMPLETED",
        OrderStatus::PaymentCompleted => "PAYMENT_COMPLETED",
        OrderStatus::Canceled => "ORDER_CANCELED",
        OrderStatus::Expired => "ORDER_EXPIRED",
    }
}

pub fn payment_status(name: &str) -> Result<PaymentStatus, SqlError> {
    name_to(name)
}

pub fn order_status(name: &str) -> Result<OrderStatus, SqlError> {
    name_to(name)
}

/// A stored name as the value that has this name in JSON.
pub fn name_to<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, SqlError> {
    from_json(&format!("\"{name}\""))
}
