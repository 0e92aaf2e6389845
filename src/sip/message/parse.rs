//! From bytes to [`Message`]: the start line, the header lines, the length of the body (RFC 3261 §7, §18.3, §25.1).
//!
//! One pass, line by line. A line ends in CR LF or LF; a line that begins with a blank continues the one before. A header
//! line without a colon says nothing and is passed over, as is a header we do not know.

use super::error::may_be_answered;
use super::index::{Index, Span, Start};
use super::name::{HeaderName, LONGEST, OTHER, identify, identify_in};
use super::scan::{find, lowest, marks};
use super::text::{is_token, number, trim, trim_end, trim_start, word};
use super::{Framing, MAX_MESSAGE, Message, Method, ParseError, ParseFault};

/// See [`Message::parse`].
pub(super) fn message(received: &[u8], framing: Framing) -> Result<Message<'_>, ParseError> {
    let refuse = |fault| refusal(received, fault);
    let bytes = without_leading_line_ends(received);
    if bytes.is_empty() {
        return Err(refuse(ParseFault::Empty));
    }
    let (line, at) = first_line(bytes);
    let (start, version_2) = read_start_line(bytes, line).map_err(refuse)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(refuse(ParseFault::TooLarge));
    }
    let mut index = Index::new(start, version_2);
    let read = read_headers(bytes, at, &mut index).map_err(refuse)?;
    let available = bytes.len() - read.body_at;
    let length = match (read.content_length, framing) {
        (Some(length), _) if length > available as u64 => return Err(refuse(ParseFault::ShortBody)),
        (Some(length), _) => length as usize,
        (None, Framing::Datagram) => available,
        (None, Framing::Stream) => return Err(refuse(ParseFault::NoContentLength)),
    };
    let end = read.body_at + length;
    index.body = Span::new(read.body_at, end);
    Ok(Message { bytes: &bytes[..end], index })
}

/// What is wrong, and whether it can be answered.
#[cold]
fn refusal(received: &[u8], fault: ParseFault) -> ParseError {
    ParseError::new(fault, salvage(received).is_some())
}

/// See [`Message::salvage`].
pub(super) fn salvage(bytes: &[u8]) -> Option<Message<'_>> {
    let bytes = without_leading_line_ends(bytes);
    let bytes = &bytes[..bytes.len().min(MAX_MESSAGE)];
    let (line, at) = first_line(bytes);
    let (method, rest) = word(line);
    let looks_like_request = is_token(method) && may_be_answered(Method::from_bytes(method));
    if !looks_like_request || !rest.windows(4).any(|w| w.eq_ignore_ascii_case(b"SIP/")) {
        return None;
    }
    let uri = word(rest).0;
    let start = Start::Request { method: Span::within(bytes, method), uri: Span::within(bytes, uri) };
    let mut index = Index::new(start, true);
    // Whatever stopped the reading, the lines before it are there.
    let _ = read_headers(bytes, at, &mut index);
    let message = Message { bytes, index };
    message.is_answerable().then_some(message)
}

/// Line ends in front of a message are keep-alives or sloppiness (§7.5).
pub(super) fn without_leading_line_ends(mut bytes: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The first line without its end, and where the next begins.
fn first_line(bytes: &[u8]) -> (&[u8], usize) {
    match find(bytes, b'\n') {
        Some(end) => (trim_end(&bytes[..end]), end + 1),
        None => (trim_end(bytes), bytes.len()),
    }
}

/// A request line or a status line. More than one space between the parts, and spaces behind them, are tolerated; a space
/// inside the Request-URI stays in it, for [`super::validate`] to refuse.
fn read_start_line(bytes: &[u8], line: &[u8]) -> Result<(Start, bool), ParseFault> {
    if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
        let (version, rest) = word(line);
        let (code, reason) = word(rest);
        let code = number(code).filter(|code| (100..700).contains(code)).ok_or(ParseFault::BadStatus)?;
        let reason = Span::within(bytes, reason);
        return Ok((Start::Status { code: code as u16, reason }, is_version_2(version)));
    }
    let (method, rest) = word(line);
    let (uri, version) = match rest.strip_suffix(b" SIP/2.0") {
        Some(uri) => (trim(uri), &rest[rest.len() - 7..]),
        None => {
            let at = rest.iter().rposition(|b| matches!(b, b' ' | b'\t')).ok_or(ParseFault::NotSip)? + 1;
            (trim(&rest[..at]), &rest[at..])
        }
    };
    if !is_token(method) || uri.is_empty() || version.len() < 4 || !version[..4].eq_ignore_ascii_case(b"SIP/") {
        return Err(ParseFault::NotSip);
    }
    let start = Start::Request { method: Span::within(bytes, method), uri: Span::within(bytes, uri) };
    Ok((start, is_version_2(version)))
}

fn is_version_2(version: &[u8]) -> bool {
    version.eq_ignore_ascii_case(b"SIP/2.0")
}

/// What reading the headers found.
pub(super) struct Headers {
    /// Where the body begins.
    pub(super) body_at: usize,
    /// What Content-Length says.
    pub(super) content_length: Option<u64>,
}

/// Reads header lines from `at` up to the empty line.
fn read_headers(bytes: &[u8], mut at: usize, index: &mut Index) -> Result<Headers, ParseFault> {
    let content_length = HeaderName::ContentLength.id();
    let mut length = None;
    loop {
        let line = match plain_line(bytes, at) {
            Some(line) => line,
            None => match any_line(bytes, at)? {
                Line::Header(line) => line,
                Line::Nothing { next } => {
                    at = next;
                    continue;
                }
                Line::Empty { body_at } => return Ok(Headers { body_at, content_length: length }),
            },
        };
        let (written, value) = (Span::known(at, at + line.written), Span::known(line.from, line.to));
        if !index.push(line.name, written, value) {
            return Err(ParseFault::TooManyHeaders);
        }
        // Nothing behind it: on a stream its fold may still come, and nobody knows yet what it says.
        if line.next == bytes.len() {
            return Err(ParseFault::Unterminated);
        }
        if line.name == content_length {
            length = Some(agreed_length(&bytes[line.from..line.to], length)?);
        }
        at = line.next;
    }
}

/// What a Content-Length says, which must be what another said before.
#[inline(never)]
fn agreed_length(value: &[u8], before: Option<u64>) -> Result<u64, ParseFault> {
    match number(value) {
        Some(length) if before.is_none_or(|before| before == length) => Ok(length),
        _ => Err(ParseFault::BadContentLength),
    }
}

/// A line that is there, as [`any_line`] sees it.
enum Line {
    Header(HeaderLine),
    /// It holds no colon.
    Nothing {
        next: usize,
    },
    /// The headers end here.
    Empty {
        body_at: usize,
    },
}

struct HeaderLine {
    name: u8,
    /// The length of the name as written.
    written: usize,
    /// Where the value begins, and where it ends.
    from: usize,
    to: usize,
    /// Where the next line begins.
    next: usize,
}

/// Nearly every line is a name that we know, a colon right behind it and a value that is not folded: it is read here, and
/// every other is left to [`any_line`], which decides alike and takes longer. That the name is known proves that the colon
/// is on this line.
#[inline]
fn plain_line(bytes: &[u8], at: usize) -> Option<HeaderLine> {
    let letters = bytes.get(at..)?.first_chunk::<LONGEST>()?;
    let colon = colon_in(letters)?;
    let name = identify_in(letters, colon);
    if name == OTHER {
        return None;
    }
    let from = at + colon + 1;
    let behind = bytes.get(from..)?;
    let end = find(behind, b'\n')?;
    if let Some(b' ' | b'\t') = behind.get(end + 1) {
        return None;
    }
    let next = from + end + 1;
    match &behind[..end] {
        [b' ', first, .., last, b'\r'] if *first > b' ' && *last > b' ' => {
            Some(HeaderLine { name, written: colon, from: from + 1, to: next - 2, next })
        }
        value => {
            let (from, to) = trimmed(from, value);
            Some(HeaderLine { name, written: colon, from, to, next })
        }
    }
}

/// Where a value begins and ends that lies at `from` and may have any blanks around it.
#[cold]
fn trimmed(from: usize, value: &[u8]) -> (usize, usize) {
    let to = from + trim_end(value).len();
    ((from + value.len() - trim_start(value).len()).min(to), to)
}

/// Where the colon stands, when it is among the first bytes of a line.
#[inline]
fn colon_in(letters: &[u8; LONGEST]) -> Option<usize> {
    let (words, _) = letters.as_chunks::<8>();
    for (nth, word) in words.iter().enumerate() {
        let marks = marks(word, b':');
        if marks != 0 {
            return Some(nth * 8 + lowest(marks));
        }
    }
    None
}

/// Any line: folded, of a name we do not know, with blanks before the colon, without a colon, or the empty one.
#[cold]
#[inline(never)]
fn any_line(bytes: &[u8], at: usize) -> Result<Line, ParseFault> {
    let end_of_line = |from: usize| find(&bytes[from..], b'\n').map(|n| from + n).ok_or(ParseFault::Unterminated);
    let mut end = end_of_line(at)?;
    if end == at || (end == at + 1 && bytes[at] == b'\r') {
        return Ok(Line::Empty { body_at: end + 1 });
    }
    // A blank at the beginning of the next line folds it onto this one.
    while let Some(b' ' | b'\t') = bytes.get(end + 1) {
        end = end_of_line(end + 1)?;
    }
    let line = &bytes[at..end];
    let Some(colon) = find(line, b':') else { return Ok(Line::Nothing { next: end + 1 }) };
    let written = trim_end(&line[..colon]);
    let (from, to) = trimmed(at + colon + 1, &line[colon + 1..]);
    Ok(Line::Header(HeaderLine { name: identify(written), written: written.len(), from, to, next: end + 1 }))
}

/// The headers of a message that may not be complete yet, for the stream: `None` while they have not ended.
pub(super) fn scan_headers(bytes: &[u8]) -> Option<Result<Headers, ParseFault>> {
    let (line, at) = first_line(bytes);
    let start = match read_start_line(bytes, line) {
        Ok((start, _)) => start,
        Err(fault) => return Some(Err(fault)),
    };
    let mut index = Index::new(start, true);
    match read_headers(bytes, at, &mut index) {
        Err(ParseFault::Unterminated) => None,
        outcome => Some(outcome),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str =
        "Via: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n";

    fn fault(text: &str, framing: Framing) -> (ParseFault, bool) {
        let error = Message::parse(text.as_bytes(), framing).expect_err("a fault");
        (error.fault, error.is_answerable())
    }

    /// Line ends, folds, blanks before the colon, headers without a colon.
    #[test]
    fn b001_b015_p048_lenient_lines() {
        let text =
            b"\r\n\nINVITE  sip:b@h   SIP/2.0 \nv : SIP/2.0/UDP h\nnonsense\nSubject:\r\nX-Y:a\r\n\tb\r\n\r\nbody";
        let message = Message::parse(text, Framing::Datagram).expect("a message");
        assert_eq!(message.request_uri(), Some(b"sip:b@h".as_slice()));
        assert_eq!(message.header_count(), 3);
        assert_eq!(message.header(HeaderName::Subject), Some(b"".as_slice()));
        assert_eq!(message.header(HeaderName::Other(b"x-y")), Some(b"a\r\n\tb".as_slice()));
        assert_eq!(message.body(), b"body");
    }

    /// The body ends where Content-Length says, and must be all there.
    #[test]
    fn b003_b004_b005_p055_body_length() {
        let cut = format!("INVITE sip:b@h SIP/2.0\r\n{REST}l: 2\r\n\r\nabcd");
        let message = Message::parse(cut.as_bytes(), Framing::Datagram).expect("a message");
        assert_eq!((message.body(), message.as_bytes().len()), (b"ab".as_slice(), cut.len() - 2));
        let none = format!("INVITE sip:b@h SIP/2.0\r\n{REST}\r\n");
        assert_eq!(fault(&none, Framing::Stream), (ParseFault::NoContentLength, true));
        for (bad, kind) in [
            ("l: 9\r\n\r\nabc", ParseFault::ShortBody),
            ("l: -1\r\n\r\n", ParseFault::BadContentLength),
            ("l: 18446744073709551616\r\n\r\n", ParseFault::BadContentLength),
            ("l: 18446744073709551615\r\n\r\n", ParseFault::ShortBody),
            ("l: 0\r\nContent-Length: 1\r\n\r\na", ParseFault::BadContentLength),
            ("l: 0\r\n", ParseFault::Unterminated),
        ] {
            assert_eq!(fault(&format!("INVITE sip:b@h SIP/2.0\r\n{REST}{bad}"), Framing::Datagram), (kind, true));
            assert_eq!(fault(&format!("ACK sip:b@h SIP/2.0\r\n{REST}{bad}"), Framing::Datagram), (kind, false));
        }
    }

    /// Keep-alives, noise, impossible codes and responses are never answered.
    #[test]
    fn not_answerable() {
        assert_eq!(fault("\r\n\r\n", Framing::Datagram), (ParseFault::Empty, false));
        assert_eq!(fault("", Framing::Datagram), (ParseFault::Empty, false));
        assert_eq!(fault("GET / HTTP/1.1\r\n\r\n", Framing::Datagram), (ParseFault::NotSip, false));
        let code = format!("SIP/2.0 4294967301 better\r\n{REST}\r\n");
        assert_eq!(fault(&code, Framing::Datagram), (ParseFault::BadStatus, false));
        let short = format!("SIP/2.0 200 OK\r\n{REST}l: 4\r\n\r\n");
        assert_eq!(fault(&short, Framing::Datagram), (ParseFault::ShortBody, false));
    }

    /// A line that is read the short way is read alike the long way.
    #[test]
    fn both_ways_agree() {
        let values = ["", "x", " x", "\t x y \t", " \r", "\rx", ": :", " \u{e9}\u{e8}", &"x".repeat(70)];
        let mut short_ways = 0;
        for name in ["Via", "f", "CALL-ID", "P-Access-Network-Info", "Proxy-Authorization", "X-Other", "", " To", "To "]
        {
            for (value, end, next) in values.iter().flat_map(|v| {
                ["\r\n", "\n", "\n\n", "\r\n b\r\n", "\n\tb:\n"].iter().flat_map(move |e| {
                    ["", "To: x\r\n\r\n", "\r\n and the body of the message behind"].map(|n| (v, e, n))
                })
            }) {
                let text = format!("..{name}:{value}{end}{next}");
                let bytes = text.as_bytes();
                let Some(short) = plain_line(bytes, 2) else { continue };
                let Ok(Line::Header(long)) = any_line(bytes, 2) else { unreachable!("{text:?}") };
                let all = |l: &HeaderLine| (l.name, l.written, l.next, bytes[l.from..l.to].to_vec());
                assert_eq!(all(&short), all(&long), "{text:?}");
                short_ways += 1;
            }
        }
        assert!(short_ways > 100, "{short_ways}");
    }

    /// A name and a colon on two lines are not a header.
    #[test]
    fn colon_on_another_line() {
        let text =
            b"INVITE sip:b@h SIP/2.0\r\nTo\r\n: <sip:b@h>\r\nVia\n\t: SIP/2.0/UDP h\r\nCall-ID\r\nSubject: a\r\n\r\n";
        let message = Message::parse(text, Framing::Datagram).expect("a message");
        assert_eq!(message.header(HeaderName::To), None);
        assert_eq!(message.header(HeaderName::Via), Some(b"SIP/2.0/UDP h".as_slice()));
        assert_eq!(message.header(HeaderName::CallId), None);
        assert_eq!(message.header(HeaderName::Subject), Some(b"a".as_slice()));
        assert_eq!(message.header_count(), 3);
    }

    /// 256 lines are read, one more is refused and still answerable.
    #[test]
    fn b016_header_limit() {
        let lines = "X: y\r\n".repeat(super::super::MAX_HEADERS - 5);
        let full = format!("INVITE sip:b@h SIP/2.0\r\n{REST}{lines}\r\n");
        let message = Message::parse(full.as_bytes(), Framing::Datagram).expect("a full message");
        assert_eq!(message.headers().count(), super::super::MAX_HEADERS);
        assert_eq!(message.header(HeaderName::CallId), Some(b"c".as_slice()));
        let over = format!("INVITE sip:b@h SIP/2.0\r\n{REST}{lines}X: y\r\n\r\n");
        assert_eq!(fault(&over, Framing::Datagram), (ParseFault::TooManyHeaders, true));
        let huge = format!("INVITE sip:b@h SIP/2.0\r\n{REST}\r\n{}", " ".repeat(MAX_MESSAGE));
        assert_eq!(fault(&huge, Framing::Datagram), (ParseFault::TooLarge, true));
    }
}
