//! Read-back: which of the open batches are in the log.

use super::{Lane, Next, Phase, SEARCHES_MAX, StopReason, Why};
use crate::Millis;
use crate::api::fetch;
use crate::batch;
use crate::error_code::ErrorCode;

/// How far a read-back has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    /// Next offset to read.
    pub(super) position: i64,
    /// The high watermark of the first answer: all that was acknowledged before is below it.
    pub(super) until: Option<i64>,
    /// The broker has said that the first open batch is written.
    pub(super) must_find: bool,
    /// It was found.
    pub(super) found: bool,
}

impl Lane {
    pub(super) fn scan(&mut self, now: Millis, mut scan: Scan, answer: fetch::Answer) {
        let out_of_range = answer.error == ErrorCode::OFFSET_OUT_OF_RANGE;
        if out_of_range || answer.log_start_offset > scan.position {
            // What was to be checked is deleted; the broker's memory of the producer is all that is left.
            return self.go(now, Next::Describe(Why::Deleted { from: scan.position }));
        }
        let until = *scan.until.get_or_insert(answer.high_watermark);
        let from = scan.position;
        for item in batch::headers(answer.records) {
            let Ok((header, _)) = item else {
                return self.rest(now, Next::ReadBack { must_find: scan.must_find });
            };
            // A batch that begins before the asked-for offset comes whole.
            if header.next_offset > scan.position {
                scan.position = header.next_offset;
                match self.recognise(&header) {
                    Some(found) => scan.found |= found,
                    None => return,
                }
            }
        }
        let progress = scan.position > from;
        if scan.position < until {
            return if progress {
                self.read_on(scan)
            } else {
                self.rest(now, Next::ReadBack { must_find: scan.must_find })
            };
        }
        self.finish_scan(now, scan.must_find && !scan.found);
    }

    /// Acknowledges the open batch that this header shows, and says whether it shows one. `None` when the lane has stopped.
    fn recognise(&mut self, header: &batch::Header) -> Option<bool> {
        let stamp = header.stamp;
        let producer = self.state.producer;
        if stamp.producer_id != producer.producer_id || stamp.epoch != producer.epoch {
            return Some(false);
        }
        let open = self.state.frozen.iter().take(self.stored);
        let Some(position) =
            open.map(|frozen| frozen.base_sequence).position(|base| base == stamp.base_sequence)
        else {
            return Some(false);
        };
        if let (true, Some(head)) = (position > 0, self.state.frozen.front()) {
            let missing = head.base_sequence;
            self.stop(StopReason::OutOfOrder { found: stamp.base_sequence, missing });
            return None;
        }
        self.acknowledge(stamp.base_sequence, header.next_offset, true);
        Some(true)
    }

    fn finish_scan(&mut self, now: Millis, vain: bool) {
        let Some(head) = self.state.frozen.front().filter(|_| vain) else {
            self.phase = Phase::Sending;
            return;
        };
        self.searches += 1;
        if self.searches > SEARCHES_MAX {
            return self.stop(StopReason::NotFound(head.base_sequence));
        }
        // Written but not yet replicated, so not yet visible.
        self.rest(now, Next::ReadBack { must_find: true });
    }
}
