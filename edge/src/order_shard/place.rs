//! Placing an order, and closing one that another replaces.

use super::{OrderShard, not_found, orders, view};
use crate::actor::{Fault, Turn};
use crate::command::{NewOrder, Placed, Rejection, Reply, StoredOrder};
use crate::params;
use crate::sql::{SqlError, to_json};
use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::event::{EventData, Fund, PaymentOrder};
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::payment;
use gyesan_core::pricing::Funder;
use gyesan_core::problem::Code;

impl OrderShard {
    /// Stores a priced order:
    /// 1. the same order again is found, and its buyer, return URL and metadata corrected while it is unpaid;
    /// 2. other content under the same id is refused;
    /// 3. a new one is written with its lines, history, time to live and event, in one transaction.
    pub(super) fn place(
        &mut self,
        turn: &mut Turn<'_>,
        new: &NewOrder,
        trace: Option<&str>,
    ) -> Result<Reply, Fault> {
        let placed = match orders::find(turn.sql, &new.merchant_id, &new.order_id)? {
            // 1, 2
            Some(order) if order.content == new.content => {
                correct(turn, &order, new)?;
                let order = orders::by_row(turn.sql, order.row)?.ok_or(not_found())?;
                let (view, lines) = view::order_with_lines(turn.sql, &order)?;
                Placed::Found(Box::new(StoredOrder { view, lines }))
            }
            Some(_) => return Err(Rejection::new(Code::OrderIdReused).into()),
            // 3
            None => {
                self.write(turn, new, trace)?;
                Placed::Created { expires_at: orders::expires_at(turn.now) }
            }
        };
        Ok(Reply::Placed(placed))
    }

    fn write(&mut self, turn: &mut Turn<'_>, new: &NewOrder, trace: Option<&str>) -> Result<(), Fault> {
        let payment_orders: Vec<PaymentOrder> = new
            .lines
            .iter()
            .map(|line| PaymentOrder {
                payment_order_id: turn.new_id("po_"),
                seller_id: line.seller_id.clone(),
                gross_amount: line.gross_amount,
                discount: line.discount,
                amount: line.amount,
                funded_by: new.funded_by,
            })
            .collect();
        let credits_due: usize = payment_orders.iter().map(|line| line.credits().count()).sum();
        let rows = turn.sql.query(
            "INSERT INTO orders (merchant_id, order_id, order_name, gross_amount, discount, amount, coupon_code, content, lines,
                 member_id, buyer, return_url, metadata, order_status, payment_status, credits_due, version, expires_at, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?) RETURNING order_row",
            params![
                new.merchant_id.as_str(),
                new.order_id.as_str(),
                new.order_name.as_str(),
                new.gross_amount,
                new.discount,
                new.amount,
                new.coupon_code.as_deref(),
                new.content.as_str(),
                to_json(&new.lines)?,
                new.member_id.as_deref(),
                to_json(&new.buyer)?,
                new.return_url.as_deref(),
                to_json(&new.metadata)?,
                orders::order_status_name(OrderStatus::Completed),
                orders::payment_status_name(PaymentStatus::NotStarted),
                i64::try_from(credits_due).unwrap_or(i64::MAX),
                orders::expires_at(turn.now),
                turn.now,
                turn.now,
            ],
        )?;
        let row = rows.first().ok_or_else(|| SqlError("an order without a row".to_owned()))?;
        let order_row = row.int(0)?;
        for (number, (line, priced)) in (1_u32..).zip(payment_orders.iter().zip(&new.lines)) {
            turn.sql.query(
                "INSERT INTO payment_orders (order_row, number, payment_order_id, product_id, seller_id, gross_amount, discount, amount, funded_by)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                params![
                    order_row,
                    number,
                    line.payment_order_id.as_str(),
                    priced.product_id.as_deref(),
                    line.seller_id.as_str(),
                    line.gross_amount,
                    line.discount,
                    line.amount,
                    match line.funded_by {
                        Funder::Seller => "SELLER",
                        Funder::Merchant => "MERCHANT",
                    },
                ],
            )?;
        }
        turn.sql.query(
            "INSERT INTO history (order_row, number, previous_status, new_status, changed_by, reason, created_at) VALUES (?, 1, NULL, 'NOT_STARTED', ?, ?, ?)",
            params![order_row, new.placed_by.as_str(), orders::ORDER_PLACED, turn.now],
        )?;
        self.plan(turn, order_row, 0, "expire", orders::expires_at(turn.now))?;
        let placed = EventData::OrderPlaced {
            order_id: new.order_id.clone(),
            order_version: 1,
            amount: new.amount,
            member_id: new.member_id.clone(),
            payment_orders,
        };
        self.outbox.append(turn, &new.merchant_id, placed, trace)?;
        Ok(())
    }

    /// Closes an unpaid order because another takes its place.
    pub(super) fn close(
        &mut self,
        turn: &mut Turn<'_>,
        merchant_id: &MerchantId,
        order_id: &OrderId,
        replaced_by: OrderId,
        trace: Option<&str>,
    ) -> Result<Reply, Fault> {
        let Some(mut order) = orders::find(turn.sql, merchant_id, order_id)? else {
            // The PUT of that order never arrived: there is nothing that could be charged.
            return Ok(Reply::Done);
        };
        let events = payment::decide(&order.payment, payment::Command::Cancel, turn.now)
            .map_err(|rejection| Rejection::with(Code::PreviousPaymentInDoubt, rejection.to_string()))?;
        self.store_events(turn, &mut order, &events, Some(replaced_by), trace)?;
        Ok(Reply::Done)
    }
}

/// Buyer, return URL and metadata may be corrected while the order is unpaid; a repeat that changes nothing writes nothing.
fn correct(turn: &mut Turn<'_>, order: &orders::Order, new: &NewOrder) -> Result<(), Fault> {
    if order.payment.order_status != OrderStatus::Completed {
        return Ok(());
    }
    let (buyer, metadata) = (to_json(&new.buyer)?, to_json(&new.metadata)?);
    turn.sql.query(
        "UPDATE orders SET buyer = ?, return_url = ?, metadata = ?, version = version + 1, updated_at = ?
         WHERE order_row = ? AND (buyer, return_url, metadata) IS NOT (?, ?, ?)",
        params![
            buyer.as_str(),
            new.return_url.as_deref(),
            metadata.as_str(),
            turn.now,
            order.row,
            buyer.as_str(),
            new.return_url.as_deref(),
            metadata.as_str(),
        ],
    )?;
    Ok(())
}

/// What of a line's credits the ledger is to report, in won.
pub(super) fn credits_sum(lines: &[PaymentOrder]) -> i64 {
    lines.iter().flat_map(PaymentOrder::credits).map(|(_, amount): (Fund, _)| amount.minor()).sum()
}
