//! Sockets: bytes and addresses, no SIP. UDP first; TCP, TLS and WebSocket come beside it.

mod udp;

pub use udp::{BindError, Buffers, DATAGRAM_MAX, Datagram, UdpEndpoint};
