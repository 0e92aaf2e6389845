//! A caller's number, from the many ways it is written to the one way we keep it: `+` and the country code (E.164).
//!
//! The same caller comes as `+33476…`, `33476…`, `0033476…`, `0476…` or nine digits; overseas departments have country
//! codes of their own (+262 +590 +594 +596 +508), yet are dialled from the mainland as `0262…`. What cannot be read with
//! certainty is *unknown*, which is a normal value: a wrong number might be called back, and ring at a stranger's.

use crate::ids::PhoneNumber;

/// Who calls, as far as his number tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerNumber {
    /// A number.
    Number(PhoneNumber),
    /// Withheld by the caller, or by the network on his behalf. It must not be looked for elsewhere.
    Hidden,
    /// Nothing that could be read as a number.
    Unknown,
}

impl CallerNumber {
    /// The number, if there is one.
    pub fn number(&self) -> Option<&PhoneNumber> {
        match self {
            CallerNumber::Number(number) => Some(number),
            CallerNumber::Hidden | CallerNumber::Unknown => None,
        }
    }
}

/// Words that stand in the place of a withheld number.
const HIDDEN: [&str; 6] = ["anonymous", "restricted", "private", "withheld", "hidden", "masque"];

/// The longest text looked at; no number is so long.
const TEXT_BYTES_MAX: usize = 64;

/// Country codes of overseas France, with what the numbers under them begin with. Only +508 has no such repetition.
const OVERSEAS: [(&str, &[&str]); 4] = [
    ("262", &["262", "263", "268", "269", "639", "692", "693"]),
    ("590", &["590", "690", "691"]),
    ("594", &["594", "694"]),
    ("596", &["596", "696", "697"]),
];

/// Reads a number as a French trunk writes it: the user part of a SIP address, a `tel:` number, or a bare one.
pub fn normalise(raw: &[u8]) -> CallerNumber {
    if raw.len() > TEXT_BYTES_MAX {
        return CallerNumber::Unknown;
    }
    let text: String = String::from_utf8_lossy(raw).trim().to_ascii_lowercase();
    let text = ["tel:", "sip:", "sips:"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(&text);
    let text = text.split([';', '@']).next().unwrap_or(text).trim().trim_matches('"');
    if HIDDEN.contains(&text) {
        return CallerNumber::Hidden;
    }
    let bare: String = text.chars().filter(|c| !is_separator(*c)).collect();
    match e164(&bare).and_then(|text| PhoneNumber::from_e164(&text)) {
        Some(number) => CallerNumber::Number(number),
        None => CallerNumber::Unknown,
    }
}

/// What people put between digits (RFC 3966 §5.1.1), and a blank that does not break.
fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\t' | '\u{a0}' | '\u{202f}')
}

fn e164(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('+') {
        // "+0033…" and "+0476…" are mistakes of switches, and seen.
        return match digits.strip_prefix("00") {
            Some(rest) => international(rest),
            None if digits.starts_with('0') => national(digits),
            None => international(digits),
        };
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return international(rest);
    }
    match (digits.len(), digits.starts_with('0')) {
        (10, true) => national(digits),
        (9, false) => subscriber(digits),
        (11.., false) => international(digits),
        _ => None,
    }
}

/// After the country code is known to begin the digits.
fn international(digits: &str) -> Option<String> {
    if let Some(rest) = digits.strip_prefix("33") {
        return subscriber(nine(rest)?);
    }
    for (country, beginnings) in OVERSEAS {
        if let Some(rest) = digits.strip_prefix(country) {
            let rest = nine(rest)?;
            // Mobile and internet numbers are given out overseas too, in blocks that change; with the country code
            // written there is no doubt. A mainland's place behind an overseas code is a mistake.
            let known = rest.starts_with(['7', '9']) || beginnings.iter().any(|begin| rest.starts_with(begin));
            return known.then(|| format!("+{country}{rest}"));
        }
    }
    let sound = (7..=15).contains(&digits.len()) && !digits.starts_with('0');
    sound.then(|| format!("+{digits}"))
}

/// `0476…`.
fn national(digits: &str) -> Option<String> {
    subscriber(nine(digits)?)
}

/// Nine digits, after the zero that some leave in: `+33 (0)4 76…`.
fn nine(digits: &str) -> Option<&str> {
    let rest = if digits.len() == 10 { digits.strip_prefix('0')? } else { digits };
    (rest.len() == 9 && !rest.starts_with('0')).then_some(rest)
}

/// Nine digits of the French plan, under the country code they belong to.
fn subscriber(nine: &str) -> Option<String> {
    if nine.starts_with('0') {
        return None;
    }
    if let Some(rest) = nine.strip_prefix("508") {
        return Some(format!("+508{rest}"));
    }
    let overseas = OVERSEAS.iter().find(|(_, beginnings)| beginnings.iter().any(|begin| nine.starts_with(begin)));
    let country = overseas.map_or("33", |(country, _)| country);
    Some(format!("+{country}{nine}"))
}

/// The number as dialled within France, with its leading zero; none for a number of another country.
pub fn as_dialled_in_france(number: &PhoneNumber) -> Option<String> {
    let digits = number.reveal().strip_prefix('+')?;
    if let Some(rest) = digits.strip_prefix("508") {
        return Some(format!("0508{rest}"));
    }
    let countries = std::iter::once("33").chain(OVERSEAS.iter().map(|(country, _)| *country));
    let rest = countries.into_iter().find_map(|country| digits.strip_prefix(country))?;
    (rest.len() == 9).then(|| format!("0{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Option<String> {
        normalise(raw.as_bytes()).number().map(|number| number.reveal().to_owned())
    }

    /// One caller, many spellings.
    #[test]
    fn one_caller() {
        for raw in [
            "+33476000102",
            "33476000102",
            "0033476000102",
            "0476000102",
            "476000102",
            "+33 4 76 00 01 02",
            "04 76 00 01 02",
            "04.76.00.01.02",
            "04-76-00-01-02",
            "+33 (0)4 76 00 01 02",
            "330476000102",
            "+330476000102",
            "+0033476000102",
            "+0476000102",
            " 0476000102 ",
            "tel:+33476000102",
            "sip:0476000102@example.net;user=phone",
            "\"0476000102\"",
            "04\u{a0}76\u{a0}00\u{a0}01\u{a0}02",
            "TEL:+33-4-76-00-01-02;phone-context=x",
        ] {
            assert_eq!(read(raw).as_deref(), Some("+33476000102"), "{raw}");
        }
    }

    /// Overseas France, from here and from there.
    #[test]
    fn overseas() {
        for (raw, expected) in [
            ("0262123456", "+262262123456"),
            ("+262262123456", "+262262123456"),
            ("00262262123456", "+262262123456"),
            ("262262123456", "+262262123456"),
            ("262123456", "+262262123456"),
            ("+33262123456", "+262262123456"),
            ("+2620262123456", "+262262123456"),
            ("0692123456", "+262692123456"),
            ("0639123456", "+262639123456"),
            ("0269123456", "+262269123456"),
            ("0590123456", "+590590123456"),
            ("+590690123456", "+590690123456"),
            ("0594123456", "+594594123456"),
            ("+594694123456", "+594694123456"),
            ("0696123456", "+596696123456"),
            ("596596123456", "+596596123456"),
            ("0508411234", "+508411234"),
            ("+508411234", "+508411234"),
            ("00508411234", "+508411234"),
            ("508411234", "+508411234"),
            ("+508708123456", "+508708123456"),
            ("+262709212345", "+262709212345"),
        ] {
            assert_eq!(read(raw).as_deref(), Some(expected), "{raw}");
        }
    }

    /// Other countries keep their numbers.
    #[test]
    fn abroad() {
        for (raw, expected) in [
            ("+441632960961", "+441632960961"),
            ("00441632960961", "+441632960961"),
            ("441632960961", "+441632960961"),
            ("+12125550100", "+12125550100"),
            ("+3225550100", "+3225550100"),
            ("+689401234", "+689401234"),
            ("+37799123456", "+37799123456"),
        ] {
            assert_eq!(read(raw).as_deref(), Some(expected), "{raw}");
        }
    }

    /// Hidden is said, unknown is the rest; neither is an error, and nothing doubtful becomes a number.
    #[test]
    fn no_number() {
        for raw in
            ["anonymous", "Anonymous", "sip:anonymous@anonymous.invalid", "restricted", "PRIVATE", "\"anonymous\""]
        {
            assert_eq!(normalise(raw.as_bytes()), CallerNumber::Hidden, "{raw}");
        }
        for raw in [
            "",
            " ",
            "unavailable",
            "unknown",
            "marie",
            "+",
            "00",
            "0",
            "15",
            "112",
            "3977",
            "1234",
            "+333977",
            "+3347600010",
            "+334760001020",
            "04760001",
            "0476000102x",
            "0476*00102",
            "2125550100",
            "+123456",
            "+1234567890123456",
            "+262476000102",
            "000476000102",
            "+00",
            "(-)",
            "٠٤٧٦٠٠٠١٠٢",
        ] {
            assert_eq!(normalise(raw.as_bytes()), CallerNumber::Unknown, "{raw}");
        }
        assert_eq!(normalise(&[0xff; 20]), CallerNumber::Unknown);
        assert_eq!(normalise(&[b'1'; 500]), CallerNumber::Unknown);
    }

    /// Reading what was read changes nothing, and the form dialled at home leads back.
    #[test]
    fn stable() {
        for raw in ["0476000102", "0692123456", "0508411234", "+441632960961"] {
            let CallerNumber::Number(number) = normalise(raw.as_bytes()) else { panic!("{raw}") };
            assert_eq!(normalise(number.reveal().as_bytes()), CallerNumber::Number(number.clone()));
            let home = as_dialled_in_france(&number);
            assert_eq!(home.as_deref(), raw.starts_with('0').then_some(raw));
        }
    }
}
