//! Flows and bindings: RFC 5626 (several flows of a device), RFC 3327 (Path), RFC 8599 (push), and what the end of a
//! connection means for who can be called. The phone's messages are written by the test.

use std::sync::Arc;

use super::network::{Faults, Network};
use super::raw::{field, status};
use super::registering::{phone_flow, raw_register, scene};
use crate::sip::{
    Accounts, Bytes, Command, EndpointConfig, Event, Flow, Input, Peers, Secret, SessionId, Target, Transport, Unbound,
};

const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

fn tls(net: &Network, port: u16) -> Flow {
    Flow { transport: Transport::Tls, connection: u64::from(port), ..phone_flow(net, port) }
}

/// Flow number `reg_id` of one device.
fn flow_lines(reg_id: u32) -> String {
    format!(
        "Contact: <sip:odile@192.168.7.20:5061;transport=tls>;{INSTANCE};reg-id={reg_id}\r\nSupported: path, outbound\r\n"
    )
}

fn bindings(net: &Network) -> Vec<Flow> {
    net.ends[0].endpoint.bindings("odile").map(|binding| binding.flow).collect()
}

/// Calls a device of odile.
fn call(net: &mut Network) -> SessionId {
    let endpoint = &net.ends[0].endpoint;
    let binding = endpoint.bindings("odile").chain(endpoint.asleep("odile")).next().cloned().expect("a device");
    net.call_with(0, 0, Some("offer"), |invite| invite.target = Target::Binding(Box::new(binding)))
}

/// The telephone answers the latest INVITE to it, over a flow.
fn answer(net: &mut Network, flow: Flow, code: &str) {
    let all = net.ladder.iter().rev();
    let invite = all.map(|(_, _, text)| text).find(|text| text.starts_with("INVITE")).expect("a call").clone();
    let mut text = format!("SIP/2.0 {code}\r\n");
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let tag = if name == "To" { ";tag=phone" } else { "" };
        text += &format!("{name}: {}{tag}\r\n", field(&invite, name));
    }
    text += "Contact: <sip:odile@192.168.7.20:5061>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
    net.input(0, Input::Datagram { flow, bytes: text.as_bytes() });
}

fn invites(net: &Network) -> usize {
    net.sent(0, "INVITE")
}

fn last_unbound(net: &Network) -> Option<(usize, usize, Unbound)> {
    net.ends[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::Unbound { bindings, asleep, why, .. } => Some((*bindings, *asleep, *why)),
        _ => None,
    })
}

/// A phone with two flows is one device; each flow is refreshed on its own, a new connection with the same number takes the
/// place of the old one, and the 200 says that we do our part, and how often to ask.
#[test]
fn b129_flows_of_one_device() {
    let mut net = scene(Faults::NONE);
    let (first, second, again) = (tls(&net, 1001), tls(&net, 1002), tls(&net, 1003));
    let reply = raw_register(&mut net, first, "a", 1, &flow_lines(1));
    assert_eq!((status(&reply), field(&reply, "Require"), field(&reply, "Flow-Timer")), (200, "outbound", "120"));
    let reply = raw_register(&mut net, second, "b", 1, &flow_lines(2));
    assert_eq!(reply.matches("Contact: ").count(), 2, "both flows are listed: {reply}");
    assert_eq!(bindings(&net), [second], "one device, called over its latest flow");
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Bound { bindings: 1, new: true, .. }))));
    // The first flow broke, and is made anew by the phone before we hear of it.
    raw_register(&mut net, again, "a", 2, &flow_lines(1));
    assert_eq!((bindings(&net), net.counts(0).bindings), (vec![again], 2));
    net.input(0, Input::FlowClosed(first));
    assert_eq!((net.counts(0).bindings, net.ends[0].count("unbound")), (2, 0), "nothing lived there any more");
    // One flow ends: the device is still there. Both: it is not.
    net.input(0, Input::FlowClosed(again));
    assert_eq!((last_unbound(&net), bindings(&net)), (Some((1, 0, Unbound::FlowClosed)), vec![second]));
    net.input(0, Input::FlowClosed(second));
    assert_eq!((last_unbound(&net), bindings(&net)), (Some((0, 0, Unbound::FlowClosed)), vec![]));
    net.run_dry();
    net.assert_settled("flows");
}

/// A flow number means nothing without an instance, without a phone that says it keeps flows, or beyond what the RFC lets
/// it be: then the device has one binding, and no promise is made.
#[test]
fn b129_a_flow_number_alone_means_nothing() {
    let contact = "Contact: <sip:odile@192.168.7.20:5061>";
    for lines in [
        format!("{contact};{INSTANCE};reg-id=1\r\n"),
        format!("{contact};reg-id=1\r\nSupported: outbound\r\n"),
        format!("{contact};{INSTANCE};reg-id=0\r\nSupported: outbound\r\n"),
        format!("{contact};{INSTANCE};reg-id=2147483648\r\nSupported: outbound\r\n"),
        format!("{contact};{INSTANCE}\r\nSupported: outbound\r\n"),
    ] {
        let mut net = scene(Faults::NONE);
        for port in [1001, 1002] {
            let flow = tls(&net, port);
            let reply = raw_register(&mut net, flow, &format!("c{port}"), 1, &lines);
            assert_eq!(
                (status(&reply), field(&reply, "Require"), field(&reply, "Flow-Timer")),
                (200, "", ""),
                "{lines}"
            );
        }
        assert_eq!((bindings(&net), net.counts(0).bindings), (vec![tls(&net, 1002)], 1), "{lines}");
    }
}

/// `Require: outbound` is understood; one flow is taken back by its number, and the other stays though both have the same
/// Contact; a star takes all.
#[test]
fn b129_b122_one_flow_is_taken_back() {
    let mut net = scene(Faults::NONE);
    let (first, second) = (tls(&net, 1001), tls(&net, 1002));
    let require = |n| flow_lines(n).replace("Supported: path, outbound", "Require: outbound");
    assert_eq!(status(&raw_register(&mut net, first, "a", 1, &require(1))), 200);
    assert_eq!(status(&raw_register(&mut net, second, "b", 1, &require(2))), 200);
    let reply = raw_register(&mut net, second, "b", 2, &flow_lines(2).replace("reg-id=2", "reg-id=2;expires=0"));
    assert_eq!((status(&reply), reply.matches("Contact: ").count()), (200, 1), "{reply}");
    assert_eq!(bindings(&net), [first]);
    assert_eq!(last_unbound(&net), Some((1, 0, Unbound::Removed)));
    assert_eq!(status(&raw_register(&mut net, first, "a", 2, "Contact: *\r\nExpires: 0\r\n")), 200);
    assert_eq!(last_unbound(&net), Some((0, 0, Unbound::Removed)));
}

/// Behind a proxy a phone's flow is the proxy's: it must have said so in Path (`ob`), or the phone is told to do without
/// (439), and then registers as any other.
#[test]
fn b129_the_first_hop_must_keep_the_flow() {
    let via = "Via: SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKp\r\n";
    for (path, wanted) in [
        ("", 439),
        ("Path: <sip:proxy.example;lr>\r\n", 439),
        ("Path: <sip:token@proxy.example;lr;ob>\r\n", 200),
        ("Path: <sip:inner.example;lr>, <sip:token@proxy.example;lr;ob>\r\n", 200),
        ("Path: <sip:token@inner.example;lr;ob>\r\nPath: <sip:proxy.example;lr>\r\n", 439),
    ] {
        let mut net = scene(Faults::NONE);
        let flow = tls(&net, 1001);
        let reply = raw_register(&mut net, flow, "a", 1, &format!("{via}{path}{}", flow_lines(1)));
        assert_eq!(status(&reply), wanted, "{path}{reply}");
        assert_eq!(net.counts(0).bindings, usize::from(wanted == 200));
        assert_eq!(field(&reply, "Flow-Timer"), "", "the proxy says how often");
        let plain = flow_lines(1).replace(";reg-id=1", "").replace(", outbound", "");
        assert_eq!(status(&raw_register(&mut net, flow, "a", 3, &format!("{via}{path}{plain}"))), 200);
    }
}

/// So many flows of one device and no more: the oldest is forgotten, and the device still counts once.
#[test]
fn b129_b016_flows_of_a_device_are_bounded() {
    let mut net = scene(Faults::NONE);
    let most = crate::sip::registrar::FLOWS_MAX;
    for nth in 1..=most + 1 {
        let flow = tls(&net, 1000 + nth as u16);
        let reply = raw_register(&mut net, flow, &format!("c{nth}"), 1, &flow_lines(nth as u32));
        assert_eq!((status(&reply), net.counts(0).bindings), (200, nth.min(most)), "{reply}");
    }
    let first = tls(&net, 1001);
    let before = net.ends[0].count("unbound");
    net.input(0, Input::FlowClosed(first));
    assert_eq!(net.ends[0].count("unbound"), before, "the first was forgotten");
}

/// The flow a call went over breaks before anybody answered: the same call goes over the device's other flow, and rings.
/// Neither flow is used while the other is.
#[test]
fn b130_a_broken_flow_is_passed_over() {
    let mut net = scene(Faults::NONE);
    let (first, second) = (tls(&net, 1001), tls(&net, 1002));
    raw_register(&mut net, first, "a", 1, &flow_lines(1));
    raw_register(&mut net, second, "b", 1, &flow_lines(2));
    let session = call(&mut net);
    assert_eq!((invites(&net), net.last_remote), (1, Some(second.remote)));
    net.input(0, Input::FlowClosed(second));
    assert_eq!((invites(&net), net.last_remote), (2, Some(first.remote)));
    assert_eq!(net.ends[0].count("rejected"), 0);
    answer(&mut net, first, "200 OK");
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    net.hangup(0, session);
    // With the last flow the call ends as well, once.
    let session = call(&mut net);
    net.input(0, Input::FlowClosed(first));
    assert!(
        net.ends[0]
            .events
            .iter()
            .any(|(_, e)| matches!(e, Event::Rejected { session: s, status: 503, .. } if *s == session))
    );
    assert_eq!(bindings(&net), []);
    net.run_dry();
    net.assert_settled("flows");
}

/// The proxy that keeps a phone's flow says that it is gone (430): that binding ends at once, the next flow of the device is
/// tried; without another one the call fails with that word.
#[test]
fn b130_a_flow_failed_behind_a_proxy() {
    let mut net = scene(Faults::NONE);
    let proxy = phone_flow(&net, 5060);
    let lines = |n: u32| {
        format!(
            "Via: SIP/2.0/UDP 192.168.7.20;branch=z9hG4bKp{n}\r\nPath: <sip:flow{n}@203.0.113.5;lr;ob>\r\n{}",
            flow_lines(n)
        )
    };
    raw_register(&mut net, proxy, "a", 1, &lines(1));
    raw_register(&mut net, proxy, "b", 1, &lines(2));
    assert_eq!((net.counts(0).bindings, bindings(&net).len()), (2, 1));
    // Both came over one flow, so the other cannot be told by it.
    call(&mut net);
    assert_eq!(field(net.latest(0), "Route"), "<sip:flow2@203.0.113.5;lr;ob>");
    answer(&mut net, proxy, "430 Flow Failed");
    assert_eq!(field(net.latest(0), "Route"), "<sip:flow1@203.0.113.5;lr;ob>", "{}", net.latest(0));
    assert_eq!(last_unbound(&net), Some((1, 0, Unbound::FlowFailed)));
    answer(&mut net, proxy, "430 Flow Failed");
    assert!(matches!(
        net.ends[0].events.iter().rev().find(|(_, event)| matches!(event, Event::Rejected { .. })),
        Some((_, Event::Rejected { status: 430, .. }))
    ));
    assert_eq!((last_unbound(&net), net.counts(0).bindings), (Some((0, 0, Unbound::FlowFailed)), 0));
    net.run_dry();
    net.assert_settled("430");
}

/// The Path of a REGISTER is kept in its order, said back in the 200, and is the Route of a call to the phone, whose
/// Request-URI is its Contact; ACK and BYE follow what the call itself recorded.
#[test]
fn b132_path_is_the_route_to_the_phone() {
    let mut net = scene(Faults::NONE);
    let proxy = phone_flow(&net, 5060);
    let path =
        "Path: <sip:outer@198.51.100.1;lr>, \"x, y\" <sip:203.0.113.5:5060;lr>;a=\"1,2\"\r\nPath: <sip:third;lr>\r\n";
    let lines = format!("Contact: <sip:odile@192.168.7.20:5060>\r\nSupported: path\r\n{path}");
    let reply = raw_register(&mut net, proxy, "a", 1, &lines);
    let values = ["<sip:outer@198.51.100.1;lr>", "\"x, y\" <sip:203.0.113.5:5060;lr>;a=\"1,2\"", "<sip:third;lr>"];
    let said: Vec<&str> = reply.lines().filter_map(|line| line.strip_prefix("Path: ")).collect();
    assert_eq!(said, values, "{reply}");
    let session = call(&mut net);
    let invite = net.latest(0).to_owned();
    let routes: Vec<&str> = invite.lines().filter_map(|line| line.strip_prefix("Route: ")).collect();
    assert_eq!(routes, values, "{invite}");
    assert!(invite.starts_with("INVITE sip:odile@192.168.7.20:5060 "), "{invite}");
    assert_eq!(net.last_remote, Some(proxy.remote), "over the way the REGISTER came");
    answer(&mut net, proxy, "200 OK");
    assert!(!net.latest(0).contains("Route: "), "no Record-Route, no Route: {}", net.latest(0));
    net.hangup(0, session);
    assert!(net.latest(0).starts_with("BYE ") && !net.latest(0).contains("Route: "));
    // Two phones of one user behind one proxy share its flow and are two.
    let other = lines.replace("192.168.7.20", "192.168.7.21");
    raw_register(&mut net, proxy, "b", 1, &other);
    assert_eq!(bindings(&net).len(), 2);
}

/// A Path that no call could take is refused, and so is one that is too long: with a proxy left out nobody would be found.
#[test]
fn b132_b016_a_path_is_checked() {
    let most = crate::sip::registrar::PATH_MAX;
    for (path, wanted) in [
        (vec!["<sip:p.example;lr>"; most].join(", "), 200),
        (vec!["<sip:p.example;lr>"; most + 1].join(", "), 400),
        ("<tel:3977>".into(), 400),
        ("sip:p.example;lr".into(), 400),
        ("<sip:p.example;lr>, <sip:>".into(), 400),
        ("<sip:p.example".into(), 400),
    ] {
        let mut net = scene(Faults::NONE);
        let flow = phone_flow(&net, 5060);
        let lines = format!("Contact: <sip:odile@192.168.7.20>\r\nPath: {path}\r\n");
        let reply = raw_register(&mut net, flow, "a", 1, &lines);
        assert_eq!((status(&reply), net.counts(0).bindings), (wanted, usize::from(wanted == 200)), "{path}");
    }
}

/// The connection of a proxy that we trust ends, as idle ones do: the phones behind it stay, and are called at the address
/// that its Path names. A proxy we do not know takes them with it.
#[test]
fn b132_a_trusted_proxy_is_called_back() {
    for trusted in [true, false] {
        let mut net = Network::empty(5, Faults::NONE);
        let proxies = vec![crate::sip::Network { addr: "203.0.113.0".parse().expect("ip"), prefix: 24 }];
        net.add(EndpointConfig {
            domains: vec!["ecoute.example".into()],
            peers: Arc::new(if trusted { Peers::one(proxies) } else { Peers::default() }),
            ..EndpointConfig::default()
        });
        let mut accounts = Accounts::none();
        accounts.insert("odile", Secret::password("secret"));
        net.command(0, Command::Accounts(Arc::new(accounts)));
        let proxy = Flow { transport: Transport::Tcp, connection: 3, ..phone_flow(&net, 40_000) };
        let lines = "Contact: <sip:odile@192.168.7.20>\r\nPath: <sip:203.0.113.5:5080;transport=tcp;lr>\r\n";
        assert_eq!(status(&raw_register(&mut net, proxy, "a", 1, lines)), 200);
        net.input(0, Input::FlowClosed(proxy));
        let back = Flow { remote: "203.0.113.5:5080".parse().expect("an address"), ..proxy.unpinned() };
        assert_eq!(bindings(&net), if trusted { vec![back] } else { Vec::new() });
        assert_eq!(last_unbound(&net), (!trusted).then_some((0, 0, Unbound::FlowClosed)));
    }
}

/// A connection ends: binding and availability end in the same instant, said once; a call to it fails at once.
#[test]
fn p090_b034_a_binding_ends_with_its_connection() {
    for transport in [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss] {
        let mut net = scene(Faults::NONE);
        let flow = Flow { transport, connection: 7, ..phone_flow(&net, 1035) };
        raw_register(&mut net, flow, "w", 1, "Contact: <sip:odile@x.invalid;transport=ws>\r\n");
        call(&mut net);
        let at = net.now.as_millis();
        net.input(0, Input::FlowClosed(flow));
        let ends: Vec<_> =
            net.ends[0].events.iter().filter(|(_, e)| ["unbound", "rejected"].contains(&e.name())).collect();
        assert!(ends.len() == 2 && ends.iter().all(|(when, _)| *when == at), "{transport:?}: {ends:?}");
        assert_eq!(last_unbound(&net), Some((0, 0, Unbound::FlowClosed)));
        net.input(0, Input::FlowClosed(flow));
        assert_eq!(net.ends[0].count("unbound"), 1, "said once");
        net.run_dry();
        net.assert_settled("closed");
    }
}

/// GRUU is not offered: a phone that could use it gets none, one that requires it is told so (420), and both keep calling.
#[test]
fn b131_gruu_is_not_offered() {
    let mut net = scene(Faults::NONE);
    let flow = tls(&net, 1001);
    let lines = format!("Contact: <sip:odile@192.168.7.20:5061>;{INSTANCE}\r\n");
    let reply = raw_register(&mut net, flow, "a", 1, &format!("{lines}Supported: gruu, path\r\n"));
    assert!(status(&reply) == 200 && !reply.contains("gruu"), "{reply}");
    let reply = raw_register(&mut net, flow, "a", 3, &format!("{lines}Require: gruu\r\n"));
    assert_eq!((status(&reply), field(&reply, "Unsupported")), (420, "gruu"));
    assert_eq!(net.counts(0).bindings, 1);
}

/// A phone that lost its power registers anew, without instance, from another port: the call goes over the connection of the
/// latest REGISTER only.
#[test]
fn p087_the_latest_connection_is_used() {
    let mut net = scene(Faults::NONE);
    let (old, new) = (tls(&net, 1001), tls(&net, 1002));
    for (flow, call_id) in [(old, "a"), (new, "b")] {
        raw_register(&mut net, flow, call_id, 1, "Contact: <sip:odile@192.168.7.20:5061;transport=tls>\r\n");
    }
    assert_eq!((bindings(&net), net.counts(0).bindings), (vec![new], 1));
    call(&mut net);
    assert_eq!((invites(&net), net.last_remote), (1, Some(new.remote)));
    net.input(0, Input::FlowClosed(old));
    assert_eq!((net.ends[0].count("unbound"), net.ends[0].count("rejected")), (0, 0));
}

fn with_push(providers: &[&str]) -> Network {
    let mut net = Network::empty(5, Faults::NONE);
    net.add(EndpointConfig {
        domains: vec!["ecoute.example".into()],
        push_providers: providers.iter().map(|name| (*name).to_owned()).collect(),
        ..EndpointConfig::default()
    });
    let mut accounts = Accounts::none();
    accounts.insert("odile", Secret::password("secret"));
    net.command(0, Command::Accounts(Arc::new(accounts)));
    net
}

fn push_lines(contact: &str) -> String {
    format!("Contact: <sip:odile@192.168.7.20:5061;transport=tls;{contact}>;{INSTANCE}\r\n")
}

const APNS: &str = "pn-provider=apns;pn-param=ABCD1234.fr.ecoute.voip;pn-prid=00fc13adff78";

/// Push is offered for the services the staff named, and for no other (555); where none is named, what a phone says of push
/// is passed over. A question is answered, and is no wish.
#[test]
fn push_is_offered_for_known_services_only() {
    for (providers, contact, wanted, caps) in [
        (&["apns", "fcm"][..], APNS, 200, "*;+sip.pns=\"apns\""),
        (&["apns", "fcm"], "pn-provider=FCM", 200, "*;+sip.pns=\"fcm\""),
        (&["apns", "fcm"], "pn-provider", 200, "*;+sip.pns=\"apns,fcm\""),
        (&["apns", "fcm"], "ob", 200, ""),
        (&["fcm"], APNS, 555, ""),
        (&[], APNS, 200, ""),
    ] {
        let mut net = with_push(providers);
        let flow = tls(&net, 1001);
        let reply = raw_register(&mut net, flow, "a", 1, &push_lines(contact));
        assert_eq!((status(&reply), field(&reply, "Feature-Caps")), (wanted, caps), "{contact} {reply}");
        let push = net.ends[0].endpoint.bindings("odile").next().and_then(|binding| binding.push.clone());
        let wished = contact == APNS && wanted == 200 && !providers.is_empty();
        assert_eq!(push.is_some(), wished, "{contact}");
        if let Some(push) = push {
            let param = push.param.as_ref().map(|param| param.reveal());
            assert_eq!((push.provider.as_str(), push.prid.reveal()), ("apns", "00fc13adff78"));
            assert_eq!(param, Some("ABCD1234.fr.ecoute.voip"));
        }
    }
}

/// What a push service needs to find a phone is never shown by `Debug`, in a binding or in an event.
#[test]
fn push_identifiers_are_hidden() {
    let mut net = with_push(&["apns"]);
    let flow = tls(&net, 1001);
    raw_register(&mut net, flow, "a", 1, &push_lines(APNS));
    net.input(0, Input::FlowClosed(flow));
    call(&mut net);
    let asleep: Vec<_> = net.ends[0].endpoint.asleep("odile").collect();
    let shown = format!("{asleep:?} {:?} {:?}", net.ends[0].events, net.ends[0].endpoint);
    assert!(shown.contains("wake") && shown.contains("apns"));
    for secret in ["00fc13adff78", "ABCD1234", "fr.ecoute.voip"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

/// A phone that can be woken loses its connection: it is gone for whoever counts, and asleep for whoever asks. Called, it is
/// to be woken; the call waits, and goes out when it has registered anew, over its new connection.
#[test]
fn a_sleeping_phone_is_woken_by_a_call() {
    let mut net = with_push(&["apns"]);
    let (old, new) = (tls(&net, 1001), tls(&net, 1002));
    raw_register(&mut net, old, "a", 1, &push_lines(APNS));
    net.input(0, Input::FlowClosed(old));
    assert_eq!((bindings(&net), last_unbound(&net)), (vec![], Some((0, 1, Unbound::FlowClosed))));
    assert_eq!(net.ends[0].endpoint.asleep("Odile").count(), 1);
    let session = call(&mut net);
    let Some((_, Event::Wake { session: woken, user, push })) = net.ends[0].events.last() else {
        panic!("to be woken")
    };
    assert_eq!((*woken, user.as_str(), push.prid.reveal()), (session, "odile", "00fc13adff78"));
    assert_eq!((invites(&net), net.counts(0).sessions), (0, 1));
    net.run_for_ms(3_000);
    raw_register(&mut net, new, "b", 1, &push_lines(APNS));
    assert_eq!((invites(&net), net.counts(0).sessions), (1, 1));
    assert!(matches!(
        net.ends[0].events.iter().rev().find(|(_, e)| e.name() == "bound"),
        Some((_, Event::Bound { bindings: 1, asleep: 0, .. }))
    ));
    answer(&mut net, new, "200 OK");
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
    net.hangup(0, session);
    net.input(0, Input::FlowClosed(new));
    net.run_dry();
    net.assert_settled("woken");
}

/// A call that waits for a phone to wake is given up like any other: by its caller, or after the time it may ring; each
/// once, and the phone that comes too late is not rung.
#[test]
fn a_call_to_a_sleeping_phone_ends_once() {
    let mut net = with_push(&["apns"]);
    let flow = tls(&net, 1001);
    raw_register(&mut net, flow, "a", 1, &push_lines(APNS));
    net.input(0, Input::FlowClosed(flow));
    let given_up = call(&mut net);
    net.hangup(0, given_up);
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Ended { session, .. })) if *session == given_up));
    let too_long = call(&mut net);
    net.run_for_ms(59_900);
    assert_eq!(net.ends[0].count("rejected"), 0);
    net.run_for_ms(200);
    assert!(
        matches!(net.ends[0].events.last(), Some((_, Event::Rejected { session, status: 408, .. })) if *session == too_long)
    );
    let new = tls(&net, 1002);
    raw_register(&mut net, new, "b", 1, &push_lines(APNS));
    assert_eq!(invites(&net), 0);
    net.input(0, Input::FlowClosed(new));
    net.run_dry();
    net.assert_settled("not woken");
}

/// A sleeping phone's registration runs out, is taken back, or its user is taken away: nobody can wake it any more.
#[test]
fn a_sleeping_phone_is_forgotten_in_time() {
    for how in ["expires", "star", "revoked", "contact"] {
        let mut net = with_push(&["apns"]);
        let (flow, other) = (tls(&net, 1001), tls(&net, 1002));
        raw_register(&mut net, flow, "a", 1, &(push_lines(APNS) + "Expires: 60\r\n"));
        net.input(0, Input::FlowClosed(flow));
        assert_eq!(net.counts(0).bindings, 1);
        let why = match how {
            "expires" => {
                net.run_for_ms(60_100);
                Unbound::Expired
            }
            "star" => {
                assert_eq!(status(&raw_register(&mut net, other, "a", 3, "Contact: *\r\nExpires: 0\r\n")), 200);
                Unbound::Removed
            }
            "contact" => {
                raw_register(&mut net, other, "a", 3, &(push_lines(APNS) + "Expires: 0\r\n"));
                Unbound::Removed
            }
            _ => {
                net.command(0, Command::Accounts(Arc::new(Accounts::none())));
                Unbound::Revoked
            }
        };
        assert_eq!((last_unbound(&net), net.counts(0).bindings), (Some((0, 0, why)), 0), "{how}");
        assert_eq!(net.ends[0].endpoint.asleep("odile").count(), 0);
        net.run_dry();
        net.assert_settled(how);
    }
}

/// The identifiers of a push service at their limit, and one beyond.
#[test]
fn b016_push_identifiers_are_bounded() {
    let most = crate::sip::registrar::PUSH_BYTES_MAX;
    for (name, other) in [("pn-prid", "pn-param=x"), ("pn-param", "pn-prid=x")] {
        for (length, wanted) in [(most, 200), (most + 1, 400)] {
            let mut net = with_push(&["apns"]);
            let flow = tls(&net, 1001);
            let contact = format!("pn-provider=apns;{other};{name}={}", "t".repeat(length));
            assert_eq!(status(&raw_register(&mut net, flow, "a", 1, &push_lines(&contact))), wanted, "{name} {length}");
        }
    }
}

/// Without push nothing sleeps; and sleeping devices count among those a user may have.
#[test]
fn sleeping_phones_are_bounded() {
    let mut net = with_push(&["apns"]);
    let most = net.ends[0].endpoint.config().contacts_per_user;
    for nth in 1..=most + 1 {
        let flow = tls(&net, 1000 + nth as u16);
        let contact = format!("pn-provider=apns;pn-prid=token{nth}");
        let lines = push_lines(&contact).replace("a95a0e128", &format!("a95a0e12{nth}"));
        let reply = raw_register(&mut net, flow, &format!("c{nth}"), 1, &lines.replace("7.20", &format!("7.2{nth}")));
        assert_eq!(status(&reply), if nth <= most { 200 } else { 403 }, "{reply}");
        net.input(0, Input::FlowClosed(flow));
    }
    assert_eq!(net.ends[0].endpoint.asleep("odile").count(), most);
}

fn stun() -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    bytes.extend(1..=12);
    bytes
}

/// A registered phone that asks by STUN hears its own address; a stranger hears nothing.
#[test]
fn b026_a_phone_keeps_its_own_way_open() {
    let mut net = scene(Faults::NONE);
    let flow = phone_flow(&net, 1035);
    net.input(0, Input::Datagram { flow, bytes: &stun() });
    assert!(net.ladder.is_empty());
    let reply = raw_register(&mut net, flow, "a", 1, &flow_lines(1).replace(";transport=tls", ""));
    assert_eq!(field(&reply, "Flow-Timer"), "25", "what a NAT forgets in half a minute");
    let before = net.ladder.len();
    net.input(0, Input::Datagram { flow, bytes: &stun() });
    let wanted: Bytes = crate::sip::stun::answer(&stun(), flow.remote).expect("an answer").into();
    assert_eq!(net.ladder.len(), before + 1);
    assert_eq!(net.latest(0), String::from_utf8_lossy(&wanted));
}

/// A phone behind a NAT registers: calls go to where its datagrams come from, and every 25 seconds it is sent an empty line;
/// a phone whose Contact is its own address, one on a connection, and one that is gone are sent none.
#[test]
fn b134_p088_the_way_to_a_phone_is_kept_open() {
    let mut net = scene(Faults::NONE);
    let flow = phone_flow(&net, 1035);
    raw_register(&mut net, flow, "a", 1, "Contact: <sip:odile@192.168.7.20:5060>;expires=300\r\n");
    net.run_for_ms(299_000);
    assert!(net.kept_alive.iter().all(|(_, to)| *to == flow));
    let at: Vec<u64> = net.kept_alive.iter().map(|(at, _)| at / 1000).collect();
    assert!((11..=12).contains(&at.len()) && at.windows(2).all(|two| two[1] - two[0] == 25), "{at:?}");
    call(&mut net);
    assert_eq!(net.last_remote, Some(flow.remote));
    net.run_for_ms(2_000);
    assert_eq!(net.counts(0).bindings, 0);
    let before = net.kept_alive.len();
    net.run_dry();
    assert_eq!(net.kept_alive.len(), before, "nobody is there any more");
    for (flow, contact) in [(flow, "203.0.113.5:1035"), (tls(&net, 1001), "192.168.7.20:5061")] {
        raw_register(&mut net, flow, "b", 1, &format!("Contact: <sip:odile@{contact}>\r\n"));
        net.run_for_ms(60_000);
        assert_eq!(net.kept_alive.len(), before, "{contact}");
        net.input(0, Input::FlowClosed(flow));
    }
}
