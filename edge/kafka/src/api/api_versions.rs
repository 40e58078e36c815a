//! ApiVersions (18): which requests, in which versions, the broker speaks.
//!
//! A broker that does not know the version asked for answers in version 0 with UNSUPPORTED_VERSION; it is then asked again
//! in version 0. Flexible versions use the request's new header, but the answer always has the old one.

use std::ops::RangeInclusive;

use bytes::Buf;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use super::bounded::Bounded;
use super::text;
use crate::error_code::ErrorCode;
use crate::wire::Malformed;

/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 0..=3;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Name of this software, for the broker's metrics: letters, digits, `-` and `.`.
    pub software_name: String,
    /// Its version, of the same characters.
    pub software_version: String,
}

/// What the broker speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// UNSUPPORTED_VERSION when the request's version is unknown to the broker.
    pub error: ErrorCode,
    /// Code, lowest and highest version of each request.
    pub apis: Vec<(i16, i16, i16)>,
}

pub(super) fn message(request: &Request) -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text(&request.software_name))
        .with_client_software_version(text(&request.software_version))
}

pub(super) fn decode(version: i16, body: &mut Bounded) -> Result<Answer, Malformed> {
    let error = ErrorCode::UNSUPPORTED_VERSION;
    // The refusal of a version comes in version 0; what it lists is not needed, it is asked for again.
    if body.chunk().starts_with(&error.0.to_be_bytes()) {
        return Ok(Answer { error, apis: Vec::new() });
    }
    let message: ApiVersionsResponse = body.message(version)?;
    let rows = message.api_keys.into_iter();
    let apis = rows.map(|row| (row.api_key, row.min_version, row.max_version)).collect();
    Ok(Answer { error: ErrorCode(message.error_code), apis })
}
