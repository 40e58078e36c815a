//! Calls to a payment service provider, as data: actors plan them, an adapter turns them into HTTP, the shell sends them.

use gyesan_core::id::{MerchantId, OrderId};
use gyesan_core::money::Amount;
use serde::{Deserialize, Serialize};

pub mod toss;

/// Which call of which attempt of which order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PspCallId {
    /// Whose order.
    pub merchant_id: MerchantId,
    /// Which order.
    pub order_id: OrderId,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// Which call of the attempt, from 1.
    pub call: u32,
}

/// A call to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PspCall {
    /// To be named in the answer.
    pub id: PspCallId,
    /// What is asked.
    pub request: PspRequest,
    /// W3C trace context, for the PSP's log.
    pub trace: Option<String>,
}

/// What a PSP is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PspRequest {
    /// Charge an authenticated payment.
    Confirm {
        /// The PSP's key.
        payment_key: String,
        /// Our order.
        order_id: OrderId,
        /// The amount as stored, never as a URL or a body says.
        amount: Amount,
        /// The same for every repeat of the same try.
        idempotency_key: String,
    },
    /// Where does a payment stand?
    QueryPayment {
        /// The PSP's key.
        payment_key: String,
    },
    /// Where does an order's payment stand?
    QueryOrder {
        /// Our order.
        order_id: OrderId,
    },
    /// Give everything back.
    Cancel {
        /// The PSP's key.
        payment_key: String,
        /// Why, for the PSP's records; at most 200 characters.
        reason: &'static str,
        /// The same for every repeat of the same try.
        idempotency_key: String,
    },
}

/// The longest that a call may take, in milliseconds. Toss publishes no number for confirm; its other endpoints ask
/// for at least 60 s (`toss.md` §9 row 9).
pub const CALL_LIMIT_MS: u32 = 60_000;
