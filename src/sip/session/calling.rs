//! The side that calls: RFC 3261 §13.2, §9.1 and §22.2; what comes before the final answer is in `early`.
//!
//! A CANCEL waits for the first provisional response (§9.1); an answer that crosses it is acknowledged and hung up; a
//! challenge is answered once, a session interval that is too small made larger (RFC 4028 §7.3). Of all forks the first
//! that answers is kept.

use super::super::dialog::Dialog;
use super::super::endpoint::{Alarm, Core};
use super::super::message::{Message, Method};
use super::super::reading;
use super::super::transaction::{TransactionId, User, cancel_for, states};
use super::super::wire::{Draft, name_addr};
use super::super::{Binding, Cause, CauseKind, Event, Flow, Hidden, OutgoingInvite, Reason, SessionId, Side, Target};
use super::redirect::Redirection;
use super::timer::RAISED_MAX;
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
    /// How often a 422 made the session interval larger.
    raised: u8,
    redirection: Redirection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Wanted, and held back until a provisional response.
    Held(Option<Reason>),
    Sent,
}

impl Calling {
    pub(super) fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// Did our INVITE have no offer?
    pub(super) fn is_late(&self) -> bool {
        self.draft.sdp.is_none()
    }

    /// The CSeq of our INVITE.
    pub(super) fn cseq(&self) -> u32 {
        self.draft.cseq
    }
}

impl Session {
    /// Places a call.
    pub fn outgoing(core: &mut Core, id: SessionId, invite: OutgoingInvite) -> Session {
        let OutgoingInvite { target, from_uri, from_display, to_uri, credentials, headers, sdp, redirect, .. } = invite;
        let to_address = matches!(target, Target::Uri { .. });
        let mut preloaded: Vec<Vec<u8>> =
            invite.routes.iter().map(|route| route.reveal().as_bytes().to_vec()).collect();
        let (uri, flow) = match target {
            Target::Binding(binding) => {
                preloaded.extend(binding.path_routes());
                (binding.contact.reveal().to_owned(), binding.flow)
            }
            Target::Uri { uri, flow } => (uri.reveal().to_owned(), flow),
        };
        let local_tag = core.tag();
        let call_id = core.call_id();
        let to = to_uri.as_ref().map_or(uri.as_str(), |to| to.reveal());
        let mut draft = Draft::new(Method::Invite, uri.clone().into_bytes(), call_id, 1);
        draft.from = name_addr(from_display.reveal(), from_uri.reveal(), Some(&local_tag));
        draft.to = name_addr("", to, None);
        draft.max_forwards = invite.max_forwards;
        draft.routes = preloaded;
        draft.to_address = to_address;
        draft.sdp = sdp;
        for (name, value) in headers.iter() {
            draft.push(name.to_owned(), value.to_owned());
        }
        core.local_tags.insert(local_tag.clone(), id);
        core.alarm(Alarm::Ring(id), invite.ring_timeout);
        if let Some(patience) = invite.patience {
            core.alarm(Alarm::Patience(id), patience);
        }
        let redirection = Redirection::new(redirect, uri.into_bytes());
        let (transaction, cancel) = (TransactionId::NONE, Cancel::No);
        let calling =
            Calling { transaction, draft, flow, local_tag, cancel, challenged: false, raised: 0, redirection };
        let mut session = Session::new(id, Phase::Calling(Box::new(calling)));
        session.credentials = credentials;
        session.send_invite(core);
        session
    }

    /// A response to the INVITE that began the session.
    pub fn on_invite_response(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        let current = match &self.phase {
            Phase::Calling(calling) => calling.transaction == id,
            _ => false,
        };
        if current {
            core.alarms.stop(Alarm::Patience(self.id));
        }
        match status {
            100..=199 if current => self.on_provisional(core, id, status, message),
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

    /// The peer said nothing at all for too long: as Timer B would say, only sooner. What it may say yet is followed up.
    pub fn patience_over(&mut self, core: &mut Core) {
        let Phase::Calling(calling) = &self.phase else { return };
        if core.layer.invite_state(calling.transaction) == Some(states::InviteClient::Calling) {
            self.tell_rejected(core, 408, Cause::new(Side::Network, CauseKind::Timeout).with_status(408));
            self.cancel(core, None);
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
        if calling.transaction != id || (fault && self.try_other_flow(core, false)) {
            return;
        }
        let (status, kind) = if fault { (503, CauseKind::FlowClosed) } else { (408, CauseKind::Timeout) };
        self.tell_rejected(core, status, Cause::new(Side::Network, kind).with_status(status));
        self.phase = Phase::Over;
    }

    fn on_provisional(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        if let Phase::Calling(calling) = &self.phase
            && let Cancel::Held(reason) = calling.cancel
        {
            self.cancel(core, reason);
        }
        if status > 100 {
            self.on_early(core, id, status, message);
        }
    }

    fn on_answer(&mut self, core: &mut Core, id: TransactionId, message: &Message<'_>) {
        let Phase::Calling(calling) = &self.phase else { return };
        let (late, cseq, offer) = (calling.is_late(), calling.cseq(), calling.draft.sdp.clone());
        for alarm in [Alarm::Ring, Alarm::CancelGuard, Alarm::AnswerGuard] {
            core.alarms.stop(alarm(self.id));
        }
        let early = self.take_fork(message);
        let of_fork = |view: Message<'_>| reading::from_tag(&view) == reading::to_tag(message);
        if self.theirs.as_ref().is_some_and(|theirs| !of_fork(theirs.request.view())) {
            self.refuse_theirs(core, 481);
        }
        let mut dialog = Dialog::answered(core, id, message);
        if let (Some(dialog), Some(early)) = (&mut dialog, &early) {
            // The route set is that of the 2xx (§13.2.2.4); the counters go on.
            dialog.local_cseq = dialog.local_cseq.max(early.dialog.local_cseq);
            dialog.remote_cseq = early.dialog.remote_cseq;
        }
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
        self.take_timer(core, message);
        let agreed = early.as_ref().is_some_and(|early| early.agreed);
        // The first word of this fork counts, unless UPDATE has taken both sides further since.
        let sdp = early.and_then(|early| early.sdp).or_else(|| reading::sdp(message));
        self.remote_sdp.clone_from(&sdp);
        if late && !agreed {
            self.answer_owed = Some(cseq);
            core.alarm(Alarm::AnswerGuard(self.id), core.config.t1 * 60);
        } else {
            if !late {
                self.local_sdp = self.local_sdp.take().or(offer);
            }
            self.send_ack(core, cseq, None);
        }
        core.tell(Event::Answered { session: self.id, sdp });
    }

    fn on_refusal(&mut self, core: &mut Core, status: u16, message: &Message<'_>) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        let wanted = calling.cancel == Cancel::No && !self.told;
        let first = wanted && !calling.challenged;
        if wanted && let Some(uri) = calling.redirection.next(status, message) {
            calling.draft.uri = uri;
            calling.challenged = false;
            self.forget_forks(core);
            return self.try_again(core);
        }
        if wanted && status == 422 && calling.raised < RAISED_MAX {
            calling.raised += 1;
            if self.raise_interval(core, message) {
                return self.try_again(core);
            }
        }
        if matches!(status, 401 | 407) && self.take_challenge(message, first) {
            if let Phase::Calling(calling) = &mut self.phase {
                calling.challenged = true;
            }
            return self.try_again(core);
        }
        if status == 430 && self.try_other_flow(core, true) {
            return;
        }
        core.alarms.stop(Alarm::CancelGuard(self.id));
        self.refuse_theirs(core, 481);
        let kind = if matches!(status, 401 | 407) { CauseKind::Unauthorized } else { CauseKind::Rejected };
        let cause = Cause::new(Side::Peer, kind).with_status(status).with_reason(reading::reason(message));
        let moved_to = Some(message).filter(|_| (300..400).contains(&status)).and_then(first_contact);
        self.tell_refused(core, status, cause, message.retry_after(), moved_to);
        if let Phase::Calling(calling) = std::mem::replace(&mut self.phase, Phase::Over) {
            core.local_tags.remove(&calling.local_tag);
        }
    }

    /// The same INVITE to another flow of the same device; false when it is being cancelled.
    pub(super) fn call_device(&mut self, core: &mut Core, binding: &Binding) -> bool {
        let Phase::Calling(calling) = &mut self.phase else { return false };
        if calling.cancel != Cancel::No {
            return false;
        }
        calling.flow = binding.flow;
        calling.draft.uri = binding.contact.reveal().as_bytes().to_vec();
        calling.draft.routes = binding.path_routes();
        self.forget_forks(core);
        self.try_again(core);
        true
    }

    /// The same INVITE again: same Call-ID and tag, next CSeq, over the same flow (§22.2, RFC 4028 §7.3).
    fn try_again(&mut self, core: &mut Core) {
        if let Phase::Calling(calling) = &mut self.phase {
            calling.draft.cseq += 1;
            self.send_invite(core);
        }
    }

    fn send_invite(&mut self, core: &mut Core) {
        let Phase::Calling(calling) = &self.phase else { return };
        let (mut draft, flow) = (calling.draft.clone(), calling.flow);
        self.ask_timer(core, &mut draft);
        self.authorize(core, &mut draft);
        let transaction = core.send_request(User::Invite(self.id), &draft, flow);
        self.open.insert(transaction);
        if let Phase::Calling(calling) = &mut self.phase {
            calling.transaction = transaction;
        }
    }

    /// The INVITE goes elsewhere: what the forks of the last one said is void.
    fn forget_forks(&mut self, core: &mut Core) {
        self.early.clear();
        self.local_sdp = None;
        core.alarms.stop(Alarm::AnswerGuard(self.id));
    }
}

fn first_contact(message: &Message<'_>) -> Option<Hidden> {
    let uri = message.contacts().next()?.uri;
    std::str::from_utf8(uri).ok().map(Hidden::new)
}
