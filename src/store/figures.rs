//! How the store fares, in figures: counted on its thread, read by whoever watches.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The store's figures at one moment. Those ending in `_now` go up and down, the others only up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreFigures {
    /// The database took the last thing it was given.
    pub open: bool,
    /// Entries waiting for the thread.
    pub queue_now: u64,
    /// Entries waiting in the spool file.
    pub spool_now: u64,
    /// Entries waiting in memory because the spool failed too.
    pub ring_now: u64,
    /// Records in the database.
    pub records: u64,
    /// Decisions in the database.
    pub decisions: u64,
    /// Second records of a call, refused.
    pub duplicates: u64,
    /// Entries that went to the spool or the ring first.
    pub spooled: u64,
    /// Entries lost: the queue or the ring was full, or the thread is gone.
    pub lost: u64,
    /// Lines or rows that could not be read or taken, and were set aside.
    pub damaged: u64,
    /// Failures of the database.
    pub errors: u64,
    /// Failures of the spool file.
    pub spool_errors: u64,
    /// Callers' numbers deleted at the end of their time.
    pub numbers_deleted: u64,
}

/// The same, as they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub open: AtomicBool,
    pub spool_now: AtomicU64,
    pub ring_now: AtomicU64,
    pub records: AtomicU64,
    pub decisions: AtomicU64,
    pub duplicates: AtomicU64,
    pub spooled: AtomicU64,
    pub lost: AtomicU64,
    pub damaged: AtomicU64,
    pub errors: AtomicU64,
    pub spool_errors: AtomicU64,
    pub numbers_deleted: AtomicU64,
}

impl Counters {
    /// A copy of all of them.
    pub fn figures(&self, queue_now: usize) -> StoreFigures {
        StoreFigures {
            open: self.open.load(Relaxed),
            queue_now: queue_now as u64,
            spool_now: self.spool_now.load(Relaxed),
            ring_now: self.ring_now.load(Relaxed),
            records: self.records.load(Relaxed),
            decisions: self.decisions.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
            spooled: self.spooled.load(Relaxed),
            lost: self.lost.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
            errors: self.errors.load(Relaxed),
            spool_errors: self.spool_errors.load(Relaxed),
            numbers_deleted: self.numbers_deleted.load(Relaxed),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}
