//! Whole scenarios of the core, under a virtual clock and in a virtual network. This file is the laboratory; the
//! scenarios are beside it.

mod egress;
mod monkey;
mod peers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::{CallId, IdSource, LegId};
use crate::sdp::{Audio, Codec, Direction};

use super::rtp::{self, HEADER};
use super::{
    Command, Io, OpenError, Output, PacketKind, Plane, PlaybackId, Ports, Prompt, Report, Settings, Slot, StreamStats,
};

const CALLER: LegId = LegId { call: CallId::from_raw(7), nth: 0 };
const LISTENER: LegId = LegId { call: CallId::from_raw(7), nth: 1 };

/// What left the plane.
#[derive(Clone, Debug)]
struct Sent {
    at: Instant,
    leg: LegId,
    kind: PacketKind,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Sent {
    fn header(&self) -> rtp::Header {
        rtp::parse(&self.bytes).expect("we send sound packets")
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[HEADER..]
    }
}

/// The network as the plane sees it.
#[derive(Default)]
struct LabIo {
    now: Instant,
    legs: Vec<Option<LegId>>,
    sent: Vec<Sent>,
    limit: usize,
}

impl Io for LabIo {
    fn open(&mut self, _now: Instant, slot: Slot, leg: LegId) -> Result<Ports, OpenError> {
        let place = slot.0 as usize;
        if place >= self.limit {
            return Err(OpenError::NoPorts);
        }
        self.legs.resize(self.legs.len().max(place + 1), None);
        assert_eq!(self.legs[place].replace(leg), None, "a slot is opened once");
        Ok(Ports { rtp: ours(leg, 0), rtcp: ours(leg, 1) })
    }

    fn send(&mut self, slot: Slot, kind: PacketKind, to: SocketAddr, bytes: &[u8]) -> bool {
        let leg = self.legs[slot.0 as usize].expect("only open slots send");
        self.sent.push(Sent { at: self.now, leg, kind, to, bytes: bytes.to_vec() });
        true
    }

    fn close(&mut self, _now: Instant, slot: Slot) {
        assert!(self.legs[slot.0 as usize].take().is_some(), "a slot is closed once");
    }
}

/// A telephone that speaks: what it sends next, and when.
#[derive(Clone, Debug)]
struct Talker {
    leg: LegId,
    from: SocketAddr,
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    samples: u32,
    next_at: Instant,
    until: Instant,
    /// The byte its voice is made of; it counts up, so that what is heard can be told.
    voice: u8,
    /// What becomes of the nth packet on the way: `None` is lost, otherwise delayed by so many milliseconds.
    way: fn(u64) -> Option<u64>,
    sent: u64,
}

/// A plane with its network and its telephones.
struct Lab {
    plane: Plane,
    io: LabIo,
    now: Instant,
    reports: Vec<Report>,
    talkers: Vec<Talker>,
    /// Packets on their way: when, then in the order they were sent.
    flying: Vec<(Instant, LegId, PacketKind, SocketAddr, Vec<u8>)>,
}

impl Lab {
    fn new() -> Lab {
        Lab::with(Settings::default())
    }

    fn with(settings: Settings) -> Lab {
        Lab {
            plane: Plane::new(settings, IdSource::from_number(3977)),
            io: LabIo { limit: 100, ..LabIo::default() },
            now: Instant::from_millis(1000),
            reports: Vec::new(),
            talkers: Vec::new(),
            flying: Vec::new(),
        }
    }

    /// Caller and listener, both open and negotiated in A-law.
    fn two_legs() -> Lab {
        let mut lab = Lab::new();
        for leg in [CALLER, LISTENER] {
            lab.open(leg, audio(leg));
        }
        lab
    }

    fn open(&mut self, leg: LegId, audio: Audio) {
        self.tell(Command::Open { leg });
        self.configure(leg, audio);
    }

    fn configure(&mut self, leg: LegId, audio: Audio) {
        let signalling_source = theirs(leg).ip();
        self.tell(Command::Configure { leg, audio: Box::new(audio), signalling_source });
    }

    fn tell(&mut self, command: Command) {
        self.io.now = self.now;
        self.plane.handle_command(self.now, command, &mut self.io);
        self.drain();
    }

    fn play(&mut self, leg: LegId, playback: u32, prompt: &Arc<Prompt>) {
        self.tell(Command::Play { leg, playback: PlaybackId(playback), prompts: vec![prompt.clone()], repeat: None });
    }

    fn talk(&mut self, leg: LegId, for_ms: u64) -> &mut Talker {
        let talker = Talker {
            leg,
            from: theirs(leg),
            payload_type: 8,
            ssrc: 1000 + u32::from(leg.nth),
            sequence: 65_500,
            timestamp: 0xffff_f000,
            samples: 160,
            next_at: self.now + Duration::from_millis(7),
            until: self.now + Duration::from_millis(7 + for_ms),
            voice: 0x10,
            way: |_| Some(0),
            sent: 0,
        };
        self.talkers.push(talker);
        self.talkers.last_mut().expect("just pushed")
    }

    fn inject(&mut self, leg: LegId, kind: PacketKind, from: SocketAddr, bytes: &[u8]) {
        self.io.now = self.now;
        let slot = self.plane.slot(leg).expect("open");
        self.plane.handle_packet(self.now, slot, kind, from, &mut bytes.to_vec(), &mut self.io);
        self.drain();
    }

    fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let talk = self.talkers.iter().map(|talker| talker.next_at).min().unwrap_or(Instant::FAR);
            let land = self.flying.iter().map(|packet| packet.0).min().unwrap_or(Instant::FAR);
            let next = talk.min(land).min(self.plane.next_beat());
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            self.io.now = next;
            if talk <= next {
                self.speak();
            } else if land <= next {
                let place = self.flying.iter().position(|packet| packet.0 == land).expect("found above");
                let (_, leg, kind, from, bytes) = self.flying.remove(place);
                if self.plane.slot(leg).is_some() {
                    self.inject(leg, kind, from, &bytes);
                }
            } else {
                self.plane.handle_beat(next, &mut self.io);
                self.drain();
            }
            self.plane.check_invariants().expect("sound");
        }
    }

    /// Every talker whose time has come sends his packet on its way.
    fn speak(&mut self) {
        let now = self.now;
        for talker in self.talkers.iter_mut().filter(|talker| talker.next_at <= now) {
            let voice = talker.voice.wrapping_add(talker.sent as u8 % 64);
            let bytes = packet(talker, &vec![voice; talker.samples as usize]);
            if let Some(delay) = (talker.way)(talker.sent) {
                let at = now + Duration::from_millis(delay);
                self.flying.push((at, talker.leg, PacketKind::Rtp, talker.from, bytes));
            }
            talker.sent += 1;
            talker.sequence = talker.sequence.wrapping_add(1);
            talker.timestamp = talker.timestamp.wrapping_add(talker.samples);
            talker.next_at += Duration::from_micros(u64::from(talker.samples) * 125);
        }
        self.talkers.retain(|talker| talker.next_at < talker.until);
    }

    fn drain(&mut self) {
        while let Output::Report(report) = self.plane.poll_output() {
            self.reports.push(report);
        }
    }

    /// RTP sent to the peer of `leg`.
    fn egress(&self, leg: LegId) -> Vec<&Sent> {
        self.io.sent.iter().filter(|sent| sent.leg == leg && sent.kind == PacketKind::Rtp).collect()
    }

    fn digits(&self, leg: LegId) -> String {
        let digit = |report: &Report| match report {
            Report::Digit { leg: from, digit, .. } if *from == leg => Some(*digit),
            _ => None,
        };
        self.reports.iter().filter_map(digit).collect()
    }

    fn close(&mut self, leg: LegId) -> StreamStats {
        self.tell(Command::Close { leg });
        match self.reports.last() {
            Some(Report::Closed { stats, .. }) => **stats,
            other => panic!("closed, and not {other:?}"),
        }
    }
}

fn ours(leg: LegId, above: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 20_000 + leg.nth * 2 + above))
}

/// Where the telephone of a leg is: on the open internet.
fn theirs(leg: LegId) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 10 + leg.nth as u8], 4000))
}

fn audio(leg: LegId) -> Audio {
    Audio {
        remote_rtp: Some(theirs(leg)),
        remote_rtcp: Some(SocketAddr::new(theirs(leg).ip(), theirs(leg).port() + 1)),
        codec: Codec::Pcma,
        send_payload_type: 8,
        receive_payload_types: vec![(8, Codec::Pcma), (0, Codec::Pcmu)],
        send_event_type: Some(101),
        receive_event_type: Some(96),
        event_clock_hz: 8000,
        other_event_types: Vec::new(),
        direction: Direction::SendRecv,
        ptime_ms: 20,
        held: false,
    }
}

fn packet(talker: &Talker, payload: &[u8]) -> Vec<u8> {
    let mut head = [0; HEADER];
    rtp::write(&mut head, talker.payload_type, false, talker.sequence, talker.timestamp, talker.ssrc);
    [&head[..], payload].concat()
}

/// What must hold for every stream we send, whatever happened behind it: one SSRC; no timestamp goes back, repeats or
/// overlaps; numbers go up; no hole on the wire of more than `hole_ms`; and the timestamps stay within 120 ms of the
/// clock. Read by an independent reader. Answers the number of packets missing by number.
fn check_egress(sent: &[&Sent], hole_ms: u64) -> u64 {
    let Some(first) = sent.first() else { return 0 };
    let read = |sent: &&Sent| {
        let reader = rtp_rs::RtpReader::new(&sent.bytes).expect("rtp-rs reads it");
        (u16::from(reader.sequence_number()), reader.timestamp(), reader.ssrc(), reader.payload_type())
    };
    let (_, first_timestamp, ssrc, _) = read(first);
    let mut missing = 0;
    for pair in sent.windows(2) {
        let ((number, timestamp, _, kind), (next_number, next_timestamp, next_ssrc, next_kind)) =
            (read(&pair[0]), read(&pair[1]));
        let at = pair[1].at;
        assert_eq!(next_ssrc, ssrc, "{at:?}: another SSRC");
        let step = next_number.wrapping_sub(number);
        assert!((1..1000).contains(&step), "{at:?}: number {number} then {next_number}");
        missing += u64::from(step) - 1;
        let hole = at.since(pair[0].at).as_millis() as u64;
        assert!(hole <= hole_ms, "{at:?}: a hole of {hole} ms");
        let event = |kind: u8| kind == 101;
        if !event(kind) && !event(next_kind) {
            let samples = pair[0].payload().len() as i32;
            let gap = rtp::distance(next_timestamp, timestamp.wrapping_add(samples as u32));
            assert!(gap >= 0, "{at:?}: overlaps the packet before by {gap}");
        }
        if !event(next_kind) {
            let elapsed = at.since(first.at).as_micros() as i64 / 125;
            let away = i64::from(next_timestamp.wrapping_sub(first_timestamp)) - elapsed;
            assert!(away.abs() <= 120 * 8, "{at:?}: {away} samples away from the clock");
        }
    }
    missing
}
