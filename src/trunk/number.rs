//! Numbers on the wire: where they stand, and the one form in which they are compared.
//!
//! The same number comes as `+33476…`, `0033476…`, `33476…`, `0476…`, with blanks, with `;phone-context=+33`, as a `tel:`
//! URI (RFC 3966); 3977 also as `+333977`. A user part with letters in it is a name, whatever digits it ends with:
//! `account3977` is not 3977. What cannot be read with certainty is unknown, which is a normal value.

use crate::france::{self, CallerNumber};
use crate::sip::message::{NameAddr, Scheme, Uri};

/// Where the number dialled may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalledSource {
    /// The Request-URI.
    RequestUri,
    /// To.
    To,
    /// P-Called-Party-ID (RFC 7315).
    PCalledPartyId,
    /// History-Info (RFC 7044), in its order.
    HistoryInfo,
    /// Diversion (RFC 5806), in its order.
    Diversion,
}

impl CalledSource {
    /// All, in the order in which they are believed when nothing else is said.
    pub const ALL: [CalledSource; 5] = [
        CalledSource::RequestUri,
        CalledSource::To,
        CalledSource::PCalledPartyId,
        CalledSource::HistoryInfo,
        CalledSource::Diversion,
    ];

    /// Its name in a trunk's file.
    pub const fn name(self) -> &'static str {
        match self {
            CalledSource::RequestUri => "request_uri",
            CalledSource::To => "to",
            CalledSource::PCalledPartyId => "p_called_party_id",
            CalledSource::HistoryInfo => "history_info",
            CalledSource::Diversion => "diversion",
        }
    }
}

/// Where the caller's number may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerSource {
    /// P-Asserted-Identity (RFC 3325), in its order.
    PAssertedIdentity,
    /// From.
    From,
}

impl CallerSource {
    /// All, in the order in which they are believed when nothing else is said.
    pub const ALL: [CallerSource; 2] = [CallerSource::PAssertedIdentity, CallerSource::From];

    /// Its name in a trunk's file.
    pub const fn name(self) -> &'static str {
        match self {
            CallerSource::PAssertedIdentity => "p_asserted_identity",
            CallerSource::From => "from",
        }
    }
}

/// How bare digits are understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialling {
    /// `None`: France and its overseas departments, by their own plan.
    abroad: Option<Abroad>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Abroad {
    country: String,
    national: String,
    international: String,
}

impl Dialling {
    /// `0…` within France, `00…` abroad.
    pub const FRANCE: Dialling = Dialling { abroad: None };

    /// The rules of a country: its code without `+`, what is dialled before a number of the country (perhaps nothing), and
    /// what before a country code.
    pub fn new(country: &str, national: &str, international: &str) -> Dialling {
        if FRENCH.contains(&country) && national == "0" && international == "00" {
            return Dialling::FRANCE;
        }
        let (country, national, international) = (country.into(), national.into(), international.into());
        Dialling { abroad: Some(Abroad { country, national, international }) }
    }

    /// A number in any of its forms.
    pub fn read(&self, text: &str) -> CallerNumber {
        match &self.abroad {
            None => france::normalise(text.as_bytes()),
            Some(abroad) => abroad.read(text),
        }
    }

    /// The one form in which numbers dialled are compared: E.164 when it is a whole number, the bare digits when it is a
    /// short code (3977, also when the network wrote `+333977`), a name as it is in lower case.
    pub fn key(&self, text: &str) -> String {
        let bare = bare(text);
        if !bare.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '*' | '#')) {
            return text.trim().to_ascii_lowercase();
        }
        if let Some(short) = short_code(&bare) {
            return short.to_owned();
        }
        match self.read(&bare) {
            CallerNumber::Number(number) => number.reveal().to_owned(),
            CallerNumber::Hidden | CallerNumber::Unknown => bare,
        }
    }

    /// What is dialled before a number of the country and before a country code, and that country's code.
    pub(super) fn prefixes(&self) -> (&str, &str, &str) {
        match &self.abroad {
            None => ("0", "00", "33"),
            Some(abroad) => (&abroad.national, &abroad.international, &abroad.country),
        }
    }
}

impl Abroad {
    fn read(&self, text: &str) -> CallerNumber {
        let bare = bare(text);
        if bare.is_empty() || !bare.strip_prefix('+').unwrap_or(&bare).bytes().all(|b| b.is_ascii_digit()) {
            return france::normalise(text.as_bytes());
        }
        let home = |rest: &str| format!("+{}{rest}", self.country);
        let with_country =
            |digits: &str| digits.strip_prefix(self.country.as_str()).is_some_and(|rest| rest.len() >= SUBSCRIBER_MIN);
        let whole = if bare.starts_with('+') {
            bare
        } else if let Some(rest) =
            bare.strip_prefix(self.international.as_str()).filter(|_| !self.international.is_empty())
        {
            format!("+{rest}")
        } else if let Some(rest) = bare.strip_prefix(self.national.as_str()).filter(|_| !self.national.is_empty()) {
            home(rest)
        } else if with_country(&bare) {
            format!("+{bare}")
        } else if bare.len() >= SUBSCRIBER_MIN {
            home(&bare)
        } else {
            return CallerNumber::Unknown;
        };
        france::normalise(whole.as_bytes())
    }
}

/// Something taken off the front of a number, and something put there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Taken off, when the number begins with it.
    pub strip: String,
    /// Put in front.
    pub add: String,
}

impl Edit {
    /// The number, changed.
    pub fn apply(&self, number: &str) -> String {
        let rest = number.strip_prefix(self.strip.as_str()).unwrap_or(number);
        format!("{}{rest}", self.add)
    }
}

/// The number (or name) in a sip, sips or tel URI: unescaped, without its parameters, whole when a phone-context makes it
/// so. `None` when there is none.
pub fn in_uri(uri: &str) -> Option<String> {
    let parsed = Uri::parse(uri.as_bytes()).ok()?;
    let user = parsed.user_decoded()?;
    let user = String::from_utf8_lossy(&user);
    let mut parts = user.split(';');
    let number = parts.next().unwrap_or_default().trim();
    if number.is_empty() || number.len() > TEXT_MAX {
        return None;
    }
    // Of a tel: URI the parameters stand behind the number, in a sip: URI they are still part of the user.
    let in_user = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case(CONTEXT)));
    let behind = parsed.params.get(CONTEXT).filter(|_| parsed.scheme == Scheme::Tel);
    let behind = behind.and_then(|value| std::str::from_utf8(value).ok());
    let context = in_user.map(|(_, value)| value).or(behind).unwrap_or_default();
    Some(whole(number, context))
}

/// The same, of a header value as written: `"Name" <sip:…>;index=1`.
pub fn in_value(value: &str) -> Option<String> {
    match NameAddr::parse(value.as_bytes()) {
        Ok(who) => in_uri(std::str::from_utf8(who.uri).ok()?),
        Err(_) => in_uri(value),
    }
}

/// Who calls, by the URI of From or P-Asserted-Identity.
pub fn caller_in_uri(uri: &str, dialling: &Dialling, edit: &Edit) -> CallerNumber {
    let hidden_host = Uri::parse(uri.as_bytes()).is_ok_and(|uri| uri.host.eq_ignore_ascii_case(ANONYMOUS_HOST));
    if hidden_host {
        return CallerNumber::Hidden;
    }
    match in_uri(uri) {
        Some(number) => dialling.read(&edit.apply(&number)),
        None => CallerNumber::Unknown,
    }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// A local number with the context that makes it whole (RFC 3966 §5.1.5). A context that is a domain says nothing here, and
/// a short code stays one.
fn whole(number: &str, context: &str) -> String {
    let digits = bare(number);
    let local = digits.bytes().all(|b| b.is_ascii_digit()) && digits.len() > SHORT_MAX;
    match context.trim().strip_prefix('+') {
        Some(code) if local && !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()) => {
            format!("+{code}{}", digits.strip_prefix('0').unwrap_or(&digits))
        }
        _ => number.to_owned(),
    }
}

/// The short code in the digits, if they are one with the country before it.
fn short_code(digits: &str) -> Option<&str> {
    let after = ["+33", "0033"].iter().find_map(|code| digits.strip_prefix(code));
    if let Some(rest) = after.filter(|rest| (2..=SHORT_MAX).contains(&rest.len())) {
        return Some(rest);
    }
    // Without the plus only 3xxx is certain: "331015" might be anything.
    digits.strip_prefix("33").filter(|rest| rest.len() == 4 && rest.starts_with('3'))
}

/// Without what people put between digits (RFC 3966 §5.1.1).
fn bare(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\t' | '\u{a0}' | '\u{202f}')).collect()
}

/// France and its overseas departments.
pub(super) const FRENCH: [&str; 6] = ["33", "262", "590", "594", "596", "508"];
const CONTEXT: &str = "phone-context";
const ANONYMOUS_HOST: &[u8] = b"anonymous.invalid";
/// The longest user part looked at; no number is so long.
const TEXT_MAX: usize = 64;
/// No short code is longer (118xxx).
const SHORT_MAX: usize = 6;
/// A subscriber's number has at least so many digits.
const SUBSCRIBER_MIN: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(uri: &str) -> Option<String> {
        let read = caller_in_uri(uri, &Dialling::FRANCE, &Edit::default());
        read.number().map(|number| number.reveal().to_owned())
    }

    /// However a switch writes it, a number has one form.
    #[test]
    fn p076_one_number_one_form() {
        for uri in [
            "sip:+33199000111@trunk.example",
            "sip:0033199000111@trunk.example",
            "sip:33199000111@trunk.example",
            "sip:0199000111@trunk.example",
            "sip:199000111@trunk.example",
            "sip:+33%201%2099%2000%2001%2011@trunk.example",
            "sip:0199000111@trunk.example;user=phone",
            "sip:0199000111;phone-context=+33@trunk.example;user=phone",
            "sip:199000111;phone-context=+33@trunk.example",
            "sip:0199000111;phone-context=trunk.example@trunk.example",
            "sips:+33199000111;npdi;rn=+33199000000@trunk.example",
            "tel:+33-1-99-00-01-11",
            "tel:0199000111;phone-context=+33",
            "tel:199000111;phone-context=+33",
        ] {
            assert_eq!(number(uri).as_deref(), Some("+33199000111"), "{uri}");
            let key = in_uri(uri).map(|text| Dialling::FRANCE.key(&text));
            assert_eq!(key.as_deref(), Some("+33199000111"), "{uri}");
        }
        assert_eq!(number("tel:1632960961;phone-context=+44").as_deref(), Some("+441632960961"));
    }

    /// A tel: URI names a number like any other, a short one too.
    #[test]
    fn p079_tel_uris_are_read() {
        for uri in [
            "tel:3977;phone-context=+33",
            "tel:+333977",
            "sip:3977;phone-context=+33@h",
            "sip:+333977@h",
            "sip:00333977@h",
            "sip:333977@h",
            "sip:3977@h",
            "sip:%33977@h;user=phone",
        ] {
            assert_eq!(in_uri(uri).map(|text| Dialling::FRANCE.key(&text)).as_deref(), Some("3977"), "{uri}");
            assert_eq!(number(uri), None, "{uri}: a short code is nobody's own number");
        }
        assert_eq!(in_uri("tel:+33199000112").as_deref(), Some("+33199000112"));
    }

    /// The digits at the end of an account's name are no number.
    #[test]
    fn p075_an_account_name_is_not_a_number() {
        assert_eq!(Dialling::FRANCE.key("account3977"), "account3977");
        assert_eq!(Dialling::FRANCE.key("Accueil"), "accueil");
        assert_eq!(Dialling::FRANCE.key("*33#"), "*33#");
    }

    /// Withheld is said in several ways; what says nothing is unknown, and neither is a fault.
    #[test]
    fn p077_b147_anonymous_in_its_many_forms() {
        for uri in [
            "sip:anonymous@anonymous.invalid",
            "sip:Anonymous@trunk.example",
            "sip:0199000111@anonymous.invalid",
            "sip:anonymous.invalid",
            "sip:restricted@trunk.example;user=phone",
        ] {
            assert_eq!(caller_in_uri(uri, &Dialling::FRANCE, &Edit::default()), CallerNumber::Hidden, "{uri}");
        }
        for uri in
            ["sip:unavailable@unknown.invalid", "sip:trunk.example", "sip:@trunk.example", "", "mailto:x", "tel:"]
        {
            assert_eq!(caller_in_uri(uri, &Dialling::FRANCE, &Edit::default()), CallerNumber::Unknown, "{uri}");
        }
    }

    /// Values as they stand in History-Info and Diversion: brackets, names, parameters.
    #[test]
    fn b150_header_values_are_unwrapped() {
        for value in [
            "<sip:+33199000110@trunk.example>;index=1",
            "\"A, B\" <sip:+33199000110@trunk.example;cause=302?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
            "<tel:+33199000110>;reason=unconditional;counter=1",
            "sip:+33199000110@trunk.example",
        ] {
            assert_eq!(in_value(value).as_deref(), Some("+33199000110"), "{value}");
        }
    }

    /// Another country's operator writes numbers in that country's way.
    #[test]
    fn another_country() {
        let belgium = Dialling::new("32", "0", "00");
        let denmark = Dialling::new("45", "", "00");
        for (dialling, text, expected) in [
            (&belgium, "025550100", "+3225550100"),
            (&belgium, "+3225550100", "+3225550100"),
            (&belgium, "003225550100", "+3225550100"),
            (&belgium, "3225550100", "+3225550100"),
            (&belgium, "0033476000102", "+33476000102"),
            (&denmark, "32123456", "+4532123456"),
            (&denmark, "0033476000102", "+33476000102"),
        ] {
            assert_eq!(dialling.key(text), expected, "{text}");
        }
        assert_eq!(belgium.read("anonymous"), CallerNumber::Hidden);
        assert_eq!(belgium.read("107"), CallerNumber::Unknown);
    }

    /// A prefix the operator adds is taken off before the number is understood.
    #[test]
    fn edits() {
        let edit = Edit { strip: "900".into(), add: String::new() };
        assert_eq!(edit.apply("9000476000102"), "0476000102");
        assert_eq!(edit.apply("0476000102"), "0476000102");
        assert_eq!(Edit { strip: "+".into(), add: "00".into() }.apply("+33476000102"), "0033476000102");
    }
}
