//! Reliable provisional responses of the side that is called: RFC 3262 §3.
//!
//! One is out at a time; those behind it wait. One that carries a session description holds back the 2xx until its PRACK
//! has come. A response to an INVITE without offer is sent reliably only when it carries ours, as the first reliable one
//! must; the PRACK then brings the answer.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::endpoint::{Alarm, Core};
use super::super::message::Method;
use super::super::wire::Reply;
use super::super::{Bytes, Cause, CauseKind, Event, Flow, Headers, Output, Side, reading};
use super::{Incoming, Phase, Session};

/// What the owner said to an INVITE of the peer.
#[derive(Clone, Debug)]
pub(in crate::sip) struct Said {
    pub status: u16,
    pub phrase: Option<&'static str>,
    pub sdp: Option<Vec<u8>>,
    pub retry_after_s: Option<u32>,
    pub headers: Headers,
}

/// Provisional responses on their way, and what waits behind them.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    /// The latest RSeq.
    rseq: Option<u32>,
    outstanding: Option<Outstanding>,
    waiting: VecDeque<Said>,
    /// A 2xx that may not leave yet.
    held: Option<Said>,
    /// How far the offer of the INVITE, or ours in its place, has come.
    pub exchange: Exchange,
}

/// Offer and answer before the final response (RFC 3264, RFC 3311 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Exchange {
    /// No answer was given reliably.
    #[default]
    Open,
    /// Our offer is out.
    Offered,
    /// Both sides have said what they want.
    Done,
}

impl Reliable {
    /// The connection it was sent over is gone; its repeats go over another.
    pub fn follow(&mut self, gone: &Flow, to: Flow) {
        if let Some(out) = self.outstanding.as_mut().filter(|out| out.flow == *gone) {
            out.flow = to;
        }
    }

    /// After a refusal a PRACK means nothing any more.
    pub fn outstanding_is_void(&mut self) {
        self.outstanding = None;
    }
}

#[derive(Debug)]
struct Outstanding {
    rseq: u32,
    flow: Flow,
    bytes: Bytes,
    interval: Duration,
    described: bool,
}

/// Provisional responses that wait for a PRACK; more are left out, as each is soon out of date.
pub(in crate::sip) const WAITING_MAX: usize = 8;

impl Session {
    /// A provisional response of the owner's.
    pub(super) fn progress(&mut self, core: &mut Core, said: Said) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let asked = ringing.requires_100rel
            || (core.config.reliable_provisional && ringing.supports_100rel && said.sdp.is_some());
        let offerless = ringing.late && self.reliable.exchange == Exchange::Open && said.sdp.is_none();
        if asked && offerless {
            // Required, it may not go out as it is (§3), nor reliably without an offer (§5): it is left out.
        } else if !asked {
            self.send_said(core, &said, None);
        } else if self.reliable.outstanding.is_none() {
            self.send_reliably(core, said);
        } else if self.reliable.waiting.len() < WAITING_MAX {
            self.reliable.waiting.push_back(said);
        }
    }

    /// Must this 2xx wait for a PRACK, or for the answer to an offer that came in one?
    pub(super) fn holds(&self) -> bool {
        self.reliable.outstanding.as_ref().is_some_and(|out| out.described) || self.theirs.is_some()
    }

    /// Keeps a 2xx until [`Session::release`].
    pub(super) fn hold(&mut self, said: Said) {
        self.reliable.held.get_or_insert(said);
    }

    /// What was held back may leave now.
    pub(super) fn release(&mut self, core: &mut Core) {
        if self.told || !matches!(self.phase, Phase::Ringing(_)) || self.holds() {
            return;
        }
        if let Some(said) = self.reliable.held.take() {
            return self.respond(core, said);
        }
        if self.reliable.outstanding.is_none()
            && let Some(said) = self.reliable.waiting.pop_front()
        {
            self.send_reliably(core, said);
        }
    }

    /// A final response leaves: nothing provisional is repeated any more, though a PRACK may still come (§3).
    pub(super) fn end_provisional(&mut self, core: &mut Core) {
        core.alarms.stop(Alarm::Reliable(self.id));
        core.alarms.stop(Alarm::ReliableGuard(self.id));
        self.reliable.waiting.clear();
        self.reliable.held = None;
    }

    /// Time to repeat it. The interval doubles without a cap (§3).
    pub fn resend_reliable(&mut self, core: &mut Core) {
        let Some(out) = &mut self.reliable.outstanding else { return };
        out.interval *= 2;
        core.out.push_back(Output::Transmit { flow: out.flow, bytes: out.bytes.clone() });
        let interval = out.interval;
        core.alarm(Alarm::Reliable(self.id), interval);
    }

    /// No PRACK for 64·T1: the INVITE is refused.
    pub fn reliable_overdue(&mut self, core: &mut Core) {
        if matches!(self.phase, Phase::Ringing(_)) {
            self.refuse(core, 504, None);
            self.tell_ended(core, Cause::new(Side::Network, CauseKind::NoAck).with_status(504));
        }
    }

    /// A PRACK of the peer.
    pub(super) fn on_prack(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let out = match (request.message.rack(), &self.reliable.outstanding) {
            (Some(rack), Some(out)) if rack.rseq == out.rseq && self.invite_cseq == Some(rack.cseq) => {
                (rack.method == Method::Invite).then_some(out.described)
            }
            _ => None,
        };
        let Some(described) = out else { return request.answer(core, &Reply::new(481)) };
        self.reliable.outstanding = None;
        core.alarms.stop(Alarm::Reliable(self.id));
        core.alarms.stop(Alarm::ReliableGuard(self.id));
        match (self.reliable.exchange, reading::sdp(request.message)) {
            (Exchange::Offered, Some(sdp)) => {
                self.reliable.exchange = Exchange::Done;
                request.answer(core, &Reply::new(200));
                self.remote_sdp = Some(sdp.clone());
                core.tell(Event::EarlyAnswer { session: self.id, sdp });
            }
            (Exchange::Offered, None) if described => {
                // Our offer stays without an answer: there can be no session.
                request.answer(core, &Reply::new(200));
                self.refuse(core, 400, None);
                self.tell_ended(core, Cause::new(Side::Peer, CauseKind::ProtocolError).with_status(400));
            }
            (Exchange::Done, Some(sdp)) if matches!(self.phase, Phase::Ringing(_)) && self.theirs.is_none() => {
                self.take_theirs(core, request, Some(sdp));
            }
            (_, Some(_)) => self.too_early(core, request),
            (_, None) => request.answer(core, &Reply::new(200)),
        }
        self.release(core);
    }

    fn send_reliably(&mut self, core: &mut Core, said: Said) {
        let rseq = match self.reliable.rseq {
            // §3: drawn between 1 and 2³¹ − 1, then one more each time.
            None => 1 + (core.ids.next_u32() >> 1).min((1 << 31) - 3),
            Some(last) => last.saturating_add(1),
        };
        let Some((flow, bytes, described)) = self.send_said(core, &said, Some(rseq)) else { return };
        let interval = core.config.t1;
        self.reliable.rseq = Some(rseq);
        self.reliable.outstanding = Some(Outstanding { rseq, flow, bytes, interval, described });
        core.alarm(Alarm::Reliable(self.id), interval);
        core.alarm(Alarm::ReliableGuard(self.id), interval * 64);
    }

    /// Writes a provisional response; with an RSeq, it takes part in offer and answer.
    fn send_said(&mut self, core: &mut Core, said: &Said, rseq: Option<u32>) -> Option<(Flow, Bytes, bool)> {
        let Phase::Ringing(ringing) = &self.phase else { return None };
        let tag = self.dialog.as_ref().map(|dialog| dialog.local_tag.clone())?;
        // A second description would be a second answer.
        let sdp = said.sdp.as_deref().filter(|_| self.reliable.exchange == Exchange::Open);
        let mut reply = Reply::new(said.status).phrase(said.phrase).tag(&tag).contact().sdp(sdp);
        if let Some(rseq) = rseq {
            reply = reply.header("Require", "100rel").header("RSeq", rseq.to_string());
        }
        for (name, value) in said.headers.iter() {
            reply = reply.header(name, value);
        }
        let bytes = core.reply_later(ringing.transaction, &ringing.request, ringing.source, &reply)?;
        let flow = core.layer.reply_flow(ringing.transaction).unwrap_or(ringing.reply);
        let late = ringing.late;
        let described = sdp.is_some();
        if described && rseq.is_some() {
            self.reliable.exchange = if late { Exchange::Offered } else { Exchange::Done };
            self.local_sdp.clone_from(&said.sdp);
        }
        Some((flow, bytes, described))
    }
}
