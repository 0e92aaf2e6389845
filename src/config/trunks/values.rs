//! The types of a trunk's keys that `ecoute.toml` does not have.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::near::nearest;
use super::super::values::{Host, Said, Setting, expected, list, said};
use crate::sdp::Codec;
use crate::sip::Transport;
use crate::trunk::number::{CalledSource, CallerSource};
use crate::trunk::{self, DialForm, FromUser, Redirect, Reliable};

/// A type whose values are words.
macro_rules! words {
    ($type:ty, $fr:literal, $en:literal, $($word:literal => $value:expr),+) => {
        impl Setting for $type {
            const TYPE: (&'static str, &'static str) = ($fr, $en);
            fn read(value: &DeValue<'_>) -> Result<$type, Said> {
                match value.as_str() {
                    $(Some($word) => Ok($value),)+
                    other => Err(word_expected::<$type>(other, &[$($word),+])),
                }
            }
        }
    };
}

/// How the operator finds us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Peers,
    Register,
}

words!(Kind, "`peers` ou `register`", "`peers` or `register`", "peers" => Kind::Peers, "register" => Kind::Register);

/// The transport; `None` leaves it to the DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transports(pub Option<Transport>);

words!(Transports, "`udp`, `tcp`, `tls` ou `auto`", "`udp`, `tcp`, `tls` or `auto`",
    "udp" => Transports(Some(Transport::Udp)),
    "tcp" => Transports(Some(Transport::Tcp)),
    "tls" => Transports(Some(Transport::Tls)),
    "auto" => Transports(None));

/// What becomes of an unknown number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnknownNumber {
    Answer,
    Refuse,
}

words!(UnknownNumber, "`answer` ou `refuse`", "`answer` or `refuse`",
    "answer" => UnknownNumber::Answer, "refuse" => UnknownNumber::Refuse);

/// Is our number withheld?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub hidden: bool,
}

words!(Presented, "`shown` ou `hidden`", "`shown` or `hidden`",
    "shown" => Presented { hidden: false }, "hidden" => Presented { hidden: true });

/// Encrypted sound, as asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Never,
    Offered,
    Required,
}

words!(Asked, "`never` ou `offered`", "`never` or `offered`",
    "never" => Asked::Never, "offered" => Asked::Offered, "required" => Asked::Required);

words!(DialForm, "`e164`, `international` ou `national`", "`e164`, `international` or `national`",
    "e164" => DialForm::E164, "international" => DialForm::International, "national" => DialForm::National);
words!(FromUser, "`number` ou `account`", "`number` or `account`",
    "number" => FromUser::Number, "account" => FromUser::Account);
words!(Redirect, "`refuse` ou `follow`", "`refuse` or `follow`",
    "refuse" => Redirect::Refuse, "follow" => Redirect::Follow);
words!(Reliable, "`supported`, `required` ou `never`", "`supported`, `required` or `never`",
    "supported" => Reliable::Supported, "required" => Reliable::Required, "never" => Reliable::Never);

/// 503 or 486.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full(pub u16);

impl Setting for Full {
    const TYPE: (&'static str, &'static str) = ("503 ou 486", "503 or 486");
    fn read(value: &DeValue<'_>) -> Result<Full, Said> {
        match u32::read(value) {
            Ok(503) => Ok(Full(503)),
            Ok(486) => Ok(Full(486)),
            _ => Err(expected::<Full>(value)),
        }
    }
}

/// A password: never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}

impl Setting for Password {
    const TYPE: (&'static str, &'static str) = <String as Setting>::TYPE;
    fn read(value: &DeValue<'_>) -> Result<Password, Said> {
        String::read(value).map(Password)
    }
}

impl Setting for Vec<CalledSource> {
    const TYPE: (&'static str, &'static str) = (
        "liste de `request_uri`, `to`, `p_called_party_id`, `history_info`, `diversion`",
        "list of `request_uri`, `to`, `p_called_party_id`, `history_info`, `diversion`",
    );
    fn read(value: &DeValue<'_>) -> Result<Vec<CalledSource>, Said> {
        each_once(list::<Vec<CalledSource>, CalledSource>(value)?)
    }
}

impl Setting for CalledSource {
    const TYPE: (&'static str, &'static str) = <Vec<CalledSource> as Setting>::TYPE;
    fn read(value: &DeValue<'_>) -> Result<CalledSource, Said> {
        named(value, &CalledSource::ALL, CalledSource::name)
    }
}

impl Setting for Vec<CallerSource> {
    const TYPE: (&'static str, &'static str) =
        ("liste de `p_asserted_identity`, `from`", "list of `p_asserted_identity`, `from`");
    fn read(value: &DeValue<'_>) -> Result<Vec<CallerSource>, Said> {
        each_once(list::<Vec<CallerSource>, CallerSource>(value)?)
    }
}

impl Setting for CallerSource {
    const TYPE: (&'static str, &'static str) = <Vec<CallerSource> as Setting>::TYPE;
    fn read(value: &DeValue<'_>) -> Result<CallerSource, Said> {
        named(value, &CallerSource::ALL, CallerSource::name)
    }
}

impl Setting for Vec<Codec> {
    const TYPE: (&'static str, &'static str) = ("liste de codecs", "list of codecs");
    fn read(value: &DeValue<'_>) -> Result<Vec<Codec>, Said> {
        each_once(list::<Vec<Codec>, Codec>(value)?)
    }
}

impl Setting for Codec {
    const TYPE: (&'static str, &'static str) = ("codec", "codec");
    fn read(value: &DeValue<'_>) -> Result<Codec, Said> {
        named(value, &Codec::ALL, Codec::name)
    }
}

/// The peers that could be read, and what is wrong with the others, each at its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    pub peers: Vec<PeerWritten>,
    pub faults: Vec<(usize, Said)>,
}

/// One peer as written.
#[derive(Clone, Debug)]
pub(super) struct PeerWritten {
    pub name: String,
    pub port: Option<u16>,
    /// `None`: as the trunk says.
    pub transport: Option<Transports>,
    pub priority: u16,
    pub weight: u16,
}

impl Setting for Peers {
    const TYPE: (&'static str, &'static str) = ("liste de machines", "list of machines");
    fn read(value: &DeValue<'_>) -> Result<Peers, Said> {
        let items = value.as_array().ok_or_else(|| expected::<Peers>(value))?;
        if items.len() > PEERS_MAX {
            return Err((format!("{PEERS_MAX} machines au plus"), format!("{PEERS_MAX} machines at most")));
        }
        let mut peers = Peers::default();
        for item in items.iter() {
            peers.take(item);
        }
        Ok(peers)
    }
}

impl Peers {
    fn take(&mut self, item: &Spanned<DeValue<'_>>) {
        let at = item.span().start;
        let read = match item.get_ref() {
            DeValue::Table(table) => self.table(at, table),
            value => host(value).map_err(|said| self.faults.push((at, said))).ok().map(PeerWritten::at),
        };
        self.peers.extend(read);
    }

    fn table(&mut self, at: usize, table: &DeTable<'_>) -> Option<PeerWritten> {
        for key in table.keys().filter(|key| !PEER_KEYS.contains(&key.get_ref().as_ref())) {
            let name: &str = key.get_ref();
            let near = nearest(name, PEER_KEYS.iter().copied());
            let fr = near.map_or_else(String::new, |near| format!(" ; vouliez-vous écrire `{near}` ?"));
            let en = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            self.faults.push((
                key.span().start,
                (format!("`peers` ne connaît pas `{name}`{fr}"), format!("`peers` knows no `{name}`{en}")),
            ));
        }
        let Some(written) = table.get("host") else {
            let what = said("`peers` : une machine n'a pas de `host`", "`peers`: a machine has no `host`");
            self.faults.push((at, what));
            return None;
        };
        let peer = match host(written.get_ref()) {
            Ok(host) => PeerWritten::at(host),
            Err(what) => {
                self.faults.push((written.span().start, what));
                return None;
            }
        };
        Some(PeerWritten {
            transport: self.field::<Transports>(table, "transport"),
            priority: self.small(table, "priority").unwrap_or(peer.priority),
            weight: self.small(table, "weight").unwrap_or(peer.weight),
            ..peer
        })
    }

    fn field<T: Setting>(&mut self, table: &DeTable<'_>, name: &str) -> Option<T> {
        let value = table.get(name)?;
        T::read(value.get_ref())
            .map_err(|(fr, en)| {
                self.faults.push((value.span().start, (format!("`{name}` : {fr}"), format!("`{name}`: {en}"))));
            })
            .ok()
    }

    fn small(&mut self, table: &DeTable<'_>, name: &str) -> Option<u16> {
        let number = self.field::<u32>(table, name)?;
        let small = u16::try_from(number).ok();
        if small.is_none() {
            let at = table.get(name).map_or(0, |value| value.span().start);
            let fr = format!("`{name}` : un nombre de 0 à 65535 est attendu");
            self.faults.push((at, (fr, format!("`{name}`: a number from 0 to 65535 is expected"))));
        }
        small
    }
}

impl PeerWritten {
    fn at((name, port): (String, Option<u16>)) -> PeerWritten {
        PeerWritten { name, port, transport: None, priority: 1, weight: 10 }
    }
}

/// `name`, `name:port`, an address with or without a port. IPv6 comes out without its brackets.
fn host(value: &DeValue<'_>) -> Result<(String, Option<u16>), Said> {
    let host = Host::read(value)?.0.ok_or_else(|| said("le nom de la machine manque", "the host is missing"))?;
    Ok(without_brackets(host))
}

/// As [`trunk::Host`] keeps it.
pub(super) fn without_brackets((name, port): (String, Option<u16>)) -> (String, Option<u16>) {
    (name.trim_start_matches('[').trim_end_matches(']').to_owned(), port)
}

/// A host of a trunk, over the transport written for it.
pub(super) fn host_over((name, port): (String, Option<u16>), transport: Option<Transport>) -> trunk::Host {
    trunk::Host { name, port, transport }
}

// ---- helpers -----------------------------------------------------------------------------------------------------

fn named<T: Copy + Setting>(value: &DeValue<'_>, all: &[T], name: impl Fn(T) -> &'static str) -> Result<T, Said> {
    let written = value.as_str();
    let found = all.iter().copied().find(|one| written.is_some_and(|text| text.eq_ignore_ascii_case(name(*one))));
    let names: Vec<&'static str> = all.iter().map(|one| name(*one)).collect();
    found.ok_or_else(|| word_expected::<T>(written, &names))
}

fn word_expected<T: Setting>(written: Option<&str>, words: &[&'static str]) -> Said {
    let all = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let near = written.and_then(|written| nearest(written, words.iter().copied()));
    match near {
        Some(near) => (
            format!("attendu : {all} ; vouliez-vous écrire `{near}` ?"),
            format!("expected: {all}; did you mean `{near}`?"),
        ),
        None => (format!("attendu : {all}"), format!("expected: {all}")),
    }
}

fn each_once<T: PartialEq>(values: Vec<T>) -> Result<Vec<T>, Said> {
    if values.is_empty() {
        return Err(said("au moins une valeur est attendue", "at least one value is expected"));
    }
    let twice = values.iter().enumerate().any(|(nth, value)| values[..nth].contains(value));
    if twice { Err(said("une valeur est écrite deux fois", "a value is written twice")) } else { Ok(values) }
}

const PEER_KEYS: &[&str] = &["host", "transport", "priority", "weight"];
const PEERS_MAX: usize = 16;
