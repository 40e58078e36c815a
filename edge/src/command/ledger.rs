//! What ledger shards are asked and answer.

use gyesan_core::event::Fund;
use gyesan_core::id::{MerchantId, OrderId, SellerId};
use gyesan_core::money::Amount;
use serde::{Deserialize, Serialize};

/// Of a ledger shard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum LedgerCommand {
    /// Book transfers; each is booked once however often it is asked for. One result per transfer, in order.
    Apply(Vec<Transfer>),
    /// One seller's wallet.
    Wallet {
        /// Whose seller.
        merchant_id: MerchantId,
        /// Which seller.
        seller_id: SellerId,
    },
    /// One seller's transactions, newest first.
    WalletTransactions {
        /// Whose seller.
        merchant_id: MerchantId,
        /// Which seller.
        seller_id: SellerId,
        /// Only rows before this one (a `nextCursor`).
        before: Option<u64>,
        /// At most so many.
        limit: u32,
    },
    /// The sums over all accounts.
    TrialBalance,
}

/// Money moved from one account to another, within one shard.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// Chosen by the caller; the same for every repeat.
    pub id: String,
    /// Whose books.
    pub merchant_id: MerchantId,
    /// Where it comes from.
    pub debit: Account,
    /// Where it goes.
    pub credit: Account,
    /// How much, above zero.
    pub amount: Amount,
    /// For which order.
    pub order_id: OrderId,
    /// For which line.
    pub payment_order_id: String,
    /// Out of which money.
    pub fund: Fund,
    /// The event that caused it.
    pub event_id: String,
}

/// An account of a merchant's books.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What the PSP holds of the buyers' payments; its debit balance is charges less refunds less payouts.
    PspClearing,
    /// What the merchant spends on discounts that sellers do not bear.
    Promotions,
    /// What a seller is owed.
    Seller(SellerId),
}

/// What became of a transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TransferResult {
    /// Booked now.
    Booked,
    /// Was booked before, with the same content.
    Exists,
    /// Was booked before with other content: nothing was changed. Names the field that differs.
    Differs(String),
    /// Would leave an account outside ±2^53; nothing was changed.
    Overflow,
}

/// Sums over a ledger shard's accounts, credit balances positive, in won.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Balances {
    /// Accounts in the shard.
    pub accounts: u64,
    /// Sum of all balances: zero, or the books are wrong.
    pub sum: i64,
    /// Debit balance of PSP clearing.
    pub psp_clearing: i64,
    /// Debit balance of promotions.
    pub promotions: i64,
    /// Credit balance of all sellers.
    pub sellers: i64,
    /// What the transfers in the shard's history add up to per account, less its stored balance: zero, or the books are wrong.
    pub drift: i64,
}
