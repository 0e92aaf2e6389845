//! Connections over TCP, TLS, WebSocket and secure WebSocket (RFC 3261 §18, RFC 7118): the vocabulary.
//!
//! One named thread runs a small runtime and owns every connection. Whole messages go out of it as [`StreamEvent`]s into
//! a bounded channel; when the channel is full, the reader of that connection waits, so nothing is lost, the peer is
//! slowed down by TCP itself, and the other connections go on. What shall be written waits in a bounded queue per
//! connection; a queue that is full belongs to a peer that does not read, and its connection is closed.
//!
//! Keep-alives are answered here: CR LF CR LF gets its CR LF on all four kinds (RFC 5626 §3.5.1, RFC 7118 §6), a
//! WebSocket ping its pong. Every wait has a limit ([`StreamLimits`]), every count a bound.

mod accept;
mod connect;
mod connection;
mod counters;
mod gate;
mod handle;
mod limits;
mod table;
mod tls;
mod websocket;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use counters::StreamFigures;
pub use handle::{Streams, StreamsError, StreamsHandle};
pub use limits::StreamLimits;
pub use tls::{ClientTls, ServerTls, TlsClient, TlsError};

/// What a connection speaks below SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket over TCP.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Kind {
    /// Does it lie on TLS?
    pub const fn is_secure(self) -> bool {
        matches!(self, Kind::Tls | Kind::Wss)
    }

    /// Is it a WebSocket?
    pub const fn is_websocket(self) -> bool {
        matches!(self, Kind::Ws | Kind::Wss)
    }

    /// Its name, for a person.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Tcp => "TCP",
            Kind::Tls => "TLS",
            Kind::Ws => "WS",
            Kind::Wss => "WSS",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One address to listen on.
#[derive(Clone, Debug)]
pub struct Listen {
    /// What is spoken there.
    pub kind: Kind,
    /// The address; an IPv6 one takes IPv6 alone.
    pub address: SocketAddr,
    /// The configuration key, for errors.
    pub key: &'static str,
    /// For TLS and WSS: the certificate shown there.
    pub tls: Option<ServerTls>,
    /// For WS and WSS: the pages (`https://…`) whose browsers may connect; none named: all. Who is no browser sends no
    /// origin and is not kept out by this.
    pub origins: Vec<String>,
}

impl Listen {
    /// Plain, for any page.
    pub fn new(kind: Kind, address: SocketAddr, key: &'static str) -> Listen {
        Listen { kind, address, key, tls: None, origins: Vec::new() }
    }
}

/// A connection to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// What to speak.
    pub kind: Kind,
    /// From which of our addresses; none: the system chooses.
    pub local: Option<IpAddr>,
    /// To whom.
    pub remote: SocketAddr,
    /// The domain the peer must prove to be (RFC 5922); for TLS, none means the bare address.
    pub server_name: Option<String>,
    /// For TLS and WSS: whom we believe, and what we show.
    pub tls: Option<TlsClient>,
}

/// What stands at the beginning of a stream's buffer, says the framing function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not enough bytes yet.
    Incomplete,
    /// That many bytes of line ends between messages; `ping` when they want a CR LF back.
    KeepAlive {
        /// How many to take.
        bytes: usize,
        /// Does the peer wait for a pong?
        ping: bool,
    },
    /// A whole message of that many bytes.
    Message {
        /// How many to take.
        bytes: usize,
    },
    /// Nobody can say where the next message begins.
    Broken,
}

/// Looks at the beginning of a stream's buffer. It is asked again with more bytes after [`Cut::Incomplete`].
pub type Framing = fn(&[u8]) -> Cut;

/// What connections say. For one connection: `Opened`, then `Message`s, perhaps `Broken`, then `Closed`; or, for one we
/// wanted to open, `ConnectFailed` alone.
#[derive(Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// A connection is there, its handshakes done.
    Opened {
        /// Its number, never 0, never given twice in the life of the process.
        connection: u64,
        /// What it speaks.
        kind: Kind,
        /// Our end.
        local: SocketAddr,
        /// The peer's end.
        remote: SocketAddr,
        /// Did we open it?
        outbound: bool,
        /// The names in the peer's certificate (DNS names and `sip:` URIs), if it showed one and we trust it.
        names: Vec<String>,
    },
    /// A whole message.
    Message {
        /// Where it came from.
        connection: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The stream cannot be followed. An answer may still be sent for a moment
    /// ([`StreamLimits::linger`]); then it is closed.
    Broken {
        /// Where.
        connection: u64,
        /// What stood in the buffer, at most one message's size.
        bytes: Vec<u8>,
    },
    /// A connection has ended.
    Closed {
        /// Which.
        connection: u64,
        /// Why.
        why: CloseReason,
        /// Of a connection that had worked before: messages that never left, or left within the last second with nothing
        /// heard since. It may have been dead already; they may be sent once more over a fresh one, which gives nothing
        /// back unless it, too, has worked.
        returned: Vec<Vec<u8>>,
    },
    /// A connection we wanted could not be opened. What was queued for it is lost.
    ConnectFailed {
        /// The number [`StreamsHandle::connect`] gave.
        connection: u64,
        /// What it would have spoken.
        kind: Kind,
        /// To whom.
        remote: SocketAddr,
        /// Why.
        why: ConnectFault,
    },
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// The peer closed it in order.
    PeerClosed,
    /// The network or the peer broke it.
    Reset,
    /// No traffic for [`StreamLimits::idle`].
    Idle,
    /// Not one whole message within [`StreamLimits::first_message`].
    NeverSpoke,
    /// A message begun was not finished within [`StreamLimits::message`].
    SlowMessage,
    /// The stream could not be cut into messages.
    Broken,
    /// A message larger than [`StreamLimits::message_bytes`].
    TooLarge,
    /// Against the rules of WebSocket or TLS.
    Protocol,
    /// Nothing heard, not even a pong, for [`StreamLimits::silence`] (WebSocket).
    Silent,
    /// The peer took no bytes for [`StreamLimits::write`].
    WriteTimeout,
    /// The peer reads slower than we write: its queue was full.
    QueueFull,
    /// [`StreamsHandle::close`].
    Asked,
    /// The program ends.
    Shutdown,
}

/// Why a connection could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ConnectFault {
    /// Nobody listens there.
    #[error("refused by the peer")]
    Refused,
    /// No answer within [`StreamLimits::connect`] or [`StreamLimits::handshake`].
    #[error("no answer in time")]
    Timeout,
    /// No way to that address from here.
    #[error("the network cannot reach the peer")]
    Unreachable,
    /// TLS: the peer's certificate is not trusted, or does not carry the name.
    #[error("the peer's certificate was refused")]
    Certificate,
    /// TLS or WebSocket: no common language.
    #[error("the handshake failed")]
    Handshake,
    /// No TLS settings for a secure connection, or a name that is none.
    #[error("not configured for a secure connection")]
    NotConfigured,
    /// As many connections of our own as [`StreamLimits::outbound`] allows.
    #[error("too many connections of our own")]
    Full,
    /// Closed by [`StreamsHandle::close`] or the end of the program before it stood.
    #[error("given up")]
    GivenUp,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFault {
    /// No such connection, or no more.
    #[error("the connection is gone")]
    Gone,
    /// Its queue is full; it is being closed.
    #[error("the connection's queue is full")]
    Full,
}

impl fmt::Debug for StreamEvent {
    /// Messages are counted, never shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamEvent::Opened { connection, kind, local, remote, outbound, names } => {
                let way = if *outbound { "to" } else { "from" };
                write!(f, "Opened(#{connection} {kind} {local} {way} {remote}, {} names)", names.len())
            }
            StreamEvent::Message { connection, bytes } => write!(f, "Message(#{connection}, {} bytes)", bytes.len()),
            StreamEvent::Broken { connection, bytes } => write!(f, "Broken(#{connection}, {} bytes)", bytes.len()),
            StreamEvent::Closed { connection, why, returned } => {
                write!(f, "Closed(#{connection}, {why:?}, {} returned)", returned.len())
            }
            StreamEvent::ConnectFailed { connection, kind, remote, why } => {
                write!(f, "ConnectFailed(#{connection} {kind} {remote}, {why:?})")
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "real sockets and real time, each test within its own limit")]
mod tests;
