//! One payment, from the opened window to the last refund.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// From window open to authentication.
pub const AUTHENTICATION_WINDOW_MS: i64 = 30 * 60 * 1000;
/// From authentication to confirm.
pub const CONFIRM_WINDOW_MS: i64 = 10 * 60 * 1000;

/// `Payment.status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The window is open; the buyer has not authenticated.
    Ready,
    /// Authenticated, not confirmed.
    InProgress,
    /// A virtual account was issued; nothing is paid.
    WaitingForDeposit,
    /// Charged.
    Done,
    /// Refunded in full by one cancel.
    Canceled,
    /// Refunded in part, or in full by parts.
    PartialCanceled,
    /// Refused.
    Aborted,
    /// A window has passed.
    Expired,
}

/// What the buyer pays with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// Credit or debit card.
    #[serde(alias = "카드")]
    Card,
    /// Toss Pay, an easy-pay wallet.
    #[serde(rename = "TOSSPAY", alias = "EASY_PAY", alias = "간편결제")]
    TossPay,
    /// Kakao Pay, an easy-pay wallet.
    #[serde(rename = "KAKAOPAY")]
    KakaoPay,
    /// Account transfer.
    #[serde(alias = "계좌이체")]
    Transfer,
    /// Virtual account: confirm issues an account number, the deposit comes later.
    #[serde(alias = "가상계좌")]
    VirtualAccount,
    /// Carrier billing.
    #[serde(alias = "휴대폰")]
    MobilePhone,
}

impl Method {
    /// Toss's word for it, Korean unless English was asked for.
    pub(crate) fn label(self, english: bool) -> &'static str {
        match (self, english) {
            (Method::Card, false) => "카드",
            (Method::Card, true) => "CARD",
            (Method::TossPay | Method::KakaoPay, false) => "간편결제",
            (Method::TossPay | Method::KakaoPay, true) => "EASY_PAY",
            (Method::Transfer, false) => "계좌이체",
            (Method::Transfer, true) => "TRANSFER",
            (Method::VirtualAccount, false) => "가상계좌",
            (Method::VirtualAccount, true) => "VIRTUAL_ACCOUNT",
            (Method::MobilePhone, false) => "휴대폰",
            (Method::MobilePhone, true) => "MOBILE_PHONE",
        }
    }
}

/// Why a payment was aborted or has expired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Toss's code.
    pub code: String,
    /// Toss's message.
    pub message: String,
}

/// One refund.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// Key of the refund's transaction.
    pub transaction_key: String,
    /// Won given back.
    pub amount: i64,
    /// The merchant's words.
    pub reason: String,
    /// Of `amount`, how much was free of tax.
    pub tax_free_amount: i64,
    /// On the emulator's clock, milliseconds since the Unix epoch.
    pub canceled_at_ms: i64,
}

/// One payment. Times are on the emulator's clock, in milliseconds since the Unix epoch; amounts are won.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Toss's key.
    pub payment_key: String,
    /// Name of its payment window.
    pub session: String,
    /// The merchant's order.
    pub order_id: String,
    /// What the buyer reads.
    pub order_name: String,
    /// ISO 4217.
    pub currency: String,
    /// What the buyer saw and authenticated.
    pub total_amount: i64,
    /// Of it, free of tax.
    pub tax_free_amount: i64,
    /// What the buyer pays with.
    pub method: Method,
    /// Where it stands; windows that have passed are seen when it is next looked at.
    pub status: Status,
    /// When the window was opened.
    pub requested_at_ms: i64,
    /// When the buyer authenticated.
    pub authenticated_at_ms: Option<i64>,
    /// When it was charged (or its account issued).
    pub approved_at_ms: Option<i64>,
    /// How many times it was approved: never more than once, unless the emulator itself is wrong.
    pub approvals: u32,
    /// Key of the approving transaction.
    pub approval_key: Option<String>,
    /// The card company's number.
    pub approve_no: Option<String>,
    /// Refunds, oldest first.
    pub cancels: Vec<Cancel>,
    /// Why it was aborted or has expired.
    pub failure: Option<Failure>,
    /// Where the browser goes after authentication.
    pub success_url: String,
    /// Where the browser goes otherwise.
    pub fail_url: String,
    /// The merchant's own pairs.
    pub metadata: Option<Value>,
    /// Confirms that were accepted and are still being worked on: meanwhile no window closes.
    pub(crate) confirming: u32,
}

impl Payment {
    /// Won charged and never taken back: the total once approved, 0 before, and 0 for an account without a deposit.
    pub fn charged(&self) -> i64 {
        match self.approved_status() {
            Some(Status::Done) => self.total_amount,
            _ => 0,
        }
    }

    /// Won given back.
    pub fn refunded(&self) -> i64 {
        if self.charged() == 0 { 0 } else { self.cancels.iter().map(|cancel| cancel.amount).sum() }
    }

    /// Won that can still be cancelled.
    pub fn balance(&self) -> i64 {
        self.balance_after(self.cancels.len())
    }

    /// What approval made of it, whatever was cancelled since; `None` when it was not approved.
    pub(crate) fn approved_status(&self) -> Option<Status> {
        self.approved_at_ms?;
        Some(if self.method == Method::VirtualAccount { Status::WaitingForDeposit } else { Status::Done })
    }

    /// Won left after the first `cancels` refunds.
    pub(crate) fn balance_after(&self, cancels: usize) -> i64 {
        self.total_amount - self.cancels.iter().take(cancels).map(|cancel| cancel.amount).sum::<i64>()
    }

    /// The status after the first `cancels` refunds. A full refund by parts stays PARTIAL_CANCELED, as measured.
    pub(crate) fn status_after(&self, cancels: usize) -> Status {
        match (self.approved_status(), cancels) {
            (None, _) => self.status,
            (Some(approved), 0) => approved,
            (Some(_), 1) if self.balance_after(1) == 0 => Status::Canceled,
            (Some(_), _) => Status::PartialCanceled,
        }
    }

    /// Closes a window that has passed.
    pub(crate) fn expire(&mut self, clock_ms: i64) {
        let passed = match (self.status, self.authenticated_at_ms) {
            (Status::Ready, _) => clock_ms - self.requested_at_ms >= AUTHENTICATION_WINDOW_MS,
            (Status::InProgress, Some(at_ms)) => {
                self.confirming == 0 && clock_ms - at_ms >= CONFIRM_WINDOW_MS
            }
            _ => false,
        };
        if passed {
            self.status = Status::Expired;
            self.failure = Some(Failure {
                code: "EXPIRED_PAYMENT".into(),
                message: "결제 유효 기간이 만료되었습니다.".into(),
            });
        }
    }
}
