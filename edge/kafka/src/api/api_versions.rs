//! ApiVersions (18): which requests, in which versions, the broker speaks.
//!
//! A broker that does not know the version asked for answers in version 0 with UNSUPPORTED_VERSION; it is then asked again
//! in version 0. Flexible versions use the request's new header, but the answer always has the old one.

use std::ops::RangeInclusive;

use crate::error_code::ErrorCode;
use crate::wire::{Malformed, Reader, Writer};

/// Code of the request.
pub const KEY: i16 = 18;
/// Versions written and read here.
pub const VERSIONS: RangeInclusive<i16> = 0..=3;
/// First version in the flexible encoding.
pub const FLEXIBLE_FROM: i16 = 3;

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

pub(super) fn encode(request: &Request, version: i16, writer: &mut Writer) {
    if version >= FLEXIBLE_FROM {
        writer.compact_string(&request.software_name);
        writer.compact_string(&request.software_version);
        writer.no_tags();
    }
}

pub(super) fn decode(version: i16, reader: &mut Reader) -> Result<Answer, Malformed> {
    let error = ErrorCode(reader.i16()?);
    // The refusal of a version comes in version 0; what it lists is not needed, it is asked for again.
    if error == ErrorCode::UNSUPPORTED_VERSION {
        return Ok(Answer { error, apis: Vec::new() });
    }
    let api = |reader: &mut Reader| Ok((reader.i16()?, reader.i16()?, reader.i16()?));
    let apis = if version >= FLEXIBLE_FROM {
        reader.compact_array(|reader| {
            let row = api(reader)?;
            reader.skip_tags()?;
            Ok(row)
        })?
    } else {
        reader.array(api)?
    };
    Ok(Answer { error, apis })
}
