//! The sockets of signalling, as the shard's thread sees them: what comes in becomes an [`Input`], what goes out is sent on
//! the flow it names.
//!
//! A flow with connection 0 over a stream transport names a peer, not a connection: it is sent over a connection that was
//! opened to that peer, or one is opened for it. When none can be opened, or the one opened ends, the shard is told that
//! flow is closed as well. What comes in over a connection carries its number, and our end is always the address we listen
//! on, which is the one that others can reach.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use crossbeam_channel::{Receiver as Events, Sender, bounded};

use crate::net::{BindError, Connect, Cut, Kind, Listen, StreamEvent, StreamLimits, Streams, StreamsError};
use crate::net::{ServerTls, TlsClient, UdpEndpoint};
use crate::sip::message::{Frame, next_frame};
use crate::sip::{Advertised, Flow, Transport};

use super::Input;
use super::receiver::{Arrived, Receiver};

/// Events of connections that may wait for the shard; beyond that the peers wait.
const EVENTS: usize = 4096;

/// A socket to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The transport.
    pub transport: Transport,
    /// The address and port to bind; port 0 for any.
    pub address: SocketAddr,
    /// The host that peers write to reach it; the address itself when `None`.
    pub host: Option<String>,
    /// The port that peers write; the one bound when `None`.
    pub port: Option<u16>,
}

impl Listening {
    /// A UDP socket under its own address.
    pub fn udp(address: SocketAddr) -> Listening {
        Listening { transport: Transport::Udp, address, host: None, port: None }
    }
}

/// The sockets of signalling.
#[derive(Debug)]
pub(super) struct Transports {
    datagrams: Vec<(UdpEndpoint, Receiver)>,
    advertised: Vec<Advertised>,
    streams: Streams,
    events: Events<StreamEvent>,
    /// The flow of each live connection.
    flows: BTreeMap<u64, Flow>,
    /// What each connection of our own was opened for: a flow with connection 0.
    opened_for: BTreeMap<u64, Flow>,
    /// How each peer we call over TLS must prove itself.
    certified: BTreeMap<SocketAddr, Certified>,
}

/// How a peer proves itself over TLS, and how we do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certified {
    /// Whom we believe, and our own certificate.
    pub client: TlsClient,
    /// The name its certificate must carry; `None`: its address.
    pub name: Option<String>,
}

impl Transports {
    /// Opens all of `listen`; datagrams go to `inbox`, connections are heard by [`Transports::events`].
    pub fn open(
        listen: &[Listening],
        limits: StreamLimits,
        tls: Option<ServerTls>,
        origins: &[String],
        inbox: &Sender<Arrived>,
    ) -> Result<Transports, OpenError> {
        let mut datagrams: Vec<(UdpEndpoint, Receiver)> = Vec::new();
        let mut bound = Vec::new();
        for one in listen.iter().filter(|one| one.transport == Transport::Udp) {
            let socket = UdpEndpoint::bind(one.address, "sip.listen")?;
            bound.push((one, socket.local()));
            let receiver = Receiver::spawn(&format!("net-{}", datagrams.len()), socket.try_clone()?, inbox.clone())?;
            datagrams.push((socket, receiver));
        }
        let wanted: Vec<(&Listening, Listen)> = listen
            .iter()
            .filter_map(|one| {
                let kind = kind_of(one.transport)?;
                let tls = tls.clone().filter(|_| kind.is_secure());
                Some((one, Listen { kind, address: one.address, key: "sip.listen", tls, origins: origins.to_vec() }))
            })
            .collect();
        let (told, events) = bounded(EVENTS);
        let listens: Vec<Listen> = wanted.iter().map(|(_, listen)| listen.clone()).collect();
        let streams = Streams::start(limits, &listens, cut, told)?;
        for ((one, _), (_, local)) in wanted.iter().zip(streams.listening()) {
            bound.push((*one, *local));
        }
        // In the order in which they were asked for: the first is what a person is told.
        bound.sort_by_key(|(one, _)| listen.iter().position(|other| std::ptr::eq(other, *one)));
        let advertised = bound.into_iter().map(|(one, local)| Advertised {
            transport: one.transport,
            local,
            host: one.host.clone().unwrap_or_else(|| host_text(local)),
            port: one.port.unwrap_or(local.port()),
        });
        let advertised = advertised.collect();
        let (flows, opened_for) = (BTreeMap::new(), BTreeMap::new());
        Ok(Transports { datagrams, advertised, streams, events, flows, opened_for, certified: BTreeMap::new() })
    }

    /// What peers write to reach each socket.
    pub fn advertised(&self) -> &[Advertised] {
        &self.advertised
    }

    /// The address asked for first: what a person is told.
    pub fn first(&self) -> Option<SocketAddr> {
        self.advertised.first().map(|one| one.local)
    }

    /// What connections say; each goes to [`Transports::heard`].
    pub fn events(&self) -> &Events<StreamEvent> {
        &self.events
    }

    /// Where slow work may be done.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        self.streams.handle().runtime()
    }

    /// From now on the peer at `remote` is called over TLS only if it proves itself so; `None`: not at all.
    pub fn certify(&mut self, remote: SocketAddr, certified: Option<Certified>) {
        match certified {
            Some(certified) => self.certified.insert(remote, certified),
            None => self.certified.remove(&remote),
        };
    }

    /// The trunks changed: what was known of their peers' certificates is asked for anew.
    pub fn forget_certified(&mut self) {
        self.certified.clear();
    }

    /// Sends a message; what the flow's end means for the shard comes back.
    pub fn send(&mut self, flow: Flow, bytes: &[u8]) -> Option<Input> {
        match (flow.transport, flow.connection) {
            (Transport::Udp, _) => {
                let socket = self.datagrams.iter().map(|(socket, _)| socket).find(|s| s.local() == flow.local)?;
                if let Err(fault) = socket.send(flow.remote, bytes) {
                    tracing::debug!(%fault, "a datagram could not be sent");
                }
                None
            }
            (_, 0) => {
                let reached = self.reach(flow).and_then(|connection| {
                    self.streams.handle().send(connection, bytes.to_vec()).ok()?;
                    Some(connection)
                });
                match reached {
                    Some(connection) => {
                        self.opened_for.insert(connection, flow);
                        None
                    }
                    None => Some(Input::FlowClosed(flow)),
                }
            }
            (_, connection) => {
                let sent = self.streams.handle().send(connection, bytes.to_vec());
                // A queue that is full closes the connection, and its end is told by the connection itself.
                (sent.is_err() && !self.flows.contains_key(&connection)).then_some(Input::FlowClosed(flow))
            }
        }
    }

    /// Closes a connection; its end is told by the connection itself. Datagrams have none.
    pub fn close(&self, flow: Flow) {
        if flow.connection != 0 {
            let _ = self.streams.handle().close(flow.connection);
        }
    }

    /// What an event of a connection means for the shard, in order.
    pub fn heard(&mut self, event: StreamEvent) -> Vec<Input> {
        match event {
            StreamEvent::Opened { connection, kind, local, remote, .. } => {
                let transport = transport_of(kind);
                let local = match self.opened_for.get(&connection) {
                    Some(wanted) => wanted.local,
                    None => self.listener(transport, local),
                };
                self.flows.insert(connection, Flow { transport, local, remote, connection });
                Vec::new()
            }
            // Broken bytes are handed on too: what can be answered is answered before the connection ends.
            StreamEvent::Message { connection, bytes } | StreamEvent::Broken { connection, bytes } => {
                let flow = self.flows.get(&connection).copied();
                flow.map(|flow| Input::Datagram { flow, bytes }).into_iter().collect()
            }
            StreamEvent::Closed { connection, returned, .. } => {
                let wanted = self.opened_for.remove(&connection);
                let mut inputs: Vec<Input> =
                    self.flows.remove(&connection).map(Input::FlowClosed).into_iter().collect();
                if let Some(wanted) = wanted {
                    // The peer may have closed an idle connection just as we wrote to it: once more, over a fresh one.
                    let lost = returned.is_empty() || returned.iter().any(|bytes| self.send(wanted, bytes).is_some());
                    inputs.extend(lost.then_some(Input::FlowClosed(wanted)));
                }
                inputs
            }
            StreamEvent::ConnectFailed { connection, kind, remote, why } => {
                tracing::info!(%kind, %remote, %why, "a connection could not be opened");
                self.opened_for.remove(&connection).map(Input::FlowClosed).into_iter().collect()
            }
        }
    }

    /// Reads the certificates again; a bad file leaves the one that is shown.
    pub fn reload(&self) {
        for fault in self.streams.handle().reload_certificates() {
            tracing::error!("the certificate was not reloaded: {fault}");
        }
    }

    /// Messages that found no place in the inbox.
    pub fn dropped(&self) -> u64 {
        self.datagrams.iter().map(|(_, receiver)| receiver.dropped()).sum()
    }

    /// Do all sockets still receive?
    pub fn is_alive(&self) -> bool {
        self.datagrams.iter().all(|(_, receiver)| receiver.is_alive()) && self.streams.is_alive()
    }

    fn reach(&self, flow: Flow) -> Option<u64> {
        let kind = kind_of(flow.transport)?;
        let local = Some(flow.local.ip()).filter(|ip| !ip.is_unspecified());
        // Nobody is called over TLS of whom it is not known who he must prove to be.
        let certified = kind.is_secure().then(|| self.certified.get(&flow.remote).cloned()).flatten();
        let (tls, server_name) = certified.map_or((None, None), |known| (Some(known.client), known.name));
        let to = Connect { kind, local, remote: flow.remote, server_name, tls };
        self.streams.handle().reach(to).ok()
    }

    /// The address we listen on, of the connection whose own end is `local`.
    fn listener(&self, transport: Transport, local: SocketAddr) -> SocketAddr {
        let of = |one: &&Advertised| {
            let any = one.local.ip().is_unspecified() && one.local.is_ipv4() == local.is_ipv4();
            one.transport == transport && one.local.port() == local.port() && (any || one.local.ip() == local.ip())
        };
        self.advertised.iter().find(of).map_or(local, |one| one.local)
    }
}

/// Why a socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The connections.
    #[error(transparent)]
    Streams(#[from] StreamsError),
    /// A thread.
    #[error(transparent)]
    System(#[from] io::Error),
}

fn cut(buffer: &[u8]) -> Cut {
    match next_frame(buffer) {
        Frame::Incomplete => Cut::Incomplete,
        Frame::KeepAlive { bytes, ping } => Cut::KeepAlive { bytes, ping },
        Frame::Message { bytes } => Cut::Message { bytes },
        Frame::Broken(_) => Cut::Broken,
    }
}

fn kind_of(transport: Transport) -> Option<Kind> {
    match transport {
        Transport::Udp => None,
        Transport::Tcp => Some(Kind::Tcp),
        Transport::Tls => Some(Kind::Tls),
        Transport::Ws => Some(Kind::Ws),
        Transport::Wss => Some(Kind::Wss),
    }
}

fn transport_of(kind: Kind) -> Transport {
    match kind {
        Kind::Tcp => Transport::Tcp,
        Kind::Tls => Transport::Tls,
        Kind::Ws => Transport::Ws,
        Kind::Wss => Transport::Wss,
    }
}

fn host_text(local: SocketAddr) -> String {
    match local.ip() {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the peers of these tests are real sockets")]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use super::*;

    const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nContent-Length: 0\r\n\r\n";

    fn open() -> Transports {
        let tcp = Listening { transport: Transport::Tcp, ..Listening::udp(LOOPBACK) };
        let (inbox, _) = bounded(8);
        Transports::open(&[tcp], StreamLimits::default(), None, &[], &inbox).expect("loopback")
    }

    fn heard(transports: &mut Transports) -> Vec<Input> {
        let event = transports.events().recv_timeout(Duration::from_secs(10)).expect("an event in time");
        transports.heard(event)
    }

    fn next(transports: &mut Transports) -> Vec<Input> {
        loop {
            let inputs = heard(transports);
            if !inputs.is_empty() {
                return inputs;
            }
        }
    }

    /// A flow with connection 0 opens one connection and uses it again; what comes back carries its number and the address
    /// we listen on; its end closes both flows.
    #[test]
    fn no_particular_connection() {
        let mut transports = open();
        let peer = TcpListener::bind(LOOPBACK).expect("loopback");
        let local = transports.first().expect("bound");
        let remote = peer.local_addr().expect("bound");
        let wanted = Flow { transport: Transport::Tcp, local, remote, connection: 0 };
        assert!(transports.send(wanted, OPTIONS).is_none());
        assert!(transports.send(wanted, OPTIONS).is_none());
        let (mut stream, _) = peer.accept().expect("dialled");
        let mut both = vec![0; 2 * OPTIONS.len()];
        stream.read_exact(&mut both).expect("both over the same connection");
        stream.write_all(OPTIONS).expect("written");
        let flow = match next(&mut transports).as_slice() {
            [Input::Datagram { flow, bytes }] if bytes == OPTIONS => *flow,
            other => panic!("{other:?}"),
        };
        assert_ne!(flow.connection, 0);
        assert_eq!(Flow { connection: 0, ..flow }, wanted);
        drop(stream);
        let ended = next(&mut transports);
        assert!(
            matches!(ended.as_slice(), [Input::FlowClosed(one), Input::FlowClosed(other)] if *one == flow && *other == wanted),
            "{ended:?}"
        );
        assert!(matches!(transports.send(flow, OPTIONS), Some(Input::FlowClosed(gone)) if gone == flow));
    }

    /// Nobody listens there: the flow is told closed, and nothing is kept of it.
    #[test]
    fn nobody_there() {
        let mut transports = open();
        let remote = TcpListener::bind(LOOPBACK).expect("loopback").local_addr().expect("bound");
        let local = transports.first().expect("bound");
        let wanted = Flow { transport: Transport::Tcp, local, remote, connection: 0 };
        assert!(transports.send(wanted, OPTIONS).is_none());
        assert!(matches!(next(&mut transports).as_slice(), [Input::FlowClosed(flow)] if *flow == wanted));
        assert!(transports.opened_for.is_empty() && transports.flows.is_empty());
    }
}
