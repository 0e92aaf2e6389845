//! A call as a ladder that a person can read: who, when, what.

use std::time::Duration;

/// One rung.
#[derive(Clone, Debug)]
pub(super) struct Rung {
    /// Since the caller dialled.
    pub at: Duration,
    /// The column: the caller, the engine, or a listener.
    pub who: String,
    /// What happened.
    pub what: String,
}

/// Draws `rungs` in order of time, one column per party.
pub(super) fn draw(parties: &[&str], rungs: &[Rung]) -> String {
    let mut rungs = rungs.to_vec();
    rungs.sort_by_key(|rung| rung.at);
    let width = 24;
    let mut page = format!("{:>9}  ", "ms");
    for party in parties {
        page.push_str(&format!("{party:<width$}"));
    }
    page.push('\n');
    for rung in &rungs {
        let column = parties.iter().position(|party| *party == rung.who).unwrap_or(0);
        let ms = rung.at.as_secs_f64() * 1000.0;
        page.push_str(&format!("{ms:>9.1}  "));
        for _ in 0..column {
            page.push_str(&format!("{:<width$}", "·"));
        }
        page.push_str(&rung.what);
        page.push('\n');
    }
    page
}
