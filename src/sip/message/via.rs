//! Via: where a request has been, and so where its response must go (RFC 3261 §20.42, RFC 3581 for `rport`).

use std::fmt;
use std::net::IpAddr;

use super::params::{Params, split_params};
use super::text::{find_unquoted, is_blank, is_token, number_u16, quotes_close, table_of, trim, trim_end, trim_start};
use super::uri::parse_ip;

/// One Via value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` or another token, as written.
    pub transport: &'a [u8],
    /// The host of `sent-by`, as written: an IPv6 address keeps its brackets.
    pub host: &'a [u8],
    /// The port of `sent-by`.
    pub port: Option<u16>,
    /// The `branch` parameter.
    pub branch: Option<&'a [u8]>,
    /// The `received` parameter, as written (with or without brackets).
    pub received: Option<&'a [u8]>,
    /// The `rport` parameter: `Some(None)` when it is asked for and not yet filled in.
    pub rport: Option<Option<u16>>,
    /// All parameters.
    pub params: Params<'a>,
}

/// The text is not a Via value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Via value")]
pub struct BadVia;

/// What every branch made under RFC 3261 begins with (§8.1.1.7).
pub const BRANCH_COOKIE: &[u8] = b"z9hG4bK";

impl<'a> Via<'a> {
    /// Reads one value (one element of the list).
    pub fn parse(value: &'a [u8]) -> Result<Via<'a>, BadVia> {
        let (front, params) = split_params(value);
        let rest = after_protocol(front).ok_or(BadVia)?;
        let end = rest.iter().position(|b| is_blank(*b)).ok_or(BadVia)?;
        let (transport, sent_by) = (&rest[..end], trim_start(&rest[end..]));
        let (host, port) = split_host_port(sent_by).ok_or(BadVia)?;
        // What we add to it in an answer (`received`) must not fall into a quote that never closes.
        if !is_token(transport) || !quotes_close(params.as_bytes()) {
            return Err(BadVia);
        }
        let mut via = Via { transport, host, port, branch: None, received: None, rport: None, params };
        for param in params.iter() {
            let value = param.value.unwrap_or(b"");
            match param.name.len() {
                6 if via.branch.is_none() && param.name.eq_ignore_ascii_case(b"branch") => via.branch = Some(value),
                8 if via.received.is_none() && param.name.eq_ignore_ascii_case(b"received") => {
                    via.received = Some(value);
                }
                5 if via.rport.is_none() && param.name.eq_ignore_ascii_case(b"rport") => {
                    via.rport = Some(number_u16(value));
                }
                _ => {}
            }
        }
        Ok(via)
    }

    /// Was the branch made under RFC 3261, so that it alone names the transaction (§17.2.3)? A bare cookie names nothing.
    pub fn has_rfc3261_branch(&self) -> bool {
        self.branch.is_some_and(|b| b.len() > BRANCH_COOKIE.len() && b.starts_with(BRANCH_COOKIE))
    }

    /// The host of `sent-by` when it is an address.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host)
    }

    /// The `received` parameter as an address.
    pub fn received_ip(&self) -> Option<IpAddr> {
        self.received.and_then(parse_ip)
    }

    /// Does the transport have this name, in any case?
    pub fn is_transport(&self, name: &str) -> bool {
        self.transport.eq_ignore_ascii_case(name.as_bytes())
    }
}

impl fmt::Debug for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Via({} bytes host, port {:?}, rport {:?})", self.host.len(), self.port, self.rport)
    }
}

/// One parameter of a Via as written, for copying it.
pub(super) struct WrittenParam<'a> {
    pub(super) written: &'a [u8],
}

impl WrittenParam<'_> {
    /// Has it this name, in any case?
    pub(super) fn is(&self, name: &str) -> bool {
        let end = memchr::memchr(b'=', self.written).unwrap_or(self.written.len());
        trim_end(&self.written[..end]).eq_ignore_ascii_case(name.as_bytes())
    }
}

/// What stands before the parameters of a Via, and each of them as written; empty ones are left out.
pub(super) fn split_via_params(value: &[u8]) -> (&[u8], impl Iterator<Item = WrittenParam<'_>>) {
    let (front, params) = split_params(value);
    let mut rest = params.as_bytes();
    let pieces = std::iter::from_fn(move || {
        let text = rest.strip_prefix(b";")?;
        let end = find_unquoted::<b';'>(text).ok().flatten().unwrap_or(text.len());
        rest = &text[end..];
        Some(WrittenParam { written: trim(&text[..end]) })
    });
    (front, pieces.filter(|piece| !piece.written.is_empty()))
}

/// What follows `SIP / 2.0 /`. Another version is let pass: the start line is where versions are judged.
fn after_protocol(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"SIP/2.0/") {
        return Some(trim_start(rest));
    }
    let slash = text.iter().position(|b| *b == b'/')?;
    let (name, rest) = (trim_end(&text[..slash]), &text[slash + 1..]);
    let slash = rest.iter().position(|b| *b == b'/')?;
    let (version, rest) = (trim(&rest[..slash]), &rest[slash + 1..]);
    (name.eq_ignore_ascii_case(b"SIP") && is_token(version)).then(|| trim_start(rest))
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, with blanks around the colon.
fn split_host_port(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let host_end = match text.first()? {
        b'[' => text.iter().position(|b| *b == b']')? + 1,
        _ => text.iter().position(|b| *b == b':' || is_blank(*b)).unwrap_or(text.len()),
    };
    let (host, rest) = (&text[..host_end], trim_start(&text[host_end..]));
    if host.is_empty() || !host.iter().all(|b| HOST[usize::from(*b)]) {
        return None;
    }
    match rest {
        [] => Some((host, None)),
        [b':', port @ ..] => Some((host, Some(number_u16(trim(port))?))),
        // RFC 2543 allowed a comment here.
        [b'(', ..] => Some((host, None)),
        _ => None,
    }
}

static HOST: [bool; 256] = table_of!(is_host_byte);

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']' | b':' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quote that never closes would swallow the `received` of our answer: such a Via is none, and is answered with nothing.
    #[test]
    fn quotes_in_a_via_close() {
        assert!(Via::parse(b"SIP/2.0/UDP h;branch=z9hG4\"x;rport").is_err());
        assert!(Via::parse(b"SIP/2.0/UDP h;note=\"a;b\";branch=z9hG4bKx").is_ok_and(|via| via.has_rfc3261_branch()));
    }

    /// The plain form, with rport asked for.
    #[test]
    fn plain() {
        let via =
            Via::parse(b"SIP/2.0/UDP 192.0.2.4:5070;rport;branch=z9hG4bKa1;received=198.51.100.7").expect("a Via");
        assert_eq!((via.transport, via.host, via.port), (b"UDP".as_slice(), b"192.0.2.4".as_slice(), Some(5070)));
        assert_eq!((via.rport, via.branch), (Some(None), Some(b"z9hG4bKa1".as_slice())));
        assert_eq!(via.received_ip(), "198.51.100.7".parse().ok());
        assert!(via.has_rfc3261_branch());
    }

    /// Folded, spaced, IPv6, and the bare cookie.
    #[test]
    fn odd_but_legal() {
        let via = Via::parse(b"SIP  / 2.0\r\n /TCP\r\n   [2001:db8::9:1] : 5061 ; branch = z9hG4bK").expect("a Via");
        assert_eq!((via.host, via.port), (b"[2001:db8::9:1]".as_slice(), Some(5061)));
        assert_eq!(via.host_ip(), "2001:db8::9:1".parse().ok());
        assert!(via.is_transport("tcp") && !via.has_rfc3261_branch());
    }

    /// What is not a Via is refused.
    #[test]
    fn refused() {
        for bad in
            ["", ";", "SIP/2.0/UDP", "SIP/2.0/UDP h:99999", "HTTP/1.1/TCP h", "SIP/2.0/UDP [::1", "SIP/2.0/UDP a b"]
        {
            assert_eq!(Via::parse(bad.as_bytes()), Err(BadVia), "{bad}");
        }
    }
}
