//! The whole endpoint: datagrams of strangers and of peers it talks to, commands of its owner, time, lost connections, in
//! any order. It never panics, never grows beyond its bounds, never sends what cannot be read, says one last word of each
//! session, and when everybody has hung up there is nothing left.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::Instant;
use ecoute::ids::IdSource;
use ecoute::sip::message::{Framing, Message, validate};
use ecoute::sip::{
    Accounts, Admission, Bytes, Command, Credentials, Endpoint, EndpointConfig, Event, Flow, Headers, Input,
    OutgoingInvite, Output, Reason, Redirect, Register, Secret, SessionId, ShieldConfig, Target, Transport,
};

use super::Feed;

/// Each byte is a deed, and those behind it say which exactly.
pub fn endpoint(data: &[u8]) {
    let mut feed = Feed(data);
    let mut world = World::new(feed.byte());
    for _ in 0..200 {
        if feed.is_empty() {
            break;
        }
        world.step(&mut feed);
    }
    world.end();
}

const SESSIONS_MAX: usize = 6;
const TRANSACTIONS_MAX: usize = 12;
const BINDINGS_MAX: usize = 5;
/// Calls and registrations the owner of this endpoint makes.
const OWN_MAX: usize = 6;

struct World {
    endpoint: Endpoint,
    now: Instant,
    wake: Option<Instant>,
    /// The latest messages that left.
    sent: Vec<(Flow, Bytes)>,
    /// The latest datagram that came.
    came: Option<(Flow, Vec<u8>)>,
    sessions: Vec<SessionId>,
    placed: usize,
    words: BTreeMap<SessionId, usize>,
    serial: u32,
}

impl World {
    fn new(choice: u8) -> World {
        let open = ShieldConfig { requests_per_second: 0, ban: false, ..ShieldConfig::default() };
        let config = EndpointConfig {
            domains: vec!["example.org".into()],
            invite_auth_required: choice & 1 == 1,
            registrar: choice & 2 == 0,
            sessions_max: SESSIONS_MAX,
            transactions_max: TRANSACTIONS_MAX,
            bindings_max: BINDINGS_MAX,
            // Without budgets and bans every message is read; with them, some doors close.
            shield: if choice & 4 == 0 { open } else { ShieldConfig::default() },
            ..EndpointConfig::default()
        };
        let mut world = World {
            endpoint: Endpoint::new(config, IdSource::from_number(u64::from(choice))),
            now: Instant::from_millis(10_000),
            wake: None,
            sent: Vec::new(),
            came: None,
            sessions: Vec::new(),
            placed: 0,
            words: BTreeMap::new(),
            serial: 0,
        };
        let mut accounts = Accounts::none();
        accounts.insert("isere", Secret::password("mot-de-passe"));
        world.input(Input::Command(Command::Accounts(Arc::new(accounts))));
        world
    }

    fn step(&mut self, feed: &mut Feed<'_>) {
        match feed.below(16) {
            0..3 => {
                let (flow, bytes) = (self.flow(feed), self.stranger(feed));
                self.datagram(flow, bytes, feed);
            }
            3..6 => {
                if let Some((flow, bytes)) = self.answer(feed).or_else(|| self.inside(feed)) {
                    self.datagram(flow, bytes, feed);
                }
            }
            6..8 => {
                if let Some((flow, bytes)) = self.inside(feed) {
                    self.datagram(flow, bytes, feed);
                }
            }
            8 => {
                // What left comes back, as a mirror would send it; or what came comes again.
                let mirrored = self.sent.last().map(|(flow, bytes)| (*flow, bytes.to_vec()));
                let chosen = if feed.byte() & 1 == 0 { mirrored } else { self.came.clone() };
                if let Some((flow, bytes)) = chosen {
                    self.datagram(flow, bytes, feed);
                }
            }
            9 => {
                let length = feed.below(200);
                let (flow, bytes) = (self.flow(feed), feed.take(length).to_vec());
                self.input(Input::Datagram { flow, bytes: &bytes });
            }
            10 => {
                let span = feed.pick(&[0, 1, 20, 480, 500, 4_000, 5_100, 32_100, 64_500, 1_900_000]);
                let until = self.now + Duration::from_millis(span);
                self.run(until);
            }
            11 => {
                let flow = self.flow(feed);
                self.input(Input::FlowClosed(flow));
            }
            12 => self.place(feed),
            _ => self.command(feed),
        }
    }

    fn datagram(&mut self, flow: Flow, mut bytes: Vec<u8>, feed: &mut Feed<'_>) {
        feed.edit(&mut bytes, 3);
        self.input(Input::Datagram { flow, bytes: &bytes });
        self.came = Some((flow, bytes));
    }

    fn flow(&self, feed: &mut Feed<'_>) -> Flow {
        let local: SocketAddr = "192.0.2.1:5060".parse().expect("an address");
        let remote: SocketAddr = feed.pick(&["198.51.100.7:5060", "198.51.100.8:40000"]).parse().expect("an address");
        let (transport, connection) =
            feed.pick(&[(Transport::Udp, 0), (Transport::Udp, 0), (Transport::Tcp, 1), (Transport::Wss, 2)]);
        Flow { transport, local, remote, connection }
    }

    /// A request outside any dialog.
    fn stranger(&mut self, feed: &mut Feed<'_>) -> Vec<u8> {
        let method = feed.pick(&[
            "INVITE",
            "INVITE",
            "INVITE",
            "REGISTER",
            "OPTIONS",
            "CANCEL",
            "ACK",
            "BYE",
            "SUBSCRIBE",
            "NOTIFY",
            "REFER",
            "MESSAGE",
            "INFO",
            "UPDATE",
            "PRACK",
            "PUBLISH",
            "BREW",
        ]);
        self.serial += u32::from(feed.byte() & 3 != 0);
        let nth = self.serial;
        let tag = feed.pick(&["", "", "", "", ";tag=nobody"]);
        let uri = feed.pick(&[
            "sip:3977@192.0.2.1",
            "sip:example.org",
            "tel:3977",
            "sips:3977@192.0.2.1",
            "sip:isere@example.org",
        ]);
        let to = feed.pick(&[
            "<sip:isere@example.org>",
            "<sip:3977@192.0.2.1>",
            "sip:isere@example.org",
            "<tel:+33199003977>",
        ]);
        request(
            method,
            uri,
            &format!("f{nth}"),
            &format!("{to}{tag}"),
            &format!("c{nth}"),
            1,
            &format!("z9hG4bKs{nth}"),
            feed,
        )
    }

    /// An answer to a request of ours.
    fn answer(&mut self, feed: &mut Feed<'_>) -> Option<(Flow, Vec<u8>)> {
        let (flow, ours) = self.recent(feed, true)?;
        let status = feed.pick(&[
            "100 Trying",
            "180 Ringing",
            "183 Progress",
            "200 OK",
            "200 OK",
            "202 Accepted",
            "302 Moved",
            "401 Unauthorized",
            "407 Proxy",
            "408 Timeout",
            "422 Small",
            "481 Gone",
            "486 Busy",
            "487 Ended",
            "491 Pending",
            "500 Oops",
            "503 Full",
            "603 No",
            "699 Odd",
            "199 Early",
        ]);
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in ["Via", "From", "To", "Call-ID", "CSeq"] {
            let value = line_of(&ours, line)?;
            let tag = if line == "To" && !value.contains(";tag=") { feed.pick(&[";tag=a", ";tag=b", ""]) } else { "" };
            text += &format!("{line}: {value}{tag}\r\n");
        }
        finish(&mut text, feed);
        Some((flow, text.into_bytes()))
    }

    /// A request inside a dialog that an answer of ours, or a request of ours, began.
    fn inside(&mut self, feed: &mut Feed<'_>) -> Option<(Flow, Vec<u8>)> {
        let wanted = feed.byte() & 1 == 0;
        let (flow, ours) = self.recent(feed, wanted)?;
        let is_request = !ours.starts_with("SIP/2.0");
        let (from, to) = (line_of(&ours, "From")?, line_of(&ours, "To")?);
        // Seen from the peer the sides are changed when the message of ours was a request.
        let (from, to) = if is_request { (to, from) } else { (from, to) };
        let method =
            feed.pick(&["ACK", "BYE", "CANCEL", "INVITE", "UPDATE", "PRACK", "INFO", "NOTIFY", "REFER", "OPTIONS"]);
        let call_id = line_of(&ours, "Call-ID")?;
        let old: u32 = line_of(&ours, "CSeq")?.split(' ').next()?.parse().ok()?;
        let cseq = old.wrapping_add(u32::from(feed.byte() % 4)).min(2_147_483_647);
        self.serial += 1;
        let own = format!("z9hG4bKd{}", self.serial);
        let same =
            line_of(&ours, "Via").and_then(|via| Some(via.split("branch=").nth(1)?.split(';').next()?.to_owned()));
        let branch = if feed.byte() & 1 == 0 { own } else { same.unwrap_or(own) };
        let tag = from.split(";tag=").nth(1).unwrap_or("none").to_owned();
        Some((flow, request(method, "sip:ecoute@192.0.2.1:5060", &tag, &to, &call_id, cseq, &branch, feed)))
    }

    /// A message of ours, and the flow on which its peer answers.
    fn recent(&self, feed: &mut Feed<'_>, requests: bool) -> Option<(Flow, String)> {
        let fitting: Vec<_> =
            self.sent.iter().rev().filter(|(_, b)| b.starts_with(b"SIP/2.0") != requests).take(8).collect();
        let (flow, bytes) = fitting.get(feed.below(fitting.len()))?;
        Some((*flow, String::from_utf8_lossy(bytes).into_owned()))
    }

    fn place(&mut self, feed: &mut Feed<'_>) {
        if self.placed >= OWN_MAX {
            return;
        }
        self.placed += 1;
        let session = self.endpoint.new_session();
        self.sessions.push(session);
        self.words.insert(session, 0);
        let flow = self.flow(feed);
        let binding = self.endpoint.bindings("isere").next().cloned();
        let target = match binding.filter(|_| feed.byte() & 1 == 0) {
            Some(binding) => Target::Binding(Box::new(binding)),
            None => Target::Uri { uri: "sip:odile@198.51.100.7".into(), flow },
        };
        let invite = OutgoingInvite {
            target,
            from_uri: "sip:3977@example.org".into(),
            from_display: "3977".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: (feed.byte() & 1 == 0).then(|| Credentials::new("trunk", "secret")),
            headers: Headers::none(),
            sdp: (feed.byte() & 1 == 0).then(|| b"v=0\r\n".to_vec()),
            ring_timeout: Duration::from_secs(20),
            patience: feed.pick(&[None, Some(Duration::from_secs(4))]),
            redirect: feed.pick(&[Redirect::Refuse, Redirect::Follow { max: 3 }]),
            max_forwards: 70,
        };
        self.input(Input::Command(Command::Invite { session, invite: Box::new(invite) }));
    }

    fn command(&mut self, feed: &mut Feed<'_>) {
        let sdp = |feed: &mut Feed<'_>| (feed.byte() & 1 == 0).then(|| b"v=0\r\n".to_vec());
        let session = if self.sessions.is_empty() { SessionId::from_raw(99) } else { feed.pick(&self.sessions) };
        let command = match feed.below(12) {
            0..4 => {
                let status = feed.pick(&[180, 183, 200, 200, 302, 486, 500, 603]);
                let sdp = sdp(feed);
                let headers = Headers::none();
                Command::Respond { session, status, reason: None, sdp, retry_after_s: None, headers }
            }
            4 => Command::Hangup { session, reason: feed.pick(&[None, Some(Reason::COMPLETED_ELSEWHERE)]) },
            5 => Command::Reoffer { session, sdp: sdp(feed) },
            6 => Command::AnswerReoffer { session, status: feed.pick(&[200, 488]), sdp: sdp(feed) },
            7 if feed.byte() & 1 == 0 => {
                Command::AnswerEarly { session, fork: feed.byte() & 1, sdp: b"v=0\r\n".to_vec() }
            }
            7 => Command::Acknowledge { session, sdp: b"v=0\r\n".to_vec() },
            8 => Command::Info { session, content_type: "application/dtmf-relay", body: b"Signal=1\r\n".to_vec() },
            9 => {
                let flow = self.flow(feed);
                Command::Options { probe: u32::from(feed.byte()), flow, uri: "sip:198.51.100.7".into() }
            }
            10 => Command::Admission(feed.pick(&[Admission::Open, Admission::Busy { retry_after_s: 5 }])),
            _ if feed.byte() & 1 == 0 => Command::Unregister { account: 1 },
            _ => Command::Register(Box::new(Register {
                account: 1,
                registrar: self.flow(feed),
                aor: "sip:us@example.net".into(),
                credentials: Some(Credentials::new("us", "secret")),
                expires_s: 300,
                contact_user: "us".into(),
                instance: None,
            })),
        };
        self.input(Input::Command(command));
    }

    fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(self.now, input);
        let mut outputs = 0;
        loop {
            outputs += 1;
            assert!(outputs < 2_000, "one input has an end");
            match self.endpoint.poll_output() {
                Output::Transmit { flow, bytes } => self.left(flow, bytes),
                Output::Event(event) => self.told(&event),
                Output::Dropped(_) | Output::Close(_) => {}
                Output::Timeout(at) => {
                    assert!(at.is_none_or(|at| at > self.now), "a timer due in the past would spin");
                    self.wake = at;
                    break;
                }
            }
        }
        let counts = self.endpoint.counts();
        // A session that is told may live on for what the network is owed.
        assert!(counts.sessions + counts.settling <= SESSIONS_MAX + OWN_MAX, "{counts:?}");
        assert!(counts.invite_server + counts.non_invite_server <= 4 * TRANSACTIONS_MAX, "{counts:?}");
        assert!(counts.bindings <= BINDINGS_MAX && counts.registrations <= 1, "{counts:?}");
        assert!(counts.timers <= 1000, "{counts:?}");
    }

    /// Whatever we send can be read; a request of ours is a sound one.
    fn left(&mut self, flow: Flow, bytes: Bytes) {
        let message = Message::parse(&bytes, Framing::Stream).expect("what we send can be read");
        if message.is_request() {
            assert_eq!(validate(&message), Ok(()), "a request of ours is sound");
        }
        self.sent.push((flow, bytes));
        if self.sent.len() > 32 {
            self.sent.remove(0);
        }
    }

    fn told(&mut self, event: &Event) {
        let _ = format!("{event:?}");
        let Some(session) = event.session() else { return };
        if let Event::Invite { .. } = event {
            assert!(self.words.insert(session, 0).is_none(), "a session begins once");
            self.sessions.push(session);
        }
        let words = self.words.get_mut(&session).expect("a session that began");
        assert_eq!(*words, 0, "silence after the last word: {event:?}");
        *words += usize::from(matches!(event, Event::Ended { .. } | Event::Rejected { .. }));
    }

    /// Lets time pass, stopping wherever the endpoint wants to be woken.
    fn run(&mut self, until: Instant) {
        let mut turns = 0;
        while let Some(at) = self.wake.filter(|at| *at <= until) {
            self.now = at;
            self.input(Input::Timeout);
            turns += 1;
            assert!(turns < 20_000, "it comes to rest");
        }
        if until != Instant::FAR {
            self.now = until;
        }
    }

    /// Everybody hangs up; then nothing is left, and every session has had its one last word.
    fn end(mut self) {
        for session in self.sessions.clone() {
            self.input(Input::Command(Command::Hangup { session, reason: None }));
        }
        self.input(Input::Command(Command::Unregister { account: 1 }));
        self.run(Instant::FAR);
        assert!(self.endpoint.counts().is_zero(), "left behind: {:?}", self.endpoint.counts());
        assert!(self.words.values().all(|words| *words == 1), "one last word each: {:?}", self.words);
    }
}

/// The value of a header of a message of ours.
fn line_of(message: &str, name: &str) -> Option<String> {
    message.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
}

#[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
fn request(
    method: &str,
    uri: &str,
    from_tag: &str,
    to: &str,
    call_id: &str,
    cseq: u32,
    branch: &str,
    feed: &mut Feed<'_>,
) -> Vec<u8> {
    let via =
        feed.pick(&["UDP 198.51.100.7:5060", "UDP 10.0.0.9:5060;rport", "TCP 198.51.100.7:40000", "WSS x.invalid"]);
    let from =
        feed.pick(&["\"Odile\" <sip:isere@example.org>", "<tel:+33639980001>", "<sip:anonymous@anonymous.invalid>"]);
    let mut text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{via};branch={branch}\r\nMax-Forwards: 70\r\nFrom: {from};tag={from_tag}\r\n\
         To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
    );
    finish(&mut text, feed);
    text.into_bytes()
}

/// Some more headers, and a body or none.
fn finish(text: &mut String, feed: &mut Feed<'_>) {
    const MORE: [&str; 24] = [
        "Require: 100rel",
        "Supported: 100rel, timer, replaces, outbound, path",
        "RSeq: 1",
        "RAck: 1 1 INVITE",
        "Session-Expires: 90;refresher=uas",
        "Session-Expires: 1800;refresher=uac",
        "Min-SE: 1800",
        "Expires: 0",
        "Expires: 60",
        "Contact: *",
        "Contact: <sip:other@203.0.113.9:5080;transport=tcp>",
        "Contact: \"x\" <sip:a@b>;expires=30;q=0.5",
        "Record-Route: <sip:203.0.113.1;lr>, <sip:203.0.113.2>",
        "Retry-After: 5",
        "Reason: Q.850;cause=16",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
        "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"",
        "Replaces: c1;to-tag=a;from-tag=f1",
        "Refer-To: <sip:rhone@example.org>",
        "Event: refer",
        "Subscription-State: terminated",
        "Path: <sip:203.0.113.1;lr>",
        "Min-Expires: 120",
        "Require: nothing",
    ];
    let choice = feed.byte();
    if choice & 1 == 0 {
        *text += "Contact: <sip:isere@198.51.100.7:5060>\r\n";
    }
    for _ in 0..usize::from(choice >> 1 & 3) {
        *text += feed.pick(&MORE);
        *text += "\r\n";
    }
    let body = if choice & 8 == 0 { "v=0\r\n" } else { "" };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    *text += &format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len());
}
