//! Messages too large for a datagram (RFC 3261 §18.1.1), and what becomes of requests and responses whose connection
//! breaks. The peer's messages are written by the test.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::IdSource;
use crate::sip::message::{Framing, Message};
use crate::sip::{
    Advertised, Binding, Command, Endpoint, EndpointConfig, Event, Flow, Headers, Hidden, Input, Network,
    OutgoingInvite, Output, Peers, Redirect, SessionId, Target, Transport,
};

const US: &str = "10.0.0.1:5060";
const TRUNK: &str = "192.0.2.7:5060";

struct Bench {
    endpoint: Endpoint,
    now: Instant,
    sent: Vec<(Flow, String)>,
    events: Vec<Event>,
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn udp() -> Flow {
    Flow::udp(addr(US), addr(TRUNK))
}

fn tcp(connection: u64) -> Flow {
    Flow { transport: Transport::Tcp, connection, ..udp() }
}

fn socket(transport: Transport, port: u16) -> Advertised {
    Advertised { transport, local: addr(US), host: "us.example".into(), port }
}

impl Bench {
    /// An endpoint with a UDP and a TCP socket, advertised at ports 5060 and 5062; its trunk is 192.0.2.0/24.
    fn new() -> Bench {
        Bench::with(vec![socket(Transport::Udp, 5060), socket(Transport::Tcp, 5062)])
    }

    fn with(sockets: Vec<Advertised>) -> Bench {
        let trusted = vec![Network { addr: "192.0.2.0".parse().expect("ip"), prefix: 24 }];
        let config = EndpointConfig { peers: Arc::new(Peers::one(trusted)), sockets, ..EndpointConfig::default() };
        let endpoint = Endpoint::new(config, IdSource::from_number(7));
        Bench { endpoint, now: Instant::from_millis(1000), sent: Vec::new(), events: Vec::new() }
    }

    fn input(&mut self, input: Input<'_>) -> Option<Instant> {
        self.endpoint.handle_input(self.now, input);
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit { flow, bytes } => {
                    self.sent.push((flow, String::from_utf8_lossy(&bytes).into_owned()));
                }
                Output::Event(event) => self.events.push(event),
                Output::Dropped(_) | Output::Close(_) => {}
                Output::Timeout(at) => return at,
            }
        }
    }

    fn pass_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while let Some(at) = self.input(Input::Timeout).filter(|at| *at <= until) {
            self.now = at;
        }
        self.now = until;
    }

    fn datagram(&mut self, flow: Flow, text: &str) {
        self.input(Input::Datagram { flow, bytes: text.as_bytes() });
    }

    fn call(&mut self, target: Target, sdp_bytes: usize) -> SessionId {
        let session = self.endpoint.new_session();
        let invite = OutgoingInvite {
            target,
            from_uri: "sip:a@example.org".into(),
            from_display: "A".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: None,
            headers: Headers::none(),
            sdp: Some(candidates(sdp_bytes)),
            ring_timeout: Duration::from_secs(60),
            patience: None,
            redirect: Redirect::Refuse,
            max_forwards: 70,
        };
        self.input(Input::Command(Command::Invite { session, invite: Box::new(invite) }));
        session
    }

    fn call_trunk(&mut self, flow: Flow, sdp_bytes: usize) -> SessionId {
        self.call(Target::Uri { uri: "sip:b@192.0.2.7".into(), flow }, sdp_bytes)
    }

    fn hangup(&mut self, session: SessionId) {
        self.input(Input::Command(Command::Hangup { session, reason: None }));
    }

    fn last(&self, method: &str) -> (Flow, String) {
        self.sent.iter().rev().find(|(_, text)| text.starts_with(method)).cloned().expect("it was sent")
    }

    fn sent(&self, method: &str) -> Vec<Flow> {
        self.sent.iter().filter(|(_, text)| text.starts_with(method)).map(|(flow, _)| *flow).collect()
    }

    /// The peer answers the latest request of this method, over `flow`.
    fn answered(&mut self, method: &str, status: &str, flow: Flow) {
        let request = self.last(method).1;
        let line = |name: &str| request.lines().find(|l| l.starts_with(name)).expect("a header").to_owned();
        let answer = format!(
            "SIP/2.0 {status}\r\n{}\r\n{}\r\n{};tag=peer\r\n{}\r\n{}\r\nContact: <sip:b@192.0.2.7>\r\n\
             Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
            line("Via:"),
            line("From:"),
            line("To:"),
            line("Call-ID:"),
            line("CSeq:")
        );
        self.datagram(flow, &answer);
    }

    fn names(&self) -> Vec<&'static str> {
        self.events.iter().map(Event::name).collect()
    }
}

/// A session description with ICE candidates, of at least so many bytes.
fn candidates(bytes: usize) -> Vec<u8> {
    let mut sdp = String::from("v=0\r\n");
    let mut nth = 0;
    while sdp.len() < bytes {
        nth += 1;
        sdp += &format!("a=candidate:{nth} 1 UDP 2130706431 192.0.2.{nth} {} typ host\r\n", 40_000 + nth);
    }
    sdp.into_bytes()
}

fn via(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("Via:")).unwrap_or_default()
}

/// An INVITE with sixty candidates to a UDP peer leaves over TCP, and says so in its Via; it is the very same call for the
/// peer. A request of the usual size stays on UDP, byte for byte up to the limit.
#[test]
fn b027_a_large_request_goes_by_tcp() {
    let mut bench = Bench::new();
    bench.call_trunk(udp(), 3600);
    let (flow, text) = bench.last("INVITE");
    assert_eq!(flow, tcp(0));
    assert!(via(&text).starts_with("Via: SIP/2.0/TCP us.example:5062;"), "{}", via(&text));
    assert!(text.matches("a=candidate").count() >= 60 && text.len() > 3600);
    assert!(Message::parse(text.as_bytes(), Framing::Stream).is_ok_and(|message| message.body().len() >= 3600));
    bench.answered("INVITE", "200 OK", tcp(9));
    assert_eq!(bench.names(), ["answered"]);
    // At the limit and one beyond.
    let mut bench = Bench::new();
    bench.call_trunk(udp(), 20);
    let small = bench.last("INVITE").1.len();
    for (limit, wanted) in [(small, udp()), (small - 1, tcp(0))] {
        let sockets = vec![socket(Transport::Udp, 5060), socket(Transport::Tcp, 5062)];
        let config = EndpointConfig { sockets, mtu_bytes_max: limit, ..EndpointConfig::default() };
        let mut bench = Bench { endpoint: Endpoint::new(config, IdSource::from_number(7)), ..Bench::new() };
        bench.call_trunk(udp(), 20);
        assert_eq!(bench.last("INVITE").0, wanted, "{limit}");
    }
}

/// No TCP there, or none here: the same request, with the same branch, goes over UDP, and is repeated there as UDP needs.
#[test]
fn b027_without_tcp_a_large_request_goes_by_udp() {
    let mut bench = Bench::new();
    bench.call_trunk(udp(), 3600);
    let over_tcp = bench.last("INVITE").1;
    bench.input(Input::FlowClosed(tcp(0)));
    let (flow, over_udp) = bench.last("INVITE");
    assert_eq!(flow, udp());
    assert_eq!(over_udp.replace("UDP us.example:5060", "TCP us.example:5062"), over_tcp);
    assert!(bench.names().is_empty(), "the call goes on: {:?}", bench.names());
    bench.pass_ms(600);
    assert_eq!(bench.sent("INVITE"), [tcp(0), udp(), udp()], "Timer A");
    bench.answered("INVITE", "200 OK", udp());
    assert_eq!(bench.names(), ["answered"]);

    let mut bench = Bench::with(vec![socket(Transport::Udp, 5060)]);
    bench.call_trunk(udp(), 3600);
    assert_eq!(bench.sent("INVITE"), [udp()]);
}

/// A peer that takes no TCP is asked once in ten minutes, and no more: its calls do not wait for a connection each time.
#[test]
fn b027_a_peer_without_tcp_is_remembered() {
    let mut bench = Bench::new();
    bench.call_trunk(udp(), 3600);
    bench.input(Input::FlowClosed(tcp(0)));
    bench.call_trunk(udp(), 3600);
    assert_eq!(bench.sent("INVITE"), [tcp(0), udp(), udp()]);
    let other = Flow { remote: addr("192.0.2.8:5060"), ..udp() };
    bench.call_trunk(other, 3600);
    assert_eq!(bench.last("INVITE").0.transport, Transport::Tcp, "only that peer");
    bench.pass_ms(601_000);
    bench.call_trunk(udp(), 3600);
    assert_eq!(bench.last("INVITE").0, tcp(0));
}

/// The choice is that one message's: the ACK, a small re-INVITE and the BYE of a call that began over TCP for its size go
/// over UDP, and the next small call does too; each Via says how it travels.
#[test]
fn p066_the_way_is_chosen_for_each_message() {
    let mut bench = Bench::new();
    let session = bench.call_trunk(udp(), 3600);
    bench.answered("INVITE", "200 OK", tcp(9));
    assert_eq!(bench.last("ACK").0, udp());
    bench.input(Input::FlowClosed(tcp(9)));
    bench.input(Input::FlowClosed(tcp(0)));
    bench.input(Input::Command(Command::Reoffer { session, sdp: Some(b"v=0".to_vec()) }));
    assert_eq!(bench.last("INVITE").0, udp());
    bench.answered("INVITE", "200 OK", udp());
    bench.input(Input::Command(Command::Reoffer { session, sdp: Some(candidates(2000)) }));
    assert_eq!(bench.last("INVITE").0, tcp(0), "a large one in the same dialog goes by TCP again");
    bench.answered("INVITE", "200 OK", tcp(10));
    bench.hangup(session);
    assert_eq!(bench.last("BYE").0, udp());
    bench.call_trunk(udp(), 20);
    assert_eq!(bench.last("INVITE").0, udp());
    for (flow, text) in &bench.sent {
        let written = format!("Via: SIP/2.0/{} ", flow.transport.via_name());
        assert!(via(text).starts_with(&written), "{flow:?}: {}", via(text));
    }
}

/// CANCEL and the ACK of a refusal follow the INVITE hop by hop: over the connection it went.
#[test]
fn b027_cancel_and_ack_follow_the_large_invite() {
    let mut bench = Bench::new();
    let session = bench.call_trunk(udp(), 3600);
    bench.answered("INVITE", "180 Ringing", tcp(9));
    bench.hangup(session);
    let cancel = bench.last("CANCEL");
    assert_eq!((cancel.0, via(&cancel.1)), (tcp(0), via(&bench.last("INVITE").1)));
    bench.answered("CANCEL", "200 OK", tcp(9));
    bench.answered("INVITE", "487 Request Terminated", tcp(9));
    assert_eq!(bench.last("ACK").0, tcp(0));
    bench.pass_ms(40_000);
    assert!(bench.endpoint.counts().is_zero(), "{:?}", bench.endpoint.counts());
}

/// A telephone behind NAT is reached by its own datagrams alone: what is too large for one goes there in fragments.
#[test]
fn b027_a_telephone_is_never_called_by_tcp() {
    let mut bench = Bench::new();
    let phone = Flow::udp(addr(US), addr("203.0.113.5:1035"));
    bench.call(Target::Binding(Box::new(Binding::of_test("odile", "sip:odile@192.168.7.20", phone))), 3600);
    assert_eq!(bench.sent("INVITE"), [phone]);
}

/// The trunk was restarted: the connection our INVITE was written to breaks without a response. It is written once more,
/// to a fresh connection; and only once.
#[test]
fn p065_a_request_to_a_dead_connection_is_sent_again() {
    let mut bench = Bench::new();
    bench.call_trunk(tcp(0), 20);
    bench.input(Input::FlowClosed(tcp(4)));
    bench.input(Input::FlowClosed(tcp(0)));
    assert_eq!(bench.sent("INVITE"), [tcp(0), tcp(0)]);
    assert!(bench.names().is_empty());
    bench.answered("INVITE", "200 OK", tcp(5));
    assert_eq!(bench.names(), ["answered"]);

    let mut bench = Bench::new();
    bench.call_trunk(tcp(0), 20);
    for connection in [4, 0, 5, 0] {
        bench.input(Input::FlowClosed(tcp(connection)));
    }
    assert_eq!((bench.sent("INVITE").len(), bench.names()), (2, vec!["rejected"]));
    assert!(matches!(bench.events.last(), Some(Event::Rejected { status: 503, .. })));
    assert!(bench.endpoint.counts().is_zero(), "{:?}", bench.endpoint.counts());
}

fn invite_from(flow: Flow, transport: &str) -> (Flow, String) {
    let text = format!(
        "INVITE sip:3977@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 192.0.2.7:5070;branch=z9hG4bKi;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@h>;tag=1\r\nTo: <sip:3977@10.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:x@192.0.2.7:5070;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0"
    );
    (Flow { remote: addr("192.0.2.7:40000"), ..flow }, text)
}

/// The connection a trunk's INVITE came on breaks while it rings: the 200 goes to the port of its Via, over a connection of
/// our own, and is repeated there until the ACK; the call is up.
#[test]
fn b021_p064_an_answer_finds_another_connection() {
    let mut bench = Bench::new();
    let (flow, text) = invite_from(tcp(3), "TCP");
    bench.datagram(flow, &text);
    let session = bench.events.last().and_then(Event::session).expect("it rings");
    bench.input(Input::FlowClosed(flow));
    assert_eq!(bench.names(), ["invite"], "it goes on ringing");
    let headers = Headers::none();
    let sdp = Some(b"v=1".to_vec());
    bench.input(Input::Command(Command::Respond {
        session,
        status: 200,
        reason: None,
        sdp,
        retry_after_s: None,
        headers,
    }));
    let way = Flow { remote: addr("192.0.2.7:5070"), ..tcp(0) };
    bench.pass_ms(600);
    assert_eq!(bench.sent("SIP/2.0 200"), [way, way]);
    let tag =
        bench.last("SIP/2.0 200").1.split(";tag=").nth(2).expect("ours").lines().next().expect("a tag").to_owned();
    let ack = text
        .replace("INVITE sip", "ACK sip")
        .replace("1 INVITE", "1 ACK")
        .replace("branch=z9hG4bKi", "branch=z9hG4bKa")
        .replace("To: <sip:3977@10.0.0.1>", &format!("To: <sip:3977@10.0.0.1>;tag={tag}"));
    bench.datagram(Flow { connection: 8, ..way }, &ack);
    assert_eq!(bench.names(), ["invite", "confirmed"]);
    bench.hangup(session);
    assert_eq!(bench.last("BYE").0, way);
}

/// If that port does not listen either, nobody can be answered: the call ends once. A stranger is never called back at all.
#[test]
fn p064_an_answer_without_any_way_ends_the_call() {
    let mut bench = Bench::new();
    let (flow, text) = invite_from(tcp(3), "TCP");
    bench.datagram(flow, &text);
    bench.input(Input::FlowClosed(flow));
    bench.input(Input::FlowClosed(Flow { remote: addr("192.0.2.7:5070"), ..tcp(0) }));
    assert_eq!(bench.names(), ["invite", "ended"]);
    assert!(bench.endpoint.counts().is_zero(), "{:?}", bench.endpoint.counts());

    let config = EndpointConfig { invite_auth_required: false, ..EndpointConfig::default() };
    let mut bench = Bench { endpoint: Endpoint::new(config, IdSource::from_number(7)), ..Bench::new() };
    bench.datagram(flow, &text);
    bench.input(Input::FlowClosed(flow));
    assert_eq!(bench.names(), ["invite", "ended"]);
    assert!(bench.endpoint.counts().is_zero(), "{:?}", bench.endpoint.counts());
}

/// All responses leave on the connection the request came on, whatever its Via says (RFC 3261 §18.2.2, first choice).
#[test]
fn b021_p074_responses_stay_on_the_incoming_connection() {
    let mut bench = Bench::new();
    let (flow, text) = invite_from(tcp(3), "TCP");
    bench.datagram(flow, &text);
    let session = bench.events.last().and_then(Event::session).expect("it rings");
    for (status, sdp) in [(180, None), (486, None)] {
        let headers = Headers::none();
        bench.input(Input::Command(Command::Respond {
            session,
            status,
            reason: None,
            sdp,
            retry_after_s: None,
            headers,
        }));
    }
    assert_eq!(bench.sent("SIP/2.0 "), [flow, flow, flow]);
}

/// The connection of a BYE breaks before its answer: it is sent once more, over a fresh one, so that the trunk is not left
/// in a call that is over.
#[test]
fn p072_a_bye_outlives_its_connection() {
    let mut bench = Bench::new();
    let session = bench.call_trunk(tcp(0), 20);
    bench.answered("INVITE", "200 OK", tcp(5));
    bench.hangup(session);
    assert_eq!(bench.last("BYE").0, tcp(5));
    bench.input(Input::FlowClosed(tcp(5)));
    assert_eq!(bench.sent("BYE"), [tcp(5), tcp(0)]);
    bench.answered("BYE", "200 OK", tcp(6));
    bench.pass_ms(40_000);
    assert!(bench.endpoint.counts().is_zero(), "{:?}", bench.endpoint.counts());
}

/// An outbound proxy's Route goes into the INVITE, and into its CANCEL; it never leaks into the dialog (P002).
#[test]
fn b210_p002_a_preloaded_route_is_used_and_not_kept() {
    let mut bench = Bench::new();
    let session = bench.endpoint.new_session();
    let invite = OutgoingInvite {
        target: Target::Uri { uri: "sip:b@far.example".into(), flow: udp() },
        from_uri: "sip:a@example.org".into(),
        from_display: Hidden::default(),
        to_uri: None,
        routes: vec!["<sip:192.0.2.7;lr>".into(), "<sip:second.example;lr>".into()],
        credentials: None,
        headers: Headers::none(),
        sdp: Some(b"v=0".to_vec()),
        ring_timeout: Duration::from_secs(60),
        patience: None,
        redirect: Redirect::Refuse,
        max_forwards: 70,
    };
    bench.input(Input::Command(Command::Invite { session, invite: Box::new(invite) }));
    let invite = bench.last("INVITE").1;
    let routes = |text: &str| text.lines().filter(|l| l.starts_with("Route:")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(routes(&invite).join("|"), "Route: <sip:192.0.2.7;lr>|Route: <sip:second.example;lr>", "{invite}");
    assert!(invite.starts_with("INVITE sip:b@far.example "));
    bench.answered("INVITE", "180 Ringing", udp());
    bench.answered("INVITE", "200 OK", udp());
    assert!(routes(&bench.last("ACK").1).is_empty());
    bench.hangup(session);
    assert!(routes(&bench.last("BYE").1).is_empty());
}
