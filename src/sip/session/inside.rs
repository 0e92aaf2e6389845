//! Requests of the peer inside a session: BYE (§15), INFO (RFC 6086), and the doors to re-INVITE, UPDATE and PRACK. What is not
//! understood is answered 405, and never disturbs the session.

use super::super::capability;
use super::super::endpoint::Core;
use super::super::message::{HeaderName, Message, Method, OwnedMessage, unfold};
use super::super::transaction::{TransactionId, User};
use super::super::wire::Reply;
use super::super::{Cause, CauseKind, Event, Flow, Side, reading};
use super::{Phase, Session};

/// A request inside a dialog, with its server transaction.
pub(in crate::sip) struct Incoming<'m, 'a> {
    /// Its server transaction.
    pub transaction: TransactionId,
    /// The message.
    pub message: &'m Message<'a>,
    /// Where it came from.
    pub source: Flow,
    /// Where its responses go.
    pub reply: Flow,
}

impl Incoming<'_, '_> {
    pub(in crate::sip) fn answer(&self, core: &mut Core, reply: &Reply<'_>) {
        core.reply(self.transaction, self.message, self.source, reply);
    }

    pub(super) fn kept(&self) -> OwnedMessage {
        self.message.to_owned()
    }
}

impl Session {
    /// Does this request belong to our dialog: same Call-ID, and the peer's tag?
    pub fn is_of_dialog(&self, message: &Message<'_>) -> bool {
        let call_id = message.call_id().unwrap_or_default();
        self.is_dialog(call_id, reading::from_tag(message).unwrap_or_default()) || self.early_of(message).is_some()
    }

    /// Is ours the dialog of this Call-ID and peer's tag?
    pub fn is_dialog(&self, call_id: &[u8], remote_tag: &[u8]) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| dialog.call_id == call_id && dialog.remote_tag == remote_tag)
    }

    /// May a request inside the session come from there? A trunk's only from the trunks; a browser's only over its
    /// connection. Another address of a phone is let pass: phones walk from one network to the next.
    pub fn is_plausible_source(&self, core: &Core, source: &Flow) -> bool {
        let early = self.early.first().map(|early| &early.dialog);
        let Some(dialog) = self.dialog.as_ref().or(early) else { return false };
        if dialog.believes_contact && core.config.trunk_of(source.remote.ip()).is_none() {
            return false;
        }
        !dialog.flow.is_web() || dialog.flow == *source
    }

    /// A request of the peer inside this session, other than ACK and CANCEL.
    pub fn on_request(&mut self, core: &mut Core, request: Incoming<'_, '_>) {
        let message = request.message;
        let Some((_, method)) = message.cseq() else { return };
        if !self.take_turn(core, &request) {
            return;
        }
        match method {
            // Who is called may not leave an early dialog by BYE (§15); his answer to the INVITE says what he wants.
            Method::Bye if matches!(self.phase, Phase::Calling(_)) => request.answer(core, &Reply::new(481)),
            Method::Bye => self.on_bye(core, &request),
            Method::Invite => self.on_reinvite(core, &request),
            Method::Update => self.on_update(core, &request),
            Method::Info => {
                request.answer(core, &Reply::new(200));
                let content_type = message.header(HeaderName::ContentType).map(|value| unfold(value).into_owned());
                core.tell(Event::Info {
                    session: self.id,
                    content_type: content_type.unwrap_or_default(),
                    body: message.body().to_vec(),
                });
            }
            Method::Options => {
                let reply = capability::reply(&core.config);
                request.answer(core, &reply);
            }
            // Nothing was subscribed to.
            Method::Notify => request.answer(core, &Reply::new(481)),
            Method::Prack => self.on_prack(core, &request),
            method => {
                let reply = capability::refusal(method);
                request.answer(core, &reply);
            }
        }
    }

    /// Is it this request's turn: a CSeq above the last one's, in a session that is not over? It is answered when not.
    pub fn take_turn(&mut self, core: &mut Core, request: &Incoming<'_, '_>) -> bool {
        let early = self.early_of(request.message).and_then(|at| self.early.get_mut(at)).map(|early| &mut early.dialog);
        let dialog = self.dialog.as_mut().or(early);
        let (Some((cseq, method)), Some(dialog)) = (request.message.cseq(), dialog) else { return false };
        if !dialog.take_remote_cseq(cseq) {
            request.answer(core, &Reply::new(500));
            return false;
        }
        // The outcome of a transfer may still be asked for when the call it began in is over.
        let over = self.told && method != Method::Bye && method != Method::Subscribe;
        if over {
            request.answer(core, &Reply::new(481));
        }
        !over
    }

    fn on_bye(&mut self, core: &mut Core, request: &Incoming<'_, '_>) {
        request.answer(core, &Reply::new(200));
        let cause = Cause::new(Side::Peer, CauseKind::Bye).with_reason(reading::reason(request.message));
        if matches!(self.phase, Phase::Ringing(_)) {
            // The caller leaves by BYE where CANCEL was usual (§15.1.2).
            self.refuse(core, 487, None);
        } else {
            self.refuse_theirs(core, 487);
            self.drop_obligations(core);
            self.phase = Phase::Over;
        }
        self.tell_ended(core, cause);
    }

    /// A response to a BYE of ours: only a challenge asks for more.
    pub fn on_bye_response(&mut self, core: &mut Core, status: u16, message: &Message<'_>) {
        if matches!(status, 401 | 407) && self.take_challenge(message, !self.bye_challenged) {
            self.bye_challenged = true;
            if let Some(draft) = self.dialog.as_mut().map(|dialog| dialog.request(Method::Bye)) {
                self.send_inside(core, User::Bye(self.id), draft);
            }
        }
    }

    /// Sends an INFO.
    pub fn info(&mut self, core: &mut Core, content_type: &'static str, body: Vec<u8>) {
        if self.told || !matches!(self.phase, Phase::Up) {
            return;
        }
        if let Some(mut draft) = self.dialog.as_mut().map(|dialog| dialog.request(Method::Info)) {
            draft.body = Some((content_type, body));
            self.send_inside(core, User::Info(self.id), draft);
        }
    }

    /// A response to an INFO of ours: 481 means that the peer knows nothing of the session (RFC 5057 §5.2).
    pub fn on_info_response(&mut self, core: &mut Core, status: u16) {
        if status == 481 {
            self.lost(core, Cause::new(Side::Peer, CauseKind::DialogLost).with_status(status));
        }
    }
}
