//! The other side's stream as it arrives: which source is speaking, in what order, with what loss (RFC 3550 A.1, A.3,
//! A.8).
//!
//! A source that speaks alone is believed at once. A second source, or a leap of more than [`LEAP`] numbers, is believed
//! when two of its packets come in order, or at once when the old one has fallen silent: a transfer must not make the
//! caller deaf, and one stray packet must not throw the stream over.
//!
//! It keeps no packets: a telephone has its own jitter buffer, and a bridge passes on at once.

use std::time::Duration;

use crate::clock::Instant;

/// A forward leap of more than this is a restart, not a loss.
const LEAP: u16 = 3000;
/// How far back a packet may come and still be called late rather than a restart.
const BACK: u16 = 100;
/// A silence after which another source needs no proof.
const GIVEN_UP: Duration = Duration::from_millis(60);

/// What a packet is to its stream. Sequence numbers are extended to 64 bits, so that they do not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) enum Place {
    /// The newest so far.
    New(u64),
    /// Older than the newest, and not seen before.
    Late(u64),
    /// Seen before, or too old to tell.
    Seen,
    /// Of a source that is not proved yet.
    Unproven,
}

/// One leg's incoming side.
#[derive(Clone, Debug, Default)]
pub(in crate::media) struct Incoming {
    source: Option<Source>,
    /// A would-be source: its SSRC and the number its next packet must have.
    candidate: Option<(u32, u16)>,
    /// Counts the sources, so that whoever maps numbers knows that they begin anew.
    epoch: u32,
    last_at: Instant,
    /// Expected and received of the sources before this one.
    past_expected: u64,
    past_received: u64,
    jitter: u32,
}

#[derive(Clone, Debug)]
struct Source {
    ssrc: u32,
    base: u64,
    newest: u64,
    /// Bit n: `newest - n` was received.
    window: u64,
    received: u64,
    transit: Option<u32>,
    reported_expected: u64,
    reported_received: u64,
}

/// What goes into our report about them (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media) struct Account {
    pub ssrc: u32,
    pub fraction_lost: u8,
    pub lost: u32,
    pub newest: u32,
    pub jitter: u32,
}

impl Incoming {
    /// Take a packet into account. `clocked` says that its timestamp runs with the clock (voice does, key events and
    /// comfort noise do not), so that it may count for the jitter.
    pub fn take(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: u32, clocked: bool) -> Place {
        let silent = now.since(self.last_at) > GIVEN_UP;
        let place = match &mut self.source {
            None => self.adopt(ssrc, sequence),
            Some(source) if source.ssrc == ssrc => match source.place(sequence) {
                Some(place) => {
                    self.candidate = None;
                    place
                }
                None => self.prove(ssrc, sequence, false),
            },
            Some(_) => self.prove(ssrc, sequence, silent),
        };
        if place != Place::Unproven {
            self.last_at = now;
        }
        if let (true, Place::New(_), Some(source)) = (clocked, place, &mut self.source) {
            let arrival = (now.as_micros() / 125) as u32;
            let transit = arrival.wrapping_sub(timestamp);
            if let Some(before) = source.transit.replace(transit) {
                let change = transit.wrapping_sub(before).cast_signed().unsigned_abs().min(1 << 20);
                // A.8, in sixteenths of a sample.
                self.jitter = self.jitter.saturating_add(change).saturating_sub((self.jitter + 8) >> 4);
            }
        }
        place
    }

    /// Which of the sources this is, counting from 1; 0 before the first.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The jitter of RFC 3550 A.8 in microseconds.
    pub fn jitter_us(&self) -> u32 {
        (self.jitter >> 4).saturating_mul(125)
    }

    /// Packets that never came, over all sources.
    pub fn lost(&self) -> u64 {
        let (expected, received) = self.source.as_ref().map_or((0, 0), |s| (s.newest - s.base + 1, s.received));
        (self.past_expected + expected).saturating_sub(self.past_received + received)
    }

    /// The account for the next report; the fraction is that since the last one.
    pub fn account(&mut self) -> Option<Account> {
        let jitter = self.jitter >> 4;
        let source = self.source.as_mut()?;
        let expected = source.newest - source.base + 1;
        let expected_now = expected - source.reported_expected;
        let received_now = source.received - source.reported_received;
        source.reported_expected = expected;
        source.reported_received = source.received;
        let missing = expected_now.saturating_sub(received_now);
        Some(Account {
            ssrc: source.ssrc,
            fraction_lost: (missing * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(source.received).min(0x7f_ffff) as u32,
            newest: source.newest as u32,
            jitter,
        })
    }

    fn prove(&mut self, ssrc: u32, sequence: u16, silent: bool) -> Place {
        if silent || self.candidate == Some((ssrc, sequence)) {
            return self.adopt(ssrc, sequence);
        }
        self.candidate = Some((ssrc, sequence.wrapping_add(1)));
        Place::Unproven
    }

    fn adopt(&mut self, ssrc: u32, sequence: u16) -> Place {
        if let Some(old) = self.source.take() {
            self.past_expected += old.newest - old.base + 1;
            self.past_received += old.received;
        }
        // One turn up, so that an older packet that follows has a number above zero.
        let number = 1 << 16 | u64::from(sequence);
        self.candidate = None;
        self.epoch += 1;
        self.source = Some(Source {
            ssrc,
            base: number,
            newest: number,
            window: 1,
            received: 1,
            transit: None,
            reported_expected: 0,
            reported_received: 0,
        });
        Place::New(number)
    }
}

impl Source {
    /// Where the packet belongs; `None` when its number leaps.
    fn place(&mut self, sequence: u16) -> Option<Place> {
        let ahead = sequence.wrapping_sub(self.newest as u16);
        if ahead != 0 && ahead < LEAP {
            self.newest += u64::from(ahead);
            self.window = if ahead < 64 { self.window << ahead | 1 } else { 1 };
            self.received += 1;
            return Some(Place::New(self.newest));
        }
        let behind = (self.newest as u16).wrapping_sub(sequence);
        if behind > BACK {
            return None;
        }
        let number = self.newest - u64::from(behind);
        if behind >= 64 || self.window & 1 << behind != 0 || number < self.base {
            return Some(Place::Seen);
        }
        self.window |= 1 << behind;
        self.received += 1;
        Some(Place::Late(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u64) -> Instant {
        Instant::from_millis(1000 + n * 20)
    }

    /// Numbers and timestamps that wrap are neither a loss nor a restart.
    #[test]
    fn a_wrap_is_nothing() {
        let mut incoming = Incoming::default();
        for n in 0..200u64 {
            let place = incoming.take(at(n), 7, (65_436 + n) as u16, 0xffff_f000u32.wrapping_add(n as u32 * 160), true);
            assert_eq!(place, Place::New((1 << 16) + 65_436 + n));
        }
        assert_eq!((incoming.lost(), incoming.jitter_us(), incoming.epoch()), (0, 0, 1));
    }

    /// Loss, lateness and doubles are told apart and counted as RFC 3550 A.3 does.
    #[test]
    fn loss_lateness_doubles() {
        let mut incoming = Incoming::default();
        let mut places = Vec::new();
        for (n, sequence) in [10, 11, 13, 12, 13, 12, 16].into_iter().enumerate() {
            places.push(incoming.take(at(n as u64), 7, sequence, 0, false));
        }
        let base = 1u64 << 16;
        let expected = [
            Place::New(base + 10),
            Place::New(base + 11),
            Place::New(base + 13),
            Place::Late(base + 12),
            Place::Seen,
            Place::Seen,
            Place::New(base + 16),
        ];
        assert_eq!(places, expected);
        assert_eq!(incoming.lost(), 2);
        let account = incoming.account().expect("a source");
        assert_eq!((account.lost, account.fraction_lost, account.newest), (2, (2 * 256 / 7) as u8, 65_552));
        assert_eq!(incoming.account().expect("a source").fraction_lost, 0);
    }

    /// A leap of the numbers and a new SSRC are believed from the second packet in order, or at once after a silence.
    #[test]
    fn restarts() {
        let mut incoming = Incoming::default();
        incoming.take(at(0), 7, 100, 0, true);
        assert_eq!(incoming.take(at(1), 7, 5100, 0, true), Place::Unproven);
        assert_eq!(incoming.take(at(2), 7, 5101, 0, true), Place::New((1 << 16) + 5101));
        assert_eq!(incoming.take(at(3), 8, 20, 0, true), Place::Unproven);
        assert_eq!(incoming.take(at(3), 7, 5102, 0, true), Place::New((1 << 16) + 5102), "the old one goes on");
        assert_eq!(incoming.take(at(4), 8, 21, 0, true), Place::Unproven, "a packet of the old one came between");
        assert_eq!(incoming.take(at(5), 8, 22, 0, true), Place::New((1 << 16) + 22));
        assert_eq!(incoming.take(at(20), 9, 1, 0, true), Place::New((1 << 16) + 1), "alone after a silence");
        assert_eq!(incoming.epoch(), 4);
    }

    /// Jitter is that of RFC 3550 A.8: a steady stream has none, one that sways by 8 ms has nearly 8 ms.
    #[test]
    fn jitter() {
        let mut incoming = Incoming::default();
        for n in 0..400u64 {
            let sway = Duration::from_millis(if n % 2 == 0 { 0 } else { 8 });
            incoming.take(at(n) + sway, 7, n as u16, n as u32 * 160, true);
        }
        assert!((7000..=8000).contains(&incoming.jitter_us()), "{}", incoming.jitter_us());
    }
}
