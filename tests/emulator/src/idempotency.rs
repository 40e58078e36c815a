//! Idempotency keys: fifteen days, 4xx answers too, and no second execution while the first is running.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long an answer is kept, from the first use of its key.
pub const VALID_MS: i64 = 15 * 24 * 60 * 60 * 1000;

/// An answer that can be given again, byte for byte.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// HTTP 200 with a payment, as it was after so many refunds: what is stored is small, and what is rendered from
    /// it is always the same.
    Payment {
        /// Its place in the book.
        index: usize,
        /// Refunds at the time.
        cancels: usize,
    },
    /// `{code, message}`.
    Error {
        /// HTTP status.
        status: u16,
        /// Toss's code.
        code: String,
        /// A message of the admin's own, instead of the code's.
        message: Option<String>,
    },
    /// Any other body.
    Text {
        /// HTTP status.
        status: u16,
        /// Its bytes.
        body: String,
    },
}

/// What is known of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    first_used_ms: i64,
    /// `None` while the first request is running.
    answer: Option<(Answer, bool)>,
}

/// What the first request under a key has come to.
#[derive(Debug)]
pub enum Lookup {
    /// Never used, or longer ago than fifteen days.
    Unused,
    /// The first request is running.
    Processing,
    /// It was answered with this, in English or not.
    Answered(Answer, bool),
}

/// All keys in use. A key counts together with API key, method and path; the body is no part of it.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct Idempotency {
    records: HashMap<String, Record>,
}

impl Idempotency {
    /// The tuple that a key counts in.
    pub fn tuple(key: &str, api_key: &str, method: &str, path: &str) -> String {
        format!("{method} {path} {api_key} {key}")
    }

    /// What is known of this key.
    pub fn lookup(&self, tuple: &str, clock_ms: i64) -> Lookup {
        match self.records.get(tuple) {
            Some(record) if clock_ms - record.first_used_ms < VALID_MS => match &record.answer {
                Some((answer, english)) => Lookup::Answered(answer.clone(), *english),
                None => Lookup::Processing,
            },
            _ => Lookup::Unused,
        }
    }

    /// From now on the first request is running.
    pub fn start(&mut self, tuple: &str, clock_ms: i64) {
        self.records.insert(tuple.into(), Record { first_used_ms: clock_ms, answer: None });
    }

    /// The first request stopped without an answer that is kept.
    pub fn forget(&mut self, tuple: &str) {
        self.records.remove(tuple);
    }

    /// The first request came to this.
    pub fn keep(&mut self, tuple: String, clock_ms: i64, answer: Answer, english: bool) {
        let first_used_ms = self.records.get(&tuple).map_or(clock_ms, |record| record.first_used_ms);
        let first_used_ms = if clock_ms - first_used_ms < VALID_MS { first_used_ms } else { clock_ms };
        self.records.insert(tuple, Record { first_used_ms, answer: Some((answer, english)) });
    }
}
