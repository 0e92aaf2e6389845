//! The sound of a peer that speaks SIP only: one RTP socket that says a tone in G.711 A-law and keeps what it hears.
//! Its codec is its own, so that the engine's is not judged by itself.
#![expect(clippy::disallowed_methods, reason = "sound goes over a real socket, beat by beat")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::{SOON, pause, wait_until};
use crate::softphones::sound;

/// A peer's sound, until it is dropped.
pub struct Voice {
    local: SocketAddr,
    stop: Arc<AtomicBool>,
    heard: Arc<Mutex<Heard>>,
    thread: Option<JoinHandle<()>>,
}

/// What has come so far.
#[derive(Default)]
struct Heard {
    samples: Vec<f32>,
    packets: u64,
    from: Option<SocketAddr>,
}

const FRAME: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;

impl Voice {
    /// A voice at any port of `ip`; it speaks to whoever is heard last.
    pub fn start(ip: IpAddr, hz: u16) -> Voice {
        let socket = UdpSocket::bind((ip, crate::engine::free_port(ip) & !1)).expect("a port for sound");
        socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
        let local = socket.local_addr().expect("an address");
        let (stop, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Heard::default())));
        let (halt, ear) = (stop.clone(), heard.clone());
        let thread = std::thread::spawn(move || live(&socket, hz, &halt, &ear));
        Voice { local, stop, heard, thread: Some(thread) }
    }

    /// Its port, for a description.
    pub fn port(&self) -> u16 {
        self.local.port()
    }

    /// What is heard from now on, for a span.
    pub fn hear_for(&self, span: Duration) -> Vec<f32> {
        let from = self.ear().samples.len();
        pause(span);
        self.ear().samples[from..].to_vec()
    }

    /// Waits until a second of this tone has come; what came before does not count.
    pub fn hear(&self, hz: u16) {
        let from = self.ear().samples.len();
        wait_until(&format!("the peer hears {hz} Hz"), SOON, || sound::tone_s(&self.ear().samples[from..], hz) >= 1.0);
    }

    /// Packets so far.
    pub fn packets(&self) -> u64 {
        self.ear().packets
    }

    fn ear(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn live(socket: &UdpSocket, hz: u16, stop: &AtomicBool, heard: &Mutex<Heard>) {
    let mut buffer = [0; 2048];
    let mut beat = Instant::now();
    let (mut sequence, ssrc) = (0u16, 0x6563_0000 | u32::from(hz));
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            take(&mut heard.lock().unwrap_or_else(PoisonError::into_inner), from, &buffer[..length]);
        }
        let now = Instant::now();
        if now < beat {
            continue;
        }
        // A late beat is made up for, but not a whole row of them.
        beat = (beat + FRAME).max(now - 5 * FRAME);
        let to = heard.lock().unwrap_or_else(PoisonError::into_inner).from;
        let Some(to) = to else { continue };
        let _ = socket.send_to(&frame(hz, sequence, ssrc), to);
        sequence = sequence.wrapping_add(1);
    }
}

fn take(heard: &mut Heard, from: SocketAddr, packet: &[u8]) {
    if packet.len() < 13 || packet[0] >> 6 != 2 || packet[1] & 0x7f != 8 {
        return;
    }
    heard.from = Some(from);
    heard.packets += 1;
    heard.samples.extend(packet[12..].iter().map(|byte| linear(*byte)));
}

fn frame(hz: u16, sequence: u16, ssrc: u32) -> Vec<u8> {
    let begins = usize::from(sequence) * SAMPLES;
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((begins as u32).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((begins..begins + SAMPLES).map(|n| {
        let turn = std::f32::consts::TAU * (usize::from(hz) * n % sound::RATE) as f32 / sound::RATE as f32;
        a_law(0.3 * turn.sin())
    }));
    packet
}

/// ITU-T G.711, A-law, to a sample between -1 and 1.
fn linear(byte: u8) -> f32 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i32::from(byte & 15));
    let size = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    let sample = if byte & 0x80 == 0 { -size } else { size };
    sample as f32 / 32768.0
}

/// The nearest of the 256; sought, not computed: there is time enough.
fn a_law(sample: f32) -> u8 {
    let far = |byte: &u8| (linear(*byte) - sample).abs();
    (0..=255u8).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0xd5)
}

/// The peer's codec gives back what it was given, and knows the two ends of the scale.
#[test]
fn the_codec_is_sound() {
    for sample in [-0.95f32, -0.3, -0.01, 0.0, 0.01, 0.3, 0.95] {
        let back = linear(a_law(sample));
        assert!((back - sample).abs() <= 0.04 * sample.abs() + 0.001, "{sample} became {back}");
    }
    assert_eq!((linear(0xd5), linear(0x55)), (8.0 / 32768.0, -8.0 / 32768.0));
    assert_eq!((linear(0xaa), linear(0x2a)), (32256.0 / 32768.0, -32256.0 / 32768.0));
}
