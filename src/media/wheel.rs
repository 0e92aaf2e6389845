//! The 20 ms beat, spread over twenty milliseconds.
//!
//! Every stream has its own millisecond within the beat. Were all streams served at the same instant, a thousand prompts
//! would leave in one burst, and a voice arriving behind it would wait for all of them.

use crate::clock::Instant;

use super::Slot;

/// One frame of voice.
pub(super) const BEAT_MS: u64 = 20;
/// A millisecond takes this many streams before the next one is begun: few streams then wake the thread seldom.
const SHARE: usize = 16;
/// After a longer stall the beats in between are left out: a burst of old frames helps nobody.
const STALL_MS: u64 = 60;

/// Which stream is served in which millisecond of the beat.
#[derive(Clone, Debug, Default)]
pub(super) struct Wheel {
    spokes: [Vec<Slot>; BEAT_MS as usize],
    /// The next millisecond to be served.
    next_ms: u64,
}

impl Wheel {
    /// Give `slot` a millisecond; the answer is to be kept for [`Wheel::remove`].
    pub fn add(&mut self, now: Instant, slot: Slot) -> usize {
        if self.next() == Instant::FAR {
            self.next_ms = now.as_millis() + 1;
        }
        let open = self.spokes.iter().position(|spoke| spoke.len() < SHARE);
        let least = || (0..self.spokes.len()).min_by_key(|n| self.spokes[*n].len()).unwrap_or(0);
        let spoke = open.unwrap_or_else(least);
        self.spokes[spoke].push(slot);
        spoke
    }

    /// Take `slot` off.
    pub fn remove(&mut self, spoke: usize, slot: Slot) {
        if let Some(place) = self.spokes[spoke].iter().position(|other| *other == slot) {
            self.spokes[spoke].swap_remove(place);
        }
    }

    /// When the next stream is to be served; [`Instant::FAR`] when there is none.
    pub fn next(&self) -> Instant {
        (0..BEAT_MS)
            .map(|ahead| self.next_ms + ahead)
            .find(|ms| !self.spokes[(ms % BEAT_MS) as usize].is_empty())
            .map_or(Instant::FAR, Instant::from_millis)
    }

    /// The next millisecond that is due by `now`, and its number of streams. The caller then asks for each with
    /// [`Wheel::slot`].
    pub fn due(&mut self, now: Instant) -> Option<(Instant, usize, usize)> {
        let now_ms = now.as_millis();
        self.next_ms = self.next_ms.max(now_ms.saturating_sub(STALL_MS));
        while self.next_ms <= now_ms {
            let at = self.next_ms;
            self.next_ms += 1;
            let spoke = (at % BEAT_MS) as usize;
            if !self.spokes[spoke].is_empty() {
                return Some((Instant::from_millis(at), spoke, self.spokes[spoke].len()));
            }
        }
        None
    }

    /// The `nth` stream of a millisecond.
    pub fn slot(&self, spoke: usize, nth: usize) -> Option<Slot> {
        self.spokes[spoke].get(nth).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few streams share a millisecond, many are spread evenly, and each is served once in 20 ms.
    #[test]
    fn spreads() {
        let mut wheel = Wheel::default();
        let spokes: Vec<usize> = (0..1000).map(|n| wheel.add(Instant::ZERO, Slot(n))).collect();
        assert!(spokes[..16].iter().all(|spoke| *spoke == spokes[0]));
        assert!(wheel.spokes.iter().all(|spoke| spoke.len() == 50));
        let mut served = vec![0; 1000];
        for ms in 1..201 {
            while let Some((at, spoke, count)) = wheel.due(Instant::from_millis(ms)) {
                assert_eq!(at, Instant::from_millis(ms));
                (0..count).for_each(|nth| served[wheel.slot(spoke, nth).expect("there").0 as usize] += 1);
            }
        }
        assert!(served.iter().all(|count| *count == 10));
        (0..1000).for_each(|n| wheel.remove(spokes[n as usize], Slot(n)));
        assert_eq!(wheel.next(), Instant::FAR);
    }
}
