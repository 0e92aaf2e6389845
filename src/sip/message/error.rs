//! What can be wrong with a datagram, and whether it can be answered.

use super::Method;

/// Why bytes are not a message. Says nothing of their content, so it may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    /// What is wrong.
    pub fault: ParseFault,
    answerable: bool,
}

impl ParseError {
    pub(super) fn new(fault: ParseFault, answerable: bool) -> ParseError {
        ParseError { fault, answerable }
    }

    /// Was it a request (other than ACK) whose Via, From, To, Call-ID and CSeq can still be read, so that
    /// [`super::Message::salvage`] gives what an answer needs?
    pub fn is_answerable(self) -> bool {
        self.answerable
    }

    /// The status of that answer.
    pub fn status(self) -> u16 {
        match self.fault {
            ParseFault::TooLarge | ParseFault::TooManyHeaders => 513,
            _ => 400,
        }
    }
}

/// The kinds of [`ParseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ParseFault {
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1). Not a fault of anyone's.
    #[error("nothing but line ends")]
    Empty,
    /// Neither a request line nor a status line of SIP.
    #[error("not SIP")]
    NotSip,
    /// A status line whose code is not between 100 and 699.
    #[error("a status code that is none")]
    BadStatus,
    /// The empty line that ends the headers is missing.
    #[error("the headers do not end")]
    Unterminated,
    /// More than [`super::MAX_HEADERS`] header lines.
    #[error("too many header lines")]
    TooManyHeaders,
    /// More than [`super::MAX_MESSAGE`] bytes.
    #[error("the message is too large")]
    TooLarge,
    /// A Content-Length that is not a number, or two that differ.
    #[error("Content-Length is not one number")]
    BadContentLength,
    /// A stream needs Content-Length to know where the body ends (RFC 3261 §18.3).
    #[error("Content-Length is missing on a stream")]
    NoContentLength,
    /// Content-Length promises more bytes than there are.
    #[error("the body is shorter than Content-Length")]
    ShortBody,
}

/// Why a message that can be read must not be acted upon, and what to answer if it is a request. A response with a fault
/// is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}")]
pub struct Fault {
    /// The status of the answer: 400, 414, 416, 483, 505, 513.
    pub status: u16,
    /// The reason phrase of the answer: what is wrong, in our words only.
    pub reason: &'static str,
}

impl Fault {
    /// A Bad Request for this reason.
    pub(super) const fn bad_request(reason: &'static str) -> Fault {
        Fault { status: 400, reason }
    }
}

/// An ACK is never answered (RFC 3261 §17).
pub(super) fn may_be_answered(method: Method<'_>) -> bool {
    method != Method::Ack
}
