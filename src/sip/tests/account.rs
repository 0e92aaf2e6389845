//! Our own registration at an operator's registrar that behaves in every way those do: P080 to P085.

use super::network::{Faults, Network};
use crate::sip::{Command, Credentials, EndpointConfig, Event, Flow, Input, Register, RegistrationState};

const REGISTRAR: &str = "198.51.100.1:5060";

fn scene(seed: u64) -> Network {
    let mut net = Network::empty(seed, Faults::NONE);
    net.add(EndpointConfig::default());
    let register = register(&net);
    net.command(0, Command::Register(Box::new(register)));
    net
}

fn register(net: &Network) -> Register {
    Register {
        account: 7,
        registrar: Flow::udp(net.ends[0].addr, REGISTRAR.parse().expect("an address")),
        aor: "sip:compte@operateur.example".into(),
        credentials: Some(Credentials::new("compte", "zanzibar")),
        expires_s: 1800,
        contact_user: "compte".into(),
        instance: None,
    }
}

/// The registrar answers the latest REGISTER.
fn answer(net: &mut Network, status: u16, lines: &str) {
    let request = net.latest(0).to_owned();
    assert!(request.starts_with("REGISTER "), "{request}");
    let copied: String = request
        .lines()
        .filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let to = request.lines().find(|line| line.starts_with("To:")).expect("To");
    net.inject(0, REGISTRAR, &format!("SIP/2.0 {status} X\r\n{copied}{to};tag=r\r\n{lines}Content-Length: 0\r\n\r\n"));
}

fn challenge(nonce: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"operateur\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5\r\n")
}

/// When each REGISTER was sent, retransmissions left out.
fn sent_at(net: &Network) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut at = Vec::new();
    for (when, _, text) in &net.ladder {
        let cseq = text.lines().find(|line| line.starts_with("CSeq:")).unwrap_or_default().to_owned();
        if text.starts_with("REGISTER ") && !seen.contains(&cseq) {
            seen.push(cseq);
            at.push(*when);
        }
    }
    at
}

fn last_state(net: &Network) -> Option<RegistrationState> {
    net.ends[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::Registration { state, account: 7 } => Some(*state),
        _ => None,
    })
}

/// Lets time pass until the next REGISTER leaves; how long that took, in milliseconds.
fn until_next(net: &mut Network) -> u64 {
    let before = sent_at(net).len();
    let from = net.now.as_millis();
    for _ in 0..20_000 {
        net.run_for_ms(100);
        if sent_at(net).len() > before {
            return net.now.as_millis() - from;
        }
    }
    panic!("a registration never gives up");
}

/// Whatever the registrar does wrong, it is asked again for ever, ever less often up to five minutes and never in step; what
/// it asks for in Retry-After is kept to, up to those five minutes; success forgets it all.
#[test]
fn p080_a_registration_never_gives_up() {
    for (status, lines, least_ms) in [
        (503, "Retry-After: 3\r\n", 5_000),
        (503, "Retry-After: 40\r\n", 40_000),
        (503, "Retry-After: 99999\r\n", 300_000),
        (500, "", 5_000),
        (404, "", 5_000),
    ] {
        let mut net = scene(1);
        let mut waits = Vec::new();
        for _ in 0..12 {
            answer(&mut net, status, lines);
            waits.push(until_next(&mut net));
        }
        assert!(waits[0] >= least_ms, "{status} {lines}{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= 376_000) && waits[11] >= 300_000, "{status} {lines}{waits:?}");
        answer(&mut net, 200, "Contact: <sip:compte@x>;expires=1800\r\n");
        assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: 1800 }));
        until_next(&mut net);
        answer(&mut net, 500, "");
        assert!(until_next(&mut net) < 7_000, "success forgets the misfortunes before it");
    }
    // Silence, and a connection that is refused, are no different.
    let mut net = scene(1);
    net.run_for_ms(4 * 3_600_000);
    let tries = sent_at(&net).len();
    assert!((35..60).contains(&tries), "{tries} in four hours of silence");
    let flow = register(&net).registrar;
    until_next(&mut net);
    net.input(0, Input::FlowClosed(flow));
    assert_eq!(last_state(&net), Some(RegistrationState::Failed { status: 503 }));
    until_next(&mut net);
    answer(&mut net, 200, "Expires: 600\r\n");
    assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: 600 }));
}

/// A thousand accounts that lost one registrar in one second do not come back in one second.
#[test]
fn p080_chance_keeps_them_apart() {
    let mut waits: Vec<u64> = (0..50)
        .map(|seed| {
            let mut net = scene(seed);
            answer(&mut net, 503, "");
            until_next(&mut net)
        })
        .collect();
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 8, "{waits:?}");
}

/// A password that is refused is shown once, then again only after a minute and more; each time anew, with one authenticated
/// try. The owner is told each time.
#[test]
fn p081_b087_a_refused_password_is_shown_once() {
    let mut net = scene(2);
    let mut waits = Vec::new();
    for round in 0..5 {
        assert!(!net.latest(0).contains("Authorization:"), "round {round} begins by asking");
        answer(&mut net, 401, &challenge(&format!("a{round}")));
        assert!(net.latest(0).contains("Authorization: Digest username=\"compte\""), "{}", net.latest(0));
        answer(&mut net, 401, &challenge(&format!("b{round}")));
        assert_eq!(last_state(&net), Some(RegistrationState::Failed { status: 401 }));
        waits.push(until_next(&mut net));
    }
    assert!(waits[0] >= 60_000 && waits.is_sorted_by(|a, b| *a < *b + 80_000) && waits[4] >= 300_000, "{waits:?}");
    assert_eq!(sent_at(&net).len(), 11, "two requests a round, and the next one's first");
}

/// The lease is the Contact's own expiry, else the header's, else what was asked for; it is refreshed before its end.
#[test]
fn p082_a_lease_is_refreshed_before_its_end() {
    for (lines, lease_s) in [
        ("Contact: <sip:compte@10.0.0.1:5060>\r\nExpires: 60\r\n", 60),
        ("Contact: <sip:compte@10.0.0.1:5060>;expires=60\r\nExpires: 3600\r\n", 60),
        ("Contact: <sip:other@10.0.0.9>;expires=30, <sip:compte@10.0.0.1:5060>;expires=90\r\n", 90),
        ("Contact: <sip:compte@10.0.0.1:5060>\r\n", 1800),
        ("", 1800),
    ] {
        let mut net = scene(3);
        answer(&mut net, 200, lines);
        assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: lease_s }), "{lines}");
        let wait = until_next(&mut net);
        let lease_ms = u64::from(lease_s) * 1000;
        assert!((lease_ms / 2..lease_ms * 4 / 5).contains(&wait), "{lines}{wait}");
    }
}

/// A nonce grown old, not said to be stale: the new one is answered at once, counting from one; only a second refusal is
/// about the password.
#[test]
fn p083_an_old_nonce_is_not_a_wrong_password() {
    let mut net = scene(4);
    answer(&mut net, 401, &challenge("first"));
    assert!(net.latest(0).contains("nonce=\"first\"") && net.latest(0).contains("nc=00000001"), "{}", net.latest(0));
    answer(&mut net, 200, "Expires: 60\r\n");
    until_next(&mut net);
    assert!(net.latest(0).contains("nonce=\"first\"") && net.latest(0).contains("nc=00000002"), "{}", net.latest(0));
    let at = net.now;
    answer(&mut net, 401, &challenge("second"));
    assert!(net.latest(0).contains("nonce=\"second\"") && net.latest(0).contains("nc=00000001"), "{}", net.latest(0));
    assert_eq!((net.now, net.ends[0].count("registration")), (at, 1), "at once, and nobody is alarmed");
    answer(&mut net, 200, "Expires: 60\r\n");
    assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: 60 }));
}

/// A registrar that challenges as a proxy is answered as one.
#[test]
fn b087_a_407_is_answered_like_a_401() {
    let mut net = scene(4);
    answer(&mut net, 407, &challenge("n").replace("WWW-Authenticate", "Proxy-Authenticate"));
    assert!(net.latest(0).contains("Proxy-Authorization: Digest username=\"compte\""), "{}", net.latest(0));
    answer(&mut net, 200, "Expires: 1800\r\n");
    assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: 1800 }));
}

/// Unregistering says zero, once, whatever the registrar wrote into our Contact before.
#[test]
fn p084_unregistering_says_zero_once() {
    let mut net = scene(5);
    answer(&mut net, 200, "Contact: <sip:compte@10.0.0.1:5060>;expires=600\r\nExpires: 600\r\n");
    net.command(0, Command::Unregister { account: 7 });
    let last = net.latest(0).to_owned();
    assert!(last.starts_with("REGISTER ") && last.contains("\r\nExpires: 0\r\n"), "{last}");
    assert_eq!(last.to_ascii_lowercase().matches("expires").count(), 1, "{last}");
    answer(&mut net, 200, "");
    assert_eq!(last_state(&net), Some(RegistrationState::Gone));
    net.run_dry();
    net.assert_settled("unregistered");
}

/// Too short for the registrar: asked again at once with what it wants.
#[test]
fn p085_a_longer_interval_is_taken() {
    let mut net = scene(6);
    answer(&mut net, 423, "Min-Expires: 7200\r\n");
    assert!(net.latest(0).contains("\r\nExpires: 7200\r\n"), "{}", net.latest(0));
    answer(&mut net, 200, "Contact: <sip:compte@10.0.0.1:5060>;expires=7200\r\n");
    assert_eq!(last_state(&net), Some(RegistrationState::Registered { expires_s: 7200 }));
    // A registrar that never has enough is a failure like another, not a loop.
    let mut net = scene(6);
    answer(&mut net, 423, "Min-Expires: 1000\r\n");
    assert_eq!(last_state(&net), Some(RegistrationState::Failed { status: 423 }));
}

/// Handed over to another address, the waits go on growing: two registrars that both fail are not asked twice as often.
#[test]
fn p080_elsewhere_the_waits_go_on() {
    let mut net = scene(7);
    for _ in 0..8 {
        answer(&mut net, 503, "");
        // Another address, as the trunk would choose it; here the same one stands in.
        let again = register(&net);
        net.command(0, Command::Register(Box::new(again)));
    }
    answer(&mut net, 503, "");
    assert!(until_next(&mut net) >= 300_000);
}
