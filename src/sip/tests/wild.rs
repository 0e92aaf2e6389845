//! Messages of strangers: what is refused, with which status, and what is dropped. Nothing of it leaves anything behind.

use proptest::prelude::*;

use super::network::{Faults, Network};
use crate::sip::{Admission, Command, EndpointConfig, Event, Flow, Input};

const STRANGER: &str = "198.51.100.7:40000";

/// One endpoint that lets anybody call.
fn alone() -> Network {
    Network::new(1, 1, Faults::NONE)
}

fn request(method: &str, extra: &str, body: &str) -> String {
    format!(
        "{method} sip:3977@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.5:5060;rport;branch=z9hG4bK{method}1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@h>;tag=f1\r\nTo: <sip:3977@10.0.0.1>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:x@192.168.1.5>\r\n{extra}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn status_of(net: &Network) -> u16 {
    net.latest(0).get(8..11).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Methods, extensions, bodies, versions: each with the status of the RFC and the header that goes with it.
#[test]
fn b018_b019_b049_b052_b053_b054_b056_b057_b079_refused_with_reason() {
    let sdp = "Content-Type: application/sdp\r\n";
    let cases = [
        (request("PUBLISH", "", ""), 405, "Allow: INVITE"),
        (request("MESSAGE", "Content-Type: text/plain\r\n", "hello"), 405, "Allow: INVITE"),
        (request("NOTIFY", "Event: refer\r\n", ""), 481, ""),
        (request("INVITE", &format!("{sdp}Content-Encoding: identity, gzip\r\n"), "v=0"), 415, "Accept-Encoding: "),
        (request("REFER", "", ""), 405, "Allow: "),
        (request("MESSAGE", "", ""), 405, "Allow: "),
        (request("DANCE", "", ""), 501, "Allow: "),
        (request("BYE", "", ""), 481, ""),
        (request("INFO", "", ""), 481, ""),
        (request("INVITE", "Require: 100rel, precondition\r\n", ""), 420, "Unsupported: precondition\r\n"),
        (request("INVITE", "Content-Type: text/plain\r\n", "hello"), 415, "Accept: application/sdp"),
        (request("INVITE", &format!("{sdp}Content-Encoding: gzip\r\n"), "v=0"), 415, "Accept-Encoding: identity"),
        (request("INVITE", "", "").replace("INVITE sip:", "INVITE nobody:"), 416, ""),
        (request("INVITE", "", "").replace(" SIP/2.0\r\nVia", " SIP/7.0\r\nVia"), 505, ""),
        (request("INVITE", "", "").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), 400, ""),
        (request("INVITE", "", "").replace("CSeq: 1 ", "CSeq: 2147483648 "), 400, ""),
        (request("INVITE", "Accept: text/plain\r\n", ""), 406, ""),
        (
            request("INVITE", "", "")
                .replace("Contact: <sip:x@192.168.1.5>\r\n", "")
                .replace("<sip:x@h>", "<tel:3977>"),
            400,
            "",
        ),
        (request("CANCEL", "", ""), 481, ""),
        (request("OPTIONS", "", ""), 200, "Allow: INVITE"),
        (request("OPTIONS", "", "").replace("Max-Forwards: 70", "Max-Forwards: 0"), 200, "Accept: application/sdp"),
    ];
    for (text, status, header) in cases {
        let mut net = alone();
        net.inject(0, STRANGER, &text);
        assert_eq!(status_of(&net), status, "{text}\n{}", net.latest(0));
        assert!(net.latest(0).contains(header), "{header}:\n{}", net.latest(0));
        assert!(net.latest(0).contains("received=198.51.100.7;rport=40000"), "{}", net.latest(0));
        let to = net.latest(0).split("\r\nTo: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        assert!(to.is_some_and(|to| to.contains(";tag=")), "a To tag in every final answer: {}", net.latest(0));
        assert!(net.ends[0].events.is_empty());
        net.run_dry();
        net.assert_settled("refused");
    }
}

/// An optional strange body is ignored, an SDP inside a multipart is found, and a required strange part is refused.
#[test]
fn b054_b055_bodies() {
    let multipart = |handling: &str| {
        format!(
            "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/isup\r\n\
             Content-Disposition: signal;handling={handling}\r\n\r\n\x01\x02\r\n--b--\r\n"
        )
    };
    let kind = "Content-Type: multipart/mixed;boundary=b\r\n";
    let mut net = alone();
    net.inject(0, STRANGER, &request("INVITE", kind, &multipart("optional")));
    let Some((_, Event::Invite { invite, .. })) = net.ends[0].events.first() else { panic!("let in") };
    assert_eq!(invite.sdp.as_deref(), Some(b"v=0".as_slice()));
    let mut net = alone();
    net.inject(0, STRANGER, &request("INVITE", kind, &multipart("required")));
    assert_eq!(status_of(&net), 415);
    let mut net = alone();
    let optional = "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional\r\n";
    net.inject(0, STRANGER, &request("INVITE", optional, "hello"));
    let Some((_, Event::Invite { invite, .. })) = net.ends[0].events.first() else { panic!("let in") };
    assert_eq!(invite.sdp, None);
}

/// A merged request is answered 482, a To tag nobody knows 481, a stray ACK and a stray response not at all.
#[test]
fn b048_b051_b061_p009_loops_and_strays() {
    let mut net = alone();
    let invite = request("INVITE", "", "");
    net.inject(0, STRANGER, &invite);
    assert_eq!(status_of(&net), 100);
    net.inject(0, "198.51.100.8:5060", &invite.replace("branch=z9hG4bK", "branch=z9hG4bKother"));
    assert_eq!((status_of(&net), net.ends[0].count("invite")), (482, 1));
    net.inject(
        0,
        STRANGER,
        &invite.replace("To: <sip:3977@10.0.0.1>", "To: <sip:3977@10.0.0.1>;tag=old").replace("INVITE1", "i9"),
    );
    assert_eq!(status_of(&net), 481);
    let before = net.ladder.len();
    net.inject(0, STRANGER, &request("ACK", "", ""));
    net.inject(0, STRANGER, &request("ACK", "", "").replace("c1", "other"));
    let response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";
    net.inject(0, STRANGER, response);
    assert_eq!(net.ladder.len(), before);
}

/// Keep-alives, STUN and noise are dropped in silence; what is broken but can be answered gets a 400.
#[test]
fn b015_b017_b026_noise() {
    let mut net = alone();
    let stun = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let flow = Flow::udp(net.ends[0].addr, STRANGER.parse().expect("an address"));
    for bytes in [b"\r\n\r\n".as_slice(), b"\0", b"", &stun, &[0xff; 65_507], b"hello", b"SIP/2.0", b"INVITE"] {
        net.input(0, Input::Datagram { flow, bytes });
    }
    assert!(net.ladder.is_empty());
    net.inject(0, STRANGER, &request("INVITE", "", "").replace("Content-Length: 0", "Content-Length: -5"));
    assert_eq!(status_of(&net), 400);
    net.run_dry();
    net.assert_settled("noise");
}

/// Without rport the response goes to the port of the Via; the To tag is the same in 180 and 200, and not in 100.
#[test]
fn b020_b049_responses_find_their_way() {
    let mut net = alone();
    net.inject(0, STRANGER, &request("INVITE", "", "").replace("5060;rport", "5070"));
    assert!(!net.latest(0).contains("To: <sip:3977@10.0.0.1>;tag="));
    let session = net.ends[0].called();
    let tag = |text: &str| text.split("To: ").nth(1).and_then(|t| t.split("\r\n").next()).map(str::to_owned);
    net.respond(0, session, 180, None);
    let ringing = tag(net.latest(0));
    net.respond(0, session, 200, Some("v=0"));
    assert_eq!(tag(net.latest(0)), ringing);
    assert!(ringing.is_some_and(|to| to.contains(";tag=")));
    assert!(net.latest(0).contains("Contact: <sip:ecoute@10.0.0.1:5060>"));
}

/// Overload, drain and full tables: 503 with Retry-After, and no state. What stands goes on.
#[test]
fn b060_full_is_an_answer() {
    let mut net = alone();
    net.command(0, Command::Admission(Admission::Busy { retry_after_s: 7 }));
    net.inject(0, STRANGER, &request("INVITE", "", ""));
    assert_eq!(status_of(&net), 503);
    assert!(net.latest(0).contains("Retry-After: 7"));
    assert!(net.counts(0).is_zero());
    let mut net = Network::empty(2, Faults::NONE);
    let config =
        EndpointConfig { invite_auth_required: false, sessions_max: 2, transactions_max: 4, ..Default::default() };
    net.add(config);
    for n in 0..9 {
        let text = request("INVITE", "", "").replace("INVITE1", &format!("n{n}")).replace("c1", &format!("call{n}"));
        net.inject(0, STRANGER, &text);
        assert_eq!(status_of(&net), if n < 2 { 100 } else { 503 });
    }
    for session in [1, 2].map(crate::sip::SessionId::from_raw) {
        net.respond(0, session, 486, None);
    }
    // Both sessions are over; their transactions still wait for the ACK.
    for n in 10..19 {
        let text = request("INVITE", "", "").replace("INVITE1", &format!("n{n}")).replace("c1", &format!("call{n}"));
        net.inject(0, STRANGER, &text);
        assert_eq!(status_of(&net), if n < 12 { 100 } else { 503 });
    }
    assert_eq!(net.counts(0).invite_server, 4);
    for n in 0..9 {
        let text = request("OPTIONS", "", "").replace("OPTIONS1", &format!("o{n}")).replace("c1", &format!("probe{n}"));
        net.inject(0, STRANGER, &text);
        assert_eq!(status_of(&net), 200, "a question costs nothing");
    }
    assert_eq!(net.counts(0).non_invite_server, 0);
}

/// Expires in the INVITE: 487 when it is over (B058). A BYE before the answer: 200, and 487 to the INVITE (B069).
#[test]
fn b058_b069_the_caller_loses_patience() {
    let mut net = alone();
    net.inject(0, STRANGER, &request("INVITE", "Expires: 20\r\n", ""));
    let session = net.ends[0].called();
    net.respond(0, session, 180, None);
    net.run_for_ms(21_900);
    assert_eq!(net.sent(0, "SIP/2.0 487"), 3, "at once and twice more by Timer G");
    assert_eq!(net.ends[0].count("ended"), 1);

    let mut net = alone();
    net.inject(0, STRANGER, &request("INVITE", "", ""));
    let session = net.ends[0].called();
    net.respond(0, session, 180, None);
    let to = net.latest(0).split("To: ").nth(1).and_then(|t| t.split("\r\n").next()).map(str::to_owned);
    let bye = request("BYE", "", "").replace("To: <sip:3977@10.0.0.1>", &format!("To: {}", to.expect("a To")));
    net.inject(0, STRANGER, &bye.replace("CSeq: 1", "CSeq: 2"));
    assert_eq!((net.sent(0, "SIP/2.0 200"), net.sent(0, "SIP/2.0 487")), (1, 1));
    assert_eq!(net.ends[0].count("ended"), 1);
    net.inject(0, STRANGER, &bye.replace("BYE1", "BYE9"));
    assert_eq!(status_of(&net), 481, "the session is forgotten");
}

/// A CSeq that does not rise is answered 500, a wrong tag 481; the session is untouched.
#[test]
fn b062_order_inside_a_dialog() {
    let mut net = Network::new(3, 2, Faults::NONE);
    let (_, theirs) = net.established();
    let ack =
        net.ladder.iter().find(|(_, from, text)| *from == 0 && text.starts_with("ACK")).map(|(.., text)| text.clone());
    let ack = ack.expect("an ACK was sent");
    let info = ack.replace("ACK sip:", "INFO sip:").replace("1 ACK", "1 INFO").replace("branch=", "branch=z9hG4bKa");
    net.inject(1, "10.0.0.1:5060", &info);
    assert!(net.latest(1).starts_with("SIP/2.0 500"), "{}", net.latest(1));
    let bye = ack.replace("ACK sip:", "BYE sip:").replace("1 ACK", "9 BYE").replace("branch=", "branch=z9hG4bKb");
    let wrong = bye.replace("From: \"A\" <sip:a@example.org>;tag=", "From: \"A\" <sip:a@example.org>;tag=f");
    assert_ne!(wrong, bye);
    net.inject(1, "10.0.0.1:5060", &wrong);
    assert!(net.latest(1).starts_with("SIP/2.0 481"));
    assert_eq!(net.ends[1].count("ended"), 0);
    net.inject(1, "10.0.0.1:5060", &bye.replace("z9hG4bKb", "z9hG4bKc"));
    assert_eq!(net.ends[1].count("ended"), 1);
    net.hangup(1, theirs);
}

/// Two 2xx from two phones (a fork behind a proxy): the first is kept, the other gets ACK and BYE; each repeat its ACK.
#[test]
fn b041_b066_forked_answers() {
    let mut net = Network::new(4, 1, Faults::NONE);
    let addr = "10.0.0.9:5060".parse().expect("an address");
    net.ends.push(super::network::End {
        endpoint: crate::sip::Endpoint::new(EndpointConfig::default(), crate::ids::IdSource::from_number(1)),
        addr,
        events: Vec::new(),
        dropped: Vec::new(),
        closed: Vec::new(),
        wake: None,
    });
    let ours = net.call(Some("offer"));
    let invite = net.latest(0).to_owned();
    let line = |name: &str| invite.lines().find(|l| l.starts_with(name)).expect("a header").to_owned();
    let answer = |tag: &str| {
        format!(
            "SIP/2.0 200 OK\r\n{}\r\n{}\r\n{};tag={tag}\r\n{}\r\n{}\r\nRecord-Route: <sip:10.0.0.9:5060;lr>\r\n\
             Contact: <sip:{tag}@10.0.0.77>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
            line("Via:"),
            line("From:"),
            line("To:"),
            line("Call-ID:"),
            line("CSeq:")
        )
    };
    let proxy = "10.0.0.9:5060";
    net.inject(0, proxy, &answer("first"));
    net.inject(0, proxy, &answer("second"));
    net.inject(0, proxy, &answer("second"));
    net.inject(0, proxy, &answer("first"));
    assert_eq!((net.sent(0, "ACK sip:first@10.0.0.77"), net.sent(0, "ACK sip:second@10.0.0.77")), (2, 2));
    assert_eq!((net.sent(0, "BYE sip:second@10.0.0.77"), net.sent(0, "BYE sip:first")), (1, 0));
    assert!(net.latest(0).contains("Route: <sip:10.0.0.9:5060;lr>"));
    assert_eq!(net.ends[0].names(), ["answered"]);
    net.inject(0, "203.0.113.66:5060", &answer("forged"));
    assert_eq!(net.sent(0, "ACK sip:forged"), 0, "from elsewhere than the INVITE went");
    net.hangup(0, ours);
    assert_eq!(net.sent(0, "BYE sip:first@10.0.0.77"), 1);
}

/// No caller's number or name can be read from any event, command or state printed for debugging.
#[test]
fn nothing_leaks_into_debug() {
    let mut net = alone();
    let text = request("INVITE", "P-Asserted-Identity: <tel:+33476000102>\r\nDiversion: <sip:+33476000102@h>\r\n", "")
        .replace("<sip:x@h>", "\"Alice Martin\" <sip:+33476000102@h>");
    net.inject(0, STRANGER, &text);
    let session = net.ends[0].called();
    net.respond(0, session, 180, None);
    let shown = format!("{:?} {:#?} {:?}", net.ends[0].events, net.ends[0].events, net.ends[0].endpoint);
    assert!(!shown.contains("33476") && !shown.contains("Alice"), "{shown}");
}

fn edit(bytes: &mut Vec<u8>, edits: Vec<(u16, u8, u8)>) {
    for (at, byte, kind) in edits {
        if bytes.is_empty() {
            return;
        }
        let at = usize::from(at) % bytes.len();
        match kind % 8 {
            0..3 => bytes[at] = byte,
            3..5 => bytes.insert(at, byte),
            5..7 => {
                bytes.remove(at);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any message of a call, changed anyhow and sent again to either side at any time: no panic, no session hung.
    #[test]
    fn echoes(
        which in any::<u16>(),
        to in 0usize..2,
        moment in 0u64..3000,
        edits in proptest::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 0..4),
    ) {
        let mut net = Network::new(7, 2, Faults::NONE);
        let (ours, theirs) = net.established();
        net.command(0, Command::Reoffer { session: ours, sdp: Some(b"hold".to_vec()) });
        net.run_for_ms(20);
        let status = if moment % 3 == 0 { 488 } else { 200 };
        net.command(1, Command::AnswerReoffer { session: theirs, status, sdp: Some(b"held".to_vec()) });
        net.run_for_ms(moment);
        if moment % 2 == 0 {
            net.hangup(1, theirs);
        }
        let (_, _, text) = net.ladder[usize::from(which) % net.ladder.len()].clone();
        let mut bytes = text.into_bytes();
        edit(&mut bytes, edits);
        let flow = net.flow(to, 1 - to);
        net.input(to, Input::Datagram { flow, bytes: &bytes });
        net.run_for_ms(100);
        for end in [0, 1] {
            let sessions: Vec<_> = net.ends[end].last_words().into_keys().collect();
            for session in sessions {
                net.hangup(end, session);
            }
        }
        net.run_dry();
        net.assert_settled("echoes");
    }

    /// Whatever bytes come, before and during a call: no panic, and afterwards everything settles.
    #[test]
    fn any_bytes(
        seed in any::<u64>(),
        edits in proptest::collection::vec((any::<u16>(), any::<u8>(), any::<u8>()), 1..12),
        method in 0usize..9,
    ) {
        let mut net = alone();
        let method = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "X"][method];
        net.inject(0, STRANGER, &request("INVITE", "", ""));
        let mut bytes = request(method, "Route: <sip:a;lr>\r\nExpires: 5\r\n", "v=0\r\n").into_bytes();
        edit(&mut bytes, edits);
        let flow = Flow::udp(net.ends[0].addr, STRANGER.parse().expect("an address"));
        net.input(0, Input::Datagram { flow, bytes: &bytes });
        let sessions: Vec<_> = net.ends[0].events.iter().filter_map(|(_, event)| event.session()).collect();
        for session in sessions {
            net.respond(0, session, if seed % 2 == 0 { 200 } else { 486 }, Some("v=0"));
        }
        net.run_dry();
        net.assert_settled("any bytes");
    }
}
