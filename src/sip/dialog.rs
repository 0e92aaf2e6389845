//! The dialog of RFC 3261 §12, as one value: both tags, both CSeq counters, the frozen route set, the remote target and
//! the flow. Every request inside a dialog, ACK and BYE included, comes out of [`Dialog::request`] or [`Dialog::ack`];
//! nothing else writes a Route, a Request-URI or a next hop for one.
//!
//! The route set never changes once the dialog stands (§12.2); only the remote target does, by a re-INVITE, an UPDATE
//! or a 2xx to one of ours.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::endpoint::Core;
use super::message::{Framing, HeaderName, Message, Method, NameAddr, Scheme, Uri, is_target};
use super::transaction::{Sent, TransactionId};
use super::wire::Draft;
use super::{EndpointConfig, Flow, Transport, reading};

/// One dialog.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dialog {
    /// Call-ID.
    pub call_id: Vec<u8>,
    /// Our tag.
    pub local_tag: String,
    /// The peer's tag; empty for an RFC 2543 peer.
    pub remote_tag: Vec<u8>,
    /// From of our requests, tag included.
    pub local: Vec<u8>,
    /// To of our requests, tag included.
    pub remote: Vec<u8>,
    /// CSeq of our latest request.
    pub local_cseq: u32,
    /// CSeq of the peer's latest request.
    pub remote_cseq: Option<u32>,
    /// Did we send the INVITE? Then the Call-ID is ours (§14.1 on glare).
    pub we_called: bool,
    /// Route values in the order in which our requests travel.
    pub routes: Vec<Vec<u8>>,
    /// The peer's Contact URI.
    pub target: Vec<u8>,
    /// The way to the peer.
    pub flow: Flow,
    /// A peer we trust to write an address that can be reached (a trunk); from others we believe the source address.
    pub believes_contact: bool,
    /// The peer listens at the flow's address: we called it there, so the port is no mere end of a connection of its own.
    #[serde(default)]
    pub listens: bool,
}

impl Dialog {
    /// The dialog a 2xx to this INVITE of ours makes for the side that called (§12.1.2): Record-Route reversed.
    pub fn answered(core: &Core, invite: TransactionId, answer: &Message<'_>) -> Option<Dialog> {
        let Sent { bytes, flow, listens } = core.layer.way_of(invite)?;
        let invite = Message::parse(&bytes, Framing::Datagram).ok()?;
        let mut routes = reading::record_routes(answer);
        routes.reverse();
        let target = reading::contact_uri(answer).or_else(|| invite.request_uri().map(<[u8]>::to_vec))?;
        Some(Dialog {
            call_id: invite.call_id()?.to_vec(),
            local_tag: String::from_utf8_lossy(reading::from_tag(&invite)?).into_owned(),
            remote_tag: reading::to_tag(answer).unwrap_or_default().to_vec(),
            local: reading::line(&invite, HeaderName::From),
            remote: reading::line(answer, HeaderName::To),
            local_cseq: invite.cseq()?.0,
            remote_cseq: None,
            we_called: true,
            routes,
            target,
            flow,
            believes_contact: core.config.trunk_of(flow.remote.ip()).is_some(),
            listens,
        })
    }

    /// The dialog an INVITE makes for the side that is called (§12.1.1): Record-Route as it stands.
    pub fn from_invite(invite: &Message<'_>, local_tag: &str, source: Flow, core: &Core) -> Option<Dialog> {
        let mut local = reading::line(invite, HeaderName::To);
        local.extend_from_slice(b";tag=");
        local.extend_from_slice(local_tag.as_bytes());
        Some(Dialog {
            call_id: invite.call_id()?.to_vec(),
            local_tag: local_tag.to_owned(),
            remote_tag: reading::from_tag(invite).unwrap_or_default().to_vec(),
            local,
            remote: reading::line(invite, HeaderName::From),
            local_cseq: 0,
            remote_cseq: Some(invite.cseq()?.0),
            we_called: false,
            routes: reading::record_routes(invite),
            target: reading::caller_uri(invite)?,
            flow: source,
            believes_contact: core.config.trunk_of(source.remote.ip()).is_some(),
            listens: false,
        })
    }

    /// The next request of this dialog: `method` with the next CSeq. [`Dialog::ack`] is for ACK.
    pub fn request(&mut self, method: Method<'static>) -> Draft {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.draft(method, self.local_cseq)
    }

    /// The ACK for the 2xx to our INVITE with this CSeq.
    pub fn ack(&self, cseq: u32) -> Draft {
        self.draft(Method::Ack, cseq)
    }

    /// Where its requests go: to the first hop of the route set, else to the remote target. A dialog stays on its
    /// connection as long as its next hop is the host at the other end; a hop elsewhere, or over another transport, is
    /// reached over no particular connection. A browser's dialog never leaves its connection. A name is never resolved and
    /// a private address never tried: then the peer's own address serves.
    pub fn next_hop(&self, config: &EndpointConfig) -> Flow {
        if self.flow.is_web() {
            return self.flow;
        }
        let hop = match self.routes.first() {
            Some(route) => NameAddr::parse(route).ok().and_then(|address| Hop::read(address.uri)),
            None => Hop::read(&self.target).filter(|hop| self.is_plausible(hop.ip)),
        };
        let Some(hop) = hop else { return self.without_hop() };
        // Who writes no transport means the one that is spoken.
        let transport = hop.transport.unwrap_or(self.flow.transport);
        let remote = SocketAddr::new(hop.ip, hop.port.unwrap_or(transport.default_port()));
        let same_host = transport == self.flow.transport && hop.ip == self.flow.remote.ip().to_canonical();
        if same_host && self.flow.is_pinned() && (!self.listens || remote.port() == self.flow.remote.port()) {
            return self.flow;
        }
        let same_family = remote.is_ipv4() == self.flow.local.is_ipv4();
        if transport == self.flow.transport && same_family {
            return Flow { remote, ..self.flow.unpinned() };
        }
        // Where we do not speak what is asked for, we speak what we do.
        let ours = |port: Option<u16>| {
            let remote = SocketAddr::new(hop.ip, port.unwrap_or(self.flow.transport.default_port()));
            if same_family { Flow { remote, ..self.flow.unpinned() } } else { self.without_hop() }
        };
        config.flow_to(transport, remote).unwrap_or_else(|| ours(hop.port))
    }

    /// The connection is gone: from now on the dialog goes over any connection to the peer (RFC 3261 §18.1.1).
    pub fn lose_connection(&mut self) {
        self.flow = self.flow.unpinned();
    }

    /// No hop that can be used: the peer's own address. The far end of a connection it had made listens to nobody, so once
    /// that is gone the usual port is tried.
    fn without_hop(&self) -> Flow {
        let mut flow = self.flow;
        if flow.transport.is_reliable() && !flow.is_pinned() && !self.listens {
            let target = Uri::parse(&self.target).ok().and_then(|uri| uri.port);
            flow.remote.set_port(target.unwrap_or(flow.transport.default_port()));
        }
        flow
    }

    /// Takes the CSeq of a request of the peer; false when it is not above the last one (§12.2.2).
    pub fn take_remote_cseq(&mut self, cseq: u32) -> bool {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return false;
        }
        self.remote_cseq = Some(cseq);
        true
    }

    /// The peer is now at `target`, heard over `flow`.
    pub fn refresh_target(&mut self, target: &[u8], flow: Flow) {
        if !target.is_empty() {
            self.target = target.to_vec();
        }
        self.listens &= self.flow == flow;
        self.flow = flow;
    }

    fn draft(&self, method: Method<'static>, cseq: u32) -> Draft {
        let strict = self.routes.first().is_some_and(|route| !is_loose(route));
        let (uri, routes) = if strict {
            // A strict router wants itself in the Request-URI and the target at the end of the list (§12.2.1.1).
            let first = self.routes.first().map(|route| address_of(route)).unwrap_or_default();
            let mut routes: Vec<Vec<u8>> = self.routes.iter().skip(1).cloned().collect();
            let mut last = Vec::with_capacity(self.target.len() + 2);
            last.push(b'<');
            last.extend_from_slice(&self.target);
            last.push(b'>');
            routes.push(last);
            (first, routes)
        } else {
            (self.target.clone(), self.routes.clone())
        };
        Draft {
            routes,
            from: self.local.clone(),
            to: self.remote.clone(),
            to_address: self.believes_contact,
            ..Draft::new(method, uri, self.call_id.clone(), cseq)
        }
    }

    /// Without a route: is the target's own address to be used? When it is the source, or when a trunk says so and it is
    /// not private (RFC 1918 and the like are reachable by nobody but the peer itself).
    fn is_plausible(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip == self.flow.remote.ip().to_canonical() || (self.believes_contact && is_public(ip))
    }
}

/// Call-IDs and tags only: never an address.
impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialog")
            .field("local_tag", &self.local_tag)
            .field("local_cseq", &self.local_cseq)
            .field("remote_cseq", &self.remote_cseq)
            .field("routes", &self.routes.len())
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

fn is_loose(route: &[u8]) -> bool {
    let loose = |address: NameAddr<'_>| address.parsed_uri().is_ok_and(|uri| uri.is_loose_router());
    // What cannot be read is treated as loose: the target then stands in the Request-URI, where it is of some use.
    // And so is what no request could be sent to.
    NameAddr::parse(route).map_or(true, |address| {
        loose(address) || (!address.bracketed && address.params.has("lr")) || !is_target(address.uri)
    })
}

fn address_of(route: &[u8]) -> Vec<u8> {
    NameAddr::parse(route).map(|address| address.uri.to_vec()).unwrap_or_default()
}

/// A hop named in figures, `maddr` honoured: what RFC 3263 §4 makes of such a URI.
struct Hop {
    ip: IpAddr,
    port: Option<u16>,
    /// `None` when the URI does not say.
    transport: Option<Transport>,
}

impl Hop {
    fn read(uri: &[u8]) -> Option<Hop> {
        let uri = Uri::parse(uri).ok()?;
        let ip = match uri.maddr() {
            Some(maddr) => super::message::parse_ip(maddr)?,
            None => uri.host_ip()?,
        };
        let named = uri.transport().and_then(Transport::from_uri_name);
        let transport = match (uri.scheme, named) {
            // `sips` is TLS below whatever is named (RFC 3261 §26.2.2).
            (Scheme::Sips, Some(Transport::Ws | Transport::Wss)) => Some(Transport::Wss),
            (Scheme::Sips, _) => Some(Transport::Tls),
            (_, named) => named,
        };
        let reachable = !ip.is_unspecified() && !ip.is_multicast();
        reachable.then_some(Hop { ip: ip.to_canonical(), port: uri.port, transport })
    }
}

/// The address and port that a Route value names in figures.
pub(super) fn hop_of_route(route: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    let hop = Hop::read(NameAddr::parse(route).ok()?.uri)?;
    Some((hop.ip, hop.port))
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dialog(routes: Vec<Vec<u8>>, target: &str) -> Dialog {
        let local = "192.0.2.1:5060".parse().expect("address");
        let remote = "203.0.113.5:1035".parse().expect("address");
        Dialog {
            call_id: b"c".to_vec(),
            local_tag: "l".into(),
            remote_tag: b"r".to_vec(),
            local: b"<sip:us@192.0.2.1>;tag=l".to_vec(),
            remote: b"<sip:them@203.0.113.5>;tag=r".to_vec(),
            local_cseq: 7,
            remote_cseq: None,
            we_called: true,
            routes,
            target: target.as_bytes().to_vec(),
            flow: Flow::udp(local, remote),
            believes_contact: false,
            listens: false,
        }
    }

    fn hop(dialog: &Dialog) -> Flow {
        dialog.next_hop(&EndpointConfig::default())
    }

    fn remote_of(dialog: &Dialog) -> String {
        hop(dialog).remote.to_string()
    }

    /// Without a route: a Contact at the source's host gives the port, any other Contact gives way to the source.
    #[test]
    fn next_hop_without_route() {
        let with = |target: &str| dialog(Vec::new(), target);
        assert_eq!(remote_of(&with("sip:a@203.0.113.5:5070")), "203.0.113.5:5070");
        assert_eq!(remote_of(&with("sip:a@203.0.113.5")), "203.0.113.5:5060");
        assert_eq!(remote_of(&with("sip:a@192.168.7.20:5060")), "203.0.113.5:1035");
        assert_eq!(remote_of(&with("sip:a@phone.invalid;transport=ws")), "203.0.113.5:1035");
        assert_eq!(remote_of(&with("sip:a@198.51.100.9:5060")), "203.0.113.5:1035");
        let mut trunk = with("sip:a@198.51.100.9:5060");
        trunk.believes_contact = true;
        assert_eq!(remote_of(&trunk), "198.51.100.9:5060");
        trunk.target = b"sip:a@10.0.0.1".to_vec();
        assert_eq!(remote_of(&trunk), "203.0.113.5:1035");
        trunk.target = b"sip:a@0.0.0.0".to_vec();
        assert_eq!(remote_of(&trunk), "203.0.113.5:1035");
    }

    /// A browser's dialog stays on its connection, whatever Route and Contact say.
    #[test]
    fn p091_a_browser_is_reached_on_its_connection_alone() {
        let mut dialog = dialog(vec![b"<sip:198.51.100.1;lr>".to_vec()], "sip:a@df7jal23ls0d.invalid;transport=ws");
        dialog.flow.transport = Transport::Ws;
        dialog.flow.connection = 4;
        assert_eq!(hop(&dialog), dialog.flow);
        dialog.routes.clear();
        assert_eq!(hop(&dialog), dialog.flow);
    }

    fn speaking(transports: &[(Transport, &str)]) -> EndpointConfig {
        let socket = |(transport, local): &(Transport, &str)| super::super::Advertised {
            transport: *transport,
            local: local.parse().expect("an address"),
            host: "us.example".into(),
            port: 5060,
        };
        EndpointConfig { sockets: transports.iter().map(socket).collect(), ..EndpointConfig::default() }
    }

    /// A dialog stays on its connection while the next hop is the host at its other end; a hop elsewhere, over another
    /// transport or at another port where the peer listens is reached over no particular connection, from our socket of
    /// that transport and family. Once the connection is gone, so is the dialog's pin.
    #[test]
    fn p020_a_dialog_stays_on_its_connection_unless_its_next_hop_differs() {
        let config = speaking(&[
            (Transport::Udp, "192.0.2.1:5060"),
            (Transport::Tcp, "192.0.2.1:5060"),
            (Transport::Tls, "192.0.2.1:5061"),
            (Transport::Tcp, "[2001:db8::1]:5060"),
        ]);
        let mut d = dialog(Vec::new(), "sip:a@203.0.113.5:5070;transport=tcp");
        d.flow = Flow { transport: Transport::Tcp, connection: 9, ..d.flow };
        d.believes_contact = true;
        let pinned = d.flow;
        let hop = |d: &Dialog| d.next_hop(&config);
        let text = |d: &Dialog| format!("{:?}", hop(d));
        assert_eq!(hop(&d), pinned, "the port of a connection the peer made says nothing");
        for same in ["sip:a@203.0.113.5", "sip:a@10.0.0.1;transport=udp", "sip:a@host.example;transport=tls"] {
            d.target = same.into();
            assert_eq!(hop(&d), pinned, "{same}");
        }
        d.target = "sip:a@198.51.100.9:5070".into();
        assert_eq!(text(&d), "TCP 192.0.2.1:5060>198.51.100.9:5070#0");
        d.target = "sip:a@203.0.113.5;transport=udp".into();
        assert_eq!(text(&d), "UDP 192.0.2.1:5060>203.0.113.5:5060#0");
        d.target = "sips:a@203.0.113.5".into();
        assert_eq!(text(&d), "TLS 192.0.2.1:5061>203.0.113.5:5061#0");
        d.target = "sip:a@[2001:db8::9];transport=tcp".into();
        assert_eq!(text(&d), "TCP [2001:db8::1]:5060>[2001:db8::9]:5060#0");
        d.target = "sip:a@[2001:db8::9];transport=tls".into();
        assert_eq!(hop(&d), pinned, "no TLS over IPv6 here");
        d.routes = vec![b"<sip:203.0.113.5:5080;transport=tcp;lr>".to_vec()];
        assert_eq!(hop(&d), pinned, "the proxy at the other end");
        d.listens = true;
        assert_eq!(text(&d), "TCP 192.0.2.1:5060>203.0.113.5:5080#0", "we called its port 1035, and it names another");
        d.listens = false;
        d.lose_connection();
        assert_eq!(text(&d), "TCP 192.0.2.1:5060>203.0.113.5:5080#0");
        d.routes.clear();
        d.target = "sip:a@10.0.0.1".into();
        assert_eq!(text(&d), "TCP 192.0.2.1:5060>203.0.113.5:5060#0", "the usual port of the host");
    }

    /// Record-Route over two transports: the first hop's transport is the one we speak to it, whatever lies behind it.
    #[test]
    fn b063_two_transports_in_record_route() {
        let config = speaking(&[(Transport::Udp, "192.0.2.1:5060"), (Transport::Tcp, "192.0.2.1:5060")]);
        let udp = b"<sip:203.0.113.5;r2=on;lr>".to_vec();
        let tcp = b"<sip:203.0.113.5;transport=tcp;r2=on;lr>".to_vec();
        let mut d = dialog(vec![tcp.clone(), udp.clone()], "sip:x@10.9.9.9");
        assert_eq!(format!("{:?}", d.next_hop(&config)), "TCP 192.0.2.1:5060>203.0.113.5:5060#0");
        d.routes = vec![udp, tcp];
        assert_eq!(format!("{:?}", d.next_hop(&config)), "UDP 192.0.2.1:5060>203.0.113.5:5060#0");
    }

    /// Loose routing: the target in the Request-URI, all routes in Route. Strict routing: first route and target swap.
    #[test]
    fn b063_b064_loose_and_strict() {
        let loose = vec![b"<sip:203.0.113.1;r2=on;lr;ftag=a>".to_vec(), b"<sip:198.51.100.1;lr>".to_vec()];
        let mut d = dialog(loose.clone(), "sip:x@10.9.9.9:5070");
        let bye = d.request(Method::Bye);
        assert_eq!((bye.uri.as_slice(), &bye.routes, bye.cseq), (b"sip:x@10.9.9.9:5070".as_slice(), &loose, 8));
        assert_eq!(remote_of(&d), "203.0.113.1:5060");
        let strict = vec![b"<sip:203.0.113.1:5090>".to_vec(), b"<sip:198.51.100.1;lr>".to_vec()];
        let d = dialog(strict, "sip:x@10.9.9.9:5070");
        let ack = d.ack(3);
        assert_eq!((ack.uri.as_slice(), ack.cseq), (b"sip:203.0.113.1:5090".as_slice(), 3));
        assert_eq!(ack.routes, [b"<sip:198.51.100.1;lr>".to_vec(), b"<sip:x@10.9.9.9:5070>".to_vec()]);
        assert_eq!(remote_of(&d), "203.0.113.1:5090");
    }

    /// The peer's CSeq must rise.
    #[test]
    fn b062_remote_cseq_rises() {
        let mut d = dialog(Vec::new(), "sip:a@b");
        assert!(d.take_remote_cseq(5));
        assert!(!d.take_remote_cseq(5));
        assert!(!d.take_remote_cseq(4));
        assert!(d.take_remote_cseq(9));
    }

    fn route() -> impl Strategy<Value = (Vec<u8>, bool)> {
        (1u8..200, any::<bool>(), 0usize..4).prop_map(|(host, lr, dress)| {
            let lr_text = if lr { ";lr" } else { "" };
            let extra = ["", ";transport=tcp", ";r2=on", ":5080"][dress];
            let (port, param) = if dress == 3 { (extra, "") } else { ("", extra) };
            (format!("<sip:198.51.100.{host}{port}{param}{lr_text}>").into_bytes(), lr)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// For any route set, every method alike: loose keeps the set and the target; strict moves the target to the
        /// end and the first hop to the Request-URI; the packet goes to the first hop in both cases.
        #[test]
        fn any_route_set(routes in proptest::collection::vec(route(), 0..6), refreshed in any::<bool>()) {
            let set: Vec<Vec<u8>> = routes.iter().map(|(route, _)| route.clone()).collect();
            let mut d = dialog(set.clone(), "sip:x@203.0.113.5:5070");
            if refreshed {
                d.refresh_target(b"sip:x@203.0.113.5:5071", d.flow);
            }
            let drafts = [d.request(Method::Bye), d.request(Method::Invite), d.ack(9), d.request(Method::Info)];
            for draft in drafts {
                match routes.first() {
                    Some((first, false)) => {
                        prop_assert_eq!(&draft.uri, &address_of(first));
                        prop_assert_eq!(&draft.routes[..draft.routes.len() - 1], &set[1..]);
                        let wanted = [b"<".as_slice(), &d.target, b">"].concat();
                        prop_assert_eq!(draft.routes.last(), Some(&wanted));
                    }
                    _ => {
                        prop_assert_eq!(&draft.uri, &d.target);
                        prop_assert_eq!(&draft.routes, &set);
                    }
                }
                let first = set.first().map_or_else(|| d.target.clone(), |route| address_of(route));
                let named = Hop::read(&first).expect("in figures");
                prop_assert_eq!(hop(&d).remote, SocketAddr::new(named.ip, named.port.unwrap_or(5060)));
            }
        }
    }
}
