//! The procedure of RFC 3263 §4, as one function over what is known: it gives the hops found so far and the questions
//! still open. It is walked anew whenever an answer comes; there is no state to get wrong.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::order::{is_refused, plain, pointers, services};
use super::{Answer, Hop, Question, Record, RecordKind, ResolveFault, ResolveSettings, Target, Way, numeric};

/// NAPTR records followed; a domain that lists more has had its say.
const POINTERS_MAX: usize = 3;

/// Where a walk stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Walk {
    /// The hops known, in order.
    pub hops: Vec<Hop>,
    /// What must still be asked; empty: the walk is at its end.
    pub open: Vec<Question>,
    /// Did a question fail on the way?
    pub failed: bool,
}

impl Walk {
    /// What the walk comes to, once nothing is open.
    pub fn result(self) -> Result<Vec<Hop>, ResolveFault> {
        match (self.hops.is_empty(), self.failed) {
            (false, _) => Ok(self.hops),
            (true, true) => Err(ResolveFault::Unavailable),
            (true, false) => Err(ResolveFault::NotFound),
        }
    }
}

/// A target whose parts have been looked at.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    host: String,
    port: Option<u16>,
    way: Option<Way>,
    secure: bool,
    seed: u64,
}

/// A target is either plain already, or must be walked.
pub(super) enum Start {
    /// A bare address.
    There(Hop),
    /// A name.
    Ask(Walker),
}

/// Looks at `target`; chance comes as `seed`.
pub(super) fn start(target: &Target, settings: &ResolveSettings, seed: u64) -> Result<Start, ResolveFault> {
    let way = target.way.map(|way| if target.secure { way.secured() } else { way });
    if let Some(ip) = numeric(&target.host) {
        let way = way.unwrap_or_else(|| default_way(settings, target.secure));
        let port = target.port.unwrap_or(way.default_port());
        return Ok(Start::There(Hop { way, address: SocketAddr::new(ip, port), server_name: None }));
    }
    let host = plain(&target.host);
    if !is_name(&host) || host == "invalid" || host.ends_with(".invalid") {
        return Err(ResolveFault::NoName);
    }
    Ok(Start::Ask(Walker { host, port: target.port, way, secure: target.secure, seed }))
}

impl Walker {
    /// Walks as far as `known` reaches.
    pub fn walk(&self, known: &BTreeMap<Question, Answer>, settings: &ResolveSettings) -> Walk {
        let mut step = Step { walker: self, known, settings, walk: Walk::default() };
        step.all();
        step.walk.hops.truncate(settings.hops);
        step.walk
    }
}

struct Step<'a> {
    walker: &'a Walker,
    known: &'a BTreeMap<Question, Answer>,
    settings: &'a ResolveSettings,
    walk: Walk,
}

impl<'a> Step<'a> {
    fn all(&mut self) {
        let (host, way) = (&self.walker.host, self.walker.way);
        match (self.walker.port, way) {
            // A port is written: no NAPTR, no SRV (§4.2).
            (Some(port), way) => self.addresses(host, port, way.unwrap_or_else(|| self.default_way())),
            (None, Some(way)) => match way.service() {
                Some(service) => {
                    if self.by_services(&[(way, format!("{service}{host}"))]) == Found::Nothing {
                        self.addresses(host, way.default_port(), way);
                    }
                }
                None => self.addresses(host, way.default_port(), way),
            },
            (None, None) => self.by_pointers(),
        }
    }

    /// The domain chooses the transport, if it says so (§4.1).
    fn by_pointers(&mut self) {
        let host = &self.walker.host;
        let Some(records) = self.records(host, RecordKind::Naptr) else { return };
        let mut pointers = pointers(records, &self.settings.ways, self.walker.secure);
        pointers.truncate(POINTERS_MAX);
        let mut found = Found::Nothing;
        for pointer in &pointers {
            if pointer.has_services {
                found = found.or(self.by_services(&[(pointer.way, pointer.name.clone())]));
            } else {
                self.addresses(&pointer.name, pointer.way.default_port(), pointer.way);
                found = Found::Something;
            }
        }
        if found != Found::Nothing {
            return;
        }
        let ways = self.settings.ways.iter().filter(|way| !self.walker.secure || **way == Way::TLS);
        let names: Vec<(Way, String)> =
            ways.filter_map(|&way| Some((way, format!("{}{host}", way.service()?)))).collect();
        if self.by_services(&names) == Found::Nothing {
            let way = self.default_way();
            self.addresses(host, way.default_port(), way);
        }
    }

    /// SRV records of each name, all asked at once; then their hosts.
    fn by_services(&mut self, names: &[(Way, String)]) -> Found {
        let mut found = Found::Nothing;
        let mut hosts = Vec::new();
        for (nth, (way, name)) in names.iter().enumerate() {
            match self.records(name, RecordKind::Srv) {
                None => found = Found::Unknown, // and stays so, see `or`
                Some(records) if is_refused(records) => found = found.or(Found::Something),
                Some(records) => {
                    let seed = self.walker.seed.wrapping_add(nth as u64);
                    let listed = services(records, seed);
                    if !listed.is_empty() {
                        found = found.or(Found::Something);
                    }
                    hosts.extend(listed.into_iter().map(|(host, port)| (*way, host, port)));
                }
            }
        }
        hosts.truncate(self.settings.hops);
        for (way, host, port) in hosts {
            self.addresses(&host, port, way);
        }
        found
    }

    /// The addresses of a host.
    fn addresses(&mut self, host: &str, port: u16, way: Way) {
        let walker = self.walker;
        let push = |walk: &mut Walk, ip: IpAddr| {
            let address = SocketAddr::new(ip, port);
            let hop = Hop { way, address, server_name: Some(walker.host.clone()) };
            if !walk.hops.contains(&hop) {
                walk.hops.push(hop);
            }
        };
        if let Some(ip) = numeric(host) {
            return push(&mut self.walk, ip); // against RFC 2782, and seen
        }
        for &kind in self.settings.families.kinds() {
            for record in self.records(host, kind).unwrap_or_default() {
                match record {
                    Record::A(ip) => push(&mut self.walk, IpAddr::V4(*ip)),
                    Record::Aaaa(ip) => push(&mut self.walk, IpAddr::V6(*ip)),
                    Record::Naptr { .. } | Record::Srv { .. } => {}
                }
            }
        }
    }

    /// The records of a question; none while it is open. No records and a failure look alike to the procedure: some
    /// servers fail on every question they do not know the kind of.
    fn records(&mut self, name: &str, kind: RecordKind) -> Option<&'a [Record]> {
        let question = Question { name: plain(name), kind };
        match self.known.get(&question) {
            Some(Answer::Records(records, _)) => Some(records),
            Some(Answer::None(_)) => Some(&[]),
            Some(Answer::Failed) => {
                self.walk.failed = true;
                Some(&[])
            }
            None => {
                if !self.walk.open.contains(&question) {
                    self.walk.open.push(question);
                }
                None
            }
        }
    }

    fn default_way(&self) -> Way {
        default_way(self.settings, self.walker.secure)
    }
}

/// What SRV records came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// Not known yet.
    Unknown,
    /// A service, or the word that there is none.
    Something,
    /// No word.
    Nothing,
}

impl Found {
    /// Of two names: a doubt stays a doubt, a find stays a find.
    fn or(self, other: Found) -> Found {
        match (self, other) {
            (Found::Unknown, _) | (_, Found::Unknown) => Found::Unknown,
            (Found::Nothing, Found::Nothing) => Found::Nothing,
            _ => Found::Something,
        }
    }
}

/// The way taken when neither the URI nor the domain says one (§4.1): UDP, or TLS for `sips:`.
fn default_way(settings: &ResolveSettings, secure: bool) -> Way {
    match (secure, settings.ways.contains(&Way::Udp)) {
        (true, _) => Way::TLS,
        (false, true) => Way::Udp,
        (false, false) => settings.ways.first().copied().unwrap_or(Way::Udp),
    }
}

/// Could it be in the name system? (RFC 1035 §2.3.4, and the letters in use.)
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (1..=253).contains(&host.len()) && host.split('.').all(label)
}
