//! The HTTP side.

pub mod url;
