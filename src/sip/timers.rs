//! A small table of deadlines: each named, each at most once. Setting a name again moves it.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Instant;

/// Deadlines by name.
#[derive(Clone, Debug)]
pub(super) struct Timers<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_name: BTreeMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers { by_time: BTreeSet::new(), by_name: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// `name` is due at `at`.
    pub fn set(&mut self, name: K, at: Instant) {
        if let Some(old) = self.by_name.insert(name, at) {
            self.by_time.remove(&(old, name));
        }
        self.by_time.insert((at, name));
    }

    /// `name` is not due any more.
    pub fn stop(&mut self, name: K) {
        if let Some(old) = self.by_name.remove(&name) {
            self.by_time.remove(&(old, name));
        }
    }

    /// Takes the earliest name due at `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, name) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.stop(name);
        Some(name)
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// When `name` is due.
    pub fn at(&self, name: K) -> Option<Instant> {
        self.by_name.get(&name).copied()
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names fall due in order, once, and a name set again moves instead of doubling.
    #[test]
    fn order_and_moves() {
        let at = Instant::from_millis;
        let mut timers = Timers::default();
        timers.set('a', at(10));
        timers.set('b', at(5));
        timers.set('a', at(3));
        assert_eq!((timers.len(), timers.next()), (2, Some(at(3))));
        assert_eq!(timers.pop_due(at(2)), None);
        assert_eq!(timers.pop_due(at(20)), Some('a'));
        timers.stop('b');
        timers.stop('b');
        assert_eq!((timers.pop_due(at(20)), timers.next(), timers.len()), (None, None, 0));
    }
}
