//! W3C trace context, level 1: taken from the caller or begun here, and handed on to the PSP, the outbox and the log.

use http::HeaderMap;

/// The trace that a request belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// 32 hex digits; also the `traceId` of problem documents.
    pub trace_id: String,
    /// The `traceparent` for whatever this request causes.
    pub parent: String,
}

impl Trace {
    /// The caller's trace with a span of our own, or a new one.
    pub fn of(headers: &HeaderMap, random: u128, span: u128) -> Trace {
        let caller = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parse);
        let (trace_id, flags) = caller.unwrap_or_else(|| (format!("{:032x}", random | 1), "01".to_owned()));
        let span = (span & u128::from(u64::MAX)) | 1;
        Trace { parent: format!("00-{trace_id}-{span:016x}-{flags}"), trace_id }
    }
}

/// The trace id and flags of a valid header of version 00.
fn parse(header: &str) -> Option<(String, String)> {
    let mut parts = header.trim().split('-');
    let (version, trace_id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let valid = version == "00"
        && parts.next().is_none()
        && hex(trace_id, 32)
        && hex(parent, 16)
        && hex(flags, 2)
        && trace_id.bytes().any(|b| b != b'0')
        && parent.bytes().any(|b| b != b'0');
    valid.then(|| (trace_id.to_owned(), flags.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Trace;
    use http::HeaderMap;

    fn of(header: &str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", header.parse().unwrap());
        Trace::of(&headers, 5, 7)
    }

    #[test]
    fn a_valid_trace_goes_on() {
        let trace = of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        assert_eq!(trace.parent, "00-0af7651916cd43dd8448eb211c80319c-0000000000000007-00");
    }

    #[test]
    fn anything_else_begins_a_new_one() {
        for header in [
            "",
            "00-0-0-0",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        ] {
            assert_ne!(of(header).trace_id, "0af7651916cd43dd8448eb211c80319c");
            assert_eq!(of(header).trace_id.len(), 32);
        }
    }
}
