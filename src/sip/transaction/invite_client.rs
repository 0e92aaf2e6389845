//! The INVITE client transaction: RFC 3261 §17.1.1, with the state Accepted of RFC 6026 §8.4.
//!
//! ```text
//!            INVITE                    A: send again (doubling)
//!               │                      B: no answer, over
//!            Calling ──1xx──▶ Proceeding
//!               │                │
//!        2xx ┌──┴────────────────┤ 300..=699: ACK
//!            ▼                   ▼
//!         Accepted           Completed (ACK each repeat)
//!            │ M                 │ D
//!            ▼                   ▼
//!                  over
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Acts, Timer, Times};

/// States as the RFC names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sip) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

/// One INVITE of ours on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sip) struct InviteClient {
    state: State,
    times: Times,
    interval: Duration,
}

impl InviteClient {
    /// The INVITE leaves.
    pub fn start(times: Times, acts: &mut Acts) -> InviteClient {
        acts.push(Act::Send);
        if !times.reliable {
            acts.push(Act::Arm(Timer::A, times.t1));
        }
        acts.push(Act::Arm(Timer::B, times.t1 * 64));
        InviteClient { state: State::Calling, times, interval: times.t1 }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// A response came.
    pub fn on_response(&mut self, status: u16, acts: &mut Acts) {
        match (self.state, status) {
            (State::Calling | State::Proceeding, 100..=199) => {
                if self.state == State::Calling {
                    acts.extend([Act::Stop(Timer::A), Act::Stop(Timer::B)]);
                }
                self.state = State::Proceeding;
                acts.push(Act::Pass);
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                acts.extend([Act::Stop(Timer::A), Act::Stop(Timer::B)]);
                self.state = State::Accepted;
                acts.extend([Act::Pass, Act::Arm(Timer::M, self.times.t1 * 64)]);
            }
            (State::Accepted, 200..=299) => acts.push(Act::Pass),
            (State::Calling | State::Proceeding, 300..=699) => {
                acts.extend([Act::Stop(Timer::A), Act::Stop(Timer::B), Act::Ack, Act::Pass]);
                if self.times.reliable {
                    self.end(acts);
                } else {
                    self.state = State::Completed;
                    acts.push(Act::Arm(Timer::D, Times::TIMER_D));
                }
            }
            (State::Completed, 300..=699) => acts.push(Act::Ack),
            _ => {}
        }
    }

    /// A timer fired.
    pub fn on_timer(&mut self, timer: Timer, acts: &mut Acts) {
        match (self.state, timer) {
            (State::Calling, Timer::A) => {
                self.interval *= 2;
                acts.extend([Act::Send, Act::Arm(Timer::A, self.interval)]);
            }
            (State::Calling, Timer::B) => {
                acts.push(Act::TimedOut);
                self.end(acts);
            }
            (State::Completed, Timer::D) | (State::Accepted, Timer::M) => self.end(acts),
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

    fn bench(reliable: bool) -> Bench<InviteClient> {
        Bench::start(reliable, InviteClient::start, InviteClient::on_timer)
    }

    /// Timer A doubles without a cap, Timer B gives up at 64·T1.
    #[test]
    fn b043_a_and_b_over_udp() {
        let mut bench = bench(false);
        bench.run_for_ms(40_000);
        let sent: Vec<u64> = bench.times_of(Seen::Send);
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
        assert_eq!(bench.times_of(Seen::TimedOut), [32_000]);
        assert_eq!(bench.times_of(Seen::End), [32_000]);
        assert_eq!(bench.machine.state(), State::Terminated);
    }

    /// Over a reliable transport nothing is sent twice, and Timer B still counts.
    #[test]
    fn b_over_tcp() {
        let mut bench = bench(true);
        bench.run_for_ms(40_000);
        assert_eq!(bench.times_of(Seen::Send), [0]);
        assert_eq!(bench.times_of(Seen::TimedOut), [32_000]);
    }

    /// A provisional response ends A and B: the phone may ring for minutes.
    #[test]
    fn proceeding_waits() {
        let mut bench = bench(false);
        bench.run_for_ms(600);
        bench.feed(|m, acts| m.on_response(180, acts));
        bench.run_for_ms(600_000);
        assert_eq!(bench.times_of(Seen::Send), [0, 500]);
        assert_eq!(bench.machine.state(), State::Proceeding);
        assert!(bench.idle());
    }

    /// Each repeat of a refusal is acknowledged and hidden; Timer D ends it at 32 s; over TCP it ends at once.
    #[test]
    fn refusal_and_d() {
        let mut udp = bench(false);
        udp.feed(|m, acts| m.on_response(486, acts));
        udp.run_for_ms(1000);
        udp.feed(|m, acts| m.on_response(486, acts));
        udp.feed(|m, acts| m.on_response(200, acts));
        udp.run_for_ms(60_000);
        assert_eq!(udp.times_of(Seen::Ack), [0, 1000]);
        assert_eq!(udp.times_of(Seen::Pass), [0]);
        assert_eq!(udp.times_of(Seen::End), [32_000]);
        let mut tcp = bench(true);
        tcp.feed(|m, acts| m.on_response(486, acts));
        assert_eq!(tcp.times_of(Seen::End), [0]);
        assert!(tcp.idle());
    }

    /// In Accepted every 2xx is passed on (forks, lost ACKs) until Timer M, and a late refusal is ignored.
    #[test]
    fn b041_accepted_and_m() {
        for reliable in [false, true] {
            let mut bench = bench(reliable);
            bench.feed(|m, acts| m.on_response(200, acts));
            bench.run_for_ms(500);
            bench.feed(|m, acts| m.on_response(200, acts));
            bench.feed(|m, acts| m.on_response(486, acts));
            bench.feed(|m, acts| m.on_response(180, acts));
            bench.run_for_ms(60_000);
            assert_eq!(bench.times_of(Seen::Pass), [0, 500]);
            assert!(bench.times_of(Seen::Ack).is_empty());
            assert_eq!(bench.times_of(Seen::End), [32_000]);
        }
    }
}
