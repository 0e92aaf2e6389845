//! Writing messages: the only place where SIP is put into bytes.
//!
//! Whatever is handed in, what comes out has exactly the headers that were asked for: line ends in values become spaces,
//! names and URIs lose what cannot stand in them, display names are quoted. Content-Length is always written, last.

use std::fmt;

use super::name::identify;
use super::text::{is_token, is_token_byte};
use super::{HeaderName, Message, Method, reason_phrase};

/// A message being written: the start line at once, then header by header, then [`MessageWriter::finish`].
#[derive(Clone)]
pub struct MessageWriter {
    out: Vec<u8>,
}

impl MessageWriter {
    /// A request. Headers follow in the order they are asked for; Via should be the first.
    pub fn request(method: Method<'_>, uri: &[u8]) -> MessageWriter {
        let mut writer = MessageWriter { out: Vec::with_capacity(1024) };
        writer.token(method.as_bytes());
        writer.out.push(b' ');
        writer.uri(uri);
        writer.out.extend_from_slice(b" SIP/2.0\r\n");
        writer
    }

    /// A response with the usual phrase. [`MessageWriter::response_to`] copies what a response must repeat.
    pub fn response(code: u16) -> MessageWriter {
        MessageWriter::response_with_reason(code, reason_phrase(code).as_bytes())
    }

    /// A response with a phrase of its own.
    pub fn response_with_reason(code: u16, reason: &[u8]) -> MessageWriter {
        let mut writer = MessageWriter { out: Vec::with_capacity(1024) };
        writer.out.extend_from_slice(b"SIP/2.0 ");
        writer.decimal(u64::from(code.clamp(100, 699)));
        writer.out.push(b' ');
        writer.text(reason);
        writer.out.extend_from_slice(b"\r\n");
        writer
    }

    /// Any header with this value. Content-Length is left out: it is always ours.
    pub fn header(&mut self, name: HeaderName<'_>, value: &[u8]) -> &mut MessageWriter {
        self.line(name, |line| line.text(value))
    }

    /// Any header with a number. Content-Length is left out: it is always ours.
    pub fn number(&mut self, name: HeaderName<'_>, value: u64) -> &mut MessageWriter {
        self.line(name, |line| line.decimal(value))
    }

    /// A Via of our own. `sent_by` is host and port as they stand in a URI; `rport` asks for RFC 3581.
    pub fn via(&mut self, transport: &str, sent_by: &str, branch: &[u8], rport: bool) -> &mut MessageWriter {
        self.name(HeaderName::Via);
        self.out.extend_from_slice(b"SIP/2.0/");
        self.token(transport.as_bytes());
        self.out.push(b' ');
        self.text(sent_by.as_bytes());
        if rport {
            self.out.extend_from_slice(b";rport");
        }
        self.param("branch", branch);
        self.end_line()
    }

    /// An address: `"display" <uri>;params`. An empty display name is left out; a parameter with an empty value is a flag.
    pub fn address(
        &mut self,
        name: HeaderName<'_>,
        display: &[u8],
        uri: &[u8],
        params: &[(&str, &[u8])],
    ) -> &mut MessageWriter {
        self.line(name, |line| {
            if !display.is_empty() {
                line.quoted(display);
                line.out.push(b' ');
            }
            line.out.push(b'<');
            line.uri(uri);
            line.out.push(b'>');
            for (name, value) in params {
                line.param(name, value);
            }
        })
    }

    /// From.
    pub fn from(&mut self, display: &[u8], uri: &[u8], tag: &[u8]) -> &mut MessageWriter {
        self.address(HeaderName::From, display, uri, &[("tag", tag)])
    }

    /// To; with a tag once the dialog has one.
    pub fn to(&mut self, display: &[u8], uri: &[u8], tag: Option<&[u8]>) -> &mut MessageWriter {
        match tag {
            Some(tag) => self.address(HeaderName::To, display, uri, &[("tag", tag)]),
            None => self.address(HeaderName::To, display, uri, &[]),
        }
    }

    /// Call-ID.
    pub fn call_id(&mut self, id: &[u8]) -> &mut MessageWriter {
        self.header(HeaderName::CallId, id)
    }

    /// CSeq.
    pub fn cseq(&mut self, number: u32, method: Method<'_>) -> &mut MessageWriter {
        self.name(HeaderName::CSeq);
        self.decimal(u64::from(number));
        self.out.push(b' ');
        self.token(method.as_bytes());
        self.end_line()
    }

    /// Max-Forwards.
    pub fn max_forwards(&mut self, hops: u8) -> &mut MessageWriter {
        self.number(HeaderName::MaxForwards, u64::from(hops))
    }

    /// A Contact without name or parameters.
    pub fn contact(&mut self, uri: &[u8]) -> &mut MessageWriter {
        self.address(HeaderName::Contact, b"", uri, &[])
    }

    /// One Route line for each value, in order; each is a whole value as it stood in a Record-Route (brackets included).
    pub fn routes<'v>(&mut self, values: impl IntoIterator<Item = &'v [u8]>) -> &mut MessageWriter {
        for value in values {
            self.header(HeaderName::Route, value);
        }
        self
    }

    /// Every line of this header of a received message, unfolded.
    pub fn copy(&mut self, message: &Message<'_>, name: HeaderName<'_>) -> &mut MessageWriter {
        for value in message.headers_of(name) {
            self.header(name, value);
        }
        self
    }

    /// Ends a message without a body.
    pub fn finish(&mut self) -> Vec<u8> {
        self.end(&[])
    }

    /// Ends a message with a body of this type.
    pub fn finish_with_body(&mut self, content_type: &str, body: &[u8]) -> Vec<u8> {
        self.header(HeaderName::ContentType, content_type.as_bytes());
        self.end(body)
    }

    fn end(&mut self, body: &[u8]) -> Vec<u8> {
        self.name(HeaderName::ContentLength);
        self.decimal(body.len() as u64);
        self.out.extend_from_slice(b"\r\n\r\n");
        self.out.extend_from_slice(body);
        std::mem::take(&mut self.out)
    }
}

/// Pieces of lines, for this room.
impl MessageWriter {
    /// The name of a header, its colon and a space.
    pub(super) fn name(&mut self, name: HeaderName<'_>) {
        self.token(name.as_bytes());
        self.out.extend_from_slice(b": ");
    }

    /// A whole line, unless its name is another Content-Length once it has been made a token: a second one would move the
    /// end of the body.
    fn line(&mut self, name: HeaderName<'_>, value: impl FnOnce(&mut MessageWriter)) -> &mut MessageWriter {
        let start = self.out.len();
        self.token(name.as_bytes());
        if identify(&self.out[start..]) == HeaderName::ContentLength.id() {
            self.out.truncate(start);
            return self;
        }
        self.out.extend_from_slice(b": ");
        value(self);
        self.end_line()
    }

    pub(super) fn end_line(&mut self) -> &mut MessageWriter {
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// A value. A line end and the blanks around it become one space, so no value can begin a line of its own; what else no
    /// value may hold (NUL, escape, delete) becomes a space as well.
    pub(super) fn text(&mut self, value: &[u8]) {
        let start = self.out.len();
        self.out.extend_from_slice(&super::unfold(value));
        for byte in &mut self.out[start..] {
            if matches!(byte, 0..=8 | 10..=31 | 127) {
                *byte = b' ';
            }
        }
    }

    /// A parameter; quoted when its value is neither a token nor a host.
    pub(super) fn param(&mut self, name: &str, value: &[u8]) {
        self.out.push(b';');
        self.token(name.as_bytes());
        if value.is_empty() {
            return;
        }
        self.out.push(b'=');
        if value.iter().all(|b| is_token_byte(*b) || matches!(b, b'[' | b']' | b':')) {
            self.out.extend_from_slice(value);
        } else {
            self.quoted(value);
        }
    }

    /// A quoted string: quotes and backslashes escaped, control characters as spaces.
    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for byte in text {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', *byte]),
                0..=31 | 127 => self.out.push(b' '),
                _ => self.out.push(*byte),
            }
        }
        self.out.push(b'"');
    }

    /// A URI: what would end it early is escaped.
    fn uri(&mut self, uri: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in uri {
            match byte {
                0..=32 | 127 | b'<' | b'>' | b'"' => {
                    self.out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                }
                _ => self.out.push(*byte),
            }
        }
    }

    /// A token; what cannot stand in one becomes a dash.
    fn token(&mut self, token: &[u8]) {
        if is_token(token) {
            self.out.extend_from_slice(token);
        } else {
            self.out.extend(token.iter().map(|b| if is_token_byte(*b) { *b } else { b'-' }));
            if token.is_empty() {
                self.out.push(b'-');
            }
        }
    }

    pub(super) fn decimal(&mut self, mut value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

impl fmt::Debug for MessageWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageWriter({} bytes)", self.out.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Framing;
    use super::*;

    /// An INVITE as a person would write it.
    #[test]
    fn golden_invite() {
        let mut writer = MessageWriter::request(Method::Invite, b"sip:odile@192.0.2.9:5062");
        writer
            .via("UDP", "192.0.2.1:5060", b"z9hG4bKabc", true)
            .max_forwards(70)
            .from("3977 \"Isère\"".as_bytes(), b"sip:3977@192.0.2.1", b"t1")
            .to(b"", b"sip:odile@192.0.2.1", None)
            .call_id(b"c1")
            .cseq(1, Method::Invite)
            .contact(b"sip:192.0.2.1:5060")
            .routes([b"<sip:p1;lr>".as_slice(), b"<sip:p2;lr>"]);
        let bytes = writer.finish_with_body("application/sdp", b"v=0\r\n");
        let expected = "INVITE sip:odile@192.0.2.9:5062 SIP/2.0\r\n\
                        Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc\r\n\
                        Max-Forwards: 70\r\n\
                        From: \"3977 \\\"Isère\\\"\" <sip:3977@192.0.2.1>;tag=t1\r\n\
                        To: <sip:odile@192.0.2.1>\r\n\
                        Call-ID: c1\r\n\
                        CSeq: 1 INVITE\r\n\
                        Contact: <sip:192.0.2.1:5060>\r\n\
                        Route: <sip:p1;lr>\r\n\
                        Route: <sip:p2;lr>\r\n\
                        Content-Type: application/sdp\r\n\
                        Content-Length: 5\r\n\r\nv=0\r\n";
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    /// No value, name, URI or parameter can begin a line of its own.
    #[test]
    fn p056_nothing_can_be_injected() {
        let evil = b"x\r\nX-Evil: 1\n\r\n<>\"";
        let mut writer = MessageWriter::request(Method::Other(evil), evil);
        writer
            .via("UDP\r\nX-Evil: 1", "h\r\nX-Evil: 1", evil, false)
            .header(HeaderName::Other(evil), evil)
            .address(HeaderName::From, evil, evil, &[("tag\r\nX-Evil", evil)])
            .call_id(evil)
            .cseq(1, Method::Other(evil));
        let bytes = writer.finish_with_body("text/plain\r\nX-Evil: 1", b"");
        let message = Message::parse(&bytes, Framing::Datagram).expect("a message");
        assert_eq!(message.header(HeaderName::Other(b"X-Evil")), None);
        assert_eq!(message.header_count(), 7);
        assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 9);
    }

    /// Any bytes, and often those that mean something.
    fn treacherous() -> impl Strategy<Value = Vec<u8>> {
        let marks = proptest::sample::select(b"\r\n\0\t :;,<>\"\\".to_vec());
        proptest::collection::vec(prop_oneof![any::<u8>(), marks], 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever bytes stand in a phrase, a name, a value, a display name, a URI or a parameter: the message has the lines
        /// that were asked for and no others, and holds neither NUL nor a lone CR or LF.
        #[test]
        fn p183_b012_no_bytes_break_a_line(parts in proptest::collection::vec(treacherous(), 7)) {
            let name = String::from_utf8_lossy(&parts[1]).into_owned();
            let mut writer = MessageWriter::response_with_reason(200, &parts[0]);
            writer
                .header(HeaderName::Other(b"X-One"), &parts[2])
                .address(HeaderName::From, &parts[3], &parts[4], &[(name.as_str(), parts[5].as_slice())])
                .call_id(&parts[6]);
            let bytes = writer.finish();
            let text = bytes.strip_suffix(b"\r\n\r\n").expect("an end");
            let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
            prop_assert_eq!(lines.len(), 5);
            for (place, line) in lines.iter().enumerate() {
                let line = if place < 4 { line.strip_suffix(b"\r").expect("CR before LF") } else { line };
                prop_assert!(!line.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')));
                prop_assert!(place == 0 || line.contains(&b':'));
            }
        }
    }
}
