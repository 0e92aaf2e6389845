//! A test bench for one machine: it keeps the machine's timers on a virtual clock and notes what it did, and when.

use std::time::Duration;

use super::{Act, Acts, Timer, Times};
use crate::clock::Instant;
use crate::sip::timers::Timers;

/// What a machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Send,
    Ack,
    Pass,
    TimedOut,
    End,
}

pub(super) struct Bench<M> {
    pub machine: M,
    timers: Timers<Timer>,
    now: Instant,
    seen: Vec<(u64, Seen)>,
    on_timer: fn(&mut M, Timer, &mut Acts),
}

impl<M> Bench<M> {
    pub fn start(reliable: bool, start: fn(Times, &mut Acts) -> M, on_timer: fn(&mut M, Timer, &mut Acts)) -> Bench<M> {
        let times =
            Times { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5), reliable };
        let mut acts = Acts::new();
        let machine = start(times, &mut acts);
        let mut bench = Bench { machine, timers: Timers::default(), now: Instant::ZERO, seen: Vec::new(), on_timer };
        bench.apply(acts);
        bench
    }

    pub fn feed(&mut self, what: impl FnOnce(&mut M, &mut Acts)) {
        let mut acts = Acts::new();
        what(&mut self.machine, &mut acts);
        self.apply(acts);
    }

    pub fn run_for_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.timers.next().filter(|at| *at <= until) {
            self.now = at;
            while let Some(timer) = self.timers.pop_due(at) {
                let mut acts = Acts::new();
                (self.on_timer)(&mut self.machine, timer, &mut acts);
                self.apply(acts);
            }
        }
        self.now = until;
    }

    pub fn times_of(&self, what: Seen) -> Vec<u64> {
        self.seen.iter().filter(|(_, seen)| *seen == what).map(|(at, _)| *at).collect()
    }

    pub fn idle(&self) -> bool {
        self.timers.len() == 0
    }

    fn apply(&mut self, acts: Acts) {
        for act in acts {
            let seen = match act {
                Act::Arm(timer, after) => {
                    self.timers.set(timer, self.now + after);
                    continue;
                }
                Act::Stop(timer) => {
                    self.timers.stop(timer);
                    continue;
                }
                Act::Send => Seen::Send,
                Act::Ack => Seen::Ack,
                Act::Pass => Seen::Pass,
                Act::TimedOut => Seen::TimedOut,
                Act::End => Seen::End,
            };
            self.seen.push((self.now.as_millis(), seen));
        }
    }
}
