//! The non-INVITE client transaction: RFC 3261 §17.1.2 (BYE, CANCEL, OPTIONS, REGISTER, INFO).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Acts, Timer, Times};

/// States as the RFC names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sip) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// One request of ours on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sip) struct NonInviteClient {
    state: State,
    times: Times,
    interval: Duration,
}

impl NonInviteClient {
    /// The request leaves.
    pub fn start(times: Times, acts: &mut Acts) -> NonInviteClient {
        acts.push(Act::Send);
        if !times.reliable {
            acts.push(Act::Arm(Timer::E, times.t1));
        }
        acts.push(Act::Arm(Timer::F, times.t1 * 64));
        NonInviteClient { state: State::Trying, times, interval: times.t1 }
    }

    /// A response came.
    pub fn on_response(&mut self, status: u16, acts: &mut Acts) {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                acts.push(Act::Pass);
            }
            (State::Trying | State::Proceeding, 200..=699) => {
                acts.extend([Act::Stop(Timer::E), Act::Stop(Timer::F), Act::Pass]);
                if self.times.reliable {
                    self.end(acts);
                } else {
                    self.state = State::Completed;
                    acts.push(Act::Arm(Timer::K, self.times.t4));
                }
            }
            _ => {}
        }
    }

    /// A timer fired.
    pub fn on_timer(&mut self, timer: Timer, acts: &mut Acts) {
        match (self.state, timer) {
            (State::Trying, Timer::E) => {
                self.interval = (self.interval * 2).min(self.times.t2);
                acts.extend([Act::Send, Act::Arm(Timer::E, self.interval)]);
            }
            (State::Proceeding, Timer::E) => acts.extend([Act::Send, Act::Arm(Timer::E, self.times.t2)]),
            (State::Trying | State::Proceeding, Timer::F) => {
                acts.push(Act::TimedOut);
                self.end(acts);
            }
            (State::Completed, Timer::K) => self.end(acts),
            _ => {}
        }
    }

    fn end(&mut self, acts: &mut Acts) {
        self.state = State::Terminated;
        acts.push(Act::End);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bench::{Bench, Seen};
    use super::*;

    fn bench(reliable: bool) -> Bench<NonInviteClient> {
        Bench::start(reliable, NonInviteClient::start, NonInviteClient::on_timer)
    }

    /// Timer E doubles up to T2, Timer F gives up at 64·T1: a BYE into the void is over after 32 s.
    #[test]
    fn b044_e_and_f_over_udp() {
        let mut bench = bench(false);
        bench.run_for_ms(60_000);
        let sent = bench.times_of(Seen::Send);
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(bench.times_of(Seen::TimedOut), [32_000]);
        assert_eq!(bench.times_of(Seen::End), [32_000]);
    }

    /// Over TCP nothing is repeated; F still ends it.
    #[test]
    fn f_over_tcp() {
        let mut bench = bench(true);
        bench.run_for_ms(60_000);
        assert_eq!(bench.times_of(Seen::Send), [0]);
        assert_eq!(bench.times_of(Seen::End), [32_000]);
    }

    /// After a 1xx the request is repeated every T2 (it might be lost between a proxy and us), and F goes on.
    #[test]
    fn proceeding_repeats_every_t2() {
        let mut bench = bench(false);
        bench.run_for_ms(100);
        bench.feed(|m, acts| m.on_response(100, acts));
        bench.run_for_ms(60_000);
        assert_eq!(bench.times_of(Seen::Send)[..4], [0, 500, 4500, 8500]);
        assert_eq!(bench.times_of(Seen::TimedOut), [32_000]);
    }

    /// Repeats of the final response are absorbed for T4 (Timer K); over TCP the transaction ends at once.
    #[test]
    fn completed_and_k() {
        let mut udp = bench(false);
        udp.feed(|m, acts| m.on_response(200, acts));
        udp.run_for_ms(1000);
        udp.feed(|m, acts| m.on_response(200, acts));
        udp.run_for_ms(60_000);
        assert_eq!(udp.times_of(Seen::Pass), [0]);
        assert_eq!(udp.times_of(Seen::End), [5000]);
        let mut tcp = bench(true);
        tcp.feed(|m, acts| m.on_response(200, acts));
        assert_eq!(tcp.times_of(Seen::End), [0]);
    }
}
