//! The side that is called: RFC 3261 §13.3 and §9.2. Provisional responses are in `reliable`.

use std::time::Duration;

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::{HeaderName, OwnedMessage};
use super::super::transaction::TransactionId;
use super::super::wire::Reply;
use super::super::{Cause, CauseKind, Flow, Reason, SessionId, Side, reading};
use super::reliable::{Exchange, Said};
use super::{Phase, Session};

/// An INVITE of the peer without a final response.
#[derive(Debug)]
pub(super) struct Ringing {
    pub transaction: TransactionId,
    pub request: OwnedMessage,
    pub source: Flow,
    pub reply: Flow,
    /// It had no offer: ours goes into the 2xx, or a reliable provisional response.
    pub late: bool,
    pub requires_100rel: bool,
    pub supports_100rel: bool,
}

impl Ringing {
    /// Is there a way for its answer?
    pub(super) fn is_answerable(&self, core: &Core) -> bool {
        core.layer.reply_flow(self.transaction).is_some()
    }
}

/// An INVITE let in.
pub(in crate::sip) struct NewCall {
    /// Its server transaction.
    pub transaction: TransactionId,
    /// The message.
    pub request: OwnedMessage,
    /// Where it came from.
    pub source: Flow,
    /// Where its responses go.
    pub reply: Flow,
}

impl Session {
    /// Takes up a call that comes in; `None` when it has no Contact to answer to.
    pub fn incoming(core: &mut Core, id: SessionId, call: NewCall) -> Option<Session> {
        let NewCall { transaction, request, source, reply } = call;
        let tag = core.tag();
        let view = request.view();
        let dialog = Dialog::from_invite(&view, &tag, source, core)?;
        let late = reading::sdp(&view).is_none();
        let expires_s = view.expires();
        core.local_tags.insert(tag, id);
        if let Some(seconds) = expires_s.filter(|seconds| *seconds > 0) {
            core.alarm(Alarm::Ring(id), Duration::from_secs(seconds.into()));
        }
        let requires_100rel = view.has_token(HeaderName::Require, "100rel");
        let supports_100rel = view.supports("100rel");
        let mut session = Session::new(id, Phase::Over);
        session.note_abilities(&view);
        session.invite_cseq = dialog.remote_cseq;
        session.remote_sdp = reading::sdp(&view);
        session.dialog = Some(dialog);
        let ringing = Ringing { transaction, request, source, reply, late, requires_100rel, supports_100rel };
        session.phase = Phase::Ringing(Box::new(ringing));
        Some(session)
    }

    /// The owner's word to an INVITE of the peer.
    pub fn respond(&mut self, core: &mut Core, said: Said) {
        if self.told || !matches!(self.phase, Phase::Ringing(_)) {
            return;
        }
        match said.status {
            101..=199 => self.progress(core, said),
            200..=299 if self.holds() => self.hold(said),
            200..=299 => self.accept(core, said),
            300..=699 => self.decline(core, &said),
            _ => {}
        }
    }

    fn accept(&mut self, core: &mut Core, said: Said) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let Some(dialog) = &self.dialog else { return };
        let (tag, cseq) = (dialog.local_tag.clone(), self.invite_cseq.unwrap_or_default());
        let (transaction, request, source) = (ringing.transaction, ringing.request.clone(), ringing.source);
        let flow = core.layer.reply_flow(ringing.transaction).unwrap_or(ringing.reply);
        let done = self.reliable.exchange == Exchange::Done;
        let late = ringing.late && !done;
        self.grant_timer(core, &request.view());
        // What was agreed before the answer stands.
        let sdp = said.sdp.filter(|_| !done);
        let mut reply = Reply::new(said.status).phrase(said.phrase).tag(&tag).contact().sdp(sdp.as_deref());
        reply = self.write_timer(reply);
        for (name, value) in said.headers.iter() {
            reply = reply.header(name, value);
        }
        let Some(bytes) = core.reply_later(transaction, &request, source, &reply) else { return };
        if sdp.is_some() {
            self.local_sdp = sdp;
        }
        self.phase = Phase::Up;
        core.alarms.stop(Alarm::Ring(self.id));
        self.end_provisional(core);
        self.expect_ack(core, cseq, flow, bytes, late, false);
    }

    fn decline(&mut self, core: &mut Core, said: &Said) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let tag = self.dialog.as_ref().map(|dialog| dialog.local_tag.clone()).unwrap_or_default();
        let mut reply = Reply::new(said.status).phrase(said.phrase).tag(&tag).sdp(said.sdp.as_deref());
        if let Some(seconds) = said.retry_after_s {
            reply = reply.header("Retry-After", seconds.to_string());
        }
        for (name, value) in said.headers.iter() {
            reply = reply.header(name, value);
        }
        core.reply_later(ringing.transaction, &ringing.request, ringing.source, &reply);
        self.over(core);
        self.tell_ended(core, Cause::new(Side::Us, CauseKind::Rejected).with_status(said.status));
    }

    /// CANCEL of the INVITE that rings; its own 200 was sent already (§9.2).
    pub fn on_cancel(&mut self, core: &mut Core, reason: Option<Reason>) {
        if matches!(self.phase, Phase::Ringing(_)) {
            self.refuse(core, 487, None);
            let cause = Cause::new(Side::Peer, CauseKind::Cancelled).with_status(487).with_reason(reason);
            self.tell_ended(core, cause);
        }
    }

    /// The INVITE gets a final refusal; the session is over.
    pub(super) fn refuse(&mut self, core: &mut Core, status: u16, reason: Option<Reason>) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let tag = self.dialog.as_ref().map(|dialog| dialog.local_tag.clone()).unwrap_or_default();
        let mut reply = Reply::new(status).tag(&tag);
        if let Some(reason) = reason {
            reply = reply.header("Reason", reason.to_value());
        }
        core.reply_later(ringing.transaction, &ringing.request, ringing.source, &reply);
        self.over(core);
    }

    /// No call comes of it.
    fn over(&mut self, core: &mut Core) {
        self.end_provisional(core);
        self.reliable.outstanding_is_void();
        self.refuse_theirs(core, 487);
        self.phase = Phase::Over;
    }
}
