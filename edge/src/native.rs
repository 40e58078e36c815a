//! The [`Sql`] port over rusqlite, and a turn as one transaction of it: for tests, the simulation and the benchmark's
//! floor. Never part of the Worker.

use crate::query::Query;
use crate::sql::{Row, Sql, SqlError, Value};
use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::path::Path;

/// Statements kept prepared; more than any actor has.
const STATEMENTS_MAX: usize = 256;

/// One SQLite database.
pub struct Database {
    connection: Connection,
}

impl Database {
    /// An empty database in memory.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn in_memory() -> Result<Database, SqlError> {
        Database::over(Connection::open_in_memory().map_err(sql_error)?)
    }

    /// A database in a file, made when it is missing.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path) -> Result<Database, SqlError> {
        let connection = Connection::open(path).map_err(sql_error)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            .map_err(sql_error)?;
        Database::over(connection)
    }

    fn over(connection: Connection) -> Result<Database, SqlError> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(Database { connection })
    }

    /// Runs several statements that return nothing: a migration, a seed.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn execute_all(&self, statements: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(statements).map_err(sql_error)
    }

    /// Opens the transaction of a turn.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn begin(&self) -> Result<(), SqlError> {
        self.execute_all("BEGIN IMMEDIATE")
    }

    /// Makes the turn durable.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn commit(&self) -> Result<(), SqlError> {
        self.execute_all("COMMIT")
    }

    /// Takes the turn back, as a crash before its commit would.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn roll_back(&self) -> Result<(), SqlError> {
        self.execute_all("ROLLBACK")
    }

    /// One transaction, such as a turn of an actor: what it returns is given out after the commit.
    ///
    /// # Errors
    /// When the transaction cannot be opened or committed: then nothing has happened.
    pub fn transaction<T>(&self, body: impl FnOnce(&dyn Sql) -> T) -> Result<T, SqlError> {
        self.begin()?;
        let result = body(self);
        self.commit()?;
        Ok(result)
    }
}

impl Database {
    /// What D1 does with a query: a write is one transaction.
    ///
    /// # Errors
    /// What SQLite says; of a write nothing has happened then.
    pub fn perform(&self, query: &Query) -> Result<Vec<Row>, SqlError> {
        let statements = match query {
            Query::Read(statement) => return self.query(statement.text, &statement.params),
            Query::Write(statements) => statements,
        };
        self.begin()?;
        let run = || {
            statements
                .iter()
                .try_for_each(|statement| self.query(statement.text, &statement.params).map(drop))
        };
        match run() {
            Ok(()) => self.commit().map(|()| Vec::new()),
            Err(error) => self.roll_back().and(Err(error)),
        }
    }
}

impl Sql for Database {
    fn query(&self, statement: &'static str, params: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut prepared = self.connection.prepare_cached(statement).map_err(sql_error)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(rusqlite::params_from_iter(params)).map_err(sql_error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(sql_error)? {
            let values = (0..columns).map(|column| value(row.get_ref(column).map_err(sql_error)?));
            found.push(Row(values.collect::<Result<_, _>>()?));
        }
        Ok(found)
    }

    fn savepoint(&self, body: &mut dyn FnMut() -> bool) -> Result<(), SqlError> {
        self.execute_all("SAVEPOINT step")?;
        if body() {
            self.execute_all("RELEASE step")
        } else {
            self.execute_all("ROLLBACK TO step; RELEASE step")
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(v) => ValueRef::Integer(*v),
            Value::Text(v) => ValueRef::Text(v.as_bytes()),
            Value::Blob(v) => ValueRef::Blob(v),
        }))
    }
}

fn value(found: ValueRef<'_>) -> Result<Value, SqlError> {
    match found {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(v) => Ok(Value::Int(v)),
        ValueRef::Text(v) => {
            let text =
                std::str::from_utf8(v).map_err(|e| SqlError(format!("text that is not UTF-8: {e}")))?;
            Ok(Value::Text(text.to_owned()))
        }
        // A Durable Object's SQL hands integers over as doubles, so a column that holds a real is a bug on both sides.
        ValueRef::Real(v) => Err(SqlError(format!("a real number: {v}"))),
        ValueRef::Blob(v) => Ok(Value::Blob(Bytes::copy_from_slice(v))),
    }
}

fn sql_error(error: rusqlite::Error) -> SqlError {
    SqlError(error.to_string())
}
