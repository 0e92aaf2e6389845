//! The core of a media worker: all its streams, as values. It owns no socket, thread or clock.
//!
//! ```text
//!   handle_command(now, …)  ─┐                          ┌─> Io::open, send, close   (at once, from the caller's buffer)
//!   handle_packet(now, …)   ─┼─>  streams, bridges  ────┤
//!   handle_beat(now, …)     ─┘                          └─> poll_output: Report …, then Timeout(at)
//! ```
//!
//! After each `handle_…` its owner drains [`Plane::poll_output`] to [`Output::Timeout`], and calls
//! [`Plane::handle_beat`] at that time. Packets leave through [`Io`] and not through `poll_output`: a voice is passed on
//! from the buffer it came in, without a copy.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use crate::clock::Instant;
use crate::ids::{IdSource, LegId};

use super::playback::Playback;
use super::stream::Stream;
use super::tone::ToneMeter;
use super::wheel::Wheel;
use super::{Command, DropReason, Drops, Io, OpenError, PacketKind, PlaybackEnd, Report, Settings, Slot, bridge};

/// Reports that may wait for their reader; later ones are lost and counted. A reader that is so far behind is gone.
const REPORTS_MOST: usize = 1 << 16;

/// What the owner of a plane is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell this to the call.
    Report(Report),
    /// Nothing more for now; call [`Plane::handle_beat`] at this time.
    Timeout(Instant),
}

/// All streams of one worker.
pub struct Plane {
    settings: Settings,
    ids: IdSource,
    streams: Vec<Option<Box<Stream>>>,
    legs: BTreeMap<LegId, Slot>,
    free: Vec<Slot>,
    wheel: Wheel,
    reports: VecDeque<Report>,
    totals: Totals,
}

/// What went through a plane since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// RTP packets of living and closed legs, received and understood.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Packets dropped, by reason.
    pub dropped: Drops,
    /// Reports nobody took.
    pub reports_lost: u64,
}

impl Plane {
    /// A plane without streams. All its chance comes from `ids`.
    pub fn new(settings: Settings, ids: IdSource) -> Plane {
        Plane {
            settings,
            ids,
            streams: Vec::new(),
            legs: BTreeMap::new(),
            free: Vec::new(),
            wheel: Wheel::default(),
            reports: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    /// How many streams are open.
    pub fn streams(&self) -> usize {
        self.legs.len()
    }

    /// Where the stream of `leg` is.
    pub fn slot(&self, leg: LegId) -> Option<Slot> {
        self.legs.get(&leg).copied()
    }

    /// What went through so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Do as told. A command about a leg that is not open does nothing.
    pub fn handle_command(&mut self, now: Instant, command: Command, io: &mut impl Io) {
        match command {
            Command::Open { leg } => self.open(now, leg, io),
            Command::Close { leg } => self.close(now, leg, io),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Unbridge { a, b } => self.unbridge(a, b),
            Command::Play { leg, playback, prompts, repeat } => match self.slot(leg) {
                Some(slot) => self.with(slot, |stream, reports| {
                    stream.play(Playback::new(playback, prompts, repeat), reports);
                }),
                // Who waits for its end must not wait for ever.
                None => self.report(Report::PlaybackEnded { leg, playback, how: PlaybackEnd::Stopped }),
            },
            Command::Configure { leg, audio, signalling_source } => {
                if let Some(stream) = stream(&mut self.streams, self.legs.get(&leg).copied()) {
                    stream.configure(now, audio, signalling_source, &self.settings, &mut self.ids);
                }
            }
            Command::Stop { leg, playback } => {
                self.with_leg(leg, |stream, reports| stream.stop(Some(playback), reports));
            }
            Command::SendDigits { leg, digits } => self.with_leg(leg, |stream, _| {
                if stream.audio.as_ref().is_some_and(|audio| audio.send_event_type.is_some()) {
                    stream.keys.press(&digits);
                }
            }),
            Command::Monitor { leg, frequencies } => {
                self.with_leg(leg, |stream, _| stream.meter = ToneMeter::new(&frequencies));
            }
        }
    }

    /// A datagram came to one of the ports of `slot`. Its bytes are used up.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        slot: Slot,
        kind: PacketKind,
        from: SocketAddr,
        bytes: &mut [u8],
        io: &mut impl Io,
    ) {
        let Some(stream) = stream(&mut self.streams, Some(slot)) else { return };
        let heard = match kind {
            PacketKind::Rtcp => {
                let read = stream.hear_account(now, from, bytes, &mut self.reports);
                return self.count(slot, read);
            }
            PacketKind::Rtp => stream.hear(now, from, bytes, &mut self.reports),
        };
        let peer = stream.peer;
        let done = heard.and_then(|heard| {
            self.totals.packets_in += 1;
            let peer = self::stream(&mut self.streams, peer).ok_or(DropReason::Unheard)?;
            let before = peer.out.packets;
            let done = bridge::pass(now, peer, &heard, bytes, io);
            self.totals.packets_out += peer.out.packets - before;
            done
        });
        self.count(slot, done);
        self.bound();
    }

    /// Serve every stream whose beat is due.
    pub fn handle_beat(&mut self, now: Instant, io: &mut impl Io) {
        while let Some((at, spoke, count)) = self.wheel.due(now) {
            for nth in 0..count {
                let Some(stream) = stream(&mut self.streams, self.wheel.slot(spoke, nth)) else { continue };
                let before = stream.out.packets;
                stream.beat(at, now, io, &self.settings, &mut self.ids, &mut self.reports);
                self.totals.packets_out += stream.out.packets - before;
            }
        }
        self.bound();
    }

    /// The next thing to tell, or when to call again.
    pub fn poll_output(&mut self) -> Output {
        match self.reports.pop_front() {
            Some(report) => Output::Report(report),
            None => Output::Timeout(self.wheel.next()),
        }
    }

    /// When [`Plane::handle_beat`] is wanted next.
    pub fn next_beat(&self) -> Instant {
        self.wheel.next()
    }

    /// What must always hold, for the simulator: every leg has a stream and every stream a leg, and bridges have two ends.
    pub fn check_invariants(&self) -> Result<(), String> {
        let open = self.streams.iter().flatten().count();
        if open != self.legs.len() || open + self.free.len() != self.streams.len() {
            return Err(format!(
                "{open} streams, {} legs, {} free of {}",
                self.legs.len(),
                self.free.len(),
                self.streams.len()
            ));
        }
        for (leg, slot) in &self.legs {
            let Some(stream) = self.streams.get(slot.0 as usize).and_then(Option::as_ref) else {
                return Err(format!("no stream for {leg}"));
            };
            let back = stream.peer.and_then(|peer| self.streams.get(peer.0 as usize)?.as_ref()?.peer);
            if stream.leg != *leg || stream.slot != *slot || stream.peer.is_some() && back != Some(*slot) {
                return Err(format!("{leg} is bridged on one side only, or out of its place"));
            }
        }
        Ok(())
    }

    fn open(&mut self, now: Instant, leg: LegId, io: &mut impl Io) {
        if self.legs.contains_key(&leg) {
            return self.report(Report::OpenFailed { leg, why: OpenError::AlreadyOpen });
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.streams.push(None);
            Slot(self.streams.len() as u32 - 1)
        });
        match io.open(now, slot, leg) {
            Ok(ports) => {
                let spoke = self.wheel.add(now, slot);
                self.streams[slot.0 as usize] =
                    Some(Box::new(Stream::new(leg, slot, spoke, &self.settings, &mut self.ids)));
                self.legs.insert(leg, slot);
                self.report(Report::Opened { leg, rtp: ports.rtp, rtcp: ports.rtcp });
            }
            Err(why) => {
                self.free.push(slot);
                self.report(Report::OpenFailed { leg, why });
            }
        }
    }

    fn close(&mut self, now: Instant, leg: LegId, io: &mut impl Io) {
        let Some(slot) = self.legs.remove(&leg) else { return };
        self.part(slot);
        if let Some(stream) = self.streams[slot.0 as usize].take() {
            self.wheel.remove(stream.spoke, slot);
            stream.close(now, io, &mut self.reports);
        }
        io.close(now, slot);
        self.free.push(slot);
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        let (Some(a), Some(b)) = (self.slot(a), self.slot(b)) else { return };
        if a == b {
            return;
        }
        self.part(a);
        self.part(b);
        for (one, other) in [(a, b), (b, a)] {
            if let Some(stream) = stream(&mut self.streams, Some(one)) {
                stream.peer = Some(other);
            }
        }
    }

    fn unbridge(&mut self, a: LegId, b: LegId) {
        let (Some(a), Some(b)) = (self.slot(a), self.slot(b)) else { return };
        if stream(&mut self.streams, Some(a)).is_some_and(|stream| stream.peer == Some(b)) {
            self.part(a);
        }
    }

    /// Take `slot` out of its bridge.
    fn part(&mut self, slot: Slot) {
        let peer = stream(&mut self.streams, Some(slot)).and_then(|stream| stream.peer.take());
        if let Some(peer) = stream(&mut self.streams, peer) {
            peer.peer = None;
        }
    }

    fn count(&mut self, slot: Slot, done: Result<(), DropReason>) {
        if let (Err(reason), Some(stream)) = (done, stream(&mut self.streams, Some(slot))) {
            stream.stats.dropped.count(reason);
            self.totals.dropped.count(reason);
        }
    }

    fn with_leg(&mut self, leg: LegId, act: impl FnOnce(&mut Stream, &mut VecDeque<Report>)) {
        if let Some(slot) = self.slot(leg) {
            self.with(slot, act);
        }
    }

    fn with(&mut self, slot: Slot, act: impl FnOnce(&mut Stream, &mut VecDeque<Report>)) {
        if let Some(stream) = stream(&mut self.streams, Some(slot)) {
            act(stream, &mut self.reports);
        }
    }

    fn report(&mut self, report: Report) {
        self.reports.push_back(report);
        self.bound();
    }

    fn bound(&mut self) {
        while self.reports.len() > REPORTS_MOST {
            self.reports.pop_back();
            self.totals.reports_lost += 1;
        }
    }
}

/// The stream at `slot`, borrowing nothing but the table.
fn stream(streams: &mut [Option<Box<Stream>>], slot: Option<Slot>) -> Option<&mut Stream> {
    streams.get_mut(slot?.0 as usize)?.as_deref_mut()
}
