//! The small words of SIP's grammar (RFC 3261 §25.1): blanks, tokens, numbers, quoted strings and comma lists.
//!
//! Everything works on bytes. CR and LF count as blanks here, so that a header folded over several lines (§7.3.1) is read
//! where it lies, without copying it into one line first. What is wrong ends in `None`, never in a panic.

use std::borrow::Cow;

use super::scan::{find, find_either};

/// The answers of a `const fn(u8) -> bool` to every byte: one look instead of a dozen questions.
macro_rules! table_of {
    ($question:ident) => {{
        let mut answers = [false; 256];
        let mut byte = 0;
        while byte < answers.len() {
            answers[byte] = $question(byte as u8);
            byte += 1;
        }
        answers
    }};
}
pub(super) use table_of;

/// Space, tab, and the line ends inside a folded value.
pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of a token (§25.1).
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Is this a token: at least one character, and only token characters?
pub(crate) fn is_token(text: &[u8]) -> bool {
    static TOKEN: [bool; 256] = table_of!(is_token_byte);
    !text.is_empty() && text.iter().all(|b| TOKEN[usize::from(*b)])
}

/// `text` without blanks at either end.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// `text` without blanks in front.
pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_blank(*first) {
            break;
        }
        text = rest;
    }
    text
}

/// `text` without blanks behind.
pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text {
        if !is_blank(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// An unsigned decimal number: digits only, no sign, nothing else. `None` too when it does not fit.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    Some(value)
}

/// As [`number`], for 32 bits.
pub(crate) fn number_u32(text: &[u8]) -> Option<u32> {
    number(text).and_then(|n| u32::try_from(n).ok())
}

/// As [`number`], for 16 bits.
pub(crate) fn number_u16(text: &[u8]) -> Option<u16> {
    number(text).and_then(|n| u16::try_from(n).ok())
}

/// The digits `text` begins with, and what follows them.
pub(crate) fn leading_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    Some((number(digits)?, rest))
}

/// Splits at the first blank: the word, and what follows (blanks removed).
pub(crate) fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|b| is_blank(*b)) {
        Some(at) => (&text[..at], trim_start(&text[at..])),
        None => (text, &[]),
    }
}

/// `text` starts with a quote: where its closing quote stands. A backslash takes the next byte with it.
pub(crate) fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += find_either(text.get(at..)?, b'"', b'\\')?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// Where `WANTED` stands first, outside quoted strings; `Err` when a quoted string before it never ends.
pub(crate) fn find_unquoted<const WANTED: u8>(text: &[u8]) -> Result<Option<usize>, Unbalanced> {
    let mut at = 0;
    while let Some(more) = find_either(&text[at..], WANTED, b'"') {
        at += more;
        if text[at] == WANTED {
            return Ok(Some(at));
        }
        at += closing_quote(&text[at..]).ok_or(Unbalanced)? + 1;
    }
    Ok(None)
}

/// Does every quoted string end?
pub(crate) fn quotes_close(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = find(rest, b'"') {
        match closing_quote(&rest[at..]) {
            Some(end) => rest = &rest[at + end + 1..],
            None => return false,
        }
    }
    true
}

/// A quoted string that never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// A quoted string without its quotes (escapes stay); anything else as it is.
pub(crate) fn unquote(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] => inner,
        _ => text,
    }
}

/// Elements of a comma-separated header value, one by one, blanks removed. Commas inside quoted strings and inside `<…>`
/// do not separate (§7.3.1). Empty elements between commas are passed over.
#[derive(Clone, Debug)]
pub struct List<'a> {
    rest: Option<&'a [u8]>,
    keep_empty: bool,
}

impl<'a> List<'a> {
    /// The elements of `value`.
    pub fn new(value: &'a [u8]) -> List<'a> {
        List { rest: Some(value), keep_empty: false }
    }

    /// The elements of `value`, empty ones included, for a judge.
    pub(crate) fn strict(value: &'a [u8]) -> List<'a> {
        List { rest: Some(value), keep_empty: true }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(rest) = self.rest {
            let end = list_comma(rest);
            let element = trim(&rest[..end.unwrap_or(rest.len())]);
            self.rest = end.map(|at| &rest[at + 1..]);
            if self.keep_empty || !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Where the first separating comma stands.
pub(crate) fn list_comma(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        // Most values hold no comma at all: one quick look settles it.
        let comma = from + find(&text[from..], b',')?;
        let mut at = from;
        let mut skipped = false;
        while at < comma {
            at += match text[at] {
                b'"' => closing_quote(&text[at..]).map_or(text.len(), |end| end + 1),
                b'<' => find(&text[at..], b'>').map_or(1, |end| end + 1),
                _ => 1,
            };
            skipped = at > comma;
        }
        if !skipped {
            return Some(comma);
        }
        from = at.min(text.len());
    }
}

/// A value on one line: each fold (line end and the blanks around it) becomes one space. Borrowed when nothing is folded.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        out.extend_from_slice(trim_end(&rest[..at]));
        out.push(b' ');
        rest = trim_start(&rest[at..]);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Words of unknown encoding as text for a person: UTF-8 when they are, ISO-8859-1 otherwise (old exchanges send it every
/// day). Control characters become spaces, so that no page or file of ours can be broken by a name.
pub fn decode_text(words: &[u8]) -> String {
    let calm = |c: char| if c.is_control() { ' ' } else { c };
    match std::str::from_utf8(words) {
        Ok(text) => text.chars().map(calm).collect(),
        Err(_) => words.iter().map(|b| calm(char::from(*b))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commas inside quotes and brackets do not separate.
    #[test]
    fn b002_p049_lists_respect_quotes_and_brackets() {
        let value = b"\"DUPONT, \\\"A\\\",\" <sip:a,b@h>;x=\"1,2\" , sip:c@d,, <sip:e>";
        let parts: Vec<&[u8]> = List::new(value).collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[1], b"sip:c@d");
        assert_eq!(parts[2], b"<sip:e>");
        assert_eq!(List::strict(value).count(), 4);
        assert_eq!(List::new(b"\"never ends, a").count(), 1);
    }

    /// Folds become one space, and an unfolded value is not copied.
    #[test]
    fn b001_p052_unfolding() {
        assert_eq!(&*unfold(b"a\r\n\t b \n c"), b"a b c");
        assert!(matches!(unfold(b"a b"), Cow::Borrowed(_)));
        assert_eq!(&*unfold(b"a\rb\n"), b"a b ");
    }

    /// Numbers do not wrap, and signs are not numbers.
    #[test]
    fn numbers() {
        assert_eq!(number(b"0007"), Some(7));
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number_u32(b"4294967296"), None);
    }

    /// Both encodings of a French name give the same text.
    #[test]
    fn b012_p051_names_in_two_encodings() {
        assert_eq!(decode_text(b"H\xe9l\xe8ne"), "Hélène");
        assert_eq!(decode_text("Hélène".as_bytes()), "Hélène");
        assert_eq!(decode_text(b"a\r\nX: 1\0"), "a  X: 1 ");
    }
}
