//! SIP messages: reading them where they lie, judging them, writing them (RFC 3261 §7, §18.3, §20, §25).
//!
//! ```text
//! bytes ── Message::parse ──► Message ── via() from() cseq() … ──► values borrowed from the bytes
//!   │                            └───── validate() ──► Ok | Fault (what to answer)
//!   └ Err(ParseError) ── is_answerable()? ── Message::salvage ──► enough of a Message to answer 400
//!
//! MessageWriter::request / response / response_to(&Message) ── header(…)… ── finish() ──► bytes
//! ```
//!
//! Reading copies nothing and allocates nothing (up to 64 header lines), and never asks for UTF-8: old exchanges send names
//! in ISO-8859-1 every day. It is lenient in blanks, case, folding, compact names and line ends, because a caller must not
//! be lost over a comma; what a user agent server *must* refuse is refused by [`validate`], with the status to answer.
//! A header that is not needed and cannot be read is carried as bytes and ignored.
//!
//! Not here: what methods, option tags or body types we understand (405, 420, 415), who may call, and which transaction a
//! message belongs to. Neither is anything here ever printed: `Debug` shows methods, codes and lengths.

mod access;
mod digest;
mod equivalent;
mod error;
mod fields;
mod index;
mod method;
mod multipart;
mod name;
mod name_addr;
mod owned;
mod params;
mod parse;
mod reason;
mod response;
mod scan;
mod stream;
mod text;
mod uri;
mod validate;
mod via;
mod write;

use std::fmt;

pub use digest::{Challenge, Digest};
pub use error::{Fault, ParseError, ParseFault};
pub use fields::{MediaType, RAck, Reason, Refresher, SessionExpires};
pub use method::Method;
pub use multipart::{Part, Parts};
pub use name::HeaderName;
pub use name_addr::{BadNameAddr, NameAddr};
pub use owned::OwnedMessage;
pub use params::{Param, Params, ParamsIter};
pub use reason::reason_phrase;
pub use stream::{Frame, next_frame};
pub use text::{List, decode_text, unfold};
pub use uri::{BadUri, Scheme, Uri, parse_ip};
pub use validate::{is_target, validate};
pub use via::{BRANCH_COOKIE, BadVia, Via};
pub use write::MessageWriter;

use index::{Index, Start};

/// The largest message read, in bytes; larger ones are a 513. No datagram is larger.
pub const MAX_MESSAGE: usize = 65_535;
/// The most header lines read; more are a 513.
pub const MAX_HEADERS: usize = 256;
/// The longest Request-URI served, in bytes; longer ones are a 414.
pub const MAX_URI: usize = 2048;

/// The longest header line read, folds included, in bytes; longer ones are a 513.
pub const MAX_LINE: usize = 16_384;
/// The most Vias of a request; more are a 483, for so many proxies can only be a loop.
pub const MAX_VIAS: usize = 128;
/// The most Routes, and the most Record-Routes, of a message; more are a 400.
pub const MAX_ROUTES: usize = 64;
/// The most Contacts of a request; more are a 400.
pub const MAX_CONTACTS: usize = 32;
/// The longest Call-ID, tag and branch, in bytes; longer ones are a 400. They are kept while a call or transaction lives.
pub const MAX_IDENTIFIER: usize = 1024;

/// How the bytes came, which decides where the body ends (RFC 3261 §18.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// A whole datagram, or one WebSocket message: Content-Length may be missing (the body runs to the end), and bytes
    /// behind it are ignored.
    Datagram,
    /// One message cut from a stream by [`next_frame`]: Content-Length must be there.
    Stream,
}

/// The first line of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// Of a request.
    Request {
        /// What is asked.
        method: Method<'a>,
        /// The Request-URI, as written.
        uri: &'a [u8],
    },
    /// Of a response.
    Status {
        /// 100 to 699.
        code: u16,
        /// The reason phrase: any bytes, perhaps none.
        reason: &'a [u8],
    },
}

/// A message, read in place: the bytes, and where its parts lie in them.
#[derive(Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    index: Index,
}

impl<'a> Message<'a> {
    /// Reads one message. Line ends before it are skipped; on a datagram, bytes behind the body are left out.
    pub fn parse(bytes: &'a [u8], framing: Framing) -> Result<Message<'a>, ParseError> {
        parse::message(bytes, framing)
    }

    /// What can be read of a request that [`Message::parse`] refuses, if that is enough to answer it: a method other than
    /// ACK, and Via, From, To, Call-ID and CSeq lines. It has no body. For answering only.
    pub fn salvage(bytes: &'a [u8]) -> Option<Message<'a>> {
        parse::salvage(bytes)
    }

    /// The message as received, from its start line to the end of its body.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first line.
    pub fn start(&self) -> StartLine<'a> {
        match self.index.start {
            Start::Request { method, uri } => {
                StartLine::Request { method: Method::from_bytes(method.of(self.bytes)), uri: uri.of(self.bytes) }
            }
            Start::Status { code, reason } => StartLine::Status { code, reason: reason.of(self.bytes) },
        }
    }

    /// Is it a request?
    pub fn is_request(&self) -> bool {
        matches!(self.index.start, Start::Request { .. })
    }

    /// The method of a request; of a response, the method its CSeq names.
    pub fn method(&self) -> Option<Method<'a>> {
        match self.start() {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => self.cseq().map(|(_, method)| method),
        }
    }

    /// The Request-URI as written; `None` for a response.
    pub fn request_uri(&self) -> Option<&'a [u8]> {
        match self.start() {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Status { .. } => None,
        }
    }

    /// The status code; `None` for a request.
    pub fn status(&self) -> Option<u16> {
        match self.index.start {
            Start::Request { .. } => None,
            Start::Status { code, .. } => Some(code),
        }
    }

    /// Does the start line say SIP/2.0?
    pub fn is_version_2(&self) -> bool {
        self.index.version_2
    }

    /// The header lines, in order, each as one line whatever its folding.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + Clone {
        let bytes = self.bytes;
        self.index.lines().iter().map(move |line| Header {
            name: HeaderName::from_id(line.name as u8, line.written.of(bytes)),
            value: line.value.of(bytes),
        })
    }

    /// The values of every line of this header, in order, as written (folds included).
    pub fn headers_of(&self, name: HeaderName<'_>) -> impl Iterator<Item = &'a [u8]> + Clone {
        let bytes = self.bytes;
        let id = name.id();
        self.index
            .lines_around(id)
            .iter()
            .filter(move |line| {
                line.name == u16::from(id)
                    && match name {
                        HeaderName::Other(other) => line.written.of(bytes).eq_ignore_ascii_case(other),
                        _ => true,
                    }
            })
            .map(move |line| line.value.of(bytes))
    }

    /// The value of the first line of this header, as written (folds included; see [`unfold`]).
    pub fn header(&self, name: HeaderName<'_>) -> Option<&'a [u8]> {
        self.headers_of(name).next()
    }

    /// The elements of this header over all its lines, split at commas outside quotes and brackets.
    pub fn elements(&self, name: HeaderName<'_>) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.headers_of(name).flat_map(List::new)
    }

    /// Is `token` among the elements of this header, in any case?
    pub fn has_token(&self, name: HeaderName<'_>, token: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// How many header lines there are.
    pub fn header_count(&self) -> usize {
        self.index.lines().len()
    }

    /// The body, cut at Content-Length where there is one.
    pub fn body(&self) -> &'a [u8] {
        self.index.body.of(self.bytes)
    }

    /// A copy that can be kept.
    pub fn to_owned(&self) -> OwnedMessage {
        OwnedMessage::new(self)
    }

    /// Is it a request that may be answered, with what an answer must repeat: Via, From, To, Call-ID and CSeq?
    pub fn is_answerable(&self) -> bool {
        let StartLine::Request { method, .. } = self.start() else { return false };
        let needed = [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
        error::may_be_answered(method)
            && needed.into_iter().all(|name| self.header(name).is_some_and(|v| !v.is_empty()))
    }
}

impl fmt::Debug for StartLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartLine::Request { method, uri } => write!(f, "{method:?} ({} bytes uri)", uri.len()),
            StartLine::Status { code, .. } => write!(f, "{code}"),
        }
    }
}

impl fmt::Debug for Message<'_> {
    /// Method or code, and sizes: nothing a caller wrote.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?}, {} headers, {} bytes body)", self.start(), self.header_count(), self.body().len())
    }
}

/// One header line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub name: HeaderName<'a>,
    /// Its value as written, without blanks at the ends; folds are still in it.
    pub value: &'a [u8],
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({} bytes)", self.name, self.value.len())
    }
}
