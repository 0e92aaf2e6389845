//! What a relayed voice packet costs, and how long it is delayed: bridged calls over loopback, 50 packets a second from
//! each telephone, spread over the milliseconds. The generator runs in this process on threads of its own; what is told
//! is the CPU time of the media thread alone (one receive and one send per packet, loopback delivery included).
//!
//! `cargo bench --bench media_relay` measures 100 and 500 calls for two seconds each; numbers of calls may be given.

#![expect(clippy::print_stdout, reason = "a measurement tells its figures")]
#![expect(clippy::disallowed_methods, reason = "a measurement needs the real clock and real sockets")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ecoute::ids::{CallId, IdSource, LegId};
use ecoute::media::{
    Command, DropReason, Io, OpenError, Output, PacketKind, Plane, Ports, Report, Settings, Slot, Worker, WorkerHandle,
    WorkerOptions,
};
use ecoute::sdp::{Audio, Codec, Direction};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const WINDOW: Duration = Duration::from_secs(2);

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100, 500];
    }
    measure_core();
    for tick_above_pps in [WorkerOptions::default().tick_above_pps, 1] {
        for calls in &sizes {
            measure(*calls, tick_above_pps);
        }
    }
}

fn measure(calls: usize, tick_above_pps: u32) {
    let begin = Instant::now();
    let clock = move || ecoute::clock::Instant::from_micros(begin.elapsed().as_micros() as u64);
    let options = WorkerOptions { name: "bench-media".to_owned(), tick_above_pps, ..WorkerOptions::default() };
    let settings = Settings::new(LOCAL, 20_000..=26_000);
    let worker = Worker::spawn(settings, options, IdSource::from_number(1), clock).expect("a media thread");
    let legs: Vec<(UdpSocket, SocketAddr)> = (0..calls * 2).map(|nth| open(&worker, nth)).collect();
    for call in 0..calls {
        worker.send(Command::Bridge { a: leg(call * 2), b: leg(call * 2 + 1) }).expect("room");
    }
    let legs = Arc::new(legs);
    let stop = Arc::new(AtomicBool::new(false));
    let generator = {
        let (legs, stop) = (Arc::clone(&legs), Arc::clone(&stop));
        std::thread::spawn(move || generate(&legs, &stop))
    };
    let probe = {
        let (legs, stop) = (Arc::clone(&legs), Arc::clone(&stop));
        std::thread::spawn(move || listen(&legs[1].0, &stop))
    };
    std::thread::sleep(Duration::from_millis(500));
    let (cpu, packets) = (thread_cpu_ns("bench-media"), worker.counters().packets_out());
    worker.counters().take_beat_late_us_max();
    std::thread::sleep(WINDOW);
    let (cpu, packets) = (thread_cpu_ns("bench-media") - cpu, worker.counters().packets_out() - packets);
    let dropped: Vec<String> = DropReason::ALL
        .into_iter()
        .filter(|reason| worker.counters().dropped(*reason) > 0)
        .map(|reason| format!("{} {reason}", worker.counters().dropped(reason)))
        .collect();
    let beat_late = worker.counters().take_beat_late_us_max();
    let ticking = worker.counters().is_ticking();
    stop.store(true, Relaxed);
    generator.join().expect("the generator ends");
    let mut delays = probe.join().expect("the probe ends");
    delays.sort_unstable();
    let at = |part: usize| delays.get(delays.len() * part / 1000).copied().unwrap_or(0);
    println!(
        "{calls:>5} calls, {:>6} packets/s ({:>5.1} % of those due){}: {:>6.2} µs CPU a packet, {:>4.1} % of a core; \
         one way p50 {} µs, p99 {} µs, max {} µs; beat late at most {beat_late} µs; dropped: {}",
        packets * 1000 / WINDOW.as_millis() as u64,
        packets as f64 / (calls as f64 * 100.0 * WINDOW.as_secs_f64()) * 100.0,
        if ticking { ", by the millisecond" } else { "" },
        cpu as f64 / 1000.0 / packets.max(1) as f64,
        cpu as f64 / WINDOW.as_nanos() as f64 * 100.0,
        at(500),
        at(990),
        delays.last().copied().unwrap_or(0),
        if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") },
    );
    worker.stop();
}

/// Our own part of the cost: the core alone, in a network that takes every packet and costs nothing.
fn measure_core() {
    const LEGS: usize = 1000;
    const ROUNDS: u32 = 500;
    let mut io = Nowhere;
    let mut plane = Plane::new(Settings::new(LOCAL, 20_000..=26_000), IdSource::from_number(1));
    let mut now = ecoute::clock::Instant::from_millis(1);
    let address = |nth: usize| SocketAddr::from((LOCAL, 40_000 + nth as u16));
    for nth in 0..LEGS {
        plane.handle_command(now, Command::Open { leg: leg(nth) }, &mut io);
        let configure =
            Command::Configure { leg: leg(nth), audio: Box::new(audio(address(nth))), signalling_source: LOCAL };
        plane.handle_command(now, configure, &mut io);
    }
    for call in 0..LEGS / 2 {
        plane.handle_command(now, Command::Bridge { a: leg(call * 2), b: leg(call * 2 + 1) }, &mut io);
    }
    let slots: Vec<_> = (0..LEGS).filter_map(|nth| plane.slot(leg(nth))).collect();
    let mut packet = [0x55u8; 172];
    let begin = Instant::now();
    for round in 0..ROUNDS {
        now += Duration::from_millis(20);
        for (nth, slot) in slots.iter().enumerate() {
            packet[..2].copy_from_slice(&[0x80, 8]);
            packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(round * 160).to_be_bytes());
            packet[8..12].copy_from_slice(&(nth as u32).to_be_bytes());
            plane.handle_packet(now, *slot, PacketKind::Rtp, address(nth), &mut packet, &mut io);
        }
        plane.handle_beat(now, &mut io);
        while let Output::Report(_) = plane.poll_output() {}
    }
    let (passed, wanted) = (plane.totals().packets_out, u64::from(ROUNDS) * LEGS as u64);
    assert!(passed >= wanted, "{passed} of {wanted}");
    println!(
        "the core alone: {} ns a packet, its share of the beat included",
        begin.elapsed().as_nanos() / u128::from(wanted)
    );
}

struct Nowhere;

impl Io for Nowhere {
    fn open(&mut self, _now: ecoute::clock::Instant, _slot: Slot, _leg: LegId) -> Result<Ports, OpenError> {
        let nowhere = SocketAddr::from((LOCAL, 9));
        Ok(Ports { rtp: nowhere, rtcp: nowhere })
    }

    fn send(&mut self, _slot: Slot, _kind: PacketKind, _to: SocketAddr, bytes: &[u8]) -> bool {
        std::hint::black_box(bytes);
        true
    }

    fn close(&mut self, _now: ecoute::clock::Instant, _slot: Slot) {}
}

fn leg(nth: usize) -> LegId {
    LegId { call: CallId::from_raw(nth as u64 / 2), nth: nth as u16 % 2 }
}

fn open(worker: &WorkerHandle, nth: usize) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((LOCAL, 0)).expect("a port");
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
    worker.send(Command::Open { leg: leg(nth) }).expect("room");
    let Ok(Report::Opened { rtp, .. }) = worker.reports().recv() else {
        unreachable!("the range holds more pairs than there are telephones");
    };
    let audio = Box::new(audio(socket.local_addr().expect("bound")));
    worker.send(Command::Configure { leg: leg(nth), audio, signalling_source: LOCAL }).expect("room");
    (socket, rtp)
}

fn audio(telephone: SocketAddr) -> Audio {
    Audio {
        remote_rtp: Some(telephone),
        remote_rtcp: None,
        codec: Codec::Pcma,
        send_payload_type: 8,
        receive_payload_types: vec![(8, Codec::Pcma)],
        send_event_type: None,
        receive_event_type: None,
        event_clock_hz: 8000,
        other_event_types: Vec::new(),
        direction: Direction::SendRecv,
        ptime_ms: 20,
        held: false,
    }
}

/// Send a packet from each telephone every 20 ms, a twentieth of them each millisecond. The first carries the time.
fn generate(legs: &[(UdpSocket, SocketAddr)], stop: &AtomicBool) {
    let begin = Instant::now();
    let mut packet = [0x55u8; 172];
    packet[..2].copy_from_slice(&[0x80, 8]);
    for beat in 0u32.. {
        for slot in 0..20 {
            let due = Duration::from_millis(u64::from(beat) * 20 + slot as u64);
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
            if stop.load(Relaxed) {
                return;
            }
            for (nth, (socket, to)) in legs.iter().enumerate().skip(slot).step_by(20) {
                packet[2..4].copy_from_slice(&(beat as u16).to_be_bytes());
                packet[4..8].copy_from_slice(&(beat * 160).to_be_bytes());
                packet[8..12].copy_from_slice(&(nth as u32).to_be_bytes());
                packet[12..20].copy_from_slice(&now_ns().to_be_bytes());
                socket.send_to(&packet, to).expect("sent");
            }
        }
    }
}

/// How long the packets of one call took, in microseconds.
fn listen(socket: &UdpSocket, stop: &AtomicBool) -> Vec<u64> {
    let mut delays = Vec::new();
    let mut buffer = [0; 256];
    while !stop.load(Relaxed) {
        if let Ok((172, _)) = socket.recv_from(&mut buffer) {
            let sent = buffer[12..20].try_into().map_or(0, u64::from_be_bytes);
            let delay = now_ns().saturating_sub(sent) / 1000;
            // A frame of silence carries no time.
            if delay < 1_000_000 {
                delays.push(delay);
            }
        }
    }
    delays
}

fn now_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// CPU time of the thread of that name, as the kernel counts it.
fn thread_cpu_ns(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let paths = tasks.flatten().map(|task| task.path());
    let named = paths.filter(|path| std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name));
    named
        .filter_map(|path| std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok())
        .sum()
}
