//! CloudEvents 1.0 in the headers of a Kafka record, in binary mode: the value stays as it is.
//!
//! Kafka protocol binding, §3.2 (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md>):
//! attributes are headers with the prefix `ce_`, `content-type` is the data's media type. `application/avro` is what the
//! binding's own example gives an Avro value; the wire format's id in front of the datum is the reader's to know, as everywhere with a
//! registry. `traceparent` has no prefix, as W3C trace context and OpenTelemetry's Kafka instrumentation have it.

use super::read::Reader;
use super::{Undecodable, by_id, id_of};
use bytes::Bytes;
use std::ops::Range;

/// Milliseconds since the epoch of 0000-01-01T00:00:00.000Z and of 10000-01-01: what RFC 3339 can write.
const RFC_3339_MS: Range<i64> = -62_167_219_200_000..253_402_300_800_000;
const DAY_MS: i64 = 86_400_000;

const SOURCE: &[u8] = b"/gyesan/";

/// The headers of an encoded value, whose first fields are read and no others. The value's id must be one of ours: a registry's is
/// written by [`super::with_id`] after this.
///
/// `ce_source` is `/gyesan/{merchantId}`, a URI reference without host: one deployment of Gyesan in the service of one
/// merchant is the context in which an event happens, and an `eventId` is unique in it. `ce_subject` is the key: the order, or the
/// seller whose wallet it is. A time that RFC 3339 cannot write (the year has four digits) is left out, as `ce_time` is optional.
///
/// # Errors
/// When the value is no event of ours.
pub fn headers(
    value: &[u8],
    key: &str,
    trace: Option<&str>,
) -> Result<Vec<(Bytes, Option<Bytes>)>, Undecodable> {
    let id = id_of(value)?;
    let schema = by_id(id).ok_or(Undecodable::UnknownSchema { id })?;
    let mut reader = Reader::after_prefix(value);
    let event_id = reader.text("eventId")?;
    let merchant_id = reader.text("merchantId")?;
    reader.text("currency")?;
    let occurred_at_ms = reader.long()?;

    // All texts lie in one buffer, and the headers are parts of it: a hundred thousand events a second pass here.
    let trace_length = trace.map_or(0, str::len);
    let length = event_id.len() + SOURCE.len() + merchant_id.len() + key.len() + trace_length + 24;
    let mut texts = Vec::with_capacity(length);
    texts.extend_from_slice(event_id.as_bytes());
    let id_end = texts.len();
    texts.extend_from_slice(SOURCE);
    texts.extend_from_slice(merchant_id.as_bytes());
    let source_end = texts.len();
    texts.extend_from_slice(key.as_bytes());
    let subject_end = texts.len();
    texts.extend_from_slice(trace.unwrap_or_default().as_bytes());
    let trace_end = texts.len();
    if RFC_3339_MS.contains(&occurred_at_ms) {
        texts.extend_from_slice(&rfc_3339(occurred_at_ms));
    }
    let texts = Bytes::from(texts);

    let fixed = |name: &'static [u8], value: &'static [u8]| {
        (Bytes::from_static(name), Some(Bytes::from_static(value)))
    };
    let part =
        |name: &'static [u8], range: Range<usize>| (Bytes::from_static(name), Some(texts.slice(range)));
    let mut headers = Vec::with_capacity(8);
    headers.push(fixed(b"ce_specversion", b"1.0"));
    headers.push(part(b"ce_id", 0..id_end));
    headers.push(fixed(b"ce_type", schema.event_type.as_bytes()));
    headers.push(part(b"ce_source", id_end..source_end));
    headers.push(part(b"ce_subject", source_end..subject_end));
    if trace_end < texts.len() {
        headers.push(part(b"ce_time", trace_end..texts.len()));
    }
    headers.push(fixed(b"content-type", b"application/avro"));
    if trace.is_some() {
        headers.push(part(b"traceparent", subject_end..trace_end));
    }
    Ok(headers)
}

/// `2026-01-02T03:04:05.678Z` of a moment within [`RFC_3339_MS`]. By hand, because the general formatter costs more than all the
/// other headers together.
fn rfc_3339(ms: i64) -> [u8; 24] {
    let (year, month, day) = civil(ms.div_euclid(DAY_MS));
    let time = ms.rem_euclid(DAY_MS);
    let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
    let (second, milli) = (time / 1_000 % 60, time % 1_000);
    let digit = |number: i64, place: i64| b'0' + (number / place % 10) as u8;
    [
        digit(year, 1_000),
        digit(year, 100),
        digit(year, 10),
        digit(year, 1),
        b'-',
        digit(month, 10),
        digit(month, 1),
        b'-',
        digit(day, 10),
        digit(day, 1),
        b'T',
        digit(hour, 10),
        digit(hour, 1),
        b':',
        digit(minute, 10),
        digit(minute, 1),
        b':',
        digit(second, 10),
        digit(second, 1),
        b'.',
        digit(milli, 100),
        digit(milli, 10),
        digit(milli, 1),
        b'Z',
    ]
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar: `civil_from_days` of
/// <https://howardhinnant.github.io/date_algorithms.html>. Years begin in March there, so that the leap day is a year's last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}
