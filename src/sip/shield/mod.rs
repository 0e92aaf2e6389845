//! The shield: what stands between the open Internet and the rest of this room.
//!
//! **Default deny.** Out of dialog a stranger gets what RFC 3261 owes him and nothing more: a challenge, or a short refusal
//! without our name, our methods or our version, and over UDP never more than [`AMPLIFICATION_MAX`] times the bytes he sent.
//!
//! **Who is who.** *Trusted* is a trunk's network: never counted, never banned. *Known* is a source that showed a right
//! password within a week: it has ten times the budget and is never banned by itself, because behind one address live a whole
//! home or centre, and one bad telephone must not silence the others. *Near* is a source we are talking with at this moment (a
//! session, a registration, a question of ours): what belongs to that always comes through. Everybody else is a *stranger*.
//!
//! **Budgets.** Each source has a token bucket, and all strangers together another, for what is unsolicited: requests out of
//! dialog, noise, answers to nothing. Requests inside a session, answers to ours, and a registered telephone over its own flow
//! cost nothing. Who is over his budget, and not near, is dropped before his bytes are looked at: a few table look-ups.
//!
//! **Bans.** Offences make points ([`offence`]), points make a ban ([`bans`]): silence, and a closed connection. Passwords are
//! a matter of their own ([`tries`]).
//!
//! What it cannot do: over UDP an address can be forged, so somebody who forges a stranger's address can make us silent
//! towards it for up to an hour. It works only where no telephone of ours was known within a week, and not over TLS.
//!
//! Everything is bounded: [`SOURCES_MAX`] buckets and scores, [`bans::BANS_MAX`] bans, [`tries::PAIRS_MAX`] pairs.

mod bans;
mod bucket;
mod offence;
mod recent;
mod source;
mod tries;

use std::collections::BTreeSet;
use std::time::Duration;

pub use bans::Ban;
pub use offence::BanReason;
pub(super) use offence::{Offence, is_scanner};
pub(super) use recent::Recent;
pub(super) use source::Source;
pub(super) use tries::Tries;

use bans::Bans;
use bucket::{Bucket, Rate};
use offence::Score;
use tries::KNOWN_FOR;

use super::Flow;
use crate::clock::Instant;

/// The largest answer to a stranger's request over UDP, as a multiple of the request: nobody gains by making us answer a
/// victim. (QUIC allows three, RFC 9000 §8.1.)
pub(super) const AMPLIFICATION_MAX: usize = 2;

/// What may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShieldConfig {
    /// Unsolicited requests of one stranger per second; four seconds' worth at once. Known sources have ten times that, all
    /// strangers together twenty times. 0: no budgets.
    pub requests_per_second: u32,
    /// Are sources banned for what they do? The staff can ban in any case.
    pub ban: bool,
    /// The longest ban that is not the staff's.
    pub ban_longest: Duration,
}

impl Default for ShieldConfig {
    fn default() -> ShieldConfig {
        ShieldConfig { requests_per_second: 100, ban: true, ban_longest: Duration::from_secs(3600) }
    }
}

/// Seconds of its rate that a bucket holds.
const BURST_S: u32 = 4;
/// How much more a known source may.
const KNOWN_FACTOR: u32 = 10;
/// How much all strangers together may.
const STRANGERS_FACTOR: u32 = 20;
/// Sources whose budget and score are kept.
pub(super) const SOURCES_MAX: usize = 16_384;
/// How often, at most, it is looked up who is near.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the table of sources says before a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Read it.
    Welcome,
    /// Banned.
    Banned,
    /// No token left.
    OverBudget,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    bucket: Bucket,
    score: Score,
}

/// Budgets, scores, bans, and who is known.
#[derive(Clone, Debug)]
pub(super) struct Shield {
    config: ShieldConfig,
    sources: Recent<Source, Kept>,
    strangers: Bucket,
    /// Who showed a right password, and when last. Nobody else can make an entry.
    known: Recent<Source, Instant>,
    near: BTreeSet<Source>,
    registered: BTreeSet<Flow>,
    looked: Option<Instant>,
    bans: Bans,
}

impl Shield {
    pub fn new(config: ShieldConfig) -> Shield {
        Shield {
            config,
            sources: Recent::new(SOURCES_MAX),
            strangers: Bucket::default(),
            known: Recent::new(SOURCES_MAX),
            near: BTreeSet::new(),
            registered: BTreeSet::new(),
            looked: None,
            bans: Bans::default(),
        }
    }

    /// What to do with a message of this source before it is read. Nothing is taken.
    pub fn look(&self, now: Instant, source: Source) -> Look {
        if self.bans.holds(now, source) {
            return Look::Banned;
        }
        if self.config.requests_per_second == 0 {
            return Look::Welcome;
        }
        let known = self.is_known(now, source);
        let left = self.sources.get(&source).is_none_or(|kept| kept.bucket.has(now, self.rate(known)));
        let room = known || self.strangers.has(now, self.together());
        if left && room { Look::Welcome } else { Look::OverBudget }
    }

    /// Takes a token for something unsolicited; false when there is none.
    pub fn charge(&mut self, now: Instant, source: Source) -> bool {
        if self.config.requests_per_second == 0 {
            return true;
        }
        let known = self.is_known(now, source);
        let (rate, together) = (self.rate(known), self.together());
        if !known && !self.strangers.has(now, together) {
            return false;
        }
        let taken = self.sources.touch(source, Kept::default).bucket.take(now, rate);
        if taken && !known {
            self.strangers.take(now, together);
        }
        taken
    }

    /// Counts an offence; says why and for how long the source is banned from now on, if it is. Known and near sources are
    /// not for this.
    pub fn offend(&mut self, now: Instant, source: Source, offence: Offence) -> Option<(BanReason, Duration)> {
        if !self.config.ban || self.is_known(now, source) {
            return None;
        }
        let why = self.sources.touch(source, Kept::default).score.count(now, offence)?;
        if self.is_near(source) {
            return None;
        }
        let span = self.bans.add(now, source, why, self.config.ban_longest)?;
        // It begins anew afterwards; that it was banned is remembered with the ban.
        self.sources.touch(source, Kept::default).score = Score::default();
        Some((why, span))
    }

    /// A right password came from there.
    pub fn proved(&mut self, now: Instant, source: Source) {
        *self.known.touch(source, || now) = now;
        self.sources.touch(source, Kept::default).score = Score::default();
    }

    /// Has a right password come from there within a week?
    pub fn is_known(&self, now: Instant, source: Source) -> bool {
        self.known.get(&source).is_some_and(|at| now.since(*at) < KNOWN_FOR)
    }

    /// Is it time to look again who is near? Asked only when somebody is about to be dropped or banned.
    pub fn wants_near(&self, now: Instant) -> bool {
        self.looked.is_none_or(|at| now.since(at) >= LOOK_EVERY)
    }

    /// Who is near now, and over which flows telephones are registered.
    pub fn set_near(&mut self, now: Instant, near: BTreeSet<Source>, registered: BTreeSet<Flow>) {
        self.looked = Some(now);
        self.near = near;
        self.registered = registered;
    }

    /// Is a telephone registered over this very flow?
    pub fn is_registered(&self, flow: &Flow) -> bool {
        self.registered.contains(flow)
    }

    /// Are we talking with it?
    pub fn is_near(&self, source: Source) -> bool {
        self.near.contains(&source)
    }

    /// The staff's word.
    pub fn order(&mut self, now: Instant, source: Source, span: Option<Duration>) {
        self.bans.order(now, source, span);
    }

    /// Lifts a ban, and forgets what led to it.
    pub fn lift(&mut self, source: Source) -> bool {
        self.sources.remove(&source);
        self.bans.lift(source)
    }

    /// The bans that hold.
    pub fn bans(&self, now: Instant) -> impl Iterator<Item = &Ban> {
        self.bans.iter(now)
    }

    /// Grows when the list changes.
    pub fn ban_changes(&self) -> u64 {
        self.bans.changes()
    }

    fn rate(&self, known: bool) -> Rate {
        let tokens = self.config.requests_per_second.saturating_mul(if known { KNOWN_FACTOR } else { 1 });
        Rate::per_second(tokens, tokens.saturating_mul(BURST_S))
    }

    fn together(&self) -> Rate {
        let tokens = self.config.requests_per_second.saturating_mul(STRANGERS_FACTOR);
        Rate::per_second(tokens, tokens.saturating_mul(BURST_S))
    }
}

#[cfg(test)]
mod tests;
