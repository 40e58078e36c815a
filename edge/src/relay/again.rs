//! What of one log is to be published once more, read in pages beside what is new.

use super::source::PAGE_RECORDS;
use crate::command::Republication;
use crate::outbox::{LogEntry, LogPage};
use std::collections::VecDeque;

/// The republications of one log that are not all frozen, one after the other.
#[derive(Default)]
pub struct Again {
    queue: VecDeque<Republication>,
    /// Records of the first of them, in order, that are not frozen yet.
    pub ahead: VecDeque<LogEntry>,
    /// Why the first of them cannot be gone on with.
    failed: Option<String>,
}

impl Again {
    /// Those that are stored, in the order of their requests.
    pub fn new(queue: VecDeque<Republication>) -> Again {
        Again { queue, ..Again::default() }
    }

    /// One more, after all others.
    pub fn add(&mut self, republication: Republication) {
        self.queue.push_back(republication);
    }

    /// The number of the one under way, and how many records of it are still to be frozen.
    pub fn under_way(&self) -> Option<u64> {
        self.queue.front().filter(|_| self.failed.is_none()).map(|first| first.number)
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty()
    }

    /// After which position to read, and how many records at most.
    pub fn wants_page(&self) -> Option<(u64, u32)> {
        let first = self.queue.front().filter(|_| self.failed.is_none())?;
        let room =
            PAGE_RECORDS.checked_sub(u32::try_from(self.ahead.len()).ok()?).filter(|room| *room > 0)?;
        let read_to = self.read_to()?;
        let left = u32::try_from(first.last.saturating_sub(read_to)).unwrap_or(PAGE_RECORDS);
        (left > 0).then_some((read_to, room.min(left)))
    }

    /// A page has come.
    pub fn take(&mut self, page: &LogPage) {
        for entry in page.entries() {
            let Some(first) = self.queue.front() else { return };
            if Some(entry.seq) == self.read_to().map(|seq| seq.saturating_add(1)) && entry.seq <= first.last {
                self.ahead.push_back(entry);
            }
        }
    }

    /// Everything up to this position is frozen.
    pub fn frozen_to(&mut self, seq: u64) {
        let Some(first) = self.queue.front_mut() else { return };
        first.next = seq.saturating_add(1);
        if first.next > first.last {
            self.queue.pop_front();
            self.ahead.clear();
        }
    }

    /// The one under way cannot be gone on with.
    pub fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
    }

    /// Takes the one out that cannot be gone on with: its number, and why.
    pub fn take_failed(&mut self) -> Option<(u64, String)> {
        let why = self.failed.take()?;
        self.ahead.clear();
        self.queue.pop_front().map(|first| (first.number, why))
    }

    fn read_to(&self) -> Option<u64> {
        let first = self.queue.front()?;
        Some(self.ahead.back().map_or(first.next.saturating_sub(1), |entry| entry.seq))
    }
}
