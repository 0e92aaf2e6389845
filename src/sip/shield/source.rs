//! Who is counted as one sender: an IPv4 address, or the /64 an IPv6 address is in. A household or a server owns a whole /64
//! and may change its address in it with every packet, so anything finer could be walked around.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::super::Network;

/// One sender, as the shield counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sip) struct Source(IpAddr);

/// The bits of an IPv6 address that count.
const V6_PREFIX: u8 = 64;

impl Source {
    /// Whose address this is. An IPv4 address mapped into IPv6 is that IPv4 address.
    pub fn of(ip: IpAddr) -> Source {
        match ip.to_canonical() {
            IpAddr::V6(ip) => {
                let network = u128::from(ip) >> (128 - V6_PREFIX) << (128 - V6_PREFIX);
                Source(IpAddr::V6(Ipv6Addr::from(network)))
            }
            v4 => Source(v4),
        }
    }

    /// The same as a range.
    pub fn network(self) -> Network {
        let prefix = if self.0.is_ipv4() { 32 } else { V6_PREFIX };
        Network { addr: self.0, prefix }
    }

    /// The bytes that stand for it under a hash.
    pub fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.network().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().expect("an address"))
    }

    /// IPv4 counts by address, also when it is written as IPv6; IPv6 counts by /64.
    #[test]
    fn who_is_one_sender() {
        assert_eq!(source("192.0.2.7"), source("::ffff:192.0.2.7"));
        assert_ne!(source("192.0.2.7"), source("192.0.2.8"));
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("2001:db8:0:1::1").network().to_string(), "2001:db8:0:1::/64");
        assert_eq!(source("192.0.2.7").network().to_string(), "192.0.2.7/32");
    }
}
