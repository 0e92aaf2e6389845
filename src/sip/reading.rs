//! Small questions to a message that several parts ask.

use super::auth::Challenge;
use super::message::{HeaderName, Message, Method, NameAddr, decode_text, is_target, unfold};
use super::wire::SDP;
use super::{Reason, ReasonProtocol};

/// The tag of To.
pub(super) fn to_tag<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message.to().and_then(|to| to.tag())
}

/// The tag of From.
pub(super) fn from_tag<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    message.from().and_then(|from| from.tag())
}

/// CSeq.
pub(super) fn cseq<'a>(message: &Message<'a>) -> Option<(u32, Method<'a>)> {
    message.cseq()
}

/// The session description, also from inside a multipart body.
pub(super) fn sdp(message: &Message<'_>) -> Option<Vec<u8>> {
    let described = message.body_of_type(SDP);
    // A body without a type is what some old gateways send; only SDP can be meant.
    let untyped = || message.header(HeaderName::ContentType).is_none().then(|| message.body());
    described.or_else(untyped).filter(|body| !body.is_empty()).map(<[u8]>::to_vec)
}

/// The first Reason we understand; Q.850 before SIP, as it says more about a telephone call.
pub(super) fn reason(message: &Message<'_>) -> Option<Reason> {
    let understood = |reason: super::message::Reason<'_>| {
        let protocol = if reason.protocol.eq_ignore_ascii_case(b"Q.850") {
            ReasonProtocol::Q850
        } else if reason.protocol.eq_ignore_ascii_case(b"SIP") {
            ReasonProtocol::Sip
        } else {
            return None;
        };
        reason.cause.map(|cause| Reason { protocol, cause })
    };
    let found: Vec<Reason> = message.reason().filter_map(understood).take(8).collect();
    let q850 = found.iter().find(|reason| reason.protocol == ReasonProtocol::Q850);
    q850.or(found.first()).copied()
}

/// The challenge of a 401 or 407 we can answer best, and the header for the answer.
pub(super) fn challenge(message: &Message<'_>) -> Option<(Challenge, &'static str)> {
    match message.status() {
        Some(401) => Some((Challenge::choose(message.www_authenticate())?, "Authorization")),
        Some(407) => Some((Challenge::choose(message.proxy_authenticate())?, "Proxy-Authorization")),
        _ => None,
    }
}

/// Record-Route values in the order of the message, each whole; elements of one line are separated.
pub(super) fn record_routes(message: &Message<'_>) -> Vec<Vec<u8>> {
    message.elements(HeaderName::RecordRoute).map(|value| unfold(value).into_owned()).collect()
}

/// The URI of the first Contact, if requests can be sent to it.
pub(super) fn contact_uri(message: &Message<'_>) -> Option<Vec<u8>> {
    message.contact().map(|contact| contact.uri).filter(|uri| is_target(uri)).map(<[u8]>::to_vec)
}

/// Where requests to the sender of an INVITE go: its Contact; its From where that is missing (RFC 2543) or is no address
/// of SIP, for they travel over the caller's own flow in any case.
pub(super) fn caller_uri(invite: &Message<'_>) -> Option<Vec<u8>> {
    let from = || invite.from().map(|from| from.uri).filter(|uri| is_target(uri)).map(<[u8]>::to_vec);
    contact_uri(invite).or_else(from)
}

/// The URIs of all Contacts, best first (`q`, RFC 3261 §20.10).
pub(super) fn contact_uris(message: &Message<'_>) -> Vec<Vec<u8>> {
    let q = |contact: &NameAddr<'_>| {
        let text = contact.params.get("q").map(decode_text).unwrap_or_default();
        text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(1000, |q| (q * 1000.0) as u16)
    };
    let mut found: Vec<(u16, Vec<u8>)> =
        message.contacts().filter(|c| !c.is_star()).take(16).map(|c| (q(&c), c.uri.to_vec())).collect();
    found.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    found.into_iter().map(|(_, uri)| uri).collect()
}

/// A header's first value on one line.
pub(super) fn line(message: &Message<'_>, name: HeaderName<'_>) -> Vec<u8> {
    message.header(name).map(|value| unfold(value).into_owned()).unwrap_or_default()
}

/// A 64-bit FNV-1a hash: for correlation in logs and for tags that must come out the same twice, not for secrets.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
