//! The query database: one question, or one transaction, bounded in time.

use crate::bindings::message;
use crate::call::within;
use crate::storage::{to_js, to_row};
use gyesan_edge::query::{Query, Statement};
use gyesan_edge::sql::{Row, SqlError};
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

/// Asks, and waits at most `limit_ms`.
///
/// # Errors
/// What D1 says, or that it says nothing: then a write may happen all the same.
pub async fn ask(database: &D1Database, query: &Query, limit_ms: u32) -> Result<Vec<Row>, SqlError> {
    let answer = within(limit_ms, send(database, query)).await;
    answer.unwrap_or_else(|| Err(SqlError(format!("no answer within {limit_ms} ms"))))
}

async fn send(database: &D1Database, query: &Query) -> Result<Vec<Row>, SqlError> {
    match query {
        Query::Read(statement) => {
            let rows = prepared(database, statement)?.raw_js_value().await.map_err(fault)?;
            rows.iter().map(to_row).collect()
        }
        Query::Write(statements) => {
            // D1 runs a batch as one transaction.
            let statements = statements.iter().map(|statement| prepared(database, statement));
            let results = database.batch(statements.collect::<Result<_, _>>()?).await.map_err(fault)?;
            match results.iter().find_map(|result| result.error()) {
                Some(error) => Err(SqlError(error)),
                None => Ok(Vec::new()),
            }
        }
    }
}

fn prepared(database: &D1Database, statement: &Statement) -> Result<D1PreparedStatement, SqlError> {
    let params: Vec<JsValue> = statement.params.iter().map(to_js).collect();
    database.prepare(statement.text).bind(&params).map_err(fault)
}

/// The exception's own message: the crate's text holds its stack too.
fn fault(error: worker::Error) -> SqlError {
    SqlError(match &error {
        worker::Error::D1(d1) => {
            let exception: &JsValue = d1.as_ref();
            message(exception)
        }
        other => other.to_string(),
    })
}
