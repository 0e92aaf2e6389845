//! Flows over connections: what is sent to a peer over no particular connection, what stays on its own, and what a
//! connection's end means. The peer's messages are written by the test.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::ids::IdSource;
use crate::sip::{
    Command, Endpoint, EndpointConfig, Event, Flow, Headers, Input, Network, OutgoingInvite, Output, Peers, SessionId,
    Target, Transport,
};

const TRUNK: &str = "192.0.2.7:5060";

struct Bench {
    endpoint: Endpoint,
    now: Instant,
    sent: Vec<(Flow, String)>,
    events: Vec<Event>,
}

impl Bench {
    fn new() -> Bench {
        let trusted = vec![Network { addr: "192.0.2.0".parse().expect("ip"), prefix: 24 }];
        let config = EndpointConfig { peers: Arc::new(Peers::one(trusted)), ..EndpointConfig::default() };
        let endpoint = Endpoint::new(config, IdSource::from_number(7));
        Bench { endpoint, now: Instant::from_millis(1000), sent: Vec::new(), events: Vec::new() }
    }

    fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(self.now, input);
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit { flow, bytes } => {
                    self.sent.push((flow, String::from_utf8_lossy(&bytes).into_owned()));
                }
                Output::Event(event) => self.events.push(event),
                Output::Dropped(_) | Output::Close(_) => {}
                Output::Timeout(_) => return,
            }
        }
    }

    fn call(&mut self) -> SessionId {
        let session = self.endpoint.new_session();
        let invite = OutgoingInvite {
            target: Target::Uri { uri: "sip:b@192.0.2.7".into(), flow: tcp(0) },
            from_uri: "sip:a@example.org".into(),
            from_display: "A".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: None,
            headers: Headers::none(),
            sdp: Some(b"offer".to_vec()),
            ring_timeout: Duration::from_secs(60),
            patience: None,
            redirect: crate::sip::Redirect::Refuse,
            max_forwards: 70,
        };
        self.input(Input::Command(Command::Invite { session, invite: Box::new(invite) }));
        session
    }

    /// The peer accepts the latest INVITE, over `flow`.
    fn accepted(&mut self, flow: Flow) {
        let request = self.last("INVITE").1;
        let line = |name: &str| request.lines().find(|l| l.starts_with(name)).expect("a header").to_owned();
        let answer = format!(
            "SIP/2.0 200 OK\r\n{}\r\n{}\r\n{};tag=peer\r\n{}\r\n{}\r\nContact: <sip:b@192.0.2.7;transport=tcp>\r\n\
             Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0",
            line("Via:"),
            line("From:"),
            line("To:"),
            line("Call-ID:"),
            line("CSeq:")
        );
        self.input(Input::Datagram { flow, bytes: answer.as_bytes() });
    }

    fn last(&self, method: &str) -> (Flow, String) {
        self.sent.iter().rev().find(|(_, text)| text.starts_with(method)).cloned().expect("it was sent")
    }

    fn names(&self) -> Vec<&'static str> {
        self.events.iter().map(Event::name).collect()
    }
}

fn tcp(connection: u64) -> Flow {
    let local = "10.0.0.1:5060".parse().expect("an address");
    Flow { transport: Transport::Tcp, local, remote: TRUNK.parse().expect("an address"), connection }
}

/// A call over no particular connection is answered over the one that was opened; from then on the dialog stays on it.
#[test]
fn a_call_over_no_particular_connection_settles_on_the_one_that_answers() {
    let mut bench = Bench::new();
    let session = bench.call();
    assert_eq!(bench.last("INVITE").0, tcp(0));
    bench.accepted(tcp(5));
    assert_eq!(bench.names(), ["answered"]);
    assert_eq!(bench.last("ACK").0, tcp(5));
    bench.input(Input::Command(Command::Hangup { session, reason: None }));
    assert_eq!(bench.last("BYE").0, tcp(5));
}

/// An answer from another port of the host, or over another transport, is not believed.
#[test]
fn p179_an_answer_from_elsewhere_than_the_peer_is_ignored() {
    let mut bench = Bench::new();
    bench.call();
    let other_port = Flow { remote: "192.0.2.7:40000".parse().expect("an address"), ..tcp(5) };
    bench.accepted(other_port);
    bench.accepted(Flow { transport: Transport::Tls, ..tcp(5) });
    assert!(bench.names().is_empty(), "{:?}", bench.names());
    bench.accepted(tcp(5));
    assert_eq!(bench.names(), ["answered"]);
}

/// No connection can be opened: the call fails at once with 503 instead of ringing into nothing for 32 seconds.
#[test]
fn a_peer_that_cannot_be_reached_fails_the_call_at_once() {
    let mut bench = Bench::new();
    bench.call();
    bench.input(Input::FlowClosed(tcp(0)));
    assert!(matches!(bench.events.as_slice(), [Event::Rejected { status: 503, .. }]), "{:?}", bench.events);
}

/// The connection of a trunk's dialog ends: the conversation goes on, and its BYE leaves over a fresh connection.
#[test]
fn a_trunks_dialog_outlives_its_connection() {
    let mut bench = Bench::new();
    let session = bench.call();
    bench.accepted(tcp(5));
    bench.input(Input::FlowClosed(tcp(5)));
    assert_eq!(bench.names(), ["answered"], "the conversation goes on");
    bench.input(Input::Command(Command::Hangup { session, reason: None }));
    assert_eq!(bench.last("BYE").0, tcp(0));
}
