//! Digest credentials and challenges as they stand in headers (RFC 3261 §20.7, RFC 7616, RFC 8760). Only read here; the
//! computation belongs to `sip::auth`.
//!
//! These headers are not comma lists of values (§7.3.1): the commas separate the parameters of one value.

use std::fmt;

use super::text::{List, trim, unquote, word};

/// Authorization or Proxy-Authorization with the Digest scheme. Values are without quotes; escapes stay, as the digest is
/// computed over what was written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest<'a> {
    /// Whose credentials.
    pub username: &'a [u8],
    /// Where they hold.
    pub realm: &'a [u8],
    /// The challenge's nonce.
    pub nonce: &'a [u8],
    /// The URI the digest was made over.
    pub uri: &'a [u8],
    /// The digest, in hexadecimal.
    pub response: &'a [u8],
    /// `MD5` where absent.
    pub algorithm: Option<&'a [u8]>,
    /// `auth` or `auth-int`; absent from old peers.
    pub qop: Option<&'a [u8]>,
    /// The nonce count: eight hexadecimal digits.
    pub nc: Option<&'a [u8]>,
    /// The client's nonce.
    pub cnonce: Option<&'a [u8]>,
    /// Given back as it came.
    pub opaque: Option<&'a [u8]>,
}

/// WWW-Authenticate or Proxy-Authenticate with the Digest scheme.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Whose credentials are wanted.
    pub realm: &'a [u8],
    /// To be used in the answer.
    pub nonce: &'a [u8],
    /// To be given back.
    pub opaque: Option<&'a [u8]>,
    /// `MD5` where absent.
    pub algorithm: Option<&'a [u8]>,
    /// What is offered: perhaps several, separated by commas.
    pub qop: Option<&'a [u8]>,
    /// Was the password right and only the nonce too old?
    pub stale: bool,
}

impl<'a> Digest<'a> {
    /// Reads a value; `None` for another scheme, or when what a digest needs is missing: no credentials then.
    pub fn parse(value: &'a [u8]) -> Option<Digest<'a>> {
        let mut digest = Digest::default();
        for (name, value) in parameters(value)? {
            match Key::of(name) {
                Key::Username => digest.username = value,
                Key::Realm => digest.realm = value,
                Key::Nonce => digest.nonce = value,
                Key::Uri => digest.uri = value,
                Key::Response => digest.response = value,
                Key::Algorithm => digest.algorithm = Some(value),
                Key::Qop => digest.qop = Some(value),
                Key::Nc => digest.nc = Some(value),
                Key::Cnonce => digest.cnonce = Some(value),
                Key::Opaque => digest.opaque = Some(value),
                Key::Stale | Key::Other => {}
            }
        }
        let needed = [digest.username, digest.realm, digest.nonce, digest.uri, digest.response];
        needed.iter().all(|value| !value.is_empty()).then_some(digest)
    }

    /// The nonce count as a number.
    pub fn nonce_count(&self) -> Option<u32> {
        let digits = std::str::from_utf8(self.nc?).ok()?;
        u32::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|b| b.is_ascii_hexdigit()))
    }
}

impl<'a> Challenge<'a> {
    /// Reads a value; `None` for another scheme, or without realm or nonce.
    pub fn parse(value: &'a [u8]) -> Option<Challenge<'a>> {
        let mut challenge = Challenge::default();
        for (name, value) in parameters(value)? {
            match Key::of(name) {
                Key::Realm => challenge.realm = value,
                Key::Nonce => challenge.nonce = value,
                Key::Opaque => challenge.opaque = Some(value),
                Key::Algorithm => challenge.algorithm = Some(value),
                Key::Qop => challenge.qop = Some(value),
                Key::Stale => challenge.stale = value.eq_ignore_ascii_case(b"true"),
                _ => {}
            }
        }
        (!challenge.realm.is_empty() && !challenge.nonce.is_empty()).then_some(challenge)
    }

    /// Is this quality of protection among those offered?
    pub fn offers_qop(&self, name: &str) -> bool {
        self.qop.is_some_and(|qop| List::new(qop).any(|q| q.eq_ignore_ascii_case(name.as_bytes())))
    }
}

impl fmt::Debug for Digest<'_> {
    /// Nothing of the secret, nothing of the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest(username {} bytes, response {} bytes)", self.username.len(), self.response.len())
    }
}

impl fmt::Debug for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge(realm {} bytes, stale {})", self.realm.len(), self.stale)
    }
}

/// The parameters behind the word `Digest`, each name with its value unquoted.
fn parameters(value: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let (scheme, rest) = word(trim(value));
    scheme.eq_ignore_ascii_case(b"Digest").then(|| {
        List::new(rest).filter_map(|element| {
            let equals = memchr::memchr(b'=', element)?;
            Some((trim(&element[..equals]), unquote(trim(&element[equals + 1..]))))
        })
    })
}

/// The names of digest parameters.
enum Key {
    Username,
    Realm,
    Nonce,
    Uri,
    Response,
    Algorithm,
    Qop,
    Nc,
    Cnonce,
    Opaque,
    Stale,
    Other,
}

impl Key {
    fn of(name: &[u8]) -> Key {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match name.len() {
            2 if is("nc") => Key::Nc,
            3 if is("uri") => Key::Uri,
            3 if is("qop") => Key::Qop,
            5 if is("realm") => Key::Realm,
            5 if is("nonce") => Key::Nonce,
            5 if is("stale") => Key::Stale,
            6 if is("cnonce") => Key::Cnonce,
            6 if is("opaque") => Key::Opaque,
            8 if is("username") => Key::Username,
            8 if is("response") => Key::Response,
            9 if is("algorithm") => Key::Algorithm,
            _ => Key::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Credentials with commas in quotes, folds and odd case.
    #[test]
    fn credentials() {
        let value =
            b"digest Username=\"a,b\", realm=\"r\",nonce=\"n==\",\r\n uri=\"sip:h\", response=\"0a\", qop=auth,\
                      nc=0000001f, cnonce=\"c\", algorithm=SHA-256,opaque=\"\"";
        let digest = Digest::parse(value).expect("credentials");
        assert_eq!(
            (digest.username, digest.nonce, digest.uri),
            (b"a,b".as_slice(), b"n==".as_slice(), b"sip:h".as_slice())
        );
        assert_eq!((digest.nonce_count(), digest.algorithm), (Some(31), Some(b"SHA-256".as_slice())));
        assert_eq!(digest.opaque, Some(b"".as_slice()));
        assert!(!format!("{digest:?}").contains("a,b"));
    }

    /// Another scheme, or a digest without its parts, is no credentials.
    #[test]
    fn no_credentials() {
        for bad in ["NoOneKnowsThisScheme opaque-data=here", "Digest", "Digest username=\"a\"", ""] {
            assert_eq!(Digest::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    /// A challenge with a list of qop.
    #[test]
    fn challenge() {
        let read = Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", stale=TRUE")
            .expect("a challenge");
        assert!(read.stale && read.offers_qop("auth-int") && !read.offers_qop("none"));
    }
}
