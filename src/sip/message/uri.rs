//! `sip:`, `sips:` and `tel:` URIs (RFC 3261 §19.1, RFC 3966, RFC 5118 for IPv6 references).
//!
//! Parts are kept as written, so that a URI can be sent back byte for byte. Comparison is in `equivalent.rs`. Other schemes
//! are recognised and not looked into.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::params::Params;
use super::scan::find;
use super::text::{number_u16, table_of};

/// A URI, split into its parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// All of it, as written.
    pub raw: &'a [u8],
    /// Before the first colon.
    pub scheme: Scheme<'a>,
    /// Before the `@`, up to a colon: escapes and `;…` stay. The number of a `tel:` URI. `None` without `@`.
    pub user: Option<&'a [u8]>,
    /// Between that colon and the `@`.
    pub password: Option<&'a [u8]>,
    /// The host as written: an IPv6 reference keeps its brackets. Empty for `tel:` and other schemes.
    pub host: &'a [u8],
    /// The port.
    pub port: Option<u16>,
    /// Behind the host (or the number).
    pub params: Params<'a>,
    /// Behind the `?`; empty without.
    pub headers: &'a [u8],
}

/// The scheme of a URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other, as written.
    Other(&'a [u8]),
}

/// The text is not a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUri {
    /// There is no scheme, or what stands before the colon cannot be one.
    #[error("a URI without a scheme")]
    Scheme,
    /// The host is missing or holds characters that no host has.
    #[error("a URI without a sound host")]
    Host,
    /// The port is not a number below 65536.
    #[error("a URI with a port that is none")]
    Port,
}

impl<'a> Uri<'a> {
    /// Splits a URI (without brackets or blanks around it).
    pub fn parse(raw: &'a [u8]) -> Result<Uri<'a>, BadUri> {
        let colon = find(raw, b':').ok_or(BadUri::Scheme)?;
        let (name, rest) = (&raw[..colon], &raw[colon + 1..]);
        let scheme = Scheme::from_bytes(name).ok_or(BadUri::Scheme)?;
        let empty = Uri {
            raw,
            scheme,
            user: None,
            password: None,
            host: b"",
            port: None,
            params: Params::default(),
            headers: b"",
        };
        match scheme {
            Scheme::Sip | Scheme::Sips => split_sip(empty, rest),
            Scheme::Tel => split_tel(empty, rest),
            Scheme::Other(_) => Ok(empty),
        }
    }

    /// The user with its `%` escapes resolved, in `buffer`; `None` without a user, or when it does not fit.
    pub fn user_unescaped<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let user = self.user?;
        let mut len = 0;
        for (byte, _) in Unescape(user) {
            *buffer.get_mut(len)? = byte;
            len += 1;
        }
        buffer.get(..len)
    }

    /// The user with its `%` escapes resolved.
    pub fn user_decoded(&self) -> Option<Cow<'a, [u8]>> {
        let user = self.user?;
        Some(match memchr::memchr(b'%', user) {
            None => Cow::Borrowed(user),
            Some(_) => Cow::Owned(Unescape(user).map(|(byte, _)| byte).collect()),
        })
    }

    /// The host when it is an address.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host)
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<&'a [u8]> {
        self.params.get("transport")
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.get("maddr")
    }

    /// Is `lr` there: does this proxy route loosely (§19.1.1)?
    pub fn is_loose_router(&self) -> bool {
        self.params.has("lr")
    }

    /// Is the scheme `sip` or `sips`?
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }
}

impl fmt::Debug for Uri<'_> {
    /// Scheme and lengths only: the user part is a person or a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({:?}, {} bytes, port {:?})", self.scheme, self.raw.len(), self.port)
    }
}

impl<'a> Scheme<'a> {
    /// The scheme written as `name`, in any case; `None` when it cannot be one.
    fn from_bytes(name: &'a [u8]) -> Option<Scheme<'a>> {
        if name.eq_ignore_ascii_case(b"sip") {
            Some(Scheme::Sip)
        } else if name.eq_ignore_ascii_case(b"sips") {
            Some(Scheme::Sips)
        } else if name.eq_ignore_ascii_case(b"tel") {
            Some(Scheme::Tel)
        } else {
            let sound = name.first().is_some_and(u8::is_ascii_alphabetic)
                && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
            sound.then_some(Scheme::Other(name))
        }
    }
}

impl fmt::Debug for Scheme<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(_) => "other",
        })
    }
}

/// An address as it stands in a URI or a Via: IPv4, or IPv6 with or without brackets.
pub fn parse_ip(host: &[u8]) -> Option<IpAddr> {
    let inner = match host {
        [b'[', inner @ .., b']'] => return std::str::from_utf8(inner).ok()?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        other => other,
    };
    std::str::from_utf8(inner).ok()?.parse().ok()
}

/// The part of a `sip:` URI behind the scheme. The user may hold `;` and `?` (RFC 4475 §3.1.1.9), so the `@` is looked for
/// first; it cannot stand unescaped anywhere else.
fn split_sip<'a>(mut uri: Uri<'a>, rest: &'a [u8]) -> Result<Uri<'a>, BadUri> {
    let rest = match find(rest, b'@') {
        Some(at) => {
            let (user, password) = match find(&rest[..at], b':') {
                Some(colon) => (&rest[..colon], Some(&rest[colon + 1..at])),
                None => (&rest[..at], None),
            };
            (uri.user, uri.password) = (Some(user), password);
            &rest[at + 1..]
        }
        None => rest,
    };
    let host_end = match rest.first() {
        Some(b'[') => find(rest, b']').ok_or(BadUri::Host)? + 1,
        _ => rest.iter().position(|b| matches!(b, b':' | b';' | b'?')).unwrap_or(rest.len()),
    };
    let (host, rest) = rest.split_at(host_end);
    if !is_host(host) {
        return Err(BadUri::Host);
    }
    uri.host = host;
    let (front, headers) = match find(rest, b'?') {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, b"".as_slice()),
    };
    uri.headers = headers;
    let port_end = find(front, b';').unwrap_or(front.len());
    uri.port = match &front[..port_end] {
        [] => None,
        [b':', digits @ ..] => Some(number_u16(digits).ok_or(BadUri::Port)?),
        _ => return Err(BadUri::Host),
    };
    uri.params = Params::new(&front[port_end..]);
    Ok(uri)
}

/// The part of a `tel:` URI behind the scheme.
fn split_tel<'a>(mut uri: Uri<'a>, rest: &'a [u8]) -> Result<Uri<'a>, BadUri> {
    let end = find(rest, b';').unwrap_or(rest.len());
    let (digits, params) = rest.split_at(end);
    if digits.is_empty() {
        return Err(BadUri::Host);
    }
    (uri.user, uri.params) = (Some(digits), Params::new(params));
    Ok(uri)
}

/// A name, an IPv4 address, or an IPv6 reference. Only the characters are judged: a third colon before an embedded IPv4
/// address, which the grammar of RFC 3261 asked for by mistake (RFC 5118 §4.10), is let pass.
fn is_host(host: &[u8]) -> bool {
    match host {
        [] => false,
        [b'[', inner @ .., b']'] => {
            !inner.is_empty() && inner.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        }
        name => name.iter().all(|b| HOST[usize::from(*b)]),
    }
}

static HOST: [bool; 256] = table_of!(is_host_byte);

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// `%` escapes resolved: each byte, and whether it was escaped. A `%` that is not followed by two digits stands for itself.
pub(super) struct Unescape<'a>(pub(super) &'a [u8]);

impl Iterator for Unescape<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low))
        {
            self.0 = rest;
            return Some((high << 4 | low, true));
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((*first, false))
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A URI with every part.
    #[test]
    fn every_part() {
        let uri =
            Uri::parse(b"sips:al%69ce;x=1:pw@[2001:db8::1]:5061;transport=tcp;lr?subject=a&priority=b").expect("a URI");
        assert_eq!(uri.scheme, Scheme::Sips);
        assert_eq!((uri.user, uri.password), (Some(b"al%69ce;x=1".as_slice()), Some(b"pw".as_slice())));
        assert_eq!((uri.host, uri.port), (b"[2001:db8::1]".as_slice(), Some(5061)));
        assert_eq!((uri.transport(), uri.is_loose_router()), (Some(b"tcp".as_slice()), true));
        assert_eq!(uri.headers, b"subject=a&priority=b");
        assert_eq!(uri.user_unescaped(&mut [0; 16]), Some(b"alice;x=1".as_slice()));
        assert_eq!(uri.user_unescaped(&mut [0; 3]), None);
        assert_eq!(uri.host_ip(), "2001:db8::1".parse().ok());
    }

    /// Short forms, telephone numbers, foreign schemes.
    #[test]
    fn p053_p079_short_forms() {
        assert_eq!(Uri::parse(b"sip:h").map(|u| (u.user, u.host)), Ok((None, b"h".as_slice())));
        let tel = Uri::parse(b"tel:3977;phone-context=+33").expect("a tel URI");
        assert_eq!((tel.user, tel.params.get("phone-context")), (Some(b"3977".as_slice()), Some(b"+33".as_slice())));
        assert!(matches!(Uri::parse(b"soap.beep://192.0.2.103:3002").map(|u| u.scheme), Ok(Scheme::Other(_))));
        assert_eq!(Uri::parse(b"sip:+33;postd=22;npdi@h").map(|u| u.user), Ok(Some(b"+33;postd=22;npdi".as_slice())));
    }

    /// What cannot be a URI is refused.
    #[test]
    fn refused() {
        let cases = [
            "",
            "sip",
            "<sip:a@h>",
            "sip:",
            "sip:a@",
            "sip:2001:db8::10",
            "sip:[::1",
            "sip:h:70000",
            "sip:a@b@c",
            "tel:",
        ];
        for bad in cases {
            assert!(Uri::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
