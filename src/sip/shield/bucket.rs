//! A token bucket in one number: the instant at which it will be full again (the generic cell rate algorithm).

use std::time::Duration;

use crate::clock::Instant;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Tokens it holds.
    pub burst: u32,
    /// The time in which one token comes back.
    pub every: Duration,
}

impl Rate {
    /// So many a second, and so many at once.
    pub fn per_second(tokens: u32, burst: u32) -> Rate {
        Rate { burst: burst.max(1), every: Duration::from_secs(1) / tokens.max(1) }
    }

    fn depth(self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// A bucket, full to begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// Is a token left?
    pub fn has(self, now: Instant, rate: Rate) -> bool {
        self.full_at.since(now) + rate.every <= rate.depth()
    }

    /// Takes a token; false when there is none, and then nothing changes.
    pub fn take(&mut self, now: Instant, rate: Rate) -> bool {
        if !self.has(now, rate) {
            return false;
        }
        self.full_at = self.full_at.max(now) + rate.every;
        true
    }

    /// Takes a token or, when there is none, leaves the bucket empty.
    pub fn drain(&mut self, now: Instant, rate: Rate) {
        if !self.take(now, rate) {
            self.full_at = now + rate.depth();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edge: exactly the burst passes at once, then exactly one each time a token came back.
    #[test]
    fn burst_then_rate() {
        let rate = Rate::per_second(10, 5);
        let mut bucket = Bucket::default();
        let mut now = Instant::from_millis(1000);
        assert_eq!((0..8).filter(|_| bucket.take(now, rate)).count(), 5);
        now += Duration::from_millis(99);
        assert!(!bucket.take(now, rate));
        now += Duration::from_millis(1);
        assert!(bucket.take(now, rate) && !bucket.take(now, rate));
        now += Duration::from_secs(3600);
        assert_eq!((0..8).filter(|_| bucket.take(now, rate)).count(), 5, "it never holds more");
    }

    /// A drained bucket is empty, never deeper than that.
    #[test]
    fn draining() {
        let rate = Rate { burst: 2, every: Duration::from_secs(10) };
        let mut bucket = Bucket::default();
        let mut now = Instant::from_millis(1000);
        for _ in 0..100 {
            bucket.drain(now, rate);
        }
        assert!(!bucket.has(now, rate));
        now += Duration::from_secs(10);
        assert!(bucket.has(now, rate));
    }
}
