//! SUBSCRIBE (RFC 6665 §4.2): who may be told what. A user of ours, proved by digest, about his own line and messages;
//! nobody else, and nothing else.

use std::time::Duration;

use super::super::capability::{self, ALLOW_EVENTS};
use super::super::dialog::Dialog;
use super::super::message::{HeaderName, Message, Method, Uri, decode_text};
use super::super::reading;
use super::super::subscription::{Full, Package, Wanted};
use super::super::transaction::User;
use super::super::wire::Reply;
use super::Endpoint;
use super::receive::Request;

impl Endpoint {
    /// A SUBSCRIBE that begins something.
    pub(super) fn admit_subscribe(&mut self, request: Request<'_, '_>) {
        let (message, source) = (request.message, request.source);
        if self.is_full() {
            return self.refuse_full(message, source);
        }
        let wanted = match self.authenticate(&request) {
            Ok(user) => self.wanted(&request, user).map_err(Some),
            Err(reply) => Err(reply),
        };
        let mut wanted = match wanted {
            Ok(wanted) => wanted,
            Err(Some(reply)) => return self.core.reply_stateless(message, source, reply),
            Err(None) => return,
        };
        let room = self.subscriptions.make_room(&mut self.core, &wanted.user, wanted.package, &source);
        match room {
            Ok(()) => {}
            Err(Full::All) => return self.refuse_full(message, source),
            Err(Full::User) => return self.core.reply_stateless(message, source, Reply::new(403)),
        }
        let tag = self.core.tag();
        let Some(dialog) = Dialog::from_invite(message, &tag, source, &self.core) else { return };
        wanted.dialog = dialog;
        let transaction = self.accept(&request, User::Nobody, None);
        let seconds = wanted.lasts.as_secs().to_string();
        let reply = Reply::new(200).tag(&tag).contact().header("Expires", seconds);
        self.core.reply(transaction, message, source, &reply);
        self.subscriptions.add(&mut self.core, wanted);
    }

    /// A request inside a subscription: SUBSCRIBE refreshes or ends it, OPTIONS is answered, the rest means nothing there.
    pub(super) fn on_subscription(&mut self, request: Request<'_, '_>, id: u64) {
        let (message, source) = (request.message, request.source);
        let reply = match request.method {
            Method::Subscribe => match self.resubscribed(&request, id) {
                Ok(lasts) => {
                    let transaction = self.accept(&request, User::Nobody, None);
                    let reply = Reply::new(200).contact().header("Expires", lasts.as_secs().to_string());
                    self.core.reply(transaction, message, source, &reply);
                    return self.subscriptions.refresh(&mut self.core, id, message, source, lasts);
                }
                Err(Some(reply)) => reply,
                Err(None) => return,
            },
            Method::Options => self.capabilities(),
            Method::Notify | Method::Bye | Method::Info | Method::Update | Method::Prack => Reply::new(481),
            method => capability::refusal(method),
        };
        self.core.reply_stateless(message, source, reply);
    }

    /// For how long a subscription shall go on; or what to answer, if anything.
    fn resubscribed(&mut self, request: &Request<'_, '_>, id: u64) -> Result<Duration, Option<Reply<'static>>> {
        let user = self.authenticate(request)?;
        let Some((subscriber, package)) = self.subscriptions.subscriber(id) else { return Err(Some(Reply::new(481))) };
        if subscriber != user {
            return Err(Some(Reply::new(403)));
        }
        if package_of(request.message)?.0 != package {
            return Err(Some(bad_event()));
        }
        let lasts = self.lasts(request.message)?;
        let cseq = request.message.cseq().map_or(0, |(cseq, _)| cseq);
        if self.subscriptions.take_turn(id, cseq) { Ok(lasts) } else { Err(Some(Reply::new(500))) }
    }

    /// What a user's SUBSCRIBE asks for; its dialog is a draft yet, for a tag is drawn only when there is room.
    fn wanted(&self, request: &Request<'_, '_>, user: String) -> Result<Wanted, Reply<'static>> {
        let (message, source) = (request.message, request.source);
        let (package, event) = package_of(message)?;
        let asked = message.request_uri().and_then(|uri| Uri::parse(uri).ok()).ok_or_else(|| Reply::new(400))?;
        if !self.core.config.serves(&decode_text(asked.host), &source) {
            return Err(Reply::new(404));
        }
        // Some telephones name the user in To only.
        let name = |uri: &Uri<'_>| uri.user_decoded().map(|user| decode_text(&user).to_ascii_lowercase());
        let to = message.to().and_then(|to| to.parsed_uri().ok());
        if name(&asked).or_else(|| to.and_then(|to| name(&to))) != Some(user.clone()) {
            return Err(Reply::new(403));
        }
        let kind = package.media_type();
        let takes = |accepted: &[u8]| {
            let accepted = accepted.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
            accepted.eq_ignore_ascii_case(kind.as_bytes()) || matches!(accepted, b"*/*" | b"application/*")
        };
        if message.header(HeaderName::Accept).is_some() && !message.elements(HeaderName::Accept).any(takes) {
            return Err(Reply::new(406).header("Accept", kind));
        }
        let lasts = self.lasts(message)?;
        let contact = reading::contact_uri(message).is_some();
        let dialog = Dialog::from_invite(message, "", source, &self.core).filter(|_| contact);
        let dialog = dialog.ok_or_else(|| Reply::new(400).phrase(Some("Missing Contact Header")))?;
        let entity = format!("sip:{user}@{}", decode_text(asked.host));
        Ok(Wanted { user, package, event, entity, dialog, lasts })
    }

    /// Expires: the longest when nothing is asked, 423 when it is too short.
    fn lasts(&self, message: &Message<'_>) -> Result<Duration, Reply<'static>> {
        let (min, max) = (self.core.config.expires_min_s, self.core.config.expires_max_s);
        match message.expires().unwrap_or(max) {
            seconds if seconds > 0 && seconds < min => Err(Reply::new(423).header("Min-Expires", min.to_string())),
            seconds => Ok(Duration::from_secs(seconds.min(max).into())),
        }
    }
}

/// The package of a SUBSCRIBE, and the Event value to repeat.
fn package_of(message: &Message<'_>) -> Result<(Package, String), Reply<'static>> {
    let (name, params) = message.event().ok_or_else(bad_event)?;
    let package = Package::from_bytes(name).ok_or_else(bad_event)?;
    let id = params.get("id").map(decode_text).filter(|id| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
        (1..=EVENT_ID_MAX).contains(&id.len()) && id.bytes().all(fits)
    });
    let event = id.map_or_else(|| package.name().to_owned(), |id| format!("{};id={id}", package.name()));
    Ok((package, event))
}

fn bad_event() -> Reply<'static> {
    Reply::new(489).header("Allow-Events", ALLOW_EVENTS)
}

/// The longest `id` of an Event that is repeated.
const EVENT_ID_MAX: usize = 64;
