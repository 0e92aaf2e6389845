//! The table of transactions: their bytes, their timers, and who is told what.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::{
    Act, Acts, ClientKey, InviteClient, InviteServer, MergeKey, NonInviteClient, NonInviteServer, ServerKey, Timer,
    Times, TransactionId, User, states,
};
use crate::clock::Instant;
use crate::sip::timers::Timers;
use crate::sip::{Bytes, Flow, Output, Transport};

/// All transactions of an endpoint.
#[derive(Debug, Default)]
pub(in crate::sip) struct Layer {
    clients: BTreeMap<TransactionId, Client>,
    servers: BTreeMap<TransactionId, Server>,
    client_keys: BTreeMap<ClientKey, TransactionId>,
    server_keys: BTreeMap<ServerKey, TransactionId>,
    merge_keys: BTreeMap<MergeKey, TransactionId>,
    timers: Timers<(TransactionId, Timer)>,
    last: u64,
}

#[derive(Debug)]
struct Client {
    machine: ClientMachine,
    user: User,
    key: ClientKey,
    flow: Flow,
    /// The way its responses come: the connection, once one has answered.
    heard: Flow,
    request: Bytes,
    ack: Option<Bytes>,
    /// The same over UDP, for when TCP, chosen for its size alone, does not serve.
    smaller: Option<Smaller>,
    times: Times,
    /// Some response came.
    answered: bool,
    /// A connection it may have been written to broke before any response.
    broken: bool,
    /// It was written to a second connection already.
    repeated: bool,
}

/// A request for UDP, should TCP fail (RFC 3261 §18.1.1).
#[derive(Clone, Debug)]
pub(in crate::sip) struct Smaller {
    /// The UDP flow.
    pub flow: Flow,
    /// The message, its Via rewritten.
    pub bytes: Bytes,
    /// The durations over UDP.
    pub times: Times,
}

#[derive(Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(NonInviteClient),
}

#[derive(Debug)]
struct Server {
    machine: ServerMachine,
    user: User,
    key: ServerKey,
    merge: Option<MergeKey>,
    reply: Flow,
    /// Where responses go when that connection is gone (§18.2.2).
    later: Option<Flow>,
    response: Option<Bytes>,
}

#[derive(Debug)]
enum ServerMachine {
    Invite(InviteServer),
    Other(NonInviteServer),
}

/// A request of ours, written.
#[derive(Debug)]
pub(in crate::sip) struct Request {
    /// On whose behalf.
    pub user: User,
    /// What its responses are matched by.
    pub key: ClientKey,
    /// Where to.
    pub flow: Flow,
    /// The message.
    pub bytes: Bytes,
    /// The same over UDP, should this fail.
    pub smaller: Option<Smaller>,
}

/// A request of ours and the way it went.
#[derive(Debug)]
pub(in crate::sip) struct Sent {
    /// The message.
    pub bytes: Bytes,
    /// The way: the very connection, once a response came over it.
    pub flow: Flow,
    /// The peer listens at that address, since we called it there.
    pub listens: bool,
}

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) enum Received {
    /// The user must hear it.
    Pass(TransactionId, User),
    /// A repeat; dealt with here.
    Absorbed,
    /// No such transaction.
    Stray,
    /// From another host or connection than the request went to.
    WrongSource,
}

/// What became of an ACK that carries an INVITE's own branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) enum AckFound {
    /// It ended a refusal's repeats.
    Absorbed,
    /// It belongs to no refusal: perhaps to a 2xx.
    Other,
}

/// What the layer tells on its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sip) enum Note {
    /// A request of ours had no final response (Timer B or F), or its connection is gone.
    Failed {
        /// Which.
        id: TransactionId,
        /// Whose.
        user: User,
        /// False for silence, true for a lost connection.
        fault: bool,
    },
    /// A transaction is over and forgotten.
    Over(TransactionId, User),
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sip) struct Load {
    pub invite_client: usize,
    pub non_invite_client: usize,
    pub invite_server: usize,
    pub non_invite_server: usize,
    pub timers: usize,
}

impl Layer {
    /// Sends a request of ours.
    pub fn request(
        &mut self,
        now: Instant,
        times: Times,
        request: Request,
        out: &mut VecDeque<Output>,
    ) -> TransactionId {
        let Request { user, key, flow, bytes, smaller } = request;
        let id = self.next_id();
        let mut acts = Acts::new();
        let machine = ClientMachine::start(&key, times, &mut acts);
        self.client_keys.insert(key.clone(), id);
        let client = Client {
            machine,
            user,
            key,
            flow,
            heard: flow,
            request: bytes,
            ack: None,
            smaller,
            times,
            answered: false,
            broken: false,
            repeated: false,
        };
        self.clients.insert(id, client);
        self.apply_client(now, id, acts, out);
        id
    }

    /// A response came. `ack` builds the ACK of a refusal from the bytes of the INVITE.
    pub fn response(
        &mut self,
        now: Instant,
        key: &ClientKey,
        status: u16,
        from: Flow,
        ack: impl FnOnce(&[u8]) -> Option<Bytes>,
        out: &mut VecDeque<Output>,
    ) -> (Received, Vec<Note>) {
        let Some(id) = self.client_keys.get(key).copied() else { return (Received::Stray, Vec::new()) };
        let Some(client) = self.clients.get_mut(&id) else { return (Received::Stray, Vec::new()) };
        if !same_peer(&client.flow, &from) {
            return (Received::WrongSource, Vec::new());
        }
        client.answered = true;
        if !client.flow.is_pinned() && from.is_pinned() {
            client.heard = Flow { local: client.flow.local, ..from };
        }
        let user = client.user;
        let mut acts = Acts::new();
        match &mut client.machine {
            ClientMachine::Invite(machine) => {
                if status >= 300 && client.ack.is_none() {
                    client.ack = ack(&client.request);
                }
                machine.on_response(status, &mut acts);
            }
            ClientMachine::Other(machine) => machine.on_response(status, &mut acts),
        }
        let received = if acts.contains(&Act::Pass) { Received::Pass(id, user) } else { Received::Absorbed };
        (received, self.apply_client(now, id, acts, out))
    }

    /// Takes up a request of the peer, with where its responses go, and where they go once that connection is gone.
    pub fn accept(
        &mut self,
        times: Times,
        user: User,
        key: ServerKey,
        merge: Option<MergeKey>,
        (reply, later): (Flow, Option<Flow>),
    ) -> TransactionId {
        let id = self.next_id();
        let mut acts = Acts::new();
        let machine = if key.is_invite() {
            ServerMachine::Invite(InviteServer::start(times, &mut acts))
        } else {
            ServerMachine::Other(NonInviteServer::start(times, &mut acts))
        };
        self.server_keys.insert(key.clone(), id);
        if let Some(merge) = &merge {
            self.merge_keys.insert(merge.clone(), id);
        }
        self.servers.insert(id, Server { machine, user, key, merge, reply, later, response: None });
        id
    }

    /// Is this request a repeat? Then it is dealt with here.
    pub fn absorb_retransmission(&mut self, now: Instant, key: &ServerKey, out: &mut VecDeque<Output>) -> bool {
        let Some(id) = self.server_keys.get(key).copied() else { return false };
        let mut acts = Acts::new();
        match self.servers.get_mut(&id).map(|server| &mut server.machine) {
            Some(ServerMachine::Invite(machine)) => machine.on_retransmission(&mut acts),
            Some(ServerMachine::Other(machine)) => machine.on_retransmission(&mut acts),
            None => return false,
        }
        self.apply_server(now, id, acts, out);
        true
    }

    /// Is the same request known under another branch (§8.2.2.2)?
    pub fn is_merged(&self, merge: &MergeKey) -> bool {
        self.merge_keys.contains_key(merge)
    }

    /// An ACK with an INVITE's own branch.
    pub fn ack(&mut self, now: Instant, key: &ServerKey, out: &mut VecDeque<Output>) -> (AckFound, Vec<Note>) {
        let Some(id) = self.server_keys.get(key).copied() else { return (AckFound::Other, Vec::new()) };
        let mut acts = Acts::new();
        let Some(Server { machine: ServerMachine::Invite(machine), .. }) = self.servers.get_mut(&id) else {
            return (AckFound::Other, Vec::new());
        };
        let passes = machine.state() == states::InviteServer::Accepted;
        machine.on_ack(&mut acts);
        let notes = self.apply_server(now, id, acts, out);
        (if passes { AckFound::Other } else { AckFound::Absorbed }, notes)
    }

    /// Answers a request of the peer. False when it was answered already or is forgotten.
    pub fn respond(
        &mut self,
        now: Instant,
        id: TransactionId,
        status: u16,
        response: Bytes,
        out: &mut VecDeque<Output>,
    ) -> (bool, Vec<Note>) {
        let Some(server) = self.servers.get_mut(&id) else { return (false, Vec::new()) };
        let mut acts = Acts::new();
        let allowed = match &mut server.machine {
            ServerMachine::Invite(machine) => machine.respond(status, &mut acts),
            ServerMachine::Other(machine) => machine.respond(status, &mut acts),
        };
        if allowed {
            server.response = Some(response);
        }
        (allowed, self.apply_server(now, id, acts, out))
    }

    /// The INVITE a CANCEL with this key means, its user, and whether it is still unanswered.
    pub fn cancelled(&self, key: &ServerKey) -> Option<(TransactionId, User, bool)> {
        let id = *self.server_keys.get(key)?;
        let server = self.servers.get(&id)?;
        let ServerMachine::Invite(machine) = &server.machine else { return None };
        Some((id, server.user, machine.state() == states::InviteServer::Proceeding))
    }

    /// Where the answers to a request of the peer go.
    pub fn reply_flow(&self, id: TransactionId) -> Option<Flow> {
        self.servers.get(&id).map(|server| server.reply)
    }

    /// The same for whatever request this user waits to answer, or has answered.
    pub fn reply_flow_of(&self, user: User) -> Option<Flow> {
        self.servers.values().rev().find(|server| server.user == user).map(|server| server.reply)
    }

    /// The flows on which something is under way.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.clients.values().map(|client| client.flow).chain(self.servers.values().map(|server| server.reply))
    }

    /// The bytes and flow of a request of ours.
    pub fn request_of(&self, id: TransactionId) -> Option<(Bytes, Flow)> {
        self.clients.get(&id).map(|client| (client.request.clone(), client.flow))
    }

    /// A request of ours and the way it went.
    pub fn way_of(&self, id: TransactionId) -> Option<Sent> {
        let client = self.clients.get(&id)?;
        let listens = !client.flow.is_pinned();
        // The choice of TCP for its size is that message's alone: the dialog goes over UDP.
        let flow = client.smaller.as_ref().map_or(client.heard, |smaller| smaller.flow);
        Some(Sent { bytes: client.request.clone(), flow, listens })
    }

    /// The state of an INVITE of ours.
    pub fn invite_state(&self, id: TransactionId) -> Option<states::InviteClient> {
        match &self.clients.get(&id)?.machine {
            ClientMachine::Invite(machine) => Some(machine.state()),
            ClientMachine::Other(_) => None,
        }
    }

    /// Forgets a request of ours, whatever its state (a cancelled INVITE nobody ever answered).
    pub fn abandon(&mut self, id: TransactionId) -> Vec<Note> {
        let mut notes = Vec::new();
        self.end_client(id, &mut notes);
        notes
    }

    /// A connection is gone, or none could be had to an address. What waited for an answer on it has failed; but a request
    /// written to a connection that was already dying is written once more to a fresh one, and one that is on TCP for its
    /// size alone goes over UDP. Responses go over a connection of our own, where there is an address for it.
    pub fn flow_closed(&mut self, now: Instant, flow: &Flow, out: &mut VecDeque<Output>) -> Vec<Note> {
        let mut notes = Vec::new();
        let same_address = |a: &Flow| a.transport == flow.transport && a.remote == flow.remote;
        let hit: Vec<TransactionId> =
            self.clients.iter().filter(|(_, client)| same_address(&client.flow)).map(|(id, _)| *id).collect();
        for id in hit {
            let Some(client) = self.clients.get_mut(&id) else { continue };
            if client.flow.connection != flow.connection {
                // Which connection the shell wrote it to only the shell knows, and says so next if it was this one.
                client.broken |= !client.flow.is_pinned();
                continue;
            }
            if client.is_done() {
                self.end_client(id, &mut notes);
                continue;
            }
            if let Some(acts) = client.go_on() {
                notes.extend(self.apply_client(now, id, acts, out));
                continue;
            }
            notes.push(Note::Failed { id, user: client.user, fault: true });
            self.end_client(id, &mut notes);
        }
        let gone: Vec<TransactionId> =
            self.servers.iter().filter(|(_, server)| server.reply == *flow).map(|(id, _)| *id).collect();
        for id in gone {
            match self.servers.get_mut(&id).and_then(|server| Some((server.later.take()?, server))) {
                Some((later, server)) => server.reply = later,
                None => self.end_server(id, &mut notes),
            }
        }
        notes
    }

    /// Is a connection to this address wanted for a message's size alone, and was there none yet?
    pub fn was_for_size(&self, flow: &Flow) -> bool {
        let waits = |client: &Client| client.flow == *flow && client.smaller.is_some();
        self.clients.values().any(|client| waits(client) && !client.answered && !client.broken)
    }

    /// Fires what is due, one timer at a time; `None` when nothing is.
    pub fn pop_due(&mut self, now: Instant, out: &mut VecDeque<Output>) -> Option<Vec<Note>> {
        let (id, timer) = self.timers.pop_due(now)?;
        let mut acts = Acts::new();
        if let Some(client) = self.clients.get_mut(&id) {
            match &mut client.machine {
                ClientMachine::Invite(machine) => machine.on_timer(timer, &mut acts),
                ClientMachine::Other(machine) => machine.on_timer(timer, &mut acts),
            }
            return Some(self.apply_client(now, id, acts, out));
        }
        if let Some(server) = self.servers.get_mut(&id) {
            match &mut server.machine {
                ServerMachine::Invite(machine) => machine.on_timer(timer, &mut acts),
                ServerMachine::Other(machine) => machine.on_timer(timer, &mut acts),
            }
            return Some(self.apply_server(now, id, acts, out));
        }
        Some(Vec::new())
    }

    /// When the next timer is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// How many transactions of the peer there are.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// How many there are, by kind.
    pub fn load(&self) -> Load {
        let mut load = Load { timers: self.timers.len(), ..Load::default() };
        for client in self.clients.values() {
            match client.machine {
                ClientMachine::Invite(_) => load.invite_client += 1,
                ClientMachine::Other(_) => load.non_invite_client += 1,
            }
        }
        for server in self.servers.values() {
            match server.machine {
                ServerMachine::Invite(_) => load.invite_server += 1,
                ServerMachine::Other(_) => load.non_invite_server += 1,
            }
        }
        load
    }

    fn next_id(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    fn apply_client(&mut self, now: Instant, id: TransactionId, acts: Acts, out: &mut VecDeque<Output>) -> Vec<Note> {
        let mut notes = Vec::new();
        for act in acts {
            let Some(client) = self.clients.get(&id) else { break };
            match act {
                Act::Send => out.push_back(Output::Transmit { flow: client.flow, bytes: client.request.clone() }),
                Act::Ack => {
                    if let Some(ack) = &client.ack {
                        out.push_back(Output::Transmit { flow: client.flow, bytes: ack.clone() });
                    }
                }
                Act::Arm(timer, after) => self.timers.set((id, timer), now + after),
                Act::Stop(timer) => self.timers.stop((id, timer)),
                Act::TimedOut => notes.push(Note::Failed { id, user: client.user, fault: false }),
                Act::Pass => {}
                Act::End => self.end_client(id, &mut notes),
            }
        }
        notes
    }

    fn apply_server(&mut self, now: Instant, id: TransactionId, acts: Acts, out: &mut VecDeque<Output>) -> Vec<Note> {
        let mut notes = Vec::new();
        for act in acts {
            let Some(server) = self.servers.get(&id) else { break };
            match act {
                Act::Send => {
                    if let Some(response) = &server.response {
                        out.push_back(Output::Transmit { flow: server.reply, bytes: response.clone() });
                    }
                }
                Act::Arm(timer, after) => self.timers.set((id, timer), now + after),
                Act::Stop(timer) => self.timers.stop((id, timer)),
                // A refusal that is never acknowledged ends here; nobody above waits for it.
                Act::Ack | Act::Pass | Act::TimedOut => {}
                Act::End => self.end_server(id, &mut notes),
            }
        }
        notes
    }

    fn end_client(&mut self, id: TransactionId, notes: &mut Vec<Note>) {
        if let Some(client) = self.clients.remove(&id) {
            self.client_keys.remove(&client.key);
            for timer in [Timer::A, Timer::B, Timer::D, Timer::E, Timer::F, Timer::K, Timer::M] {
                self.timers.stop((id, timer));
            }
            notes.push(Note::Over(id, client.user));
        }
    }

    fn end_server(&mut self, id: TransactionId, notes: &mut Vec<Note>) {
        if let Some(server) = self.servers.remove(&id) {
            self.server_keys.remove(&server.key);
            if let Some(merge) = &server.merge {
                self.merge_keys.remove(merge);
            }
            for timer in [Timer::G, Timer::H, Timer::I, Timer::J, Timer::L] {
                self.timers.stop((id, timer));
            }
            notes.push(Note::Over(id, server.user));
        }
    }
}

impl ClientMachine {
    fn start(key: &ClientKey, times: Times, acts: &mut Acts) -> ClientMachine {
        if key.is_invite() {
            ClientMachine::Invite(InviteClient::start(times, acts))
        } else {
            ClientMachine::Other(NonInviteClient::start(times, acts))
        }
    }
}

impl Client {
    /// Nothing more is expected but repeats of what was heard.
    fn is_done(&self) -> bool {
        match &self.machine {
            ClientMachine::Invite(machine) => {
                matches!(machine.state(), states::InviteClient::Accepted | states::InviteClient::Completed)
            }
            ClientMachine::Other(_) => false,
        }
    }

    /// Its connection failed: is there another way? Then it begins again.
    fn go_on(&mut self) -> Option<Acts> {
        if self.answered {
            return None;
        }
        if self.broken && !self.repeated {
            (self.broken, self.repeated) = (false, true);
        } else {
            let smaller = self.smaller.take()?;
            (self.flow, self.heard) = (smaller.flow, smaller.flow);
            (self.request, self.times) = (smaller.bytes, smaller.times);
        }
        let mut acts = Acts::new();
        self.machine = ClientMachine::start(&self.key, self.times, &mut acts);
        Some(acts)
    }
}

/// A response must come from the host the request went to; on a connection, over that connection; over no particular
/// connection, from the very address. The port is free over UDP, because some gateways answer from another one.
fn same_peer(sent: &Flow, from: &Flow) -> bool {
    let ip = |flow: &Flow| -> IpAddr { flow.remote.ip().to_canonical() };
    let connection = match sent.is_pinned() || sent.transport == Transport::Udp {
        true => sent.connection == from.connection,
        false => sent.remote.port() == from.remote.port(),
    };
    sent.transport == from.transport && connection && ip(sent) == ip(from)
}
