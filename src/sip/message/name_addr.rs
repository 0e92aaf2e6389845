//! Addresses with a name: From, To, Contact, Route, P-Asserted-Identity … (RFC 3261 §20.10, `name-addr` / `addr-spec`).
//!
//! A name may be quoted or not, in any encoding, with commas and apostrophes; the angle brackets may be missing. Without
//! them, what follows the first `;` belongs to the header, not to the URI.

use std::borrow::Cow;
use std::fmt;

use super::params::Params;
use super::scan::find;
use super::text::{closing_quote, decode_text, find_unquoted, is_blank, quotes_close, trim, trim_start, unfold};
use super::uri::{BadUri, Uri};

/// An address, its display name and its parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name as written, without its quotes (escapes stay); empty when there is none.
    pub display: &'a [u8],
    /// The URI, without its brackets. `*` in a Contact that removes all.
    pub uri: &'a [u8],
    /// The header's parameters.
    pub params: Params<'a>,
    /// Did the URI stand in angle brackets?
    pub bracketed: bool,
}

/// The text is not an address: a quote or bracket never closes, or there is no URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name and address: a quote or bracket never closes, or there is no URI")]
pub struct BadNameAddr;

impl<'a> NameAddr<'a> {
    /// Reads one value (one element of the list, where the header is a list).
    pub fn parse(value: &'a [u8]) -> Result<NameAddr<'a>, BadNameAddr> {
        let value = trim(value);
        let open = find_unquoted::<b'<'>(value).map_err(|_| BadNameAddr)?;
        let parsed = match open {
            Some(open) => bracketed(value, open)?,
            None => bare(value)?,
        };
        if parsed.uri.is_empty() { Err(BadNameAddr) } else { Ok(parsed) }
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// The URI, split.
    pub fn parsed_uri(&self) -> Result<Uri<'a>, BadUri> {
        Uri::parse(self.uri)
    }

    /// Is this the `*` of a REGISTER that removes every binding?
    pub fn is_star(&self) -> bool {
        self.uri == b"*" && !self.bracketed
    }

    /// The display name without escapes and folds, as bytes.
    pub fn display_bytes(&self) -> Cow<'a, [u8]> {
        let display = unfold(self.display);
        if memchr::memchr(b'\\', &display).is_none() {
            return display;
        }
        let mut out = Vec::with_capacity(display.len());
        let mut bytes = display.iter();
        while let Some(byte) = bytes.next() {
            out.extend(if *byte == b'\\' { bytes.next() } else { Some(byte) });
        }
        Cow::Owned(out)
    }

    /// The display name as text for a person, whatever its encoding. Never for a log.
    pub fn display_text(&self) -> String {
        decode_text(&self.display_bytes())
    }
}

impl fmt::Debug for NameAddr<'_> {
    /// Lengths only: names and numbers are nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameAddr(display {} bytes, uri {} bytes, {:?})", self.display.len(), self.uri.len(), self.params)
    }
}

/// `display <uri>;params`, with `<` at `open`.
fn bracketed(value: &[u8], open: usize) -> Result<NameAddr<'_>, BadNameAddr> {
    let inside = &value[open + 1..];
    let close = find(inside, b'>').ok_or(BadNameAddr)?;
    let display = trim(&value[..open]);
    let display = match display.first() {
        // One quoted string loses its quotes; a mixture of words and strings stays as written.
        Some(b'"') if closing_quote(display) == Some(display.len() - 1) => &display[1..display.len() - 1],
        _ => display,
    };
    let tail = &inside[close + 1..];
    // Words between `>` and the first `;` mean nothing and are passed over; a quote that never closes is a fault.
    let params = match find_unquoted::<b';'>(tail).map_err(|_| BadNameAddr)? {
        Some(at) => &tail[at..],
        None => b"",
    };
    if !quotes_close(params) {
        return Err(BadNameAddr);
    }
    Ok(NameAddr { display, uri: trim(&inside[..close]), params: Params::new(params), bracketed: true })
}

/// `uri;params`, and the `"Name" uri` that some write.
fn bare(value: &[u8]) -> Result<NameAddr<'_>, BadNameAddr> {
    let (display, rest) = match value.first() {
        Some(b'"') => {
            let end = closing_quote(value).ok_or(BadNameAddr)?;
            (&value[1..end], trim_start(&value[end + 1..]))
        }
        _ => (b"".as_slice(), value),
    };
    let end = rest.iter().position(|b| *b == b';' || is_blank(*b)).unwrap_or(rest.len());
    let (uri, tail) = rest.split_at(end);
    // It would be written back with a space, and a bare address with a space is none.
    if uri.iter().any(u8::is_ascii_control) {
        return Err(BadNameAddr);
    }
    if !trim(tail).is_empty() && trim_start(tail).first() != Some(&b';') {
        return Err(BadNameAddr);
    }
    Ok(NameAddr { display, uri, params: Params::new(tail), bracketed: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> NameAddr<'_> {
        NameAddr::parse(text).expect("an address")
    }

    /// A NUL in a bare address would tear it apart when we write it back; in brackets it does no harm.
    #[test]
    fn b012_no_control_character_in_a_bare_address() {
        assert!(NameAddr::parse(b"sip:a\0b@h;tag=1").is_err());
        assert_eq!(read(b"<sip:a\0b@h>;tag=1").uri, b"sip:a\0b@h");
    }

    /// Names quoted, bare, empty, in Latin-1, with commas and escapes.
    #[test]
    fn b012_p049_p050_p051_p058_display_names() {
        let cases: [(&[u8], &str); 8] = [
            (b"\"DUPONT, ALICE\" <sip:a@h>;tag=1", "DUPONT, ALICE"),
            (b"DUPONT, ALICE <sip:a@h>;tag=1", "DUPONT, ALICE"),
            (b"H\xe9l\xe8ne <sip:a@h>;tag=1", "H\u{e9}l\u{e8}ne"),
            (b"\"\" <sip:a@h>;tag=1", ""),
            (b"\"Bob\"<sip:a@h>;tag=1", "Bob"),
            (b"\"a \\\"b\\\" \\\\\" <sip:a@h>;tag=1", "a \"b\" \\"),
            (b"\"two\r\n lines\" <sip:a@h> ; tag = 1", "two lines"),
            (b"<sip:a@h>;tag=1", ""),
        ];
        for (text, name) in cases {
            let address = read(text);
            assert_eq!((address.uri, address.tag()), (b"sip:a@h".as_slice(), Some(b"1".as_slice())), "{name}");
            assert_eq!(address.display_text(), name);
        }
    }

    /// Without brackets the parameters belong to the header; with them, to the URI.
    #[test]
    fn brackets_decide_whose_parameter() {
        let bare = read(b"sip:a@h;tag=1;x");
        assert_eq!((bare.uri, bare.tag(), bare.bracketed), (b"sip:a@h".as_slice(), Some(b"1".as_slice()), false));
        let bracketed = read(b"< sip:a;b@h;transport=tcp >;tag=2");
        assert_eq!((bracketed.uri, bracketed.tag()), (b"sip:a;b@h;transport=tcp".as_slice(), Some(b"2".as_slice())));
        assert!(read(b"*").is_star());
    }

    /// What never closes, and what holds no URI, is refused.
    #[test]
    fn refused() {
        for bad in
            ["", "<>", "\"never", "\"a <sip:a@h>", "<sip:a@h", "<sip:a@h>\"", "<sip:a@h>;x=\"", "Bob sip:a@h", ";tag=1"]
        {
            assert_eq!(NameAddr::parse(bad.as_bytes()), Err(BadNameAddr), "{bad}");
        }
    }

    /// Debug shows no letter of the name and no digit of the number.
    #[test]
    fn debug_is_silent() {
        let shown = format!("{:?}", read(b"\"Alice\" <sip:+33476000102@h>;tag=zz"));
        assert!(!shown.contains("Alice") && !shown.contains("3347"), "{shown}");
    }
}
