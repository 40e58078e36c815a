//! `GET /v1/ops/ledger/trial-balance`: do the books agree with the orders?
//!
//! The PSP holds what it charged less what it gave back; the ledger's PSP clearing holds what sellers were credited out of
//! it. Between payment and credit the ledger is behind by at most what the orders know to be uncredited, and it may be ahead
//! of what they know, because a credit is booked before it is reported. So with the orders at rest
//!
//! ```text
//! charges − refunds − uncredited ≤ pspClearing ≤ charges − refunds
//! ```
//!
//! The parts cannot be read at one moment. The orders are therefore read before (1) and after (2) the ledgers. Charges,
//! refunds and reported credits only grow, so at the moment the ledgers were read
//!
//! ```text
//! charges₁ − refunds₂ − uncredited₁ ≤ pspClearing ≤ charges₂ − refunds₁
//! ```
//!
//! holds when nothing is wrong, and `unexplained` is by how much it does not hold, plus what each ledger finds wrong with itself
//! (its accounts do not add up to zero, or not to their transfers). Without open work both sides are the same number.

use super::context::Context;
use super::ops::ask_all;
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json};
use crate::command::{Balances, Command, LedgerCommand, OrderCommand, OrderTotals, Reply};
use crate::ports::Ports;
use crate::topology::Target;
use http::StatusCode;
use serde_json::{Value, json};

/// Answers it.
///
/// # Errors
/// Those of [`Context::authenticate`]; 503 when a shard does not answer.
pub async fn trial_balance<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let before = orders(context).await?;
    let ledgers = ledgers(context).await?;
    let after = orders(context).await?;
    let (orders_before, orders_after) = (sum_orders(&before), sum_orders(&after));
    let books = sum_books(&ledgers);
    let shards: Vec<Value> = after
        .iter()
        .map(|(target, totals)| {
            json!({
                "shard": target.name(),
                "orders": totals.orders,
                "charges": totals.charges,
                "refunds": totals.refunds,
                "uncredited": totals.uncredited,
                "inDoubt": totals.in_doubt,
            })
        })
        .chain(ledgers.iter().map(|(target, books)| {
            json!({
                "shard": target.name(),
                "accounts": books.accounts,
                "sum": books.sum,
                "pspClearing": books.psp_clearing,
                "promotions": books.promotions,
                "sellers": books.sellers,
                "drift": books.drift,
            })
        }))
        .collect();
    let answer = json!({
        "sum": books.sum,
        "pspClearing": books.psp_clearing,
        "promotions": books.promotions,
        "sellers": books.sellers,
        "charges": orders_after.charges,
        "refunds": orders_after.refunds,
        "uncredited": orders_after.uncredited,
        "inDoubt": orders_after.in_doubt,
        // No transfer crosses shards: each is booked whole in its seller's shard.
        "interShardClearing": 0,
        "unexplained": unexplained(&orders_before, &books, &orders_after),
        "accounts": books.accounts,
        "orders": orders_after.orders,
        "shards": shards,
    });
    json(StatusCode::OK, &answer)
}

/// The won that no open work explains, see above.
fn unexplained(before: &OrderTotals, books: &Balances, after: &OrderTotals) -> i64 {
    let least = before.charges.saturating_sub(after.refunds).saturating_sub(before.uncredited);
    let most = after.charges.saturating_sub(before.refunds);
    let missing = least.saturating_sub(books.psp_clearing).max(0);
    let too_much = books.psp_clearing.saturating_sub(most).max(0);
    missing.saturating_add(too_much).saturating_add(books.sum.saturating_abs()).saturating_add(books.drift)
}

async fn orders<P: Ports>(context: &Context<'_, P>) -> Result<Vec<(Target, OrderTotals)>, Problem> {
    let shards = context.config.topology.orders();
    ask_all(context, shards, Command::Order(OrderCommand::Totals), |reply| match reply {
        Reply::Totals(totals) => Some(totals),
        _ => None,
    })
    .await
}

async fn ledgers<P: Ports>(context: &Context<'_, P>) -> Result<Vec<(Target, Balances)>, Problem> {
    let shards = context.config.topology.ledgers();
    ask_all(context, shards, Command::Ledger(LedgerCommand::TrialBalance), |reply| match reply {
        Reply::Balances(balances) => Some(balances),
        _ => None,
    })
    .await
}

fn sum_orders(shards: &[(Target, OrderTotals)]) -> OrderTotals {
    shards.iter().fold(OrderTotals::default(), |sum, (_, shard)| OrderTotals {
        orders: sum.orders.saturating_add(shard.orders),
        charges: sum.charges.saturating_add(shard.charges),
        refunds: sum.refunds.saturating_add(shard.refunds),
        uncredited: sum.uncredited.saturating_add(shard.uncredited),
        in_doubt: sum.in_doubt.saturating_add(shard.in_doubt),
    })
}

/// Faults of single ledgers are added up without their signs, so that two cannot hide each other.
fn sum_books(shards: &[(Target, Balances)]) -> Balances {
    shards.iter().fold(Balances::default(), |sum, (_, shard)| Balances {
        accounts: sum.accounts.saturating_add(shard.accounts),
        sum: sum.sum.saturating_add(shard.sum.saturating_abs()),
        psp_clearing: sum.psp_clearing.saturating_add(shard.psp_clearing),
        promotions: sum.promotions.saturating_add(shard.promotions),
        sellers: sum.sellers.saturating_add(shard.sellers),
        drift: sum.drift.saturating_add(shard.drift.saturating_abs()),
    })
}

#[cfg(test)]
mod tests {
    use super::unexplained;
    use crate::command::{Balances, OrderTotals};

    fn orders(charges: i64, uncredited: i64) -> OrderTotals {
        OrderTotals { charges, uncredited, ..OrderTotals::default() }
    }

    fn books(psp_clearing: i64) -> Balances {
        Balances { psp_clearing, ..Balances::default() }
    }

    #[test]
    fn at_rest_the_two_must_be_equal() {
        let rest = orders(6_500, 0);
        assert_eq!(unexplained(&rest, &books(6_500), &rest), 0);
        assert_eq!(unexplained(&rest, &books(6_499), &rest), 1);
        assert_eq!(unexplained(&rest, &books(6_501), &rest), 1);
    }

    #[test]
    fn what_is_on_its_way_is_explained_and_no_more() {
        let paid = orders(6_500, 6_500);
        assert_eq!(unexplained(&paid, &books(0), &paid), 0);
        assert_eq!(unexplained(&paid, &books(6_500), &paid), 0);
        assert_eq!(unexplained(&paid, &books(6_501), &paid), 1);
        let half = orders(6_500, 4_500);
        assert_eq!(unexplained(&half, &books(1_999), &half), 1);
    }

    #[test]
    fn a_system_that_moves_between_the_readings_shows_no_false_difference() {
        // Read before: nothing. Then 6,500 are paid and credited, then the ledger is read.
        assert_eq!(unexplained(&orders(0, 0), &books(6_500), &orders(6_500, 0)), 0);
        // The payment comes after the ledger was read.
        assert_eq!(unexplained(&orders(0, 0), &books(0), &orders(6_500, 6_500)), 0);
        // What was uncredited before is credited when the ledger is read, and reported after.
        assert_eq!(unexplained(&orders(6_500, 6_500), &books(6_500), &orders(6_500, 0)), 0);
    }

    #[test]
    fn books_that_disagree_with_themselves_count() {
        let rest = orders(6_500, 0);
        let wrong = Balances { sum: -2, drift: 3, ..books(6_500) };
        assert_eq!(unexplained(&rest, &wrong, &rest), 5);
    }
}
