//! The accounts the two ends give each other (RFC 3550 §6): sender and receiver reports with a name, and the goodbye.
//!
//! Theirs are read for two things: signs of life, and what became of our packets. A BYE ends nothing here: only the
//! signalling ends a call.

use crate::clock::Instant;

use super::rtp::source::Account;

/// More than the longest compound we write.
pub(super) const LONGEST: usize = 128;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// What we tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ours<'a> {
    pub now: Instant,
    pub ssrc: u32,
    /// Our timestamp at `now`, packets and octets sent; `None` when nothing was sent since the last report.
    pub sent: Option<(u32, u32, u32)>,
    pub about_them: Option<Account>,
    /// The middle of the time in their last sender report, and when it came.
    pub last_report: Option<(u32, Instant)>,
    pub name: &'a str,
    pub goodbye: bool,
}

/// What they tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Theirs {
    /// The middle of the time of a sender report.
    pub sent_at: Option<u32>,
    /// What they say of our stream.
    pub about_us: Option<AboutUs>,
    pub goodbye: bool,
}

/// A report block about our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AboutUs {
    pub lost: u32,
    pub jitter: u32,
    /// The middle of the time of our last sender report they got (0: none), and how long ago, in 1/65536 s.
    pub last_report: u32,
    pub delay: u32,
}

/// Write a compound packet; the answer is its length.
pub(super) fn write(ours: &Ours<'_>, out: &mut [u8; LONGEST]) -> usize {
    let mut writer = Writer { out, at: 0 };
    let blocks = u8::from(ours.about_them.is_some());
    let start = writer.begin(blocks, if ours.sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT });
    writer.word(ours.ssrc);
    if let Some((timestamp, packets, octets)) = ours.sent {
        let time = ntp(ours.now);
        writer.word((time >> 32) as u32);
        writer.word(time as u32);
        writer.word(timestamp);
        writer.word(packets);
        writer.word(octets);
    }
    if let Some(account) = ours.about_them {
        writer.word(account.ssrc);
        writer.word(u32::from(account.fraction_lost) << 24 | account.lost & 0xff_ffff);
        writer.word(account.newest);
        writer.word(account.jitter);
        let (last, delay) =
            ours.last_report.map_or((0, 0), |(last, at)| (last, middle(ours.now).wrapping_sub(middle(at))));
        writer.word(last);
        writer.word(delay);
    }
    writer.end(start);
    let start = writer.begin(1, DESCRIPTION);
    writer.word(ours.ssrc);
    let name = &ours.name.as_bytes()[..ours.name.len().min(32)];
    writer.bytes(&[1, name.len() as u8]);
    writer.bytes(name);
    // At least one zero ends the list, and the chunk ends at a word.
    writer.bytes(&[0; 4][..4 - (writer.at - start) % 4]);
    writer.end(start);
    if ours.goodbye {
        let start = writer.begin(1, GOODBYE);
        writer.word(ours.ssrc);
        writer.end(start);
    }
    writer.at
}

/// Read a compound packet; `None` when it is not RTCP (RFC 3550 A.2).
pub(super) fn parse(mut bytes: &[u8], our_ssrc: u32) -> Option<Theirs> {
    let mut theirs = Theirs::default();
    let mut first = true;
    while !bytes.is_empty() {
        let [flags, kind, high, low] = *bytes.first_chunk::<4>()?;
        let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if flags >> 6 != 2 || !(192..=223).contains(&kind) || first && flags & 0x20 != 0 {
            return None;
        }
        let (packet, rest) = bytes.split_at_checked(length)?;
        let count = usize::from(flags & 31);
        match kind {
            SENDER_REPORT => {
                theirs.sent_at = Some(word(packet, 8)? << 16 | word(packet, 12)? >> 16);
                word(packet, 24)?;
                theirs.about_us = about(packet, 28, count, our_ssrc)?.or(theirs.about_us);
            }
            RECEIVER_REPORT => theirs.about_us = about(packet, 8, count, our_ssrc)?.or(theirs.about_us),
            GOODBYE => theirs.goodbye = true,
            _ => {}
        }
        bytes = rest;
        first = false;
    }
    (!first).then_some(theirs)
}

/// There and back, in microseconds, from what they say of our last report (§6.4.1).
pub(super) fn round_trip_us(now: Instant, about_us: &AboutUs) -> Option<u32> {
    let spent = middle(now).wrapping_sub(about_us.last_report).wrapping_sub(about_us.delay);
    // More than a minute is a peer that counts wrongly.
    (about_us.last_report != 0 && spent < 60 << 16).then(|| ((u64::from(spent) * 1_000_000) >> 16) as u32)
}

/// The middle 32 bits of our time.
pub(super) fn middle(at: Instant) -> u32 {
    (ntp(at) >> 16) as u32
}

/// Our clock in the form of NTP. It counts from the process's beginning: §4 asks for no more when no wall clock is at
/// hand, and peers only subtract.
fn ntp(at: Instant) -> u64 {
    let micros = at.as_micros();
    ((micros / 1_000_000) << 32) | (((micros % 1_000_000) << 32) / 1_000_000)
}

fn about(packet: &[u8], from: usize, count: usize, our_ssrc: u32) -> Option<Option<AboutUs>> {
    let mut found = None;
    for block in 0..count {
        let at = from + block * 24;
        let delay = word(packet, at + 20)?;
        if word(packet, at)? == our_ssrc {
            let lost = word(packet, at + 4)? & 0xff_ffff;
            // A signed number of 24 bits: doubles make it negative.
            let lost = if lost & 0x80_0000 != 0 { 0 } else { lost };
            found = Some(AboutUs { lost, jitter: word(packet, at + 12)?, last_report: word(packet, at + 16)?, delay });
        }
    }
    Some(found)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes)
}

struct Writer<'a> {
    out: &'a mut [u8; LONGEST],
    at: usize,
}

impl Writer<'_> {
    fn begin(&mut self, count: u8, kind: u8) -> usize {
        let start = self.at;
        self.bytes(&[0x80 | count, kind, 0, 0]);
        start
    }

    fn end(&mut self, start: usize) {
        let words = ((self.at - start) / 4 - 1) as u16;
        self.out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
    }

    fn word(&mut self, word: u32) {
        self.bytes(&word.to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.out[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IdSource;

    fn sample() -> ([u8; LONGEST], usize) {
        let about_them = Some(Account { ssrc: 9, fraction_lost: 12, lost: 34, newest: 65_540, jitter: 56 });
        let ours = Ours {
            now: Instant::from_millis(10_500),
            ssrc: 7,
            sent: Some((4000, 100, 16_000)),
            about_them,
            last_report: Some((0x1234_5678, Instant::from_millis(10_000))),
            name: "0123456789abcdef0123456789abcdef",
            goodbye: true,
        };
        let mut out = [0; LONGEST];
        let length = write(&ours, &mut out);
        (out, length)
    }

    /// What we write has the lengths RFC 3550 wants, and is read by our own reader as what was meant.
    #[test]
    fn written_and_read() {
        let (out, length) = sample();
        assert_eq!(length, 52 + 44 + 8);
        let theirs = parse(&out[..length], 9).expect("a compound packet");
        assert_eq!(theirs.sent_at, Some(middle(Instant::from_millis(10_500))));
        assert!(theirs.goodbye);
        let about = theirs.about_us.expect("a block about 9");
        assert_eq!((about.lost, about.jitter, about.last_report), (34, 56, 0x1234_5678));
        assert_eq!(about.delay, 1 << 15, "half a second");
        assert_eq!(parse(&out[..length], 10).expect("still sound").about_us, None);
    }

    /// The way there and back is what is left after their delay.
    #[test]
    fn round_trip() {
        let about = AboutUs { lost: 0, jitter: 0, last_report: middle(Instant::from_millis(5000)), delay: 1 << 16 };
        let micros = round_trip_us(Instant::from_millis(6040), &about).expect("plausible");
        assert!((39_900..=40_100).contains(&micros), "{micros}");
        assert_eq!(round_trip_us(Instant::from_millis(5500), &about), None, "they cannot have held it longer");
    }

    /// Cut anywhere, changed anywhere, or all chance: read or refused, never a panic.
    #[test]
    fn no_datagram_panics() {
        let (out, length) = sample();
        let mut ids = IdSource::from_number(3977);
        for cut in 0..length {
            parse(&out[..cut], 9);
            for _ in 0..50 {
                let mut changed = out;
                changed[ids.below(length as u64) as usize] = ids.next_u32() as u8;
                changed[ids.below(length as u64) as usize] = ids.next_u32() as u8;
                parse(&changed[..length - ids.below(8) as usize], 9);
            }
        }
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..ids.below(96)).map(|_| ids.next_u32() as u8).collect();
            parse(&bytes, 9);
        }
        assert_eq!(parse(&[], 9), None);
        assert_eq!(parse(&[0x80, 8, 0, 0], 9), None);
    }
}
