//! What a message must have before anyone acts upon it (RFC 3261 §8.1.1, §8.2.2, §18.3; RFC 4475 for the hard cases).
//!
//! Only what *must* be refused is refused: a caller is worth more than a tidy header. Missing Max-Forwards, branch and
//! From tag are let pass (RFC 2543 peers), and optional headers that cannot be read are ignored. Which methods, option
//! tags and bodies we understand (405, 420, 415) is for the layers above.

use super::scan::find;
use super::text::{number, quotes_close, table_of};
use super::{
    Fault, HeaderName, List, MAX_CONTACTS, MAX_IDENTIFIER, MAX_LINE, MAX_ROUTES, MAX_URI, MAX_VIAS, Message, Method,
    NameAddr, Scheme, StartLine, Uri, Via,
};

/// The largest CSeq number (RFC 3261 §8.1.1.5: below 2³¹).
const MAX_CSEQ: u32 = (1 << 31) - 1;

/// Judges a message. For a request the fault is what to answer; a response with a fault is dropped.
pub fn validate(message: &Message<'_>) -> Result<(), Fault> {
    if !message.is_version_2() {
        return Err(Fault { status: 505, reason: "Version Not Supported" });
    }
    mandatory_headers(message)?;
    sizes(message)?;
    let cseq_method = cseq(message)?;
    addresses(message)?;
    match message.start() {
        StartLine::Request { method, uri } => {
            if cseq_method != method {
                return Err(Fault::bad_request("CSeq Method Differs From Request Method"));
            }
            vias(message)?;
            max_forwards(message)?;
            request_uri(uri)?;
            contacts(message, method)
        }
        // A response that reaches a user agent has one Via left (§8.1.3.3).
        StartLine::Status { .. } if message.elements(HeaderName::Via).nth(1).is_some() => {
            Err(Fault::bad_request("More Than One Via In A Response"))
        }
        StartLine::Status { .. } => vias(message),
    }
}

/// Each is there, and the single ones once.
fn mandatory_headers(message: &Message<'_>) -> Result<(), Fault> {
    let count = |name| message.headers_of(name).take(2).count();
    for (name, missing, twice) in [
        (HeaderName::From, "Missing From Header", "More Than One From Header"),
        (HeaderName::To, "Missing To Header", "More Than One To Header"),
        (HeaderName::CallId, "Missing Call-ID Header", "More Than One Call-ID Header"),
        (HeaderName::CSeq, "Missing CSeq Header", "More Than One CSeq Header"),
    ] {
        match count(name) {
            0 => return Err(Fault::bad_request(missing)),
            1 => {}
            _ => return Err(Fault::bad_request(twice)),
        }
    }
    if message.header(HeaderName::Via).is_none() {
        return Err(Fault::bad_request("Missing Via Header"));
    }
    if count(HeaderName::MaxForwards) > 1 {
        return Err(Fault::bad_request("More Than One Max-Forwards Header"));
    }
    if message.call_id().is_none() { Err(Fault::bad_request("Empty Call-ID Header")) } else { Ok(()) }
}

/// Nothing is longer or more than anyone honest sends: what is kept of a message stays small.
fn sizes(message: &Message<'_>) -> Result<(), Fault> {
    if message.headers().any(|header| header.value.len() > MAX_LINE) {
        return Err(Fault { status: 513, reason: "Header Line Too Long" });
    }
    let tag = |address: Option<NameAddr<'_>>| address.and_then(|address| address.tag()).map_or(0, <[u8]>::len);
    let branch = message.via().and_then(|via| via.branch).map_or(0, <[u8]>::len);
    let call_id = message.call_id().map_or(0, <[u8]>::len);
    if [call_id, branch, tag(message.from()), tag(message.to())].into_iter().any(|length| length > MAX_IDENTIFIER) {
        return Err(Fault::bad_request("Identifier Too Long"));
    }
    let many = |name, most: usize| message.elements(name).nth(most).is_some();
    if many(HeaderName::Route, MAX_ROUTES) || many(HeaderName::RecordRoute, MAX_ROUTES) {
        return Err(Fault::bad_request("Too Many Routes"));
    }
    Ok(())
}

fn cseq<'a>(message: &Message<'a>) -> Result<Method<'a>, Fault> {
    match message.cseq() {
        None => Err(Fault::bad_request("Malformed CSeq Header")),
        Some((number, _)) if number > MAX_CSEQ => Err(Fault::bad_request("CSeq Number Too Large")),
        Some((_, method)) => Ok(method),
    }
}

/// From and To are addresses with a scheme. What else is in their URIs is not ours to judge: people write numbers with
/// spaces there.
fn addresses(message: &Message<'_>) -> Result<(), Fault> {
    let has_scheme = |a: NameAddr<'_>| find(a.uri, b':').is_some_and(|at| at > 0);
    if !message.from().is_some_and(has_scheme) {
        Err(Fault::bad_request("Malformed From Header"))
    } else if !message.to().is_some_and(has_scheme) {
        Err(Fault::bad_request("Malformed To Header"))
    } else {
        Ok(())
    }
}

/// Every Via must be readable: an answer travels along all of them.
fn vias(message: &Message<'_>) -> Result<(), Fault> {
    if message.elements(HeaderName::Via).nth(MAX_VIAS).is_some() {
        return Err(Fault { status: 483, reason: "Too Many Hops" });
    }
    for line in message.headers_of(HeaderName::Via) {
        if !quotes_close(line) || List::strict(line).any(|value| Via::parse(value).is_err()) {
            return Err(Fault::bad_request("Malformed Via Header"));
        }
    }
    Ok(())
}

fn max_forwards(message: &Message<'_>) -> Result<(), Fault> {
    match message.header(HeaderName::MaxForwards).map(number) {
        None | Some(Some(0..=255)) => Ok(()),
        _ => Err(Fault::bad_request("Malformed Max-Forwards Header")),
    }
}

fn request_uri(uri: &[u8]) -> Result<(), Fault> {
    if uri.len() > MAX_URI {
        return Err(Fault { status: 414, reason: "Request-URI Too Long" });
    }
    let sound = !uri.iter().any(|b| MISPLACED[usize::from(*b)]);
    match Uri::parse(uri) {
        Ok(Uri { scheme: Scheme::Other(_), .. }) => Err(Fault { status: 416, reason: "Unsupported URI Scheme" }),
        Ok(_) if sound => Ok(()),
        _ => Err(Fault::bad_request("Malformed Request-URI")),
    }
}

/// Can requests be sent to this `sip:` or `sips:` URI as it is written?
pub fn is_target(uri: &[u8]) -> bool {
    request_uri(uri).is_ok() && Uri::parse(uri).is_ok_and(|uri| uri.is_sip())
}

/// What cannot stand in a Request-URI, whatever its scheme: blanks, controls, and the marks around a URI elsewhere.
static MISPLACED: [bool; 256] = table_of!(is_misplaced);

const fn is_misplaced(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'<' | b'>' | b'"')
}

/// Contacts are where later requests go, so each must be readable; a URI with headers must stand in brackets (RFC 4475
/// §3.1.2.13). `*` is for REGISTER alone.
fn contacts(message: &Message<'_>, method: Method<'_>) -> Result<(), Fault> {
    const MALFORMED: Fault = Fault::bad_request("Malformed Contact Header");
    if message.elements(HeaderName::Contact).nth(MAX_CONTACTS).is_some() {
        return Err(Fault::bad_request("Too Many Contacts"));
    }
    for line in message.headers_of(HeaderName::Contact) {
        if !quotes_close(line) {
            return Err(MALFORMED);
        }
        for value in List::new(line) {
            let contact = NameAddr::parse(value).map_err(|_| MALFORMED)?;
            let bare_headers = !contact.bracketed && find(contact.uri, b'?').is_some();
            let lifetime = contact.params.get("expires").filter(|_| method == Method::Register);
            if bare_headers
                || (contact.is_star() && method != Method::Register)
                || lifetime.is_some_and(|l| super::text::number_u32(l).is_none())
            {
                return Err(MALFORMED);
            }
        }
    }
    let expires = message.header(HeaderName::Expires).filter(|_| method == Method::Register);
    match expires.map(super::text::number_u32) {
        Some(None) => Err(Fault::bad_request("Malformed Expires Header")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Framing;
    use super::*;

    const SOUND: &str = "INVITE sip:3977@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
                         From: <sip:a@h>;tag=1\r\nTo: <sip:3977@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
                         Contact: <sip:a@h>\r\nContent-Length: 0\r\n\r\n";

    fn verdict(text: &str) -> Result<(), (u16, &'static str)> {
        let message = Message::parse(text.as_bytes(), Framing::Datagram).expect("a message");
        validate(&message).map_err(|fault| (fault.status, fault.reason))
    }

    /// A sound request passes; each spoilt one is refused with the status the RFC names.
    #[test]
    fn b006_b007_b008_b009_b010_p054_one_fault_at_a_time() {
        assert_eq!(verdict(SOUND), Ok(()));
        let long = format!("sip:{}@h", "a".repeat(MAX_URI));
        for (from, to, status) in [
            ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505),
            ("sip:3977@h SIP", "isbn:3977 SIP", 416),
            ("sip:3977@h SIP", &format!("{long} SIP"), 414),
            ("sip:3977@h SIP", "<sip:3977@h> SIP", 400),
            ("sip:3977@h SIP", "sip:3977@h; lr SIP", 400),
            ("sip:3977@h SIP", "sip:2001:db8::1 SIP", 400),
            ("Max-Forwards: 70", "Max-Forwards: 256", 400),
            ("Max-Forwards: 70", "Max-Forwards: 7\r\nMax-Forwards: 7", 400),
            ("From: <sip:a@h>;tag=1\r\n", "", 400),
            ("Call-ID: c", "Call-ID: c\r\ni: c", 400),
            ("Call-ID: c", "Call-ID:", 400),
            ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", 400),
            ("CSeq: 1 INVITE", "CSeq: -1 INVITE", 400),
            ("CSeq: 1 INVITE", "CSeq: 1 BYE", 400),
            ("To: <sip:3977@h>", "To: \"A <sip:3977@h>", 400),
            ("To: <sip:3977@h>", "To: nobody", 400),
            ("SIP/2.0/UDP h;branch=z9hG4bK1", "SIP/2.0/UDP h;;,;,,", 400),
            ("Contact: <sip:a@h>", "Contact: <sip:a@h;ob>\"", 400),
            ("Contact: <sip:a@h>", "Contact: *", 400),
        ] {
            let spoilt = SOUND.replacen(from, to, 1);
            assert_ne!(spoilt, SOUND, "{from}");
            assert_eq!(verdict(&spoilt).map_err(|(status, _)| status), Err(status), "{to}");
        }
    }

    /// What an RFC 2543 telephone leaves out is not asked for, and 2³¹−1 is a CSeq.
    #[test]
    fn b010_p077_old_telephones_pass() {
        for (from, to) in [
            (";branch=z9hG4bK1", ""),
            (";tag=1", ""),
            ("Max-Forwards: 70\r\n", ""),
            ("Contact: <sip:a@h>\r\n", ""),
            ("CSeq: 1 ", "CSeq: 2147483647 "),
            ("<sip:a@h>;tag", "H\u{e9}l\u{e8}ne <sip:+33 1 99 00 01 11@h>;tag"),
        ] {
            assert_eq!(verdict(&SOUND.replacen(from, to, 1)), Ok(()), "{from}");
        }
    }
}
