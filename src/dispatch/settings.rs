//! The numbers the dispatcher works with, each with its default and the reason for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;

/// How long an unhappy ring counts against a listener, one span for each outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalties {
    /// After a refusal.
    pub declined: Duration,
    /// After an engaged telephone.
    pub busy: Duration,
    /// After a ring nobody answered.
    pub no_answer: Duration,
    /// After a device that could not be reached.
    pub unreachable: Duration,
    /// After a failure of our own.
    pub failed: Duration,
}

impl Penalties {
    /// The span for an outcome; none for an answer, and for a wrong number, which is no matter of time.
    pub fn after(&self, outcome: Outcome) -> Option<Duration> {
        match outcome {
            Outcome::Declined => Some(self.declined),
            Outcome::Busy => Some(self.busy),
            Outcome::NoAnswer => Some(self.no_answer),
            Outcome::Unreachable => Some(self.unreachable),
            Outcome::Failed => Some(self.failed),
            Outcome::Answered | Outcome::Wrong => None,
        }
    }
}

/// How the dispatcher behaves. A caller keeps the rules he began with; a change takes a new dispatcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Callers who may wait at once; one more is exhausted as `Full`. 500: far above a television evening (200), and
    /// small enough that every decision stays a matter of microseconds.
    pub max_waiting: usize,
    /// Time for notes after a conversation. 30 s; a listener may end it himself, or pause for longer.
    pub wrap_up: Duration,
    /// For whom a listener is left in peace by *every* caller. Declined 10 s, busy 15 s, no answer 20 s,
    /// unreachable 15 s, our own failure 2 s. A wrong number rests until the next registration or roster.
    pub cool_down: Penalties,
    /// For how long the *same* caller does not ring him again. No answer 60 s, busy 30 s, unreachable 30 s, our own
    /// failure 5 s. A refusal lasts as long as the caller waits, unless nobody else came for `declined` (60 s).
    pub exclusion: Penalties,
    /// After a failure of our own, the caller is not offered to the next listener before this: 1 s. Without it a
    /// machine out of ports would run through six hundred listeners in as many milliseconds.
    pub failed_pause: Duration,
    /// Rings missed in a row after which a listener is paused: 3. He is not there; his wish is set to paused, and a
    /// decision says so. 0 never pauses anybody.
    pub missed_rings: u8,
    /// The shortest ring whatever a request asks: 1 s.
    pub ring_min: Duration,
    /// The longest ring whatever a request asks: 2 min. After that nobody is there.
    pub ring_max: Duration,
    /// Candidates written out one by one in a decision: 40. The others are counted by reason.
    pub explain_limit: usize,
    /// Whether places in the queue are reported: yes.
    pub positions: bool,
    /// Where a listener's day begins and ends: `Europe/Paris`. An unknown zone is UTC.
    pub timezone: String,
    /// The generation of the first ring: 1. A restarted dispatcher that takes up running conversations is given a
    /// higher one, although a token also carries its call, which is never used twice.
    pub first_generation: u64,
    /// Names outside the roster that are remembered (a phone may register before the roster names its owner): 1000.
    pub max_unlisted: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        let secs = Duration::from_secs;
        Settings {
            max_waiting: 500,
            wrap_up: secs(30),
            cool_down: Penalties {
                declined: secs(10),
                busy: secs(15),
                no_answer: secs(20),
                unreachable: secs(15),
                failed: secs(2),
            },
            exclusion: Penalties {
                declined: secs(60),
                busy: secs(30),
                no_answer: secs(60),
                unreachable: secs(30),
                failed: secs(5),
            },
            failed_pause: secs(1),
            missed_rings: 3,
            ring_min: secs(1),
            ring_max: secs(120),
            explain_limit: 40,
            positions: true,
            timezone: "Europe/Paris".into(),
            first_generation: 1,
            max_unlisted: 1000,
        }
    }
}
