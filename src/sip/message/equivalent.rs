//! When two URIs mean the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::params::Params;
use super::uri::{Scheme, Unescape, Uri};

/// Parameters that count even when only one side has them.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri<'_> {
    /// Do both URIs name the same, by the rules of the RFC? `sip:a@h` and `sip:a@h:5060` do not: the latter forbids an SRV
    /// look-up.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => same_sip(self, other),
            (Scheme::Tel, Scheme::Tel) => same_tel(self, other),
            (Scheme::Other(_), Scheme::Other(_)) => self.raw == other.raw,
            _ => false,
        }
    }
}

fn same_sip(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    a.port == b.port
        && a.host.eq_ignore_ascii_case(b.host)
        && same_escaped(a.user, b.user)
        && same_escaped(a.password, b.password)
        && a.user.is_some() == b.user.is_some()
        && same_sip_params(a.params, b.params)
        && same_sip_params(b.params, a.params)
        && same_headers(a.headers, b.headers)
        && same_headers(b.headers, a.headers)
}

/// Case counts; an escape equals the character it stands for unless that is reserved.
fn same_escaped(a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
    canonical(a.unwrap_or(b"")).eq(canonical(b.unwrap_or(b"")))
}

fn same_escaped_any_case(a: &[u8], b: &[u8]) -> bool {
    let fold = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    canonical(a).map(fold).eq(canonical(b).map(fold))
}

/// Each byte, marked when it is an escaped reserved character.
fn canonical(text: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    Unescape(text).map(|(byte, escaped)| (byte, escaped && is_reserved(byte)))
}

const fn is_reserved(byte: u8) -> bool {
    matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',')
}

/// Every parameter of `a` that `b` has too must be equal; the decisive ones must be in both. Where a name stands twice the
/// first counts, as everywhere.
fn same_sip_params(a: Params<'_>, b: Params<'_>) -> bool {
    a.iter().all(|param| match first_of(b, param.name) {
        Some(twin) => first_of(a, param.name).is_some_and(|own| same_escaped_any_case(own, twin)),
        None => !DECISIVE.iter().any(|name| param.name.eq_ignore_ascii_case(name.as_bytes())),
    })
}

/// The value of the first parameter of this name; empty when it has none.
fn first_of<'a>(params: Params<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let first = params.iter().find(|param| same_escaped_any_case(param.name, name));
    first.map(|param| param.value.unwrap_or(b""))
}

/// Every header of `a` must be in `b`, in any order.
fn same_headers(a: &[u8], b: &[u8]) -> bool {
    headers(a).all(|(name, value)| {
        headers(b).any(|(other, its)| same_escaped_any_case(name, other) && same_escaped(Some(value), Some(its)))
    })
}

fn headers(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()).map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, b"".as_slice()),
    })
}

/// Visual separators do not count; every parameter does.
fn same_tel(a: &Uri<'_>, b: &Uri<'_>) -> bool {
    fn digits<'u>(uri: &Uri<'u>) -> impl Iterator<Item = u8> + use<'u> {
        let number = uri.user.unwrap_or(b"").iter();
        number.filter(|b| !matches!(b, b'-' | b'.' | b'(' | b')')).map(u8::to_ascii_lowercase)
    }
    let all_in = |a: Params<'_>, b: Params<'_>| {
        a.iter().all(|p| {
            b.iter().any(|o| {
                p.name.eq_ignore_ascii_case(o.name)
                    && p.value.unwrap_or(b"").eq_ignore_ascii_case(o.value.unwrap_or(b""))
            })
        })
    };
    digits(a).eq(digits(b)) && all_in(a.params, b.params) && all_in(b.params, a.params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (first, second) = (Uri::parse(a.as_bytes()).expect("a URI"), Uri::parse(b.as_bytes()).expect("a URI"));
        let answer = first.equivalent(&second);
        assert_eq!(answer, second.equivalent(&first), "{a} {b}");
        answer
    }

    /// The examples of RFC 3261 §19.1.4 that are equal, and telephone numbers with separators.
    #[test]
    fn b011_uris_that_are_equal() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("tel:+33-1(99)00.01.11", "tel:+33199000111"),
            // A name that stands twice: the first counts. A fuzzer found such a URI unlike itself.
            ("sip:a@h;user=phone;user=ip", "sip:a@h;user=phone;user=ip"),
            ("sip:a@h;user=phone;user=ip", "sip:a@h;user=phone"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
    }

    /// The examples that differ, and `%00`.
    #[test]
    fn b011_uris_that_differ() {
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:null-%00-null@h", "sip:null--null@h"),
            ("sip:a%3Bb@h", "sip:a;b@h"),
            ("sip:h", "sip:@h"),
            ("sip:a@h", "sips:a@h"),
            ("tel:3977;phone-context=+33", "tel:3977"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
