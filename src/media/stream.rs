//! One leg's media: its state, and what is heard from its peer. What is sent is in [`speaking`].

mod speaking;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::{IdSource, LegId};
use crate::sdp::{Audio, Codec};

use super::dtmf::{KeyListener, KeyPresser};
use super::latch::{Latch, is_sendable};
use super::output::{Outgoing, Source};
use super::playback::Playback;
use super::rtp;
use super::rtp::source::{Incoming, Place};
use super::tone::ToneMeter;
use super::{DropReason, Io, Report, Settings, Slot, StreamStats, rtcp};

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
            source: Source { leg: self.leg, epoch: self.epoch },
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
