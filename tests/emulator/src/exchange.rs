//! One HTTP exchange as plain data: what came in, and what is to be done with the connection.

use serde::{Deserialize, Serialize};

/// A request as it arrived.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// Upper-case method (`POST`).
    pub method: String,
    /// Path with query (`/v1/payments/confirm`), percent-encoded as on the wire.
    pub path: String,
    /// Headers in any order and case.
    pub headers: Vec<(String, String)>,
    /// The body; bytes that are not UTF-8 have been replaced.
    pub body: String,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, path: &str) -> Request {
        Request { method: method.into(), path: path.into(), ..Request::default() }
    }

    /// The same request with one more header.
    pub fn with_header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same request with this body.
    pub fn with_body(mut self, body: impl Into<String>) -> Request {
        self.body = body.into();
        self
    }

    /// The value of the first header of this name, in whatever case it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path without its query.
    pub(crate) fn route(&self) -> &str {
        self.path.split_once('?').map_or(self.path.as_str(), |(route, _)| route)
    }

    /// The decoded value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then(|| decode(&value.replace('+', " ")))
        })
    }
}

/// When an answer is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// At once.
    Now(Delivery),
    /// Not before `at_ms` (on the caller's clock): then the caller asks for it with
    /// [`finish`](crate::Emulator::finish), also when the client has hung up in the meantime.
    Later {
        /// What to finish.
        ticket: u64,
        /// Milliseconds since the Unix epoch, on the clock that `handle` was called with.
        at_ms: i64,
    },
}

/// What happens to the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// An ordinary answer.
    Respond {
        /// HTTP status.
        status: u16,
        /// Headers, names in lower case.
        headers: Vec<(&'static str, String)>,
        /// The whole body.
        body: String,
    },
    /// The connection is closed without a byte.
    Drop,
    /// The head goes out at once, the body in small pieces.
    SlowBody {
        /// HTTP status.
        status: u16,
        /// Headers, names in lower case.
        headers: Vec<(&'static str, String)>,
        /// The whole body.
        body: String,
        /// How long the body takes, in milliseconds.
        over_ms: u64,
    },
}

impl Delivery {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: String) -> Delivery {
        Delivery::typed(status, "application/json;charset=UTF-8", body)
    }

    /// A page.
    pub(crate) fn html(status: u16, body: String) -> Delivery {
        Delivery::typed(status, "text/html; charset=utf-8", body)
    }

    /// An answer of any type, never cached.
    pub(crate) fn typed(status: u16, content_type: &str, body: String) -> Delivery {
        let headers = vec![("content-type", content_type.into()), ("cache-control", "no-store".into())];
        Delivery::Respond { status, headers, body }
    }

    /// Sends the browser elsewhere with a GET.
    pub(crate) fn see_other(location: String) -> Delivery {
        let headers = vec![("location", location), ("cache-control", "no-store".into())];
        Delivery::Respond { status: 303, headers, body: String::new() }
    }

    /// The same answer with one more header.
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Delivery {
        if let Delivery::Respond { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

/// Undoes percent-encoding; a malformed escape stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = match (byte, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Percent-encodes everything but unreserved characters, so that the result can stand in a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
