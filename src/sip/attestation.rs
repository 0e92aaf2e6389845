//! The attestation a calling network signs beside the caller's number (RFC 8224 Identity, RFC 8225 PASSporT, RFC 8588
//! `shaken`): A, the network knows the caller and the number is hers; B, it knows the caller; C, it only let the call in.
//!
//! Noted, never verified and never fatal: a helpline answers a forged number as it answers a hidden one. Nothing of the
//! token but one letter is kept, since its claims hold both numbers. Bounded: [`TOKENS_MAX`] tokens of [`TOKEN_MAX`] bytes.

use serde::Deserialize;

use super::message::{HeaderName, Message, Params};

/// What the calling network says of the caller's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attestation {
    /// Full: the network knows the caller, and she may use this number.
    A,
    /// Partial: the network knows the caller, not her right to the number.
    B,
    /// Gateway: the network let the call in from elsewhere.
    C,
    /// There is a token, and it cannot be read.
    Unreadable,
}

impl Attestation {
    /// The word for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Attestation::A => "a",
            Attestation::B => "b",
            Attestation::C => "c",
            Attestation::Unreadable => "unreadable",
        }
    }
}

/// The longest token looked at, in bytes; a longer one is unreadable.
const TOKEN_MAX: usize = 4096;
/// How many tokens are looked at.
const TOKENS_MAX: usize = 4;

/// The attestation of a request: of its first token that carries one. `None` without any token of that kind.
pub(super) fn of(message: &Message<'_>) -> Option<Attestation> {
    let mut found = None;
    for value in message.elements(HeaderName::Identity).take(TOKENS_MAX) {
        match read(value) {
            Read::Attested(attestation) => return Some(attestation),
            Read::Unreadable => found = Some(Attestation::Unreadable),
            Read::OtherKind => {}
        }
    }
    found
}

enum Read {
    Attested(Attestation),
    /// A token for something else: a diversion (`div`), a resource priority (`rph`).
    OtherKind,
    Unreadable,
}

#[derive(Deserialize)]
struct Head {
    ppt: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    attest: Option<String>,
}

fn read(value: &[u8]) -> Read {
    if value.len() > TOKEN_MAX {
        return Read::Unreadable;
    }
    let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
    let (token, params) = (value[..end].trim_ascii(), Params::new(&value[end..]));
    let mut parts = token.split(|b| *b == b'.');
    let (head, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let head = decode(head).and_then(|text| serde_json::from_slice::<Head>(&text).ok());
    let written = params.get("ppt").map(|ppt| String::from_utf8_lossy(ppt).into_owned());
    if let Some(kind) = written.or(head.and_then(|head| head.ppt))
        && !kind.eq_ignore_ascii_case("shaken")
    {
        return Read::OtherKind;
    }
    let claims = decode(claims).and_then(|text| serde_json::from_slice::<Claims>(&text).ok());
    match claims.and_then(|claims| claims.attest).as_deref() {
        Some("A" | "a") => Read::Attested(Attestation::A),
        Some("B" | "b") => Read::Attested(Attestation::B),
        Some("C" | "c") => Read::Attested(Attestation::C),
        _ => Read::Unreadable,
    }
}

/// base64url (RFC 4648 §5); padding and the letters of plain base64 are let pass.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.iter().filter(|b| **b != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Framing;

    fn encode(text: &str) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut out = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let word = chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
            for place in 0..=chunk.len() {
                out.push(char::from(letters[(word >> (18 - 6 * place)) as usize & 63]));
            }
        }
        out
    }

    fn token(head: &str, claims: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJl;info=<https://cert.example.org/p.pem>;alg=ES256", encode(head), encode(claims))
    }

    fn attested(headers: &str) -> Option<Attestation> {
        let text = format!("INVITE sip:3977@h SIP/2.0\r\n{headers}\r\n");
        of(&Message::parse(text.as_bytes(), Framing::Datagram).expect("readable"))
    }

    /// The three letters are read, whatever else the claims hold; without a token there is none.
    #[test]
    fn b149_attestation_is_read() {
        let head = r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/p.pem"}"#;
        for (letter, is) in [("A", Attestation::A), ("B", Attestation::B), ("C", Attestation::C)] {
            let claims = format!(
                r#"{{"attest":"{letter}","dest":{{"tn":["333977"]}},"iat":1,"orig":{{"tn":"33639980001"}},"origid":"u"}}"#
            );
            assert_eq!(attested(&format!("Identity: {};ppt=shaken\r\n", token(head, &claims))), Some(is));
            assert_eq!(attested(&format!("y: x\r\nIdentity: {}\r\n", token(head, &claims))), Some(is));
        }
        assert_eq!(attested("From: <sip:a@b>;tag=1\r\n"), None);
    }

    /// A token for something else is passed over; the one behind it counts.
    #[test]
    fn b149_other_tokens_are_passed_over() {
        let div = token(r#"{"ppt":"div"}"#, r#"{"opt":"x"}"#);
        let shaken = token(r#"{"ppt":"shaken"}"#, r#"{"attest":"B"}"#);
        assert_eq!(attested(&format!("Identity: {div}, {shaken}\r\n")), Some(Attestation::B));
        assert_eq!(attested(&format!("Identity: {div};ppt=\"div\"\r\n")), None);
    }

    /// Whatever stands there, it is at worst unreadable: broken base64, broken JSON, deep nesting, the compact form, a
    /// letter nobody knows, a token that is too long.
    #[test]
    fn b149_p077_a_bad_token_is_never_fatal() {
        let deep = "[".repeat(3000);
        let long = "A".repeat(TOKEN_MAX + 1);
        let unknown = token(r#"{"ppt":"shaken"}"#, r#"{"attest":"Z"}"#);
        let number = token(r#"{"ppt":"shaken"}"#, r#"{"attest":1}"#);
        let nested = token(r#"{"ppt":"shaken"}"#, &deep[..2000]);
        let all = ["..signature;ppt=shaken", "\u{1}\u{2}", "invalid", "a.b", ".", "=.=.=", &long, &unknown, &number];
        for value in all.into_iter().chain([nested.as_str()]) {
            assert_eq!(attested(&format!("Identity: {value}\r\n")), Some(Attestation::Unreadable), "{value:.40}");
        }
    }
}
