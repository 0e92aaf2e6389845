//! The registrar: RFC 3261 §10.3, with flows instead of addresses (RFC 5626), Path (RFC 3327) and push (RFC 8599).
//!
//! A binding is a way to a user's device, over the flow on which it last registered. It lives until it runs out, is removed,
//! or its connection closes; nobody else needs to clean up. A device that keeps several flows has a binding for each, counts
//! once, and is called over the latest. A device whose connection closed, and that said how to wake it, is asleep until its
//! registration runs out: nobody counts it as there, and it can still be called. A REGISTER changes all it asks for, or
//! nothing.
//!
//! Not here: authentication (the endpoint asks [`super::auth`] first), who is a user, and the sending of a push.

mod binding;
mod outbound;
mod push;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::dialog::hop_of_route;
use super::message::Message;
use super::wire::Reply;
use super::{EndpointConfig, Event, Flow, Unbound};
use crate::clock::{Instant, earliest};

pub use binding::Binding;
use binding::Change;
pub(in crate::sip) use binding::PATH_MAX;
pub(in crate::sip) use outbound::{FLOWS_MAX, flow_timer_s};
pub(in crate::sip) use push::PUSH_BYTES_MAX;
pub use push::Push;

/// All bindings, by user.
#[derive(Debug, Default)]
pub(super) struct Registrar {
    /// Best first: by preference, then the latest.
    users: BTreeMap<String, Vec<Binding>>,
    /// Those whose flow is gone, and that can be woken.
    asleep: BTreeMap<String, Vec<Binding>>,
    count: usize,
    turns: u64,
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
    /// A Path that no call could take.
    #[error("a path that no call could take")]
    Path,
    /// Shorter than we allow.
    #[error("shorter than the minimum")]
    TooBrief,
    /// A copy of an older REGISTER.
    #[error("an older request of the same registration")]
    OutOfOrder,
    /// More devices than a user may have, or than we can hold.
    #[error("too many devices")]
    TooMany,
    /// A phone that numbers its flows, behind a proxy that keeps none.
    #[error("the first hop keeps no flows")]
    FirstHop,
    /// A push service that nobody here speaks to.
    #[error("an unknown push provider")]
    PushProvider,
}

impl Refused {
    /// What to answer.
    pub fn reply(self, config: &EndpointConfig) -> Reply<'static> {
        match self {
            Refused::Star | Refused::Contact => Reply::new(400),
            Refused::Path => Reply::new(400).phrase(Some("Bad Path")),
            Refused::TooBrief => Reply::new(423).header("Min-Expires", config.expires_min_s.to_string()),
            Refused::OutOfOrder => Reply::new(500),
            Refused::TooMany => Reply::new(403).phrase(Some("Too Many Contacts")),
            Refused::FirstHop => Reply::new(439),
            Refused::PushProvider => Reply::new(555),
        }
    }
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
        let slept = self.asleep.get(user).cloned().unwrap_or_default();
        let (mut next, mut asleep) = (held.clone(), slept.clone());
        for contact in message.contacts() {
            if contact.is_star() {
                if message.contacts().count() != 1 || message.expires() != Some(0) {
                    return Err(Refused::Star);
                }
                if next.iter().chain(&asleep).any(|b| b.is_newer_than(call_id, cseq)) {
                    return Err(Refused::OutOfOrder);
                }
                next.clear();
                asleep.clear();
                continue;
            }
            match Binding::read(now, config, user, message, &contact, flow)? {
                Change::Unbind(gone) => {
                    let known = next.iter().chain(&asleep).filter(|binding| binding.is_removed_by(&gone));
                    in_order(known, call_id, cseq)?;
                    next.retain(|binding| !binding.is_removed_by(&gone));
                    asleep.retain(|binding| !binding.is_removed_by(&gone));
                }
                Change::Bind(mut binding) => {
                    let known = next.iter().chain(&asleep).filter(|old| old.is_replaced_by(&binding));
                    in_order(known, call_id, cseq)?;
                    self.turns += 1;
                    binding.turn = self.turns;
                    next.retain(|old| !old.is_replaced_by(&binding));
                    asleep.retain(|old| !old.is_device_of(&binding));
                    next.push(binding);
                }
            }
        }
        next.sort_by_key(|binding| (std::cmp::Reverse(binding.q), std::cmp::Reverse(binding.turn)));
        forget_oldest_flows(&mut next);
        let grows = next.len() > held.len() && self.len() + next.len() - held.len() > config.bindings_max;
        let crowded = devices(&next) > devices(&held) && devices(&next) + asleep.len() > config.contacts_per_user;
        if grows || crowded {
            return Err(Refused::TooMany);
        }
        let count = devices(&next);
        let known = |binding: &Binding| held.iter().any(|old| old.is_replaced_by(binding));
        for binding in next.iter().filter(|b| b.cseq == cseq && b.call_id == call_id) {
            told.push(Event::Bound {
                user: user.to_owned(),
                bindings: count,
                asleep: asleep.len(),
                flow: binding.flow,
                new: !known(binding),
            });
        }
        let lives = |old: &Binding| next.iter().any(|new| old.is_replaced_by(new));
        if !held.iter().all(lives) || (asleep.len() < slept.len() && next == held) {
            let why = Unbound::Removed;
            told.push(Event::Unbound { user: user.to_owned(), bindings: count, asleep: asleep.len(), why });
        }
        self.put(user, next, asleep);
        Ok(())
    }

    /// The Contact values of a 200: every binding of the user that has not run out, with the time it has left.
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
        let all = self.users.get(user).into_iter().chain(self.asleep.get(user)).flatten();
        all.filter(|binding| binding.expires > now).map(shown).collect()
    }

    /// The live devices of a user, best first: of each its latest flow.
    pub fn bindings<'s>(&'s self, now: Instant, user: &str) -> impl Iterator<Item = &'s Binding> + use<'s> {
        let list = self.users.get(user).map_or(&[][..], Vec::as_slice);
        let live = list.iter().filter(move |binding| binding.expires > now);
        live.enumerate()
            .filter(move |(place, binding)| {
                binding.instance.is_none()
                    || !list.iter().filter(|b| b.expires > now).take(*place).any(|b| b.instance == binding.instance)
            })
            .map(|(_, binding)| binding)
    }

    /// The other live flows of a device, the best last.
    pub fn other_flows(&self, now: Instant, binding: &Binding) -> Vec<Binding> {
        let way = |binding: &Binding| (binding.flow, binding.reg_id);
        let same = |other: &&Binding| {
            other.instance.is_some() && other.instance == binding.instance && way(other) != way(binding)
        };
        let list = self.users.get(&binding.user).into_iter().flatten();
        let mut others: Vec<Binding> = list.filter(same).filter(|other| other.expires > now).cloned().collect();
        others.reverse();
        others
    }

    /// The devices of a user whose connection is gone, and that can be woken (RFC 8599).
    pub fn asleep<'s>(&'s self, now: Instant, user: &str) -> impl Iterator<Item = &'s Binding> + use<'s> {
        self.asleep.get(user).into_iter().flatten().filter(move |binding| binding.expires > now)
    }

    /// Is this user registered over this very flow?
    pub fn is_bound(&self, now: Instant, user: &str, flow: &Flow) -> bool {
        self.users.get(user).into_iter().flatten().any(|binding| binding.flow == *flow && binding.expires > now)
    }

    /// The user's binding over this flow that keeps it as RFC 5626 says.
    pub fn keeps_flow(&self, user: &str, flow: &Flow) -> bool {
        let keeps = |binding: &Binding| binding.flow == *flow && binding.reg_id.is_some();
        self.users.get(user).into_iter().flatten().any(keeps)
    }

    /// Is a device of the user's behind a NAT, over this flow?
    pub fn is_behind_nat(&self, user: &str, flow: &Flow) -> bool {
        self.users.get(user).into_iter().flatten().any(|binding| binding.flow == *flow && binding.behind_nat)
    }

    /// The flows of all devices.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.users.values().flatten().map(|binding| binding.flow)
    }

    /// All bindings with a live flow.
    pub fn all(&self) -> impl Iterator<Item = &Binding> {
        self.users.values().flatten()
    }

    /// How many bindings there are, those asleep among them.
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

    /// Removes what lived on a connection that is gone. Who can be woken is asleep from now on; and a proxy that we trust,
    /// whose address stands in the Path, is called back there.
    pub fn flow_closed(&mut self, config: &EndpointConfig, flow: &Flow, told: &mut Vec<Event>) {
        for binding in self.users.values_mut().flatten().filter(|binding| binding.flow == *flow) {
            if let Some(again) = way_back(config, binding) {
                binding.flow = again;
            }
        }
        self.drop_flow(Unbound::FlowClosed, |binding| binding.flow == *flow, told);
    }

    /// Removes one binding whose flow is gone, as the proxy that kept it says (430, RFC 5626 §5.3).
    pub fn flow_failed(&mut self, gone: &Binding, told: &mut Vec<Event>) {
        let is_it = |binding: &Binding| {
            binding.user == gone.user
                && binding.flow == gone.flow
                && binding.contact == gone.contact
                && binding.reg_id == gone.reg_id
        };
        self.drop_flow(Unbound::FlowFailed, is_it, told);
    }

    /// Removes users who are no longer known.
    pub fn keep_users(&mut self, is_known: impl Fn(&str) -> bool, told: &mut Vec<Event>) {
        self.remove_where(Unbound::Revoked, |user, _| !is_known(user), told);
    }

    /// Removes ways to devices; a device that has none left, and can be woken, goes to sleep.
    fn drop_flow(&mut self, why: Unbound, goes: impl Fn(&Binding) -> bool, told: &mut Vec<Event>) {
        for (user, list) in self.users.iter().filter(|(_, list)| list.iter().any(&goes)) {
            let stays = |device: &Binding| list.iter().any(|b| !goes(b) && b.is_device_of(device));
            let sleepers = list.iter().filter(|b| goes(b) && b.push.is_some() && !stays(b));
            for sleeper in sleepers {
                let bed = self.asleep.entry(user.clone()).or_default();
                if !bed.iter().any(|other| other.is_device_of(sleeper)) {
                    bed.push(sleeper.clone());
                }
            }
        }
        self.remove_live(why, |_, binding| goes(binding), told);
    }

    fn remove_where(&mut self, why: Unbound, goes: impl Fn(&str, &Binding) -> bool, told: &mut Vec<Event>) {
        let mut woke_never: BTreeMap<String, usize> = BTreeMap::new();
        for (user, list) in &mut self.asleep {
            let before = list.len();
            list.retain(|binding| !goes(user, binding));
            if list.len() < before {
                woke_never.insert(user.clone(), list.len());
            }
        }
        let first = told.len();
        self.remove_live(why, goes, told);
        // Who was asleep and has no live device that ended as well is told of here.
        woke_never.retain(|user, _| {
            !told.iter().skip(first).any(|event| matches!(event, Event::Unbound { user: said, .. } if said == user))
        });
        for (user, asleep) in woke_never {
            let bindings = self.users.get(&user).map_or(0, |list| devices(list));
            told.push(Event::Unbound { user, bindings, asleep, why });
        }
    }

    fn remove_live(&mut self, why: Unbound, goes: impl Fn(&str, &Binding) -> bool, told: &mut Vec<Event>) {
        self.asleep.retain(|_, list| !list.is_empty());
        for (user, list) in &mut self.users {
            let before = list.len();
            list.retain(|binding| !goes(user, binding));
            if list.len() < before {
                let asleep = self.asleep.get(user).map_or(0, Vec::len);
                told.push(Event::Unbound { user: user.clone(), bindings: devices(list), asleep, why });
            }
        }
        self.users.retain(|_, list| !list.is_empty());
        let all = || self.users.values().chain(self.asleep.values()).flatten();
        self.count = all().count();
        self.next_expiry = all().map(|binding| binding.expires).min();
    }

    fn put(&mut self, user: &str, list: Vec<Binding>, asleep: Vec<Binding>) {
        let first = list.iter().chain(&asleep).map(|binding| binding.expires).min();
        for (table, list) in [(&mut self.users, list), (&mut self.asleep, asleep)] {
            self.count = self.count + list.len() - table.get(user).map_or(0, Vec::len);
            if list.is_empty() {
                table.remove(user);
            } else {
                table.insert(user.to_owned(), list);
            }
        }
        self.next_expiry = if self.count == 0 { None } else { earliest(self.next_expiry, first) };
    }
}

/// A REGISTER that is not later than what it would change is a copy, or came out of order.
fn in_order<'b>(mut known: impl Iterator<Item = &'b Binding>, call_id: &[u8], cseq: u32) -> Result<(), Refused> {
    if known.any(|binding| binding.is_newer_than(call_id, cseq)) {
        return Err(Refused::OutOfOrder);
    }
    Ok(())
}

/// The list is sorted: of each device only so many of the latest flows stay.
fn forget_oldest_flows(list: &mut Vec<Binding>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    list.retain(|binding| {
        let Some(instance) = &binding.instance else { return true };
        let count = seen.entry(instance.clone()).or_default();
        *count += 1;
        *count <= FLOWS_MAX
    });
}

/// How many devices these are.
fn devices(list: &[Binding]) -> usize {
    let first = |(place, binding): (usize, &Binding)| {
        binding.instance.is_none() || !list.iter().take(place).any(|other| other.instance == binding.instance)
    };
    list.iter().enumerate().filter(|one| first(*one)).count()
}

/// Behind a proxy of ours the way to a device is the proxy's address, whatever connection the REGISTER came over.
fn way_back(config: &EndpointConfig, binding: &Binding) -> Option<Flow> {
    let flow = binding.flow;
    if !flow.is_pinned() || flow.is_web() || config.trunk_of(flow.remote.ip()).is_none() {
        return None;
    }
    let (ip, port) = hop_of_route(binding.path.first()?.reveal().as_bytes())?;
    let remote = SocketAddr::new(ip, port.unwrap_or(flow.transport.default_port()));
    (ip == flow.remote.ip().to_canonical()).then_some(Flow { remote, ..flow.unpinned() })
}

fn seconds_left(now: Instant, expires: Instant) -> u64 {
    expires.since(now).as_millis().div_ceil(1000) as u64
}
