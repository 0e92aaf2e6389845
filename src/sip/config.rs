//! What an endpoint must be told once. Every bound has a default that a small helpline never meets.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Flow, Peers, ShieldConfig, Transport};

/// An address range, `addr/prefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Any address of the range.
    pub addr: IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
}

impl Network {
    /// Is `ip` in the range? An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.addr.to_canonical(), ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same_prefix(u32::from(a).into(), u32::from(b).into(), self.prefix, 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same_prefix(u128::from(a), u128::from(b), self.prefix, 128),
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.prefix)
    }
}

fn same_prefix(a: u128, b: u128, prefix: u8, width: u32) -> bool {
    let free = width.saturating_sub(u32::from(prefix));
    free >= 128 || (a ^ b) >> free == 0
}

/// One of our sockets, and what peers must write to reach it: the host and port of our Via and Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// What is spoken there.
    pub transport: Transport,
    /// The socket as [`Flow::local`] names it.
    pub local: SocketAddr,
    /// The host to write (an address or a name; IPv6 in brackets).
    pub host: String,
    /// The port to write.
    pub port: u16,
}

/// The endpoint's settings.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// The digest realm.
    pub realm: String,
    /// The hosts we answer for, besides our own addresses. Compared without case.
    pub domains: Vec<String>,
    /// User-Agent and Server.
    pub software: String,
    /// The user part of our Contact.
    pub contact_user: String,
    /// Our sockets, best first: where a new flow of a transport and family begins, and what to write for each. A socket
    /// not listed is advertised under its own address, and nothing is ever sent first from it.
    pub sockets: Vec<Advertised>,
    /// A request of ours larger than this goes to a UDP peer over TCP first, where we have a TCP socket of the family
    /// (RFC 3261 §18.1.1).
    pub mtu_bytes_max: usize,
    /// Do we accept REGISTER?
    pub registrar: bool,
    /// The shortest registration we accept, in seconds (423 below it).
    pub expires_min_s: u32,
    /// The registration given when none is asked for.
    pub expires_default_s: u32,
    /// The longest registration we give.
    pub expires_max_s: u32,
    /// The push services that somebody here speaks to (`pn-provider` of RFC 8599: `apns`, `fcm`, …). None: what phones say
    /// of push is passed over.
    pub push_providers: Vec<String>,
    /// How often a UDP phone behind a NAT is sent an empty line, so that its way in stays open (zero: never).
    pub nat_keep_alive: Duration,
    /// Devices per user.
    pub contacts_per_user: usize,
    /// Devices in all.
    pub bindings_max: usize,
    /// Sessions at a time; more are answered 503.
    pub sessions_max: usize,
    /// Server transactions at a time; more are answered 503 without state.
    pub transactions_max: usize,
    /// Retry-After of such a 503.
    pub full_retry_after_s: u32,
    /// Do our INVITEs say that we understand reliable provisional responses (RFC 3262)? A peer may then send them.
    pub offer_100rel: bool,
    /// Is a provisional response with a session description sent reliably when the caller merely supports that? When he
    /// requires it, it is in any case.
    pub reliable_provisional: bool,
    /// The session interval of RFC 4028 we ask for and grant, in seconds; 0 for no session timers at all.
    pub session_expires_s: u32,
    /// The shortest session interval we accept, in seconds (422 below it).
    pub min_se_s: u32,
    /// RFC 3261 T1, the round trip guessed.
    pub t1: Duration,
    /// RFC 3261 T2, the longest interval between retransmissions.
    pub t2: Duration,
    /// RFC 3261 T4, how long a message may stay in the network.
    pub t4: Duration,
    /// Who may call without digest: the trunks' peers, as long as no [`Command::Peers`](super::Command::Peers) says otherwise.
    pub peers: Arc<Peers>,
    /// Must others authenticate before they may call? If not, anyone may ([`super::Trust::Nobody`]).
    pub invite_auth_required: bool,
    /// May our users' phones transfer a conversation: REFER and Replaces inside it (RFC 3515, RFC 3891)?
    pub transfer: bool,
    /// Subscriptions of one user, and …
    pub subscriptions_per_user: usize,
    /// … in all; more are answered 403 and 503.
    pub subscriptions_max: usize,
    /// Is SHA-256 offered beside MD5? Telephones known to stumble over it are spared in any case.
    pub offer_sha256: bool,
    /// How long a nonce is good for.
    pub nonce_lifetime: Duration,
    /// What strangers may do, and when they are answered with silence.
    pub shield: ShieldConfig,
}

impl Default for EndpointConfig {
    fn default() -> EndpointConfig {
        EndpointConfig {
            realm: "ecoute".into(),
            domains: Vec::new(),
            software: concat!("ecoute/", env!("CARGO_PKG_VERSION")).into(),
            contact_user: "ecoute".into(),
            sockets: Vec::new(),
            mtu_bytes_max: 1300,
            registrar: true,
            expires_min_s: 60,
            expires_default_s: 300,
            expires_max_s: 3600,
            push_providers: Vec::new(),
            nat_keep_alive: Duration::from_secs(25),
            contacts_per_user: 4,
            bindings_max: 10_000,
            sessions_max: 10_000,
            transactions_max: 50_000,
            full_retry_after_s: 10,
            offer_100rel: true,
            reliable_provisional: false,
            session_expires_s: 1800,
            min_se_s: 90,
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            peers: Arc::default(),
            invite_auth_required: true,
            transfer: false,
            subscriptions_per_user: 8,
            subscriptions_max: 10_000,
            offer_sha256: true,
            nonce_lifetime: Duration::from_secs(300),
            shield: ShieldConfig::default(),
        }
    }
}

impl EndpointConfig {
    /// Host and port to write in Via and Contact for messages on `flow`.
    pub fn advertised_for(&self, flow: &Flow) -> (String, u16) {
        let spoken = || self.sockets.iter().filter(|socket| socket.transport == flow.transport);
        let same_family = |socket: &&Advertised| socket.local.is_ipv4() == flow.local.is_ipv4();
        let found = spoken().find(|socket| socket.local == flow.local);
        // The end of a connection we opened is nobody's door: the listener of its kind is.
        let found = found.or_else(|| spoken().find(same_family).filter(|_| flow.transport.is_reliable()));
        match found {
            Some(advertised) => (advertised.host.clone(), advertised.port),
            None => (host_text(flow.local.ip()), flow.local.port()),
        }
    }

    /// A new flow to `remote` from our first socket of this transport and family, over no particular connection; `None`
    /// when we have no such socket.
    pub fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let fits = |s: &&Advertised| s.transport == transport && s.local.is_ipv4() == remote.is_ipv4();
        let local = self.sockets.iter().find(fits)?.local;
        Some(Flow { transport, local, remote, connection: 0 })
    }

    /// Is `host` one we answer for? Our advertised hosts count too.
    pub fn serves(&self, host: &str, flow: &Flow) -> bool {
        let same = |name: &str| name.eq_ignore_ascii_case(host);
        self.domains.iter().any(|d| same(d))
            || self.sockets.iter().any(|socket| same(&socket.host))
            || same(&host_text(flow.local.ip()))
    }

    /// The trunk whose peer is at `ip`.
    pub fn trunk_of(&self, ip: IpAddr) -> Option<u32> {
        self.peers.trunk_of(ip)
    }
}

/// An address as a SIP host: IPv6 in brackets.
pub(super) fn host_text(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A range holds its addresses and no others, IPv4 also when mapped into IPv6.
    #[test]
    fn ranges() {
        let range = Network { addr: "192.0.2.16".parse().expect("ip"), prefix: 28 };
        assert!(range.contains("192.0.2.31".parse().expect("ip")));
        assert!(range.contains("::ffff:192.0.2.17".parse().expect("ip")));
        assert!(!range.contains("192.0.2.32".parse().expect("ip")));
        assert!(!range.contains("2001:db8::1".parse().expect("ip")));
        let all = Network { addr: "::".parse().expect("ip"), prefix: 0 };
        assert!(all.contains("2001:db8::1".parse().expect("ip")));
        let one = Network { addr: "2001:db8::1".parse().expect("ip"), prefix: 128 };
        assert!(!one.contains("2001:db8::2".parse().expect("ip")));
    }

    /// A new flow begins at the first socket of its transport and family, and every message names the door of its kind.
    #[test]
    fn sockets() {
        let socket = |transport, local: &str, host: &str| Advertised {
            transport,
            local: local.parse().expect("an address"),
            host: host.into(),
            port: 5060,
        };
        let config = EndpointConfig {
            sockets: vec![
                socket(Transport::Udp, "10.0.0.1:5060", "udp.example"),
                socket(Transport::Udp, "10.0.0.1:5070", "other.example"),
                socket(Transport::Tcp, "10.0.0.1:5060", "tcp.example"),
                socket(Transport::Tcp, "[2001:db8::1]:5060", "six.example"),
            ],
            ..EndpointConfig::default()
        };
        let to = |transport, remote: &str| config.flow_to(transport, remote.parse().expect("an address"));
        let local = |transport, remote| to(transport, remote).map(|flow| flow.local.to_string());
        assert_eq!(local(Transport::Udp, "192.0.2.9:5060").as_deref(), Some("10.0.0.1:5060"));
        assert_eq!(local(Transport::Tcp, "[2001:db8::9]:5060").as_deref(), Some("[2001:db8::1]:5060"));
        assert_eq!(local(Transport::Tcp, "[::ffff:192.0.2.9]:5060").as_deref(), Some("10.0.0.1:5060"));
        assert_eq!(local(Transport::Udp, "[2001:db8::9]:5060"), None);
        assert_eq!(local(Transport::Tls, "192.0.2.9:5061"), None);
        let mut flow = to(Transport::Tcp, "192.0.2.9:5060").expect("a socket");
        assert_eq!(config.advertised_for(&flow), ("tcp.example".into(), 5060));
        flow.local.set_port(40_000);
        assert_eq!(config.advertised_for(&flow), ("tcp.example".into(), 5060), "a connection of ours");
        flow.transport = Transport::Udp;
        assert_eq!(config.advertised_for(&flow), ("10.0.0.1".into(), 40_000), "a socket of its own");
    }
}
