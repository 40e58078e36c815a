//! The Toss adapter.
