//! Connections: streams that keep their order, are cut anywhere, and break at the worst moment.
//!
//! A connection has two ends, and each learns in its own time that it is broken. Until then what is sent into it is lost.
//! TCP and TLS carry bytes, which the framer of the engine cuts into messages; WebSocket carries messages.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ecoute::clock::Instant;
use ecoute::sip::{Flow, Transport};

/// Who is at the end of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Engine,
    /// A telephone, by its place in the world.
    Device(usize),
    /// Somebody else.
    Stranger(usize),
}

/// One connection.
#[derive(Debug)]
pub struct Wire {
    pub transport: Transport,
    /// Who is at the other end than the engine.
    pub peer: End,
    /// The engine's listener it was accepted on, or in whose name it was opened.
    pub door: SocketAddr,
    /// The engine's end as the peer sees it.
    pub near: SocketAddr,
    /// The peer's end as the engine sees it.
    pub far: SocketAddr,
    /// The peer's own address.
    pub home: SocketAddr,
    pub by_engine: bool,
    /// Did it ever stand? Nobody may have listened.
    pub stood: bool,
    pub broken: bool,
    engine: Side,
    other: Side,
}

/// One end of a connection.
#[derive(Debug, Default)]
pub struct Side {
    /// It knows that the connection is no more.
    pub knows: bool,
    /// When what was sent last arrives here.
    pub last: Instant,
    /// What has arrived and is no whole message yet.
    pub buffer: Vec<u8>,
}

impl Wire {
    /// The side of `end`.
    pub fn side(&mut self, end: End) -> &mut Side {
        if end == End::Engine { &mut self.engine } else { &mut self.other }
    }

    /// Does `end` know that the connection is no more?
    pub fn knows(&self, end: End) -> bool {
        if end == End::Engine { self.engine.knows } else { self.other.knows }
    }

    /// The end opposite to `end`.
    pub fn opposite(&self, end: End) -> End {
        if end == End::Engine { self.peer } else { End::Engine }
    }

    /// The connection as `end` names it.
    pub fn flow(&self, number: u64, end: End) -> Flow {
        let (local, remote) = if end == End::Engine { (self.door, self.far) } else { (self.home, self.near) };
        Flow { transport: self.transport, local, remote, connection: number }
    }

    /// Did `end` open it?
    pub fn opened_by(&self, end: End) -> bool {
        (end == End::Engine) == self.by_engine
    }

    /// Are messages kept whole by the connection itself?
    pub fn keeps_messages(&self) -> bool {
        matches!(self.transport, Transport::Ws | Transport::Wss)
    }
}

/// All connections of a run. A number is never used twice.
#[derive(Debug, Default)]
pub struct Wires {
    all: BTreeMap<u64, Wire>,
    last: u64,
}

impl Wires {
    /// A new connection of `opener`: the engine's to `flow.remote`, or a peer's to one of the engine's doors.
    pub fn open(&mut self, opener: End, peer: End, flow: Flow, first: Instant) -> u64 {
        self.last += 1;
        let own_port = 40_000 + (self.last % 20_000) as u16;
        let by_engine = opener == End::Engine;
        let (door, home) = if by_engine { (flow.local, flow.remote) } else { (flow.remote, flow.local) };
        let near = if by_engine { SocketAddr::new(door.ip(), own_port) } else { door };
        let far = if by_engine { home } else { SocketAddr::new(home.ip(), own_port) };
        let side = || Side { last: first, ..Side::default() };
        let wire = Wire {
            transport: flow.transport,
            peer,
            door,
            near,
            far,
            home,
            by_engine,
            stood: true,
            broken: false,
            engine: side(),
            other: side(),
        };
        self.all.insert(self.last, wire);
        self.last
    }

    /// A live connection that `end` itself opened for this flow, as far as it knows.
    pub fn opened(&mut self, end: End, flow: Flow) -> Option<u64> {
        let found = self.all.iter_mut().rev().find(|(_, wire)| {
            let to = if end == End::Engine { wire.home } else { wire.door };
            let ours = end == End::Engine || wire.peer == end;
            ours && wire.opened_by(end) && wire.transport == flow.transport && to == flow.remote && !wire.knows(end)
        });
        found.map(|(number, _)| *number)
    }

    /// The connection of this number, unless both ends know that it is no more.
    pub fn get(&mut self, number: u64) -> Option<&mut Wire> {
        self.all.get_mut(&number)
    }

    /// The connections of a peer that are not broken.
    pub fn of(&self, peer: End) -> Vec<u64> {
        self.all.iter().filter(|(_, wire)| wire.peer == peer && !wire.broken).map(|(number, _)| *number).collect()
    }

    /// Forgets it once both ends know.
    pub fn forget(&mut self, number: u64) {
        let gone = self.all.get_mut(&number).is_some_and(|wire| wire.engine.knows && wire.other.knows);
        if gone {
            self.all.remove(&number);
        }
    }
}
