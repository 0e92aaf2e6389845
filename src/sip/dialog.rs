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
use super::message::{Framing, HeaderName, Message, Method, NameAddr, Uri};
use super::wire::Draft;
use super::{Flow, reading};

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
}

impl Dialog {
    /// The dialog a 2xx makes for the side that called (§12.1.2): Record-Route reversed. `invite` are the bytes of the
    /// INVITE it answers, `flow` the way the INVITE went.
    pub fn from_answer(invite: &[u8], answer: &Message<'_>, flow: Flow, core: &Core) -> Option<Dialog> {
        let invite = Message::parse(invite, Framing::Datagram).ok()?;
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

    /// Where its requests go: the first hop of the route set, else the remote target; on a connection, always that
    /// connection. A name is never resolved and a private address never tried: then the peer's source address serves.
    pub fn next_hop(&self) -> Flow {
        if self.flow.transport.is_reliable() {
            return self.flow;
        }
        let hop = match self.routes.first() {
            Some(route) => NameAddr::parse(route).ok().and_then(|address| numeric(address.uri)),
            None => numeric(&self.target).filter(|target| self.is_plausible(target.ip())),
        };
        hop.map_or(self.flow, |hop| self.flow.towards(hop))
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
    NameAddr::parse(route).map_or(true, |address| loose(address) || (!address.bracketed && address.params.has("lr")))
}

fn address_of(route: &[u8]) -> Vec<u8> {
    NameAddr::parse(route).map(|address| address.uri.to_vec()).unwrap_or_default()
}

/// The address and port a URI names in figures, honouring `maddr`.
pub(super) fn numeric(uri: &[u8]) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    let ip = match uri.maddr() {
        Some(maddr) => super::message::parse_ip(maddr)?,
        None => uri.host_ip()?,
    };
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    Some(SocketAddr::new(ip, uri.port.unwrap_or(5060)))
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
        }
    }

    fn remote_of(dialog: &Dialog) -> String {
        dialog.next_hop().remote.to_string()
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

    /// A connection stays what it is, whatever Route and Contact say.
    #[test]
    fn next_hop_on_a_connection() {
        let mut dialog = dialog(vec![b"<sip:198.51.100.1;lr>".to_vec()], "sip:a@198.51.100.9");
        dialog.flow.transport = super::super::Transport::Ws;
        dialog.flow.connection = 4;
        assert_eq!(dialog.next_hop(), dialog.flow);
    }

    /// Loose routing: the target in the Request-URI, all routes in Route. Strict routing: first route and target swap.
    #[test]
    fn loose_and_strict() {
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
    fn remote_cseq_rises() {
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
                let first = set.first().map_or_else(|| numeric(&d.target), |route| numeric(&address_of(route)));
                prop_assert_eq!(Some(d.next_hop().remote), first);
            }
        }
    }
}
