//! Is the program alive, and are new calls welcome? Set by `node`, asked at `/healthz` and `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Instant;

/// What must stand before a call is welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The SIP socket is bound and its thread reads.
    Sip,
    /// Every media worker is alive.
    Media,
    /// The store was opened. When it fails later, calls go on and records wait in the spool: that is shown in the metrics
    /// and does not make the node unready.
    Store,
    /// At least one dialplan is in force.
    Dialplan,
}

const PARTS: [Part; 4] = [Part::Sip, Part::Media, Part::Store, Part::Dialplan];

/// Why new calls are not welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// A part does not stand yet.
    Starting(Part),
    /// A part has fallen.
    Failed(Part),
    /// The node finishes its calls before it stops.
    Draining,
}

impl NotReady {
    /// French and English, for the page.
    pub fn in_words(self) -> (&'static str, &'static str) {
        match self {
            NotReady::Starting(Part::Sip) => ("le port SIP n'est pas encore ouvert", "the SIP port is not open yet"),
            NotReady::Starting(Part::Media) => ("le son n'est pas encore prêt", "the media workers are not up yet"),
            NotReady::Starting(Part::Store) => ("la base n'est pas encore ouverte", "the store is not open yet"),
            NotReady::Starting(Part::Dialplan) => ("aucun plan d'appel n'est chargé", "no dialplan is loaded"),
            NotReady::Failed(Part::Sip) => ("le port SIP est perdu", "the SIP port is lost"),
            NotReady::Failed(Part::Media) => ("le son est en panne", "a media worker has died"),
            NotReady::Failed(Part::Store) => ("la base n'a pu être ouverte", "the store could not be opened"),
            NotReady::Failed(Part::Dialplan) => ("aucun plan d'appel n'est valable", "no dialplan is sound"),
            NotReady::Draining => {
                ("arrêt en cours : les appels se terminent", "draining: calls are coming to their end")
            }
        }
    }
}

/// The state, shared by all who set or ask.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// 0 starting, 1 up, 2 failed; in the order of [`PARTS`].
    parts: [AtomicU8; PARTS.len()],
    draining: AtomicBool,
    /// Milliseconds since the process began, at the last sign of life of the call loop; 0: none yet.
    beat_ms: AtomicU64,
}

/// A call loop that has been silent for this long is dead.
const BEAT_MAX: Duration = Duration::from_secs(10);

impl Health {
    /// Nothing stands yet.
    pub fn new() -> Health {
        Health::default()
    }

    /// The part stands.
    pub fn up(&self, part: Part) {
        self.0.parts[part as usize].store(1, Relaxed);
    }

    /// The part has fallen.
    pub fn failed(&self, part: Part) {
        self.0.parts[part as usize].store(2, Relaxed);
    }

    /// New calls are not welcome any more.
    pub fn drain(&self) {
        self.0.draining.store(true, Relaxed);
    }

    /// Is the node draining?
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed)
    }

    /// A sign of life of the call loop; give it at least once a second.
    pub fn beat(&self, now: Instant) {
        self.0.beat_ms.store(now.as_millis().max(1), Relaxed);
    }

    /// Has the call loop given a sign of life lately? A loop that never did is not judged.
    pub fn is_alive(&self, now: Instant) -> bool {
        let beat_ms = self.0.beat_ms.load(Relaxed);
        beat_ms == 0 || now.since(Instant::from_millis(beat_ms)) <= BEAT_MAX
    }

    /// Everything that keeps new calls from being welcome; empty: they are.
    pub fn reasons(&self) -> Vec<NotReady> {
        let mut reasons: Vec<NotReady> = PARTS
            .into_iter()
            .filter_map(|part| match self.0.parts[part as usize].load(Relaxed) {
                0 => Some(NotReady::Starting(part)),
                1 => None,
                _ => Some(NotReady::Failed(part)),
            })
            .collect();
        if self.is_draining() {
            reasons.push(NotReady::Draining);
        }
        reasons
    }

    /// Are new calls welcome?
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ready means that every part stands and nobody asked for a stop.
    #[test]
    fn ready_when_all_stands() {
        let health = Health::new();
        assert_eq!(health.reasons().len(), 4);
        for part in PARTS {
            health.up(part);
        }
        assert!(health.is_ready());
        health.failed(Part::Media);
        assert_eq!(health.reasons(), [NotReady::Failed(Part::Media)]);
        health.up(Part::Media);
        health.drain();
        assert_eq!(health.reasons(), [NotReady::Draining]);
    }

    /// A loop that beat once and then no more is dead after ten seconds; one that never beat is not judged.
    #[test]
    fn a_silent_loop_is_dead() {
        let health = Health::new();
        let at = |seconds: u64| Instant::from_millis(seconds * 1000);
        assert!(health.is_alive(at(100)));
        health.beat(at(100));
        assert!(health.is_alive(at(110)));
        assert!(!health.is_alive(at(111)));
    }
}
