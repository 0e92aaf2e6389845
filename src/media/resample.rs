//! From any sampling rate to the telephone's 8000 Hz, once, when a prompt is loaded.
//!
//! A windowed sinc (Kaiser), one filter per phase: what lies above half the lower rate is taken away first, so that
//! nothing of it comes back as a false tone.

use std::f64::consts::PI;

use super::codec::RATE_HZ;

/// Zero crossings of the sinc on each side: the sharpness of the filter.
const CROSSINGS: f64 = 24.0;
/// Kaiser's shape: about 80 dB of rejection.
const BETA: f64 = 8.0;
/// The pass band, as a part of half the lower rate.
const PASS: f64 = 0.94;

/// The same sound at 8000 Hz.
pub(super) fn to_telephone_rate(rate_hz: u32, samples: &[i16]) -> Vec<i16> {
    if rate_hz == RATE_HZ || rate_hz == 0 {
        return samples.to_vec();
    }
    let common = gcd(rate_hz, RATE_HZ);
    // Output n lies at input n · up / down: there are `down` different fractions.
    let (up, down) = (u64::from(rate_hz / common), u64::from(RATE_HZ / common));
    let cutoff = PASS * f64::from(RATE_HZ.min(rate_hz)) / f64::from(rate_hz);
    let reach = (CROSSINGS / cutoff).ceil() as i64;
    let phases: Vec<Vec<f32>> = (0..down).map(|phase| filter(phase as f64 / down as f64, cutoff, reach)).collect();
    let count = (samples.len() as u64 * down).div_ceil(up);
    (0..count)
        .map(|n| {
            let place = n * up;
            let centre = (place / down) as i64;
            let taps = &phases[(place % down) as usize];
            let first = centre - reach;
            let sum: f32 = taps
                .iter()
                .enumerate()
                .filter_map(|(tap, weight)| {
                    let at = usize::try_from(first + tap as i64).ok()?;
                    Some(weight * f32::from(*samples.get(at)?))
                })
                .sum();
            sum.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
        })
        .collect()
}

/// The weights of the inputs around one output that lies `fraction` after an input; they add up to one.
fn filter(fraction: f64, cutoff: f64, reach: i64) -> Vec<f32> {
    let weights: Vec<f64> = (-reach..=reach)
        .map(|tap| {
            let distance = tap as f64 - fraction;
            let edge = distance / (reach as f64 + 1.0);
            let window = bessel(BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel(BETA);
            let x = PI * distance * cutoff;
            window * if x.abs() < 1e-9 { 1.0 } else { x.sin() / x }
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// The modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-12 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f64, seconds: f64) -> Vec<i16> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|n| (10_000.0 * (2.0 * PI * hz * n as f64 / f64::from(rate)).sin()).round() as i16).collect()
    }

    /// A tone keeps its pitch, its length and its strength from every usual rate.
    #[test]
    fn pitch_and_length() {
        for rate in [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            let got = to_telephone_rate(rate, &tone(rate, 440.0, 0.5));
            let wanted = tone(8000, 440.0, 0.5);
            assert!(got.len().abs_diff(wanted.len()) <= 1, "{rate}");
            let worst = (400..3600).map(|n| (i32::from(got[n]) - i32::from(wanted[n])).abs()).max();
            assert!(worst < Some(60), "{rate}: off by {worst:?}");
        }
    }

    /// What a telephone cannot carry is gone, and does not come back as another tone.
    #[test]
    fn no_false_tones() {
        for (rate, hz) in [(44_100, 5000.0), (48_000, 7600.0), (16_000, 6000.0)] {
            let got = to_telephone_rate(rate, &tone(rate, hz, 0.5));
            let loudest = got[400..3600].iter().map(|sample| sample.unsigned_abs()).max();
            assert!(loudest < Some(40), "{rate}: {loudest:?}");
        }
    }

    /// Nothing in, nothing out.
    #[test]
    fn empty() {
        assert!(to_telephone_rate(44_100, &[]).is_empty());
    }
}
