//! What was met in the runs, and how often: a swarm that no longer meets a situation no longer tests it.

use std::collections::BTreeMap;

/// Situations by name.
#[derive(Clone, Debug, Default)]
pub struct Sights(BTreeMap<String, u64>);

impl Sights {
    /// Met once more.
    pub fn met(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// All of another run too.
    pub fn add(&mut self, other: Sights) {
        for (what, times) in other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// How often.
    pub fn times(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// One line each.
    pub fn text(&self) -> String {
        self.0.iter().map(|(what, times)| format!("{times:>9}  {what}\n")).collect()
    }
}
