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

    /// Ten pairs, one call of two hours, ten thousand short ones beside it: its pair is given to nobody, and no pair serves
    /// again before it has rested.
    #[test]
    fn p117_a_long_call_keeps_its_ports() {
        let rest = Duration::from_secs(5);
        let mut pool = PortPool::new(4000..=4019, rest);
        let mut now = Instant::from_millis(10);
        let long = pool.take(now).expect("the first pair");
        let mut closed: std::collections::BTreeMap<u16, Instant> = std::collections::BTreeMap::new();
        let mut taken = 0;
        while taken < 10_000 {
            now += Duration::from_millis(720);
            let Some(port) = pool.take(now) else { continue };
            taken += 1;
            assert_ne!(port, long);
            assert!(closed.get(&port).is_none_or(|at| now.since(*at) >= rest), "{port} did not rest");
            let end = now + Duration::from_millis(300);
            pool.give_back(end, port);
            closed.insert(port, end);
        }
        assert_eq!(closed.len(), 9, "all the others serve in turn");
        pool.give_back(now, long);
        assert_eq!(pool.free(), 10);
    }
}
