//! ITU-T G.711: A-law (Europe) and µ-law (America, Japan), as tables computed by the compiler.
//!
//! Linear samples are 16 bits wide; the laws are 13 and 14 bits wide, so their values are scaled by 8 and 4.

/// A-law byte → linear.
pub(in crate::media) static ALAW_LINEAR: [i16; 256] = {
    let mut out = [0; 256];
    let mut n = 0;
    while n < 256 {
        out[n] = alaw_to_linear(n as u8);
        n += 1;
    }
    out
};
/// µ-law byte → linear.
pub(in crate::media) static ULAW_LINEAR: [i16; 256] = {
    let mut out = [0; 256];
    let mut n = 0;
    while n < 256 {
        out[n] = ulaw_to_linear(n as u8);
        n += 1;
    }
    out
};
/// A-law byte → µ-law byte.
pub(in crate::media) static ALAW_TO_ULAW: [u8; 256] = {
    let mut out = [0; 256];
    let mut n = 0;
    while n < 256 {
        out[n] = linear_to_ulaw(alaw_to_linear(n as u8));
        n += 1;
    }
    out
};
/// µ-law byte → A-law byte.
pub(in crate::media) static ULAW_TO_ALAW: [u8; 256] = {
    let mut out = [0; 256];
    let mut n = 0;
    while n < 256 {
        out[n] = linear_to_alaw(ulaw_to_linear(n as u8));
        n += 1;
    }
    out
};

/// The A-law byte for a sample. Even bits are inverted on the line (G.711 table 1a, note 2).
pub(in crate::media) const fn linear_to_alaw(sample: i16) -> u8 {
    let sign = if sample >= 0 { 0x80 } else { 0 };
    let magnitude = (if sample >= 0 { sample } else { !sample } as u16) >> 4;
    let code = if magnitude < 32 {
        magnitude
    } else {
        // Five significant bits, the leading one implied by the segment.
        let segment = 16 - magnitude.leading_zeros() as u16 - 4;
        (magnitude >> (segment - 1)) - 16 + (segment << 4)
    };
    (code as u8 | sign) ^ 0x55
}

/// The µ-law byte for a sample. All bits are inverted on the line (G.711 table 2a, note 2).
pub(in crate::media) const fn linear_to_ulaw(sample: i16) -> u8 {
    const BIAS: u16 = 33;
    let sign = if sample >= 0 { 0 } else { 0x80 };
    let mut magnitude = ((if sample >= 0 { sample } else { !sample } as u16) >> 2) + BIAS;
    if magnitude > 0x1fff {
        magnitude = 0x1fff;
    }
    let segment = 16 - magnitude.leading_zeros() as u16 - 6;
    let step = magnitude >> (segment + 1) & 15;
    !(sign | (segment as u8) << 4 | step as u8)
}

const fn alaw_to_linear(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let segment = code >> 4 & 7;
    let step = (code & 15) as i16;
    // The middle of the interval.
    let magnitude = if segment == 0 { step << 4 | 8 } else { (step << 4 | 0x108) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn ulaw_to_linear(byte: u8) -> i16 {
    let code = !byte;
    let segment = code >> 4 & 7;
    let step = (code & 15) as i16;
    let magnitude = ((step << 3 | 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sample is coded as the recommendation's table says.
    #[test]
    fn alaw_follows_the_table() {
        // Table 1a: segments end at 64 (two of 32 steps of 2), 128, 256 … 4096; positive values, in 1/4096.
        for sample in 0..=i16::MAX {
            let linear = i32::from(sample) >> 3;
            let (segment, step) = match linear {
                0..32 => (0, linear / 2),
                32..64 => (1, (linear - 32) / 2),
                _ => {
                    let segment = linear.ilog2() as usize - 4;
                    (segment, (linear - (32 << (segment - 1))) / (1 << segment))
                }
            };
            let code = (0x80 | (segment as u8) << 4 | step as u8) ^ 0x55;
            assert_eq!(linear_to_alaw(sample), code, "{sample}");
            assert_eq!(linear_to_alaw(!sample), code ^ 0x80, "{}", !sample);
        }
    }

    /// Every sample is coded as the recommendation's table says.
    #[test]
    fn ulaw_follows_the_table() {
        // Table 2a: segments end at 31, 95, 223, 479, 991, 2015, 4063, 8159, in 1/8159; steps 2, 4, 8 … 256, the very
        // first interval being half as wide.
        let ends = [31, 95, 223, 479, 991, 2015, 4063, 8159];
        for sample in 0..=i16::MAX {
            let linear = (i32::from(sample) >> 2).min(8158);
            let segment = ends.iter().position(|end| linear < *end).expect("below the last");
            let step = if segment == 0 { (linear + 1) / 2 } else { (linear - ends[segment - 1]) / (2 << segment) };
            let code = !((segment as u8) << 4 | step as u8);
            assert_eq!(linear_to_ulaw(sample), code, "{sample}");
            assert_eq!(linear_to_ulaw(!sample), code & 0x7f, "{}", !sample);
        }
    }

    /// Coding what was decoded gives the same byte: a voice is not worn by passing through (but for the two zeros of
    /// µ-law).
    #[test]
    fn decoding_and_coding_is_nothing() {
        for byte in 0..=255u8 {
            assert_eq!(linear_to_alaw(ALAW_LINEAR[usize::from(byte)]), byte);
            let again = linear_to_ulaw(ULAW_LINEAR[usize::from(byte)]);
            assert_eq!(again, if byte == 0x7f { 0xff } else { byte });
        }
    }

    /// Converting between the laws lands beside the nearest value (the laws themselves decide no nearer where their
    /// segments meet), and there and back changes a sample by one step at most.
    #[test]
    fn conversion_is_near() {
        for byte in 0..=255usize {
            let wanted = i32::from(ALAW_LINEAR[byte]);
            let got = i32::from(ULAW_LINEAR[usize::from(ALAW_TO_ULAW[byte])]);
            let best = ULAW_LINEAR.iter().map(|v| (i32::from(*v) - wanted).abs()).min().expect("256 values");
            assert!((got - wanted).abs() <= 2 * best + 8, "{byte}: {wanted} became {got}");
            let back = ULAW_TO_ALAW[usize::from(ALAW_TO_ULAW[byte])] ^ 0x55;
            assert!((i16::from(back) - (byte as i16 ^ 0x55)).abs() <= 1, "{byte:#x} came back as {back:#x}");
        }
        assert_eq!((ALAW_TO_ULAW[0xd5], ULAW_TO_ALAW[0xff]), (0xfe, 0xd5), "silence stays the quietest step");
    }
}
