//! The INVITE server transaction: RFC 3261 §17.2.1, with the state Accepted of RFC 6026 §7.1.
//!
//! ```text
//!         INVITE ──▶ Proceeding (repeats the last 1xx)
//!                2xx │        │ 300..=699
//!                    ▼        ▼                G: send again, H: no ACK, over
//!              Accepted    Completed ──ACK──▶ Confirmed
//!                  │ L        │ H                │ I
//!                  ▼          ▼                  ▼
//!                            over
//! ```
//! The 2xx itself is repeated by the session (§13.3.1.4), which also waits for its ACK.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Acts, Timer, Times};

/// States as the RFC names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sip) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// One INVITE of the peer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sip) struct InviteServer {
    state: State,
    times: Times,
    interval: Duration,
}

impl InviteServer {
    /// The INVITE came.
    pub fn start(times: Times, _acts: &mut Acts) -> InviteServer {
        InviteServer { state: State::Proceeding, times, interval: times.t1 }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The INVITE came again. In Accepted it is absorbed: the session repeats the 2xx on its own beat.
    pub fn on_retransmission(&mut self, acts: &mut Acts) {
        if matches!(self.state, State::Proceeding | State::Completed) {
            acts.push(Act::Send);
        }
    }

    /// An ACK with the INVITE's own branch came.
    pub fn on_ack(&mut self, acts: &mut Acts) {
        match self.state {
            State::Completed => {
                acts.extend([Act::Stop(Timer::G), Act::Stop(Timer::H)]);
                if self.times.reliable {
                    self.end(acts);
                } else {
                    self.state = State::Confirmed;
                    acts.push(Act::Arm(Timer::I, self.times.t4));
                }
            }
            State::Accepted => acts.push(Act::Pass),
            _ => {}
        }
    }

    /// The user responds. False when the state does not allow it; then nothing is sent.
    pub fn respond(&mut self, status: u16, acts: &mut Acts) -> bool {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => acts.push(Act::Send),
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                acts.extend([Act::Send, Act::Arm(Timer::L, self.times.t1 * 64)]);
            }
            (State::Accepted, 200..=299) => acts.push(Act::Send),
            (State::Proceeding, 300..=699) => {
                self.state = State::Completed;
                acts.push(Act::Send);
                if !self.times.reliable {
                    acts.push(Act::Arm(Timer::G, self.times.t1));
                }
                acts.push(Act::Arm(Timer::H, self.times.t1 * 64));
            }
            _ => return false,
        }
        true
    }

    /// A timer fired.
    pub fn on_timer(&mut self, timer: Timer, acts: &mut Acts) {
        match (self.state, timer) {
            (State::Completed, Timer::G) => {
                self.interval = (self.interval * 2).min(self.times.t2);
                acts.extend([Act::Send, Act::Arm(Timer::G, self.interval)]);
            }
            (State::Completed, Timer::H) => {
                acts.push(Act::TimedOut);
                self.end(acts);
            }
            (State::Confirmed, Timer::I) | (State::Accepted, Timer::L) => self.end(acts),
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

    fn bench(reliable: bool) -> Bench<InviteServer> {
        Bench::start(reliable, InviteServer::start, InviteServer::on_timer)
    }

    /// While nothing final was said, each repeat of the INVITE brings the last provisional again.
    #[test]
    fn b037_proceeding_repeats_the_provisional() {
        let mut bench = bench(false);
        bench.feed(|m, acts| assert!(m.respond(100, acts)));
        bench.run_for_ms(500);
        bench.feed(|m, acts| m.on_retransmission(acts));
        bench.run_for_ms(600_000);
        assert_eq!(bench.times_of(Seen::Send), [0, 500]);
        assert!(bench.idle());
    }

    /// A refusal is repeated from T1 to T2 (G) until the ACK or Timer H.
    #[test]
    fn b038_g_and_h() {
        let mut bench = bench(false);
        bench.feed(|m, acts| assert!(m.respond(486, acts)));
        bench.run_for_ms(60_000);
        let sent = bench.times_of(Seen::Send);
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(bench.times_of(Seen::TimedOut), [32_000]);
        assert_eq!(bench.times_of(Seen::End), [32_000]);
    }

    /// The ACK stops the repeats; Timer I then absorbs further ACKs for T4.
    #[test]
    fn b038_ack_and_i() {
        let mut udp = bench(false);
        udp.feed(|m, acts| assert!(m.respond(486, acts)));
        udp.run_for_ms(600);
        udp.feed(|m, acts| m.on_ack(acts));
        udp.feed(|m, acts| m.on_ack(acts));
        udp.feed(|m, acts| m.on_retransmission(acts));
        udp.feed(|m, acts| assert!(!m.respond(200, acts), "too late"));
        udp.run_for_ms(60_000);
        assert_eq!(udp.times_of(Seen::Send), [0, 500]);
        assert!(udp.times_of(Seen::Pass).is_empty());
        assert_eq!(udp.times_of(Seen::End), [5600]);
        let mut tcp = bench(true);
        tcp.feed(|m, acts| assert!(m.respond(486, acts)));
        tcp.run_for_ms(600);
        tcp.feed(|m, acts| m.on_ack(acts));
        assert_eq!(tcp.times_of(Seen::Send), [0]);
        assert_eq!(tcp.times_of(Seen::End), [600]);
    }

    /// After a 2xx a repeated INVITE is absorbed, the session may repeat the 2xx, and Timer L ends it.
    #[test]
    fn b040_accepted_and_l() {
        let mut bench = bench(false);
        bench.feed(|m, acts| assert!(m.respond(200, acts)));
        bench.run_for_ms(500);
        bench.feed(|m, acts| m.on_retransmission(acts));
        bench.feed(|m, acts| assert!(m.respond(200, acts)));
        bench.feed(|m, acts| assert!(!m.respond(486, acts)));
        bench.feed(|m, acts| m.on_ack(acts));
        bench.run_for_ms(60_000);
        assert_eq!(bench.times_of(Seen::Send), [0, 500]);
        assert_eq!(bench.times_of(Seen::Pass), [500]);
        assert_eq!(bench.times_of(Seen::End), [32_000]);
    }
}
