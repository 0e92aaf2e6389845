//! The registrar: RFC 3261 §10.3, with flows instead of addresses (RFC 5626) and Path (RFC 3327).
//!
//! A binding is a user's device, reached over the flow on which it last registered. It lives until it runs out, is
//! removed, or its connection closes; nobody else needs to clean up. A REGISTER changes all it asks for, or nothing.
//!
//! Not here: authentication (the endpoint asks [`super::auth`] first), and who is a user.

use std::collections::BTreeMap;
use std::time::Duration;

use super::message::{HeaderName, Message, NameAddr, Uri, unfold};
use super::wire::Reply;
use super::{EndpointConfig, Event, Flow, Hidden, Unbound};
use crate::clock::{Instant, earliest};

/// A registered device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The user, in lower case.
    pub user: String,
    /// The URI to put into the Request-URI.
    pub contact: Hidden,
    /// The way to the device.
    pub flow: Flow,
    /// `+sip.instance`: which device it is.
    pub instance: Option<String>,
    /// `reg-id`: which of its flows.
    pub reg_id: Option<u32>,
    /// Preference in thousandths; higher is tried first.
    pub q: u16,
    /// Until when.
    pub expires: Instant,
    /// Proxies on the way, for Route.
    pub path: Vec<Hidden>,
    call_id: Vec<u8>,
    cseq: u32,
}

impl Binding {
    /// The Path as Route values.
    pub(super) fn path_routes(&self) -> Vec<Vec<u8>> {
        self.path.iter().map(|value| value.reveal().as_bytes().to_vec()).collect()
    }
}

/// All bindings, by user.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    users: BTreeMap<String, Vec<Binding>>,
    count: usize,
    /// No binding runs out before this; it may be earlier than the first that does.
    next_expiry: Option<Instant>,
}

/// Why a REGISTER is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// `*` beside other contacts, or without Expires 0.
    #[error("a star that is not alone, or not with Expires 0")]
    Star,
    /// A contact that cannot be called.
    #[error("a contact that is no SIP URI")]
    Contact,
    /// Shorter than we allow.
    #[error("shorter than the minimum")]
    TooBrief,
    /// A copy of an older REGISTER.
    #[error("an older request of the same registration")]
    OutOfOrder,
    /// More devices than a user may have, or than we can hold.
    #[error("too many devices")]
    TooMany,
}

impl Refused {
    /// What to answer.
    pub fn reply(self, config: &EndpointConfig) -> Reply<'static> {
        match self {
            Refused::Star | Refused::Contact => Reply::new(400),
            Refused::TooBrief => Reply::new(423).header("Min-Expires", config.expires_min_s.to_string()),
            Refused::OutOfOrder => Reply::new(500),
            Refused::TooMany => Reply::new(403).phrase(Some("Too Many Contacts")),
        }
    }
}

enum Change {
    Bind(Binding),
    Unbind(Vec<u8>),
}

impl Registrar {
    /// Applies a REGISTER of `user` that came over `flow`; the events go to `told`.
    pub fn register(
        &mut self,
        now: Instant,
        config: &EndpointConfig,
        user: &str,
        message: &Message<'_>,
        flow: Flow,
        told: &mut Vec<Event>,
    ) -> Result<(), Refused> {
        let call_id = message.call_id().unwrap_or_default();
        let cseq = message.cseq().map_or(0, |(cseq, _)| cseq);
        let held = self.users.get(user).cloned().unwrap_or_default();
        let mut next = held.clone();
        for contact in message.contacts() {
            if contact.is_star() {
                if message.contacts().count() != 1 || message.expires() != Some(0) {
                    return Err(Refused::Star);
                }
                if next.iter().any(|b| b.call_id == call_id && cseq <= b.cseq) {
                    return Err(Refused::OutOfOrder);
                }
                next.clear();
                continue;
            }
            match read_contact(now, config, user, message, &contact, flow)? {
                Change::Unbind(uri) => unbind(&mut next, &uri, call_id, cseq)?,
                Change::Bind(binding) => bind(&mut next, binding)?,
            }
        }
        if next.len() > held.len() && (next.len() > config.contacts_per_user || self.count >= config.bindings_max) {
            return Err(Refused::TooMany);
        }
        next.sort_by_key(|binding| std::cmp::Reverse(binding.q));
        let count = next.len();
        let gone = held.len().saturating_sub(next.iter().filter(|b| is_known(&held, b)).count());
        for binding in next.iter().filter(|b| b.cseq == cseq && b.call_id == call_id) {
            let new = !is_known(&held, binding);
            told.push(Event::Bound { user: user.to_owned(), bindings: count, flow: binding.flow, new });
        }
        if gone > 0 {
            told.push(Event::Unbound { user: user.to_owned(), bindings: count, why: Unbound::Removed });
        }
        self.put(user, next);
        Ok(())
    }

    /// The Contact values of a 200: every live binding of the user, with the time it has left.
    pub fn contacts(&self, now: Instant, user: &str) -> Vec<String> {
        let shown = |binding: &Binding| {
            let mut value = format!("<{}>;expires={}", binding.contact.reveal(), seconds_left(now, binding.expires));
            if binding.q != 1000 {
                value.push_str(&format!(";q=0.{:03}", binding.q));
            }
            if let Some(instance) = &binding.instance {
                value.push_str(&format!(";+sip.instance=\"{instance}\""));
            }
            if let Some(reg_id) = binding.reg_id {
                value.push_str(&format!(";reg-id={reg_id}"));
            }
            value
        };
        self.bindings(now, user).map(shown).collect()
    }

    /// The live bindings of a user, best first.
    pub fn bindings<'s>(&'s self, now: Instant, user: &str) -> impl Iterator<Item = &'s Binding> + use<'s> {
        self.users.get(user).into_iter().flatten().filter(move |binding| binding.expires > now)
    }

    /// The flows of all devices.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.users.values().flatten().map(|binding| binding.flow)
    }

    /// How many bindings there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// When to look for bindings that ran out.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
    }

    /// Removes what ran out.
    pub fn expire(&mut self, now: Instant, told: &mut Vec<Event>) {
        self.remove_where(Unbound::Expired, |_, binding| binding.expires <= now, told);
    }

    /// Removes what lived on a connection that is gone.
    pub fn flow_closed(&mut self, flow: &Flow, told: &mut Vec<Event>) {
        self.remove_where(Unbound::FlowClosed, |_, binding| binding.flow == *flow, told);
    }

    /// Removes users who are no longer known.
    pub fn keep_users(&mut self, is_known: impl Fn(&str) -> bool, told: &mut Vec<Event>) {
        self.remove_where(Unbound::Revoked, |user, _| !is_known(user), told);
    }

    fn remove_where(&mut self, why: Unbound, goes: impl Fn(&str, &Binding) -> bool, told: &mut Vec<Event>) {
        for (user, list) in &mut self.users {
            let before = list.len();
            list.retain(|binding| !goes(user, binding));
            if list.len() < before {
                told.push(Event::Unbound { user: user.clone(), bindings: list.len(), why });
            }
        }
        self.users.retain(|_, list| !list.is_empty());
        self.count = self.users.values().map(Vec::len).sum();
        self.next_expiry = self.users.values().flatten().map(|binding| binding.expires).min();
    }

    fn put(&mut self, user: &str, list: Vec<Binding>) {
        self.count = self.count + list.len() - self.users.get(user).map_or(0, Vec::len);
        let first = list.iter().map(|binding| binding.expires).min();
        self.next_expiry = if self.count == 0 { None } else { earliest(self.next_expiry, first) };
        if list.is_empty() {
            self.users.remove(user);
        } else {
            self.users.insert(user.to_owned(), list);
        }
    }
}

fn read_contact(
    now: Instant,
    config: &EndpointConfig,
    user: &str,
    message: &Message<'_>,
    contact: &NameAddr<'_>,
    flow: Flow,
) -> Result<Change, Refused> {
    let uri = contact.parsed_uri().ok().filter(Uri::is_sip).ok_or(Refused::Contact)?;
    let own = contact.params.get("expires").and_then(number);
    let seconds = own.or(message.expires()).unwrap_or(config.expires_default_s);
    if seconds == 0 {
        return Ok(Change::Unbind(uri.raw.to_vec()));
    }
    if seconds < config.expires_min_s {
        return Err(Refused::TooBrief);
    }
    let seconds = seconds.min(config.expires_max_s);
    let instance = contact.params.get("+sip.instance").map(|value| plain(value, 128)).filter(|value| !value.is_empty());
    let path = message.elements(HeaderName::Path).take(8).map(|value| Hidden::from_bytes(&unfold(value)));
    Ok(Change::Bind(Binding {
        user: user.to_owned(),
        contact: Hidden::from_bytes(uri.raw),
        flow,
        reg_id: contact.params.get("reg-id").and_then(number).filter(|_| instance.is_some()),
        instance,
        q: contact.params.get("q").and_then(preference).unwrap_or(1000),
        expires: now + Duration::from_secs(seconds.into()),
        path: path.collect(),
        call_id: message.call_id().unwrap_or_default().to_vec(),
        cseq: message.cseq().map_or(0, |(cseq, _)| cseq),
    }))
}

fn bind(list: &mut Vec<Binding>, binding: Binding) -> Result<(), Refused> {
    let stale = |old: &Binding| old.call_id == binding.call_id && old.cseq > binding.cseq;
    let repeated = |old: &Binding| old.call_id == binding.call_id && old.cseq == binding.cseq;
    if list.iter().any(|old| same_device(old, &binding) && (stale(old) || repeated(old))) {
        return Err(Refused::OutOfOrder);
    }
    list.retain(|old| !same_device(old, &binding));
    list.push(binding);
    Ok(())
}

fn unbind(list: &mut Vec<Binding>, uri: &[u8], call_id: &[u8], cseq: u32) -> Result<(), Refused> {
    let Ok(wanted) = Uri::parse(uri) else { return Err(Refused::Contact) };
    let same = |binding: &Binding| same_uri(&binding.contact, &wanted);
    if list.iter().any(|b| same(b) && b.call_id == call_id && cseq <= b.cseq) {
        return Err(Refused::OutOfOrder);
    }
    list.retain(|binding| !same(binding));
    Ok(())
}

/// The same device: by its instance and flow number when it has one (RFC 5626), else by its Contact; and what registers
/// anew over the very flow of another binding, under another Call-ID, is that device after a restart.
fn same_device(old: &Binding, new: &Binding) -> bool {
    match (&old.instance, &new.instance) {
        (Some(a), Some(b)) => a == b && old.reg_id == new.reg_id,
        _ => {
            let restarted = old.flow == new.flow && old.call_id != new.call_id;
            restarted || Uri::parse(new.contact.reveal().as_bytes()).is_ok_and(|uri| same_uri(&old.contact, &uri))
        }
    }
}

fn is_known(held: &[Binding], binding: &Binding) -> bool {
    held.iter().any(|old| same_device(old, binding))
}

fn same_uri(contact: &Hidden, uri: &Uri<'_>) -> bool {
    Uri::parse(contact.reveal().as_bytes()).is_ok_and(|known| known.equivalent(uri))
}

fn seconds_left(now: Instant, expires: Instant) -> u64 {
    expires.since(now).as_millis().div_ceil(1000) as u64
}

fn number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    // A number too large for us is as good as the largest.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse::<u64>().map_or(u32::MAX, |n| n.min(u32::MAX.into()) as u32))
        .filter(|_| !text.is_empty())
}

fn preference(text: &[u8]) -> Option<u16> {
    let value: f32 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (0.0..=1.0).contains(&value).then_some((value * 1000.0) as u16)
}

/// Printable ASCII without quotes, cut to `max`.
fn plain(text: &[u8], max: usize) -> String {
    let keep = |b: &&u8| (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\')) || **b == b' ';
    text.iter().filter(keep).take(max).map(|b| char::from(*b)).collect()
}
