//! What order shards are asked and answer, idempotency keys among it.

use gyesan_core::api::{Buyer, Line, OrderView};
use gyesan_core::event::Fund;
use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::money::Amount;
use gyesan_core::pricing::Funder;
use gyesan_core::time::Timestamp;
use gyesan_core::toss::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of an order shard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum OrderCommand {
    /// Store a priced order.
    Place(Box<NewOrder>),
    /// Call an unpaid order off because another takes its place.
    Close {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The order that takes its place.
        replaced_by: OrderId,
    },
    /// The buyer came back from the PSP's window, or the merchant's server says so. The reply comes when the outcome is known:
    /// the caller must be ready to give up waiting.
    Confirm {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The PSP's key of this authentication.
        payment_key: String,
        /// What the caller believes to be the amount; must be the order's.
        amount: Amount,
    },
    /// The buyer came back to the fail URL: noted, nothing else, because anybody can open that URL.
    NoteFailure {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
        /// The PSP's code, as the URL has it.
        code: String,
    },
    /// The order as its owner sees it.
    View {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
    },
    /// An operator wants the PSP asked now.
    Recheck {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        order_id: OrderId,
    },
    /// Sellers were credited: facts from the ledger.
    Credited(Vec<CreditedFact>),
    /// What a person has to look at.
    Unresolved,
    /// What was charged and refunded, and what of it is not credited yet.
    Totals,
}

/// A priced order to be stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewOrder {
    /// Whose.
    pub merchant_id: MerchantId,
    /// The caller's id.
    pub order_id: OrderId,
    /// As on the buyer's card statement.
    pub order_name: String,
    /// The priced lines.
    pub lines: Vec<Line>,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
    /// The coupon used.
    pub coupon_code: Option<String>,
    /// Who pays for the discount.
    pub funded_by: Funder,
    /// What the caller asked for, in one canonical text: a repeat of the same is the same order. Prices are not in it.
    pub content: String,
    /// Who buys, if the merchant says.
    pub member_id: Option<String>,
    /// Who buys; may be corrected while unpaid.
    pub buyer: Buyer,
    /// Where the merchant wants the buyer back; may be corrected while unpaid.
    pub return_url: Option<String>,
    /// The merchant's notes; may be corrected while unpaid.
    pub metadata: BTreeMap<String, String>,
    /// Who places it: `buyer` (publishable key) or `merchant` (secret key).
    pub placed_by: String,
}

/// What became of [`OrderCommand::Place`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Placed {
    /// It was new, and is stored as it was asked for.
    Created {
        /// How long it can be paid.
        expires_at: Timestamp,
    },
    /// The same order was there already.
    Found(Box<StoredOrder>),
}

/// An order as stored, for the answer to placing it again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoredOrder {
    /// The order.
    pub view: OrderView,
    /// Its lines as priced when it was placed.
    pub lines: Vec<Line>,
}

/// One credit of one line, from the ledger.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CreditedFact {
    /// Whose.
    pub merchant_id: MerchantId,
    /// For which order.
    pub order_id: OrderId,
    /// For which line.
    pub payment_order_id: String,
    /// Out of which money.
    pub fund: Fund,
}

/// How a confirmation ended, and no more than a buyer on the way back needs: this is on the path of every payment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ConfirmOutcome {
    /// The order is paid (by this or another attempt).
    Paid {
        /// Where the merchant wants the buyer back.
        return_url: Option<String>,
    },
    /// This attempt was refused by the PSP.
    Rejected {
        /// The PSP's code and words.
        refusal: Refusal,
        /// Where the merchant wants the buyer back.
        return_url: Option<String>,
    },
}

/// Of an order shard: remembering answers by idempotency key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum IdempotencyCommand {
    /// May this request run?
    Claim {
        /// Key holder, route, resource and key.
        scope: String,
        /// Digest of the request's content.
        request: String,
    },
    /// It ran; remember its answer for 24 hours.
    Settle {
        /// As claimed.
        scope: String,
        /// HTTP status.
        status: u16,
        /// The body's text.
        body: String,
    },
    /// It failed on our side; forget the claim, so that a repeat runs.
    Release {
        /// As claimed.
        scope: String,
    },
}

/// The answer to a claim.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Claimed {
    /// Run it.
    New,
    /// It ran before: answer this.
    Replay {
        /// HTTP status.
        status: u16,
        /// The body's text.
        body: String,
    },
}

/// A row for a person to look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnresolvedRow {
    /// `PAYMENT_UNRESOLVED` or `DUPLICATE_REFUNDED` or `PSP_CONFIGURATION`.
    pub kind: String,
    /// Whose.
    pub merchant_id: MerchantId,
    /// Which order.
    pub order_id: OrderId,
    /// The PSP's key.
    pub payment_key: String,
    /// Why, as a code.
    pub reason: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether it still waits for somebody.
    pub open: bool,
}

/// Sums over a shard's orders, in won.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OrderTotals {
    /// Orders in the shard.
    pub orders: u64,
    /// Everything that the PSP charged for orders that are paid.
    pub charges: i64,
    /// Everything given back of it.
    pub refunds: i64,
    /// What of the charges is on its way to the ledger: sold, and not yet reported as credited.
    pub uncredited: i64,
    /// Attempts whose outcome is not known yet, in won.
    pub in_doubt: i64,
}
