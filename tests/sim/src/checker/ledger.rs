//! The ledger shards and the consumers: every credit once, for a paid order, and before the position that says so.

use super::{Checker, bit};
use gyesan_core::api::PaymentStatus;
use gyesan_core::event::{EventData, Fund};
use gyesan_core::id::MerchantId;
use gyesan_edge::command::Record;
use gyesan_edge::native::Database;
use gyesan_edge::params;
use gyesan_edge::sql::{Row, Sql};
use gyesan_edge::topology::{Subscription, Target};

impl Checker {
    /// Books that balance, and transfers that an order's confirmation asked for.
    pub(super) fn check_ledger(&mut self, target: Target, database: &Database) -> Result<(), String> {
        let sums = database
            .query(
                "SELECT (SELECT coalesce(sum(balance), 0) FROM accounts),
                        (SELECT coalesce(sum(balance), 0) FROM accounts WHERE account LIKE 'seller:%'),
                        (SELECT coalesce(sum(amount), 0) FROM transfers),
                        (SELECT count(*) FROM transfers)",
                &[],
            )
            .unwrap();
        let sum = |column: usize| sums[0].int(column).unwrap();
        if sum(0) != 0 || sum(1) != sum(2) {
            return Err(format!(
                "{}: the books are {} won apart",
                target.name(),
                sum(0) + (sum(1) - sum(2)).abs()
            ));
        }
        let announced = self.logs.get(&target).map_or(0, Vec::len);
        if i64::try_from(announced).unwrap() != sum(3) {
            return Err(format!("{}: {} transfers and {announced} events", target.name(), sum(3)));
        }
        let read = self.transfers_read.entry(target).or_default();
        let rows = database
            .query(
                "SELECT seq, merchant_id, credit, amount, order_id, payment_order_id, fund FROM transfers WHERE seq > ? ORDER BY seq",
                params![*read],
            )
            .unwrap();
        if let Some(last) = rows.last() {
            *read = last.int(0).unwrap();
        }
        rows.iter().try_for_each(|row| self.check_transfer(row))
    }

    fn check_transfer(&mut self, row: &Row) -> Result<(), String> {
        let text = |column: usize| row.text(column).unwrap();
        let merchant = MerchantId::from(text(1));
        let (credit, amount, id, line) = (text(2), row.int(3).unwrap(), text(4), text(5));
        let fund = if text(6) == "PAYMENT" { Fund::Payment } else { Fund::Promotion };
        let order = self
            .orders
            .get(&(merchant.clone(), id.into()))
            .ok_or(format!("{id}: credited, and not stored"))?;
        if order.payment_status != PaymentStatus::Success {
            return Err(format!("{id}: credited, and {:?}", order.payment_status));
        }
        let lines = self.logs.values().flatten().find_map(|record| match &record.event.data {
            EventData::PaymentConfirmed { order_id, payment_orders, .. }
                if order_id.as_str() == id && record.event.merchant_id == merchant =>
            {
                Some(payment_orders)
            }
            _ => None,
        });
        let lines = lines.ok_or(format!("{id}: credited, and not confirmed"))?;
        let owed = lines
            .iter()
            .find(|owed| owed.payment_order_id == line)
            .ok_or(format!("{id}: {line} is no line of it"))?;
        let expected = owed.credits().find(|(of, _)| *of == fund).map(|(_, amount)| amount.minor());
        if expected != Some(amount) || credit != format!("seller:{}", owed.seller_id) {
            return Err(format!("{id}: {credit} is credited {amount} won of {expected:?} for {line}"));
        }
        match self.transfers.insert((merchant, line.to_owned(), bit(fund)), amount) {
            Some(_) => Err(format!("{id}: {line} is credited twice")),
            None => Ok(()),
        }
    }

    /// A consumer's position is never ahead of its effects, and never goes back.
    pub(super) fn check_consumer(
        &mut self,
        target: Target,
        subscription: Subscription,
        database: &Database,
        query: &Database,
    ) -> Result<(), String> {
        let position: u64 =
            database.query("SELECT position FROM position", &[]).unwrap()[0].count(0).unwrap();
        let letters: u64 =
            database.query("SELECT count(*) FROM dead_letters", &[]).unwrap()[0].count(0).unwrap();
        if letters > 0 {
            return Err(format!("{}: {letters} dead letters", target.name()));
        }
        let before = self.positions.insert(target, position).unwrap_or(0);
        if position != before {
            self.news.push(format!("position {position}"));
        }
        let log = self.log_of(target);
        if subscription.is_projection() {
            return self.check_projection(target, before, position, query);
        }
        let (from, to) = (usize::try_from(before).unwrap(), usize::try_from(position).unwrap());
        if to < from || to > log.len() {
            return Err(format!("{}: from position {before} to {position} of {}", target.name(), log.len()));
        }
        let undone = log[from..to].iter().find(|record| !self.is_done(subscription, record));
        undone.map_or(Ok(()), |record| {
            Err(format!(
                "{}: position {position}, and {} has had no effect",
                target.name(),
                record.event.data.name()
            ))
        })
    }

    /// The position of a projection only shows what stands in the query database: it is not ahead of that, and goes back only when the
    /// read model was emptied.
    fn check_projection(
        &self,
        target: Target,
        before: u64,
        position: u64,
        query: &Database,
    ) -> Result<(), String> {
        if position > self.applied_by(target) {
            return Err(format!(
                "{}: position {position}, and what is before has had no effect",
                target.name()
            ));
        }
        if position < before && !self.list_was_rebuilt(query) {
            return Err(format!("{}: from position {before} to {position}", target.name()));
        }
        Ok(())
    }

    fn is_done(&self, subscription: Subscription, record: &Record) -> bool {
        let merchant = &record.event.merchant_id;
        match (subscription, &record.event.data) {
            (Subscription::Wallets, EventData::PaymentConfirmed { payment_orders, .. }) => {
                payment_orders.iter().all(|line| {
                    let booked = |fund| {
                        self.transfers.contains_key(&(
                            merchant.clone(),
                            line.payment_order_id.clone(),
                            bit(fund),
                        ))
                    };
                    line.credits().all(|(fund, _)| booked(fund))
                })
            }
            (
                Subscription::Completion,
                EventData::WalletCredited { order_id, payment_order_id, fund, .. },
            ) => {
                let order = self.orders.get(&(merchant.clone(), order_id.clone()));
                order
                    .and_then(|order| order.credited.get(payment_order_id))
                    .is_some_and(|bits| bits & bit(*fund) != 0)
            }
            _ => true,
        }
    }
}
