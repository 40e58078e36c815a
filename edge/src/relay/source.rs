//! One log, as the relay reads it: ahead of what it freezes, in pages; after a start first what its open batches are made of.

use super::again::Again;
use super::rebuild::Unbuilt;
use super::store::Contents;
use crate::outbox::{LogEntry, LogPage};
use crate::topology::Target;
use gyesan_core::time::Timestamp;
use gyesan_kafka::TopicPartition;
use std::collections::VecDeque;

/// Records of a shard's log asked for at once.
pub const PAGE_RECORDS: u32 = 1_000;
/// Dead letters asked for at once: they are few, and what strangers write may be large.
const PAGE_LETTERS: u32 = 16;
/// The first pause after a page that did not come; doubled each time up to [`PAUSE_MAX_MS`].
const PAUSE_MS: i64 = 250;
const PAUSE_MAX_MS: i64 = 10_000;
/// Pages in a row that do not begin where they should, before the log is taken for another than it was: one may be the answer to an
/// earlier question.
const MISFITS_MAX: u32 = 3;

/// Why nothing more of a log is published.
struct Stop {
    reason: String,
    told: bool,
    /// Where it can go on without the positions that are missing.
    skip_to: Option<u64>,
}

/// A page that is on its way.
#[derive(Clone, Copy)]
struct Asked {
    after: u64,
    again: bool,
}

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
    /// What is to be published once more.
    pub again: Again,
    /// Nothing more is published until a person has looked.
    stop: Option<Stop>,
    misfits: u32,
    /// The last position that has been read.
    read_to: u64,
    /// The end of the log, as far as is known.
    end: u64,
    /// Whether the log must be asked where it ends: after a start, or when the cron says so.
    must_ask: bool,
    reading: Option<Asked>,
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
            again: Again::new(
                contents.republications.iter().filter(|r| r.source == whose).cloned().collect(),
            ),
            stop: None,
            misfits: 0,
            end: taken_over,
            must_ask: true,
            reading: None,
            not_before: Timestamp(0),
            failures: 0,
        }
    }

    /// Its owner says that the log has grown, perhaps with what has been appended.
    pub fn appended(&mut self, end: u64, page: Option<&LogPage>) {
        self.end = self.end.max(end);
        if self.has_room() && self.stop.is_none() {
            self.append(page);
        }
        // It answers, so there is no reason to wait any longer.
        self.not_before = Timestamp(0);
    }

    /// The log must be asked, whatever is known.
    pub fn doubt(&mut self) {
        self.must_ask = true;
    }

    /// After which position to read now, and how many records at most, if there is need.
    pub fn wants_page(&mut self, now: Timestamp) -> Option<(u64, u32)> {
        // A pause that is too long to be one is left over from a clock that was set back.
        let rests = now < self.not_before && self.not_before.ms_since(now) <= PAUSE_MAX_MS;
        if self.reading.is_some() || rests {
            return None;
        }
        let new = self.wants_more().then_some((self.read_to, self.page_records));
        let (after, limit) = new.or_else(|| self.again.wants_page())?;
        self.reading = Some(Asked { after, again: new.is_none() });
        Some((after, limit))
    }

    /// A page has come, or not.
    pub fn take(&mut self, page: Option<LogPage>, now: Timestamp) {
        let asked = self.reading.take();
        if let (Some(page), Some(asked)) = (&page, asked) {
            if page.first() != asked.after.saturating_add(1) {
                return self.take_misfit(page.first(), asked, now);
            }
            self.misfits = 0;
        }
        if let (Some(page), Some(Asked { again: true, .. })) = (&page, asked) {
            let before = self.again.ahead.len();
            self.again.take(page);
            return match self.again.ahead.len() > before {
                true => self.failures = 0,
                false => self.rest(now),
            };
        }
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
        self.rest(now);
    }

    /// A page does not begin where it should: records are missing, or the log ends before what is published of it.
    fn take_misfit(&mut self, first: u64, asked: Asked, now: Timestamp) {
        self.misfits = self.misfits.saturating_add(1);
        if self.misfits < MISFITS_MAX {
            return self.rest(now);
        }
        self.misfits = 0;
        let (wanted, before) = (asked.after.saturating_add(1), first.saturating_sub(1));
        if asked.again {
            return self.again.fail(format!("the log no longer has positions {wanted} to {before}"));
        }
        let reason = match first > wanted {
            true => format!(
                "positions {wanted} to {before} are no longer in the log and were not published by this relay: one of the two was set back"
            ),
            false => format!(
                "the log ends at position {before}, and is published up to position {}: it was set back",
                asked.after
            ),
        };
        // Batches that are to be made again of missing records cannot be left out: others follow on them.
        let skip_to = self.unbuilt.is_empty().then_some(before);
        self.stop.get_or_insert(Stop { reason, told: false, skip_to });
    }

    fn rest(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.plus_ms((PAUSE_MS << self.failures.min(8)).min(PAUSE_MAX_MS));
    }

    /// Nothing more of this log is published until a person has looked.
    pub fn stop(&mut self, reason: String) {
        self.stop.get_or_insert(Stop { reason, told: false, skip_to: None });
    }

    /// Whether there are records to be published.
    pub fn has_new(&self) -> bool {
        !self.ahead.is_empty() && self.stop.is_none()
    }

    /// Why nothing more is published.
    pub fn stopped(&self) -> Option<&str> {
        self.stop.as_ref().map(|stop| stop.reason.as_str())
    }

    /// Why nothing more is published, unless that was taken out before.
    pub fn take_alert(&mut self) -> Option<String> {
        let stop = self.stop.as_mut().filter(|stop| !stop.told)?;
        stop.told = true;
        Some(stop.reason.clone())
    }

    /// Where it can go on without the positions that are missing, if that is why it has stopped.
    pub fn skip_to(&self) -> Option<u64> {
        self.stop.as_ref().and_then(|stop| stop.skip_to)
    }

    /// A person has looked: what was read is read again, behind `position` if that is where it is to go on.
    pub fn resume(&mut self, position: Option<u64>) {
        self.stop = None;
        if let Some(position) = position {
            self.taken_over = position;
            self.end = position;
        }
        self.ahead.clear();
        self.unbuilt.iter_mut().for_each(Unbuilt::forget);
        self.read_to = self.unbuilt.iter().map(Unbuilt::read_to).min().unwrap_or(self.taken_over);
        self.must_ask = true;
        self.not_before = Timestamp(0);
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
                continue;
            }
            // Republications may overlap, so that more than one batch has it.
            for batch in self.unbuilt.iter_mut().filter(|batch| batch.wants(&entry)) {
                batch.take(entry.clone());
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

    /// A partition goes on under other names.
    pub fn rename(&mut self, place: &TopicPartition, renamed: &[(i32, i32)]) {
        self.unbuilt.iter_mut().for_each(|batch| batch.rename(place, renamed));
    }

    /// What could not be made again is kept for later.
    pub fn keep_unbuilt(&mut self, batch: Unbuilt) {
        self.unbuilt.push(batch);
    }

    /// Reads on where the first of the batches goes on that are still to be made again, and behind what is frozen when there is none.
    fn skip_what_is_frozen(&mut self) {
        let needed = self.unbuilt.iter().filter(|batch| !batch.is_whole()).map(Unbuilt::read_to).min();
        self.read_to = self.read_to.max(needed.unwrap_or(self.taken_over));
    }

    /// When a page is to be asked for again after one that did not come.
    pub fn retry_at(&self) -> Option<Timestamp> {
        let wants = self.wants_more() || self.again.wants_page().is_some();
        (wants && self.reading.is_none()).then_some(self.not_before)
    }

    /// Whether everything that is known of is frozen.
    pub fn is_done(&self) -> bool {
        let all =
            !self.must_ask && self.unbuilt.is_empty() && self.ahead.is_empty() && self.taken_over >= self.end;
        (all || self.stop.is_some()) && self.again.is_done()
    }

    fn wants_more(&self) -> bool {
        let behind = self.must_ask || self.read_to < self.end;
        behind && self.stop.is_none() && self.has_room()
    }

    fn has_room(&self) -> bool {
        u32::try_from(self.ahead.len()).is_ok_and(|count| count < self.page_records)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::outbox::LogPageWriter;
    use std::collections::BTreeMap;

    const SHARD: Target = Target::Order(0);

    fn frozen_to(taken_over: u64) -> Source {
        let contents = Contents {
            publisher: gyesan_kafka::relay::Stored::default(),
            open: BTreeMap::new(),
            taken_over: BTreeMap::from([(SHARD, taken_over)]),
            republications: Vec::new(),
        };
        Source::new(SHARD, &contents)
    }

    fn page(first: u64, count: u64) -> Option<LogPage> {
        let mut page = LogPageWriter::new(first);
        (0..count).for_each(|_| page.push(b"ord_1", b"value", None));
        Some(page.finish())
    }

    #[test]
    fn one_page_that_was_asked_for_before_stops_nothing_and_three_in_a_row_do() {
        let mut source = frozen_to(10);
        for (round, first) in [51, 11, 51, 51, 51].into_iter().enumerate() {
            let now = Timestamp(i64::try_from(round).unwrap() * 60_000);
            assert_eq!(source.stopped(), None);
            source.doubt();
            assert!(source.wants_page(now).is_some());
            source.take(page(first, 1), now);
        }
        assert!(source.stopped().unwrap().starts_with("positions 12 to 50 are no longer in the log"));
        assert_eq!(source.ahead.len(), 1, "what does not follow is not published");
    }
}
