//! A flow: the unit of "where". One of our sockets, one address of a peer, and the connection between them, if the
//! transport has one. Requests inside a dialog and responses travel over the flow they belong to, never over a name
//! (RFC 5626 has the idea; RFC 3581 applies it to UDP).

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A transport of RFC 3261 §18 and RFC 7118.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Does the transport deliver by itself? Then the transaction timers A, E, G stay silent and D, I, J, K are zero.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Transport::Udp)
    }

    /// The name in a Via header.
    pub const fn via_name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// The value of a `transport` URI parameter; UDP is the default and needs none.
    pub const fn uri_name(self) -> Option<&'static str> {
        match self {
            Transport::Udp => None,
            Transport::Tcp => Some("tcp"),
            Transport::Tls => Some("tls"),
            Transport::Ws => Some("ws"),
            Transport::Wss => Some("wss"),
        }
    }

    /// The transport a `transport` parameter names, in any case.
    pub fn from_uri_name(name: &[u8]) -> Option<Transport> {
        let all = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
        all.into_iter().find(|transport| transport.via_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The port meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

/// One way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Flow {
    /// The transport.
    pub transport: Transport,
    /// Our socket: for a connection, the listener it was accepted on, or in whose name it was opened.
    pub local: SocketAddr,
    /// The peer's address as we see it.
    pub remote: SocketAddr,
    /// The connection's number, given by the shell and never used twice. 0 for UDP, and on a reliable transport for "no
    /// particular connection": the shell sends over a live one to `remote`, or opens one. What comes in always names its
    /// true connection.
    pub connection: u64,
}

impl Flow {
    /// A UDP flow.
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local, remote, connection: 0 }
    }

    /// Is it one connection and no other?
    pub const fn is_pinned(self) -> bool {
        self.connection != 0
    }

    /// The same way without its connection.
    pub const fn unpinned(self) -> Flow {
        Flow { connection: 0, ..self }
    }

    /// Does it end where its connection ends: a browser's, which nobody can call back?
    pub const fn is_web(self) -> bool {
        matches!(self.transport, Transport::Ws | Transport::Wss)
    }

    /// The same socket towards another address. Only UDP can do that; a connection stays what it is.
    pub fn towards(self, remote: SocketAddr) -> Flow {
        if self.transport == Transport::Udp { Flow { remote, ..self } } else { self }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}>{}#{}", self.transport.via_name(), self.local, self.remote, self.connection)
    }
}
