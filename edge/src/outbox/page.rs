//! A stretch of a log as bytes: what a relay reads. A relay passes values on as they are stored, and at a hundred thousand records a
//! second it cannot afford to have them written as text and read again on the way.
//!
//! Layout, integers little-endian: the first position (8 bytes), then for each record the lengths of
//! key, value and trace (4 each; the trace's is 2³²−1 when there is none) and their bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Bytes before the first record.
const HEAD: usize = 8;
/// The length that stands for "no trace".
const NONE: u32 = u32::MAX;

/// Consecutive records of one log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogPage(Bytes);

/// One record of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEntry {
    /// Its position.
    pub seq: u64,
    /// Decides its partition: the events of one key stay in order.
    pub key: Bytes,
    /// Of a shard's log the event, in the Confluent wire format; of a consumer's, the whole dead letter.
    pub value: Bytes,
    /// W3C trace context of the request behind it.
    pub trace: Option<Bytes>,
}

/// Writes a page.
pub struct LogPageWriter(BytesMut);

impl LogPageWriter {
    /// Of records from position `first` on.
    pub fn new(first: u64) -> LogPageWriter {
        let mut bytes = BytesMut::with_capacity(64 * 1024);
        bytes.put_u64_le(first);
        LogPageWriter(bytes)
    }

    /// Adds the next record.
    pub fn push(&mut self, key: &[u8], value: &[u8], trace: Option<&[u8]>) {
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(NONE - 1);
        self.0.put_u32_le(length(key));
        self.0.put_u32_le(length(value));
        self.0.put_u32_le(trace.map_or(NONE, length));
        self.0.put_slice(key);
        self.0.put_slice(value);
        self.0.put_slice(trace.unwrap_or_default());
    }

    /// The page.
    pub fn finish(self) -> LogPage {
        LogPage(self.0.freeze())
    }
}

impl LogPage {
    /// A page that has come from another object; `None` when it is too short to be one.
    pub fn from_bytes(bytes: Bytes) -> Option<LogPage> {
        (bytes.len() >= HEAD).then_some(LogPage(bytes))
    }

    /// The page as bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The position of its first record. Of an empty page the one that the log's next record will have: when that is not the one
    /// behind the position that was asked for, records are missing, or the log ends before it.
    pub fn first(&self) -> u64 {
        self.0.clone().try_get_u64_le().unwrap_or(0)
    }

    /// The records, in order. A page that is cut short ends with its last whole record.
    pub fn entries(&self) -> impl Iterator<Item = LogEntry> + use<> {
        let mut rest = self.0.clone();
        let mut seq = rest.try_get_u64_le().unwrap_or(0);
        std::iter::from_fn(move || {
            let key = rest.try_get_u32_le().ok()?;
            let value = rest.try_get_u32_le().ok()?;
            let trace = rest.try_get_u32_le().ok()?;
            let key = take(&mut rest, key)?;
            let value = take(&mut rest, value)?;
            let trace = if trace == NONE { None } else { Some(take(&mut rest, trace)?) };
            let entry = LogEntry { seq, key, value, trace };
            seq = seq.saturating_add(1);
            Some(entry)
        })
    }
}

/// In base64: small pages travel with a command, which is JSON.
impl Serialize for LogPage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for LogPage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LogPage, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        LogPage::from_bytes(bytes.into()).ok_or_else(|| D::Error::custom("too short for a page"))
    }
}

fn take(rest: &mut Bytes, length: u32) -> Option<Bytes> {
    let length = usize::try_from(length).ok()?;
    (length <= rest.len()).then(|| rest.split_to(length))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn page() -> LogPage {
        let mut writer = LogPageWriter::new(41);
        writer.push(b"ord_1", b"one", None);
        writer.push("주문".as_bytes(), b"", Some(b"00-trace"));
        writer.finish()
    }

    #[test]
    fn a_page_gives_back_what_was_put_in() {
        let page = LogPage::from_bytes(page().bytes().clone()).unwrap();
        assert_eq!(page.first(), 41);
        let entries: Vec<LogEntry> = page.entries().collect();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].seq, entries[0].value.as_ref(), &entries[0].trace), (41, &b"one"[..], &None));
        assert_eq!((entries[1].seq, entries[1].key.as_ref()), (42, "주문".as_bytes()));
        assert_eq!(entries[1].trace.as_deref(), Some(&b"00-trace"[..]));
    }

    #[test]
    fn a_page_cut_anywhere_ends_with_a_whole_record() {
        let whole = page().bytes().clone();
        for length in 0..whole.len() {
            let cut = LogPage::from_bytes(whole.slice(..length));
            assert_eq!(cut.is_some(), length >= 8);
            assert!(cut.is_none_or(|page| page.entries().count() < 2));
        }
    }
}
