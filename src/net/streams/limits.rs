//! Every limit of the stream transports in one place, each with its default and what happens at it.

use std::time::Duration;

/// The limits. The defaults suit a helpline: some hundred phones, a few trunks, the open Internet in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Connections accepted at one time, all listeners together (4096). At it: accepted and closed at once.
    pub inbound: usize,
    /// Of these, from one IPv4 address or one IPv6 /64 network (256; a centre's phones share one address).
    /// At it: accepted and closed at once.
    pub per_source: usize,
    /// Connections of our own at one time (1024). At it: [`super::ConnectFault::Full`].
    pub outbound: usize,
    /// Opening a TCP connection (3 s).
    pub connect: Duration,
    /// TLS and WebSocket handshakes, together (5 s). At it: closed.
    pub handshake: Duration,
    /// The first whole message of an accepted connection (30 s). At it: closed. A peer has no business to be silent.
    pub first_message: Duration,
    /// Without traffic of any sort in either direction (15 min). At it: closed. Keep-alives are traffic.
    pub idle: Duration,
    /// From the first byte of a message to its last (10 s). At it: closed.
    pub message: Duration,
    /// The largest message (65,535 bytes, as over UDP). At it: [`super::StreamEvent::Broken`], or 1009 over WebSocket.
    pub message_bytes: usize,
    /// One write (10 s). At it: closed.
    pub write: Duration,
    /// Messages waiting to be written on one connection (256). At it: closed.
    pub queue: usize,
    /// Bytes waiting to be written on one connection (1 MiB). At it: closed.
    pub queue_bytes: usize,
    /// After [`super::StreamsHandle::close`] or a broken stream: the time to write what is queued (1 s).
    pub linger: Duration,
    /// TCP asks a silent peer whether it lives after this long (20 s) …
    pub keepalive: Duration,
    /// … then every so often (10 s), twice.
    pub keepalive_interval: Duration,
    /// Written bytes not acknowledged for so long end the connection (40 s).
    pub user_timeout: Duration,
    /// WebSocket: our ping to a peer that says nothing (20 s).
    pub ping: Duration,
    /// WebSocket: nothing heard for so long, not even a pong (45 s). At it: closed.
    pub silence: Duration,
    /// Accepting pauses for this long when the system has no file descriptor left (200 ms).
    pub accept_pause: Duration,
}

impl Default for StreamLimits {
    fn default() -> StreamLimits {
        StreamLimits {
            inbound: 4096,
            per_source: 256,
            outbound: 1024,
            connect: Duration::from_secs(3),
            handshake: Duration::from_secs(5),
            first_message: Duration::from_secs(30),
            idle: Duration::from_secs(15 * 60),
            message: Duration::from_secs(10),
            message_bytes: 65_535,
            write: Duration::from_secs(10),
            queue: 256,
            queue_bytes: 1 << 20,
            linger: Duration::from_secs(1),
            keepalive: Duration::from_secs(20),
            keepalive_interval: Duration::from_secs(10),
            user_timeout: Duration::from_secs(40),
            ping: Duration::from_secs(20),
            silence: Duration::from_secs(45),
            accept_pause: Duration::from_millis(200),
        }
    }
}
