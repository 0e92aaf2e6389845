//! The sockets of a media worker: a pair of UDP ports per leg, one epoll for all.
//!
//! Measured: with a pair of ports per leg one packet waits at a time, so one `recvfrom` and one `sendto` per packet is
//! the quickest way; batching calls per socket costs more than it saves.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::event::epoll;

use crate::clock::Instant;
use crate::ids::LegId;

use super::{Io, OpenError, PacketKind, PortPool, Ports, Settings, Slot};

/// Pairs tried that another program holds, before giving up.
const TRIES: usize = 32;
/// Expedited forwarding (RFC 3246), as routers expect it of voice.
const TRAFFIC_CLASS: u32 = 46 << 2;

/// The sockets of one worker.
pub struct SocketIo {
    ip: IpAddr,
    advertised: IpAddr,
    pool: PortPool,
    epoll: OwnedFd,
    pairs: Vec<Option<Pair>>,
}

struct Pair {
    port: u16,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl SocketIo {
    /// No sockets yet. Fails when the system has no epoll left to give.
    pub fn new(settings: &Settings) -> io::Result<SocketIo> {
        Ok(SocketIo {
            ip: settings.ip,
            advertised: settings.advertised,
            pool: PortPool::new(settings.ports.clone(), settings.port_rest),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            pairs: Vec::new(),
        })
    }

    /// Pairs of ports that are not in use.
    pub fn ports_free(&self) -> usize {
        self.pool.free()
    }

    /// What tells readiness; the sockets' marks are those of [`SocketIo::marked`].
    pub(super) fn epoll(&self) -> &OwnedFd {
        &self.epoll
    }

    /// Which socket has this mark.
    pub(super) fn marked(mark: u64) -> (Slot, PacketKind) {
        (Slot((mark >> 1) as u32), if mark & 1 == 0 { PacketKind::Rtp } else { PacketKind::Rtcp })
    }

    /// Take one datagram that is waiting.
    pub(super) fn receive(&self, slot: Slot, kind: PacketKind, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.socket(slot, kind)?.recv_from(buffer).ok()
    }

    fn socket(&self, slot: Slot, kind: PacketKind) -> Option<&UdpSocket> {
        let pair = self.pairs.get(slot.0 as usize)?.as_ref()?;
        Some(match kind {
            PacketKind::Rtp => &pair.rtp,
            PacketKind::Rtcp => &pair.rtcp,
        })
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where media sockets are opened")]
    fn bind(&self, slot: Slot, kind: PacketKind, port: u16) -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind((self.ip, port))?;
        socket.set_nonblocking(true)?;
        // A network that does not want the mark may take it away; a system that refuses it sends all the same.
        let socket2 = socket2::SockRef::from(&socket);
        let _ = match self.ip {
            IpAddr::V4(_) => socket2.set_tos_v4(TRAFFIC_CLASS),
            IpAddr::V6(_) => socket2.set_tclass_v6(TRAFFIC_CLASS),
        };
        let mark = u64::from(slot.0) << 1 | u64::from(kind == PacketKind::Rtcp);
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(mark), epoll::EventFlags::IN)?;
        Ok(socket)
    }
}

impl Io for SocketIo {
    fn open(&mut self, now: Instant, slot: Slot, _leg: LegId) -> Result<Ports, OpenError> {
        for _ in 0..TRIES {
            let port = self.pool.take(now).ok_or(OpenError::NoPorts)?;
            let bound = self.bind(slot, PacketKind::Rtp, port).and_then(|rtp| {
                let rtcp = self.bind(slot, PacketKind::Rtcp, port + 1)?;
                Ok(Pair { port, rtp, rtcp })
            });
            match bound {
                Ok(pair) => {
                    let place = slot.0 as usize;
                    if self.pairs.len() <= place {
                        self.pairs.resize_with(place + 1, || None);
                    }
                    self.pairs[place] = Some(pair);
                    return Ok(Ports {
                        rtp: SocketAddr::new(self.advertised, port),
                        rtcp: SocketAddr::new(self.advertised, port + 1),
                    });
                }
                Err(error) => {
                    self.pool.give_back(now, port);
                    if error.kind() != io::ErrorKind::AddrInUse {
                        return Err(OpenError::System);
                    }
                }
            }
        }
        Err(OpenError::NoPorts)
    }

    fn send(&mut self, slot: Slot, kind: PacketKind, to: SocketAddr, bytes: &[u8]) -> bool {
        self.socket(slot, kind).is_some_and(|socket| socket.send_to(bytes, to).is_ok())
    }

    fn close(&mut self, now: Instant, slot: Slot) {
        // Closing a socket takes it off the epoll.
        if let Some(pair) = self.pairs.get_mut(slot.0 as usize).and_then(Option::take) {
            self.pool.give_back(now, pair.port);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;
    use crate::ids::CallId;

    /// Ports run out with a clear answer; a closed pair is free again after its rest.
    #[test]
    fn ports_run_out_and_come_back() {
        let settings = Settings::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 31_230..=31_233);
        let mut io = SocketIo::new(&settings).expect("an epoll");
        let leg = LegId::caller(CallId::from_raw(1));
        let now = Instant::from_millis(5);
        assert_eq!(io.open(now, Slot(0), leg).map(|ports| ports.rtcp.port()), Ok(31_231));
        assert!(io.open(now, Slot(1), leg).is_ok());
        assert_eq!(io.open(now, Slot(2), leg), Err(OpenError::NoPorts));
        io.close(now, Slot(0));
        assert_eq!(io.ports_free(), 1);
        assert_eq!(io.open(now, Slot(2), leg), Err(OpenError::NoPorts));
        assert_eq!(io.open(now + Duration::from_secs(5), Slot(2), leg).map(|ports| ports.rtp.port()), Ok(31_230));
    }

    /// An address that is not ours is told as the system's refusal, not as a lack of ports.
    #[test]
    fn not_our_address() {
        let settings = Settings::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 31_240..=31_243);
        let mut io = SocketIo::new(&settings).expect("an epoll");
        assert_eq!(io.open(Instant::ZERO, Slot(0), LegId::caller(CallId::from_raw(1))), Err(OpenError::System));
        assert_eq!(io.ports_free(), 2);
    }
}
