//! Every state answers every command, and no answer breaks what must always be true.

use crate::states::*;
use crate::story::*;
use gyesan_core::api::PaymentStatus;
use gyesan_core::payment::{AttemptState, Command, PAYABLE_MS, Payment};
use gyesan_core::toss::TossStatus::{self, *};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn every_state_answers_every_command() {
    let states = [
        order(),
        executing(),
        unknown(),
        two_tabs(),
        paid(),
        rejected(),
        canceled(),
        expired(),
        querying(),
        refunding(),
        after(executing(), 50, answer(1, 1, shows("P1", WaitingForDeposit))),
        after(after(refunding(), 60, answer(2, 1, shows("P2", Canceled))), 70, back("P3")),
    ];
    let statuses: [TossStatus; 9] =
        [Ready, InProgress, WaitingForDeposit, Done, Canceled, PartialCanceled, Aborted, Expired, Unlisted];
    let mut commands = vec![back("P1"), back("P9"), Command::Recheck, Command::Expire, Command::Cancel];
    for attempt in 0..=3 {
        for call in 0..=3 {
            commands.push(elapsed(attempt, call));
            commands.push(answer(attempt, call, nothing()));
            for key in ["P1", "P2"] {
                commands.extend(statuses.iter().map(|status| answer(attempt, call, shows(key, *status))));
            }
            for code in ["REJECT_CARD_PAYMENT", "PROVIDER_ERROR", "UNAUTHORIZED_KEY", "NEW_CODE"] {
                commands.push(answer(attempt, call, error(400, code)));
            }
            commands.push(answer(attempt, call, error(404, "NOT_FOUND_PAYMENT")));
            commands.push(answer(attempt, call, error(409, "IDEMPOTENT_REQUEST_PROCESSING")));
        }
    }
    commands.extend(
        statuses.iter().flat_map(|status| [evidence(toss("P1", *status)), evidence(toss("P5", *status))]),
    );
    for given in &states {
        for command in &commands {
            for at_ms in [5_000, AFTER_WINDOW, PAYABLE_MS] {
                let decided = gyesan_core::payment::decide(given, command.clone(), START.plus_ms(at_ms));
                let Ok(events) = decided else { continue };
                let then = events.iter().fold(given.clone(), Payment::evolve);
                assert!(
                    then.attempts.iter().filter(|attempt| attempt.state.is_open()).count() <= 1,
                    "{command:?}"
                );
                let was_paid = given.status == PaymentStatus::Success;
                assert!(!was_paid || then.status == PaymentStatus::Success, "{command:?} left SUCCESS");
                let paid_by =
                    then.attempts.iter().filter(|attempt| attempt.state == AttemptState::Success).count();
                assert_eq!(paid_by, usize::from(then.status == PaymentStatus::Success), "{command:?}");
            }
        }
    }
}
