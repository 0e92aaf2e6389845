//! All trunks together. See the room's page.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::{Instant, earliest};
use crate::ids::IdSource;
use crate::sip::{Flow, Network, Transport};

use super::channels::{Channel, Channels, Full};
use super::hop::Health;
use super::line::{Line, flow_from};
use super::{Hop, Host, Input, Local, Next, Outcome, Output, Settings, State, TrunkId};

/// All trunks.
#[derive(Debug)]
pub struct Trunks {
    pub(super) lines: BTreeMap<TrunkId, Line>,
    /// In the order in which calls are placed.
    pub(super) order: Vec<TrunkId>,
    names: BTreeMap<Arc<str>, TrunkId>,
    pub(super) channels: Channels,
    pub(super) core: Core,
    told: Vec<(Network, TrunkId)>,
}

/// What every trunk needs of the whole.
#[derive(Debug)]
pub(super) struct Core {
    pub ids: IdSource,
    pub outputs: VecDeque<Output>,
    pub locals: Vec<Local>,
    queries: u32,
    probes: BTreeMap<u32, (TrunkId, Hop)>,
    probes_asked: u32,
}

/// How a trunk is, for people and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its number.
    pub trunk: TrunkId,
    /// Its name.
    pub name: Arc<str>,
    /// How it is.
    pub state: State,
    /// Are we registered? `None`: that is not asked.
    pub registered: Option<bool>,
    /// Calls received that hold a channel.
    pub incoming: u32,
    /// Calls placed that hold a channel.
    pub outgoing: u32,
    /// Channels in all; `None`: no limit.
    pub channels_max: Option<u32>,
    /// Its peers' addresses.
    pub peers: Vec<PeerStatus>,
}

/// How an address of a peer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerStatus {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub remote: SocketAddr,
    /// What is known of it.
    pub health: Health,
    /// Left alone for a while, after a failure or because it asked for that.
    pub shunned: bool,
}

impl Trunks {
    /// None yet; [`Input::SetUp`] brings them.
    pub fn new(ids: IdSource) -> Trunks {
        let core = Core {
            ids,
            outputs: VecDeque::new(),
            locals: Vec::new(),
            queries: 0,
            probes: BTreeMap::new(),
            probes_asked: 0,
        };
        Trunks {
            lines: BTreeMap::new(),
            order: Vec::new(),
            names: BTreeMap::new(),
            channels: Channels::default(),
            core,
            told: Vec::new(),
        }
    }

    // ---- getters -------------------------------------------------------------------------------------------------

    /// The trunk of this name.
    pub fn named(&self, name: &str) -> Option<TrunkId> {
        self.names.get(name).copied().filter(|id| self.lines.contains_key(id))
    }

    /// What is agreed with a trunk.
    pub fn settings(&self, trunk: TrunkId) -> Option<&Arc<Settings>> {
        self.lines.get(&trunk).map(|line| &line.settings)
    }

    /// Whose an address is, if anybody's.
    pub fn trunk_of(&self, ip: std::net::IpAddr) -> Option<TrunkId> {
        self.told.iter().find(|(network, _)| network.contains(ip)).map(|(_, trunk)| *trunk)
    }

    /// For TLS towards a peer: the trunk's name, and the name its certificate must carry (`None`: its address).
    pub fn certified(&self, remote: SocketAddr) -> Option<(Arc<str>, Option<String>)> {
        self.lines.values().find_map(|line| line.certified(remote))
    }

    /// How each trunk is, in the order in which calls are placed.
    pub fn status(&self, now: Instant) -> Vec<Status> {
        self.order.iter().filter_map(|id| self.lines.get(id)).map(|line| self.status_of(now, line)).collect()
    }

    // ---- what happens --------------------------------------------------------------------------------------------

    /// Changes the trunks once; [`Trunks::poll_output`] says what follows.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::SetUp { trunks, locals } => self.set_up(now, trunks, locals),
            Input::Resolved { query, found, ttl } => {
                if let Some(line) = self.lines.values_mut().find(|line| line.has_asked(query)) {
                    line.resolved(now, &mut self.core, query, found, ttl);
                }
            }
            Input::OptionsReply { probe, status } => {
                if let Some((trunk, hop)) = self.core.probes.remove(&probe)
                    && let Some(line) = self.lines.get_mut(&trunk)
                {
                    line.probed(now, &mut self.core, probe, hop, status);
                }
            }
            Input::Registration { account, state } => {
                if let Some(line) = self.lines.get_mut(&TrunkId(account)) {
                    line.registration(now, &mut self.core, state);
                }
            }
            Input::Heard { trunk, hop } => {
                if let Some(line) = self.lines.get_mut(&trunk) {
                    line.heard(hop);
                }
            }
            Input::Timeout => {}
        }
        self.settle(now);
    }

    /// What the trunks ask for and tell, until [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.core.outputs.pop_front().unwrap_or_else(|| {
            let next = self.lines.values().map(Line::deadline).fold(None, earliest);
            Output::Timeout(next)
        })
    }

    // ---- for a call ----------------------------------------------------------------------------------------------

    /// A channel for a call received.
    pub fn take_in(&mut self, trunk: TrunkId) -> Result<Channel, Full> {
        match self.lines.get(&trunk) {
            Some(line) => self.channels.take_in(&line.settings),
            None => Err(Full { status: 503, retry_after_s: None }),
        }
    }

    /// A channel for a call placed.
    pub fn take_out(&mut self, trunk: TrunkId) -> Result<Channel, Full> {
        match self.lines.get(&trunk) {
            Some(line) => self.channels.take_out(&line.settings),
            None => Err(Full { status: 503, retry_after_s: None }),
        }
    }

    /// The call is over.
    pub fn free(&mut self, channel: Channel) {
        self.channels.free(channel);
    }

    /// What came of an attempt, and whether to go on to the next (RFC 3263 §4.3, RFC 3261 §21.5.4).
    pub fn outcome(&mut self, now: Instant, trunk: TrunkId, hop: Hop, outcome: Outcome) -> Next {
        let Some(line) = self.lines.get_mut(&trunk) else { return next_after(outcome) };
        match outcome {
            Outcome::Refused { status: 401 | 407, .. } => line.credentials(true),
            Outcome::Alive => line.credentials(false),
            _ => {}
        }
        if let Some(watched) = line.hops.get_mut(&hop) {
            match outcome {
                Outcome::Alive => watched.served(),
                Outcome::TimedOut | Outcome::Fault => watched.absent(now),
                Outcome::Refused { status: 503, retry_after_s } => watched.unavailable(now, retry_after_s),
                Outcome::Refused { status: 500..=599, .. } => watched.failed(now),
                // Whatever it says of this call, it is there.
                Outcome::Refused { .. } => watched.heard(),
            }
        }
        self.settle(now);
        next_after(outcome)
    }

    // ---- helpers -------------------------------------------------------------------------------------------------

    fn set_up(&mut self, now: Instant, mut trunks: Vec<Settings>, locals: Vec<Local>) {
        trunks.truncate(TRUNKS_MAX);
        let moved = locals != self.core.locals;
        self.core.locals = locals;
        let mut sorted: Vec<Arc<str>> = trunks.iter().map(|trunk| trunk.name.clone()).collect();
        sorted.sort();
        for name in sorted {
            let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
            self.names.entry(name).or_insert(TrunkId(next));
        }
        let mut old = std::mem::take(&mut self.lines);
        self.order.clear();
        for settings in trunks {
            let Some(id) = self.names.get(&settings.name).copied() else { continue };
            if self.lines.contains_key(&id) {
                continue;
            }
            let settings = Arc::new(settings);
            let line = match old.remove(&id) {
                Some(mut line) if !moved && line.goes_on_with(&settings) => {
                    line.settings = settings;
                    line
                }
                before => {
                    let registers = settings.registration().is_some();
                    if before.is_some_and(|line| line.settings.registration().is_some()) && !registers {
                        self.core.outputs.push_back(Output::Unregister { account: id.0 });
                    }
                    Line::new(id, settings, now, &mut self.core)
                }
            };
            self.order.push(id);
            self.lines.insert(id, line);
        }
        for line in old.into_values().filter(|line| line.settings.registration().is_some()) {
            self.core.outputs.push_back(Output::Unregister { account: line.id.0 });
        }
    }

    /// Does what is due, and tells what changed.
    fn settle(&mut self, now: Instant) {
        for line in self.lines.values_mut() {
            line.tick(now, &mut self.core);
            line.tell(now, &mut self.core);
        }
        let mut peers: Vec<(Network, TrunkId)> = Vec::new();
        for id in &self.order {
            let Some(line) = self.lines.get(id) else { continue };
            for network in line.networks() {
                let known =
                    |(other, _): &(Network, TrunkId)| other.addr == network.addr && other.prefix == network.prefix;
                if peers.len() < PEERS_MAX && !peers.iter().any(known) {
                    peers.push((network, *id));
                }
            }
        }
        // The narrowest first: an address inside another trunk's range is its own.
        peers.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix));
        if peers != self.told {
            self.told.clone_from(&peers);
            self.core.outputs.push_back(Output::Peers(peers));
        }
    }

    fn status_of(&self, now: Instant, line: &Line) -> Status {
        let used = self.channels.of(&line.settings.name);
        let peers = line.hops.iter().map(|(hop, watched)| PeerStatus {
            transport: hop.transport,
            remote: hop.remote,
            health: watched.health,
            shunned: watched.is_shunned(now),
        });
        Status {
            trunk: line.id,
            name: line.settings.name.clone(),
            state: line.state,
            registered: line.registered(now),
            incoming: used.incoming,
            outgoing: used.outgoing,
            channels_max: line.settings.channels_max,
            peers: peers.collect(),
        }
    }
}

impl Core {
    /// The way to an address, if we have a socket for it.
    pub fn flow(&self, hop: Hop) -> Option<Flow> {
        flow_from(&self.locals, hop).map(|(flow, _)| flow)
    }

    pub fn resolve(&mut self, host: &Host) -> u32 {
        self.queries = self.queries.wrapping_add(1);
        self.outputs.push_back(Output::Resolve { query: self.queries, host: host.clone() });
        self.queries
    }

    pub fn probe(&mut self, trunk: TrunkId, hop: Hop, uri: String) -> Option<u32> {
        let flow = self.flow(hop)?;
        self.probes_asked = self.probes_asked.wrapping_add(1);
        let probe = self.probes_asked;
        // The endpoint answers each; were it to forget one, the oldest makes room.
        if self.probes.len() >= PROBES_MAX {
            self.probes.pop_first();
        }
        self.probes.insert(probe, (trunk, hop));
        self.outputs.push_back(Output::Probe { probe, flow, uri });
        Some(probe)
    }
}

/// Who failed, and who might not.
fn next_after(outcome: Outcome) -> Next {
    match outcome {
        Outcome::Alive => Next::Stop,
        Outcome::TimedOut | Outcome::Fault => Next::Attempt,
        Outcome::Refused { status, .. } => match status {
            // About the message itself: the same everywhere.
            501 | 505 | 513 | 555 | 580 => Next::Stop,
            300..=399 | 408 | 430 | 500..=599 => Next::Attempt,
            // Our account, or what it may dial: the other peers of this operator say the same.
            401 | 402 | 403 | 407 => Next::Trunk,
            _ => Next::Stop,
        },
    }
}

/// Trunks in all.
const TRUNKS_MAX: usize = 64;
/// Networks believed in all.
const PEERS_MAX: usize = 1024;
/// Probes without a reply that are remembered.
const PROBES_MAX: usize = 4096;
