//! What must survive: one record per call, the dispatcher's decisions, the listeners' wishes.
//!
//! One SQLite file (`ecoute.db`, WAL) in the state directory, written by one thread. The calls never wait for it:
//! [`StoreHandle::write`] puts an [`Entry`] into a bounded queue and returns. When the disk is full or SQLite fails, the
//! entry goes to a spool (an append-only file of JSON lines), and when that fails too into a bounded ring in memory; from
//! there it is taken up again, in order, until it is in. Everything on the way is counted ([`StoreFigures`]).
//!
//! **The caller's number** stands apart from the record, in a table of its own, and is deleted after
//! [`StoreSettings::numbers_keep`]; deletion overwrites it in the file and in the write-ahead log. It is never written to
//! the spool: while its record waits there, the number waits in memory only, and is forgotten if the program ends first.
//!
//! Deliberately not here: conversations (there is no code path that could record one), metrics names, HTTP.
#![expect(
    clippy::disallowed_methods,
    reason = "the store's own thread sleeps until its next retry or sweep, and asks the wall clock what is out of date"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::record::Finished;
use crate::clock::Civil;
use crate::dispatch::{Decision, Wish};
use crate::ids::ListenerId;

mod backlog;
mod database;
mod explain;
mod figures;
mod handle;
mod reader;
mod reserve;
mod row;
mod schema;
mod spool;
mod writer;

pub use explain::explain;
pub use figures::StoreFigures;
pub use handle::{Store, StoreHandle};
pub use reader::Reader;
pub use schema::{DATABASE_FILE, SCHEMA_VERSION};

/// What can be put into the store.
#[derive(Clone, Debug)]
pub enum Entry {
    /// The record of a call that is over. Exactly one per call: a second one is refused and counted.
    Record(Box<Finished>),
    /// A decision of the dispatcher. Kept in the order in which they came.
    Decision(Box<Decision>),
    /// Whether a listener takes calls: his last word outlives a restart.
    Wish {
        /// The listener.
        listener: ListenerId,
        /// What he wants.
        wish: Wish,
        /// When he said so.
        at: Civil,
    },
}

/// The limits of the store, and its clock.
#[derive(Clone)]
pub struct StoreSettings {
    /// Entries that may wait for the store's thread; beyond that they are lost, and counted.
    pub queue_max: usize,
    /// Entries that may wait in memory when neither the database nor the spool takes them. Also the number of callers'
    /// numbers that may wait for their record.
    pub ring_max: usize,
    /// The most the spool file may grow to.
    pub spool_bytes_max: u64,
    /// Space put by on the disk, in which the spool can be written when the disk is full. Zero: none.
    pub spool_reserve_bytes: u64,
    /// How long a caller's number is kept after the call. Zero: it is never written.
    pub numbers_keep: Duration,
    /// How long records and decisions are kept. Zero: for ever.
    pub records_keep: Duration,
    /// How often the store looks for what is out of date.
    pub sweep_every: Duration,
    /// The first pause before the database is tried again; it doubles up to [`StoreSettings::retry_max`].
    pub retry_min: Duration,
    /// The longest pause between two tries.
    pub retry_max: Duration,
    /// The most pages (of 4096 bytes) the database may take. Zero: no limit but the disk's.
    pub pages_max: u32,
    /// The wall clock. The simulator gives its own.
    pub wall: Arc<dyn Fn() -> Civil + Send + Sync>,
}

impl Default for StoreSettings {
    fn default() -> StoreSettings {
        StoreSettings {
            queue_max: 4096,
            ring_max: 4096,
            spool_bytes_max: 256 << 20,
            spool_reserve_bytes: 4 << 20,
            numbers_keep: Duration::from_secs(24 * 3600),
            records_keep: Duration::from_secs(1095 * 24 * 3600),
            sweep_every: Duration::from_secs(600),
            retry_min: Duration::from_millis(200),
            retry_max: Duration::from_secs(30),
            pages_max: 0,
            wall: Arc::new(wall_clock),
        }
    }
}

impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSettings")
            .field("queue_max", &self.queue_max)
            .field("numbers_keep", &self.numbers_keep)
            .field("records_keep", &self.records_keep)
            .finish_non_exhaustive()
    }
}

/// Why the store cannot be opened or read. All of it is for the person who runs the program to put right.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or a file in it cannot be made, opened or locked.
    #[error("cannot use the state directory: {path}: {source}")]
    Directory {
        /// What was tried.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process writes to it.
    #[error(
        "the state directory {path} is in use by another `ecoute`; stop that one, or give this one its own `state_dir`"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A later version of this program has written the file.
    #[error(
        "{path} was written by a later version (schema {found}, this program knows {known}); run that version, or restore a backup"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// There is nothing to read yet.
    #[error("there is no store at {path}: has this `ecoute` ever run with this `state_dir`?")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// SQLite reports a fault.
    #[error("the database reports a fault: {0}")]
    Database(#[from] rusqlite::Error),
    /// A line of the database cannot be read as what it should be.
    #[error("the database holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// What the system says the time is.
fn wall_clock() -> Civil {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Civil::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
pub(crate) mod samples;
