//! One trunk at work: its hosts and their addresses, what is known of each, and its registration.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Instant, earliest};
use crate::sip::{Flow, Hidden, Network, Register, RegistrationState, Transport};

use super::hop::{Chance, Health, Watched, drawn, jittered};
use super::machine::Core;
use super::{Address, Alert, Hop, Host, Output, Settings, State, TrunkId, Way};

/// One trunk at work.
#[derive(Debug)]
pub(super) struct Line {
    pub id: TrunkId,
    pub settings: Arc<Settings>,
    sources: Vec<Source>,
    pub hops: BTreeMap<Hop, Watched>,
    registering: Option<Registering>,
    /// Our name or password was refused, by the registrar or at a call.
    refused: bool,
    /// As it was told last.
    pub state: State,
    alerts: BTreeSet<Alert>,
}

/// A host and its addresses.
#[derive(Debug)]
struct Source {
    host: Host,
    priority: u16,
    weight: u16,
    addresses: Vec<Address>,
    /// The question on its way, and when it counts as unanswered.
    asked: Option<(u32, Instant)>,
    /// When it is asked next; `None` for an address, which need not be asked for.
    ask_at: Option<Instant>,
    /// Questions in vain, in a row.
    failures: u32,
}

#[derive(Debug)]
struct Registering {
    /// Where.
    hop: Option<Hop>,
    /// Until when the registrar keeps it; `None`: not registered.
    until: Option<Instant>,
    /// Registrars tried at once since the last pause.
    switched: usize,
    /// The last attempt found nobody. The registrar may keep us yet, but nobody knows.
    lost: bool,
}

impl Line {
    pub fn new(id: TrunkId, settings: Arc<Settings>, now: Instant, core: &mut Core) -> Line {
        let sources = match &settings.way {
            Way::Peers(peers) => peers.iter().map(|p| Source::new(p.host.clone(), p.priority, p.weight, now)).collect(),
            Way::Register(registration) => {
                let host = registration.outbound_proxy.as_ref().unwrap_or(&registration.registrar);
                vec![Source::new(host.clone(), 0, 1, now)]
            }
        };
        let registering =
            settings.registration().map(|_| Registering { hop: None, until: None, switched: 0, lost: false });
        let mut line = Line {
            id,
            settings,
            sources,
            hops: BTreeMap::new(),
            registering,
            refused: false,
            state: State::Unknown,
            alerts: BTreeSet::new(),
        };
        line.renew_hops(now, core);
        line
    }

    /// May a new agreement go on with what is known of these peers?
    pub fn goes_on_with(&self, new: &Settings) -> bool {
        self.settings.way == new.way && self.settings.probe_every == new.probe_every
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// `None`: it does not register.
    pub fn registered(&self, now: Instant) -> Option<bool> {
        self.registering.as_ref().map(|registering| registering.until.is_some_and(|until| now < until))
    }

    /// The addresses to try for a call, the best first.
    pub fn order(&self, now: Instant, core: &mut Core) -> Vec<(Chance, Hop, &Host)> {
        let mut order: Vec<(Chance, Hop, &Host)> = Vec::new();
        if self.registered(now) == Some(false) {
            return order;
        }
        let mut by_priority: BTreeMap<u16, Vec<(u32, &Source)>> = BTreeMap::new();
        for source in &self.sources {
            by_priority.entry(source.priority).or_default().push((source.weight.into(), source));
        }
        let mut sources = Vec::new();
        for same in by_priority.into_values() {
            sources.extend(drawn(same, &mut core.ids));
        }
        for source in sources {
            for hop in source.drawn(core) {
                let chance = self.hops.get(&hop).map_or(Chance::Never, |watched| watched.chance(now));
                if chance != Chance::Never
                    && core.flow(hop).is_some()
                    && !order.iter().any(|(_, known, _)| *known == hop)
                {
                    order.push((chance, hop, &source.host));
                }
            }
        }
        order.sort_by_key(|(chance, ..)| *chance);
        order
    }

    /// Whose certificate the peer at this address must show over TLS, if it is one of ours.
    pub fn certified(&self, remote: SocketAddr) -> Option<(Arc<str>, Option<String>)> {
        let hop = Hop { transport: Transport::Tls, remote };
        let source = self.sources.iter().find(|source| source.addresses.iter().any(|address| address.hop == hop))?;
        let named = || Some(source.host.name.clone()).filter(|name| name.parse::<IpAddr>().is_err());
        Some((self.settings.name.clone(), self.settings.tls.server_name.clone().or_else(named)))
    }

    /// The networks whose calls are this trunk's.
    pub fn networks(&self) -> Vec<Network> {
        if !self.settings.accept_from.is_empty() {
            return self.settings.accept_from.clone();
        }
        let addresses = self.sources.iter().flat_map(|source| &source.addresses);
        let one = |address: &Address| {
            let addr = address.hop.remote.ip().to_canonical();
            Network { addr, prefix: if addr.is_ipv4() { 32 } else { 128 } }
        };
        addresses.map(one).collect()
    }

    /// Is this question one of ours?
    pub fn has_asked(&self, query: u32) -> bool {
        self.sources.iter().any(|source| source.asked.is_some_and(|(asked, _)| asked == query))
    }

    /// The next time something is due.
    pub fn deadline(&self) -> Option<Instant> {
        let sources = self.sources.iter().map(|source| match source.asked {
            Some((_, until)) => Some(until),
            None => source.ask_at,
        });
        let hops = self.hops.values().map(Watched::deadline);
        let until = self.registering.as_ref().and_then(|registering| registering.until);
        sources.chain(hops).fold(until, earliest)
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    /// Whatever is due.
    pub fn tick(&mut self, now: Instant, core: &mut Core) {
        let mut renew = false;
        for source in &mut self.sources {
            if source.asked.is_some_and(|(_, until)| until <= now) {
                source.in_vain(now, core);
            }
            if source.asked.is_none() && source.ask_at.is_some_and(|at| at <= now) {
                source.ask(now, core);
                renew = true;
            }
        }
        let (every, missed_max) = (self.settings.probe_every, self.settings.probes_missed_max);
        for (hop, watched) in &mut self.hops {
            watched.tick(now, missed_max);
            if watched.probing.is_some_and(|(_, until)| until <= now) {
                watched.missed(now, every, missed_max, &mut core.ids);
                core.outputs.push_back(Output::ProbeMissed { trunk: self.id });
            }
            if watched.probing.is_none() && watched.probe_at.is_some_and(|at| at <= now) {
                let uri = probe_uri(&self.settings, &self.sources, *hop);
                match core.probe(self.id, *hop, uri) {
                    Some(probe) => watched.probing = Some((probe, now + every.clamp(PROBE_WAIT_MIN, PROBE_WAIT_MAX))),
                    None => watched.probe_at = Some(now + jittered(every, &mut core.ids)),
                }
            }
        }
        if let Some(registering) = &mut self.registering
            && registering.until.is_some_and(|until| until <= now)
        {
            registering.until = None;
        }
        if renew {
            self.renew_hops(now, core);
        }
    }

    /// The answer of the resolver.
    pub fn resolved(&mut self, now: Instant, core: &mut Core, query: u32, found: Vec<Address>, ttl: Duration) {
        let asked = |source: &&mut Source| source.asked.is_some_and(|(asked, _)| asked == query);
        let Some(source) = self.sources.iter_mut().find(asked) else { return };
        if found.is_empty() {
            source.in_vain(now, core);
        } else {
            source.asked = None;
            source.failures = 0;
            source.addresses = found;
            source.addresses.truncate(ADDRESSES_MAX);
            source.ask_at = Some(now + jittered(ttl.clamp(TTL_MIN, TTL_MAX), &mut core.ids));
        }
        self.renew_hops(now, core);
    }

    /// The reply to a probe. One that comes late still tells that the peer is there.
    pub fn probed(&mut self, now: Instant, core: &mut Core, probe: u32, hop: Hop, status: Option<u16>) {
        let (every, missed_max) = (self.settings.probe_every, self.settings.probes_missed_max);
        let Some(watched) = self.hops.get_mut(&hop) else { return };
        let awaited = watched.probing.is_some_and(|(asked, _)| asked == probe);
        match status {
            // Whatever it says of OPTIONS, it speaks; but "unavailable" is what it says.
            Some(status) if !matches!(status, 408 | 503) => watched.answered(now, every, &mut core.ids),
            _ if awaited => {
                watched.missed(now, every, missed_max, &mut core.ids);
                core.outputs.push_back(Output::ProbeMissed { trunk: self.id });
            }
            _ => {}
        }
    }

    /// Something came from a peer.
    pub fn heard(&mut self, hop: Hop) {
        if let Some(watched) = self.hops.get_mut(&hop) {
            return watched.heard();
        }
        // Many send from another port than they listen on; that tells only when the address is a single peer's.
        let mut same = self.hops.iter_mut().filter(|(known, _)| known.remote.ip() == hop.remote.ip());
        if let (Some((_, watched)), None) = (same.next(), same.next()) {
            watched.heard();
        }
    }

    /// News of our registration.
    pub fn registration(&mut self, now: Instant, core: &mut Core, state: RegistrationState) {
        let Some(registering) = &mut self.registering else { return };
        let hop = registering.hop;
        match state {
            RegistrationState::Registered { expires_s } => {
                registering.until = Some(now + Duration::from_secs(expires_s.into()));
                registering.switched = 0;
                registering.lost = false;
                self.refused = false;
                if let Some(watched) = hop.and_then(|hop| self.hops.get_mut(&hop)) {
                    watched.heard();
                }
            }
            RegistrationState::Failed { status: 401 | 403 | 404 | 407 } => {
                registering.until = None;
                registering.lost = false;
                self.refused = true;
            }
            RegistrationState::Failed { status } => {
                registering.lost = matches!(status, 408 | 503);
                if let Some(watched) = hop.and_then(|hop| self.hops.get_mut(&hop)) {
                    if matches!(status, 408 | 503) { watched.absent(now) } else { watched.failed(now) }
                }
                self.register_elsewhere(core);
            }
            RegistrationState::Gone => registering.until = None,
        }
    }

    /// What a call told of our name and password.
    pub fn credentials(&mut self, refused: bool) {
        self.refused = refused;
    }

    /// Says what changed in how the trunk is.
    pub fn tell(&mut self, now: Instant, core: &mut Core) {
        let state = self.state_now(now);
        let name = &self.settings.name;
        if state != self.state {
            self.state = state;
            core.outputs.push_back(Output::Changed { trunk: self.id, name: name.clone(), state });
        }
        let addresses = || self.sources.iter().flat_map(|source| &source.addresses);
        let unresolved = !self.sources.is_empty()
            && addresses().next().is_none()
            && self.sources.iter().all(|source| source.failures > 0);
        let no_socket = addresses().any(|address| core.flow(address.hop).is_none());
        let wanted =
            [(Alert::Credentials, self.refused), (Alert::Unresolved, unresolved), (Alert::NoSocket, no_socket)];
        for (alert, raised) in wanted {
            let changed = if raised { self.alerts.insert(alert) } else { self.alerts.remove(&alert) };
            if changed {
                core.outputs.push_back(Output::Alert { trunk: self.id, name: name.clone(), alert, raised });
            }
        }
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn state_now(&self, now: Instant) -> State {
        if let Some(registering) = &self.registering {
            return match (registering.until, registering.hop) {
                (Some(until), _) if now < until && !registering.lost => State::Up,
                // Refused, unanswered, or not even tried for want of an address.
                _ if self.refused || registering.lost || registering.switched > 0 => State::Down,
                (_, Some(hop)) if self.hops.get(&hop).is_some_and(|w| w.health == Health::Down) => State::Down,
                (_, None) if self.sources.iter().any(|source| source.failures > 0) => State::Down,
                _ => State::Unknown,
            };
        }
        let up = |watched: &Watched| watched.health == Health::Up && !watched.is_shunned(now);
        let down = |watched: &Watched| watched.health == Health::Down || watched.is_shunned(now);
        if self.hops.values().any(up) {
            State::Up
        } else if self.hops.is_empty() {
            let in_vain = !self.sources.is_empty() && self.sources.iter().all(|source| source.failures > 0);
            if in_vain { State::Down } else { State::Unknown }
        } else if self.hops.values().all(down) {
            State::Down
        } else {
            State::Unknown
        }
    }

    /// Watches the addresses there are now, with what is known of those that stay.
    fn renew_hops(&mut self, now: Instant, core: &mut Core) {
        let probes = !self.settings.probe_every.is_zero();
        let mut old = std::mem::take(&mut self.hops);
        for address in self.sources.iter().flat_map(|source| &source.addresses) {
            let known = || old.remove(&address.hop).unwrap_or_else(|| Watched::new(now, probes, &mut core.ids));
            self.hops.entry(address.hop).or_insert_with(known);
        }
        let lost = self.registering.as_ref().is_some_and(|r| r.hop.is_none_or(|hop| !self.hops.contains_key(&hop)));
        if lost {
            self.register_at_first(core);
        }
    }

    fn register_at_first(&mut self, core: &mut Core) {
        let Some(source) = self.sources.first() else { return };
        let first = source.drawn(core).into_iter().find(|hop| core.flow(*hop).is_some());
        if let Some(hop) = first {
            self.register_at(hop, core);
        }
    }

    /// The next address at once, until all were tried; then the registration waits by itself before it tries again.
    fn register_elsewhere(&mut self, core: &mut Core) {
        let Some(registering) = &mut self.registering else { return };
        let Some(current) = registering.hop else { return };
        let hops: Vec<Hop> = self.hops.keys().copied().filter(|hop| core.flow(*hop).is_some()).collect();
        if registering.switched + 1 >= hops.len() {
            registering.switched = 0;
            return;
        }
        registering.switched += 1;
        let place = hops.iter().position(|hop| *hop == current).map_or(0, |place| place + 1);
        if let Some(next) = hops.get(place % hops.len()) {
            self.register_at(*next, core);
        }
    }

    fn register_at(&mut self, hop: Hop, core: &mut Core) {
        let settings = self.settings.clone();
        let (Some(agreed), Some(flow)) = (settings.registration(), core.flow(hop)) else { return };
        if let Some(registering) = &mut self.registering {
            registering.hop = Some(hop);
        }
        core.outputs.push_back(Output::Register(Box::new(Register {
            account: self.id.0,
            registrar: flow,
            aor: Hidden::new(format!("sip:{}@{}", agreed.user, agreed.registrar.uri_text())),
            credentials: Some(agreed.credentials.clone()),
            expires_s: agreed.expires_s,
            contact_user: Hidden::new(agreed.user.clone()),
            instance: None,
        })));
    }
}

impl Source {
    fn new(host: Host, priority: u16, weight: u16, now: Instant) -> Source {
        let literal = host.literal().map(|(remote, transport)| Address {
            hop: Hop { transport, remote },
            priority: 0,
            weight: 0,
        });
        let ask_at = if literal.is_some() { None } else { Some(now) };
        let addresses = literal.into_iter().collect();
        Source { host, priority, weight, addresses, asked: None, ask_at, failures: 0 }
    }

    fn ask(&mut self, now: Instant, core: &mut Core) {
        let query = core.resolve(&self.host);
        self.asked = Some((query, now + RESOLVE_WAIT));
    }

    /// No answer: what was known stays good, and it is asked again, ever less often.
    fn in_vain(&mut self, now: Instant, core: &mut Core) {
        self.asked = None;
        let wait = RESOLVE_AGAIN.saturating_mul(1 << self.failures.min(4)).min(RESOLVE_AGAIN_MAX);
        self.failures = self.failures.saturating_add(1);
        self.ask_at = Some(now + jittered(wait, &mut core.ids));
    }

    /// Its addresses in the order in which they are tried (RFC 2782).
    fn drawn(&self, core: &mut Core) -> Vec<Hop> {
        let mut by_priority: BTreeMap<u16, Vec<(u32, Hop)>> = BTreeMap::new();
        for address in &self.addresses {
            by_priority.entry(address.priority).or_default().push((address.weight.into(), address.hop));
        }
        by_priority.into_values().flat_map(|addresses| drawn(addresses, &mut core.ids)).collect()
    }
}

/// Where a probe is addressed to: the host as it is known to its owner.
fn probe_uri(settings: &Settings, sources: &[Source], hop: Hop) -> String {
    let own = sources.iter().find(|source| source.addresses.iter().any(|address| address.hop == hop));
    let host = settings.registration().map(|agreed| &agreed.registrar).or(own.map(|source| &source.host));
    let host = host.map_or_else(|| hop.remote.to_string(), Host::uri_text);
    format!("sip:{host}{}", transport_param(hop.transport))
}

/// `;transport=…`, where it is not UDP.
pub(super) fn transport_param(transport: Transport) -> String {
    transport.uri_name().map_or_else(String::new, |name| format!(";transport={name}"))
}

/// The way to an address, from the socket that fits.
pub(super) fn flow_from(locals: &[super::Local], hop: Hop) -> Option<(Flow, &str)> {
    let fits = |local: &&super::Local| {
        local.transport == hop.transport && local.address.is_ipv4() == hop.remote.ip().to_canonical().is_ipv4()
    };
    let local = locals.iter().find(fits)?;
    let flow = Flow { transport: hop.transport, local: local.address, remote: hop.remote, connection: 0 };
    Some((flow, &local.host))
}

/// How long the resolver may think; it has a budget of its own below this.
const RESOLVE_WAIT: Duration = Duration::from_secs(10);
const RESOLVE_AGAIN: Duration = Duration::from_secs(5);
const RESOLVE_AGAIN_MAX: Duration = Duration::from_secs(60);
/// What the DNS says is neither asked for more often nor believed for longer.
const TTL_MIN: Duration = Duration::from_secs(30);
const TTL_MAX: Duration = Duration::from_secs(3600);
/// Addresses of one host.
const ADDRESSES_MAX: usize = 16;
/// How long a probe is waited for.
const PROBE_WAIT_MIN: Duration = Duration::from_secs(1);
const PROBE_WAIT_MAX: Duration = Duration::from_secs(8);
