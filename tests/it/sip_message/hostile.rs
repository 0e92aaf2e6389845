//! Bytes from nobody we know: cut anywhere, changed anyhow. Nothing panics, nothing runs away.

use ecoute::ids::IdSource;
use ecoute::sip::message::{Frame, Framing, Message, MessageWriter, NameAddr, Uri, Via, next_frame, validate};

use super::{corpus, read_everything};

/// Everything one can do with unknown bytes. The result only keeps the work from being optimised away.
fn try_everything(bytes: &[u8]) -> usize {
    let mut seen = 0;
    for framing in [Framing::Datagram, Framing::Stream] {
        if let Ok(message) = Message::parse(bytes, framing) {
            seen += read_everything(&message) + usize::from(validate(&message).is_ok());
            if message.is_answerable() {
                seen += answer(&message);
            }
        }
    }
    if let Some(message) = Message::salvage(bytes) {
        seen += read_everything(&message) + answer(&message);
    }
    if let Frame::Message { bytes: taken } = next_frame(bytes) {
        assert!(taken <= bytes.len());
    }
    seen
}

/// Answers a request; the answer must be readable, sound in form, and of one message.
fn answer(request: &Message<'_>) -> usize {
    let source = "198.51.100.7:5060".parse().ok();
    let bytes = MessageWriter::response_to(request, 400, Some(b"t"), source).finish();
    let response = Message::parse(&bytes, Framing::Stream).expect("our own response can be read");
    assert_eq!((response.status(), response.as_bytes().len()), (Some(400), bytes.len()));
    assert_eq!(response.call_id(), request.call_id().map(|id| id.to_vec()).as_deref().map(unfolded).as_deref());
    bytes.len()
}

/// As it may be written: on one line, and with spaces for what no value may hold.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut line = ecoute::sip::message::unfold(value).into_owned();
    line.iter_mut().filter(|byte| matches!(byte, 0..=8 | 10..=31 | 127)).for_each(|byte| *byte = b' ');
    line.trim_ascii().to_vec()
}

/// Each message, cut at each byte.
#[test]
fn cut_at_each_byte() {
    for (_, bytes) in corpus() {
        for cut in 0..=bytes.len() {
            try_everything(&bytes[..cut]);
        }
    }
}

/// 60 000 messages with bytes changed, dropped, doubled, spliced from others.
#[test]
fn mutated() {
    const PIECES: [&[u8]; 16] = [
        b"\r\n",
        b"\n",
        b"\"",
        b"<",
        b">",
        b";",
        b",",
        b"\\",
        b":",
        b"@",
        b"\0",
        b"%",
        b"[",
        b"\xff",
        b"99999999999999999999",
        b"\r\n ",
    ];
    let corpus = corpus();
    let mut chance = IdSource::from_number(3977);
    for _ in 0..60_000 {
        let mut bytes = pick(&corpus, &mut chance).1.clone();
        for _ in 0..=chance.below(6) {
            let at = chance.below(bytes.len() as u64 + 1) as usize;
            let end = (at + chance.below(24) as usize).min(bytes.len());
            match chance.below(6) {
                0 if at < bytes.len() => bytes[at] = chance.next_u32() as u8,
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                3 => {
                    let other = &pick(&corpus, &mut chance).1;
                    let from = chance.below(other.len() as u64 + 1) as usize;
                    bytes.splice(at..end, other[from..(from + 40).min(other.len())].iter().copied());
                }
                4 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, pick(&PIECES, &mut chance).iter().copied())),
            }
        }
        try_everything(&bytes);
    }
}

/// Values alone, of random bytes out of the grammar's own alphabet.
#[test]
fn random_values() {
    const ALPHABET: &[u8] = b"SIP/2.0 UDP\t\r\n\"\\<>;:=,@[]%?&*()ab1\0\xe9";
    let mut chance = IdSource::from_number(4475);
    for _ in 0..100_000 {
        let value: Vec<u8> = (0..chance.below(40)).map(|_| *pick(ALPHABET, &mut chance)).collect();
        if let Ok(address) = NameAddr::parse(&value) {
            assert!(!address.uri.is_empty());
            address.display_text();
        }
        if let Ok(via) = Via::parse(&value) {
            assert!(!via.host.is_empty());
        }
        if let Ok(uri) = Uri::parse(&value) {
            assert!(uri.equivalent(&uri), "a URI is itself");
        }
    }
}

/// The longest and the widest: 65 535 bytes of one header, of commas, of quotes, of folds.
#[test]
fn large() {
    for piece in ["a", ",", "\"", "<", ";", "\r\n ", "x:y\r\n", ";a=\"", "sip:a@b,", "--", "v:SIP/2.0/UDP h,"] {
        let head = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>\r\nTo: <sip:a@h>\r\nCall-ID: c\r\n\
                    CSeq: 1 INVITE\r\nm: ";
        let room = 65_535 - head.len() - 4;
        let bytes = format!("{head}{}\r\n\r\n", piece.repeat(room / piece.len()));
        try_everything(bytes.as_bytes());
    }
}

fn pick<'a, T>(from: &'a [T], chance: &mut IdSource) -> &'a T {
    &from[chance.below(from.len() as u64) as usize]
}
