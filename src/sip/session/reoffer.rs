//! Changing a session: re-INVITE both ways (RFC 3261 §14), UPDATE and PRACK of the peer (RFC 3311), and glare.
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
use super::reliable::Exchange;
use super::timer::{RAISED_MAX, interval_too_small};
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
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Invite,
    Update,
    Prack,
}

/// Who must speak before a new offer may be made.
enum Turn {
    Free,
    /// An offer of ours waits for their answer.
    Ours,
    /// An offer of theirs waits for ours.
    Theirs,
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
    /// How often a 422 made the session interval larger.
    raised: u8,
    /// The peer changed the session after this offer was made.
    outdated: bool,
    /// It changes nothing, and the owner does not know of it (RFC 4028).
    refresh: bool,
}

impl Ours {
    fn new(sdp: Option<Vec<u8>>, refresh: bool) -> Ours {
        Ours { sdp, transaction: None, cseq: 0, tries: 0, challenged: false, raised: 0, outdated: false, refresh }
    }

    /// A re-INVITE that repeats `sdp`.
    pub(super) fn refresh(sdp: Vec<u8>) -> Ours {
        Ours::new(Some(sdp), true)
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.transaction.is_some()
    }
}

/// How often a re-INVITE is tried again after glare.
const GLARE_TRIES_MAX: u8 = 4;
/// How long the owner may think about a re-INVITE, …
const OWNER_GUARD: Duration = Duration::from_secs(20);
/// … and about an UPDATE or a PRACK, which no provisional response keeps waiting.
const OWNER_GUARD_SHORT: Duration = Duration::from_secs(4);

impl Session {
    /// The owner wants to change the session.
    pub fn reoffer(&mut self, core: &mut Core, sdp: Option<Vec<u8>>) {
        if self.told || !matches!(self.phase, Phase::Up) {
            return;
        }
        match &self.ours {
            Some(ours) if ours.refresh && self.waiting.is_none() => self.waiting = Some(sdp),
            Some(_) => core.tell(Event::ReofferRejected { session: self.id, status: 491 }),
            None => {
                self.ours = Some(Ours::new(sdp, false));
                self.try_reoffer(core);
            }
        }
    }

    /// Time to try ours again.
    pub fn glare_over(&mut self, core: &mut Core) {
        let Some(ours) = &self.ours else { return };
        if ours.is_in_flight() {
            return;
        }
        if ours.outdated && ours.sdp.is_some() {
            return self.give_up_ours(core, 491);
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
            422 if self.raise_ours(core, message) => self.send_reoffer(core),
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
        if self.ours.is_some() && fault {
            self.give_up_ours(core, 503);
        } else if self.ours.take().is_some() {
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
        let pending = self.ours.as_ref().is_some_and(Ours::is_in_flight) || matches!(self.phase, Phase::Calling(_));
        if pending || self.answer_owed.is_some() || self.is_offer_open() {
            return request.answer(core, &Reply::new(491));
        }
        if let Some(reply) = interval_too_small(&core.config, request.message) {
            return request.answer(core, &reply);
        }
        self.take_theirs(core, request, reading::sdp(request.message));
    }

    /// An UPDATE of the peer, before the final answer or after it.
    pub(super) fn on_update(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let message = request.message;
        if let Some(reply) = interval_too_small(&core.config, message) {
            return request.answer(core, &reply);
        }
        // One UPDATE at a time, whatever it carries (RFC 3311 §5.2).
        if self.theirs.as_ref().is_some_and(|theirs| theirs.kind == Kind::Update) {
            return self.too_early(core, request);
        }
        let Some(sdp) = reading::sdp(message) else {
            // A session refresh: nothing changes but where the peer is.
            self.follow(message, request.source);
            let mut reply = Reply::new(200).contact();
            if matches!(self.phase, Phase::Up) {
                self.grant_timer(core, message);
                reply = self.write_timer(reply);
            }
            return request.answer(core, &reply);
        };
        match self.turn(message) {
            Turn::Free => self.take_theirs(core, request, Some(sdp)),
            Turn::Ours => request.answer(core, &Reply::new(491)),
            Turn::Theirs => self.too_early(core, request),
        }
    }

    /// The owner's word to a re-INVITE, UPDATE or PRACK of the peer.
    pub fn answer_reoffer(&mut self, core: &mut Core, status: u16, sdp: Option<Vec<u8>>) {
        if !(200..=699).contains(&status) {
            return;
        }
        let Some(theirs) = self.theirs.take() else { return };
        core.alarms.stop(Alarm::OwnerGuard(self.id));
        let mut reply = Reply::new(status).sdp(sdp.as_deref());
        let (accepted, prack) = (status < 300, theirs.kind == Kind::Prack);
        if accepted && !prack {
            reply = reply.contact();
            if matches!(self.phase, Phase::Up) {
                self.grant_timer(core, &theirs.request.view());
                reply = self.write_timer(reply);
            }
        }
        let sent = core.reply_later(theirs.transaction, &theirs.request, theirs.source, &reply);
        let Some(bytes) = sent.filter(|_| accepted) else { return self.release(core) };
        if !prack {
            self.follow(&theirs.request.view(), theirs.source);
        }
        if let Some(offer) = reading::sdp(&theirs.request.view()) {
            if let Some(early) = self.early_of(&theirs.request.view()).and_then(|at| self.early.get_mut(at)) {
                early.sdp = Some(offer.clone());
            }
            self.remote_sdp = Some(offer);
        }
        if sdp.is_some() {
            self.local_sdp = sdp;
        }
        if let Some(ours) = &mut self.ours {
            ours.outdated = true;
        }
        if theirs.kind == Kind::Invite {
            let flow = core.layer.reply_flow(theirs.transaction).unwrap_or(theirs.reply);
            self.expect_ack(core, theirs.cseq, flow, bytes, theirs.late, true);
        }
        self.release(core);
    }

    /// The owner did not answer in time: the change is refused, the session goes on.
    pub fn owner_overdue(&mut self, core: &mut Core) {
        // RFC 3311 §5.2: an UPDATE that only a person could answer.
        let of_update = self.theirs.as_ref().is_some_and(|theirs| theirs.kind != Kind::Invite);
        self.refuse_theirs(core, if of_update { 504 } else { 500 });
        self.release(core);
    }

    /// Hands a change to the owner.
    pub(super) fn take_theirs(&mut self, core: &mut Core, request: &Incoming<'_, '_>, sdp: Option<Vec<u8>>) {
        let Some((cseq, method)) = request.message.cseq() else { return };
        let kind = match method {
            Method::Invite => Kind::Invite,
            Method::Prack => Kind::Prack,
            _ => Kind::Update,
        };
        if kind == Kind::Invite {
            request.answer(core, &Reply::new(100));
        }
        self.theirs = Some(Theirs {
            transaction: request.transaction,
            request: request.kept(),
            source: request.source,
            reply: request.reply,
            cseq,
            late: sdp.is_none(),
            kind,
        });
        core.alarm(Alarm::OwnerGuard(self.id), if kind == Kind::Invite { OWNER_GUARD } else { OWNER_GUARD_SHORT });
        core.tell(Event::Reoffer { session: self.id, sdp });
    }

    /// A second offer before the first is answered (§14.2, RFC 3311 §5.2).
    pub(super) fn too_early(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        let seconds = core.ids.below(10) + 1;
        request.answer(core, &Reply::new(500).header("Retry-After", seconds.to_string()));
    }

    /// Whose turn it is in offer and answer, for an UPDATE of the peer with an offer (RFC 3311 §5.2).
    fn turn(&self, message: &Message<'_>) -> Turn {
        if self.theirs.is_some() {
            return Turn::Theirs;
        }
        let late = |ringing: &super::Ringing| ringing.late;
        match (&self.phase, self.reliable.exchange) {
            (Phase::Ringing(_), Exchange::Done) => Turn::Free,
            (Phase::Ringing(ringing), Exchange::Open) if !late(ringing) => Turn::Theirs,
            (Phase::Ringing(_), _) => Turn::Ours,
            (Phase::Calling(_), _) => match self.early_of(message).and_then(|at| self.early.get(at)) {
                Some(early) if early.agreed => Turn::Free,
                Some(early) if early.is_owed() => Turn::Theirs,
                _ => Turn::Ours,
            },
            _ if self.ours.as_ref().is_some_and(Ours::is_in_flight) || self.is_offer_open() => Turn::Ours,
            _ if self.answer_owed.is_some() => Turn::Theirs,
            _ => Turn::Free,
        }
    }

    /// An accepted re-INVITE or UPDATE says where the peer is now (§12.2.2).
    fn follow(&mut self, message: &Message<'_>, source: Flow) {
        let early = self.early_of(message).and_then(|at| self.early.get_mut(at)).map(|early| &mut early.dialog);
        if let Some(dialog) = self.dialog.as_mut().or(early) {
            dialog.refresh_target(&reading::contact_uri(message).unwrap_or_default(), source);
        }
    }

    pub(super) fn try_reoffer(&mut self, core: &mut Core) {
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
        self.ask_timer(core, &mut draft);
        let transaction = self.send_inside(core, User::Reinvite(self.id), draft);
        if let Some(ours) = &mut self.ours {
            ours.transaction = transaction;
            core.alarm(Alarm::ReinviteGuard(self.id), core.config.t1 * 128);
        }
    }

    fn postpone(&mut self, core: &mut Core, status: u16, after_s: Option<u32>) {
        let Some(ours) = &mut self.ours else { return };
        ours.transaction = None;
        ours.tries += 1;
        if ours.tries > GLARE_TRIES_MAX || self.told {
            return self.give_up_ours(core, status);
        }
        let wait = self.glare_wait(core).max(Duration::from_secs(after_s.unwrap_or(0).into()));
        core.alarm(Alarm::Glare(self.id), wait);
    }

    /// §14.1: the owner of the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s, in steps of 10 ms.
    pub(super) fn glare_wait(&self, core: &mut Core) -> Duration {
        let we_called = self.dialog.as_ref().is_some_and(|dialog| dialog.we_called);
        Duration::from_millis(if we_called { 2100 + 10 * core.ids.below(191) } else { 10 * core.ids.below(201) })
    }

    fn raise_ours(&mut self, core: &Core, message: &Message<'_>) -> bool {
        match &mut self.ours {
            Some(ours) if ours.raised < RAISED_MAX && !self.told => ours.raised += 1,
            _ => return false,
        }
        self.raise_interval(core, message)
    }

    fn give_up_ours(&mut self, core: &mut Core, status: u16) {
        let Some(ours) = self.ours.take().filter(|_| !self.told) else { return };
        match (ours.refresh, ours.outdated) {
            // The peer's change refreshed the session as well.
            (true, true) => {}
            (true, false) => self.refresh_later(core, None),
            (false, _) => core.tell(Event::ReofferRejected { session: self.id, status }),
        }
        self.next_reoffer(core);
    }

    /// The change that waited behind a refresh.
    fn next_reoffer(&mut self, core: &mut Core) {
        if let Some(sdp) = self.waiting.take().filter(|_| self.ours.is_none()) {
            self.reoffer(core, sdp);
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
        if self.told {
            return;
        }
        self.take_timer(core, message);
        // A refresh that changed nothing is nobody's business.
        let unchanged = ours.refresh && (sdp.is_none() || sdp == self.remote_sdp);
        if sdp.is_some() {
            self.remote_sdp.clone_from(&sdp);
        }
        if ours.sdp.is_some() {
            self.local_sdp = ours.sdp;
        }
        if !unchanged {
            core.tell(Event::Reanswered { session: self.id, sdp });
        }
        self.next_reoffer(core);
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
