//! The store as the other threads see it: a queue one writes into without ever waiting.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::figures::{Counters, StoreFigures, count};
use super::writer::{Command, Writer};
use super::{Entry, StoreError, StoreSettings};

/// Owns the store's thread. When it is dropped, what waits is still written (five seconds at most) and the thread ends.
#[derive(Debug)]
pub struct Store {
    handle: StoreHandle,
}

impl Store {
    /// Makes or opens the store in `state_dir`, takes up what an earlier run left in the spool, and starts the thread.
    pub fn open(state_dir: &Path, settings: StoreSettings) -> Result<Store, StoreError> {
        let (sender, inbox) = bounded(settings.queue_max.max(1));
        let counters = Arc::new(Counters::default());
        let writer = Writer::open(state_dir, settings, Arc::clone(&counters), inbox)?;
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writer.run())
            .map_err(|source| StoreError::Directory { path: state_dir.into(), source })?;
        Ok(Store { handle: StoreHandle { sender, counters } })
    }

    /// A handle for another thread.
    pub fn handle(&self) -> StoreHandle {
        self.handle.clone()
    }
}

impl Deref for Store {
    type Target = StoreHandle;
    fn deref(&self) -> &StoreHandle {
        &self.handle
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Closed already: answers at once.
        self.handle.close(Duration::from_secs(5));
    }
}

/// Writes into the store, from any thread.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    sender: Sender<Command>,
    counters: Arc<Counters>,
}

impl StoreHandle {
    /// Hands an entry over. Never waits: when the queue is full the entry is lost and counted, and the answer is `false`.
    pub fn write(&self, entry: Entry) -> bool {
        let taken = self.sender.try_send(Command::Entry(entry)).is_ok();
        if !taken {
            count(&self.counters.lost);
        }
        taken
    }

    /// How the store fares.
    pub fn figures(&self) -> StoreFigures {
        self.counters.figures(self.sender.len())
    }

    /// Waits until everything handed over before is in the database, at most for `within`; tries the backlog at once.
    /// Answers whether nothing waits any more.
    pub fn flush(&self, within: Duration) -> bool {
        self.ask(within, Command::Flush)
    }

    /// Deletes now what is out of date. Answers whether no trace of it is left in the write-ahead log either.
    pub fn sweep(&self, within: Duration) -> bool {
        self.ask(within, Command::Sweep)
    }

    /// Sets the most pages the database may take from now on; 0 is no limit.
    pub fn limit_pages(&self, pages_max: u32, within: Duration) -> bool {
        self.ask(within, |answer| Command::LimitPages(pages_max, answer))
    }

    /// Writes what is left and ends the thread. What the database does not take stays in the spool for the next run.
    /// Answers whether the thread has ended within the time.
    pub fn close(&self, within: Duration) -> bool {
        self.ask(within, Command::Close)
    }

    fn ask(&self, within: Duration, command: impl FnOnce(Sender<bool>) -> Command) -> bool {
        let (sender, answer) = bounded(1);
        if self.sender.send_timeout(command(sender), within).is_err() {
            return false;
        }
        answer.recv_timeout(within).unwrap_or(false)
    }
}
