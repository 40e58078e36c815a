//! Random histories of one order's payment: whatever is asked and answered, the money laws hold.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "payment/story.rs"]
#[allow(dead_code)]
mod story;

use gyesan_core::api::{OrderStatus, PaymentStatus};
use gyesan_core::payment::{AttemptState, Command, Dialogue, Event, Payment, Signal, Step, decide};
use gyesan_core::time::Timestamp;
use gyesan_core::toss::{Answer, TossStatus};
use proptest::prelude::*;
use proptest::sample::select;
use story::*;

/// One step of a history: how much later, and what.
#[derive(Clone, Debug)]
enum Deed {
    Back(&'static str, bool),
    /// To an attempt; the call is the current one less so many.
    Answer(u32, u32, Answer),
    Elapsed(u32),
    Recheck,
    Evidence(&'static str, TossStatus, i64),
    Expire,
    Cancel,
}

const KEYS: [&str; 4] = ["P1", "P2", "P3", "P4"];
const STATUSES: [TossStatus; 9] = [
    TossStatus::Ready,
    TossStatus::InProgress,
    TossStatus::WaitingForDeposit,
    TossStatus::Done,
    TossStatus::Canceled,
    TossStatus::PartialCanceled,
    TossStatus::Aborted,
    TossStatus::Expired,
    TossStatus::Unlisted,
];
const CODES: [(u16, &str); 9] = [
    (403, "REJECT_CARD_PAYMENT"),
    (404, "NOT_FOUND_PAYMENT_SESSION"),
    (404, "NOT_FOUND_PAYMENT"),
    (400, "PROVIDER_ERROR"),
    (400, "ALREADY_PROCESSED_PAYMENT"),
    (401, "UNAUTHORIZED_KEY"),
    (409, "IDEMPOTENT_REQUEST_PROCESSING"),
    (400, "NEW_CODE"),
    (500, "UNKNOWN_PAYMENT_ERROR"),
];

fn an_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(nothing()),
        3 => (select(&KEYS), select(&STATUSES)).prop_map(|(key, status)| shows(key, status)),
        2 => select(&CODES).prop_map(|(http_status, code)| error(http_status, code)),
    ]
}

fn a_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (select(&KEYS), any::<bool>()).prop_map(|(key, right)| Deed::Back(key, right)),
        8 => (1_u32..5, prop_oneof![4 => Just(0_u32), 1 => 1_u32..3], an_answer())
            .prop_map(|(attempt, earlier, answer)| Deed::Answer(attempt, earlier, answer)),
        5 => (1_u32..5).prop_map(Deed::Elapsed),
        1 => Just(Deed::Recheck),
        2 => (select(&KEYS), select(&STATUSES), prop_oneof![4 => Just(6_500_i64), 1 => Just(100)])
            .prop_map(|(key, status, amount)| Deed::Evidence(key, status, amount)),
        1 => Just(Deed::Expire),
        1 => Just(Deed::Cancel),
    ]
}

fn a_history() -> impl Strategy<Value = Vec<(i64, Deed)>> {
    let later = prop_oneof![6 => 0_i64..3_000, 3 => 3_000_i64..20_000, 1 => 100_000_i64..2_000_000];
    proptest::collection::vec((later, a_deed()), 1..60)
}

fn command(payment: &Payment, deed: &Deed) -> Command {
    let call_of = |number: u32| {
        payment
            .attempt(number)
            .and_then(|attempt| attempt.state.dialogue())
            .map_or(0, |dialogue| dialogue.call)
    };
    match deed {
        Deed::Back(key, right) => back_with(key, if *right { 6_500 } else { 1 }),
        Deed::Answer(attempt, earlier, answer) => {
            let call = call_of(*attempt).saturating_sub(*earlier);
            Command::Signal { attempt: *attempt, call, signal: Signal::Answered(answer.clone()) }
        }
        Deed::Elapsed(attempt) => elapsed(*attempt, call_of(*attempt)),
        Deed::Recheck => Command::Recheck,
        Deed::Evidence(key, status, amount) => {
            let mut found = toss(key, *status);
            found.total_amount = won(*amount);
            found.balance_amount = won(*amount);
            evidence(found)
        }
        Deed::Expire => Command::Expire,
        Deed::Cancel => Command::Cancel,
    }
}

/// Whether this command carries the PSP's own word on the attempt's end, which alone may end in FAILURE.
fn is_word(payment: &Payment, command: &Command, now: Timestamp) -> bool {
    let Command::Signal { attempt, signal: Signal::Answered(answer), .. } = command else { return false };
    match answer {
        Answer::Nothing { .. } => false,
        Answer::Payment(_) => true,
        Answer::Error { http_status, refusal } => {
            let found = payment.attempt(*attempt).unwrap();
            let dialogue = found.state.dialogue().unwrap();
            let received_refusal = dialogue.step == Step::Confirm && *http_status < 500;
            let gone = *http_status == 404 && now >= found.window_ends();
            received_refusal && refusal.code != "PROVIDER_ERROR"
                || gone
                || *http_status == 404 && dialogue.verdict.is_some() && !dialogue.unheard
        }
    }
}

/// What may follow from one command, seen event by event.
fn lawful(
    before: &Payment,
    command: &Command,
    events: &[Event],
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let mut state = before.clone();
    for event in events {
        if let Event::CallPlanned { dialogue, .. } | Event::PausePlanned { dialogue, .. } = event {
            prop_assert!(dialogue.until > now, "planned for the past");
        }
        if let Event::CallPlanned { attempt, dialogue } = event {
            let old = state.attempt(*attempt).and_then(|found| found.state.dialogue()).cloned();
            if dialogue.step == Step::Confirm {
                let others = state.attempts.iter().filter(|other| other.number != *attempt);
                prop_assert_eq!(others.filter(|other| other.state.is_open()).count(), 0, "a second confirm");
                prop_assert!(state.is_payable(), "confirmed an order that is not payable");
                prop_assert!(
                    now < state.attempt(*attempt).unwrap().window_ends(),
                    "confirmed after the window"
                );
            }
            if let Some(old) = old {
                keys_follow_answers(command, *attempt, &old, dialogue)?;
            }
        }
        if let Event::Failed { attempt, refusal } = event {
            let state_before = &state.attempt(*attempt).unwrap().state;
            let never_asked =
                matches!(state_before, AttemptState::Waiting) && refusal.code == "NOT_FOUND_PAYMENT_SESSION";
            prop_assert!(never_asked || is_word(before, command, now), "{command:?} became a failure");
        }
        let was_paid = state.status == PaymentStatus::Success;
        state = state.evolve(event);
        prop_assert!(!was_paid || state.status == PaymentStatus::Success, "SUCCESS was left");
    }
    Ok(())
}

/// A new idempotency key comes only after an answer under the old one.
fn keys_follow_answers(
    command: &Command,
    attempt: u32,
    old: &Dialogue,
    new: &Dialogue,
) -> Result<(), TestCaseError> {
    if old.purpose != new.purpose || new.key == old.key {
        return Ok(());
    }
    prop_assert_eq!(new.key, old.key + 1);
    let answered_now = matches!(command, Command::Signal { attempt: of, signal: Signal::Answered(answer), .. }
        if *of == attempt && !matches!(answer, Answer::Nothing { .. }));
    prop_assert!(old.answered || answered_now, "a new key after no answer");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_keeps_the_money_laws(history in a_history()) {
        let mut payment = order();
        let mut now = START;
        for (later_ms, deed) in &history {
            now = now.plus_ms(*later_ms);
            let command = command(&payment, deed);
            let Ok(events) = decide(&payment, command.clone(), now) else { continue };
            lawful(&payment, &command, &events, now)?;
            payment = events.iter().fold(payment, Payment::evolve);

            let open = payment.attempts.iter().filter(|attempt| attempt.state.is_open()).count();
            prop_assert!(open <= 1, "two open attempts");
            let charged = payment.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success).count();
            prop_assert_eq!(charged, usize::from(payment.status == PaymentStatus::Success));
            prop_assert_eq!(payment.status == PaymentStatus::Success, payment.order_status == OrderStatus::PaymentCompleted);
            for attempt in &payment.attempts {
                let Some(dialogue) = attempt.state.dialogue() else { continue };
                prop_assert!(dialogue.call > 0, "attempt {} is open and nothing was asked", attempt.number);
            }
            let again = decide(&payment, command, now);
            if let (Deed::Back(..), Ok(again)) = (deed, again) {
                prop_assert_eq!(again, vec![], "a repeated return is a no-op");
            }
        }
    }

    /// Whatever has happened, an honest PSP that answers ends every dialogue.
    #[test]
    fn an_answering_psp_ends_every_dialogue(history in a_history(), charged in any::<bool>()) {
        let mut payment = order();
        let mut now = START;
        for (later_ms, deed) in &history {
            now = now.plus_ms(*later_ms);
            let command = command(&payment, deed);
            let Ok(events) = decide(&payment, command, now) else { continue };
            payment = events.iter().fold(payment, Payment::evolve);
        }
        for _ in 0..200 {
            let Some((attempt, dialogue)) = payment.attempts.iter()
                .find_map(|attempt| Some((attempt.clone(), attempt.state.dialogue()?.clone()))) else { break };
            now = now.max(dialogue.until);
            let command = elapsed(attempt.number, dialogue.call);
            let events = decide(&payment, command, now).unwrap();
            payment = events.iter().fold(payment, Payment::evolve);
            let Some(dialogue) = payment.attempt(attempt.number).unwrap().state.dialogue().cloned() else { continue };
            let refund = !matches!(dialogue.purpose, gyesan_core::payment::Purpose::Charge);
            let status = match (refund, dialogue.step, charged) {
                (true, Step::Cancel, _) => TossStatus::Canceled,
                (true, _, _) | (false, _, true) => TossStatus::Done,
                (false, _, false) => TossStatus::Expired,
            };
            let void = dialogue.purpose == gyesan_core::payment::Purpose::Void;
            let status = if void && status == TossStatus::Done { TossStatus::WaitingForDeposit } else { status };
            let answered = answer(attempt.number, dialogue.call, shows(&attempt.payment_key, status));
            let events = decide(&payment, answered, now).unwrap();
            payment = events.iter().fold(payment, Payment::evolve);
        }
        for attempt in &payment.attempts {
            prop_assert!(attempt.state.dialogue().is_none(), "attempt {} never ends: {:?}", attempt.number, attempt.state);
        }
    }
}
