//! Every call to the payment API, with what came of it.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How much of the answer went out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Delivered {
    /// Nothing yet: the call is being delayed.
    Pending,
    /// All of it.
    Whole,
    /// All of it, slowly.
    Slowly,
    /// Half of it.
    Half,
    /// Nothing: the connection was closed.
    Nothing,
}

/// What a call changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The payment was approved: charged, or its virtual account issued.
    Approved,
    /// The payment was refused for good.
    Refused,
    /// So many won were given back.
    Canceled,
}

/// One call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts up from 0.
    pub seq: u64,
    /// When it arrived, on the emulator's clock.
    pub at_ms: i64,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The order it is about, when that is known.
    pub order_id: Option<String>,
    /// The payment it is about, when that is known.
    pub payment_key: Option<String>,
    /// The amount in its body (`amount` or `cancelAmount`).
    pub amount: Option<i64>,
    /// The HTTP status that was answered, or would have been.
    pub status: Option<u16>,
    /// The error code that was answered, or would have been.
    pub code: Option<String>,
    /// The answer was one given before under the same key.
    pub replayed: bool,
    /// What it changed.
    pub effect: Option<Effect>,
    /// How much of the answer went out.
    pub delivered: Delivered,
}

/// The latest calls, oldest first.
#[derive(Default, Debug, Serialize, Deserialize)]
pub struct Journal {
    entries: VecDeque<Entry>,
    next: u64,
}

impl Journal {
    /// Adds a call; beyond `limit` entries the oldest goes.
    pub fn push(&mut self, entry: Entry, limit: usize) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.entries.push_back(Entry { seq, ..entry });
        while self.entries.len() > limit {
            self.entries.pop_front();
        }
        seq
    }

    /// The entry of this number, unless it has gone.
    pub fn get_mut(&mut self, seq: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.seq;
        self.entries.get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// All that are kept.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }
}
