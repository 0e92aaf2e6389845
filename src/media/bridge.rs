//! Two voices joined: what one leg says is sent to the other at once, from the buffer it came in.
//!
//! The packet gets our own header (RFC 3550 §7.1: we are the source the peer knows), and another coding where the legs
//! differ. Its length is left as it is, since every telephone must take up to 200 ms (RFC 3551 §4.2). Keys are told to
//! the call, not passed on: what a caller presses is not for a listener's telephone.

use crate::clock::Instant;

use super::codec;
use super::output::Passed;
use super::rtp::HEADER;
use super::stream::{Heard, Stream};
use super::{DropReason, Io};

/// Send what was `heard` (it lies in `bytes`) to `to`.
pub(super) fn pass(
    now: Instant,
    to: &mut Stream,
    heard: &Heard,
    bytes: &mut [u8],
    io: &mut impl Io,
) -> Result<(), DropReason> {
    let (Some(target), Some(audio)) = (to.target(), &to.audio) else {
        return Err(DropReason::Unheard);
    };
    if to.is_occupied() {
        return Err(DropReason::Unheard);
    }
    let Some(voice) = heard.voice else {
        to.out.absorb(heard.source, heard.number);
        return Ok(());
    };
    codec::convert(voice, audio.codec, &mut bytes[heard.payload.clone()]);
    // Whatever header there was, it is at least as long as ours.
    let packet = &mut bytes[heard.payload.start - HEADER..heard.payload.end];
    let payload_type = audio.send_payload_type;
    let passed = Passed {
        source: heard.source,
        number: heard.number,
        timestamp: heard.timestamp,
        samples: heard.payload.len() as u32,
        marker: heard.marker,
    };
    let head = packet.first_chunk_mut::<HEADER>().ok_or(DropReason::NotRtp)?;
    to.out.pass(now, &passed, payload_type, head).ok_or(DropReason::Late)?;
    to.send(target, packet, io);
    Ok(())
}
