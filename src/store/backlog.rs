//! What waits for the database, in order: first the spool file, behind it the ring in memory.

use std::collections::VecDeque;

use super::row::Row;
use super::spool::Spool;

/// See the module's page.
pub(super) struct Backlog {
    /// The older part.
    pub spool: Spool,
    /// The younger part, and only what the spool did not take.
    pub ring: VecDeque<Row>,
    ring_max: usize,
}

/// Where a row went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Into the file.
    Spool,
    /// Into memory; `spool_failed` when the file was tried.
    Ring {
        /// The file was tried, and failed.
        spool_failed: bool,
    },
    /// Into memory, and an older decision had to go; or the row itself is gone.
    Lost,
}

impl Backlog {
    /// An empty ring behind `spool`.
    pub fn new(spool: Spool, ring_max: usize) -> Backlog {
        Backlog { spool, ring: VecDeque::new(), ring_max }
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.spool.is_empty() && self.ring.is_empty()
    }

    /// Puts a row at the end. When there is no room left, explanations go before facts.
    pub fn push(&mut self, row: Row) -> Pushed {
        let mut spool_failed = false;
        if self.ring.is_empty() {
            match self.spool.append(&row) {
                Ok(()) => return Pushed::Spool,
                Err(_) => spool_failed = true,
            }
        }
        if self.ring.len() < self.ring_max {
            self.ring.push_back(row);
            return Pushed::Ring { spool_failed };
        }
        if !row.is_explanation()
            && let Some(place) = self.ring.iter().position(Row::is_explanation)
        {
            self.ring.remove(place);
            self.ring.push_back(row);
        }
        Pushed::Lost
    }

    /// Moves to the file what it takes by now: memory does not outlive the program.
    pub fn settle(&mut self) {
        while let Some(row) = self.ring.front() {
            if self.spool.append(row).is_err() {
                return;
            }
            self.ring.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    /// With no file and a full ring, a record takes the place of the oldest decision; with records only, the newest is lost.
    #[test]
    fn facts_before_explanations() {
        let dir = samples::temporary_directory("backlog");
        let spool = Spool::open(&dir, 0, 0, (0, 0)).expect("opens");
        let mut backlog = Backlog::new(spool, 3);
        assert_eq!(backlog.push(samples::decision_row(1)), Pushed::Ring { spool_failed: true });
        assert_eq!(backlog.push(samples::wish_row(1)), Pushed::Ring { spool_failed: false });
        assert_eq!(backlog.push(samples::wish_row(2)), Pushed::Ring { spool_failed: false });
        assert_eq!(backlog.push(samples::decision_row(2)), Pushed::Lost);
        assert_eq!(backlog.push(samples::wish_row(3)), Pushed::Lost);
        assert!(backlog.ring.iter().all(|row| !row.is_explanation()));
        assert_eq!(backlog.ring.len(), 3);
    }
}
