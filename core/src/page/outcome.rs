//! What the result page says about an order, and how often it asks.

use crate::api::{OrderStatus, PaymentStatus};

/// What became of an order, in the buyer's eyes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Charged.
    Paid,
    /// The PSP has been asked and has not said; never called a failure.
    Checking,
    /// Not charged, by the PSP's word.
    Refused {
        /// Whether the same order can be paid again.
        payable: bool,
    },
    /// Nothing was tried: the buyer closed the payment window.
    Open,
    /// Not paid in time, and not charged.
    Expired,
    /// Called off, or refunded in full.
    Canceled,
}

impl Outcome {
    /// Reads it from where payment and order stand. A payment under way counts before anything else,
    /// because an order that has expired or was called off may still turn out to be charged.
    pub const fn of(payment: PaymentStatus, order: OrderStatus, retryable: bool) -> Outcome {
        match (payment, order) {
            (PaymentStatus::Executing | PaymentStatus::Unknown, _) => Outcome::Checking,
            (_, OrderStatus::Canceled) => Outcome::Canceled,
            (PaymentStatus::Success, _) => Outcome::Paid,
            (_, OrderStatus::Expired) => Outcome::Expired,
            (PaymentStatus::Failure, OrderStatus::Completed) => Outcome::Refused { payable: retryable },
            (PaymentStatus::Failure, OrderStatus::PaymentCompleted) => Outcome::Refused { payable: false },
            (PaymentStatus::NotStarted, OrderStatus::Completed | OrderStatus::PaymentCompleted) => {
                Outcome::Open
            }
        }
    }

    /// Whether the page asks again by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Outcome::Checking)
    }
}

/// The wait before the next question, in milliseconds: 1, 2, 4, 8 seconds, then every 15.
pub const fn poll_delay_ms(asked: u32) -> u32 {
    if asked < 4 { 1_000 << asked } else { 15_000 }
}
