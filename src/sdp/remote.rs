//! Where the peer wants voice and reports (RFC 8866 §5.7, RFC 3605), and where nobody should send whatever is said.

use std::net::{IpAddr, SocketAddr};

use super::{Description, Host, Local, Media, parse};

/// What a description says of a stream's destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) rtp: Option<SocketAddr>,
    pub(super) rtcp: Option<SocketAddr>,
    /// `c=0.0.0.0` in the old sense: do not send (RFC 3264 §8.4). Not where ICE is at work: there it means *not yet*.
    pub(super) held: bool,
    /// An address of the family we do not have here.
    pub(super) other_family: bool,
}

impl Remote {
    /// Reads it for stream `media`.
    pub(super) fn read(description: &Description, media: &Media, local: &Local) -> Remote {
        let Some(Host::Ip(ip)) = description.host(media) else { return Remote::default() };
        let ip = ip.to_canonical();
        if ip.is_unspecified() {
            let ice = description.has(media, "ice-ufrag");
            return Remote { held: !ice, ..Remote::default() };
        }
        if ip.is_ipv4() != local.address.to_canonical().is_ipv4() {
            return Remote { other_family: true, ..Remote::default() };
        }
        let rtp = destination(ip, media.port, local);
        let rtcp = rtp.and_then(|_| reports(description, media, ip, local));
        Remote { rtp, rtcp, ..Remote::default() }
    }
}

/// The destination of reports: `a=rtcp:<port> [IN IP4 <address>]`, else the next port.
fn reports(description: &Description, media: &Media, ip: IpAddr, local: &Local) -> Option<SocketAddr> {
    let none_wanted = |kind| description.bandwidth(media, kind) == Some(0);
    if none_wanted("RS") && none_wanted("RR") {
        return None;
    }
    let Some(value) = description.attribute(media, "rtcp") else {
        return destination(ip, media.port.checked_add(1)?, local);
    };
    let mut words = value.split_ascii_whitespace();
    let port = words.next()?.parse().ok()?;
    match words.nth(2).map(parse::host) {
        None => destination(ip, port, local),
        Some(Host::Ip(other)) if other.to_canonical().is_ipv4() == ip.is_ipv4() => {
            destination(other.to_canonical(), port, local)
        }
        Some(_) => None,
    }
}

/// The address, unless sending there would hurt somebody: groups, everybody, ourselves, or a port where no voice can
/// be awaited. A peer that says such a thing may still be found by the packets it sends.
fn destination(ip: IpAddr, port: u16, local: &Local) -> Option<SocketAddr> {
    let everybody = match ip {
        IpAddr::V4(ip) => ip.is_broadcast() || ip.octets()[0] == 0,
        IpAddr::V6(_) => false,
    };
    let inward = ip.is_loopback() && !local.address.is_loopback();
    let myself = ip == local.address && (port == local.rtp_port || port == local.rtcp_port);
    let harmful = everybody || ip.is_multicast() || ip.is_unspecified() || inward || myself || port < 1024;
    (!harmful).then_some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Remote {
        let local = Local { address: IpAddr::from([192, 0, 2, 9]), rtp_port: 20_000, rtcp_port: 20_001 };
        let description = parse::parse(lines.as_bytes()).expect("readable");
        Remote::read(&description, &description.media[0], &local)
    }

    /// Voice and reports, with and without `a=rtcp`.
    #[test]
    fn b107_where_to_send() {
        let at = |text: &str| Some(text.parse::<SocketAddr>().expect("an address"));
        for (lines, rtp, rtcp) in [
            ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8", at("192.0.2.1:4000"), at("192.0.2.1:4001")),
            (
                "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\nc=IN IP4 192.0.2.2",
                at("192.0.2.2:4000"),
                at("192.0.2.2:4001"),
            ),
            ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na=rtcp:53020", at("192.0.2.1:4000"), at("192.0.2.1:53020")),
            (
                "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na=rtcp:53020 IN IP4 192.0.2.3",
                at("192.0.2.1:4000"),
                at("192.0.2.3:53020"),
            ),
            ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na=rtcp:9 IN IP4 0.0.0.0", at("192.0.2.1:4000"), None),
            ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na=rtcp:x", at("192.0.2.1:4000"), None),
            ("c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\nb=RS:0\nb=RR:0", at("192.0.2.1:4000"), None),
            ("c=IN IP4 192.0.2.1\nm=audio 65535 RTP/AVP 8", at("192.0.2.1:65535"), None),
            ("c=IN IP6 ::ffff:192.0.2.1\nm=audio 4000 RTP/AVP 8", at("192.0.2.1:4000"), at("192.0.2.1:4001")),
        ] {
            let remote = read(lines);
            assert_eq!((remote.rtp, remote.rtcp), (rtp, rtcp), "{lines}");
            assert!(!remote.held && !remote.other_family, "{lines}");
        }
    }

    /// Destinations nobody should send to are taken as not known.
    #[test]
    fn where_not_to_send() {
        for (host, port) in [
            ("224.2.1.1/127", 4000),
            ("255.255.255.255", 4000),
            ("0.1.2.3", 4000),
            ("127.0.0.1", 4000),
            ("192.0.2.9", 20_000),
            ("192.0.2.9", 20_001),
            ("192.0.2.1", 22),
            ("192.0.2.1", 9),
            ("phone.example.net", 4000),
        ] {
            let remote = read(&format!("c=IN IP4 {host}\nm=audio {port} RTP/AVP 8"));
            assert_eq!(remote, Remote::default(), "{host}:{port}");
        }
    }

    /// The old hold, what only looks like it, and the other family.
    #[test]
    fn b100_p044_hold_and_family() {
        assert!(read("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8").held);
        assert!(read("c=IN IP6 ::\nm=audio 4000 RTP/AVP 8").held);
        assert!(!read("c=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 8\na=ice-ufrag:x").held);
        assert!(!read("m=audio 4000 RTP/AVP 8").held);
        assert!(read("c=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 8").other_family);
    }
}
