//! A test call over a trunk, for staff: it rings a telephone, writes down what each peer answered, and hangs up as soon as
//! somebody does. Whoever picks up hears nothing: no sound is sent, and none is asked for.
//!
//! It takes the way every call we place takes: the attempts in their order, the next peer when one fails, a channel for as
//! long as it lasts.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::ids::PhoneNumber;
use crate::node::Output;
use crate::node::trial::{Ticket, Tried, TriedEnd, TriedStep};
use crate::sdp::{self, Capabilities, Direction, Move};
use crate::sip::{self, CauseKind, Command, Reason, SessionId};
use crate::trunk::{Attempt, Channel, Dial, Next, NoRoute, Outcome};

use super::Shard;

/// Test calls at one time; they are for people who look for a fault.
const TRIALS_MAX: usize = 4;
/// How long a telephone rings for a test.
const RING: Duration = Duration::from_secs(30);
/// The port of an offer without sound (RFC 863): with `a=inactive` nobody sends there.
const NO_SOUND: u16 = 9;

/// A test call under way.
#[derive(Debug)]
pub(super) struct Trial {
    reply: Ticket,
    attempt: Attempt,
    waiting: VecDeque<Attempt>,
    channel: Channel,
    began: Instant,
    steps: Vec<TriedStep>,
}

impl Shard {
    /// Begins a test call.
    pub(super) fn begin_trial(&mut self, now: Now, trunk: &str, number: PhoneNumber, reply: Ticket) {
        let none = |shard: &mut Shard, reply, end| shard.tried(reply, Tried { end, steps: Vec::new() });
        let Some(id) = self.trunks.named(trunk) else { return none(self, reply, TriedEnd::UnknownTrunk) };
        if self.draining || self.trials.len() >= TRIALS_MAX {
            return none(self, reply, TriedEnd::Busy);
        }
        let routed = self.trunks.route(now.at, &Dial { trunk: Some(id), ..Dial::to(number) });
        self.drain_trunks();
        match routed {
            Ok(attempts) => self.attempt_trial(now, reply, attempts.into(), now.at, Vec::new()),
            Err(why) => none(self, reply, no_route(why)),
        }
    }

    /// What happened in a test call; false when `event` belongs to none.
    pub(super) fn on_trial(&mut self, now: Now, event: &sip::Event) -> bool {
        use sip::Event as Sip;
        let Some(session) = event.session().filter(|session| self.trials.contains_key(session)) else { return false };
        match event {
            Sip::Progress { status, .. } => {
                self.said(now, session, Some(*status), Outcome::Alive);
            }
            Sip::Answered { .. } => {
                self.said(now, session, Some(200), Outcome::Alive);
                self.end_trial(session, TriedEnd::Answered);
                self.command(now, Command::Hangup { session, reason: Some(Reason::NORMAL) });
            }
            Sip::Rejected { status, cause, retry_after_s, moved_to, .. } => {
                let (heard, outcome) = match cause.kind {
                    CauseKind::Timeout => (None, Outcome::TimedOut),
                    CauseKind::FlowClosed => (None, Outcome::Fault),
                    CauseKind::RingTimeout => (None, Outcome::Alive),
                    _ => (Some(*status), Outcome::Refused { status: *status, retry_after_s: *retry_after_s }),
                };
                let next = self.said(now, session, heard, outcome);
                if cause.kind == CauseKind::RingTimeout {
                    self.end_trial(session, TriedEnd::RangOut);
                } else {
                    self.go_on(now, session, next, moved_to.as_ref().map(sip::Hidden::reveal));
                }
            }
            Sip::Ended { .. } => self.end_trial(session, TriedEnd::Refused),
            _ => {}
        }
        true
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    /// Writes down what a peer said (or that it said nothing), and lets the trunk learn from it.
    fn said(&mut self, now: Now, session: SessionId, status: Option<u16>, outcome: Outcome) -> Next {
        let Some(trial) = self.trials.get_mut(&session) else { return Next::Stop };
        let (trunk, hop) = (trial.attempt.trunk, trial.attempt.hop);
        if trial.steps.len() < STEPS_MAX && !(status.is_none() && outcome == Outcome::Alive) {
            let after_ms = u64::try_from(now.at.since(trial.began).as_millis()).unwrap_or(u64::MAX);
            let fault = outcome == Outcome::Fault;
            trial.steps.push(TriedStep { hop, status, unreachable: fault, after_ms });
        }
        let next = self.trunks.outcome(now.at, trunk, hop, outcome);
        self.drain_trunks();
        next
    }

    /// The attempt failed: the next one, or the end.
    fn go_on(&mut self, now: Now, session: SessionId, next: Next, moved_to: Option<&str>) {
        let Some(mut trial) = self.trials.remove(&session) else { return };
        self.trunks.free(trial.channel);
        let elsewhere = moved_to.and_then(|contact| self.trunks.redirect(now.at, &trial.attempt, contact));
        self.drain_trunks();
        match next {
            Next::Stop => trial.waiting.clear(),
            Next::Trunk => trial.waiting.retain(|attempt| attempt.trunk != trial.attempt.trunk),
            Next::Attempt => {}
        }
        if let Some(attempt) = elsewhere {
            trial.waiting.push_front(attempt);
        }
        self.attempt_trial(now, trial.reply, trial.waiting, trial.began, trial.steps);
    }

    fn attempt_trial(
        &mut self,
        now: Now,
        reply: Ticket,
        mut waiting: VecDeque<Attempt>,
        began: Instant,
        steps: Vec<TriedStep>,
    ) {
        let Some(attempt) = waiting.pop_front() else {
            return self.tried(reply, Tried { end: TriedEnd::Refused, steps });
        };
        let taken = self.trunks.take_out(attempt.trunk);
        self.drain_trunks();
        let Ok(channel) = taken else { return self.tried(reply, Tried { end: TriedEnd::Full, steps }) };
        let session = self.endpoint.new_session();
        let invite = attempt.invite(silent_offer(&attempt, session), RING);
        self.trials.insert(session, Trial { reply, attempt, waiting, channel, began, steps });
        self.command(now, Command::Invite { session, invite: Box::new(invite) });
    }

    fn end_trial(&mut self, session: SessionId, end: TriedEnd) {
        if let Some(trial) = self.trials.remove(&session) {
            self.trunks.free(trial.channel);
            self.drain_trunks();
            self.tried(trial.reply, Tried { end, steps: trial.steps });
        }
    }

    fn tried(&mut self, reply: Ticket, tried: Tried) {
        self.outputs.push_back(Output::Tried { reply, tried: Box::new(tried) });
    }
}

/// An offer in the trunk's own order of codecs, without sound.
fn silent_offer(attempt: &Attempt, session: SessionId) -> Option<Vec<u8>> {
    let codecs = attempt.settings.session.codecs.clone();
    let capabilities = Capabilities { codecs, ..Capabilities::default() };
    let any = |ip: IpAddr| if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let address = Some(attempt.flow.local.ip()).filter(|ip| !ip.is_unspecified());
    let address = address.unwrap_or(any(attempt.flow.local.ip()));
    let local = sdp::Local { address, rtp_port: NO_SOUND, rtcp_port: NO_SOUND + 1 };
    let step = Move::Offer { direction: Direction::Inactive };
    let begun = sdp::Session::new(session.as_raw());
    sdp::negotiate(&capabilities, &local, &begun, step).ok().and_then(|(_, offer)| offer)
}

fn no_route(why: NoRoute) -> TriedEnd {
    match why {
        NoRoute::Short => TriedEnd::ShortNumber,
        NoRoute::Barred => TriedEnd::Barred,
        NoRoute::NoTrunk => TriedEnd::ReceivesOnly,
        NoRoute::Full => TriedEnd::Full,
        NoRoute::Down { .. } => TriedEnd::Down,
    }
}

/// Answers written down of one test call.
const STEPS_MAX: usize = 64;
