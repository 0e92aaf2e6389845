//! Bodies in several parts (RFC 2046 §5.1, RFC 5621): an SDP beside the ISUP of an exchange, for instance. Parts are read
//! where they lie, binary ones included.

use std::fmt;

use super::name::identify;
use super::text::{trim, trim_end};
use super::{HeaderName, MediaType, Message};

/// One part of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its Content-Type.
    pub media_type: Option<MediaType<'a>>,
    /// Its Content-Disposition, as written.
    pub disposition: Option<&'a [u8]>,
    /// Its bytes.
    pub body: &'a [u8],
}

impl Part<'_> {
    /// May the part be ignored when its type is not understood (`handling=optional`, RFC 3261 §20.11)?
    pub fn is_optional(&self) -> bool {
        let params = self.disposition.map(|d| super::params::split_params(d).1);
        params.and_then(|p| p.get("handling")).is_some_and(|h| h.eq_ignore_ascii_case(b"optional"))
    }
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({:?}, {} bytes)", self.media_type, self.body.len())
    }
}

/// The parts of a body, one by one. A multipart inside a multipart comes as one part.
#[derive(Clone, Debug)]
pub struct Parts<'a>(State<'a>);

#[derive(Clone, Debug)]
enum State<'a> {
    Whole(Part<'a>),
    Several { boundary: &'a [u8], rest: &'a [u8] },
    Done,
}

impl<'a> Parts<'a> {
    /// The parts of `message`'s body: the body itself unless it is a multipart; none when it is empty.
    pub(super) fn of(message: &Message<'a>) -> Parts<'a> {
        let (media_type, body) = (message.content_type(), message.body());
        if body.is_empty() {
            return Parts(State::Done);
        }
        let boundary = media_type
            .filter(|t| t.kind.eq_ignore_ascii_case(b"multipart"))
            .and_then(|t| t.params.get("boundary"))
            .filter(|b| !b.is_empty());
        Parts(match boundary {
            Some(boundary) => match delimiter(body, boundary) {
                Some((_, after)) => State::Several { boundary, rest: &body[after..] },
                None => State::Done,
            },
            None => {
                State::Whole(Part { media_type, disposition: message.header(HeaderName::ContentDisposition), body })
            }
        })
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        match std::mem::replace(&mut self.0, State::Done) {
            State::Done => None,
            State::Whole(part) => Some(part),
            State::Several { boundary, rest } => {
                // Directly behind a delimiter: `--` closes, otherwise the rest of the line is blank.
                if rest.starts_with(b"--") {
                    return None;
                }
                let line_end = memchr::memchr(b'\n', rest)?;
                let part = &rest[line_end + 1..];
                // A last part whose closing delimiter was forgotten runs to the end.
                let (end, after) = delimiter(part, boundary).unwrap_or((part.len(), part.len()));
                if after < part.len() {
                    self.0 = State::Several { boundary, rest: &part[after..] };
                }
                Some(read_part(&part[..end]))
            }
        }
    }
}

/// Where the next delimiter line begins (with the line end before it) and where its boundary ends.
fn delimiter(body: &[u8], boundary: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let at = from + memchr::memmem::find(&body[from..], b"--")?;
        let at_line_start = at == 0 || body[at - 1] == b'\n';
        if at_line_start && body[at + 2..].starts_with(boundary) {
            let before = body[..at].strip_suffix(b"\n").map_or(at, |b| b.strip_suffix(b"\r").unwrap_or(b).len());
            return Some((before, at + 2 + boundary.len()));
        }
        from = at + 1;
    }
}

/// Headers up to an empty line, then the body.
fn read_part(part: &[u8]) -> Part<'_> {
    let mut read = Part { media_type: None, disposition: None, body: b"" };
    let mut at = 0;
    while let Some(mut end) = memchr::memchr(b'\n', &part[at..]).map(|n| at + n) {
        if trim_end(&part[at..end]).is_empty() {
            read.body = &part[end + 1..];
            break;
        }
        while let Some(b' ' | b'\t') = part.get(end + 1) {
            match memchr::memchr(b'\n', &part[end + 1..]) {
                Some(n) => end += 1 + n,
                None => return read,
            }
        }
        if let Some(colon) = memchr::memchr(b':', &part[at..end]).map(|n| at + n) {
            let (name, value) = (identify(trim(&part[at..colon])), trim(&part[colon + 1..end]));
            if name == HeaderName::ContentType.id() {
                read.media_type = MediaType::parse(value);
            } else if name == HeaderName::ContentDisposition.id() {
                read.disposition = Some(value);
            }
        }
        at = end + 1;
    }
    read
}

#[cfg(test)]
mod tests {
    use super::super::Framing;
    use super::*;

    /// The SDP is found beside a binary ISUP part, and the ISUP is optional.
    #[test]
    fn p040_sdp_beside_isup() {
        let body = b"preamble\r\n--b-1\r\nContent-Type: application/isup\r\nContent-Disposition: signal;handling=optional\r\n\r\n\
                     \x01\x00\r\n--b\r\xff\r\n--b-1\r\nc: application/sdp\r\n\r\nv=0\r\n\r\n--b-1--\r\nepilogue";
        let head = format!("INVITE sip:h SIP/2.0\r\nc: multipart/mixed;boundary=\"b-1\"\r\nl: {}\r\n\r\n", body.len());
        let bytes = [head.as_bytes(), body].concat();
        let message = Message::parse(&bytes, Framing::Datagram).expect("a message");
        let parts: Vec<Part<'_>> = message.parts().collect();
        assert_eq!(parts.len(), 2);
        assert!(parts[0].is_optional() && !parts[1].is_optional());
        assert_eq!(parts[0].body, b"\x01\x00\r\n--b\r\xff");
        assert_eq!(message.body_of_type("application/sdp"), Some(b"v=0\r\n".as_slice()));
    }

    /// A plain body is one part, and an empty one none.
    #[test]
    fn plain_bodies() {
        let message =
            Message::parse(b"INVITE sip:h SIP/2.0\r\nc: application/sdp\r\n\r\nv=0", Framing::Datagram).expect("one");
        assert_eq!(message.body_of_type("application/sdp"), Some(b"v=0".as_slice()));
        let message =
            Message::parse(b"INVITE sip:h SIP/2.0\r\nc: application/sdp\r\n\r\n", Framing::Datagram).expect("one");
        assert_eq!(message.parts().count(), 0);
    }
}
