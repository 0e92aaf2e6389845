//! Virtual media ports: what a plane sees of the outside ([`ecoute::media::Io`]).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::LegId;
use ecoute::media::{Io, OpenError, PacketKind, PortPool, Ports, Slot};

/// A media packet on its way out.
#[derive(Debug)]
pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// The ports of one host.
#[derive(Debug)]
pub struct HostPorts {
    ip: IpAddr,
    pool: PortPool,
    by_slot: BTreeMap<Slot, u16>,
    by_port: BTreeMap<u16, Slot>,
    /// What was sent and not yet taken to the network.
    pub sent: Vec<Packet>,
}

impl HostPorts {
    /// All of `ports` are free.
    pub fn new(ip: IpAddr, ports: RangeInclusive<u16>) -> HostPorts {
        let pool = PortPool::new(ports, Duration::from_secs(5));
        HostPorts { ip, pool, by_slot: BTreeMap::new(), by_port: BTreeMap::new(), sent: Vec::new() }
    }

    /// Pairs that are open.
    pub fn open(&self) -> usize {
        self.by_slot.len()
    }

    /// Whose port this is.
    pub fn owner(&self, port: u16) -> Option<(Slot, PacketKind)> {
        let slot = *self.by_port.get(&(port & !1))?;
        Some((slot, if port.is_multiple_of(2) { PacketKind::Rtp } else { PacketKind::Rtcp }))
    }
}

impl Io for HostPorts {
    fn open(&mut self, now: Instant, slot: Slot, _leg: LegId) -> Result<Ports, OpenError> {
        let port = self.pool.take(now).ok_or(OpenError::NoPorts)?;
        self.by_slot.insert(slot, port);
        self.by_port.insert(port, slot);
        Ok(Ports { rtp: SocketAddr::new(self.ip, port), rtcp: SocketAddr::new(self.ip, port + 1) })
    }

    fn send(&mut self, slot: Slot, kind: PacketKind, to: SocketAddr, bytes: &[u8]) -> bool {
        let Some(port) = self.by_slot.get(&slot) else { return false };
        let port = port + u16::from(kind == PacketKind::Rtcp);
        self.sent.push(Packet { from: SocketAddr::new(self.ip, port), to, bytes: bytes.to_vec() });
        true
    }

    fn close(&mut self, now: Instant, slot: Slot) {
        if let Some(port) = self.by_slot.remove(&slot) {
            self.by_port.remove(&port);
            self.pool.give_back(now, port);
        }
    }
}
