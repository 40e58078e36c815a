//! SaslAuthenticate (36): carries the mechanism's own messages.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 36;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 2..=2;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 2;

/// One message of the client.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The message. With PLAIN it holds the password.
    pub message: Bytes,
}

/// Without the message, which may hold a password.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SaslAuthenticate({} bytes)", self.message.len())
    }
}

/// One message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// SASL_AUTHENTICATION_FAILED, after which the broker closes.
    pub error: ErrorCode,
    /// The broker's words about it.
    pub reason: Option<String>,
    /// The mechanism's message.
    pub message: Bytes,
    /// How long the session lasts in milliseconds; 0 is for ever.
    pub session_lifetime_ms: i64,
}

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.compact_bytes(Some(&request.message));
    writer.no_tags();
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    Ok(Answer {
        error: ErrorCode(reader.i16()?),
        reason: reader.compact_nullable_string()?,
        message: reader.compact_bytes()?.unwrap_or_default(),
        session_lifetime_ms: reader.i64()?,
    })
}
