//! What an answer of the PSP says about one attempt of one order.

use super::dialogue::Step;
use super::{Attempt, Payment};
use crate::toss::{
    Answer, ErrorClass, Refusal, TossPayment, TossStatus, cancel_error_class, confirm_error_class,
};

/// What an answer says about one attempt.
pub(super) enum Finding {
    Charged(Box<TossPayment>),
    NotYet,
    DepositAwaited,
    Ended(Refusal),
    GivenBack,
    Missing(Refusal),
    Refused(Refusal, ErrorClass),
    Contradiction(&'static str),
    OfAnotherAttempt(Box<TossPayment>),
    NoWord,
}

/// Reads an answer to a call of that step, against what is known of the order and the attempt.
pub(super) fn finding(payment: &Payment, attempt: &Attempt, step: Step, answer: Answer) -> Finding {
    match answer {
        Answer::Nothing { .. } => Finding::NoWord,
        Answer::Error { http_status, refusal } => match step {
            Step::Confirm => {
                let class = confirm_error_class(http_status, &refusal.code);
                Finding::Refused(refusal, class)
            }
            Step::Cancel => {
                let class = cancel_error_class(http_status, &refusal.code);
                Finding::Refused(refusal, class)
            }
            Step::QueryPayment | Step::QueryOrder if http_status == 404 => Finding::Missing(refusal),
            Step::QueryPayment | Step::QueryOrder => match confirm_error_class(http_status, &refusal.code) {
                ErrorClass::Configuration => Finding::Refused(refusal, ErrorClass::Configuration),
                _ => Finding::Refused(refusal, ErrorClass::Transient),
            },
        },
        Answer::Payment(found) => {
            if found.order_id != payment.order_id {
                return Finding::Contradiction("ORDER_ID_DIFFERS");
            }
            if found.payment_key != attempt.payment_key {
                return match step {
                    Step::QueryOrder => Finding::OfAnotherAttempt(found),
                    _ => Finding::Contradiction("PAYMENT_KEY_DIFFERS"),
                };
            }
            match found.status {
                TossStatus::Ready | TossStatus::InProgress => Finding::NotYet,
                TossStatus::WaitingForDeposit => Finding::DepositAwaited,
                TossStatus::Aborted | TossStatus::Expired => Finding::Ended(ending(&found)),
                TossStatus::Canceled | TossStatus::PartialCanceled if found.balance_amount.is_zero() => {
                    Finding::GivenBack
                }
                TossStatus::Canceled | TossStatus::PartialCanceled => {
                    Finding::Contradiction("PARTIALLY_CANCELED")
                }
                TossStatus::Done if found.total_amount != payment.amount => {
                    Finding::Contradiction("AMOUNT_DIFFERS")
                }
                TossStatus::Done if found.currency != "KRW" => Finding::Contradiction("CURRENCY_DIFFERS"),
                TossStatus::Done if found.balance_amount != found.total_amount => {
                    Finding::Contradiction("BALANCE_DIFFERS")
                }
                TossStatus::Done => Finding::Charged(found),
                TossStatus::Unlisted => Finding::Contradiction("STATUS_NOT_KNOWN"),
            }
        }
    }
}

fn ending(payment: &TossPayment) -> Refusal {
    payment.failure.clone().unwrap_or_else(|| {
        let expired = payment.status == TossStatus::Expired;
        let (code, message) = match expired {
            true => ("EXPIRED_PAYMENT", "결제 시간이 만료되었습니다."),
            false => ("ABORTED_PAYMENT", "결제 승인이 거절되었습니다."),
        };
        Refusal { code: code.into(), message: message.into() }
    })
}
