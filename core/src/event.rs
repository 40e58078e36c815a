//! The events: what the outbox carries and other departments subscribe to. No personal data in them.

use crate::api::Method;
use crate::id::{MerchantId, OrderId, SellerId};
use crate::money::{Amount, Currency};
use crate::pricing::Funder;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Topic of everything that happens to orders and their payments; key = order id.
pub const ORDERS_TOPIC: &str = "gyesan.orders";
/// Topic of everything that happens to wallets and cash; key = account.
pub const LEDGER_TOPIC: &str = "gyesan.ledger";

/// One event, as the outbox stores it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `evt_` and a ULID; the same for every repeat.
    pub event_id: String,
    /// Whose.
    pub merchant_id: MerchantId,
    /// Currency of all amounts.
    pub currency: Currency,
    /// When it was committed.
    pub occurred_at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub data: EventData,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum EventData {
    /// An order was priced and stored.
    #[serde(rename = "order.placed")]
    OrderPlaced {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// What the buyer is to pay.
        amount: Amount,
        /// Who buys, if the merchant says.
        member_id: Option<String>,
        /// Its lines.
        payment_orders: Vec<PaymentOrder>,
    },
    /// An order was not paid in time.
    #[serde(rename = "order.expired")]
    OrderExpired {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
    },
    /// An unpaid order was called off.
    #[serde(rename = "order.canceled")]
    OrderCanceled {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// The order that took its place, if one did.
        replaced_by: Option<OrderId>,
    },
    /// The buyer is charged.
    #[serde(rename = "payment.confirmed")]
    PaymentConfirmed {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// Toss's key.
        payment_key: String,
        /// What was charged.
        amount: Amount,
        /// How.
        method: Option<Method>,
        /// When, by the PSP's clock.
        approved_at: Option<Timestamp>,
        /// Who bought, if the merchant says.
        member_id: Option<String>,
        /// Where the member lives, for totals by region.
        region: Option<String>,
        /// Whether the order had been told to have failed.
        late: bool,
        /// Its lines.
        payment_orders: Vec<PaymentOrder>,
    },
    /// An attempt was refused; nothing is charged.
    #[serde(rename = "payment.failed")]
    PaymentFailed {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// Toss's key of the attempt.
        payment_key: String,
        /// Toss's code.
        psp_code: String,
    },
    /// The PSP was asked and gave no word.
    #[serde(rename = "payment.unknown")]
    PaymentUnknown {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// Toss's key of the attempt.
        payment_key: String,
    },
    /// A person has to look at it.
    #[serde(rename = "payment.unresolved")]
    PaymentUnresolved {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// Toss's key of the attempt.
        payment_key: String,
        /// Why, as a code.
        reason: String,
    },
    /// A second charge of the same order was given back.
    #[serde(rename = "payment.duplicate-refunded")]
    DuplicateRefunded {
        /// Which order.
        order_id: OrderId,
        /// Its version after this event.
        order_version: u32,
        /// Toss's key of the charge that was given back.
        payment_key: String,
        /// How much.
        amount: Amount,
    },
    /// A seller was credited.
    #[serde(rename = "wallet.credited")]
    WalletCredited {
        /// Whose wallet.
        seller_id: SellerId,
        /// The wallet's version after this event.
        account_version: u64,
        /// The transfer's id.
        transaction_id: String,
        /// How much.
        amount: Amount,
        /// The balance after it.
        balance: i64,
        /// For which order.
        order_id: OrderId,
        /// For which line.
        payment_order_id: String,
        /// Out of which money.
        fund: Fund,
    },
}

/// Out of which money a seller is credited.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Fund {
    /// What the buyer paid.
    Payment,
    /// The part of a discount that the merchant makes up for.
    Promotion,
}

/// A line of an order, as consumers need it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentOrder {
    /// `po_…`.
    pub payment_order_id: String,
    /// Who is credited.
    pub seller_id: SellerId,
    /// Before the coupon.
    pub gross_amount: Amount,
    /// This line's part of the coupon.
    pub discount: Amount,
    /// After it: what the buyer pays for the line.
    pub amount: Amount,
    /// Who pays for the discount.
    pub funded_by: Funder,
}

impl PaymentOrder {
    /// What the seller is credited, and out of which money; parts of nothing are left out.
    pub fn credits(&self) -> impl Iterator<Item = (Fund, Amount)> {
        let promotion = match self.funded_by {
            Funder::Merchant => self.discount,
            Funder::Seller => Amount::ZERO,
        };
        [(Fund::Payment, self.amount), (Fund::Promotion, promotion)]
            .into_iter()
            .filter(|(_, amount)| !amount.is_zero())
    }
}

impl EventData {
    /// The type's name, as in the `ce_type` header.
    pub const fn name(&self) -> &'static str {
        match self {
            EventData::OrderPlaced { .. } => "order.placed",
            EventData::OrderExpired { .. } => "order.expired",
            EventData::OrderCanceled { .. } => "order.canceled",
            EventData::PaymentConfirmed { .. } => "payment.confirmed",
            EventData::PaymentFailed { .. } => "payment.failed",
            EventData::PaymentUnknown { .. } => "payment.unknown",
            EventData::PaymentUnresolved { .. } => "payment.unresolved",
            EventData::DuplicateRefunded { .. } => "payment.duplicate-refunded",
            EventData::WalletCredited { .. } => "wallet.credited",
        }
    }

    /// The topic, and the key whose events stay in order.
    pub fn topic_and_key(&self) -> (&'static str, &str) {
        match self {
            EventData::OrderPlaced { order_id, .. }
            | EventData::OrderExpired { order_id, .. }
            | EventData::OrderCanceled { order_id, .. }
            | EventData::PaymentConfirmed { order_id, .. }
            | EventData::PaymentFailed { order_id, .. }
            | EventData::PaymentUnknown { order_id, .. }
            | EventData::PaymentUnresolved { order_id, .. }
            | EventData::DuplicateRefunded { order_id, .. } => (ORDERS_TOPIC, order_id.as_str()),
            EventData::WalletCredited { seller_id, .. } => (LEDGER_TOPIC, seller_id.as_str()),
        }
    }
}
