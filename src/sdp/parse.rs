//! Bytes → [`Description`] (RFC 8866 §5), as forgiving as the field makes necessary.
//!
//! Taken as they come: Latin-1, LF or CR alone as line end, no line end at the end, blank lines, trailing blanks and
//! tabs, a missing `v= o= s= t=`, numbers of `o=` that fit no machine, IPv6 in brackets, streams of kinds never heard of.
//! Refused: what is no description at all, an `m=` line that cannot be read (dropping it would shift the others), and
//! what is larger than anyone honest sends. Attributes are kept unread; what they mean is judged where it is used.

use std::net::IpAddr;

use super::description::{Attribute, Bandwidth, Description, Host, Media, Origin};

/// The largest description read, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest number of `m=` lines.
pub const STREAMS_MAX: usize = 32;
/// How many `a=` lines of a section are kept; later ones are read over (a host with many interfaces lists sixty
/// candidates, and none of those after the limit can matter).
pub const ATTRIBUTES_MAX: usize = 512;
/// How many formats of one stream are kept.
pub const FORMATS_MAX: usize = 64;
/// How many `b=` lines of a section are kept.
const BANDWIDTHS_MAX: usize = 16;

/// Why a body is no description. The peer is at fault in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Larger than [`BODY_BYTES_MAX`].
    #[error("the description is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// More `m=` lines than [`STREAMS_MAX`].
    #[error("the description has more than {STREAMS_MAX} streams")]
    TooManyStreams,
    /// Not one line of the form `letter=…` that a description has.
    #[error("this is not a session description")]
    NotSdp,
    /// An `m=` line without a readable kind, port and transport.
    #[error("stream line {0} cannot be read")]
    BadStream(usize),
}

/// Reads a session description.
pub fn parse(body: &[u8]) -> Result<Description, ParseError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(ParseError::TooLarge);
    }
    let mut description = Description {
        origin: Origin { id: 0, version: 0, address: Host::Name(String::new()) },
        connection: None,
        bandwidths: Vec::new(),
        attributes: Vec::new(),
        media: Vec::new(),
    };
    let mut lines_known = 0_usize;
    for line in body.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = line.trim_ascii();
        let [letter, b'=', value @ ..] = line else { continue };
        let value = text(value);
        let value = value.trim();
        match letter.to_ascii_lowercase() {
            b'v' | b's' | b't' => {}
            b'o' => description.origin = origin(value),
            b'c' => connection(&mut description, value),
            b'b' => bandwidth(&mut description, value),
            b'a' => attribute(&mut description, value),
            b'm' => {
                let nth = description.media.len() + 1;
                if nth > STREAMS_MAX {
                    return Err(ParseError::TooManyStreams);
                }
                description.media.push(stream(value).ok_or(ParseError::BadStream(nth))?);
            }
            _ => continue,
        }
        lines_known += 1;
    }
    if lines_known == 0 { Err(ParseError::NotSdp) } else { Ok(description) }
}

/// The line as text: UTF-8 where it is, else each byte as the Latin-1 letter it must have been. A control character is
/// a blank, so that no word can hold one.
fn text(bytes: &[u8]) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(blank).collect(),
        Err(_) => bytes.iter().map(|byte| blank(char::from(*byte))).collect(),
    }
}

/// `o=<user> <id> <version> IN IP4 <address>`, counted from the end because user names with blanks have been seen.
fn origin(value: &str) -> Origin {
    let mut words = value.split_ascii_whitespace().rev();
    let address = words.next().map_or_else(|| Host::Name(String::new()), host);
    let mut words = words.skip(2);
    let version = words.next().map_or(0, clamped);
    let id = words.next().map_or(0, clamped);
    Origin { id, version, address }
}

/// A number, however long; no number reads as 0.
fn clamped(word: &str) -> u64 {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty();
    if digits { word.parse().unwrap_or(u64::MAX) } else { 0 }
}

/// `c=IN IP4 <address>[/ttl[/count]]`. Of several in one section the first counts.
fn connection(description: &mut Description, value: &str) {
    let Some(word) = value.split_ascii_whitespace().next_back() else { return };
    let word = word.split('/').next().unwrap_or(word);
    let place = match description.media.last_mut() {
        Some(media) => &mut media.connection,
        None => &mut description.connection,
    };
    if place.is_none() && !word.is_empty() {
        *place = Some(host(word));
    }
}

/// An address, with or without brackets and zone, else a name.
pub(super) fn host(word: &str) -> Host {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split('%').next().unwrap_or(bare);
    match bare.parse::<IpAddr>() {
        Ok(ip) => Host::Ip(ip),
        Err(_) => Host::Name(word.to_owned()),
    }
}

/// `b=<kind>:<amount>`.
fn bandwidth(description: &mut Description, value: &str) {
    let Some((kind, amount)) = value.split_once(':') else { return };
    let place = match description.media.last_mut() {
        Some(media) => &mut media.bandwidths,
        None => &mut description.bandwidths,
    };
    if place.len() < BANDWIDTHS_MAX {
        place.push(Bandwidth { kind: kind.trim().to_owned(), amount: clamped(amount.trim()) });
    }
}

/// `a=<name>` or `a=<name>:<value>`.
fn attribute(description: &mut Description, value: &str) {
    let attribute = match value.split_once(':') {
        Some((name, value)) => Attribute::with(name.trim(), value.trim()),
        None => Attribute::flag(value),
    };
    let place = match description.media.last_mut() {
        Some(media) => &mut media.attributes,
        None => &mut description.attributes,
    };
    if place.len() < ATTRIBUTES_MAX && !attribute.name.is_empty() {
        place.push(attribute);
    }
}

/// `m=<kind> <port>[/<count>] <transport> <format>…`. No format at all is wrong but seen (MRCP, disabled lines).
fn stream(value: &str) -> Option<Media> {
    let mut words = value.split_ascii_whitespace();
    let kind = words.next()?.to_owned();
    let port = words.next()?;
    let port = port.split('/').next()?.parse().ok()?;
    let protocol = words.next()?.to_owned();
    let formats = words.take(FORMATS_MAX).map(str::to_owned).collect();
    let (connection, bandwidths, attributes) = (None, Vec::new(), Vec::new());
    Some(Media { kind, port, protocol, formats, connection, bandwidths, attributes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Direction;

    fn read(body: &str) -> Description {
        parse(body.as_bytes()).expect("readable")
    }

    /// Line ends, blanks, capitals and missing lines are forgiven.
    #[test]
    fn p042_p043_forgiving() {
        for body in [
            "v=0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
            "v=0\nm=audio 4000 RTP/AVP 8\na=sendonly",
            "v=0\rm=audio 4000 RTP/AVP 8\ra=sendonly\r",
            "m=audio 4000 RTP/AVP 8 \t\r\na=sendonly \r\n\r\n\r\n",
            "M=audio 4000/2 RTP/AVP 8\r\nA=SendOnly\r\n",
            "v=0\r\nrubbish\r\n=\r\nm=audio\t4000  RTP/AVP\t8\r\na= sendonly\r\n",
            "v=0\r\na=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n",
        ] {
            let description = read(body);
            let [media] = description.media.as_slice() else { panic!("{body:?}") };
            assert_eq!((media.port, media.formats.as_slice()), (4000, &["8".to_owned()][..]), "{body:?}");
            assert_eq!(description.direction(media), Direction::SendOnly, "{body:?}");
        }
    }

    /// Latin-1 in any line is text, not an error.
    #[test]
    fn latin_1() {
        let description = parse(b"v=0\ns=\xe9coute\na=label:\xe9t\xe9\nm=audio 1 RTP/AVP 8").expect("readable");
        assert_eq!(description.attributes, [Attribute::with("label", "été")]);
    }

    /// Numbers of `o=` beyond 64 bits are clamped; a user name with blanks does not shift the others.
    #[test]
    fn odd_origins() {
        let origin = read("o=J D 99999999999999999999999 7 IN IP4 192.0.2.1").origin;
        assert_eq!((origin.id, origin.version), (u64::MAX, 7));
        let origin = read("o=- -5 x IN IP6 [2001:db8::1]").origin;
        assert_eq!((origin.id, origin.version), (0, 0));
        assert_eq!(origin.address, Host::Ip("2001:db8::1".parse().expect("an address")));
        let origin = read("o=").origin;
        assert_eq!((origin.id, origin.version), (0, 0));
    }

    /// Addresses with time to live, brackets, zone, or in words.
    #[test]
    fn b107_connections() {
        for (line, expected) in [
            ("c=IN IP4 192.0.2.1", "192.0.2.1"),
            ("c=IN IP4 224.2.1.1/127/3", "224.2.1.1"),
            ("c=IN IP6 [2001:db8::1]", "2001:db8::1"),
            ("c=IN IP6 fe80::1%eth0", "fe80::1"),
            ("c=in ip4 192.0.2.1\r\nc=IN IP4 192.0.2.9", "192.0.2.1"),
        ] {
            let ip = expected.parse().expect("an address");
            assert_eq!(read(line).connection, Some(Host::Ip(ip)), "{line}");
        }
        assert_eq!(read("c=IN IP4 phone.example.net").connection, Some(Host::Name("phone.example.net".into())));
        assert_eq!(read("c=").connection, None);
    }

    /// Bounds, and what is said at them.
    #[test]
    fn bounds() {
        assert_eq!(parse(&vec![b'a'; BODY_BYTES_MAX + 1]), Err(ParseError::TooLarge));
        assert_eq!(parse(b""), Err(ParseError::NotSdp));
        assert_eq!(parse(b"hello"), Err(ParseError::NotSdp));
        assert_eq!(parse(&b"m=audio 1 RTP/AVP 0\n".repeat(33)), Err(ParseError::TooManyStreams));
        for line in ["m=", "m=audio", "m=audio 4000", "m=audio 70000 RTP/AVP 8", "m=audio -1 RTP/AVP 8"] {
            let body = format!("v=0\nm=audio 1 RTP/AVP 0\n{line}\n");
            assert_eq!(parse(body.as_bytes()), Err(ParseError::BadStream(2)), "{line}");
        }
        let many = format!("m=audio 1 RTP/AVP{}\n{}", " 8".repeat(500), "a=x\n".repeat(5000));
        let media = read(&many).media.remove(0);
        assert_eq!((media.formats.len(), media.attributes.len()), (FORMATS_MAX, ATTRIBUTES_MAX));
    }
}
