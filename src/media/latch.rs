//! Who may send media to a leg, and where its media goes: a confidential call must neither be listened to nor spoken
//! into by a third address (RFC 7362 §4 and §5; the attack is known as *RTP bleed*).
//!
//! | the SDP says | who may send |
//! |---|---|
//! | a public address | that address alone; another port of it is taken once |
//! | a private address (a telephone behind a NAT), or none | that address, or the address its signalling comes from |
//!
//! The first *valid RTP* packet from such an address closes the latch on its exact address and port; anything else is
//! dropped and counted. Only a new negotiation opens it again. The very address and port of the SDP may always take over.

use std::net::{IpAddr, SocketAddr};

/// The policy of one leg.
#[derive(Clone, Debug, Default)]
pub(super) struct Latch {
    expected: Option<SocketAddr>,
    signalling: Option<IpAddr>,
    latched: Option<SocketAddr>,
    open: bool,
}

impl Latch {
    /// A negotiation: opens the latch, and forgets the old address when the peer names a new one.
    pub fn configure(&mut self, expected: Option<SocketAddr>, signalling: IpAddr) {
        if expected != self.expected {
            self.latched = None;
        }
        self.expected = expected;
        self.signalling = Some(signalling);
        self.open = true;
    }

    /// May a packet from this address be listened to?
    pub fn admits(&self, from: SocketAddr) -> bool {
        if self.latched == Some(from) || self.expected == Some(from) {
            return true;
        }
        self.open && self.is_near(from.ip())
    }

    /// May RTCP come from this address? Its port is not known beforehand.
    pub fn admits_rtcp(&self, from: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => latched.ip() == from.ip() || self.expected.is_some_and(|e| e.ip() == from.ip()),
            None => self.is_near(from.ip()),
        }
    }

    /// A valid RTP packet came from an admitted address: this is the peer now.
    pub fn close_on(&mut self, from: SocketAddr) {
        self.latched = Some(from);
        self.open = false;
    }

    /// Where to send.
    pub fn target(&self) -> Option<SocketAddr> {
        self.latched.or(self.expected)
    }

    /// Is the peer where its SDP said?
    pub fn is_as_announced(&self) -> bool {
        self.latched.is_none() || self.latched == self.expected
    }

    fn is_near(&self, ip: IpAddr) -> bool {
        match self.expected {
            Some(expected) if expected.ip() == ip => true,
            Some(expected) if is_public(expected.ip()) => false,
            _ => self.signalling == Some(ip),
        }
    }
}

/// Is this an address of the open internet?
fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && b & 0xc0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared || a == 0 || a >= 224)
        }
        IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
    }
}

/// Can voice be sent there at all? An SDP may name a multicast group, a broadcast address or nothing.
pub(super) fn is_sendable(to: SocketAddr) -> bool {
    let ip = to.ip().to_canonical();
    let nowhere = match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.octets()[0] >= 224,
        IpAddr::V6(_) => false,
    };
    // Ports below 1024 belong to services that an SDP must not make us knock at.
    to.port() >= 1024 && !nowhere && !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A public address in the SDP is the only one that may send; another port of it is taken once.
    #[test]
    fn a_public_address_is_the_only_one() {
        let mut latch = Latch::default();
        latch.configure(Some(address("203.0.113.9:4000")), "198.51.100.7".parse().expect("an address"));
        assert!(!latch.admits(address("198.51.100.7:4000")), "not even the signalling's");
        assert!(latch.admits(address("203.0.113.9:4444")));
        latch.close_on(address("203.0.113.9:4444"));
        assert_eq!(latch.target(), Some(address("203.0.113.9:4444")));
        assert!(!latch.admits(address("203.0.113.9:5555")));
        assert!(latch.admits(address("203.0.113.9:4000")), "the announced one may take over");
        assert!(latch.admits_rtcp(address("203.0.113.9:4445")));
        assert!(!latch.admits_rtcp(address("192.0.2.1:4445")));
    }

    /// A telephone behind a NAT is taken from where its signalling comes from, once, and again only after a negotiation.
    #[test]
    fn a_private_address_latches_near_the_signalling() {
        let mut latch = Latch::default();
        assert!(!latch.admits(address("203.0.113.9:61000")), "nothing before a negotiation");
        latch.configure(Some(address("192.168.1.50:4000")), "203.0.113.9".parse().expect("an address"));
        assert_eq!(latch.target(), Some(address("192.168.1.50:4000")));
        assert!(!latch.admits(address("198.51.100.1:61000")));
        latch.close_on(address("203.0.113.9:61000"));
        assert!(!latch.admits(address("203.0.113.9:61002")), "a third address after latching");
        latch.configure(Some(address("192.168.1.50:4000")), "203.0.113.9".parse().expect("an address"));
        assert_eq!(latch.target(), Some(address("203.0.113.9:61000")), "a refresh loses no voice");
        assert!(latch.admits(address("203.0.113.9:61002")), "the NAT may have moved it");
        latch.configure(Some(address("192.168.1.51:4000")), "203.0.113.9".parse().expect("an address"));
        assert_eq!(latch.target(), Some(address("192.168.1.51:4000")), "another telephone: forget the old one");
    }

    /// No voice is sent to a group, to everyone, to nobody, or to a service.
    #[test]
    fn nowhere_to_send() {
        for text in
            ["224.0.0.1:4000", "255.255.255.255:4000", "0.0.0.0:4000", "192.0.2.1:0", "192.0.2.1:22", "[ff02::1]:4000"]
        {
            assert!(!is_sendable(address(text)), "{text}");
        }
        assert!(is_sendable(address("192.0.2.1:4000")) && is_sendable(address("[2001:db8::1]:4000")));
    }
}
