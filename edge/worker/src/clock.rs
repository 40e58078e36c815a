//! The runtime's clock. In production it stands still between two I/Os.

use gyesan_core::time::Timestamp;

/// The time now.
pub fn now() -> Timestamp {
    Timestamp(js_sys::Date::now() as i64)
}
