//! The non-INVITE server transaction: RFC 3261 §17.2.2. It answers a repeated request with the response given once.

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

/// One request of the peer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sip) struct NonInviteServer {
    state: State,
    times: Times,
}

impl NonInviteServer {
    /// The request came.
    pub fn start(times: Times, _acts: &mut Acts) -> NonInviteServer {
        NonInviteServer { state: State::Trying, times }
    }

    /// The request came again.
    pub fn on_retransmission(&mut self, acts: &mut Acts) {
        if matches!(self.state, State::Proceeding | State::Completed) {
            acts.push(Act::Send);
        }
    }

    /// The user responds. False when a final response was given already.
    pub fn respond(&mut self, status: u16, acts: &mut Acts) -> bool {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                acts.push(Act::Send);
            }
            (State::Trying | State::Proceeding, 200..=699) => {
                acts.push(Act::Send);
                if self.times.reliable {
                    self.end(acts);
                } else {
                    self.state = State::Completed;
                    acts.push(Act::Arm(Timer::J, self.times.t1 * 64));
                }
            }
            _ => return false,
        }
        true
    }

    /// A timer fired.
    pub fn on_timer(&mut self, timer: Timer, acts: &mut Acts) {
        if (self.state, timer) == (State::Completed, Timer::J) {
            self.end(acts);
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

    fn bench(reliable: bool) -> Bench<NonInviteServer> {
        Bench::start(reliable, NonInviteServer::start, NonInviteServer::on_timer)
    }

    /// Each repeat brings the same response for 64·T1 (Timer J), and only the first answer counts.
    #[test]
    fn b042_completed_and_j() {
        let mut bench = bench(false);
        bench.feed(|m, acts| m.on_retransmission(acts));
        bench.feed(|m, acts| assert!(m.respond(100, acts)));
        bench.run_for_ms(10);
        bench.feed(|m, acts| m.on_retransmission(acts));
        bench.feed(|m, acts| assert!(m.respond(200, acts)));
        bench.feed(|m, acts| assert!(!m.respond(500, acts)));
        bench.run_for_ms(500);
        bench.feed(|m, acts| m.on_retransmission(acts));
        bench.run_for_ms(60_000);
        assert_eq!(bench.times_of(Seen::Send), [0, 10, 10, 510]);
        assert_eq!(bench.times_of(Seen::End), [32_010]);
    }

    /// Over TCP it is over with the final response.
    #[test]
    fn over_tcp() {
        let mut bench = bench(true);
        bench.feed(|m, acts| assert!(m.respond(200, acts)));
        assert_eq!(bench.times_of(Seen::End), [0]);
        assert!(bench.idle());
    }
}
