//! How often passwords may be tried, so that guessing is slow and nobody is locked out.
//!
//! Three rules, and why they are enough:
//!
//! 1. **Only answers to our own nonce are judged, and a nonce is good at the address it was given to.** Who forges an address
//!    never sees our challenge, so no wrong try can be made in somebody else's name. ([`super::super::auth`] sees to it.)
//! 2. **A wrong try costs the one who made it: this source at this account**, and no other source and no other account. A source
//!    that has not failed at an account is judged at once: a listener at a new address who has the right password gets in at the
//!    first try, whoever else is trying her account at that moment. One bad telephone in a home or a centre slows down itself.
//!    A pair of source and account that showed the right password within a week has sixty wrong tries and one more each
//!    second, which no person and no telephone uses up; and a request over the very flow of her registration is always judged.
//! 3. **When an account is tried wrongly from many places, all those places get slower**, never those that did not fail.
//!
//! What that leaves to somebody who guesses: from one address five tries, then one each ten seconds (one a minute while
//! others guess too), and the ban soon after. With ten thousand addresses, ten thousand first tries and 170 a second after them; the passwords
//! this program makes stand that for longer than telephones will exist.
//!
//! The wrong try that uses up the last one is answered 403, so that a telephone does not go on and its owner reads why.
//! Slowed means not judged: silence over UDP, where the telephone's own repeats (0.5 to 32 s) are the wait; 503 with
//! Retry-After over a connection. It is the same for names that exist and names that do not; only somebody behind the same
//! address as a listener, who knows her name already, could notice her sixty tries.

use std::time::Duration;

use super::Source;
use super::bucket::{Bucket, Rate};
use super::recent::Recent;
use crate::clock::Instant;

/// Who tries what: a source, and an account by the hash of its name.
type Pair = (Source, u64);

#[derive(Clone, Debug)]
pub(in crate::sip) struct Tries {
    /// Pairs that showed a right password, and when. Nobody else can make an entry.
    good: Recent<Pair, Instant>,
    /// Wrong tries.
    bad: Recent<Pair, Bucket>,
    /// Wrong tries of strangers by account, from wherever.
    pressed: Recent<u64, Bucket>,
}

/// Pairs in each table.
pub(super) const PAIRS_MAX: usize = 16_384;
/// Accounts whose wrong tries are counted.
const PRESSED_MAX: usize = 4096;
/// How long a right password makes a source known.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// Wrong tries of a pair that has shown the right password.
const GOOD: Rate = Rate { burst: 60, every: Duration::from_secs(1) };
/// Wrong tries of any other pair …
const STRANGE: Rate = Rate { burst: 5, every: Duration::from_secs(10) };
/// … and while the account is tried from many places.
const PRESSED: Rate = Rate { burst: 1, every: Duration::from_secs(60) };
/// Wrong tries at one account, from all strangers together, that are too many.
const PRESSURE: Rate = Rate { burst: 20, every: Duration::from_secs(3) };

impl Tries {
    pub fn new() -> Tries {
        Tries { good: Recent::new(PAIRS_MAX), bad: Recent::new(PAIRS_MAX), pressed: Recent::new(PRESSED_MAX) }
    }

    /// May this source try this account's password now?
    pub fn may_try(&self, now: Instant, source: Source, account: u64) -> bool {
        let Some(bucket) = self.bad.get(&(source, account)) else { return true };
        bucket.has(now, self.rate(now, source, account))
    }

    /// It was wrong.
    pub fn failed(&mut self, now: Instant, source: Source, account: u64) {
        let rate = self.rate(now, source, account);
        self.bad.touch((source, account), Bucket::default).drain(now, rate);
        if !self.is_good(now, source, account) {
            self.pressed.touch(account, Bucket::default).drain(now, PRESSURE);
        }
    }

    /// It was right.
    pub fn proved(&mut self, now: Instant, source: Source, account: u64) {
        *self.good.touch((source, account), || now) = now;
        self.bad.remove(&(source, account));
    }

    fn rate(&self, now: Instant, source: Source, account: u64) -> Rate {
        if self.is_good(now, source, account) {
            return GOOD;
        }
        let pressed = self.pressed.get(&account).is_some_and(|bucket| !bucket.has(now, PRESSURE));
        if pressed { PRESSED } else { STRANGE }
    }

    fn is_good(&self, now: Instant, source: Source, account: u64) -> bool {
        self.good.get(&(source, account)).is_some_and(|at| now.since(*at) < KNOWN_FOR)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.good.len() + self.bad.len() + self.pressed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> Source {
        Source::of(std::net::IpAddr::V4(n.into()))
    }

    const ODILE: u64 = 1;
    const RENE: u64 = 2;
    const NOW: Instant = Instant::from_millis(1000);

    /// Tries as fast as allowed for `seconds`; how many were judged.
    fn guess(tries: &mut Tries, from: Instant, seconds: u64, who: Source) -> u32 {
        (0..seconds * 10).map(|n| from + Duration::from_millis(n * 100)).fold(0, |judged, now| {
            let may = tries.may_try(now, who, ODILE);
            if may {
                tries.failed(now, who, ODILE);
            }
            judged + u32::from(may)
        })
    }

    /// From one source: five at once, then one each ten seconds; another account and another source are judged all the while.
    #[test]
    fn b144_guessing_is_slow_and_costs_the_guesser_alone() {
        let mut tries = Tries::new();
        let judged = guess(&mut tries, NOW, 60, source(1));
        assert_eq!(judged, 5 + 5);
        let now = NOW + Duration::from_millis(59_950);
        assert!(!tries.may_try(now, source(1), ODILE));
        assert!(tries.may_try(now, source(1), RENE), "the other telephones of that home");
        assert!(tries.may_try(now, source(2), ODILE), "her own at another address");
    }

    /// A thousand places guess at once: each becomes slow, and the listener gets in at once, at her usual address and at a new
    /// one.
    #[test]
    fn b144_nobody_is_locked_out_by_a_thousand_guessers() {
        let mut tries = Tries::new();
        tries.proved(NOW, source(1), ODILE);
        for n in 100..1100 {
            tries.failed(NOW, source(n), ODILE);
            assert!(!tries.may_try(NOW, source(n), ODILE) || n < 120, "{n}");
        }
        assert!(tries.may_try(NOW, source(1), ODILE) && tries.may_try(NOW, source(2), ODILE));
        let later = NOW + Duration::from_secs(61);
        assert!(tries.may_try(later, source(1000), ODILE), "and who mistyped waits a minute, no more");
    }

    /// Where she is known a wrong telephone beside hers uses up nothing: fifty-nine mistakes in a row, and she passes.
    #[test]
    fn b144_a_bad_phone_in_the_same_home_blocks_nobody() {
        let mut tries = Tries::new();
        tries.proved(NOW, source(1), ODILE);
        for _ in 0..59 {
            tries.failed(NOW, source(1), ODILE);
            assert!(tries.may_try(NOW, source(1), ODILE));
        }
        tries.failed(NOW, source(1), ODILE);
        assert!(!tries.may_try(NOW, source(1), ODILE));
        assert!(tries.may_try(NOW + Duration::from_secs(1), source(1), ODILE));
        tries.proved(NOW, source(1), ODILE);
        assert!(tries.may_try(NOW, source(1), ODILE), "a right password wipes the slate");
    }

    /// The tables are bounded, and a flood of guessers does not push out who is known.
    #[test]
    fn b135_tries_are_bounded() {
        let mut tries = Tries::new();
        tries.proved(NOW, source(1), ODILE);
        for n in 0..100_000 {
            tries.failed(NOW, source(n + 10), u64::from(n));
        }
        assert!(tries.len() <= 2 * PAIRS_MAX + PRESSED_MAX);
        assert!(tries.is_good(NOW, source(1), ODILE));
    }
}
