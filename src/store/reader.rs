//! The reading side, on a connection of its own: for `ecoute explain`, reports and the API. It cannot write, and it never
//! reads the callers' numbers.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use crate::call::record::Record;
use crate::clock::Civil;
use crate::dispatch::{Decision, Wish};
use crate::ids::{CallId, ListenerId};

use super::StoreError;
use super::schema::{self, DATABASE_FILE, SCHEMA_VERSION};

/// The most records one question is answered with.
pub const RECORDS_MAX: usize = 10_000;

/// Reads the store of a running or a stopped `ecoute`.
pub struct Reader {
    db: Connection,
}

impl Reader {
    /// Opens the store in `state_dir` for reading.
    pub fn open(state_dir: &Path) -> Result<Reader, StoreError> {
        let path = state_dir.join(DATABASE_FILE);
        if !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&path, flags)?;
        db.busy_timeout(Duration::from_secs(2))?;
        let found = schema::version(&db)?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { path, found, known: SCHEMA_VERSION });
        }
        if found == 0 {
            return Err(StoreError::Missing { path });
        }
        Ok(Reader { db })
    }

    /// The youngest records first, at most `limit` of them, none older than `since`.
    pub fn records(&self, limit: usize, since: Option<Civil>) -> Result<Vec<Record>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT record FROM calls WHERE began_ms >= ?1 ORDER BY began_ms DESC, call DESC LIMIT ?2",
        )?;
        let since_ms = since.map_or(i64::MIN, Civil::as_unix_millis);
        let rows = query.query_map(params![since_ms, limit.min(RECORDS_MAX) as i64], |row| row.get::<_, String>(0))?;
        rows.map(|text| Ok(serde_json::from_str(&text?)?)).collect()
    }

    /// The record of a call.
    pub fn record(&self, call: CallId) -> Result<Option<Record>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT record FROM calls WHERE call = ?1")?;
        let text: Option<String> = query.query_row([call.to_string()], |row| row.get(0)).optional()?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// What was decided for a call, in order.
    pub fn decisions(&self, call: CallId) -> Result<Vec<Decision>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT decision FROM decisions WHERE call = ?1 ORDER BY nth")?;
        let rows = query.query_map([call.to_string()], |row| row.get::<_, String>(0))?;
        rows.map(|text| Ok(serde_json::from_str(&text?)?)).collect()
    }

    /// Every listener's last word on whether he takes calls.
    pub fn wishes(&self) -> Result<Vec<(ListenerId, Wish)>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT listener, wish FROM wishes ORDER BY listener")?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (listener, wish) = row?;
            Ok((ListenerId::new(&listener), serde_json::from_value(serde_json::Value::String(wish))?))
        })
        .collect()
    }
}
