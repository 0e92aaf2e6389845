//! The tables, and how an older file becomes a newer one. The version stands in SQLite's own `user_version`.

use rusqlite::Connection;

/// The database's name inside the state directory.
pub const DATABASE_FILE: &str = "ecoute.db";

/// The version this program writes: the number of [`MIGRATIONS`].
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Step n leads from version n to version n + 1. A step that was released is never edited; a new one is added below it.
const MIGRATIONS: &[&str] = &[
    "
    -- One row per call: the columns reports ask for, and the whole record as JSON. No number of the caller.
    CREATE TABLE calls (
        call         TEXT PRIMARY KEY NOT NULL,
        began_ms     INTEGER NOT NULL,   -- civil time, milliseconds since 1970 UTC
        ended_ms     INTEGER NOT NULL,
        service      TEXT NOT NULL,
        language     TEXT NOT NULL,
        department   TEXT,
        located_by   TEXT,
        listener     TEXT,
        ended_by     TEXT NOT NULL,      -- caller, listener, trunk, us
        ended_how    TEXT NOT NULL,
        ended_during TEXT NOT NULL,
        answered_after_ms INTEGER,       -- spans since the INVITE
        queued_after_ms   INTEGER,
        bridged_after_ms  INTEGER,
        lasted_ms    INTEGER NOT NULL,
        talked_ms    INTEGER NOT NULL,
        rings        INTEGER NOT NULL,
        record       TEXT NOT NULL
    ) STRICT;
    CREATE INDEX calls_by_time ON calls (began_ms);

    -- The dispatcher's decisions, per call in the order in which they came.
    CREATE TABLE decisions (
        call     TEXT NOT NULL,
        nth      INTEGER NOT NULL,
        at_ms    INTEGER NOT NULL,       -- civil time
        decision TEXT NOT NULL,
        PRIMARY KEY (call, nth)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX decisions_by_time ON decisions (at_ms);

    -- The one place that holds a caller's number, and until when.
    CREATE TABLE caller_numbers (
        call          TEXT PRIMARY KEY NOT NULL,
        number        TEXT NOT NULL,
        keep_until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX caller_numbers_by_time ON caller_numbers (keep_until_ms);

    CREATE TABLE wishes (
        listener TEXT PRIMARY KEY NOT NULL,
        wish     TEXT NOT NULL,
        at_ms    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- How far a spool file has been read into this database; written in the same transaction as its rows.
    CREATE TABLE spool_read (
        only   INTEGER PRIMARY KEY CHECK (only = 1),
        file   INTEGER NOT NULL,
        offset INTEGER NOT NULL
    ) STRICT;
    INSERT INTO spool_read VALUES (1, 0, 0);

    -- A day in the words of the French helplines. Under five seconds is not counted as a call one could have answered.
    CREATE VIEW report_by_day AS
    SELECT date(began_ms / 1000, 'unixepoch', 'localtime') AS day,
           service,
           count(*) AS entering,
           sum(bridged_after_ms IS NOT NULL) AS picked_up,
           sum(bridged_after_ms IS NULL AND ended_by IN ('caller', 'trunk') AND lasted_ms >= 5000) AS abandoned,
           sum(bridged_after_ms IS NULL AND ended_by IN ('caller', 'trunk') AND lasted_ms < 5000) AS abandoned_under_5_s,
           sum(bridged_after_ms IS NULL AND ended_by NOT IN ('caller', 'trunk')) AS dissuaded,
           sum(talked_ms) / 1000 AS talked_s
    FROM calls GROUP BY day, service;
    ",
];

/// The version of the file.
pub(super) fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the file from `found` to [`SCHEMA_VERSION`], each step whole or not at all.
pub(super) fn migrate(db: &mut Connection, found: i64) -> rusqlite::Result<()> {
    for (nth, step) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        let tx = db.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", nth as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
