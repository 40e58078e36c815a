//! The dialogue with the PSP about one attempt: what an answer means, and what is asked next (`toss.md` §9.1).
//!
//! The rules, in one place:
//! - No answer (timeout, reset, 5xx without a code, half a document): the same idempotency key again, at most three
//!   times with back-off, then a query. Nobody waits longer than [`PATIENCE_MS`] for a silent call before the next is made:
//!   the same key makes that safe, and an answer of the first call still counts when it comes.
//! - A *received* error that is not final: query, then a new key, because Toss replays a 4xx for 15 days.
//! - A query by payment key first, by order second. DONE is adopted when key, order and amount are right; IN_PROGRESS inside
//!   the window is confirmed again; 404 waits for the window's end; ABORTED and EXPIRED are failures.
//! - Nothing is guessed: without the PSP's word the attempt stays open, is asked about ever more slowly, and a person is called.

use super::finding::{Finding, finding};
use super::{Attempt, Event, Payment, Standing, THRESHOLD, decide};
use crate::time::Timestamp;
use crate::toss::{Answer, ErrorClass, Refusal};
use serde::{Deserialize, Serialize};

/// How long a call may be silent before the next is made, in milliseconds. The call itself goes on (up to 60 s).
const PATIENCE_MS: i64 = 4_000;
/// Repeats under one idempotency key without an answer, before a query.
const SILENCES_MAX: u32 = 3;
/// The longest pause while the window is open, in milliseconds.
const PAUSE_IN_WINDOW_MAX_MS: i64 = 15_000;
/// The longest pause after it, in milliseconds.
const PAUSE_AFTER_WINDOW_MAX_MS: i64 = 600_000;
/// How long after the window's end its closing is trusted, in milliseconds: clocks differ.
const WINDOW_MARGIN_MS: i64 = 30_000;

/// What the PSP is asked next, or is being asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Charge.
    Confirm,
    /// Where does the payment stand?
    QueryPayment,
    /// Where does the order's payment stand?
    QueryOrder,
    /// Give everything back.
    Cancel,
}

/// What the dialogue is to end in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// The buyer is charged once, or known not to be.
    Charge,
    /// A method that is not offered (a virtual account) is taken back before anybody pays into it.
    Void,
    /// A charge that must not be is given back.
    Refund,
}

/// The state of the dialogue; stored with the attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dialogue {
    /// What it is to end in.
    pub purpose: Purpose,
    /// What is being asked, or is asked after the pause.
    pub step: Step,
    /// Whether a call is under way or a pause.
    pub standing: Standing,
    /// Calls made so far; the answer of an earlier one is recognised by it.
    pub call: u32,
    /// The idempotency key's number, from 1.
    pub key: u32,
    /// Whether an answer was received under the present key: only then may the next key be used.
    pub answered: bool,
    /// Calls in a row without an answer under the present key.
    pub silences: u32,
    /// Whether a call was ever without an answer: it may still be at work at the PSP.
    pub unheard: bool,
    /// Inconclusive rounds so far; the pauses grow with it.
    pub rounds: u32,
    /// A refusal that a query is to bear out.
    pub verdict: Option<Refusal>,
    /// When the pause ends, or the call has been silent for too long.
    pub until: Timestamp,
}

impl Dialogue {
    /// A dialogue in which nothing has been asked.
    pub const fn new(purpose: Purpose, step: Step) -> Dialogue {
        Dialogue {
            purpose,
            step,
            standing: Standing::Pausing,
            call: 0,
            key: 1,
            answered: false,
            silences: 0,
            unheard: false,
            rounds: 0,
            verdict: None,
            until: Timestamp(0),
        }
    }

    /// The same dialogue with a call under way.
    pub fn calling(mut self, step: Step, now: Timestamp) -> Dialogue {
        self.step = step;
        self.standing = Standing::Calling;
        self.call = self.call.saturating_add(1);
        self.until = now.plus_ms(PATIENCE_MS);
        self
    }

    fn pausing(mut self, step: Step, pause_ms: i64, now: Timestamp) -> Dialogue {
        self.step = step;
        self.standing = Standing::Pausing;
        self.until = now.plus_ms(pause_ms);
        self
    }

    /// The next idempotency key, if the present one has been answered; the same one otherwise.
    fn next_key(mut self) -> Dialogue {
        if self.answered {
            self.key = self.key.saturating_add(1);
            self.answered = false;
            self.silences = 0;
        }
        self
    }
}

/// What has come of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signal {
    /// The answer of a call.
    Answered(Answer),
    /// The call has been silent for [`Dialogue::until`], or the pause is over, or the object was started again.
    Elapsed,
    /// An operator wants it asked now.
    AskNow,
}

/// What follows from a signal to the attempt's dialogue. `call` is the call that the signal belongs to; a signal of an earlier
/// call counts only when it settles the matter.
pub(super) fn advance(
    payment: &Payment,
    attempt: &Attempt,
    call: u32,
    signal: Signal,
    now: Timestamp,
) -> Vec<Event> {
    let Some(dialogue) = attempt.state.dialogue() else {
        // Nothing is being asked any more; that the buyer is charged after all still counts.
        return match signal {
            Signal::Answered(Answer::Payment(found)) if found.payment_key == attempt.payment_key => {
                decide::evidence(payment, found, now)
            }
            Signal::Answered(_) | Signal::Elapsed | Signal::AskNow => Vec::new(),
        };
    };
    let talk = Talk { payment, attempt, dialogue: dialogue.clone(), now };
    let current = call == dialogue.call;
    match (signal, dialogue.standing) {
        (Signal::Elapsed, Standing::Calling) if current => talk.no_word(),
        (Signal::Elapsed | Signal::AskNow, Standing::Pausing) if current => talk.resumed(),
        (Signal::Elapsed | Signal::AskNow, Standing::Calling | Standing::Pausing) => Vec::new(),
        (Signal::Answered(answer), Standing::Calling) if current => {
            talk.heard(finding(payment, attempt, dialogue.step, answer))
        }
        (Signal::Answered(answer), Standing::Calling | Standing::Pausing) => talk.heard_late(answer),
    }
}

/// Plans a call.
pub(super) fn ask(attempt: u32, dialogue: Dialogue, step: Step, now: Timestamp) -> Vec<Event> {
    vec![Event::CallPlanned { attempt, dialogue: dialogue.calling(step, now) }]
}

/// One attempt's dialogue at one moment.
struct Talk<'a> {
    payment: &'a Payment,
    attempt: &'a Attempt,
    dialogue: Dialogue,
    now: Timestamp,
}

impl Talk<'_> {
    fn heard(mut self, finding: Finding) -> Vec<Event> {
        let number = self.attempt.number;
        match (self.dialogue.purpose, finding) {
            (_, Finding::NoWord) => self.no_word(),
            (_, Finding::Contradiction(reason)) => self.contradiction(reason),
            (Purpose::Charge, Finding::Charged(found)) => {
                decide::charged(self.payment, self.attempt, found, self.now)
            }
            (Purpose::Charge, Finding::Ended(refusal)) => {
                decide::failed(self.payment, number, refusal, self.now)
            }
            (Purpose::Charge, Finding::GivenBack) => {
                decide::failed(self.payment, number, given_back(), self.now)
            }
            (Purpose::Charge, Finding::DepositAwaited) => {
                let fresh =
                    Dialogue { call: self.dialogue.call, ..Dialogue::new(Purpose::Void, Step::Cancel) };
                ask(number, fresh, Step::Cancel, self.now)
            }
            (Purpose::Charge, Finding::NotYet) => self.not_charged_yet(),
            (Purpose::Charge, Finding::Missing(refusal)) => self.not_found(refusal),
            (Purpose::Charge | Purpose::Refund, Finding::OfAnotherAttempt(other)) => {
                let mut events = decide::evidence(self.payment, other, self.now);
                let after = events.iter().fold(self.payment.clone(), Payment::evolve);
                let talk =
                    Talk { payment: &after, attempt: self.attempt, dialogue: self.dialogue, now: self.now };
                events.extend(talk.not_found(not_found_refusal()));
                events
            }
            (Purpose::Charge, Finding::Refused(refusal, class)) => self.refused(refusal, class),
            (Purpose::Void, Finding::Charged(_)) => self.contradiction("DEPOSIT_ARRIVED"),
            (Purpose::Refund, Finding::Ended(_)) => self.contradiction("REFUND_OF_ENDED_PAYMENT"),
            (Purpose::Void, Finding::Ended(_) | Finding::GivenBack) => {
                decide::failed(self.payment, number, not_offered(), self.now)
            }
            (Purpose::Refund, Finding::GivenBack) => {
                vec![Event::DuplicateRefunded { attempt: number, amount: self.payment.amount }]
            }
            (Purpose::Void, Finding::DepositAwaited | Finding::NotYet)
            | (Purpose::Refund, Finding::Charged(_)) => {
                // Not given back yet: again, under a new key if the last answer was received.
                self.dialogue.rounds = self.dialogue.rounds.saturating_add(1);
                let pause = self.pause_ms();
                let next = self.dialogue.next_key().pausing(Step::Cancel, pause, self.now);
                vec![Event::PausePlanned { attempt: number, dialogue: next }]
            }
            (Purpose::Refund, Finding::DepositAwaited | Finding::NotYet) => {
                self.contradiction("REFUND_OF_UNPAID_PAYMENT")
            }
            (Purpose::Void | Purpose::Refund, Finding::Missing(_)) => self.inconclusive(Step::QueryPayment),
            (Purpose::Void, Finding::OfAnotherAttempt(_)) => self.inconclusive(Step::QueryPayment),
            (Purpose::Void | Purpose::Refund, Finding::Refused(_, class)) => {
                self.dialogue.answered = true;
                match class {
                    ErrorClass::StillRunning => self.still_running(),
                    ErrorClass::Decided => ask(number, self.dialogue, Step::QueryPayment, self.now),
                    ErrorClass::Transient => self.inconclusive(Step::QueryPayment),
                    ErrorClass::Final | ErrorClass::Configuration | ErrorClass::Unlisted => {
                        self.contradiction("REFUND_REFUSED")
                    }
                }
            }
        }
    }

    /// The answer of an earlier call. That the buyer is charged, or that this attempt has ended, is true whenever it was
    /// asked for; anything else may have changed since.
    fn heard_late(self, answer: Answer) -> Vec<Event> {
        let found = finding(self.payment, self.attempt, Step::QueryPayment, answer);
        match (self.dialogue.purpose, found) {
            (Purpose::Charge, found @ (Finding::Charged(_) | Finding::Ended(_)))
            | (Purpose::Charge | Purpose::Void | Purpose::Refund, found @ Finding::GivenBack) => {
                self.heard(found)
            }
            _ => Vec::new(),
        }
    }

    /// The pause is over. What was to be asked then may not be asked any more.
    fn resumed(self) -> Vec<Event> {
        let step = if self.may_ask(self.dialogue.step) { self.dialogue.step } else { Step::QueryPayment };
        ask(self.attempt.number, self.dialogue, step, self.now)
    }

    /// Nothing came, or nothing that says anything.
    fn no_word(mut self) -> Vec<Event> {
        let elapsed = self.now >= self.dialogue.until;
        self.dialogue.silences = self.dialogue.silences.saturating_add(1);
        self.dialogue.unheard = true;
        let repeat = matches!(self.dialogue.step, Step::Confirm | Step::Cancel)
            && self.dialogue.silences <= SILENCES_MAX
            && self.may_ask(self.dialogue.step);
        let mut events = vec![Event::AnswerMissed];
        // A call that is merely slow leaves the attempt EXECUTING; an answer that was lost, or patience at its end, does not.
        if !elapsed || !repeat {
            self.becomes_unknown(&mut events);
        }
        self.call_a_person(&mut events);
        let (step, pause) = if !repeat {
            self.dialogue.rounds = self.dialogue.rounds.saturating_add(1);
            (Step::QueryPayment, if elapsed && self.dialogue.rounds <= 3 { 0 } else { self.pause_ms() })
        } else {
            (self.dialogue.step, if elapsed { 0 } else { 250_i64 << self.dialogue.silences })
        };
        events.push(self.next(step, pause));
        events
    }

    fn next(&self, step: Step, pause_ms: i64) -> Event {
        let (attempt, dialogue) = (self.attempt.number, self.dialogue.clone());
        match pause_ms {
            0 => Event::CallPlanned { attempt, dialogue: dialogue.calling(step, self.now) },
            _ => Event::PausePlanned { attempt, dialogue: dialogue.pausing(step, pause_ms, self.now) },
        }
    }

    /// A received error to a confirm.
    fn refused(mut self, refusal: Refusal, class: ErrorClass) -> Vec<Event> {
        let number = self.attempt.number;
        if self.dialogue.step != Step::Confirm {
            // A query that was refused says nothing about the charge.
            let mut events = Vec::new();
            if class == ErrorClass::Configuration {
                events.push(Event::ConfigurationRefused { attempt: number, refusal });
            }
            events.extend(self.inconclusive(Step::QueryPayment));
            return events;
        }
        match class {
            ErrorClass::StillRunning => return self.still_running(),
            ErrorClass::Final | ErrorClass::Configuration if self.nothing_in_doubt() => {
                let mut events = Vec::new();
                if class == ErrorClass::Configuration {
                    events.push(Event::ConfigurationRefused { attempt: number, refusal: refusal.clone() });
                }
                events.extend(decide::failed(self.payment, number, refusal, self.now));
                return events;
            }
            ErrorClass::Final | ErrorClass::Configuration | ErrorClass::Unlisted => {
                self.dialogue.verdict = Some(refusal);
            }
            ErrorClass::Decided if self.dialogue.rounds <= 2 => {}
            ErrorClass::Decided | ErrorClass::Transient => {
                self.dialogue.answered = true;
                return self.inconclusive(Step::QueryPayment);
            }
        }
        self.dialogue.answered = true;
        ask(number, self.dialogue, Step::QueryPayment, self.now)
    }

    /// Whether every call so far was answered: then a refusal needs no second word.
    fn nothing_in_doubt(&self) -> bool {
        self.dialogue.call == 1
    }

    /// The refusal that a query has just borne out. While a call is unheard, "not charged" holds only for now: that call
    /// may still charge the buyer, so the PSP has to say that the payment has ended, or its window has to close.
    fn verdict_borne_out(&self) -> Option<Refusal> {
        self.dialogue.verdict.clone().filter(|_| !self.dialogue.unheard)
    }

    /// The first request under this key is still at work: the same key again, shortly.
    fn still_running(self) -> Vec<Event> {
        let step = if self.may_ask(self.dialogue.step) { self.dialogue.step } else { Step::QueryPayment };
        vec![self.next(step, 1_000)]
    }

    /// The PSP knows the payment and has not charged it.
    fn not_charged_yet(mut self) -> Vec<Event> {
        if let Some(verdict) = self.verdict_borne_out() {
            return decide::failed(self.payment, self.attempt.number, verdict, self.now);
        }
        if self.dialogue.step != Step::Confirm && self.may_ask(Step::Confirm) {
            // At once: whatever led to the query has paused before it.
            self.dialogue.rounds = self.dialogue.rounds.saturating_add(1);
            return ask(self.attempt.number, self.dialogue.next_key(), Step::Confirm, self.now);
        }
        self.inconclusive(Step::QueryPayment)
    }

    /// The PSP does not know the payment: by its key, then by the order; final once the window is over.
    fn not_found(self, refusal: Refusal) -> Vec<Event> {
        if self.dialogue.step == Step::QueryPayment {
            return ask(self.attempt.number, self.dialogue, Step::QueryOrder, self.now);
        }
        if let Some(verdict) = self.verdict_borne_out() {
            return decide::failed(self.payment, self.attempt.number, verdict, self.now);
        }
        let closes = self.attempt.window_ends().plus_ms(WINDOW_MARGIN_MS);
        if self.now >= closes {
            return decide::failed(self.payment, self.attempt.number, refusal, self.now);
        }
        let mut events = vec![Event::AnswerMissed];
        self.becomes_unknown(&mut events);
        events.push(self.next(Step::QueryPayment, closes.ms_since(self.now).max(1)));
        events
    }

    /// An answer that settles nothing: a query after a pause that grows.
    fn inconclusive(mut self, step: Step) -> Vec<Event> {
        self.dialogue.rounds = self.dialogue.rounds.saturating_add(1);
        let mut events = vec![Event::AnswerMissed];
        self.becomes_unknown(&mut events);
        self.call_a_person(&mut events);
        let pause = self.pause_ms();
        events.push(self.next(step, pause));
        events
    }

    /// What the PSP says cannot be: a person is called, money is not touched, and asking goes on slowly.
    fn contradiction(mut self, reason: &'static str) -> Vec<Event> {
        let mut events = vec![Event::AnswerMissed];
        self.becomes_unknown(&mut events);
        if !self.payment.unresolved {
            events.push(Event::Unresolved { attempt: self.attempt.number, reason });
        }
        self.dialogue.rounds = self.dialogue.rounds.saturating_add(1);
        events.push(self.next(Step::QueryPayment, PAUSE_AFTER_WINDOW_MAX_MS));
        events
    }

    fn becomes_unknown(&self, events: &mut Vec<Event>) {
        if matches!(self.attempt.state, super::AttemptState::Executing(_)) {
            events.push(Event::OutcomeUnknown { attempt: self.attempt.number });
        }
    }

    /// Once the window has closed *and* too many answers were missing.
    fn call_a_person(&self, events: &mut Vec<Event>) {
        let missed = self.payment.failed_count.saturating_add(1);
        if self.now >= self.attempt.window_ends() && missed >= THRESHOLD && !self.payment.unresolved {
            events.push(Event::Unresolved { attempt: self.attempt.number, reason: "NO_ANSWER_FROM_PSP" });
        }
    }

    /// A confirm is only made inside the window and while the order is not paid otherwise; a cancel always.
    fn may_ask(&self, step: Step) -> bool {
        match step {
            Step::Confirm => {
                self.now < self.attempt.window_ends()
                    && self.payment.is_payable()
                    && self.dialogue.verdict.is_none()
            }
            Step::Cancel | Step::QueryPayment | Step::QueryOrder => true,
        }
    }

    /// 1, 2, 4 … seconds, capped lower while the window is open.
    fn pause_ms(&self) -> i64 {
        let cap = match self.now < self.attempt.window_ends() {
            true => PAUSE_IN_WINDOW_MAX_MS,
            false => PAUSE_AFTER_WINDOW_MAX_MS,
        };
        (500_i64 << self.dialogue.rounds.min(16)).min(cap)
    }
}

fn given_back() -> Refusal {
    Refusal { code: "CANCELED_AT_PSP".into(), message: "결제가 취소되었습니다.".into() }
}

fn not_offered() -> Refusal {
    Refusal {
        code: "PAYMENT_METHOD_NOT_SUPPORTED".into(), message: "지원하지 않는 결제 수단입니다.".into()
    }
}

fn not_found_refusal() -> Refusal {
    Refusal {
        code: "NOT_FOUND_PAYMENT".into(), message: "존재하지 않는 결제 정보 입니다.".into()
    }
}
