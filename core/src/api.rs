//! The shapes of the HTTP API (camelCase JSON), shared by the server that writes them and the widget that reads them.
//!
//! Requests are not here: they are read field by field, so that each fault gets its pointer (`edge`).

use crate::id::{MerchantId, OrderId, SellerId};
use crate::money::{Amount, Currency};
use crate::pricing::Coupon;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who buys; every field is optional.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Buyer {
    /// Name as the buyer wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where Toss sends its notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Korean phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// One priced line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// The catalogue's id, absent on a line that the merchant priced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// What it is called.
    pub name: String,
    /// Price of one.
    pub unit_price: Amount,
    /// How many.
    pub quantity: u32,
    /// Unit price times quantity.
    pub gross_amount: Amount,
    /// This line's part of the coupon.
    pub discount: Amount,
    /// Gross amount less discount.
    pub amount: Amount,
    /// Who is credited.
    pub seller_id: SellerId,
}

/// A priced cart: the answer of `POST /v1/quotes`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// As on the buyer's card statement: `상품A 외 1건`.
    pub order_name: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The lines, in the order asked for.
    pub lines: Vec<Line>,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
    /// The coupon's terms, so that the page can price the next quantity itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<Coupon>,
}

/// `GET /v1/checkout/config`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckoutConfig {
    /// Whose shop it is.
    pub merchant: MerchantName,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How to open the PSP's window.
    pub psp: PspConfig,
    /// Payment methods offered: `CARD`.
    pub methods: Vec<String>,
    /// Languages of the page.
    pub locales: Vec<String>,
}

/// A merchant as buyers see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MerchantName {
    /// The merchant's id.
    pub id: MerchantId,
    /// The shop's name.
    pub name: String,
}

/// What the page needs to start the PSP's SDK.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PspConfig {
    /// `toss`.
    pub name: String,
    /// The PSP's public key.
    pub client_key: String,
    /// The SDK's script.
    pub sdk_url: String,
    /// Who the buyer is to the PSP; unguessable.
    pub customer_key: String,
}

/// What the page needs to open the payment window for one order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PspSession {
    /// The SDK's parameters.
    #[serde(flatten)]
    pub config: PspConfig,
    /// Where the PSP sends the buyer after authentication.
    pub success_url: String,
    /// Where the PSP sends the buyer after a refusal.
    pub fail_url: String,
}

/// The answer of `PUT /v1/orders/{orderId}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacedOrder {
    /// The caller's id.
    pub order_id: OrderId,
    /// As on the buyer's card statement.
    pub order_name: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
    /// Where the payment stands.
    pub payment_status: PaymentStatus,
    /// Where the order stands.
    pub order_status: OrderStatus,
    /// The priced lines.
    pub lines: Vec<Line>,
    /// Reads and confirms this one order.
    pub status_token: String,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// How to open the payment window.
    pub psp: PspSession,
}

/// Where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Nothing was tried.
    NotStarted,
    /// The PSP has been asked.
    Executing,
    /// Charged.
    Success,
    /// Not charged, by the PSP's word.
    Failure,
    /// Asked, and no word: may be charged or not.
    Unknown,
}

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OrderStatus {
    /// 주문 완료: placed, and the only status that can be paid.
    #[serde(rename = "ORDER_COMPLETED")]
    Completed,
    /// 결제 완료.
    #[serde(rename = "PAYMENT_COMPLETED")]
    PaymentCompleted,
    /// Called off before it was paid, or refunded in full.
    #[serde(rename = "ORDER_CANCELED")]
    Canceled,
    /// Not paid in time.
    #[serde(rename = "ORDER_EXPIRED")]
    Expired,
}

/// The order as its owner sees it: `GET /v1/orders/{orderId}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The caller's id.
    pub order_id: OrderId,
    /// As on the buyer's card statement.
    pub order_name: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Sum of the lines before the coupon.
    pub gross_amount: Amount,
    /// What the coupon takes off.
    pub discount: Amount,
    /// What the buyer pays.
    pub amount: Amount,
    /// What is charged and not refunded.
    pub balance: Amount,
    /// Where the payment stands.
    pub payment_status: PaymentStatus,
    /// Where the order stands.
    pub order_status: OrderStatus,
    /// Whether the buyer is charged.
    pub is_payment_done: bool,
    /// Whether every seller is credited.
    pub is_wallet_done: bool,
    /// The PSP's key of the payment that succeeded.
    pub payment_key: Option<String>,
    /// How it was paid.
    pub method: Option<Method>,
    /// When the PSP approved it.
    pub approved_at: Option<Timestamp>,
    /// The buyer's receipt at the PSP.
    pub receipt_url: Option<String>,
    /// Why the last attempt failed, while the order is not paid.
    pub failure: Option<Failure>,
    /// How many answers of the PSP were missing or inconclusive.
    pub failed_count: u32,
    /// From how many of them a person is called.
    pub threshold: u32,
    /// Counts every change; the events carry it.
    pub order_version: u32,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Where the merchant wants the buyer back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    /// Each authentication of the buyer.
    pub attempts: Vec<AttemptView>,
    /// One per line.
    pub payment_orders: Vec<PaymentOrderView>,
    /// Every status change of every payment order, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Refunds asked for, oldest first.
    pub cancellations: Vec<CancellationView>,
    /// The merchant's own notes.
    pub metadata: std::collections::BTreeMap<String, String>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One refund asked for by the merchant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancellationView {
    /// `cnl_…`.
    pub cancellation_id: String,
    /// `RESTOCK_WAITING`, `REFUNDING`, `REFUNDED`, `REFUND_FAILED`, `REFUND_UNKNOWN`.
    pub status: String,
    /// What goes back to the buyer.
    pub amount: Amount,
}

/// How an order was paid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Method {
    /// Stable code: `CARD`, `EASY_PAY`, `TRANSFER` …
    pub code: String,
    /// The PSP's own word (`카드`).
    pub label: String,
}

/// Why an attempt failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The PSP's code.
    pub psp_code: String,
    /// The PSP's words.
    pub message: String,
    /// Whether the buyer may try again.
    pub retryable: bool,
}

/// One authentication of the buyer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// `att_…`.
    pub attempt_id: String,
    /// The PSP's key.
    pub payment_key: String,
    /// `WAITING`, `EXECUTING`, `UNKNOWN`, `SUCCESS`, `FAILURE`, `DROPPED`, `REFUSED`, `REFUNDING`, `REFUNDED`.
    pub state: String,
    /// The PSP's code of a failure.
    pub psp_code: Option<String>,
    /// When the buyer came back with it.
    pub created_at: Timestamp,
}

/// One line's payment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentOrderView {
    /// `po_…`.
    pub payment_order_id: String,
    /// The catalogue's id.
    pub product_id: Option<String>,
    /// Who is credited.
    pub seller_id: SellerId,
    /// What is credited for it: the line's net amount.
    pub amount: Amount,
    /// Follows the order's payment.
    pub payment_status: PaymentStatus,
    /// Whether the seller is credited.
    pub is_wallet_done: bool,
}

/// One status change of one payment order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Which line.
    pub payment_order_id: String,
    /// Absent when it was placed.
    pub previous_status: Option<PaymentStatus>,
    /// The status since then.
    pub new_status: PaymentStatus,
    /// `buyer`, `merchant`, `psp`, `system`, `operator`.
    pub changed_by: String,
    /// Why, as a code.
    pub reason: String,
    /// When.
    pub created_at: Timestamp,
}

/// A page of a list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `null` on the last.
    pub next_cursor: Option<String>,
}

/// `GET /v1/wallets/{sellerId}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wallet {
    /// Whose.
    pub seller_id: SellerId,
    /// The currency of the balance.
    pub currency: Currency,
    /// What the seller is owed; negative after refunds of money already paid out.
    pub balance: i64,
    /// Counts every change.
    pub version: u64,
}

/// One row of `GET /v1/wallets/{sellerId}/transactions`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalletTransaction {
    /// The transfer's id.
    pub transaction_id: String,
    /// `CREDIT` or `DEBIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How much.
    pub amount: Amount,
    /// For which order.
    pub order_id: OrderId,
    /// `PAYMENT_ORDER`.
    pub reference_type: String,
    /// The payment order's id.
    pub reference_id: String,
    /// When it was booked.
    pub created_at: Timestamp,
}
