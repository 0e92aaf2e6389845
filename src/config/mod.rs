//! What was written → what it means.
//!
//! One file, `ecoute.toml`; every key stands once, in the table of [`keys`], with its type, default, unit and words. Reading
//! gathers every fault with its line before anything is believed; then [`Config`] is built, in which nothing contradicts
//! anything else. Without a file, or with an empty one, all is at its default: everything listens on this machine only.
//!
//! Beside it, `listeners.toml` ([`listeners`]): who listens, and with which password; edited for staff by [`accounts`].
//! And one file per operator ([`trunks`]).
//!
//! Deliberately not here: the dialplan, which has its own room, and the environment: what holds is what is written.

pub mod accounts;
mod check;
pub mod keys;
mod listen;
pub mod listeners;
mod near;
mod read;
mod reference;
pub mod trunks;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use listen::{Listen, SipTransport};
pub use listeners::Fault;
pub use reference::{reference_markdown, sample, trunks_markdown};

/// The file read when no other is named.
pub const CONFIG_FILE: &str = "ecoute.toml";

/// The whole configuration, sound. Paths are resolved: those written relative start from the directory of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where what must survive is kept.
    pub state_dir: PathBuf,
    /// The dialplans.
    pub dialplans: Vec<PathBuf>,
    /// The directory of the prompts.
    pub prompts: PathBuf,
    /// The listeners' file.
    pub listeners: PathBuf,
    /// The trunks' files, in the order in which calls are placed.
    pub trunks: Vec<PathBuf>,
    /// Signalling.
    pub sip: Sip,
    /// Sound.
    pub media: Media,
    /// The choice of listeners.
    pub dispatch: Dispatch,
    /// Metrics, health and API.
    pub ops: Ops,
    /// What survives.
    pub store: Store,
    /// The log.
    pub log: Log,
}

/// Signalling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    /// The sockets, at least one.
    pub listen: Vec<Listen>,
    /// What peers write to reach them, when that is not the sockets' own address: host and, if given, port.
    pub advertised: Option<(String, Option<u16>)>,
    /// The digest realm.
    pub realm: String,
    /// Hosts we answer for besides our own addresses.
    pub domains: Vec<String>,
    /// Sources whose calls need no password.
    pub trusted_peers: Vec<Network>,
    /// The registration given when none is asked for.
    pub registration: Duration,
    /// Calls at a time.
    pub calls_max: u32,
    /// Transactions at a time.
    pub transactions_max: u32,
    /// Connections at a time, over all stream sockets.
    pub connections_max: u32,
    /// Connections at a time from one address.
    pub connections_per_source_max: u32,
    /// Certificates.
    pub tls: Tls,
    /// Web pages that may open a WebSocket; empty: all.
    pub web_origins: Vec<String>,
    /// Do our INVITEs offer reliable provisional responses (RFC 3262)?
    pub offer_100rel: bool,
    /// May a listener's other device take over her conversation (RFC 3891)?
    pub transfer: bool,
    /// Session timers.
    pub session_timer: SessionTimer,
    /// Name servers; empty: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// The time one look-up of a name may take.
    pub names_within: Duration,
    /// The push services that a program of the staff's speaks to; empty: none, and no telephone sleeps.
    pub push_providers: Vec<String>,
    /// Against strangers.
    pub shield: Shield,
}

/// How long an established call stands without a word of the other side (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    /// The interval asked for and granted; zero: no timers.
    pub interval: Duration,
    /// The shortest interval accepted.
    pub min: Duration,
}

/// What strangers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shield {
    /// Requests per second of one stranger; 0: no limit.
    pub requests_per_second: u32,
    /// Are sources banned for what they do?
    pub ban: bool,
    /// The longest ban that is not the staff's.
    pub ban_longest: Duration,
}

/// Certificates of signalling. Paths are resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Our certificate and those between it and the root, PEM.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

/// Sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The address its sockets bind.
    pub address: IpAddr,
    /// The address peers send to.
    pub advertised: IpAddr,
    /// The UDP ports; each stream takes two.
    pub ports: RangeInclusive<u16>,
    /// After how much silence of a peer that should speak it counts as silent.
    pub silence: Duration,
    /// Media threads; 0: one for each core but one, at least one.
    pub workers: usize,
}

/// The choice of listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Callers who may wait at once.
    pub waiting_max: u32,
    /// Time for notes after a conversation.
    pub wrap_up: Duration,
    /// Rings missed in a row after which a listener is paused; 0 never.
    pub missed_rings: u8,
    /// Where a listener's day begins and ends.
    pub timezone: String,
}

/// Metrics, health and API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ops {
    /// The TCP socket.
    pub listen: SocketAddr,
}

/// What survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// How long a caller's number is kept after the call; zero: not at all.
    pub numbers_keep: Duration,
    /// How long records are kept; zero: for ever.
    pub records_keep: Duration,
    /// The most pages of 4096 bytes the database may take; 0: no limit.
    pub pages_max: u32,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or directives.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    #[default]
    Human,
    /// For a machine: one object per line.
    Json,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address of it.
    pub addr: IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
}

impl Network {
    /// Is `ip` in the range? An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(self, ip: IpAddr) -> bool {
        let bits = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
            IpAddr::V6(ip) => (u128::from(ip), 128),
        };
        let ((a, width), (b, other)) = (bits(self.addr.to_canonical()), bits(ip.to_canonical()));
        width == other && (a ^ b).checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
    }
}

impl Config {
    /// Reads `text`, which stands in `file`. Every fault is told at once, in the order of the file.
    pub fn read(text: &str, file: &Path) -> Result<Config, Vec<Fault>> {
        read::read(text, file)
    }

    /// Reads the file itself.
    pub fn load(file: &Path) -> Result<Config, Vec<Fault>> {
        match std::fs::read_to_string(file) {
            Ok(text) => Config::read(&text, file),
            Err(error) => Err(vec![Fault {
                file: file.display().to_string(),
                line: 0,
                fr: format!("ce fichier ne peut être lu : {error}"),
                en: format!("this file cannot be read: {error}"),
            }]),
        }
    }

    /// Everything at its default, with paths that start from `directory`.
    pub fn defaults(directory: &Path) -> Config {
        // A test reads the defaults; they are sound.
        Config::read("", &directory.join(CONFIG_FILE)).unwrap_or_else(|faults| {
            unreachable!("the defaults contradict each other: {faults:?}");
        })
    }
}

impl Default for Config {
    fn default() -> Config {
        Config::defaults(Path::new(""))
    }
}

#[cfg(test)]
mod tests;
