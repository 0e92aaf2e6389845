//! Two legs and nothing between them but sound: what a caller's side tells must not reach the listener's, and a listener
//! moves from one of his telephones to the other. The shard that serves, in virtual time, with real endpoints for telephones.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ecoute::clock::{Civil, Instant, Now};
use ecoute::dialplan::{self, PromptIndex};
use ecoute::dispatch::{Centre, CentreId, Listener, Roster};
use ecoute::france::{Department, Tables};
use ecoute::ids::{IdSource, LegId, ListenerId};
use ecoute::media::{self, Library, Report};
use ecoute::node::{self, Setup, Shard, ShardSettings};
use ecoute::sip::{
    Accounts, Attestation, Command, Credentials, Endpoint, EndpointConfig, Event, Flow, Headers, Input, Network,
    OutgoingInvite, Output, Peers, Redirect, Register, Secret, SessionId, Target,
};

const ENGINE: &str = "10.0.0.1:5060";
const TRUNK: &str = "10.1.0.1:5060";
const DESK: &str = "10.2.0.1:5060";
const POCKET: &str = "10.2.0.2:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.9.9.9\r\ns=-\r\nc=IN IP4 10.9.9.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8\r\n";

const PLAN: &str = r#"
[plan]
numbers = ["3977", "+33199000112"]
start = "danger"
languages = ["fr"]
timezone = "Europe/Paris"
no_input = { after = "6s", tries = 2 }
emergency = "emergency"
[step.danger]
menu = "in_danger"
keys.1 = "emergency"
no_input = "listener"
after = "2s"
tries = 1
[step.emergency]
play = "emergency"
next = "listener"
skip = false
[step.listener]
dispatch = "department"
ring = "20s"
hold = "please_wait"
keys.1 = "emergency"
tiers = [ { reach = "national", for = "4m" } ]
answered = "goodbye"
overflow = "busy"
[step.goodbye]
play = "goodbye"
next = "end"
[step.busy]
play = "busy"
next = "end"
[step.end]
hangup = true
"#;

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

struct Telephone {
    addr: SocketAddr,
    endpoint: Endpoint,
    events: Vec<Event>,
}

struct House {
    shard: Shard,
    telephones: Vec<Telephone>,
    now_ms: u64,
    /// Everything the shard sent or was sent: its peer, whether the shard sent it, and the message.
    wire: Vec<(SocketAddr, bool, String)>,
    media: Vec<media::Command>,
    told: Vec<node::Event>,
    flight: VecDeque<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl House {
    fn new() -> House {
        let departments = vec![Department::from_code("38").expect("Isère")];
        let (centre, mut roster) = (CentreId::new("grenoble"), Roster::default());
        let home = Centre { id: centre.clone(), name: "Grenoble".into(), departments: departments.clone() };
        roster.centres.push(home);
        roster.listeners.push(Listener::new(ListenerId::new("lea"), centre, departments));
        let mut accounts = Accounts::none();
        accounts.insert("lea", Secret::password("secret"));
        let plan = dialplan::read("3977.toml", PLAN, &PromptIndex::unchecked()).expect("a sound plan");
        let setup = Setup {
            plans: vec![Arc::new(plan)],
            library: Arc::new(Library::default()),
            roster: Arc::new(roster),
            accounts: Arc::new(accounts),
            call: Arc::new(ecoute::call::Settings::new(Arc::new(Tables::embedded()))),
            trunks: Arc::default(),
        };
        let settings = ShardSettings {
            endpoint: EndpointConfig {
                domains: vec!["10.0.0.1".into()],
                peers: Arc::new(Peers::one([Network { addr: addr(TRUNK).ip(), prefix: 24 }])),
                transfer: true,
                ..EndpointConfig::default()
            },
            dispatch: ecoute::dispatch::Settings::default(),
            calls_max: 2,
            retry_after_s: 7,
            from_host: "10.0.0.1".into(),
        };
        let mut ids = IdSource::from_number(1);
        let telephones = [DESK, POCKET].map(|at| {
            let config = EndpointConfig { invite_auth_required: false, ..EndpointConfig::default() };
            Telephone { addr: addr(at), endpoint: Endpoint::new(config, ids.fork()), events: Vec::new() }
        });
        let shard = Shard::new(settings, setup, ids);
        let (wire, media, told) = (Vec::new(), Vec::new(), Vec::new());
        House { shard, telephones: telephones.into(), now_ms: 1000, wire, media, told, flight: VecDeque::new() }
    }

    fn now(&self) -> Now {
        let civil = Civil::from_unix_millis(1_780_000_000_000 + self.now_ms as i64);
        Now { at: Instant::from_millis(self.now_ms), civil }
    }

    fn shard(&mut self, input: node::Input) {
        self.shard.handle_input(self.now(), input);
        let mut reports = Vec::new();
        loop {
            match self.shard.poll_output() {
                node::Output::Transmit { flow, bytes } => {
                    self.wire.push((flow.remote, true, String::from_utf8_lossy(&bytes).into_owned()));
                    self.flight.push_back((flow.local, flow.remote, bytes.to_vec()));
                }
                node::Output::Media(command) => {
                    match &command {
                        media::Command::Open { leg } => {
                            let port = 20_000 + leg.nth * 2;
                            let (rtp, rtcp) = (([10, 0, 0, 1], port).into(), ([10, 0, 0, 1], port + 1).into());
                            reports.push(Report::Opened { leg: *leg, rtp, rtcp });
                        }
                        media::Command::Configure { leg, .. } => reports.push(Report::Started { leg: *leg }),
                        media::Command::Close { leg } => {
                            reports.push(Report::Closed { leg: *leg, stats: Default::default() });
                        }
                        _ => {}
                    }
                    self.media.push(command);
                }
                node::Output::Event(event) => self.told.push(event),
                node::Output::Timeout(_) => break,
                _ => {}
            }
        }
        for report in reports {
            self.shard(node::Input::Report(report));
        }
    }

    fn telephone(&mut self, nth: usize, input: Input<'_>) {
        let at = Instant::from_millis(self.now_ms);
        let telephone = &mut self.telephones[nth];
        telephone.endpoint.handle_input(at, input);
        loop {
            match telephone.endpoint.poll_output() {
                Output::Transmit { flow, bytes } => {
                    self.flight.push_back((flow.local, flow.remote, bytes.to_vec()));
                }
                Output::Event(event) => telephone.events.push(event),
                Output::Dropped(_) | Output::Close(_) => {}
                Output::Timeout(_) => return,
            }
        }
    }

    fn run_ms(&mut self, span_ms: u64) {
        for _ in 0..span_ms / 10 {
            self.now_ms += 10;
            while let Some((from, to, bytes)) = self.flight.pop_front() {
                let flow = Flow::udp(to, from);
                if to == addr(ENGINE) {
                    self.wire.push((from, false, String::from_utf8_lossy(&bytes).into_owned()));
                    self.shard(node::Input::Datagram { flow, bytes });
                } else if let Some(nth) = self.telephones.iter().position(|telephone| telephone.addr == to) {
                    self.telephone(nth, Input::Datagram { flow, bytes: &bytes });
                }
            }
            self.shard(node::Input::Timeout);
            for nth in 0..self.telephones.len() {
                self.telephone(nth, Input::Timeout);
            }
        }
    }

    fn register(&mut self, nth: usize) {
        let register = Register {
            account: 1,
            registrar: Flow::udp(self.telephones[nth].addr, addr(ENGINE)),
            aor: "sip:lea@10.0.0.1".into(),
            credentials: Some(Credentials::new("lea", "secret")),
            expires_s: 300,
            contact_user: "lea".into(),
            instance: None,
        };
        self.telephone(nth, Input::Command(Command::Register(Box::new(register))));
        self.run_ms(100);
    }

    /// A caller's INVITE by the trunk; these headers in place of From, and whatever else.
    fn calls(&mut self, uri: &str, headers: &str) {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKx{}\r\nMax-Forwards: 20\r\n\
             To: <sip:3977@10.0.0.1>\r\nCall-ID: secret-call\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@10.1.0.1>\r\n\
             {headers}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
            self.now_ms,
            SDP.len()
        );
        self.flight.push_back((addr(TRUNK), addr(ENGINE), text.into_bytes()));
        self.run_ms(100);
        let answer = self.sent(TRUNK).last().cloned().unwrap_or_default();
        if answer.starts_with("SIP/2.0 200") {
            self.trunk_sends("ACK", &answer);
        }
    }

    fn trunk_sends(&mut self, method: &str, answer: &str) {
        let cseq = if method == "ACK" { 1 } else { 2 };
        let text = format!(
            "{method} sip:ecoute@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK{method}\r\n\
             Max-Forwards: 20\r\nFrom: {}\r\nTo: {}\r\nCall-ID: secret-call\r\nCSeq: {cseq} {method}\r\n\r\n",
            header(answer, "From"),
            header(answer, "To"),
        );
        self.flight.push_back((addr(TRUNK), addr(ENGINE), text.into_bytes()));
        self.run_ms(100);
    }

    /// What the shard sent there.
    fn sent(&self, to: &str) -> Vec<String> {
        let to = addr(to);
        self.wire.iter().filter(|(peer, ours, _)| *peer == to && *ours).map(|(_, _, text)| text.clone()).collect()
    }

    fn rung(&self, nth: usize) -> Option<SessionId> {
        self.telephones[nth].events.iter().rev().find_map(|event| match event {
            Event::Invite { session, .. } => Some(*session),
            _ => None,
        })
    }

    fn answers(&mut self, nth: usize, session: SessionId) {
        let sdp = Some(SDP.as_bytes().to_vec());
        let headers = Headers::none();
        let command = Command::Respond { session, status: 200, reason: None, sdp, retry_after_s: None, headers };
        self.telephone(nth, Input::Command(command));
        self.run_ms(200);
    }

    /// A caller and lea at her desk, talking; the dialog of the desk as Replaces names it.
    fn talking(&mut self) -> (SessionId, String) {
        self.register(0);
        self.calls("sip:3977@10.0.0.1", "From: <sip:x@10.1.0.1>;tag=c\r\n");
        self.run_ms(8_000);
        let session = self.rung(0).expect("it rings at the desk");
        self.answers(0, session);
        let invite = self.sent(DESK).into_iter().find(|text| text.starts_with("INVITE")).expect("sent");
        let answer =
            self.wire.iter().rev().find(|(_, ours, text)| {
                !ours && text.contains("CSeq: 1 INVITE\r\n") && text.starts_with("SIP/2.0 200")
            });
        let tag = |value: &str| value.split(";tag=").nth(1).unwrap_or_default().to_owned();
        let theirs = tag(header(&answer.expect("answered").2, "To"));
        let dialog =
            format!("{};to-tag={};from-tag={theirs}", header(&invite, "Call-ID"), tag(header(&invite, "From")));
        (session, dialog)
    }

    fn bridges(&self) -> Vec<(LegId, LegId)> {
        let of = |command: &media::Command| match command {
            media::Command::Bridge { a, b } => Some((*a, *b)),
            _ => None,
        };
        self.media.iter().filter_map(of).collect()
    }

    fn calls_from(&mut self, nth: usize, headers: Headers) -> SessionId {
        let session = self.telephones[nth].endpoint.new_session();
        let flow = Flow::udp(self.telephones[nth].addr, addr(ENGINE));
        let invite = OutgoingInvite {
            target: Target::Uri { uri: "sip:lea@10.0.0.1".into(), flow },
            from_uri: "sip:lea@10.0.0.1".into(),
            from_display: "".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: Some(Credentials::new("lea", "secret")),
            headers,
            sdp: Some(SDP.as_bytes().to_vec()),
            ring_timeout: Duration::from_secs(30),
            patience: None,
            redirect: Redirect::Refuse,
            max_forwards: 70,
        };
        self.telephone(nth, Input::Command(Command::Invite { session, invite: Box::new(invite) }));
        self.run_ms(300);
        session
    }
}

fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let prefix = format!("{name}: ");
    text.split("\r\n").find_map(|line| line.strip_prefix(prefix.as_str())).unwrap_or_default()
}

/// However a caller's number or name comes in, with privacy or without, the INVITE to the listener holds none of it: it comes
/// from the service, by a dialog of its own, and shows nothing of the operator's network. One hop fewer is left.
#[test]
fn b147_b148_p078_nothing_of_the_caller_reaches_the_listener() {
    let planted = "From: \"Odette Planquart\" <sip:+33639980001@operator.example>;tag=c\r\nPrivacy: id\r\n\
         P-Asserted-Identity: \"Planquart\" <sip:+33639980001@operator.example>, <tel:+33639980001>\r\n\
         Remote-Party-ID: <sip:0639980001@operator.example>;party=calling\r\nDiversion: <sip:+33639980001@operator.example>\r\n\
         History-Info: <sip:+33639980001@operator.example>;index=1\r\nReferred-By: <sip:+33639980001@operator.example>\r\n\
         Subject: Planquart\r\nCall-Info: <http://operator.example/33639980001>\r\nUser-to-User: 33639980001\r\n";
    let anonymous = planted.replace(
        "\"Odette Planquart\" <sip:+33639980001@operator.example>;tag",
        "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag",
    );
    let open = planted.replace("Privacy: id\r\n", "");
    for headers in [planted, &anonymous, &open] {
        let mut house = House::new();
        house.register(0);
        house.calls("sip:3977@10.0.0.1", headers);
        house.run_ms(8_000);
        let sent = house.sent(DESK);
        let invite = sent.iter().find(|text| text.starts_with("INVITE")).expect("it rings");
        for word in ["639980001", "Planquart", "Odette", "operator", "anonymous", "10.1.0.1", "secret-call", "10.9.9.9"]
        {
            assert!(!sent.iter().any(|text| text.contains(word)), "{word}:\n{invite}");
        }
        for name in ["P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info", "Record-Route"] {
            assert_eq!(header(invite, name), "", "{name}");
        }
        assert!(header(invite, "From").contains("<sip:3977@10.0.0.1>"), "{invite}");
        assert_eq!(header(invite, "Max-Forwards"), "19", "B084: what the caller had, less one");
    }
}

/// A call that went round until its hops are used up rings nobody, and its caller still hears us (B084).
#[test]
fn b084_a_loop_ends() {
    let mut house = House::new();
    house.register(0);
    let text = "From: <sip:x@10.1.0.1>;tag=c\r\n";
    house.calls("sip:3977@10.0.0.1", text);
    assert!(house.sent(TRUNK).iter().any(|text| text.starts_with("SIP/2.0 200")));
    house.run_ms(8_000);
    assert!(house.rung(0).is_some(), "with hops it rings");
    let mut house = House::new();
    house.register(0);
    let text = format!(
        "INVITE sip:3977@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKl\r\nMax-Forwards: 1\r\n{text}\
         To: <sip:3977@10.0.0.1>\r\nCall-ID: secret-call\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@10.1.0.1>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    house.flight.push_back((addr(TRUNK), addr(ENGINE), text.into_bytes()));
    house.run_ms(100);
    let answer = house.sent(TRUNK).last().cloned().expect("answered");
    house.trunk_sends("ACK", &answer);
    house.run_ms(8_000);
    assert!(answer.starts_with("SIP/2.0 200") && house.rung(0).is_none());
}

/// The number dialled is found in a tel: URI, in To with a phone-context, in what an operator diverted; a number nobody
/// serves is 404; a full node says when to try again. Anonymous and broken identities are callers like any other.
#[test]
fn b059_b060_b150_p077_p079_every_way_to_be_called() {
    let from = "From: <tel:+33639980002>;tag=c\r\n";
    for (uri, headers, wanted) in [
        ("tel:+33199000112", from, 200),
        ("sip:unknown@10.0.0.1", "From: <sip:@h>;tag=c\r\nIdentity: rubbish\r\n", 200),
        ("sip:x@10.0.0.1", "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=c\r\nPrivacy: id\r\n", 200),
    ] {
        let mut house = House::new();
        house.calls(uri, headers);
        let got = house.sent(TRUNK).last().cloned().unwrap_or_default();
        assert!(got.starts_with(&format!("SIP/2.0 {wanted}")), "{uri}: {got}");
    }
    let dialled = |headers: &str, to: &str| {
        let mut house = House::new();
        let text = format!(
            "INVITE sip:nobody@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKx\r\nFrom: <sip:x@h>;tag=c\r\n\
             To: {to}\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@10.1.0.1>\r\n{headers}Content-Length: 0\r\n\r\n"
        );
        house.flight.push_back((addr(TRUNK), addr(ENGINE), text.into_bytes()));
        house.run_ms(100);
        house.sent(TRUNK).last().cloned().unwrap_or_default()
    };
    assert!(dialled("", "<tel:3977;phone-context=+33>").starts_with("SIP/2.0 200"));
    assert!(dialled("Diversion: <sip:3977@h>;reason=unconditional\r\n", "<sip:y@h>").starts_with("SIP/2.0 200"));
    assert!(dialled("History-Info: <sip:+333977@h>;index=1\r\n", "<sip:y@h>").starts_with("SIP/2.0 200"));
    assert!(dialled("", "<sip:y@h>").starts_with("SIP/2.0 404"));

    let mut house = House::new();
    for nth in 0..3 {
        let from = format!("From: <sip:x@h>;tag={nth}\r\n");
        house.calls("sip:3977@10.0.0.1", &from);
    }
    let full = house.sent(TRUNK).last().cloned().unwrap_or_default();
    assert!(full.starts_with("SIP/2.0 503") && header(&full, "Retry-After") == "7", "{full}");
}

/// What a trunk's network signed is counted, and nothing else of it is known.
#[test]
fn b149_attestation_is_counted() {
    let claims = "eyJhdHRlc3QiOiJCIn0"; // {"attest":"B"}
    for (line, wanted) in [
        (format!("Identity: e30.{claims}.x;ppt=shaken\r\n"), Some(Attestation::B)),
        ("Identity: rubbish\r\n".to_owned(), Some(Attestation::Unreadable)),
        (String::new(), None),
    ] {
        let mut house = House::new();
        house.calls("sip:3977@10.0.0.1", &format!("From: <sip:x@h>;tag=c\r\n{line}"));
        let told = house.told.iter().find_map(|event| match event {
            node::Event::Attested(attestation) => Some(*attestation),
            _ => None,
        });
        assert_eq!(told, Some(wanted));
    }
}

/// lea goes on at her other telephone: it is answered, the sound goes over, the desk gets its BYE, the caller notices nothing
/// on her own leg, and the conversation ends once.
#[test]
fn b154_a_listener_moves_to_her_other_telephone() {
    let mut house = House::new();
    let (desk, dialog) = house.talking();
    let before = house.sent(TRUNK).len();
    let headers = Headers::none().with("Require", "replaces").with("Replaces", dialog.as_str());
    let pocket = house.calls_from(1, headers.clone());
    let answered = |event: &Event| matches!(event, Event::Answered { session, .. } if *session == pocket);
    assert!(house.telephones[1].events.iter().any(answered), "{:?}", house.telephones[1].events);
    let ended = |event: &Event| matches!(event, Event::Ended { session, .. } if *session == desk);
    assert!(house.telephones[0].events.iter().any(ended), "the desk is let go");
    let bridges = house.bridges();
    assert_eq!(bridges.len(), 2);
    assert_eq!((bridges[0].0, bridges[0].1.nth, bridges[1].1.nth), (bridges[1].0, 1, 2));
    assert_eq!(house.sent(TRUNK).len(), before, "the caller's leg is as it was");
    // The dialog that was replaced is gone.
    house.calls_from(1, headers);
    assert!(matches!(house.telephones[1].events.last(), Some(Event::Rejected { status: 481 | 603, .. })));
    house.telephone(1, Input::Command(Command::Hangup { session: pocket, reason: None }));
    house.run_ms(5_000);
    assert!(house.sent(TRUNK).last().is_some_and(|text| text.starts_with("BYE")), "the plan's last words, and goodbye");
}

/// A telephone asks to hand its caller on (REFER): refused, and the two talk on. No call is placed for it (B152, P180).
#[test]
fn b152_p180_p181_refer_is_refused_by_the_node() {
    let mut house = House::new();
    let (_, _) = house.talking();
    let invite = house.sent(DESK).into_iter().find(|text| text.starts_with("INVITE")).expect("sent");
    let answer = house
        .wire
        .iter()
        .rev()
        .find(|(_, ours, text)| !ours && text.starts_with("SIP/2.0 200") && text.contains("INVITE"));
    let answer = answer.expect("answered").2.clone();
    let refer = format!(
        "REFER {} SIP/2.0\r\nVia: SIP/2.0/UDP 10.2.0.1;branch=z9hG4bKr\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 900 REFER\r\nContact: <sip:lea@10.2.0.1>\r\nRefer-To: <sip:0899000000@10.0.0.1>\r\n\r\n",
        header(&invite, "Contact").trim_matches(['<', '>']),
        header(&answer, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
    );
    let (before, sent) = (house.bridges().len(), house.sent(DESK).len());
    house.flight.push_back((addr(DESK), addr(ENGINE), refer.into_bytes()));
    house.run_ms(1_000);
    let said = house.sent(DESK)[sent..].to_vec();
    assert!(said.len() == 1 && said[0].starts_with("SIP/2.0 403"), "{said:?}");
    assert_eq!(house.bridges().len(), before);
    assert_eq!(house.shard.counts().calls, 1);
}

/// A listener's telephone that calls us without Replaces is a caller like any other, and places no call: a number that is
/// not served is 404, in whatever dress (P181).
#[test]
fn p181_listeners_dial_only_what_is_served() {
    for uri in ["sip:+999000000000@10.0.0.1", "sip:00999000000000@10.0.0.1", "sip:%2B999000000000@10.0.0.1"] {
        let mut house = House::new();
        house.register(0);
        let flow = Flow::udp(addr(DESK), addr(ENGINE));
        let session = house.telephones[0].endpoint.new_session();
        let invite = OutgoingInvite {
            target: Target::Uri { uri: uri.into(), flow },
            from_uri: "sip:lea@10.0.0.1".into(),
            from_display: "".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: Some(Credentials::new("lea", "secret")),
            headers: Headers::none(),
            sdp: Some(SDP.as_bytes().to_vec()),
            ring_timeout: Duration::from_secs(30),
            patience: None,
            redirect: Redirect::Refuse,
            max_forwards: 70,
        };
        house.telephone(0, Input::Command(Command::Invite { session, invite: Box::new(invite) }));
        house.run_ms(300);
        assert!(matches!(house.telephones[0].events.last(), Some(Event::Rejected { status: 404, .. })), "{uri}");
        assert!(!house.wire.iter().any(|(_, ours, text)| *ours && text.starts_with("INVITE")));
    }
}

/// One number in all the ways networks write it: with +, 00, 33, 0, blanks, parameters, escapes.
#[test]
fn p076_one_number_in_many_dresses() {
    for user in [
        "+33199000112",
        "0033199000112",
        "33199000112",
        "0199000112",
        "%2B33199000112",
        "+33-1-99-00-01-12",
        "+33199000112;phone-context=+33",
        "0199000112;phone-context=+33",
    ] {
        let mut house = House::new();
        house.calls(&format!("sip:{user}@10.0.0.1;user=phone"), "From: <sip:x@h>;tag=c\r\n");
        let got = house.sent(TRUNK).last().cloned().unwrap_or_default();
        assert!(got.starts_with("SIP/2.0 200"), "{user}: {got}");
    }
}
