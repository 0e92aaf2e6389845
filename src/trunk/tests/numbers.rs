//! INVITEs as French operators write them.

use super::*;
use crate::france::CallerNumber;
use crate::sip::{Flow, Hidden, Identity, IncomingInvite, Trust};

fn who(uri: &str) -> Identity {
    Identity { display: Hidden::default(), uri: uri.into() }
}

fn invite() -> IncomingInvite {
    IncomingInvite {
        flow: Flow::udp("10.0.0.1:5060".parse().expect("a"), "192.0.2.1:5060".parse().expect("a")),
        trust: Trust::Trunk(0),
        request_uri: "sip:+33199000110@10.0.0.1".into(),
        to: who("sip:+33199000110@10.0.0.1"),
        from: who("sip:+33476000102@operateur.example;user=phone"),
        p_asserted: Vec::new(),
        privacy_id: false,
        diversion: Vec::new(),
        history_info: Vec::new(),
        called_party: None,
        access_network: None,
        attestation: None,
        replaces: None,
        call_id_hash: 0,
        sdp: None,
        user_agent: String::new(),
        max_forwards: 70,
    }
}

fn world() -> World {
    World::new(vec![fixed("a", &[("192.0.2.1:5060", 1, 1)]), account("b", "192.0.2.9:5060")])
}

fn called(arrival: &Arrival) -> Vec<&str> {
    arrival.called.iter().map(Hidden::reveal).collect()
}

fn is(arrival: &Arrival, expected: &str) -> bool {
    arrival.caller == CallerNumber::Number(number(expected))
}

/// The number dialled is found wherever the operator puts it, and a number nobody serves is welcomed.
#[test]
fn p075_b059_b150_the_number_dialled_is_found() {
    let world = world();
    let account = "sip:account3977@10.0.0.1";
    let only_to = IncomingInvite { request_uri: account.into(), ..invite() };
    let arrival = world.trunks.incoming(&only_to);
    assert_eq!(called(&arrival), ["account3977", "+33199000110"]);
    assert_eq!(arrival.unknown, Unknown::Answer(None), "never 404 for a trunk");
    let only_party = IncomingInvite {
        request_uri: account.into(),
        to: who(account),
        called_party: Some("<sip:+33199000110@trunk.example>".into()),
        ..invite()
    };
    assert_eq!(called(&world.trunks.incoming(&only_party)), ["account3977", "+33199000110"]);
    let diverted = IncomingInvite {
        request_uri: "sip:+33199000110@10.0.0.1".into(),
        history_info: vec!["<sip:3977@trunk.example>;index=1".into(), "<sip:+33199000110@h>;index=1.1".into()],
        diversion: vec!["\"X\" <sip:+33199000120@trunk.example>;reason=unconditional".into()],
        ..invite()
    };
    assert_eq!(called(&world.trunks.incoming(&diverted)), ["+33199000110", "3977", "+33199000120"]);
}

/// The order of places is the trunk's own, and so is what is cut off in front.
#[test]
fn p075_the_trunk_says_where_to_look() {
    let mut settings = fixed("a", &[("192.0.2.1:5060", 1, 1)]);
    settings.incoming.called_from = vec![number::CalledSource::Diversion, number::CalledSource::RequestUri];
    settings.incoming.called.strip = "900".to_owned();
    let world = World::new(vec![settings]);
    let diverted = IncomingInvite {
        request_uri: "sip:9000199000110@10.0.0.1".into(),
        diversion: vec!["<sip:+333977@trunk.example>".into()],
        ..invite()
    };
    assert_eq!(called(&world.trunks.incoming(&diverted)), ["3977", "+33199000110"]);
}

/// A tel: URI everywhere.
#[test]
fn p079_tel_uris_everywhere() {
    let world = world();
    let tel = IncomingInvite {
        request_uri: "tel:+33199000112".into(),
        to: who("tel:3977;phone-context=+33"),
        from: who("tel:+33199000444"),
        ..invite()
    };
    let arrival = world.trunks.incoming(&tel);
    assert_eq!(called(&arrival), ["+33199000112", "3977"]);
    assert!(is(&arrival, "+33199000444"));
}

/// An asserted number is the caller's when a trunk or a registrar of ours asserts it, in either form of URI.
#[test]
fn b146_an_asserted_number_counts_from_a_trunk() {
    let world = world();
    let asserted = |first: &str, second: &str| IncomingInvite { p_asserted: vec![who(first), who(second)], ..invite() };
    let sip = asserted("sip:+33199000333@operateur.example", "tel:+33199000333");
    assert!(is(&world.trunks.incoming(&sip), "+33199000333"));
    let tel = asserted("sip:operateur.example", "tel:+33199000333");
    assert!(is(&world.trunks.incoming(&tel), "+33199000333"));
    let registrar = IncomingInvite { trust: Trust::Registrar(1), ..sip };
    let arrival = world.trunks.incoming(&registrar);
    assert!(is(&arrival, "+33199000333"));
    assert_eq!(arrival.trunk, Some(TrunkId(1)));
}

/// From anybody else it is only what somebody wrote.
#[test]
fn b145_an_asserted_number_of_a_stranger_counts_for_nothing() {
    let world = world();
    for trust in [Trust::Nobody, Trust::User("marie".to_owned())] {
        let strange = IncomingInvite {
            trust,
            p_asserted: vec![who("sip:+33199000333@h")],
            access_network: Some("GSTN;operator-specific-GI=\"013818500\";network-provided".into()),
            ..invite()
        };
        let arrival = world.trunks.incoming(&strange);
        assert!(is(&arrival, "+33476000102"));
        assert_eq!((arrival.trunk, arrival.located), (None, None));
        assert_eq!(arrival.unknown, Unknown::Refuse);
    }
}

/// A withheld number is looked for nowhere, and its owner is a caller like any other.
#[test]
fn p077_p078_b147_a_withheld_number_stays_withheld() {
    let world = world();
    let asserted = vec![who("sip:+33199000333@operateur.example")];
    let privacy = IncomingInvite {
        from: who("sip:anonymous@anonymous.invalid"),
        p_asserted: asserted.clone(),
        privacy_id: true,
        ..invite()
    };
    let shown = IncomingInvite { privacy_id: true, ..invite() };
    let own_word = IncomingInvite { from: who("sip:anonymous@anonymous.invalid"), p_asserted: asserted, ..invite() };
    for hidden in [privacy, shown, own_word] {
        let arrival = world.trunks.incoming(&hidden);
        assert_eq!(arrival.caller, CallerNumber::Hidden);
        assert_eq!(called(&arrival), ["+33199000110"], "and is routed");
        let debug = format!("{arrival:?}");
        assert!(!debug.contains("199000333") && !debug.contains("199000110"), "{debug}");
    }
    for from in ["sip:unavailable@unknown.invalid", "sip:@operateur.example", "sip:operateur.example", "garbage"] {
        let arrival = world.trunks.incoming(&IncomingInvite { from: who(from), ..invite() });
        assert_eq!(arrival.caller, CallerNumber::Unknown, "{from}");
    }
}

/// Where the network says a call comes from, on the mainland, in Corsica and beyond the sea; only its own word counts.
#[test]
fn the_network_says_where_from() {
    let world = world();
    for (gi, department) in [
        ("GSTN;operator-specific-GI=\"013818500\";network-provided", Some("38")),
        ("GSTN;operator-specific-GI=\"012A00400\";network-provided", Some("2A")),
        ("GSTN;operator-specific-GI=\"019741100\"; network-provided", Some("974")),
        ("GSTN;operator-specific-GI=\"013818500\"", None),
        ("GSTN;operator-specific-GI=\"01\";network-provided", None),
        ("GSTN;operator-specific-GI=é\u{301}é;network-provided", None),
        ("network-provided", None),
    ] {
        let arrival = world.trunks.incoming(&IncomingInvite { access_network: Some(gi.into()), ..invite() });
        assert_eq!(arrival.located.map(|department| department.code().to_owned()).as_deref(), department, "{gi}");
    }
    let hidden = IncomingInvite {
        access_network: Some("GSTN;operator-specific-GI=\"013818500\";network-provided".into()),
        privacy_id: true,
        ..invite()
    };
    assert_eq!(world.trunks.incoming(&hidden).located, None);
}

/// Without a trunk's file, `sip.trusted_peers` is a trunk that believes, and refuses what no plan serves.
#[test]
fn the_implicit_trunk() {
    let network = Network { addr: "192.0.2.0".parse().expect("an address"), prefix: 24 };
    let mut world = World::new(vec![Settings::local(vec![network])]);
    let arrival = world.trunks.incoming(&IncomingInvite { p_asserted: vec![who("tel:+33199000333")], ..invite() });
    assert_eq!((arrival.trunk, arrival.unknown.clone()), (world.trunks.named(LOCAL), Unknown::Refuse));
    assert!(is(&arrival, "+33199000333"));
    assert_eq!(world.hops(), Err(NoRoute::NoTrunk));
    assert_eq!(world.state(LOCAL), State::Unknown);
}
