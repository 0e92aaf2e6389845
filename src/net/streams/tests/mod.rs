//! The stream transports over loopback, with real sockets and short limits.

mod certificates;
mod ends;
mod tcp;
mod tls;
mod websocket;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use super::*;

/// No test waits longer for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Running transports and what they say.
pub(super) struct Bench {
    pub streams: Streams,
    pub events: Receiver<StreamEvent>,
}

impl Bench {
    pub fn of(limits: StreamLimits, listens: &[Listen]) -> Bench {
        let (sender, events) = bounded(1024);
        let streams = Streams::start(limits, listens, framing, sender).expect("starts");
        Bench { streams, events }
    }

    pub fn tcp(limits: StreamLimits) -> Bench {
        Bench::of(limits, &[listen(Kind::Tcp)])
    }

    pub fn address(&self) -> SocketAddr {
        self.streams.listening()[0].1
    }

    pub fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    pub fn event(&self) -> StreamEvent {
        self.events.recv_timeout(PATIENCE).expect("an event in time")
    }

    /// The next event must be `Opened`.
    pub fn opened(&self) -> u64 {
        match self.event() {
            StreamEvent::Opened { connection, .. } => connection,
            other => panic!("not opened: {other:?}"),
        }
    }

    /// The next event must be a message.
    pub fn message(&self) -> (u64, Vec<u8>) {
        match self.event() {
            StreamEvent::Message { connection, bytes } => (connection, bytes),
            other => panic!("no message: {other:?}"),
        }
    }

    /// The next event must be `Closed`.
    pub fn closed(&self) -> (u64, CloseReason) {
        match self.event() {
            StreamEvent::Closed { connection, why, .. } => (connection, why),
            other => panic!("not closed: {other:?}"),
        }
    }

    pub fn send(&self, connection: u64, bytes: &[u8]) {
        self.streams.handle().send(connection, bytes.to_vec()).expect("queued");
    }

    /// The figures come to be so: a connection's end is counted a moment after the peer sees it.
    pub fn figures_become(&self, so: impl Fn(&StreamFigures) -> bool) {
        let began = std::time::Instant::now();
        while !so(&self.streams.handle().figures()) {
            assert!(began.elapsed() < PATIENCE, "{:?}", self.streams.handle().figures());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn connect(&self, kind: Kind, remote: SocketAddr) -> u64 {
        self.streams
            .handle()
            .connect(Connect { kind, local: None, remote, server_name: None, tls: None })
            .expect("begun")
    }
}

pub(super) fn listen(kind: Kind) -> Listen {
    Listen::new(kind, SocketAddr::from(([127, 0, 0, 1], 0)), "test")
}

/// A message of the tests: a head that ends with an empty line and says the body's length.
pub(super) fn request(word: &str, body: &str) -> Vec<u8> {
    format!("{word} x\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Cuts what [`request`] makes; mirrors the product's own function.
pub(super) fn framing(buffer: &[u8]) -> Cut {
    let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if blank > 0 {
        return match blank == buffer.len() && blank < 4 {
            true => Cut::Incomplete,
            false => Cut::KeepAlive { bytes: blank, ping: buffer[..blank].windows(4).any(|w| w == b"\r\n\r\n") },
        };
    }
    let Some(head) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { return Cut::Incomplete };
    let text = String::from_utf8_lossy(&buffer[..head]);
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map(|n| n.parse::<usize>());
    match length {
        Some(Ok(length)) if head + 4 + length <= buffer.len() => Cut::Message { bytes: head + 4 + length },
        Some(Ok(_)) => Cut::Incomplete,
        _ => Cut::Broken,
    }
}

/// Reads until the peer closes; a reset counts as closed too.
pub(super) fn rest(stream: &mut impl Read) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0u8; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&chunk[..count]),
            Err(fault) if matches!(fault.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("the peer never closed")
            }
            Err(_) => return all,
        }
    }
}

pub(super) fn exactly(stream: &mut impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("so many bytes");
    bytes
}

pub(super) fn put(stream: &mut impl Write, bytes: &[u8]) {
    stream.write_all(bytes).expect("written");
    stream.flush().expect("flushed");
}
