//! Listening for tones (Goertzel's algorithm): how the softphone of demonstrations and tests knows whom it hears. It
//! yields energies, never sound.

use crate::sdp::Codec;

use super::codec::{RATE_HZ, linear};

/// 200 ms: tones 5 Hz apart are told apart.
const BLOCK: u32 = RATE_HZ / 5;
/// The most frequencies that are looked for at once.
const MOST: usize = 8;
/// Below this mean square all is quiet (about −60 dB of full strength).
const QUIET: f32 = 1000.0;

/// Measures one leg.
#[derive(Clone, Debug, Default)]
pub(super) struct ToneMeter {
    filters: Vec<Filter>,
    samples: u32,
    energy: f32,
}

#[derive(Clone, Debug)]
struct Filter {
    hz: u16,
    turn: f32,
    last: f32,
    before: f32,
}

impl ToneMeter {
    /// Look for these frequencies from now on.
    pub fn new(frequencies: &[u16]) -> ToneMeter {
        let filter = |hz: &u16| {
            let turn = 2.0 * (std::f32::consts::TAU * f32::from(*hz) / RATE_HZ as f32).cos();
            Filter { hz: *hz, turn, last: 0.0, before: 0.0 }
        };
        ToneMeter { filters: frequencies.iter().take(MOST).map(filter).collect(), samples: 0, energy: 0.0 }
    }

    /// Is anything looked for?
    pub fn is_on(&self) -> bool {
        !self.filters.is_empty()
    }

    /// Take a frame of voice in. Each full block gives the strongest frequency and its part of the energy.
    pub fn take(&mut self, codec: Codec, voice: &[u8]) -> Option<(u16, f32)> {
        let table = linear(codec);
        let mut strongest = None;
        for byte in voice {
            let sample = f32::from(table[usize::from(*byte)]);
            self.energy += sample * sample;
            for filter in &mut self.filters {
                let next = sample + filter.turn * filter.last - filter.before;
                filter.before = filter.last;
                filter.last = next;
            }
            self.samples += 1;
            if self.samples == BLOCK {
                strongest = self.finish();
            }
        }
        strongest
    }

    fn finish(&mut self) -> Option<(u16, f32)> {
        let (energy, block) = (self.energy, BLOCK as f32);
        let mut strongest: Option<(u16, f32)> = None;
        for filter in &mut self.filters {
            let power =
                filter.last * filter.last + filter.before * filter.before - filter.turn * filter.last * filter.before;
            // A pure tone has power = energy · block / 2.
            let share = if energy < QUIET * block { 0.0 } else { (2.0 * power / (energy * block)).clamp(0.0, 1.0) };
            if strongest.is_none_or(|(_, most)| share > most) {
                strongest = Some((filter.hz, share));
            }
            filter.last = 0.0;
            filter.before = 0.0;
        }
        self.energy = 0.0;
        self.samples = 0;
        strongest
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Prompt;
    use super::*;

    /// The right tone is found in either coding, with nearly all of the energy; silence has none.
    #[test]
    fn finds_the_tone() {
        for codec in Codec::ALL {
            let mut meter = ToneMeter::new(&[400, 440, 700, 1000]);
            let heard = meter.take(codec, Prompt::tone("a", 700, Duration::from_millis(200)).sound(codec));
            assert!(matches!(heard, Some((700, share)) if share > 0.95), "{heard:?}");
            let heard = meter.take(codec, Prompt::tone("a", 555, Duration::from_millis(200)).sound(codec));
            assert!(matches!(heard, Some((_, share)) if share < 0.1), "{heard:?}");
            let heard = meter.take(codec, Prompt::pause(Duration::from_millis(200)).sound(codec));
            assert!(matches!(heard, Some((_, 0.0))), "{heard:?}");
        }
    }
}
