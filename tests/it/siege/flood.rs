//! Ten thousand datagrams a second from one address: noise, half a message, and the requests of strangers.
#![expect(clippy::disallowed_methods, reason = "a stranger's socket, paced by the real clock")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wire::raw::OFFER;

/// A flood, until it is stopped.
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Sent>>,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub datagrams: u64,
    pub bytes: u64,
    pub answers: u64,
    pub answered_bytes: u64,
    pub took: Duration,
}

/// Datagrams of one millisecond.
const PER_MS: u64 = 10;

impl Flood {
    pub fn start(from: IpAddr, to: SocketAddr) -> Flood {
        let stop = Arc::new(AtomicBool::new(false));
        let halt = stop.clone();
        Flood { stop, thread: Some(std::thread::spawn(move || pour(from, to, &halt))) }
    }

    pub fn stop(mut self) -> Sent {
        self.end().unwrap_or_default()
    }

    fn end(&mut self) -> Option<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take()?.join().ok()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.end();
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn pour(from: IpAddr, to: SocketAddr, stop: &AtomicBool) -> Sent {
    let socket = UdpSocket::bind((from, 0)).expect("a socket");
    socket.set_nonblocking(true).expect("it can be asked without waiting");
    let local = socket.local_addr().expect("an address");
    let (began, mut sent, mut buffer) = (Instant::now(), Sent::default(), [0; 4096]);
    while !stop.load(Ordering::Relaxed) {
        let due = PER_MS * began.elapsed().as_millis() as u64;
        if sent.datagrams >= due {
            std::thread::sleep(Duration::from_micros(500));
            continue;
        }
        let bytes = datagram(sent.datagrams, local, to);
        if socket.send_to(&bytes, to).is_ok() {
            sent.bytes += bytes.len() as u64;
        }
        sent.datagrams += 1;
        while let Ok(length) = socket.recv(&mut buffer) {
            sent.answers += 1;
            sent.answered_bytes += length as u64;
        }
    }
    sent.took = began.elapsed();
    sent
}

fn datagram(nth: u64, local: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let request = |method: &str, body: &str| {
        format!(
            "{method} sip:{user}@{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKf{nth}\r\nMax-Forwards: 70\r\n\
             From: <sip:{nth}@{to}>;tag=f{nth}\r\nTo: <sip:{user}@{to}>\r\nCall-ID: flood-{nth}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:{nth}@{local}>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}",
            user = if nth.is_multiple_of(2) { "3977".to_owned() } else { format!("l{:03}", nth % 100) },
            length = body.len()
        )
    };
    match nth % 5 {
        0 => (0..600u64).map(|n| (nth.wrapping_mul(31).wrapping_add(n * n) >> 3) as u8).collect(),
        1 => request("REGISTER", "").into_bytes(),
        2 => request("INVITE", OFFER).into_bytes(),
        3 => request("OPTIONS", "").into_bytes(),
        _ => request("BYE", "").as_bytes()[..120].to_vec(),
    }
}
