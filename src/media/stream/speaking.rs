//! What a leg is sent: on each beat its own frame if one is due (a key, a prompt, silence), and now and then an account.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::IdSource;
use crate::sdp::Codec;

use super::super::codec::{FRAME, silent_frame};
use super::super::latch::is_sendable;
use super::super::playback::{Next, Playback};
use super::super::rtp::HEADER;
use super::super::{DropReason, Io, PacketKind, PlaybackEnd, PlaybackId, Report, Settings, rtcp};
use super::{Stream, interval};

impl Stream {
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
    pub fn stop(&mut self, which: Option<PlaybackId>, reports: &mut VecDeque<Report>) {
        if let Some(playback) = self.playback.take_if(|playback| which.is_none_or(|which| which == playback.id)) {
            reports.push_back(Report::PlaybackEnded {
                leg: self.leg,
                playback: playback.id,
                how: PlaybackEnd::Stopped,
            });
        }
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

    /// Send our account of the stream.
    pub(super) fn account(&mut self, now: Instant, io: &mut impl Io, goodbye: bool) {
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

    fn codec(&self) -> Codec {
        self.audio.as_ref().map_or(Codec::Pcma, |audio| audio.codec)
    }
}
