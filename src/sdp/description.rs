//! A session description as a value (RFC 8866 §5): the lines we have a use for, and no others.
//!
//! The user name of `o=`, the name `s=`, and `i= u= e= p=` are read over and dropped: they may hold a person's name or
//! number, and nothing here needs them. For the same reason `Debug` shows neither attribute values nor addresses.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Direction;

/// One session description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The numbers and address of `o=`.
    pub origin: Origin,
    /// The session's `c=`, used by every stream without its own.
    pub connection: Option<Host>,
    /// The session's `b=` lines.
    pub bandwidths: Vec<Bandwidth>,
    /// The session's `a=` lines, inherited by the streams.
    pub attributes: Vec<Attribute>,
    /// The streams, in the order written. The position of a line is its name (RFC 3264 §6), so none is ever left out.
    pub media: Vec<Media>,
}

/// What we keep of `o=`. A number too large for 64 bits is read as the largest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The session's number.
    pub id: u64,
    /// The version of its description.
    pub version: u64,
    /// Where it was made; never used as a destination.
    pub address: Host,
}

/// One `m=` line and the lines below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// `audio`, `video`, `image`, `application`…
    pub kind: String,
    /// The port; 0 refuses or disables the stream.
    pub port: u16,
    /// The transport, as written: `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl`…
    pub protocol: String,
    /// The formats, as written: payload type numbers for RTP, other words elsewhere. May be empty.
    pub formats: Vec<String>,
    /// The stream's own `c=`.
    pub connection: Option<Host>,
    /// The stream's `b=` lines.
    pub bandwidths: Vec<Bandwidth>,
    /// The stream's `a=` lines.
    pub attributes: Vec<Attribute>,
}

/// Where media is wanted: an address, or a name that nobody here will wait for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A host name. Resolving one would mean waiting, so it is kept only to be written again.
    Name(String),
}

/// One `b=` line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// `AS`, `TIAS`, `RS`, `RR`…
    pub kind: String,
    /// The amount, in the unit of its kind.
    pub amount: u64,
}

/// One `a=` line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// What stands before the colon, as written.
    pub name: String,
    /// What stands after it; none for a flag such as `sendrecv`.
    pub value: Option<String>,
}

impl Attribute {
    /// An attribute without a value.
    pub fn flag(name: &str) -> Attribute {
        Attribute { name: name.to_owned(), value: None }
    }

    /// An attribute with a value.
    pub fn with(name: &str, value: impl Into<String>) -> Attribute {
        Attribute { name: name.to_owned(), value: Some(value.into()) }
    }

    /// Is this the attribute `name`? Real devices write `SendRecv`, so case does not count.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl Media {
    /// Is this a stream of the kind `kind`?
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

impl Description {
    /// The value of attribute `name` for stream `media`: its own, else the session's (RFC 8866 §5.13).
    pub fn attribute<'a>(&'a self, media: &'a Media, name: &str) -> Option<&'a str> {
        let mut lines = media.attributes.iter().chain(&self.attributes);
        lines.find(|line| line.is(name)).map(|line| line.value.as_deref().unwrap_or(""))
    }

    /// Does stream `media`, or the session for it, carry attribute `name`?
    pub fn has(&self, media: &Media, name: &str) -> bool {
        self.attribute(media, name).is_some()
    }

    /// The direction of stream `media` as its writer sees it; `sendrecv` when nothing is said (RFC 3264 §5.1).
    pub fn direction(&self, media: &Media) -> Direction {
        let find = |lines: &[Attribute]| lines.iter().find_map(|line| Direction::from_token(&line.name));
        find(&media.attributes).or_else(|| find(&self.attributes)).unwrap_or(Direction::SendRecv)
    }

    /// The address stream `media` is wanted at.
    pub fn host<'a>(&'a self, media: &'a Media) -> Option<&'a Host> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// The amount of bandwidth line `kind` for stream `media`, else for the session.
    pub fn bandwidth(&self, media: &Media, kind: &str) -> Option<u64> {
        let mut lines = media.bandwidths.iter().chain(&self.bandwidths);
        lines.find(|line| line.kind.eq_ignore_ascii_case(kind)).map(|line| line.amount)
    }

    /// The description in a few words for a log: kinds, transports, payload numbers and directions. No address, no
    /// free text of the peer's.
    pub fn describe(&self) -> String {
        let mut words = Vec::new();
        for media in &self.media {
            let kind = known(&media.kind, &["audio", "video", "image", "application", "text", "message"]);
            if media.port == 0 {
                words.push(format!("{kind} off"));
                continue;
            }
            let protocol = known(
                &media.protocol,
                &["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl"],
            );
            let numbers = media.formats.iter().filter_map(|format| format.parse::<u8>().ok());
            let numbers: Vec<String> = numbers.take(16).map(|number| number.to_string()).collect();
            words.push(format!("{kind} {protocol} [{}] {}", numbers.join(" "), self.direction(media)));
        }
        if words.is_empty() { "no stream".to_owned() } else { words.join(", ") }
    }
}

/// The word of the list that `text` is, or `other`: a log shows no word chosen by a peer.
fn known(text: &str, words: &[&'static str]) -> &'static str {
    words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied().unwrap_or("other")
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Host::Ip(IpAddr::V4(_)) => "IPv4",
            Host::Ip(IpAddr::V6(_)) => "IPv6",
            Host::Name(_) => "name",
        })
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
        f.write_str(if plain { &self.name } else { "a" })?;
        if self.value.is_some() { f.write_str(":…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::sdp::parse;

    /// A telephone number in the user name of `o=`, in `s=`, in `p=` or in an attribute is shown by no formatting.
    #[test]
    fn no_formatting_shows_a_number() {
        let body = b"v=0\r\no=33123456789 1 1 IN IP4 host\r\ns=0612345678\r\np=+33 6 12 34 56 78\r\nt=0 0\r\n\
            a=x33123456789:1\r\nm=audio 4000 RTP/AVP 8\r\na=ssrc:1 cname:33123456789@h\r\n";
        let description = parse(body).expect("readable");
        let shown = format!("{description:?} {}", description.describe());
        assert!(!shown.contains("12345") && !shown.contains("34 56"), "{shown}");
        assert_eq!(description.describe(), "audio RTP/AVP [8] sendrecv");
    }
}
