//! The virtual network: endpoints with addresses, datagrams in flight, and faults drawn from a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::clock::{Instant, earliest};
use crate::ids::IdSource;
use crate::sip::{
    Bytes, Command, Counts, DropReason, Endpoint, EndpointConfig, Event, Flow, Headers, Input, OutgoingInvite, Output,
    SessionId, Target, Transport,
};

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Faults {
    pub loss_percent: u64,
    pub twice_percent: u64,
    pub delay_ms: u64,
    /// Added by chance, so that datagrams overtake each other.
    pub jitter_ms: u64,
}

impl Faults {
    pub const NONE: Faults = Faults { loss_percent: 0, twice_percent: 0, delay_ms: 5, jitter_ms: 0 };
    pub const STORM: Faults = Faults { loss_percent: 20, twice_percent: 5, delay_ms: 5, jitter_ms: 40 };
}

pub(super) struct End {
    pub endpoint: Endpoint,
    pub addr: SocketAddr,
    pub events: Vec<(u64, Event)>,
    pub dropped: Vec<DropReason>,
    pub closed: Vec<Flow>,
    pub wake: Option<Instant>,
}

impl End {
    pub fn names(&self) -> Vec<&'static str> {
        self.events.iter().map(|(_, event)| event.name()).collect()
    }

    /// The session of the latest INVITE that came in.
    pub fn called(&self) -> SessionId {
        let invites = self.events.iter().rev().find(|(_, event)| matches!(event, Event::Invite { .. }));
        invites.and_then(|(_, event)| event.session()).expect("a call came in")
    }

    pub fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|(_, event)| event.name() == name).count()
    }

    pub fn last_words(&self) -> BTreeMap<SessionId, usize> {
        let mut words: BTreeMap<SessionId, usize> = BTreeMap::new();
        for (_, event) in &self.events {
            if let Some(session) = event.session() {
                *words.entry(session).or_default() += usize::from(is_last_word(event));
            }
        }
        words
    }
}

pub(super) fn is_last_word(event: &Event) -> bool {
    matches!(event, Event::Ended { .. } | Event::Rejected { .. })
}

type Filter = Box<dyn FnMut(usize, &str) -> bool>;

pub(super) struct Network {
    pub now: Instant,
    pub ends: Vec<End>,
    pub faults: Faults,
    /// UDP, or a connection between any two ends.
    pub transport: Transport,
    /// Drops a datagram for a reason of the test's own: sender, text.
    pub filter: Option<Filter>,
    /// Everything sent: time, sender, text.
    pub ladder: Vec<(u64, usize, String)>,
    /// Empty lines sent to keep a way open, which need not arrive.
    pub kept_alive: Vec<(u64, Flow)>,
    /// The latest of STUN that was sent, as it was.
    pub last_stun: Vec<u8>,
    /// Where the latest datagram was sent.
    pub last_remote: Option<SocketAddr>,
    flight: BTreeMap<(Instant, u64), (Flow, Bytes)>,
    chance: IdSource,
    sent: u64,
}

impl Network {
    /// Endpoints at 10.0.0.1, 10.0.0.2, …; the first calls the second. Nobody needs a password.
    pub fn new(seed: u64, count: usize, faults: Faults) -> Network {
        let mut net = Network::empty(seed, faults);
        for _ in 0..count {
            net.add(EndpointConfig { invite_auth_required: false, ..EndpointConfig::default() });
        }
        net
    }

    pub fn empty(seed: u64, faults: Faults) -> Network {
        Network {
            now: Instant::from_millis(1000),
            ends: Vec::new(),
            faults,
            transport: Transport::Udp,
            filter: None,
            ladder: Vec::new(),
            kept_alive: Vec::new(),
            last_stun: Vec::new(),
            last_remote: None,
            flight: BTreeMap::new(),
            chance: IdSource::from_number(seed),
            sent: 0,
        }
    }

    pub fn add(&mut self, config: EndpointConfig) -> usize {
        let addr: SocketAddr = format!("10.0.0.{}:5060", self.ends.len() + 1).parse().expect("an address");
        let endpoint = Endpoint::new(config, self.chance.fork());
        self.ends.push(End { endpoint, addr, events: Vec::new(), dropped: Vec::new(), closed: Vec::new(), wake: None });
        self.ends.len() - 1
    }

    pub fn flow(&self, from: usize, to: usize) -> Flow {
        let flow = Flow::udp(self.ends[from].addr, self.ends[to].addr);
        let connection = if self.transport.is_reliable() { (from + to) as u64 } else { 0 };
        Flow { transport: self.transport, connection, ..flow }
    }

    pub fn command(&mut self, end: usize, command: Command) {
        self.input(end, Input::Command(command));
    }

    /// The first endpoint calls the second.
    pub fn call(&mut self, sdp: Option<&str>) -> SessionId {
        self.call_with(0, 1, sdp, |_| {})
    }

    pub fn call_with(
        &mut self,
        from: usize,
        to: usize,
        sdp: Option<&str>,
        change: impl FnOnce(&mut OutgoingInvite),
    ) -> SessionId {
        let session = self.ends[from].endpoint.new_session();
        let target = Target::Uri { uri: format!("sip:b@{}", self.ends[to].addr).into(), flow: self.flow(from, to) };
        let mut invite = OutgoingInvite {
            target,
            from_uri: "sip:a@example.org".into(),
            from_display: "A".into(),
            to_uri: None,
            routes: Vec::new(),
            credentials: None,
            headers: Headers::none(),
            sdp: sdp.map(|s| s.as_bytes().to_vec()),
            ring_timeout: Duration::from_secs(60),
            patience: None,
            redirect: crate::sip::Redirect::Refuse,
            max_forwards: 70,
        };
        change(&mut invite);
        self.command(from, Command::Invite { session, invite: Box::new(invite) });
        session
    }

    pub fn respond(&mut self, end: usize, session: SessionId, status: u16, sdp: Option<&str>) {
        let sdp = sdp.map(|s| s.as_bytes().to_vec());
        let headers = Headers::none();
        self.command(end, Command::Respond { session, status, reason: None, sdp, retry_after_s: None, headers });
    }

    pub fn hangup(&mut self, end: usize, session: SessionId) {
        self.command(end, Command::Hangup { session, reason: None });
    }

    /// A call from 0 to 1, answered and confirmed: both sessions.
    pub fn established(&mut self) -> (SessionId, SessionId) {
        let ours = self.call(Some("offer"));
        self.run_for_ms(50);
        let theirs = self.ends[1].called();
        self.respond(1, theirs, 200, Some("answer"));
        self.run_for_ms(50);
        assert_eq!(self.ends[0].names().last(), Some(&"answered"));
        assert_eq!(self.ends[1].names().last(), Some(&"confirmed"));
        (ours, theirs)
    }

    pub fn input(&mut self, end: usize, input: Input<'_>) {
        self.ends[end].endpoint.handle_input(self.now, input);
        self.drain(end);
    }

    /// Sends bytes from nowhere in particular.
    pub fn inject(&mut self, to: usize, from: &str, text: &str) {
        let flow = Flow::udp(self.ends[to].addr, from.parse().expect("an address"));
        self.input(to, Input::Datagram { flow, bytes: text.as_bytes() });
    }

    /// Goes on to the next thing that happens, no later than `until`; false when nothing does.
    pub fn step(&mut self, until: Instant) -> bool {
        let wake = self.ends.iter().filter_map(|end| end.wake).min();
        let arrival = self.flight.first_key_value().map(|((at, _), _)| *at);
        let Some(at) = earliest(wake, arrival).filter(|at| *at <= until) else { return false };
        self.now = self.now.max(at);
        if arrival == Some(at) {
            let (_, (flow, bytes)) = self.flight.pop_first().expect("looked at above");
            let to = self.ends.iter().position(|end| end.addr == flow.local);
            if let Some(to) = to {
                self.input(to, Input::Datagram { flow, bytes: &bytes });
            }
        } else {
            let end = self.ends.iter().position(|end| end.wake == Some(at)).expect("looked at above");
            self.input(end, Input::Timeout);
        }
        true
    }

    pub fn run_for_ms(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until nothing moves and nothing waits.
    pub fn run_dry(&mut self) {
        let mut steps = 0;
        while self.step(Instant::FAR) {
            steps += 1;
            assert!(steps < 100_000, "it never comes to rest");
        }
    }

    pub fn counts(&self, end: usize) -> Counts {
        self.ends[end].endpoint.counts()
    }

    /// Nothing is left anywhere, and every session had its last word exactly once.
    pub fn assert_settled(&self, context: &str) {
        for (place, end) in self.ends.iter().enumerate() {
            assert!(end.endpoint.counts().is_zero(), "{context}: end {place}: {:?}", end.endpoint.counts());
            for (session, words) in end.last_words() {
                assert_eq!(words, 1, "{context}: end {place}, {session:?}: {:?}", end.events);
            }
        }
    }

    /// How many messages of `from` began with `line`.
    pub fn sent(&self, from: usize, line: &str) -> usize {
        self.ladder.iter().filter(|(_, sender, first)| *sender == from && first.starts_with(line)).count()
    }

    /// The latest message of `from`.
    pub fn latest(&self, from: usize) -> &str {
        self.ladder.iter().rev().find(|(_, sender, _)| *sender == from).map_or("", |(_, _, text)| text)
    }

    fn drain(&mut self, end: usize) {
        loop {
            match self.ends[end].endpoint.poll_output() {
                Output::Transmit { flow, bytes } => self.send(end, flow, bytes),
                Output::Event(event) => self.ends[end].events.push((self.now.as_millis(), event)),
                Output::Dropped(reason) => self.ends[end].dropped.push(reason),
                Output::Close(flow) => self.ends[end].closed.push(flow),
                Output::Timeout(at) => {
                    assert!(at.is_none_or(|at| at > self.now), "a timer due in the past would spin");
                    self.ends[end].wake = at;
                    return;
                }
            }
        }
    }

    fn send(&mut self, from: usize, flow: Flow, bytes: Bytes) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if crate::sip::stun::is_stun(&bytes) {
            self.last_stun = bytes.to_vec();
        }
        if text == "\r\n\r\n" {
            return self.kept_alive.push((self.now.as_millis(), flow));
        }
        self.ladder.push((self.now.as_millis(), from, text.clone()));
        self.last_remote = Some(flow.remote);
        if self.filter.as_mut().is_some_and(|filter| filter(from, &text)) {
            return;
        }
        let copies = if self.chance.below(100) < self.faults.twice_percent { 2 } else { 1 };
        for _ in 0..copies {
            if self.chance.below(100) < self.faults.loss_percent {
                continue;
            }
            let delay = self.faults.delay_ms + self.chance.below(self.faults.jitter_ms + 1);
            self.sent += 1;
            let arrives = Flow { local: flow.remote, remote: flow.local, ..flow };
            self.flight.insert((self.now + Duration::from_millis(delay), self.sent), (arrives, bytes.clone()));
        }
    }
}
