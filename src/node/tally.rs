//! A log that strangers cannot fill: of each kind of line at most [`LINES_MAX`] a minute, and then one that says how many
//! more there were.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Instant;

/// What strangers can make us say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// A wrong password.
    AuthFailed,
    /// A source is answered with silence.
    Banned,
    /// An INVITE was refused.
    Refused,
}

/// Lines of one kind in one minute.
pub(super) const LINES_MAX: u64 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts lines by kind.
#[derive(Debug, Default)]
pub(super) struct Tally {
    began: Instant,
    counts: BTreeMap<Topic, u64>,
}

impl Tally {
    /// Is this line to be written? It is counted in any case.
    pub fn says(&mut self, topic: Topic) -> bool {
        let count = self.counts.entry(topic).or_default();
        *count += 1;
        *count <= LINES_MAX
    }

    /// At the end of a minute: how many lines of each kind were left out.
    pub fn minute_over(&mut self, at: Instant) -> Vec<(Topic, u64)> {
        if at.since(self.began) < MINUTE {
            return Vec::new();
        }
        self.began = at;
        let counts = std::mem::take(&mut self.counts);
        counts.into_iter().filter(|(_, count)| *count > LINES_MAX).map(|(topic, n)| (topic, n - LINES_MAX)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand wrong passwords in a minute: ten lines, and one that says how many more. The next minute begins anew.
    #[test]
    fn p182_the_log_is_bounded() {
        let mut tally = Tally::default();
        let mut at = Instant::from_millis(1000);
        for _ in 0..3 {
            let said = (0..10_000).filter(|_| tally.says(Topic::AuthFailed)).count();
            assert_eq!(said, 10);
            assert!(tally.says(Topic::Banned), "another kind has its own lines");
            at += MINUTE;
            assert_eq!(tally.minute_over(at), [(Topic::AuthFailed, 9_990)]);
            assert!(tally.minute_over(at).is_empty());
        }
    }
}
