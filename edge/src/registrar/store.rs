//! The ids that registries have given out, in the order in which they became known.

use crate::params;
use crate::sql::{Sql, SqlError};

/// Our ids with those of a registry.
pub type Ids = Vec<(u32, u32)>;

/// Those of the registry at `base`, and those of all others.
pub fn load(sql: &dyn Sql, base: &str) -> Result<(Ids, Ids), SqlError> {
    let rows = sql.query("SELECT schema, id, registry FROM registry_ids ORDER BY number", &[])?;
    let (mut here, mut elsewhere) = (Ids::new(), Ids::new());
    for row in &rows {
        let ids = if row.text(2)? == base { &mut here } else { &mut elsewhere };
        ids.push((row.count(0)?, row.count(1)?));
    }
    Ok((here, elsewhere))
}

/// One more.
pub fn add(sql: &dyn Sql, base: &str, schema: u32, id: u32) -> Result<(), SqlError> {
    sql.query("INSERT INTO registry_ids (registry, schema, id) VALUES (?, ?, ?)", params![base, schema, id])
        .map(drop)
}
