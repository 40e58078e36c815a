//! The payment state machine of one order: what is known, what can be asked of it, what happens.
//!
//! [`decide`] says which events follow from a command; [`Payment::evolve`] applies one. Neither does anything else, so
//! the caller can store the result and only then make the calls that the events plan.
//!
//! An order has a list of attempts, one per authentication of the buyer (Toss issues a new payment key for each). At
//! most one attempt is open, that is in a dialogue with the PSP about a charge that may already have happened.

mod decide;
mod dialogue;
mod finding;

pub use decide::{Command, Rejection, decide};
pub use dialogue::{Dialogue, Purpose, Signal, Step};

use crate::api::{OrderStatus, PaymentStatus};
use crate::money::Amount;
use crate::time::Timestamp;
use crate::toss::{Refusal, TossPayment};
use serde::{Deserialize, Serialize};

/// Authentications of one order, at most.
pub const ATTEMPTS_MAX: usize = 10;
/// From so many missing or inconclusive answers on, and once the window has closed, a person is called.
pub const THRESHOLD: u32 = 5;
/// How long an order can be paid, in milliseconds: 45 minutes.
pub const PAYABLE_MS: i64 = 45 * 60_000;
/// How long after authentication Toss accepts a confirm, in milliseconds: 10 minutes (`toss.md` §2.5). The buyer comes back
/// after the authentication, so counted from the return it ends no earlier than Toss's own.
pub const CONFIRM_WINDOW_MS: i64 = 10 * 60_000;

/// Everything about an order's payment that a decision needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// The order's id, as the PSP knows it.
    pub order_id: String,
    /// What is to be paid, fixed when the order was placed.
    pub amount: Amount,
    /// Where the order stands.
    pub order_status: OrderStatus,
    /// Where the payment stands.
    pub status: PaymentStatus,
    /// Until when the order can be paid.
    pub expires_at: Timestamp,
    /// Missing or inconclusive answers so far.
    pub failed_count: u32,
    /// Whether a person has been called.
    pub unresolved: bool,
    /// Every authentication, oldest first; numbered from 1.
    pub attempts: Vec<Attempt>,
}

/// One authentication of the buyer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// 1 for the order's first.
    pub number: u32,
    /// `att_…`.
    pub id: String,
    /// The PSP's key.
    pub payment_key: String,
    /// When the buyer came back with it.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: AttemptState,
}

/// Where an attempt stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttemptState {
    /// Another attempt is open: this one waits for its outcome.
    Waiting,
    /// The PSP has been asked.
    Executing(Dialogue),
    /// The PSP was asked and gave no word; it is being asked on.
    Unknown(Dialogue),
    /// Charged.
    Success,
    /// Not charged, by the PSP's word.
    Failure(Refusal),
    /// Never confirmed, because another attempt paid the order.
    Dropped,
    /// Never confirmed, because the order was canceled or had expired.
    Refused,
    /// Charged although the order was paid already or is closed: being given back.
    Refunding(Dialogue),
    /// Charged and given back.
    Refunded,
}

impl AttemptState {
    /// The name, as the API shows it and the table stores it.
    pub const fn name(&self) -> &'static str {
        match self {
            AttemptState::Waiting => "WAITING",
            AttemptState::Executing(_) => "EXECUTING",
            AttemptState::Unknown(_) => "UNKNOWN",
            AttemptState::Success => "SUCCESS",
            AttemptState::Failure(_) => "FAILURE",
            AttemptState::Dropped => "DROPPED",
            AttemptState::Refused => "REFUSED",
            AttemptState::Refunding(_) => "REFUNDING",
            AttemptState::Refunded => "REFUNDED",
        }
    }

    /// The dialogue with the PSP, while there is one.
    pub const fn dialogue(&self) -> Option<&Dialogue> {
        match self {
            AttemptState::Executing(d) | AttemptState::Unknown(d) | AttemptState::Refunding(d) => Some(d),
            _ => None,
        }
    }

    /// Whether the buyer may be charged by it and nobody knows yet.
    pub const fn is_open(&self) -> bool {
        matches!(self, AttemptState::Executing(_) | AttemptState::Unknown(_))
    }
}

impl Payment {
    /// The attempt with that number.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    /// The attempt with that key of the PSP.
    pub fn attempt_of(&self, payment_key: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.payment_key == payment_key)
    }

    /// The attempt that may be charging the buyer right now.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.state.is_open())
    }

    /// Whether a new authentication can be confirmed.
    pub const fn is_payable(&self) -> bool {
        matches!(self.order_status, OrderStatus::Completed)
    }
}

/// What happened to a payment. `attempt` is the attempt's number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The buyer came back; the attempt is the open one.
    AttemptOpened {
        /// The new attempt, not yet asked about: its first [`Event::CallPlanned`] follows.
        attempt: NewAttempt,
    },
    /// The buyer came back while another attempt is open.
    AttemptQueued {
        /// The new attempt.
        attempt: NewAttempt,
    },
    /// The buyer came back after the order was paid by another attempt: it will not be confirmed.
    AttemptDropped {
        /// The new attempt.
        attempt: NewAttempt,
    },
    /// The buyer came back to an order that is canceled or has expired: it will not be confirmed.
    AttemptRefused {
        /// The new attempt.
        attempt: NewAttempt,
    },
    /// A waiting attempt will not be confirmed, because the order is paid.
    WaitingDropped {
        /// Which.
        attempt: u32,
    },
    /// A waiting attempt became the open one.
    WaitingOpened {
        /// Which.
        attempt: u32,
    },
    /// The PSP is to be asked now, and again at `dialogue.until` if it has said nothing by then.
    CallPlanned {
        /// Which.
        attempt: u32,
        /// The call.
        dialogue: Dialogue,
    },
    /// Nothing is to be asked before `dialogue.until`; then `dialogue.step` is.
    PausePlanned {
        /// Which.
        attempt: u32,
        /// What comes after the pause.
        dialogue: Dialogue,
    },
    /// An answer was missing or said nothing.
    AnswerMissed,
    /// It is not known any more whether the buyer is charged.
    OutcomeUnknown {
        /// Which.
        attempt: u32,
    },
    /// The buyer is charged.
    Confirmed {
        /// Which.
        attempt: u32,
        /// The PSP's word.
        payment: Box<TossPayment>,
        /// Whether the order had been told to have failed.
        late: bool,
    },
    /// The buyer is not charged by this attempt.
    Failed {
        /// Which.
        attempt: u32,
        /// The PSP's word.
        refusal: Refusal,
    },
    /// The buyer is charged by an attempt that must not charge; it is being given back.
    RefundStarted {
        /// Which.
        attempt: u32,
    },
    /// It was given back.
    DuplicateRefunded {
        /// Which.
        attempt: u32,
        /// How much.
        amount: Amount,
    },
    /// A person is called.
    Unresolved {
        /// Which.
        attempt: u32,
        /// Why, as a code.
        reason: &'static str,
    },
    /// The PSP refused our own keys or contract: an operator is called.
    ConfigurationRefused {
        /// Which.
        attempt: u32,
        /// The PSP's word.
        refusal: Refusal,
    },
    /// The order was not paid in time.
    Expired,
    /// The order was called off before it was paid.
    Canceled,
}

/// An authentication that has just become known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewAttempt {
    /// Its number.
    pub number: u32,
    /// `att_…`.
    pub id: String,
    /// The PSP's key.
    pub payment_key: String,
    /// When the buyer came back with it.
    pub created_at: Timestamp,
}

impl Payment {
    /// The payment after an event.
    pub fn evolve(mut self, event: &Event) -> Payment {
        match event {
            Event::AttemptOpened { attempt } => {
                self.add(attempt, AttemptState::Executing(Dialogue::new(Purpose::Charge, Step::Confirm)));
                self.set_status(PaymentStatus::Executing);
            }
            Event::AttemptQueued { attempt } => self.add(attempt, AttemptState::Waiting),
            Event::AttemptDropped { attempt } => self.add(attempt, AttemptState::Dropped),
            Event::AttemptRefused { attempt } => self.add(attempt, AttemptState::Refused),
            Event::WaitingDropped { attempt } => self.set_state(*attempt, AttemptState::Dropped),
            Event::WaitingOpened { attempt } => {
                let dialogue = Dialogue::new(Purpose::Charge, Step::Confirm);
                self.set_state(*attempt, AttemptState::Executing(dialogue));
                self.set_status(PaymentStatus::Executing);
            }
            Event::CallPlanned { attempt, dialogue } | Event::PausePlanned { attempt, dialogue } => {
                for found in self.attempts.iter_mut().filter(|found| found.number == *attempt) {
                    match &mut found.state {
                        AttemptState::Executing(current)
                        | AttemptState::Unknown(current)
                        | AttemptState::Refunding(current) => *current = dialogue.clone(),
                        AttemptState::Waiting
                        | AttemptState::Success
                        | AttemptState::Failure(_)
                        | AttemptState::Dropped
                        | AttemptState::Refused
                        | AttemptState::Refunded => {}
                    }
                }
            }
            Event::AnswerMissed => self.failed_count = self.failed_count.saturating_add(1),
            Event::OutcomeUnknown { attempt } => {
                for found in self.attempts.iter_mut().filter(|found| found.number == *attempt) {
                    if let AttemptState::Executing(dialogue) = &found.state {
                        found.state = AttemptState::Unknown(dialogue.clone());
                    }
                }
                self.set_status(PaymentStatus::Unknown);
            }
            Event::Confirmed { attempt, .. } => {
                self.set_state(*attempt, AttemptState::Success);
                self.status = PaymentStatus::Success;
                self.order_status = OrderStatus::PaymentCompleted;
                self.unresolved = false;
            }
            Event::Failed { attempt, refusal } => {
                self.set_state(*attempt, AttemptState::Failure(refusal.clone()));
                self.set_status(PaymentStatus::Failure);
                self.unresolved = false;
            }
            Event::RefundStarted { attempt } => {
                let dialogue = Dialogue::new(Purpose::Refund, Step::Cancel);
                self.set_state(*attempt, AttemptState::Refunding(dialogue));
            }
            Event::DuplicateRefunded { attempt, .. } => {
                self.set_state(*attempt, AttemptState::Refunded);
                self.unresolved = false;
            }
            Event::Unresolved { .. } => self.unresolved = true,
            Event::ConfigurationRefused { .. } => {}
            Event::Expired => self.order_status = OrderStatus::Expired,
            Event::Canceled => self.order_status = OrderStatus::Canceled,
        }
        self
    }

    fn add(&mut self, new: &NewAttempt, state: AttemptState) {
        self.attempts.push(Attempt {
            number: new.number,
            id: new.id.clone(),
            payment_key: new.payment_key.clone(),
            created_at: new.created_at,
            state,
        });
    }

    fn set_state(&mut self, number: u32, state: AttemptState) {
        for found in self.attempts.iter_mut().filter(|found| found.number == number) {
            found.state = state.clone();
        }
    }

    /// A paid order stays paid, whatever other attempts do.
    fn set_status(&mut self, status: PaymentStatus) {
        if self.status != PaymentStatus::Success {
            self.status = status;
        }
    }
}

/// What a call to the PSP asks, for an attempt in this dialogue: derived from stored state alone, so a repeat after a
/// crash is the same call.
impl Attempt {
    /// The idempotency key of the current try: `confirm:{attempt}:{n}`, `cancel:{attempt}:{n}`.
    pub fn idempotency_key(&self, dialogue: &Dialogue) -> String {
        match dialogue.step {
            Step::Cancel => format!("cancel:{}:{}", self.id, dialogue.key),
            Step::Confirm | Step::QueryPayment | Step::QueryOrder => {
                format!("confirm:{}:{}", self.id, dialogue.key)
            }
        }
    }

    /// When Toss stops accepting a confirm of this authentication, at the latest.
    pub const fn window_ends(&self) -> Timestamp {
        self.created_at.plus_ms(CONFIRM_WINDOW_MS)
    }
}

/// Stored form of what is open: see [`Dialogue`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// A call is under way.
    Calling,
    /// The next call waits for its time.
    Pausing,
}
