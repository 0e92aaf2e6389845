//! What a call's two ends agree to send each other: session descriptions (RFC 8866) and the offer/answer model
//! (RFC 3264), for one audio stream with telephone events (RFC 4733 §2.4), static payload types (RFC 3551 §6) and an
//! RTCP port of its own where there is one (RFC 3605).
//!
//! Everything goes through one pure function, [`negotiate`]: what we can do, what was agreed so far and one [`Move`] go
//! in; a new [`Session`] and the description to send come out, or a [`Refusal`] that knows its status code. It serves
//! INVITE, 18x, 200, ACK, PRACK, UPDATE and re-INVITE alike, with one leg or two. The caller replaces his session only
//! by the one returned, so a refusal can spoil nothing; and where an INVITE forked he keeps one session per To tag, each
//! grown from the one that made the offer.
//!
//! Content decides: whether anything changed is told by what a description says, never by the version of its `o=` line.
//!
//! Deliberately not here: sockets and latching (`media`), glare timers (`sip`), encrypted and browser media (their
//! streams are refused with port 0), and host names, which would have to be waited for: an address given as a name is
//! taken as not known, and the first packets tell.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

mod compose;
mod description;
mod offer_answer;
mod parse;
mod refusal;
mod remote;
mod select;
mod session;
mod write;

pub use description::{Attribute, Bandwidth, Description, Host, Media, Origin};
pub use offer_answer::negotiate;
pub use parse::{ATTRIBUTES_MAX, BODY_BYTES_MAX, FORMATS_MAX, ParseError, STREAMS_MAX, parse};
pub use refusal::Refusal;
pub use session::Session;
pub use write::write;

/// A way to code voice. A new one is a variant, a row in [`Codec::ALL`] and its four facts below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// G.711 A-law: the telephone network of Europe.
    Pcma,
    /// G.711 µ-law: the telephone network of America and Japan.
    Pcmu,
}

impl Codec {
    /// All of them.
    pub const ALL: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

    /// The encoding name of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }

    /// The payload type number it owns without an `a=rtpmap` (RFC 3551 §6).
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcma => Some(8),
            Codec::Pcmu => Some(0),
        }
    }

    /// The rate of its RTP timestamps. Not always its sampling rate: G.722 samples at 16 kHz and counts at 8 kHz.
    pub const fn rtp_clock_hz(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu => 8000,
        }
    }

    /// The channels written in `a=rtpmap`.
    pub const fn channels(self) -> u8 {
        match self {
            Codec::Pcma | Codec::Pcmu => 1,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who sends, seen from the one who says it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both.
    #[default]
    SendRecv,
    /// Only the speaker: he holds the other, with music perhaps.
    SendOnly,
    /// Only the other.
    RecvOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// From who sends.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Does the speaker send?
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Does the speaker receive?
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same, seen from the other side.
    pub const fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow, seen from one side.
    pub const fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute name.
    pub const fn token(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// From the attribute name, in any case.
    pub fn from_token(token: &str) -> Option<Direction> {
        let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
        all.into_iter().find(|direction| direction.token().eq_ignore_ascii_case(token))
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// What we can do on this leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Our codecs, best first. The order counts in our offers; an answer follows the order of the offer.
    pub codecs: Vec<Codec>,
    /// Keys pressed travel as telephone events.
    pub telephone_event: bool,
    /// The length of voice per packet that we like best, in milliseconds.
    pub ptime_ms: u32,
}

impl Default for Capabilities {
    fn default() -> Capabilities {
        Capabilities { codecs: Codec::ALL.to_vec(), telephone_event: true, ptime_ms: 20 }
    }
}

/// Where this leg's media is wanted, as seen from the peer's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// The address we advertise.
    pub address: IpAddr,
    /// The port for voice.
    pub rtp_port: u16,
    /// The port for reports; written as `a=rtcp` when it is not the one after `rtp_port`.
    pub rtcp_port: u16,
}

/// What was agreed for the one voice stream, seen from our side. Equal values mean that media has nothing to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audio {
    /// Where to send voice. None: not known (a host name, port 9, an address nobody should send to), or held by
    /// `c=0.0.0.0`. Media may learn it from the packets that arrive.
    pub remote_rtp: Option<SocketAddr>,
    /// Where to send reports. None: not known, or not wanted (`b=RS:0` with `b=RR:0`).
    pub remote_rtcp: Option<SocketAddr>,
    /// What to send.
    pub codec: Codec,
    /// The number to send it with: the one the peer gave.
    pub send_payload_type: u8,
    /// What may arrive, by number: every agreed codec, under each number either side gave it.
    pub receive_payload_types: Vec<(u8, Codec)>,
    /// The number to send keys with; none when the peer does not take events.
    pub send_event_type: Option<u8>,
    /// The number keys arrive with; none when we did not say we take events.
    pub receive_event_type: Option<u8>,
    /// The rate of the events' timestamps. Usually the codec's, but some offer no such choice.
    pub event_clock_hz: u32,
    /// Further numbers, with their rates, on which a key shall be understood though it should not come there.
    pub other_event_types: Vec<(u8, u32)>,
    /// Who may send, ourselves speaking.
    pub direction: Direction,
    /// The length of voice to send per packet, in milliseconds, as the peer wants it.
    pub ptime_ms: u32,
    /// The peer does not listen: the listener or caller pressed *hold*. Silence from him is no fault then.
    pub held: bool,
}

impl Audio {
    /// In a few words for a log, without an address.
    pub fn describe(&self) -> String {
        let events = match (self.send_event_type, self.receive_event_type) {
            (None, None) => "no events".to_owned(),
            (send, receive) => {
                let number = |number: Option<u8>| number.map_or("-".to_owned(), |number| number.to_string());
                format!("events {}>{} at {} Hz", number(send), number(receive), self.event_clock_hz)
            }
        };
        let peer = if self.remote_rtp.is_some() { "address known" } else { "address unknown" };
        let held = if self.held { ", held" } else { "" };
        let Audio { codec, send_payload_type, ptime_ms, direction, .. } = self;
        format!("{codec}/{send_payload_type} {ptime_ms} ms {direction}, {events}, {peer}{held}")
    }
}

/// One step of a negotiation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Move<'a> {
    /// Make an offer: to ring somebody, to answer an INVITE or re-INVITE that brought none, to hold or to resume. The
    /// whole of what we can do is offered each time; `direction` is remembered as our wish and bounds later answers.
    Offer {
        /// Who shall send, ourselves speaking.
        direction: Direction,
    },
    /// Say again what was said last, unchanged and under the same version: a session refresh (RFC 4028 §7.4).
    Refresh,
    /// An offer came; make the answer.
    TakeOffer(&'a [u8]),
    /// The answer to our offer came.
    TakeAnswer(&'a [u8]),
    /// Our offer failed; what was agreed before it stands.
    Abandon,
}

impl fmt::Debug for Move<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Offer { direction } => write!(f, "Offer({direction})"),
            Move::Refresh => f.write_str("Refresh"),
            Move::TakeOffer(body) => write!(f, "TakeOffer({} bytes)", body.len()),
            Move::TakeAnswer(body) => write!(f, "TakeAnswer({} bytes)", body.len()),
            Move::Abandon => f.write_str("Abandon"),
        }
    }
}
