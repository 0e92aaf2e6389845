//! The writing side of the SQLite file: opening it, one transaction per batch, the sweep.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use crate::call::record::Record;
use crate::clock::Civil;
use crate::dispatch::Decision;
use crate::ids::{CallId, PhoneNumber};

use super::StoreError;
use super::row::Row;
use super::schema;

/// Callers' numbers whose record is not in yet, each with the end of its time. In memory, and nowhere else.
pub(super) type Numbers = BTreeMap<CallId, Kept>;

/// A number, and until when it may be kept.
pub(super) struct Kept {
    pub number: PhoneNumber,
    pub until: Civil,
}

/// How far a spool file is read: `(file, offset)`.
pub(super) type SpoolMark = (u64, u64);

/// What became of a batch that was committed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub records: u64,
    pub decisions: u64,
    pub duplicates: u64,
    /// Rows that SQLite will never take, by their place in the batch; the caller sets them aside.
    pub refused: u64,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Swept {
    /// Numbers deleted.
    pub numbers: u64,
    /// The write-ahead log is empty, so that nothing deleted is left in it.
    pub log_emptied: bool,
}

/// The open database.
pub(super) struct Database {
    db: Connection,
}

impl Database {
    /// Opens `path`, makes it if need be, and brings it to this program's schema.
    pub fn open(path: &Path, pages_max: u32) -> Result<Database, StoreError> {
        private_file(path).map_err(|source| StoreError::Directory { path: path.into(), source })?;
        let mut db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(2))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        // What is deleted is overwritten; what SQLite would put aside in a file of its own stays in memory.
        db.pragma_update(None, "secure_delete", "ON")?;
        db.pragma_update(None, "temp_store", "MEMORY")?;
        let found = schema::version(&db)?;
        if found > schema::SCHEMA_VERSION {
            return Err(StoreError::Newer { path: path.into(), found, known: schema::SCHEMA_VERSION });
        }
        schema::migrate(&mut db, found)?;
        let database = Database { db };
        database.limit_pages(pages_max)?;
        Ok(database)
    }

    /// Sets the most pages the file may take; 0 is no limit.
    pub fn limit_pages(&self, pages_max: u32) -> rusqlite::Result<()> {
        let pages = if pages_max == 0 { i64::from(u32::MAX - 1) } else { i64::from(pages_max) };
        self.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    }

    /// How far the spool has been read into this database.
    pub fn spool_mark(&self) -> rusqlite::Result<SpoolMark> {
        self.db.query_row("SELECT file, offset FROM spool_read", [], |row| {
            Ok((row.get::<_, i64>(0)?.max(0) as u64, row.get::<_, i64>(1)?.max(0) as u64))
        })
    }

    /// Takes all the rows or, when SQLite fails, none. A row that it will never take (not a fault of disk or memory) goes
    /// to `aside` instead of standing in everyone's way. With `mark`, the spool counts as read up to there.
    pub fn write(
        &mut self,
        rows: &[Row],
        numbers: &Numbers,
        now: Civil,
        mark: Option<SpoolMark>,
        mut aside: impl FnMut(&Row, &rusqlite::Error),
    ) -> rusqlite::Result<Taken> {
        let tx = self.db.transaction()?;
        let mut taken = Taken::default();
        for row in rows {
            let done = match row {
                Row::Record { record } => {
                    let number = numbers.get(&record.call).filter(|kept| kept.until > now);
                    insert_record(&tx, record, number).map(|fresh| {
                        if fresh {
                            taken.records += 1;
                        } else {
                            taken.duplicates += 1;
                        }
                    })
                }
                Row::Decision { decision } => insert_decision(&tx, decision).map(|()| taken.decisions += 1),
                Row::Wish { listener, wish, at } => {
                    json(wish).and_then(|wish| insert_wish(&tx, listener.as_str(), &wish, *at))
                }
            };
            match done {
                Ok(()) => {}
                Err(error) if is_rows_own_fault(&error) => {
                    taken.refused += 1;
                    aside(row, &error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some((file, offset)) = mark {
            tx.prepare_cached("UPDATE spool_read SET file = ?1, offset = ?2")?
                .execute(params![whole(file), whole(offset)])?;
        }
        tx.commit()?;
        Ok(taken)
    }

    /// Deletes the numbers whose time is over and the records older than `records_keep` (zero: none), and empties the
    /// write-ahead log, which would otherwise still hold what was deleted.
    pub fn sweep(&mut self, now: Civil, records_keep: Duration) -> rusqlite::Result<Swept> {
        let now_ms = now.as_unix_millis();
        let tx = self.db.transaction()?;
        let numbers = tx.execute("DELETE FROM caller_numbers WHERE keep_until_ms <= ?1", [now_ms])?;
        if !records_keep.is_zero() {
            let before = now_ms.saturating_sub(whole(records_keep.as_millis()));
            tx.execute("DELETE FROM calls WHERE began_ms < ?1", [before])?;
            tx.execute("DELETE FROM decisions WHERE at_ms < ?1", [before])?;
        }
        tx.commit()?;
        // The first column is 1 when a reader still holds a part of the log.
        let busy: i64 = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(Swept { numbers: numbers as u64, log_emptied: busy == 0 })
    }

    /// When the next number's time is over.
    pub fn next_number_due(&self) -> rusqlite::Result<Option<Civil>> {
        let due: Option<i64> = self
            .db
            .query_row("SELECT min(keep_until_ms) FROM caller_numbers", [], |row| row.get(0))
            .optional()?
            .flatten();
        Ok(due.map(Civil::from_unix_millis))
    }
}

/// Makes the file, readable by its owner only, if it is not there; SQLite gives its side files the same rights.
fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

/// Answers whether the record was taken; a call that has one already keeps it.
fn insert_record(tx: &Transaction<'_>, record: &Record, number: Option<&Kept>) -> rusqlite::Result<bool> {
    let whole_record = serde_json::to_string(record).map_err(unwritable)?;
    let located_by = record.located_by.as_ref().map(json).transpose()?;
    let termination = &record.termination;
    let inserted = tx
        .prepare_cached(
            "INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
             ON CONFLICT (call) DO NOTHING",
        )?
        .execute(params![
            record.call.to_string(),
            record.began.as_unix_millis(),
            record.ended.as_unix_millis(),
            record.service,
            record.language,
            record.department,
            located_by,
            record.listener.as_ref().map(|listener| listener.as_str()),
            json(&termination.by)?,
            json(&termination.how)?,
            json(&termination.during)?,
            record.answered_ms.map(whole),
            record.queued_ms.map(whole),
            record.bridged_ms.map(whole),
            whole(record.ended_ms),
            whole(record.talked_ms),
            record.attempts.len() as i64,
            whole_record,
        ])?;
    let fresh = inserted == 1;
    if let Some(kept) = number.filter(|_| fresh) {
        tx.prepare_cached("INSERT OR REPLACE INTO caller_numbers VALUES (?1, ?2, ?3)")?.execute(params![
            record.call.to_string(),
            kept.number.reveal(),
            kept.until.as_unix_millis()
        ])?;
    }
    Ok(fresh)
}

fn insert_decision(tx: &Transaction<'_>, decision: &Decision) -> rusqlite::Result<()> {
    let text = serde_json::to_string(decision).map_err(unwritable)?;
    tx.prepare_cached(
        "INSERT INTO decisions (call, nth, at_ms, decision)
         VALUES (?1, (SELECT coalesce(max(nth), 0) + 1 FROM decisions WHERE call = ?1), ?2, ?3)",
    )?
    .execute(params![decision.call.to_string(), decision.at.civil.as_unix_millis(), text])
    .map(|_| ())
}

fn insert_wish(tx: &Transaction<'_>, listener: &str, wish: &str, at: Civil) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO wishes VALUES (?1, ?2, ?3)
         ON CONFLICT (listener) DO UPDATE SET wish = ?2, at_ms = ?3 WHERE at_ms <= ?3",
    )?
    .execute(params![listener, wish, at.as_unix_millis()])
    .map(|_| ())
}

/// A closed word as its name in JSON, without the quotes.
fn json<T: serde::Serialize>(word: &T) -> rusqlite::Result<String> {
    match serde_json::to_value(word).map_err(unwritable)? {
        serde_json::Value::String(name) => Ok(name),
        other => Ok(other.to_string()),
    }
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// SQLite's whole numbers are signed.
fn whole<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Would the same row fail again on a healthy disk?
fn is_rows_own_fault(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange
        ),
        rusqlite::Error::ToSqlConversionFailure(_) => true,
        _ => false,
    }
}
