//! The sockets of signalling, as staff write them: `"udp:192.0.2.10:5060"`, `"tls:[::]:5061 as sip.example.org"`.
//!
//! An address without a transport means UDP and TCP, which every SIP element must speak (RFC 3261 §18). What stands after
//! `as` is what others write to reach this very socket; without it, `sip.advertised` or the address itself holds.

use std::fmt;
use std::net::SocketAddr;

use toml::de::DeValue;

use super::values::{Host, Said, Setting, expected, said};

/// A transport of signalling (RFC 3261 §18, RFC 7118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SipTransport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl SipTransport {
    /// All of them, with their names.
    pub const NAMES: [(&'static str, SipTransport); 5] = [
        ("udp", SipTransport::Udp),
        ("tcp", SipTransport::Tcp),
        ("tls", SipTransport::Tls),
        ("ws", SipTransport::Ws),
        ("wss", SipTransport::Wss),
    ];

    /// Does it need a certificate?
    pub fn is_encrypted(self) -> bool {
        matches!(self, SipTransport::Tls | SipTransport::Wss)
    }
}

impl fmt::Display for SipTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = SipTransport::NAMES.iter().find(|(_, transport)| transport == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// One socket of signalling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The transport.
    pub transport: SipTransport,
    /// The address and port bound.
    pub address: SocketAddr,
    /// What peers write to reach this socket, when it is neither the address nor `sip.advertised`.
    pub advertised: Option<(String, Option<u16>)>,
}

/// The sockets of signalling: one text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listens(pub Vec<Listen>);

impl Setting for Listens {
    const TYPE: (&'static str, &'static str) = (
        "adresse et port, ou liste de `transport:adresse:port`",
        "address and port, or list of `transport:address:port`",
    );

    fn read(value: &DeValue<'_>) -> Result<Listens, Said> {
        let mut found = Vec::new();
        match value {
            DeValue::String(text) => read_one(text, &mut found)?,
            DeValue::Array(items) => {
                if items.is_empty() || items.len() > LISTENS_MAX {
                    return Err((format!("de 1 à {LISTENS_MAX} entrées"), format!("1 to {LISTENS_MAX} entries")));
                }
                for item in items.iter() {
                    read_one(item.get_ref().as_str().ok_or_else(|| expected::<Listens>(value))?, &mut found)?;
                }
            }
            _ => return Err(expected::<Listens>(value)),
        }
        // Two sockets cannot share a port of one protocol: TCP, TLS and WebSocket all live on TCP ports.
        let place = |one: &Listen| (one.transport == SipTransport::Udp, one.address);
        for (nth, one) in found.iter().enumerate() {
            if one.address.port() != 0 && found[..nth].iter().any(|other| place(other) == place(one)) {
                return Err((format!("{} est pris deux fois", one.address), format!("{} is taken twice", one.address)));
            }
        }
        Ok(Listens(found))
    }
}

/// Sockets of signalling at most.
const LISTENS_MAX: usize = 32;

fn read_one(text: &str, found: &mut Vec<Listen>) -> Result<(), Said> {
    let wrong = || {
        said(
            "une adresse et un port sont attendus, par exemple `192.168.1.10:5060`, `tls:[::1]:5061` ou `tls:10.0.0.5:5061 as sip.exemple.org`",
            "an address and a port are expected, such as `192.168.1.10:5060`, `tls:[::1]:5061` or `tls:10.0.0.5:5061 as sip.example.org`",
        )
    };
    let (socket, name) = match text.split_once(" as ") {
        Some((socket, name)) => (socket.trim(), Some(name.trim())),
        None => (text.trim(), None),
    };
    let advertised = match name {
        Some(name) => Host::parse(name)?.0,
        None => None,
    };
    let named = SipTransport::NAMES.iter().find_map(|(name, transport)| {
        let rest = socket.strip_prefix(name)?.strip_prefix(':')?;
        Some((*transport, rest))
    });
    let (transports, address): (&[SipTransport], &str) = match &named {
        Some((transport, rest)) => (std::slice::from_ref(transport), rest),
        None => (&[SipTransport::Udp, SipTransport::Tcp], socket),
    };
    let address: SocketAddr = address.parse().map_err(|_| wrong())?;
    found.extend(transports.iter().map(|&transport| Listen { transport, address, advertised: advertised.clone() }));
    Ok(())
}
