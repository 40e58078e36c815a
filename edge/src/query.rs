//! The query database (D1): what is asked of it, and what a fault of it means. The consumers of the events write it, routes
//! read it.

use crate::sql::{SqlError, Value};

/// One statement with what is bound to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    /// Its text.
    pub text: &'static str,
    /// The values of `?1`, `?2`, ….
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement.
    pub fn new(text: &'static str, params: &[Value]) -> Statement {
        Statement { text, params: params.to_vec() }
    }
}

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub enum Query {
    /// The rows of one statement.
    Read(Statement),
    /// These, as one transaction: all of them or none. There are no rows in answer.
    Write(Vec<Statement>),
}

/// Whether the database has refused what it was to write, so that it would refuse it again. Everything else (no answer, too
/// busy, no such table) is not the fault of what was written.
pub fn is_refusal(error: &SqlError) -> bool {
    ["constraint failed", "cannot store", "datatype mismatch", "SQLITE_CONSTRAINT", "SQLITE_TOOBIG"]
        .iter()
        .any(|words| error.0.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_refused() {
        let is = |text: &str| is_refusal(&SqlError(text.to_owned()));
        assert!(is("D1_ERROR: NOT NULL constraint failed: orders.currency: SQLITE_CONSTRAINT"));
        assert!(is("D1_ERROR: string or blob too big: SQLITE_TOOBIG"));
        assert!(is("cannot store TEXT value in INTEGER column orders.amount"));
        assert!(!is("D1_ERROR: no such table: orders: SQLITE_ERROR"));
        assert!(!is("D1_ERROR: Network connection lost."));
        assert!(!is("D1_ERROR: database is locked: SQLITE_BUSY"));
        assert!(!is("no answer within 10000 ms"));
    }
}
