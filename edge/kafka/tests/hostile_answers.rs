//! Answers that no honest broker sends: none may panic, and none may make the client allocate what it does not carry.
//!
//! All allocations of this process are counted, so only one test at a time may measure.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "hostile_answers/honest.rs"]
mod honest;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cap::Cap;
use gyesan_kafka::api::{Answer, Api, Request, produce};
use gyesan_kafka::wire::Malformed;
use honest::{Large, honest_answers, large_answers};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static MEASURING: Mutex<()> = Mutex::new(());

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The right to count: whoever holds it is the only test that allocates.
struct Meter(#[expect(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Meter {
    fn alone() -> Self {
        Self(MEASURING.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What `action` returns, and how many bytes it allocated, whether or not it gave them back. The test harness allocates
    /// too now and then; so it counts until two counts agree.
    fn measure<T>(&self, action: impl Fn() -> T) -> (T, usize) {
        let mut last = None;
        loop {
            let before = ALLOCATOR.total_allocated();
            let result = action();
            let allocated = ALLOCATOR.total_allocated() - before;
            if last.replace(allocated) == Some(allocated) {
                return (result, allocated);
            }
        }
    }
}

/// A number as Kafka's flexible versions write lengths and counts.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// `frame` with `bytes` written over it from `at` on, and `tail` zeros behind it.
fn spliced(frame: &[u8], at: usize, bytes: &[u8], tail: usize) -> Bytes {
    let mut spliced = frame.to_vec();
    spliced.resize(frame.len().max(at + bytes.len()) + tail, 0);
    spliced[at..at + bytes.len()].copy_from_slice(bytes);
    spliced.into()
}

#[test]
fn counts_that_the_answer_cannot_hold_allocate_nothing() {
    let meter = Meter::alone();
    let varints = [1_000, 70_000, 2_000_000, 500_000_000, u64::from(u32::MAX)].map(varint);
    let i32s = [1_000i32, 70_000, 2_000_000, 500_000_000, i32::MAX].map(|count| count.to_be_bytes().to_vec());
    let endless = vec![0xff; 6];
    for (api, version, frame) in honest_answers() {
        for count in varints.iter().chain(&i32s).chain([&endless]) {
            for at in 4..frame.len() {
                let hostile = spliced(&frame, at, count, 0);
                let (_, allocated) = meter.measure(|| api.decode(version, hostile.clone()));
                assert!(allocated < 64 * KIB, "{api:?} {version}, {count:?} at {at}: {allocated} bytes");
            }
        }
    }
}

#[test]
fn counts_in_long_answers_allocate_no_more_than_the_bound() {
    let meter = Meter::alone();
    // With so much behind it each of these counts could be true.
    let counts = [32_768, 32_769, 300_000, 3_000_000].map(varint);
    for (api, version, frame) in honest_answers() {
        for count in &counts {
            for at in 4..frame.len() {
                let hostile = spliced(&frame, at, count, 4 * MIB);
                let (_, allocated) = meter.measure(|| api.decode(version, hostile.clone()));
                assert!(allocated < 32 * MIB, "{api:?} {version}, {count:?} at {at}: {allocated} bytes");
            }
        }
    }
}

#[test]
fn the_answer_that_costs_most_stays_below_the_bound() {
    let meter = Meter::alone();
    // Settings with as many synonyms as fit, each with an unknown tagged field, which gets a map of its own.
    let synonym = [1, 0, 0, 1, 9, 0];
    let synonyms = MIB / synonym.len();
    let mut frame = vec![0, 0, 0, 77, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 1];
    frame.extend(varint(1 + 2 * synonyms as u64 / 30_000));
    for _ in 0..2 * synonyms / 30_000 {
        frame.extend([1, 0, 0, 0, 0]);
        frame.extend(varint(30_001));
        frame.extend(synonym.repeat(30_000));
        frame.extend([0, 0, 0]);
    }
    frame.extend([0, 0]);
    let frame = Bytes::from(frame);
    let (answer, allocated) = meter.measure(|| Api::DescribeConfigs.decode(4, frame.clone()));
    assert!(answer.is_err());
    assert!(allocated > 16 * MIB, "the case is not made well: {allocated} bytes");
    assert!(allocated < 128 * MIB, "{allocated} bytes");
}

#[test]
fn honest_answers_of_large_clusters_are_read() {
    let meter = Meter::alone();
    for Large { api, version, frame, check } in large_answers() {
        let bytes = frame.len();
        let (answer, allocated) = meter.measure(|| api.decode(version, frame.clone()));
        assert!(check(&answer.unwrap()), "{api:?}");
        assert!(allocated < 10 * bytes, "{api:?}: {allocated} bytes for {bytes}");
    }
}

#[test]
fn a_list_that_is_too_long_is_called_so() {
    assert_eq!(Api::DescribeProducers.decode(0, honest::many_producers(40_000)), Err(Malformed::Length));
    let (api, version, frame) = honest_answers().swap_remove(5);
    assert_eq!(api.decode(version, frame.slice(..frame.len() - 1)), Err(Malformed::Short));
}

#[test]
fn records_are_not_copied_when_they_are_read() {
    let meter = Meter::alone();
    for length in [0, 7, 32_767, 32_768, 400_000, 5_000_000] {
        let records = Bytes::from(vec![0x5a; length]);
        let frame = honest::fetched(records.clone());
        let (answer, allocated) = meter.measure(|| Api::Fetch.decode(12, frame.clone()));
        let Ok(Answer::Fetch(answer)) = answer else { unreachable!("{length} bytes: {answer:?}") };
        assert_eq!(answer.records, records);
        assert!(allocated < 32 * KIB, "{length} bytes: {allocated}");
    }
}

#[test]
fn a_batch_is_copied_once_when_it_is_written() {
    let meter = Meter::alone();
    let batch = Bytes::from(vec![0x5a; 400_000]);
    let request = produce::Request { topic: "gyesan.orders".into(), partition: 3, timeout_ms: 1, batch };
    let request = Request::Produce(request);
    let (frame, allocated) = meter.measure(|| request.encode(11, 1, "gyesan"));
    assert!(frame.unwrap().len() > 400_000);
    assert!(allocated < 410_000, "{allocated} bytes");
}

#[test]
fn garbage_is_an_error_that_costs_little() {
    let meter = Meter::alone();
    let garbage = vec(any::<u8>(), 0..2_000);
    let property = |bytes: Vec<u8>| {
        for (api, version, _) in honest_answers() {
            let frame = Bytes::from(bytes.clone());
            let (_, allocated) = meter.measure(|| api.decode(version, frame.clone()));
            prop_assert!(
                allocated < 256 * bytes.len() + 64 * KIB,
                "{:?} {}: {} bytes",
                api,
                version,
                allocated
            );
        }
        Ok(())
    };
    TestRunner::default().run(&garbage, property).unwrap();
}

#[test]
fn honest_answers_with_wrong_bytes_cost_little() {
    let meter = Meter::alone();
    let wrong = vec((0..1_000_000usize, any::<u8>()), 1..4);
    let property = |wrong: Vec<(usize, u8)>| {
        for (api, version, frame) in honest_answers() {
            let mut frame = frame.to_vec();
            for (at, byte) in &wrong {
                let at = at % frame.len();
                frame[at] = *byte;
            }
            let frame = Bytes::from(frame);
            let (_, allocated) = meter.measure(|| api.decode(version, frame.clone()));
            prop_assert!(allocated < 64 * KIB, "{:?} {}: {} bytes", api, version, allocated);
        }
        Ok(())
    };
    TestRunner::default().run(&wrong, property).unwrap();
}
