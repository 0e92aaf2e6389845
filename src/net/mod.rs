//! Sockets: bytes and addresses, no SIP. Datagrams ([`UdpEndpoint`]); connections over TCP, TLS and WebSocket
//! ([`Streams`]); and where a SIP domain is ([`Resolver`], RFC 3263).
//!
//! What a message is, the room is told by a function (`framing`) handed in; what a message says, it never asks.

mod bind;
mod resolve;
mod streams;
mod udp;

pub use bind::BindError;
pub use resolve::{
    Answer, Desk, DeskInput, DeskOutput, DnsSource, Families, Hop, Quarantine, Question, Record, RecordKind,
    ResolveFault, ResolveSettings, Resolved, Resolver, ResolverError, Source, Target, Way,
};
pub use streams::{
    ClientTls, CloseReason, Connect, ConnectFault, Cut, Framing, Kind, Listen, SendFault, ServerTls, StreamEvent,
    StreamFigures, StreamLimits, Streams, StreamsError, StreamsHandle, TlsClient, TlsError,
};
pub use udp::{Buffers, DATAGRAM_MAX, Datagram, UdpEndpoint};
