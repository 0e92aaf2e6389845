//! The list of those who are answered with silence. In memory: a restart forgives.
//!
//! The first silence lasts a minute, each further one four times as long, up to a bound (an hour by default): addresses change
//! hands, may be forged over UDP, and may be a listener's with an old password, so nothing automatic lasts for days. The staff's
//! word lasts as long as the staff says. The list is bounded; when it is full a new automatic ban is not entered (its source
//! still has no more than its budget), so that nobody can push a ban out by earning others. The staff's word always finds room.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::Network;
use super::{BanReason, Source};
use crate::clock::Instant;

/// A source that is answered with silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who: an IPv4 address, or an IPv6 /64.
    pub source: Network,
    /// Why.
    pub why: BanReason,
    /// Since when.
    pub since: Instant,
    /// Until when; [`Instant::FAR`]: until it is lifted.
    pub until: Instant,
    /// How many times lately.
    pub times: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Bans {
    list: BTreeMap<Source, Ban>,
    changes: u64,
}

/// Bans at a time.
pub(super) const BANS_MAX: usize = 4096;
/// The first silence.
pub(super) const FIRST: Duration = Duration::from_secs(60);
/// How much longer each further one is.
pub(super) const GROWTH: u32 = 4;
/// How long after its end a ban is remembered, so that the next one is longer.
pub(super) const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

impl Bans {
    /// Is this source to be answered with silence?
    pub fn holds(&self, now: Instant, source: Source) -> bool {
        self.list.get(&source).is_some_and(|ban| ban.until > now)
    }

    /// Bans a source by what it did; the time it will last, or `None` when the list is full.
    pub fn add(&mut self, now: Instant, source: Source, why: BanReason, longest: Duration) -> Option<Duration> {
        let before = self.list.get(&source).filter(|ban| ban.until + REMEMBERED > now).copied();
        if let Some(ban) = before.filter(|ban| ban.until > now) {
            return Some(ban.until.since(now));
        }
        if before.is_none() && !self.make_room(now) {
            return None;
        }
        let times = before.map_or(0, |ban| ban.times).saturating_add(1);
        let span = FIRST.saturating_mul(GROWTH.saturating_pow(times - 1)).min(longest);
        self.put(source, Ban { source: source.network(), why, since: now, until: now + span, times });
        Some(span)
    }

    /// The staff's word: for so long, or until it is lifted.
    pub fn order(&mut self, now: Instant, source: Source, span: Option<Duration>) {
        if !self.list.contains_key(&source) && !self.make_room(now) {
            let soonest = self.list.iter().filter(|(_, ban)| ban.why != BanReason::Staff).min_by_key(|(_, b)| b.until);
            let goes = soonest.or_else(|| self.list.iter().min_by_key(|(_, ban)| ban.until)).map(|(source, _)| *source);
            if let Some(goes) = goes {
                self.list.remove(&goes);
            }
        }
        let times = self.list.get(&source).map_or(1, |ban| ban.times.saturating_add(1));
        let until = span.map_or(Instant::FAR, |span| now + span);
        self.put(source, Ban { source: source.network(), why: BanReason::Staff, since: now, until, times });
    }

    /// Lifts a ban and forgets that it was; false when there was none.
    pub fn lift(&mut self, source: Source) -> bool {
        self.changes += 1;
        self.list.remove(&source).is_some()
    }

    /// Those that hold now.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = &Ban> {
        self.list.values().filter(move |ban| ban.until > now)
    }

    /// Grows with each change, so that a copy knows whether it is old. (Time alone changes nothing that is counted here.)
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn put(&mut self, source: Source, ban: Ban) {
        self.changes += 1;
        self.list.insert(source, ban);
    }

    /// Is there room for one more, once what is over is forgotten?
    fn make_room(&mut self, now: Instant) -> bool {
        if self.list.len() >= BANS_MAX {
            self.list.retain(|_, ban| ban.until > now);
        }
        self.list.len() < BANS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> Source {
        Source::of(std::net::IpAddr::V4(n.into()))
    }

    const HOUR: Duration = Duration::from_secs(3600);

    /// Each silence of the same source is four times as long as the one before, up to the bound; a day later all is forgotten.
    #[test]
    fn b144_each_ban_is_longer_up_to_an_hour() {
        let mut bans = Bans::default();
        let mut now = Instant::from_millis(1000);
        let mut spans = Vec::new();
        for _ in 0..6 {
            let span = bans.add(now, source(1), BanReason::WrongPassword, HOUR).expect("room");
            assert!(bans.holds(now, source(1)) && !bans.holds(now, source(2)));
            now += span;
            assert!(!bans.holds(now, source(1)), "it ends on time");
            spans.push(span.as_secs());
        }
        assert_eq!(spans, [60, 240, 960, 3600, 3600, 3600]);
        now += REMEMBERED;
        assert_eq!(bans.add(now, source(1), BanReason::Scanner, HOUR), Some(FIRST));
    }

    /// At the bound a flood of others pushes no ban out; the staff's word still finds room, and what is over makes some.
    #[test]
    fn p182_a_flood_pushes_no_ban_out() {
        let mut bans = Bans::default();
        let mut now = Instant::from_millis(1000);
        bans.order(now, source(7), Some(HOUR));
        for n in 100..100 + 2 * BANS_MAX as u32 {
            bans.add(now, source(n), BanReason::Scanner, HOUR);
        }
        assert_eq!(bans.iter(now).count(), BANS_MAX);
        assert_eq!(bans.add(now, source(99), BanReason::Scanner, HOUR), None);
        bans.order(now, source(8), None);
        assert!(bans.holds(now, source(7)) && bans.holds(now, source(8)));
        assert_eq!(bans.iter(now).count(), BANS_MAX);
        now += FIRST;
        assert_eq!(bans.add(now, source(99), BanReason::Scanner, HOUR), Some(FIRST));
        assert_eq!(bans.iter(now).count(), 3);
        assert!(bans.lift(source(8)) && !bans.lift(source(8)) && !bans.holds(now, source(8)));
    }
}
