//! Keys: telephone events in RTP (RFC 4733), heard and pressed.
//!
//! A press is known by its timestamp and event number, so it is told once, at whichever packet of it arrives first, and
//! however many follow: a menu must not wait for the key to be released. No marker bit, no end packet and no particular
//! payload number is relied on. A long press comes in segments (§2.5.1.3) and some devices count the timestamp on during
//! a press; both are the same press still.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Instant;

use super::rtp;

/// A press that is not heard of for this long is over, even without its end packets.
const OVER: Duration = Duration::from_millis(300);
/// Presses remembered, so that a packet that comes late is known.
const MEMORY: usize = 8;
/// The longest segment, in timestamp units.
const SEGMENT: i32 = 0xffff;
/// How far a segment may be off its full length.
const SEGMENT_SLACK: i32 = 8000;

/// The keys, by event number.
const KEYS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D'];

/// A key was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub digit: char,
    pub held_ms: u32,
}

/// The packet is no key event: cut short, or one of the reserved events (flash, fax tones).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadEvent;

/// Tells presses from the packets of one leg.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyListener {
    presses: VecDeque<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    timestamp: u32,
    event: u8,
    duration: u16,
    ended: bool,
    last_at: Instant,
}

impl KeyListener {
    /// Take one event packet; the answer is a key when it is the first of its press.
    /// Durations count at `clock_hz`, which need not be that of the voice.
    pub fn take(
        &mut self,
        now: Instant,
        timestamp: u32,
        clock_hz: u32,
        payload: &[u8],
    ) -> Result<Option<Key>, BadEvent> {
        let Some(([event, flags, high, low], _)) = payload.split_first_chunk() else {
            return Err(BadEvent);
        };
        let digit = *KEYS.get(usize::from(*event)).ok_or(BadEvent)?;
        let duration = u16::from_be_bytes([*high, *low]);
        let end = flags & 0x80 != 0;
        match self.presses.iter_mut().find(|press| press.covers(now, timestamp, *event)) {
            Some(press) => {
                if rtp::distance(timestamp, press.timestamp) > 0 {
                    press.timestamp = timestamp;
                }
                press.duration = press.duration.max(duration);
                press.ended |= end;
                press.last_at = now;
                Ok(None)
            }
            None => {
                if self.presses.len() == MEMORY {
                    self.presses.pop_back();
                }
                self.presses.push_front(Press { timestamp, event: *event, duration, ended: end, last_at: now });
                Ok(Some(Key { digit, held_ms: u32::from(duration) * 1000 / clock_hz.max(1) }))
            }
        }
    }

    /// The peer began a new stream: its timestamps mean nothing to the old ones.
    pub fn forget(&mut self) {
        self.presses.clear();
    }
}

impl Press {
    /// Does a packet with this timestamp belong to this press?
    fn covers(&self, now: Instant, timestamp: u32, event: u8) -> bool {
        if event != self.event {
            return false;
        }
        let ahead = rtp::distance(timestamp, self.timestamp);
        let recent = now.since(self.last_at) < OVER;
        // Another press of the same key cannot begin before this one was released.
        let within = recent && ahead > 0 && ahead <= i32::from(self.duration);
        let segment = recent && !self.ended && (ahead - SEGMENT).abs() <= SEGMENT_SLACK;
        ahead == 0 || within || segment
    }
}

/// Keys to press, and the one being pressed.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyPresser {
    waiting: VecDeque<u8>,
    pressed: Option<Pressed>,
    pause: u8,
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    event: u8,
    timestamp: u32,
    /// Packets sent of this press.
    sent: u8,
}

/// One event packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventPacket {
    pub payload: [u8; 4],
    pub timestamp: u32,
    pub marker: bool,
}

/// Packets of a press while the key is down: 100 ms.
const DOWN: u8 = 5;
/// The end is told three times (§2.5.1.4).
const ENDS: u8 = 3;
/// Frames between two presses.
const PAUSE: u8 = 4;
/// Keys that may wait; more are left out.
const WAITING: usize = 64;

impl KeyPresser {
    /// Press these keys, after those already waiting.
    pub fn press(&mut self, digits: &str) {
        for digit in digits.chars() {
            let event = KEYS.iter().position(|key| *key == digit.to_ascii_uppercase());
            if let (Some(event), true) = (event, self.waiting.len() < WAITING) {
                self.waiting.push_back(event as u8);
            }
        }
    }

    /// Is a key down, or one waiting to be pressed?
    pub fn is_busy(&self) -> bool {
        self.pressed.is_some() || !self.waiting.is_empty()
    }

    /// The event packet for this frame, which begins at `timestamp`; `None` leaves the frame to voice. Durations count
    /// at `clock_hz`.
    pub fn beat(&mut self, timestamp: u32, clock_hz: u32) -> Option<EventPacket> {
        if self.pressed.is_none() {
            if self.pause > 0 {
                self.pause -= 1;
                return None;
            }
            let event = self.waiting.pop_front()?;
            self.pressed = Some(Pressed { event, timestamp, sent: 0 });
        }
        let pressed = self.pressed.as_mut()?;
        pressed.sent += 1;
        let end = pressed.sent >= DOWN;
        let duration = (u32::from(pressed.sent.min(DOWN)) * clock_hz / 50).min(0xffff) as u16;
        let [high, low] = duration.to_be_bytes();
        // Volume −10 dBm0, as telephones press.
        let payload = [pressed.event, u8::from(end) << 7 | 10, high, low];
        let packet = EventPacket { payload, timestamp: pressed.timestamp, marker: pressed.sent == 1 };
        if pressed.sent == DOWN + ENDS - 1 {
            self.pressed = None;
            self.pause = PAUSE;
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packets of one press: start, updates, three ends.
    fn press(event: u8, timestamp: u32) -> Vec<(u32, [u8; 4])> {
        let mut presser = KeyPresser::default();
        presser.press(&KEYS[usize::from(event)].to_string());
        std::iter::from_fn(|| presser.beat(timestamp, 8000)).map(|packet| (packet.timestamp, packet.payload)).collect()
    }

    fn heard(packets: &[(u32, [u8; 4])]) -> String {
        let mut listener = KeyListener::default();
        let mut keys = String::new();
        for (n, (timestamp, payload)) in packets.iter().enumerate() {
            let now = Instant::from_millis(n as u64 * 20);
            if let Ok(Some(key)) = listener.take(now, *timestamp, 8000, payload) {
                keys.push(key.digit);
            }
        }
        keys
    }

    /// Whatever packets of a press are lost, as long as one arrives it is one key.
    #[test]
    fn every_subset_is_one_key() {
        let packets = press(5, 1600);
        assert_eq!(packets.len(), 7);
        for kept in 1u32..1 << packets.len() {
            let left: Vec<_> = (0..packets.len()).filter(|n| kept & 1 << n != 0).map(|n| packets[n]).collect();
            assert_eq!(heard(&left), "5", "kept {kept:b}");
        }
    }

    /// Two presses of the same key are two, whatever is lost of each; so are two different ones.
    #[test]
    fn two_quick_presses_are_two() {
        for second in [8, 9] {
            let (one, two) = (press(8, 1600), press(second, 1600 + 800 + 320));
            for kept in 0..1u32 << 14 {
                let packets: Vec<_> =
                    one.iter().chain(&two).enumerate().filter(|(n, _)| kept & 1 << n != 0).map(|(_, p)| *p).collect();
                let (first_lives, second_lives) = (kept & 0x7f != 0, kept >> 7 != 0);
                let expected = if first_lives { "8" } else { "" }.to_owned()
                    + &if second_lives { second.to_string() } else { String::new() };
                assert_eq!(heard(&packets), expected, "kept {kept:b}");
            }
        }
    }

    /// Doubled and shuffled packets are one key still, and those of an old press are known when they come late.
    #[test]
    fn order_does_not_matter() {
        let mut packets = press(1, 100);
        packets.extend(press(1, 100));
        packets.rotate_left(3);
        packets.reverse();
        assert_eq!(heard(&packets), "1");
        let (one, two) = (press(1, 100), press(2, 2000));
        assert_eq!(heard(&[one[0], two[0], one[6], two[6], one[5], one[1]]), "12");
    }

    /// A long press in segments, one whose duration wraps, one whose timestamp counts on, and an end told with a new
    /// timestamp are one key each.
    #[test]
    fn one_press_in_disguise() {
        let long =
            [(0, [3, 10, 0xff, 0x00]), (0xffff, [3, 10, 0, 160]), (0xffff, [3, 0x8a, 1, 0]), (0xffff, [3, 0x8a, 1, 0])];
        assert_eq!(heard(&long), "3");
        let wraps = [(0, [3, 10, 0xff, 0xf0]), (0, [3, 10, 0, 0x90]), (0, [3, 0x8a, 1, 0x30])];
        assert_eq!(heard(&wraps), "3");
        let counts = [(0, [3, 10, 0, 160]), (160, [3, 10, 1, 64]), (320, [3, 10, 1, 224]), (480, [3, 0x8a, 2, 128])];
        assert_eq!(heard(&counts), "3");
        let ends = [(0, [1, 10, 0, 160]), (0, [1, 0x8a, 3, 32]), (0, [1, 0x8a, 3, 32]), (160, [1, 0x8a, 3, 32])];
        assert_eq!(heard(&ends), "1");
    }

    /// Events that are no keys, and events cut short, are told as such and change nothing.
    #[test]
    fn reserved_events() {
        let mut listener = KeyListener::default();
        for event in 16..=255 {
            assert_eq!(listener.take(Instant::ZERO, 0, 8000, &[event, 10, 0, 160]), Err(BadEvent));
        }
        for length in 0..4 {
            assert_eq!(listener.take(Instant::ZERO, 0, 8000, &[1, 10, 0][..length.min(3)]), Err(BadEvent));
        }
        assert!(listener.presses.is_empty());
    }

    /// A press is sent with one timestamp, the marker on its first packet, a growing duration and three ends; then the
    /// line is left to voice before the next key.
    #[test]
    fn pressing() {
        let mut presser = KeyPresser::default();
        presser.press("1?x#");
        let mut sent = Vec::new();
        let mut voice = 0;
        for n in 0..40u32 {
            match presser.beat(n * 160, 8000) {
                Some(packet) => sent.push(packet),
                None => voice += 1,
            }
        }
        assert_eq!((sent.len(), voice), (14, 26));
        assert!(sent[..7].iter().all(|packet| packet.timestamp == 0 && packet.payload[0] == 1));
        assert!(sent[7..].iter().all(|packet| packet.timestamp == 11 * 160 && packet.payload[0] == 11));
        let durations: Vec<u16> = sent[..7].iter().map(|p| u16::from_be_bytes([p.payload[2], p.payload[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        assert_eq!(sent.iter().filter(|packet| packet.payload[1] & 0x80 != 0).count(), 6);
        assert_eq!(sent.iter().filter(|packet| packet.marker).count(), 2);
    }
}
