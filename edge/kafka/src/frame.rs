//! Cuts a byte stream into Kafka's length-prefixed frames.

use bytes::{Buf, Bytes, BytesMut};

/// A length that no answer may have: negative, too small for a correlation id, or above the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame claims {0} bytes")]
pub struct BadFrame(pub i32);

/// Bytes received and not yet cut.
#[derive(Debug)]
pub struct Frames {
    received: BytesMut,
    bytes_max: usize,
}

impl Frames {
    /// Accepts frames of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { received: BytesMut::new(), bytes_max }
    }

    /// Adds what the socket read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole frame without its length, or `None` until more has come. The length is judged as soon as it is
    /// there, so an endless frame never fills the memory.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, BadFrame> {
        let Some(prefix) = self.received.first_chunk::<4>() else { return Ok(None) };
        let claimed = i32::from_be_bytes(*prefix);
        let length = usize::try_from(claimed).map_err(|_| BadFrame(claimed))?;
        if length < 4 || length > self.bytes_max {
            return Err(BadFrame(claimed));
        }
        if self.received.len() < 4 + length {
            self.received.reserve(4 + length - self.received.len());
            return Ok(None);
        }
        self.received.advance(4);
        Ok(Some(self.received.split_to(length).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_the_same_wherever_the_stream_is_cut() {
        let stream = [&[0, 0, 0, 4, 1, 2, 3, 4][..], &[0, 0, 0, 6, 9, 8, 7, 6, 5, 4]].concat();
        for cut in 0..=stream.len() {
            let mut frames = Frames::new(16);
            let mut out = Vec::new();
            let (left, right) = stream.split_at(cut);
            for part in [left, right] {
                frames.push(part);
                while let Ok(Some(frame)) = frames.next_frame() {
                    out.push(frame.to_vec());
                }
            }
            assert_eq!(out, [vec![1, 2, 3, 4], vec![9, 8, 7, 6, 5, 4]], "cut at {cut}");
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_at_once() {
        for bad in [-1, 0, 3, 17, i32::MAX, i32::from_be_bytes(*b"HTTP")] {
            let mut frames = Frames::new(16);
            frames.push(&bad.to_be_bytes());
            assert_eq!(frames.next_frame(), Err(BadFrame(bad)));
        }
    }
}
