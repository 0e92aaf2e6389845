//! What begins something new: INVITE, REGISTER, OPTIONS. Who may, and what is refused before any state is made.
//! RFC 3261 §8.2, §10.3, §11.2.
//!
//! Refusals of an INVITE are stateless: an unknown source cannot fill a table by asking.

use std::sync::Arc;

use super::super::auth::{Asking, Attempt, Verdict};
use super::super::limits::{DISPLAY_MAX, UNSUPPORTED_MAX, USER_AGENT_MAX, VALUES_MAX};
use super::super::message::{HeaderName, Message, Method, NameAddr, decode_text, unfold};
use super::super::registrar::{Push, flow_timer_s};
use super::super::session::{NewCall, Session, interval_too_small};
use super::super::shield::{Offence, Source};
use super::super::transaction::{MergeKey, User};
use super::super::wire::{Reply, SDP, WWW_AUTHENTICATE};
use super::super::{
    Admission, DropReason, Event, Flow, Hidden, Identity, IncomingInvite, SessionId, Trust, attestation, capability,
    reading,
};
use super::Endpoint;
use super::receive::Request;

impl Endpoint {
    pub(super) fn admit(&mut self, request: Request<'_, '_>) {
        let source = request.source;
        if !self.enters(&request) {
            return;
        }
        // Only an INVITE rings twice; and some phones forget to raise CSeq when they answer a challenge.
        let merge = MergeKey::of_request(request.message).filter(|_| request.method == Method::Invite);
        if merge.as_ref().is_some_and(|merge| self.core.layer.is_merged(merge)) {
            return self.core.reply_stateless(request.message, source, Reply::new(482));
        }
        if let Some(reply) = self.not_understood(&request) {
            return self.core.reply_stateless(request.message, source, reply);
        }
        match request.method {
            Method::Invite => self.admit_invite(request, merge),
            Method::Register => self.admit_register(request),
            // A stranger learns that somebody is there, and no more.
            Method::Options if self.core.answer_max.is_some() => {
                self.core.reply_stateless(request.message, source, Reply::new(200));
            }
            Method::Options => {
                let reply = self.capabilities();
                self.core.reply_stateless(request.message, source, reply);
            }
            // A dialog is what these need, and there is none.
            Method::Bye | Method::Info | Method::Update | Method::Prack | Method::Notify => {
                self.core.reply_stateless(request.message, source, Reply::new(481));
            }
            Method::Subscribe if self.core.config.registrar => self.admit_subscribe(request),
            // Outside a conversation nobody can hand one on.
            Method::Refer if self.core.config.transfer => {
                self.core.reply_stateless(request.message, source, Reply::new(403));
            }
            // MESSAGE and PUBLISH among them.
            method => {
                let stranger = self.core.answer_max.is_some();
                let unheard_of = matches!(method, Method::Other(_));
                let reply = if stranger && unheard_of { Reply::new(501) } else { capability::refusal(method) };
                self.core.reply_stateless(request.message, source, reply);
            }
        }
    }

    /// The answer to OPTIONS.
    pub(super) fn capabilities(&self) -> Reply<'static> {
        capability::reply(&self.core.config)
    }

    /// Extensions and bodies we do not understand (§8.2.2.3, §8.2.3).
    pub(super) fn not_understood(&self, request: &Request<'_, '_>) -> Option<Reply<'static>> {
        let message = request.message;
        let strange: Vec<String> = message
            .require()
            .filter(|tag| !capability::understands(&self.core.config, request.method, tag))
            .take(UNSUPPORTED_MAX)
            .map(decode_text)
            .collect();
        if !strange.is_empty() {
            return Some(Reply::new(420).header("Unsupported", strange.join(", ")));
        }
        if request.method != Method::Invite {
            // Only a call can take the place of another (RFC 3891 §3).
            let misplaced = self.core.config.transfer && message.header(HeaderName::Replaces).is_some();
            if misplaced {
                return Some(Reply::new(400).phrase(Some("Replaces Outside INVITE")));
            }
            // An offer that cannot be read is not to be taken for none.
            return (request.method == Method::Update).then(|| body_not_understood(message)).flatten();
        }
        // Whoever cannot read SDP cannot be answered (§20.1).
        let takes_sdp = |kind: &[u8]| {
            let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
            matches!(kind.as_slice(), b"application/sdp" | b"application/*" | b"*/*" | b"multipart/mixed")
        };
        if message.header(HeaderName::Accept).is_some() && !message.elements(HeaderName::Accept).any(takes_sdp) {
            return Some(Reply::new(406));
        }
        body_not_understood(message)
    }

    fn admit_invite(&mut self, request: Request<'_, '_>, merge: Option<MergeKey>) {
        let (message, source) = (request.message, request.source);
        if let Admission::Busy { retry_after_s } = self.admission {
            let reply = Reply::new(503).header("Retry-After", retry_after_s.to_string());
            return self.core.reply_stateless(message, source, reply);
        }
        if self.sessions.len() >= self.core.config.sessions_max || self.is_full() {
            return self.refuse_full(message, source);
        }
        if reading::caller_uri(message).is_none() {
            return self.core.reply_stateless(message, source, Reply::new(400).phrase(Some("Missing Contact Header")));
        }
        if let Some(reply) = interval_too_small(&self.core.config, message) {
            return self.core.reply_stateless(message, source, reply);
        }
        let Some(trust) = self.trust(&request) else { return };
        let replaces = match self.replaced(message, &trust) {
            Ok(replaces) => replaces,
            Err(reply) => return self.core.reply_stateless(message, source, reply),
        };
        let id = self.new_session();
        let user = match &trust {
            Trust::User(user) => Some(user.clone()),
            _ => None,
        };
        let invite = Box::new(read_invite(message, source, trust, replaces));
        let transaction = self.accept(&request, User::Invite(id), merge);
        self.core.reply(transaction, message, source, &Reply::new(100));
        let call = NewCall { transaction, request: message.to_owned(), source, reply: request.reply };
        if let Some(mut session) = Session::incoming(&mut self.core, id, call) {
            session.set_user(user);
            self.sessions.insert(id, session);
            self.core.tell(Event::Invite { session: id, invite });
        }
    }

    /// Who vouches for the sender of an INVITE; `None` when it was refused.
    fn trust(&mut self, request: &Request<'_, '_>) -> Option<Trust> {
        if let Some(trunk) = self.core.config.trunk_of(request.source.remote.ip()) {
            return Some(Trust::Trunk(trunk));
        }
        if let Some(account) = self.registrations.account_of(&request.source) {
            return Some(Trust::Registrar(account));
        }
        if !self.core.config.invite_auth_required {
            return Some(Trust::Nobody);
        }
        match self.authenticate(request) {
            Ok(user) => Some(Trust::User(user)),
            Err(reply) => {
                if let Some(reply) = reply {
                    self.core.reply_stateless(request.message, request.source, reply);
                }
                None
            }
        }
    }

    fn admit_register(&mut self, request: Request<'_, '_>) {
        let (message, source) = (request.message, request.source);
        if !self.core.config.registrar {
            return self.core.reply_stateless(message, source, capability::refusal(request.method));
        }
        if self.is_full() {
            return self.refuse_full(message, source);
        }
        match self.register(&request) {
            // Who did not prove who he is leaves no trace here.
            Err(None) => {}
            Err(Some(reply)) => self.core.reply_stateless(message, source, reply),
            Ok(reply) => {
                let transaction = self.accept(&request, User::Nobody, None);
                let tag = self.core.tag();
                self.core.reply(transaction, message, source, &reply.tag(&tag));
            }
        }
    }

    /// `Ok` is an answer to a user of ours, good or bad; `Err` one to a stranger, or silence.
    fn register(&mut self, request: &Request<'_, '_>) -> Result<Reply<'static>, Option<Reply<'static>>> {
        let (message, source) = (request.message, request.source);
        let aor = message.to().and_then(|to| to.parsed_uri().ok());
        let user = aor.and_then(|uri| uri.user_decoded().map(|user| decode_text(&user).to_ascii_lowercase()));
        let asked = message.request_uri().and_then(|uri| super::super::message::Uri::parse(uri).ok());
        let ours = |host: &[u8]| self.core.config.serves(&decode_text(host), &source);
        let (Some(aor), Some(user), Some(asked)) = (aor, user, asked) else { return Err(Some(Reply::new(400))) };
        let elsewhere = !ours(asked.host) || !ours(aor.host);
        // Whoever has not proved who he is hears the same of every name and every domain.
        let proved = self.authenticate(request)?;
        if elsewhere {
            return Ok(Reply::new(404));
        }
        if proved != user {
            return Ok(Reply::new(403));
        }
        let now = self.core.now;
        let change = self
            .change_registrar(|registrar, config, told| registrar.register(now, config, &user, message, source, told));
        if let Err(refused) = change {
            return Ok(refused.reply(&self.core.config));
        }
        if self.registrar.is_behind_nat(&user, &source) {
            self.watch_ways();
        }
        self.deliver_woken(&user);
        let mut reply = Reply::new(200);
        for contact in self.registrar.contacts(now, &user) {
            reply = reply.header("Contact", contact);
        }
        if message.supports("outbound") && self.registrar.keeps_flow(&user, &source) {
            reply = reply.header("Require", "outbound");
            // Behind a proxy the flow is the proxy's, and so is the word how often.
            if message.elements(HeaderName::Via).count() == 1 {
                reply = reply.header("Flow-Timer", flow_timer_s(source.transport).to_string());
            }
        }
        let providers = &self.core.config.push_providers;
        let caps = |contact: NameAddr<'_>| Push::feature_caps(providers, &contact.parsed_uri().ok()?);
        if let Some(caps) = message.contacts().find_map(caps) {
            reply = reply.header("Feature-Caps", caps);
        }
        for path in message.elements(HeaderName::Path) {
            reply = reply.header("Path", decode_text(&unfold(path)));
        }
        Ok(reply)
    }

    /// Who sent this, by digest; or what to answer (nothing, when even that is too much).
    pub(super) fn authenticate(&mut self, request: &Request<'_, '_>) -> Result<String, Option<Reply<'static>>> {
        let accounts = Arc::clone(&self.accounts);
        let (now, flow, message) = (self.core.now, request.source, request.message);
        let source = Source::of(flow.remote.ip());
        let target = message.request_uri().unwrap_or_default();
        let attempt = Attempt {
            source: source.octets(),
            method: &decode_text(request.method.as_bytes()),
            uri_fits: &|uri: &[u8]| uri == target || is_equivalent(uri, target),
            // Over the very flow of her registration, or as the tries of this source at this account allow.
            may_try: &|user: &str| {
                let here = self.registrar.is_bound(now, user, &flow);
                here || self.tries.may_try(now, source, account_hash(user))
            },
        };
        let stale = match self.guard.judge(now, &accounts, message.authorization(), &attempt) {
            Verdict::Proved(user) => {
                self.shield.proved(now, source);
                self.tries.proved(now, source, account_hash(&user));
                return Ok(user);
            }
            Verdict::OtherUri => return Err(Some(Reply::new(400).phrase(Some("Digest For Another URI")))),
            Verdict::TooSoon => return Err(self.too_soon(flow)),
            Verdict::Wrong(user) => {
                let account = account_hash(&user);
                self.tries.failed(now, source, account);
                let throttled = !self.tries.may_try(now, source, account);
                self.core.tell(Event::AuthFailed { flow, throttled });
                if self.offends(flow, Offence::WrongPassword) {
                    return Err(None);
                }
                // The last try judged for a while. A telephone that answers every challenge anew stops here, and its owner
                // reads that it was refused.
                if throttled {
                    return Err(Some(Reply::new(403)));
                }
                false
            }
            Verdict::Ask => {
                let name = message.to().map_or(0, |to| reading::hash(&[to.uri]));
                if self.offends(flow, Offence::Asked(name)) {
                    return Err(None);
                }
                false
            }
            Verdict::Stale => true,
        };
        let mut reply = Reply::new(401);
        let cseq = message.cseq().map_or(0, |(cseq, _)| cseq).to_be_bytes();
        let about = reading::hash(&[message.call_id().unwrap_or_default(), &cseq]);
        let agent = message.header(HeaderName::UserAgent).unwrap_or_default();
        let sha256 = self.core.config.offer_sha256 && !MD5_ONLY.iter().any(|name| agent.starts_with(name));
        let asking = Asking { stale, sha256, about, source: source.octets() };
        for challenge in self.guard.challenges(now, &accounts, asking) {
            reply = reply.header(WWW_AUTHENTICATE, challenge);
        }
        Err(Some(reply))
    }

    /// Over UDP a telephone's own repeats are the wait; over a connection it must be told.
    fn too_soon(&mut self, flow: Flow) -> Option<Reply<'static>> {
        if flow.transport.is_reliable() {
            let seconds = self.core.config.full_retry_after_s.to_string();
            return Some(Reply::new(503).header("Retry-After", seconds));
        }
        self.core.dropped(DropReason::Throttled);
        None
    }
}

/// Bodies we do not understand (§8.2.3).
fn body_not_understood(message: &Message<'_>) -> Option<Reply<'static>> {
    if message.body().is_empty() {
        return None;
    }
    let encoded = message.elements(HeaderName::ContentEncoding).any(|e| !e.eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Some(Reply::new(415).header("Accept-Encoding", "identity"));
    }
    let refused = Some(Reply::new(415).header("Accept", SDP));
    let required = |disposition: &[u8]| {
        let text = decode_text(disposition).to_ascii_lowercase();
        text.contains("handling=required")
    };
    let strange = |part: &super::super::message::Part<'_>| part.media_type.is_some_and(|t| !t.is(SDP));
    if message.parts().any(|part| strange(&part) && part.disposition.is_some_and(required)) {
        return refused;
    }
    let optional = message.parts().all(|part| part.is_optional());
    (reading::sdp(message).is_none() && !optional).then_some(refused).flatten()
}

/// An account by its name, as its tries are counted.
fn account_hash(user: &str) -> u64 {
    reading::hash(&[user.to_ascii_lowercase().as_bytes()])
}

/// Equal by RFC 3261 §19.1.4, or but for a default port that only one of them writes: many phones do that in the `uri` of
/// their digest, and it names no other resource.
fn is_equivalent(a: &[u8], b: &[u8]) -> bool {
    use super::super::message::{Scheme, Uri};
    let (Ok(a), Ok(b)) = (Uri::parse(a), Uri::parse(b)) else { return false };
    let port = |uri: &Uri<'_>| uri.port.unwrap_or(if uri.scheme == Scheme::Sips { 5061 } else { 5060 });
    let same_but_port = a.scheme == b.scheme && a.user == b.user && a.host.eq_ignore_ascii_case(b.host);
    a.equivalent(&b) || (same_but_port && port(&a) == port(&b))
}

/// Telephones that give up when a challenge they do not know stands beside one they do (RFC 8760 §2.6 wants them to pass
/// over it): the libre library up to its version 1.
const MD5_ONLY: [&[u8]; 2] = [b"baresip v0.", b"baresip v1."];

fn read_invite(message: &Message<'_>, source: Flow, trust: Trust, replaces: Option<SessionId>) -> IncomingInvite {
    let vouched = matches!(trust, Trust::Trunk(_) | Trust::Registrar(_));
    let all = |name: HeaderName<'_>| -> Vec<Hidden> {
        message.elements(name).take(VALUES_MAX).map(|value| Hidden::from_bytes(&unfold(value))).collect()
    };
    let first = |name: HeaderName<'_>| message.header(name).map(|value| Hidden::from_bytes(&unfold(value)));
    let asserted = message.p_asserted_identity().take(VALUES_MAX).map(|who| identity(Some(who)));
    let user_agent = message.header(HeaderName::UserAgent).map(|value| decode_text(&unfold(value))).unwrap_or_default();
    let call_id = message.call_id().unwrap_or_default();
    IncomingInvite {
        flow: source,
        request_uri: Hidden::from_bytes(message.request_uri().unwrap_or_default()),
        to: identity(message.to()),
        from: identity(message.from()),
        p_asserted: if vouched { asserted.collect() } else { Vec::new() },
        privacy_id: message.wants_privacy(),
        diversion: all(HeaderName::Diversion),
        history_info: all(HeaderName::HistoryInfo),
        called_party: first(HeaderName::PCalledPartyId),
        access_network: first(HeaderName::PAccessNetworkInfo).filter(|_| vouched),
        attestation: attestation::of(message).filter(|_| vouched),
        replaces,
        call_id_hash: reading::hash(&[call_id]),
        sdp: reading::sdp(message),
        user_agent: user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect(),
        max_forwards: message.max_forwards().map_or(70, |hops| hops.min(255) as u8),
        trust,
    }
}

fn identity(who: Option<NameAddr<'_>>) -> Identity {
    match who {
        Some(who) => {
            let display: String = who.display_text().chars().take(DISPLAY_MAX).collect();
            Identity { display: Hidden::new(display), uri: Hidden::from_bytes(who.uri) }
        }
        None => Identity::default(),
    }
}
