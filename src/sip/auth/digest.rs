//! The arithmetic of RFC 7616 §3.4. Values are bytes as they stood between the quotes: that is what both sides hash.

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// A hash named in a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) enum Algorithm {
    /// MD5, which is what most telephones know.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// The name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// By name; no name means MD5 (RFC 2617).
    pub fn from_name(name: Option<&[u8]>) -> Option<Algorithm> {
        match name {
            None => Some(Algorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"MD5") => Some(Algorithm::Md5),
            Some(name) if name.eq_ignore_ascii_case(b"SHA-256") => Some(Algorithm::Sha256),
            Some(_) => None,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> String {
        #[cfg(test)]
        HASHES.with(|count| count.set(count.get() + 1));
        match self {
            Algorithm::Md5 => {
                let mut hash = Md5::new();
                feed(parts, |bytes| hash.update(bytes));
                hex(&hash.finalize())
            }
            Algorithm::Sha256 => {
                let mut hash = Sha256::new();
                feed(parts, |bytes| hash.update(bytes));
                hex(&hash.finalize())
            }
        }
    }
}

/// H(user:realm:password) in hexadecimal.
pub(super) type Ha1 = String;

/// The hash that stands for a user in a realm.
pub(super) fn ha1(algorithm: Algorithm, user: &[u8], realm: &[u8], password: &[u8]) -> Ha1 {
    algorithm.hash(&[user, realm, password])
}

/// What a response is computed over, besides the secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub method: &'a [u8],
    pub uri: &'a [u8],
    pub nonce: &'a [u8],
    /// `nc` and `cnonce` when there is a `qop`; always `auth` here.
    pub qop: Option<(&'a [u8], &'a [u8])>,
}

/// The `response` value.
pub(super) fn response(algorithm: Algorithm, ha1: &str, asked: &Asked<'_>) -> String {
    let ha2 = algorithm.hash(&[asked.method, asked.uri]);
    match asked.qop {
        Some((nc, cnonce)) => algorithm.hash(&[ha1.as_bytes(), asked.nonce, nc, cnonce, b"auth", ha2.as_bytes()]),
        None => algorithm.hash(&[ha1.as_bytes(), asked.nonce, ha2.as_bytes()]),
    }
}

/// Compares in a time that depends on the lengths only.
pub(super) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    let mut difference = a.len() ^ b.len();
    for (place, byte) in a.iter().enumerate() {
        difference |= usize::from(byte ^ b.get(place).copied().unwrap_or(0));
    }
    difference == 0
}

/// Bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    out
}

/// A value in quotes.
pub(super) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for letter in value.chars().filter(|c| !c.is_control()) {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

fn feed(parts: &[&[u8]], mut update: impl FnMut(&[u8])) {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            update(b":");
        }
        update(part);
    }
}

#[cfg(test)]
thread_local! {
    static HASHES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// How many hashes this thread computed since it was last asked: the measure of equal work.
#[cfg(test)]
pub(super) fn take_hashes() -> u32 {
    HASHES.with(|count| count.replace(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7616 §3.9.1, both hashes.
    #[test]
    fn rfc_7616_examples() {
        let asked = Asked {
            method: b"GET",
            uri: b"/dir/index.html",
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            qop: Some((b"00000001", b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        let of = |algorithm| {
            let ha1 = ha1(algorithm, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
            response(algorithm, &ha1, &asked)
        };
        assert_eq!(of(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(of(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    /// The example of RFC 2617 §3.5, with qop; and RFC 2069's formula on the same values, computed once by hand.
    #[test]
    fn rfc_2617_example() {
        let mut asked = Asked {
            method: b"GET",
            uri: b"/dir/index.html",
            nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some((b"00000001", b"0a4f113b")),
        };
        let ha1 = ha1(Algorithm::Md5, b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
        assert_eq!(ha1, "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(response(Algorithm::Md5, &ha1, &asked), "6629fae49393a05397450978507c4ef1");
        asked.qop = None;
        assert_eq!(response(Algorithm::Md5, &ha1, &asked), "670fd8c2df070c60b045671b8b24ff02");
    }

    /// The comparison is right for equal, unequal and differently long inputs.
    #[test]
    fn comparison() {
        assert!(equal_in_constant_time(b"abc", b"abc"));
        assert!(!equal_in_constant_time(b"abc", b"abd"));
        assert!(!equal_in_constant_time(b"abc", b"ab"));
        assert!(!equal_in_constant_time(b"", b"a"));
    }
}
