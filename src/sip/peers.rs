//! Whose calls are believed without a password: networks, and the trunk each belongs to. The owner replaces the whole by
//! [`Command::Peers`](super::Command::Peers); what is under way goes on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Network;

/// The networks of all trunks. Looked up for every message of anybody: single addresses are found at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers {
    single: BTreeMap<IpAddr, u32>,
    /// The narrowest first: an address inside another trunk's range is its own.
    ranges: Vec<(Network, u32)>,
}

impl Peers {
    /// These networks, each with the number of its trunk. Of two that are equal the first counts.
    pub fn new(networks: impl IntoIterator<Item = (Network, u32)>) -> Peers {
        let mut peers = Peers::default();
        for (network, trunk) in networks {
            let addr = network.addr.to_canonical();
            if network.prefix >= if addr.is_ipv4() { 32 } else { 128 } {
                peers.single.entry(addr).or_insert(trunk);
            } else {
                peers.ranges.push((network, trunk));
            }
        }
        peers.ranges.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix));
        peers
    }

    /// One trunk, number 0, with these networks.
    pub fn one(networks: impl IntoIterator<Item = Network>) -> Peers {
        Peers::new(networks.into_iter().map(|network| (network, 0)))
    }

    /// Whose an address is.
    pub fn trunk_of(&self, ip: IpAddr) -> Option<u32> {
        let ip = ip.to_canonical();
        let within = || self.ranges.iter().find(|(network, _)| network.contains(ip)).map(|(_, trunk)| *trunk);
        self.single.get(&ip).copied().or_else(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The narrowest network counts, a mapped IPv4 address is the address itself, and strangers are nobody's.
    #[test]
    fn whose_an_address_is() {
        let network = |text: &str, prefix| Network { addr: text.parse().expect("an address"), prefix };
        let peers = Peers::new([
            (network("10.0.0.0", 8), 0),
            (network("10.1.0.0", 16), 1),
            (network("10.1.0.7", 32), 2),
            (network("10.1.0.7", 32), 3),
            (network("2001:db8::", 32), 4),
        ]);
        let of = |text: &str| peers.trunk_of(text.parse().expect("an address"));
        assert_eq!((of("10.2.0.1"), of("10.1.0.1"), of("10.1.0.7")), (Some(0), Some(1), Some(2)));
        assert_eq!((of("::ffff:10.1.0.7"), of("2001:db8::1")), (Some(2), Some(4)));
        assert_eq!((of("192.0.2.1"), of("2001:db9::1")), (None, None));
        assert_eq!(Peers::default().trunk_of("127.0.0.1".parse().expect("an address")), None);
    }
}
