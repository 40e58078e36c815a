//! Percent-encoding and query strings (RFC 3986, and `application/x-www-form-urlencoded` as browsers write it).

/// The text with everything but unreserved characters percent-encoded.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The text with its percent-encoding taken off; `None` when it is not UTF-8 or an escape is cut off.
pub fn decoded(text: &str) -> Option<String> {
    decode(text, false)
}

fn decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_blank => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

/// A parsed query string.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string; pairs that are not UTF-8 are left out.
    pub fn parse(text: &str) -> Query {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name, true)?, decode(value, true)?))
        };
        Query(text.split('&').filter(|part| !part.is_empty()).filter_map(pair).collect())
    }

    /// The value of a name. A name that comes twice has no value: which of the two was meant is anybody's guess, and
    /// that is how checks and uses are made to disagree.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The names that are not among `known`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// The URL with a parameter added to its query, before any fragment.
pub fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (base, fragment) = url.split_once('#').map_or((url, None), |(base, fragment)| (base, Some(fragment)));
    let separator = if base.contains('?') { '&' } else { '?' };
    let mut out = format!("{base}{separator}{}={}", encoded(name), encoded(value));
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Query, decoded, encoded, with_parameter};

    #[test]
    fn encoding_and_decoding_are_inverse() {
        for text in ["", "a/b?c", "카드 결제", "100%", "a.b-c_d~e"] {
            assert_eq!(decoded(&encoded(text)).unwrap(), text);
        }
        assert_eq!(encoded("../x"), "..%2Fx");
        assert_eq!(decoded("%"), None);
        assert_eq!(decoded("%zz"), None);
        assert_eq!(decoded("%ff"), None);
    }

    #[test]
    fn a_parameter_that_comes_twice_has_no_value() {
        let query = Query::parse("a=1&b=%EC%B9%B4+x&a=2&c");
        assert_eq!(query.get("a"), None);
        assert_eq!(query.get("b"), Some("카 x"));
        assert_eq!(query.get("c"), Some(""));
        assert_eq!(query.get("d"), None);
    }

    #[test]
    fn a_parameter_is_added_before_the_fragment() {
        assert_eq!(
            with_parameter("https://s.example/t", "orderId", "o 1"),
            "https://s.example/t?orderId=o%201"
        );
        assert_eq!(
            with_parameter("https://s.example/t?a=1#x", "orderId", "o"),
            "https://s.example/t?a=1&orderId=o#x"
        );
    }
}
