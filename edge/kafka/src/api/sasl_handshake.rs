//! SaslHandshake (17): chooses the mechanism. It never became a flexible request.

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 17;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 1..=1;
/// First version in the flexible encoding: none.
pub const FLEXIBLE_FROM: i16 = i16::MAX;

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

pub(super) fn encode(request: &Request, _version: i16, writer: &mut Writer) {
    writer.string(&request.mechanism);
}

pub(super) fn decode(_version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    Ok(Answer { error: ErrorCode(reader.i16()?), mechanisms: reader.array(Reader::string)? })
}
