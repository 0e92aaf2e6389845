//! Names to addresses (RFC 3263), asked on the control side: a question leaves the shard as an output, its answer comes
//! back as an input, and nobody waits in between. With no name system the trunks hear that nothing was found, and ask again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::ids::IdSource;
use crate::net::{DnsSource, Families, Hop as Place, Kind, ResolveSettings, Resolved, Resolver, Target, Way};
use crate::sip::{Advertised, Transport};
use crate::trunk::{Address, Hop, Host};

use super::Input;

/// Answers that may wait for the shard; beyond, the desk waits.
const ANSWERS: usize = 256;
/// How long the trunks rely on an answer before they ask the desk again, which keeps to what the DNS allows.
const HOLDS: Duration = Duration::from_secs(60);

/// Whom to ask for names, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameSettings {
    /// The name servers; none: the system's.
    pub servers: Vec<SocketAddr>,
    /// The budget and the rules of the cache. Which transports and families come into question is filled in from the sockets.
    pub resolve: ResolveSettings,
}

/// The resolver as the shard's thread sees it.
#[derive(Debug)]
pub(super) struct Resolving {
    resolver: Option<Resolver>,
    answers: Receiver<Resolved>,
}

impl Resolving {
    /// Sets up the resolver on `runtime`, for the sockets we have.
    pub fn start(
        runtime: &tokio::runtime::Handle,
        settings: &NameSettings,
        sockets: &[Advertised],
        ids: IdSource,
    ) -> Resolving {
        let (told, answers) = bounded(ANSWERS);
        let _inside = runtime.enter();
        let source = match settings.servers.as_slice() {
            [] => DnsSource::of_the_system(),
            servers => DnsSource::of_servers(servers),
        };
        let resolver = match source {
            Ok(source) => {
                let settings = fitting(settings.resolve.clone(), sockets);
                Some(Resolver::start(runtime, settings, Arc::new(source), ids, told))
            }
            Err(fault) => {
                tracing::error!(%fault, "names cannot be looked up; trunks must be written as addresses");
                None
            }
        };
        Resolving { resolver, answers }
    }

    /// Where answers come out; each goes through [`Resolving::heard`].
    pub fn answers(&self) -> &Receiver<Resolved> {
        &self.answers
    }

    /// Asks for a host; when nobody can be asked, that is the answer.
    pub fn ask(&self, query: u32, host: &Host) -> Option<Input> {
        let target =
            Target { host: host.name.clone(), port: host.port, way: host.transport.map(way_of), secure: false };
        let asked = self.resolver.as_ref().is_some_and(|resolver| resolver.ask(query.into(), target).is_ok());
        (!asked).then(|| Input::Resolved { query, found: Vec::new(), ttl: HOLDS })
    }

    /// What an answer means for the shard.
    pub fn heard(resolved: Resolved) -> Option<Input> {
        let query = u32::try_from(resolved.ticket).ok()?;
        let found = match resolved.result {
            Ok(places) => Address::listed(places.iter().map(hop_of)),
            Err(fault) => {
                tracing::warn!(%fault, "a trunk's name could not be looked up");
                Vec::new()
            }
        };
        Some(Input::Resolved { query, found, ttl: HOLDS })
    }
}

/// What comes into question: the transports and the families of our sockets.
fn fitting(settings: ResolveSettings, sockets: &[Advertised]) -> ResolveSettings {
    if sockets.is_empty() {
        return settings;
    }
    let ways: Vec<Way> = settings
        .ways
        .iter()
        .copied()
        .filter(|way| sockets.iter().any(|socket| way_of(socket.transport) == *way))
        .collect();
    let (four, six) = (sockets.iter().any(|s| s.local.is_ipv4()), sockets.iter().any(|s| s.local.is_ipv6()));
    let families = match (four, six) {
        (true, false) => Families::V4Only,
        (false, true) => Families::V6Only,
        _ => settings.families,
    };
    ResolveSettings { ways: if ways.is_empty() { settings.ways.clone() } else { ways }, families, ..settings }
}

const fn way_of(transport: Transport) -> Way {
    match transport {
        Transport::Udp => Way::Udp,
        Transport::Tcp => Way::TCP,
        Transport::Tls => Way::TLS,
        Transport::Ws => Way::Stream(Kind::Ws),
        Transport::Wss => Way::Stream(Kind::Wss),
    }
}

fn hop_of(place: &Place) -> Hop {
    let transport = match place.way {
        Way::Udp => Transport::Udp,
        Way::Stream(Kind::Tcp) => Transport::Tcp,
        Way::Stream(Kind::Tls) => Transport::Tls,
        Way::Stream(Kind::Ws) => Transport::Ws,
        Way::Stream(Kind::Wss) => Transport::Wss,
    };
    Hop { transport, remote: place.address }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what a domain offers only that is asked for which our sockets can reach.
    #[test]
    fn only_what_we_can_reach() {
        let socket = |transport, local: &str| Advertised {
            transport,
            local: local.parse().expect("an address"),
            host: String::new(),
            port: 5060,
        };
        let four = [socket(Transport::Udp, "192.0.2.1:5060"), socket(Transport::Tls, "192.0.2.1:5061")];
        let fit = fitting(ResolveSettings::default(), &four);
        assert_eq!((fit.ways, fit.families), (vec![Way::Udp, Way::TLS], Families::V4Only));
        let both = [socket(Transport::Tcp, "192.0.2.1:5060"), socket(Transport::Tcp, "[2001:db8::1]:5060")];
        let fit = fitting(ResolveSettings::default(), &both);
        assert_eq!((fit.ways, fit.families), (vec![Way::TCP], Families::V4First));
        assert_eq!(fitting(ResolveSettings::default(), &[]), ResolveSettings::default());
    }
}
