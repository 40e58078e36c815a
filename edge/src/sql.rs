//! The port to a SQLite database that answers synchronously: a Durable Object's storage, or rusqlite.
//!
//! One turn of an actor is one transaction of the database: the platform commits it before any effect of the
//! turn leaves (a Durable Object's write coalescing and output gate; an explicit transaction natively).

use bytes::Bytes;
use gyesan_core::money::Amount;
use gyesan_core::time::Timestamp;

/// A value bound to a statement or read from a row. Integers stay within ±2^53, because a Durable Object's
/// SQL hands them over as doubles.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// An integer within ±2^53.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

impl From<i64> for Value {
    fn from(v: i64) -> Value {
        Value::Int(v)
    }
}
impl From<u32> for Value {
    fn from(v: u32) -> Value {
        Value::Int(i64::from(v))
    }
}
impl From<u64> for Value {
    fn from(v: u64) -> Value {
        Value::Int(i64::try_from(v).unwrap_or(i64::MAX))
    }
}
impl From<bool> for Value {
    fn from(v: bool) -> Value {
        Value::Int(i64::from(v))
    }
}
impl From<Amount> for Value {
    fn from(v: Amount) -> Value {
        Value::Int(v.minor())
    }
}
impl From<Timestamp> for Value {
    fn from(v: Timestamp) -> Value {
        Value::Int(v.0)
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Value {
        Value::Text(v.to_owned())
    }
}
impl From<String> for Value {
    fn from(v: String) -> Value {
        Value::Text(v)
    }
}
impl From<Bytes> for Value {
    fn from(v: Bytes) -> Value {
        Value::Blob(v)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Value {
        v.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer, read by column number.
#[derive(Clone, PartialEq, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// The integer in a column.
    ///
    /// # Errors
    /// When the column is missing or holds something else.
    pub fn int(&self, column: usize) -> Result<i64, SqlError> {
        match self.0.get(column) {
            Some(Value::Int(v)) => Ok(*v),
            other => Err(SqlError(format!("column {column} holds {other:?}, not an integer"))),
        }
    }

    /// The text in a column.
    ///
    /// # Errors
    /// When the column is missing or holds something else.
    pub fn text(&self, column: usize) -> Result<&str, SqlError> {
        match self.0.get(column) {
            Some(Value::Text(v)) => Ok(v),
            other => Err(SqlError(format!("column {column} holds {other:?}, not text"))),
        }
    }

    /// The text in a column that may be NULL.
    ///
    /// # Errors
    /// When the column is missing or holds something else.
    pub fn text_or_null(&self, column: usize) -> Result<Option<&str>, SqlError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// The bytes in a column.
    ///
    /// # Errors
    /// When the column is missing or holds something else.
    pub fn blob(&self, column: usize) -> Result<&Bytes, SqlError> {
        match self.0.get(column) {
            Some(Value::Blob(v)) => Ok(v),
            other => Err(SqlError(format!("column {column} holds {other:?}, not bytes"))),
        }
    }

    /// The amount in a column.
    ///
    /// # Errors
    /// When the column holds no amount.
    pub fn amount(&self, column: usize) -> Result<Amount, SqlError> {
        let minor = self.int(column)?;
        Amount::new(minor).ok_or_else(|| SqlError(format!("column {column} holds {minor}, not an amount")))
    }

    /// The moment in a column.
    ///
    /// # Errors
    /// When the column holds no integer.
    pub fn time(&self, column: usize) -> Result<Timestamp, SqlError> {
        self.int(column).map(Timestamp)
    }

    /// The non-negative integer in a column.
    ///
    /// # Errors
    /// When the column holds something else.
    pub fn count<T: TryFrom<i64>>(&self, column: usize) -> Result<T, SqlError> {
        let value = self.int(column)?;
        T::try_from(value).map_err(|_| SqlError(format!("column {column} holds {value}, out of range")))
    }

    /// The non-negative integer in a column that may be NULL.
    ///
    /// # Errors
    /// When the column is missing or holds something else.
    pub fn count_or_null<T: TryFrom<i64>>(&self, column: usize) -> Result<Option<T>, SqlError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.count(column).map(Some),
        }
    }

    /// The JSON in a column, parsed.
    ///
    /// # Errors
    /// When the column holds no text, or other JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, SqlError> {
        from_json(self.text(column)?)
    }
}

/// What the database said instead of an answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("storage: {0}")]
pub struct SqlError(pub String);

/// A SQLite database.
pub trait Sql {
    /// Runs one statement and returns its rows. The text is static, so that the platform's statement cache hits.
    ///
    /// # Errors
    /// What SQLite says.
    fn query(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// Runs `body` in a savepoint: kept when it returns true, undone when it returns false.
    ///
    /// # Errors
    /// When the savepoint itself cannot be made or released.
    fn savepoint(&self, body: &mut dyn FnMut() -> bool) -> Result<(), SqlError>;
}

/// Binds a list of values of any kind that has a [`Value`].
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}

/// A value as JSON text for a column.
///
/// # Errors
/// When it cannot be written, which for our own types means a bug.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String, SqlError> {
    serde_json::to_string(value).map_err(|e| SqlError(format!("cannot encode: {e}")))
}

/// JSON text of a column as a value.
///
/// # Errors
/// When it is not what was written.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, SqlError> {
    serde_json::from_str(text).map_err(|e| SqlError(format!("cannot decode: {e}")))
}
