//! The order as its owner sees it.

use super::not_found;
use super::orders::{Order, name_to};
use crate::params;
use crate::sql::{Sql, SqlError, from_json};
use gyesan_core::api::{AttemptView, HistoryEntry, Line, Method, OrderView, PaymentOrderView, PaymentStatus};
use gyesan_core::money::{Amount, Currency};
use gyesan_core::payment::{AttemptState, THRESHOLD};
use gyesan_core::toss::{self, TossPayment};

/// The view of an order that has just been read or stored.
pub fn order(sql: &dyn Sql, order: &Order) -> Result<OrderView, SqlError> {
    order_with_lines(sql, order).map(|(view, _)| view)
}

/// The view, and the lines as priced.
pub fn order_with_lines(sql: &dyn Sql, order: &Order) -> Result<(OrderView, Vec<Line>), SqlError> {
    let rows = sql.query(
        "SELECT order_name, gross_amount, discount, paid, failure, credits_due, return_url, metadata, created_at, updated_at, lines
         FROM orders WHERE order_row = ?",
        params![order.row],
    )?;
    let row = rows.first().ok_or_else(|| SqlError(not_found().code.as_str().to_owned()))?;
    let payment = &order.payment;
    let paid: Option<TossPayment> = row.text_or_null(3)?.map(from_json).transpose()?;
    let done = payment.status == PaymentStatus::Success;
    let payment_orders = payment_orders(sql, order.row, payment.status)?;
    let view = OrderView {
        order_id: order.order_id.clone(),
        order_name: row.text(0)?.to_owned(),
        currency: Currency::Krw,
        gross_amount: row.amount(1)?,
        discount: row.amount(2)?,
        amount: payment.amount,
        balance: if done { payment.amount } else { Amount::ZERO },
        payment_status: payment.status,
        order_status: payment.order_status,
        is_payment_done: done,
        is_wallet_done: done && row.int(5)? == 0,
        payment_key: paid.as_ref().map(|paid| paid.payment_key.clone()),
        method: paid
            .as_ref()
            .and_then(|paid| paid.method.as_ref())
            .map(|label| Method { code: toss::method_code(label).to_owned(), label: label.clone() }),
        approved_at: paid.as_ref().and_then(|paid| paid.approved_at),
        receipt_url: paid.and_then(|paid| paid.receipt_url),
        failure: row.text_or_null(4)?.map(from_json).transpose()?,
        failed_count: payment.failed_count,
        threshold: THRESHOLD,
        order_version: order.version,
        expires_at: payment.expires_at,
        return_url: row.text_or_null(6)?.map(str::to_owned),
        attempts: payment
            .attempts
            .iter()
            .map(|attempt| AttemptView {
                attempt_id: attempt.id.clone(),
                payment_key: attempt.payment_key.clone(),
                state: attempt.state.name().to_owned(),
                psp_code: match &attempt.state {
                    AttemptState::Failure(refusal) => Some(refusal.code.clone()),
                    _ => None,
                },
                created_at: attempt.created_at,
            })
            .collect(),
        history: history(sql, order.row, &payment_orders)?,
        payment_orders,
        cancellations: Vec::new(),
        metadata: row.json(7)?,
        created_at: row.time(8)?,
        updated_at: row.time(9)?,
    };
    Ok((view, row.json(10)?))
}

fn payment_orders(
    sql: &dyn Sql,
    order_row: i64,
    status: PaymentStatus,
) -> Result<Vec<PaymentOrderView>, SqlError> {
    let rows = sql.query(
        "SELECT payment_order_id, product_id, seller_id, amount,
                credited = (CASE WHEN amount > 0 THEN 1 ELSE 0 END) + (CASE WHEN funded_by = 'MERCHANT' AND discount > 0 THEN 2 ELSE 0 END)
         FROM payment_orders WHERE order_row = ? ORDER BY number",
        params![order_row],
    )?;
    rows.iter()
        .map(|row| {
            Ok(PaymentOrderView {
                payment_order_id: row.text(0)?.to_owned(),
                product_id: row.text_or_null(1)?.map(str::to_owned),
                seller_id: row.text(2)?.into(),
                amount: row.amount(3)?,
                payment_status: status,
                is_wallet_done: status == PaymentStatus::Success && row.int(4)? != 0,
            })
        })
        .collect()
}

/// All lines of an order are paid or not together, so the status changes are stored once and shown for each line.
fn history(sql: &dyn Sql, order_row: i64, lines: &[PaymentOrderView]) -> Result<Vec<HistoryEntry>, SqlError> {
    let rows = sql.query(
        "SELECT previous_status, new_status, changed_by, reason, created_at FROM history WHERE order_row = ? ORDER BY number",
        params![order_row],
    )?;
    let mut entries = Vec::with_capacity(rows.len() * lines.len());
    for row in &rows {
        for line in lines {
            entries.push(HistoryEntry {
                payment_order_id: line.payment_order_id.clone(),
                previous_status: row.text_or_null(0)?.map(name_to).transpose()?,
                new_status: name_to(row.text(1)?)?,
                changed_by: row.text(2)?.to_owned(),
                reason: row.text(3)?.to_owned(),
                created_at: row.time(4)?,
            });
        }
    }
    Ok(entries)
}
