//! The tables of the actors' databases. Migrations are numbered and never edited; [`apply`] runs those an object has not run.

use crate::params;
use crate::sql::{Sql, SqlError};

/// Who an object is; there before everything else.
pub const BIRTH: &str = include_str!("../migrations/birth.sql");

/// One step: its number and its statements.
pub type Migration = (u32, &'static str);

/// Of order shards.
pub const ORDER_SHARD: &[Migration] = &[
    (1, include_str!("../migrations/order_shard/0001_init.sql")),
    (2, include_str!("../migrations/order_shard/0002_outbox_published.sql")),
];
/// Of ledger shards.
pub const LEDGER_SHARD: &[Migration] = &[
    (1, include_str!("../migrations/ledger_shard/0001_init.sql")),
    (2, include_str!("../migrations/ledger_shard/0002_outbox_published.sql")),
];
/// Of consumers.
pub const CONSUMER: &[Migration] = &[
    (1, include_str!("../migrations/consumer/0001_init.sql")),
    (2, include_str!("../migrations/consumer/0002_dead_letter_log.sql")),
    (3, include_str!("../migrations/consumer/0003_projection.sql")),
];

/// Of relays.
pub const RELAY: &[Migration] = &[
    (1, include_str!("../migrations/relay/0001_init.sql")),
    (2, include_str!("../migrations/relay/0002_batches_by_their_records.sql")),
    (3, include_str!("../migrations/relay/0003_republications.sql")),
];

/// Brings an object's tables up to date; runs at every start, within the first turn's transaction.
///
/// # Errors
/// A failure of the database.
pub fn apply(sql: &dyn Sql, migrations: &'static [Migration]) -> Result<(), SqlError> {
    sql.query("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY) STRICT", &[])?;
    let done: u32 = match sql.query("SELECT coalesce(max(number), 0) FROM migrations", &[])?.first() {
        Some(row) => row.count(0)?,
        None => 0,
    };
    for (number, statements) in migrations.iter().filter(|(number, _)| *number > done) {
        for statement in statements.split(";\n").map(str::trim).filter(|text| !text.is_empty()) {
            sql.query(statement, &[])?;
        }
        sql.query("INSERT INTO migrations (number) VALUES (?)", params![*number])?;
    }
    Ok(())
}
