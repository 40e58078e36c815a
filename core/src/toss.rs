//! What Toss Payments' answers mean, as data.
//!
//! Sources: the error tables of the Toss reference (`docs.tosspayments.com/reference/error-codes`, confirm and cancel);
//! the classes are ours. The HTTP status alone does not tell whether a retry helps: `PROVIDER_ERROR` is a 400
//! and transient, `REJECT_CARD_PAYMENT` is a 403 and final.

use crate::money::Amount;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What an error answer says about the charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// Not charged, and this payment key never will be; the buyer may try again.
    Final,
    /// Not charged, because our keys or contract are wrong: final, and an operator is called.
    Configuration,
    /// Received, and says nothing for certain: query, then ask again under a new idempotency key.
    Transient,
    /// Already decided: query and take what Toss says.
    Decided,
    /// The first request of this idempotency key is still running: the same key again, later.
    StillRunning,
    /// An unknown 4xx code: taken as final once a query agrees.
    Unlisted,
}

const FINAL: &[&str] = &[
    "BELOW_MINIMUM_AMOUNT",
    "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "FDS_ERROR",
    "INVALID_ACCOUNT_INFO_RE_REGISTER",
    "INVALID_AUTHORIZE_AUTH",
    "INVALID_CARD_EXPIRATION",
    "INVALID_CARD_INSTALLMENT_PLAN",
    "INVALID_CARD_LOST_OR_STOLEN",
    "INVALID_CARD_NUMBER",
    "INVALID_PASSWORD",
    "INVALID_REJECT_CARD",
    "INVALID_REQUEST",
    "INVALID_STOPPED_CARD",
    "NOT_ALLOWED_POINT_USE",
    "NOT_AVAILABLE_BANK",
    "NOT_AVAILABLE_PAYMENT",
    "NOT_FOUND_PAYMENT",
    "NOT_FOUND_PAYMENT_SESSION",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_CARD_PAYMENT",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "RESTRICTED_TRANSFER_ACCOUNT",
];

const CONFIGURATION: &[&str] = &[
    "FORBIDDEN_REQUEST",
    "INCORRECT_BASIC_AUTH_FORMAT",
    "INVALID_API_KEY",
    "INVALID_UNREGISTERED_SUBMALL",
    "NOT_FOUND_TERMINAL_ID",
    "NOT_REGISTERED_BUSINESS",
    "UNAUTHORIZED_KEY",
];

const TRANSIENT: &[&str] = &[
    "CARD_PROCESSING_ERROR",
    "COMMON_ERROR",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FORBIDDEN_CONSECUTIVE_REQUEST",
    "PROVIDER_ERROR",
    "UNAPPROVED_ORDER_ID",
    "UNKNOWN_PAYMENT_ERROR",
];

/// The class of an error that Toss answered a confirm with.
pub fn confirm_error_class(http_status: u16, code: &str) -> ErrorClass {
    match code {
        "ALREADY_PROCESSED_PAYMENT" => ErrorClass::Decided,
        "IDEMPOTENT_REQUEST_PROCESSING" => ErrorClass::StillRunning,
        _ if TRANSIENT.contains(&code) || http_status >= 500 || http_status == 429 => ErrorClass::Transient,
        _ if FINAL.contains(&code) => ErrorClass::Final,
        _ if CONFIGURATION.contains(&code) || http_status == 401 => ErrorClass::Configuration,
        _ => ErrorClass::Unlisted,
    }
}

/// The class of an error that Toss answered a cancel with.
pub fn cancel_error_class(http_status: u16, code: &str) -> ErrorClass {
    match code {
        "ALREADY_CANCELED_PAYMENT"
        | "ALREADY_REFUND_PAYMENT"
        | "NOT_MATCHES_REFUNDABLE_AMOUNT"
        | "NOT_CANCELABLE_AMOUNT" => ErrorClass::Decided,
        "IDEMPOTENT_REQUEST_PROCESSING" => ErrorClass::StillRunning,
        "NOT_AVAILABLE_BANK" => ErrorClass::Transient,
        "EXCEED_CANCEL_LIMIT" => ErrorClass::Configuration,
        _ if TRANSIENT.contains(&code) || http_status >= 500 || http_status == 429 => ErrorClass::Transient,
        _ if CONFIGURATION.contains(&code) || http_status == 401 => ErrorClass::Configuration,
        _ => ErrorClass::Final,
    }
}

/// Whether a buyer who was refused with this code can hope for another try: not when the shop's own
/// set-up is what Toss refused.
pub fn is_retryable(code: &str) -> bool {
    !CONFIGURATION.contains(&code)
}

/// Status of a payment at Toss (`Payment.status`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TossStatus {
    /// Window open, the buyer has not authenticated.
    Ready,
    /// Authenticated, not confirmed.
    InProgress,
    /// Virtual account issued; nothing is paid.
    WaitingForDeposit,
    /// Charged.
    Done,
    /// Refunded in full.
    Canceled,
    /// Refunded in part, or in full by parts: `balanceAmount` tells.
    PartialCanceled,
    /// Refused at confirm.
    Aborted,
    /// A window has passed.
    Expired,
    /// A status that this program does not know.
    #[serde(other)]
    Unlisted,
}

/// What is read of Toss's `Payment` object; the rest is ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TossPayment {
    /// Toss's key, at most 200 characters.
    pub payment_key: String,
    /// Our order id.
    pub order_id: String,
    /// Where it stands.
    pub status: TossStatus,
    /// ISO 4217.
    pub currency: String,
    /// What was approved; never changes.
    pub total_amount: Amount,
    /// What is still charged.
    pub balance_amount: Amount,
    /// Toss's word for the method (`카드`).
    pub method: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// The buyer's receipt.
    pub receipt_url: Option<String>,
    /// Why it was aborted or has expired.
    pub failure: Option<Refusal>,
}

/// A code and Toss's words for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Toss's code.
    pub code: String,
    /// Toss's message, for the buyer.
    pub message: String,
}

/// What came back from a call to Toss.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// HTTP 200 with a payment.
    Payment(Box<TossPayment>),
    /// An error with a code: received, whatever it says.
    Error {
        /// HTTP status.
        http_status: u16,
        /// What Toss said.
        refusal: Refusal,
    },
    /// No answer that says anything: timeout, reset, 5xx without a code, half a document.
    Nothing {
        /// Why, for the log.
        why: String,
    },
}

/// The stable code for Toss's Korean method literal.
pub fn method_code(label: &str) -> &'static str {
    match label {
        "카드" => "CARD",
        "가상계좌" => "VIRTUAL_ACCOUNT",
        "간편결제" => "EASY_PAY",
        "휴대폰" => "MOBILE_PHONE",
        "계좌이체" => "TRANSFER",
        "문화상품권" => "CULTURE_GIFT_CERTIFICATE",
        "도서문화상품권" => "BOOK_GIFT_CERTIFICATE",
        "게임문화상품권" => "GAME_GIFT_CERTIFICATE",
        _ => "OTHER",
    }
}
