//! IPv6, and IPv4 beside it in the same engine. Signalling speaks both; the sound has one address, and whoever cannot reach it
//! is told so.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::sipp::{Play, Sipp};
use super::voice::Voice;
use super::{CALLER_HZ, House, LISTENER_HZ};
use crate::engine::{free_port, own_address};
use crate::wire::raw::{OFFER, Peer};

/// A caller over TCP and a listener over UDP, both over IPv6: they hear each other, and the caller hangs up.
#[test]
fn b014_b107_a_call_over_ipv6() {
    let (house, v6, _) = house("ipv6", "20000-24999");
    let (mut listener, isere) = house.listener("listener_left");
    let voice = Voice::start(house.callers, CALLER_HZ);
    let play = Play {
        scenario: "stay",
        ip: house.callers,
        port: 0,
        server: v6,
        sound: voice.port(),
        transport: "t1",
        more: &[],
    };
    let mut caller = Sipp::start(&house.engine.dir, &play);
    listener.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    caller.finish();
    listener.finish();
    house.recorded("caller", "hung_up");
}

/// A caller whose signalling comes over IPv4 reaches a listener whose telephone lives in IPv6. A caller without any IPv6 is told
/// why she cannot be heard (488, warning 301), and nothing is left of it.
#[test]
fn both_families_in_one_engine() {
    let (house, _, v4) = house("both", "25000-29999");
    let (mut listener, isere) = house.listener("listener_first");
    let voice = Voice::start(house.callers, CALLER_HZ);
    let play = Play {
        scenario: "talk",
        ip: own_address(),
        port: 0,
        server: v4,
        sound: voice.port(),
        transport: "u1",
        more: &["-mi", "::1"],
    };
    let mut caller = Sipp::start(&house.engine.dir, &play);
    listener.wait("ANSWERED");
    voice.hear(LISTENER_HZ);
    isere.hear(CALLER_HZ);
    listener.finish();
    caller.finish();
    house.recorded("listener", "hung_up");
    let (_, refused) = Peer::new(own_address(), v4).dial("3977", OFFER);
    assert_eq!(refused.status(), 488);
    assert!(refused.header("Warning").is_some_and(|warning| warning.starts_with("301 ")), "{refused:?}");
    house.engine.quiet();
}

// ---- helpers -----------------------------------------------------------------------------------------------------

/// An engine with sockets of both families; its sound, its callers and its listeners are at the IPv6 loopback address, which all
/// tests share.
fn house(name: &str, media: &str) -> (House, SocketAddr, SocketAddr) {
    let (ip6, ip4) = (IpAddr::from(Ipv6Addr::LOCALHOST), own_address());
    let (v6, v4) = (SocketAddr::new(ip6, free_port(ip6)), SocketAddr::new(ip4, free_port(ip4)));
    let mut house = House::with(name, |setup| {
        setup
            .set("sip.listen", &format!("[\"udp:{v6}\", \"tcp:{v6}\", \"udp:{v4}\"]"))
            .set("sip.trusted_peers", "[\"127.0.0.0/8\", \"::1/128\"]")
            .set("media.address", "\"::1\"")
            .set("media.ports", &format!("\"{media}\""))
    });
    (house.engine.sip, house.callers, house.listeners) = (v6, ip6, ip6);
    (house, v6, v4)
}
