//! One log, as the relay reads it: ahead of what it freezes, in pages; after a start first what its open batches are made of.

use super::rebuild::Unbuilt;
use super::store::Contents;
use crate::outbox::{LogEntry, LogPage};
use crate::topology::Target;
use gyesan_core::time::Timestamp;
use gyesan_kafka::TopicPartition;
use std::collections::VecDeque;

/// Records of a shard's log asked for at once.
const PAGE_RECORDS: u32 = 1_000;
/// Dead letters asked for at once: they are few, and what strangers write may be large.
const PAGE_LETTERS: u32 = 16;
/// The first pause after a page that did not come; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 250;
const PAUSE_MAX_MS: i64 = 10_000;

/// Where the relay is in one log.
pub struct Source {
    /// Records asked for at once, and held in memory before more are asked for: so there are two pages at most, one on its way while the
    /// other is frozen.
    pub page_records: u32,
    /// The last position that is frozen.
    pub taken_over: u64,
    /// Records after it, in order.
    pub ahead: VecDeque<LogEntry>,
    /// Batches of records before it that have to be made again.
    unbuilt: Vec<Unbuilt>,
    /// The last position that has been read.
    read_to: u64,
    /// The end of the log, as far as is known.
    end: u64,
    /// Whether the log must be asked where it ends: after a start, or when the cron says so.
    must_ask: bool,
    reading: bool,
    not_before: Timestamp,
    failures: u32,
}

impl Source {
    /// The log of `whose`, as stored; what follows on what is frozen is not known.
    pub fn new(whose: Target, contents: &Contents) -> Source {
        let taken_over = contents.taken_over.get(&whose).copied().unwrap_or(0);
        let unbuilt = Unbuilt::of(whose, contents);
        let first = unbuilt.first().map(|batch| batch.first_seq.saturating_sub(1));
        let page_records = match whose {
            Target::Subscriber(..) => PAGE_LETTERS,
            Target::Order(_) | Target::Ledger(_) | Target::Consumer(..) | Target::Relay(_) => PAGE_RECORDS,
        };
        Source {
            page_records,
            taken_over,
            ahead: VecDeque::new(),
            read_to: first.unwrap_or(taken_over),
            unbuilt,
            end: taken_over,
            must_ask: true,
            reading: false,
            not_before: Timestamp(0),
            failures: 0,
        }
    }

    /// Its owner says that the log has grown, perhaps with what has been appended.
    pub fn appended(&mut self, end: u64, page: Option<&LogPage>) {
        self.end = self.end.max(end);
        if self.has_room() {
            self.append(page);
        }
        // It answers, so there is no reason to wait any longer.
        self.not_before = Timestamp(0);
    }

    /// The log must be asked, whatever is known.
    pub fn doubt(&mut self) {
        self.must_ask = true;
    }

    /// After which position to read now, if there is need.
    pub fn wants_page(&mut self, now: Timestamp) -> Option<u64> {
        let behind = self.must_ask || self.read_to < self.end;
        // A pause that is too long to be one is left over from a clock that was set back.
        let rests = now < self.not_before && self.not_before.ms_since(now) <= PAUSE_MAX_MS;
        if !behind || self.reading || !self.has_room() || rests {
            return None;
        }
        self.reading = true;
        Some(self.read_to)
    }

    /// A page has come, or not.
    pub fn take(&mut self, page: Option<LogPage>, now: Timestamp) {
        self.reading = false;
        let before = self.read_to;
        self.append(page.as_ref());
        if self.read_to > before {
            self.failures = 0;
            return;
        }
        self.must_ask &= page.is_none();
        if page.is_some() && before >= self.end {
            self.failures = 0;
            return;
        }
        // The page may have been read before the log grew to what we were told meanwhile; then it is asked for again.
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.plus_ms((PAUSE_MS << self.failures.min(8)).min(PAUSE_MAX_MS));
    }

    /// Adds what follows on what is there.
    fn append(&mut self, page: Option<&LogPage>) {
        for entry in page.into_iter().flat_map(LogPage::entries) {
            if entry.seq != self.read_to.saturating_add(1) {
                continue;
            }
            self.read_to = entry.seq;
            if entry.seq > self.taken_over {
                self.ahead.push_back(entry);
            } else if let Some(batch) = self.unbuilt.iter_mut().find(|batch| batch.wants(&entry)) {
                batch.take(entry);
            }
        }
    }

    /// Takes out the batches whose records are all there.
    pub fn take_whole(&mut self) -> Vec<Unbuilt> {
        let whole = self.unbuilt.extract_if(.., |batch| batch.is_whole()).collect();
        self.skip_what_is_frozen();
        whole
    }

    /// A batch is acknowledged: if it was to be made again, it need not be any more.
    pub fn needs_no_more(&mut self, place: &TopicPartition, base_sequence: i32) {
        self.unbuilt.retain(|batch| !batch.is(place, base_sequence));
        self.skip_what_is_frozen();
    }

    /// Reads on behind what is frozen, unless some of it is still to be made again.
    fn skip_what_is_frozen(&mut self) {
        if self.unbuilt.is_empty() {
            self.read_to = self.read_to.max(self.taken_over);
        }
    }

    /// When a page is to be asked for again after one that did not come.
    pub fn retry_at(&self) -> Option<Timestamp> {
        let behind = self.must_ask || self.read_to < self.end;
        (behind && !self.reading && self.has_room()).then_some(self.not_before)
    }

    /// Whether everything that is known of is frozen.
    pub fn is_done(&self) -> bool {
        !self.must_ask && self.unbuilt.is_empty() && self.ahead.is_empty() && self.taken_over >= self.end
    }

    fn has_room(&self) -> bool {
        u32::try_from(self.ahead.len()).is_ok_and(|count| count < self.page_records)
    }
}
