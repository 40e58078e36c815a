//! SaslHandshake (17): chooses the mechanism. It never became a flexible request.

use std::ops::RangeInclusive;

use kafka_protocol::messages::{SaslHandshakeRequest, SaslHandshakeResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 1..=1;

/// Asks for a mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
}

/// Whether it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// UNSUPPORTED_SASL_MECHANISM, or 0.
    pub error: ErrorCode,
    /// What is offered.
    pub mechanisms: Vec<String>,
}

pub(super) fn message(request: &Request) -> SaslHandshakeRequest {
    SaslHandshakeRequest::default().with_mechanism(text(&request.mechanism))
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let message: SaslHandshakeResponse = body.message(version)?;
    let mechanisms = message.mechanisms.iter().map(|mechanism| mechanism.to_string()).collect();
    Ok(Answer { error: ErrorCode(message.error_code), mechanisms })
}
