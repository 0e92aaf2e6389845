//! Did a phone really hear what was played? Sound is found by normalised cross-correlation, piece by piece, so that G.711,
//! another loudness, a late start and a few lost packets do not hide it, and other sound is not taken for it.

use std::f32::consts::TAU;
use std::path::Path;

/// Samples per second of everything here.
pub const RATE: usize = 8000;

/// A sound found in a recording.
#[derive(Debug)]
pub struct Found {
    /// Pieces of the sound that hold more than a pause.
    pub pieces: usize,
    /// Of these, how many stand in the recording, in their order and at a steady distance.
    pub found: usize,
    /// Their mean correlation, 0 to 1.
    pub likeness: f32,
    /// Where the sound begins in the recording, seconds.
    pub begins_s: f32,
}

impl Found {
    /// The share of pieces found.
    pub fn share(&self) -> f32 {
        self.found as f32 / self.pieces.max(1) as f32
    }
}

/// Reads a mono 16-bit file at 8 kHz.
pub fn read(path: &Path) -> Vec<f32> {
    let mut wav = hound::WavReader::open(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    assert_eq!(wav.spec().sample_rate as usize, RATE, "{}", path.display());
    let channels = usize::from(wav.spec().channels);
    wav.samples::<i16>().step_by(channels).map_while(Result::ok).map(|sample| f32::from(sample) / 32768.0).collect()
}

/// Writes a mono 16-bit file at 8 kHz.
pub fn write(path: &Path, samples: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).expect("a sound file");
    for sample in samples {
        wav.write_sample((sample * 32767.0) as i16).expect("room for a sound file");
    }
    wav.finalize().expect("room for a sound file");
}

/// A steady tone.
pub fn tone(hz: u16, length: usize) -> Vec<f32> {
    // The phase is kept small: a long tone must not lose its pitch to rounding.
    (0..length).map(|n| 0.3 * (TAU * (usize::from(hz) * n % RATE) as f32 / RATE as f32).sin()).collect()
}

/// Looks for `sound` in `recording`.
pub fn find(recording: &[f32], sound: &[f32]) -> Found {
    let whole = Spectra::of(recording);
    let loud = energy(sound) / sound.len().max(1) as f32;
    let pieces: Vec<(usize, &[f32])> = sound
        .chunks_exact(PIECE)
        .enumerate()
        .map(|(nth, piece)| (nth * PIECE, piece))
        .filter(|(_, piece)| energy(piece) / PIECE as f32 > loud * 0.1)
        .collect();
    let places: Vec<(usize, usize, f32)> = pieces
        .iter()
        .filter_map(|(from, piece)| whole.place(piece).map(|(at, likeness)| (*from, at, likeness)))
        .filter(|(_, _, likeness)| *likeness >= ALIKE)
        .collect();
    // The longest row whose distance hardly moves from one piece to the next.
    let mut best: Vec<(usize, usize, f32)> = Vec::new();
    for first in 0..places.len() {
        let mut row = vec![places[first]];
        for next in &places[first + 1..] {
            let last = row[row.len() - 1];
            let moved = (next.1 as i64 - next.0 as i64) - (last.1 as i64 - last.0 as i64);
            if moved.unsigned_abs() < (RATE / 4) as u64 {
                row.push(*next);
            }
        }
        if row.len() > best.len() {
            best = row;
        }
    }
    let mean = best.iter().map(|(_, _, likeness)| likeness).sum::<f32>() / best.len().max(1) as f32;
    let begins = best.first().map_or(0.0, |(from, at, _)| (*at as f32 - *from as f32) / RATE as f32);
    Found { pieces: pieces.len(), found: best.len(), likeness: mean, begins_s: begins }
}

/// Seconds of `recording` in which a tone stands out.
pub fn tone_s(recording: &[f32], hz: u16) -> f32 {
    const WINDOW: usize = RATE / 10;
    let clear = recording.chunks_exact(WINDOW).filter(|window| tone_share(window, hz) > 0.7).count();
    clear as f32 * WINDOW as f32 / RATE as f32
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// Samples of a piece: half a second.
const PIECE: usize = RATE / 2;
/// The correlation from which a piece counts as found.
const ALIKE: f32 = 0.6;
/// Samples of a transform; two pieces and more.
const BLOCK: usize = 16_384;
/// New samples of each block: those for which the whole piece lies inside.
const STEP: usize = BLOCK - PIECE + 1;

type Complex = (f32, f32);

/// A recording, made ready to be searched: overlapping blocks as spectra, and the sound's energy up to each sample.
struct Spectra {
    blocks: Vec<Vec<Complex>>,
    energy: Vec<f64>,
    length: usize,
}

impl Spectra {
    fn of(recording: &[f32]) -> Spectra {
        let blocks = (0..recording.len()).step_by(STEP).map(|from| {
            let until = (from + BLOCK).min(recording.len());
            spectrum(&recording[from..until])
        });
        let blocks = blocks.collect();
        let mut sum = 0.0;
        let mut energy = vec![0.0];
        energy.extend(recording.iter().map(|sample| {
            sum += f64::from(*sample).powi(2);
            sum
        }));
        Spectra { blocks, energy, length: recording.len() }
    }

    /// Where `piece` fits best, and how well.
    fn place(&self, piece: &[f32]) -> Option<(usize, f32)> {
        let wanted = spectrum(piece);
        let size = f64::from(energy(piece)).sqrt();
        let mut best: Option<(usize, f32)> = None;
        for (nth, block) in self.blocks.iter().enumerate() {
            // Correlation is the product with the conjugate; the way back is the way there, conjugated.
            let mut product: Vec<Complex> =
                block.iter().zip(&wanted).map(|((a, b), (c, d))| (a * c + b * d, -(b * c - a * d))).collect();
            transform(&mut product);
            for (offset, (sum, _)) in product.iter().enumerate().take(STEP) {
                let at = nth * STEP + offset;
                if at + PIECE > self.length {
                    break;
                }
                // A floor, so that near silence is like nothing.
                let here = (self.energy[at + PIECE] - self.energy[at]).sqrt().max(0.05 * size).max(0.01);
                let likeness = (f64::from(*sum) / BLOCK as f64 / (here * size)) as f32;
                if best.is_none_or(|(_, most)| likeness > most) {
                    best = Some((at, likeness));
                }
            }
        }
        best
    }
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// The share of a window's energy that one tone has.
fn tone_share(window: &[f32], hz: u16) -> f32 {
    let all = energy(window);
    if all / (window.len() as f32) < 1e-5 {
        return 0.0;
    }
    let turn = TAU * f32::from(hz) / RATE as f32;
    let (re, im) = window.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, sample)| {
        let (sin, cos) = (turn * n as f32).sin_cos();
        (re + sample * cos, im + sample * sin)
    });
    2.0 * (re * re + im * im) / (window.len() as f32 * all)
}

fn spectrum(samples: &[f32]) -> Vec<Complex> {
    let mut values: Vec<Complex> = samples.iter().map(|sample| (*sample, 0.0)).collect();
    values.resize(BLOCK, (0.0, 0.0));
    transform(&mut values);
    values
}

/// The discrete Fourier transform of `BLOCK` values in place (Cooley and Tukey, radix 2).
fn transform(values: &mut [Complex]) {
    let bits = BLOCK.trailing_zeros();
    for at in 0..BLOCK {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            values.swap(at, other);
        }
    }
    let mut half = 1;
    while half < BLOCK {
        let turns: Vec<Complex> = (0..half)
            .map(|n| {
                let (sin, cos) = (-std::f32::consts::PI * n as f32 / half as f32).sin_cos();
                (cos, sin)
            })
            .collect();
        for from in (0..BLOCK).step_by(2 * half) {
            for n in 0..half {
                let (a, b) = values[from + n];
                let (c, d) = values[from + n + half];
                let (cos, sin) = turns[n];
                let (re, im) = (c * cos - d * sin, c * sin + d * cos);
                values[from + n] = (a + re, b + im);
                values[from + n + half] = (a - re, b - im);
            }
        }
        half *= 2;
    }
}

/// The measure itself: a sound is found in a copy that is quieter, coarser and late; it is not found in another one.
#[test]
fn the_measure_is_sound() {
    let prompts = crate::engine::repository().join("prompts/fr");
    let (welcome, music) = (read(&prompts.join("welcome.wav")), read(&prompts.join("hold_music.wav")));
    let mut copy = vec![0.0; 3 * RATE];
    copy.extend(welcome.iter().map(|sample| (sample * 30.0).round() / 60.0));
    copy.extend(vec![0.0; RATE]);
    let found = find(&copy, &welcome);
    assert!(found.share() > 0.9 && found.likeness > 0.9 && (found.begins_s - 3.0).abs() < 0.02, "{found:?}");
    assert!(find(&music, &welcome).share() < 0.3, "{:?}", find(&music, &welcome));
    assert!(find(&tone(440, 10 * RATE), &welcome).share() < 0.3);
    assert!(tone_s(&tone(440, 5 * RATE), 440) > 4.9 && tone_s(&tone(440, 5 * RATE), 660) < 0.1);
}
