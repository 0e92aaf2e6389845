//! The pairs of ports we may use: an even one for RTP, the odd one above for RTCP (RFC 3550 §11).
//!
//! A pair that is given back rests, so that packets still on their way to the old call are never heard in a new one;
//! and the pair that has rested longest serves next, so that even after the rest a port comes back late.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::clock::Instant;

/// Hands out the even ports of a range.
#[derive(Clone, Debug)]
pub struct PortPool {
    /// Even port, and when it may serve.
    free: VecDeque<(u16, Instant)>,
    rest: Duration,
}

impl PortPool {
    /// All pairs that lie wholly within `ports`; a pair given back rests for `rest`.
    pub fn new(ports: RangeInclusive<u16>, rest: Duration) -> PortPool {
        let end = *ports.end();
        let pairs = ports.filter(|port| port % 2 == 0 && *port < end && *port != 0);
        PortPool { free: pairs.map(|port| (port, Instant::ZERO)).collect(), rest }
    }

    /// The even port of a pair that is free and rested.
    pub fn take(&mut self, now: Instant) -> Option<u16> {
        let (_, from) = *self.free.front()?;
        if from > now {
            return None;
        }
        self.free.pop_front().map(|(port, _)| port)
    }

    /// A pair is closed: it rests, then serves again.
    pub fn give_back(&mut self, now: Instant, port: u16) {
        self.free.push_back((port, now + self.rest));
    }

    /// How many pairs are free, resting ones included.
    pub fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs begin at even ports and lie within the range; a closed pair rests before it serves again.
    #[test]
    fn p117_pairs_rest() {
        let mut pool = PortPool::new(4001..=4007, Duration::from_secs(5));
        assert_eq!(pool.free(), 3);
        let now = Instant::from_millis(10);
        assert_eq!(
            [pool.take(now), pool.take(now), pool.take(now), pool.take(now)],
            [Some(4002), Some(4004), Some(4006), None]
        );
        pool.give_back(now, 4004);
        assert_eq!(pool.take(now + Duration::from_millis(4999)), None);
        assert_eq!(pool.take(now + Duration::from_secs(5)), Some(4004));
    }
}
