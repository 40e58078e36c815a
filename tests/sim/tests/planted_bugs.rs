//! The checks find what they are for: each planted bug is found within two hundred seeds, by the check that is for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use gyesan_sim::{Bug, Plan, run};

const SEEDS: u64 = 200;

#[track_caller]
fn found(bug: Bug, words: &str) {
    found_in(0..SEEDS, bug, words);
}

/// In as many worlds with a Kafka, which are the odd ones.
#[track_caller]
fn found_with_kafka(bug: Bug, words: &str) {
    found_in((0..2 * SEEDS).filter(|seed| seed % 2 == 1), bug, words);
}

#[track_caller]
fn found_in(mut seeds: impl Iterator<Item = u64>, bug: Bug, words: &str) {
    let plan = Plan { bug: Some(bug), ..Plan::default() };
    let is_found = seeds.any(|seed| run(seed, plan.clone()).violation.is_some_and(|v| v.contains(words)));
    assert!(is_found, "{bug:?} is not found in {SEEDS} seeds");
}

#[test]
fn no_answer_taken_as_a_failure_is_found() {
    found(Bug::UnknownTakenAsFailure, "is a failure, and the PSP has not said so");
}

#[test]
fn a_new_idempotency_key_after_no_answer_is_found() {
    found(Bug::NewKeyAfterNoAnswer, "after no answer under");
}

#[test]
fn a_missing_amount_check_is_found() {
    found(Bug::MissingAmountCheck, "was accepted with");
}

#[test]
fn an_event_written_after_the_commit_is_found() {
    found(Bug::EventAfterCommit, "with 0 × order.placed");
}

#[test]
fn a_position_stored_before_the_effect_is_found() {
    found(Bug::PositionBeforeEffect, "has had no effect");
}

#[test]
fn a_second_authentication_confirmed_while_the_first_is_open_is_found() {
    found(Bug::SecondConfirmedWhileFirstOpen, "is confirmed while");
}

#[test]
fn effects_before_the_commit_are_found() {
    found(Bug::EffectsBeforeCommit, "said to be created, and is not stored so");
}

#[test]
fn a_transfer_id_drawn_for_each_try_is_found() {
    found(Bug::TransferIdPerTry, "is credited twice");
}

#[test]
fn a_topics_position_stored_before_the_effect_is_found() {
    found_with_kafka(Bug::PositionBeforeEffect, "has had no effect");
}

#[test]
fn an_event_that_is_written_after_the_commit_is_missing_in_the_topic_too() {
    found_with_kafka(Bug::EventAfterCommit, "with 0 × order.placed");
}

#[test]
fn a_batch_sent_before_it_is_stored_is_found() {
    found_with_kafka(Bug::SentBeforeFrozen, "gyesan.orders/");
}

#[test]
fn a_position_stored_without_its_batch_is_found() {
    found_with_kafka(Bug::FrozenWithoutBatch, "is published before");
}

#[test]
fn a_batch_sent_again_without_looking_whether_it_is_written_is_found() {
    found_with_kafka(Bug::ResentBlindly, "is published twice");
}

#[test]
fn a_read_model_written_apart_from_its_position_is_found() {
    found(Bug::AppliedApart, "listed as None at the end");
}

#[test]
fn a_batch_from_before_a_rebuild_that_is_not_refused_is_found() {
    found(Bug::AppliedUnguarded, "listed as");
}

#[test]
fn a_call_that_is_not_due_is_found() {
    found(Bug::CallNotDue, "at the end");
}
