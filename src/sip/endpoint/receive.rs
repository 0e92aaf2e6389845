//! What comes in: read, judged, matched, handed on. RFC 3261 §8, §17.1.3, §17.2.3, §18.

use super::super::message::{Framing, Message, Method, validate};
use super::super::session::Incoming;
use super::super::shield::Offence;
use super::super::transaction::{AckFound, ClientKey, MergeKey, Received, ServerKey, TransactionId, User, ack_for};
use super::super::wire::{Reply, reply_flow, reply_flow_later};
use super::super::{Bytes, DropReason, Flow, Output, SessionId, Transport, reading, stun};
use super::Endpoint;

/// A request that is no repeat, on its way to its handler.
pub(super) struct Request<'m, 'a> {
    pub message: &'m Message<'a>,
    pub method: Method<'a>,
    pub source: Flow,
    pub reply: Flow,
    pub key: ServerKey,
}

impl Endpoint {
    pub(super) fn receive(&mut self, flow: Flow, bytes: &[u8]) {
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return self.core.dropped(DropReason::KeepAlive);
        }
        let is_stun = stun::is_stun(bytes);
        let asked = is_stun.then(|| stun::answer(bytes, flow.remote)).flatten();
        if is_stun && self.registrations.on_stun(&mut self.core, &flow, bytes) {
            return;
        }
        if is_stun && asked.is_none() {
            return self.core.dropped(DropReason::Stun);
        }
        if !self.opens(flow, bytes.len()) {
            return;
        }
        if let Some(answer) = asked {
            // Whoever is not registered here learns not even that somebody is.
            if !self.pays(flow, None) {
                return;
            }
            if self.registrar.flows().any(|known| known == flow) {
                self.core.out.push_back(Output::Transmit { flow, bytes: answer.into() });
            } else {
                self.core.dropped(DropReason::Stun);
            }
            return;
        }
        let framing = match flow.transport {
            Transport::Tcp | Transport::Tls => Framing::Stream,
            Transport::Udp | Transport::Ws | Transport::Wss => Framing::Datagram,
        };
        match Message::parse(bytes, framing) {
            Ok(message) if message.is_request() => self.on_request(flow, &message),
            Ok(message) => self.on_response(flow, &message),
            Err(error) => match Message::salvage(bytes).filter(|_| error.is_answerable()) {
                Some(message) => {
                    if self.pays(flow, Some(Offence::Malformed)) {
                        self.core.reply_stateless(&message, flow, Reply::new(error.status()));
                    }
                }
                None => self.noise(flow, bytes.len()),
            },
        }
    }

    fn on_request(&mut self, source: Flow, message: &Message<'_>) {
        if let Err(fault) = validate(message) {
            return match message.is_answerable() {
                true if self.pays(source, Some(Offence::Malformed)) => {
                    self.core.reply_stateless(message, source, Reply::new(fault.status).phrase(Some(fault.reason)));
                }
                true => {}
                false => self.noise(source, message.as_bytes().len()),
            };
        }
        let (Some(method), Some(key)) = (message.method(), ServerKey::of_request(message)) else {
            return self.noise(source, message.as_bytes().len());
        };
        if method == Method::Ack {
            return self.on_ack(&key, source, message);
        }
        let now = self.core.now;
        if self.core.layer.absorb_retransmission(now, &key, &mut self.core.out) {
            return;
        }
        let request = Request { message, method, source, reply: reply_flow(&source, message), key };
        if method == Method::Cancel {
            return self.on_cancel(request);
        }
        match reading::to_tag(message) {
            Some(tag) => {
                let tag = String::from_utf8_lossy(tag).into_owned();
                self.on_inside(request, &tag);
            }
            None => self.admit(request),
        }
    }

    /// Is there no room for another call or registration?
    pub(super) fn is_full(&self) -> bool {
        self.core.layer.servers() >= self.core.config.transactions_max
    }

    /// 503 with Retry-After, without state.
    pub(super) fn refuse_full(&mut self, message: &Message<'_>, source: Flow) {
        let seconds = self.core.config.full_retry_after_s.to_string();
        self.core.reply_stateless(message, source, Reply::new(503).header("Retry-After", seconds));
    }

    /// An ACK: of a refusal by its branch, of a 2xx by its dialog. It never has an answer.
    fn on_ack(&mut self, key: &ServerKey, source: Flow, message: &Message<'_>) {
        let now = self.core.now;
        let (found, notes) = self.core.layer.ack(now, key, &mut self.core.out);
        self.core.notes.extend(notes);
        if found == AckFound::Absorbed {
            return;
        }
        let Some((id, (cseq, _))) = self.session_of_dialog(message).zip(message.cseq()) else {
            // The ACK of a refusal that left no state is one of these: no offence.
            return self.stray(source, DropReason::StrayAck, None);
        };
        if !self.is_plausible(id, &source) {
            return self.stray(source, DropReason::WrongSource, None);
        }
        let sdp = reading::sdp(message);
        self.with_session(id, |session, core| session.on_ack(core, cseq, sdp));
    }

    /// CANCEL: answered for itself, then the INVITE it means (§9.2). Never challenged.
    fn on_cancel(&mut self, request: Request<'_, '_>) {
        let found = self.core.layer.cancelled(&request.key.of_invite());
        // A branch can be guessed or seen: whoever cancels must stand where the INVITE came from (§9.1 sends both the same way).
        let Some((_, user, ringing)) = found.filter(|(id, ..)| self.came_from(*id, &request.source)) else {
            if found.is_some() {
                self.core.dropped(DropReason::WrongSource);
            }
            if self.pays(request.source, Some(Offence::Unsolicited)) {
                self.core.reply_stateless(request.message, request.source, Reply::new(481));
            }
            return;
        };
        let (message, source) = (request.message, request.source);
        let tag = match user {
            User::Invite(id) => self.sessions.get(&id).and_then(|session| session.local_tag()).map(str::to_owned),
            _ => None,
        };
        let tag = tag.unwrap_or_else(|| self.core.tag());
        let transaction = self.accept(&request, User::Nobody, None);
        self.core.reply(transaction, message, source, &Reply::new(200).tag(&tag));
        if let (User::Invite(id), true) = (user, ringing) {
            let reason = reading::reason(message);
            self.with_session(id, |session, core| session.on_cancel(core, reason));
        }
        if let (User::Reinvite(id), true) = (user, ringing) {
            self.with_session(id, |session, core| session.answer_reoffer(core, 487, None));
        }
    }

    /// A request with a To tag.
    fn on_inside(&mut self, request: Request<'_, '_>, tag: &str) {
        let (message, source) = (request.message, request.source);
        let known = self.core.local_tags.get(tag).copied();
        let session = known.filter(|id| self.sessions.get(id).is_some_and(|session| session.is_of_dialog(message)));
        let Some(id) = session else {
            if let Some(id) = self.subscriptions.find(message, tag) {
                return self.on_subscription(request, id);
            }
            // Of a dialog we do not have (§12.2.2); an OPTIONS with a forgotten tag is still a question to us.
            if !self.pays(source, Some(Offence::Unsolicited)) {
                return;
            }
            let reply = match request.method {
                Method::Options if self.core.answer_max.is_none() => self.capabilities(),
                _ => Reply::new(481),
            };
            return self.core.reply_stateless(message, source, reply);
        };
        // What stands goes on when new calls are turned away already; but nobody may fill the table from inside either.
        if self.core.layer.servers() >= self.core.config.transactions_max.saturating_mul(2) {
            return self.refuse_full(message, source);
        }
        if request.method != Method::Bye
            && let Some(reply) = self.not_understood(&request)
        {
            return self.core.reply_stateless(message, source, reply);
        }
        let plausible = self.is_plausible(id, &source);
        let user = match request.method {
            Method::Invite => User::Reinvite(id),
            Method::Update => User::Update(id),
            _ => User::Nobody,
        };
        let transaction = self.accept(&request, user, None);
        if !plausible {
            self.core.dropped(DropReason::WrongSource);
            self.core.reply(transaction, message, source, &Reply::new(403));
            return;
        }
        let incoming = Incoming { transaction, message, source, reply: request.reply };
        match request.method {
            Method::Refer => self.on_refer(id, incoming),
            Method::Subscribe => self.with_session(id, |session, core| {
                if session.take_turn(core, &incoming) {
                    session.on_subscribe(core, &incoming);
                }
            }),
            _ => self.with_session(id, |session, core| session.on_request(core, incoming)),
        }
    }

    pub(super) fn accept(&mut self, request: &Request<'_, '_>, user: User, merge: Option<MergeKey>) -> TransactionId {
        let times = self.core.times(&request.reply);
        // Only whom we trust is called back when his connection is gone: a stranger could name any port.
        let trusted = self.core.config.trunk_of(request.source.remote.ip()).is_some();
        let later = trusted.then(|| reply_flow_later(&request.source, request.message)).flatten();
        self.core.layer.accept(times, user, request.key.clone(), merge, (request.reply, later))
    }

    fn on_response(&mut self, flow: Flow, message: &Message<'_>) {
        let found = ClientKey::of_response(message).zip(message.status());
        let Some((key, status)) = found.filter(|_| validate(message).is_ok()) else {
            return self.noise(flow, message.as_bytes().len());
        };
        let now = self.core.now;
        let ack = |invite: &[u8]| -> Option<Bytes> { ack_for(invite, message) };
        let (received, notes) = self.core.layer.response(now, &key, status, flow, ack, &mut self.core.out);
        match received {
            Received::Pass(id, user) => self.pass(id, user, status, message),
            Received::Absorbed => {}
            Received::Stray => self.stray(flow, DropReason::StrayResponse, Some(Offence::Unsolicited)),
            Received::WrongSource => self.stray(flow, DropReason::WrongSource, Some(Offence::Unsolicited)),
        }
        self.core.notes.extend(notes);
    }

    fn pass(&mut self, transaction: TransactionId, user: User, status: u16, message: &Message<'_>) {
        match user {
            User::Invite(id) => {
                self.with_session(id, |s, core| s.on_invite_response(core, transaction, status, message));
            }
            User::Reinvite(id) => {
                self.with_session(id, |s, core| s.on_reinvite_response(core, transaction, status, message));
            }
            User::Bye(id) => self.with_session(id, |s, core| s.on_bye_response(core, status, message)),
            User::Prack(id) => self.with_session(id, |s, core| s.on_prack_response(core, transaction, status, message)),
            User::Refresh(id) => {
                self.with_session(id, |s, core| s.on_refresh_response(core, transaction, status, message));
            }
            User::Info(id) => self.with_session(id, |s, core| s.on_info_response(core, status)),
            User::Notify(id) => self.with_session(id, |s, core| s.on_notify_response(core, transaction, status)),
            User::Subscription(id) => {
                let later = message.retry_after().is_some();
                self.subscriptions.on_response(&mut self.core, id, transaction, status, later);
            }
            User::Register(account) => self.registrations.on_response(&mut self.core, account, transaction, message),
            User::Options(probe) if status >= 200 => self.probe_done(probe, Some(status)),
            User::Options(_) | User::Cancel(_) | User::Update(_) | User::Nobody => {}
        }
    }

    /// May a request inside this session come from there?
    fn is_plausible(&self, id: SessionId, source: &Flow) -> bool {
        self.sessions.get(&id).is_some_and(|session| session.is_plausible_source(&self.core, source))
    }

    /// Did the request of this transaction come from there: the same host over the same transport, or both from trunks?
    fn came_from(&self, id: TransactionId, source: &Flow) -> bool {
        let trusted = |flow: &Flow| self.core.config.trunk_of(flow.remote.ip()).is_some();
        self.core.layer.reply_flow(id).is_some_and(|flow| {
            let same_host = flow.remote.ip().to_canonical() == source.remote.ip().to_canonical();
            (same_host && flow.transport == source.transport) || (trusted(&flow) && trusted(source))
        })
    }

    fn session_of_dialog(&self, message: &Message<'_>) -> Option<SessionId> {
        let tag = String::from_utf8_lossy(reading::to_tag(message)?);
        let id = *self.core.local_tags.get(tag.as_ref())?;
        self.sessions.get(&id)?.is_of_dialog(message).then_some(id)
    }
}
