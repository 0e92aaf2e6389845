//! One INVITE session, from INVITE to the last acknowledgement: RFC 3261 §13 to §15, §9 (CANCEL), RFC 3262 (100rel),
//! RFC 3311 (UPDATE) and RFC 4028 (session timers). The races of RFC 5407 are tested one by one.
//!
//! `calling` is the side that calls, with its forks in `early` and 3xx in `redirect`; `ringing` the side that is called,
//! with its provisional responses in `reliable`; `answered` the 2xx and ACK of both (which live above the transactions,
//! for 64·T1); `reoffer` changes of a session, `timer` its refreshing, `inside` every other request in it.
//!
//! A session is an obligation. The owner may forget it with one [`Command::Hangup`](super::Command::Hangup); what the
//! network is still owed (a CANCEL held back, an ACK and a BYE for a late answer) is followed up here, and the session
//! disappears only when nothing is open any more. It reads no SDP, and decides nothing about people.

mod answered;
mod calling;
mod device;
mod early;
mod inside;
mod redirect;
mod refer;
mod reliable;
mod reoffer;
mod ringing;
mod timer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::auth::{Challenge, Credentials, answer};
use super::dialog::Dialog;
use super::endpoint::{Alarm, Core};
use super::message::{Message, Method};
use super::transaction::{Note, TransactionId, User};
use super::wire::{Draft, Reply};
use super::{Cause, CauseKind, Event, Flow, Hidden, Reason, SessionId, Side};
pub(in crate::sip) use answered::FORKS_MAX;
pub(in crate::sip) use early::EARLY_FORKS_MAX;
pub(in crate::sip) use redirect::LEFT_MAX;
pub(in crate::sip) use reliable::WAITING_MAX;

use answered::{SentAck, Unacked};
use calling::Calling;
use device::Device;
use early::Early;
pub(super) use inside::Incoming;
use refer::Referred;
use reliable::Reliable;
pub(super) use reliable::Said;
use reoffer::{Ours, Theirs};
pub(super) use ringing::NewCall;
use ringing::Ringing;
pub(super) use timer::interval_too_small;
use timer::{Refresh, SessionTimer};

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    id: SessionId,
    phase: Phase,
    /// For a call coming in from the first moment, for a call of ours from the 2xx.
    dialog: Option<Dialog>,
    /// The dialogs our INVITE made before its final answer.
    early: Vec<Early>,
    /// How many forks were heard.
    forks: u8,
    /// Our responses before the final one.
    reliable: Reliable,
    /// The CSeq of the peer's INVITE.
    invite_cseq: Option<u32>,
    /// The last word (Ended or Rejected) was said.
    told: bool,
    /// Client transactions that are not over.
    open: BTreeSet<TransactionId>,
    /// ACKs sent, for repeated 2xx.
    acks: Vec<SentAck>,
    /// 2xx of ours that wait for their ACK, by CSeq.
    unacked: BTreeMap<u32, Unacked>,
    /// A BYE that may not leave before the ACK or its absence (§15).
    bye_after_ack: Option<Option<Reason>>,
    /// The latest INVITE or re-INVITE of ours that was accepted, and its CSeq.
    answered_by: Option<(TransactionId, u32)>,
    /// The CSeq of a 2xx whose ACK waits for the owner's answer.
    answer_owed: Option<u32>,
    theirs: Option<Theirs>,
    ours: Option<Ours>,
    /// A change the owner wants, behind a refresh that is under way.
    waiting: Option<Option<Vec<u8>>>,
    timer: SessionTimer,
    refresh: Option<Refresh>,
    /// The session descriptions that hold, ours and the peer's: what a refresh repeats, and what it must not disturb.
    local_sdp: Option<Vec<u8>>,
    remote_sdp: Option<Vec<u8>>,
    credentials: Option<Credentials>,
    challenge: Option<(Challenge, &'static str)>,
    bye_challenged: bool,
    bye_repeated: bool,
    /// The device of ours that it goes to, when it was placed to one.
    device: Option<Device>,
    prack_challenged: bool,
    /// The user of ours at the other end, if there is one: only such a peer may ask for a transfer.
    user: Option<String>,
    /// A REFER of the peer whose outcome he is still told.
    referred: Option<Referred>,
    /// How many REFERs there were.
    refers: u32,
}

#[derive(Debug)]
enum Phase {
    /// Our INVITE waits for its final response.
    Calling(Box<Calling>),
    /// The peer's INVITE waits for ours.
    Ringing(Box<Ringing>),
    /// A 2xx was sent or received.
    Up,
    /// Over; what is open is being settled.
    Over,
}

/// A confirmed session as a plain value, so that a conversation outlives the program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    session: SessionId,
    dialog: Dialog,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    timer: SessionTimer,
    #[serde(default)]
    local_sdp: Option<Vec<u8>>,
    #[serde(default)]
    remote_sdp: Option<Vec<u8>>,
}

/// Never a session description: it holds addresses.
impl fmt::Debug for SavedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedSession")
            .field("session", &self.session)
            .field("dialog", &self.dialog)
            .finish_non_exhaustive()
    }
}

impl SavedSession {
    /// The session it was, and will be.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The flow the peer was last heard on.
    pub fn flow(&self) -> Flow {
        self.dialog.flow
    }
}

/// The alarms that mean nothing after the last word.
const OWNERS: [fn(SessionId) -> Alarm; 9] = [
    Alarm::Ring,
    Alarm::Patience,
    Alarm::Glare,
    Alarm::OwnerGuard,
    Alarm::AnswerGuard,
    Alarm::Reliable,
    Alarm::ReliableGuard,
    Alarm::SessionRefresh,
    Alarm::SessionExpiry,
];

impl Session {
    fn new(id: SessionId, phase: Phase) -> Session {
        Session {
            id,
            phase,
            dialog: None,
            early: Vec::new(),
            forks: 0,
            reliable: Reliable::default(),
            invite_cseq: None,
            told: false,
            open: BTreeSet::new(),
            acks: Vec::new(),
            unacked: BTreeMap::new(),
            bye_after_ack: None,
            answered_by: None,
            answer_owed: None,
            theirs: None,
            ours: None,
            waiting: None,
            timer: SessionTimer::default(),
            refresh: None,
            local_sdp: None,
            remote_sdp: None,
            credentials: None,
            challenge: None,
            bye_challenged: false,
            bye_repeated: false,
            device: None,
            prack_challenged: false,
            user: None,
            referred: None,
            refers: 0,
        }
    }

    /// Takes up a session that was confirmed before the program ended.
    pub fn restored(core: &mut Core, mut saved: SavedSession) -> Session {
        // The connections of that life are gone, and their numbers mean others now.
        saved.dialog.lose_connection();
        core.local_tags.insert(saved.dialog.local_tag.clone(), saved.session);
        let mut session = Session::new(saved.session, Phase::Up);
        session.dialog = Some(saved.dialog);
        session.user = saved.user;
        session.timer = saved.timer;
        (session.local_sdp, session.remote_sdp) = (saved.local_sdp, saved.remote_sdp);
        session.resume_timer(core);
        session
    }

    /// The session as a plain value, once it is confirmed and as long as it lives.
    pub fn saved(&self) -> Option<SavedSession> {
        let calm = matches!(self.phase, Phase::Up) && !self.told && self.unacked.is_empty();
        let dialog = self.dialog.as_ref().filter(|_| calm && self.answer_owed.is_none())?;
        Some(SavedSession {
            session: self.id,
            dialog: dialog.clone(),
            user: self.user.clone(),
            timer: self.timer.clone(),
            local_sdp: self.local_sdp.clone(),
            remote_sdp: self.remote_sdp.clone(),
        })
    }

    /// The way to the peer, once there is a dialog.
    pub fn dialog_flow(&self) -> Option<Flow> {
        self.dialog.as_ref().map(|dialog| dialog.flow)
    }

    /// Has the last word been said?
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Nothing is owed any more: it can be forgotten.
    pub fn is_settled(&self) -> bool {
        self.told && self.open.is_empty() && self.unacked.is_empty() && self.referred.is_none()
    }

    /// Clears the session's marks in the tables of the core.
    pub fn forget(&self, core: &mut Core) {
        if let Some(tag) = self.local_tag() {
            core.local_tags.remove(tag);
        }
        core.alarms.stop(Alarm::Referral(self.id));
        for alarm in [Alarm::CancelGuard, Alarm::ReinviteGuard].into_iter().chain(OWNERS) {
            core.alarms.stop(alarm(self.id));
        }
    }

    /// Ends the session in whatever state it is.
    pub fn hangup(&mut self, core: &mut Core, reason: Option<Reason>) {
        if self.told {
            return;
        }
        match &self.phase {
            Phase::Calling(_) => {
                self.refuse_theirs(core, 487);
                self.tell_ended(core, Cause::new(Side::Us, CauseKind::Cancelled).with_reason(reason));
                self.cancel(core, reason);
            }
            Phase::Ringing(_) => {
                let status = reason.map_or(480, Reason::refusal_status);
                self.refuse(core, status, reason);
                let cause = Cause::new(Side::Us, CauseKind::Rejected).with_status(status).with_reason(reason);
                self.tell_ended(core, cause);
            }
            Phase::Up => {
                self.tell_ended(core, Cause::new(Side::Us, CauseKind::Bye).with_reason(reason));
                self.end_referral(core, 487);
                self.say_goodbye(core, reason);
            }
            Phase::Over => {}
        }
    }

    /// A connection is gone. A browser's session goes with it, and so does a phone's; a trunk's goes on over any connection
    /// to the trunk, as long as it can still be answered. What we ask of a peer is a matter of its transaction.
    pub fn flow_closed(&mut self, core: &mut Core, flow: &Flow) {
        for unacked in self.unacked.values_mut().filter(|unacked| unacked.is_on(flow)) {
            unacked.follow(core, self.id);
        }
        if let Some(to) = core.layer.reply_flow_of(User::Invite(self.id)) {
            self.reliable.follow(flow, to);
        }
        let unanswerable = match &self.phase {
            Phase::Ringing(ringing) => !ringing.is_answerable(core),
            _ => false,
        };
        if !unanswerable {
            let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.flow == *flow) else { return };
            if !flow.is_web() && core.config.trunk_of(flow.remote.ip()).is_some() {
                return dialog.lose_connection();
            }
        }
        self.drop_referral(core);
        if self.told {
            return;
        }
        // Over UDP without rport an answer goes another way than the request came, and that way is still there.
        self.refuse(core, 480, None);
        self.refuse_theirs(core, 480);
        self.tell_ended(core, Cause::new(Side::Network, CauseKind::FlowClosed));
        self.phase = Phase::Over;
        self.drop_obligations(core);
    }

    /// What the transaction layer tells about one of ours.
    pub fn on_note(&mut self, core: &mut Core, note: Note) {
        match note {
            Note::Failed { id, user: User::Invite(_), fault } => self.invite_failed(core, id, fault),
            Note::Failed { user: User::Reinvite(_), fault, .. } => self.reinvite_failed(core, fault),
            Note::Failed { id, user: User::Refresh(_), fault } => self.refresh_failed(core, id, fault),
            Note::Failed { id, user: User::Notify(_), .. } => self.notify_failed(core, id),
            // The other side must not be left in a call that is over: once more, over another connection.
            Note::Failed { user: User::Bye(_), fault: true, .. } => self.repeat_bye(core),
            Note::Failed { .. } => {}
            Note::Over(id, user) => {
                if self.open.remove(&id) && matches!(user, User::Invite(_) | User::Reinvite(_)) {
                    // Its 2xx cannot be repeated any more.
                    self.acks.retain(|ack| ack.transaction != id);
                }
            }
        }
    }

    /// Our tag.
    pub fn local_tag(&self) -> Option<&str> {
        match (&self.phase, &self.dialog) {
            (_, Some(dialog)) => Some(&dialog.local_tag),
            (Phase::Calling(calling), None) => Some(calling.local_tag()),
            _ => None,
        }
    }

    fn tell_ended(&mut self, core: &mut Core, cause: Cause) {
        if !self.told {
            self.told = true;
            core.tell(Event::Ended { session: self.id, cause });
            self.quiet(core);
        }
    }

    fn tell_rejected(&mut self, core: &mut Core, status: u16, cause: Cause) {
        self.tell_refused(core, status, cause, None, None);
    }

    fn tell_refused(
        &mut self,
        core: &mut Core,
        status: u16,
        cause: Cause,
        retry_after_s: Option<u32>,
        moved_to: Option<Hidden>,
    ) {
        if !self.told {
            self.refuse_theirs(core, 487);
            self.told = true;
            core.tell(Event::Rejected { session: self.id, status, cause, retry_after_s, moved_to });
            self.quiet(core);
        }
    }

    /// After the last word nobody waits for the owner any more.
    fn quiet(&mut self, core: &mut Core) {
        for alarm in OWNERS {
            core.alarms.stop(alarm(self.id));
        }
        self.ours = self.ours.take().filter(Ours::is_in_flight);
        self.waiting = None;
    }

    /// Nothing can be sent any more: forget what was owed.
    fn drop_obligations(&mut self, core: &mut Core) {
        for cseq in std::mem::take(&mut self.unacked).into_keys() {
            core.alarms.stop(Alarm::Resend(self.id, cseq));
            core.alarms.stop(Alarm::GiveUp(self.id, cseq));
        }
        self.bye_after_ack = None;
        self.answer_owed = None;
        self.theirs = None;
    }

    /// Sends BYE as soon as the rules allow, and leaves the rest to the transactions.
    fn say_goodbye(&mut self, core: &mut Core, reason: Option<Reason>) {
        self.refuse_theirs(core, 487);
        if !self.unacked.is_empty() {
            self.bye_after_ack = Some(reason);
            return;
        }
        if let Some(cseq) = self.answer_owed.take() {
            self.send_ack(core, cseq, None);
        }
        self.send_bye(core, reason);
    }

    fn send_bye(&mut self, core: &mut Core, reason: Option<Reason>) {
        self.phase = Phase::Over;
        let Some(mut draft) = self.dialog.as_mut().map(|dialog| dialog.request(Method::Bye)) else { return };
        if let Some(reason) = reason {
            draft.push("Reason", reason.to_value());
        }
        self.send_inside(core, User::Bye(self.id), draft);
    }

    /// The connection of a BYE broke before it was answered. A peer that can be reached over another gets it again, once.
    fn repeat_bye(&mut self, core: &mut Core) {
        let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.believes_contact) else { return };
        if std::mem::replace(&mut self.bye_repeated, true) {
            return;
        }
        dialog.lose_connection();
        let draft = dialog.request(Method::Bye);
        self.send_inside(core, User::Bye(self.id), draft);
    }

    /// Sends a request of the dialog, with credentials when a challenge is known.
    fn send_inside(&mut self, core: &mut Core, user: User, mut draft: Draft) -> Option<TransactionId> {
        let flow = self.dialog.as_ref()?.next_hop(&core.config);
        self.authorize(core, &mut draft);
        let id = core.send_request(user, &draft, flow);
        self.open.insert(id);
        Some(id)
    }

    /// Reads a challenge; true when it can be answered. `first` guards against being asked for ever.
    fn take_challenge(&mut self, message: &Message<'_>, first: bool) -> bool {
        let Some(challenge) = super::reading::challenge(message) else { return false };
        if !first || self.credentials.is_none() {
            return false;
        }
        self.challenge = Some(challenge);
        true
    }

    fn authorize(&mut self, core: &mut Core, draft: &mut Draft) {
        let (Some((challenge, header)), Some(credentials)) = (&mut self.challenge, &self.credentials) else { return };
        let uri = String::from_utf8_lossy(&draft.uri).into_owned();
        let method = String::from_utf8_lossy(draft.method.as_bytes()).into_owned();
        if let Some(value) = answer(challenge, credentials, &method, &uri, &mut core.ids) {
            draft.push(*header, value);
        }
    }

    /// The session is lost: 481 or 408 to a request of ours inside it, or our 2xx unheard.
    fn lost(&mut self, core: &mut Core, cause: Cause) {
        self.drop_referral(core);
        self.tell_ended(core, cause);
        if !matches!(self.phase, Phase::Over) {
            self.refuse_theirs(core, 487);
            self.drop_obligations(core);
            self.send_bye(core, None);
        }
    }

    fn refuse_theirs(&mut self, core: &mut Core, status: u16) {
        if let Some(theirs) = self.theirs.take() {
            core.alarms.stop(Alarm::OwnerGuard(self.id));
            let tag = self.local_tag().unwrap_or_default().to_owned();
            core.reply_later(theirs.transaction, &theirs.request, theirs.source, &Reply::new(status).tag(&tag));
        }
    }
}
