//! One way to one device of a user, as a REGISTER describes it, and what makes two of them the same.

use std::time::Duration;

use super::super::message::{HeaderName, Message, NameAddr, Uri, is_target, unfold};
use super::super::{EndpointConfig, Flow, Hidden, Transport};
use super::outbound;
use super::{Push, Refused};
use crate::clock::Instant;

/// A way to a registered device. A device has several when it keeps several flows (RFC 5626).
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
    /// How the device can be woken when its flow is gone (RFC 8599).
    pub push: Option<Push>,
    /// Its datagrams come from another address than its Contact names: a NAT is in between.
    pub behind_nat: bool,
    pub(super) call_id: Vec<u8>,
    pub(super) cseq: u32,
    /// Rises with every registration: the latest flow of a device is its best.
    pub(super) turn: u64,
}

/// What one Contact of a REGISTER asks for.
pub(super) enum Change {
    Bind(Binding),
    Unbind(Binding),
}

/// Proxies of a Path; a call could not find its way with one left out, so a longer one is refused.
pub(in crate::sip) const PATH_MAX: usize = 8;
/// Characters kept of a `+sip.instance`.
const INSTANCE_MAX: usize = 128;
/// The largest `reg-id` (RFC 5626 §10).
const REG_ID_MAX: u32 = 0x7fff_ffff;

impl Binding {
    #[cfg(test)]
    pub(in crate::sip) fn of_test(user: &str, contact: &str, flow: Flow) -> Binding {
        Binding {
            user: user.to_owned(),
            contact: contact.into(),
            flow,
            instance: None,
            reg_id: None,
            q: 1000,
            expires: Instant::FAR,
            path: Vec::new(),
            push: None,
            behind_nat: false,
            call_id: Vec::new(),
            cseq: 0,
            turn: 0,
        }
    }

    /// The Path as Route values.
    pub(in crate::sip) fn path_routes(&self) -> Vec<Vec<u8>> {
        self.path.iter().map(|value| value.reveal().as_bytes().to_vec()).collect()
    }

    /// Reads one Contact of a REGISTER of `user` that came over `flow`.
    pub(super) fn read(
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
        let instance = contact.params.get("+sip.instance").map(|value| plain(value, INSTANCE_MAX));
        let instance = instance.filter(|value| !value.is_empty());
        let reg_id = contact.params.get("reg-id").and_then(number).filter(|id| (1..=REG_ID_MAX).contains(id));
        // Whoever does not say that he can keep several flows keeps one, whatever number he gives it.
        let reg_id = reg_id.filter(|_| instance.is_some() && message.supports("outbound"));
        let path = read_path(message)?;
        let mut binding = Binding {
            user: user.to_owned(),
            contact: Hidden::from_bytes(uri.raw),
            flow,
            instance,
            reg_id,
            q: contact.params.get("q").and_then(preference).unwrap_or(1000),
            expires: now + Duration::from_secs(seconds.min(config.expires_max_s).into()),
            path,
            push: None,
            behind_nat: false,
            call_id: message.call_id().unwrap_or_default().to_vec(),
            cseq: message.cseq().map_or(0, |(cseq, _)| cseq),
            turn: 0,
        };
        if seconds == 0 {
            return Ok(Change::Unbind(binding));
        }
        if seconds < config.expires_min_s {
            return Err(Refused::TooBrief);
        }
        if reg_id.is_some() && !outbound::first_hop_can(message) {
            return Err(Refused::FirstHop);
        }
        let direct = flow.transport == Transport::Udp && binding.path.is_empty();
        binding.behind_nat = direct && uri.host_ip() != Some(flow.remote.ip().to_canonical());
        binding.push = Push::read(&config.push_providers, &uri)?;
        Ok(Change::Bind(binding))
    }

    /// Does `new` take the place of this one? A flow of an instance by its number (RFC 5626 §6); an instance that numbers no
    /// flows has one; a device without instance is known by its Contact. And what registers anew over the very flow of such
    /// a device, under another Call-ID, is that device after a restart, unless a proxy's flow is what they share.
    pub(super) fn is_replaced_by(&self, new: &Binding) -> bool {
        match (&self.instance, &new.instance) {
            (Some(a), Some(b)) => {
                a == b && (self.reg_id == new.reg_id || self.reg_id.is_none() || new.reg_id.is_none())
            }
            _ => {
                let direct = self.path.is_empty() && new.path.is_empty();
                let restarted = direct && self.flow == new.flow && self.call_id != new.call_id;
                restarted || self.has_contact_of(new)
            }
        }
    }

    /// Is this the one that `gone` takes back?
    pub(super) fn is_removed_by(&self, gone: &Binding) -> bool {
        match (gone.reg_id, &gone.instance) {
            (Some(_), Some(_)) => self.instance == gone.instance && self.reg_id == gone.reg_id,
            _ => self.has_contact_of(gone),
        }
    }

    /// Is it another way to the same device?
    pub(in crate::sip) fn is_device_of(&self, other: &Binding) -> bool {
        let same_push = || self.push.is_some() && self.push == other.push;
        (self.instance.is_some() && self.instance == other.instance) || self.has_contact_of(other) || same_push()
    }

    /// Was it made by the same registration, and not before `cseq`?
    pub(super) fn is_newer_than(&self, call_id: &[u8], cseq: u32) -> bool {
        self.call_id == call_id && cseq <= self.cseq
    }

    fn has_contact_of(&self, other: &Binding) -> bool {
        let (ours, theirs) = (self.contact.reveal().as_bytes(), other.contact.reveal().as_bytes());
        Uri::parse(ours).is_ok_and(|ours| Uri::parse(theirs).is_ok_and(|theirs| ours.equivalent(&theirs)))
    }
}

/// The Path, each of whose values must be an address that a call can be sent to (RFC 3327 §5.3).
fn read_path(message: &Message<'_>) -> Result<Vec<Hidden>, Refused> {
    let mut path = Vec::new();
    for value in message.elements(HeaderName::Path) {
        let is_target = NameAddr::parse(value).is_ok_and(|address| address.bracketed && is_target(address.uri));
        if !is_target || path.len() == PATH_MAX {
            return Err(Refused::Path);
        }
        path.push(Hidden::from_bytes(&unfold(value)));
    }
    Ok(path)
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
pub(super) fn plain(text: &[u8], max: usize) -> String {
    let keep = |b: &&u8| (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\')) || **b == b' ';
    text.iter().filter(keep).take(max).map(|b| char::from(*b)).collect()
}
