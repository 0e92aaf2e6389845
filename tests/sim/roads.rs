//! How each telephone reaches the engine, and who else is on the Internet: what a seed has besides its weather and its
//! people. It is drawn from a source of its own, so that it changes nothing of what a seed was before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ecoute::ids::IdSource;
use ecoute::sip::Transport;

use crate::dice::Dice;
use crate::kept;

/// One telephone's way.
#[derive(Clone, Copy, Debug)]
pub struct Road {
    pub transport: Transport,
    /// Its signalling goes over IPv6; its sound does not.
    pub v6: bool,
    /// It behaves as an operator's gateway: it listens for connections, and a conversation outlives its connection.
    pub gateway: bool,
    /// Its session interval, in seconds; 0 for a telephone that knows no session timers.
    pub timer_s: u32,
    /// It describes its session while it rings, reliably.
    pub early: bool,
    /// It registers with a name of its own, and keeps its flow (RFC 5626).
    pub outbound: bool,
}

/// Everything of this kind.
#[derive(Clone, Debug)]
pub struct Roads {
    pub callers: Vec<Road>,
    pub devices: Vec<Vec<Road>>,
    /// Connections break now and then.
    pub breaks: bool,
    /// Strangers who send what they like.
    pub strangers: usize,
    /// Telephones that subscribe to their line.
    pub watchers: bool,
    /// Transfer is allowed.
    pub transfer: bool,
    /// Telephones do something in the very moment in which the engine does.
    pub moments: bool,
    /// A second telephone answers now and then, and some decline by naming another.
    pub forks: bool,
    /// The engine's session interval.
    pub timer_s: u32,
    /// What is larger goes over TCP first (RFC 3261 §18.1.1).
    pub mtu_bytes: usize,
    pub dice: IdSource,
}

const UDP: Road =
    Road { transport: Transport::Udp, v6: false, gateway: false, timer_s: 1800, early: false, outbound: false };

/// What an operator speaks.
const TRUNKS: [Transport; 4] = [Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Tls];
/// What a listener's telephone speaks.
const PHONES: [Transport; 6] =
    [Transport::Udp, Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

/// Session intervals in a network that loses nothing: so short that every conversation is refreshed.
const TIMERS_WHOLE: &[u32] = &[0, 10, 12, 20, 30, 1800];
/// In one that loses much, a refresh must have time to be repeated.
const TIMERS: &[u32] = &[0, 40, 60, 1800];

impl Roads {
    /// What the seed has.
    pub fn of(seed: u64, whole: bool, callers: usize, listeners: &[usize]) -> Roads {
        let mut dice = IdSource::from_number(seed ^ 0x5407_3261_5626);
        let plain = dice.chance(200) || kept::is_plain(seed);
        let mixed = !plain && dice.chance(800);
        let six = mixed && dice.chance(500);
        let extended = !plain && dice.chance(600);
        let timers = if whole { TIMERS_WHOLE } else { TIMERS };
        let timer_s = if extended { dice.one_of(timers) } else { UDP.timer_s };
        let mut road = |all: &[Transport], trunk: bool| {
            let extended = extended && dice.chance(700);
            let timer_s = if extended { dice.one_of(timers) } else { UDP.timer_s };
            let outbound = extended && !trunk && dice.chance(500);
            let early = extended && !trunk && dice.chance(500);
            if !mixed {
                return Road { timer_s, early, outbound, ..UDP };
            }
            let transport = dice.one_of(all);
            Road {
                transport,
                v6: six && dice.chance(400),
                gateway: trunk && dice.chance(700),
                timer_s,
                early,
                outbound,
            }
        };
        let callers = (0..callers).map(|_| road(&TRUNKS, true)).collect();
        let devices = listeners.iter().map(|many| (0..*many).map(|_| road(&PHONES, false)).collect()).collect();
        Roads {
            callers,
            devices,
            breaks: mixed && dice.chance(600),
            strangers: if !plain && dice.chance(400) { dice.between(1, 3) as usize } else { 0 },
            watchers: !plain && dice.chance(400),
            transfer: !plain && dice.chance(700),
            timer_s,
            mtu_bytes: if extended { dice.one_of(&[500, 800, 1300]) } else { 1300 },
            forks: extended && dice.chance(500),
            moments: !plain && dice.chance(500),
            dice,
        }
    }
}

/// The same host's address in IPv6: a /64 of its own.
pub fn v6(ip: IpAddr) -> IpAddr {
    let IpAddr::V4(ip) = ip else { return ip };
    let [a, b, c, d] = ip.octets().map(u16::from);
    IpAddr::V6(Ipv6Addr::new(0xfd00, a << 8 | b, c << 8 | d, 0, 0, 0, 0, 1))
}

/// The host an address of either kind belongs to.
pub fn host(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(ip) = ip else { return ip };
    let [_, high, low, ..] = ip.segments();
    IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

/// The engine's door for a transport.
pub fn door(engine: SocketAddr, transport: Transport, six: bool) -> SocketAddr {
    let ip = if six { v6(engine.ip()) } else { engine.ip() };
    let port = match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
        Transport::Ws => 5080,
        Transport::Wss => 5443,
    };
    SocketAddr::new(ip, port)
}
