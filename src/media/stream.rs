//! One leg's media: what is heard from its peer, what is sent to it, and how well both go.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::{IdSource, LegId};
use crate::sdp::{Audio, Codec};

use super::codec::{FRAME, silent_frame};
use super::dtmf::{KeyListener, KeyPresser};
use super::latch::{Latch, is_sendable};
use super::output::{Outgoing, Source};
use super::playback::{Next, Playback};
use super::rtp::source::{Incoming, Place};
use super::rtp::{self, HEADER};
use super::tone::ToneMeter;
use super::{DropReason, Io, PacketKind, PlaybackEnd, Report, Settings, Slot, StreamStats, rtcp};

/// One open leg.
pub(super) struct Stream {
    pub leg: LegId,
    pub slot: Slot,
    /// Its place on the wheel.
    pub spoke: usize,
    /// The other party.
    pub peer: Option<Slot>,
    pub audio: Option<Box<Audio>>,
    pub out: Outgoing,
    pub keys: KeyPresser,
    pub meter: ToneMeter,
    pub stats: StreamStats,
    latch: Latch,
    incoming: Incoming,
    listener: KeyListener,
    epoch: u32,
    playback: Option<Playback>,
    configured_at: Instant,
    last_packet_at: Instant,
    alive_at: Instant,
    silent: bool,
    name: String,
    next_report_at: Instant,
    reported_packets: u64,
    their_report: Option<(u32, Instant)>,
    own_ports: Option<(IpAddr, IpAddr, std::ops::RangeInclusive<u16>)>,
}

/// What was heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub source: Source,
    pub number: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// Voice in this coding; otherwise there is nothing to pass on.
    pub voice: Option<Codec>,
    pub payload: Range<usize>,
}

/// What a payload type means on this leg.
enum Meaning {
    Voice(Codec),
    Key { clock_hz: u32 },
    ComfortNoise,
}

impl Stream {
    /// A stream with a new identity (RFC 3550 §8.1, §5.1: all at random).
    pub fn new(leg: LegId, slot: Slot, spoke: usize, settings: &Settings, ids: &mut IdSource) -> Stream {
        // The first number below half, so that an old receiver's counter does not begin with a wrap.
        let first = ids.next_u32() as u16 & 0x7fff;
        let own = (settings.ip, settings.advertised, settings.ports.clone());
        Stream {
            leg,
            slot,
            spoke,
            peer: None,
            audio: None,
            out: Outgoing::new(ids.next_u32(), first, ids.next_u32()),
            keys: KeyPresser::default(),
            meter: ToneMeter::default(),
            stats: StreamStats::default(),
            latch: Latch::default(),
            incoming: Incoming::default(),
            listener: KeyListener::default(),
            epoch: 0,
            playback: None,
            configured_at: Instant::FAR,
            last_packet_at: Instant::ZERO,
            alive_at: Instant::ZERO,
            silent: false,
            name: ids.hex(12),
            next_report_at: Instant::FAR,
            reported_packets: 0,
            their_report: None,
            own_ports: (!settings.send_to_own_ports).then_some(own),
        }
    }

    /// Take over what was negotiated.
    pub fn configure(
        &mut self,
        now: Instant,
        audio: Box<Audio>,
        signalling: IpAddr,
        settings: &Settings,
        ids: &mut IdSource,
    ) {
        let was_watched = self.is_watched();
        self.latch.configure(audio.remote_rtp, signalling);
        if self.audio.is_none() {
            self.configured_at = now;
            self.last_packet_at = now;
            self.next_report_at = now + interval(settings.rtcp_every / 2, ids);
        }
        self.audio = Some(audio);
        if self.is_watched() && !was_watched {
            // A full window after each hold.
            self.alive_at = now;
            self.last_packet_at = now;
            self.silent = false;
        }
    }

    /// Where voice goes now, if any may go.
    pub fn target(&self) -> Option<SocketAddr> {
        let audio = self.audio.as_ref()?;
        let target = self.latch.target()?;
        let into_ourselves = self.own_ports.as_ref().is_some_and(|(ip, advertised, ports)| {
            ports.contains(&target.port()) && (target.ip() == *ip || target.ip() == *advertised)
        });
        (audio.direction.sends() && is_sendable(target) && !into_ourselves).then_some(target)
    }

    /// Does something of our own keep the other party from being heard?
    pub fn is_occupied(&self) -> bool {
        self.playback.is_some() || self.keys.is_busy()
    }

    /// An RTP packet came in: check it, count it, understand it.
    pub fn hear(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        reports: &mut VecDeque<Report>,
    ) -> Result<Heard, DropReason> {
        let header = rtp::parse(bytes).map_err(|_| DropReason::NotRtp)?;
        let audio = self.audio.as_ref().ok_or(DropReason::Early)?;
        if !self.latch.admits(from) {
            return Err(DropReason::Foreign);
        }
        let meaning = meaning(audio, header.payload_type).ok_or(DropReason::UnknownPayload)?;
        let receives = audio.direction.receives();
        let voice = matches!(meaning, Meaning::Voice(_));
        let number = match self.incoming.take(now, header.ssrc, header.sequence, header.timestamp, voice) {
            Place::New(number) => number,
            Place::Late(number) => {
                self.stats.reordered += 1;
                number
            }
            Place::Seen => return Err(DropReason::Duplicate),
            Place::Unproven => return Err(DropReason::Unproven),
        };
        self.latch.close_on(from);
        self.count_arrival(now, header.payload.len(), reports);
        if self.epoch != self.incoming.epoch() {
            self.epoch = self.incoming.epoch();
            self.listener.forget();
        }
        if !receives {
            return Err(DropReason::Unwanted);
        }
        let heard = |voice| Heard {
            source: Source { slot: self.slot, epoch: self.epoch },
            number,
            timestamp: header.timestamp,
            marker: header.marker,
            voice,
            payload: header.payload.clone(),
        };
        match meaning {
            Meaning::ComfortNoise => {
                self.stats.dropped.count(DropReason::ComfortNoise);
                Ok(heard(None))
            }
            Meaning::Key { clock_hz } => {
                match self.listener.take(now, header.timestamp, clock_hz, &bytes[header.payload.clone()]) {
                    Ok(Some(key)) => {
                        self.stats.digits += 1;
                        reports.push_back(Report::Digit { leg: self.leg, digit: key.digit, duration_ms: key.held_ms });
                    }
                    Ok(None) => {}
                    Err(_) => self.stats.dropped.count(DropReason::BadEvent),
                }
                Ok(heard(None))
            }
            Meaning::Voice(_) if header.payload.is_empty() => Ok(heard(None)),
            Meaning::Voice(codec) => {
                let heard = heard(Some(codec));
                if self.meter.is_on()
                    && let Some((hz, share)) = self.meter.take(codec, &bytes[header.payload.clone()])
                {
                    reports.push_back(Report::Tone { leg: self.leg, hz, share });
                }
                Ok(heard)
            }
        }
    }

    /// An RTCP packet came in: a sign of life, and news of what became of ours.
    pub fn hear_account(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
        reports: &mut VecDeque<Report>,
    ) -> Result<(), DropReason> {
        if self.audio.is_none() {
            return Err(DropReason::Early);
        }
        if !self.latch.admits_rtcp(from) {
            return Err(DropReason::Foreign);
        }
        let theirs = rtcp::parse(bytes, self.out.ssrc()).ok_or(DropReason::NotRtcp)?;
        self.come_alive(now, reports);
        if let Some(sent_at) = theirs.sent_at {
            self.their_report = Some((sent_at, now));
        }
        if let Some(about_us) = theirs.about_us {
            self.stats.remote_lost = about_us.lost;
            self.stats.remote_jitter_us = about_us.jitter.saturating_mul(125);
            self.stats.round_trip_us = rtcp::round_trip_us(now, &about_us).or(self.stats.round_trip_us);
        }
        Ok(())
    }

    /// The beat `at` of this stream, served `now`: watch, account, and send an own frame if one is due.
    pub fn beat(
        &mut self,
        at: Instant,
        now: Instant,
        io: &mut impl Io,
        settings: &Settings,
        ids: &mut IdSource,
        reports: &mut VecDeque<Report>,
    ) {
        if self.audio.is_none() || at < self.configured_at {
            return;
        }
        self.watch(now, settings.silence_after, reports);
        if now >= self.next_report_at {
            self.next_report_at = now + interval(settings.rtcp_every, ids);
            self.account(now, io, false);
        }
        let Some(target) = self.target() else {
            self.out.pause();
            // Held: time goes on, so that who waits for the end of a prompt does not wait for ever.
            let codec = self.codec();
            if let Some(playback) = &mut self.playback {
                playback.next(codec);
                self.finish_playback(reports);
            }
            return;
        };
        if !self.is_own_turn(at, settings.fill_after) {
            return;
        }
        let mut packet = [0; HEADER + FRAME];
        let length = self.own_frame(at, &mut packet);
        self.send(target, &packet[..length], io);
        self.finish_playback(reports);
    }

    /// Send one RTP packet and count it.
    pub fn send(&mut self, target: SocketAddr, packet: &[u8], io: &mut impl Io) {
        if io.send(self.slot, PacketKind::Rtp, target, packet) {
            self.out.packets += 1;
            self.out.octets += (packet.len() - HEADER) as u64;
        } else {
            self.stats.dropped.count(DropReason::Unsent);
        }
    }

    /// Play this; what was played before is cut.
    pub fn play(&mut self, playback: Playback, reports: &mut VecDeque<Report>) {
        self.stop(None, reports);
        self.playback = Some(playback);
        self.finish_playback(reports);
    }

    /// Cut the playback, if it is the one named (or any, if none is named).
    pub fn stop(&mut self, which: Option<super::PlaybackId>, reports: &mut VecDeque<Report>) {
        if let Some(playback) = self.playback.take_if(|playback| which.is_none_or(|which| which == playback.id)) {
            reports.push_back(Report::PlaybackEnded {
                leg: self.leg,
                playback: playback.id,
                how: PlaybackEnd::Stopped,
            });
        }
    }

    /// Say goodbye, and tell what was counted.
    pub fn close(mut self, now: Instant, io: &mut impl Io, reports: &mut VecDeque<Report>) {
        self.stop(None, reports);
        if self.out.packets > 0 {
            self.account(now, io, true);
        }
        self.stats.packets_out = self.out.packets;
        self.stats.octets_out = self.out.octets;
        self.stats.lost = self.incoming.lost();
        self.stats.jitter_us = self.incoming.jitter_us();
        self.stats.restarts = self.incoming.epoch().saturating_sub(1);
        reports.push_back(Report::Closed { leg: self.leg, stats: Box::new(self.stats) });
    }

    fn codec(&self) -> Codec {
        self.audio.as_ref().map_or(Codec::Pcma, |audio| audio.codec)
    }

    /// Should we send a frame of our own on this beat?
    fn is_own_turn(&mut self, at: Instant, fill_after: Duration) -> bool {
        let has_own = self.playback.is_some() || self.keys.is_busy();
        match self.out.hole(at) {
            Some(hole) if self.peer.is_some() && !has_own => {
                let fill = hole >= fill_after;
                self.stats.filled += u64::from(fill);
                fill
            }
            _ => self.out.is_own_due(at),
        }
    }

    /// Write the next own packet; the answer is its length.
    fn own_frame(&mut self, at: Instant, packet: &mut [u8; HEADER + FRAME]) -> usize {
        let Some(audio) = &self.audio else { return 0 };
        let (head, body) = packet.split_at_mut(HEADER);
        let Some(head) = head.first_chunk_mut::<HEADER>() else { return 0 };
        if let Some(event_type) = audio.send_event_type
            && let Some(event) = self.keys.beat(self.out.next_timestamp(), audio.event_clock_hz)
        {
            self.out.event(at, event_type, event.marker, event.timestamp, head);
            body[..4].copy_from_slice(&event.payload);
            return HEADER + 4;
        }
        let (sound, spurt) = match self.playback.as_mut().map(|playback| playback.next(audio.codec)) {
            Some(Next::Frame { sound, first }) => (sound, first),
            Some(Next::Pause | Next::End) | None => (&silent_frame(audio.codec)[..], false),
        };
        body.copy_from_slice(sound);
        self.out.own(at, audio.send_payload_type, spurt, head);
        HEADER + FRAME
    }

    fn finish_playback(&mut self, reports: &mut VecDeque<Report>) {
        if let Some(playback) = self.playback.take_if(|playback| playback.is_over()) {
            reports.push_back(Report::PlaybackEnded {
                leg: self.leg,
                playback: playback.id,
                how: PlaybackEnd::Finished,
            });
        }
    }

    fn count_arrival(&mut self, now: Instant, octets: usize, reports: &mut VecDeque<Report>) {
        let first = self.stats.packets_in == 0;
        self.stats.packets_in += 1;
        self.stats.octets_in += octets as u64;
        if first {
            self.stats.first_packet_after_ms = Some(millis(now.since(self.configured_at)));
            reports.push_back(Report::Started { leg: self.leg });
        } else if self.is_watched() {
            self.stats.max_gap_ms = self.stats.max_gap_ms.max(millis(now.since(self.last_packet_at)));
        }
        self.last_packet_at = now;
        self.come_alive(now, reports);
    }

    fn come_alive(&mut self, now: Instant, reports: &mut VecDeque<Report>) {
        self.alive_at = now;
        if std::mem::take(&mut self.silent) {
            reports.push_back(Report::Audible { leg: self.leg });
        }
    }

    /// Should the peer be sending?
    fn is_watched(&self) -> bool {
        self.audio.as_ref().is_some_and(|audio| audio.direction.receives() && !audio.held)
    }

    fn watch(&mut self, now: Instant, silence_after: Duration, reports: &mut VecDeque<Report>) {
        let silence = now.since(self.alive_at);
        if !self.silent && self.is_watched() && silence >= silence_after {
            self.silent = true;
            reports.push_back(Report::Silent { leg: self.leg, for_ms: silence.as_millis() as u64 });
        }
    }

    /// Send our account of the stream.
    fn account(&mut self, now: Instant, io: &mut impl Io, goodbye: bool) {
        let Some(to) = self.account_target() else { return };
        let sent_since = self.out.packets > self.reported_packets;
        self.reported_packets = self.out.packets;
        let ours = rtcp::Ours {
            now,
            ssrc: self.out.ssrc(),
            sent: sent_since.then(|| (self.out.timestamp_at(now), self.out.packets as u32, self.out.octets as u32)),
            about_them: self.incoming.account(),
            last_report: self.their_report,
            name: &self.name,
            goodbye,
        };
        let mut packet = [0; rtcp::LONGEST];
        let length = rtcp::write(&ours, &mut packet);
        io.send(self.slot, PacketKind::Rtcp, to, &packet[..length]);
    }

    /// Where accounts go: to the announced port; or, when voice comes from elsewhere, to the port above it.
    fn account_target(&self) -> Option<SocketAddr> {
        let audio = self.audio.as_ref()?;
        let announced = audio.remote_rtcp?;
        let target = match self.latch.target() {
            Some(latched) if !self.latch.is_as_announced() => {
                SocketAddr::new(latched.ip(), latched.port().checked_add(1)?)
            }
            _ => announced,
        };
        is_sendable(target).then_some(target)
    }
}

fn meaning(audio: &Audio, payload_type: u8) -> Option<Meaning> {
    if let Some((_, codec)) = audio.receive_payload_types.iter().find(|(number, _)| *number == payload_type) {
        return Some(Meaning::Voice(*codec));
    }
    if audio.receive_event_type == Some(payload_type) {
        return Some(Meaning::Key { clock_hz: audio.event_clock_hz });
    }
    if let Some((_, clock_hz)) = audio.other_event_types.iter().find(|(number, _)| *number == payload_type) {
        return Some(Meaning::Key { clock_hz: *clock_hz });
    }
    // RFC 3551 table 4: comfort noise has a number of its own.
    (payload_type == 13).then_some(Meaning::ComfortNoise)
}

/// Half to one and a half of `mean` (RFC 3550 §6.3.1), so that reports of many streams do not march in step.
fn interval(mean: Duration, ids: &mut IdSource) -> Duration {
    mean / 2 + Duration::from_micros(ids.below(mean.as_micros() as u64))
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}
