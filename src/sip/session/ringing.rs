//! The side that is called: RFC 3261 §13.3 and §9.2.

use std::time::Duration;

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::OwnedMessage;
use super::super::transaction::TransactionId;
use super::super::wire::Reply;
use super::super::{Cause, CauseKind, Flow, Headers, Reason, SessionId, Side, reading};
use super::{Phase, Session};

/// An INVITE of the peer without a final response.
#[derive(Debug)]
pub(super) struct Ringing {
    transaction: TransactionId,
    request: OwnedMessage,
    source: Flow,
    reply: Flow,
    /// It had no offer: ours goes into the 2xx.
    late: bool,
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
        let ringing = Ringing { transaction, request, source, reply, late };
        let mut session = Session::new(id, Phase::Ringing(Box::new(ringing)));
        session.dialog = Some(dialog);
        Some(session)
    }

    /// The owner's word to an INVITE of the peer.
    pub fn respond(
        &mut self,
        core: &mut Core,
        status: u16,
        phrase: Option<&'static str>,
        sdp: Option<Vec<u8>>,
        retry_after_s: Option<u32>,
        headers: &Headers,
    ) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let Some(dialog) = self.dialog.as_ref().filter(|_| !self.told && (101..=699).contains(&status)) else { return };
        let tag = dialog.local_tag.clone();
        let mut reply = Reply::new(status).phrase(phrase).tag(&tag).sdp(sdp.as_deref());
        if status < 300 {
            reply = reply.contact();
        }
        if let Some(seconds) = retry_after_s {
            reply = reply.header("Retry-After", seconds.to_string());
        }
        for (name, value) in headers.iter() {
            reply = reply.header(name, value);
        }
        let sent = core.reply_later(ringing.transaction, &ringing.request, ringing.source, &reply);
        let flow = core.layer.reply_flow(ringing.transaction).unwrap_or(ringing.reply);
        let late = ringing.late;
        match (status, sent) {
            (200..=299, Some(bytes)) => {
                let cseq = dialog.remote_cseq.unwrap_or_default();
                self.phase = Phase::Up;
                core.alarms.stop(Alarm::Ring(self.id));
                self.expect_ack(core, cseq, flow, bytes, late, false);
            }
            (300..=699, _) => {
                self.phase = Phase::Over;
                self.tell_ended(core, Cause::new(Side::Us, CauseKind::Rejected).with_status(status));
            }
            _ => {}
        }
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
        self.phase = Phase::Over;
    }
}
