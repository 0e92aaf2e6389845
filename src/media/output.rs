//! The outgoing side of a leg: one stream with one SSRC, numbers that go up by one and timestamps that run with the
//! clock from answer to BYE (RFC 3550 §5.1), whatever the source behind it.
//!
//! Two kinds of packets share it. *Own* frames (prompt, silence, key) leave on the beat. *Passed* packets (the other
//! party) leave when they come, and keep their distances: a packet lost before us is a number missing after us.
//!
//! ```text
//!    own own own | passed  passed  (lost)  passed | own own            numbers   1 2 3  4 5   7  8 9
//!    ------------+--------------------------------+---------> time    times     +160 each, one line
//! ```
//!
//! The *line* says which timestamp belongs to which instant. Own frames hold to it; passed packets lie near it, and it
//! follows them slowly, so that an hour of a peer's wrong clock does not tear a hole when he stops. Where an own frame
//! has taken the time of a packet that comes late, the packet is dropped, not played after it: delay would only grow.

use std::time::Duration;

use crate::clock::Instant;
use crate::ids::LegId;

use super::codec::FRAME;
use super::rtp::{self, HEADER};

/// An own frame may leave this early: half a frame.
const EARLY: Duration = Duration::from_millis(10);
/// Own frames that lag further behind the line jump onto it.
const LAG: i32 = 60 * 8;
/// A passed packet may come this much after its time was filled, and is then moved rather than dropped.
const MOVE: i32 = 40 * 8;
/// … as long as the stream is not further ahead of the line than this.
const AHEAD: i32 = 30 * 8;
/// A source that returns may leave a gap of this much in the timestamps.
const GAP: i32 = 100 * 8;
/// Passed packets that come all at once may run ahead of the line by this much; what is more is left out, or the peer
/// would have to keep it for ever.
const BURST: i32 = 100 * 8;
/// A stream that stays further ahead than this loses a packet …
const AHEAD_LONG: i32 = 40 * 8;
/// … each time it has been so for this long: the delay a burst has left behind is gone within seconds.
const LONG: Duration = Duration::from_secs(1);
/// A source whose packets all come late for this long has a longer way now, and is taken as new.
const ALL_LATE: Duration = Duration::from_millis(300);
/// A source's timestamps that run away from the clock by more than this are a new beginning.
const RUNAWAY: i32 = 500 * 8;
/// The line follows passed packets by one unit in so many of them: 500 ppm.
const FOLLOW: u32 = 16;

/// Numbers and times of one outgoing stream.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    ssrc: u32,
    /// The number and the timestamp of the next packet.
    next_sequence: u16,
    next_timestamp: u32,
    /// A point of the line.
    line: Option<(Instant, u32)>,
    /// Until when the listener's ear is filled.
    covered: Instant,
    passing: Option<Passing>,
    passed: u32,
    ahead_since: Option<Instant>,
    /// Something stopped: the next packet begins a spurt.
    spurt: bool,
    pub packets: u64,
    pub octets: u64,
}

/// How a source's numbers become ours.
#[derive(Clone, Copy, Debug)]
struct Passing {
    source: Source,
    their_number: u64,
    our_number: u16,
    their_time: u32,
    our_time: u32,
    /// The newest number passed.
    newest: u64,
    /// Older ones have no place any more.
    floor: u64,
    /// Own frames were sent since.
    interrupted: bool,
    late_since: Option<Instant>,
}

/// Whom a passed packet comes from: a leg, and which of its streams. Not its slot, which serves the next leg again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub leg: LegId,
    pub epoch: u32,
}

/// One packet to be passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub source: Source,
    /// Its number, extended.
    pub number: u64,
    pub timestamp: u32,
    pub samples: u32,
    pub marker: bool,
}

impl Outgoing {
    /// A stream that begins at a random number and time (§5.1).
    pub fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Outgoing {
        Outgoing {
            ssrc,
            next_sequence: first_sequence,
            next_timestamp: first_timestamp,
            line: None,
            covered: Instant::ZERO,
            passing: None,
            passed: 0,
            ahead_since: None,
            spurt: true,
            packets: 0,
            octets: 0,
        }
    }

    /// Our SSRC.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp that belongs to `at`.
    pub fn timestamp_at(&self, at: Instant) -> u32 {
        match self.line {
            Some((from, timestamp)) => timestamp.wrapping_add(samples(from, at)),
            None => self.next_timestamp,
        }
    }

    /// The timestamp of the next own frame.
    pub fn next_timestamp(&self) -> u32 {
        self.next_timestamp
    }

    /// Is it time for an own frame, half a frame early at most?
    pub fn is_own_due(&self, at: Instant) -> bool {
        self.covered <= at + EARLY
    }

    /// How long nothing has been heard at `at`, when the last packet was a passed one.
    pub fn hole(&self, at: Instant) -> Option<Duration> {
        self.passing.filter(|passing| !passing.interrupted).map(|_| at.since(self.covered))
    }

    /// Sending was stopped (hold): what comes next begins a spurt.
    pub fn pause(&mut self) {
        self.spurt = true;
        self.interrupt();
    }

    /// The header of an own frame of 20 ms that leaves on the beat `at`; `spurt` when sound begins with it.
    pub fn own(&mut self, at: Instant, payload_type: u8, spurt: bool, head: &mut [u8; HEADER]) {
        self.catch_up(at);
        let timestamp = self.next_timestamp;
        self.write(payload_type, spurt, timestamp, head);
        self.advance(at, timestamp, FRAME as u32);
        self.interrupt();
    }

    /// The header of a key event that leaves on the beat `at`: it has the time of its beginning, and takes a frame.
    pub fn event(&mut self, at: Instant, payload_type: u8, marker: bool, timestamp: u32, head: &mut [u8; HEADER]) {
        self.catch_up(at);
        rtp::write(head, payload_type, marker, self.next_sequence, timestamp, self.ssrc);
        self.next_sequence = self.next_sequence.wrapping_add(1);
        let frame = self.next_timestamp;
        self.advance(at, frame, FRAME as u32);
        self.interrupt();
        self.spurt = true;
    }

    /// The header of a passed packet that leaves now; `None` when its time is over.
    pub fn pass(&mut self, now: Instant, packet: &Passed, payload_type: u8, head: &mut [u8; HEADER]) -> Option<()> {
        if self.hole(now).is_none() {
            self.catch_up(now);
        }
        let (sequence, timestamp) = match self.passing {
            Some(passing) if passing.source == packet.source => {
                let timestamp = passing.our_time.wrapping_add(packet.timestamp.wrapping_sub(passing.their_time));
                if passing.interrupted {
                    (self.next_sequence, self.resume(now, &passing, packet, timestamp)?)
                } else if packet.number > passing.newest {
                    let sequence =
                        passing.our_number.wrapping_add(packet.number.wrapping_sub(passing.their_number) as u16);
                    let jump = rtp::distance(timestamp, self.next_timestamp);
                    let away = rtp::distance(timestamp, self.timestamp_at(now));
                    // Where their timestamps tear, ours go on.
                    let torn = jump < 0 || jump > GAP && away.abs() > RUNAWAY;
                    if !torn && (away > BURST || self.is_ahead_for_long(now, away)) {
                        self.skip(packet);
                        return None;
                    }
                    (sequence, if torn { self.next_timestamp } else { timestamp })
                } else {
                    return self.pass_late(&passing, packet, timestamp, payload_type, head);
                }
            }
            _ => (self.next_sequence, self.fresh(now)),
        };
        self.next_sequence = sequence;
        let interrupted = self.passing.is_none_or(|passing| passing.source != packet.source || passing.interrupted);
        self.write(payload_type, packet.marker || interrupted, timestamp, head);
        let floor = match self.passing {
            Some(passing) if !interrupted => passing.floor,
            _ => packet.number,
        };
        self.passing = Some(Passing {
            source: packet.source,
            their_number: packet.number,
            our_number: sequence,
            their_time: packet.timestamp,
            our_time: timestamp,
            newest: packet.number,
            floor,
            interrupted: false,
            late_since: None,
        });
        self.advance(now, timestamp, packet.samples);
        self.follow(now, timestamp);
        Some(())
    }

    /// A packet of the source was taken out (a key, comfort noise): its number is no loss.
    pub fn absorb(&mut self, source: Source, number: u64) {
        if let Some(passing) = &mut self.passing
            && passing.source == source
            && number > passing.newest
        {
            // As if the packet before it had had its number; what comes late from before has no place any more.
            passing.our_number = passing.our_number.wrapping_add(number.wrapping_sub(passing.newest + 1) as u16);
            passing.their_number = number;
            passing.newest = number;
            passing.floor = number;
        }
    }

    /// Has every packet for a while been ahead of the line? Then one is too many.
    fn is_ahead_for_long(&mut self, now: Instant, away: i32) -> bool {
        if away <= AHEAD_LONG {
            self.ahead_since = None;
            return false;
        }
        let long = now.since(*self.ahead_since.get_or_insert(now)) >= LONG;
        if long {
            self.ahead_since = Some(now);
        }
        long
    }

    /// A packet is left out and the next takes its place.
    fn skip(&mut self, packet: &Passed) {
        self.absorb(packet.source, packet.number);
        if let Some(passing) = &mut self.passing {
            passing.their_time = packet.timestamp.wrapping_add(packet.samples);
            passing.our_time = self.next_timestamp;
        }
    }

    /// A source that was interrupted by own frames goes on: with the old distance if its time is still free.
    fn resume(&mut self, now: Instant, passing: &Passing, packet: &Passed, timestamp: u32) -> Option<u32> {
        if packet.number <= passing.newest {
            return None;
        }
        let ahead = rtp::distance(timestamp, self.next_timestamp);
        if (0..=GAP).contains(&ahead) {
            return Some(timestamp);
        }
        let lead = rtp::distance(self.next_timestamp, self.timestamp_at(now));
        let restarted = rtp::distance(packet.timestamp, passing.their_time) <= 0;
        if restarted || ahead > GAP {
            return Some(self.fresh(now));
        }
        if ahead >= -MOVE && lead <= AHEAD {
            return Some(self.next_timestamp);
        }
        let since = passing.late_since.unwrap_or(now);
        if let Some(passing) = &mut self.passing {
            passing.late_since = Some(since);
        }
        (now.since(since) >= ALL_LATE).then_some(self.next_timestamp)
    }

    /// A packet out of order keeps its place, if that place was left free for it.
    fn pass_late(
        &mut self,
        passing: &Passing,
        packet: &Passed,
        timestamp: u32,
        payload_type: u8,
        head: &mut [u8; HEADER],
    ) -> Option<()> {
        let before = rtp::distance(self.next_timestamp, timestamp);
        if packet.number <= passing.floor || before <= 0 || before > GAP + MOVE {
            return None;
        }
        let back = passing.newest.wrapping_sub(packet.number) as u16;
        rtp::write(head, payload_type, false, passing.our_number.wrapping_sub(back), timestamp, self.ssrc);
        Some(())
    }

    /// The timestamp for a spurt that begins now: on the line, unless that time is taken.
    fn fresh(&self, now: Instant) -> u32 {
        let line = self.timestamp_at(now);
        if rtp::distance(line, self.next_timestamp) > 0 { line } else { self.next_timestamp }
    }

    /// Begin the line, or jump onto it when it has run ahead.
    fn catch_up(&mut self, at: Instant) {
        self.line.get_or_insert((at, self.next_timestamp));
        let timestamp = self.timestamp_at(at);
        if rtp::distance(timestamp, self.next_timestamp) > LAG {
            self.next_timestamp = timestamp;
            self.spurt = true;
        }
    }

    fn interrupt(&mut self) {
        if let Some(passing) = &mut self.passing {
            passing.interrupted = true;
        }
    }

    fn write(&mut self, payload_type: u8, spurt: bool, timestamp: u32, head: &mut [u8; HEADER]) {
        rtp::write(head, payload_type, spurt || self.spurt, self.next_sequence, timestamp, self.ssrc);
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.spurt = false;
    }

    fn advance(&mut self, at: Instant, timestamp: u32, samples: u32) {
        self.next_timestamp = timestamp.wrapping_add(samples);
        // How far the ear is filled, by the line: half a frame at least, one frame more than was sent at most, so that
        // a stream that has come ahead of its line falls back onto it without a hole.
        let lead = rtp::distance(self.next_timestamp, self.timestamp_at(at));
        let filled = lead.clamp(FRAME as i32 / 2, (samples + FRAME as u32) as i32).unsigned_abs();
        self.covered = at + Duration::from_micros(u64::from(filled) * 125);
    }

    fn follow(&mut self, now: Instant, timestamp: u32) {
        self.passed = self.passed.wrapping_add(1);
        let off = rtp::distance(timestamp, self.timestamp_at(now));
        if let (true, Some((at, line))) = (self.passed.is_multiple_of(FOLLOW), self.line) {
            self.line = Some((at, line.wrapping_add_signed(off.signum())));
        }
    }
}

/// Samples between two instants.
fn samples(from: Instant, to: Instant) -> u32 {
    ((to.as_micros() as i64 - from.as_micros() as i64) / 125) as u32
}
