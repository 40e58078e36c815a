//! SaslAuthenticate (36): carries the mechanism's own messages.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse};

use super::bounded::Bounded;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 2..=2;

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

pub(super) fn message(request: &Request) -> SaslAuthenticateRequest {
    SaslAuthenticateRequest::default().with_auth_bytes(request.message.clone())
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: SaslAuthenticateResponse = body.message(version)?;
    Ok(Answer {
        error: ErrorCode(message.error_code),
        reason: message.error_message.map(|reason| reason.to_string()),
        message: message.auth_bytes,
        session_lifetime_ms: message.session_lifetime_ms,
    })
}
