//! The books of a ledger shard: double entry, one row per transfer, balances kept with it.

use crate::actor::Turn;
use crate::command::{Account, Balances, Transfer, TransferResult};
use crate::params;
use crate::sql::{Sql, SqlError};
use gyesan_core::api::{Page, Wallet, WalletTransaction};
use gyesan_core::event::{EventData, Fund};
use gyesan_core::id::{MerchantId, SellerId};
use gyesan_core::money::{AMOUNT_MAX, Currency};

/// The account's name in the tables.
pub fn account_name(account: &Account) -> String {
    match account {
        Account::PspClearing => "psp_clearing".to_owned(),
        Account::Promotions => "promotions".to_owned(),
        Account::Seller(seller) => format!("seller:{seller}"),
    }
}

const fn fund_name(fund: Fund) -> &'static str {
    match fund {
        Fund::Payment => "PAYMENT",
        Fund::Promotion => "PROMOTION",
    }
}

/// Whether a transfer is settled already: booked before with the same or other content, or impossible. `None`: it can be
/// booked, and [`book`] will not be refused.
pub fn check(sql: &dyn Sql, transfer: &Transfer) -> Result<Option<TransferResult>, SqlError> {
    let (debit, credit) = (account_name(&transfer.debit), account_name(&transfer.credit));
    let booked = sql.query(
        "SELECT merchant_id, debit, credit, amount, order_id, payment_order_id, fund FROM transfers WHERE id = ?",
        params![transfer.id.as_str()],
    )?;
    if let Some(row) = booked.first() {
        let differs = [
            ("merchantId", row.text(0)? != transfer.merchant_id.as_str()),
            ("debit", row.text(1)? != debit),
            ("credit", row.text(2)? != credit),
            ("amount", row.amount(3)? != transfer.amount),
            ("orderId", row.text(4)? != transfer.order_id.as_str()),
            ("paymentOrderId", row.text(5)? != transfer.payment_order_id),
            ("fund", row.text(6)? != fund_name(transfer.fund)),
        ];
        let first = differs.into_iter().find(|(_, differs)| *differs);
        return Ok(Some(
            first.map_or(TransferResult::Exists, |(field, _)| TransferResult::Differs(field.to_owned())),
        ));
    }
    if transfer.amount.is_zero() || debit == credit {
        return Ok(Some(TransferResult::Differs(
            if debit == credit { "credit" } else { "amount" }.to_owned(),
        )));
    }
    let beyond = sql.query(
        "SELECT 1 FROM accounts WHERE merchant_id = ? AND (account = ? AND balance - ? < ? OR account = ? AND balance + ? > ?)",
        params![
            transfer.merchant_id.as_str(),
            debit.as_str(),
            transfer.amount,
            -AMOUNT_MAX,
            credit.as_str(),
            transfer.amount,
            AMOUNT_MAX,
        ],
    )?;
    Ok((!beyond.is_empty()).then_some(TransferResult::Overflow))
}

/// Books a transfer that [`check`] has let through, and says what there is to announce.
pub fn book(turn: &mut Turn<'_>, transfer: &Transfer) -> Result<Option<EventData>, SqlError> {
    let (debit, credit) = (account_name(&transfer.debit), account_name(&transfer.credit));
    turn.sql.query(
        "INSERT INTO transfers (id, merchant_id, debit, credit, amount, order_id, payment_order_id, fund, event_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            transfer.id.as_str(),
            transfer.merchant_id.as_str(),
            debit.as_str(),
            credit.as_str(),
            transfer.amount,
            transfer.order_id.as_str(),
            transfer.payment_order_id.as_str(),
            fund_name(transfer.fund),
            transfer.event_id.as_str(),
            turn.now,
        ],
    )?;
    add(turn.sql, &transfer.merchant_id, &debit, -transfer.amount.minor())?;
    let (balance, account_version) = add(turn.sql, &transfer.merchant_id, &credit, transfer.amount.minor())?;
    Ok(match &transfer.credit {
        Account::Seller(seller_id) => Some(EventData::WalletCredited {
            seller_id: seller_id.clone(),
            account_version,
            transaction_id: transfer.id.clone(),
            amount: transfer.amount,
            balance,
            order_id: transfer.order_id.clone(),
            payment_order_id: transfer.payment_order_id.clone(),
            fund: transfer.fund,
        }),
        Account::PspClearing | Account::Promotions => None,
    })
}

/// Adds to an account, opening it when it is new; its balance and version afterwards.
fn add(sql: &dyn Sql, merchant: &MerchantId, account: &str, amount: i64) -> Result<(i64, u64), SqlError> {
    let rows = sql.query(
        "INSERT INTO accounts (merchant_id, account, balance, version) VALUES (?, ?, ?, 1)
         ON CONFLICT (merchant_id, account) DO UPDATE SET balance = balance + excluded.balance, version = version + 1
         RETURNING balance, version",
        params![merchant.as_str(), account, amount],
    )?;
    let row = rows.first().ok_or_else(|| SqlError("an account without a row".to_owned()))?;
    Ok((row.int(0)?, row.count(1)?))
}

/// A seller's wallet; one that was never credited is empty.
pub fn wallet(sql: &dyn Sql, merchant: &MerchantId, seller: &SellerId) -> Result<Wallet, SqlError> {
    let account = account_name(&Account::Seller(seller.clone()));
    let rows = sql.query(
        "SELECT balance, version FROM accounts WHERE merchant_id = ? AND account = ?",
        params![merchant.as_str(), account],
    )?;
    let (balance, version) = match rows.first() {
        Some(row) => (row.int(0)?, row.count(1)?),
        None => (0, 0),
    };
    Ok(Wallet { seller_id: seller.clone(), currency: Currency::Krw, balance, version })
}

/// A page of a seller's transactions, newest first; stable while new ones are booked.
pub fn transactions(
    sql: &dyn Sql,
    merchant: &MerchantId,
    seller: &SellerId,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<WalletTransaction>, SqlError> {
    let account = account_name(&Account::Seller(seller.clone()));
    let before = before.unwrap_or(u64::MAX).min(AMOUNT_MAX.unsigned_abs());
    let rows = sql.query(
        "SELECT seq, id, amount, order_id, payment_order_id, created_at FROM transfers
         WHERE merchant_id = ? AND credit = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        params![merchant.as_str(), account, before, limit.saturating_add(1)],
    )?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows.iter().take(page).map(|row| {
        Ok(WalletTransaction {
            transaction_id: row.text(1)?.to_owned(),
            kind: "CREDIT".to_owned(),
            amount: row.amount(2)?,
            order_id: row.text(3)?.into(),
            reference_type: "PAYMENT_ORDER".to_owned(),
            reference_id: row.text(4)?.to_owned(),
            created_at: row.time(5)?,
        })
    });
    let items = items.collect::<Result<Vec<_>, SqlError>>()?;
    let last = rows.get(page.saturating_sub(1)).filter(|_| rows.len() > page);
    let next_cursor = last.map(|row| row.int(0)).transpose()?.map(|seq| seq.to_string());
    Ok(Page { items, next_cursor })
}

/// The sums over the shard's accounts, and whether the transfers add up to them.
pub fn balances(sql: &dyn Sql) -> Result<Balances, SqlError> {
    let rows = sql.query(
        "SELECT count(*), coalesce(sum(balance), 0),
                coalesce(sum(CASE WHEN account = 'psp_clearing' THEN -balance END), 0),
                coalesce(sum(CASE WHEN account = 'promotions' THEN -balance END), 0),
                coalesce(sum(CASE WHEN account LIKE 'seller:%' THEN balance END), 0)
         FROM accounts",
        &[],
    )?;
    let drift = sql.query(
        "SELECT coalesce(sum(abs(stored.balance - coalesce(added.balance, 0))), 0) FROM accounts stored LEFT JOIN (
             SELECT merchant_id, account, sum(amount) AS balance FROM (
                 SELECT merchant_id, credit AS account, amount FROM transfers
                 UNION ALL SELECT merchant_id, debit, -amount FROM transfers)
             GROUP BY merchant_id, account) added
         ON added.merchant_id = stored.merchant_id AND added.account = stored.account",
        &[],
    )?;
    let (Some(row), Some(drift)) = (rows.first(), drift.first()) else { return Ok(Balances::default()) };
    Ok(Balances {
        accounts: row.count(0)?,
        sum: row.int(1)?,
        psp_clearing: row.int(2)?,
        promotions: row.int(3)?,
        sellers: row.int(4)?,
        drift: drift.int(0)?,
    })
}
