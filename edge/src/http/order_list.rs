//! A merchant's orders as a list, from the read model that a projection keeps: it lags some tenths of a second behind the orders
//! themselves, and shows what events tell (a confirmation under way is told of by none).

use super::checkout::merchant_of;
use super::context::Context;
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json};
use crate::params;
use crate::ports::Ports;
use crate::query::{Query, Statement};
use crate::sql::{Row, SqlError, Value};
use gyesan_core::api::{OrderStatus, Page, PaymentStatus};
use gyesan_core::id;
use gyesan_core::money::{Amount, Currency};
use gyesan_core::problem::Code;
use gyesan_core::time::Timestamp;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows of a page, at most and by default.
const LIMIT_MAX: u32 = 100;
const LIMIT: u32 = 20;

/// Later than any order, and exact in a double.
const TIME_MAX: i64 = (1 << 53) - 1;

/// The list by one of its indexes; the other filters are looked at in the rows that it finds.
macro_rules! select {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT order_id, currency, gross_amount, discount, amount, payment_status, order_status, member_id, order_version,
                 created_at, updated_at FROM orders INDEXED BY ",
            $index,
            " WHERE merchant_id = ?1 AND ",
            $condition,
            " AND (?2 IS NULL OR payment_status = ?2) AND (?3 IS NULL OR order_status = ?3) AND (?4 IS NULL OR member_id = ?4)
                 AND created_at >= ?5 AND created_at < ?6
                 AND created_at <= ?7 AND (created_at < ?7 OR ?8 IS NULL OR order_id < ?8)
             ORDER BY created_at DESC, order_id DESC LIMIT ?9"
        )
    };
}
/// One order of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    order_id: String,
    currency: Currency,
    /// Absent where the events that tell it are gone.
    gross_amount: Option<Amount>,
    discount: Option<Amount>,
    amount: Option<Amount>,
    payment_status: PaymentStatus,
    order_status: OrderStatus,
    member_id: Option<String>,
    /// The highest that an event has told.
    order_version: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// `GET /v1/orders?paymentStatus=&orderStatus=&from=&to=&memberId=&limit=&cursor=`: newest first. `from` is the first moment of
/// placing that is listed, `to` the first that is not.
///
/// # Errors
/// Those of [`Context::authenticate`]; 400 `INVALID_VALUE` for a filter, limit or cursor that is none; 503 when the query
/// database does not answer.
pub async fn list<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[
        "paymentStatus",
        "orderStatus",
        "from",
        "to",
        "memberId",
        "limit",
        "cursor",
    ])?;
    let merchant_id = merchant_of(&caller)?.id.clone();
    let payment_status = parameter(context, "paymentStatus", status::<PaymentStatus>)?;
    let order_status = parameter(context, "orderStatus", status::<OrderStatus>)?;
    let member_id = parameter(context, "memberId", |text| (!text.is_empty()).then(|| text.to_owned()))?;
    let from = parameter(context, "from", Timestamp::parse)?;
    let to = parameter(context, "to", Timestamp::parse)?;
    let before = parameter(context, "cursor", position)?;
    let limit = parameter(context, "limit", |text| text.parse().ok())?.unwrap_or(LIMIT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::with(Code::InvalidValue, "limit is 1 to 100"));
    }
    let (before_at, before_id) = before.unzip();
    // The filter that leaves the fewest rows picks the index.
    let text = match (&member_id, &payment_status, &order_status) {
        (Some(_), _, _) => select!("orders_by_member", "member_id = ?4"),
        (None, Some(_), _) => select!("orders_by_payment_status", "payment_status = ?2"),
        (None, None, Some(_)) => select!("orders_by_order_status", "order_status = ?3"),
        (None, None, None) => select!("orders_by_age", "true"),
    };
    let params = params![
        merchant_id.as_str(),
        payment_status,
        order_status,
        member_id,
        from.unwrap_or(Timestamp(0)),
        to.unwrap_or(Timestamp(TIME_MAX)),
        before_at.unwrap_or(Timestamp(TIME_MAX)),
        before_id,
        limit.saturating_add(1),
    ];
    let rows = context.ports.query(Query::Read(Statement::new(text, params))).await;
    let page = rows.and_then(|rows| page(&rows, limit));
    let page = page.map_err(|error| {
        context.log("error", "query.failed", merchant_id.as_str(), "", error.to_string());
        Problem::unavailable("the order list cannot be read")
    })?;
    json(StatusCode::OK, &page)
}

/// What a parameter says, if it is there. One that comes twice says nothing that could be relied on.
fn parameter<P: Ports, T>(
    context: &Context<'_, P>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    if !context.query.names().any(|known| known == name) {
        return Ok(None);
    }
    let value = context.query.get(name).and_then(read);
    value.map(Some).ok_or_else(|| {
        Problem::with(Code::InvalidValue, format!("the query parameter `{name}` has no value that is known"))
    })
}

/// A status by its name in JSON, as the rows have it.
fn status<T: DeserializeOwned>(name: &str) -> Option<String> {
    named::<T>(name).ok().map(|_| name.to_owned())
}

fn named<T: DeserializeOwned>(name: &str) -> Result<T, SqlError> {
    serde_json::from_value(serde_json::Value::from(name)).map_err(|error| SqlError(error.to_string()))
}

/// A cursor: when the last order of the page before was placed, and its id.
fn position(cursor: &str) -> Option<(Timestamp, String)> {
    let (at, order_id) = cursor.split_once('.')?;
    let at = at.parse::<i64>().ok().filter(|at| (0..=TIME_MAX).contains(at))?;
    id::is_order_id(order_id).then(|| (Timestamp(at), order_id.to_owned()))
}

fn page(rows: &[Row], limit: u32) -> Result<Page<Item>, SqlError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let items = rows.iter().take(limit).map(item).collect::<Result<Vec<Item>, SqlError>>()?;
    let last = items.last().filter(|_| rows.len() > limit);
    let next_cursor = last.map(|item| format!("{}.{}", item.created_at.0, item.order_id));
    Ok(Page { items, next_cursor })
}

fn item(row: &Row) -> Result<Item, SqlError> {
    let amount = |column: usize| match row.0.get(column) {
        Some(Value::Null) => Ok(None),
        _ => row.amount(column).map(Some),
    };
    Ok(Item {
        order_id: row.text(0)?.to_owned(),
        currency: named(row.text(1)?)?,
        gross_amount: amount(2)?,
        discount: amount(3)?,
        amount: amount(4)?,
        payment_status: named(row.text(5)?)?,
        order_status: named(row.text(6)?)?,
        member_id: row.text_or_null(7)?.map(str::to_owned),
        order_version: row.count(8)?,
        created_at: row.time(9)?,
        updated_at: row.time(10)?,
    })
}
