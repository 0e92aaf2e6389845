//! Where a SIP domain is (RFC 3263): the vocabulary.
//!
//! The procedure is pure. A [`Desk`] is asked for targets and says which questions the domain name system must answer;
//! answers are inputs; what comes out is an ordered list of [`Hop`]s. It keeps a bounded cache, negative answers
//! included, serves old answers for a while when the name system is down, and gives every target a budget of time,
//! questions and hops. [`Resolver`] is the shell around it: questions go out on the control runtime and nobody waits.
//!
//! Which hop is tried next after a failure is [`Quarantine`]'s to say (RFC 3263 §4.3). Aliases (CNAME) and their loops are
//! the name server's and the DNS library's business.

mod cache;
mod desk;
mod order;
mod quarantine;
mod service;
mod walk;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

pub use desk::{Desk, DeskInput, DeskOutput};
pub use quarantine::Quarantine;
pub use service::{DnsSource, Resolved, Resolver, ResolverError, Source};

use super::Kind;

/// How a hop is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Datagrams.
    Udp,
    /// A connection.
    Stream(Kind),
}

impl Way {
    /// TCP.
    pub const TCP: Way = Way::Stream(Kind::Tcp);
    /// TLS.
    pub const TLS: Way = Way::Stream(Kind::Tls);

    /// The port meant when none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Way::Udp | Way::TCP => 5060,
            Way::Stream(Kind::Tls) => 5061,
            Way::Stream(Kind::Ws) => 80,
            Way::Stream(Kind::Wss) => 443,
        }
    }

    /// The same way over TLS: what `sips:` makes of it (RFC 3261 §26.2.2).
    pub const fn secured(self) -> Way {
        match self {
            Way::Stream(Kind::Ws | Kind::Wss) => Way::Stream(Kind::Wss),
            _ => Way::TLS,
        }
    }

    /// The label of its SRV records (RFC 3263 §4.1); WebSocket has none (RFC 7118 §8).
    const fn service(self) -> Option<&'static str> {
        match self {
            Way::Udp => Some("_sip._udp."),
            Way::TCP => Some("_sip._tcp."),
            Way::Stream(Kind::Tls) => Some("_sips._tcp."),
            Way::Stream(Kind::Ws | Kind::Wss) => None,
        }
    }
}

/// What is looked for: the parts of a SIP URI that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host: a domain or a bare address (with or without brackets).
    pub host: String,
    /// The port, if written.
    pub port: Option<u16>,
    /// The `transport` parameter, if written.
    pub way: Option<Way>,
    /// Is it `sips:`?
    pub secure: bool,
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// How.
    pub way: Way,
    /// Where.
    pub address: SocketAddr,
    /// Whose certificate it must show over TLS: the domain asked for, never the name an SRV record gave (RFC 5922 §4).
    /// None for a bare address.
    pub server_name: Option<String>,
}

/// A kind of DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Naming authority pointer (RFC 3403).
    Naptr,
    /// Service location (RFC 2782).
    Srv,
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
}

/// A question for the name system.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The full name, lower case, without the last dot.
    pub name: String,
    /// What is wanted.
    pub kind: RecordKind,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.kind)
    }
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// RFC 3403, the parts RFC 3263 uses.
    Naptr {
        /// Lower comes first, whatever the preference.
        order: u16,
        /// Lower comes first within an order.
        preference: u16,
        /// `s`: the replacement has SRV records; `a`: it has addresses.
        flags: String,
        /// `SIP+D2U`, `SIP+D2T`, `SIPS+D2T`.
        service: String,
        /// The name to go on with.
        replacement: String,
    },
    /// RFC 2782.
    Srv {
        /// Lower comes first.
        priority: u16,
        /// The share among equals.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; empty or `.`: the service is decidedly not there.
        target: String,
    },
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
}

/// What the name system said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These records, for so long.
    Records(Vec<Record>, Duration),
    /// There are none; the zone says for how long that holds, if it does.
    None(Option<Duration>),
    /// No answer, or one that says the server cannot tell.
    Failed,
}

/// Why there are no hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ResolveFault {
    /// The name is none, or one that never may be asked for (`.invalid`, RFC 7118 §5).
    #[error("not a name that can be looked up")]
    NoName,
    /// The domain has no SIP service, or does not exist.
    #[error("the domain has no such service")]
    NotFound,
    /// The name system did not answer in time, or could not tell: try again later, elsewhere meanwhile.
    #[error("the name system does not answer")]
    Unavailable,
    /// As many look-ups under way as allowed.
    #[error("too many names are being looked up")]
    Full,
}

/// Which addresses come first where a name has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv4, then IPv6.
    #[default]
    V4First,
    /// IPv6, then IPv4.
    V6First,
    /// IPv4 alone: IPv6 is not asked for.
    V4Only,
    /// IPv6 alone.
    V6Only,
}

impl Families {
    fn kinds(self) -> &'static [RecordKind] {
        match self {
            Families::V4First => &[RecordKind::A, RecordKind::Aaaa],
            Families::V6First => &[RecordKind::Aaaa, RecordKind::A],
            Families::V4Only => &[RecordKind::A],
            Families::V6Only => &[RecordKind::Aaaa],
        }
    }
}

/// The budget of a look-up and the rules of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveSettings {
    /// The ways we can go, the preferred one first; used where the domain does not choose (UDP, TCP, TLS).
    pub ways: Vec<Way>,
    /// Which addresses first.
    pub families: Families,
    /// One target, all questions together (2 s). At it: what is known by then, old answers included.
    pub total: Duration,
    /// Once a first address is known, how long slower address questions are waited for (300 ms).
    pub settle: Duration,
    /// Questions for one target (16). At it: the rest count as failed.
    pub questions: usize,
    /// Hops for one target (8).
    pub hops: usize,
    /// Targets being looked up at one time (256). At it: [`ResolveFault::Full`].
    pub lookups: usize,
    /// Answers kept (4096). At it: the oldest goes.
    pub cache: usize,
    /// An answer is kept at least this long, whatever its TTL (5 s) …
    pub ttl_min: Duration,
    /// … and at most this long (1 h).
    pub ttl_max: Duration,
    /// "There are none" is kept this long where the zone does not say (30 s) …
    pub negative: Duration,
    /// … and at most this long (5 min): a new service must be found.
    pub negative_max: Duration,
    /// A failure is remembered this long before the name system is asked the same again (5 s).
    pub failure: Duration,
    /// An old answer serves this long after its time when no new one can be had (30 min).
    pub stale: Duration,
}

impl Default for ResolveSettings {
    fn default() -> ResolveSettings {
        ResolveSettings {
            ways: vec![Way::Udp, Way::TCP, Way::TLS],
            families: Families::default(),
            total: Duration::from_secs(2),
            settle: Duration::from_millis(300),
            questions: 16,
            hops: 8,
            lookups: 256,
            cache: 4096,
            ttl_min: Duration::from_secs(5),
            ttl_max: Duration::from_secs(3600),
            negative: Duration::from_secs(30),
            negative_max: Duration::from_secs(300),
            failure: Duration::from_secs(5),
            stale: Duration::from_secs(30 * 60),
        }
    }
}

/// A host as a bare address, brackets or not.
fn numeric(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a name server on loopback, within real limits")]
mod tests;
