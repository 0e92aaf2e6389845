//! What is agreed with one operator, as plain values. `config` reads them from the staff's files; nothing here is doubted
//! any more.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::sdp::Codec;
use crate::sip::{Credentials, Network, Transport};

use super::number::{CalledSource, CallerSource, Dialling, Edit};

/// One trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name, for people, labels and commands.
    pub name: Arc<str>,
    /// How the other side is found.
    pub way: Way,
    /// The networks whose calls are this trunk's. Empty: the addresses its peers resolve to.
    pub accept_from: Vec<Network>,
    /// How often a peer is asked whether it is there; zero never.
    pub probe_every: Duration,
    /// After how many questions in a row without an answer a peer counts as down.
    pub probes_missed_max: u32,
    /// Calls at once, both directions; `None`: as many as the engine takes.
    pub channels_max: Option<u32>,
    /// Of those, how many are kept for calls we place.
    pub reserved_for_outgoing: u32,
    /// What a caller is answered when no channel is left: 503 (the operator tries elsewhere) or 486 (he hears "busy").
    pub full_status: u16,
    /// How numbers are read.
    pub incoming: Incoming,
    /// How calls are placed; `None`: this trunk only receives.
    pub outgoing: Option<Outgoing>,
    /// Sound and session.
    pub session: Session,
    /// For TLS.
    pub tls: Tls,
}

impl Settings {
    /// The trunk that stands for `sip.trusted_peers` when no other is configured: it receives from these networks, and
    /// refuses a number that no plan serves.
    pub fn local(accept_from: Vec<Network>) -> Settings {
        Settings {
            name: LOCAL.into(),
            way: Way::Peers(Vec::new()),
            accept_from,
            probe_every: Duration::ZERO,
            probes_missed_max: 3,
            channels_max: None,
            reserved_for_outgoing: 0,
            full_status: 503,
            incoming: Incoming::default(),
            outgoing: None,
            session: Session::default(),
            tls: Tls::default(),
        }
    }

    /// May a peer of this trunk be called over TLS? Where nothing is written, the DNS may say so.
    pub fn may_use_tls(&self) -> bool {
        let over = |host: &Host| match host.transport {
            Some(transport) => transport == Transport::Tls,
            None => host.literal().is_none() && (self.tls != Tls::default()),
        };
        match &self.way {
            Way::Peers(peers) => peers.iter().any(|peer| over(&peer.host)),
            Way::Register(registration) => {
                over(&registration.registrar) || registration.outbound_proxy.as_ref().is_some_and(over)
            }
        }
    }

    /// Does this trunk register?
    pub fn registration(&self) -> Option<&Registration> {
        match &self.way {
            Way::Register(registration) => Some(registration),
            Way::Peers(_) => None,
        }
    }
}

/// The name of the trunk that stands for `sip.trusted_peers`.
pub const LOCAL: &str = "local";

/// How the other side is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Fixed peers, each known by its address.
    Peers(Vec<Peer>),
    /// A registrar that we tell where we are.
    Register(Box<Registration>),
}

/// A host to be asked of the DNS, or an address. What is not said is left to RFC 3263.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// A name, or an address (IPv6 without brackets).
    pub name: String,
    /// The port; `None`: the DNS says it, or the transport's own.
    pub port: Option<u16>,
    /// The transport; `None`: the DNS says it, or UDP.
    pub transport: Option<Transport>,
}

impl Host {
    /// As it stands in a URI: IPv6 in brackets, the port when there is one.
    pub fn uri_text(&self) -> String {
        let name = if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() };
        match self.port {
            Some(port) => format!("{name}:{port}"),
            None => name,
        }
    }

    /// The address, when it is written as one.
    pub fn literal(&self) -> Option<(SocketAddr, Transport)> {
        let transport = self.transport.unwrap_or(Transport::Udp);
        let port = self.port.unwrap_or(transport.default_port());
        self.name.parse().ok().map(|ip| (SocketAddr::new(ip, port), transport))
    }
}

/// One fixed peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub host: Host,
    /// The lowest is called first, the next when that one fails.
    pub priority: u16,
    /// Its share of the calls among peers of the same priority; 0: only when the others fail.
    pub weight: u16,
}

/// A registration of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Where to register.
    pub registrar: Host,
    /// The user of the address of record.
    pub user: String,
    /// Name and password for challenges, also of INVITE.
    pub credentials: Credentials,
    /// For how long, in seconds.
    pub expires_s: u32,
    /// Where everything is sent, when that is not the registrar.
    pub outbound_proxy: Option<Host>,
}

/// How numbers are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Where the number dialled is looked for, in this order.
    pub called_from: Vec<CalledSource>,
    /// Where the caller's number is looked for, in this order.
    pub caller_from: Vec<CallerSource>,
    /// How bare digits are understood.
    pub dialling: Dialling,
    /// What is changed in the number dialled before it is understood.
    pub called: Edit,
    /// What is changed in the caller's number before it is understood.
    pub caller: Edit,
    /// What becomes of a call to a number that no plan serves.
    pub unknown: Unknown,
}

impl Default for Incoming {
    fn default() -> Incoming {
        Incoming {
            called_from: CalledSource::ALL.to_vec(),
            caller_from: CallerSource::ALL.to_vec(),
            dialling: Dialling::FRANCE,
            called: Edit::default(),
            caller: Edit::default(),
            unknown: Unknown::Refuse,
        }
    }
}

/// What becomes of a call to a number that no plan serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// It is answered by the plan of this number; `None`: by the first plan. A helpline would rather welcome a caller too
    /// many.
    Answer(Option<Arc<str>>),
    /// 404.
    #[default]
    Refuse,
}

/// How calls are placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// A number assigned to this trunk, in international form: what is shown.
    pub number: crate::ids::PhoneNumber,
    /// The display name; empty for none.
    pub display: String,
    /// What stands in From.
    pub from: FromUser,
    /// The host in From; `None`: the registrar's, or our own.
    pub from_domain: Option<String>,
    /// The host of the Request-URI; `None`: the registrar's, or the peer's.
    pub domain: Option<String>,
    /// How the number is written.
    pub form: DialForm,
    /// What is changed in it afterwards.
    pub edit: Edit,
    /// `;user=phone` in the Request-URI.
    pub user_phone: bool,
    /// Is P-Asserted-Identity sent?
    pub assert: bool,
    /// Is our number withheld from the person called?
    pub hidden: bool,
    /// Beginnings of numbers that are never dialled, in international form. Emergency numbers and other short ones never
    /// are, whatever stands here.
    pub barred: Vec<String>,
    /// How long a peer may stay silent after an INVITE before the next is tried.
    pub patience: Duration,
    /// What a 3xx does.
    pub redirect: Redirect,
}

/// What stands in From of a call we place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FromUser {
    /// The trunk's number.
    #[default]
    Number,
    /// The account that registers; the number is then in P-Asserted-Identity alone.
    Account,
}

/// How a number is written when it is dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialForm {
    /// `+33476…`
    #[default]
    E164,
    /// `0033476…`
    International,
    /// `0476…` for numbers of the country, `00…` for others.
    National,
}

/// What a 3xx does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// The call failed there; the next peer is tried.
    #[default]
    Refuse,
    /// Its Contact is followed once, when it leads to a peer of this trunk.
    Follow,
}

/// Sound and session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Codecs, the dearest first.
    pub codecs: Vec<Codec>,
    /// Encrypted sound.
    pub srtp: Srtp,
    /// Are prompts played in a 183 before the call is answered? If not, it is answered first.
    pub early_media: bool,
    /// Session-Expires (RFC 4028), in seconds; 0: none asked for. `config` takes the endpoint's own interval alone so far.
    pub timer_s: u32,
    /// Provisional responses by PRACK (RFC 3262).
    pub reliable: Reliable,
}

impl Default for Session {
    fn default() -> Session {
        Session {
            codecs: Codec::ALL.to_vec(),
            srtp: Srtp::Never,
            early_media: false,
            timer_s: 1800,
            reliable: Reliable::Supported,
        }
    }
}

/// Encrypted sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Srtp {
    /// Never.
    #[default]
    Never,
    /// Taken when both sides can.
    Offered,
}

/// Provisional responses by PRACK (RFC 3262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reliable {
    /// Not even said to be understood.
    Never,
    /// Said to be understood, not demanded.
    #[default]
    Supported,
    /// Demanded.
    Required,
}

/// For TLS towards the peers. The files are read by the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Must the peer's certificate be sound?
    pub verify: bool,
    /// Who signs it; `None`: the authorities of the system.
    pub authority: Option<PathBuf>,
    /// Our own certificate and its key, when the peer asks for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The name in the peer's certificate; `None`: the host as configured.
    pub server_name: Option<String>,
}

impl Default for Tls {
    fn default() -> Tls {
        Tls { verify: true, authority: None, certificate: None, server_name: None }
    }
}

/// One of our sockets, and what peers write to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Its transport.
    pub transport: Transport,
    /// Its address, as [`Flow::local`](crate::sip::Flow::local) names it.
    pub address: SocketAddr,
    /// The host peers write (an address or a name; IPv6 in brackets).
    pub host: String,
}
