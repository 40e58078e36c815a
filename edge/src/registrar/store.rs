//! The ids that registries have given out, in the order in which they became known.

use crate::params;
use crate::sql::{Sql, SqlError};

/// Our ids with those of the registry at `base`.
pub fn load(sql: &dyn Sql, base: &str) -> Result<Vec<(u32, u32)>, SqlError> {
    let rows =
        sql.query("SELECT schema, id FROM registry_ids WHERE registry = ? ORDER BY number", params![base])?;
    rows.iter().map(|row| Ok((row.count(0)?, row.count(1)?))).collect()
}

/// One more.
pub fn add(sql: &dyn Sql, base: &str, schema: u32, id: u32) -> Result<(), SqlError> {
    sql.query("INSERT INTO registry_ids (registry, schema, id) VALUES (?, ?, ?)", params![base, schema, id])
        .map(drop)
}
