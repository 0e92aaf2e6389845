//! All callers' and all listeners' sound. A caller's packets carry a mark of her own; the listeners give back what they hear.
//! What comes back to a caller must be her own.
#![expect(clippy::disallowed_methods, reason = "the sound goes over real sockets, beat by beat")]

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{CALLER_SOUND, LISTENER_SOUND};

/// The sound of a house, until it is stopped.
pub struct Sound {
    stop: Arc<AtomicBool>,
    callers: Option<JoinHandle<Heard>>,
    echo: Option<JoinHandle<()>>,
}

/// What the callers heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub streams: usize,
    /// Callers whose own words came back.
    pub two_way: usize,
    /// Packets with somebody else's mark.
    pub foreign: u64,
    pub packets: u64,
    pub missing: u64,
    pub gap_ms: u128,
}

/// One stream of the engine's to a caller.
struct Stream {
    ssrc: u32,
    newest: u16,
    last: Instant,
    sequence: u16,
    mark: u64,
    came_back: u32,
}

const MARK: u64 = 0x6563_6f75_0000_0000;
const FRAME: Duration = Duration::from_millis(20);

impl Sound {
    pub fn start(callers: IpAddr, listeners: IpAddr) -> Sound {
        let open = |address, port| {
            let socket = UdpSocket::bind((address, port)).expect("a port for sound");
            socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
            socket
        };
        let (callers, listeners) = (open(callers, CALLER_SOUND), open(listeners, LISTENER_SOUND));
        let stop = Arc::new(AtomicBool::new(false));
        let (here, there) = (stop.clone(), stop.clone());
        let callers = std::thread::spawn(move || speak_and_hear(&callers, &here));
        let echo = std::thread::spawn(move || give_back(&listeners, &there));
        Sound { stop, callers: Some(callers), echo: Some(echo) }
    }

    pub fn stop(mut self) -> Heard {
        self.end()
    }

    fn end(&mut self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        self.echo.take().map(JoinHandle::join);
        self.callers.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.end();
    }
}

fn give_back(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        if length >= 12 {
            buffer[8] ^= 0xff; // a source of its own: nobody likes to meet himself
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

fn speak_and_hear(socket: &UdpSocket, stop: &AtomicBool) -> Heard {
    let mut heard = Heard::default();
    let mut streams: BTreeMap<SocketAddr, Stream> = BTreeMap::new();
    let mut buffer = [0; 2048];
    let mut beat = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            hear(&mut heard, &mut streams, from, &buffer[..length]);
        }
        let now = Instant::now();
        if now >= beat {
            beat = (beat + FRAME).max(now);
            // Who has not been heard for a while has hung up.
            for (to, stream) in streams.iter_mut().filter(|(_, s)| now.duration_since(s.last).as_millis() < 100) {
                let _ = socket.send_to(&frame(stream), to);
            }
        }
    }
    heard.two_way += streams.values().filter(|stream| stream.came_back > 5).count();
    heard
}

fn hear(heard: &mut Heard, streams: &mut BTreeMap<SocketAddr, Stream>, from: SocketAddr, packet: &[u8]) {
    if packet.len() < 20 || packet[1] & 0x7f != 8 {
        return;
    }
    let word = |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
    let (ssrc, number, now) = (word(8), u16::from_be_bytes([packet[2], packet[3]]), Instant::now());
    heard.packets += 1;
    if streams.get(&from).is_none_or(|stream| stream.ssrc != ssrc) {
        heard.streams += 1;
        let mark = MARK | heard.streams as u64;
        let stream = Stream { ssrc, newest: number, last: now, sequence: 0, mark, came_back: 0 };
        if streams.insert(from, stream).is_some_and(|old| old.came_back > 5) {
            heard.two_way += 1;
        }
        return;
    }
    let Some(stream) = streams.get_mut(&from) else { return };
    heard.missing += u64::from(number.wrapping_sub(stream.newest).wrapping_sub(1).min(1000));
    heard.gap_ms = heard.gap_ms.max(now.duration_since(stream.last).as_millis());
    (stream.newest, stream.last) = (number, now);
    let mark = u64::from(word(12)) << 32 | u64::from(word(16));
    if mark == stream.mark {
        stream.came_back += 1;
    } else if mark >> 32 == MARK >> 32 {
        heard.foreign += 1;
    }
}

fn frame(stream: &mut Stream) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    stream.sequence = stream.sequence.wrapping_add(1);
    packet.extend(stream.sequence.to_be_bytes());
    packet.extend((u32::from(stream.sequence) * 160).to_be_bytes());
    packet.extend((stream.mark as u32).to_be_bytes());
    for _ in 0..20 {
        packet.extend(stream.mark.to_be_bytes());
    }
    packet
}
