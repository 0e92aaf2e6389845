//! The store's thread: takes entries in batches, writes them in one transaction, and sees to what failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::clock::Civil;

use super::backlog::{Backlog, Pushed};
use super::database::{Database, Kept, Numbers, Taken};
use super::figures::{Counters, count};
use super::row::Row;
use super::schema::DATABASE_FILE;
use super::spool::Spool;
use super::{Entry, StoreError, StoreSettings};

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Keep this.
    Entry(Entry),
    /// Try everything that waits, and say whether nothing does any more.
    Flush(Sender<bool>),
    /// Delete what is out of date.
    Sweep(Sender<bool>),
    /// The most pages the database may take.
    LimitPages(u32, Sender<bool>),
    /// Write what is left, and end.
    Close(Sender<bool>),
}

/// See the module's page.
pub(super) struct Writer {
    settings: StoreSettings,
    counters: Arc<Counters>,
    inbox: Receiver<Command>,
    path: PathBuf,
    /// Held while the thread lives; the system lets go of it even after a `kill -9`.
    lock: std::fs::File,
    /// `None` after a failure that a fresh connection may cure.
    database: Option<Database>,
    pages_max: u32,
    backlog: Backlog,
    numbers: Numbers,
    retry: Option<Retry>,
    sweep_at: Instant,
    /// The end of the earliest number's time, as far as we know.
    number_due: Option<Civil>,
}

/// The next try, and the pause before the one after.
#[derive(Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

/// Rows in one transaction: enough that a commit is cheap per row, few enough that a failure repeats little.
const BATCH_MAX: usize = 256;

/// Numbers go this much before the end of their time rather than a moment after it; one sweep then serves many.
const SWEEP_EARLY_MS: i64 = 60_000;

/// A reader held the write-ahead log during a sweep: the next one comes after this.
const SWEEP_AGAIN: Duration = Duration::from_secs(10);

impl Writer {
    /// Locks the directory, opens the database and takes up the spool.
    pub fn open(
        state_dir: &Path,
        settings: StoreSettings,
        counters: Arc<Counters>,
        inbox: Receiver<Command>,
    ) -> Result<Writer, StoreError> {
        let lock = lock_directory(state_dir)?;
        let path = state_dir.join(DATABASE_FILE);
        let database = Database::open(&path, settings.pages_max)?;
        let spool_dir = state_dir.join("spool");
        let spool =
            Spool::open(&spool_dir, settings.spool_bytes_max, settings.spool_reserve_bytes, database.spool_mark()?)
                .map_err(|source| StoreError::Directory { path: spool_dir, source })?;
        counters.open.store(true, Relaxed);
        let now = Instant::now();
        let retry = (!spool.is_empty()).then_some(Retry { at: now, pause: settings.retry_min });
        let writer = Writer {
            number_due: database.next_number_due()?,
            pages_max: settings.pages_max,
            backlog: Backlog::new(spool, settings.ring_max),
            counters,
            inbox,
            path,
            lock,
            database: Some(database),
            numbers: Numbers::new(),
            retry,
            sweep_at: now,
            settings,
        };
        writer.show_backlog();
        Ok(writer)
    }

    /// The thread.
    pub fn run(mut self) {
        let closing = loop {
            let command = match self.inbox.recv_timeout(self.pause()) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break None,
            };
            if let Some(command) = command
                && let Some(answer) = self.take_batch(command)
            {
                break Some(answer);
            }
            self.see_to_what_is_due();
        };
        self.catch_up();
        self.backlog.settle();
        self.show_backlog();
        self.counters.open.store(false, Relaxed);
        // The files are closed and the lock is free before anyone is told.
        drop(self.database.take());
        drop(self.lock);
        if let Some(answer) = closing {
            let _ = answer.send(true);
        }
    }

    // ---- commands ------------------------------------------------------------------------------------------------

    /// Takes `first` and what stands behind it. Answers with the asker when the thread shall end.
    fn take_batch(&mut self, first: Command) -> Option<Sender<bool>> {
        let mut rows = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                Command::Entry(entry) => rows.push(self.part(entry)),
                other => {
                    self.take_rows(std::mem::take(&mut rows));
                    if let Some(answer) = self.obey(other) {
                        return Some(answer);
                    }
                }
            }
            next = if rows.len() < BATCH_MAX { self.inbox.try_recv().ok() } else { None };
        }
        self.take_rows(rows);
        None
    }

    fn obey(&mut self, command: Command) -> Option<Sender<bool>> {
        match command {
            Command::Entry(_) => {}
            Command::Flush(answer) => {
                self.catch_up();
                let _ = answer.send(self.backlog.is_empty());
            }
            Command::Sweep(answer) => {
                let _ = answer.send(self.sweep());
            }
            Command::LimitPages(pages_max, answer) => {
                self.pages_max = pages_max;
                let done = self.database.as_ref().is_some_and(|database| database.limit_pages(pages_max).is_ok());
                let _ = answer.send(done);
            }
            Command::Close(answer) => return Some(answer),
        }
        None
    }

    /// Parts the number from the record and keeps it in memory until the record is in.
    fn part(&mut self, entry: Entry) -> Row {
        let (row, number) = Row::part(entry);
        if let (Row::Record { record }, Some((call, number))) = (&row, number)
            && !self.settings.numbers_keep.is_zero()
            && self.numbers.len() < self.settings.ring_max
        {
            let keep_ms = i64::try_from(self.settings.numbers_keep.as_millis()).unwrap_or(i64::MAX);
            let until = Civil::from_unix_millis(record.ended.as_unix_millis().saturating_add(keep_ms));
            self.numbers.insert(call, Kept { number, until });
        }
        row
    }

    /// Writes the rows at once when nothing stands before them; otherwise they queue up behind.
    fn take_rows(&mut self, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        if self.backlog.is_empty() && self.database.is_some() {
            let aside = |row: &Row, error: &rusqlite::Error, backlog: &Backlog| set_aside(backlog, row, error);
            let (database, backlog) = (&mut self.database, &self.backlog);
            let now = (self.settings.wall)();
            let written = match database {
                Some(database) => {
                    database.write(&rows, &self.numbers, now, None, |row, error| aside(row, error, backlog))
                }
                None => return,
            };
            match written {
                Ok(taken) => return self.taken(&rows, taken),
                Err(error) => self.failed(&error),
            }
        }
        for row in rows {
            count(&self.counters.spooled);
            match self.backlog.push(row) {
                Pushed::Spool => {}
                Pushed::Ring { spool_failed: false } => {}
                Pushed::Ring { spool_failed: true } => count(&self.counters.spool_errors),
                Pushed::Lost => count(&self.counters.lost),
            }
        }
        self.show_backlog();
        if self.retry.is_none() {
            self.retry = Some(Retry { at: Instant::now(), pause: self.settings.retry_min });
        }
    }

    // ---- what is due ---------------------------------------------------------------------------------------------

    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let now = Instant::now();
        let sweep = self.sweep_at.saturating_duration_since(now);
        let due = self.number_due.map_or(self.settings.sweep_every, |due| {
            let ms = due.as_unix_millis().saturating_sub((self.settings.wall)().as_unix_millis());
            Duration::from_millis(ms.max(0) as u64)
        });
        let retry = self.retry.map_or(self.settings.sweep_every, |retry| retry.at.saturating_duration_since(now));
        sweep.min(due.max(Duration::from_millis(50))).min(retry)
    }

    fn see_to_what_is_due(&mut self) {
        let now = Instant::now();
        if self.retry.is_some_and(|retry| retry.at <= now) {
            self.catch_up();
        }
        let civil = (self.settings.wall)();
        if self.sweep_at <= now || self.number_due.is_some_and(|due| due <= civil) {
            self.sweep();
        }
    }

    /// Writes what waits, oldest first, until nothing does or the database fails.
    fn catch_up(&mut self) {
        if self.database.is_none() {
            match Database::open(&self.path, self.pages_max) {
                Ok(database) => self.database = Some(database),
                Err(_) => return self.put_off(),
            }
        }
        while !self.backlog.is_empty() {
            let done = if self.backlog.spool.is_empty() { self.write_ring() } else { self.write_spool() };
            if !done {
                self.backlog.settle();
                self.show_backlog();
                return;
            }
        }
        self.retry = None;
        self.show_backlog();
    }

    fn write_spool(&mut self) -> bool {
        let batch = match self.backlog.spool.read(BATCH_MAX) {
            Ok(batch) => batch,
            Err(_) => {
                count(&self.counters.spool_errors);
                self.put_off();
                return false;
            }
        };
        let Some(database) = &mut self.database else { return false };
        let (now, backlog) = ((self.settings.wall)(), &self.backlog);
        let aside = |row: &Row, error: &rusqlite::Error| set_aside(backlog, row, error);
        match database.write(&batch.rows, &self.numbers, now, Some(batch.mark), aside) {
            Ok(taken) => {
                self.backlog.spool.advance(&batch);
                self.counters.damaged.fetch_add(batch.damaged, Relaxed);
                self.taken(&batch.rows, taken);
                true
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    fn write_ring(&mut self) -> bool {
        let rows: Vec<Row> = self.backlog.ring.iter().take(BATCH_MAX).cloned().collect();
        let Some(database) = &mut self.database else { return false };
        let (now, backlog) = ((self.settings.wall)(), &self.backlog);
        match database.write(&rows, &self.numbers, now, None, |row, error| set_aside(backlog, row, error)) {
            Ok(taken) => {
                self.backlog.ring.drain(..rows.len());
                self.taken(&rows, taken);
                true
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    /// Deletes what is out of date, in the database and in memory.
    fn sweep(&mut self) -> bool {
        let now = (self.settings.wall)();
        self.numbers.retain(|_, kept| kept.until > now);
        self.sweep_at = Instant::now() + self.settings.sweep_every;
        let Some(database) = &mut self.database else { return false };
        let early = Civil::from_unix_millis(now.as_unix_millis().saturating_add(SWEEP_EARLY_MS));
        match database.sweep(early, self.settings.records_keep) {
            Ok(swept) => {
                self.counters.numbers_deleted.fetch_add(swept.numbers, Relaxed);
                self.number_due = database.next_number_due().unwrap_or(None);
                if !swept.log_emptied {
                    self.sweep_at = Instant::now() + SWEEP_AGAIN.min(self.settings.sweep_every);
                }
                swept.log_emptied
            }
            Err(error) => {
                self.number_due = None;
                self.sweep_at = Instant::now() + SWEEP_AGAIN.min(self.settings.sweep_every);
                self.failed(&error);
                false
            }
        }
    }

    // ---- what came of it -----------------------------------------------------------------------------------------

    fn taken(&mut self, rows: &[Row], taken: Taken) {
        for row in rows {
            if let Row::Record { record } = row
                && let Some(kept) = self.numbers.remove(&record.call)
            {
                self.number_due = Some(self.number_due.map_or(kept.until, |due| due.min(kept.until)));
            }
        }
        self.counters.records.fetch_add(taken.records, Relaxed);
        self.counters.decisions.fetch_add(taken.decisions, Relaxed);
        self.counters.duplicates.fetch_add(taken.duplicates, Relaxed);
        self.counters.damaged.fetch_add(taken.refused, Relaxed);
        self.counters.open.store(true, Relaxed);
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        count(&self.counters.errors);
        self.counters.open.store(false, Relaxed);
        // A full disk is cured by space, a busy file by time; anything else may be cured by opening the file anew.
        let code = error.sqlite_error_code();
        if !matches!(code, Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy)) {
            self.database = None;
        }
        self.put_off();
    }

    /// Sets the next try, each pause twice the one before.
    fn put_off(&mut self) {
        let pause = self.retry.map_or(self.settings.retry_min, |retry| (retry.pause * 2).min(self.settings.retry_max));
        self.retry = Some(Retry { at: Instant::now() + pause, pause });
        self.show_backlog();
    }

    fn show_backlog(&self) {
        self.counters.spool_now.store(self.backlog.spool.waiting(), Relaxed);
        self.counters.ring_now.store(self.backlog.ring.len() as u64, Relaxed);
    }
}

/// A row that the database will never take is kept for a person to look at. It holds no number.
fn set_aside(backlog: &Backlog, row: &Row, _error: &rusqlite::Error) {
    if let Ok(line) = serde_json::to_vec(row) {
        backlog.spool.set_aside(&line);
    }
}

/// One `ecoute` per state directory.
fn lock_directory(state_dir: &Path) -> Result<std::fs::File, StoreError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let fault = |source| StoreError::Directory { path: state_dir.into(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(fault)?;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(state_dir.join("ecoute.lock"))
        .map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse { path: state_dir.into() }),
        Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
    }
}
