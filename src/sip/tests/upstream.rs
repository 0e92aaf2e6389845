//! Our own registration on a flow that is kept: passwords for proxy and registrar both, Service-Route (RFC 3608), the
//! registrar that keeps no flows (439), and keep-alives (RFC 5626 §4.4).

use super::network::{Faults, Network};
use super::raw::field;
use super::registering::scene;
use crate::sip::{
    Command, Credentials, EndpointConfig, Event, Flow, Input, Register, RegistrationState, Transport, stun,
};

const REGISTRAR: &str = "198.51.100.1:5060";

fn flow(net: &Network, transport: Transport, connection: u64) -> Flow {
    Flow { transport, connection, ..Flow::udp(net.ends[0].addr, REGISTRAR.parse().expect("an address")) }
}

fn start(transport: Transport) -> Network {
    let mut net = Network::empty(3, Faults::NONE);
    net.add(EndpointConfig::default());
    let register = Register {
        account: 7,
        registrar: flow(&net, transport, 0),
        aor: "sip:compte@operateur.example".into(),
        credentials: Some(Credentials::new("compte", "zanzibar")),
        expires_s: 3600,
        contact_user: "compte".into(),
        instance: Some("urn:uuid:00000000-0000-1000-8000-000a95a0e128".into()),
    };
    net.command(0, Command::Register(Box::new(register)));
    net
}

/// The registrar answers the latest request of ours, over the connection that was opened for it.
fn answer(net: &mut Network, code: &str, lines: &str) {
    let requests = net.ladder.iter().rev().map(|(_, _, text)| text);
    let request = requests.clone().find(|text| text.starts_with("REGISTER ")).expect("a REGISTER").clone();
    let mut text = format!("SIP/2.0 {code}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag = if name == "To" { ";tag=r" } else { "" };
        text += &format!("{name}: {}{tag}\r\n", field(&request, name));
    }
    text += &format!("{lines}Content-Length: 0\r\n\r\n");
    let transport = if field(&request, "Via").starts_with("SIP/2.0/TCP") { Transport::Tcp } else { Transport::Udp };
    let from = flow(net, transport, u64::from(transport == Transport::Tcp) * 9);
    net.input(0, Input::Datagram { flow: from, bytes: text.as_bytes() });
}

fn states(net: &Network) -> Vec<RegistrationState> {
    let state = |event: &Event| match event {
        Event::Registration { state, .. } => Some(*state),
        _ => None,
    };
    net.ends[0].events.iter().filter_map(|(_, event)| state(event)).collect()
}

fn challenge(header: &str, realm: &str, nonce: &str) -> String {
    format!("{header}: Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5\r\n")
}

/// A proxy asks for a password, then the registrar behind it: both are answered, each once an attempt, and both answers go
/// into the refresh without being asked.
#[test]
fn a_proxy_and_a_registrar_both_ask() {
    let mut net = start(Transport::Udp);
    answer(&mut net, "407 X", &challenge("Proxy-Authenticate", "proxy", "p"));
    assert!(field(net.latest(0), "Proxy-Authorization").contains("realm=\"proxy\""), "{}", net.latest(0));
    assert!(!net.latest(0).contains("\r\nAuthorization: "));
    answer(&mut net, "401 X", &challenge("WWW-Authenticate", "registrar", "r"));
    assert!(field(net.latest(0), "Authorization").contains("realm=\"registrar\""), "{}", net.latest(0));
    assert!(field(net.latest(0), "Proxy-Authorization").contains("nc=00000002"), "{}", net.latest(0));
    answer(&mut net, "200 OK", "Expires: 60\r\n");
    assert_eq!(states(&net), [RegistrationState::Registered { expires_s: 60 }]);
    net.run_for_ms(50_000);
    assert_eq!(net.sent(0, "REGISTER"), 4 + repeats(&net));
    assert!(net.latest(0).contains("\r\nAuthorization: ") && net.latest(0).contains("\r\nProxy-Authorization: "));
    // The proxy that refuses twice has refused the password.
    answer(&mut net, "407 X", &challenge("Proxy-Authenticate", "proxy", "p2"));
    answer(&mut net, "407 X", &challenge("Proxy-Authenticate", "proxy", "p3"));
    assert_eq!(states(&net).last(), Some(&RegistrationState::Failed { status: 407 }));
}

/// REGISTERs that were sent again by their transaction.
fn repeats(net: &Network) -> usize {
    let sent: Vec<&str> =
        net.ladder.iter().map(|(_, _, text)| text.as_str()).filter(|t| t.starts_with("REG")).collect();
    let mut once = sent.clone();
    once.sort_unstable();
    once.dedup();
    sent.len() - once.len()
}

/// What the registrar says of the way out is the Route of every call over that registration, in its order; a call with a
/// route of its own keeps it, one over another way has none, and what a refresh no longer says is forgotten.
#[test]
fn b210_service_route_is_the_route_of_calls() {
    let mut net = start(Transport::Udp);
    let routes = "Service-Route: <sip:p2.operateur.example;lr>, <sip:hsp.operateur.example;lr>\r\n";
    answer(&mut net, "200 OK", &format!("Expires: 60\r\n{routes}"));
    let call = |net: &mut Network, remote: &str, own: &[&str]| {
        let flow = Flow { remote: remote.parse().expect("an address"), ..flow(net, Transport::Udp, 0) };
        net.call_with(0, 0, Some("offer"), |invite| {
            invite.target = crate::sip::Target::Uri { uri: "sip:0123@operateur.example".into(), flow };
            invite.routes = own.iter().map(|route| (*route).into()).collect();
        });
        let text = net.latest(0).to_owned();
        assert!(text.starts_with("INVITE sip:0123@operateur.example "), "{text}");
        text.lines().filter_map(|line| line.strip_prefix("Route: ").map(str::to_owned)).collect::<Vec<_>>()
    };
    let given = ["<sip:p2.operateur.example;lr>", "<sip:hsp.operateur.example;lr>"];
    assert_eq!(call(&mut net, REGISTRAR, &[]), given);
    assert_eq!(call(&mut net, REGISTRAR, &["<sip:own;lr>"]), ["<sip:own;lr>"]);
    assert!(call(&mut net, "192.0.2.66:5060", &[]).is_empty());
    net.run_for_ms(46_000);
    answer(&mut net, "200 OK", "Expires: 60\r\n");
    assert!(call(&mut net, REGISTRAR, &[]).is_empty());
}

/// The registrar's first hop keeps no flows: we register without, at once and for good.
#[test]
fn b129_without_flows_when_the_first_hop_keeps_none() {
    let mut net = start(Transport::Udp);
    assert!(field(net.latest(0), "Contact").ends_with(";reg-id=1"), "{}", net.latest(0));
    assert!(field(net.latest(0), "Supported").contains("outbound"));
    answer(&mut net, "439 First Hop Lacks Outbound Support", "");
    assert!(!net.latest(0).contains("reg-id") && !net.latest(0).contains("outbound"), "{}", net.latest(0));
    answer(&mut net, "200 OK", "Expires: 60\r\n");
    assert_eq!(states(&net), [RegistrationState::Registered { expires_s: 60 }]);
    net.run_for_ms(46_000);
    assert!(!net.latest(0).contains("reg-id"), "{}", net.latest(0));
}

/// Over a connection an empty line says that we are there: as often as the registrar asks, and a little sooner by chance;
/// every two minutes when it keeps the flow without saying how often; never when it does not keep it.
#[test]
fn b025_a_connection_is_kept_open() {
    for (lines, least_ms, most_ms) in [
        ("Require: outbound\r\nFlow-Timer: 60\r\n", 48_000, 60_000),
        ("Require: outbound\r\n", 96_000, 120_000),
        ("Flow-Timer: 1\r\n", 8_000, 10_000),
    ] {
        let mut net = start(Transport::Tcp);
        let began = net.now.as_millis();
        answer(&mut net, "200 OK", &format!("Expires: 3600\r\n{lines}"));
        net.run_for_ms(1_000_000);
        let way = flow(&net, Transport::Tcp, 0);
        assert!(net.kept_alive.iter().all(|(_, to)| *to == way));
        let times: Vec<u64> = [began].into_iter().chain(net.kept_alive.iter().map(|(at, _)| *at)).collect();
        assert!(times.len() as u64 > 1_000_000 / most_ms - 1, "{times:?}");
        assert!(times.windows(2).all(|two| (least_ms..=most_ms).contains(&(two[1] - two[0]))), "{lines}{times:?}");
        net.command(0, Command::Unregister { account: 7 });
        answer(&mut net, "200 OK", "");
        let before = net.kept_alive.len();
        net.run_dry();
        assert_eq!(net.kept_alive.len(), before);
        net.assert_settled("left");
    }
    let mut net = start(Transport::Tcp);
    answer(&mut net, "200 OK", "Expires: 3600\r\n");
    net.run_for_ms(1_000_000);
    assert!(net.kept_alive.is_empty());
}

/// STUN requests of ours that were sent.
fn pings(net: &Network) -> usize {
    net.sent(0, "\0\x01\0\0")
}

/// Over UDP we ask by STUN. As long as the answer names one address nothing happens; under another we register anew at once;
/// and after three questions without an answer we do not believe the way any more.
#[test]
fn b026_a_udp_flow_is_watched() {
    let mut net = start(Transport::Udp);
    let way = flow(&net, Transport::Udp, 0);
    answer(&mut net, "200 OK", "Expires: 3600\r\nRequire: outbound\r\nFlow-Timer: 25\r\n");
    let reply = |net: &mut Network, seen_as: &str| {
        let request = net.last_stun.clone();
        let answer = stun::answer(&request, seen_as.parse().expect("an address")).expect("an answer");
        net.input(0, Input::Datagram { flow: way, bytes: &answer });
    };
    for nth in 1..=3 {
        net.run_for_ms(25_100);
        assert_eq!((pings(&net), net.sent(0, "REGISTER")), (nth, 1));
        reply(&mut net, "203.0.113.5:1035");
        net.run_for_ms(1);
    }
    while pings(&net) == 3 {
        net.run_for_ms(1000);
    }
    reply(&mut net, "203.0.113.5:2222");
    assert_eq!(net.sent(0, "REGISTER"), 2, "our address has changed");
    answer(&mut net, "200 OK", "Expires: 3600\r\nRequire: outbound\r\nFlow-Timer: 25\r\n");
    net.run_for_ms(80_000);
    assert!(states(&net).iter().all(|state| matches!(state, RegistrationState::Registered { .. })));
    net.run_for_ms(25_000);
    assert_eq!(states(&net).last(), Some(&RegistrationState::Failed { status: 503 }));
    net.run_for_ms(8_000);
    assert!(net.latest(0).starts_with("REGISTER "), "{}", net.latest(0));
}

/// The connection of a registration ends: the owner is told at once, and within seconds we register over a fresh one; what a
/// registrar that refuses connections costs is an attempt now and then, for ever.
#[test]
fn p072_a_registration_comes_back_after_its_connection() {
    let mut net = start(Transport::Tcp);
    let (way, connection) = (flow(&net, Transport::Tcp, 0), flow(&net, Transport::Tcp, 9));
    answer(&mut net, "200 OK", "Expires: 3600\r\n");
    net.input(0, Input::FlowClosed(connection));
    net.input(0, Input::FlowClosed(way));
    assert_eq!(states(&net).last(), Some(&RegistrationState::Failed { status: 503 }));
    let before = net.sent(0, "REGISTER");
    net.run_for_ms(7_000);
    assert_eq!(net.sent(0, "REGISTER"), before + 1);
    for _ in 0..10 {
        net.input(0, Input::FlowClosed(way));
        net.run_for_ms(400_000);
    }
    assert!((before + 10..before + 30).contains(&net.sent(0, "REGISTER")), "{}", net.sent(0, "REGISTER"));
    let before = net.sent(0, "REGISTER");
    while net.sent(0, "REGISTER") == before {
        net.run_for_ms(1000);
    }
    answer(&mut net, "200 OK", "Expires: 3600\r\n");
    assert_eq!(states(&net).last(), Some(&RegistrationState::Registered { expires_s: 3600 }));
}

/// Both sides are ours: a phone that keeps its flow over TCP registers, says every two minutes at most that it is there, and
/// over UDP asks by STUN and is answered.
#[test]
fn b129_a_phone_of_ours_keeps_its_flow_with_us() {
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut net = scene(Faults::NONE);
        net.transport = transport;
        let register = Register {
            account: 1,
            registrar: net.flow(1, 0),
            aor: "sip:odile@ecoute.example".into(),
            credentials: Some(Credentials::new("odile", "secret")),
            expires_s: 300,
            contact_user: "odile".into(),
            instance: Some("urn:uuid:00000000-0000-1000-8000-000a95a0e128".into()),
        };
        net.command(1, Command::Register(Box::new(register)));
        net.run_for_ms(1_000_000);
        let binding = net.ends[0].endpoint.bindings("odile").next().cloned().expect("registered");
        assert_eq!(binding.reg_id, Some(1));
        let kept = net.kept_alive.iter().filter(|(_, to)| *to == net.flow(1, 0)).count();
        let (asked, told) = (net.sent(1, "\0\x01\0\0"), net.sent(0, "\x01\x01\0\x0c"));
        match transport {
            Transport::Udp => assert!(kept == 0 && (35..60).contains(&asked) && told == asked, "{asked} {told}"),
            _ => assert!((7..13).contains(&kept) && asked == 0, "{kept}"),
        }
        let phone = &net.ends[1].events;
        let failed =
            |event: &Event| matches!(event, Event::Registration { state: RegistrationState::Failed { .. }, .. });
        assert!(!phone.is_empty() && !phone.iter().any(|(_, event)| failed(event)));
    }
}
