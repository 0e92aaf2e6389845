//! Chance, as the seed gives it.

use std::time::Duration;

use ecoute::ids::IdSource;

/// Throws on an [`IdSource`].
pub trait Dice {
    /// True in `per_mille` of a thousand.
    fn chance(&mut self, per_mille: u64) -> bool;
    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: u64, high: u64) -> u64;
    /// Milliseconds from `low` to `high`, to the microsecond.
    fn span_ms(&mut self, low: u64, high: u64) -> Duration;
    /// One of them.
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T;
}

impl Dice for IdSource {
    fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    fn span_ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 1000, high * 1000))
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}
