//! What we send to operators and registrars, and how their odd answers are taken: messages written by hand, again.

use super::network::Network;
use super::raw::{field, flow_of, server, status};
use crate::sip::{Command, Credentials, Event, Flow, Input, Register, RegistrationState, Target, Transport};

/// One of the trunk's machines.
const TRUNK: &str = "198.51.100.7:5060";

fn receive(net: &mut Network, flow: Flow, text: &str) -> Vec<(Option<std::net::SocketAddr>, String)> {
    let before = net.ladder.len();
    net.input(0, Input::Datagram { flow, bytes: text.as_bytes() });
    net.ladder[before..].iter().map(|(.., text)| (net.last_remote, text.clone())).collect()
}

fn answer(request: &str, words: &str, tag: &str, lines: &str) -> String {
    let mut text = format!("SIP/2.0 {words}\r\nTo: {};tag={tag}\r\n", field(request, "To"));
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text.push_str(&format!("{name}: {}\r\n", field(request, name)));
    }
    format!("{text}{lines}Content-Length: 0\r\n\r\n")
}

/// An operator asks whether we are there, in all the ways that are seen, with no hop left: 200 with all we can do, as long
/// as calls are taken.
#[test]
fn b057_p068_an_operators_probe_is_answered() {
    for uri in ["sip:10.0.0.1", "sip:ping@10.0.0.1", "sip:anything@old.example", "sip:10.0.0.1:5060;transport=udp"] {
        let mut net = server(|_| {});
        let flow = flow_of(&net, TRUNK);
        let probe = format!(
            "OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKp\r\nMax-Forwards: 0\r\n\
             From: <sip:ping@198.51.100.7>;tag=p\r\nTo: <{uri}>\r\nCall-ID: p\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let said = receive(&mut net, flow, &probe);
        assert_eq!((said.len(), status(&said[0].1)), (1, 200), "{uri}");
        for name in ["Allow", "Accept", "Supported"] {
            assert!(said[0].1.contains(&format!("\r\n{name}: ")), "{uri}: {name}");
        }
        net.run_dry();
        net.assert_settled(uri);
    }
}

/// Wherever a name led our INVITE, everything of that attempt goes there too: the ACK of a challenge, the INVITE with the
/// password, the CANCEL, the ACK of the 487. (The name is resolved once, before the call; nothing here could ask again.)
#[test]
fn b087_p070_an_attempt_stays_where_it_began() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut net = server(|_| {});
        let connection = u64::from(transport.is_reliable()) * 9;
        let flow = Flow { transport, connection, ..flow_of(&net, TRUNK) };
        let uri = "sip:+33199000107@operateur.example";
        let session = net.call_with(0, 0, Some("offer"), |invite| {
            invite.target = Target::Uri { uri: uri.into(), flow };
            invite.credentials = Some(Credentials::new("us", "secret"));
        });
        let mut went = vec![net.last_remote];
        let first = net.latest(0).to_owned();
        let asked = "Proxy-Authenticate: Digest realm=\"op\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n";
        let said = receive(&mut net, flow, &answer(&first, "407 Proxy Authentication Required", "a", asked));
        let methods: Vec<&str> = said.iter().filter_map(|(_, text)| text.split(' ').next()).collect();
        assert_eq!(methods, ["ACK", "INVITE"]);
        assert_eq!(field(&said[0].1, "Via"), field(&first, "Via"));
        let second = said[1].1.clone();
        assert!(second.contains("\r\nProxy-Authorization: Digest ") && field(&second, "CSeq") == "2 INVITE");
        went.extend(said.iter().map(|(remote, _)| *remote));
        receive(&mut net, flow, &answer(&second, "180 Ringing", "b", ""));
        net.hangup(0, session);
        let cancel = net.latest(0).to_owned();
        assert!(cancel.starts_with("CANCEL ") && field(&cancel, "Via") == field(&second, "Via"));
        went.push(net.last_remote);
        receive(&mut net, flow, &answer(&cancel, "200 OK", "b", ""));
        let said = receive(&mut net, flow, &answer(&second, "487 Request Terminated", "b", ""));
        assert!(said[0].1.starts_with("ACK "));
        went.extend(said.iter().map(|(remote, _)| *remote));
        assert!(went.iter().all(|remote| *remote == TRUNK.parse().ok()), "{went:?}");
    }
}

/// The password is refused again: the attempt is over, and nobody is asked a third time.
#[test]
fn b087_a_second_challenge_ends_the_attempt() {
    let mut net = server(|_| {});
    let flow = flow_of(&net, TRUNK);
    net.call_with(0, 0, Some("offer"), |invite| {
        invite.target = Target::Uri { uri: "sip:a@operateur.example".into(), flow };
        invite.credentials = Some(Credentials::new("us", "secret"));
    });
    for tag in ["a", "b"] {
        let asked = net.ladder.iter().rev().find(|(.., text)| text.starts_with("INVITE")).expect("sent").2.clone();
        let challenge = "WWW-Authenticate: Digest realm=\"op\", nonce=\"n\", qop=\"auth\"\r\n";
        receive(&mut net, flow, &answer(&asked, "401 Unauthorized", tag, challenge));
    }
    assert_eq!((net.sent(0, "INVITE"), net.sent(0, "ACK")), (2, 2));
    assert!(matches!(net.ends[0].events.last(), Some((_, Event::Rejected { status: 401, .. }))));
}

/// A registrar lists three contacts, one of which is no address: ours is still found among them, and its lease is the one
/// that counts.
#[test]
fn p059_one_odd_contact_hides_no_other() {
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0]] {
        let mut net = server(|_| {});
        let flow = flow_of(&net, TRUNK);
        let register = Register {
            account: 1,
            registrar: flow,
            aor: "sip:us@operateur.example".into(),
            credentials: None,
            expires_s: 3600,
            contact_user: "us".into(),
            instance: None,
        };
        net.command(0, Command::Register(Box::new(register)));
        let asked = net.latest(0).to_owned();
        let own = format!("Contact: {};expires=1800\r\n", field(&asked, "Contact"));
        let lines = [own.as_str(), "Contact: <sip:PBX#1000#x@h>;expires=7\r\n", "Contact: <sip:z@h>;expires=60\r\n"];
        let lines: String = order.iter().map(|nth| lines[*nth]).collect();
        receive(&mut net, flow, &answer(&asked, "200 OK", "r", &lines));
        let Some((_, Event::Registration { state, .. })) = net.ends[0].events.last() else { panic!("registered") };
        assert_eq!(*state, RegistrationState::Registered { expires_s: 1800 }, "{order:?}");
    }
}

/// A 180 may carry a description as well as a 183: it is told with its description; and the 200 that repeats it word for
/// word is an answer like any other, and brings nothing but the ACK.
#[test]
fn p039_sound_with_a_180() {
    let mut net = server(|_| {});
    let flow = flow_of(&net, TRUNK);
    let target = Target::Uri { uri: "sip:a@operateur.example".into(), flow };
    net.call_with(0, 0, Some("offer"), |invite| invite.target = target);
    let asked = net.latest(0).to_owned();
    let lines = "Contact: <sip:a@198.51.100.7>\r\nContent-Type: application/sdp\r\n";
    let with_sdp = |words| answer(&asked, words, "a", lines).replace("Length: 0\r\n\r\n", "Length: 3\r\n\r\nv=0");
    receive(&mut net, flow, &with_sdp("180 Ringing"));
    let Some((_, Event::Progress { status: 180, sdp: Some(sdp), .. })) = net.ends[0].events.last() else {
        panic!("{:?}", net.ends[0].names())
    };
    assert_eq!(sdp, b"v=0");
    let said = receive(&mut net, flow, &with_sdp("200 OK"));
    assert_eq!(said.len(), 1);
    assert!(said[0].1.starts_with("ACK "));
    net.run_for_ms(60_000);
    assert_eq!((net.ends[0].names(), net.sent(0, "INVITE")), (vec!["progress", "answered"], 1));
}

/// A peer answers our probe and closes the connection at once: it answered, and that stands; the next call to it goes over
/// a connection of its own, and so does the next probe.
#[test]
fn p067_an_answer_counts_though_the_connection_closes() {
    let mut net = server(|_| {});
    let flow = Flow { transport: Transport::Tls, connection: 0, ..flow_of(&net, TRUNK) };
    let opened = Flow { connection: 9, ..flow };
    for probe in [1, 2] {
        net.command(0, Command::Options { probe, flow, uri: "sip:198.51.100.7;transport=tls".into() });
        let asked = net.latest(0).to_owned();
        assert!(asked.starts_with("OPTIONS "));
        receive(&mut net, opened, &answer(&asked, "200 OK", "t", ""));
        for gone in [opened, flow] {
            net.input(0, Input::FlowClosed(gone));
        }
        net.run_for_ms(40_000);
        let told = net.ends[0].events.iter().filter_map(|(_, event)| match event {
            Event::OptionsReply { probe: of, status, .. } if *of == probe => Some(*status),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [Some(200)]);
    }
    let target = Target::Uri { uri: "sip:a@198.51.100.7;transport=tls".into(), flow };
    net.call_with(0, 0, Some("offer"), |invite| invite.target = target);
    let asked = net.latest(0).to_owned();
    assert!(asked.starts_with("INVITE "));
    let fresh = Flow { connection: 11, ..flow };
    let lines = "Contact: <sip:a@198.51.100.7;transport=tls>\r\nContent-Type: application/sdp\r\n";
    receive(
        &mut net,
        fresh,
        &answer(&asked, "200 OK", "a", lines).replace("Length: 0\r\n\r\n", "Length: 3\r\n\r\nv=0"),
    );
    assert_eq!(net.ends[0].names().last(), Some(&"answered"));
}
