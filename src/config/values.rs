//! The types a key may have: how each is called in front of staff, and how it is read. What cannot be read is refused with a
//! sentence that says what would be right.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::{LogFormat, Network};

/// A sentence in French and in English.
pub(super) type Said = (String, String);

/// The type of a key.
pub(super) trait Setting: Sized {
    /// What it is called, French and English.
    const TYPE: (&'static str, &'static str);
    /// Reads it.
    fn read(value: &DeValue<'_>) -> Result<Self, Said>;
}

impl Setting for String {
    const TYPE: (&'static str, &'static str) = ("texte", "text");
    fn read(value: &DeValue<'_>) -> Result<String, Said> {
        let text = value.as_str().ok_or_else(|| expected::<String>(value))?;
        if text.chars().any(char::is_control) {
            return Err(said("ce texte contient un signe invisible", "this text holds a control character"));
        }
        Ok(text.to_owned())
    }
}

impl Setting for Vec<String> {
    const TYPE: (&'static str, &'static str) = ("liste de textes", "list of texts");
    fn read(value: &DeValue<'_>) -> Result<Vec<String>, Said> {
        list::<Vec<String>, String>(value)
    }
}

impl Setting for bool {
    const TYPE: (&'static str, &'static str) = ("vrai ou faux", "true or false");
    fn read(value: &DeValue<'_>) -> Result<bool, Said> {
        value.as_bool().ok_or_else(|| expected::<bool>(value))
    }
}

impl Setting for u32 {
    const TYPE: (&'static str, &'static str) = ("nombre entier", "whole number");
    fn read(value: &DeValue<'_>) -> Result<u32, Said> {
        let number = value.as_integer().ok_or_else(|| expected::<u32>(value))?;
        u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).map_err(|_| expected::<u32>(value))
    }
}

impl Setting for SocketAddr {
    const TYPE: (&'static str, &'static str) = ("adresse et port", "address and port");
    fn read(value: &DeValue<'_>) -> Result<SocketAddr, Said> {
        let text = value.as_str().ok_or_else(|| expected::<SocketAddr>(value))?;
        text.parse().map_err(|_| {
            said(
                "une adresse et un port sont attendus, par exemple `192.168.1.10:5060` ou `[::1]:5060`",
                "an address and a port are expected, such as `192.168.1.10:5060` or `[::1]:5060`",
            )
        })
    }
}

impl Setting for Vec<SocketAddr> {
    const TYPE: (&'static str, &'static str) = ("liste d'adresses avec leur port", "list of addresses with their port");
    fn read(value: &DeValue<'_>) -> Result<Vec<SocketAddr>, Said> {
        list::<Vec<SocketAddr>, SocketAddr>(value)
    }
}

impl Setting for IpAddr {
    const TYPE: (&'static str, &'static str) = ("adresse", "address");
    fn read(value: &DeValue<'_>) -> Result<IpAddr, Said> {
        let text = value.as_str().ok_or_else(|| expected::<IpAddr>(value))?;
        text.parse().map_err(|_| address_expected())
    }
}

/// Empty text is no address.
impl Setting for Option<IpAddr> {
    const TYPE: (&'static str, &'static str) = ("adresse, ou rien", "address, or nothing");
    fn read(value: &DeValue<'_>) -> Result<Option<IpAddr>, Said> {
        match value.as_str().ok_or_else(|| expected::<Option<IpAddr>>(value))? {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| address_expected()),
        }
    }
}

/// `sip.example.org`, `203.0.113.5:5060`, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host(pub Option<(String, Option<u16>)>);

impl Setting for Host {
    const TYPE: (&'static str, &'static str) =
        ("nom ou adresse, avec ou sans port, ou rien", "name or address, with or without port, or nothing");
    fn read(value: &DeValue<'_>) -> Result<Host, Said> {
        Host::parse(value.as_str().ok_or_else(|| expected::<Host>(value))?)
    }
}

impl Host {
    /// Reads what stands in the text.
    pub(super) fn parse(text: &str) -> Result<Host, Said> {
        if text.is_empty() {
            return Ok(Host(None));
        }
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(Host(Some((host_text(addr.ip()), Some(addr.port())))));
        }
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Host(Some((host_text(ip), None))));
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port.parse::<u16>().ok().filter(|port| *port > 0))),
            None => (text, None),
        };
        match port {
            Some(None) => {
                Err(said("le port doit être un nombre de 1 à 65535", "the port must be a number from 1 to 65535"))
            }
            port if is_host_name(name) => Ok(Host(Some((name.to_owned(), port.flatten())))),
            _ => Err(said(
                "un nom ou une adresse est attendu, par exemple `sip.exemple.org` ou `203.0.113.5:5060`",
                "a name or an address is expected, such as `sip.example.org` or `203.0.113.5:5060`",
            )),
        }
    }
}

impl Setting for Vec<Network> {
    const TYPE: (&'static str, &'static str) = ("liste d'adresses ou de plages", "list of addresses or ranges");
    fn read(value: &DeValue<'_>) -> Result<Vec<Network>, Said> {
        list::<Vec<Network>, Network>(value)
    }
}

impl Setting for Network {
    const TYPE: (&'static str, &'static str) = ("adresse ou plage", "address or range");
    fn read(value: &DeValue<'_>) -> Result<Network, Said> {
        let text = value.as_str().ok_or_else(|| expected::<Network>(value))?;
        let wrong = || {
            said(
                "une adresse ou une plage est attendue, par exemple `192.0.2.7` ou `192.0.2.0/24`",
                "an address or a range is expected, such as `192.0.2.7` or `192.0.2.0/24`",
            )
        };
        let (addr, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let addr: IpAddr = addr.parse().map_err(|_| wrong())?;
        let width = if addr.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        if prefix > width { Err(wrong()) } else { Ok(Network { addr, prefix }) }
    }
}

/// `20000-29999`: pairs of ports, the first of each even.
impl Setting for RangeInclusive<u16> {
    const TYPE: (&'static str, &'static str) = ("plage de ports", "range of ports");
    fn read(value: &DeValue<'_>) -> Result<RangeInclusive<u16>, Said> {
        let text = value.as_str().ok_or_else(|| expected::<RangeInclusive<u16>>(value))?;
        let wrong = || {
            said(
                "une plage de ports de 1024 à 65535 est attendue, par exemple `20000-29999`",
                "a range of ports from 1024 to 65535 is expected, such as `20000-29999`",
            )
        };
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let first: u16 = first.trim().parse().map_err(|_| wrong())?;
        let last: u16 = last.trim().parse().map_err(|_| wrong())?;
        if first < 1024 || first >= last { Err(wrong()) } else { Ok(first..=last) }
    }
}

impl Setting for LogFormat {
    const TYPE: (&'static str, &'static str) = ("`human` ou `json`", "`human` or `json`");
    fn read(value: &DeValue<'_>) -> Result<LogFormat, Said> {
        match value.as_str() {
            Some("human") => Ok(LogFormat::Human),
            Some("json") => Ok(LogFormat::Json),
            _ => Err(said("`human` ou `json` est attendu", "`human` or `json` is expected")),
        }
    }
}

/// Letters, digits, hyphens and dots, as in a name of the DNS.
pub(super) fn is_host_name(name: &str) -> bool {
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    name.len() <= 253 && name.split('.').all(sound)
}

pub(super) fn said(french: &str, english: &str) -> Said {
    (french.to_owned(), english.to_owned())
}

// ---- helpers -----------------------------------------------------------------------------------------------------

pub(super) fn expected<S: Setting>(found: &DeValue<'_>) -> Said {
    let (french, english) = S::TYPE;
    let (found_fr, found_en) = match found {
        DeValue::String(_) => ("un texte", "a text"),
        DeValue::Integer(number) if number.as_str().starts_with('-') => ("un nombre négatif", "a negative number"),
        DeValue::Integer(_) => ("un nombre entier", "a whole number"),
        DeValue::Float(_) => ("un nombre à virgule", "a number with a point"),
        DeValue::Boolean(_) => ("vrai ou faux", "true or false"),
        DeValue::Datetime(_) => ("une date", "a date"),
        DeValue::Array(_) => ("une liste", "a list"),
        DeValue::Table(_) => ("une section", "a section"),
    };
    (format!("attendu : {french} ; trouvé : {found_fr}"), format!("expected: {english}; found: {found_en}"))
}

fn address_expected() -> Said {
    said(
        "une adresse est attendue, par exemple `192.168.1.10` ou `2001:db8::10`",
        "an address is expected, such as `192.168.1.10` or `2001:db8::10`",
    )
}

pub(super) fn list<L: Setting, S: Setting>(value: &DeValue<'_>) -> Result<Vec<S>, Said> {
    let items = value.as_array().ok_or_else(|| expected::<L>(value))?;
    if items.len() > LIST_MAX {
        return Err((format!("{LIST_MAX} entrées au plus"), format!("{LIST_MAX} entries at most")));
    }
    items.iter().map(|item| S::read(item.get_ref())).collect()
}

/// As SIP writes it: IPv6 in brackets.
fn host_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Entries of one list.
const LIST_MAX: usize = 256;
