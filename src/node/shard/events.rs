//! What the endpoint and the dispatcher say, handed to the calls.

use crate::call::{Device, DispatchEvent, LegEnd, LegEvent};
use crate::clock::Now;
use crate::dispatch::{self, Outcome};
use crate::ids::ListenerId;
use crate::node::{Event, Output};
use crate::sip::{self, CauseKind, Command, SessionId};
use crate::trunk;

use super::Shard;

impl Shard {
    /// An event of the endpoint.
    pub(super) fn happened(&mut self, now: Now, event: sip::Event) {
        use sip::Event as Sip;
        if self.on_trial(now, &event) {
            return;
        }
        match event {
            Sip::Invite { session, invite } => self.arrived(now, session, invite),
            Sip::Progress { session, status, .. } => {
                self.on_leg(session, LegEvent::Progress { status });
            }
            Sip::Answered { session, sdp } => {
                if let Some(flow) = self.endpoint.flow_of(session) {
                    self.legs.answers_from(session, flow.remote.ip());
                }
                let line = self.legs.leg(session).and_then(|leg| self.lines.answered(leg));
                self.tell_line(now, line);
                if !self.on_leg(session, LegEvent::Answered { sdp }) {
                    self.command(now, Command::Hangup { session, reason: None });
                }
            }
            Sip::Rejected { session, status, .. } => {
                self.on_leg(session, LegEvent::Rejected { status });
                self.part(now, session);
            }
            Sip::Confirmed { session, sdp } => {
                self.on_leg(session, LegEvent::Confirmed { sdp });
            }
            Sip::ReofferConfirmed { session, sdp } => {
                self.on_leg(session, LegEvent::ReofferConfirmed { sdp });
            }
            Sip::Reoffer { session, sdp } => {
                if !self.on_leg(session, LegEvent::Reoffer { sdp }) {
                    self.command(now, Command::AnswerReoffer { session, status: 481, sdp: None });
                }
            }
            Sip::Reanswered { session, sdp } => {
                self.on_leg(session, LegEvent::Reanswered { sdp });
            }
            Sip::ReofferRejected { session, .. } => {
                self.on_leg(session, LegEvent::ReofferRejected);
            }
            Sip::Info { session, content_type, body } => {
                if let Some(digit) = dtmf_of(&content_type, &body) {
                    self.on_leg(session, LegEvent::Digit(digit));
                }
            }
            Sip::Ended { session, cause } => {
                self.on_leg(session, LegEvent::Ended(leg_end(&cause)));
                self.part(now, session);
            }
            Sip::Refer { session, .. } => self.refer(now, session),
            // Whoever can be woken can be reached.
            Sip::Bound { user, bindings, asleep, new, .. } => {
                self.event(Event::Bound { bindings, new });
                self.reachable(now, &user, bindings + asleep);
            }
            Sip::Unbound { user, bindings, asleep, why } => {
                self.event(Event::Unbound { why });
                self.reachable(now, &user, bindings + asleep);
            }
            Sip::Wake { push, .. } => self.event(Event::Wake { provider: push.provider }),
            Sip::AuthFailed { flow, throttled } => {
                self.event(Event::AuthFailed { source: flow.remote.ip(), throttled });
            }
            Sip::Banned { source, why, span } => self.event(Event::Banned { source, why, span }),
            // Our offers go into the INVITE itself, and our provisional responses carry none.
            Sip::EarlyOffer { .. } | Sip::EarlyAnswer { .. } => {}
            Sip::Registration { account, state } => {
                if state == sip::RegistrationState::Gone {
                    self.leaving.remove(&account);
                }
                self.tell_trunks(now, trunk::Input::Registration { account, state });
            }
            Sip::OptionsReply { probe, status, .. } => {
                self.tell_trunks(now, trunk::Input::OptionsReply { probe, status });
            }
        }
    }

    /// Hands an event to the leg that `session` carries; false when there is none.
    fn on_leg(&mut self, session: SessionId, event: LegEvent) -> bool {
        let Some(leg) = self.legs.leg(session) else { return false };
        if !self.calls.contains_key(&leg.call) {
            return false;
        }
        self.leg_event(leg, event);
        true
    }

    fn reachable(&mut self, now: Now, user: &str, bindings: usize) {
        let listener = ListenerId::new(user);
        let devices = u32::try_from(bindings).unwrap_or(u32::MAX);
        if devices == 0 {
            self.users.remove(&listener);
        } else {
            self.users.insert(listener.clone(), devices);
        }
        self.tell_dispatcher(now, dispatch::Input::Reachable { listener, devices });
    }

    /// A word of the dispatcher.
    pub(super) fn dispatched(&mut self, now: Now, output: dispatch::Output) {
        match output {
            dispatch::Output::Ring { token, ring } => {
                let call = token.call;
                if !self.calls.contains_key(&call) {
                    let outcome = Outcome::Failed;
                    self.tell_dispatcher(now, dispatch::Input::Outcome { token, outcome });
                    return self.tell_dispatcher(now, dispatch::Input::Leave { call });
                }
                let user = token.listener.as_str();
                let known = self.endpoint.bindings(user).chain(self.endpoint.asleep(user));
                let bindings: Vec<sip::Binding> = known.cloned().collect();
                let devices = (0..bindings.len() as u32).map(Device).collect();
                self.rings.insert(call, bindings);
                self.dispatch_event(call, DispatchEvent::Ring { token, ring, devices });
            }
            dispatch::Output::Withdraw { token, .. } => {
                self.dispatch_event(token.call, DispatchEvent::Withdraw { token });
            }
            dispatch::Output::Exhausted { call, .. } => self.dispatch_event(call, DispatchEvent::Exhausted),
            dispatch::Output::Decision(decision) => self.outputs.push_back(Output::Decision(decision)),
            dispatch::Output::Dropped(reason) => self.event(Event::DispatchDropped(reason)),
            dispatch::Output::Position { .. } | dispatch::Output::Timeout(_) => {}
        }
    }
}

fn leg_end(cause: &sip::Cause) -> LegEnd {
    if cause.by == sip::Side::Us && !matches!(cause.kind, CauseKind::NoAck | CauseKind::Timeout) {
        return LegEnd::Ours;
    }
    match cause.kind {
        CauseKind::Bye => LegEnd::HungUp,
        CauseKind::Cancelled => LegEnd::Cancelled,
        CauseKind::NoAck => LegEnd::NoAck,
        CauseKind::Rejected
        | CauseKind::RingTimeout
        | CauseKind::Timeout
        | CauseKind::SessionExpired
        | CauseKind::FlowClosed
        | CauseKind::DialogLost
        | CauseKind::ProtocolError
        | CauseKind::Unauthorized => LegEnd::Lost,
    }
}

/// A key by INFO: `application/dtmf-relay` ("Signal=5") or `application/dtmf` ("5").
fn dtmf_of(content_type: &[u8], body: &[u8]) -> Option<char> {
    let content_type = content_type.to_ascii_lowercase();
    let body = std::str::from_utf8(body).ok()?;
    let signal = if content_type.starts_with(b"application/dtmf-relay") {
        body.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?
    } else if content_type.starts_with(b"application/dtmf") {
        body.trim()
    } else {
        return None;
    };
    match signal {
        "10" => Some('*'),
        "11" => Some('#'),
        _ => signal.chars().next().filter(|_| signal.len() == 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two forms of a key by INFO, in the spellings that are seen; what is no key is none.
    #[test]
    fn b167_keys_by_info() {
        for (kind, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("application/dtmf-relay", "Duration=160\r\nSignal= 0\r\n", Some('0')),
            ("Application/DTMF-Relay;charset=utf-8", "signal=*", Some('*')),
            ("application/dtmf-relay", "Signal=11\n", Some('#')),
            ("application/dtmf-relay", "Signal=10\n", Some('*')),
            ("application/dtmf-relay", "Signal=55\r\n", None),
            ("application/dtmf-relay", "5", None),
            ("application/dtmf-relay", "", None),
            ("application/dtmf", "5", Some('5')),
            ("application/dtmf", " #\r\n", Some('#')),
            ("application/dtmf", "", None),
            ("application/dtmf", "12", None),
            ("text/plain", "5", None),
            ("", "5", None),
        ] {
            assert_eq!(dtmf_of(kind.as_bytes(), body.as_bytes()), key, "{kind}: {body:?}");
        }
        assert_eq!(dtmf_of(b"application/dtmf", b"\xff"), None);
    }
}
