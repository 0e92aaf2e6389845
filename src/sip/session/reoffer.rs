//! Changing a standing session: re-INVITE both ways (RFC 3261 §14), UPDATE of the peer (RFC 3311), and glare.
//!
//! A refused re-INVITE leaves everything as it was. After a 491 ours is tried again by itself, unless the peer changed the
//! session meanwhile: then the offer is out of date, and the owner hears [`Event::ReofferRejected`] 491 and may make a
//! new one.

use std::time::Duration;

use super::super::endpoint::{Alarm, Core};
use super::super::message::{Message, Method, OwnedMessage};
use super::super::transaction::{TransactionId, User};
use super::super::wire::Reply;
use super::super::{Cause, CauseKind, Event, Flow, Side, reading};
use super::{Incoming, Phase, Session};

/// A re-INVITE or UPDATE of the peer that the owner has yet to answer.
#[derive(Debug)]
pub(super) struct Theirs {
    pub transaction: TransactionId,
    pub request: OwnedMessage,
    pub source: Flow,
    reply: Flow,
    cseq: u32,
    late: bool,
    update: bool,
}

/// A re-INVITE of ours.
#[derive(Debug)]
pub(super) struct Ours {
    sdp: Option<Vec<u8>>,
    /// `None` while it waits to be tried again.
    transaction: Option<TransactionId>,
    cseq: u32,
    tries: u8,
    challenged: bool,
    /// The peer changed the session after this offer was made.
    outdated: bool,
}

impl Ours {
    pub(super) fn is_in_flight(&self) -> bool {
        self.transaction.is_some()
    }
}

/// How often a re-INVITE is tried again after glare.
const GLARE_TRIES_MAX: u8 = 4;
/// How long the owner may think about a re-INVITE.
const OWNER_GUARD: Duration = Duration::from_secs(20);

impl Session {
    /// The owner wants to change the session.
    pub fn reoffer(&mut self, core: &mut Core, sdp: Option<Vec<u8>>) {
        if self.told || !matches!(self.phase, Phase::Up) {
            return;
        }
        if self.ours.is_some() {
            return core.tell(Event::ReofferRejected { session: self.id, status: 491 });
        }
        let ours = Ours { sdp, transaction: None, cseq: 0, tries: 0, challenged: false, outdated: false };
        self.ours = Some(ours);
        self.try_reoffer(core);
    }

    /// Time to try ours again.
    pub fn glare_over(&mut self, core: &mut Core) {
        let Some(ours) = &self.ours else { return };
        if ours.is_in_flight() {
            return;
        }
        if ours.outdated && ours.sdp.is_some() {
            self.ours = None;
            return core.tell(Event::ReofferRejected { session: self.id, status: 491 });
        }
        self.try_reoffer(core);
    }

    /// A response to a re-INVITE of ours.
    pub fn on_reinvite_response(&mut self, core: &mut Core, id: TransactionId, status: u16, message: &Message<'_>) {
        if self.ours.as_ref().is_none_or(|ours| ours.transaction != Some(id)) {
            if (200..=299).contains(&status) {
                self.further_2xx(core, id, message);
            }
            return;
        }
        if status >= 200 {
            core.alarms.stop(Alarm::ReinviteGuard(self.id));
        }
        match status {
            100..=199 => {}
            200..=299 => self.on_reanswer(core, id, message),
            401 | 407 => self.on_reinvite_challenge(core, status, message),
            408 | 481 => {
                self.ours = None;
                self.lost(core, Cause::new(Side::Peer, CauseKind::DialogLost).with_status(status));
            }
            491 => self.postpone(core, status, None),
            500 if message.retry_after().is_some_and(|seconds| seconds <= 10) => {
                self.postpone(core, status, message.retry_after());
            }
            _ => self.give_up_ours(core, status),
        }
    }

    /// A re-INVITE of ours had no response at all.
    pub(super) fn reinvite_failed(&mut self, core: &mut Core, fault: bool) {
        core.alarms.stop(Alarm::ReinviteGuard(self.id));
        if self.ours.take().is_some() && !fault {
            self.lost(core, Cause::new(Side::Network, CauseKind::DialogLost).with_status(408));
        }
    }

    /// A re-INVITE of ours was begun upon and never finished: its transaction would wait for ever.
    pub fn reinvite_overdue(&mut self, core: &mut Core) {
        if let Some(id) = self.ours.take().and_then(|ours| ours.transaction) {
            let notes = core.layer.abandon(id);
            core.notes.extend(notes);
            self.lost(core, Cause::new(Side::Network, CauseKind::DialogLost).with_status(408));
        }
    }

    /// A re-INVITE of the peer.
    pub(super) fn on_reinvite(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        if self.theirs.is_some() || matches!(self.phase, Phase::Ringing(_)) {
            return self.too_early(core, request);
        }
        if self.ours.as_ref().is_some_and(Ours::is_in_flight) || self.answer_owed.is_some() || self.is_offer_open() {
            return request.answer(core, &Reply::new(491));
        }
        let Some(cseq) = request.message.cseq().map(|(cseq, _)| cseq) else { return };
        let sdp = reading::sdp(request.message);
        self.take_theirs(core, request, cseq, sdp, false);
    }

    /// An UPDATE of the peer.
    pub(super) fn on_update(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let sdp = reading::sdp(request.message);
        if sdp.is_none() {
            // A session refresh: nothing changes but where the peer is.
            self.follow(request.message, request.source);
            return request.answer(core, &Reply::new(200).contact());
        }
        if self.theirs.is_some() || matches!(self.phase, Phase::Ringing(_)) {
            return self.too_early(core, request);
        }
        if self.ours.as_ref().is_some_and(Ours::is_in_flight) || self.answer_owed.is_some() || self.is_offer_open() {
            return request.answer(core, &Reply::new(491));
        }
        let Some(cseq) = request.message.cseq().map(|(cseq, _)| cseq) else { return };
        self.take_theirs(core, request, cseq, sdp, true);
    }

    /// The owner's word to a re-INVITE or UPDATE of the peer.
    pub fn answer_reoffer(&mut self, core: &mut Core, status: u16, sdp: Option<Vec<u8>>) {
        if !(200..=699).contains(&status) {
            return;
        }
        let Some(theirs) = self.theirs.take() else { return };
        core.alarms.stop(Alarm::OwnerGuard(self.id));
        let mut reply = Reply::new(status).sdp(sdp.as_deref());
        if status < 300 {
            reply = reply.contact();
        }
        let sent = core.reply_later(theirs.transaction, &theirs.request, theirs.source, &reply);
        let Some(bytes) = sent.filter(|_| status < 300) else { return };
        self.follow(&theirs.request.view(), theirs.source);
        if let Some(ours) = &mut self.ours {
            ours.outdated = true;
        }
        if !theirs.update {
            let flow = core.layer.reply_flow(theirs.transaction).unwrap_or(theirs.reply);
            self.expect_ack(core, theirs.cseq, flow, bytes, theirs.late, true);
        }
    }

    /// The owner did not answer in time: the change is refused, the session goes on.
    pub fn owner_overdue(&mut self, core: &mut Core) {
        self.refuse_theirs(core, 500);
    }

    fn take_theirs(
        &mut self,
        core: &mut Core,
        request: &Incoming<'_, '_>,
        cseq: u32,
        sdp: Option<Vec<u8>>,
        update: bool,
    ) {
        if !update {
            request.answer(core, &Reply::new(100));
        }
        self.theirs = Some(Theirs {
            transaction: request.transaction,
            request: request.kept(),
            source: request.source,
            reply: request.reply,
            cseq,
            late: sdp.is_none(),
            update,
        });
        core.alarm(Alarm::OwnerGuard(self.id), OWNER_GUARD);
        core.tell(Event::Reoffer { session: self.id, sdp });
    }

    /// A second offer before the first is answered (§14.2).
    fn too_early(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let seconds = core.ids.below(10) + 1;
        request.answer(core, &Reply::new(500).header("Retry-After", seconds.to_string()));
    }

    /// An accepted re-INVITE or UPDATE says where the peer is now (§12.2.2).
    fn follow(&mut self, message: &Message<'_>, source: Flow) {
        if let Some(dialog) = &mut self.dialog {
            dialog.refresh_target(&reading::contact_uri(message).unwrap_or_default(), source);
        }
    }

    fn try_reoffer(&mut self, core: &mut Core) {
        // While the peer's change is open, ours waits as if it had met a 491.
        if self.theirs.is_some() || !self.unacked.is_empty() || self.answer_owed.is_some() {
            return self.postpone(core, 491, None);
        }
        self.send_reoffer(core);
    }

    fn send_reoffer(&mut self, core: &mut Core) {
        let (Some(ours), Some(dialog)) = (&mut self.ours, &mut self.dialog) else { return };
        let mut draft = dialog.request(Method::Invite);
        draft.sdp = ours.sdp.clone();
        ours.cseq = draft.cseq;
        let transaction = self.send_inside(core, User::Reinvite(self.id), draft);
        if let Some(ours) = &mut self.ours {
            ours.transaction = transaction;
            core.alarm(Alarm::ReinviteGuard(self.id), core.config.t1 * 128);
        }
    }

    fn postpone(&mut self, core: &mut Core, status: u16, after_s: Option<u32>) {
        let (Some(ours), Some(dialog)) = (&mut self.ours, &self.dialog) else { return };
        ours.transaction = None;
        ours.tries += 1;
        if ours.tries > GLARE_TRIES_MAX || self.told {
            return self.give_up_ours(core, status);
        }
        // §14.1: the owner of the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s, in steps of 10 ms.
        let drawn = if dialog.we_called { 2100 + 10 * core.ids.below(191) } else { 10 * core.ids.below(201) };
        let wait = Duration::from_millis(drawn).max(Duration::from_secs(after_s.unwrap_or(0).into()));
        core.alarm(Alarm::Glare(self.id), wait);
    }

    fn give_up_ours(&mut self, core: &mut Core, status: u16) {
        self.ours = None;
        if !self.told {
            core.tell(Event::ReofferRejected { session: self.id, status });
        }
    }

    fn on_reanswer(&mut self, core: &mut Core, id: TransactionId, message: &Message<'_>) {
        let Some(ours) = self.ours.take() else { return };
        if let (Some(dialog), Some(target)) = (&mut self.dialog, reading::contact_uri(message)) {
            dialog.target = target;
        }
        self.answered_by = Some((id, ours.cseq));
        let sdp = reading::sdp(message);
        if self.told || ours.sdp.is_some() {
            self.send_ack(core, ours.cseq, None);
        } else {
            self.answer_owed = Some(ours.cseq);
            core.alarm(Alarm::AnswerGuard(self.id), core.config.t1 * 60);
        }
        if !self.told {
            core.tell(Event::Reanswered { session: self.id, sdp });
        }
    }

    fn on_reinvite_challenge(&mut self, core: &mut Core, status: u16, message: &Message<'_>) {
        let first = self.ours.as_ref().is_some_and(|ours| !ours.challenged);
        if self.told || !self.take_challenge(message, first) {
            return self.give_up_ours(core, status);
        }
        if let Some(ours) = &mut self.ours {
            ours.challenged = true;
        }
        self.send_reoffer(core);
    }
}
