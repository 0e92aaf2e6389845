//! What RFC 3261 asks of a user agent, one duty at a time, against a telephone whose every message is written here.

use super::network::Network;
use super::raw::{Phone, field, flow_of, server, status};
use crate::sip::{Advertised, CauseKind, Command, Event, Flow, SessionId, Target, Transport};

const SDP: &str = "Content-Type: application/sdp\r\n";

/// A server that anybody may call, and a telephone.
fn open() -> (Network, Phone) {
    let net = server(|config| config.invite_auth_required = false);
    let phone = Phone::new(&net, "odile", "call");
    (net, phone)
}

/// We call the telephone; our INVITE.
fn called(net: &mut Network, phone: &Phone) -> (SessionId, String) {
    let target = Target::Uri { uri: "sip:odile@203.0.113.5:1035".into(), flow: phone.flow };
    let session = net.call_with(0, 0, Some("offer"), |invite| invite.target = target);
    (session, net.latest(0).to_owned())
}

/// A response of the telephone to a request of ours, under a To tag of its own.
fn response(request: &str, words: &str, tag: &str, lines: &str, body: &str) -> String {
    let to = field(request, "To");
    let to = if tag.is_empty() || to.contains(";tag=") { to.to_owned() } else { format!("{to};tag={tag}") };
    let mut text = format!("SIP/2.0 {words}\r\nTo: {to}\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text.push_str(&format!("{name}: {}\r\n", field(request, name)));
    }
    format!("{text}{lines}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The telephone accepts our INVITE.
fn accepts(net: &mut Network, phone: &Phone, invite: &str) {
    let lines = format!("Contact: <sip:odile@{}>\r\n{SDP}", phone.flow.remote);
    phone.push(net, &response(invite, "200 OK", "phone", &lines, "v=0"));
}

/// Our requests of one method, in order.
fn requests(net: &Network, method: &str) -> Vec<String> {
    net.ladder.iter().filter(|(.., text)| text.starts_with(method)).map(|(.., text)| text.clone()).collect()
}

/// An INVITE is answered 100 in the very moment it comes. Copies that come before anything else was said are no second
/// call: each brings the 100 again, and later the 180.
#[test]
fn b036_b037_p010_trying_at_once_and_early_copies() {
    let (mut net, mut phone) = open();
    let invite = phone.request("INVITE", SDP, "v=0");
    let came = net.now.as_millis();
    for _ in 0..3 {
        let said = phone.push(&mut net, &invite);
        assert_eq!(said.iter().map(|text| status(text)).collect::<Vec<_>>(), [100]);
        net.run_for_ms(6);
    }
    assert_eq!((net.ladder[0].0, net.ends[0].count("invite")), (came, 1));
    let session = net.ends[0].called();
    net.respond(0, session, 180, None);
    let said = phone.push(&mut net, &invite);
    assert_eq!((said.len(), status(&said[0]), net.ends[0].count("invite")), (1, 180, 1));
}

/// Nobody acknowledges our 200: it is repeated from T1 to T2 for 64·T1, over UDP and over a connection alike, copies of the
/// INVITE change nothing about it; then BYE, and the record says why.
#[test]
fn b039_b040_p006_p008_a_200_is_repeated_until_somebody_says_ack() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Wss] {
        let (mut net, mut phone) = open();
        phone.flow = Flow { transport, connection: u64::from(transport.is_reliable()) * 4, ..phone.flow };
        let invite = phone.request("INVITE", SDP, "v=0").replace("/UDP", &format!("/{}", transport.via_name()));
        phone.push(&mut net, &invite);
        let session = net.ends[0].called();
        let start = net.now.as_millis();
        net.respond(0, session, 200, Some("v=0"));
        net.run_for_ms(700);
        phone.push(&mut net, &invite);
        net.run_for_ms(31_200);
        let times: Vec<u64> =
            net.ladder.iter().filter(|(.., text)| status(text) == 200).map(|(at, ..)| at - start).collect();
        assert_eq!(times, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], "{transport:?}");
        assert_eq!((net.ends[0].count("invite"), net.sent(0, "BYE")), (1, 0));
        net.run_for_ms(200);
        assert_eq!(net.sent(0, "BYE"), 1, "{transport:?}");
        assert!(
            matches!(net.ends[0].events.last(), Some((_, Event::Ended { cause, .. })) if cause.kind == CauseKind::NoAck)
        );
    }
}

/// An ACK that comes twelve seconds late, after five copies of the 200, is an ACK.
#[test]
fn p023_a_late_ack_is_an_ack() {
    let (mut net, mut phone) = open();
    phone.send(&mut net, "INVITE", SDP, "v=0");
    let session = net.ends[0].called();
    net.respond(0, session, 200, Some("v=0"));
    phone.learn(net.latest(0).to_owned().as_str());
    net.run_for_ms(12_000);
    phone.cseq -= 1;
    phone.send(&mut net, "ACK", "", "");
    assert_eq!(net.ends[0].names(), ["invite", "confirmed"]);
    let copies = net.sent(0, "SIP/2.0 200");
    net.run_for_ms(60_000);
    assert_eq!((net.sent(0, "SIP/2.0 200"), net.ends[0].count("ended")), (copies, 0));
}

/// The caller gives up in the moment we answer: her CANCEL finds a 200 already sent and changes nothing, her BYE is heard
/// although no ACK came, and the 200 is repeated no more.
#[test]
fn b068_b076_p018_cancel_after_the_200_and_bye_before_the_ack() {
    let (mut net, mut phone) = open();
    let invite = phone.request("INVITE", SDP, "v=0");
    phone.push(&mut net, &invite);
    let session = net.ends[0].called();
    net.respond(0, session, 200, Some("v=0"));
    phone.learn(net.latest(0).to_owned().as_str());
    let cancel = invite.replace("INVITE sip", "CANCEL sip").replace("1 INVITE", "1 CANCEL").replace(SDP, "");
    let said = phone.push(&mut net, &cancel.replace("Length: 3\r\n\r\nv=0", "Length: 0\r\n\r\n"));
    assert_eq!((said.len(), status(&said[0]), field(&said[0], "CSeq")), (1, 200, "1 CANCEL"));
    assert_eq!(net.ends[0].names(), ["invite"]);
    net.run_for_ms(600);
    assert_eq!(net.latest(0).lines().next(), Some("SIP/2.0 200 OK"), "the call waits for ACK or BYE");
    let said = phone.send(&mut net, "BYE", "", "");
    assert_eq!((said.len(), status(&said[0])), (1, 200));
    assert_eq!(net.ends[0].names(), ["invite", "ended"]);
    let sent = net.ladder.len();
    net.run_dry();
    assert_eq!(net.ladder.len(), sent, "nothing is repeated");
    net.assert_settled("cancel, bye, no ack");
}

/// Both hang up: the telephone's BYE, 200 ms after ours and before its answer, is heard. Five seconds after the end every
/// other request of that dialog is told at once that there is none, and an ACK is told nothing.
#[test]
fn b061_b068_p005_a_bye_that_crosses_ours_and_words_after_the_end() {
    let (mut net, mut phone) = open();
    let session = phone.call(&mut net);
    net.hangup(0, session);
    let ours = net.latest(0).to_owned();
    net.run_for_ms(200);
    let said = phone.send(&mut net, "BYE", "", "");
    assert_eq!(said.iter().map(|text| status(text)).collect::<Vec<_>>(), [200]);
    phone.answer(&mut net, &ours, "200 OK");
    assert_eq!(net.ends[0].count("ended"), 1);
    net.run_for_ms(5000);
    for (method, lines, body) in [("INVITE", SDP, "v=0"), ("UPDATE", SDP, "v=0"), ("INFO", "", ""), ("BYE", "", "")] {
        let said = phone.send(&mut net, method, lines, body);
        assert!(said.iter().all(|text| matches!(status(text), 100 | 481)), "{method}: {said:?}");
        assert_eq!(said.last().map(|text| status(text)), Some(481), "{method}");
    }
    assert!(phone.send(&mut net, "ACK", "", "").is_empty());
}

/// An ACK has no answer: not the one of a refusal, not its copy, not one that belongs to nothing.
#[test]
fn b038_b051_p019_an_ack_is_never_answered() {
    let (mut net, mut phone) = open();
    let invite = phone.request("INVITE", SDP, "v=0");
    phone.push(&mut net, &invite);
    let session = net.ends[0].called();
    net.respond(0, session, 486, None);
    let to = field(net.latest(0), "To").to_owned();
    let ack = invite.replace("INVITE sip", "ACK sip").replace("1 INVITE", "1 ACK");
    let ack = ack.replace(&format!("To: {}", field(&invite, "To")), &format!("To: {to}"));
    assert_ne!(ack, invite);
    for text in [&ack, &ack, &ack.replace("Call-ID: call", "Call-ID: nobody").replace("branch=z9", "branch=z9hG4bKx")] {
        assert!(phone.push(&mut net, text).is_empty());
    }
    net.run_for_ms(60_000);
    assert_eq!(net.sent(0, "SIP/2.0 486"), 1, "acknowledged at once");
    net.assert_settled("acknowledged");
}

/// A telephone walks from one network to another and says so by re-INVITE: from then on it is called where it is now, under
/// the Contact it gave. One that says so by UPDATE likewise.
#[test]
fn b065_p021_a_telephone_that_moves_is_found_where_it_went() {
    for method in ["INVITE", "UPDATE"] {
        let (mut net, mut phone) = open();
        let session = phone.call(&mut net);
        phone.cseq += 1;
        phone.flow = flow_of(&net, "198.18.0.7:40100");
        let said = phone.send(&mut net, method, SDP, "v=1");
        assert!(said.iter().all(|text| status(text) < 300), "{said:?}");
        net.command(0, Command::AnswerReoffer { session, status: 200, sdp: Some(b"v=2".to_vec()) });
        assert_eq!((status(net.latest(0)), net.last_remote), (200, Some(phone.flow.remote)));
        if method == "INVITE" {
            phone.cseq -= 1;
            phone.send(&mut net, "ACK", "", "");
        }
        net.hangup(0, session);
        assert!(net.latest(0).starts_with("BYE sip:odile@198.18.0.7:40100 "), "{}", net.latest(0));
        assert_eq!(net.last_remote, Some(phone.flow.remote));
    }
}

/// A second re-INVITE before the first is answered: 500 and when to try again; the first is answered all the same.
#[test]
fn b071_a_second_change_before_the_first_is_answered() {
    let (mut net, mut phone) = open();
    let session = phone.call(&mut net);
    phone.cseq += 1;
    phone.send(&mut net, "INVITE", SDP, "v=1");
    let said = phone.send(&mut net, "INVITE", SDP, "v=2");
    assert_eq!(status(&said[0]), 500, "{said:?}");
    let wait: u32 = field(&said[0], "Retry-After").parse().expect("seconds");
    assert!(wait <= 10);
    assert_eq!(net.ends[0].count("reoffer"), 1);
    net.command(0, Command::AnswerReoffer { session, status: 200, sdp: Some(b"v=3".to_vec()) });
    assert_eq!((status(net.latest(0)), net.ends[0].count("ended")), (200, 0));
}

/// Our re-INVITE is refused: the session goes on as it was. It is told that the session is not known there, or not heard in
/// time: the session is over, and a BYE says so.
#[test]
fn b072_b073_how_a_refused_change_ends() {
    for (refusal, over) in [
        (400, false),
        (403, false),
        (415, false),
        (488, false),
        (500, false),
        (503, false),
        (606, false),
        (408, true),
        (481, true),
    ] {
        let (mut net, phone) = open();
        let (session, invite) = called(&mut net, &phone);
        accepts(&mut net, &phone, &invite);
        net.command(0, Command::Reoffer { session, sdp: Some(b"hold".to_vec()) });
        let change = net.latest(0).to_owned();
        assert!(change.starts_with("INVITE "));
        phone.push(&mut net, &response(&change, &format!("{refusal} No"), "", "", ""));
        assert_eq!(net.ends[0].count("ended"), usize::from(over), "{refusal}");
        assert_eq!(net.sent(0, "BYE"), usize::from(over), "{refusal}");
        assert_eq!(net.ends[0].count("reoffer_rejected"), usize::from(!over), "{refusal}");
        assert_eq!(requests(&net, "ACK").len(), 2, "the answer and the refusal");
    }
}

/// The Contact of every answer that makes a dialog names the listener on which the INVITE came, as others must write it, and
/// the Record-Route lines come back as they were; a BYE to that Contact is heard. 180 and 200, every transport.
#[test]
fn p004_contact_and_record_route_of_180_and_200() {
    for (transport, port, written) in [
        (Transport::Udp, 5060, "sip:ecoute@voix.example:5060"),
        (Transport::Tcp, 5060, "sip:ecoute@voix.example:5060;transport=tcp"),
        (Transport::Tls, 5061, "sip:ecoute@voix.example:5061;transport=tls"),
        (Transport::Ws, 5080, "sip:ecoute@voix.example:5080;transport=ws"),
    ] {
        let local = format!("10.0.0.1:{port}").parse().expect("an address");
        let mut net = server(|config| {
            config.invite_auth_required = false;
            config.sockets = vec![Advertised { transport, local, host: "voix.example".into(), port }];
        });
        let mut phone = Phone::new(&net, "odile", "call");
        let connection = u64::from(transport.is_reliable()) * 3;
        phone.flow = Flow { transport, connection, local, ..phone.flow };
        let routes = "Record-Route: <sip:203.0.113.8;r2=on;lr>, <sip:203.0.113.8;transport=tcp;r2=on;lr>\r\n\
            Record-Route: <sip:198.51.100.9;lr;ftag=a>\r\n";
        phone.send(&mut net, "INVITE", &format!("{routes}{SDP}"), "v=0");
        let session = net.ends[0].called();
        for status in [180, 183, 200] {
            net.respond(0, session, status, (status == 200).then_some("v=0"));
            let said = net.latest(0).to_owned();
            assert_eq!(field(&said, "Contact"), format!("<{written}>"), "{transport:?} {said}");
            let back: Vec<&str> = said.split("\r\n").filter_map(|line| line.strip_prefix("Record-Route: ")).collect();
            let want =
                "<sip:203.0.113.8;r2=on;lr>, <sip:203.0.113.8;transport=tcp;r2=on;lr>, <sip:198.51.100.9;lr;ftag=a>";
            assert_eq!(back.join(", "), want, "{status} over {transport:?}");
        }
        phone.learn(net.latest(0).to_owned().as_str());
        phone.uri = written.to_owned();
        let said = phone.send(&mut net, "BYE", "", "");
        assert_eq!((status(&said[0]), net.ends[0].count("ended")), (200, 1), "{transport:?}");
    }
}

/// A request that comes again brings the same words again, and nothing is done twice: OPTIONS, INFO, BYE.
#[test]
fn b042_a_copy_of_a_request_brings_the_same_answer() {
    let (mut net, mut phone) = open();
    let options = phone.request("OPTIONS", "", "");
    assert_eq!(phone.push(&mut net, &options), phone.push(&mut net, &options));
    let mut call = Phone::new(&net, "odile", "talk");
    let session = call.call(&mut net);
    call.cseq += 1;
    for (method, event) in [("INFO", "info"), ("BYE", "ended")] {
        let text = call.request(method, "", "");
        let first = call.push(&mut net, &text);
        assert_eq!(status(&first[0]), 200);
        net.run_for_ms(500);
        for _ in 0..3 {
            assert_eq!(call.push(&mut net, &text), first, "{method}");
        }
        assert_eq!(net.ends[0].count(event), 1, "{method}");
    }
    assert!(!net.ends[0].endpoint.saved_sessions().any(|saved| saved.session() == session));
}

/// A copy of a REGISTER, password and all, binds once, and is answered as the first was.
#[test]
fn b042_a_copy_of_a_register_binds_once() {
    let (mut net, mut phone) = open();
    let asked = phone.send(&mut net, "REGISTER", "Expires: 300\r\n", "");
    assert_eq!(status(&asked[0]), 401);
    let proof = phone.proof(&asked[0], "REGISTER");
    let register = phone.request("REGISTER", &format!("Expires: 300\r\n{proof}"), "");
    let first = phone.push(&mut net, &register);
    assert_eq!(status(&first[0]), 200);
    net.run_for_ms(500);
    assert_eq!(phone.push(&mut net, &register), first);
    assert_eq!((net.ends[0].count("bound"), net.counts(0).bindings), (1, 1));
}

/// A GRUU is neither promised nor given, and one that is demanded is refused by name.
#[test]
fn b131_no_gruu() {
    let (mut net, mut phone) = open();
    let lines = "Supported: gruu, outbound\r\nExpires: 300\r\n";
    let said = phone.send_proved(&mut net, "REGISTER", lines, "");
    let said = said.last().expect("an answer");
    assert_eq!(status(said), 200);
    assert!(!said.contains("gruu"), "{said}");
    let said = phone.send_proved(&mut net, "REGISTER", "Require: gruu\r\n", "");
    assert_eq!((status(&said[0]), field(&said[0], "Unsupported")), (420, "gruu"));
}

/// Whatever tags the 18x brought, or none, our CANCEL is the INVITE's: its branch, its Request-URI, its Call-ID and CSeq
/// number, To without a tag, no Require; a 200 to the INVITE that crosses it is acknowledged and hung up at once.
#[test]
fn b078_b080_p015_p016_cancel_after_any_18x() {
    for (tags, crossed) in [(&[""][..], false), (&["", "a"], false), (&["a", "b", ""], true), (&["b"], true)] {
        let (mut net, phone) = open();
        let (session, invite) = called(&mut net, &phone);
        for tag in tags {
            phone.push(&mut net, &response(&invite, "183 Session Progress", tag, "", ""));
        }
        net.hangup(0, session);
        let cancel = net.latest(0).to_owned();
        assert_eq!(cancel.lines().next(), Some("CANCEL sip:odile@203.0.113.5:1035 SIP/2.0"), "{tags:?}");
        for name in ["Via", "From", "To", "Call-ID", "Max-Forwards"] {
            assert_eq!(field(&cancel, name), field(&invite, name), "{name}");
        }
        assert_eq!(field(&cancel, "CSeq"), field(&invite, "CSeq").replace("INVITE", "CANCEL"));
        assert!(!cancel.contains("Require:") && !field(&cancel, "To").contains("tag="));
        phone.push(&mut net, &response(&cancel, "200 OK", "x", "", ""));
        if crossed {
            accepts(&mut net, &phone, &invite);
            assert_eq!((net.sent(0, "ACK"), net.sent(0, "BYE")), (1, 1), "{tags:?}");
            let bye = net.latest(0).to_owned();
            phone.answer(&mut net, &bye, "200 OK");
        } else {
            phone.push(&mut net, &response(&invite, "487 Request Terminated", "x", "", ""));
            assert_eq!((net.sent(0, "ACK"), net.sent(0, "BYE")), (1, 0), "{tags:?}");
        }
        assert_eq!(net.ends[0].count("ended"), 1);
        net.run_dry();
        assert!(net.counts(0).is_zero(), "{tags:?}: {:?}", net.counts(0));
    }
}

/// Two telephones behind one address ring and one answers: what the owner is given is the answer's, under its tag and its
/// routes; nothing of the other is left.
#[test]
fn b067_p034_early_dialogs_and_one_answer() {
    let (mut net, phone) = open();
    let (session, invite) = called(&mut net, &phone);
    let early = format!("Contact: <sip:a@203.0.113.5>\r\nRecord-Route: <sip:203.0.113.5:7001;lr>\r\n{SDP}");
    phone.push(&mut net, &response(&invite, "183 Session Progress", "a", &early, "early"));
    phone.push(&mut net, &response(&invite, "180 Ringing", "b", "Contact: <sip:b@203.0.113.5>\r\n", ""));
    let lines = format!("Contact: <sip:b@203.0.113.5:5070>\r\nRecord-Route: <sip:203.0.113.5:7002;lr>\r\n{SDP}");
    phone.push(&mut net, &response(&invite, "200 OK", "b", &lines, "final"));
    let Some((_, Event::Answered { sdp: Some(sdp), .. })) = net.ends[0].events.last() else { panic!("answered") };
    assert_eq!(sdp, b"final");
    net.hangup(0, session);
    for text in [requests(&net, "ACK"), requests(&net, "BYE")].concat() {
        assert!(text.contains(" sip:b@203.0.113.5:5070 SIP/2.0"), "{text}");
        assert_eq!(field(&text, "Route"), "<sip:203.0.113.5:7002;lr>");
        assert!(field(&text, "To").ends_with(";tag=b"), "{text}");
    }
    assert_eq!(net.last_remote.map(|addr| addr.port()), Some(7002));
}
