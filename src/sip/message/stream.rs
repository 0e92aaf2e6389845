//! Cutting messages out of a stream (RFC 3261 §18.3, RFC 5626 §3.5.1 for keep-alives).
//!
//! The connection keeps a buffer; [`next_frame`] says what stands at its beginning. It keeps no state, so the answer does
//! not depend on how the bytes arrived. After [`Frame::Broken`] nobody can say where the next message begins: answer if
//! possible, and close.

use super::parse::{scan_headers, without_leading_line_ends};
use super::{MAX_MESSAGE, ParseError, ParseFault};

/// What stands at the beginning of a stream's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Not enough bytes yet; nothing may be taken.
    Incomplete,
    /// `bytes` line ends between messages: take them. `ping` when they hold a CR LF CR LF, which wants a CR LF back.
    KeepAlive {
        /// How many to take.
        bytes: usize,
        /// Does the peer wait for a pong?
        ping: bool,
    },
    /// A whole message of this many bytes: take them and read them with [`super::Framing::Stream`].
    Message {
        /// How many to take.
        bytes: usize,
    },
    /// The stream cannot be followed any further. Its error says whether the buffer can be answered.
    Broken(ParseError),
}

/// Looks at the beginning of `buffer`.
pub fn next_frame(buffer: &[u8]) -> Frame {
    let rest = without_leading_line_ends(buffer);
    let blank = buffer.len() - rest.len();
    if blank > 0 {
        let line_ends = &buffer[..blank];
        // Half a ping may be all that has come so far. Before a message it is only sloppiness.
        if rest.is_empty() && matches!(line_ends, b"\r" | b"\r\n" | b"\r\n\r") {
            return Frame::Incomplete;
        }
        return Frame::KeepAlive { bytes: blank, ping: line_ends.windows(4).any(|w| w == b"\r\n\r\n") };
    }
    let broken = |fault| Frame::Broken(ParseError::new(fault, super::Message::salvage(buffer).is_some()));
    if memchr::memchr(b'\n', rest).is_none() {
        return if rest.len() > MAX_MESSAGE { broken(ParseFault::TooLarge) } else { Frame::Incomplete };
    }
    match scan_headers(rest) {
        None if rest.len() > MAX_MESSAGE => broken(ParseFault::TooLarge),
        None => Frame::Incomplete,
        Some(Err(fault)) => broken(fault),
        Some(Ok(headers)) => match headers.content_length {
            None => broken(ParseFault::NoContentLength),
            Some(length) if length > MAX_MESSAGE as u64 || headers.body_at + length as usize > MAX_MESSAGE => {
                broken(ParseFault::TooLarge)
            }
            Some(length) if headers.body_at + length as usize > rest.len() => Frame::Incomplete,
            Some(length) => Frame::Message { bytes: headers.body_at + length as usize },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Framing, Message};
    use super::*;

    const ONE: &str = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\n\
                       Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 6\r\n\r\na\r\n\r\nb";

    /// Feeds `stream` in two pieces cut at `cut` and counts messages and pings.
    fn feed(stream: &[u8], cut: usize) -> (usize, usize) {
        let (mut buffer, mut messages, mut pings) = (Vec::new(), 0, 0);
        for piece in [&stream[..cut], &stream[cut..]] {
            buffer.extend_from_slice(piece);
            loop {
                match next_frame(&buffer) {
                    Frame::Incomplete => break,
                    Frame::KeepAlive { bytes, ping } => {
                        pings += usize::from(ping);
                        buffer.drain(..bytes);
                    }
                    Frame::Message { bytes } => {
                        Message::parse(&buffer[..bytes], Framing::Stream).expect("a message");
                        messages += 1;
                        buffer.drain(..bytes);
                    }
                    Frame::Broken(error) => panic!("{error} at cut {cut}"),
                }
            }
        }
        (messages, pings)
    }

    /// Three messages with line ends and a ping between them, cut at every byte: always three messages.
    #[test]
    fn b022_b023_p060_p061_p062_every_cut_gives_the_same() {
        let stream = format!("{ONE}\r\n\r\n{ONE}\n\r\n{ONE}");
        for cut in 0..=stream.len() {
            assert_eq!(feed(stream.as_bytes(), cut).0, 3, "cut at {cut}");
        }
        assert_eq!(feed(b"\r\n\r\n", 2), (0, 1));
    }

    /// Two messages and a half in one piece: two are there at once, the third when its rest has come.
    #[test]
    fn b023_p073_what_is_whole_does_not_wait_for_the_rest() {
        let stream = [ONE, ONE, ONE].concat();
        for half in 2 * ONE.len()..stream.len() {
            let (mut at, mut whole) = (0, 0);
            while let Frame::Message { bytes } = next_frame(&stream.as_bytes()[at..half]) {
                at += bytes;
                whole += 1;
            }
            assert_eq!(whole, 2, "{half}");
            assert_eq!(next_frame(&stream.as_bytes()[at..]), Frame::Message { bytes: ONE.len() }, "{half}");
        }
    }

    /// A length that is folded onto the next line is read when that line is there, wherever the stream was cut. Found by a
    /// fuzzer: the connection was closed at the end of the first line.
    #[test]
    fn b001_b022_folded_length_at_every_cut() {
        let folded = ONE.replace("Content-Length: 6", "Content-Length:\r\n 6");
        for cut in 0..=folded.len() {
            assert_eq!(feed(folded.as_bytes(), cut).0, 1, "cut at {cut}");
        }
    }

    /// Without a sound Content-Length the stream is lost, and the request is answered.
    #[test]
    fn b005_b024_broken_streams() {
        let without = ONE.replace("Content-Length: 6\r\n", "");
        let Frame::Broken(error) = next_frame(without.as_bytes()) else { panic!("not broken") };
        assert_eq!((error.fault, error.is_answerable()), (ParseFault::NoContentLength, true));
        let huge = ONE.replace(": 6\r", ": 18446744073709551615\r");
        assert!(matches!(next_frame(huge.as_bytes()), Frame::Broken(e) if e.fault == ParseFault::TooLarge));
        assert!(matches!(next_frame(b"\x16\x03\x01\x02\n"), Frame::Broken(e) if e.fault == ParseFault::NotSip));
    }
}
