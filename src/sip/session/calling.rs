//! The side that calls: RFC 3261 §13.2, §9.1 and §22.2.
//!
//! A CANCEL waits for the first provisional response (§9.1); an answer that crosses it is acknowledged and hung up; a
//! challenge is answered once. Nothing of a fork but the first 2xx is kept.

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::{Message, Method};
use super::super::reading;
use super::super::transaction::{TransactionId, User, cancel_for, states};
use super::super::wire::{Draft, name_addr};
use super::super::{Cause, CauseKind, Event, Flow, OutgoingInvite, Reason, SessionId, Side, Target};
use super::{Phase, Session};

/// An INVITE of ours without a final response.
#[derive(Debug)]
pub(super) struct Calling {
    transaction: TransactionId,
    draft: Draft,
    flow: Flow,
    local_tag: String,
    cancel: Cancel,
    challenged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Wanted, and held back until a provisional response.
    Held(Option<Reason>),
    Sent,
}

impl Calling {
    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.local_tag
    }
}

impl Session {
    /// Places a call.
    pub fn outgoing(core: &mut Core, id: SessionId, invite: OutgoingInvite) -> Session {
        let OutgoingInvite { target, from_uri, from_display, to_uri, credentials, headers, sdp, .. } = invite;
        let (uri, flow, routes) = match target {
            Target::Binding(binding) => (binding.contact.reveal().to_owned(), binding.flow, binding.path_routes()),
            Target::Uri { uri, flow } => (uri.reveal().to_owned(), flow, Vec::new()),
        };
        let local_tag = core.tag();
        let call_id = core.call_id();
        let to = to_uri.as_ref().map_or(uri.as_str(), |to| to.reveal());
        let mut draft = Draft::new(Method::Invite, uri.clone().into_bytes(), call_id, 1);
        draft.from = name_addr(from_display.reveal(), from_uri.reveal(), Some(&local_tag));
        draft.to = name_addr("", to, None);
        draft.max_forwards = invite.max_forwards;
        draft.routes = routes;
        draft.sdp = sdp;
        for (name, value) in headers.iter() {
            draft.push(name.to_owned(), value.to_owned());
        }
        let transaction = core.send_request(User::Invite(id), &draft, flow);
        core.local_tags.insert(local_tag.clone(), id);
        core.alarm(Alarm::Ring(id), invite.ring_timeout);
        let cancel = Cancel::No;
        let calling = Calling { transaction, draft, flow, local_tag, cancel, challenged: false };
        let mut session = Session::new(id, Phase::Calling(Box::new(calling)));
        session.credentials = credentials;
        session.open.insert(transaction);
        session
    }

    /// A response to the INVITE that began the session.
    pub fn on_invite_response(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        let current = match &self.phase {
            Phase::Calling(calling) => calling.transaction == id,
            _ => false,
        };
        match status {
            100..=199 if current => self.on_provisional(core, status, message),
            200..=299 if current => self.on_answer(core, id, message),
            200..=299 => self.further_2xx(core, id, message),
            300..=699 if current => self.on_refusal(core, status, message),
            _ => {}
        }
    }

    /// The INVITE rang long enough.
    pub fn ring_timeout(&mut self, core: &mut Core) {
        match &self.phase {
            Phase::Calling(_) => {
                let cause = Cause::new(Side::Us, CauseKind::RingTimeout).with_status(408);
                self.tell_rejected(core, 408, cause);
                self.cancel(core, None);
            }
            // The caller's own limit (Expires, §13.3.1.1).
            Phase::Ringing(_) => {
                self.refuse(core, 487, None);
                self.tell_ended(core, Cause::new(Side::Peer, CauseKind::RingTimeout).with_status(487));
            }
            Phase::Up | Phase::Over => {}
        }
    }

    /// A cancelled INVITE that nobody ever finished.
    pub fn cancel_overdue(&mut self, core: &mut Core) {
        if let Phase::Calling(calling) = &self.phase {
            let notes = core.layer.abandon(calling.transaction);
            core.notes.extend(notes);
            self.phase = Phase::Over;
        }
    }

    pub(super) fn cancel(&mut self, core: &mut Core, reason: Option<Reason>) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        if calling.cancel == Cancel::Sent {
            return;
        }
        if core.layer.invite_state(calling.transaction) != Some(states::InviteClient::Proceeding) {
            calling.cancel = Cancel::Held(reason);
            return;
        }
        calling.cancel = Cancel::Sent;
        let Some((invite, flow)) = core.layer.request_of(calling.transaction) else { return };
        if let Some((bytes, key)) = cancel_for(&invite, reason) {
            let id = core.send_bytes(User::Cancel(self.id), key, flow, bytes);
            self.open.insert(id);
        }
        core.alarm(Alarm::CancelGuard(self.id), core.config.t1 * 64);
    }

    pub(super) fn invite_failed(&mut self, core: &mut Core, id: TransactionId, fault: bool) {
        let Phase::Calling(calling) = &self.phase else { return };
        if calling.transaction != id {
            return;
        }
        let (status, kind) = if fault { (503, CauseKind::FlowClosed) } else { (408, CauseKind::Timeout) };
        self.tell_rejected(core, status, Cause::new(Side::Network, kind).with_status(status));
        self.phase = Phase::Over;
    }

    fn on_provisional(&mut self, core: &mut Core, status: u16, message: &Message<'_>) {
        let Phase::Calling(calling) = &self.phase else { return };
        match calling.cancel {
            Cancel::Held(reason) => self.cancel(core, reason),
            Cancel::Sent => {}
            Cancel::No if status > 100 && !self.told => {
                core.tell(Event::Progress { session: self.id, status, sdp: reading::sdp(message) });
            }
            Cancel::No => {}
        }
    }

    fn on_answer(&mut self, core: &mut Core, id: TransactionId, message: &Message<'_>) {
        let Phase::Calling(calling) = &self.phase else { return };
        let late = calling.draft.sdp.is_none();
        let cseq = calling.draft.cseq;
        core.alarms.stop(Alarm::Ring(self.id));
        core.alarms.stop(Alarm::CancelGuard(self.id));
        let dialog = Dialog::answered(core, id, message);
        if self.told {
            // The answer crossed our CANCEL, or came after the ring timeout. Later copies find the ACK by this tag.
            self.phase = Phase::Over;
            if let Some(dialog) = dialog {
                self.end_fork(core, id, dialog.clone(), cseq);
                self.dialog = Some(dialog);
            }
            return;
        }
        let Some(dialog) = dialog else {
            let cause = Cause::new(Side::Peer, CauseKind::ProtocolError).with_status(502);
            self.tell_rejected(core, 502, cause);
            self.phase = Phase::Over;
            return;
        };
        self.phase = Phase::Up;
        self.dialog = Some(dialog);
        self.answered_by = Some((id, cseq));
        let sdp = reading::sdp(message);
        if late {
            self.answer_owed = Some(cseq);
            core.alarm(Alarm::AnswerGuard(self.id), core.config.t1 * 60);
        } else {
            self.send_ack(core, cseq, None);
        }
        core.tell(Event::Answered { session: self.id, sdp });
    }

    fn on_refusal(&mut self, core: &mut Core, status: u16, message: &Message<'_>) {
        let Phase::Calling(calling) = &self.phase else { return };
        let first = !calling.challenged && calling.cancel == Cancel::No && !self.told;
        if matches!(status, 401 | 407) && self.take_challenge(message, first) {
            self.try_again(core);
            return;
        }
        core.alarms.stop(Alarm::CancelGuard(self.id));
        let kind = if matches!(status, 401 | 407) { CauseKind::Unauthorized } else { CauseKind::Rejected };
        let cause = Cause::new(Side::Peer, kind).with_status(status).with_reason(reading::reason(message));
        self.tell_rejected(core, status, cause);
        if let Phase::Calling(calling) = std::mem::replace(&mut self.phase, Phase::Over) {
            core.local_tags.remove(&calling.local_tag);
        }
    }

    /// The same INVITE again, with credentials: same Call-ID and tag, next CSeq, over the same flow (§22.2).
    fn try_again(&mut self, core: &mut Core) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        calling.challenged = true;
        calling.draft.cseq += 1;
        let (mut draft, flow) = (calling.draft.clone(), calling.flow);
        self.authorize(core, &mut draft);
        let transaction = core.send_request(User::Invite(self.id), &draft, flow);
        self.open.insert(transaction);
        if let Phase::Calling(calling) = &mut self.phase {
            calling.transaction = transaction;
        }
    }
}
