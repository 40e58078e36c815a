//! The [`Sql`] port over a Durable Object's storage.
//!
//! Atomicity rests on the platform here: everything written in one turn of the event loop is committed together, and
//! the output gate holds every reply, fetch and call of that turn back until the commit is on disk.

use crate::bindings::{RawCursor, RawSql, RawStorage, message};
use gyesan_core::time::Timestamp;
use gyesan_edge::sql::{Row, Sql, SqlError, Value};
use js_sys::{Array, ArrayBuffer, JsString, Uint8Array};
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::{JsCast, JsValue};

/// A Durable Object's storage.
pub struct Storage {
    storage: RawStorage,
    sql: RawSql,
    /// By the address and length of their static texts.
    statements: RefCell<HashMap<(usize, usize), Statement>>,
}

/// A statement, made ready once and not at each call.
struct Statement {
    text: JsString,
    /// Whether it answers with rows; the empty answer of one that does not need not be fetched.
    has_rows: bool,
}

impl Statement {
    fn of(text: &'static str) -> Statement {
        let reads = ["SELECT", "WITH", "PRAGMA"].iter().any(|verb| text.trim_start().starts_with(verb));
        Statement { text: JsString::from(text), has_rows: reads || text.contains("RETURNING") }
    }
}

impl Storage {
    /// Wraps `ctx.storage`.
    pub fn new(storage: RawStorage) -> Storage {
        let sql = storage.sql();
        Storage { storage, sql, statements: RefCell::default() }
    }

    /// Sets the object's one alarm, in the transaction of this turn.
    ///
    /// # Errors
    /// What the runtime says.
    pub fn set_alarm(&self, at: Timestamp) -> Result<(), SqlError> {
        self.storage.set_alarm(at.0 as f64).map(drop).map_err(|e| SqlError(message(&e)))
    }

    fn exec(&self, text: &JsString, params: &[Value]) -> Result<RawCursor, JsValue> {
        match params {
            [] => self.sql.exec_0(text),
            [a] => self.sql.exec_1(text, &to_js(a)),
            [a, b] => self.sql.exec_2(text, &to_js(a), &to_js(b)),
            [a, b, c] => self.sql.exec_3(text, &to_js(a), &to_js(b), &to_js(c)),
            more => self.sql.exec_many(text, &more.iter().map(to_js).collect()),
        }
    }
}

impl Sql for Storage {
    fn query(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut statements = self.statements.borrow_mut();
        let key = (statement.as_ptr().addr(), statement.len());
        let statement = statements.entry(key).or_insert_with(|| Statement::of(statement));
        let fault = |exception: JsValue| SqlError(message(&exception));
        let cursor = self.exec(&statement.text, params).map_err(fault)?;
        if !statement.has_rows {
            return Ok(Vec::new());
        }
        let rows = cursor.raw().and_then(|rows| rows.to_array()).map_err(fault)?;
        rows.iter().map(|row| to_row(&row)).collect()
    }

    fn savepoint(&self, body: &mut dyn FnMut() -> bool) -> Result<(), SqlError> {
        // `transactionSync` rolls back when its body throws, and throws the same thing on.
        let mut kept = false;
        let result = self.storage.transaction_sync(&mut || {
            kept = body();
            if kept { Ok(JsValue::UNDEFINED) } else { Err(JsValue::from_str("undone")) }
        });
        match result {
            Err(exception) if kept => Err(SqlError(message(&exception))),
            _ => Ok(()),
        }
    }
}

/// A bound value, as JavaScript has it. Integers are within ±2^53, so the double is exact.
pub fn to_js(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Int(v) => JsValue::from_f64(*v as f64),
        Value::Text(v) => JsValue::from_str(v),
        Value::Blob(v) => Uint8Array::from(v.as_ref()).into(),
    }
}

/// A row of an answer: an array of its columns.
///
/// # Errors
/// When a column holds a fraction or an integer that a double cannot hold.
pub fn to_row(row: &JsValue) -> Result<Row, SqlError> {
    row.unchecked_ref::<Array>().iter().map(|column| from_js(&column)).collect::<Result<_, _>>().map(Row)
}

const EXACT: f64 = 9_007_199_254_740_992.0;

fn from_js(column: &JsValue) -> Result<Value, SqlError> {
    if column.is_null() {
        return Ok(Value::Null);
    }
    if let Some(number) = column.as_f64() {
        return if number.fract() == 0.0 && number.abs() <= EXACT {
            Ok(Value::Int(number as i64))
        } else {
            Err(SqlError(format!("{number} is not an exact integer")))
        };
    }
    if let Some(text) = column.as_string() {
        return Ok(Value::Text(text));
    }
    match column.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Ok(Value::Blob(Uint8Array::new(buffer).to_vec().into())),
        None => Err(SqlError("a column is neither number, text nor bytes".to_owned())),
    }
}
