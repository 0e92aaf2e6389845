//! What REFER (RFC 3515, RFC 4488, RFC 3892) and Replaces (RFC 3891) say, read from a message. Who may say it, and what
//! comes of it, is decided by the endpoint and by its owner.

use super::message::{HeaderName, List, Message, NameAddr, Params, Uri, unfold};
use super::{Hidden, reading};

/// Which dialog a call shall take the place of, named as its own side names it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Replaces {
    pub call_id: Vec<u8>,
    /// Our tag.
    pub to_tag: Vec<u8>,
    /// The peer's tag.
    pub from_tag: Vec<u8>,
    /// Only if nobody has answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a Replaces value: `call-id;to-tag=…;from-tag=…` (§6.1). Both tags must be there.
    pub fn parse(value: &[u8]) -> Option<Replaces> {
        let end = value.iter().position(|b| *b == b';')?;
        let (call_id, params) = (value[..end].trim_ascii(), Params::new(&value[end..]));
        let tag = |name: &str| params.get(name).filter(|tag| !tag.is_empty()).map(<[u8]>::to_vec);
        (!call_id.is_empty()).then_some(Replaces {
            call_id: call_id.to_vec(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.has("early-only"),
        })
    }

    /// The Replaces of a request; an error when there are several, or one that cannot be read (§3: 400).
    pub fn of(message: &Message<'_>) -> Result<Option<Replaces>, BadTransfer> {
        let mut values = message.headers_of(HeaderName::Replaces).map(unfold);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() || List::new(&value).count() > 1 {
            return Err(BadTransfer::SeveralReplaces);
        }
        Replaces::parse(&value).map(Some).ok_or(BadTransfer::Replaces)
    }
}

/// What a REFER asks for.
pub(super) struct Referral {
    /// Whom to call: the URI without the headers that stood in it.
    pub to: Hidden,
    /// Whose place the new call takes.
    pub replaces: Option<Replaces>,
    /// Who asks, as he says himself.
    pub by: Option<Hidden>,
    /// He wants to hear nothing of the outcome (RFC 4488).
    pub silent: bool,
}

/// Why a REFER or a Replaces is refused with 400: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTransfer {
    /// Exactly one Refer-To is needed (RFC 3515 §2.4.1).
    #[error("not exactly one Refer-To")]
    Target,
    /// A Refer-To that is no SIP or tel URI, or asks for another request than INVITE.
    #[error("a Refer-To that cannot be called")]
    Uri,
    /// More than one Replaces.
    #[error("several Replaces")]
    SeveralReplaces,
    /// A Replaces without a call or a tag.
    #[error("a Replaces that names no dialog")]
    Replaces,
}

impl BadTransfer {
    /// The words of the 400.
    pub const fn phrase(self) -> &'static str {
        match self {
            BadTransfer::Target | BadTransfer::Uri => "Bad Refer-To",
            BadTransfer::SeveralReplaces | BadTransfer::Replaces => "Bad Replaces",
        }
    }
}

impl Referral {
    /// Reads a REFER.
    pub fn of(message: &Message<'_>) -> Result<Referral, BadTransfer> {
        let mut values = message.headers_of(HeaderName::ReferTo).map(unfold);
        let (Some(value), None) = (values.next(), values.next()) else { return Err(BadTransfer::Target) };
        if List::new(&value).count() != 1 {
            return Err(BadTransfer::Target);
        }
        let address = NameAddr::parse(&value).map_err(|_| BadTransfer::Uri)?;
        let uri = Uri::parse(address.uri).map_err(|_| BadTransfer::Uri)?;
        let method = uri.params.get("method").unwrap_or(b"INVITE");
        let callable = uri.is_sip() || uri.scheme == super::message::Scheme::Tel;
        if !callable || !method.eq_ignore_ascii_case(b"INVITE") {
            return Err(BadTransfer::Uri);
        }
        let end = address.uri.iter().position(|b| *b == b'?').unwrap_or(address.uri.len());
        let replaces = match uri_header(uri.headers, b"Replaces") {
            Some(text) => Some(Replaces::parse(&text).ok_or(BadTransfer::Replaces)?),
            None => None,
        };
        let by = message.header(HeaderName::ReferredBy).map(|value| Hidden::from_bytes(&unfold(value)));
        let silent =
            message.header(HeaderName::ReferSub).is_some_and(|v| v.trim_ascii().eq_ignore_ascii_case(b"false"));
        Ok(Referral { to: Hidden::from_bytes(&address.uri[..end]), replaces, by, silent })
    }
}

/// The event a NOTIFY about a REFER is for: the first of a dialog needs no name, later ones are named by their CSeq
/// (RFC 3515 §2.4.6).
pub(super) fn refer_event(message: &Message<'_>, first: bool) -> String {
    match reading::cseq(message) {
        Some((cseq, _)) if !first => format!("refer;id={cseq}"),
        _ => "refer".to_owned(),
    }
}

/// A header inside a URI, unescaped.
fn uri_header(headers: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    headers.split(|b| *b == b'&').find_map(|header| {
        let at = header.iter().position(|b| *b == b'=')?;
        header[..at].eq_ignore_ascii_case(name).then(|| unescape(&header[at + 1..]))
    })
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, hex(text.get(at + 1)), hex(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Framing;

    fn refer(headers: &str) -> Result<Referral, BadTransfer> {
        let text = format!("REFER sip:us@h SIP/2.0\r\nCSeq: 7 REFER\r\n{headers}\r\n");
        Referral::of(&Message::parse(text.as_bytes(), Framing::Datagram).expect("readable"))
    }

    /// Target, the dialog to replace (escaped in the URI), and who asks.
    #[test]
    fn b151_b158_a_refer_is_read() {
        let asked = refer(
            "Refer-To: <sip:rene@ecoute.example?Replaces=c1%40h%3Bto-tag%3Dt%3Bfrom-tag%3Df&Require=replaces>\r\n\
             Referred-By: <sip:odile@ecoute.example>\r\nRefer-Sub: FALSE\r\n",
        )
        .expect("sound");
        assert_eq!(asked.to.reveal(), "sip:rene@ecoute.example");
        let replaces = asked.replaces.expect("named");
        assert_eq!((replaces.call_id, replaces.to_tag), (b"c1@h".to_vec(), b"t".to_vec()));
        assert_eq!((replaces.from_tag, replaces.early_only), (b"f".to_vec(), false));
        assert!(asked.silent && asked.by.is_some());
        assert!(!refer("r: sip:rene@h\r\n").expect("compact form").silent);
    }

    /// None, two, a list, no telephone, another method, half a Replaces: refused, each for its reason.
    #[test]
    fn b151_bad_refers() {
        let of = |headers: &str| refer(headers).err();
        assert_eq!(of(""), Some(BadTransfer::Target));
        assert_eq!(of("Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n"), Some(BadTransfer::Target));
        assert_eq!(of("Refer-To: <sip:a@b>, <sip:c@d>\r\n"), Some(BadTransfer::Target));
        assert_eq!(of("Refer-To: <http://a.example/>\r\n"), Some(BadTransfer::Uri));
        assert_eq!(of("Refer-To: <sip:a@b;method=BYE>\r\n"), Some(BadTransfer::Uri));
        assert_eq!(of("Refer-To: <sip:a@b?Replaces=c%3Bto-tag%3D1>\r\n"), Some(BadTransfer::Replaces));
    }

    /// Replaces in its header: one with both tags, or 400.
    #[test]
    fn b155_one_replaces() {
        let of = |headers: &str| {
            let text = format!("INVITE sip:us@h SIP/2.0\r\n{headers}\r\n");
            let message = Message::parse(text.as_bytes(), Framing::Datagram).expect("readable");
            Replaces::of(&message).map(|replaces| replaces.is_some_and(|replaces| replaces.early_only))
        };
        assert_eq!(of(""), Ok(false));
        assert_eq!(of("Replaces: c@h; from-tag=1 ;to-tag=2;early-only\r\n"), Ok(true));
        let two = "Replaces: c;to-tag=1;from-tag=2\r\n";
        assert_eq!(of(&format!("{two}{two}")), Err(BadTransfer::SeveralReplaces));
        assert_eq!(of("Replaces: a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2\r\n"), Err(BadTransfer::SeveralReplaces));
        assert_eq!(of("Replaces: c;to-tag=1\r\n"), Err(BadTransfer::Replaces));
        assert_eq!(of("Replaces: c;to-tag=;from-tag=2\r\n"), Err(BadTransfer::Replaces));
    }

    /// Escapes are resolved, and half of one is left as it is.
    #[test]
    fn escapes() {
        assert_eq!(unescape(b"a%40b%3b%zz%4"), b"a@b;%zz%4");
    }
}
