//! The end: when the faults have stopped, everything settles, and not a won is unexplained.

use super::{Checker, Psps, bit};
use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::event::Fund;
use gyesan_core::time::Timestamp;
use gyesan_edge::native::Database;
use gyesan_edge::sql::Sql;
use gyesan_edge::topology::Target;

impl Checker {
    /// Every charged order is paid and its sellers are credited, nothing is open, and the books agree with the PSP's.
    pub fn settled<'a>(
        &mut self,
        now: Timestamp,
        psps: &Psps,
        query: &Database,
        database: impl Fn(Target) -> Option<&'a Database>,
    ) -> Result<(), String> {
        self.check_psp(psps, now)?;
        for ((merchant, id), order) in &self.orders {
            let charged = psps[merchant]
                .emulator
                .payments()
                .iter()
                .any(|p| p.order_id == id.as_str() && p.charged() > 0);
            let paid = order.payment_status == PaymentStatus::Success;
            if charged != paid {
                return Err(format!(
                    "{id}: charged is {charged}, and the order is {:?} at the end",
                    order.payment_status
                ));
            }
            let open = order
                .attempts
                .iter()
                .find(|a| ["WAITING", "EXECUTING", "UNKNOWN", "REFUNDING"].contains(&a.state.as_str()));
            if let Some(open) = open {
                return Err(format!("{id}: {} is {} for ever", open.payment_key, open.state));
            }
            if paid && order.credits_due != 0 {
                return Err(format!("{id}: {} credits are missing at the end", order.credits_due));
            }
            if order.order_status == OrderStatus::Completed && now > order.expires_at.plus_ms(600_000) {
                return Err(format!("{id}: never expires"));
            }
            if order.unresolved {
                return Err(format!("{id}: still waits for a person"));
            }
        }
        self.topics_settled()?;
        self.list_settled(query)?;
        for target in self.topology.consumers() {
            let position = self.positions.get(&target).copied().unwrap_or(0);
            let end = self.log_of(target).len();
            if usize::try_from(position).unwrap() != end {
                return Err(format!("{}: at {position} of {end} for ever", target.name()));
            }
        }
        self.check_books(psps, database)
    }

    /// Charges less refunds are what PSP clearing holds; credits are net lines plus promotions; "unexplained" is zero.
    fn check_books<'a>(
        &self,
        psps: &Psps,
        database: impl Fn(Target) -> Option<&'a Database>,
    ) -> Result<(), String> {
        let charged: i64 =
            psps.values().map(|psp| psp.emulator.totals().charges - psp.emulator.totals().refunds).sum();
        let (mut totals, mut clearing) = ([0; 3], 0);
        for target in self.topology.everyone() {
            let Some(database) = database(target) else { continue };
            match target {
                Target::Order(_) => {
                    let Ok(rows) = database.query("SELECT charges, refunds, uncredited FROM totals", &[])
                    else {
                        continue;
                    };
                    for (column, total) in totals.iter_mut().enumerate() {
                        *total += rows[0].int(column).unwrap();
                    }
                }
                Target::Ledger(_) => {
                    let Ok(rows) = database.query(
                        "SELECT coalesce(sum(-balance), 0) FROM accounts WHERE account = 'psp_clearing'",
                        &[],
                    ) else {
                        continue;
                    };
                    clearing += rows[0].int(0).unwrap();
                }
                Target::Consumer(..) | Target::Subscriber(..) | Target::Relay(_) => {}
            }
        }
        let [charges, refunds, uncredited] = totals;
        let payments: i64 = self
            .transfers
            .iter()
            .filter(|((_, _, fund), _)| *fund == bit(Fund::Payment))
            .map(|(_, won)| won)
            .sum();
        if uncredited != 0 || charges - refunds != charged || clearing != charged || payments != charged {
            return Err(format!(
                "unexplained won: the PSP has {charged}, the orders {charges} − {refunds}, clearing {clearing}, sellers {payments}; {uncredited} uncredited"
            ));
        }
        Ok(())
    }
}
