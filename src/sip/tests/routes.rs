//! In-dialog routing in both roles over any Record-Route list, on real messages: whatever lies between two endpoints, all
//! requests of the dialog go the same way (RFC 3261 §12.1, §12.2.1.1).

use proptest::prelude::*;

use super::network::{End, Faults, Network};
use crate::ids::IdSource;
use crate::sip::message::{Framing, HeaderName, Message};
use crate::sip::{Command, Endpoint, EndpointConfig, SessionId};

const PEER: &str = "10.0.0.9:5060";

#[derive(Clone, Debug)]
struct Hop {
    value: String,
    loose: bool,
}

fn hop() -> impl Strategy<Value = Hop> {
    (1u8..200, any::<bool>(), 0usize..5, any::<bool>()).prop_map(|(host, loose, dress, named)| {
        let outside = if dress == 2 { ";x=\"1,2;3\"" } else { "" };
        let dress = ["", ";r2=on", ";ftag=a", ";transport=udp", ";did=a%3bb"][dress];
        let lr = if loose { ";lr" } else { "" };
        let name = if named { "\"p, <1>\" " } else { "" };
        Hop { value: format!("{name}<sip:198.51.100.{host}:5080{dress}{lr}>{outside}"), loose }
    })
}

/// Record-Route on one line or on several.
fn record_route(hops: &[Hop], one_line: bool) -> String {
    let values: Vec<&str> = hops.iter().map(|hop| hop.value.as_str()).collect();
    match (values.is_empty(), one_line) {
        (true, _) => String::new(),
        (false, true) => format!("Record-Route: {}\r\n", values.join(" ,\r\n ")),
        (false, false) => values.iter().map(|value| format!("Record-Route: {value}\r\n")).collect(),
    }
}

/// One endpoint, and a peer whose messages the test writes.
fn with_peer() -> Network {
    let mut net = Network::new(1, 1, Faults::NONE);
    let endpoint = Endpoint::new(EndpointConfig::default(), IdSource::from_number(1));
    net.ends.push(End {
        endpoint,
        addr: PEER.parse().expect("an address"),
        events: Vec::new(),
        dropped: Vec::new(),
        closed: Vec::new(),
        wake: None,
    });
    net.filter = Some(Box::new(|_, _| true));
    net
}

/// What the endpoint sent last, checked: Request-URI, Route and the address must be those of the route set.
fn check(net: &Network, method: &str, hops: &[Hop], target: &str) -> Result<(), TestCaseError> {
    let text = net.latest(0);
    let message = Message::parse(text.as_bytes(), Framing::Datagram).expect("ours");
    prop_assert!(text.starts_with(method), "{}", text);
    let uri = String::from_utf8_lossy(message.request_uri().expect("a request")).into_owned();
    let routes: Vec<String> =
        message.elements(HeaderName::Route).map(|v| String::from_utf8_lossy(v).into_owned()).collect();
    let all: Vec<String> = hops.iter().map(|hop| hop.value.clone()).collect();
    match hops.first() {
        Some(Hop { value, loose: false }) => {
            prop_assert!(value.contains(&format!("<{uri}>")), "{} is not {}", uri, value);
            prop_assert_eq!(&routes[..routes.len() - 1], &all[1..]);
            prop_assert_eq!(routes.last(), Some(&format!("<{target}>")));
        }
        _ => {
            prop_assert_eq!(&uri, target);
            prop_assert_eq!(&routes, &all);
        }
    }
    let host = hops.first().and_then(|hop| hop.value.split("198.51.100.").nth(1)?.split(':').next().map(str::to_owned));
    let wanted = host.map_or(PEER.to_owned(), |host| format!("198.51.100.{host}:5080"));
    prop_assert_eq!(net.last_remote.map(|a| a.to_string()), Some(wanted));
    Ok(())
}

fn drive(net: &mut Network, session: SessionId, hops: &[Hop], target: &str) -> Result<(), TestCaseError> {
    net.command(0, Command::Info { session, content_type: "text/plain", body: b"5".to_vec() });
    check(net, "INFO", hops, target)?;
    net.command(0, Command::Reoffer { session, sdp: Some(b"v=1".to_vec()) });
    check(net, "INVITE", hops, target)?;
    // The answer to the re-INVITE brings a new Contact and no Record-Route: the target moves, the routes stay (P003).
    let moved = "sip:peer@10.0.0.9:5060;moved";
    let answer = response(net.latest(0), "200 OK", None, &format!("Contact: <{moved}>\r\n"));
    // It comes from the hop the request went to; from anywhere else it would not be believed.
    let hop = net.last_remote.map(|addr| addr.to_string()).expect("sent");
    net.inject(0, &hop, &answer);
    check(net, "ACK", hops, moved)?;
    net.hangup(0, session);
    check(net, "BYE", hops, moved)
}

/// A response to a request of ours, with a To tag if there is none.
fn response(request: &str, status: &str, tag: Option<&str>, extra: &str) -> String {
    let line = |name: &str| request.lines().find(|l| l.starts_with(name)).expect("a header").to_owned();
    let tag = tag.map_or(String::new(), |tag| format!(";tag={tag}"));
    format!(
        "SIP/2.0 {status}\r\n{}\r\n{}\r\n{}{tag}\r\n{}\r\n{}\r\n{extra}Content-Type: application/sdp\r\n\
         Content-Length: 3\r\n\r\nv=0",
        line("Via:"),
        line("From:"),
        line("To:"),
        line("Call-ID:"),
        line("CSeq:")
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The side that calls: the list of the 2xx reversed, in ACK, INFO, re-INVITE, its ACK, and BYE.
    #[test]
    fn b063_p001_p003_caller(hops in proptest::collection::vec(hop(), 0..6), one_line in any::<bool>()) {
        let mut net = with_peer();
        let session = net.call(Some("offer"));
        let target = "sip:peer;x=1@10.0.0.9:5060";
        let extra = format!("{}Contact: <{target}>\r\n", record_route(&hops, one_line));
        let answer = response(net.latest(0), "200 OK", Some("peer"), &extra);
        net.inject(0, PEER, &answer);
        let mut routes = hops;
        routes.reverse();
        check(&net, "ACK", &routes, target)?;
        drive(&mut net, session, &routes, target)?;
    }

    /// The side that is called: the list of the INVITE as it stands. A Route in the INVITE never leaks into the dialog.
    #[test]
    fn b063_p002_p003_called(hops in proptest::collection::vec(hop(), 0..6), one_line in any::<bool>()) {
        let mut net = with_peer();
        let target = "sip:peer;x=1@10.0.0.9:5060";
        let invite = |method: &str, to_tag: &str, extra: &str| format!(
            "{method} sip:3977@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bK{method}\r\n\
             From: <sip:p@h>;tag=peer\r\nTo: <sip:3977@10.0.0.1>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n{extra}\
             Route: <sip:10.0.0.1;lr>\r\nContact: <{target}>\r\nContent-Length: 0\r\n\r\n"
        );
        net.inject(0, PEER, &invite("INVITE", "", &record_route(&hops, one_line)));
        let session = net.ends[0].called();
        net.respond(0, session, 200, Some("v=0"));
        let message = Message::parse(net.latest(0).as_bytes(), Framing::Datagram).expect("ours");
        prop_assert_eq!(message.record_route().count(), hops.len(), "copied into the 2xx");
        let tag = String::from_utf8_lossy(message.to().and_then(|to| to.tag()).expect("a tag")).into_owned();
        // The 200 carried our offer, so the ACK carries the answer.
        let ack = invite("ACK", &format!(";tag={tag}"), "Content-Type: application/sdp\r\n");
        net.inject(0, PEER, &ack.replace("Content-Length: 0\r\n\r\n", "Content-Length: 3\r\n\r\nv=0"));
        prop_assert_eq!(net.ends[0].count("confirmed"), 1);
        drive(&mut net, session, &hops, target)?;
    }
}
