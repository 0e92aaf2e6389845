//! What is known of one address of a peer: is it there, may it be tried now, when is it asked again.
//!
//! A peer that once answered OPTIONS and misses several is down; one that never answered any is only silent, since some
//! operators answer none and take calls all the same. A call that found nobody counts at once. Anything that comes from a
//! peer brings it back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::ids::IdSource;

/// What is known of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is there.
    Up,
    /// Nothing was heard, and little missed.
    #[default]
    Unknown,
    /// It never answered a probe, which may be its way; tried after the others.
    Silent,
    /// It was there and is not.
    Down,
}

/// The state of one address.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub health: Health,
    /// Probes missed in a row.
    missed: u32,
    /// It answered a probe once.
    answers: bool,
    /// Not tried before …
    shunned_until: Option<Instant>,
    /// … because it asked for that itself (Retry-After): then only time helps.
    by_request: bool,
    /// 5xx in a row.
    strikes: u32,
    /// When it is asked next; `None`: never.
    pub probe_at: Option<Instant>,
    /// The question on its way, and when it counts as missed.
    pub probing: Option<(u32, Instant)>,
}

/// May an address be tried, and in which place?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chance {
    Good,
    Doubtful,
    /// Only when nothing else is left.
    Last,
    Never,
}

impl Watched {
    /// Nothing is known of it; it is asked within a second.
    pub fn new(now: Instant, probes: bool, ids: &mut IdSource) -> Watched {
        Watched {
            health: Health::Unknown,
            missed: 0,
            answers: false,
            shunned_until: None,
            by_request: false,
            strikes: 0,
            probe_at: probes.then(|| now + Duration::from_millis(ids.below(1000))),
            probing: None,
        }
    }

    pub fn chance(&self, now: Instant) -> Chance {
        if self.is_shunned(now) {
            return Chance::Never;
        }
        match self.health {
            Health::Up | Health::Unknown => Chance::Good,
            Health::Silent => Chance::Doubtful,
            Health::Down => Chance::Last,
        }
    }

    pub fn is_shunned(&self, now: Instant) -> bool {
        self.shunned_until.is_some_and(|until| now < until)
    }

    /// When it may be tried again, if not now.
    pub fn back_at(&self, now: Instant) -> Option<Instant> {
        self.shunned_until.filter(|until| now < *until)
    }

    /// Something came from it.
    pub fn heard(&mut self) {
        self.health = Health::Up;
        self.missed = 0;
        if !self.by_request {
            self.shunned_until = None;
        }
    }

    /// A call went through: whatever it asked for before is over.
    pub fn served(&mut self) {
        self.strikes = 0;
        self.by_request = false;
        self.heard();
    }

    /// It answered a probe.
    pub fn answered(&mut self, now: Instant, every: Duration, ids: &mut IdSource) {
        self.answers = true;
        self.probing = None;
        self.probe_at = Some(now + jittered(every, ids));
        self.heard();
    }

    /// It did not answer a probe, or said that it cannot serve.
    pub fn missed(&mut self, now: Instant, every: Duration, missed_max: u32, ids: &mut IdSource) {
        self.probing = None;
        self.missed = self.missed.saturating_add(1);
        let enough = self.missed >= missed_max;
        self.health = match self.health {
            known if !enough => known,
            _ if self.answers => Health::Down,
            // It never answered one, and yet it was heard: its silence means nothing.
            Health::Up | Health::Down => self.health,
            Health::Unknown | Health::Silent => Health::Silent,
        };
        // One miss may be a lost datagram: make sure soon. Afterwards there is no hurry.
        let next = if enough { every } else { every.min(PROBE_AGAIN) };
        self.probe_at = Some(now + jittered(next, ids));
    }

    /// A call found nobody here. It is asked at once, if it is asked at all.
    pub fn absent(&mut self, now: Instant) {
        self.health = Health::Down;
        self.shun(now, SHUNNED_ABSENT, false);
        if self.probing.is_none() && self.probe_at.is_some() {
            self.probe_at = Some(now);
        }
    }

    /// It said 503.
    pub fn unavailable(&mut self, now: Instant, retry_after_s: Option<u32>) {
        let asked = retry_after_s.map(|seconds| Duration::from_secs(seconds.clamp(1, RETRY_AFTER_MAX_S).into()));
        self.shun(now, asked.unwrap_or(SHUNNED_UNAVAILABLE), asked.is_some());
    }

    /// Another 5xx: perhaps only this call, perhaps every one.
    pub fn failed(&mut self, now: Instant) {
        self.strikes = self.strikes.saturating_add(1);
        if self.strikes >= STRIKES_MAX {
            self.strikes = 0;
            self.shun(now, SHUNNED_ABSENT, false);
        }
    }

    /// What ended by itself since the last time.
    pub fn tick(&mut self, now: Instant, missed_max: u32) {
        if self.shunned_until.is_some_and(|until| until <= now) {
            self.shunned_until = None;
            self.by_request = false;
            // One that answers probes shows itself; of the others only the next call can tell.
            if self.health == Health::Down && !(self.answers && self.probe_at.is_some()) {
                self.health = if self.missed >= missed_max { Health::Silent } else { Health::Unknown };
            }
        }
    }

    /// The next time something is due.
    pub fn deadline(&self) -> Option<Instant> {
        let probe = match self.probing {
            Some((_, missed_at)) => Some(missed_at),
            None => self.probe_at,
        };
        crate::clock::earliest(probe, self.shunned_until)
    }

    fn shun(&mut self, now: Instant, span: Duration, by_request: bool) {
        let until = now + span;
        self.shunned_until = Some(self.shunned_until.map_or(until, |known| known.max(until)));
        self.by_request |= by_request;
    }
}

/// An order by weight, as RFC 2782 draws it: the first is taken with a chance that is its share, then the next among the
/// rest. What weighs nothing comes last.
pub(super) fn drawn<T>(mut items: Vec<(u32, T)>, ids: &mut IdSource) -> Vec<T> {
    let mut order = Vec::with_capacity(items.len());
    while !items.is_empty() {
        let sum: u64 = items.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut mark = ids.below(sum);
        let place = items.iter().position(|(weight, _)| {
            let weight = u64::from(*weight);
            let found = mark < weight;
            mark = mark.saturating_sub(weight);
            found
        });
        order.push(items.remove(place.unwrap_or(0)).1);
    }
    order
}

/// About so long: a tenth more or less, so that many do not ask in one instant.
pub(super) fn jittered(span: Duration, ids: &mut IdSource) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let tenth = millis / 10;
    Duration::from_millis(millis - tenth + ids.below(tenth * 2 + 1))
}

/// How soon a missed probe is repeated.
const PROBE_AGAIN: Duration = Duration::from_secs(5);
/// How long a peer is left alone that was not there for a call.
const SHUNNED_ABSENT: Duration = Duration::from_secs(30);
/// And one that said 503 without saying for how long.
const SHUNNED_UNAVAILABLE: Duration = Duration::from_secs(5);
/// What is believed of Retry-After at most.
const RETRY_AFTER_MAX_S: u32 = 300;
/// So many 5xx in a row are no longer about one call.
const STRIKES_MAX: u32 = 3;
