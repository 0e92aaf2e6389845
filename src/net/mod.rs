//! Sockets: bytes and addresses, no SIP. Datagrams ([`UdpEndpoint`]); connections over TCP, TLS and WebSocket
//! ([`Streams`]).
//!
//! What a message is, the room is told by a function (`framing`) handed in; what a message says, it never asks.

mod bind;
mod streams;
mod udp;

pub use bind::BindError;
pub use streams::{
    ClientTls, CloseReason, Connect, ConnectFault, Cut, Framing, Kind, Listen, SendFault, ServerTls, StreamEvent,
    StreamFigures, StreamLimits, Streams, StreamsError, StreamsHandle, TlsClient, TlsError,
};
pub use udp::{Buffers, DATAGRAM_MAX, Datagram, UdpEndpoint};
