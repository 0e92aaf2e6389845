//! A prompt: words or music made ready to be sent.
//!
//! Everything that can go wrong with a recording goes wrong here, when it is loaded, and is told in a sentence; during a
//! call a prompt is only copied. So it holds its sound twice, in each coding, cut into whole frames.

use std::fmt;
use std::io::{Cursor, Read};
use std::time::Duration;

use crate::sdp::Codec;

use super::codec::{FRAME, RATE_HZ, g711, silence};
use super::resample::to_telephone_rate;

/// The longest prompt: music may be long, but a forgotten recording must not eat the memory.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// Sound in frames of 20 ms, in every coding a leg may have.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt {
    name: Box<str>,
    alaw: Box<[u8]>,
    ulaw: Box<[u8]>,
    samples: usize,
    peak: u16,
}

/// Why a recording cannot be a prompt: the fault of who made it, so it is told in his words.
#[derive(Debug, thiserror::Error)]
pub enum PromptFault {
    /// Not a WAV file, or not whole.
    #[error("is not a sound WAV file, or was cut short ({0})")]
    NotWav(String),
    /// A WAV file of a kind we do not read.
    #[error("is coded in a way that is not read here ({0}): save it as WAV, PCM, 16 bits")]
    Coding(String),
    /// Surround sound.
    #[error("has {0} channels; 1 or 2 are expected")]
    Channels(u16),
    /// No usual rate.
    #[error("has {0} samples per second; 8000 to 192000 are expected")]
    Rate(u32),
    /// Nothing in it.
    #[error("has no sound in it (its length is zero)")]
    Empty,
    /// All samples zero.
    #[error("is silent from beginning to end")]
    Silent,
    /// Too long.
    #[error("is longer than 20 minutes")]
    TooLong,
}

impl Prompt {
    /// From linear samples at `rate_hz`.
    pub fn from_samples(name: &str, rate_hz: u32, samples: &[i16]) -> Prompt {
        let sound = to_telephone_rate(rate_hz, samples);
        let padded = sound.len().next_multiple_of(FRAME);
        let code = |codec: Codec, law: fn(i16) -> u8| {
            let mut bytes: Vec<u8> = sound.iter().map(|sample| law(*sample)).collect();
            bytes.resize(padded, silence(codec));
            bytes.into_boxed_slice()
        };
        Prompt {
            name: name.into(),
            alaw: code(Codec::Pcma, g711::linear_to_alaw),
            ulaw: code(Codec::Pcmu, g711::linear_to_ulaw),
            samples: sound.len(),
            peak: sound.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0),
        }
    }

    /// From a WAV file: 8 to 32 bits or float, one channel or two (mixed), 8 to 192 kHz.
    pub fn from_wav(name: &str, bytes: &[u8]) -> Result<Prompt, PromptFault> {
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).map_err(fault)?;
        let spec = reader.spec();
        if !(1..=2).contains(&spec.channels) {
            return Err(PromptFault::Channels(spec.channels));
        }
        if !(RATE_HZ..=192_000).contains(&spec.sample_rate) {
            return Err(PromptFault::Rate(spec.sample_rate));
        }
        if u64::from(reader.duration()) > LONGEST.as_secs() * u64::from(spec.sample_rate) {
            return Err(PromptFault::TooLong);
        }
        let samples = mono(&mut reader)?;
        if samples.is_empty() {
            return Err(PromptFault::Empty);
        }
        if samples.iter().all(|sample| *sample == 0) {
            return Err(PromptFault::Silent);
        }
        Ok(Prompt::from_samples(name, spec.sample_rate, &samples))
    }

    /// A sine at a quarter of full strength: a ringing tone, a test tone.
    pub fn tone(name: &str, hz: u16, length: Duration) -> Prompt {
        let count = (length.min(LONGEST).as_millis() as u64 * u64::from(RATE_HZ) / 1000) as usize;
        let turn = std::f64::consts::TAU * f64::from(hz) / f64::from(RATE_HZ);
        let samples: Vec<i16> = (0..count).map(|n| (8192.0 * (turn * n as f64).sin()).round() as i16).collect();
        Prompt::from_samples(name, RATE_HZ, &samples)
    }

    /// Nothing, for a while: a pause between two prompts.
    pub fn pause(length: Duration) -> Prompt {
        let count = (length.min(LONGEST).as_millis() as u64 * u64::from(RATE_HZ) / 1000) as usize;
        Prompt::from_samples("pause", RATE_HZ, &vec![0; count])
    }

    /// The name it was loaded under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.samples as u64 * 1_000_000 / u64::from(RATE_HZ))
    }

    /// Its loudest sample, of 32768.
    pub fn peak(&self) -> u16 {
        self.peak
    }

    /// Its sound in one coding, padded with silence to whole frames of 160 bytes.
    pub fn sound(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcma => &self.alaw,
            Codec::Pcmu => &self.ulaw,
        }
    }

    /// How many frames it has.
    pub fn frames(&self) -> usize {
        self.alaw.len() / FRAME
    }

    /// One frame of 160 bytes.
    pub fn frame(&self, codec: Codec, nth: usize) -> Option<&[u8]> {
        self.sound(codec).get(nth * FRAME..(nth + 1) * FRAME)
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({}, {:?})", self.name, self.duration())
    }
}

/// All samples, 16 bits wide, two channels mixed into one.
fn mono<R: Read>(reader: &mut hound::WavReader<R>) -> Result<Vec<i16>, PromptFault> {
    let spec = reader.spec();
    let all: Result<Vec<f32>, hound::Error> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let full = (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            reader.samples::<i32>().map(|sample| sample.map(|sample| sample as f32 / full)).collect()
        }
    };
    let all = all.map_err(fault)?;
    let step = usize::from(spec.channels);
    Ok(all
        .chunks_exact(step)
        .map(|chunk| (chunk.iter().sum::<f32>() / step as f32 * 32_768.0).round() as i16)
        .collect())
}

fn fault(error: hound::Error) -> PromptFault {
    match error {
        hound::Error::Unsupported | hound::Error::InvalidSampleFormat | hound::Error::TooWide => {
            PromptFault::Coding(error.to_string())
        }
        other => PromptFault::NotWav(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(spec: hound::WavSpec, seconds: f64) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a sound format");
        for n in 0..(f64::from(spec.sample_rate) * seconds) as usize {
            let value = 0.25 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(spec.sample_rate)).sin();
            for _ in 0..spec.channels {
                match spec.sample_format {
                    hound::SampleFormat::Float => writer.write_sample(value as f32).expect("written"),
                    hound::SampleFormat::Int => {
                        let full = f64::from(1u32 << (spec.bits_per_sample - 1));
                        writer.write_sample((value * full).round() as i32).expect("written");
                    }
                }
            }
        }
        writer.finalize().expect("closed");
        bytes.into_inner()
    }

    /// Files of every usual rate, width and number of channels become the same sound: right pitch, right length.
    #[test]
    fn every_usual_file() {
        let wanted = Prompt::tone("a", 440, Duration::from_millis(500));
        for sample_rate in [8000, 16_000, 32_000, 44_100, 48_000] {
            for channels in [1, 2] {
                for (bits_per_sample, sample_format) in [
                    (8, hound::SampleFormat::Int),
                    (16, hound::SampleFormat::Int),
                    (24, hound::SampleFormat::Int),
                    (32, hound::SampleFormat::Int),
                    (32, hound::SampleFormat::Float),
                ] {
                    let spec = hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format };
                    let got = Prompt::from_wav("a", &wav(spec, 0.5)).unwrap_or_else(|fault| panic!("{spec:?} {fault}"));
                    assert_eq!(got.duration().as_millis(), 500, "{spec:?}");
                    let decode = &g711::ALAW_LINEAR;
                    let off = (400..3600)
                        .map(|n| {
                            let (a, b) = (got.alaw[n], wanted.alaw[n]);
                            (i32::from(decode[usize::from(a)]) - i32::from(decode[usize::from(b)])).abs()
                        })
                        .max();
                    assert!(off < Some(600), "{spec:?}: off by {off:?}");
                }
            }
        }
    }

    /// A file that cannot be a prompt is refused with a sentence, cut anywhere it never panics.
    #[test]
    fn faults_are_sentences() {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let told = |bytes: &[u8]| Prompt::from_wav("a", bytes).expect_err("a fault").to_string();
        assert!(told(b"").contains("not a sound WAV"));
        assert!(told(b"ID3\x04mp3 of some kind").contains("not a sound WAV"));
        assert!(told(&wav(spec, 0.0)).contains("length is zero"));
        assert!(told(&wav(hound::WavSpec { channels: 6, ..spec }, 0.1)).contains("6 channels"));
        assert!(told(&wav(hound::WavSpec { sample_rate: 4000, ..spec }, 0.1)).contains("4000 samples"));
        let sound = wav(spec, 0.05);
        for cut in 0..sound.len() {
            let _ = Prompt::from_wav("a", &sound[..cut]);
        }
        assert!(told(&sound[..sound.len() - 100]).contains("cut short"));
        let mut alaw = wav(spec, 0.1);
        alaw[20] = 6;
        assert!(told(&alaw).contains("is not read here"), "{}", told(&alaw));
    }

    /// Frames are whole; the last is filled up with silence.
    #[test]
    fn whole_frames() {
        let prompt = Prompt::from_samples("a", 8000, &[1000; 161]);
        assert_eq!((prompt.frames(), prompt.frame(Codec::Pcma, 2)), (2, None));
        let last = prompt.frame(Codec::Pcmu, 1).expect("a frame");
        assert_eq!((last.len(), last[1], last[159]), (160, 0xff, 0xff));
        assert_eq!(prompt.duration(), Duration::from_micros(20_125));
    }
}
