//! The codings of voice: for now the two of G.711, which every telephone speaks.
//!
//! What the rest of the room needs of a coding is here as tables, so that converting a frame is a look-up per byte.

pub(super) mod g711;

use crate::sdp::Codec;

/// Samples per second, and RTP timestamp units per second: the same for G.711.
pub(super) const RATE_HZ: u32 = 8000;

/// Samples (and bytes) of one frame of ours: 20 ms.
pub(super) const FRAME: usize = 160;

/// The byte that sounds like nothing.
pub(super) const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcma => 0xd5,
        Codec::Pcmu => 0xff,
    }
}

/// One frame of nothing.
pub(super) const fn silent_frame(codec: Codec) -> &'static [u8; FRAME] {
    const ALAW: [u8; FRAME] = [silence(Codec::Pcma); FRAME];
    const ULAW: [u8; FRAME] = [silence(Codec::Pcmu); FRAME];
    match codec {
        Codec::Pcma => &ALAW,
        Codec::Pcmu => &ULAW,
    }
}

/// Rewrite voice from one coding into another, where it lies.
pub(super) fn convert(from: Codec, to: Codec, voice: &mut [u8]) {
    let table = match (from, to) {
        (Codec::Pcma, Codec::Pcmu) => &g711::ALAW_TO_ULAW,
        (Codec::Pcmu, Codec::Pcma) => &g711::ULAW_TO_ALAW,
        (Codec::Pcma, Codec::Pcma) | (Codec::Pcmu, Codec::Pcmu) => return,
    };
    for byte in voice {
        *byte = table[usize::from(*byte)];
    }
}

/// What a byte of voice means, as a linear sample of 16 bits.
pub(super) const fn linear(codec: Codec) -> &'static [i16; 256] {
    match codec {
        Codec::Pcma => &g711::ALAW_LINEAR,
        Codec::Pcmu => &g711::ULAW_LINEAR,
    }
}
