//! Header values with a form of their own: media types, session timers, reasons, RAck.

use std::fmt;

use super::params::{Params, split_params};
use super::text::{leading_number, number_u16, number_u32, trim, word};
use super::{List, Method};

/// `type/subtype;params` (RFC 3261 §20.15).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// Left of the slash.
    pub kind: &'a [u8],
    /// Right of the slash.
    pub subtype: &'a [u8],
    /// `boundary` and the like.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads a Content-Type value.
    pub fn parse(value: &'a [u8]) -> Option<MediaType<'a>> {
        let (front, params) = split_params(value);
        let slash = memchr::memchr(b'/', front)?;
        let (kind, subtype) = (trim(&front[..slash]), trim(&front[slash + 1..]));
        (!kind.is_empty() && !subtype.is_empty()).then_some(MediaType { kind, subtype, params })
    }

    /// Is it this `type/subtype`, in any case?
    pub fn is(&self, name: &str) -> bool {
        name.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind.as_bytes()) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
        })
    }
}

impl fmt::Debug for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaType({} / {} bytes)", self.kind.len(), self.subtype.len())
    }
}

/// Who refreshes a session (RFC 4028 §7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answered it.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds until the session ends without a refresh.
    pub seconds: u32,
    /// Who refreshes it, where that is said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Reads a Session-Expires value.
    pub fn parse(value: &[u8]) -> Option<SessionExpires> {
        let (seconds, params) = split_params(value);
        let refresher = params.get("refresher").and_then(|who| match who {
            who if who.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            who if who.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            _ => None,
        });
        Some(SessionExpires { seconds: number_u32(seconds)?, refresher })
    }
}

/// One Reason value (RFC 3326).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another protocol, as written.
    pub protocol: &'a [u8],
    /// The cause: a status code or a Q.850 cause.
    pub cause: Option<u16>,
    /// The words, without quotes.
    pub text: Option<&'a [u8]>,
}

impl<'a> Reason<'a> {
    /// Reads one element of a Reason header.
    pub fn parse(value: &'a [u8]) -> Option<Reason<'a>> {
        let (protocol, params) = split_params(value);
        let cause = params.get("cause").and_then(number_u16);
        (!protocol.is_empty()).then_some(Reason { protocol, cause, text: params.get("text") })
    }

    /// The cause, if it is of Q.850.
    pub fn q850(&self) -> Option<u16> {
        self.cause.filter(|_| self.protocol.eq_ignore_ascii_case(b"Q.850"))
    }
}

impl fmt::Debug for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reason({} bytes, cause {:?})", self.protocol.len(), self.cause)
    }
}

/// RAck: which reliable provisional response a PRACK acknowledges (RFC 3262 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq number of the response.
    pub cseq: u32,
    /// The CSeq method of the response.
    pub method: Method<'a>,
}

impl<'a> RAck<'a> {
    /// Reads a RAck value.
    pub fn parse(value: &'a [u8]) -> Option<RAck<'a>> {
        let (rseq, rest) = word(value);
        let (cseq, method) = cseq(rest)?;
        Some(RAck { rseq: number_u32(rseq)?, cseq, method })
    }
}

/// A CSeq value: a number below 2³² and a method. [`super::validate`] narrows the number to what the RFC allows.
pub(super) fn cseq(value: &[u8]) -> Option<(u32, Method<'_>)> {
    let (number, method) = word(value);
    let number = number_u32(number)?;
    let (method, rest) = word(method);
    (super::text::is_token(method) && rest.is_empty()).then(|| (number, Method::from_bytes(method)))
}

/// The seconds a Retry-After or Expires begins with; a comment or parameters may follow.
pub(super) fn seconds(value: &[u8]) -> Option<u32> {
    let (seconds, rest) = leading_number(value)?;
    let sound = matches!(trim(rest).first(), None | Some(b';' | b'('));
    u32::try_from(seconds).ok().filter(|_| sound)
}

/// The values of a Privacy header: separated by semicolons (RFC 3323), by commas in some phones.
pub(super) fn privacy_values(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    List::new(value).flat_map(|element| element.split(|b| *b == b';').map(trim).filter(|word| !word.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each form, well made and badly made.
    #[test]
    fn forms() {
        let mixed = MediaType::parse(b"multipart / mixed ; boundary=\"b-1\"").expect("a type");
        assert!(mixed.is("Multipart/Mixed"));
        assert_eq!(mixed.params.get("boundary"), Some(b"b-1".as_slice()));
        assert_eq!(MediaType::parse(b"text"), None);
        let timer = SessionExpires { seconds: 1800, refresher: Some(Refresher::Uas) };
        assert_eq!(SessionExpires::parse(b"1800 ; Refresher=UAS"), Some(timer));
        assert_eq!(SessionExpires::parse(b"soon"), None);
        let reason = Reason::parse(b"Q.850;cause=16;text=\"Normal; clearing\"").expect("a reason");
        assert_eq!((reason.q850(), reason.text), (Some(16), Some(b"Normal; clearing".as_slice())));
        assert_eq!(RAck::parse(b"1 314159 INVITE"), Some(RAck { rseq: 1, cseq: 314_159, method: Method::Invite }));
        assert_eq!(RAck::parse(b"1 INVITE"), None);
        assert_eq!(cseq(b"0009\r\n INVITE"), Some((9, Method::Invite)));
        assert_eq!(
            (cseq(b"9"), cseq(b"-1 INVITE"), cseq(b"4294967296 INVITE"), cseq(b"1 A B")),
            (None, None, None, None)
        );
        assert_eq!(
            (seconds(b"18000;duration=3600"), seconds(b"120 (busy)"), seconds(b"12x")),
            (Some(18_000), Some(120), None)
        );
        assert_eq!(privacy_values(b"id; header,critical").count(), 3);
    }
}
