//! RFC 3263 §4 step by step: what is asked, what is not, and in which order the hops come.

use std::collections::BTreeMap;

use super::*;

/// A bare address asks nothing: UDP and 5060, or as written; `sips:` means TLS and 5061.
#[test]
fn b207_numeric_hosts_ask_nothing() {
    let mut world = World::new();
    assert_eq!(world.hops(host("192.0.2.1")), ["UDP 192.0.2.1:5060"]);
    assert_eq!(world.hops(host("[2001:db8::1]")), ["UDP [2001:db8::1]:5060"]);
    assert_eq!(
        world.hops(Target { port: Some(5070), way: Some(Way::TCP), ..host("192.0.2.1") }),
        ["TCP 192.0.2.1:5070"]
    );
    assert_eq!(world.hops(Target { secure: true, ..host("192.0.2.1") }), ["TLS 192.0.2.1:5061"]);
    assert_eq!(world.hops(Target { secure: true, way: Some(Way::TCP), ..host("192.0.2.1") }), ["TLS 192.0.2.1:5061"]);
    let wss = Target { secure: true, way: Some(Way::Stream(Kind::Ws)), ..host("192.0.2.1") };
    assert_eq!(world.hops(wss), ["WSS 192.0.2.1:443"]);
    assert!(world.asked.is_empty());
    assert_eq!(world.resolve(host("192.0.2.1")).expect("a hop")[0].server_name, None);
}

/// A written port means addresses alone: neither NAPTR nor SRV is asked.
#[test]
fn b207_a_written_port_means_no_srv() {
    let mut world = World::new();
    world.a("sip.example.org", &["192.0.2.7"]);
    world.aaaa("sip.example.org", &["2001:db8::7"]);
    let target = Target { port: Some(5080), ..host("SIP.Example.org.") };
    assert_eq!(world.hops(target), ["UDP 192.0.2.7:5080", "UDP [2001:db8::7]:5080"]);
    assert_eq!(world.questions(), ["sip.example.org A", "sip.example.org Aaaa"]);
}

/// The domain chooses by NAPTR: order before preference, services we do not speak left out; then SRV, then addresses. The
/// certificate must name the domain, whatever host SRV gave.
#[test]
fn b207_naptr_then_srv_then_addresses() {
    let mut world = World::new();
    world.naptr(
        "example.org",
        &[
            (50, 10, "s", "SIP+D2T", "_sip._tcp.example.org."),
            (20, 90, "S", "sips+d2t", "_sips._tcp.example.org."),
            (20, 50, "s", "SIP+D2S", "_sip._sctp.example.org."),
            (10, 50, "u", "SIP+D2U", "."),
            (90, 10, "s", "SIP+D2U", "_sip._udp.example.org."),
        ],
    );
    world.srv("_sips._tcp.example.org", &[(10, 1, 5061, "a.example.org.")]);
    world.srv("_sip._tcp.example.org", &[(10, 1, 5060, "b.example.org.")]);
    world.srv("_sip._udp.example.org", &[(10, 1, 5062, "a.example.org.")]);
    world.a("a.example.org", &["192.0.2.1"]);
    world.a("b.example.org", &["192.0.2.2"]);
    let hops = world.resolve(host("example.org")).expect("hops");
    let texts: Vec<_> = hops.iter().map(text).collect();
    assert_eq!(texts, ["TLS 192.0.2.1:5061", "TCP 192.0.2.2:5060", "UDP 192.0.2.1:5062"]);
    assert!(hops.iter().all(|hop| hop.server_name.as_deref() == Some("example.org")));
    assert_eq!(world.asked[0], question("example.org", RecordKind::Naptr));
}

/// `sips:` takes TLS alone, from NAPTR and without.
#[test]
fn b207_sips_takes_tls_alone() {
    let mut world = World::new();
    let sips = || Target { secure: true, ..host("example.org") };
    world.naptr(
        "example.org",
        &[(10, 1, "s", "SIP+D2U", "_sip._udp.example.org"), (20, 1, "s", "SIPS+D2T", "_x.example.org")],
    );
    world.srv("_x.example.org", &[(1, 1, 7061, "a.example.org")]);
    world.a("a.example.org", &["192.0.2.1"]);
    assert_eq!(world.hops(sips()), ["TLS 192.0.2.1:7061"]);

    let mut world = World::new();
    world.srv("_sips._tcp.example.org", &[(1, 1, 6061, "a.example.org")]);
    world.srv("_sip._udp.example.org", &[(1, 1, 6060, "a.example.org")]);
    world.a("a.example.org", &["192.0.2.1"]);
    assert_eq!(world.hops(sips()), ["TLS 192.0.2.1:6061"]);

    let mut world = World::new();
    world.a("example.org", &["192.0.2.9"]);
    assert_eq!(world.hops(sips()), ["TLS 192.0.2.9:5061"]);
}

/// Without NAPTR the SRV records of every way we speak are asked, in our order; without those, addresses and the default.
#[test]
fn b207_without_naptr() {
    let mut world = World::new();
    world.srv("_sip._tcp.example.org", &[(1, 1, 5070, "t.example.org")]);
    world.srv("_sips._tcp.example.org", &[(1, 1, 5071, "t.example.org")]);
    world.a("t.example.org", &["192.0.2.3"]);
    assert_eq!(world.hops(host("example.org")), ["TCP 192.0.2.3:5070", "TLS 192.0.2.3:5071"]);
    world.a("plain.example", &["192.0.2.4"]);
    assert_eq!(world.hops(host("plain.example")), ["UDP 192.0.2.4:5060"]);
    let only = ResolveSettings { ways: vec![Way::TLS], ..ResolveSettings::default() };
    let mut world = World::with(only);
    world.a("plain.example", &["192.0.2.4"]);
    assert_eq!(world.hops(host("plain.example")), ["TLS 192.0.2.4:5061"]);
    assert!(!world.questions().iter().any(|question| question.contains("_udp")));
}

/// A written transport: its SRV, then its addresses; WebSocket has no SRV.
#[test]
fn b207_a_written_transport() {
    let mut world = World::new();
    world.srv("_sip._tcp.example.org", &[(1, 1, 5070, "t.example.org")]);
    world.a("t.example.org", &["192.0.2.3"]);
    world.a("example.org", &["192.0.2.4"]);
    assert_eq!(world.hops(Target { way: Some(Way::TCP), ..host("example.org") }), ["TCP 192.0.2.3:5070"]);
    assert_eq!(world.questions()[0], "_sip._tcp.example.org Srv");
    assert_eq!(world.hops(Target { way: Some(Way::TLS), ..host("example.org") }), ["TLS 192.0.2.4:5061"]);
    world.questions();
    let web = Target { way: Some(Way::Stream(Kind::Wss)), ..host("example.org") };
    assert_eq!(world.hops(web), ["WSS 192.0.2.4:443"]);
    assert!(world.questions().is_empty(), "the addresses are known");
}

/// Flag `a` leads to addresses; SRV with the target `.` says that there is no such service; a NAPTR that leads nowhere is
/// no reason to lose the call.
#[test]
fn b207_naptr_and_srv_of_odd_sorts() {
    let mut world = World::new();
    world.naptr("example.org", &[(1, 1, "a", "SIP+D2T", "gate.example.org")]);
    world.a("gate.example.org", &["192.0.2.5"]);
    assert_eq!(world.hops(host("example.org")), ["TCP 192.0.2.5:5060"]);

    let mut world = World::new();
    for service in ["_sip._udp", "_sip._tcp", "_sips._tcp"] {
        world.srv(&format!("{service}.example.org"), &[(0, 0, 0, ".")]);
    }
    world.a("example.org", &["192.0.2.6"]);
    assert_eq!(world.resolve(host("example.org")), Err(ResolveFault::NotFound));

    let mut world = World::new();
    world.naptr("example.org", &[(1, 1, "s", "SIP+D2U", "_gone.example.org")]);
    world.a("example.org", &["192.0.2.6"]);
    assert_eq!(world.hops(host("example.org")), ["UDP 192.0.2.6:5060"]);
}

/// Priorities are kept; within one, each target comes first as often as its weight says, and one of weight 0 hardly ever.
#[test]
fn b207_srv_weights_are_shares() {
    let mut world = World::new();
    world.srv(
        "_sip._udp.example.org",
        &[
            (20, 9, 5060, "last.example"),
            (10, 60, 5060, "big.example"),
            (10, 30, 5060, "small.example"),
            (10, 0, 5060, "zero.example"),
        ],
    );
    let names = [
        ("big.example", "192.0.2.1"),
        ("small.example", "192.0.2.2"),
        ("zero.example", "192.0.2.3"),
        ("last.example", "192.0.2.4"),
    ];
    for (name, ip) in names {
        world.a(name, &[ip]);
    }
    let mut first = BTreeMap::new();
    for _ in 0..3000 {
        let hops = world.hops(Target { way: Some(Way::Udp), ..host("example.org") });
        assert_eq!(hops.len(), 4);
        assert_eq!(hops[3], "UDP 192.0.2.4:5060", "the higher priority number is last");
        *first.entry(hops[0].clone()).or_insert(0) += 1;
    }
    let share = |ip: &str| first.get(&format!("UDP {ip}:5060")).copied().unwrap_or(0);
    assert!((1850..2150).contains(&share("192.0.2.1")), "{first:?}");
    assert!((850..1150).contains(&share("192.0.2.2")), "{first:?}");
    assert!(share("192.0.2.3") < 120, "{first:?}");
}

/// The family preferred comes first; one that is not ours is not asked for.
#[test]
fn b207_both_families() {
    for (families, expected) in [
        (Families::V4First, vec!["UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060"]),
        (Families::V6First, vec!["UDP [2001:db8::1]:5060", "UDP 192.0.2.1:5060"]),
        (Families::V4Only, vec!["UDP 192.0.2.1:5060"]),
        (Families::V6Only, vec!["UDP [2001:db8::1]:5060"]),
    ] {
        let mut world = World::with(ResolveSettings { families, ..ResolveSettings::default() });
        world.a("example.org", &["192.0.2.1"]);
        world.aaaa("example.org", &["2001:db8::1"]);
        assert_eq!(world.hops(host("example.org")), expected);
        let asked = world.questions();
        assert_eq!(asked.iter().any(|q| q.ends_with(" A")), families != Families::V6Only);
        assert_eq!(asked.iter().any(|q| q.ends_with(" Aaaa")), families != Families::V4Only);
    }
}

/// `.invalid` is never asked for, nor what is no name.
#[test]
fn p091_invalid_is_never_asked() {
    let mut world = World::new();
    let long = "a".repeat(64);
    for name in ["df7jal23ls0d.invalid", "X.INVALID.", "invalid", "", "a..b", "a b.example", "é.example", &long] {
        assert_eq!(world.resolve(host(name)), Err(ResolveFault::NoName), "{name}");
        assert_eq!(world.resolve(Target { port: Some(5060), ..host(name) }), Err(ResolveFault::NoName), "{name}");
    }
    assert!(world.asked.is_empty());
}
