//! Rows of an answer: as JavaScript has them (D1), and as the bytes that the shim makes of a cursor's.

use bytes::{Buf, Bytes};
use gyesan_edge::sql::{Row, SqlError, Value};
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// Integers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The rows in what `Shim::rows` answers: the number of columns, then the columns of all rows.
///
/// # Errors
/// When a column holds a fraction or an integer that a double cannot hold, or the bytes are not what the shim writes.
pub fn unpack(mut bytes: Bytes) -> Result<Vec<Row>, SqlError> {
    let width = bytes.try_get_u32_le().map_err(|_| cut())? as usize;
    let mut rows = Vec::new();
    while bytes.has_remaining() {
        let mut columns = Vec::with_capacity(width);
        for _ in 0..width {
            columns.push(column(&mut bytes)?);
        }
        if columns.is_empty() {
            return Err(cut());
        }
        rows.push(Row(columns));
    }
    Ok(rows)
}

fn column(bytes: &mut Bytes) -> Result<Value, SqlError> {
    match bytes.try_get_u8().map_err(|_| cut())? {
        0 => Ok(Value::Null),
        1 => integer(bytes.try_get_f64_le().map_err(|_| cut())?),
        2 => {
            let text = String::from_utf8(part(bytes)?.to_vec());
            text.map(Value::Text).map_err(|e| SqlError(e.to_string()))
        }
        3 => part(bytes).map(Value::Blob),
        _ => Err(cut()),
    }
}

fn part(bytes: &mut Bytes) -> Result<Bytes, SqlError> {
    let length = bytes.try_get_u32_le().map_err(|_| cut())? as usize;
    if length <= bytes.len() { Ok(bytes.split_to(length)) } else { Err(cut()) }
}

fn cut() -> SqlError {
    SqlError("the rows of an answer are cut short".to_owned())
}

fn integer(number: f64) -> Result<Value, SqlError> {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        Ok(Value::Int(number as i64))
    } else {
        Err(SqlError(format!("{number} is not an exact integer")))
    }
}

/// A row of an answer: an array of its columns.
///
/// # Errors
/// When a column holds a fraction or an integer that a double cannot hold.
pub fn of_js(row: &JsValue) -> Result<Row, SqlError> {
    row.unchecked_ref::<Array>().iter().map(|column| from_js(&column)).collect::<Result<_, _>>().map(Row)
}

fn from_js(column: &JsValue) -> Result<Value, SqlError> {
    if column.is_null() {
        return Ok(Value::Null);
    }
    if let Some(number) = column.as_f64() {
        return integer(number);
    }
    if let Some(text) = column.as_string() {
        return Ok(Value::Text(text));
    }
    match column.dyn_ref::<ArrayBuffer>() {
        Some(buffer) => Ok(Value::Blob(Uint8Array::new(buffer).to_vec().into())),
        None => Err(SqlError("a column is neither number, text nor bytes".to_owned())),
    }
}
