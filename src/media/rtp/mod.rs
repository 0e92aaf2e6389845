//! The RTP packet (RFC 3550 §5.1): read with distrust, written in place.
//!
//! A packet is read as a small value of numbers and offsets, so that the payload can be changed and the header rewritten
//! in the very buffer it came in. Nothing here knows streams; that is [`source`].

pub(super) mod source;

use std::ops::Range;

/// The length of a header without contributors or extension: what we write.
pub(super) const HEADER: usize = 12;

/// The longest payload we take: 240 ms of G.711. Longer ones are not telephony.
pub(super) const PAYLOAD_MAX: usize = 1920;

/// What the header of a packet said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// Where the payload is, without extension and padding.
    pub payload: Range<usize>,
}

/// Why a datagram is not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRtp {
    #[error("shorter than a header")]
    Short,
    #[error("not version 2")]
    Version,
    #[error("a payload type that belongs to RTCP")]
    Rtcp,
    #[error("contributors or extension reach over the end")]
    Cut,
    #[error("the padding is longer than the payload, or of no length")]
    Padding,
    #[error("longer than any voice packet")]
    Long,
}

/// Read a header; every length is checked against the datagram (RFC 3550 A.1).
pub(super) fn parse(bytes: &[u8]) -> Result<Header, NotRtp> {
    let Some((fixed, _)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(NotRtp::Short);
    };
    if fixed[0] >> 6 != 2 {
        return Err(NotRtp::Version);
    }
    // 72 to 76 with the marker bit are the RTCP types 200 to 204, sent to the wrong port.
    if (192..=223).contains(&fixed[1]) {
        return Err(NotRtp::Rtcp);
    }
    let mut start = HEADER + usize::from(fixed[0] & 15) * 4;
    let mut end = bytes.len();
    if fixed[0] & 0x10 != 0 {
        let length = bytes.get(start + 2..start + 4).ok_or(NotRtp::Cut)?;
        start += 4 + usize::from(u16::from_be_bytes([length[0], length[1]])) * 4;
    }
    if start > end {
        return Err(NotRtp::Cut);
    }
    if fixed[0] & 0x20 != 0 {
        let padding = usize::from(bytes[end - 1]);
        if padding == 0 || padding > end - start {
            return Err(NotRtp::Padding);
        }
        end -= padding;
    }
    if end - start > PAYLOAD_MAX {
        return Err(NotRtp::Long);
    }
    Ok(Header {
        payload_type: fixed[1] & 0x7f,
        marker: fixed[1] & 0x80 != 0,
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        payload: start..end,
    })
}

/// Write a plain header into `out`.
pub(super) fn write(out: &mut [u8; HEADER], payload_type: u8, marker: bool, sequence: u16, timestamp: u32, ssrc: u32) {
    out[0] = 0x80;
    out[1] = payload_type & 0x7f | u8::from(marker) << 7;
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

/// The signed distance from `b` to `a` on the circle of timestamps.
pub(super) fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contributors, extension and padding are stepped over, and the payload between them is found.
    #[test]
    fn finds_the_payload() {
        let mut bytes = vec![0x80 | 0x20 | 0x10 | 2, 0x80 | 8, 0x12, 0x34, 0, 0, 1, 0, 0xde, 0xad, 0xbe, 0xef];
        bytes.extend([1, 1, 1, 1, 2, 2, 2, 2]); // two contributors
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]); // an extension of one word
        bytes.extend([0xd5; 160]);
        bytes.extend([0, 0, 0, 4]); // padding
        let header = parse(&bytes).expect("a sound packet");
        assert_eq!(header.payload, 28..188);
        assert_eq!((header.payload_type, header.marker, header.sequence), (8, true, 0x1234));
        assert_eq!((header.timestamp, header.ssrc), (256, 0xdead_beef));
    }

    /// Each cut of each length, and each first byte, is answered and never panics; nothing of another version passes.
    #[test]
    fn no_datagram_panics() {
        let mut bytes = [0x55; 64];
        for first in 0..=255u8 {
            bytes[0] = first;
            for length in 0..bytes.len() {
                let read = parse(&bytes[..length]);
                assert!(read.is_err() || first >> 6 == 2 && length >= HEADER);
                if let Ok(header) = read {
                    assert!(header.payload.end <= length);
                }
            }
        }
        assert_eq!(parse(&[0x80, 200, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]), Err(NotRtp::Rtcp));
        assert_eq!(parse(&[0; 4]), Err(NotRtp::Short));
        assert_eq!(parse(&[0x90, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(NotRtp::Cut));
        assert_eq!(parse(&[0xa0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9]), Err(NotRtp::Padding));
    }

    /// What we write is what another reader reads.
    #[test]
    fn an_independent_reader_agrees() {
        let mut packet = [0xd5; HEADER + 160];
        let (head, _) = packet.split_first_chunk_mut().expect("long enough");
        write(head, 8, true, 65_535, 0xffff_ff60, 0x0102_0304);
        let reader = rtp_rs::RtpReader::new(&packet).expect("rtp-rs reads it");
        assert_eq!((reader.version(), reader.payload_type(), reader.mark()), (2, 8, true));
        assert_eq!((u16::from(reader.sequence_number()), reader.timestamp()), (65_535, 0xffff_ff60));
        assert_eq!((reader.ssrc(), reader.csrc_count(), reader.padding()), (0x0102_0304, 0, None));
        assert_eq!(reader.payload(), &packet[HEADER..]);
    }
}
